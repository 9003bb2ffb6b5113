"""From SIGKILL of a service to its address gone from the kernel, at default settings, while client sockets are closed on
the same host. No router: see `scripts/bench failover` for that."""

import argparse
import contextlib
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/lab"))

import debian  # noqa: E402
import report  # noqa: E402
from failover import DANTED, STORM  # noqa: E402
from lab import BUILD, unbound_configuration  # noqa: E402 (found by the line above)
from netns import PATIENCE, Namespace, end, kill, wait_until  # noqa: E402
from servers import Server, listens  # noqa: E402

ADDRESS = "192.0.2.1/32"
LISTENER = r"""
#include <arpa/inet.h>
#include <unistd.h>
int main() {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(8053);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0 || listen(fd, 64) != 0) return 1;
  pause();
}
"""
_NETLINK_SOCK_DIAG, _SOL_NETLINK, _ADD_MEMBERSHIP, _SO_RCVBUFFORCE, _DELADDR = 4, 270, 1, 33, 21


class Host:
    """What Server and unbound_configuration() want of a node."""

    def __init__(self, namespace, folder):
        self.namespace, self.folder, self.name, self.address = namespace, folder, "crash", "127.0.0.1"


class Ears:
    """What the kernel tells of closed sockets, and of addresses."""

    def __init__(self, namespace):
        with namespace.entered():
            self._sockets = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, _NETLINK_SOCK_DIAG)
            self._sockets.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 8 << 20)
            self._sockets.bind((0, 0))
            for group in (1, 2):  # SKNLGRP_INET_TCP_DESTROY, SKNLGRP_INET_UDP_DESTROY
                self._sockets.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, group)
            self._addresses = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
            self._addresses.bind((0, 0x10))

    def forget(self):
        """Returns whether an address had gone."""
        gone = False
        while ready := select.select([self._sockets, self._addresses], [], [], 0)[0]:
            for one in ready:
                try:
                    data = one.recv(65536)
                except OSError:
                    continue  # more than it holds: nothing that counts
                gone = gone or (one is self._addresses and struct.unpack_from("=H", data, 4)[0] == _DELADDR)
        return gone

    def wait(self, port):
        """(when a socket of the port was told of, when the address went)"""
        told = None
        while True:
            ready = select.select([self._sockets, self._addresses], [], [], PATIENCE)[0]
            if not ready:
                sys.exit("the address stays")
            for one in ready:
                data, now = one.recv(65536), time.monotonic()
                if one is self._sockets and struct.unpack_from("!HH", data, 20) == (port, 0):
                    told = told or now
                elif one is self._addresses and struct.unpack_from("=H", data, 4)[0] == _DELADDR:
                    return told, now


def services(host, folder):
    """Name to (server, port, words of the prober)."""
    namespace = host.namespace
    binary = folder / "listener"
    subprocess.run(["g++", "-std=c++20", "-O1", "-x", "c++", "-o", binary, "-"], input=LISTENER, text=True, check=True)
    unbound = folder / "unbound"
    unbound.mkdir()
    (unbound / "unbound.conf").write_text(unbound_configuration(unbound, host))
    return {
        "a listener": (Server(host, folder, "listening", binary, serves=lambda: listens(namespace, "tcp", 8053)), 8053,
                       ("tcp-route-probe", "--host", "127.0.0.1", "--ports", "8053")),
        "unbound": (Server(host, folder, "resolver", "/usr/sbin/unbound", "-d", "-c", unbound / "unbound.conf",
                           serves=lambda: listens(namespace, "udp", 53)), 53,
                    ("dns-probe", "--query", "www.example.org")),
        "Dante": (Server(host, folder, "danted", "/usr/sbin/danted", "-f", "danted.conf", "-N", "1",
                         files={"danted.conf": DANTED}, serves=lambda: listens(namespace, "tcp", 1080)), 1080,
                  ("socks-probe", "--target", "127.0.0.1:8099")),
    }


def measure(host, ears, server, port, words, rounds):
    """[(seconds to the kernel's word, seconds to the address gone)]"""
    found = []
    there = lambda: ADDRESS in host.namespace.ip("addr", "show", "dev", "lo")  # noqa: E731
    server.start()
    prober = host.namespace.spawn(BUILD / words[0], "--foreground", "--run-dir", host.folder / "run", "--address", ADDRESS,
                                  "--lsa-spacing", "0s", *words[1:], log=host.folder / f"{words[0]}.log")
    try:
        for _ in range(rounds):
            wait_until(there, PATIENCE, "it is announced")
            ears.forget()
            time.sleep(0.5)
            if ears.forget():
                sys.exit("it was withdrawn while its service lived")
            # All at once: Dante's mother would start her children anew.
            processes = server.processes()
            began = time.monotonic()
            for pid in processes:
                kill(pid, signal.SIGKILL)
            told, gone = ears.wait(port)
            found.append((told - began if told else float("nan"), gone - began))
            server.kill()
            server.start()
        wait_until(there, PATIENCE, "it is announced")
    finally:
        end(prober, timeout=PATIENCE)
        server.kill()
    return found


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench crash", description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--killed", help="only those whose name has this in it")
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    debian.install({"dante-server": "/usr/sbin/danted"})
    sys.setswitchinterval(0.0002)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="anyprobe-bench-")))
        folder.chmod(0o755)
        namespace = Namespace(f"ap{os.getpid()}-0-crash")
        stack.callback(namespace.close)
        namespace.ip("link", "set", "lo", "up")
        host = Host(namespace, folder)
        host.folder.joinpath("run").mkdir()
        ears = Ears(namespace)
        log = folder / "storm.log"
        namespace.spawn(sys.executable, "-c", STORM, log=log)
        found = {}
        all_of_them = services(host, folder)
        for name, (server, port, words) in all_of_them.items():
            if options.killed and options.killed not in name:
                continue
            print(f"\r{name} ...   ", end="", file=sys.stderr, flush=True)
            found[name] = measure(host, ears, server, port, words, options.rounds)
        print(file=sys.stderr)
        lines = [line for line in log.read_text().split("\n")[:-1] if line.isdigit()]
        closed = int(lines[-1]) if lines else 0
    rows = [(name, *(report.spread([1000 * pair[i] for pair in pairs]) for i in (0, 1))) for name, pairs in found.items()]
    print(f"\nFrom SIGKILL, ms, median (least-most) of {options.rounds} rounds, default settings; {closed} client sockets were "
          "closed meanwhile,\nand nothing was withdrawn for them:\n")
    print(report.table(("killed", "the kernel tells", "the address is gone"), rows))
    if options.json:
        report.write_json(options.json, "crash", [{"killed": name, "told_ms": told, "gone_ms": gone}
                                                  for name, told, gone in rows], closed=closed)


if __name__ == "__main__":
    main()
