"""anyprobe run, check, validate and probes, on a real node."""

import json
import signal

import pytest
from conftest import service
from lab import BUILD, SECOND4, SERVICE4, SERVICE6
from netns import wait_until


def test_run_holds_several_services(probing):
    other = service(SECOND4, name="other")
    other["probe"]["query"] = "nowhere.example.org"
    path = probing.write({"services": [service(SERVICE4, SERVICE6), other]})
    process, _ = probing.start_foreground("--config", path, program="anyprobe")
    probing.announced()
    assert probing.node.addresses() == {SERVICE4, SERVICE6}
    assert (probing.node.run_dir / "anyprobe.pid").exists()
    process.send_signal(signal.SIGTERM)
    assert process.wait(5) == 0
    probing.withdrawn()
    probing.nothing_runs()


def test_log_is_as_the_configuration_says(probing):
    configuration = {"services": [service(SERVICE4)], "log": {"format": "json", "level": "debug"}}
    process, log = probing.start_foreground("--config", probing.write(configuration), program="anyprobe")
    probing.announced([SERVICE4])
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    up = {"service": "dns", "state": "up", "level": "info"}.items()
    assert any(up <= line.items() for line in lines)                                      # the prober's
    assert any(line["message"] == f"announced {SERVICE4} on lo" for line in lines)        # the keeper's
    assert any(line["level"] == "debug" for line in lines)
    del configuration["log"]
    probing.write(configuration)
    process.send_signal(signal.SIGHUP)
    wait_until(lambda: "configuration read again" in log.read_text(), 5, "the reload is logged", every=0.05)
    before = len(log.read_text())
    process.send_signal(signal.SIGTERM)
    assert process.wait(5) == 0
    assert f"anyprobe info: withdrawn {SERVICE4} on lo\n" in log.read_text()[before:]
    assert " debug" not in log.read_text()[before:]


def test_run_refuses_a_bad_configuration(probing):
    path = probing.write({"services": [{"name": "dns"}]})
    process, log = probing.start_foreground("--config", path, program="anyprobe")
    assert process.wait(5) == 78
    assert "services[0]" in log.read_text()


@pytest.mark.parametrize("words, broken, code", [
    (("--server", "127.0.0.1", "--query", "www.example.org"), False, 0),
    (("--query", "www.example.org", "--expect", "198.51.100.80"), False, 0),
    (("--query", "nowhere.example.org"), False, 2),
    (("--query", "www.example.org"), True, 2),
    # No route from here: that says nothing of the service.
    (("--server", "203.0.113.200", "--query", "www.example.org", "--source", "192.0.2.77"), False, 3),
])
def test_check_without_a_configuration(probing, words, broken, code):
    if broken:
        probing.node.kill_unbound()
    done = probing.node.program("anyprobe", "check", "--type", "dns", *words)
    assert done.returncode == code, done.stdout + done.stderr
    assert done.stdout.strip()
    assert not probing.node.addresses()


def test_check_of_a_configuration(probing):
    bad = service(SECOND4, name="bad")
    bad["probe"]["query"] = "nowhere.example.org"
    path = probing.write({"services": [service(SERVICE4), bad]})

    def check(*words):
        return probing.node.program("anyprobe", "check", "--config", path, *words)
    both, good, wrong = check(), check("dns"), check("bad")
    assert (both.returncode, good.returncode, wrong.returncode) == (2, 0, 2), both.stdout + both.stderr
    assert "dns" in both.stdout and "bad" in both.stdout
    assert check("nosuch").returncode == 3
    assert not probing.node.addresses()


def test_check_of_a_broken_configuration_is_unknown(probing):
    done = probing.node.program("anyprobe", "check", "--config", probing.write("{"))
    assert done.returncode == 3, done.stdout + done.stderr


def test_check_needs_no_privilege(probing):
    done = probing.node.namespace.run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                                      "--bounding-set=-all", BUILD / "anyprobe", "check", "--type", "dns")
    assert done.returncode == 0, done.stdout + done.stderr


def test_check_leaves_a_running_probe_alone(probing):
    probing.start_announced()
    path = probing.write({"services": [service(SERVICE4)]})
    assert probing.node.program("anyprobe", "check", "--config", path).returncode == 0
    wait_until(lambda: SERVICE4 in probing.node.addresses(), 1, "still announced")


def test_probes(probing):
    done = probing.node.program("anyprobe", "probes")
    assert done.returncode == 0 and "dns" in done.stdout
    done = probing.node.program("anyprobe", "probes", "dns")
    assert done.returncode == 0
    for option in ("server", "need", "query", "record", "transport", "rcode", "expect", "min_answers", "recursion",
                   "authenticated", "fresh", "source"):
        assert option in done.stdout.replace("-", "_"), option
    assert probing.node.program("anyprobe", "probes", "nosuch").returncode == 64


@pytest.mark.parametrize("program, words", [("anyprobe", ("--version",)), ("dns-probe", ("--version",)),
                                            ("anyprobe", ("--help",)), ("dns-probe", ("--help",))])
def test_version_and_help(probing, program, words):
    done = probing.node.program(program, *words)
    assert done.returncode == 0 and done.stdout.strip() and not done.stderr


def test_unknown_command(probing):
    done = probing.node.program("anyprobe", "frobnicate")
    assert done.returncode == 64 and "frobnicate" in done.stderr
