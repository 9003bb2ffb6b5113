"""The Debian package: built from what is compiled already, looked at by lintian, and installed, upgraded, removed and purged on
a machine that boots a real systemd. What else is built: the RPM's specification, and the tarball."""

import gzip
import json
import os
import shutil
import subprocess

import pytest
from conftest import BUILD, ROOT
from machine import AddressMonitor, Machine, wait_until, why_none

ADDRESS = "192.0.2.1"
CONFIGURATION = {"lsa_spacing": "0s", "services": [
    {"name": "web", "interval": "100ms", "timeout": "80ms", "rise": 1, "fall": 2, "linger": "0s", "lease": "60s",
     "probe": {"type": "tcp", "host": "127.0.0.1", "ports": [8053]}, "advertise": [{"address": f"{ADDRESS}/32"}]}]}


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """Two versions; the second has the same contents, as dpkg does not care."""
    folder = tmp_path_factory.mktemp("package")
    done = subprocess.run([ROOT / "scripts/package", folder], capture_output=True, text=True, check=False,
                          env={**os.environ, "ANYPROBE_BUILD": str(BUILD), "VERSION": "0.1.0"})
    assert done.returncode == 0, done.stderr
    old = folder / done.stdout.strip().rsplit("/", maxsplit=1)[-1]
    subprocess.run(["dpkg-deb", "-R", old, folder / "tree"], check=True)
    control = folder / "tree/DEBIAN/control"
    control.write_text(control.read_text().replace("Version: 0.1.0-1", "Version: 0.1.1-1"))
    new = folder / "new.deb"
    subprocess.run(["dpkg-deb", "-b", "-Znone", folder / "tree", new], check=True, capture_output=True)
    return old, new


@pytest.fixture(scope="module")
def machine(packages):
    if why_none():
        pytest.skip(why_none())
    one = Machine(environment=["ASAN_OPTIONS=detect_leaks=0"])
    try:
        for name, path in zip(("old.deb", "new.deb"), packages):
            shutil.copy(path, one.up / name)
        one.boot()
        one.spawn("/usr/bin/python3", "-m", "http.server", "-b", "127.0.0.1", "8053", "-d", "/mnt")
        yield one
    finally:
        one.close()


def addresses(machine):
    out = json.loads(machine.must("ip", "-j", "addr", "show", "dev", "lo"))
    return {one["local"] for one in out[0]["addr_info"]} - {"127.0.0.1", "::1"}


def dpkg(machine, *words):
    return machine.must("env", "DEBIAN_FRONTEND=noninteractive", "ASAN_OPTIONS=detect_leaks=0", "dpkg", "--force-depends", *words,
                        timeout=180)


def test_lintian(packages):
    done = subprocess.run(["lintian", "--fail-on", "error,warning", "--allow-root", packages[0]], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_examples_have_the_program_where_it_is(packages):
    tree = packages[1].parent / "tree"
    agent = tree / "usr/lib/ocf/resource.d/anyprobe/anyprobe"
    for path in (agent, tree / "usr/share/doc/anyprobe/examples/keepalived.conf", tree / "etc/init.d/anyprobe",
                 tree / "usr/share/doc/anyprobe/examples/anyprobe.openrc"):
        assert "/usr/sbin/anyprobe" in path.read_text(), path
    page = gzip.decompress((tree / "usr/share/man/man7/anyprobe-beside.7.gz").read_bytes()).decode()
    assert "/usr/sbin/anyprobe check" in page and "/usr/local/sbin/anyprobe" not in page
    wrong = subprocess.run(["grep", "-rlE", "/usr/local/sbin/anyprobe|@[a-z]+dir@", tree / "usr/share/doc", tree / "usr/lib/ocf",
                            tree / "etc"], capture_output=True, text=True, check=False)
    assert wrong.stdout == "" and os.access(agent, os.X_OK)


def test_install_upgrade_remove_and_purge(machine, tmp_path):
    dpkg(machine, "-i", "/old.deb")
    assert "anyprobe" in machine.must("id", "-Gn", "anyprobe").split()
    # Enabled, and not started without a configuration.
    assert machine.show("anyprobe", "ActiveState", "UnitFileState") == {"ActiveState": "inactive", "UnitFileState": "enabled"}
    machine.put("/etc/anyprobe/anyprobe.json", json.dumps(CONFIGURATION))
    machine.must("systemctl", "start", "anyprobe")
    wait_until(lambda: addresses(machine) == {ADDRESS}, "it is announced")
    before = machine.show("anyprobe", "MainPID")["MainPID"]

    monitor = AddressMonitor(machine, tmp_path, "lo")
    dpkg(machine, "-i", "/new.deb")
    assert machine.show("anyprobe", "MainPID")["MainPID"] not in ("0", before)
    wait_until(lambda: "1 of 1" in machine.show("anyprobe", "StatusText")["StatusText"], "it is announced")
    told = monitor.end()
    assert "Deleted" not in told, told

    # Started by hand, as from rc.local.
    machine.must("env", "ASAN_OPTIONS=detect_leaks=0", "tcp-route-probe", "--address", "192.0.2.5/32", "--host", "127.0.0.1", "--ports", "8053")
    wait_until(lambda: "192.0.2.5" in addresses(machine), "it is announced")
    dpkg(machine, "-r", "anyprobe")
    assert addresses(machine) == {"192.0.2.76", "192.0.2.77"}
    assert machine.must("cat", "/etc/anyprobe/anyprobe.json") and machine.run("test", "-e", "/usr/sbin/dns-probe").returncode
    assert machine.run("pgrep", "-u", "anyprobe").stdout == ""
    dpkg(machine, "-P", "anyprobe")
    left = machine.must("find", "/etc", "/run", "/var/lib/systemd", "/usr/share", "(", "-name", "*anyprobe*", "-o", "-name",
                        "dns-probe*", ")", "-not", "-path", "/run/systemd/*")
    assert left == ""
    assert machine.run("id", "anyprobe").returncode != 0


def test_spec():
    done = subprocess.run(["rpmspec", "-P", ROOT / "scripts/anyprobe.spec"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    version = subprocess.run(["rpmspec", "-q", "--srpm", "--qf", "%{version}", ROOT / "scripts/anyprobe.spec"],
                             capture_output=True, text=True, check=True).stdout
    assert f"version: '{version}'" in (ROOT / "meson.build").read_text()


def test_tarball(tmp_path):
    """What `meson dist` puts into it, which is what git has: all that a build and a package want."""
    subprocess.run(["git", "-C", ROOT, "archive", "-o", tmp_path / "a.tar", "HEAD"], check=True)
    names = set(subprocess.run(["tar", "-tf", tmp_path / "a.tar"], capture_output=True, text=True, check=True).stdout.split())
    assert {"meson.build", "meson_options.txt", "LICENSE", "README.md", "CHANGELOG.md", "core/main.cpp",
            "scripts/debian/rules", "scripts/anyprobe.spec", "scripts/systemd/anyprobe.service.in",
            "scripts/init/anyprobe.sysv", "scripts/init/anyprobe.openrc", "scripts/init/rc.local"} <= names
    assert not [name for name in names if name.startswith("build") or name.endswith((".o", ".pyc", ".deb"))]
