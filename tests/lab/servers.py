"""The servers that are probed: started in a node's namespace, killed, hung, dumping a core, or replaced by a socket
that somebody else holds open. All are ended by their ids."""

import contextlib
import fcntl
import os
import re
import select
import signal
import socket
import time
from pathlib import Path

from netns import PATIENCE, Timeout, kill, process_state, wait_until


def _stat(pid):
    """(parent, process group, session) of a process; None when it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return tuple(map(int, text.rpartition(")")[2].split()[1:4]))


def family_of(leader):
    """The ids of a process, of what it forked, and of what is left of its session: living ones, oldest first."""
    about = {int(entry.name): _stat(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()}
    found = {leader}
    while True:
        more = {pid for pid, numbers in about.items() if numbers and found & set(numbers)} | found
        if more == found:
            return [pid for pid in sorted(found) if process_state(pid) not in (None, "Z")]
        found = more


class Server:
    """A real server on a node, in the foreground, with a folder of its own for its configuration and its log.

    `command` are its words, `files` maps a name in the folder to its text, `serves` is called until it is true.
    `{folder}` in a word is replaced by the folder; in `files` nothing is, so make() them of `server.folder`.
    The process leads a session of its own, so that whatever it forks is found and ended with it."""

    def __init__(self, node, folder, name, *command, serves, files=None, patience=15):
        self.node = node
        self.name = name
        self.folder = folder / name
        self.folder.mkdir(mode=0o755)
        self.files = dict(files or {})
        self.process = None
        self._command = command
        self._serves = serves
        self._patience = patience
        self._log = self.folder / "output.log"
        self._begin = 0

    @property
    def pid(self):
        return self.process.pid

    def log(self):
        """What it wrote to its standard streams since it was last started."""
        return self._log.read_bytes()[self._begin:].decode(errors="replace") if self._log.exists() else ""

    def start(self, **files):
        """Returns once it serves. Files given here (or by `files`) replace those of the same name."""
        assert not self.processes(), f"{self.name} runs already"
        self.write(files)
        self._begin = self._log.stat().st_size if self._log.exists() else 0
        words = [str(word).replace("{folder}", str(self.folder)) for word in self._command]
        self.process = self.node.namespace.spawn(*words, log=self._log, start_new_session=True, cwd=self.folder)
        self.wait_serves()
        return self

    def write(self, files):
        self.files.update(files)
        for name, text in self.files.items():
            (self.folder / name).write_text(text)

    def wait_serves(self):
        def serves():
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended ({self.process.returncode}):\n{self.log()[-4000:]}")
            return self._serves()
        try:
            wait_until(serves, self._patience, f"{self.name} serves", every=0.02)
        except Timeout as error:
            raise Timeout(f"{error}\n{self.log()[-4000:]}") from None

    def processes(self):
        """The ids of all that is left of it."""
        return family_of(self.process.pid) if self.process else []

    def send(self, number):
        """To it and to all that it forked. Returns time.monotonic() of it."""
        at = time.monotonic()
        for pid in self.processes():
            kill(pid, number)
        return at

    def kill(self, number=signal.SIGKILL, timeout=PATIENCE):
        """Returns time.monotonic() of the kill, once all of it is gone: its sockets are closed then."""
        at = time.monotonic()
        if not self.process:
            return at
        seen = set()

        def gone():
            # Orphans that lead a session of their own are only found while their parent lives.
            seen.update(self.processes())
            for pid in seen:
                kill(pid, number)
            self.process.poll()
            # What was forked while this went on: a master puts another in the place of the worker that it lost.
            seen.update(self.processes())
            return all(process_state(pid) in (None, "Z") for pid in seen)
        wait_until(gone, timeout, f"{self.name} is gone")
        self.process.wait(timeout)
        self.process = None
        return at

    def stop(self):
        """Hangs: its sockets stay open and nothing answers. Returns time.monotonic() of it."""
        at = time.monotonic()

        def stopped():
            # Each time anew: one that was not stopped yet may have forked another, which the first round missed.
            running = [pid for pid in self.processes() if process_state(pid) not in ("T", "Z", None)]
            for pid in running:
                kill(pid, signal.SIGSTOP)
            return not running
        wait_until(stopped, PATIENCE, f"{self.name} is stopped")
        return at

    def cont(self):
        return self.send(signal.SIGCONT)

    def restart(self, **files):
        self.kill()
        return self.start(**files)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.kill()


def listens(namespace, kind, port):
    """Whether a TCP listener or a UDP socket has this port, of any address."""
    # By the kernel's own choice: with tens of thousands of connections in TIME-WAIT, /proc/net/tcp takes half a minute.
    return bool(namespace.run("ss", "-Hln", f"--{kind}", "sport", "=", f":{port}").stdout.strip())


class HeldSocket:
    """Sockets on the ports of a server that is dead, as an inetd or systemd holds them: TCP connections are
    completed by the kernel and datagrams are taken, and nothing is ever answered.

    Each endpoint is "udp:127.0.0.1:1812" or "tcp:[::1]:1080". Open from the call on; a context manager."""

    def __init__(self, namespace, *endpoints):
        self._sockets = []
        self._connections = []
        with namespace.entered(), contextlib.ExitStack() as stack:
            for endpoint in endpoints:
                kind, host, port = re.fullmatch(r"(tcp|udp):\[?([0-9a-f.:]+?)\]?:(\d+)", endpoint).groups()
                family = socket.AF_INET6 if ":" in host else socket.AF_INET
                one = stack.enter_context(
                    socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM))
                one.setblocking(False)
                if kind == "tcp":
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                one.bind((host, int(port)))
                if kind == "tcp":
                    one.listen(64)
                self._sockets.append(one)
            stack.pop_all()

    def wait_asked(self, count=3, timeout=10):
        """Until so many questions (connections, datagrams) came. They are taken off the queue and never
        answered, which looks from outside as if they were still in it."""
        deadline = time.monotonic() + timeout
        while count > 0:
            ready, _, _ = select.select(self._sockets, [], [], max(0, deadline - time.monotonic()))
            if not ready:
                raise Timeout(f"nobody asked the held sockets: {count} more expected within {timeout} s")
            for one in ready:
                if one.type == socket.SOCK_STREAM:
                    self._connections.append(one.accept()[0])
                else:
                    one.recv(65536)
                count -= 1

    def close(self):
        for one in self._connections + self._sockets:
            one.close()
        self._connections, self._sockets = [], []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


_CORE_PATTERN = Path("/proc/sys/kernel/core_pattern")
_CORE_FOLDER = Path("/tmp/anyprobe-slow-core")
# One argument, the process that dumps: anybody else's core is dropped at once.
_READER = """#!/bin/sh
if [ -e {folder}/$1.wanted ]; then
  : >{folder}/$1.begun
  while [ -e {folder}/$1.wanted ]; do sleep 0.02; done
fi
exec cat >/dev/null
"""


def may_slow_cores():
    """Not where /proc/sys is read-only, as in most containers."""
    return os.access(_CORE_PATTERN, os.W_OK)


@contextlib.contextmanager
def slow_core(server):
    """The server (or a Popen) crashes, and its core is written to a reader that reads nothing until the context ends:
    so long its sockets are open, with nothing behind them that could be continued. Then it is gone.

    A process that changed its user dumps no core unless it asks for it (PR_SET_DUMPABLE). The kernel's core_pattern is
    one for the whole machine: one test at a time has it, and puts it back. Where it cannot be set, a process that is
    stopped and never continued stands in for it."""
    if not may_slow_cores():
        kill(server.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            server.kill()
        return
    _CORE_FOLDER.mkdir(mode=0o755, exist_ok=True)
    with open(_CORE_FOLDER / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        before, reader = _CORE_FOLDER / "pattern", _CORE_FOLDER / "reader"
        if str(reader) not in _CORE_PATTERN.read_text():  # else a test was killed before it could put it back
            before.write_text(_CORE_PATTERN.read_text())
        reader.write_text(_READER.format(folder=_CORE_FOLDER))
        reader.chmod(0o755)
        wanted = _CORE_FOLDER / f"{server.pid}.wanted"
        begun = wanted.with_suffix(".begun")
        wanted.touch()
        try:
            _CORE_PATTERN.write_text(f"|{reader} %p")
            kill(server.pid, signal.SIGSEGV)
            wait_until(begun.exists, PATIENCE, f"process {server.pid} dumps its core")
            yield
        finally:
            _CORE_PATTERN.write_text(before.read_text())
            wanted.unlink()
            begun.unlink(missing_ok=True)
            server.kill()


def fails_and_recovers(probing, server, *endpoints, **expected):
    """What every probe must notice of its server, the route on the router each time: killed (at once), hung (at
    the deadline), dead behind sockets that somebody holds open (`endpoints`, as of HeldSocket); and each time that
    it is well again. The server serves and the probe runs already. `expected`: as of Probing.announced()."""
    def announced():
        probing.announced(**expected)

    def withdrawn():
        probing.withdrawn(**expected)
        assert not probing.node.addresses()

    announced()
    server.kill()
    withdrawn()
    server.start()
    announced()
    server.stop()
    withdrawn()
    server.cont()
    announced()
    server.kill()
    with HeldSocket(probing.node.namespace, *endpoints) as held:
        withdrawn()
        changes = len(probing.lab.routes.changes)
        # The first ones may be those that were asked before the withdrawal.
        held.wait_asked(2 * len(endpoints))
        held.wait_asked(2 * len(endpoints))
        assert not probing.node.addresses() and len(probing.lab.routes.changes) == changes
    server.start()
    announced()
