"""Withdrawn as planned: the advertisement goes first, and the host goes on answering until nobody sends it anything."""

import signal
import time

import pytest
from conftest import BOTH, QUICK, service
from lab import SECOND4, SERVICE4
from netns import holds, kill, wait_until
from status import becomes, told

LINGERING = (*QUICK, "--linger", "60s")


def answered_for(node):
    """What the node takes for local by our mark, without having it on an interface."""
    return [line.split()[1] for family in ("-4", "-6")
            for line in node.namespace.ip(family, "route", "show", "table", "local", "proto", "77").splitlines()]


def wait_answered_for(node, *numbers, timeout=5):
    wait_until(lambda: set(answered_for(node)) == set(numbers), timeout, f"{numbers} are answered for")


def number(prefix):
    return prefix.split("/")[0]


NUMBERS = tuple(map(number, BOTH))


@pytest.fixture
def two(probing):
    """Both nodes serve; the router goes to the near one."""
    near, far = probing.lab.nodes
    near.namespace.sysctl("net/ipv6/ip_nonlocal_bind", 1)
    probing.start(node=far)
    probing.announced(node=far)
    yield probing
    near.namespace.sysctl("net/ipv6/ip_nonlocal_bind", 0)


@pytest.mark.parametrize("linger", ["1s", "0s"])
def test_an_end_as_planned_loses_nothing(two, linger):
    near, far = two.lab.nodes
    two.start("--linger", linger)
    two.announced()
    clients = [two.lab.steady_client(prefix, interval=0.001) for prefix in BOTH]
    try:
        for client in clients:
            wait_until(lambda c=client: c.first_answer(0, near.address), 10, "the near node answers")
        since = time.monotonic()
        kill(two.keeper(), signal.SIGTERM)
        two.announced(node=far)
        wait_until(lambda: not near.our_processes(), 10, "it has ended")
        until = time.monotonic()
        lost = [client.lost(since, until) for client in clients]
    finally:
        for client in clients:
            client.close()
    assert (max(lost) == 0) if linger != "0s" else (min(lost) > 0), lost
    assert not answered_for(near)


def by_default(*prefixes):
    one = service(*prefixes)
    del one["linger"]
    return one


def stands_beside_another(probing):
    """Confirmed, and the other node is seen to announce it too: a drain is refused to what may be the last."""
    becomes(probing, lambda one: all(each["confirmed"] and each["others"] for each in one.services["dns"]["advertise"]),
            "it is confirmed beside another", 20)


@pytest.mark.parametrize("by", ["drain", "TERM"])
def test_by_default_it_lingers_until_the_database_shows_it(two, by):
    """And a second more; no question is lost."""
    near, far = two.lab.nodes
    two.run_config(by_default(*BOTH), frr={"vty_dir": str(near.frr.run_dir)})
    two.announced()
    stands_beside_another(two)
    clients = [two.lab.steady_client(prefix, interval=0.001) for prefix in BOTH]
    try:
        for client in clients:
            wait_until(lambda c=client: c.first_answer(0, near.address), 10, "the near node answers")
        since = time.monotonic()
        if by == "drain":
            near.program("anyprobe", "drain", "--run-dir", near.run_dir, "dns")
        else:
            kill(two.keeper(), signal.SIGTERM)
        wait_answered_for(near, *NUMBERS)
        begin = time.monotonic()
        wait_until(lambda: not answered_for(near), 10, "it lingers no more", every=0.005)
        lasted = time.monotonic() - begin
        two.announced(node=far)
        until = time.monotonic()
        lost = [client.lost(since, until) for client in clients]
    finally:
        for client in clients:
            client.close()
    print(f"lingered for {lasted:.2f} s, unanswered {lost}")
    assert lost == [0, 0]
    assert lasted >= 0.9  # it may have begun before that was seen


def test_while_the_database_still_has_it_it_lingers(two):
    """ospfd announces it for another reason than the address."""
    near, _ = two.lab.nodes
    two.run_config(by_default(SERVICE4), frr={"vty_dir": str(near.frr.run_dir)})
    two.announced([SERVICE4])
    stands_beside_another(two)
    near.namespace.ip("route", "add", SERVICE4, "dev", "eth0")  # redistributed too, as the kernel's
    try:
        done = near.program("anyprobe", "drain", "--run-dir", near.run_dir, "dns")
        assert done.returncode == 0, done.stderr
        wait_answered_for(near, NUMBERS[0])
        holds(lambda: answered_for(near), 4, "it lingers", every=0.1)
        near.namespace.ip("route", "del", SERVICE4, "dev", "eth0")
        wait_until(lambda: not answered_for(near), 10, "it lingers no more")
    finally:
        near.namespace.ip("route", "del", SERVICE4, "dev", "eth0", check=False)


def test_it_answers_on_for_as_long_as_it_was_told(probing):
    probing.start_announced(pace=(*QUICK, "--linger", "1s"))
    begin = time.monotonic()
    kill(probing.pid(), signal.SIGTERM)
    wait_answered_for(probing.node, *NUMBERS)
    assert not probing.node.addresses()
    probing.withdrawn()
    wait_until(lambda: not probing.ours(), 5, "it has ended")
    assert time.monotonic() - begin >= 1
    assert not answered_for(probing.node)


def test_a_failure_and_tstp_do_not_linger(probing):
    probing.start_announced(pace=LINGERING)
    probing.node.kill_unbound()
    probing.withdrawn()
    assert not answered_for(probing.node)
    probing.node.start_unbound()
    probing.announced()
    kill(probing.pid(), signal.SIGTSTP)
    wait_until(lambda: not probing.node.addresses(), 5, "it is withdrawn")
    assert not answered_for(probing.node)
    probing.withdrawn()


def test_a_reload_that_removes_an_address_lets_it_linger(probing):
    process, log = probing.run_config(service(SERVICE4, SECOND4, linger="60s"))
    probing.announced([SERVICE4, SECOND4])
    probing.write({"services": [service(SERVICE4, linger="60s")]})
    process.send_signal(signal.SIGHUP)
    probing.withdrawn([SECOND4])
    assert answered_for(probing.node) == [number(SECOND4)]
    assert "lingering 192.0.2." in log.read_text()
    # Again, and it is there without a gap; the end of it all waits for nobody who is not configured.
    probing.write({"services": [service(SERVICE4, SECOND4, linger="0s")]})
    process.send_signal(signal.SIGHUP)
    probing.announced([SECOND4])
    assert not answered_for(probing.node)


def test_status_shows_it(probing):
    probing.run_config(service(SERVICE4, linger="60s"))
    probing.announced([SERVICE4])
    assert told(probing).states("dns") == {SERVICE4: "announced"}
    kill(probing.pid("anyprobe"), signal.SIGTERM)
    wait_until(lambda: told(probing).states("dns") == {SERVICE4: "lingering"}, 5, "it lingers in status", every=0.2)


@pytest.mark.parametrize("clears", ["the next run", "withdraw"])
def test_what_a_killed_keeper_left_lingering_is_cleared(probing, clears):
    probing.start_announced(pace=LINGERING)
    kill(probing.keeper(), signal.SIGTERM)
    wait_answered_for(probing.node, *NUMBERS)
    kill(probing.keeper(), signal.SIGKILL)
    wait_until(lambda: not probing.ours(), 5, "all have ended")
    assert set(answered_for(probing.node)) == set(NUMBERS)
    if clears == "withdraw":
        done = probing.node.program("anyprobe", "withdraw", "--all", "--run-dir", probing.node.run_dir)
        assert done.returncode == 0, done.stderr
        assert f"answer no more for {number(SERVICE4)}" in done.stdout
    else:
        probing.start_announced()
    assert not answered_for(probing.node)


def test_what_cannot_be(probing):
    done = probing.node.program("dns-probe", "--address", SERVICE4, "--linger", "2h")
    assert done.returncode == 64 and "--linger" in done.stderr
