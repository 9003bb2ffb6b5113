"""The kernel tells that a socket is closed: a death is noticed at once, however seldom the service is asked, and nothing
else is taken for one."""

import contextlib
import ctypes
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import BOTH, service
from lab import BUILD, SERVICE4
from netns import PATIENCE, Timeout, holds, wait_until

PORT = 8053
# So seldom that no test sees it.
SELDOM = {"interval": "10m", "timeout": "5s", "fast_interval": "10m", "rise": 1, "fall": 3}

# Listens, or takes datagrams, on an address of 127.0.0.0/8 or of any, until it is killed.
_HOLDER = """
import signal, socket, sys
kind = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}[sys.argv[1]]
one = socket.socket(socket.AF_INET, kind)
one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
# What tests before this one left in TIME-WAIT.
one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
one.bind((sys.argv[2], int(sys.argv[3])))
if kind == socket.SOCK_STREAM:
    one.listen(64)
print("holding it", flush=True)
signal.pause()
"""

# A thousand client sockets a second are closed, connections and datagrams; those of UDP have been asked from.
_STORM = """
import socket, sys, time
begin, done = time.monotonic(), 0
listener = socket.create_server(("127.0.0.1", 8054), backlog=64)
while True:
    with socket.create_connection(("127.0.0.1", 8054)):
        listener.accept()[0].close()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.sendto(b"x", ("127.0.0.1", 8053))
    done += 2
    print(done, flush=True)
    time.sleep(max(0, begin + done / 1000 - time.monotonic()))
"""


# Closes datagram sockets of the port, on another address, until it is killed.
_FLOOD = """
import socket
while True:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.2", 8053))
"""

_SEIZE, _INTERRUPT, _DETACH, _WALL = 0x4206, 0x4207, 17, 0x40000000  # linux/ptrace.h, linux/wait.h


@contextlib.contextmanager
def stands_still(pid):
    """Not by a signal, which it would hear of when it goes on."""
    ptrace = ctypes.CDLL(None, use_errno=True).ptrace
    ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]

    def ask(what):
        if ptrace(what, pid, None, None) != 0:
            raise OSError(ctypes.get_errno(), f"ptrace {what:#x}")
    ask(_SEIZE)
    ask(_INTERRUPT)
    os.waitpid(pid, _WALL)
    try:
        yield
    finally:
        ask(_DETACH)


class Told:
    """One service that is asked seldom, and all that its daemon says."""

    def __init__(self, probing):
        self.probing = probing
        self.node = probing.node
        self.process = self.log = None
        self._held = 0

    def start(self, **more):
        what = {"name": "told", "advertise": [{"address": prefix} for prefix in BOTH], "linger": "0s",
                "probe": {"type": "tcp", "ports": [PORT]}, **SELDOM, **more}
        self.process, self.log = self.probing.run_config(what, log={"level": "debug"})
        try:
            wait_until(self.there, PATIENCE, "it is announced")
        except Timeout as error:
            raise Timeout(f"{error}\n{self.log.read_text()}") from None
        self.probing.announced(timeout=PATIENCE)

    def there(self):
        text = self.node.namespace.ip("addr", "show")
        return all(f" {prefix} " in text for prefix in BOTH)

    def hold(self, kind="tcp", address="127.0.0.1", port=PORT):
        self._held += 1
        log = self.probing.folder / f"holder{self._held}.log"
        process = self.node.namespace.spawn(sys.executable, "-c", _HOLDER, kind, address, port, log=log)
        wait_until(lambda: "\n" in log.read_text() or process.poll() is not None, PATIENCE, "it holds its socket",
                   every=0.005)
        assert log.read_text() == "holding it\n", log.read_text()
        return process

    def checks(self):
        """The verdicts so far."""
        return re.findall(r"told: (pass|fail)", self.log.read_text())

    def wait_checks(self, count):
        wait_until(lambda: len(self.checks()) >= count, PATIENCE, f"{count} checks", every=0.005)

    def announced(self):
        assert set(BOTH) <= self.node.addresses(), self.log.read_text()
        return True


@pytest.fixture
def told(probing):
    return Told(probing)


def kill(process):
    process.kill()
    process.wait(PATIENCE)


def test_death_of_a_listener(told):
    holder = told.hold()
    told.start()
    kill(holder)
    told.probing.withdrawn()
    assert "down (refused" in told.log.read_text()
    assert told.checks() == ["pass", "fail"]


def test_death_of_a_resolver(told):
    told.start(probe={"type": "dns", "server": "127.0.0.1", "query": "www.example.org"})
    told.node.kill_unbound()
    told.probing.withdrawn()


def test_death_of_a_service_that_is_asked_by_name(told):
    """Where it is asked is known with its first answer."""
    holder = told.hold()
    told.start(probe={"type": "tcp", "host": "localhost", "ports": [PORT], "source": "127.0.0.1"})
    kill(holder)
    told.probing.withdrawn()


def test_a_dry_run_hears_of_it_too(told):
    holder = told.hold()
    path = told.probing.write({"services": [service(SERVICE4, **SELDOM, probe={"type": "tcp", "ports": [PORT]})]})
    log = told.probing.folder / "dry.log"
    told.node.namespace.spawn(BUILD / "anyprobe", "run", "--dry-run", "--config", path, log=log)
    wait_until(lambda: log.exists() and "would announce" in log.read_text(), PATIENCE, "it would announce")
    kill(holder)
    wait_until(lambda: "would withdraw" in log.read_text(), PATIENCE, "it would withdraw")


def test_it_waits_for_no_line_of_the_log(told):
    """The log goes to a pipe that takes no more."""
    holder = told.hold()
    path = told.probing.write({"services": [service(BOTH[0], BOTH[1], **SELDOM, linger="0s", lease="10m",
                                                    probe={"type": "tcp", "ports": [PORT]})]})
    out, into = os.pipe()
    told.node.namespace.spawn(BUILD / "anyprobe", "run", "--run-dir", told.node.run_dir, "--config", path,
                              log=f"/proc/self/fd/{into}")
    wait_until(told.there, PATIENCE, "it is announced")
    stuffing = os.open(f"/proc/self/fd/{into}", os.O_WRONLY | os.O_NONBLOCK)
    for size in (4096, 1):
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(stuffing, bytes(size))
    kill(holder)
    wait_until(lambda: not told.node.addresses() & set(BOTH), PATIENCE, "it is withdrawn")
    os.set_blocking(out, False)
    said = b""

    def told_of_it():
        nonlocal said
        with contextlib.suppress(BlockingIOError):
            said += os.read(out, 1 << 16).strip(b"\0")
        return b"down (refused" in said
    wait_until(told_of_it, PATIENCE, "the log has it too")
    for end in (out, into, stuffing):
        os.close(end)


def test_it_is_asked_whether_it_is_back(told):
    told.start(probe={"type": "dns", "server": "127.0.0.1", "query": "www.example.org"}, rise=2, fast_interval="100ms")
    told.node.kill_unbound()
    told.probing.withdrawn()
    told.node.start_unbound()
    told.probing.announced()


def test_one_of_several_sockets(told):
    first, second = told.hold(), told.hold()
    told.start()
    before = len(told.checks())
    kill(first)
    told.wait_checks(before + 1)
    holds(told.announced, 0.5, "it is announced")
    assert set(told.checks()) == {"pass"}
    kill(second)
    told.probing.withdrawn()


@pytest.mark.parametrize("kind, address, port", [("tcp", "127.0.0.2", PORT), ("udp", "127.0.0.1", PORT),
                                                 ("tcp", "127.0.0.1", PORT + 1)])
def test_sockets_of_others(told, kind, address, port):
    told.hold()
    told.start()
    other = told.hold(kind, address, port)
    before = told.checks()
    kill(other)
    # That one is told of, and comes after.
    more = told.hold()
    kill(more)
    told.wait_checks(len(before) + 1)
    assert told.checks() == before + ["pass"]


def test_a_socket_of_any_address_is_not_one_of_another_host(told):
    """The router's port refuses; ours of the same number is nothing to that."""
    router = told.probing.lab.router
    with router.entered():
        listener = socket.create_server(("0.0.0.0", PORT))
    try:
        address = told.probing.lab.router.ip("-j", "addr", "show", "dev", told.node.router_port)[0]["addr_info"][0]["local"]
        told.start(probe={"type": "tcp", "host": address, "ports": [PORT]})
        before = told.checks()
        kill(told.hold(address="0.0.0.0"))
        holds(lambda: told.checks() == before, 1, "nobody is asked")
    finally:
        listener.close()


@pytest.mark.parametrize("on_close, asked", [("probe", 2), ("ignore", 0)])
def test_on_close(told, on_close, asked):
    holder = told.hold()
    told.start(on_close=on_close)
    before = len(told.checks())
    kill(holder)
    told.wait_checks(before + asked)
    holds(told.announced, 1, "it is announced")
    assert len(told.checks()) == before + asked, told.log.read_text()


def test_a_thousand_client_sockets_a_second(told):
    told.hold()
    told.hold("udp")
    told.start(probe={"type": "tcp", "ports": [PORT]})
    before = told.checks()
    log = told.probing.folder / "storm.log"
    storm = told.node.namespace.spawn(sys.executable, "-c", _STORM, log=log)
    wait_until(lambda: log.exists() and log.read_text().count("\n") > 1500, 4 * PATIENCE, "3,000 are closed")
    kill(storm)
    assert told.announced() and told.checks() == before


def test_a_death_among_events_that_were_lost(told):
    """The kernel had no room for them, and says so: who may have been among them is asked."""
    holder = told.hold()
    told.start(fast_interval="100ms")
    namespace = told.node.namespace

    def lost():
        with namespace.entered():
            lines = Path("/proc/thread-self/net/netlink").read_text().splitlines()[1:]
        return any(int(line.split()[8]) > 0 for line in lines if line.split()[1] == "4")  # NETLINK_SOCK_DIAG
    assert not lost()
    with stands_still(told.probing.pid("anyprobe")):
        flood = namespace.spawn(sys.executable, "-c", _FLOOD)
        wait_until(lost, PATIENCE, "events are lost")
        kill(holder)
        kill(flood)
    told.probing.withdrawn()
    # Without the kernel's word on it, it takes as many refusals as any failure.
    assert told.checks()[:4] == ["pass", "fail", "fail", "fail"]


def test_an_interface_that_goes_down(told):
    told.hold()
    namespace = told.node.namespace
    namespace.ip("link", "add", "held0", "type", "veth", "peer", "name", "held1")
    for name in ("held0", "held1"):
        namespace.ip("link", "set", name, "up")
    told.start(advertise=[{"address": SERVICE4}, {"address": BOTH[1], "interface": "held0"}])
    before = len(told.checks())
    namespace.ip("link", "set", "held0", "down")
    told.wait_checks(before + 1)
    # No other's.
    namespace.ip("link", "set", "held1", "down")
    namespace.ip("link", "set", "held0", "up")
    told.probing.lab.settle()
    assert len(told.checks()) == before + 1


def test_without_the_kernels_word(probing):
    library = probing.folder / "no_inet_diag.so"
    subprocess.run(["g++", "-std=c++20", "-shared", "-fPIC", "-o", library,
                    Path(__file__).parent / "no_inet_diag.cpp"], check=True)
    sanitizer = ":".join(filter(None, (os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0")))
    path = probing.write({"services": [service(*BOTH)]})
    log = probing.folder / "anyprobe.log"
    probing.node.namespace.spawn(BUILD / "anyprobe", "run", "--run-dir", probing.node.run_dir, "--config", path, log=log,
                                 env={**os.environ, "LD_PRELOAD": str(library), "ASAN_OPTIONS": sanitizer})
    probing.announced()
    probing.node.kill_unbound(signal.SIGKILL)
    probing.withdrawn()
    probing.node.start_unbound()
    probing.announced()
    assert log.read_text().count("the kernel does not tell of closed sockets") == 1


def test_a_restart_within_one_moment(told):
    """Whoever closes and opens again at once is asked, and may be found either way; it ends announced."""
    told.start(probe={"type": "dns", "server": "127.0.0.1", "query": "www.example.org"}, fast_interval="100ms")
    for _ in range(5):
        told.node.kill_unbound()
        told.node.start_unbound()
        time.sleep(0.05)
    told.probing.announced()
