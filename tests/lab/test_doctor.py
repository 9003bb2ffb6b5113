"""`anyprobe doctor`: a node in order, then broken in one way after the other; what is found is mended by the very line
that was printed."""

import contextlib
import json
import shutil

import pytest
from conftest import BOTH, Probing, service
from lab import BUILD, SECOND4, SERVICE4, SERVICE6, Lab
from netns import PATIENCE, end, wait_until

pytestmark = pytest.mark.xdist_group("doctor")

# What is so of the machine that runs the tests, whatever they do.
OF_THE_MACHINE = {"clock", "kernel", "seccomp"}
IN_ORDER = {"net/ipv4/conf/all/arp_ignore": 1, "net/ipv4/conf/all/arp_announce": 2, "net/ipv6/ip_nonlocal_bind": 1}


class Doctor:
    """The node, and what is said of it."""

    def __init__(self, probing):
        self.probing = probing
        self.node = probing.node
        self.frr = {"vty_dir": str(self.node.frr.run_dir)}
        self.services = [service(*BOTH, linger="2s")]
        self.path = self.configuration(*self.services)

    def configuration(self, *services, name="doctor.json", **more):
        return self.probing.write({"services": list(services), "frr": self.frr, **more}, name)

    def run(self, *words, by=(), config=None):
        return self.node.namespace.run(*by, BUILD / "anyprobe", "doctor", "--config", config or self.path,
                                       "--run-dir", self.node.run_dir, *words)

    def findings(self, **how):
        """By id, with the exit code held against the gravest of them."""
        done = self.run("--json", **how)
        assert done.stderr == "", done.stderr
        told = json.loads(done.stdout)
        worst = {one["gravity"] for one in told["findings"]}
        code = 2 if "blocking" in worst else 1 if "warning" in worst else 0
        assert (done.returncode, told["code"]) == (code, code)
        return [one for one in told["findings"] if one["id"] not in OF_THE_MACHINE]

    def ids(self, **how):
        return [one["id"] for one in self.findings(**how)]

    def well(self, what, **how):
        wait_until(lambda: self.ids(**how) == [], PATIENCE, f"nothing is found {what}", every=0.1)

    def shell(self, line, by=()):
        done = self.node.namespace.run(*by, "/bin/sh", "-c", line)
        assert done.returncode == 0 and "%" not in done.stdout, (line, done.stdout, done.stderr)

    def finds_and_mends(self, wanted, config=None):
        """Just this, once or of each family, and the lines that are told help."""
        found = self.findings(config=config)
        assert {one["id"] for one in found} == {wanted}, found
        for one in found:
            assert one["what"] and one["why"]
            for line in one["mend"]:
                self.shell(line)
        self.well(f"once {wanted} is mended", config=config)
        return found


@pytest.fixture(scope="module")
def booted():
    with Lab() as lab:
        for key, value in IN_ORDER.items():
            lab.near.namespace.sysctl(key, value)
        lab.near.frr.configure("ospfd", "router ospf", "timers throttle lsa all 0")
        yield lab


@pytest.fixture
def doctor(booted, folder):
    booted.reset()
    probing = Probing(booted, folder)
    yield Doctor(probing)
    probing.close()
    booted.end_probes()


@contextlib.contextmanager
def called(node, folder, name):
    """A process of this name in the namespace of the node."""
    program = folder / name
    shutil.copy("/bin/sleep", program)
    process = node.namespace.spawn(program, "1000")
    try:
        wait_until(lambda: node.namespace.named(name[:15]), PATIENCE, f"{name} runs")
        yield
    finally:
        end(process)


def test_services_and_what_the_host_allows(doctor, folder):
    node = doctor.node

    def ids(*services, by=(), **more):
        return doctor.ids(config=doctor.configuration(*services, name="other.json", **more), by=by)
    doctor.well("before")

    own = {"type": "dns", "server": SERVICE4.split("/", maxsplit=1)[0], "query": "www.example.org"}
    frr = node.frr
    frr.configure("ospfd", f"ip prefix-list anycast permit {SECOND4}")
    assert ids(*doctor.services, service(SECOND4, name="circle", probe=own)) == ["asks-own-address"]
    web = service(SECOND4, name="web", probe={"type": "tcp", "ports": [8053]})
    told = doctor.findings(config=doctor.configuration(web, name="web.json"))
    assert [(one["id"], one["gravity"]) for one in told] == [("service-down", "warning")]
    doctor.probing.hold("tcp:127.0.0.1:8053")
    told = doctor.findings(config=doctor.configuration(web, name="web.json"))
    assert [(one["id"], one["gravity"]) for one in told] == [("not-listening", "blocking")]
    assert ids(service(SERVICE4, advertise=[{"address": SERVICE4, "interface": "eth7"}])) == ["interface-missing"]
    assert ids(service(SERVICE4, advertise=[{"address": SERVICE4, "interface": "eth0"}])) == ["shared-segment"]
    assert ids({"name": "wrong"})[0] == "configuration"
    assert ids(service(SERVICE4), frr={"vty_dir": str(folder)}) == ["frr-absent"]
    other = ids(service(SERVICE4), frr={"vty_dir": str(doctor.probing.lab.far.frr.run_dir)})
    assert other == ["vty-access"], "of another network namespace"

    node.add_address(SERVICE4)
    doctor.finds_and_mends("foreign-address")

    assert ids(*doctor.services, by=("setpriv", "--bounding-set", "-net_admin")) == ["capabilities"]
    assert ids(*doctor.services, by=("setpriv", "--no-new-privs")) == []
    assert ids(service(*BOTH, on_up=["/bin/true"]), by=("setpriv", "--no-new-privs")) == ["no-new-privs"]

    # What runs by another configuration is looked at too.
    unknown = "192.0.2.99/32"
    doctor.probing.start(addresses=("--address", unknown))
    wait_until(lambda: unknown in node.addresses(), PATIENCE, "it is announced")
    found = doctor.findings()
    assert [(one["id"], unknown in one["what"]) for one in found] == [("filtered", True)]
    node.end_probes()

    # systemd-networkd, whose files are those of a folder.
    files = folder / "systemd"
    files.mkdir()
    by = ("unshare", "-m", "/bin/sh", "-c", f'mount --bind {files} /etc/systemd && exec "$@"', "sh")
    with called(node, folder, "systemd-networkd"):
        found = doctor.findings(by=by)
        assert [one["id"] for one in found] == ["networkd-routes"]
        doctor.shell(found[0]["mend"][0], by)
        assert doctor.ids(by=by) == []
        (files / "network").mkdir()
        (files / "network" / "10-lo.network").write_text("[Match]\nName=lo\n")
        found = doctor.findings(by=by)
        assert [one["id"] for one in found] == ["networkd-addresses"]
        doctor.shell(found[0]["mend"][0], by)
        assert doctor.ids(by=by) == []

    # Whoever is not root is told what could not be looked at.
    done = doctor.run("--json", by=("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"))
    told = json.loads(done.stdout)
    assert any("root" in line for line in told["not_looked_at"])
    assert "vty-access" in [one["id"] for one in told["findings"]]


def test_each_is_found_and_mended(doctor):
    """The last test: nothing mends the area at its end."""
    node, frr = doctor.node, doctor.node.frr
    doctor.probing.run_config(*doctor.services, frr=doctor.frr)
    wait_until(lambda: node.addresses() >= set(BOTH), PATIENCE, "the addresses are there")
    doctor.well("on a node in order")
    assert doctor.run().stdout.splitlines()[-1]

    # FRR.
    for daemon, router in (("ospfd", "router ospf"), ("ospf6d", "router ospf6")):
        frr.configure(daemon, router, "no redistribute connected")
    found = doctor.finds_and_mends("no-redistribution")
    assert len(found) == 2
    doctor.probing.announced()
    for daemon, line in (("ospfd", f"no ip prefix-list anyprobe permit {SERVICE4}"),
                         ("ospf6d", f"no ipv6 prefix-list anyprobe6 permit {SERVICE6}")):
        frr.configure(daemon, line)  # as the mended map has it
    found = doctor.finds_and_mends("filtered")
    assert [SERVICE4 in one["what"] or SERVICE6 in one["what"] for one in found] == [True] * 2
    frr.configure("ospfd", "ip prefix-list anyprobe seq 3 deny any")
    doctor.finds_and_mends("filtered")
    frr.configure("ospfd", "route-map anyprobe deny 5")
    doctor.finds_and_mends("filtered")
    frr.configure("ospfd", "access-list nothing deny any", "router ospf", "distribute-list nothing out connected")
    doctor.finds_and_mends("filtered")
    doctor.probing.announced()  # so it was no lie

    def in_each(four, six):
        frr.configure("ospfd", *four)
        frr.configure("ospf6d", *six)
    in_each(("interface eth0", "no ip ospf retransmit-interval"),
            ("interface eth0", "ipv6 ospf6 retransmit-interval 5"))
    assert len(doctor.finds_and_mends("retransmit-interval")) == 2
    in_each(("router ospf", "no timers lsa min-arrival 100"), ("router ospf6", "timers lsa min-arrival 1000"))
    assert len(doctor.finds_and_mends("lsa-min-arrival")) == 2
    frr.configure("ospfd", "router ospf", "no timers throttle lsa all")
    doctor.finds_and_mends("lsa-throttle")
    in_each(("router ospf", "graceful-restart grace-period 60"), ("router ospf6", "graceful-restart grace-period 60"))
    assert len(doctor.finds_and_mends("graceful-restart")) == 2
    in_each(("router ospf", "graceful-restart helper enable"), ("router ospf6", "graceful-restart helper enable"))
    assert len(doctor.finds_and_mends("graceful-restart-helper")) == 2

    # The kernel.
    for key, wanted in (("net/ipv4/conf/all/arp_ignore", "arp-ignore"),
                        ("net/ipv4/conf/all/arp_announce", "arp-announce"),
                        ("net/ipv6/ip_nonlocal_bind", "ipv6-linger")):
        node.namespace.sysctl(key, 0)
        doctor.finds_and_mends(wanted)
    node.namespace.ip("link", "add", "second", "type", "veth", "peer", "name", "third")
    node.namespace.ip("addr", "add", "203.0.113.9/30", "dev", "second")
    node.namespace.ip("link", "set", "second", "up")
    node.namespace.sysctl("net/ipv4/conf/second/rp_filter", 1)
    doctor.finds_and_mends("rp-filter")
    node.namespace.ip("link", "del", "second")  # and its peer

    # Another node at the same cost, and an area that takes no external LSA; both last, since nothing here mends them.
    doctor.probing.lab.far.add_address(SERVICE4)
    doctor.probing.lab.router_frr.configure("ospfd", "interface eth2", "ip ospf cost 10")
    wait_until(lambda: doctor.ids() == ["equal-cost"], PATIENCE, "equal ways are found", every=0.1)
    frr.configure("ospfd", "router ospf", "no network 198.51.100.0/24 area 0.0.0.0", "area 0.0.0.1 stub",
                  "network 198.51.100.0/24 area 0.0.0.1")
    wait_until(lambda: {"stub-area", "no-neighbour"} <= set(doctor.ids()), PATIENCE, "the stub area is found",
               every=0.1)
