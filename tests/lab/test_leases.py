"""What stands outlives neither its prober nor its keeper for longer than its lease, and nothing flaps that need not."""

import json
import re
import signal
import time

import pytest
from conftest import BOTH, QUICK
from lab import SECOND4, SECOND6, SERVICE4, SERVICE6
from netns import holds, kill, process_state, wait_until

LEASE = 2
BOUND = LEASE + 0.5
LEASED = (*QUICK, "--lease", f"{LEASE}s")


@pytest.fixture
def flaps(probing):
    """The moments in which an address left the node, or the router looked elsewhere."""
    watch = probing.node.watch_addresses()
    routes = probing.lab.routes
    begin = len(routes.changes)

    def seen():
        left = [change for change in watch.changes if not change.interfaces]
        return left + [change for change in routes.changes[begin:] if change.prefix in BOTH]
    yield seen
    watch.close()


def another_prober(probing, old):
    return wait_until(lambda: next((pid for pid in probing.probers() if pid != old), None), 15, "another prober")


def settled_lifetimes(node):
    found = node.namespace.ip("-j", "addr", "show", "dev", "lo")
    return {one["local"]: one["valid_life_time"] for link in found for one in link["addr_info"]
            if f"{one['local']}/{one['prefixlen']}" in BOTH}


def test_addresses_have_a_lifetime_that_is_renewed(probing, flaps):
    probing.start(pace=LEASED)
    probing.announced()
    before = len(flaps())
    lowest = min(min(settled_lifetimes(probing.node).values()) for _ in range(60))
    assert lowest >= 1 and max(settled_lifetimes(probing.node).values()) <= LEASE
    watch = probing.node.watch_addresses()
    wait_until(lambda: len(watch.renewals) >= 6, 4 * LEASE, "they are renewed again and again")
    watch.close()
    assert len(flaps()) == before


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
def test_prober_lost_with_the_service_well(probing, number):
    # Of one that hangs a third of the lease is left for the next to start and to be answered.
    lease = 3 * LEASE
    probing.start(pace=(*QUICK, "--lease", f"{lease}s"))
    probing.announced()
    old = probing.pid()
    watch = probing.node.watch_addresses()
    changes = len(probing.lab.routes.changes)
    kill(old, number)
    another_prober(probing, old)
    wait_until(lambda: len(watch.renewals) >= 4, 5 * lease, "the next one renews")
    assert not [change for change in watch.changes if not change.interfaces]
    assert len(probing.lab.routes.changes) == changes
    watch.close()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
def test_prober_lost_with_the_service_dead(probing, number):
    probing.start(pace=LEASED)
    probing.announced()
    old = probing.pid()
    at = probing.node.kill_unbound()
    kill(old, number)
    probing.withdrawn(timeout=10)
    assert last_change(probing) - at < BOUND + 1
    assert not probing.node.addresses()


def last_change(probing):
    return max(change.at for change in probing.lab.routes.changes if change.prefix in BOTH)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
def test_keeper_lost(probing, number):
    """The kernel itself ends the lease."""
    probing.start(pace=LEASED)
    probing.announced()
    keeper = probing.keeper()
    at = time.monotonic()
    kill(keeper, number)
    probing.withdrawn(timeout=10)
    assert last_change(probing) - at < BOUND + 1
    assert not probing.node.addresses()
    if number == signal.SIGKILL:
        probing.nothing_runs()
    else:
        kill(keeper, signal.SIGCONT)
        probing.announced()


@pytest.mark.parametrize("who", ["prober", "keeper"])
def test_usr2_hands_over(probing, flaps, who):
    probing.start(pace=LEASED)
    probing.announced()
    before = len(flaps())
    kill(probing.pid() if who == "prober" else probing.keeper(), signal.SIGUSR2)
    probing.nothing_runs()
    assert probing.node.addresses() == set(BOTH)
    probing.start(pace=LEASED)
    watch = probing.node.watch_addresses()
    wait_until(lambda: len(watch.renewals) >= 4, 3 * LEASE, "the next run renews")
    watch.close()
    assert len(flaps()) == before


def test_usr2_without_a_next_run(probing):
    probing.start(pace=LEASED)
    probing.announced()
    kill(probing.keeper(), signal.SIGUSR2)
    probing.withdrawn()
    assert not probing.node.addresses()


def test_start_withdraws_what_is_configured_no_longer(probing):
    probing.start(pace=(*QUICK, "--lease", "60s"))
    probing.announced()
    kill(probing.pid(), signal.SIGUSR2)
    probing.nothing_runs()
    probing.start(pace=(*QUICK, "--lease", "60s"), addresses=("--address", SERVICE4, "--address", SECOND4))
    probing.withdrawn([SERVICE6])
    probing.announced([SECOND4])
    assert probing.node.addresses() == {SERVICE4, SECOND4}


def test_start_with_a_dead_service_withdraws_at_the_first_answer(probing):
    probing.start(pace=(*QUICK, "--lease", "60s"))
    probing.announced()
    kill(probing.pid(), signal.SIGUSR2)
    probing.nothing_runs()
    probing.node.kill_unbound()
    probing.start(pace=("--interval", "1s", "--fall", "5", "--lease", "60s"))
    probing.withdrawn(timeout=3)


def test_suspended_prober_that_is_killed_stays_suspended(probing):
    probing.start(pace=LEASED)
    probing.announced()
    old = probing.pid()
    kill(old, signal.SIGTSTP)
    probing.withdrawn()
    wait_until(lambda: process_state(old) == "T", 5, "it is stopped")
    kill(old, signal.SIGKILL)
    new = another_prober(probing, old)
    wait_until(lambda: process_state(new) == "T", 5, "the next one is stopped too")
    holds(lambda: not probing.node.addresses() and process_state(new) == "T", 2 * LEASE, "suspended")
    kill(new, signal.SIGCONT)
    probing.announced()


def test_routes_end_with_the_prober(probing):
    """They have no lifetime in the kernel: the keeper has it for them."""
    pace = ("--interval", "100ms", "--rise", "1", "--fall", "1", "--lease", f"{LEASE}s")
    routes = ("--route", SERVICE4, "--device", "eth0", "--route", SERVICE6, "--device", "eth0")
    probing.start(pace=pace, addresses=routes)
    probing.announced()
    at = probing.node.kill_unbound()
    for pid in probing.probers():
        kill(pid, signal.SIGSTOP)
    probing.withdrawn(timeout=10)
    assert last_change(probing) - at < BOUND + 1


def test_routes_that_were_handed_over_do_not_outlive_their_lease(probing):
    pace = (*QUICK, "--lease", f"{LEASE}s")
    probing.start(pace=pace, addresses=("--route", SERVICE4, "--device", "eth0"))
    probing.announced([SERVICE4])
    state = json.loads((probing.node.run_dir / "dns-probe.state").read_text())
    assert [one["route"] for one in state["advertise"]] == [SERVICE4]
    kill(probing.pid(), signal.SIGUSR2)
    wait_until(lambda: not probing.probers(), 2, "the prober has gone")
    probing.withdrawn([SERVICE4])
    probing.nothing_runs()
    assert not (probing.node.run_dir / "dns-probe.state").exists()


def test_ospf_does_not_see_the_renewals(probing):
    """Nor does a renewal of an IPv6 route, which has its lifetime from the kernel too."""
    probing.start(pace=LEASED, addresses=("--address", SERVICE4, "--address", SERVICE6, "--route", SECOND6,
                                          "--device", "eth0"))
    probing.announced([SERVICE4, SERVICE6, SECOND6])
    node = probing.node

    def sequences():
        """By prefix, of what the node itself announces; withdrawn ones linger in the database at the greatest age."""
        found = {}
        for block in node.frr.ask("ospf6d", "show ipv6 ospf6 database as-external detail").split("Age:")[1:]:
            if int(block.split()[0]) < 3600 and f"Advertising Router: {node.address}" in block:
                found[re.search(r"Prefix: (\S+)", block)[1]] = re.search(r"LS Sequence Number: (\w+)", block)[1]
        four = node.frr.ask("ospfd", f"show ip ospf database external {SERVICE4.split('/')[0]} self-originate")
        found[SERVICE4] = re.search(r"LS Seq Number: (\w+)", four)[1]
        return found

    def expires():
        found = node.namespace.ip("-6", "route", "show", SECOND6)
        return int(re.search(r"expires (-?\d+)sec", found)[1])
    before = sequences()
    assert set(before) == {SERVICE4, SERVICE6, SECOND6}
    watch = node.watch_addresses()
    lowest = LEASE
    end = time.monotonic() + 3 * LEASE
    while time.monotonic() < end:
        lowest = min(lowest, expires())
    assert 0 <= lowest < LEASE and watch.renewals
    assert sequences() == before
    watch.close()
