"""What dns-probe is for: the address follows the resolver, and the route on the router follows the address."""

import re
import signal
import time

import pytest
from conftest import ADDRESSES, BOTH, QUICK, service
from lab import SERVICE4, SERVICE6
from netns import wait_until


def test_announces_a_working_resolver(probing):
    probing.start()
    probing.announced()


def test_defaults_ask_for_the_root_and_announce(probing):
    """As the old script was started: no option but the addresses, default pace."""
    probing.start(pace=())
    probing.announced()


def test_announces_nothing_while_the_resolver_is_dead(probing):
    probing.node.kill_unbound()
    _, log = probing.start_foreground()
    wait_until(lambda: "dns-probe: down (" in log.read_text(), 5, "it is known to be dead")
    assert not probing.node.addresses()
    probing.node.start_unbound()
    probing.announced()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["crash", "hang"])
def test_resolver_fails_and_recovers(probing, number):
    probing.start_announced()
    probing.node.kill_unbound(number)
    probing.withdrawn()
    assert not probing.node.addresses()
    if number == signal.SIGSTOP:
        probing.node.unbound.send_signal(signal.SIGCONT)
    else:
        probing.node.start_unbound()
    probing.announced()


def test_crash_is_noticed_before_the_timeout(probing):
    """A refusal is an answer: the default pace (1 s, two bad ones) still ends in about 2 s."""
    probing.start_announced(pace=())
    at = probing.node.kill_unbound()
    assert probing.lab.wait_route(SERVICE4, None) - at < 3


def test_client_moves_to_the_far_node_and_back(probing):
    near, far = probing.lab.nodes
    probing.start(node=far)
    probing.announced(node=far)
    probing.start(node=near)
    probing.announced(node=near)
    clients = [probing.lab.steady_client(prefix) for prefix in BOTH]
    try:
        for by in (near, far, near):
            if by is far:
                near.kill_unbound()
            elif near.unbound.poll() is not None:
                near.start_unbound()
            since = time.monotonic()
            for client in clients:
                wait_until(lambda c=client, b=by, s=since: c.first_answer(s, b.address), 10,
                           f"{by.name} answers", every=0.05)
            probing.announced(node=by)
            probing.lab.settle()
        # Both nodes are well and the way is settled: nothing is lost any more.
        since = time.monotonic()
        time.sleep(0.5)
        until = time.monotonic() - 0.2
        for client in clients:
            assert client.lost(since, until) == 0
    finally:
        for client in clients:
            client.close()


def test_one_bad_answer_is_not_enough(probing):
    """A resolver that is away for one question of two does not move the network."""
    probing.start_announced(pace=("--interval", "500ms", "--timeout", "400ms", "--rise", "1", "--fall", "3"))
    before = len(probing.lab.routes.changes)
    probing.node.kill_unbound(signal.SIGSTOP)
    time.sleep(0.6)
    probing.node.unbound.send_signal(signal.SIGCONT)
    time.sleep(1)
    assert len(probing.lab.routes.changes) == before


def address(number):
    return f"192.0.2.{number}/32"


def run_each(probing, probes):
    """A service for each of these probes, the n-th with address(n); returns the log."""
    probes = [{"type": "dns", "server": "127.0.0.1", "query": "www.example.org", **probe} for probe in probes]
    return probing.run_config(*(service(address(number), name=f"dns-{number}", probe=probe)
                                for number, probe in enumerate(probes, 1)))[1]


def test_each_transport(probing):
    """A resolver that serves one of two is up for who asks that one, and down for who asks the other or both."""
    probing.node.kill_unbound()
    log = run_each(probing, [{"transport": "udp"}, {"transport": "tcp"}, {"transport": "both"}])
    for without, serves in (("", {1, 2, 3}), ("do-tcp: no", {1}), ("do-udp: no", {2})):
        probing.node.kill_unbound()
        wait_until(lambda: not probing.node.addresses(), 5, "nothing works")
        begin = len(log.read_text())
        probing.node.start_unbound(more=without)
        wait_until(lambda s=serves: probing.node.addresses() == set(map(address, s)), 5, f"{serves} work")
        time.sleep(0.5)
        assert probing.node.addresses() == set(map(address, serves)), log.read_text()[begin:]


def test_question_and_answer_that_is_demanded(probing):
    asked = [
        ({"server": "127.0.0.1"}, True),
        ({"server": "127.0.0.1:53", "record": "AAAA"}, True),
        ({"server": "::1"}, True),
        ({"server": "[::1]:53"}, True),
        ({"query": "nowhere.example.org"}, False),  # NXDOMAIN
        ({"record": "MX"}, False),                  # NOERROR, and nothing in it
        ({"server": "127.0.0.1:54"}, False),        # nobody there
        ({"expect": "198.51.100.80"}, True),
        ({"expect": "198.51.100.0/24"}, True),
        ({"expect": "198.51.100.81"}, False),
        ({"min_answers": 2}, False),
        ({"source": "127.0.0.2"}, True),
    ]
    log = run_each(probing, [probe for probe, _ in asked])
    wait_until(lambda: len(re.findall(r"dns-\d+: (?:up|down) \(", log.read_text())) >= len(asked), 5, "all are decided")
    up, down = (set(map(int, re.findall(rf"dns-(\d+): {state} \(", log.read_text()))) for state in ("up", "down"))
    assert up == {number for number, (_, works) in enumerate(asked, 1) if works}, log.read_text()
    assert not up & down
    wait_until(lambda: probing.node.addresses() == set(map(address, up)), 5, "those that work are announced")


def test_question_by_flags(probing):
    probing.start("--server", "[::1]:53", "--query", "www.example.org", "--record", "AAAA", "--transport", "both",
                  "--min-answers", "1", "--expect", "2001:db8:ffff:1000::/64", "--source", "::1")
    probing.announced()


def test_address_removed_by_hand_comes_back(probing):
    probing.start_announced()
    at = time.monotonic()
    for prefix in BOTH:
        probing.node.del_address(prefix)
    for prefix in BOTH:
        wait_until(lambda p=prefix: p in probing.node.addresses(), 3, f"{prefix} is back")
    assert time.monotonic() - at < 3
    probing.announced()


def test_link_down_and_up_brings_addresses_back(probing):
    """The kernel drops an interface's IPv6 addresses when it goes down."""
    probing.start_announced()
    probing.node.namespace.ip("link", "set", "lo", "down")
    probing.node.namespace.ip("link", "set", "lo", "up")
    wait_until(lambda: probing.node.addresses() == set(BOTH), 5, "the addresses are back")
    probing.announced()


def test_address_of_somebody_else_is_refused(probing):
    probing.node.add_address(SERVICE4)
    done = probing.node.dns_probe(*QUICK, *ADDRESSES)
    assert done.returncode == 78
    assert "192.0.2.1" in done.stderr and "--adopt" in done.stderr
    assert probing.node.addresses() == {SERVICE4}
    probing.nothing_runs()


@pytest.mark.parametrize("prefix", BOTH)
def test_address_of_somebody_else_is_adopted(probing, prefix):
    probing.node.add_address(prefix)
    probing.lab.wait_route(prefix, probing.node)
    probing.start("--adopt")
    probing.announced()
    probing.lab.settle()
    probing.node.kill_unbound()
    probing.withdrawn()
    assert not probing.node.addresses()


def test_address_that_somebody_adds_later_is_not_ours(probing):
    probing.node.kill_unbound()
    probing.start()
    probing.node.add_address(SERVICE4)
    probing.node.start_unbound()
    probing.announced([SERVICE6])
    probing.node.kill_unbound()
    probing.withdrawn([SERVICE6])
    probing.node.end_processes()
    assert probing.node.addresses() == {SERVICE4}


def test_addresses_are_marked_and_harmless(probing):
    """IPv4 bears a label; IPv6 is deprecated, so that no connection of the host starts from it, and has no DAD."""
    probing.start_announced()
    found = {one["local"]: one for link in probing.node.namespace.ip("-j", "addr", "show", "dev", "lo")
             for one in link["addr_info"]}
    assert found["192.0.2.1"]["label"].startswith("lo:")
    six = found["2001:db8:ffff:a000:fdc0::3b5"]
    assert six.get("deprecated") and six.get("nodad") and not six.get("tentative")
    probing.node.kill_unbound()
    probing.withdrawn()
    left = probing.node.namespace.ip("-6", "route", "show", "table", "all")
    assert "a000:fdc0::3b5" not in left


def test_missing_interface_is_waited_for(probing):
    process, log = probing.start_foreground("--interface", "eth9", addresses=("--address", SERVICE4))
    wait_until(lambda: "eth9" in log.read_text(), 5, "a warning names eth9")
    time.sleep(0.5)
    assert process.poll() is None
    probing.node.namespace.ip("link", "add", "eth9", "type", "veth", "peer", "name", "eth8")
    try:
        probing.node.namespace.ip("link", "set", "eth8", "up")
        probing.node.namespace.ip("link", "set", "eth9", "up")
        probing.announced([SERVICE4])
        assert SERVICE4 in probing.node.addresses("eth9")
    finally:
        probing.node.namespace.ip("link", "del", "eth9")


def test_named_interface(probing):
    probing.start("--interface", "eth0", addresses=("--address", SERVICE4))
    probing.announced([SERVICE4])
    assert SERVICE4 in probing.node.addresses("eth0") and not probing.node.addresses()


def test_dry_run_changes_nothing(probing):
    process, log = probing.start_foreground("--dry-run")
    wait_until(lambda: "192.0.2.1" in log.read_text(), 5, "it says what it would do")
    time.sleep(0.5)
    assert process.poll() is None and not probing.node.addresses()


def test_a_thousand_addresses(probing):
    prefixes = [f"192.0.2.{n}/32" for n in range(1, 251)]
    prefixes += [f"2001:db8:ffff:a000::{n:x}/128" for n in range(1, 751)]
    path = probing.write({"services": [service(*prefixes)]}, "dns-probe.json")
    probing.start("--config", path, addresses=(), pace=())
    wait_until(lambda: len(probing.node.addresses()) == 1000, 5, "a thousand addresses")
    probing.node.kill_unbound()
    wait_until(lambda: not probing.node.addresses(), 5, "none")
