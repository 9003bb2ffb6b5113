"""A client that asks the service address at a steady rate and notes who answered, and a question asked once."""

import collections
import select
import socket
import struct
import threading
import time

A, TXT, SOA, AAAA = 1, 16, 6, 28
_SO_RCVBUFFORCE = 33  # asm-generic/socket.h


def question(number, name, kind):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.rstrip(".").split(".") if label)
    return struct.pack("!6H", number, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", kind, 1)


def last_address(reply):
    """The IPv4 address that ends a reply whose only answer is an A record; None for any other."""
    if len(reply) < 16 or struct.unpack_from("!H", reply, 6)[0] < 1:
        return None
    return socket.inet_ntoa(reply[-4:])


Sent = collections.namedtuple("Sent", "at answered by")


class SteadyClient:
    """Asks `server` for the A record of `name` once each `interval` seconds, from inside a namespace. The
    answer is the address of the node itself, so it tells who answered. `on_change(at, by)` is called from the
    client's thread whenever another node answers than before."""

    def __init__(self, namespace, server, name, interval=0.01, on_change=None):
        self._family = socket.AF_INET6 if ":" in server else socket.AF_INET
        self._server = (server, 53)
        self._name = name
        self._interval = interval
        self._on_change = on_change
        self._by = None
        with namespace.entered():
            self._socket = socket.socket(self._family, socket.SOCK_DGRAM)
        # Nothing is lost here while the machine stands still.
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 4 << 20)
        self._socket.setblocking(False)
        self._sent = []       # time of each question, by its number
        self._answers = {}    # number: (time, who)
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        due = time.monotonic()
        while not self._stopping.is_set():
            now = time.monotonic()
            if now >= due:
                self._ask(now)
                due = max(due + self._interval, now)
            if select.select([self._socket], [], [], max(0.0, due - time.monotonic()))[0]:
                self._read()
        end = time.monotonic() + 0.3
        while time.monotonic() < end:
            if select.select([self._socket], [], [], 0.05)[0]:
                self._read()

    def _ask(self, now):
        with self._lock:
            number = len(self._sent)
            self._sent.append(now)
        try:
            self._socket.sendto(question(number & 0xFFFF, self._name, A), self._server)
        except OSError:
            pass  # no route, or the ICMP error of an earlier question: it counts as lost

    def _read(self):
        try:
            reply = self._socket.recv(4096)
        except OSError:
            return
        now = time.monotonic()
        by = last_address(reply)
        if by is None:
            return
        with self._lock:
            low = struct.unpack_from("!H", reply)[0]
            number = len(self._sent) - 1 - ((len(self._sent) - 1 - low) & 0xFFFF)
            if number >= 0:
                self._answers.setdefault(number, (now, by))
        if by != self._by:
            self._by = by
            if self._on_change:
                self._on_change(now, by)

    def log(self):
        """Every question so far in order; `answered` and `by` are None where nothing came back (yet)."""
        with self._lock:
            return [Sent(at, *self._answers.get(number, (None, None))) for number, at in enumerate(self._sent)]

    def last_answer(self):
        """(time, who) of the latest answer, or None."""
        with self._lock:
            return max(self._answers.values(), default=None)

    def lost(self, since, until, patience=10):
        """How many questions of that time were never answered: who answers a later one has answered them, or never will."""
        deadline = time.monotonic() + patience
        while self.first_answer(until) is None and time.monotonic() < deadline:
            time.sleep(0.02)
        at = [one.at - since for one in self.log() if since <= one.at <= until and one.answered is None]
        if at:
            print(f"unanswered: {len(at)}, from {at[0]:.3f} to {at[-1]:.3f} s of {until - since:.3f}")
        return len(at)

    def first_answer(self, since, by=None):
        """When a question that was asked after `since` was first answered (by that node); None if not yet."""
        return min((one.answered for one in self.log()
                    if one.at >= since and one.answered and by in (None, one.by)), default=None)

    def close(self):
        self._stopping.set()
        self._thread.join(3)
        self._socket.close()


def ask(namespace, server, name, kind=A, timeout=1.0, tcp=False):
    """One question; the raw reply or None."""
    query = question(1, name, kind)
    with namespace.entered():
        sock = socket.socket(socket.AF_INET6 if ":" in server else socket.AF_INET,
                             socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)
    with sock:
        sock.settimeout(timeout)
        try:
            sock.connect((server, 53))
            sock.send(struct.pack("!H", len(query)) + query if tcp else query)
            return sock.recv(4096)[2 if tcp else 0:]
        except OSError:
            return None
