"""What a bad day asks of the daemon: it goes on, and announces what is well and nothing else."""

import ipaddress
import re
import signal
import sys
import time
from pathlib import Path

import crowd
import pytest
from conftest import BOTH
from crowd import Crowd
from faults import set_down, set_up
from netns import PATIENCE, holds, kill, wait_until
from stand import BOUND, HOLDER, KINDS, LEASE, OSPF_TAKES, Stand

COMES_BACK = 1


@pytest.fixture
def stand(probing):
    one = Stand(probing)
    one.start()
    yield one
    one.close()


@pytest.fixture
def events(stand):
    """The addresses of ours that went or came since then, renewals apart."""
    watch = stand.node.watch_addresses()
    ours = set(KINDS.values())
    yield lambda: [change for change in watch.changes if change.prefix in ours]
    watch.close()


def still_answers(stand):
    """It notices a death."""
    at = stand.kill_service()
    wait_until(lambda: not stand.held(), BOUND, "all is withdrawn")
    wait_until(lambda: not any(map(stand.routed_here, KINDS)), at + BOUND + OSPF_TAKES - time.monotonic(),
               "the router routes nothing here")


def test_storm_of_hup(stand, events):
    """Some hundreds a second, to both."""
    changes, processes = len(stand.lab.routes.changes), sorted(stand.probing.ours())
    end, sent = time.monotonic() + 3, 0
    while time.monotonic() < end:
        kill(stand.keeper, signal.SIGHUP)
        kill(stand.prober, signal.SIGHUP)
        sent += 2
        time.sleep(0.003)
    assert sent > 600
    assert not events() and len(stand.lab.routes.changes) == changes
    assert sorted(stand.probing.ours()) == processes
    still_answers(stand)


def thousand(port):
    """As many services, each with an address of its own, that ask the same listener."""
    first = ipaddress.ip_address("2001:db8:ffff:b000::1")
    return {"defaults": {"interval": "5s", "timeout": "2s", "rise": 1, "fall": 2},
            "services": [{"name": f"s{number}",
                          "probe": {"type": "tcp", "ports": [port], "expect": crowd.GREETING},
                          "advertise": [{"address": f"{first + number}/128"}]} for number in range(1000)]}


@pytest.mark.xdist_group("busy")
def test_thousand_services_read_again_each_second(probing):
    node = probing.node
    with Crowd(node.namespace, 20000, 1, 1) as server:
        process, log = probing.run_config(**thousand(server.port(0)))
        there = {one["advertise"][0]["address"] for one in thousand(0)["services"]}
        watch = node.watch_addresses()
        try:
            wait_until(lambda: there <= watch.prefixes(), 4 * PATIENCE, "all are announced", every=0.1)
            changes, processes = len(watch.changes), sorted(probing.ours())

            def read_again():
                kill(process.pid, signal.SIGHUP)
                return log.read_text().count("1000 untouched") >= 4
            # Of those that come while it is read, a slow machine heeds one.
            wait_until(read_again, 4 * PATIENCE, "it was read again and again", every=1)
            assert len(watch.changes) == changes and sorted(probing.ours()) == processes
            server.become(0, "gone")
            wait_until(lambda: not there & watch.prefixes(), 4 * PATIENCE, "all are withdrawn", every=0.1)
        finally:
            watch.close()


def test_frr_restarted(stand, events):
    frr = stand.node.frr
    for daemon in list(frr.processes):
        frr.stop(daemon, signal.SIGKILL)
    wait_until(lambda: not any(map(stand.routed_here, KINDS)), PATIENCE, "the router notices")
    frr.boot()
    stand.lab.wait_adjacent()
    wait_until(lambda: all(map(stand.routed_here, KINDS)), PATIENCE, "all is routed here again")
    assert not events() and stand.held() == set(KINDS)
    stand.lab.settle()
    still_answers(stand)


def kept_on_down(node, keeps):
    for interface in ("all", "lo"):
        node.namespace.sysctl(f"net/ipv6/conf/{interface}/keep_addr_on_down", keeps)


@pytest.mark.parametrize("keeps", [0, 1], ids=["forgets", "keeps"])
def test_lo_down_and_up(probing, keeps):
    node = probing.node
    kept_on_down(node, keeps)
    try:
        # No answer is missed for as long as lo is down.
        probing.start(pace=("--interval", "2s", "--timeout", "200ms", "--rise", "1", "--fall", "2"))
        probing.announced()
        node.namespace.ip("link", "set", "lo", "down")
        node.namespace.ip("link", "set", "lo", "up")
        wait_until(lambda: node.addresses() == set(BOTH), COMES_BACK, "both are there")
        probing.announced(timeout=PATIENCE)
        probing.node.kill_unbound()
        probing.withdrawn()
    finally:
        kept_on_down(node, 0)


def dropped(node, pid):
    """How many messages of the kernel were lost to the netlink sockets of this process."""
    with node.namespace.entered():
        lines = Path("/proc/thread-self/net/netlink").read_text().splitlines()[1:]
    inodes = {int(match[1]) for match in (re.match(r"socket:\[(\d+)\]", str(entry.readlink()))
                                          for entry in Path(f"/proc/{pid}/fd").iterdir()) if match}
    fields = [line.split() for line in lines]
    return sum(int(one[8]) for one in fields if int(one[9]) in inodes)


def test_lost_answers_of_the_kernel(probing):
    """More changes than its socket can hold, and one of ours in what is lost. The lease outlasts it all."""
    stand = Stand(probing, lease=60)
    stand.start()
    ip = stand.node.namespace.ip
    others = [f"addr {what} 203.0.113.{i}/32 dev eth0\n" for _ in range(10) for what in ("add", "del")
              for i in range(1, 200)]
    batch = stand.folder / "batch"
    batch.write_text("".join(others))

    def lost_some():
        ip("-batch", str(batch))
        return dropped(stand.node, stand.keeper)
    try:
        kill(stand.keeper, signal.SIGSTOP)
        wait_until(lost_some, PATIENCE, "something is lost", every=0)
        ip("addr", "del", KINDS["address IPv4"], "dev", HOLDER)
        kill(stand.keeper, signal.SIGCONT)
        wait_until(lambda: stand.held() == set(KINDS), COMES_BACK, "what was removed meanwhile is there again")
    finally:
        stand.close()


@pytest.mark.parametrize("service", ["well", "dead"])
def test_paused_for_longer_than_the_lease(stand, events, service):
    """As a machine is that was suspended, for ours; with a word of the prober's on the way, that all is well."""
    kill(stand.keeper, signal.SIGSTOP)
    time.sleep(LEASE / 2)
    kill(stand.prober, signal.SIGSTOP)
    if service == "dead":
        stand.kill_service()
    time.sleep(2 * LEASE)
    seen = len(events())
    for pid in (stand.keeper, stand.prober):
        kill(pid, signal.SIGCONT)
    if service == "dead":
        wait_until(lambda: not stand.held(), COMES_BACK, "nothing is left")
        holds(lambda: not stand.held(), 1, "nothing is announced")
        assert not [change for change in events()[seen:] if change.interfaces]
    else:
        wait_until(lambda: stand.held() == set(KINDS), BOUND, "all is there again")
        stand.probing.announced(KINDS.values(), timeout=PATIENCE)


_FIGHTER = """
import subprocess, sys, time
ip = subprocess.Popen(["ip", "-force", "-batch", "-"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
end = time.monotonic() + 4
while time.monotonic() < end:
    ip.stdin.write(f"addr del {sys.argv[1]} dev {sys.argv[2]}\\n".encode())
    ip.stdin.flush()
    time.sleep(0.05)
"""


@pytest.mark.parametrize("kind", ["address IPv4", "address IPv6"])
def test_somebody_who_fights_us_is_named(stand, events, kind):
    begin = stand.log.stat().st_size
    fighter = stand.node.namespace.spawn(sys.executable, "-c", _FIGHTER, KINDS[kind], HOLDER)
    try:
        fighter.wait(PATIENCE)
    finally:
        fighter.kill()
    wait_until(lambda: stand.held() == set(KINDS), COMES_BACK, "it is there in the end")
    removals = [change for change in events() if not change.interfaces]
    assert len(removals) > 10
    lines = [line for line in stand.log.read_text()[begin:].splitlines() if KINDS[kind] in line]
    assert 1 <= len(lines) <= 3, lines
    assert "removed" in lines[0] and (kind == "address IPv6" or "ip, process" in lines[0]), lines[0]


def test_device_down_and_up_with_the_service_dead(stand):
    stand.kill_service()
    set_down(stand)
    wait_until(lambda: not any(map(stand.routed_here, KINDS)), BOUND, "the router routes nothing here")
    # An interface that is down may keep its addresses until the death has been noticed.
    wait_until(lambda: not stand.held(), BOUND, "nothing is there")
    stand.lab.settle()
    set_up(stand)
    # Of the router nothing is asked here: zebra 8.4.4 may keep a route of the kernel whose interface went down, where
    # OSPF knows another way, and announce it once the interface is up. So it does without us too.
    holds(lambda: not stand.held(), 2, "nothing is there to be announced")
