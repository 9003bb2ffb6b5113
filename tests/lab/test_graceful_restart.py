"""FRR restarted gracefully (RFC 3623, RFC 5187): its neighbours keep its routes for the grace period, whatever becomes
of the service meanwhile. What is right on the node is right all the time."""

import signal
import time

import pytest
from conftest import Probing
from frr import graceful
from lab import Lab
from netns import PATIENCE, holds, wait_until
from stand import BOUND, DEAD_INTERVAL, KINDS, Stand
from status import told

DAEMONS = ("ospfd", "ospf6d")
GRACE = 15
AWAY = DEAD_INTERVAL + 1.5  # for longer than neighbours wait who know nothing of it


@pytest.fixture
def stand(folder):
    """In a lab of its own: a router of FRR 8.4.4 that has seen restarts of both kinds may help no more."""
    with Lab() as lab, graceful(lab, lab.near, GRACE):
        probing = Probing(lab, folder)
        one = Stand(probing)
        one.start()
        yield one
        one.close()
        probing.close()
        restart_plainly(one)


def end_gracefully(stand):
    """Returns time.monotonic() of it."""
    stand.lab.settle()
    at = time.monotonic()
    stand.node.frr.prepare_restart()
    wait_until(lambda: stand.lab.router_frr.helps() == "all", PATIENCE, "the router helps")
    for daemon in DAEMONS:
        stand.node.frr.stop(daemon)
    return at


def start_again(stand):
    stand.node.frr.boot(DAEMONS)
    stand.lab.wait_adjacent()
    wait_until(lambda: stand.lab.router_frr.helps() == "none", GRACE + PATIENCE, "the restart is over")


def restart_plainly(stand):
    """FRR flushes what an earlier run of it announced only if it was not restarted gracefully."""
    for daemon in DAEMONS:
        if daemon in stand.node.frr.processes:
            stand.node.frr.stop(daemon, signal.SIGKILL)
    start_again(stand)


def states(stand):
    return set(told(stand.probing).states("all").values())


def is_withdrawn(stand, at):
    """In the kernel, in time, and status says so."""
    wait_until(lambda: not stand.held(), at + BOUND - time.monotonic(), "nothing is left in the kernel")
    one = told(stand.probing).services["all"]
    assert one["health"] == "down" and states(stand) == {"withdrawn"}


def goes_on(stand):
    """It announces a service that is well again, and withdraws one that dies."""
    stand.service.start()
    wait_until(lambda: all(map(stand.routed_here, KINDS)), PATIENCE, "all is routed here again")
    assert states(stand) == {"announced"}
    stand.lab.settle()
    is_withdrawn(stand, stand.kill_service())
    is_not_routed(stand, PATIENCE)


def is_not_routed(stand, timeout):
    wait_until(lambda: not any(map(stand.routed_here, KINDS)), timeout, "the router routes nothing here")


def test_service_stays_well(stand):
    watch = stand.node.watch_addresses()
    since = time.monotonic()
    try:
        at = end_gracefully(stand)
        holds(lambda: all(map(stand.routed_here, KINDS)), at + AWAY - time.monotonic(), "all is routed here")
        assert states(stand) == {"announced"}
        start_again(stand)
        holds(lambda: all(map(stand.routed_here, KINDS)), 1, "all is routed here")
        assert not any(stand.absences(kind, since) for kind in KINDS)
        assert not [change for change in watch.changes if change.prefix in KINDS.values()]
    finally:
        watch.close()
    assert stand.held() == set(KINDS)
    # Afterwards it is as it was. FRR itself may not flush after a graceful restart (see the last test).
    restart_plainly(stand)
    wait_until(lambda: all(map(stand.routed_here, KINDS)), PATIENCE, "all is routed here again")
    stand.lab.settle()
    is_withdrawn(stand, stand.kill_service())
    is_not_routed(stand, PATIENCE)


def test_service_dies_and_frr_is_not_back_in_time(stand):
    short = 5
    for daemon, line in (("ospfd", "router ospf"), ("ospf6d", "router ospf6")):
        stand.node.frr.configure(daemon, line, f"graceful-restart grace-period {short}")
    began = end_gracefully(stand)
    is_withdrawn(stand, stand.kill_service())
    assert all(map(stand.routed_here, KINDS)), "the router helps"
    # Its neighbours' patience begins anew when the grace is over.
    is_not_routed(stand, began + short + DEAD_INTERVAL + 10 - time.monotonic())
    print(f"routed here for {time.monotonic() - began:.1f} s")
    start_again(stand)
    holds(lambda: not any(map(stand.routed_here, KINDS)), 1, "the router routes nothing here")
    restart_plainly(stand)
    goes_on(stand)


def test_service_dies_meanwhile(stand):
    """FRR 8.4.4 does not flush what it no longer redistributes after it (RFC 3623, section 2.3 (5)): its old LSAs would
    live for an hour. A restart that is not graceful flushes them."""
    began = end_gracefully(stand)
    is_withdrawn(stand, stand.kill_service())
    holds(lambda: all(map(stand.routed_here, KINDS)), began + AWAY - time.monotonic(), "the router helps")
    start_again(stand)
    assert not stand.held() and states(stand) == {"withdrawn"}
    restart_plainly(stand)
    is_not_routed(stand, PATIENCE)
    holds(lambda: not any(map(stand.routed_here, KINDS)), 1, "the router routes nothing here")
    goes_on(stand)
