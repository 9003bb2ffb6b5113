"""The units as they are installed, by a real systemd: start, reload, restart, stop and every way to die, in their sandbox."""

import json
import re

import pytest
from machine import AddressMonitor, Machine, wait_until, why_none

ADDRESS, SECOND, EDGE = "192.0.2.1", "192.0.2.2", "192.0.2.9"
PORT = 8053
UNITS = ("anyprobe.service", "anyprobe@edge.service")
CONFIGURATION = "/etc/anyprobe/anyprobe.json"
# What the score is now: PrivateNetwork, PrivateUsers, the capabilities and User are what it takes to change addresses.
# ProtectProc would make it 2.6, and hide from commands (pgrep, check_procs) whom they ask for; ProcSubset hides the sysctls
# that a linger in IPv6 depends on, and DeviceAllow is what ProtectClock brings with it.
WORST = 2.7
# The same by scripts/systemd/least-privilege.conf.
BEST = 1.5
NET_ADMIN = 1 << 12


def service(name, address, **more):
    return {"name": name, "interval": "100ms", "timeout": "80ms", "rise": 1, "fall": 2, "linger": "0s", "lease": "10s",
            "probe": {"type": "tcp", "host": "127.0.0.1", "ports": [PORT]}, "advertise": [{"address": f"{address}/32"}], **more}


def configuration(*services, **more):
    return json.dumps({"lsa_spacing": "0s", "services": services, **more})


@pytest.fixture(scope="module")
def machine(installed):
    if why_none():
        pytest.skip(why_none())
    one = Machine(installed.folder, ["ASAN_OPTIONS=detect_leaks=0"])
    try:
        one.boot()
        one.server = one.spawn("/usr/bin/python3", "-m", "http.server", "-b", "127.0.0.1", PORT, "-d", "/mnt")
        for name in ("d0", "e0"):
            one.must("ip", "link", "add", name, "type", "veth", "peer", "name", f"{name}p")
        one.must("ip", "link", "set", "d0", "up")
        yield one
    finally:
        one.close()


@pytest.fixture
def running(machine):
    """Both services up, by a start of its own."""
    machine.put(CONFIGURATION, configuration(service("one", ADDRESS), service("two", SECOND)))
    machine.must("systemctl", "start", "anyprobe")
    announced(machine, ADDRESS, SECOND)
    yield machine
    machine.must("systemctl", "stop", "anyprobe")
    assert not addresses(machine)


def addresses(machine):
    out = json.loads(machine.must("ip", "-j", "addr", "show", "dev", "lo"))
    return {one["local"] for one in out[0]["addr_info"] if one["local"].startswith("192.0.2.")}


def announced(machine, *wanted):
    wait_until(lambda: addresses(machine) == set(wanted), f"{wanted} are announced")


def main_pid(machine, unit="anyprobe"):
    return int(machine.show(unit, "MainPID")["MainPID"])


def prober(machine):
    # Empty for a moment where another is written into it.
    return int(wait_until(lambda: machine.must("cat", "/run/anyprobe/anyprobe.pid"), "it has a number"))


def kill_and_suspend_prober(machine):
    """The keeper outlives both. Returns its pid, and that of the third prober."""
    keeper, first = main_pid(machine), prober(machine)
    machine.must("kill", "-KILL", first)
    wait_until(lambda: prober(machine) != first, "there is another prober")
    assert main_pid(machine) == keeper and addresses(machine) == {ADDRESS, SECOND}
    second = prober(machine)
    machine.must("kill", "-STOP", second)
    wait_until(lambda: prober(machine) != second, "one that stands still is replaced")
    assert main_pid(machine) == keeper
    return keeper, prober(machine)


def status(machine):
    return machine.show("anyprobe", "StatusText")["StatusText"]


def test_verify_and_score(machine):
    for unit in UNITS:
        done = machine.run("systemd-analyze", "verify", "--man=no", unit)
        assert done.returncode == 0 and "anyprobe" not in done.stderr, done.stderr
        path = machine.show(unit, "FragmentPath")["FragmentPath"]
        out = machine.must("systemd-analyze", "security", "--offline=yes", path)
        assert float(re.search(r"exposure level for \S+: ([0-9.]+)", out).group(1)) <= WORST, out


def test_nothing_starts_without_a_configuration(machine):
    machine.must("rm", "-f", CONFIGURATION)
    machine.must("systemctl", "start", "anyprobe")
    assert machine.show("anyprobe", "ActiveState", "ConditionResult") == {"ActiveState": "inactive", "ConditionResult": "no"}


def test_status_reload_and_refusal(running):
    machine = running
    wait_until(lambda: status(machine) == "2 of 2 services announced", "it is told")
    machine.put(CONFIGURATION, configuration(service("one", ADDRESS)))
    machine.must("systemctl", "reload", "anyprobe")
    # The command has waited.
    assert addresses(machine) == {ADDRESS}
    wait_until(lambda: status(machine) == "1 of 1 service announced", "it is told")
    machine.put(CONFIGURATION, configuration(service("one", ADDRESS, fall=0)))
    assert machine.run("systemctl", "reload", "anyprobe").returncode != 0
    assert "services[0].fall" in machine.journal("anyprobe") and addresses(machine) == {ADDRESS}
    assert machine.show("anyprobe", "ActiveState")["ActiveState"] == "active"
    done = machine.run("/usr/local/sbin/anyprobe", "reload")
    assert done.returncode == 78 and "services[0].fall" in done.stderr
    wait_until(lambda: "the last reload was refused" in status(machine), "it is told")
    machine.put(CONFIGURATION, "{")
    assert machine.run("/usr/local/sbin/anyprobe", "reload").returncode == 78
    machine.put(CONFIGURATION, configuration(service("one", ADDRESS), service("two", SECOND)))
    machine.must("systemctl", "reload", "anyprobe")
    announced(machine, ADDRESS, SECOND)
    machine.must("/usr/local/sbin/anyprobe", "drain", "two", "--force", "--wait")
    wait_until(lambda: status(machine) == "1 of 2 services announced; drained: two", "it is told")
    # A drain outlives the run.
    machine.must("/usr/local/sbin/anyprobe", "resume", "--all", "--wait")


def test_each_change_has_fields_in_the_journal(running):
    def changes(state):
        lines = running.run("journalctl", "-q", "--no-pager", "-o", "json", "_SYSTEMD_UNIT=anyprobe.service", "SERVICE=one",
                            f"STATE={state}").stdout.splitlines()
        return [json.loads(line) for line in lines]

    wait_until(lambda: changes("up"), "it is in the journal")
    last = changes("up")[-1]
    assert (last["REASON"], last["PRIORITY"], last["SYSLOG_IDENTIFIER"]) == ("ok", "6", "anyprobe")
    assert last["MESSAGE"].startswith("one: up (ok, ")
    assert int(last["_PID"]) == prober(running)


def test_restart_hands_over(running, tmp_path):
    machine = running
    before = main_pid(machine)
    monitor = AddressMonitor(machine, tmp_path, "d0")
    machine.must("systemctl", "restart", "anyprobe")
    assert main_pid(machine) != before
    announced(machine, ADDRESS, SECOND)
    machine.must("systemctl", "restart", "anyprobe")
    told = monitor.end()
    machine.must("ip", "addr", "flush", "dev", "d0")
    assert "Deleted" not in told, told
    # What was to take over and cannot leaves nothing.
    machine.put(CONFIGURATION, configuration(service("one", ADDRESS, fall=0)))
    assert machine.run("systemctl", "restart", "anyprobe").returncode != 0
    assert not addresses(machine)
    assert machine.show("anyprobe", "Result", "NRestarts") == {"Result": "exit-code", "NRestarts": "0"}


def test_killed_and_suspended(running):
    machine = running
    keeper, third = kill_and_suspend_prober(machine)
    machine.must("kill", "-TSTP", third)
    wait_until(lambda: status(machine).startswith("suspended (SIGTSTP): 0 of 2"), "it is suspended")
    assert not addresses(machine)
    machine.must("kill", "-CONT", third)
    announced(machine, ADDRESS, SECOND)
    machine.must("kill", "-KILL", keeper)
    wait_until(lambda: main_pid(machine) not in (0, keeper), "systemd starts another")
    announced(machine, ADDRESS, SECOND)
    assert "remove 192.0.2.1/32" in machine.journal("anyprobe")
    assert int(machine.show("anyprobe", "NRestarts")["NRestarts"]) == 1


def test_watchdog_ends_a_keeper_that_stands_still(machine):
    machine.put("/run/systemd/system/anyprobe.service.d/quick.conf", "[Service]\nWatchdogSec=1s\n")
    machine.must("systemctl", "daemon-reload")
    machine.put(CONFIGURATION, configuration(service("one", ADDRESS)))
    machine.must("systemctl", "start", "anyprobe")
    announced(machine, ADDRESS)
    keeper, asked = main_pid(machine), prober(machine)
    # Suspended for longer than the watchdog waits, which is no hang.
    machine.must("kill", "-TSTP", asked)
    wait_until(lambda: not addresses(machine), "it is suspended")
    machine.must("sleep", "1.5")
    assert main_pid(machine) == keeper and machine.show("anyprobe", "NRestarts")["NRestarts"] == "0"
    machine.must("kill", "-CONT", asked)
    announced(machine, ADDRESS)
    machine.must("kill", "-STOP", keeper)
    wait_until(lambda: machine.show("anyprobe", "NRestarts")["NRestarts"] == "1", "the watchdog ends it")
    announced(machine, ADDRESS)
    assert "Watchdog timeout" in machine.journal("anyprobe")
    machine.must("systemctl", "stop", "anyprobe")
    machine.must("rm", "-r", "/run/systemd/system/anyprobe.service.d")
    machine.must("systemctl", "daemon-reload")
    assert not addresses(machine) and machine.show("anyprobe", "Result")["Result"] == "success"


def test_an_instance_of_its_own_and_what_the_sandbox_lets_do(running):
    machine = running
    secret = "/etc/anyprobe/edge/secret"
    machine.put(secret, "of one user")
    machine.must("chown", "games", secret)
    machine.must("chmod", "600", secret)
    machine.put("/etc/anyprobe/edge/anyprobe.json", configuration(
        {**service("edge", EDGE), "exec_user": "games", "on_up": ["/usr/bin/logger", "-t", "hook", "is up"],
         "probes": [{"type": "exec", "command": ["/usr/bin/test", "-r", CONFIGURATION]},
                    {"type": "tcp", "host": "127.0.0.1", "ports": [PORT]}], "probe": None},
        {**service("route", "192.0.2.10"),
         "advertise": [{"route": "192.0.2.10/32", "device": "d0"}, {"link": "e0"}]},
    ).replace('"probe": null, ', "").replace(', "probe": null', ""))
    machine.must("systemctl", "start", "anyprobe@edge")
    announced(machine, ADDRESS, SECOND, EDGE)
    told = wait_until(lambda: machine.run("ip", "route", "show", "192.0.2.10").stdout, "the route is there")
    assert "proto anyprobe" in told  # by /etc/iproute2/rt_protos.d
    wait_until(lambda: "is up" in machine.run("journalctl", "-q", "-t", "hook").stdout, "the hook has run")
    out = machine.must("stat", "-c", "%U %G %a", "/run/anyprobe/edge.sock", "/run/anyprobe", "/run/anyprobe/anyprobe.sock")
    assert out.splitlines() == ["root anyprobe 660", "root root 755", "root anyprobe 660"]
    # As one of the group, who is nothing else.
    done = machine.run("setpriv", "--reuid", "games", "--regid", "games", "--groups", "anyprobe", "/usr/local/sbin/anyprobe",
                       "status", "--json")
    assert {one["name"] for one in json.loads(done.stdout)["services"]} == {"one", "two", "edge", "route"}
    assert machine.must("ps", "-o", "user=", "-p", prober(machine)).strip() == "anyprobe"
    # What it is killed with is cleared, and nothing of the other.
    machine.must("systemctl", "kill", "-s", "KILL", "anyprobe@edge")
    wait_until(lambda: "remove 192.0.2.9/32" in machine.journal("anyprobe@edge"), "it is cleared")
    machine.must("systemctl", "stop", "anyprobe@edge")
    assert addresses(machine) == {ADDRESS, SECOND}
    assert not machine.run("ip", "route", "show", "192.0.2.10").stdout
    assert "UP" not in json.loads(machine.must("ip", "-j", "link", "show", "e0"))[0]["flags"]
    assert machine.must("ls", "/run/anyprobe").split() == ["anyprobe.pid", "anyprobe.sock", "anyprobe.state"]


def drop_ins(machine, **texts):
    """Of both units; an empty one goes."""
    for unit in ("anyprobe", "anyprobe@"):
        for name, text in texts.items():
            path = f"/run/systemd/system/{unit}.service.d/{name}.conf"
            machine.put(path, text) if text else machine.must("rm", "-f", path)
    machine.must("systemctl", "daemon-reload")


@pytest.fixture
def least(machine):
    """The drop-in as an administrator puts it there, over a run that root's keeper began."""
    machine.put(CONFIGURATION, configuration(service("one", ADDRESS), service("two", SECOND)))
    machine.must("systemctl", "start", "anyprobe")
    announced(machine, ADDRESS, SECOND)
    drop_ins(machine, least=machine.must("cat", "/usr/local/share/anyprobe/least-privilege.conf"))
    machine.must("chgrp", "-R", "anyprobe", "/etc/anyprobe")
    machine.must("chmod", "-R", "g+rX,o=", "/etc/anyprobe")
    yield machine
    machine.must("systemctl", "stop", "anyprobe", "anyprobe@edge")
    assert not addresses(machine)
    machine.must("chmod", "-R", "a+rX", "/etc/anyprobe")
    drop_ins(machine, least="", quick="")


def facts(machine, pid):
    lines = (line.split(":", 1) for line in machine.must("cat", f"/proc/{pid}/status").splitlines())
    return {key: value.split() for key, value in lines}


def as_anyprobe(machine, *words):
    return machine.run("setpriv", "--reuid", "anyprobe", "--regid", "anyprobe", "--clear-groups", *words)


def refused(machine, text, *services, **more):
    machine.put(CONFIGURATION, configuration(*services, **more))
    done = machine.run("/usr/local/sbin/anyprobe", "reload")
    assert done.returncode == 78 and text in done.stderr, done.stderr


def test_one_user_with_one_capability(least, tmp_path):
    machine = least
    for unit in UNITS:
        out = machine.must("systemd-analyze", "security", "--offline=yes", "--root=/", unit)
        assert float(re.search(r"exposure level for \S+: ([0-9.]+)", out).group(1)) <= BEST, out
    # From root's keeper to the one user's, which takes over what that one held.
    monitor = AddressMonitor(machine, tmp_path, "d0")
    machine.must("systemctl", "restart", "anyprobe")
    announced(machine, ADDRESS, SECOND)
    machine.must("systemctl", "restart", "anyprobe")
    announced(machine, ADDRESS, SECOND)
    told = monitor.end()
    machine.must("ip", "addr", "flush", "dev", "d0")
    assert "Deleted" not in told, told
    wait_until(lambda: status(machine) == "2 of 2 services announced", "it is told")
    keeper, asks = main_pid(machine), prober(machine)
    wait_until(lambda: facts(machine, asks)["Seccomp"] == ["2"], "it is confined")
    uid = machine.must("id", "-u", "anyprobe").strip()
    for pid, has in ((keeper, NET_ADMIN), (asks, 0)):
        told = facts(machine, pid)
        assert told["Uid"] == 4 * [uid]
        sets = [int(told[name][0], 16) for name in ("CapEff", "CapPrm", "CapInh", "CapAmb", "CapBnd")]
        assert sets[1:] == [has, sets[2], 0, NET_ADMIN] and sets[0] == has and told["NoNewPrivs"] == ["1"]
    # Its user is the prober's, who looks into none of what is the keeper's.
    for *looks, name in (("ls", "fd"), ("head", "-c1", "environ"), ("head", "-c1", "maps")):
        assert as_anyprobe(machine, *looks, f"/proc/{asks}/{name}").returncode == 0, name
        assert as_anyprobe(machine, *looks, f"/proc/{keeper}/{name}").returncode != 0, name
    # A reload, by the manager and by hand, and what can become nobody else.
    route = {**service("route", "192.0.2.10"), "advertise": [{"route": "192.0.2.10/32", "device": "d0"}]}
    hook = {**service("two", SECOND), "probe": {"type": "exec", "command": ["/usr/bin/test", "-r", CONFIGURATION]}}
    listens = {"metrics": {"listen": "127.0.0.1:9753"}}
    machine.put(CONFIGURATION, configuration(service("one", ADDRESS), route, **listens))
    machine.must("systemctl", "reload", "anyprobe")
    assert addresses(machine) == {ADDRESS}
    told = wait_until(lambda: machine.run("ip", "route", "show", "192.0.2.10").stdout, "the route is there")
    assert "proto anyprobe" in told
    out = machine.must("/usr/bin/python3", "-c", "import urllib.request; print(urllib.request.urlopen("
                       "'http://127.0.0.1:9753/metrics').read().decode())")
    assert re.search(r'anyprobe_service_up\{.*service="route".*\} 1\n', out), out
    refused(machine, 'user: "games" is another user than "anyprobe"', service("one", ADDRESS), user="games")
    refused(machine, 'services[0].exec_user: "root" is another user', service("one", ADDRESS, exec_user="root"))
    wait_until(lambda: "the last reload was refused" in status(machine), "it is told")
    assert addresses(machine) == {ADDRESS} and main_pid(machine) == keeper
    for done in (machine.run("/usr/local/sbin/anyprobe", "status", "--json"),
                 as_anyprobe(machine, "/usr/local/sbin/anyprobe", "status", "--json")):
        assert {one["name"] for one in json.loads(done.stdout)["services"]} == {"one", "route"}
    found = json.loads(machine.run("/usr/local/sbin/anyprobe", "doctor", "--json").stdout)["findings"]
    assert "one-user" in {one["id"] for one in found} and "capabilities" not in {one["id"] for one in found}
    # The same where it starts, and then with a command of its own user.
    assert machine.run("systemctl", "restart", "anyprobe").returncode != 0
    assert machine.show("anyprobe", "ExecMainStatus")["ExecMainStatus"] == "78" and not addresses(machine)
    says = ["/usr/bin/logger", "-t", "hook", "is up"]
    machine.put(CONFIGURATION, configuration(service("one", ADDRESS, on_up=says), hook, user="anyprobe"))
    machine.must("systemctl", "restart", "anyprobe")
    announced(machine, ADDRESS, SECOND)
    wait_until(lambda: "is up" in machine.run("journalctl", "-q", "-t", "hook").stdout, "the hook has run")
    # And back.
    drop_ins(machine, least="")
    machine.must("systemctl", "restart", "anyprobe")
    announced(machine, ADDRESS, SECOND)
    assert facts(machine, main_pid(machine))["Uid"] == 4 * ["0"]
    assert machine.must("stat", "-c", "%U", "/run/anyprobe", "/run/anyprobe/anyprobe.state").split() == 2 * ["root"]


def test_one_user_dies_in_every_way(least):
    machine = least
    drop_ins(machine, quick="[Service]\nWatchdogSec=1s\n")
    machine.put(CONFIGURATION, configuration(service("one", ADDRESS, lease="3s"), service("two", SECOND, lease="3s")))
    machine.must("systemctl", "restart", "anyprobe")
    announced(machine, ADDRESS, SECOND)
    keeper, third = kill_and_suspend_prober(machine)
    machine.must("kill", "-TSTP", third)
    wait_until(lambda: status(machine).startswith("suspended (SIGTSTP): 0 of 2"), "it is suspended")
    assert not addresses(machine) and main_pid(machine) == keeper
    machine.must("kill", "-CONT", third)
    announced(machine, ADDRESS, SECOND)
    mark = machine.journal("anyprobe").count("remove 192.0.2.1/32")
    machine.must("kill", "-KILL", keeper)
    wait_until(lambda: main_pid(machine) not in (0, keeper), "systemd starts another")
    announced(machine, ADDRESS, SECOND)
    assert machine.journal("anyprobe").count("remove 192.0.2.1/32") == mark + 1
    restarts = int(machine.show("anyprobe", "NRestarts")["NRestarts"])
    machine.must("kill", "-STOP", main_pid(machine))
    wait_until(lambda: int(machine.show("anyprobe", "NRestarts")["NRestarts"]) == restarts + 1, "the watchdog ends it")
    announced(machine, ADDRESS, SECOND)
    # Two instances of one user, and what is left of both.
    machine.put("/etc/anyprobe/edge/anyprobe.json", configuration(service("edge", EDGE)))
    machine.must("systemctl", "start", "anyprobe@edge")
    announced(machine, ADDRESS, SECOND, EDGE)
    machine.must("systemctl", "stop", "anyprobe", "anyprobe@edge")
    assert not addresses(machine) and not machine.must("ls", "/run/anyprobe").split()
