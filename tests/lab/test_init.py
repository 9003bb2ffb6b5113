"""The init scripts, run for real on a node: the LSB script, the lines of rc.local, and OpenRC's by openrc-run."""

import contextlib
import os
import re
import signal
from pathlib import Path

import pytest
from conftest import BOTH, QUICK, service
from lab import BUILD, REPO, SECOND4, SERVICE4
from netns import PATIENCE, kill, process_name, process_state, wait_until

INIT = REPO / "scripts/init"
OPENRC = Path("/opt/anyprobe-lab")  # where scripts/deps unpacks it
LSB_FUNCTIONS = Path("/lib/lsb/init-functions")


@pytest.fixture
def lsb(probing):
    """The script with this build's program and the files of the test; calls it and returns the CompletedProcess."""
    configuration = probing.folder / "anyprobe.json"
    text = (INIT / "anyprobe.sysv").read_text().replace("@sbindir@", str(BUILD))
    for name, value in (("CONFIGURATION", configuration), ("RUN_DIR", probing.node.run_dir), ("LOG", probing.folder / "log")):
        text, count = re.subn(rf"^{name}=.*$", f"{name}={value}", text, flags=re.MULTILINE)
        assert count == 1
    if not LSB_FUNCTIONS.exists():
        text = text.replace(". /lib/lsb/init-functions", "\n".join(
            f"{name}() {{ :; }}" for name in ("log_daemon_msg", "log_end_msg", "log_warning_msg")))
    script = probing.folder / "init"
    script.write_text(text)
    script.chmod(0o755)
    return lambda word: probing.node.namespace.run(script, word, timeout=90)


def test_lsb_script(probing, lsb):
    assert lsb("status").returncode == 3 and lsb("reload").returncode == 7 and lsb("stop").returncode == 0
    assert lsb("dance").returncode == 2 and lsb("start").returncode == 6
    probing.write({"services": [service(*BOTH)]})
    started = lsb("start")
    assert started.returncode == 0, started
    probing.announced()
    first = probing.pid("anyprobe")
    assert lsb("start").returncode == 0 and lsb("status").returncode == 0 and probing.pid("anyprobe") == first
    # Handed over: not even the router notices.
    watch = probing.node.watch_addresses()
    assert lsb("restart").returncode == 0
    assert not [change for change in watch.changes if not change.interfaces]
    watch.close()
    assert probing.pid("anyprobe") != first and SERVICE4 in probing.node.addresses()
    probing.write({"services": [service(*BOTH), service(SECOND4, name="second")]})
    assert lsb("reload").returncode == 0
    wait_until(lambda: SECOND4 in probing.node.addresses(), PATIENCE, "the second is announced")
    probing.write({"services": [service(*BOTH, fall=0)]})
    assert lsb("reload").returncode == 1 and SECOND4 in probing.node.addresses()
    # What would not start takes nobody's place.
    running = probing.pid("anyprobe")
    refused = lsb("restart")
    assert refused.returncode == 6 and "services[0].fall" in refused.stderr and probing.pid("anyprobe") == running
    # Where it is not there any more, nothing stays of what was handed over.
    (probing.folder / "anyprobe.json").unlink()
    assert lsb("restart").returncode == 6 and not probing.node.addresses()
    probing.write({"services": [service(*BOTH)]})
    assert lsb("start").returncode == 0
    probing.announced()
    assert lsb("stop").returncode == 0
    assert not probing.node.addresses() and lsb("status").returncode == 3
    probing.nothing_runs()


def test_lines_of_rc_local(probing):
    """Those of the example, which are the old page's, as a shell runs them; what they ask is this node's."""
    lines = [line.split() for line in (INIT / "rc.local").read_text().splitlines() if re.match(r"[a-z-]+-probe ", line)]
    assert [line[0] for line in lines] == ["dns-probe", "radius-probe", "tcp-route-probe", "tcp-route-probe"]
    secret = probing.folder / "radius.secret"
    secret.write_text("testing123")
    script = "set -e\nPATH=%s:$PATH\n" % BUILD
    for program, *words in lines:
        words = [str(secret) if word.startswith("/etc/") else "eth0" if word == "bond0" else word for word in words]
        more = (*QUICK, "--query", "www.example.org") if program == "dns-probe" else ()
        script += " ".join([program, "--run-dir", str(probing.node.run_dir), *more, *words]) + "\n"
    done = probing.node.namespace.run("sh", "-c", script, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    probing.announced()
    found = {path.stem for path in probing.node.run_dir.glob("*.pid")}
    assert found == {"dns-probe", "radius-probe", "tcp-route-probe-192.0.2.153", "tcp-route-probe-192.0.2.154"}
    for pid in probing.probers():
        assert process_state(pid) != "Z"


# OpenRC's own files stand above this system's, in mounts that end with the last process; /run is as after its boot.
_OPENRC = """
set -e
mount -t tmpfs none /run
mount -t overlay overlay -o lowerdir="$1":/usr /usr
mkdir -p /run/etc/init.d /run/etc/conf.d
for each in exclusive starting started stopping inactive failed daemons options scheduled tmp; do
  mkdir -p /run/openrc/"$each"
done
touch /run/openrc/softlevel /run/etc/insserv.conf
mount -t overlay overlay -o lowerdir=/run/etc:"$2":/etc /etc
exec sleep 1000
"""


class OpenRc:
    """A node that OpenRC has booted: calls /etc/init.d/anyprobe, which openrc-run reads."""

    def __init__(self, probing):
        self._probing = probing
        self._command = probing.node.namespace.run
        trees = [OPENRC / package for package in ("openrc", "librc1", "libeinfo1")]
        self._boot = probing.node.namespace.spawn(
            "unshare", "--mount", "sh", "-c", _OPENRC, "sh", ":".join(map(str, trees)), trees[0] / "etc",
            log=probing.folder / "boot")
        wait_until(lambda: process_name(self._boot.pid) == "sleep", PATIENCE, "it is booted")
        self._etc = Path(f"/proc/{self._boot.pid}/root/run/etc")
        self.log = probing.folder / "log"
        # Of the environment, openrc-run lets little through. No service "net" is there.
        (self._etc / "conf.d/anyprobe").write_text(
            f"export ASAN_OPTIONS='{os.environ.get('ASAN_OPTIONS', '')}'\nrc_need='!net'\n"
            f"anyprobe_config={probing.folder}/anyprobe.json\nanyprobe_run_dir={probing.node.run_dir}\n"
            f"output_log={self.log}\nerror_log={self.log}\n")
        script = self._etc / "init.d/anyprobe"
        script.write_text((INIT / "anyprobe.openrc").read_text().replace("@sbindir@", str(BUILD)))
        script.chmod(0o755)

    def __call__(self, word):
        return self._command("nsenter", f"--mount=/proc/{self._boot.pid}/ns/mnt", "/etc/init.d/anyprobe", word,
                             timeout=90)

    def close(self):
        self("stop")
        mounts = os.readlink(f"/proc/{self._boot.pid}/ns/mnt")
        for pid in self._probing.node.namespace.pids():
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/{pid}/ns/mnt") == mounts:
                    kill(pid, signal.SIGKILL)
        self._boot.wait()


@pytest.fixture
def openrc(probing):
    one = OpenRc(probing)
    yield one
    one.close()


def test_openrc_script(probing, openrc):
    assert openrc("status").returncode == 3
    refused = openrc("start")
    assert refused.returncode != 0 and "anyprobe.json" in refused.stderr, refused
    path = probing.write({"services": [service(*BOTH)]})
    started = openrc("start")
    assert started.returncode == 0, started
    # It answers when the start returns.
    assert probing.node.program("anyprobe", "status", "--run-dir", probing.node.run_dir, "--json").returncode in (0, 2)
    probing.announced()
    assert openrc("status").returncode == 0 and "announced 192.0.2.1/32" in openrc.log.read_text()
    first = probing.pid("anyprobe")
    # Handed over: not even the router notices.
    watch = probing.node.watch_addresses()
    restarted = openrc("restart")
    assert restarted.returncode == 0, restarted
    assert not [change for change in watch.changes if not change.interfaces]
    watch.close()
    assert probing.pid("anyprobe") != first and SERVICE4 in probing.node.addresses()

    probing.write({"services": [service(*BOTH), service(SECOND4, name="second")]})
    assert openrc("reload").returncode == 0
    wait_until(lambda: SECOND4 in probing.node.addresses(), PATIENCE, "the second is announced")
    path.write_text("{")
    running = probing.pid("anyprobe")
    for word in ("reload", "restart"):
        refused = openrc(word)
        assert refused.returncode != 0 and "anyprobe.json" in refused.stderr, refused
    assert openrc("status").returncode == 0
    assert probing.pid("anyprobe") == running and SECOND4 in probing.node.addresses()

    probing.write({"services": [service(*BOTH)]})
    kill(probing.keeper(), signal.SIGKILL)
    wait_until(lambda: [pid for pid in probing.probers("anyprobe") if pid != running], PATIENCE, "it is started again")
    probing.announced()
    # A stop withdraws, the advertisement first: the supervisor's own signal would leave it.
    probing.write({"services": [service(*BOTH, linger="1s")]})
    assert openrc("reload").returncode == 0
    stopped = openrc("stop")
    assert stopped.returncode == 0, stopped
    assert "SIGTERM: withdrawing everything" in openrc.log.read_text()
    assert not probing.node.addresses() and openrc("status").returncode == 3
    probing.nothing_runs()
