"""A TCP transfer that goes both ways at a steady pace: the client sends a record each millisecond, and the server
sends each back. It is complete when the last one has come back and the server has closed."""

import contextlib
import select
import socket
import threading
import time

RECORD = 64


class EchoServer:
    """Of both families on the wildcard address of a namespace, as most servers are."""

    def __init__(self, namespace, port):
        self.port = port
        self._sockets = []
        with namespace.entered():
            for family in (socket.AF_INET, socket.AF_INET6):
                listener = socket.socket(family)
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                listener.bind(("", port))
                listener.listen(8)
                self._sockets.append(listener)
                threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def _accept(self, listener):
        with contextlib.suppress(OSError):
            while True:
                connection = listener.accept()[0]
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._sockets.append(connection)
                threading.Thread(target=self._echo, args=(connection,), daemon=True).start()

    @staticmethod
    def _echo(connection):
        with contextlib.suppress(OSError):
            while True:
                data = connection.recv(65536)
                if not data:
                    break
                connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)

    def close(self):
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


class Transfer:
    """One connection from a namespace, begun at once. It says so many records, or without a number those until the one
    that is under way when last() is called."""

    def __init__(self, namespace, server, port, records):
        self._records = records
        self.came_back = 0   # octets
        self.complete = False
        self.error = None    # what ended it otherwise
        with namespace.entered():
            self._socket = socket.socket(socket.AF_INET6 if ":" in server else socket.AF_INET)
        self._socket.settimeout(10)
        self._socket.connect((server, port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setblocking(False)
        self._stopping = self._ends = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        try:
            self._exchange()
        except OSError as error:
            self.error = error

    def _exchange(self):
        sent, left, due, said_all = 0, b"", time.monotonic(), False
        expected = bytearray()
        while not self._stopping:
            now = time.monotonic()
            is_all = self._ends if self._records is None else sent == self._records
            if not is_all and now >= due:
                expected += self._record(sent)
                left += self._record(sent)
                sent, due = sent + 1, due + 0.001
            if left:
                with contextlib.suppress(BlockingIOError):
                    left = left[self._socket.send(left):]
            elif is_all and not said_all:
                self._socket.shutdown(socket.SHUT_WR)
                said_all = True
            if not select.select([self._socket], [], [], 0.001)[0]:
                continue
            data = self._socket.recv(65536)
            assert data == expected[self.came_back:self.came_back + len(data)]
            self.came_back += len(data)
            if not data:
                self.complete = self.came_back == len(expected)
                return

    @staticmethod
    def _record(number):
        return b"%0*d" % (RECORD, number)

    def last(self):
        self._ends = True

    @property
    def ended(self):
        return not self._thread.is_alive()

    def close(self):
        self._stopping = True
        self._thread.join(3)
        self._socket.close()
