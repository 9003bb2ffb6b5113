"""Many small services in a few processes: TCP listeners on loopback that greet whoever connects, each of which can die,
hang or go half dead by itself, and each process with all of its own.

As a program: crowd.py FIRST-PORT COUNT, told "NUMBER HOW" a line on its standard input, and answers each line."""

import contextlib
import selectors
import signal
import socket
import subprocess
import sys

from netns import PATIENCE, end, kill, wait_until
from servers import listens

GREETING = "well"
HOST = "127.0.0.1"
# How one may be: well, gone (refuses), hung (the kernel connects, nobody is there), mute (it accepts and says nothing),
# mad (says something else).
WELL, WAYS_TO_FAIL = "well", ("gone", "hung", "mute", "mad")


class Crowd:
    """`count` services from `first_port` on, in `processes` processes of equal size (groups). All are well at first."""

    def __init__(self, namespace, first_port, count, processes):
        self._namespace = namespace
        self._first = first_port
        self._each = count // processes
        self.count = self._each * processes
        self._processes = [None] * processes

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            stack.callback(self.close)
            for group in range(len(self._processes)):
                self.start(group)
            stack.pop_all()
        return self

    def __exit__(self, *_):
        self.close()

    def port(self, number):
        return self._first + number

    def group_of(self, number):
        return number // self._each

    def members(self, group):
        return range(group * self._each, (group + 1) * self._each)

    def start(self, group):
        """All of it is well when this returns."""
        first = self.port(group * self._each)
        self._processes[group] = subprocess.Popen(
            self._namespace.command([sys.executable, "-B", __file__, first, self._each]), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE)
        wait_until(lambda: listens(self._namespace, "tcp", first + self._each - 1), PATIENCE, "the services listen")

    def become(self, number, how):
        """It is so when this returns. Not while its process is stopped."""
        process = self._processes[self.group_of(number)]
        process.stdin.write(f"{number % self._each} {how}\n".encode())
        process.stdin.flush()
        assert process.stdout.readline(), "a process of the services ended"

    def kill(self, group):
        process = self._processes[group]
        process.kill()
        process.wait(PATIENCE)
        for pipe in (process.stdin, process.stdout):
            pipe.close()

    def stop(self, group):
        kill(self._processes[group].pid, signal.SIGSTOP)

    def cont(self, group):
        kill(self._processes[group].pid, signal.SIGCONT)

    def close(self):
        for process in filter(None, self._processes):
            end(process)


class _Service:
    def __init__(self, port, selector):
        self._port = port
        self._selector = selector
        self._listener = None
        self._kept = []  # connections that nothing is said on
        self._how = None

    def become(self, how):
        while self._kept:
            self._kept.pop().close()
        if self._listener and self._listener in self._selector.get_map():
            self._selector.unregister(self._listener)
        self._how = how
        if how == "gone":
            if self._listener:
                self._listener.close()
            self._listener = None
            return
        if not self._listener:
            self._listener = socket.create_server((HOST, self._port), backlog=128)
            self._listener.setblocking(False)
        if how != "hung":
            self._selector.register(self._listener, selectors.EVENT_READ, self)

    def accept(self):
        if not self._listener:
            return  # it went in the same round
        try:
            connection = self._listener.accept()[0]
        except OSError:
            return  # whoever it was went away again
        if self._how == "mute":
            self._kept = self._kept[-20:] + [connection]
            return
        with contextlib.suppress(OSError):
            connection.send(GREETING.encode() if self._how == WELL else b"oops")
        connection.close()


def main(first, count):
    selector = selectors.DefaultSelector()
    services = [_Service(first + i, selector) for i in range(count)]
    for service in services:
        service.become(WELL)
    selector.register(sys.stdin.buffer, selectors.EVENT_READ, None)
    while True:
        for key, _ in selector.select():
            if key.data:
                key.data.accept()
                continue
            line = sys.stdin.buffer.raw.readline().split()
            if not line:
                return
            services[int(line[0])].become(line[1].decode())
            print("done", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
