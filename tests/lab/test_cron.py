"""The crontab of the manual, as it stands there, against a resolver that loads for seconds."""

import os
import signal
import time

from conftest import BOTH, QUICK
from lab import BUILD, REPO
from netns import kill, wait_until
from status import all_of, told
from test_drain import admin

CRONTAB = REPO / "scripts" / "manual" / "anyprobe.cron"
LOADS_FOR = 3

# Beside the program, so that the line finds it and it finds the lab. MORE is a test's own.
_ANYPROBE = """#!/bin/sh
verb=$1
shift
exec {program} "$verb" --run-dir {run_dir} "$@" $MORE
"""

# As systemd restarts a service that does not tell it when it is ready: this returns at once.
_SYSTEMCTL = """#!/bin/sh
[ "$*" = "restart unbound" ] || exit 64
: >{folder}/restarted
{unless}
kill {unbound}
( sleep {loads_for}; exec /usr/sbin/unbound -d -c {folder}/unbound.conf ) </dev/null >/dev/null 2>&1 &
"""
_FAILS = "echo 'Job for unbound.service failed.' >&2; exit 1"


def crontab():
    """(environment, the one command); of the format of /etc/cron.d, which has a user before the command."""
    lines = [line for line in CRONTAB.read_text().splitlines() if line and not line.startswith("#")]
    environment = dict(line.split("=", 1) for line in lines if line[0].isalpha())
    jobs = [line.split(None, 6) for line in lines if not line[0].isalpha()]
    assert len(jobs) == 1 and jobs[0][5] == "root"
    assert "%" not in jobs[0][6]  # cron makes a line end of it
    return environment, jobs[0][6]


class Cron:
    def __init__(self, probing, unless=""):
        self.probing = probing
        self.node = probing.node
        self.environment, self.line = crontab()
        folder = probing.folder / "bin"
        folder.mkdir()
        for name, text in {"anyprobe": _ANYPROBE, "systemctl": _SYSTEMCTL}.items():
            (folder / name).write_text(text.format(
                program=BUILD / "anyprobe", run_dir=self.node.run_dir, folder=self.node.folder, unless=unless,
                unbound=self.node.unbound.pid, loads_for=LOADS_FOR))
            (folder / name).chmod(0o755)
        self.environment["PATH"] = f"{folder}:{self.environment['PATH']}"
        (self.node.folder / "restarted").unlink(missing_ok=True)

    def restarted(self):
        return (self.node.folder / "restarted").exists()

    def run(self, more=""):
        """As cron does, which hands the line to /bin/sh and mails what it says."""
        return self.node.namespace.run("/bin/sh", "-c", self.line, timeout=90,
                                       env={**sanitizers(), **self.environment, "MORE": more})

    def end_unbound(self):
        """Of the node's own the lab knows, of this one it does not."""
        for pid in self.node.namespace.named("unbound"):
            kill(pid, signal.SIGKILL)
        self.node.unbound.wait(5)
        wait_until(lambda: not self.node.namespace.named("unbound"), 5, "unbound is gone")


def sanitizers():
    return {key: value for key, value in os.environ.items() if key.endswith("SAN_OPTIONS")}


def test_no_query_is_lost(probing):
    near, far = probing.lab.nodes
    near.namespace.sysctl("net/ipv6/ip_nonlocal_bind", 1)
    probing.start(node=far)
    probing.announced(node=far)
    probing.start(pace=())  # as its defaults are
    probing.announced()
    cron = Cron(probing)
    clients = [probing.lab.steady_client(prefix, interval=0.001) for prefix in BOTH]
    try:
        for client in clients:
            wait_until(lambda c=client: c.first_answer(0, near.address), 10, "the near node answers")
        since = time.monotonic()
        done = cron.run()
        back = time.monotonic()
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert cron.restarted() and back - since >= LOADS_FOR
        # It is announced when the line has ended.
        assert told(probing).states() == all_of("announced") and admin(probing) == "active"
        probing.announced()
        for client in clients:
            wait_until(lambda c=client: c.first_answer(back, near.address), 10, "the near node answers again")
            assert client.first_answer(since, far.address)
        time.sleep(0.5)
        until = time.monotonic()
        lost = [client.lost(since, until) for client in clients]
        asked = sum(since <= one.at <= until for client in clients for one in client.log())
    finally:
        for client in clients:
            client.close()
        cron.end_unbound()
        near.namespace.sysctl("net/ipv6/ip_nonlocal_bind", 0)
    print(f"{asked} questions in {until - since:.1f} s, unanswered {lost}")
    assert lost == [0, 0]
    assert asked / (until - since) >= 500


def test_what_cannot_be_drained_is_not_restarted(probing):
    probing.start_announced()
    cron = Cron(probing)
    probing.node.end_processes()
    done = cron.run()
    assert done.returncode != 0 and "no daemon runs" in done.stderr and not cron.restarted()


def test_what_is_not_drained_in_time_is_announced_again(probing):
    probing.start_announced(pace=(*QUICK, "--linger", "60s"))
    cron = Cron(probing)
    done = cron.run("--timeout 3s")
    assert done.returncode != 0 and "lingering" in done.stderr and not cron.restarted()
    wait_until(lambda: told(probing).states() == all_of("announced"), 10, "it is announced again", every=0.2)
    assert admin(probing) == "active"


def test_what_does_not_restart_stays_drained(probing):
    probing.start_announced()
    cron = Cron(probing, unless=_FAILS)
    done = cron.run()
    assert done.returncode != 0 and "unbound.service failed" in done.stderr and cron.restarted()
    assert admin(probing) == "drained" and not probing.node.addresses()
