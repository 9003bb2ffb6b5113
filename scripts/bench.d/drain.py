"""What a client loses when an address is withdrawn on purpose, the service going on: by hand, by TSTP, by drain."""

import argparse
import json
import signal
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/lab"))

from lab import BUILD, SERVICE4, SERVICE6, Lab  # noqa: E402 (found by the line above)
from netns import kill, wait_until  # noqa: E402

BASE = "ip addr del by hand"
BOTH = (SERVICE4, SERVICE6)
INTERVAL = 0.001


class Bench:
    """Both nodes announce, the router goes to the near one; each way takes its addresses away as planned."""

    def __init__(self, lab):
        self.lab = lab
        self.near = lab.near

    def announce_by_hand(self):
        for prefix in BOTH:
            self.near.add_address(prefix)

    def delete_by_hand(self):
        for prefix in BOTH:
            self.near.del_address(prefix)

    def announce(self, *words):
        addresses = [word for prefix in BOTH for word in ("--address", prefix)]
        done = self.near.dns_probe(*addresses, "--query", "www.example.org", *words)
        if done.returncode != 0:
            sys.exit(f"dns-probe: {done.returncode}: {done.stderr}")

    def stop(self):
        kill(self.near.probers()[0], signal.SIGTSTP)

    def drain(self):
        done = self.near.program("anyprobe", "drain", "--run-dir", self.near.run_dir, "--wait", "--all")
        if done.returncode != 0:
            sys.exit(f"anyprobe drain: {done.returncode}: {done.stderr}")

    def ways(self):
        return {BASE: (self.announce_by_hand, self.delete_by_hand),
                "TSTP": (self.announce, self.stop),
                "drain, --linger 0s": (lambda: self.announce("--linger", "0s"), self.drain),
                "drain": (self.announce, self.drain)}

    def round(self, announce, remove):
        """How many questions of each family were never answered, a thousand being asked a second."""
        announce()
        for prefix in BOTH:
            self.lab.wait_route(prefix, self.near)
        self.lab.settle()
        clients = [self.lab.steady_client(prefix, interval=INTERVAL) for prefix in BOTH]
        try:
            for client in clients:
                wait_until(lambda c=client: c.first_answer(0, self.near.address), 10, "the near node answers")
            since = time.monotonic()
            remove()
            for prefix in BOTH:
                self.lab.wait_route(prefix, self.lab.far)
            until = time.monotonic()
            time.sleep(0.5)
            lost = [client.lost(since, until) for client in clients]
        finally:
            for client in clients:
                client.close()
        self.lab.settle()
        self.near.end_probes()
        return lost


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench drain", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="the result as JSON on standard output")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds: at least 1")
    if not (BUILD / "dns-probe").exists():
        sys.exit(f"{BUILD}/dns-probe is not there: build first, or say where by ANYPROBE_BUILD")
    with Lab() as lab:
        bench = Bench(lab)
        # What a service that answers from a wildcard socket needs in IPv6.
        lab.near.namespace.sysctl("net/ipv6/ip_nonlocal_bind", 1)
        for prefix in BOTH:
            lab.far.add_address(prefix)
            lab.wait_route(prefix, lab.far)
        lost = {name: [] for name in bench.ways()}
        for number in range(1, options.rounds + 1):
            for name, way in bench.ways().items():
                lost[name].append(bench.round(*way))
            print(f"\rround {number} of {options.rounds}", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
    if options.json:
        print(json.dumps(lost, indent=2))
        return
    print(f"\nQuestions never answered, of 1,000 a second to each family, {options.rounds} rounds in turn:\n")
    print(f"  {'':<24} {'IPv4 median':>12} {'most':>6} {'IPv6 median':>12} {'most':>6}")
    for name, rounds in lost.items():
        four, six = zip(*rounds)
        print(f"  {name:<24} {statistics.median(four):>12g} {max(four):>6} {statistics.median(six):>12g} {max(six):>6}")


if __name__ == "__main__":
    main()
