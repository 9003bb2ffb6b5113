"""Where checkers are compared: for each sample a network namespace of its own with one server and one checker, whose
CPU time, memory, count of checks and punctuality are taken over some seconds."""

import contextlib
import itertools
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BENCH = Path(__file__).resolve().parent
MEMORY_AFTER = 15  # seconds from the start: what only starting takes is not counted
sys.path.insert(0, str(BENCH.parents[1] / "tests/lab"))

import netns  # noqa: E402 (found by the line above)
import radius  # noqa: E402
from lab import BUILD  # noqa: E402
from netns import PATIENCE, Namespace, process_name, wait_until  # noqa: E402
from servers import Server, family_of, listens  # noqa: E402

MANUAL = BENCH.parents[1] / "scripts/manual"
# Where each is asked; of TCP and SOCKS each service has an address of its own from the first on, else all have one.
PORTS = {"dns": 53, "tcp": 7007, "radius": 18120, "syslog": 5514, "socks": 1080}
LISTEN = 5515
HOST, FIRST = "127.0.0.1", "127.1.0.0"
DOMAIN = "example.org"
# The kernel's counters, which need nobody's help: (its line, its field, how many of them a check is). HAProxy resets a
# connection before its handshake is over: the server never hears of it.
_COUNTERS = {"udp": ("Udp", "InDatagrams", 2), "tcp": ("Tcp", "ActiveOpens", 1)}

_UNBOUND = """
server:
  interface: 127.0.0.1
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: "{folder}/unbound.pid"
  logfile: ""
  use-syslog: no
  do-daemonize: no
  num-threads: 1
  so-rcvbuf: 8m
  so-sndbuf: 8m
  outgoing-range: 8192
  num-queries-per-thread: 4096
  incoming-num-tcp: 4096
  module-config: "iterator"
  local-zone: "." static
  local-data: ". 3600 IN SOA ns.example.org. hostmaster.example.org. 1 3600 900 604800 3600"
  local-zone: "example.org." redirect
  local-data: "example.org. 60 IN A 198.51.100.80"
remote-control:
  control-enable: no
"""


def more_descriptors(count):
    """For this process and what it starts, as far as it may."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    for most in (max(count, hard), hard):
        with contextlib.suppress(ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
            return


TOOLS = {"floor": "floor.cpp", "responder": "responder.cpp", "feigned_ipvs.so": "feigned_ipvs.cpp"}


def compile_tools(folder):
    for program, source in TOOLS.items():
        shared = ("-shared", "-fPIC") if program.endswith(".so") else ()
        subprocess.run(["g++", "-std=c++20", "-O2", *shared, "-o", Path(folder) / program, BENCH / source], check=True)


def cpu_seconds(pid):
    """User and system of all its threads, ended ones too, as exactly as the scheduler knows; 0 when it is gone."""
    with contextlib.suppress(OSError):
        return time.clock_gettime_ns((~pid << 3) | 2) / 1e9
    return 0


def reaped_seconds(pid):
    """What its children took that it has waited for; in clock ticks."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def consumed(leader):
    """Name to CPU seconds, of a process and all that it started."""
    found = {}
    for pid in family_of(leader):
        name = process_name(pid) or "gone"
        found[name] = found.get(name, 0) + cpu_seconds(pid) + reaped_seconds(pid)
    return found


def pss(leader):
    """MB of memory of a process and all that it started, what is shared divided among those who share it."""
    total = 0
    for pid in family_of(leader):
        with contextlib.suppress(OSError):
            total += int(re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)[1])
    return total / 1024


class Punctuality:
    """What responder.cpp says."""

    def __init__(self, line):
        self.asked, self.services, self.intervals, kept, worst, late = map(int, line.split())
        self.kept = kept / self.intervals if self.intervals else None
        self.worst_ms, self.late_ms = worst / 1e6, late / 1e6


class Arena:
    """One namespace with a folder and a server of `kind`; a context manager. `counting`: the bench's own responder also
    where there is a real server. What runs in it is killed in the end."""

    _numbers = itertools.count(1)

    def __init__(self, kind, tools, counting=False):
        self.kind = kind
        self.tools = tools
        self._counting = counting or kind in ("tcp", "socks")
        self._responder = None
        self._stack = contextlib.ExitStack()

    @property
    def server(self):
        if self._counting:
            return "a responder of the bench's own"
        return {"dns": "unbound", "radius": "FreeRADIUS", "syslog": "syslog-ng"}[self.kind]

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="anyprobe-bench-")))
            self.folder.chmod(0o755)
            self.namespace = Namespace(f"ap{os.getpid()}-{next(Arena._numbers)}-arena")
            stack.callback(self.namespace.close)
            self.namespace.ip("link", "set", "lo", "up")
            # None of the checkers shall run out of them: what is measured is not how they close.
            self.namespace.sysctl("net/ipv4/ip_local_port_range", "1024 65535")
            self._serve(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self._stack.close()

    def _serve(self, stack):
        port = PORTS[self.kind]
        if self._counting:
            self._responder = subprocess.Popen(
                self.namespace.command([self.tools / "responder", self.kind, port]), stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, text=True)
            stack.callback(self._responder.communicate)
            wait_until(lambda: listens(self.namespace, "tcp", port), PATIENCE, "the responder listens")
            return
        name, words, files, serves = getattr(self, "_" + self.kind)(port)
        server = Server(self, self.folder, name, *words, files=files, serves=serves)
        server.start()

    def _dns(self, port):
        folder = self.folder / "unbound"
        return ("unbound", ("/usr/sbin/unbound", "-d", "-c", "{folder}/unbound.conf"),
                {"unbound.conf": _UNBOUND.format(folder=folder)}, lambda: listens(self.namespace, "tcp", port))

    def _radius(self, _):
        folder = self.folder / "freeradius"
        return ("freeradius", ("/usr/sbin/freeradius", "-f", "-l", "stdout", "-d", "{folder}"),
                # It remembers for some seconds what it has answered, and drops what is above 256 by default.
                {"radiusd.conf": "max_requests = 100000\ncleanup_delay = 0\n" + radius.main(folder),
                 "status": radius.site()},
                lambda: radius.status(self.namespace) == 2)

    def _syslog(self, port):
        return ("syslog-ng", ("/usr/sbin/syslog-ng", "-F", "--no-caps", "-f", "{folder}/syslog-ng.conf",
                              "--persist-file", "{folder}/persist", "--pidfile", "{folder}/pid", "--control",
                              "{folder}/control"), {"syslog-ng.conf": (MANUAL / "syslog-ng.conf").read_text()},
                lambda: listens(self.namespace, "udp", port))

    def counter(self, transport):
        """How many checks the kernel saw until now."""
        name, field, each = _COUNTERS[transport]
        with self.namespace.entered():
            lines = [line.split() for line in Path("/proc/thread-self/net/snmp").read_text().splitlines()]
        head, values = (line for line in lines if line[0] == f"{name}:")
        return int(values[head.index(field)]) / each

    def service_addresses(self):
        """How many of 2001:db8::/32 are there."""
        with self.namespace.entered():
            return Path("/proc/thread-self/net/if_inet6").read_text().count("20010db8")

    def _tell(self, line):
        self._responder.stdin.write(line + "\n")
        self._responder.stdin.flush()
        return self._responder.stdout.readline()

    def sample(self, contestant, count, seconds, settle):
        """A dictionary of what `contestant` took for `count` services, one check a second each."""
        process, started = contestant.start(self, count), time.monotonic()
        transport = contestant.transport(self.kind)
        wait_until(lambda: process.poll() is not None or contestant.ready(self, count), 60, "it is at work", every=0.1)
        self._wait_steady(transport, count)
        time.sleep(settle)
        if process.poll() is not None:
            raise RuntimeError(f"ended with {process.returncode}: {contestant.said(self)[-2000:]}")
        if self._responder:
            self._tell("begin")
        began, before, checks = time.monotonic(), consumed(process.pid), self.counter(transport)
        time.sleep(seconds)
        after, checks, took = consumed(process.pid), self.counter(transport) - checks, time.monotonic() - began
        told = Punctuality(self._tell("end 1000000000")) if self._responder else None
        parts = {name: spent - before.get(name, 0) for name, spent in after.items()}
        if checks < 0.5 * min(count, 10) * seconds / 2:
            raise RuntimeError(f"made {checks:g} checks: {contestant.said(self)[-2000:]}")
        time.sleep(max(0, started + MEMORY_AFTER - time.monotonic()))
        return {"ms": 1000 * sum(parts.values()) / checks, "rate": checks / took, "pss_mb": pss(process.pid),
                "parts": {name: 1000 * spent / checks for name, spent in parts.items()}, "load": os.getloadavg()[0],
                "kept": told and told.kept, "worst_ms": told and told.worst_ms, "late_ms": told and told.late_ms}

    def _wait_steady(self, transport, count, patience=6):
        """Until it makes most of its checks, or will never."""
        deadline = time.monotonic() + patience
        before = self.counter(transport)
        while time.monotonic() < deadline:
            time.sleep(0.5)
            now = self.counter(transport)
            if now - before >= 0.4 * count:
                return
            before = now


def prepare():
    if not (BUILD / "anyprobe").exists():
        sys.exit(f"{BUILD}/anyprobe is not there: build first, or say where by ANYPROBE_BUILD")
    netns.remove_leftovers()
    more_descriptors(65536)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda got, _: sys.exit(128 + got))
