"""What becomes of a TCP transfer that is open when its address is withdrawn as planned."""

import contextlib
import signal
import time

import pytest
from conftest import BOTH, QUICK
from netns import holds, kill, wait_until
from status import all_of, told
from test_drain import done
from transfer import RECORD, EchoServer, Transfer

PORT = 8080


@pytest.fixture
def servers(probing):
    """On both nodes; only the near one announces the addresses unless a test says so. Unlike UDP, TCP lingers in IPv6
    without net.ipv6.ip_nonlocal_bind."""
    both = [EchoServer(node.namespace, PORT) for node in probing.lab.nodes]
    yield both
    for one in both:
        one.close()


@contextlib.contextmanager
def transfers(probing, records):
    """One of each family, under way."""
    with contextlib.ExitStack() as stack:
        both = [stack.enter_context(contextlib.closing(Transfer(probing.lab.client, prefix.split("/")[0], PORT, records)))
                for prefix in BOTH]
        for one in both:
            wait_until(lambda o=one: o.came_back > 50 * RECORD, 10, "the transfer is under way")
        yield both


@contextlib.contextmanager
def unaware(lab):
    """The router takes no news: until the end of this its routes stay as they are. For less than the dead interval."""
    daemons = [lab.router_frr.processes[name] for name in ("ospfd", "ospf6d")]
    for one in daemons:
        kill(one.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for one in daemons:
            kill(one.pid, signal.SIGCONT)
        lab.wait_adjacent()


def linger(duration):
    return (*QUICK, "--linger", duration)


def gone(probing):
    wait_until(lambda: not probing.node.addresses(), 5, "the addresses are gone")


def test_what_ends_before_the_network_has_turned_is_complete(probing, servers):
    probing.start_announced(pace=linger("60s"))
    with transfers(probing, None) as both, unaware(probing.lab):
        done(probing, "drain", "--all")
        gone(probing)
        assert not any(one.ended for one in both)
        before = [one.came_back for one in both]
        wait_until(lambda: all(one.came_back > was + 50 * RECORD for one, was in zip(both, before)), 3,
                   "it goes on behind the withdrawal")
        for one in both:
            one.last()
        for one in both:
            wait_until(lambda o=one: o.ended, 10, "the transfer ends")
        assert [(one.complete, one.error) for one in both] == [(True, None)] * 2
        assert told(probing).states() == all_of("lingering")
    probing.withdrawn()


def test_without_linger_it_stands_still_at_once(probing, servers):
    """And goes on, nothing lost, when the address is back: neither side was told that the other is gone."""
    probing.start_announced(pace=linger("0s"))
    with transfers(probing, None) as both:
        with unaware(probing.lab):
            done(probing, "drain", "--all")
            gone(probing)
            time.sleep(0.1)  # for what was on its way
            before = [one.came_back for one in both]
            holds(lambda: [one.came_back for one in both] == before, 1, "nothing comes back")
            assert not any(one.ended for one in both)
        probing.withdrawn()
        done(probing, "resume", "--all", "--wait")
        probing.announced()
        for one in both:
            one.last()
        for one in both:
            wait_until(lambda o=one: o.ended, 60, "the transfer ends")
        assert [(one.complete, one.error) for one in both] == [(True, None)] * 2


def test_once_the_network_has_turned_to_nobody_it_waits(probing, servers):
    """What the router has no route for reaches nobody, whether the node lingers or not."""
    probing.start_announced(pace=linger("60s"))
    with transfers(probing, None) as both:
        done(probing, "drain", "--all")
        probing.withdrawn()
        time.sleep(0.3)  # for what was on its way
        before = [one.came_back for one in both]
        holds(lambda: [one.came_back for one in both] == before, 0.5, "nothing comes back")
        assert not any(one.ended for one in both)
        done(probing, "resume", "--all", "--wait")
        probing.announced()
        for one in both:
            one.last()
        for one in both:
            wait_until(lambda o=one: o.ended, 60, "the transfer ends")
        assert [(one.complete, one.error) for one in both] == [(True, None)] * 2


def test_once_the_network_has_turned_to_another_node_that_one_ends_it(probing, servers):
    near, far = probing.lab.nodes
    probing.start(node=far)
    probing.announced(node=far)
    probing.start_announced(pace=linger("60s"))
    with transfers(probing, 20000) as both:
        done(probing, "drain", "--all")
        for one in both:
            wait_until(lambda o=one: o.ended, 10, "the transfer ends")
        assert [type(one.error) for one in both] == [ConnectionResetError] * 2
        # Who connects anew is served.
        probing.announced(node=far)
        with transfers(probing, 100) as again:
            for one in again:
                wait_until(lambda o=one: o.ended, 10, "the transfer ends")
            assert all(one.complete for one in again)
