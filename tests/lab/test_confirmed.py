"""What status says of the link-state databases: whether an advertisement is confirmed, and who else announces it."""

import grp
import signal
import time

import pytest
from conftest import BOTH, Probing, service
from frr import DAEMONS, permitted
from lab import SERVICE4, SERVICE6, Lab
from netns import holds, kill, wait_until
from privileges import privileges
from status import becomes, told

NOT_PERMITTED = {"192.0.2.77/32": "ospfd", "2001:db8:ffff:a000::77/128": "ospf6d"}


def start(probing, *prefixes, vty_dir=None):
    """Returns when the addresses are there."""
    prefixes = prefixes or BOTH
    started = probing.run_config(service(*prefixes), frr={"vty_dir": str(vty_dir or probing.node.frr.run_dir)})
    wait_until(lambda: probing.node.addresses() >= set(prefixes), 10, "the addresses are there")
    return started


def told_of(one, key, name="dns"):
    return {each["what"].split()[0]: each[key] for each in one.services[name]["advertise"]}


def all_are(key, value, prefixes=BOTH):
    return lambda one: told_of(one, key) == dict.fromkeys(prefixes, value)


def drained(probing, verb="drain", *words):
    return probing.node.program("anyprobe", verb, "--run-dir", probing.node.run_dir, "--all", *words)


def test_confirmed_once_announced_and_once_withdrawn(probing):
    """With nothing else to wait for, drain and resume return when the router has no route, and has it."""
    start(probing)
    probing.announced()
    # It asks as the group that may, and not by a capability.
    assert privileges(probing.keeper()).groups[-1:] == (grp.getgrnam("frrvty").gr_gid,)
    becomes(probing, all_are("confirmed", True), "the announcement is confirmed")
    assert drained(probing, "drain", "--wait", "--force").returncode == 0
    one = told(probing)
    assert one.states("dns") == dict.fromkeys(BOTH, "withdrawn") and all_are("confirmed", True)(one)
    assert not any(probing.lab.routes.now(prefix) for prefix in BOTH)
    probing.lab.settle()
    assert drained(probing, "resume", "--wait").returncode == 0
    one = told(probing)
    assert one.states("dns") == dict.fromkeys(BOTH, "announced") and all_are("confirmed", True)(one)
    assert all(probing.lab.routes.now(prefix) for prefix in BOTH)


def test_others_are_counted_while_they_can_be_reached(folder):
    """The far node's LSAs outlive it: in the database they stay, but nobody can reach it."""
    with Lab() as lab:
        probing = Probing(lab, folder)
        start(probing)
        probing.announced()
        becomes(probing, all_are("others", 0), "nobody else announces it")
        for prefix in BOTH:
            lab.far.add_address(prefix)
        becomes(probing, all_are("others", 1), "the far node announces it too", timeout=30)
        for daemon in DAEMONS:
            lab.far.frr.stop(daemon, signal.SIGKILL)
        becomes(probing, all_are("others", 0), "the far node is dead", timeout=40)
        said = probing.node.frr.ask_json("ospfd", "show ip ospf database external " + SERVICE4.split("/")[0])
        assert {lsa["advertisingRouter"] for lsa in said["asExternalLinkStates"] if lsa["lsaAge"] < 3600} == \
            {node.address for node in lab.nodes}
        assert all_are("confirmed", True)(told(probing))
        probing.node.end_probes()
        probing.close()


@pytest.mark.parametrize("style", ["quagga", "old-page"])
def test_the_other_shapes_of_quagga_conf(style, folder):
    """In the old page's shape the IPv4 address is a stub link of an area of the node's own, and a summary elsewhere."""
    with Lab(style) as lab:
        probing = Probing(lab, folder)
        for prefix in BOTH:
            lab.far.add_address(prefix)
            lab.wait_route(prefix, lab.far)
        start(probing)
        becomes(probing, all_are("confirmed", True), "the announcement is confirmed")
        becomes(probing, all_are("others", 1), "the far node announces it too", timeout=30)
        probing.announced()
        assert drained(probing, "drain", "--wait").returncode == 0
        assert all_are("confirmed", True)(told(probing))
        assert [lab.route_to(prefix) for prefix in BOTH] == [lab.far] * 2
        probing.node.end_probes()
        probing.close()


def test_a_filter_that_drops_it(probing):
    _, log = start(probing, *NOT_PERMITTED)
    becomes(probing, all_are("confirmed", False, NOT_PERMITTED), "it is not confirmed")
    for prefix, daemon in NOT_PERMITTED.items():
        line = f"the announcement of {prefix} on lo is not confirmed after"
        wait_until(lambda text=line: text in log.read_text(), 15, "the log says so")
        said = next(one for one in log.read_text().splitlines() if line in one)
        assert f"{daemon} does not announce it: its redistribution is missing, or a filter drops it" in said
    done = drained(probing, "resume", "--wait", "--timeout", "1s")
    assert done.returncode == 75 and "has not confirmed that 192.0.2.77/32" in done.stderr
    with permitted(probing.node, *NOT_PERMITTED):
        becomes(probing, all_are("confirmed", True, NOT_PERMITTED), "it is confirmed", timeout=20)
        assert log.read_text().count("is not confirmed after") == 2
        wait_until(lambda: log.read_text().count("is confirmed after") == 2, 5, "the log says so")
    becomes(probing, all_are("confirmed", False, NOT_PERMITTED), "that it is gone is noticed", timeout=30)


def test_no_daemon_to_ask(probing):
    _, log = start(probing, vty_dir=probing.folder / "none")
    probing.announced()
    holds(lambda: all_are("confirmed", None)(told(probing)) and all_are("others", None)(told(probing)), 2,
          "nothing is told", every=0.2)
    said = [line for line in log.read_text().splitlines() if "vty" in line]
    assert len(said) == 1 and "/none/ospfd.vty" in said[0] and "info" in said[0].lower(), said
    assert drained(probing, "drain", "--wait").returncode == 0
    probing.withdrawn()


def test_daemons_of_another_network_namespace(probing):
    """The far node's would confirm anything that is announced there."""
    for prefix in BOTH:
        probing.lab.far.add_address(prefix)
    _, log = start(probing, vty_dir=probing.lab.far.frr.run_dir)
    probing.announced()
    wait_until(lambda: log.read_text().count("is of another network namespace") == 2, 10, "it is not asked")
    one = told(probing)
    assert all_are("confirmed", None)(one) and all_are("others", None)(one)


@pytest.mark.parametrize("daemon, prefix", [("ospfd", SERVICE4), ("ospf6d", SERVICE6)])
def test_a_daemon_that_hangs(probing, daemon, prefix):
    start(probing)
    probing.announced()
    becomes(probing, all_are("confirmed", True), "the announcement is confirmed")
    pid = probing.node.frr.processes[daemon].pid
    before = probing.probers("anyprobe")
    kill(pid, signal.SIGSTOP)
    try:
        begin = time.monotonic()
        becomes(probing, lambda one: told_of(one, "confirmed")[prefix] is None, "it cannot be told", timeout=40)
        # It goes on: it answers at once, and holds what it announces.
        assert time.monotonic() - begin > 2
        holds(lambda: probing.node.addresses() == set(BOTH), 4, "it is held", every=0.2)
        assert probing.probers("anyprobe") == before
    finally:
        kill(pid, signal.SIGCONT)
        probing.lab.wait_adjacent(40)
    becomes(probing, all_are("confirmed", True), "it is told again", timeout=60)


def test_no_adjacency(probing):
    probing.node.namespace.ip("link", "set", "eth0", "down")
    try:
        _, log = start(probing)
        becomes(probing, all_are("confirmed", False), "it is not confirmed")
        for daemon in ("ospfd", "ospf6d"):
            wait_until(lambda d=daemon: f"{d} has no adjacency" in log.read_text(), 20, "the log says why")
    finally:
        probing.node.namespace.ip("link", "set", "eth0", "up")
        probing.node.namespace.ip("addr", "replace", "2001:db8:ffff:1000::2/64", "dev", "eth0", "nodad")
        probing.lab.wait_adjacent(40)
    becomes(probing, all_are("confirmed", True), "it is confirmed", timeout=20)
