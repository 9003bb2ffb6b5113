"""All services of a host die at once, each with an address of its own, while as many other checks wait for servers that
say nothing: from the kill of their process to the last address out of the kernel. Once of a process that has a listener
for each, which is asked for itself, and once of one name server that all of them ask."""

import argparse
import contextlib
import subprocess
import sys
import time

import report
from stage import SOURCE, Stage, Watch, addresses  # first: it says where the others are
from crowd import GREETING, Crowd  # isort: skip
from servers import listens  # isort: skip
from netns import PATIENCE, end, wait_until  # isort: skip

FIRST_PORT = 20000
DNS_PORT = 8053
APART = 1.5


class NameServer:
    """One that answers every question, until it is killed."""

    def __init__(self, stage):
        self._namespace = stage.namespace
        self._program = stage.folder / "responder"
        subprocess.run(["g++", "-std=c++20", "-O2", "-o", self._program, SOURCE.with_name("responder.cpp")], check=True)
        self._process = None

    def start(self, _=0):
        self._process = subprocess.Popen(self._namespace.command([self._program, "dns", DNS_PORT]), stdin=subprocess.PIPE,
                                         stdout=subprocess.DEVNULL)
        wait_until(lambda: listens(self._namespace, "udp", DNS_PORT), PATIENCE, "the name server listens")

    def kill(self, _=0):
        self._process.kill()
        self._process.wait(PATIENCE)
        self._process.stdin.close()

    def close(self):
        end(self._process)


def services(probe, count, silent):
    alive = [{"name": f"alive{i}", "rise": 1, "probe": probe(i), "advertise": [{"address": prefix}]}
             for i, prefix in enumerate(addresses(4, count))]
    mute = [{"name": f"silent{i}", "probe": {"type": "tcp", "ports": [FIRST_PORT + count + i], "expect": GREETING},
             "advertise": [{"address": f"198.51.{i // 250}.{1 + i % 250}/32"}]} for i in range(silent)]
    return alive + mute


def greeted(number):
    return {"type": "tcp", "ports": [FIRST_PORT + number], "expect": GREETING}


def answered(number):
    return {"type": "dns", "server": f"127.0.0.1:{DNS_PORT}", "query": f"s{number:05}.bench.example"}


def measure(stage, those_who_die, probe, count, silent, rounds, say):
    samples = {"to the first": [], "to the last": [], "first to last": [], "CPU of prober": [], "CPU of keeper": []}
    if probe is greeted:
        samples["as many refusals alone"] = []
    with contextlib.ExitStack() as stack:
        watch = Watch(stage, count)
        stack.callback(watch.close)
        if silent:
            others = stack.enter_context(Crowd(stage.namespace, FIRST_PORT + count, silent, 1))
            for number in range(silent):
                others.become(number, "hung")
        stage.write(services(probe, count, silent))
        say("the services come up")
        stage.start()
        for number in range(1, rounds + 1):
            watch.wait("in")
            say(f"round {number} of {rounds}")
            time.sleep(APART)
            before, killed = stage.cpu(), time.monotonic()
            those_who_die.kill(0)
            first, last = watch.wait("out")
            after = stage.cpu()
            found = [first - killed, last - killed, last - first, after[0] - before[0], after[1] - before[1]]
            if probe is greeted:
                tool = stage.tool("refused", FIRST_PORT, count)
                found.append(int(tool.communicate(timeout=PATIENCE)[0]) / 1e9)
            for what, took in zip(samples, found):
                samples[what].append(1000 * took)
            those_who_die.start(0)
        stage.stop()
    return {what: report.spread(took) for what, took in samples.items()}


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench crowd", description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="services that die (default: %(default)s)")
    parser.add_argument("--silent", type=int, help="checks that wait (default: as many)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    silent = options.count if options.silent is None else options.silent
    results = {}

    def say(what):
        print(f"\r{what:<40}", end="", file=sys.stderr, flush=True)
    with Stage() as stage:
        with Crowd(stage.namespace, FIRST_PORT, options.count, 1) as crowd:
            results["a listener each"] = measure(stage, crowd, greeted, options.count, silent, options.rounds, say)
        with contextlib.closing(NameServer(stage)) as server:
            server.start()
            results["one name server"] = measure(stage, server, answered, options.count, silent, options.rounds, say)
    say("")
    print(f"\nFrom the kill of {options.count} services at once to their addresses out of the kernel, {silent} others "
          f"waiting for an answer, {options.rounds} rounds, ms; median (least-most)\n")
    whats = list(results["a listener each"])
    print(report.table(("at default settings", *results),
                       [[what, *(found.get(what) for found in results.values())] for what in whats]))
    if options.json:
        report.write_json(options.json, "crowd", results, count=options.count, silent=silent)


if __name__ == "__main__":
    main()
