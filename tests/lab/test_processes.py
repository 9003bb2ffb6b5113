"""How it starts, and what it refuses to start with."""

import os
import stat

import pytest
from conftest import ADDRESSES, BOTH, QUICK
from lab import BUILD, SECOND4, SERVICE4
from netns import process_name, wait_until


def test_names(probing):
    probing.start_announced()
    assert sorted(map(process_name, probing.ours())) == ["anyprobe-keeper", "dns-probe"]


def test_background_start_lets_go_of_everything(probing):
    """The call returned, so nobody held its pipes; nor does anybody keep a terminal, a session or a folder."""
    probing.start_announced()
    for pid in probing.ours():
        for number in (0, 1, 2):
            link = f"/proc/{pid}/fd/{number}"
            assert not os.path.lexists(link) or os.readlink(link) == "/dev/null", os.readlink(link)
        assert os.getsid(pid) != os.getsid(0)
        assert os.readlink(f"/proc/{pid}/cwd") == "/"


def test_start_returns_soon(probing):
    """In the background, whether or not the service works."""
    probing.node.kill_unbound()
    done = probing.node.dns_probe(*ADDRESSES, timeout=3)
    assert done.returncode == 0 and probing.ours()


@pytest.mark.parametrize("words, code, names", [
    (("--query", "x" * 64 + ".example.org"), (64, 78), "query"),
    (("--interval", "100ms", "--timeout", "2s"), (64, 78), "timeout"),
])
def test_errors_come_before_the_background(probing, words, code, names):
    done = probing.node.dns_probe(*ADDRESSES, *words)
    assert done.returncode in code
    assert names in done.stderr and "Traceback" not in done.stderr
    probing.nothing_runs()
    assert not probing.node.addresses()


def test_second_instance_is_refused(probing):
    probing.start_announced()
    pids = sorted(probing.ours())
    done = probing.node.dns_probe(*QUICK, *ADDRESSES)
    assert done.returncode == 69
    assert "dns-probe" in done.stderr and "running" in done.stderr
    assert sorted(probing.ours()) == pids
    assert probing.node.addresses() == set(BOTH)


def test_instance_of_another_name_runs_beside_it(probing):
    probing.start_announced()
    probing.start("--name", "second", addresses=("--address", SECOND4))
    probing.announced([SECOND4])
    assert len(probing.node.probers()) == 2
    assert {path.name for path in probing.node.run_dir.glob("*.pid")} == {"dns-probe.pid", "second.pid"}


def test_start_after_a_crash_of_everything(probing):
    """The pid file of the dead is no obstacle, and what they left on lo is ours by its mark."""
    probing.start_announced()
    for pid in probing.ours():
        os.kill(pid, 9)
    wait_until(lambda: not probing.ours(), 3, "all are dead")
    probing.start()
    probing.announced()


def test_run_dir_is_made(probing):
    folder = probing.node.folder / "new-run-dir"
    done = probing.node.program("dns-probe", "--run-dir", folder, *QUICK, *ADDRESSES)
    assert done.returncode == 0, done.stderr
    probing.announced()
    assert (folder / "dns-probe.pid").exists()
    assert not stat.S_IMODE(folder.stat().st_mode) & 0o022
    probing.node.end_processes()
    folder.rmdir() if not any(folder.iterdir()) else None


@pytest.mark.parametrize("drop", [("--bounding-set=-net_admin",), ("--reuid=65534", "--clear-groups")],
                         ids=["root-without-it", "nobody"])
def test_without_cap_net_admin(probing, drop):
    probing.node.run_dir.chmod(0o777)
    try:
        done = probing.node.namespace.run("setpriv", *drop, BUILD / "dns-probe", "--run-dir", probing.node.run_dir,
                                          *ADDRESSES)
    finally:
        probing.node.run_dir.chmod(0o755)
    assert done.returncode == 77, done.stderr
    assert "CAP_NET_ADMIN" in done.stderr
    probing.nothing_runs()


@pytest.mark.parametrize("words, names", [
    (("--frobnicate",), "--frobnicate"),
    (("--address", "192.0.2.1/33"), "192.0.2.1/33"),
    (("--address", "192.0.2.256"), "192.0.2.256"),
    (("--address",), "--address"),
    (("--address", SERVICE4, "--interval", "fast"), "fast"),
    (("--address", SERVICE4, "--fall", "0"), "fall"),
    (("--address", SERVICE4, "stray"), "stray"),
])
def test_usage_errors(probing, words, names):
    done = probing.node.dns_probe(*words)
    assert done.returncode == 64, (done.returncode, done.stderr)
    assert names in done.stderr
    probing.nothing_runs()


def test_asking_its_own_address_is_refused(probing):
    """While withdrawn it would ask the other node, and announce a dead service."""
    done = probing.node.dns_probe("--server", "192.0.2.1", "--address", SERVICE4)
    assert done.returncode in (64, 78), (done.returncode, done.stderr)
    assert "192.0.2.1" in done.stderr
    probing.nothing_runs()
