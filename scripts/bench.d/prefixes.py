"""What FRR does with very many addresses that come and go: one LSA each, one prefix for all of them, or an interface that
carries them."""

import argparse
import contextlib
import ipaddress
import re
import sys
import time

import report
from stage import Stage, addresses, cpu_seconds, wait_until  # first: it says where the others are
from lab import Lab  # isort: skip
from netns import Timeout  # isort: skip

ALL = ipaddress.ip_network("198.18.0.0/15")
# MinLSInterval (RFC 2328, appendix B): an LSA that was originated less than 5 s ago waits.
APART = 6.5
SETTLES = 2


def permit_all(text):
    one = "ip prefix-list anycast seq 5 permit 192.0.2.1/32\n"
    return text.replace(one, f"{one}ip prefix-list anycast seq 20 permit {ALL} ge 20\n")


class OneEach:
    """Addresses of lo."""

    def __init__(self, stage, count):
        self._stage, self._count = stage, count
        self.routes = count

    def announce(self):
        self._tool = self._stage.tool("batch", 4, self._count, 0)
        return self._go()

    def withdraw(self):
        return self._go()

    def _go(self):
        self._tool.stdin.write(b"\n")
        return int(self._tool.stdout.readline().split()[0]) / 1e9

    def close(self):
        self._tool.communicate()


class OneForAll:
    """As "expand": false has it."""

    routes = 1

    def __init__(self, stage, count):
        self._ip = stage.namespace.ip
        # Where none of the single ones is: behind 198.18.0.0/28, FRR 8.4.4 did not announce 198.18.0.15/32.
        self._prefix = f"198.19.0.0/{32 - (count - 1).bit_length()}"

    def _change(self, word):
        began = time.monotonic()
        self._ip("addr", word, self._prefix, "dev", "lo", *(["noprefixroute"] if word == "add" else []))
        return began

    def announce(self):
        return self._change("add")

    def withdraw(self):
        return self._change("del")

    def close(self):
        pass


class Link:
    """An interface that has the addresses, up and down."""

    def __init__(self, stage, count):
        self._ip = stage.namespace.ip
        self.routes = count
        self._ip("link", "add", "carrier0", "type", "veth", "peer", "name", "carrier1")
        self._ip("link", "set", "carrier1", "up")
        batch = stage.folder / "carrier"
        batch.write_text("".join(f"addr add {prefix} dev carrier0\n" for prefix in addresses(4, count)))
        self._ip("-batch", str(batch))

    def _set(self, word):
        began = time.monotonic()
        self._ip("link", "set", "carrier0", word)
        return began

    def announce(self):
        return self._set("up")

    def withdraw(self):
        return self._set("down")

    def close(self):
        self._ip("link", "del", "carrier0")


class Bench:
    def __init__(self, lab):
        self.lab = lab
        daemons = {"node": lab.near.frr, "router": lab.router_frr}
        self._pids = {f"{daemon} of the {who}": frr.processes[daemon].pid
                      for who, frr in daemons.items() for daemon in ("zebra", "ospfd")}

    def _routes(self):
        return sum(ipaddress.ip_network(prefix).subnet_of(ALL) for prefix in self.lab.routes.prefixes()
                   if ":" not in prefix)

    def _last(self, since):
        return max(change.at for change in list(self.lab.routes.changes) if change.at > since)

    def lsas(self):
        """Of the addresses, and not withdrawn: such an LSA stays for a minute, at the age of 3600 s."""
        text = self.lab.router_frr.ask("ospfd", "show ip ospf database external")
        ages = re.findall(r"LS age: (\d+)[^!]*?Link State ID: (\S+)", text)
        return sum(int(age) < 3600 and ipaddress.ip_address(number) in ALL for age, number in ages)

    def change(self, do, routes):
        """(ms to the last route on the router, {daemon: CPU ms})"""
        before = {who: cpu_seconds(pid) for who, pid in self._pids.items()}
        began = do()
        try:
            wait_until(lambda: self._routes() == routes, 60, f"{routes} routes", every=0.05)
        except Timeout as late:
            raise Timeout(f"{late}, but {self._routes()}; {self.lsas()} LSAs") from None
        last = self._last(began)
        time.sleep(SETTLES)
        return 1000 * (last - began), {who: 1000 * (cpu_seconds(pid) - before[who]) for who, pid in self._pids.items()}


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench prefixes", description=__doc__)
    parser.add_argument("--counts", default="16,128,1008", help="how many addresses (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--svg", metavar="FILE")
    options = parser.parse_args()
    results, lines = [], {}
    with Lab(resolvers=False, edit=permit_all) as lab, Stage(lab.near.namespace) as stage:
        bench = Bench(lab)
        for count in map(int, options.counts.split(",")):
            for name, kind in {"an LSA each": OneEach, "one prefix": OneForAll, "link": Link}.items():
                samples = {}
                with contextlib.closing(kind(stage, count)) as way:
                    for number in range(1, options.rounds + 1):
                        print(f"\r{count}, {name}, round {number:<20}", end="", file=sys.stderr, flush=True)
                        for word, do, routes in (("announced", way.announce, way.routes),
                                                 ("withdrawn", way.withdraw, 0)):
                            time.sleep(APART)
                            took, cpu = bench.change(do, routes)
                            samples.setdefault((word, "ms"), []).append(took)
                            if routes:
                                lsas = bench.lsas()
                            for who, ms in cpu.items():
                                samples.setdefault((word, who), []).append(ms)
                for word in ("announced", "withdrawn"):
                    row = {what: report.spread(found) for (of, what), found in samples.items() if of == word}
                    results.append({"count": count, "way": name, "direction": word, "lsas": lsas, **row})
                    lines.setdefault(f"{name}, {word}", []).append((count, row["ms"]))
    print(f"\n\nFrom the change on the node to the last route on the router, and what the daemons took until {SETTLES} s "
          f"later: ms, {options.rounds} rounds; median (least-most)\n")
    cells = [key for key in results[0] if key not in ("count", "way", "direction")]
    print(report.table(["", "addresses", "", *cells],
                       [[row["way"], row["count"], row["direction"], *(row[key] for key in cells)] for row in results]))
    if options.json:
        report.write_json(options.json, "prefixes", results)
    if options.svg:
        report.plot(options.svg, "Many addresses through FRR", "addresses", "ms to the last route", lines)


if __name__ == "__main__":
    main()
