"""radius-probe and FreeRADIUS: the address follows the server, and the route on the router follows the address."""

import signal
from pathlib import Path

import pytest
from conftest import ADDRESSES, BOTH, QUICK, service
from netns import kill, process_state, process_status, wait_until
from radius import SECRET, main, site_that_signs, start_freeradius
from servers import fails_and_recovers, slow_core

SILENT = "(it hangs, has another secret, or does not know this client)"


@pytest.fixture
def freeradius(probing):
    return start_freeradius(probing)


@pytest.fixture
def secret(folder):
    """A file that root alone can read."""
    path = folder / "radius.secret"
    path.touch(mode=0o600)
    path.write_text(SECRET + "\n")
    return path


def check(probing, *words):
    """Exit code and output of `anyprobe check`."""
    done = probing.node.program("anyprobe", "check", "--type", "radius", *words)
    return done.returncode, done.stdout + done.stderr


def test_fails_and_recovers(probing, freeradius, secret):
    _, log = probing.start_foreground("--secret-file", secret, "--resend", "50ms", "--log-level", "debug",
                                      program="radius-probe")
    probing.announced()
    # The keeper read the file, and nobody else sees what is in it.
    prober = probing.pid("radius-probe")
    assert process_status(prober)["Uid"].split()[0] != "0"
    for pid in (prober, probing.keeper()):
        assert SECRET not in Path(f"/proc/{pid}/cmdline").read_text()
        assert SECRET not in Path(f"/proc/{pid}/environ").read_text()
    fails_and_recovers(probing, freeradius, "udp:127.0.0.1:18120")
    text = log.read_text()
    assert "down (refused, 127.0.0.1:18120: " in text, text
    assert f"down (timeout, no answer from 127.0.0.1:18120 {SILENT})" in text, text
    assert "ok, 127.0.0.1:18120 answered Access-Accept without Message-Authenticator" in text, text
    assert SECRET not in text


def test_slow_core_is_noticed_at_the_deadline(probing, freeradius, secret):
    """In the background; the file is named relative to where it is started."""
    done = probing.node.program("radius-probe", "--run-dir", probing.node.run_dir, *QUICK, *ADDRESSES,
                                "--server", "::1", "--secret-file", secret.name, cwd=secret.parent)
    assert done.returncode == 0, done.stderr
    probing.announced()
    with slow_core(freeradius):
        probing.withdrawn()
        assert freeradius.processes()
    freeradius.start()
    probing.announced()


def test_wrong_secret_and_its_change_by_hup(probing, freeradius, secret):
    def change(text):
        secret.write_text(text)
        kill(probing.pid("anyprobe"), signal.SIGHUP)

    secret.write_text("fooba\n")
    ports = [{"type": "radius", "server": f"127.0.0.1:{port}", "secret": {"file": str(secret)}}
             for port in (18120, 1812, 1813)]
    one = service(*BOTH, name="radius", probes=ports)
    del one["probe"]
    _, log = probing.run_config(one)
    wait_until(lambda: f"no answer from 127.0.0.1:18120 {SILENT}" in log.read_text(), 5, "the log says why")
    wait_until(lambda: "Shared secret is incorrect" in freeradius.log(), 5, "so does the server's")
    assert not probing.node.addresses()
    change(SECRET + "\n")
    probing.announced()
    # A file that is gone changes nothing.
    secret.unlink()
    kill(probing.pid("anyprobe"), signal.SIGHUP)
    wait_until(lambda: "radius.secret: No such file or directory" in log.read_text(), 5, "it is refused")
    assert probing.node.addresses() == set(BOTH)
    change("foobarx\n")
    probing.withdrawn()
    change(SECRET)
    probing.announced()
    text = log.read_text()
    assert "fooba" not in text, text
    printed = probing.node.program("anyprobe", "validate", "--print", "--config", probing.folder / "anyprobe.json")
    assert printed.returncode == 0 and str(secret) in printed.stdout and "fooba" not in printed.stdout, printed


def test_ports_codes_and_clients(probing, freeradius):
    good = ("--secret", SECRET)
    answers = {"127.0.0.1": "Access-Accept", "::1": "Access-Accept", "127.0.0.1:1812": "Access-Accept",
               "127.0.0.1:1813": "Accounting-Response"}
    for server, answer in answers.items():
        code, text = check(probing, *good, "--server", server)
        assert code == 0 and f"answered {answer} without Message-Authenticator" in text, text
    assert check(probing, *good, "--server", "localhost:1812")[0] == 0

    code, text = check(probing, *good, "--server", "127.0.0.1:1813", "--kind", "auth")
    assert code == 2 and "wrong_code, 127.0.0.1:1813 answered Accounting-Response, not Access-Accept" in text, text
    code, text = check(probing, *good, "--source", "127.0.0.2")
    assert code == 2 and SILENT in text, text

    # Once one of its sites says what Status-Server is, the others refuse it unless they say so, too.
    freeradius.restart(**{"radiusd.conf": main(freeradius.folder, accepts=False)})
    code, text = check(probing, *good, "--server", "127.0.0.1:1812")
    assert code == 2 and "wrong_code, 127.0.0.1:1812 answered Access-Reject, not Access-Accept" in text, text
    freeradius.restart(**{"radiusd.conf": main(freeradius.folder, client="192.0.2.77")})
    code, text = check(probing, *good, "--server", "127.0.0.1:1812")
    assert code == 2 and SILENT in text, text

    # FreeRADIUS signs where it is told to; what it signs, verifies.
    demanded = (*good, "--require-message-authenticator")
    code, text = check(probing, *demanded)
    assert code == 2 and "(4 replies without Message-Authenticator)" in text, text
    freeradius.restart(status=site_that_signs())
    for server in ("127.0.0.1", "::1"):
        code, text = check(probing, *demanded, "--server", server)
        assert code == 0 and "answered Access-Accept with Message-Authenticator" in text, text
    code, text = check(probing, "--secret", "wrong", "--server", "::1")
    assert code == 2 and SILENT in text, text


def test_maintenance(probing, freeradius, secret):
    """pkill finds it by its name: TSTP, restart, CONT."""
    probing.start("--secret-file", secret, program="radius-probe")
    probing.announced()
    prober = probing.pid("radius-probe")
    kill(prober, signal.SIGTSTP)
    wait_until(lambda: process_state(prober) == "T", 5, "it is suspended")
    assert not probing.node.addresses()
    probing.withdrawn()
    freeradius.restart()
    assert process_state(prober) == "T" and not probing.node.addresses()
    kill(prober, signal.SIGCONT)
    probing.announced()
