"""What a check costs: CPU time, memory and punctuality of anyprobe with 1 to 10,000 services, one check a second each,
beside a bare loop that sends the same and awaits the answer, and beside what others use."""

import argparse
import collections
import sys
import tempfile
from pathlib import Path

import report
from arena import BUILD, MEMORY_AFTER, PORTS, Arena, compile_tools, prepare
from contestants import Anyprobe, Exabgp, Floor, Haproxy, Keepalived, ShellLoop, Watched
from debian import install

PACKAGES = {"haproxy": "/usr/sbin/haproxy", "keepalived": "/usr/sbin/keepalived", "exabgp": "/usr/sbin/exabgp"}
COUNTS = {"dns": (1, 100, 1000, 10000), "tcp": (1, 100, 1000, 10000)}
OTHER_COUNTS = (1000,)
# So many take so long that one round must do; and from how many on --dry-run is worth its own row.
MANY = 10000
DRY_FROM = 1000
HEAD = ("CPU ms a check", "keeper", "to HAProxy", "to the floor", "PSS MB", "checks/s", "in time", "99% within ms")


def contestants(build):
    return (Anyprobe(build), Anyprobe(build, dry=True), Floor(kept=True), Floor(kept=False), Haproxy(), Keepalived(),
            Exabgp(), ShellLoop())


def takes_part(one, kind, count):
    if getattr(one, "dry", False) and (count < DRY_FROM or kind not in COUNTS):
        return False
    return not (one.most and count > one.most)


class Bench:
    """Samples by (kind, count, name), and what was not measured with the reason."""

    def __init__(self, tools, say, seconds, settle=1.0):
        self.samples = collections.defaultdict(list)
        self.punctual = {}
        self._missing = {}
        self._beyond = []
        self._tools = tools
        self._say = say
        self._times = seconds, settle

    def run(self, everyone, kinds, counts_of, rounds, timing=True):
        for kind in kinds:
            who = [one for one in everyone if kind in one.kinds]
            counts = counts_of(kind)
            self._beyond += [f"{one.name}, {kind}: with more than {one.most}, each has a process of its own"
                             for one in who if one.most and one.most < max(counts)]
            for count in counts:
                for number in range(1, (rounds if count < MANY else 1) + 1):
                    for one in who:
                        # What starts a process for each check takes so much that one round shows it.
                        if takes_part(one, kind, count) and not (one.most and number > 1):
                            self._keep(one, kind, count, f"round {number}")
            for one in who:
                if one.most and one.most < max(counts) and one.most not in counts:
                    self._keep(one, kind, one.most, "as many as it can")
                # The real resolver does not tell who asked when.
                if kind == "dns" and timing and takes_part(one, kind, max(counts)):
                    self._say(f"{kind}, {max(counts)} services, time: {one.name}")
                    self.punctual[one.name] = max(counts), self._sample(one, kind, max(counts), counting=True)

    def not_measured(self):
        """Lines with the reasons."""
        return [f"{name}, {kind}: {why}" for (name, kind), why in self._missing.items()] + self._beyond

    def _keep(self, one, kind, count, what):
        self._say(f"{kind}, {count} services, {what}: {one.name}")
        self.samples[kind, count, one.name].append(self._sample(one, kind, count))

    def _sample(self, one, kind, count, counting=False):
        """None where it could not be done."""
        if (one.name, kind) in self._missing:
            return None
        try:
            with Arena(kind, self._tools, counting) as arena:
                return arena.sample(one, count, *self._times)
        except (RuntimeError, AssertionError, OSError) as error:
            self._missing[one.name, kind] = f"with {count}: {' '.join(str(error).split())}"
            return None


def ratio(samples, mine, base):
    """Of the same rounds, as a spread; None where one of them is not there."""
    found = [a["ms"] / b["ms"] for a, b in zip(samples.get(mine, []), samples.get(base, [])) if a and b]
    return report.spread(found) if found else None


def rows_of(bench, kind):
    """A dictionary for each count and contestant that was measured."""
    counts = {}
    for (of, count, name), found in bench.samples.items():
        if of == kind and any(found):
            counts.setdefault(count, {})[name] = found
    for count, samples in sorted(counts.items()):
        floor = next((name for name in (Floor(True).name, Floor(False).name) if name in samples), None)
        for name, found in samples.items():
            real = [one for one in found if one]
            keeper = [one["parts"]["anyprobe-keeper"] for one in real if "anyprobe-keeper" in one["parts"]]
            timed = real[0] if real[0]["kept"] is not None else None
            if kind == "dns" and bench.punctual.get(name, (None,))[0] == count:
                timed = bench.punctual[name][1]
            yield {"kind": kind, "count": count, "name": name, "ms": report.spread(one["ms"] for one in real),
                   "processes": [one["parts"] for one in real],
                   "keeper_ms": report.spread(keeper) if keeper else None,
                   "to_haproxy": ratio(samples, name, Haproxy.name), "to_floor": ratio(samples, name, floor),
                   "pss_mb": report.spread(one["pss_mb"] for one in real),
                   "rate": report.spread(one["rate"] for one in real), "kept": timed and timed["kept"],
                   "late_ms": timed and timed["late_ms"], "worst_ms": timed and timed["worst_ms"]}


def cells(row):
    def median(found):
        return found and found["median"]
    kept = None if row["kept"] is None else f"{100 * row['kept']:.2f}%"
    return [row["ms"], median(row["keeper_ms"]), row["to_haproxy"], row["to_floor"], median(row["pss_mb"]),
            round(row["rate"]["median"]), kept, row["late_ms"]]


def markdown(head, rows):
    texts = [list(head)] + [[report.cell(one) if isinstance(one, dict) else report.number(one) for one in row]
                            for row in rows]
    lines = ["| " + " | ".join(row) + " |" for row in texts]
    return "\n".join([lines[0], "|" + " --- |" * len(head), *lines[1:]])


def write(options, bench, kinds):
    show = markdown if options.markdown else report.table
    results = []
    for kind in kinds:
        rows = list(rows_of(bench, kind))
        results += rows
        print(f"\n{kind} of {Arena(kind, None).server}:\n")
        print(show(("", "services", *HEAD), [[row["name"], row["count"], *cells(row)] for row in rows]))
    print("\nMedian (least-most) of the rounds; ratios are of the same round. CPU: user and system of all processes of"
          "\nthe checker. The floor is the loop with kept sockets, where there is one. In time: intervals between two"
          "\nquestions of a service that are within 5% of a second; for DNS the bench's own responder is asked, and of"
          "\nHAProxy's TCP checks it cannot tell: they are reset before they reach a server. PSS: of all its processes,"
          f"\n{MEMORY_AFTER} s after the start at the earliest.")
    print("\nNot measured:", *bench.not_measured(), sep="\n  ")
    if options.json:
        report.write_json(options.json, "checks", results, seconds=options.seconds, rounds=options.rounds,
                          not_measured=bench.not_measured())
    for kind in kinds if options.svg else ():
        path = Path(options.svg)
        lines = {}
        for row in results:
            if row["kind"] == kind:
                lines.setdefault(row["name"], []).append((row["count"], row["ms"]))
        report.plot(path if len(kinds) == 1 else path.with_stem(f"{path.stem}-{kind}"),
                    f"What a check costs: {kind}, one a second each", "services", "CPU ms a check", lines)


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench checks", description=__doc__)
    parser.add_argument("--kinds", default=",".join(PORTS), help="(default: %(default)s)")
    parser.add_argument("--counts", type=lambda text: [int(word) for word in text.split(",")],
                        help="how many services (default: 1,100,1000,10000 of dns and tcp, 1000 of the others)")
    parser.add_argument("--seconds", type=float, default=5, help="of each sample (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="(default: %(default)s; with 10000 one)")
    parser.add_argument("--quick", action="store_true", help="one round of two seconds, to see whether it works")
    parser.add_argument("--ours", action="store_true", help="anyprobe and the floor: nothing is installed")
    parser.add_argument("--watched", action="store_true", help="anyprobe with the page open and metrics scraped too")
    parser.add_argument("--markdown", action="store_true", help="the tables as README has them")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--svg", metavar="FILE", help="plots of the CPU time over the count, one a kind")
    options = parser.parse_args()
    kinds = options.kinds.split(",")
    if set(kinds) - set(PORTS):
        parser.error(f"--kinds: of {', '.join(PORTS)}")
    if options.quick:
        # Shorter, and one service may not be asked in it.
        options.seconds, options.rounds = 2.0, 1
    prepare()
    everyone = contestants(BUILD)
    if options.ours:
        everyone = everyone[:4]
    else:
        install(PACKAGES)
    if options.watched:
        everyone = (*everyone, Watched(BUILD))

    def say(what):
        print(f"\r{what:<76}", end="", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="anyprobe-bench-") as name:
        compile_tools(name)
        bench = Bench(Path(name), say, options.seconds, settle=0.1 if options.quick else 1.0)
        bench.run(everyone, kinds, lambda kind: options.counts or COUNTS.get(kind, OTHER_COUNTS), options.rounds,
                  timing=not options.quick)
    say("")
    write(options, bench, kinds)


if __name__ == "__main__":
    main()
