"""A proxy: squid-probe with Squid, configured as the manual page says, and origins of the test's own."""

import os
from pathlib import Path

import pytest
from conftest import BOTH, service
from lab import SERVICES
from manual_page import configuration
from netns import wait_until
from servers import HeldSocket, fails_and_recovers, slow_core
from web import accepts, origin

PACE = ("--interval", "400ms", "--timeout", "350ms", "--rise", "1", "--fall", "2")
# Names that nobody but the proxy knows.
GOOD, OTHER = "http://origin.example.org:8000/", "http://other.example.org:8001/"
SIX = (*SERVICES, "192.0.2.3/32", "2001:db8:ffff:a000:fdc0::3b7/128")

# What the manual's text does not say: where a test keeps its files, and no name servers.
_MORE = """
pid_filename {folder}/squid.pid
cache_log {folder}/cache.log
access_log stdio:{folder}/access.log
coredump_dir {folder}
hosts_file {folder}/../squid/hosts
dns_nameservers 127.0.0.1
visible_hostname proxy.example.org
cache deny all
cache_mem 0
netdb_filename none
pinger_enable off
shutdown_lifetime 0 seconds
"""


def files_of(squid):
    """Where it keeps its own."""
    return squid.folder.with_name("squid-files")


def squid_files(folder, before=""):
    return {"squid.conf": before + configuration("squid-probe.8", "squid.conf") + _MORE.format(folder=folder),
            "hosts": "127.0.0.1 origin.example.org other.example.org\n"}


@pytest.fixture
def squid(probing):
    files = probing.folder / "squid-files"
    files.mkdir()
    files.chmod(0o777)  # it runs as a user of its own
    name = f"anyprobe{os.getpid()}"  # of its shared memory, which network namespaces do not part
    yield probing.server("squid", "/usr/sbin/squid", "-N", "-n", name, "-f", "{folder}/squid.conf",
                         files=squid_files(files), serves=lambda: accepts(probing.node, "127.0.0.1", 3128))
    probing.close()
    for left in Path("/dev/shm").glob(f"{name}-*"):
        left.unlink()


def check(probing, *words):
    """(exit code, what it says) of one round."""
    done = probing.node.program("anyprobe", "check", "--type", "http_proxy", *words)
    return done.returncode, done.stdout + done.stderr


def test_fails_and_recovers(probing, squid):
    origin(probing, 8000, "origin")
    log = probing.start_foreground("--url", GOOD, "--expect", "ready", program="squid-probe", pace=PACE)[1]
    fails_and_recovers(probing, squid, "tcp:127.0.0.1:3128")
    told = log.read_text()
    assert f'up (ok, {GOOD} by 127.0.0.1:3128 said 200 and "ready")' in told, told
    assert f"down (refused, {GOOD} by 127.0.0.1:3128 refused)" in told, told
    assert f"down (timeout, no answer to {GOOD} by 127.0.0.1:3128 (connected))" in told, told


def test_slow_core_and_suspension(probing, squid):
    """While its core is written the sockets are open: nothing refuses. And TSTP, as the old script had it."""
    origin(probing, 8000, "origin")
    probing.start("--url", GOOD, program="squid-probe", pace=PACE)
    probing.announced()
    with slow_core(squid):
        probing.withdrawn()
        assert squid.processes()
    squid.start()
    probing.announced()
    probing.node.namespace.run("kill", "-TSTP", str(probing.pid("squid-probe")))
    probing.withdrawn()
    probing.node.namespace.run("kill", "-CONT", str(probing.pid("squid-probe")))
    probing.announced()


def test_without_a_url_as_of_old_with_three_addresses_a_family(probing, squid):
    addresses = [word for prefix in SIX for word in ("--address", prefix)]
    log = probing.start_foreground(program="squid-probe", pace=PACE, addresses=addresses)[1]
    wait_until(lambda: probing.node.addresses() == set(SIX), 5, "all six are there")
    probing.announced(SERVICES)
    assert "127.0.0.1:3128 said 200, its own icon, which proves no forwarding" in log.read_text()
    squid.kill()
    wait_until(lambda: not probing.node.addresses(), 5, "none is there")
    probing.withdrawn(SERVICES)


def test_a_dead_origin_is_no_dead_proxy_but_no_origin_at_all_is(probing, squid):
    one, other = origin(probing, 8000, "origin"), origin(probing, 8001, "other")
    _, log = probing.run_config(service(*BOTH, name="proxy", interval="400ms", timeout="350ms",
                                        probe={"type": "http_proxy", "url": [GOOD, OTHER]}))
    probing.announced()
    one.kill()
    code, said = check(probing, "--url", GOOD)
    assert code == 2 and "ERR_CONNECT_FAIL" in said, said
    code, said = check(probing, "--url", GOOD, "--url", OTHER)
    assert code == 0 and f"{OTHER} by 127.0.0.1:3128 said 200" in said, said
    probing.announced()
    assert "proxy: down" not in log.read_text()
    other.kill()
    probing.withdrawn()
    one.start()
    probing.announced()
    # What it had at hand would do for a client, but not for us.
    squid.restart(**squid_files(files_of(squid), "acl dead dstdomain origin.example.org other.example.org\n"
                                              "http_access deny dead\n"))
    probing.withdrawn()
    code, said = check(probing, "--url", GOOD)
    assert code == 2 and 'said 403, an error of the proxy\'s own: "ERR_ACCESS_DENIED"' in said, said
    squid.restart(**squid_files(files_of(squid), ""))
    probing.announced()


def test_ways_to_ask(probing, squid):
    origin(probing, 8000, "origin")
    tunnel = ("--method", "CONNECT", "--url", GOOD)
    assert check(probing, *tunnel)[0] == 0
    code, said = check(probing, "--method", "CONNECT", "--url", OTHER)
    assert code == 2 and "ERR_CONNECT_FAIL" in said, said
    code, said = check(probing, "--url", GOOD, "--expect", "nonsense")
    assert code == 2 and 'said 200 without "nonsense" in 6 octets' in said, said
    code, said = check(probing, "--url", "https://origin.example.org:8000/")
    assert code == 2 and "tls" in said, said
    assert check(probing, "--url", GOOD, "--method", "HEAD", "--expect-header", "Via: proxy.example.org")[0] == 0
    for held in ("127.0.0.1:3129", "[::1]:3129"):
        with HeldSocket(probing.node.namespace, f"tcp:{held}"):
            code, said = check(probing, "--server", held, "--url", GOOD)
            assert code == 2 and f"no answer to {GOOD} by {held} (connected)" in said, said
    asked = (files_of(squid) / "access.log").read_text()
    assert "CONNECT origin.example.org:8000" in asked and f"GET {GOOD}" in asked, asked


@pytest.mark.parametrize("password, code", [("right", 0), ("wrong", 2)])
def test_password(probing, squid, password, code):
    origin(probing, 8000, "origin")
    folder = squid.folder
    squid.kill()
    (folder / "check").write_text("#!/bin/sh\nwhile read -r who password; do\n"
                                  "  [ $password = right ] && echo OK || echo ERR\ndone\n")
    (folder / "check").chmod(0o755)
    squid.start(**squid_files(files_of(squid), f"auth_param basic program {folder}/check\nauth_param basic children 1 startup=1\n"
                                      "acl known proxy_auth REQUIRED\nhttp_access deny !known\n"))
    secret = probing.write(password + "\n", "secret")
    found, said = check(probing, "--url", GOOD, "--username", "me", "--password-file", secret)
    assert found == code and (code == 0 or "said 407" in said) and password not in said, said
