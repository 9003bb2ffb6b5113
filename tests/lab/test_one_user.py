"""Started as somebody else than root with CAP_NET_ADMIN: keeper, prober and runner are that user, and yet apart."""

import grp
import json
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest
from conftest import service
from lab import BUILD, SECOND4, SERVICE4, SERVICE6
from netns import PATIENCE, wait_until
from privileges import FILTER, privileges

HERE = Path(__file__).resolve().parent
SOMEBODY = pwd.getpwnam("nobody")
FRRVTY = grp.getgrnam("frrvty").gr_gid
NOTHING, HAS = frozenset(), frozenset({"NET_ADMIN"})


class OneUser:
    def __init__(self, probing):
        self._probing, self._node = probing, probing.node
        self.run_dir = probing.folder / "run"
        self.run_dir.mkdir()
        os.chown(self.run_dir, SOMEBODY.pw_uid, SOMEBODY.pw_gid)
        self.log = probing.folder / "anyprobe.log"
        self._process = None

    def write(self, *services, **more):
        more = {"frr": {"vty_dir": str(self._node.frr.run_dir)}, **more}
        return self._probing.write({"services": list(services), **more})

    def start(self, path, groups):
        self._process = self._node.namespace.spawn(
            "setpriv", f"--reuid={SOMEBODY.pw_uid}", f"--regid={SOMEBODY.pw_gid}", groups, "--inh-caps=-all,+net_admin",
            "--ambient-caps=-all,+net_admin", BUILD / "anyprobe", "run", "--run-dir", self.run_dir, "--config", path,
            log=self.log)

    def ask(self, *words):
        return self._node.program("anyprobe", *words, "--run-dir", self.run_dir)

    def service(self, name):
        done = self.ask("status", "--json")
        services = json.loads(done.stdout)["services"] if done.returncode == 0 else []
        return next((one for one in services if one["name"] == name), None)

    def told(self, key):
        dns = self.service("dns")
        return dns["advertise"][0][key] if dns else "nothing"

    @property
    def keeper(self):
        return self._process.pid

    @property
    def prober(self):
        return int((self.run_dir / "anyprobe.pid").read_text())

    def end(self):
        os.kill(self.keeper, signal.SIGTERM)
        assert self._process.wait(PATIENCE) == 0
        assert not list(self.run_dir.glob("*.sock"))


MODULE = service(SERVICE6, name="sockets", probe={"type": "sockets"})


@pytest.fixture(scope="module")
def modules():
    path = Path(tempfile.mkdtemp(prefix="anyprobe-test-"))
    path.chmod(0o755)
    subprocess.run(["g++", "-std=c++20", "-shared", "-fPIC", f"-I{HERE.parents[1]}", "-o", path / "sockets.so",
                    HERE / "unix_module.cpp"], check=True)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def one_user(probing):
    return OneUser(probing)


def test_frr_is_asked_by_the_keeper_alone(probing, one_user, modules):
    """The group is the prober's too, who can make no socket by which to use it."""
    dns = service(SERVICE4)
    one_user.start(one_user.write(dns, MODULE, plugins=str(modules)), f"--groups={FRRVTY}")
    probing.announced([SERVICE4])
    wait_until(lambda: one_user.told("confirmed") is True, PATIENCE, "it is confirmed")
    for pid, has, filtered in ((one_user.keeper, HAS, 0), (one_user.prober, NOTHING, FILTER)):
        found = privileges(pid)
        assert (found.uids, found.groups) == (4 * (SOMEBODY.pw_uid,), (FRRVTY,))
        assert (found.effective, found.permitted, found.inheritable, found.ambient) == (has, has, NOTHING, NOTHING)
        assert (found.no_new_privs, found.seccomp) == (True, filtered)
    sockets = one_user.service("sockets")
    assert (sockets["health"], sockets["last_check"]["verdict"]) == ("down", "fail")
    assert "sockets: down (socket, Operation not permitted)" in one_user.log.read_text()
    one_user.write(dns, service(SECOND4, name="log", probe={"type": "syslog", "send": "/dev/log"}))
    done = one_user.ask("reload")
    assert done.returncode == 78 and "services[1].probe: asks a Unix socket" in done.stderr, done.stderr
    one_user.end()
    assert not probing.node.addresses() & {SERVICE4}


def test_without_the_group_it_says_that_it_cannot_tell(probing, one_user, modules):
    command = {"type": "exec", "command": ["/bin/sh", "-c", "test $(id -u) = $(id -u nobody)"]}
    services = service(SERVICE4, probe=command, on_up=["true"]), MODULE
    one_user.start(one_user.write(*services, plugins=str(modules)), "--clear-groups")
    probing.announced([SERVICE4, SERVICE6])
    wait_until(lambda: "ospfd.vty: Permission denied" in one_user.log.read_text(), PATIENCE, "the log says so")
    assert one_user.told("confirmed") is None and one_user.told("others") is None
    runners = list(map(privileges, probing.node.namespace.named("anyprobe-runner")))
    assert runners and all((one.permitted, one.uids) == (NOTHING, 4 * (SOMEBODY.pw_uid,)) for one in runners)
    assert "commands run with all groups" not in one_user.log.read_text()
    one_user.end()
