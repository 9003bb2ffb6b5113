"""From the crash of a service to the address gone and to the changed route on the router, beside `ip addr del` typed
by hand."""

import argparse
import contextlib
import json
import random
import signal
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/lab"))

from lab import BUILD, SERVICE4, SERVICE6, Lab  # noqa: E402 (found by the line above)
from netns import PATIENCE, end, kill, wait_until  # noqa: E402
from servers import Server, listens  # noqa: E402

import debian  # noqa: E402

OLD_LOOP = Path(__file__).resolve().parent / "one-query-a-second"
BASE = "ip addr del by hand"
PROXY_PORT, LISTENER_PORT = 1080, 8053
DANTED = """logoutput: stderr
internal: 127.0.0.1 port = 1080
external: lo
clientmethod: none
socksmethod: none
user.privileged: root
user.unprivileged: nobody
client pass { from: 127.0.0.0/8 to: 0.0.0.0/0 }
socks pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }
"""
LISTENER = "import signal, socket; kept = socket.create_server(('127.0.0.1', 8053)); signal.pause()"
# A thousand client sockets a second that are opened and closed, half of them to the service and half from its
# port number elsewhere; prints how many there were.
STORM = """
import socket, sys, time
begin, done = time.monotonic(), 0
listener = socket.create_server(("127.0.0.1", 8099), backlog=64)
listener.setblocking(False)
while True:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.connect(("127.0.0.1", 53))
    with socket.create_connection(("127.0.0.1", 8099)):
        try:
            while True:  # those of a proxy too
                listener.accept()[0].close()
        except BlockingIOError:
            pass
    done += 2
    print(done, flush=True)
    time.sleep(max(0, begin + done / 1000 - time.monotonic()))
"""


class Bench:
    """Each method takes the service address of the near node out of the network in its own way and returns the
    time it began; what it started is ended by `clear`."""

    def __init__(self, lab, prefix):
        self.lab = lab
        self.near = lab.near
        self.prefix = prefix
        self._loop = None
        self._servers = {}
        self._storm = None

    def server(self, name):
        """One that is started when it is first asked for, and again by clear()."""
        if name not in self._servers:
            namespace = self.near.namespace
            if name == "danted":
                debian.install({"dante-server": "/usr/sbin/danted"})
                self._servers[name] = Server(self.near, self.near.folder, name, "/usr/sbin/danted", "-f", "danted.conf",
                                             "-N", "1", files={"danted.conf": DANTED},
                                             serves=lambda: listens(namespace, "tcp", PROXY_PORT))
            else:
                self._servers[name] = Server(self.near, self.near.folder, name, sys.executable, "-c", LISTENER,
                                             serves=lambda: listens(namespace, "tcp", LISTENER_PORT))
        server = self._servers[name]
        if server.process is None:
            server.start()
        return server

    def announce_by(self, program, name, *words):
        self.server(name)
        done = self.near.program(program, "--run-dir", self.near.run_dir, "--address", self.prefix, *words)
        if done.returncode != 0:
            sys.exit(f"{program}: {done.returncode}: {done.stderr}")

    def crash_of(self, name):
        """All of its processes, the oldest first: Dante's mother would start her children anew."""
        server = self._servers[name]
        processes = server.processes()
        began = time.monotonic()
        for pid in processes:
            kill(pid, signal.SIGKILL)
        server.kill()
        return began

    def start_storm(self):
        self._storm = self.near.namespace.spawn(sys.executable, "-c", STORM, log=self.near.folder / "storm.log")
        wait_until(self.storm_count, PATIENCE, "client sockets are closed")

    def storm_count(self):
        lines = (self.near.folder / "storm.log").read_text().split("\n")
        return int(lines[-2]) if len(lines) > 1 and lines[-2].isdigit() else 0

    def close(self):
        for server in self._servers.values():
            server.kill()
        if self._storm:
            end(self._storm)

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
        before = self.near.watch_addresses()
        time.sleep(random.uniform(1, 2))
        if any(change.prefix == self.prefix and not change.interfaces for change in before.changes):
            sys.exit(f"{self.prefix} was withdrawn while its service lived")
        before.close()
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
        "socks-probe (Dante)": (lambda: bench.announce_by("socks-probe", "danted", "--target", "127.0.0.1:53"),
                                lambda: bench.crash_of("danted")),
        "tcp-route-probe": (lambda: bench.announce_by("tcp-route-probe", "listener", "--host", "127.0.0.1", "--ports",
                                                      LISTENER_PORT),
                            lambda: bench.crash_of("listener")),
        "dns-probe, on_close ignore": (lambda: bench.announce_by_probe("--on-close", "ignore"), bench.crash),
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
                      "address_gone_median_ms": statistics.median(left), "address_gone_max_ms": max(left),
                      "ratio": median / (1000 * base), "difference_ms": median - 1000 * base, "samples_ms": moved}
    return rows


def show(rows, rounds, prefix):
    print(f"\nFrom the event to the changed route of {prefix} on the router, {rounds} rounds in turn, ms:\n")
    print("  {:<30} {:>13} {:>8} {:>8} {:>8} {:>8} {:>7} {:>11}".format(
        "", "address gone", "worst", "median", "min", "max", "ratio", "difference"))
    for name, row in rows.items():
        print(f"  {name:<30} {row['address_gone_median_ms']:>13.2f} {row['address_gone_max_ms']:>8.2f} "
              f"{row['median_ms']:>8.1f} {row['min_ms']:>8.1f} {row['max_ms']:>8.1f} {row['ratio']:>7.1f} "
              f"{row['difference_ms']:>11.1f}")
    print("\n  The event is the kill of the service, or the start of `ip`. \"address gone\" and \"worst\": until the kernel"
          "\n  of the node had lost the address, median and most; then until the route had changed on the router. ratio"
          "\n  and difference: its medians against the hand's.")


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench failover", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--ways", help="only those whose name has one of these words in it, by commas: dns,socks,tcp")
    parser.add_argument("--storm", action="store_true",
                        help="while a thousand client sockets a second are closed on the node")
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
    with Lab() as lab, contextlib.closing(Bench(lab, prefix)) as bench:
        lab.far.add_address(prefix)
        lab.wait_route(prefix, lab.far)
        chosen = {name: way for name, way in ways(bench).items() if name == BASE or not options.ways
                  or any(word in name for word in options.ways.split(","))}
        if options.storm:
            bench.start_storm()
        samples = {name: [] for name in chosen}
        for number in range(1, options.rounds + 1):
            for name, way in chosen.items():
                samples[name].append(bench.round(*way))
            print(f"\rround {number} of {options.rounds}", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        if options.storm:
            print(f"{bench.storm_count()} client sockets were closed meanwhile, and nothing was withdrawn for them.",
                  file=sys.stderr)
    rows = summary(samples)
    if options.json:
        print(json.dumps({"prefix": prefix, "rounds": options.rounds, "ways": rows}, indent=2))
    else:
        show(rows, options.rounds, prefix)


if __name__ == "__main__":
    main()
