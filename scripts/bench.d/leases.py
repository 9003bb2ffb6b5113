"""What it costs to renew the leases of very many addresses, us and zebra, beside a program that does nothing else."""

import argparse
import contextlib
import sys
import time

import report
from stage import GREETING, PORT, Stage, Switch, Watch, addresses, cpu_seconds, end
from frr import Frr  # isort: skip

USUAL = 15  # seconds: the default from 100 addresses on
# The kernel looks for an IPv4 address among all of its interface.
INTERFACES = tuple(f"holder{i}" for i in range(10))


def share(pids, seconds):
    """CPU of each, in per cent of a core."""
    before, since = {who: cpu_seconds(pid) for who, pid in pids.items()}, time.monotonic()
    time.sleep(seconds)
    took = time.monotonic() - since
    return {who: 100 * (cpu_seconds(pid) - before[who]) / took for who, pid in pids.items()}


def floor(stage, family, count, zebra, seconds, lease):
    tool = stage.tool("renew", family, count, lease / 3, lease)
    with contextlib.closing(Watch(stage, count)) as watch:
        tool.stdout.readline()
        time.sleep(lease / 3)
        [pid] = stage.namespace.named("netlink")[:1]
        found = share({"prober": pid, "zebra": zebra}, seconds)
        end(tool)
        watch.wait("in")
        watch.wait("out")
    return {"prober": None, "keeper": found["prober"], "zebra": found["zebra"]}


def ours(stage, family, count, zebra, seconds, lease, interfaces=("lo",)):
    each = -(-count // len(interfaces))
    files = [{"addresses_from": stage.address_file(addresses(family, count)[each * at:each * (at + 1)], f"file{at}"),
              "interface": name} for at, name in enumerate(interfaces)]
    with contextlib.closing(Switch(stage.namespace)) as switch, contextlib.closing(Watch(stage, count)) as watch:
        stage.write([{"name": "many", "rise": 1, "lease": f"{lease:g}s", "advertise": files,
                      "probe": {"type": "tcp", "ports": [PORT], "expect": GREETING}}])
        switch.become(True)
        stage.start()
        watch.wait("in")
        time.sleep(lease / 3)
        found = share({"prober": stage.prober(), "keeper": stage.keeper(), "zebra": zebra}, seconds)
        if said := stage.log.read_text():
            print(f"\n{said}", file=sys.stderr)
        stage.stop()
        watch.wait("out")
    return found


def ours_on_many(*words):
    return ours(*words, interfaces=INTERFACES)


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench leases", description=__doc__)
    parser.add_argument("--counts", default="1000,10000", help="how many addresses (default: %(default)s)")
    parser.add_argument("--families", default="4,6", help="(default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=30, help="of each (default: %(default)s)")
    parser.add_argument("--lease", type=float, default=USUAL, help="seconds (default: %(default)s, as by default)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--svg", metavar="FILE")
    options = parser.parse_args()
    results, lines = [], {}
    with Stage() as stage, contextlib.ExitStack() as stack:
        folder = stage.folder / stage.namespace.name
        folder.mkdir(mode=0o755)
        frr = Frr(stage.namespace, folder, {"daemons": "node", "zebra.conf": "node"})
        stack.callback(frr.close)
        frr.start("zebra")
        frr.wait_ready("zebra")
        [zebra] = stage.namespace.named("zebra")
        for name in INTERFACES:
            stage.namespace.ip("link", "add", name, "type", "veth", "peer", "name", f"{name}-far")
            stage.namespace.ip("link", "set", name, "up")
        for family in map(int, options.families.split(",")):
            for count in map(int, options.counts.split(",")):
                ways = {f"bare renewal each {options.lease / 3:g} s": floor, "anyprobe": ours,
                        f"anyprobe, on {len(INTERFACES)} interfaces": ours_on_many}
                samples = {way: {"prober": [], "keeper": [], "zebra": []} for way in ways}
                for number in range(1, options.rounds + 1):
                    for way, measure in ways.items():
                        print(f"\rIPv{family}, {count}, round {number}, {way:<40}", end="", file=sys.stderr, flush=True)
                        for who, took in measure(stage, family, count, zebra, options.seconds,
                                                 options.lease).items():
                            samples[way][who] += [] if took is None else [took]
                print(f"\n\nIPv{family}, {count} addresses at a lease of {options.lease:g} s: per cent of a core, "
                      f"{options.rounds} rounds of {options.seconds:g} s in turn; median (least-most)\n")
                rows = {way: {who: report.spread(found) if found else None for who, found in row.items()}
                        for way, row in samples.items()}
                print(report.table(["", "prober", "keeper, or who renews", "zebra"],
                                   [[way, *row.values()] for way, row in rows.items()]))
                results += [{"family": family, "count": count, "way": way, **row} for way, row in rows.items()]
                for way, row in rows.items():
                    for who in ("keeper", "zebra"):
                        lines.setdefault(f"IPv{family}, {way}: {who}", []).append((count, row[who]))
    if options.json:
        report.write_json(options.json, "leases", results, lease=options.lease, seconds=options.seconds)
    if options.svg:
        report.plot(options.svg, "Renewing leases", "addresses", "per cent of a core", lines)


if __name__ == "__main__":
    main()
