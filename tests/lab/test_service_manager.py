"""What the service manager is told (sd_notify(3)): Type=notify, and WatchdogSec."""

import signal
import socket
import time

import pytest
from conftest import BOTH, service
from lab import BUILD
from netns import kill, process_state, wait_until


@pytest.fixture
def manager(folder):
    """The messages that came, and the environment that makes them come."""
    class Manager:
        path = folder / "notify"

        def __init__(self):
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self.socket.bind(str(self.path))
            self.path.chmod(0o666)
            self.socket.setblocking(False)
            self.heard = []

        def listen(self):
            while True:
                try:
                    self.heard.append(self.socket.recv(4096).decode())
                except BlockingIOError:
                    return self.heard

        def count(self, what):
            return self.listen().count(what)
    one = Manager()
    yield one
    one.socket.close()


def start(probing, manager):
    path = probing.write({"services": [service(*BOTH)]})
    return probing.node.namespace.spawn("env", f"NOTIFY_SOCKET={manager.path}", "WATCHDOG_USEC=400000",
                                        BUILD / "anyprobe", "run", "--config", path, "--run-dir",
                                        probing.node.run_dir, log=probing.folder / "log")


def test_ready_watchdog_and_stopping(probing, manager):
    process = start(probing, manager)
    wait_until(lambda: manager.count("READY=1") == 1, 10, "it is ready")
    probing.announced()
    fed = manager.count("WATCHDOG=1")
    wait_until(lambda: manager.count("WATCHDOG=1") >= fed + 3, 5, "the watchdog is fed")
    kill(process.pid, signal.SIGTERM)
    process.wait(10)
    assert manager.listen()[-1] == "STOPPING=1" and manager.count("READY=1") == 1


def test_watchdog_is_fed_while_suspended_and_not_by_a_keeper_that_stands_still(probing, manager):
    start(probing, manager)
    probing.announced()
    prober = probing.pid("anyprobe")
    kill(prober, signal.SIGTSTP)
    wait_until(lambda: process_state(prober) == "T", 5, "it is stopped")
    fed = manager.count("WATCHDOG=1")
    wait_until(lambda: manager.count("WATCHDOG=1") >= fed + 3, 5, "the watchdog is fed")
    keeper = probing.keeper()
    kill(keeper, signal.SIGSTOP)
    wait_until(lambda: process_state(keeper) == "T", 5, "the keeper is stopped")
    fed = manager.count("WATCHDOG=1")
    time.sleep(1)
    assert manager.count("WATCHDOG=1") == fed
    kill(keeper, signal.SIGCONT)
