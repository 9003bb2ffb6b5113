"""client - router - two nodes, near and far, or three, in network namespaces: real FRR, real unbound, our dns-probe."""

import contextlib
import itertools
import os
import shutil
import signal
import sys
import threading
import time
from pathlib import Path

import netns
from bird import Bird
from dns_client import SteadyClient, ask
from frr import DAEMONS, Frr
from netns import PATIENCE, Namespace, Timeout, kill, wait_until
from watch import AddressWatch, RouteWatch

REPO = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("ANYPROBE_BUILD", REPO / "build")).resolve()

SERVICE4, SERVICE6 = "192.0.2.1/32", "2001:db8:ffff:a000:fdc0::3b5/128"
SECOND4, SECOND6 = "192.0.2.2/32", "2001:db8:ffff:a000:fdc0::3b6/128"
SERVICES = (SERVICE4, SECOND4, SERVICE6, SECOND6)


def our_programs():
    """The names our processes may have: the three programs, and what links to the first by the build."""
    links = {entry.name for entry in BUILD.iterdir() if entry.is_symlink() and os.readlink(entry) == "anyprobe"}
    return links | {"anyprobe", "anyprobe-keeper", "anyprobe-runner"}


IDENTITY = "id.example.org"  # its A record is the node's own address

# What a machine boots: file to the folder of quagga-conf.
_FRR_FILES = ("daemons", "frr.conf")
_QUAGGA_FILES = ("daemons", "zebra.conf", "ospfd.conf", "ospf6d.conf")
SHAPES = {
    "frr": {"node": dict.fromkeys(_FRR_FILES, "node"), "router": dict.fromkeys(_FRR_FILES, "router")},
    "quagga": {"node": dict.fromkeys(_QUAGGA_FILES, "node"), "router": dict.fromkeys(_QUAGGA_FILES, "router")},
    "old-page": {
        "node": {"daemons": "node", "zebra.conf": "node", "ospfd.conf": "old-page", "ospf6d.conf": "old-page"},
        "router": dict.fromkeys(_QUAGGA_FILES, "router")},
}


def example(near, far, integrated):
    """A shape with a folder of quagga-conf a node; `integrated` names the node ("near", "far") that boots its
    frr.conf, the other boots the split style. What a folder has no file for comes from node."""
    shape = {"router": dict.fromkeys(_FRR_FILES, "router")}
    for node, folder in (("near", near), ("far", far)):
        own = {"frr.conf": folder} if node == integrated else \
            {"zebra.conf": "node", "ospfd.conf": folder, "ospf6d.conf": folder}
        shape[node] = {"daemons": "node", **own}
    return shape


# The port of a third node, which the router of quagga-conf has not: as those of the other two.
_THIRD_PORT = {
    "ospfd": ("interface eth3", "ip ospf network point-to-point", "ip ospf hello-interval 1", "ip ospf dead-interval 4",
              "ip ospf retransmit-interval 1", "ip ospf cost 30"),
    "ospf6d": ("interface eth3", "ipv6 ospf6 area 0.0.0.0", "ipv6 ospf6 network point-to-point",
               "ipv6 ospf6 hello-interval 1", "ipv6 ospf6 dead-interval 4", "ipv6 ospf6 retransmit-interval 1",
               "ipv6 ospf6 cost 30"),
}

_UNBOUND = """
server:
  interface: 0.0.0.0
  interface: ::0
  # Answers from the address that was asked, which comes and goes.
  interface-automatic: yes
  access-control: 0.0.0.0/0 allow
  access-control: ::/0 allow
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: "{folder}/unbound.pid"
  logfile: ""
  use-syslog: no
  do-daemonize: no
  num-threads: 1
  # Nor is a question lost while the machine stands still.
  so-rcvbuf: 4m
  module-config: "iterator"
  identity: "{name}"
  # No internet here: everything that is asked is answered from these lines.
  local-zone: "." static
  local-data: ". 3600 IN SOA ns.example.org. hostmaster.example.org. 1 3600 900 604800 3600"
  local-data: "www.example.org. 60 IN A 198.51.100.80"
  local-data: "www.example.org. 60 IN AAAA 2001:db8:ffff:1000::80"
  local-data: "{identity}. 0 IN A {address}"
  {more}
remote-control:
  control-enable: no
"""


def unbound_configuration(folder, node, more=""):
    """`folder`: where it may write. `more`: one further line."""
    return _UNBOUND.format(folder=folder, name=node.name, identity=IDENTITY, address=node.address, more=more)


class Node:
    """A host that serves DNS and announces it."""

    def __init__(self, namespace, folder, address, router_port):
        self.namespace = namespace
        self.name = namespace.name.rsplit("-", 1)[1]
        self.folder = folder
        self.address = address          # its own, on the link to the router
        self.router_port = router_port  # the router's interface that faces it
        self.run_dir = folder / "run"
        self.run_dir.mkdir()
        self.frr = None
        self.unbound = None
        self._own = set()      # its addresses on eth0
        self._changed = False  # whether the resolver runs with a line of a test's own
        self._conf = folder / "unbound.conf"

    def start_unbound(self, more=""):
        """Returns once it answers. `more`: one further line of its configuration."""
        if self.unbound and self.unbound.poll() is None:
            return
        self._changed = more != ""
        self._conf.write_text(unbound_configuration(self.folder, self, more))
        self.unbound = self.namespace.spawn("/usr/sbin/unbound", "-d", "-c", self._conf,
                                            log=self.folder / "unbound.log")
        wait_until(lambda: ask(self.namespace, "127.0.0.1", IDENTITY, timeout=0.05, tcp=more == "do-udp: no"), 10,
                   f"{self.name}: unbound answers", every=0.01)

    def kill_unbound(self, number=signal.SIGKILL):
        """Returns time.monotonic() of the kill."""
        at = time.monotonic()
        self.unbound.send_signal(number)
        if number in (signal.SIGKILL, signal.SIGTERM):
            self.unbound.wait(PATIENCE)
        return at

    def watch_addresses(self, on_change=None):
        """The caller closes it."""
        return AddressWatch(self.namespace, on_change)

    def add_address(self, prefix, *words):
        words = ("nodad", "preferred_lft", "0", *words) if ":" in prefix else words
        self.namespace.ip("addr", "add", prefix, "dev", "lo", *words)

    def del_address(self, prefix):
        self.namespace.ip("addr", "del", prefix, "dev", "lo")

    def addresses(self, interface="lo"):
        """What is on the interface beyond 127.0.0.1, ::1 and link-local, as prefixes."""
        found = self.namespace.ip("-j", "addr", "show", "dev", interface)
        return {f"{one['local']}/{one['prefixlen']}" for link in found for one in link.get("addr_info", [])
                if one["scope"] not in ("host", "link") and one["local"] not in ("127.0.0.1", "::1")}

    def program(self, name, *words, **options):
        """One of our programs, run to its end (a daemon form: until it is in the background)."""
        return self.namespace.run(BUILD / name, *words, **options)

    def dns_probe(self, *words, **options):
        return self.program("dns-probe", "--run-dir", self.run_dir, *words, **options)

    def probers(self, program="dns-probe"):
        return self.namespace.named(program)

    def keepers(self):
        return self.namespace.named("anyprobe-keeper")

    def our_processes(self):
        # The kernel keeps 15 letters of a name.
        names = {name[:15] for name in our_programs()}
        return [pid for pid in self.namespace.pids()
                if netns.process_name(pid) in names and netns.process_state(pid) not in (None, "Z")]

    def end_processes(self, timeout=5):
        """Ends every process of ours, orderly where it can."""
        for number, patience in ((signal.SIGTERM, timeout), (signal.SIGKILL, 3)):
            for pid in self.our_processes():
                kill(pid, number)
                kill(pid, signal.SIGCONT)
            with contextlib.suppress(Timeout):
                wait_until(lambda: not self.our_processes(), patience, "the probes end", every=0.02)
                break

    def end_probes(self):
        """The same, and clears what was left on lo and in the run-dir."""
        self.end_processes()
        for prefix in self.addresses():
            with contextlib.suppress(RuntimeError):
                self.del_address(prefix)
        for entry in self.run_dir.iterdir():
            entry.unlink()

    def remember(self):
        """What is there now stays."""
        self._own = self.addresses("eth0")

    def clear(self):
        """Removes what else a test may have left: processes, interfaces, and what is on those that stay."""
        ours = {process.pid for process in (self.unbound, *self.frr.processes.values()) if process}
        left = set(self.namespace.pids()) - ours
        for pid in left:
            kill(pid, signal.SIGKILL)
        # What they held is free only then.
        wait_until(lambda: all(netns.process_state(pid) in (None, "Z") for pid in left), PATIENCE,
                   f"{self.name}: what a test left ends")
        for link in self.namespace.ip("-j", "addr", "show"):
            if link["ifname"] not in ("lo", "eth0"):
                # One of a veth pair takes the other along.
                self.namespace.ip("link", "del", link["ifname"], check=False)
        for prefix in self.addresses("eth0") - self._own:
            self.namespace.ip("addr", "del", prefix, "dev", "eth0", check=False)
        for family in ("-4", "-6"):
            for route in self.namespace.ip("-j", family, "route", "show", "table", "all"):
                if route.get("protocol") not in ("kernel", "ospf", "bird", "ra"):
                    self.namespace.ip(family, "route", "del", route["dst"], "table", route.get("table", "main"),
                                      check=False)

    def reset(self):
        """Nothing of a test's own, and the resolver as it was at first."""
        self.clear()
        if self.unbound and self.unbound.poll() is None:
            self.unbound.send_signal(signal.SIGCONT)
            if not self._changed:
                return
            self.kill_unbound()
        self.start_unbound()


class Lab:
    """The whole of it, as a context manager. `style` is one of SHAPES, or a dictionary of the same form;
    `on_route` is told of each watch.Change of the router's routes. `edit` changes what FRR is booted from, see Frr."""

    _numbers = itertools.count(1)

    def __init__(self, style="frr", resolvers=True, on_route=None, edit=None, third=False):
        self._shape = SHAPES[style] if isinstance(style, str) else style
        self._resolvers = resolvers
        self._on_route = on_route
        self._edit = edit
        self._roles = ("near", "far", "third") if third else ("near", "far")
        # `timers lsa min-arrival` is in the router's frr.conf only; some room for the flooding itself.
        self._min_arrival = 0.15 if "frr.conf" in self._shape["router"] else 1.05
        self._stack = contextlib.ExitStack()
        self._prefix = f"ap{os.getpid()}-{next(Lab._numbers)}"

    def __enter__(self):
        netns.remove_leftovers()
        for number in (signal.SIGTERM, signal.SIGHUP):
            # Ends as Ctrl-C does, so that the namespaces go. A worker of xdist may run its tests in another thread,
            # which may not say so.
            if signal.getsignal(number) == signal.SIG_DFL and threading.current_thread() is threading.main_thread():
                signal.signal(number, lambda got, _: sys.exit(128 + got))
        with contextlib.ExitStack() as stack:
            self._build(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self._stack.close()

    def _build(self, stack):
        self.folder = netns.scratch_folder(self._prefix)
        self.folder.mkdir(mode=0o755)
        if not os.environ.get("ANYPROBE_LAB_KEEP"):
            stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self.client, self.router, *hosts = (self._namespace(stack, role) for role in ("client", "router", *self._roles))
        self._link(self.client, self.router, "eth0", "203.0.113.%d/24", "2001:db8:ffff:2000::%d/64", (2, 1))
        for number, host in enumerate(hosts):
            self._link(host, self.router, f"eth{1 + number}", "198.51.100.%d/30",
                       f"2001:db8:ffff:100{number}::%d/64", (2 + 4 * number, 1 + 4 * number))
        self.client.ip("route", "add", "default", "via", "203.0.113.1")
        self.client.ip("-6", "route", "add", "default", "via", "2001:db8:ffff:2000::1")

        self.nodes = tuple(Node(host, self._own_folder(host), f"198.51.100.{2 + 4 * number}", f"eth{1 + number}")
                           for number, host in enumerate(hosts))
        self.near, self.far = self.nodes[:2]
        self.router_frr = Frr(self.router, self._own_folder(self.router), self._shape["router"],
                              edit=self._edit)
        stack.callback(self.router_frr.close)
        for node in self.nodes:
            shape = self._shape.get(node.name) or self._shape["node"]
            kind = Bird if "bird.conf" in shape else Frr
            node.frr = kind(node.namespace, node.folder, shape, router_id=node.address, edit=self._edit)
            stack.callback(node.frr.close)
        frrs = (self.router_frr, *(node.frr for node in self.nodes))
        for daemon in (*DAEMONS, *Bird.daemons):
            running = [frr for frr in frrs if daemon in frr.daemons]
            for frr in running:
                frr.start(daemon)
            for frr in running:
                frr.wait_ready(daemon)
        for frr in frrs:
            if frr.integrated:
                frr.load()
        if len(self.nodes) > 2:
            for daemon, lines in _THIRD_PORT.items():
                self.router_frr.configure(daemon, *lines)
        if self._resolvers:
            for node in self.nodes:
                node.start_unbound()
        self.routes = RouteWatch(self.router, self._on_route)
        stack.callback(self.routes.close)
        self.wait_adjacent()
        for node in self.nodes:
            node.remember()

    def _namespace(self, stack, role):
        namespace = Namespace(f"{self._prefix}-{role}")
        stack.callback(namespace.close)
        namespace.ip("link", "set", "lo", "up")
        for key in ("all", "default"):
            # Link-local addresses are usable at once, or ospf6d loses two seconds.
            namespace.sysctl(f"net/ipv6/conf/{key}/accept_dad", 0)
            namespace.sysctl(f"net/ipv4/conf/{key}/rp_filter", 0)
        if role == "router":
            namespace.sysctl("net/ipv4/ip_forward", 1)
            namespace.sysctl("net/ipv6/conf/all/forwarding", 1)
        return namespace

    def _own_folder(self, namespace):
        folder = self.folder / namespace.name
        folder.mkdir(mode=0o755)
        return folder

    @staticmethod
    def _link(host, router, port, address4, address6, ends):
        host.ip("link", "add", "eth0", "type", "veth", "peer", "name", port, "netns", router.name)
        for namespace, interface, end_ in ((host, "eth0", ends[0]), (router, port, ends[1])):
            namespace.ip("addr", "add", address4 % end_, "dev", interface)
            namespace.ip("addr", "add", address6 % end_, "dev", interface, "nodad")
            namespace.ip("link", "set", interface, "up")

    def wait_adjacent(self, timeout=20):
        """Every adjacency is complete, and each end knows the way to the clients."""
        for daemon in ("ospfd", "ospf6d"):
            wait_until(lambda d=daemon: self.router_frr.full_neighbors(d) == len(self.nodes)
                       and all(node.frr.full_neighbors(d) == 1 for node in self.nodes),
                       timeout, f"{daemon}: adjacencies are complete", every=0.05)
        for node in self.nodes:
            for family, prefix in (("-4", "203.0.113.0/24"), ("-6", "2001:db8:ffff:2000::/64")):
                wait_until(lambda n=node, f=family, p=prefix: n.namespace.ip("-j", f, "route", "show", p),
                           timeout, f"{node.name} knows {prefix}", every=0.05)

    def wait_route(self, prefix, node, timeout=10):
        """Until the router sends the prefix to the node (None: nowhere); returns time.monotonic() of it."""
        return self.routes.wait(prefix, [node.router_port] if node else [], timeout)

    def settle(self):
        """Until the router will take the next change at once, and not after a retransmission (MinLSArrival)."""
        last = max((change.at for change in self.routes.changes), default=0.0)
        time.sleep(max(0.0, last + self._min_arrival - time.monotonic()))

    def route_to(self, prefix):
        """The node the router sends the prefix to; None when to none."""
        ports = self.routes.now(prefix)
        assert len(ports) <= 1, f"{prefix} goes several ways: {ports}"
        return next((node for node in self.nodes if node.router_port in ports), None)

    def steady_client(self, service=SERVICE4, interval=0.01, on_change=None):
        return SteadyClient(self.client, service.split("/")[0], IDENTITY, interval, on_change)

    def end_probes(self):
        # Or the withdrawal is dropped by the router, and taken a second later.
        self.settle()
        for node in self.nodes:
            node.end_probes()

    def reset(self):
        """Nothing announced, resolvers alive, nothing left of a test: where every test starts."""
        self.end_probes()
        for node in self.nodes:
            node.reset()
        self.reset_addresses()

    def reset_addresses(self):
        self.settle()
        for node in self.nodes:
            for prefix in node.addresses():
                node.del_address(prefix)
        for prefix in SERVICES:
            self.wait_route(prefix, None)


