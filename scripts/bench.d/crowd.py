"""All services of a host die at once, each with an address of its own, while as many other checks wait for servers that
say nothing: from the kill of their process to the last address out of the kernel."""

import argparse
import contextlib
import sys
import time

import report
from stage import Stage, Watch, addresses  # first: it says where the others are
from crowd import GREETING, Crowd  # isort: skip

FIRST_PORT = 20000
APART = 1.5


def services(count, silent):
    alive = [{"name": f"alive{i}", "rise": 1,
              "probe": {"type": "tcp", "ports": [FIRST_PORT + i], "expect": GREETING},
              "advertise": [{"address": prefix}]} for i, prefix in enumerate(addresses(4, count))]
    mute = [{"name": f"silent{i}", "probe": {"type": "tcp", "ports": [FIRST_PORT + count + i], "expect": GREETING},
             "advertise": [{"address": f"198.51.{i // 250}.{1 + i % 250}/32"}]} for i in range(silent)]
    return alive + mute


def measure(stage, count, silent, rounds, say):
    samples = {"to the first": [], "to the last": [], "first to last": [], "CPU of prober": [], "CPU of keeper": []}
    with contextlib.ExitStack() as stack:
        watch = Watch(stage, count)
        stack.callback(watch.close)
        crowd = stack.enter_context(Crowd(stage.namespace, FIRST_PORT, count, 1))
        if silent:
            others = stack.enter_context(Crowd(stage.namespace, FIRST_PORT + count, silent, 1))
            for number in range(silent):
                others.become(number, "hung")
        stage.write(services(count, silent))
        say("the services come up")
        stage.start()
        for number in range(1, rounds + 1):
            watch.wait("in")
            say(f"round {number} of {rounds}")
            time.sleep(APART)
            before, killed = stage.cpu(), time.monotonic()
            crowd.kill(0)
            first, last = watch.wait("out")
            after = stage.cpu()
            for what, took in zip(samples, (first - killed, last - killed, last - first,
                                            after[0] - before[0], after[1] - before[1])):
                samples[what].append(1000 * took)
            crowd.start(0)
        stage.stop()
    return {what: report.spread(found) for what, found in samples.items()}


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench crowd", description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="services that die (default: %(default)s)")
    parser.add_argument("--silent", type=int, help="checks that wait (default: as many)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    silent = options.count if options.silent is None else options.silent

    def say(what):
        print(f"\r{what:<40}", end="", file=sys.stderr, flush=True)
    with Stage() as stage:
        results = measure(stage, options.count, silent, options.rounds, say)
    say("")
    print(f"\nFrom the kill of {options.count} services at once to their addresses out of the kernel, {silent} others "
          f"waiting for an answer, {options.rounds} rounds, ms; median (least-most)\n")
    print(report.table(["at default settings", "ms"], list(results.items())))
    if options.json:
        report.write_json(options.json, "crowd", results, count=options.count, silent=silent)


if __name__ == "__main__":
    main()
