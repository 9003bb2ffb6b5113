"""Routes, links and files of addresses: what the kernel has of them, and what the router makes of it."""

import signal
import sys
import time

import pytest
from conftest import BOTH, PROMPT, QUICK, service
from frr import permitted
from lab import SECOND4, SERVICE4, SERVICE6
from netns import PATIENCE, Namespace, kill, process_state, wait_until
from status import becomes

FIRST, OTHER = "192.0.2.153/32", "192.0.2.154/32"
ROUTE6 = "2001:db8:ffff:a000:fdc0::153/128"

# Accepts connections; says one line once it listens.
_LISTENER = """
import socket, sys
listener = socket.create_server((sys.argv[1], 80), family=socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
print("listening", flush=True)
while True:
    listener.accept()[0].close()
"""


def host(prefix):
    return prefix.split("/")[0]


class Behind:
    """A host behind the node's interface bond0, with a service on each of its addresses."""

    def __init__(self, node, folder):
        self._folder = folder
        self._processes = {}
        self.namespace = Namespace(node.namespace.name.rsplit("-", 1)[0] + "-behind")
        self.namespace.ip("link", "set", "lo", "up")
        node.namespace.ip("link", "add", "bond0", "type", "veth", "peer", "name", "eth0", "netns", self.namespace.name)
        for namespace, interface, addresses in (
                (node.namespace, "bond0", ("192.0.2.129/25", "2001:db8:ffff:a000:fdc0::101/120")),
                (self.namespace, "eth0", ("192.0.2.153/25", "192.0.2.154/25", "2001:db8:ffff:a000:fdc0::153/120"))):
            namespace.ip("link", "set", interface, "up")
            for address in addresses:
                namespace.ip("addr", "add", address, "dev", interface, *(("nodad",) if ":" in address else ()))

    def serve(self, prefix):
        log = self._folder / f"listener-{host(prefix)}.log"
        log.write_text("")
        self._processes[prefix] = self.namespace.spawn(sys.executable, "-c", _LISTENER, host(prefix), log=log)
        wait_until(lambda: "listening" in log.read_text(), 5, f"{prefix} is served")

    def fail(self, prefix):
        process = self._processes.pop(prefix)
        process.kill()
        process.wait(5)


@pytest.fixture
def behind(probing, folder):
    one = Behind(probing.node, folder)
    yield one
    one.namespace.close()


def of_node(node, prefix):
    """The routes to the prefix in the node's main table."""
    return node.namespace.ip("-j", "-N", "-6" if ":" in prefix else "-4", "route", "show", prefix)


def prober(node, prefix):
    return int((node.run_dir / f"tcp-route-probe-{host(prefix)}.pid").read_text())


def start(node, *words):
    return node.program("tcp-route-probe", "--run-dir", node.run_dir, *QUICK, *PROMPT, *words)


def listen(probing):
    """A service on the node itself."""
    log = probing.folder / "listener.log"
    log.write_text("")
    process = probing.node.namespace.spawn(sys.executable, "-c", _LISTENER, "127.0.0.1", log=log)
    wait_until(lambda: "listening" in log.read_text(), 5, "it listens")
    return process


def test_side_by_side_as_in_rc_local(probing, behind):
    node = probing.node
    prefixes = (FIRST, OTHER, ROUTE6)
    with permitted(node, OTHER, ROUTE6):
        for prefix in prefixes:
            behind.serve(prefix)
            done = start(node, "bond0", host(prefix), "80")
            assert done.returncode == 0, done
        probing.announced(prefixes)
        for prefix in prefixes:
            (route,) = of_node(node, prefix)
            assert route["dev"] == "bond0" and route["protocol"] == "77", route
        again = start(node, "bond0", host(FIRST), "80")
        assert again.returncode == 69 and "tcp-route-probe-192.0.2.153 is already running" in again.stderr, again

        behind.fail(FIRST)
        probing.withdrawn((FIRST,))
        assert of_node(node, FIRST) == []
        behind.serve(FIRST)
        probing.announced((FIRST,))

        # Removed by hand, it is back; the kernel's own removal with the interface is made good too.
        node.namespace.ip("route", "del", FIRST)
        wait_until(lambda: of_node(node, FIRST), 2, "the route is back")
        probing.announced((FIRST,))
        node.namespace.ip("link", "set", "bond0", "down")
        probing.withdrawn((FIRST, OTHER))
        node.namespace.ip("link", "set", "bond0", "up")
        node.namespace.ip("addr", "replace", "2001:db8:ffff:a000:fdc0::101/120", "dev", "bond0", "nodad")
        # The router may not have heard yet that the third was gone.
        wait_until(lambda: all(of_node(node, prefix) for prefix in prefixes), PATIENCE, "all routes are back")
        probing.announced(prefixes)

        suspended = prober(node, FIRST)
        others = [prober(node, prefix) for prefix in (OTHER, ROUTE6)]
        kill(suspended, signal.SIGTSTP)
        wait_until(lambda: process_state(suspended) == "T", 5, "it is suspended")
        assert of_node(node, FIRST) == []
        probing.withdrawn((FIRST,))
        assert all(process_state(pid) == "S" for pid in others)
        assert all(of_node(node, prefix) for prefix in (OTHER, ROUTE6))
        kill(suspended, signal.SIGCONT)
        probing.announced((FIRST,))

        kill(suspended, signal.SIGTERM)
        probing.withdrawn((FIRST,))
        assert prober(node, OTHER) == others[0]
        assert len(node.probers("tcp-route-probe")) == 2 and of_node(node, OTHER)
        kill(prober(node, ROUTE6), signal.SIGTERM)
        kill(prober(node, OTHER), signal.SIGTERM)
        probing.withdrawn((OTHER, ROUTE6))


def test_one_probe_with_advertisements_of_all_kinds(probing, behind):
    node = probing.node
    addresses = ("192.0.2.1/32", "192.0.2.2/32", "192.0.2.3/32", SERVICE6,
                 "2001:db8:ffff:a000:fdc0::3b6/128", "2001:db8:ffff:a000:fdc0::3b7/128")
    node.namespace.ip("link", "add", "dummy0", "type", "veth", "peer", "name", "dummy1")
    node.namespace.ip("link", "set", "dummy1", "up")
    node.namespace.ip("addr", "add", "192.0.2.4/32", "dev", "dummy0")
    everything = (*addresses, FIRST, ROUTE6, "192.0.2.4/32")
    with permitted(node, "192.0.2.0/24 le 32", "2001:db8:ffff:a000:fdc0::/96 le 128"):
        one = service(*addresses, probe={"type": "tcp", "host": "127.0.0.1", "ports": 80})
        one["advertise"] += [{"route": FIRST, "device": "bond0"}, {"route": ROUTE6, "device": "bond0", "metric": 5},
                             {"link": "dummy0"}]
        listener = listen(probing)
        probing.run_config(one, frr={"vty_dir": str(node.frr.run_dir)})
        probing.announced(everything)
        # What a link carries cannot be told.
        wanted = {**dict.fromkeys((*addresses, FIRST, ROUTE6), True), "link": None}
        becomes(probing, lambda one: {each["what"].split()[0]: each["confirmed"]
                                      for each in one.services["dns"]["advertise"]} == wanted, "it is confirmed", 30)
        (route,) = of_node(node, ROUTE6)
        assert route["metric"] == 5, route
        listener.kill()
        listener.wait(5)
        probing.withdrawn(everything)
        assert not node.addresses() and not of_node(node, FIRST)
        listen(probing)
        probing.announced(everything)
        node.end_processes()
        probing.withdrawn(everything)


def test_a_link_with_a_thousand_addresses(probing):
    node = probing.node
    four = [f"192.0.2.{i}/32" for i in range(1, 251)]
    six = [f"2001:db8:ffff:b000::{i:x}/128" for i in range(1, 751)]
    node.namespace.ip("link", "add", "dummy0", "type", "veth", "peer", "name", "dummy1")
    node.namespace.ip("link", "set", "dummy1", "up")
    node.namespace.sysctl("net/ipv6/conf/dummy0/keep_addr_on_down", 1)
    batch = probing.write("".join(f"addr add {prefix} dev dummy0{' nodad' if ':' in prefix else ''}\n"
                                  for prefix in four + six), "batch")
    node.namespace.ip("link", "set", "dummy0", "up")  # or it takes no IPv6 address
    assert node.namespace.run("ip", "-batch", batch).returncode == 0
    listener = listen(probing)

    def routes():
        return sum(prefix.startswith(("192.0.2.", "2001:db8:ffff:b000:")) for prefix in probing.lab.routes.prefixes())
    with permitted(node, "192.0.2.0/24 le 32", "2001:db8:ffff:b000::/64 le 128"):
        one = service(probe={"type": "tcp", "host": "127.0.0.1", "ports": 80})
        one["advertise"] = [{"link": "dummy0"}]
        _, log = probing.run_config(one)
        wait_until(lambda: routes() == 1000, 20, "the router has all of them", every=0.05)
        probing.lab.settle()
        listener.kill()
        listener.wait(5)
        wait_until(lambda: "withdrawn link dummy0" in log.read_text(), 5, "it is withdrawn", every=0.005)
        gone = time.monotonic()
        wait_until(lambda: routes() == 0, 10, "the router has none of them", every=0.01)
        print(f"a thousand routes gone {time.monotonic() - gone:.2f} s after the link")
        assert "keep_addr_on_down" not in log.read_text()
        listen(probing)
        wait_until(lambda: routes() == 1000, 20, "the router has all of them again", every=0.05)
        node.end_processes()
        wait_until(lambda: routes() == 0, 10, "the router has none of them", every=0.05)


def test_a_file_of_addresses_is_read_again(probing):
    listen(probing)
    folder = probing.folder
    addresses = folder / "addresses"
    addresses.write_text(f"# ours\n{host(SERVICE4)}\n192.0.2.8/31\n{SERVICE6}\n")
    with permitted(probing.node, "192.0.2.0/24 le 32"):
        _, log = probing.start_foreground("--ports", "80", program="tcp-route-probe",
                                          addresses=("--addresses-from", addresses))
        probing.announced((*BOTH, "192.0.2.8/32", "192.0.2.9/32"))
        addresses.write_text(f"{SERVICE4}\n{SECOND4}\n")
        kill(probing.keeper(), signal.SIGHUP)
        probing.announced((SECOND4,))
        probing.withdrawn((SERVICE6, "192.0.2.8/32", "192.0.2.9/32"))
        assert probing.node.addresses() == {SERVICE4, SECOND4}
        addresses.write_text(f"{SERVICE4}\nnonsense\n")
        kill(probing.keeper(), signal.SIGHUP)
        wait_until(lambda: "the configuration is refused, the old one is kept" in log.read_text(), 5, "it is refused")
        assert f"--addresses-from: {addresses}:2: \"nonsense\" is no prefix" in log.read_text()
        assert probing.node.addresses() == {SERVICE4, SECOND4}
        probing.node.end_processes()

        wide = service(probe={"type": "tcp", "host": "127.0.0.1", "ports": 80})
        wide["advertise"] = [{"addresses_from": str(addresses), "expand": False}]
        addresses.write_text("192.0.2.65/26\n")
        probing.run_config(wide)
        probing.announced(("192.0.2.64/26",))
        assert probing.node.addresses() == {"192.0.2.65/26"}
        addresses.write_text("192.0.2.65/26\n192.0.2.3/33\n")
        done = probing.node.program("anyprobe", "validate", "--config", folder / "anyprobe.json")
        assert done.returncode == 78, done
        assert f"services[0].advertise[0].addresses_from: {addresses}:2: \"192.0.2.3/33\" is no prefix" in done.stderr


def test_what_is_refused(probing, behind):
    node = probing.node
    node.namespace.ip("link", "add", "dummy0", "type", "veth", "peer", "name", "dummy1")
    behind.serve(FIRST)

    def refused(*words):
        done = start(node, *words, "bond0", host(FIRST), "80")
        probing.nothing_runs()
        assert done.returncode == 78, done
        return done.stderr
    assert "link eth0 must not be set down: OSPF is spoken on it" in refused("--link", "eth0")
    node.namespace.ip("link", "set", "dummy0", "up")
    node.namespace.ip("route", "add", "default", "dev", "dummy0")
    assert "link dummy0 must not be set down: the default route goes through it" in refused("--link", "dummy0")
    node.namespace.ip("route", "del", "default")

    node.namespace.ip("route", "add", FIRST, "dev", "dummy0")
    assert "192.0.2.153/32 dev dummy0 proto 3 is there already and lacks our mark" in refused()
    (route,) = of_node(node, FIRST)
    assert route["dev"] == "dummy0", route
    done = start(node, "--adopt", "bond0", host(FIRST), "80")
    assert done.returncode == 0, done
    probing.announced((FIRST,))

    # A reload is refused as a start is: what holds goes on.
    config = service(SERVICE4, probe={"type": "tcp", "host": host(FIRST), "ports": 80})
    _, log = probing.run_config(config)
    probing.announced((SERVICE4,))
    config["advertise"].append({"link": "eth0"})
    probing.write({"services": [config]})
    kill(int((node.run_dir / "anyprobe.pid").read_text()), signal.SIGHUP)
    wait_until(lambda: "the configuration is refused, the old one is kept" in log.read_text(), 5, "it is refused")
    assert "link eth0 must not be set down: OSPF is spoken on it" in log.read_text()
    assert node.addresses() == {SERVICE4} and "UP" in node.namespace.ip("link", "show", "eth0")
