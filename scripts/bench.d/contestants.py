"""Who checks, once a second each of so many services: ours, the floor beneath it, and what others use."""

import hashlib
import hmac
import ipaddress
import json
import os
import sys
from pathlib import Path

from arena import DOMAIN, FIRST, HOST, LISTEN, PORTS
from radius import SECRET

OLD_LOOP = Path(__file__).resolve().parent / "one-query-a-second"
_TOKEN = "0123456789abcdef" * 2


def host_of(number):
    return str(ipaddress.ip_address(FIRST) + number)


def service_address(number):
    return f"2001:db8:a::{number + 1:x}"


def dns_question(name):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return bytes.fromhex("002a01000001000000000000") + labels + bytes.fromhex("0000010001")


class Contestant:
    """`start` begins it in an arena and returns a Popen; the process leads a session of its own."""

    name = ""
    kinds = ()
    most = None  # how many services it can be asked to check

    def transport(self, kind):
        return "tcp" if kind in ("tcp", "socks") else "udp"

    def ready(self, arena, count):
        return True

    def start(self, arena, count):
        raise NotImplementedError

    def spawn(self, arena, *words, **options):
        return arena.namespace.spawn(*words, log=arena.folder / "checker.log", start_new_session=True, **options)

    def said(self, arena):
        return (arena.folder / "checker.log").read_text(errors="replace")


class Anyprobe(Contestant):
    kinds = tuple(PORTS)

    def __init__(self, build, dry=False, name="anyprobe"):
        self.name = f"{name} --dry-run" if dry else name
        self._build = build
        self.dry = dry

    @staticmethod
    def probe(kind, number):
        return {"dns": {"type": "dns", "server": HOST, "query": f"s{number:05}.{DOMAIN}", "record": "A"},
                "tcp": {"type": "tcp", "host": host_of(number), "ports": [PORTS["tcp"]]},
                "radius": {"type": "radius", "server": HOST, "secret": SECRET},
                "syslog": {"type": "syslog", "send": f"{HOST}:{PORTS['syslog']}", "listen": f"{HOST}:{LISTEN}"},
                "socks": {"type": "socks", "server": host_of(number)}}[kind]

    def configuration(self, kind, count):
        return {"defaults": {"interval": "1s", "timeout": "800ms"}, "lsa_spacing": "0s",
                # A line for each address would be the bench's subject.
                "log": {"level": "warning"}, "services": [
                    {"name": f"s{i}", "probe": self.probe(kind, i),
                     "advertise": [{"address": service_address(i) + "/128"}]} for i in range(count)]}

    def start(self, arena, count, before=()):
        """`before`: whose arguments the program and its own are."""
        path = arena.folder / "anyprobe.json"
        path.write_text(json.dumps(self.configuration(arena.kind, count)))
        run = arena.folder / "run"
        run.mkdir()
        return self.spawn(arena, *before, self._build / "anyprobe", "run", "--config", path, "--run-dir", run,
                          *(["--dry-run"] if self.dry else []))

    def ready(self, arena, count):
        return self.dry or arena.service_addresses() >= count


class Watched(Anyprobe):
    """Somebody has the page open, and Prometheus comes by."""

    def __init__(self, build):
        super().__init__(build, name="anyprobe, watched")
        self._asks = None

    def configuration(self, kind, count):
        return super().configuration(kind, count) | {"metrics": {"listen": "127.0.0.1:9477"}}

    def start(self, arena, count, before=()):
        self._asks = None
        return super().start(arena, count, before)

    def ready(self, arena, count):
        if super().ready(arena, count) and self._asks is None:
            self._asks = [
                arena.namespace.spawn("curl", "-sN", *more, f"http://127.0.0.1:9477/{path}", log=arena.folder / name)
                for path, name, more in (("events", "events", ()), ("metrics?[1-1000]", "scrapes", ("--rate", "12/m")))]
        return self._asks is not None


class Floor(Contestant):
    def __init__(self, kept):
        self._kept = "kept" if kept else "fresh"
        self.name = f"floor, {self._kept} sockets"
        self.kinds = ("dns", "radius", "syslog") if kept else ("dns", "tcp", "socks")

    def start(self, arena, count):
        kind = arena.kind
        words = [arena.tools / "floor", self.transport(kind), self._kept,
                 host_of(0) if kind in ("tcp", "socks") else HOST, PORTS[kind], count]
        more = {"dns": lambda: [dns_question(f"s00000.{DOMAIN}").hex(), 14],
                "tcp": lambda: [],
                "radius": lambda: [self._status_server().hex()],
                "syslog": lambda: [f"<135>Nov 20 22:14:15 {HOST} syslog-probe: test anyprobe-{_TOKEN}\n".encode().hex(),
                                   0, LISTEN],
                "socks": lambda: ["050100"]}[kind]
        return self.spawn(arena, *words, *more())

    @staticmethod
    def _status_server():
        """RFC 5997: signed once for all, so that the floor is the asking alone."""
        head = bytes.fromhex("0c010026") + bytes(range(16)) + b"\x50\x12"
        return head + hmac.digest(SECRET.encode(), head + bytes(16), hashlib.md5)


class Haproxy(Contestant):
    name = "HAProxy 2.6"
    kinds = ("dns", "tcp")
    _GLOBAL = """
global
  maxconn 100
  # Cheaper than the thread for each core that it comes with.
  nbthread 1
  stats socket {folder}/haproxy.sock
defaults
  mode tcp
  timeout connect 800ms
  timeout check 800ms
  timeout client 1s
  timeout server 1s
backend services
  default-server inter 1s rise 2 fall 3
"""

    def transport(self, kind):
        return "tcp"

    def start(self, arena, count):
        text = self._GLOBAL.format(folder=arena.folder)
        # Only the counting one is at every address.
        hosts = [HOST if arena.kind == "dns" and arena.server == "unbound" else host_of(i) for i in range(count)]
        if arena.kind == "dns":
            question = dns_question(f"s00000.{DOMAIN}")
            text += ("  option tcp-check\n"
                     f"  tcp-check send-binary {len(question):04x}{question.hex()}\n"
                     f"  tcp-check expect binary {question[:2].hex()}8580\n")
        text += "".join(f"  server s{i} {host}:{PORTS[arena.kind]} check\n" for i, host in enumerate(hosts))
        path = arena.folder / "haproxy.cfg"
        path.write_text(text)
        return self.spawn(arena, "/usr/sbin/haproxy", "-db", "-f", path)


class Keepalived(Contestant):
    """Where the kernel has no ip_vs, feigned_ipvs.cpp lets it start its checkers all the same."""

    _real = Path("/proc/net/ip_vs").exists()
    name = "keepalived 2.2" if _real else "keepalived 2.2, ip_vs feigned"
    kinds = ("dns", "tcp")
    _CHECK = {"dns": "DNS_CHECK {{\n      type A\n      name s{0:05}.example.org\n      connect_timeout 1\n    }}",
              "tcp": "TCP_CHECK {{\n      connect_timeout 1\n    }}"}

    def start(self, arena, count):
        kind = arena.kind
        text = "global_defs {\n  checker_log_all_failures false\n}\n"
        # A virtual server of its own for each, so that none waits for another.
        for i in range(count):
            host = HOST if kind == "dns" else host_of(i)
            text += (f"virtual_server fwmark {i + 1} {{\n  delay_loop 1\n  lvs_sched rr\n  lvs_method DR\n"
                     f"  protocol {'UDP' if kind == 'dns' else 'TCP'}\n  real_server {host} {PORTS[kind]} {{\n"
                     f"    {self._CHECK[kind].format(i)}\n  }}\n}}\n")
        path = arena.folder / "keepalived.conf"
        path.write_text(text)
        more = {} if self._real else {"env": {**os.environ, "LD_PRELOAD": str(arena.tools / "feigned_ipvs.so")}}
        return self.spawn(arena, "/usr/sbin/keepalived", "--check", "--dont-fork", "--log-console", "--no-syslog",
                          "--use-file", path, "--pid", arena.folder / "keepalived.pid", "--checkers_pid",
                          arena.folder / "checkers.pid", **more)


class _Many(Contestant):
    """A process for each service, under one that only waits."""

    kinds = ("dns",)

    def one(self, number):
        raise NotImplementedError

    def start(self, arena, count):
        path = arena.folder / "all.json"
        path.write_text(json.dumps([list(map(str, self.one(i))) for i in range(count)]))
        starter = ("import json, subprocess, sys\n"
                   "all = [subprocess.Popen(one, stdout=subprocess.DEVNULL) for one in json.load(open(sys.argv[1]))]\n"
                   "[one.wait() for one in all]\n")
        return self.spawn(arena, "/usr/bin/python3", "-c", starter, path)


class Exabgp(_Many):
    name = "exabgp healthcheck, dig"
    most = 10

    def one(self, number):
        return (sys.executable, "-m", "exabgp", "healthcheck", "--no-ack", "--no-syslog", "--interval", "1",
                "--fast-interval", "1", "--rise", "2", "--fall", "3", "--ip", f"192.0.2.{number + 1}/32", "--command",
                f"dig +time=1 +tries=1 @{HOST} s{number:05}.{DOMAIN}")


class ShellLoop(_Many):
    name = "shell loop, dig"
    most = 10

    def one(self, number):
        return (OLD_LOOP, f"192.0.2.{number + 1}/32")
