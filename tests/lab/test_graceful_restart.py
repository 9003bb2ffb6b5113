"""FRR restarted gracefully (RFC 3623, RFC 5187): its neighbours keep its routes for the grace period, whatever becomes
of the service meanwhile. What is right on the node is right all the time."""

import signal
import time

import pytest
from frr import graceful
from netns import holds, wait_until
from stand import BOUND, DEAD_INTERVAL, KINDS, OSPF_TAKES, Stand
from status import told

pytestmark = pytest.mark.xdist_group("graceful restart")

DAEMONS = ("ospfd", "ospf6d")
GRACE = 15
AWAY = DEAD_INTERVAL + 1.5  # for longer than neighbours wait who know nothing of it


@pytest.fixture(scope="module")
def _graceful(_shared_lab):
    with graceful(_shared_lab, _shared_lab.near, GRACE):
        yield


@pytest.fixture
def stand(_graceful, probing):
    one = Stand(probing)
    one.start()
    yield one
    one.close()
    ended = [daemon for daemon in DAEMONS if daemon not in one.node.frr.processes]
    if ended:  # it failed meanwhile
        one.node.frr.boot(ended)
        one.lab.wait_adjacent()


def end_gracefully(stand):
    """Returns time.monotonic() of it."""
    stand.lab.settle()
    at = time.monotonic()
    stand.node.frr.prepare_restart()
    wait_until(lambda: stand.lab.router_frr.helps() == "all", 10, "the router helps")
    for daemon in DAEMONS:
        stand.node.frr.stop(daemon)
    return at


def start_again(stand):
    stand.node.frr.boot(DAEMONS)
    stand.lab.wait_adjacent()
    wait_until(lambda: stand.lab.router_frr.helps() == "none", GRACE + 10, "the restart is over")


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
    wait_until(lambda: all(map(stand.routed_here, KINDS)), 30, "all is routed here again")
    assert states(stand) == {"announced"}
    stand.lab.settle()
    at = stand.kill_service()
    is_withdrawn(stand, at)
    is_not_routed(stand, at + BOUND + OSPF_TAKES - time.monotonic())


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
    stand.lab.settle()
    at = stand.kill_service()
    is_withdrawn(stand, at)
    is_not_routed(stand, at + BOUND + OSPF_TAKES - time.monotonic())


def test_service_dies_and_frr_is_not_back_in_time(stand):
    short = 5
    for daemon, line in (("ospfd", "router ospf"), ("ospf6d", "router ospf6")):
        stand.node.frr.configure(daemon, line, f"graceful-restart grace-period {short}")
    began = end_gracefully(stand)
    is_withdrawn(stand, stand.kill_service())
    assert all(map(stand.routed_here, KINDS)), "the router helps"
    # Its neighbours' patience begins anew when the grace is over.
    is_not_routed(stand, began + short + DEAD_INTERVAL + 1 - time.monotonic())
    print(f"routed here for {time.monotonic() - began:.1f} s")
    start_again(stand)
    holds(lambda: not any(map(stand.routed_here, KINDS)), 1, "the router routes nothing here")
    goes_on(stand)


def test_service_dies_meanwhile(stand):
    """FRR 8.4.4 does not flush what it no longer redistributes after it (RFC 3623, section 2.3 (5)): its old LSAs would
    live for an hour. A restart that is not graceful flushes them."""
    began = end_gracefully(stand)
    is_withdrawn(stand, stand.kill_service())
    holds(lambda: all(map(stand.routed_here, KINDS)), began + AWAY - time.monotonic(), "the router helps")
    start_again(stand)
    assert not stand.held() and states(stand) == {"withdrawn"}
    for daemon in DAEMONS:
        stand.node.frr.stop(daemon, signal.SIGKILL)
    start_again(stand)
    is_not_routed(stand, 10)
    holds(lambda: not any(map(stand.routed_here, KINDS)), 1, "the router routes nothing here")
    goes_on(stand)
