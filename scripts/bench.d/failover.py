"""From the crash of a resolver to the changed route on the router, beside `ip addr del` typed by hand."""

import argparse
import json
import random
import signal
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/lab"))

from lab import BUILD, SERVICE4, SERVICE6, Lab  # noqa: E402 (found by the line above)
from netns import end  # noqa: E402

OLD_LOOP = Path(__file__).resolve().parent / "one-query-a-second"
BASE = "ip addr del by hand"


class Bench:
    """Each method takes the service address of the near node out of the network in its own way and returns the
    time it began; what it started is ended by `clear`."""

    def __init__(self, lab, prefix):
        self.lab = lab
        self.near = lab.near
        self.prefix = prefix
        self._loop = None

    def announce_by_hand(self):
        self.near.add_address(self.prefix)

    def delete_by_hand(self):
        began = time.monotonic()
        self.near.del_address(self.prefix)
        return began

    def announce_by_probe(self, *words):
        done = self.near.dns_probe("--address", self.prefix, "--query", "www.example.org", *words)
        if done.returncode != 0:
            sys.exit(f"dns-probe: {done.returncode}: {done.stderr}")

    def announce_by_loop(self):
        self._loop = self.near.namespace.spawn(OLD_LOOP, self.prefix)

    def crash(self):
        return self.near.kill_unbound(signal.SIGKILL)

    def clear(self):
        if self._loop:
            end(self._loop)
            self._loop = None
        self.near.end_probes()
        self.near.start_unbound()

    def round(self, announce, remove):
        """(seconds to the address gone from the node, seconds to the changed route)"""
        lab = self.lab
        announce()
        lab.wait_route(self.prefix, self.near)
        lab.settle()
        # No phase of a probe's second may be favoured.
        time.sleep(random.uniform(1, 2))
        watch = self.near.watch_addresses()
        began = remove()
        moved = lab.routes.wait_seen(self.prefix, [lab.far.router_port], began, 30)
        left = watch.wait_seen(self.prefix, [], began, 1)
        watch.close()
        lab.settle()
        self.clear()
        return left - began, moved - began


def ways(bench):
    tuned = ("--interval", "100ms", "--timeout", "80ms", "--rise", "1", "--fall", "1")
    return {
        BASE: (bench.announce_by_hand, bench.delete_by_hand),
        "dns-probe, as it comes": (bench.announce_by_probe, bench.crash),
        "dns-probe, 100 ms and fall 1": (lambda: bench.announce_by_probe(*tuned), bench.crash),
        "old loop: dig each second": (bench.announce_by_loop, bench.crash),
    }


def summary(samples):
    base = statistics.median(moved for _, moved in samples[BASE])
    rows = {}
    for name, pairs in samples.items():
        left, moved = ([1000 * pair[i] for pair in pairs] for i in (0, 1))
        median = statistics.median(moved)
        rows[name] = {"rounds": len(pairs), "median_ms": median, "min_ms": min(moved), "max_ms": max(moved),
                      "address_gone_median_ms": statistics.median(left),
                      "ratio": median / (1000 * base), "difference_ms": median - 1000 * base, "samples_ms": moved}
    return rows


def show(rows, rounds, prefix):
    print(f"\nFrom the event to the changed route of {prefix} on the router, {rounds} rounds in turn, ms:\n")
    print("  {:<30} {:>8} {:>8} {:>8} {:>13} {:>7} {:>11}".format(
        "", "median", "min", "max", "address gone", "ratio", "difference"))
    for name, row in rows.items():
        print(f"  {name:<30} {row['median_ms']:>8.1f} {row['min_ms']:>8.1f} {row['max_ms']:>8.1f} "
              f"{row['address_gone_median_ms']:>13.1f} {row['ratio']:>7.1f} {row['difference_ms']:>11.1f}")
    print("\n  ratio and difference: the medians against the hand's. The event is the kill of unbound, or the start"
          "\n  of `ip`; \"address gone\" is the median until the kernel of the node had lost the address.")


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench failover", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--ipv6", action="store_true", help="the IPv6 service address in place of the IPv4 one")
    parser.add_argument("--json", action="store_true", help="the result as JSON on standard output")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds: at least 1")
    if not (BUILD / "dns-probe").exists():
        sys.exit(f"{BUILD}/dns-probe is not there: build first, or say where by ANYPROBE_BUILD")
    # Python's threads must not hold a time stamp back.
    sys.setswitchinterval(0.0002)
    prefix = SERVICE6 if options.ipv6 else SERVICE4
    with Lab() as lab:
        bench = Bench(lab, prefix)
        lab.far.add_address(prefix)
        lab.wait_route(prefix, lab.far)
        samples = {name: [] for name in ways(bench)}
        for number in range(1, options.rounds + 1):
            for name, way in ways(bench).items():
                samples[name].append(bench.round(*way))
            print(f"\rround {number} of {options.rounds}", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
    rows = summary(samples)
    if options.json:
        print(json.dumps({"prefix": prefix, "rounds": options.rounds, "ways": rows}, indent=2))
    else:
        show(rows, options.rounds, prefix)


if __name__ == "__main__":
    main()
