"""What the faults of the fault matrix happen to: one daemon on the near node that announces all that can be
announced, for a service that the test can kill, hang, or leave half dead."""

import contextlib
import os
import signal
import sys
import time

from conftest import Probing
from lab import BUILD, SECOND4, SECOND6, SERVICE4, SERVICE6
from netns import PATIENCE, wait_until
from servers import HeldSocket, Server, listens

LEASE = 3
BOUND = LEASE + 0.5
# From a change on the node to the changed route on the router; the rest is for a busy machine.
OSPF_TAKES = 0.5
DEAD_INTERVAL = 4  # of quagga-conf

KINDS = {"address IPv4": SERVICE4, "address IPv6": SERVICE6, "route IPv4": "192.0.2.153/32",
         "route IPv6": SECOND6, "link": SECOND4}
# What the kernel ends by itself, soon enough; what it ends when it looks for it; and what it never ends.
ADDRESSES = ("address IPv4", "address IPv6")
EXPIRING_ROUTE = "route IPv6"
UNENDING = ("route IPv4", "link")

# An interface for the addresses, one that the routes leave by, and the link.
HOLDER, DEVICE, LINK = INTERFACES = ("holder0", "device0", "link0")
PORT = 8053
GREETING = "well"

# Says the greeting on each connection.
_SERVICE = """
import socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=64)
while True:
    connection = listener.accept()[0]
    connection.sendall(sys.argv[2].encode())
    connection.close()
"""


class Stand:
    """Everything is announced when start() returns, by the far node too; close() ends what it made."""

    def __init__(self, probing: Probing, lease=LEASE):
        self.probing = probing
        self.lease = lease
        self.lab = probing.lab
        self.node = probing.node
        self.folder = probing.folder
        self.run_dir = self.node.run_dir
        self.log = self.folder / "anyprobe.log"
        self.environment = dict(os.environ)
        self.clock = None  # a WildClock, if it has one
        self.prober = self.keeper = None  # those that start() started
        self.more = {}  # of the service's configuration
        self.service = Server(self.node, self.folder, "service", sys.executable, "-c", _SERVICE, PORT, GREETING,
                              serves=lambda: listens(self.node.namespace, "tcp", PORT))
        self.closing = contextlib.ExitStack()

    def make_interface(self, name):
        self.node.namespace.ip("link", "add", name, "type", "veth", "peer", "name", f"{name}-far")
        self.node.namespace.ip("link", "set", f"{name}-far", "up")
        if name == LINK:
            self.node.namespace.ip("addr", "add", KINDS["link"], "dev", LINK)
        else:
            self.node.namespace.ip("link", "set", name, "up")

    def start(self):
        for name in INTERFACES:
            self.make_interface(name)
        for prefix in KINDS.values():
            self.lab.far.add_address(prefix)
        self.service.start()
        self.closing.callback(self.service.kill)
        self.write_configuration()
        self.start_daemon()
        self.probing.announced(KINDS.values())
        # Known before anything is struck: to look for them then would take too long.
        self.prober, self.keeper = self.probing.pid("anyprobe"), self.probing.keeper()

    def configuration(self):
        advertise = [{"address": KINDS[kind], "interface": HOLDER} for kind in ADDRESSES]
        advertise += [{"route": KINDS[kind], "device": DEVICE} for kind in ("route IPv4", EXPIRING_ROUTE)]
        advertise += [{"link": LINK}]
        return {"services": [{
            "name": "all", "interval": "300ms", "timeout": "250ms", "rise": 1, "fall": 2, "lease": f"{self.lease}s",
            "probe": {"type": "tcp", "ports": [PORT], "expect": GREETING}, "advertise": advertise, **self.more}]}

    def write_configuration(self, text=None):
        return self.probing.write(text if text is not None else self.configuration())

    def start_daemon(self):
        self.log.touch()
        path = self.folder / "anyprobe.json"
        # Where it may leave a core.
        self.node.namespace.spawn(BUILD / "anyprobe", "run", "--run-dir", self.run_dir, "--config", path,
                                  log=self.log, env=self.environment, cwd=self.folder)

    def kill_service(self):
        """Returns time.monotonic() of it; it is not waited for, so that what follows happens at the same moment."""
        at = time.monotonic()
        self.service.process.send_signal(signal.SIGKILL)
        return at

    def hang_service(self):
        return self.service.stop()

    def leave_half_dead(self):
        """It accepts and says nothing."""
        at = self.service.kill()
        held = HeldSocket(self.node.namespace, f"tcp:127.0.0.1:{PORT}")
        self.closing.callback(held.close)
        held.wait_asked(2)
        return at

    def wait_logged(self, text, begin=0, timeout=PATIENCE):
        wait_until(lambda: text in self.log.read_text(errors="replace")[begin:], timeout, f"it logs {text!r}")

    # What is there.

    def routed_here(self, kind):
        return self.node.router_port in self.lab.routes.now(KINDS[kind])

    def absences(self, kind, since):
        """The stretches after `since` in which the router did not route it here: [begin, end], end None of the last
        if it still is."""
        found = []
        for change in list(self.lab.routes.changes):
            if change.prefix != KINDS[kind] or change.at < since:
                continue
            away = self.node.router_port not in change.interfaces
            if away and not (found and found[-1][1] is None):
                found.append([change.at, None])
            elif not away and found:
                found[-1][1] = change.at
        return found

    def held(self):
        """The kinds that the node's kernel has, whoever put them there."""
        found = set()
        for link in self.node.namespace.ip("-j", "addr", "show"):
            there = {f"{one.get('local')}/{one.get('prefixlen')}" for one in link["addr_info"]}
            found |= {kind for kind in ADDRESSES if KINDS[kind] in there}
            if link["ifname"] == LINK and "UP" in link["flags"]:
                found.add("link")
        for kind, family in (("route IPv4", "-4"), (EXPIRING_ROUTE, "-6")):
            if self.node.namespace.ip("-j", family, "route", "show", KINDS[kind], "dev", DEVICE, check=False):
                found.add(kind)
        return found

    def close(self):
        self.closing.close()
