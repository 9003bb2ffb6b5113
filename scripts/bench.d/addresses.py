"""Very many addresses of one service announced and withdrawn, beside the bare netlink batch and `ip -batch`."""

import argparse
import contextlib
import sys
import time

import report
from stage import GREETING, PORT, Stage, Switch, Watch, addresses

BARE, LEASED, IP = "bare netlink batch", "the same, leased", "ip -batch"
OURS, KEEPER = "anyprobe, from the answer", "anyprobe, in the kernel"
WAYS = (BARE, LEASED, IP, OURS, KEEPER)
DIRECTIONS = {"added": "in", "removed": "out"}
# Behind the spacing of announcements, which would be measured else.
APART = 1.2
# What follows a change, such as reading its echo, is counted too.
SETTLES = 0.3


class Bench:
    """Each way adds all and removes all, and returns (ms, CPU ms) of both; the CPU time of `ip` is not looked at."""

    def __init__(self, stage, family, count):
        self.stage, self.family, self.count = stage, family, count
        self._watch = Watch(stage, count)
        self._switch = Switch(stage.namespace)
        stage.write([{"name": "many", "interval": "100ms", "timeout": "80ms", "rise": 1, "fall": 1,
                      "probe": {"type": "tcp", "ports": [PORT], "expect": GREETING},
                      "advertise": [{"addresses_from": stage.address_file(addresses(family, count))}]}])

    def close(self):
        self.stage.stop()
        self._switch.close()
        self._watch.close()

    def bare(self, lease=0):
        tool = self.stage.tool("batch", self.family, self.count, lease)
        took = []
        for what in DIRECTIONS.values():
            tool.stdin.write(b"\n")
            begin, _, cpu = map(int, tool.stdout.readline().split())
            took.append((1000 * self._watch.wait(what)[1] - begin / 1e6, cpu / 1e6))
        tool.communicate()
        return took

    def ip(self):
        took = []
        for word, what in (("add", "in"), ("del", "out")):
            path = self.stage.folder / f"batch-{word}"
            more = " nodad" if self.family == 6 and word == "add" else ""
            path.write_text("".join(f"addr {word} {prefix} dev lo{more}\n"
                                    for prefix in addresses(self.family, self.count)))
            begin = time.monotonic()
            done = self.stage.namespace.run("ip", "-batch", path, timeout=120)
            assert done.returncode == 0, done.stderr
            took.append((1000 * (self._watch.wait(what)[1] - begin), None))
        return took

    def ours(self):
        """(added, removed) from the service's answer, and from the first change to the last"""
        whole, inside = [], []
        for well, what in ((True, "in"), (False, "out")):
            time.sleep(APART)
            before = sum(self.stage.cpu())
            self._switch.become(well)
            first, last = self._watch.wait(what)
            time.sleep(SETTLES)
            whole.append((1000 * (last - self._switch.answered()), 1000 * (sum(self.stage.cpu()) - before)))
            inside.append((1000 * (last - first), None))
        return whole, inside


def measure(stage, family, count, rounds, say):
    """way to direction to samples"""
    samples = {way: {word: [] for word in DIRECTIONS} for way in WAYS}
    with contextlib.closing(Bench(stage, family, count)) as bench:
        for number in range(1, rounds + 1):
            say(f"IPv{family}, {count} addresses, round {number} of {rounds}")
            found = {BARE: bench.bare(), LEASED: bench.bare(15), IP: bench.ip()}
            stage.start()
            found[OURS], found[KEEPER] = bench.ours()
            stage.stop()
            for way, pair in found.items():
                for word, took in zip(DIRECTIONS, pair):
                    samples[way][word].append(took)
    return samples


def rows(samples):
    for word in DIRECTIONS:
        for way, found in samples.items():
            ratios = [mine / floor for (mine, _), (floor, _) in zip(found[word], samples[BARE][word])]
            cpu = [took for _, took in found[word] if took is not None]
            yield {"way": way, "direction": word, "ms": report.spread(ms for ms, _ in found[word]),
                   "ratio": report.spread(ratios), "cpu_ms": report.spread(cpu) if cpu else None}


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench addresses", description=__doc__)
    parser.add_argument("--counts", default="1008,10000", help="how many addresses (default: %(default)s)")
    parser.add_argument("--families", default="4,6", help="(default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--svg", metavar="FILE")
    options = parser.parse_args()

    def say(what):
        print(f"\r{what:<60}", end="", file=sys.stderr, flush=True)
    results, lines = [], {}
    with Stage() as stage:
        for family in map(int, options.families.split(",")):
            for count in map(int, options.counts.split(",")):
                found = list(rows(measure(stage, family, count, options.rounds, say)))
                results += [{"family": family, "count": count, **row} for row in found]
                say("")
                print(f"\nIPv{family}, {count} addresses, {options.rounds} rounds in turn: ms, and against the bare "
                      "batch of the same round; median (least-most)\n")
                print(report.table(["", "", "ms", "ratio", "CPU ms"], [
                    [row["direction"], row["way"], row["ms"], row["ratio"], row["cpu_ms"]] for row in found]))
                for row in found:
                    lines.setdefault(f"IPv{family} {row['direction']}: {row['way']}", []).append((count, row["ms"]))
    print("\n  From the answer: the service's first answer that is another, to the last address. In the kernel: from"
          "\n  the first address to the last, as others hear of it. Leased: with a lifetime, as anyprobe's are, which costs"
          "\n  the kernel more. CPU: of keeper and prober, their checks too.")
    if options.json:
        report.write_json(options.json, "addresses", results, rounds=options.rounds)
    if options.svg:
        report.plot(options.svg, "Addresses in and out of the kernel", "addresses", "ms",
                    {name: found for name, found in lines.items() if "ip -batch" not in name and "IPv4" in name})


if __name__ == "__main__":
    main()
