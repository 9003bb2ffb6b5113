"""The init scripts, run for real on a node: the LSB script, the lines of rc.local, and OpenRC's by a stand-in for openrc-run."""

import re
import subprocess
from pathlib import Path

import pytest
from conftest import BOTH, QUICK, service
from lab import BUILD, REPO, SECOND4, SERVICE4
from netns import PATIENCE, process_state, wait_until

INIT = REPO / "scripts/init"
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


OPENRC = """
ebegin() { :; }
eend() { return "$1"; }
need() { echo "need $*"; }
after() { echo "after $*"; }
RC_CMD=$1
anyprobe_config=$2
anyprobe_run_dir=$3
. "$4"
shift 4
for each in "$@"; do "$each" || exit; done
"""


def test_openrc_script(probing):
    """What openrc-run does: reads it, calls its functions, and supervises `command command_args`."""
    script = probing.folder / "openrc"
    script.write_text((INIT / "anyprobe.openrc").read_text().replace("@sbindir@", str(BUILD)))
    path = probing.write({"services": [service(*BOTH)]})

    def call(command, *functions):
        return probing.node.namespace.run("sh", "-euc", OPENRC, "sh", command, path, probing.node.run_dir, script, *functions)
    assert call("start", "depend").stdout.splitlines() == ["need net", "after frr bird quagga logger"]
    assert call("start", "start_pre").returncode == 0
    told = probing.node.namespace.run("sh", "-euc", OPENRC + 'echo "$command $command_args"', "sh", "start", path,
                                      probing.node.run_dir, script).stdout.split()
    process = probing.node.namespace.spawn(*told, log=probing.folder / "log")
    probing.announced()
    assert call("reload", "reload").returncode == 0
    path.write_text("{")
    assert call("start", "start_pre").returncode == 78 and call("reload", "reload").returncode == 78
    # A restart ends it by the signal that hands over.
    shown = probing.node.namespace.run("sh", "-euc", OPENRC + 'echo "$stopsig"', "sh", "restart", path, probing.node.run_dir, script,
                                       "stop_pre").stdout.strip()
    assert shown == "SIGUSR2"
    subprocess.run(["kill", "-s", shown.removeprefix("SIG"), str(process.pid)], check=True)
    process.wait(PATIENCE)
    assert call("restart", "stop_post").returncode == 0 and SERVICE4 in probing.node.addresses()
