"""A namespace of its own with one anyprobe that announces very much, and what switches and clocks it. Times are those
of time.monotonic(), in seconds."""

import contextlib
import ipaddress
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/lab"))

import netns  # noqa: E402 (found by the line above)
from lab import BUILD  # noqa: E402
from netns import PATIENCE, Namespace, end, kill, wait_until  # noqa: E402

SOURCE = Path(__file__).resolve().parent / "netlink.cpp"
PORT = 8053
GREETING = "well"
_FIRST = {4: ipaddress.ip_address("198.18.0.1"), 6: ipaddress.ip_address("2001:db8::1")}


def addresses(family, count):
    """As netlink.cpp counts them, with the length of their prefix."""
    return [f"{_FIRST[family] + i}/{32 if family == 4 else 128}" for i in range(count)]


def cpu_seconds(pid):
    """User and system, of all its threads: from the scheduler, since a clock tick is 10 ms."""
    return sum(int((task / "schedstat").read_text().split()[0]) for task in Path(f"/proc/{pid}/task").iterdir()) / 1e9


class Switch:
    """A TCP service that greets, or says something else, and knows when it first did what it was told last."""

    def __init__(self, namespace, port=PORT, host="127.0.0.1"):
        self._well, self._since = False, None
        with namespace.entered():
            self._listener = socket.create_server((host, port), backlog=1024)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def become(self, well):
        self._well, self._since = well, None

    def answered(self):
        """When it first answered so."""
        return wait_until(lambda: self._since, PATIENCE, "the service is asked", every=0.001)

    def _serve(self):
        while True:
            try:
                connection = self._listener.accept()[0]
            except OSError:
                return
            well, now = self._well, time.monotonic()
            with contextlib.suppress(OSError):
                connection.sendall(GREETING.encode() if well else b"oops")
            connection.close()
            if well == self._well:
                self._since = self._since or now

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(2)


class Watch:
    """Tells when all of the addresses have come, or gone; of none, each time that one does."""

    def __init__(self, stage, count=0):
        self._process = stage.tool("watch", count)
        self._process.stdout.readline()

    def wait(self, what):
        """(when the first of them was "in" or "out", when the last was)"""
        word = None
        while word != what:
            word, first, last = self._process.stdout.readline().decode().split()
        return int(first) / 1e9, int(last) / 1e9

    def flush(self):
        """How many lines there are that nobody has waited for."""
        count = 0
        while select.select([self._process.stdout], [], [], 0)[0]:
            self._process.stdout.readline()
            count += 1
        return count

    def close(self):
        end(self._process)
        for pipe in (self._process.stdin, self._process.stdout):
            pipe.close()


class Stage:
    """As a context manager; what it started is ended with it."""

    def __init__(self, namespace=None):
        self.namespace = namespace
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        if not (BUILD / "anyprobe").exists():
            sys.exit(f"{BUILD}/anyprobe is not there: build first, or say where by ANYPROBE_BUILD")
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda got, _: sys.exit(128 + got))
        with contextlib.ExitStack() as stack:
            self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="anyprobe-bench-")))
            self.folder.chmod(0o755)
            (self.folder / "run").mkdir()
            self.log = self.folder / "anyprobe.log"
            if self.namespace is None:
                netns.remove_leftovers()
                self.namespace = Namespace(f"ap{os.getpid()}-1-bench")
                stack.callback(self.namespace.close)
                self.namespace.ip("link", "set", "lo", "up")
            self._tool = self.folder / "netlink"
            subprocess.run(["g++", "-std=c++20", "-O2", "-o", self._tool, SOURCE], check=True)
            self._daemon = None
            stack.callback(self.stop)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self._stack.close()

    def tool(self, *words):
        """netlink.cpp; its output is read as it comes."""
        return subprocess.Popen(self.namespace.command([self._tool, *words]), stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, bufsize=0)

    def write(self, services, **more):
        path = self.folder / "anyprobe.json"
        # Of a line for each address the log would be the bench's subject.
        path.write_text(json.dumps({"log": {"level": "warning"}, "services": services, **more}))
        return path

    def address_file(self, prefixes, name="addresses"):
        path = self.folder / name
        path.write_text("".join(f"{prefix}\n" for prefix in prefixes))
        return str(path)

    def start(self):
        """Of what was written; returns when it is at work."""
        self._daemon = self.namespace.spawn(BUILD / "anyprobe", "run", "--run-dir", self.folder / "run", "--config",
                                            self.folder / "anyprobe.json", log=self.log)
        wait_until(lambda: self._daemon.poll() is not None or self.prober(), PATIENCE, "anyprobe starts")
        if self._daemon.poll() is not None:
            sys.exit(self.log.read_text())

    def prober(self):
        found = self.namespace.named("anyprobe")
        return found[0] if found else None

    def keeper(self):
        found = self.namespace.named("anyprobe-keeper")
        return found[0] if found else None

    def cpu(self):
        """CPU seconds of prober and keeper."""
        return cpu_seconds(self.prober()), cpu_seconds(self.keeper())

    def stop(self):
        if self._daemon and self._daemon.poll() is None:
            kill(self.keeper() or self._daemon.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._daemon.wait(PATIENCE)
        self._daemon = None
