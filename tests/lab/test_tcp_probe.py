"""A tcp service: the address follows a listener, and the route on the router follows the address."""

import signal
import sys

import pytest
from conftest import BOTH, service
from netns import wait_until
from servers import slow_core

PORTS = (8443, 8080)

# Greets whoever connects to one of its ports; says one line once it listens on all.
_LISTENER = """
import selectors, socket, sys
ready = selectors.DefaultSelector()
for port in map(int, sys.argv[1:]):
    listener = socket.create_server(("127.0.0.1", port))
    ready.register(listener, selectors.EVENT_READ)
print("listening", flush=True)
while True:
    for key, _ in ready.select():
        connection, _ = key.fileobj.accept()
        with connection:
            connection.sendall(b"220 ready\\r\\n")
"""


class Listener:
    def __init__(self, node, log):
        self._node = node
        self._log = log
        self.process = None

    def start(self, *ports):
        self._log.write_text("")
        self.process = self._node.namespace.spawn(sys.executable, "-c", _LISTENER, *map(str, ports), log=self._log)
        wait_until(lambda: "listening" in self._log.read_text(), 5, "it listens")

    def end(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(5)


@pytest.fixture
def listener(probing, folder):
    listener = Listener(probing.node, folder / "listener.log")
    listener.start(*PORTS)
    yield listener
    listener.end()


def run(probing, **probe):
    path = probing.write({"services": [service(*BOTH, name="mail",
                                               probe={"type": "tcp", "ports": list(PORTS), **probe})]})
    return probing.start_foreground("--config", path, program="anyprobe")


@pytest.mark.parametrize("probe", [{}, {"expect": "220 "}], ids=["connects", "greets"])
def test_listener_dies_and_returns(probing, listener, probe):
    _, log = run(probing, **probe)
    probing.announced()
    listener.end()
    probing.withdrawn()
    assert not probing.node.addresses()
    assert " down (refused, 127.0.0.1:" in log.read_text()
    listener.start(*PORTS)
    probing.announced()


def test_listener_hangs_and_continues(probing, listener):
    """Stopped, it still has its connections accepted by the kernel."""
    _, log = run(probing, expect="220 ")
    probing.announced()
    listener.process.send_signal(signal.SIGSTOP)
    probing.withdrawn()
    wait_until(lambda: "no answer from 127.0.0.1:8443 (connected), 127.0.0.1:8080 (connected)" in log.read_text(), 5,
               "the log names both")
    listener.process.send_signal(signal.SIGCONT)
    probing.announced()


def test_slow_core(probing, listener):
    run(probing, expect="220 ")
    probing.announced()
    with slow_core(listener.process):
        probing.withdrawn()
    listener.process.wait(5)
    listener.start(*PORTS)
    probing.announced()


def test_one_port_of_two_is_not_enough(probing, listener):
    run(probing)
    probing.announced()
    listener.end()
    listener.start(PORTS[0])
    probing.withdrawn()
    listener.end()
    listener.start(*PORTS)
    probing.announced()


def test_nobody_is_connected_to_itself(probing):
    """Where the kernel has one port to choose from, a connection to just that one finds itself."""
    namespace = probing.node.namespace
    before = namespace.run("sysctl", "-n", "net.ipv4.ip_local_port_range").stdout.split()
    namespace.sysctl("net/ipv4/ip_local_port_range", "40000 40000")
    try:
        done = probing.node.program("anyprobe", "check", "--type", "tcp", "--ports", "40000")
    finally:
        namespace.sysctl("net/ipv4/ip_local_port_range", " ".join(before))
    assert done.returncode != 0 and "127.0.0.1:40000 refused" in done.stdout + done.stderr, done
