"""anyprobe drain and resume: maintenance that no client notices."""

import signal
import time

import pytest
from conftest import BOTH, service
from lab import SECOND4, SERVICE4
from netns import holds, kill, wait_until
from status import all_of, told

LINGER = ("--linger", "1s")


def command(probing, *words, **options):
    return probing.node.program("anyprobe", words[0], "--run-dir", probing.node.run_dir, *words[1:], **options)


def done(probing, *words):
    result = command(probing, *words)
    assert (result.returncode, result.stderr) == (0, ""), result
    return result


def fails(probing, code, text, *words):
    result = command(probing, *words)
    assert result.returncode == code and len(result.stderr.splitlines()) == 1 and text in result.stderr, result


def admin(probing, name="dns-probe"):
    return told(probing).services[name]["admin"]


def test_drained_and_resumed(probing):
    probing.start_announced(*LINGER)
    begin = time.monotonic()
    done(probing, "drain", "dns-probe", "--wait")
    assert time.monotonic() - begin >= 1
    assert not probing.node.addresses()
    one = told(probing).services["dns-probe"]
    assert (one["health"], one["admin"]) == ("up", "drained")
    probing.withdrawn()
    # It is asked as before, and announced no more, whatever it answers.
    probing.node.kill_unbound()
    wait_until(lambda: told(probing).services["dns-probe"]["health"] == "down", 10, "it is down", every=0.2)
    probing.node.start_unbound()
    wait_until(lambda: told(probing).services["dns-probe"]["health"] == "up", 10, "it is up", every=0.2)
    assert not probing.node.addresses()
    done(probing, "resume", "dns-probe", "--wait")
    assert told(probing).states() == all_of("announced") and admin(probing) == "active"
    probing.announced()


def test_without_wait_it_returns_at_once(probing):
    probing.start_announced("--linger", "60s")
    done(probing, "drain", "--all")
    assert admin(probing) == "draining" and told(probing).states() == all_of("lingering")
    fails(probing, 75, "lingering", "drain", "--all", "--wait", "--timeout", "300ms")
    done(probing, "resume", "--all")
    wait_until(lambda: told(probing).states() == all_of("announced"), 5, "it is announced", every=0.2)


def test_a_service_that_fails_while_it_is_drained_lingers_no_longer(probing):
    probing.start_announced("--linger", "60s")
    done(probing, "drain", "--all")
    assert told(probing).states() == all_of("lingering")
    probing.node.kill_unbound()
    wait_until(lambda: admin(probing) == "drained", 10, "it is withdrawn", every=0.2)
    assert told(probing).states() == all_of("withdrawn")


def test_what_was_known_before_does_not_announce_it(probing):
    """Between drain and resume it was restarted, and loads: nobody has noticed yet."""
    probing.start_announced(pace=("--interval", "5s", "--timeout", "200ms", "--rise", "1", "--fall", "2", "--linger", "0s"))
    done(probing, "drain", "dns-probe", "--wait")
    probing.node.kill_unbound()
    done(probing, "resume", "dns-probe")
    holds(lambda: not probing.node.addresses(), 1.5, "it is not announced")
    fails(probing, 75, "dns-probe is down (refused)", "resume", "dns-probe", "--wait", "--timeout", "300ms")
    probing.node.start_unbound()
    done(probing, "resume", "dns-probe", "--wait")
    probing.announced()


def test_one_of_several(probing):
    probing.run_config(service(SERVICE4, name="one"), service(SECOND4, name="two"))
    probing.announced([SERVICE4, SECOND4])
    done(probing, "drain", "two", "--wait")
    assert probing.node.addresses() == {SERVICE4}
    assert (admin(probing, "one"), admin(probing, "two")) == ("active", "drained")
    fails(probing, 65, 'no service "three"', "drain", "three", "one")
    assert admin(probing, "one") == "active"


def test_a_drained_service_survives_what_may_come(probing):
    process, _ = probing.run_config(service(SERVICE4, name="one"), service(SECOND4, name="two"))
    probing.announced([SERVICE4, SECOND4])
    done(probing, "drain", "two", "--wait")

    def stays(what):
        wait_until(lambda: probing.node.addresses() == {SERVICE4}, 10, f"one alone after {what}")
        holds(lambda: probing.node.addresses() <= {SERVICE4}, 0.5, f"two is drained after {what}")
        assert admin(probing, "two") == "drained"

    process.send_signal(signal.SIGHUP)
    stays("a reload")
    before = probing.pid("anyprobe")
    kill(before, signal.SIGKILL)
    wait_until(lambda: probing.probers("anyprobe") not in ([], [before]), 10, "there is another prober")
    stays("the death of its prober")
    for number in (signal.SIGUSR2, signal.SIGTERM):
        kill(probing.keeper(), number)
        wait_until(lambda: not probing.ours(), 10, "it has ended")
        assert command(probing, "withdraw", "--all").returncode == 0  # as a service manager does
        probing.run_config(service(SERVICE4, name="one"), service(SECOND4, name="two"))
        stays(f"{number.name} and a start")
    done(probing, "resume", "two", "--wait")
    probing.announced([SECOND4])


def test_a_drained_service_that_was_away_is_drained_when_it_comes_back(probing):
    both = [service(SERVICE4, name="one"), service(SECOND4, name="two")]
    process, log = probing.run_config(*both)
    probing.announced([SERVICE4, SECOND4])
    done(probing, "drain", "two", "--wait")

    def reload(services):
        before = log.read_text().count("configuration read again")
        probing.write({"services": services})
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: log.read_text().count("configuration read again") > before, 10, "it is read again")

    reload(both[:1])
    before = probing.pid("anyprobe")
    kill(before, signal.SIGKILL)
    wait_until(lambda: probing.probers("anyprobe") not in ([], [before]), 10, "there is another prober")
    # It takes a reload only once it has its first configuration.
    wait_until(lambda: told(probing).services.keys() == {"one"}, 10, "it answers", every=0.2)
    reload(both)
    holds(lambda: SECOND4 not in probing.node.addresses(), 1, "two is drained")
    assert admin(probing, "two") == "drained"


def test_no_query_is_lost(probing):
    """The resolver is stopped for two seconds behind the drain: nobody notices."""
    near, far = probing.lab.nodes
    near.namespace.sysctl("net/ipv6/ip_nonlocal_bind", 1)
    probing.start(node=far)
    probing.announced(node=far)
    probing.start(*LINGER)
    probing.announced()
    clients = [probing.lab.steady_client(prefix, interval=0.001) for prefix in BOTH]
    try:
        for client in clients:
            wait_until(lambda c=client: c.first_answer(0, near.address), 10, "the near node answers")
        since = time.monotonic()
        done(probing, "drain", "dns-probe", "--wait")
        near.kill_unbound()
        time.sleep(2)
        near.start_unbound()
        probing.lab.settle()
        done(probing, "resume", "dns-probe", "--wait")
        probing.announced()
        until = time.monotonic()
        for client in clients:
            wait_until(lambda c=client: c.first_answer(until, near.address), 10, "the near node answers again")
        lost = [client.lost(since, until) for client in clients]
    finally:
        for client in clients:
            client.close()
        near.namespace.sysctl("net/ipv6/ip_nonlocal_bind", 0)
    assert lost == [0, 0]


@pytest.mark.parametrize("verb", ["drain", "resume"])
def test_what_cannot_be(probing, verb):
    fails(probing, 69, "no daemon runs", verb, "--all")
    fails(probing, 64, "SERVICE", verb)
    probing.start_announced()
    fails(probing, 65, 'no service "mail"', verb, "mail")
    pid = probing.pid()
    kill(pid, signal.SIGTSTP)
    probing.withdrawn()
    fails(probing, 75, f"kill -CONT {pid}", verb, "dns-probe")
    kill(pid, signal.SIGCONT)
    probing.announced()
