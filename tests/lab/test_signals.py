"""Signals, sent as an administrator does: to the name of the process."""

import os
import signal
import time

import pytest
from conftest import BOTH, service
from lab import SECOND4, SERVICE4, SERVICE6
from netns import kill, process_state, wait_until


def both_kinds(probing, who):
    return probing.pid() if who == "dns-probe" else probing.keeper()


def gone(probing):
    wait_until(lambda: not probing.ours(), 5, "all processes end")


@pytest.mark.parametrize("who, number", [("dns-probe", signal.SIGTERM), ("dns-probe", signal.SIGINT),
                                         ("anyprobe-keeper", signal.SIGTERM)])
def test_end_withdraws(probing, who, number):
    probing.start_announced()
    kill(both_kinds(probing, who), number)
    gone(probing)
    assert not probing.node.addresses()
    probing.withdrawn()
    assert not list(probing.node.run_dir.glob("*.pid"))


def test_foreground_end_is_exit_0(probing):
    process, _ = probing.start_foreground()
    probing.announced()
    process.send_signal(signal.SIGTERM)
    assert process.wait(5) == 0
    gone(probing)
    assert not probing.node.addresses()


def test_pid_file_names_who_takes_term(probing):
    probing.start_announced()
    pid = int((probing.node.run_dir / "dns-probe.pid").read_text())
    assert pid in (probing.pid(), probing.keeper())
    kill(pid, signal.SIGTERM)
    gone(probing)
    probing.withdrawn()


def test_tstp_withdraws_before_it_stops(probing):
    probing.start_announced()
    pid = probing.pid()
    kill(pid, signal.SIGTSTP)
    deadline = time.monotonic() + 5
    while process_state(pid) != "T":
        assert time.monotonic() < deadline, "it never stopped"
    assert not probing.node.addresses()
    probing.withdrawn()
    # The resolver works, and still nothing is announced.
    time.sleep(1)
    assert process_state(pid) == "T" and not probing.node.addresses()
    kill(pid, signal.SIGCONT)
    probing.announced()
    assert probing.pid() == pid


def test_tstp_of_all_that_bear_the_name(probing):
    """`pkill -TSTP dns-probe; service unbound restart; pkill -CONT dns-probe`, as in the old cron line."""
    probing.start_announced()
    done = probing.node.namespace.run("pkill", "-TSTP", "--ns", probing.keeper(), "--nslist", "net", "-x",
                                      "dns-probe")
    assert done.returncode == 0, done.stderr
    probing.withdrawn()
    wait_until(lambda: process_state(probing.pid()) == "T", 2, "it is stopped")
    probing.node.kill_unbound(signal.SIGTERM)
    probing.node.start_unbound()
    kill(probing.pid(), signal.SIGCONT)
    probing.announced()


def test_cont_of_a_dead_resolver_announces_nothing(probing):
    """After CONT it begins as unknown."""
    probing.start_announced()
    pid = probing.pid()
    kill(pid, signal.SIGTSTP)
    wait_until(lambda: process_state(pid) == "T", 5, "it is stopped")
    probing.node.kill_unbound()
    kill(pid, signal.SIGCONT)
    time.sleep(0.8)
    assert not probing.node.addresses()
    probing.node.start_unbound()
    probing.announced()


def test_keeper_is_not_stopped(probing):
    probing.start_announced()
    keeper = probing.keeper()
    for number in (signal.SIGTSTP, signal.SIGINT):
        kill(keeper, number)
    time.sleep(0.3)
    assert process_state(keeper) in ("S", "R")
    assert probing.node.addresses() == set(BOTH)


def test_term_ends_a_suspended_probe(probing):
    probing.start_announced()
    pid = probing.pid()
    kill(pid, signal.SIGTSTP)
    wait_until(lambda: process_state(pid) == "T", 5, "it is stopped")
    kill(probing.keeper(), signal.SIGTERM)
    gone(probing)


@pytest.fixture
def deletions(probing):
    """Tells whether an address left the node, even for a moment."""
    watch = probing.node.watch_addresses()
    yield lambda prefix: [change for change in watch.changes if change.prefix == prefix and not change.interfaces]
    watch.close()


def start_with(probing, *services):
    path = probing.write({"services": list(services)}, "dns-probe.json")
    probing.start("--config", path, addresses=(), pace=())
    probing.announced([one["address"] for each in services for one in each["advertise"]])
    probing.lab.settle()


@pytest.mark.parametrize("who", ["dns-probe", "anyprobe-keeper"])
def test_hup_takes_up_what_changed(probing, deletions, who):
    start_with(probing, service(SERVICE4, SERVICE6))
    pid = probing.pid()
    probing.write({"services": [service(SERVICE4, SECOND4)]}, "dns-probe.json")
    kill(both_kinds(probing, who), signal.SIGHUP)
    probing.announced([SECOND4])
    probing.withdrawn([SERVICE6])
    assert probing.pid() == pid or who != "dns-probe"
    assert probing.lab.route_to(SERVICE4) is probing.node
    assert deletions(SERVICE6) and not deletions(SERVICE4)


def test_hup_with_another_service(probing, deletions):
    """Of several services in one process, each is its own."""
    both = [service(SERVICE4), service(SECOND4, name="second")]
    path = probing.write({"services": both[:1]})
    process, _ = probing.start_foreground("--config", path, program="anyprobe")
    probing.announced([SERVICE4])
    probing.write({"services": both})
    kill(process.pid, signal.SIGHUP)
    probing.announced([SECOND4])
    probing.lab.settle()
    probing.write({"services": both[:1]})
    kill(process.pid, signal.SIGHUP)
    probing.withdrawn([SECOND4])
    assert not deletions(SERVICE4) and probing.lab.route_to(SERVICE4) is probing.node


def test_hup_with_the_same_file_touches_nothing(probing, deletions):
    start_with(probing, service(SERVICE4, SERVICE6))
    changes = len(probing.lab.routes.changes)
    kill(probing.pid(), signal.SIGHUP)
    time.sleep(0.8)
    assert len(probing.lab.routes.changes) == changes
    assert not deletions(SERVICE4) and not deletions(SERVICE6)
    # And it still works.
    probing.node.kill_unbound()
    probing.withdrawn()


@pytest.mark.parametrize("broken", ['{"services": [', '{"services": [], "serivces": 1}', None],
                         ids=["syntax", "unknown-key", "gone"])
def test_hup_with_a_broken_file_keeps_the_old_one(probing, deletions, broken):
    path = probing.write({"services": [service(SERVICE4, SERVICE6)]}, "dns-probe.json")
    _, log = probing.start_foreground("--config", path, addresses=(), pace=())
    probing.announced()
    probing.lab.settle()
    before = log.stat().st_size
    if broken is None:
        path.unlink()
    else:
        probing.write(broken, "dns-probe.json")
    kill(probing.pid(), signal.SIGHUP)
    wait_until(lambda: "dns-probe.json" in log.read_text()[before:], 5, "the refusal is logged with the file")
    assert not deletions(SERVICE4) and not deletions(SERVICE6)
    assert probing.node.addresses() == set(BOTH)
    probing.node.kill_unbound()
    probing.withdrawn()


def test_hup_with_another_probe_asks_it(probing):
    start_with(probing, service(SERVICE4))
    other = service(SERVICE4)
    other["probe"]["query"] = "nowhere.example.org"
    probing.write({"services": [other]}, "dns-probe.json")
    kill(probing.pid(), signal.SIGHUP)
    probing.withdrawn([SERVICE4])


def test_stopping_does_not_leave_zombies(probing):
    probing.start_announced()
    pids = probing.ours()
    kill(probing.keeper(), signal.SIGTERM)
    wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids), 5, "all are gone, and reaped")
