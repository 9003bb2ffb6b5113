"""Changes that lie apart, so that no router drops them; each case beside the same change made by hand. The router is
not tuned: it takes an LSA at most once a second."""

import contextlib
import signal
import time

import pytest
from conftest import Probing, service
from lab import SECOND4, SERVICE4, SERVICE6, Lab
from netns import kill, wait_until
from status import ask, told

BOTH = (SERVICE4, SERVICE6)
# What a router drops comes back with the retransmission, a second later at the earliest.
AT_ONCE = 0.5
SPACING = 1.05
QUIET = 5.5  # longer than MinLSInterval: what was before has no part in what follows


@pytest.fixture(scope="module")
def _untuned():
    with Lab("quagga") as lab:
        yield lab


@pytest.fixture
def probing(_untuned, folder):
    _untuned.reset()
    one = Probing(_untuned, folder)
    yield one
    one.close()
    _untuned.end_probes()


def run(probing, *prefixes, linger="0s", spacing="1050ms", **more):
    return probing.run_config(service(*(prefixes or BOTH), linger=linger, **more), lsa_spacing=spacing)


def command(probing, *words):
    done = probing.node.program("anyprobe", words[0], "--run-dir", probing.node.run_dir, *words[1:])
    assert done.returncode == 0, done.stderr


@contextlib.contextmanager
def watching(node):
    watch = node.watch_addresses()
    yield watch
    watch.close()


def left(watch, prefix, since, interface=()):
    """When the node itself had changed, after `since`."""
    return watch.wait_seen(prefix, list(interface), since, 15)


def until_router(probing, prefix, node, since, timeout=20):
    """Seconds until the router had its last change of it, once it is as it should be."""
    at = probing.lab.wait_route(prefix, node, timeout)
    return at - since


def by_hand(probing, prefix, *gaps):
    """See once_by_hand(). Again where the router was quick: while a machine stands still, MinLSInterval goes by."""
    for _ in range(3):
        late = once_by_hand(probing, prefix, *gaps)
        if late > AT_ONCE:
            break
        time.sleep(QUIET)
    return late


def once_by_hand(probing, prefix, *gaps):
    """Announced, and then changed to and fro after each gap; seconds from the last change to the router's."""
    node, there = probing.node, True
    node.add_address(prefix)
    probing.lab.wait_route(prefix, node)
    for gap in gaps:
        time.sleep(gap)
        at = time.monotonic()
        node.del_address(prefix) if there else node.add_address(prefix)
        there = not there
    late = until_router(probing, prefix, node if there else None, at)
    if there:
        time.sleep(SPACING)
        node.del_address(prefix)
        probing.lab.wait_route(prefix, None)
    time.sleep(SPACING)
    return late


def waiting(probing, name="dns"):
    return {one["what"].split()[0]: one["waiting"] and one["waiting"]["to"]
            for one in told(probing).services[name]["advertise"]}


@pytest.mark.parametrize("prefix", BOTH)
def test_a_drain_soon_after_the_announcement(probing, prefix):
    hand = by_hand(probing, prefix, 0.3)
    time.sleep(QUIET)
    run(probing, prefix)
    with watching(probing.node) as watch:
        announced = left(watch, prefix, 0, ["lo"])
        probing.lab.wait_route(prefix, probing.node)
        command(probing, "drain", "dns")
        asked = time.monotonic()
        gone = left(watch, prefix, announced)
        late = until_router(probing, prefix, None, gone)
    assert gone - announced >= 1, "the router drops it"
    assert gone - asked <= SPACING + 1
    assert late < AT_ONCE < hand, (late, hand)


def test_the_end_lingers_for_as_long_as_ever_behind_it(probing):
    process, _ = run(probing, SERVICE4, linger="1s")
    with watching(probing.node) as watch:
        announced = left(watch, SERVICE4, 0, ["lo"])
        probing.lab.wait_route(SERVICE4, probing.node)
        process.send_signal(signal.SIGTERM)
        gone = left(watch, SERVICE4, announced)
    assert process.wait(15) == 0
    ended = time.monotonic()
    late = until_router(probing, SERVICE4, None, gone)
    assert gone - announced >= 1 and ended - gone >= 1, (announced, gone, ended)
    assert late < AT_ONCE
    wait_until(lambda: not probing.ours(), 5, "nothing is left")
    assert not probing.node.addresses()


def test_a_long_run_ends_without_a_wait(probing):
    process, _ = run(probing)
    for prefix in BOTH:
        probing.lab.wait_route(prefix, probing.node)
    time.sleep(SPACING)
    begin = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(15) == 0
    assert time.monotonic() - begin < 1
    probing.withdrawn()


@pytest.mark.parametrize("how", ["failure", "TSTP"])
def test_a_failure_and_tstp_are_withdrawn_at_once(probing, how):
    run(probing, spacing="30s")
    with watching(probing.node) as watch:
        for prefix in BOTH:
            left(watch, prefix, 0, ["lo"])
        begin = time.monotonic()
        if how == "TSTP":
            kill(probing.pid("anyprobe"), signal.SIGTSTP)
        else:
            probing.node.kill_unbound()
        for prefix in BOTH:
            assert left(watch, prefix, begin) - begin < 5
    probing.withdrawn(timeout=20)


def test_announced_again_soon_after_a_withdrawal(probing):
    """Resumed at once, when it had been announced for long."""
    hand = by_hand(probing, SERVICE4, QUIET, 0.3)
    time.sleep(QUIET)
    run(probing, SERVICE4)
    probing.lab.wait_route(SERVICE4, probing.node)
    time.sleep(QUIET)
    with watching(probing.node) as watch:
        begin = time.monotonic()
        command(probing, "drain", "dns")
        gone = left(watch, SERVICE4, begin)
        probing.lab.wait_route(SERVICE4, None)
        command(probing, "resume", "dns")
        back = left(watch, SERVICE4, gone, ["lo"])
        late = until_router(probing, SERVICE4, probing.node, back)
    assert 1 <= back - gone < 4, "neither too soon nor MinLSInterval"
    assert late < AT_ONCE < hand, (late, hand)


def test_a_flap_leaves_no_withdrawal_stuck(probing):
    hand = by_hand(probing, SERVICE4, 0.1, 0.1, 0.1)
    time.sleep(QUIET)
    run(probing, SERVICE4)
    probing.lab.wait_route(SERVICE4, probing.node)
    with watching(probing.node) as watch:
        began = time.monotonic()
        for verb in ("drain", "resume", "drain"):
            command(probing, verb, "dns", "--wait")
        times = [change.at for change in watch.changes if change.prefix == SERVICE4 and change.at > began]
        late = until_router(probing, SERVICE4, None, times[-1])
    assert len(times) == 3 and all(b - a >= 1 for a, b in zip(times, times[1:])), times
    assert late < AT_ONCE < hand, (late, hand)


@pytest.mark.parametrize("prefix", BOTH)
def test_a_repair_is_an_announcement(probing, prefix):
    run(probing, prefix)
    probing.lab.wait_route(prefix, probing.node)
    time.sleep(QUIET)
    with watching(probing.node) as watch:
        begin = time.monotonic()
        probing.node.del_address(prefix)
        gone = left(watch, prefix, begin)
        probing.lab.wait_route(prefix, None)
        assert waiting(probing) == {prefix: "announce"}
        back = left(watch, prefix, gone, ["lo"])
        late = until_router(probing, prefix, probing.node, back)
    assert back - gone >= 1 and late < AT_ONCE, (back - gone, late)


def test_status_shows_what_is_waited_for(probing):
    run(probing, SERVICE4, SECOND4, spacing="20s")
    for prefix in (SERVICE4, SECOND4):
        probing.lab.wait_route(prefix, probing.node)
    assert waiting(probing) == {SERVICE4: None, SECOND4: None}
    command(probing, "drain", "dns")
    assert waiting(probing) == {SERVICE4: "withdraw", SECOND4: "withdraw"}
    assert "is still announced, to be withdrawn in" in ask(probing).stdout
    command(probing, "resume", "dns")
    assert waiting(probing) == {SERVICE4: None, SECOND4: None}
    probing.node.kill_unbound()
    probing.withdrawn([SERVICE4, SECOND4])
    probing.node.start_unbound()
    wait_until(lambda: waiting(probing) == {SERVICE4: "announce", SECOND4: "announce"}, 10, "both wait", every=0.2)
    assert "is withdrawn, to be announced in" in ask(probing).stdout
