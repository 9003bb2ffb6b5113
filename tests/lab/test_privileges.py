"""What each process may do, by /proc/PID/status, and that what a reload brings works where the prober is confined."""

import os
import pwd
import signal
from pathlib import Path

import pytest
from conftest import ADDRESSES, QUICK, service
from lab import BUILD, SECOND4, SECOND6, SERVICE4, SERVICE6
from netns import PATIENCE, wait_until
from privileges import FILTER, confined, privileges
from test_exec_probe import Running, exec_service
from test_http_probe import URL, authority, www  # noqa: F401 (fixtures)
from test_syslog_probe import syslog_ng

NOTHING = frozenset()
KEEPS = frozenset({"NET_ADMIN", "NET_BIND_SERVICE", "DAC_READ_SEARCH", "KILL", "SETUID", "SETGID", "SETPCAP"})


# Lets seccomp(2) fail, and becomes what it is told to.
REFUSES = """
import ctypes, os, sys
library = ctypes.CDLL("libseccomp.so.2")
library.seccomp_init.restype = ctypes.c_void_p
ALLOW, ERRNO = 0x7fff0000, 0x00050000
refuses = ctypes.c_void_p(library.seccomp_init(ALLOW))
number = library.seccomp_syscall_resolve_name(b"seccomp")
assert library.seccomp_rule_add(refuses, ERRNO | 22, number, 0) == 0 and library.seccomp_load(refuses) == 0
os.execv(sys.argv[1], sys.argv[1:])
"""


def prober_user():
    try:
        return pwd.getpwnam("anyprobe")
    except KeyError:
        return pwd.getpwnam("nobody")


def assert_prober(pid, name):
    """No other user or group than its own, no capability, none to be had, and a filter."""
    user, found = prober_user(), privileges(pid)
    assert user.pw_uid != 0 and user.pw_gid != 0
    assert (found.process, found.uids, found.gids, found.groups) == (name, 4 * (user.pw_uid,), 4 * (user.pw_gid,), ())
    assert {found.effective, found.permitted, found.inheritable, found.bounding, found.ambient} == {NOTHING}
    assert (found.no_new_privs, found.seccomp) == (True, FILTER)
    # Of every thread, where a build has some.
    assert all(confined(f"{pid}/task/{task}") for task in os.listdir(f"/proc/{pid}/task"))


def assert_keeper(pid, sealed):
    """Root with what it needs; `sealed`: and it can never have more."""
    found = privileges(pid)
    assert (found.process, found.uids, found.gids) == ("anyprobe-keeper", 4 * (0,), 4 * (0,))
    assert (found.effective, found.permitted) == (KEEPS, KEEPS)
    assert (found.inheritable, found.ambient) == (NOTHING, NOTHING)
    assert found.bounding == (KEEPS if sealed else privileges(os.getpid()).bounding)
    assert (found.no_new_privs, found.seccomp) == (sealed, 0)


def test_one_service_in_the_background(probing):
    """By someone who is in groups."""
    done = probing.node.namespace.run("setpriv", "--groups", "0,4", BUILD / "dns-probe", "--run-dir",
                                      probing.node.run_dir, *QUICK, *ADDRESSES)
    assert done.returncode == 0, done.stderr
    probing.announced()
    assert_prober(probing.pid(), "dns-probe")
    assert_keeper(probing.keeper(), sealed=True)
    assert len(probing.ours()) == 2


def test_with_commands(probing):
    """The runner becomes whom a command runs as, and a setuid program must have what it asks for."""
    running = Running(probing, exec_service("true", on_up=["true"]))
    probing.announced([SERVICE4])
    running.logs("on_up: exit code 0")
    assert_prober(running.one("anyprobe"), "anyprobe")
    assert_keeper(running.one("anyprobe-keeper"), sealed=False)
    runner = privileges(running.one("anyprobe-runner"))
    assert (runner.uids, runner.gids) == (4 * (0,), 4 * (0,))
    assert runner.effective == runner.permitted == runner.bounding == privileges(os.getpid()).bounding
    assert (runner.inheritable, runner.ambient) == (NOTHING, NOTHING)
    assert (runner.no_new_privs, runner.seccomp) == (False, 0)
    assert len(probing.ours()) == 3


def test_the_next_prober_is_confined_too(probing):
    probing.start_announced()
    first = probing.pid()
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: [pid for pid in probing.probers() if pid != first and confined(pid)], 5, "there is another")
    probing.announced()
    assert_prober(probing.pid(), "dns-probe")


def test_what_a_reload_brings(probing, authority, www):  # noqa: F811
    """TLS and the port of a listener are first needed when the filter is there."""
    syslog_ng(probing)
    running = Running(probing, service(SERVICE4))
    probing.announced([SERVICE4])
    assert_prober(running.one("anyprobe"), "anyprobe")
    pace = {"interval": "400ms", "timeout": "350ms"}
    web = {"type": "http", "url": URL, "server": "127.0.0.1", "ca_file": str(authority.certificate)}
    running.write(service(SERVICE4), service(SERVICE6, name="www", probe=web, **pace),
                  service(SECOND4, name="syslog", probe={"type": "syslog"}, **pace),
                  service(SECOND6, name="named", probe={"type": "tcp", "host": "localhost", "ports": [443]}, **pace))
    running.reload()
    probing.announced([SERVICE4, SERVICE6, SECOND4, SECOND6])
    running.end()


def test_the_first_probe_over_tls_comes_with_a_reload(probing, folder, authority, www):  # noqa: F811
    """libcurl is not there before. A prober that may load nothing any more is followed by one that does, together with
    what OpenSSL's own configuration names; nothing that is announced goes meanwhile."""
    configuration = folder / "openssl.cnf"
    configuration.write_text("openssl_conf = all\n[all]\nproviders = both\n[both]\ndefault = on\nlegacy = on\n"
                             "[on]\nactivate = 1\n")
    node = probing.node
    web = {"type": "http", "url": URL, "server": "127.0.0.1", "ca_file": str(authority.certificate)}
    dns = service(SERVICE4, interval="5s", lease="30s")
    path = probing.write({"services": [dns]})
    log = folder / "anyprobe.log"
    process = node.namespace.spawn(BUILD / "anyprobe", "run", "--run-dir", node.run_dir, "--config", path, log=log,
                                   env={**os.environ, "OPENSSL_CONF": str(configuration)})
    probing.announced([SERVICE4])
    first = probing.pid("anyprobe")
    wait_until(lambda: confined(first), PATIENCE, "it is confined")
    assert "libcurl" not in Path(f"/proc/{first}/maps").read_text()
    watch = node.watch_addresses()
    probing.write({"services": [dns, service(SERVICE6, name="www", probe=web, interval="400ms", timeout="350ms")]})
    os.kill(first, signal.SIGHUP)
    probing.announced([SERVICE4, SERVICE6])
    second = probing.pid("anyprobe")
    assert second != first and confined(second)
    assert "/legacy.so" in Path(f"/proc/{second}/maps").read_text()
    assert_prober(second, "anyprobe")
    watch.close()
    assert not [change for change in watch.changes if change.prefix == SERVICE4 and not change.interfaces]
    # From then on it is there, and what needs it is taken as it is.
    probing.write({"services": [dns]})
    os.kill(second, signal.SIGHUP)
    probing.withdrawn([SERVICE6])
    probing.write({"services": [dns, service(SERVICE6, name="www", probe=web, interval="400ms", timeout="350ms")]})
    os.kill(second, signal.SIGHUP)
    probing.announced([SERVICE4, SERVICE6])
    assert probing.pid("anyprobe") == second
    process.terminate()
    assert process.wait(PATIENCE) == 0


def test_modules_come_and_go_with_a_prober_of_their_own(probing, folder):
    plugins = folder / "plugins"
    plugins.mkdir(mode=0o755)
    running = Running(probing, service(SERVICE4))
    probing.announced([SERVICE4])
    first = probing.pid("anyprobe")
    assert_prober(first, "anyprobe")
    running.write(service(SERVICE4), plugins=str(plugins))
    running.reload()
    wait_until(lambda: len(probing.probers("anyprobe")) == 2, 5, "there is one for modules")
    for pid in probing.probers("anyprobe"):
        wait_until(lambda pid=pid: confined(pid), 5, "it is confined")
        assert_prober(pid, "anyprobe")
    running.write(service(SERVICE4))
    running.reload()
    wait_until(lambda: probing.probers("anyprobe") == [first], 5, "it is gone again")
    assert SERVICE4 in probing.node.addresses()
    running.end()


def test_a_prober_that_cannot_be_confined_does_not_go_on(probing):
    """A kernel that refuses the filter, played by a filter of the one who starts it."""
    done = probing.node.namespace.run("/usr/bin/python3", "-c", REFUSES, BUILD / "dns-probe", "--run-dir",
                                      probing.node.run_dir, *QUICK, "--foreground", "--address", SERVICE4)
    assert done.returncode == 71, done.stderr
    assert "system calls cannot be limited: Operation not supported" in done.stderr, done.stderr
    assert "the prober does not start: exit code 71" in done.stderr
    assert not probing.node.addresses()
    probing.nothing_runs()
