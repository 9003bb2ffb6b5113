"""`anyprobe doctor`: a node in order, then broken in one way after the other; what is found is mended by the very line
that was printed."""

import ctypes
import errno
import json
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from conftest import BOTH, Probing, service
from doctor import Doctor, Networkd, pair
from lab import BUILD, SECOND4, SERVICE4, SERVICE6, Lab
from netns import PATIENCE, wait_until

pytestmark = pytest.mark.xdist_group("doctor")

# Run before a command: a kernel, or a container, that lets nobody limit his system calls.
WITHOUT_SECCOMP = ("/usr/bin/python3", "-c", f"""import ctypes, os, sys
seccomp = ctypes.CDLL("libseccomp.so.2")
seccomp.seccomp_init.restype = ctypes.c_void_p
context = ctypes.c_void_p(seccomp.seccomp_init(0x7fff0000))  # SCMP_ACT_ALLOW
call = seccomp.seccomp_syscall_resolve_name(b"seccomp")
assert seccomp.seccomp_rule_add(context, 0x00050000 | {errno.EPERM}, call, 0) == 0  # SCMP_ACT_ERRNO
assert seccomp.seccomp_load(context) == 0
os.execv(sys.argv[1], sys.argv[1:])
""")
# What of /etc tells who there is.
USERS = ("passwd", "group", "shadow", "gshadow", "login.defs")


@pytest.fixture(scope="module")
def booted():
    with Lab() as lab:
        lab.near.namespace.sysctl("net/ipv6/ip_nonlocal_bind", 1)  # as README says, for IPv6 that lingers
        yield lab


@pytest.fixture
def doctor(booted, folder):
    booted.reset()
    probing = Probing(booted, folder)
    yield Doctor(probing)
    probing.close()
    booted.end_probes()


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

    # Whoever is not root is told what could not be looked at.
    done = doctor.run("--json", by=("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"))
    told = json.loads(done.stdout)
    assert any("root" in line for line in told["not_looked_at"])
    assert "vty-access" in [one["id"] for one in told["findings"]]


def test_what_the_host_lacks(doctor, folder):
    """Where nothing real can be had, as of the clock, a stand-in is."""
    def ids(*by, **how):
        return [one["id"] for one in doctor.findings(of_the_machine=True, by=by, **how)]
    usual = ids()
    assert "seccomp" not in usual
    assert set(ids("setarch", "--uname-2.6")) - set(usual) == {"kernel"}
    assert set(ids(*WITHOUT_SECCOMP)) - set(usual) == {"seccomp"}
    assert [one["gravity"] for one in doctor.findings(of_the_machine=True, by=WITHOUT_SECCOMP)
            if one["id"] == "seccomp"] == ["blocking"]
    done = doctor.node.namespace.run(*WITHOUT_SECCOMP, BUILD / "dns-probe", "--run-dir", doctor.node.run_dir,
                                     "--address", SERVICE4)
    assert done.returncode == 71, "so it was no lie"
    doctor.probing.nothing_runs()
    assert ids("setpriv", "--bounding-set", "-kill") == ["capabilities", *usual]

    kernels = ctypes.CDLL(None)
    buffer = ctypes.create_string_buffer(512)  # struct timex
    assert kernels.adjtimex(buffer) >= 0
    unset = ctypes.c_int.from_buffer(buffer, 40).value & 64 != 0  # STA_UNSYNC
    assert ("clock" in usual) == unset
    library = folder / "told_clock.so"
    subprocess.run(["g++", "-std=c++20", "-shared", "-fPIC", "-o", library, Path(__file__).parent / "told_clock.cpp"],
                   check=True)
    sanitizer = ":".join(filter(None, (os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0")))
    for value, wanted in (("0", False), ("64", True)):
        by = ("env", f"LD_PRELOAD={library}", f"ASAN_OPTIONS={sanitizer}", f"TOLD_CLOCK={value}")
        assert ("clock" in ids(*by)) == wanted

    # Another /etc, in which useradd may write.
    users = folder / "etc"
    users.mkdir()
    for name in USERS:
        shutil.copy(f"/etc/{name}", users)
    for name, gone in (("passwd", "nobody|anyprobe"), ("group", "anyprobe|frrvty"), ("gshadow", "anyprobe|frrvty"),
                       ("shadow", "anyprobe")):
        path = users / name
        path.write_text(re.sub(rf"(?m)^({gone}):.*\n", "", path.read_text()))
    (users / "nsswitch.conf").write_text("passwd: files\ngroup: files\n")  # systemd has a nobody of its own
    by = ("unshare", "-m", "/bin/sh", "-c", f'mount --bind {users} /etc && exec "$@"', "sh")
    found = doctor.findings(by=by)
    assert {one["id"] for one in found} == {"user", "vty-access"}
    for one in found:
        doctor.shell(one["mend"][0].split(" && systemctl")[0], by)
    assert doctor.ids(by=by) == []
    # Nor is there a configuration.
    done = doctor.node.namespace.run(*by, BUILD / "anyprobe", "doctor", "--run-dir", doctor.node.run_dir, "--json")
    assert "no-configuration" in [one["id"] for one in json.loads(done.stdout)["findings"]]
    assert done.returncode == 0

    doctor.probing.run_config(service(SERVICE4), frr=doctor.frr)
    wait_until(lambda: SERVICE4 in doctor.node.addresses(), PATIENCE, "it is there")
    doctor.probing.start(addresses=("--address", SERVICE4))
    assert doctor.ids() == ["held-twice"]


def test_interfaces_and_links(doctor):
    node = doctor.node

    def held(*what):
        return doctor.configuration(service(advertise=list(what)), name="held.json")
    on_second = {"address": SERVICE4, "interface": "second"}
    with pair(node, up=False):
        doctor.probing.run_config(service(advertise=[on_second]), frr=doctor.frr)
        wait_until(lambda: SERVICE4 in node.addresses("second"), PATIENCE, "it is there")
        doctor.finds_and_mends("interface-down", "not-announced", config=held(on_second))
        doctor.probing.announced([SERVICE4])  # so it was no lie
        node.end_probes()

    link = {"link": "second"}
    with pair(node, up=False):
        assert doctor.ids(config=held(link)) == ["link-empty"]
        carried = ("203.0.113.17/28", "2001:db8:ffff:b000::17/64")
        for address in carried:
            node.namespace.ip("addr", "add", address, "dev", "second")
        found = doctor.finds_and_mends("filtered", "link-forgets", config=held(link))
        assert len(found) == 3
        node.namespace.ip("link", "set", "second", "up")
        networks = ("203.0.113.16/28", "2001:db8:ffff:b000::/64")
        doctor.probing.announced(networks)
        doctor.well("of a link that is up", config=held(link))
        node.frr.configure("ospfd", "router ospf", "no redistribute connected")
        found = doctor.findings(config=held(link))
        assert [(one["id"], networks[0] in one["what"]) for one in found] == [("no-redistribution", True)]
        node.frr.configure("ospfd", "router ospf", "redistribute connected route-map anycast")
        node.namespace.ip("route", "add", "default", "dev", "second")
        assert doctor.ids(config=held(link)) == ["link-needed"]
        node.namespace.ip("route", "del", "default")
        node.namespace.ip("link", "set", "second", "down")
        doctor.probing.withdrawn(networks)
        assert carried[1] in node.addresses("second"), "it is not forgotten"
        doctor.well("of a link that is down", config=held(link))


def test_an_interface_in_a_vrf(doctor):
    node = doctor.node
    config = doctor.configuration(service(advertise=[{"address": SERVICE4, "interface": "second"}]), name="vrf.json")
    with pair(node):
        # Any other master is none.
        node.namespace.ip("link", "add", "bridge0", "type", "bridge")
        node.namespace.ip("link", "set", "second", "master", "bridge0")
        doctor.well("in a bridge", config=config)
        node.namespace.ip("link", "del", "bridge0")
        made = node.namespace.run("ip", "link", "add", "red", "type", "vrf", "table", "100")
        if made.returncode != 0:
            pytest.skip(f"no VRF on this kernel: {made.stderr.strip()}")
        node.namespace.ip("link", "set", "red", "up")
        node.namespace.ip("link", "set", "second", "master", "red")
        doctor.finds_and_mends("vrf", config=config)


def test_what_systemd_networkd_removes(doctor, folder):
    node = doctor.node
    address, route = "192.0.2.2/32", "192.0.2.153"
    config = doctor.configuration(service(advertise=[{"address": address, "interface": "second"},
                                                     {"route": route, "device": "second"}]), name="second.json")

    def put():
        node.add_address(SERVICE4)
        node.namespace.ip("addr", "replace", address, "dev", "second")
        node.namespace.ip("route", "replace", route, "dev", "second", "proto", "77")

    def there():
        return (address in node.addresses("second"),
                bool(node.namespace.ip("-j", "route", "show", route)), SERVICE4 in node.addresses())
    with pair(node):
        networkd = Networkd(node, folder, "second")
        put()
        with networkd.running("203.0.113.129/30"):
            wait_until(lambda: there() == (False, False, True), PATIENCE, "they are removed, but for what is on lo")
            node.del_address(SERVICE4)
            found = doctor.findings(config=config, by=networkd.by)
            assert [one["id"] for one in found] == ["networkd-routes", "networkd-addresses"]
            # Of addresses on lo there is nothing to say.
            assert doctor.ids(by=networkd.by) == ["networkd-routes"]
            for one in found:
                doctor.shell(one["mend"][0], networkd.by)  # the second line asks the service manager
            assert doctor.ids(config=config, by=networkd.by) == []
        put()
        with networkd.running("203.0.113.133/30"):
            assert there() == (True, True, True)


def test_each_is_found_and_mended(doctor):
    """The last test: nothing mends the area at its end."""
    node, frr = doctor.node, doctor.node.frr
    doctor.probing.run_config(*doctor.services, frr=doctor.frr)
    wait_until(lambda: node.addresses() >= set(BOTH), PATIENCE, "the addresses are there")
    doctor.well("on a node in order")
    assert doctor.run().stdout.splitlines()[-1]

    def in_each(four, six):
        frr.configure("ospfd", *four)
        frr.configure("ospf6d", *six)

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
    in_each(("router ospf", "summary-address 192.0.2.0/24"),
            ("router ospf6", "summary-address 2001:db8:ffff:a000::/64 no-advertise"))
    assert len(doctor.finds_and_mends("filtered")) == 2
    doctor.probing.announced()
    frr.configure("ospfd", "route-map anyprobe permit 1", "match tag 7")
    assert doctor.ids() == ["filter-unknown"]
    frr.configure("ospfd", "no route-map anyprobe permit 1")

    in_each(("interface eth0", "no ip ospf retransmit-interval"),
            ("interface eth0", "ipv6 ospf6 retransmit-interval 5"))
    assert len(doctor.finds_and_mends("retransmit-interval")) == 2
    in_each(("router ospf", "no timers lsa min-arrival 100"), ("router ospf6", "timers lsa min-arrival 1000"))
    assert len(doctor.finds_and_mends("lsa-min-arrival")) == 2
    in_each(("router ospf", "graceful-restart grace-period 60"), ("router ospf6", "graceful-restart grace-period 60"))
    assert len(doctor.finds_and_mends("graceful-restart")) == 2
    in_each(("router ospf", "graceful-restart helper enable"), ("router ospf6", "graceful-restart helper enable"))
    assert len(doctor.finds_and_mends("graceful-restart-helper")) == 2

    # The kernel.
    node.namespace.sysctl("net/ipv6/ip_nonlocal_bind", 0)
    doctor.finds_and_mends("ipv6-linger")
    node.namespace.ip("addr", "add", "192.0.2.200/24", "dev", "eth0")
    doctor.finds_and_mends("arp-ignore", "arp-announce")
    node.namespace.ip("addr", "del", "192.0.2.200/24", "dev", "eth0")
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
    # "Here and on its other routers".
    for one in doctor.findings():
        for line in one["mend"]:
            doctor.shell(line)
    doctor.probing.lab.router_frr.configure("ospfd", "router ospf", "no network 198.51.100.0/24 area 0.0.0.0",
                                            "area 0.0.0.1 nssa", "network 198.51.100.0/24 area 0.0.0.1")
    wait_until(lambda: doctor.ids() == ["nssa"], PATIENCE, "the NSSA is found", every=0.1)
    doctor.probing.lab.wait_route(SERVICE4, node, PATIENCE)  # so the command was right

    # Daemons that are killed leave their sockets; and one without configuration.
    frr.configure("ospfd", "no router ospf")
    assert doctor.ids() == ["no-ospf"]
    for daemon in ("ospfd", "zebra"):
        frr.stop(daemon, signal.SIGKILL)
        assert (frr.run_dir / f"{daemon}.vty").exists()
        absent = [one["what"] for one in doctor.findings() if one["id"] == "frr-absent"]
        assert [what.startswith(f"there is no {daemon},") for what in absent] == [True]
        if daemon == "ospfd":
            frr.boot(["ospfd"])
