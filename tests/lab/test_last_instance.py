"""What no other router announces: kept where a configuration says so (min_peers), and not drained unless one insists."""

import collections
import re
import signal

import pytest
from conftest import BOTH, service
from lab import SERVICE4, SERVICE6
from netns import holds, kill, wait_until
from status import ask, becomes, report, reports, table, told

NOBODY = "too few others announce it (min_peers)"


def start(probing, others, **more):
    """Returns (process, log) once it is known how many others there are."""
    for prefix in BOTH if others else ():
        probing.lab.far.add_address(prefix)
    process, log = probing.run_config(service(*BOTH, **more), frr={"vty_dir": str(probing.node.frr.run_dir)})
    wait_until(lambda: probing.node.addresses() >= set(BOTH), 10, "the addresses are there")
    becomes(probing, lambda one: states(one) == {"announced"} and
            {each["others"] for each in one.services["dns"]["advertise"]} == {others}, "it knows of the others", 30)
    return process, log


def states(one):
    return set(one.states("dns").values())


def fails(probing, number=signal.SIGKILL):
    probing.node.kill_unbound(number)
    return becomes(probing, lambda one: one.services["dns"]["health"] == "down", "it is down")


def drained(probing, *words):
    return probing.node.program("anyprobe", "drain", "--run-dir", probing.node.run_dir, "dns", *words)


def test_the_last_is_kept_until_another_announces_it(probing):
    _, log = start(probing, 0, min_peers=1)
    fails(probing)
    holds(lambda: states(told(probing)) == {"announced"} and probing.node.addresses() == set(BOTH), 5,
          "it is kept, also beyond its lease", every=0.3)
    assert log.read_text().count(NOBODY) == 2
    assert table(probing).count("min_peers") == 2 and "still announced" in table(probing)
    # Of one family there is another by now: that one goes, the other stays.
    probing.lab.far.add_address(SERVICE4)
    wait_until(lambda: probing.node.addresses() == {SERVICE6}, 30, "the one that others announce is withdrawn")
    assert "is withdrawn: others announce it now" in log.read_text()
    holds(lambda: probing.node.addresses() == {SERVICE6}, 1, "the other stays")


def metrics(probing):
    """{name: {prefix: value}} of what is told of advertisements."""
    path = probing.folder / "anyprobe.prom"
    done = ask(probing, "--textfile", path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "") and path.stat().st_mode & 0o777 == 0o644
    found = collections.defaultdict(dict)
    for name, prefix, value in re.findall(r'^(\w+)\{.*advertisement="(\S+) on lo"\} (\S+)$', path.read_text(), re.MULTILINE):
        found[name][prefix] = float(value)
    return found


def test_metrics_that_cannot_be_written(probing):
    probing.start_announced()
    done = ask(probing, "--textfile", "/nonexistent/anyprobe.prom")
    assert done.returncode == 71 and "/nonexistent/anyprobe.prom" in done.stderr and done.stderr.count("\n") == 1
    assert ask(probing, "--textfile", "/nonexistent/x", "--json").returncode == 64


def test_monitoring_is_told_loudly(probing):
    start(probing, 0, min_peers=1)
    text, data = reports(probing, 0, "all is well, and confirmed")
    assert text == "ANYPROBE OK - 1 service up, 2 of 2 advertised" and data["last_instance"] == 0
    fails(probing)
    text, data = report(probing, 2)
    assert text.startswith("ANYPROBE CRITICAL - LAST INSTANCE: dns is down and kept announced for want of others ")
    assert all(each in text for each in BOTH)
    assert (data["up"], data["down"], data["announced"], data["wanted"], data["last_instance"]) == (0, 1, 2, 2, 2)
    assert metrics(probing)["anyprobe_advertisement_last_instance"] == dict.fromkeys(BOTH, 1)
    for prefix in BOTH:
        probing.lab.far.add_address(prefix)
    wait_until(lambda: not probing.node.addresses() & set(BOTH), 30, "others announce it, and it is withdrawn")
    assert metrics(probing)["anyprobe_advertisement_last_instance"] == dict.fromkeys(BOTH, 0)
    text, data = report(probing, 2)
    assert text.startswith("ANYPROBE CRITICAL - dns is down") and data["last_instance"] == 0
    assert drained(probing, "--wait").returncode == 0
    text, data = report(probing, 1)
    assert text == "ANYPROBE WARNING - dns is drained" and (data["drained"], data["down"]) == (1, 0)


def test_it_recovers(probing):
    _, log = start(probing, 0, min_peers=1)
    fails(probing, signal.SIGSTOP)
    assert states(told(probing)) == {"announced"}
    kill(probing.node.unbound.pid, signal.SIGCONT)
    one = becomes(probing, lambda one: one.services["dns"]["health"] == "up", "it is up again")
    assert states(one) == {"announced"} and not one.instances["anyprobe"]["problems"]
    assert "is no longer announced as the last instance alone" in log.read_text()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "hung"])
def test_it_is_kept_by_the_next_prober(probing, number):
    """Which asks first, and knows of no others yet."""
    _, log = start(probing, 0, min_peers=1)
    fails(probing)
    before = probing.probers("anyprobe")
    kill(before[0], number)
    wait_until(lambda: probing.probers("anyprobe") not in ([], before), 20, "there is another prober")
    holds(lambda: probing.node.addresses() >= set(BOTH), 6, "it is kept, also beyond its lease")
    assert log.read_text().count(NOBODY) == 4
    probing.lab.far.add_address(SERVICE4)
    wait_until(lambda: probing.node.addresses() == {SERVICE6}, 30, "the one that others announce is withdrawn")


def test_what_its_lease_has_ended_the_next_prober_does_not_announce_anew(probing):
    """Its first answer, a bad one, comes when nothing stands any more."""
    start(probing, 0, min_peers=1, interval="10s", timeout="6s", lease="3s", fall=1)
    before = probing.probers("anyprobe")
    kill(probing.node.unbound.pid, signal.SIGSTOP)
    kill(before[0], signal.SIGKILL)
    wait_until(lambda: not probing.node.addresses() & set(BOTH), 20, "the lease ends")
    becomes(probing, lambda one: one.services["dns"]["health"] == "down", "it is down", 20)
    holds(lambda: not probing.node.addresses() & set(BOTH), 2, "it is not announced")


def test_where_frr_tells_nothing_the_next_prober_withdraws(probing):
    probing.run_config(service(*BOTH, min_peers=1), frr={"vty_dir": str(probing.folder)})
    wait_until(lambda: probing.node.addresses() >= set(BOTH), 10, "the addresses are there")
    for process in (probing.pid("anyprobe"), probing.node.unbound.pid):
        kill(process, signal.SIGSTOP)
    wait_until(lambda: not probing.node.addresses() & set(BOTH), 20, "it is withdrawn")


def test_what_hangs_as_a_whole_keeps_nothing(probing):
    start(probing, 0, min_peers=1)
    fails(probing)
    for process in (probing.keeper(), probing.pid("anyprobe")):
        kill(process, signal.SIGSTOP)
    wait_until(lambda: not probing.node.addresses() & set(BOTH), 20, "the lease ends")


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL], ids=["hung", "dead"])
def test_the_stone_dead_may_be_told_to_go(probing, number):
    """Hung, it is kept; killed, its port refuses, and it is not."""
    start(probing, 0, min_peers=1, last_resort="withdraw")
    fails(probing, number)
    if number == signal.SIGSTOP:
        holds(lambda: states(told(probing)) == {"announced"}, 2, "it is kept", every=0.3)
        probing.node.kill_unbound()
    wait_until(lambda: not probing.node.addresses() & set(BOTH), 20, "it is withdrawn")


def test_where_others_announce_it_a_failure_withdraws(probing):
    start(probing, 1, min_peers=1)
    fails(probing)
    wait_until(lambda: not probing.node.addresses() & set(BOTH), 10, "it is withdrawn")


def test_the_last_is_not_drained_unless_one_insists(probing):
    start(probing, 0)
    done = drained(probing)
    assert done.returncode == 75 and "no other router announces" in done.stderr and "--force" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert told(probing).services["dns"]["admin"] == "active" and probing.node.addresses() == set(BOTH)
    assert drained(probing, "--wait", "--force").returncode == 0
    assert not probing.node.addresses() & set(BOTH)


def test_where_others_announce_it_it_is_drained(probing):
    start(probing, 1)
    done = drained(probing, "--wait")
    assert done.returncode == 0, done.stderr
    assert not probing.node.addresses() & set(BOTH)
