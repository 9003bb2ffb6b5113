"""One of very many services changed, and HUP: until the configuration is read again, and until the one change is in the
kernel."""

import argparse
import contextlib
import signal
import sys
import time

import report
from stage import GREETING, PORT, Stage, Switch, Watch, addresses, kill, wait_until

AGAIN = "configuration read again"
APART = 1.5


def services(count, also):
    """`also`: whether the one in the middle has a second address."""
    prefixes = addresses(4, count + 1)
    found = [{"name": f"service{i}", "interval": "10s", "timeout": "5s", "rise": 1,
              "probe": {"type": "tcp", "ports": [PORT], "expect": GREETING, "host": f"127.0.{i // 250}.{1 + i % 250}"},
              "advertise": [{"address": prefixes[i]}]} for i in range(count)]
    if also:
        found[count // 2]["advertise"].append({"address": prefixes[count]})
    return found


class Log:
    """What is logged from here on."""

    def __init__(self, path):
        self._file = path.open()
        self._file.seek(0, 2)
        self.text = ""

    def has(self, text):
        self.text += self._file.read()
        return text in self.text

    def close(self):
        self._file.close()


def measure(stage, count, rounds, say):
    samples = {"read again": [], "in the kernel": [], "CPU of prober": [], "CPU of keeper": []}
    with contextlib.ExitStack() as stack:
        switch = stack.enter_context(contextlib.closing(Switch(stage.namespace, host="")))
        switch.become(True)
        everything = stack.enter_context(contextlib.closing(Watch(stage, count)))
        each = stack.enter_context(contextlib.closing(Watch(stage)))  # it takes a renewal for news where it came late
        stage.write(services(count, False), log={"level": "info"})
        say("the services come up")
        stage.start()
        everything.wait("in")
        seen = 0
        while seen < count:
            seen += each.flush()
        for number in range(1, 2 * rounds + 1):
            say(f"round {number} of {2 * rounds}")
            time.sleep(APART)
            also = number % 2 == 1
            stage.write(services(count, also), log={"level": "info"})
            log = stack.enter_context(contextlib.closing(Log(stage.log)))
            before, since = stage.cpu(), time.monotonic()
            kill(stage.keeper(), signal.SIGHUP)
            wait_until(lambda log=log: log.has(AGAIN), 60, AGAIN, every=0.001)
            read = time.monotonic()
            changed = each.wait("in" if also else "out")[0]
            time.sleep(0.5)
            after = stage.cpu()
            log.has("")
            told = next(line for line in log.text.splitlines() if AGAIN in line)
            assert f"0 services added, 1 changed, 0 removed, {count - 1} untouched" in told, told
            assert not each.flush(), "there was more than one change"
            for what, took in zip(samples, (read - since, changed - since, after[0] - before[0],
                                            after[1] - before[1])):
                samples[what].append(1000 * took)
    return {what: report.spread(found) for what, found in samples.items()}


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench reload", description=__doc__)
    parser.add_argument("--counts", default="1000,5000", help="how many services (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="each with one change there and one back")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--svg", metavar="FILE")
    options = parser.parse_args()

    def say(what):
        print(f"\r{what:<40}", end="", file=sys.stderr, flush=True)
    results = {}
    for count in map(int, options.counts.split(",")):
        with Stage() as stage:
            results[count] = measure(stage, count, options.rounds, say)
    say("")
    what = list(next(iter(results.values())))
    print(f"\nFrom HUP, one of so many services changed, {2 * options.rounds} rounds, ms; median (least-most)\n")
    print(report.table(["services", *what], [[str(count), *row.values()] for count, row in results.items()]))
    if options.json:
        report.write_json(options.json, "reload", results)
    if options.svg:
        report.plot(options.svg, "One of many services changed", "services", "ms after HUP",
                    {name: [(count, row[name]) for count, row in results.items()] for name in what})


if __name__ == "__main__":
    main()
