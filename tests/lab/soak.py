"""The soak: many services in one daemon, each announced in one of the ways there are, while services, probers and
keepers are killed, hung and brought back at random. What was so is written into a Ledger (ledger.py), which tells in
the end whether anything was announced, or was not, that should not have been so."""

import heapq
import itertools
import json
import os
import random
import signal
import time

import crowd
import footprint
from crowd import WAYS_TO_FAIL, WELL, Crowd
from frr import permitted
from lab import BUILD
from ledger import Announcement, Ledger
from netns import PATIENCE, Timeout, kill, wait_until

LEASE = 3
INTERVAL, TIMEOUT, FALL = 1.0, 0.8, 2
DETECTION = INTERVAL * 1.1 + FALL * TIMEOUT  # asked again a tenth later, and silent each time
COUNT, GROUPS = 200, 4
FIRST_PORT = 20000
DEVICE = "device0"
PERMITTED = ("192.0.2.0/24 le 32", "2001:db8:ffff:a000::/64 le 128")

# Mean seconds from one to the next.
SERVICE_FAULTS, GROUP_FAULTS, PROBER_FAULTS, KEEPER_FAULTS = 0.25, 15, 9, 25


def announcements():
    """Each service has an address; some have a route, and some a link, too."""
    found = []
    for number in range(COUNT):
        kind, prefix = ("address", f"192.0.2.{1 + number // 2}/32") if number % 2 == 0 else \
            ("address", f"2001:db8:ffff:a000::1:{number:x}/128")
        found.append(Announcement(number, kind, prefix))
    found += [Announcement(10 * i, "route", f"192.0.2.{200 + i}/32") for i in range(5)]
    found += [Announcement(10 * i + 5, "route", f"2001:db8:ffff:a000::2:{i:x}/128") for i in range(5)]
    found += [Announcement(30 * i + 1, "link", f"192.0.2.{220 + i}/32", f"link{i}") for i in range(5)]
    return found


def advertise(announcement):
    if announcement.kind == "address":
        return {"address": announcement.prefix}
    if announcement.kind == "route":
        return {"route": announcement.prefix, "device": DEVICE}
    return {"link": announcement.interface}


class Soak:
    """A context manager: everything is announced when it has been entered. `say` is called with each thing done."""

    def __init__(self, lab, folder, seed, say=lambda _: None, patience=0.0):
        self.lab = lab
        self.node = lab.near
        self.folder = folder
        self.log = folder / "soak.log"
        self.done = {}
        self.announcements = announcements()
        self.ledger = Ledger(lab, self.announcements, LEASE, DETECTION, patience)
        self._random = random.Random(seed)
        self._say = say
        self._crowd = Crowd(self.node.namespace, FIRST_PORT, COUNT, GROUPS)
        self._due, self._numbers = [], itertools.count()
        self._how = [WELL] * COUNT
        self._closed = set()  # groups that are stopped or killed
        self._daemon_busy = False

    def __enter__(self):
        self._permitted = permitted(self.node, *PERMITTED)
        self._permitted.__enter__()
        for name in (DEVICE, *(one.interface for one in self.announcements if one.kind == "link")):
            self.node.namespace.ip("link", "add", name, "type", "veth", "peer", "name", f"{name}-far")
            self.node.namespace.ip("link", "set", f"{name}-far", "up")
        self.node.namespace.ip("link", "set", DEVICE, "up")
        for one in self.announcements:
            if one.kind == "link":
                self.node.namespace.sysctl(f"net/ipv6/conf/{one.interface}/keep_addr_on_down", 1)
                self.node.namespace.ip("addr", "add", one.prefix, "dev", one.interface)
        self.ledger.start()
        self._crowd.__enter__()
        self._write_configuration()
        self._start_daemon()
        self.wait_all(PATIENCE)
        return self

    def __exit__(self, *_):
        self._crowd.close()
        self.node.end_processes()
        self.ledger.close()
        self._permitted.__exit__(None, None, None)

    def _write_configuration(self):
        services = [{"name": f"s{number}", "probe": {"type": "tcp", "ports": [self._crowd.port(number)],
                                                     "expect": crowd.GREETING},
                     "advertise": [advertise(one) for one in self.announcements if one.number == number]}
                    for number in range(COUNT)]
        defaults = {"interval": f"{INTERVAL * 1000:.0f}ms", "timeout": f"{TIMEOUT * 1000:.0f}ms", "rise": 2,
                    "fall": FALL, "lease": f"{LEASE}s"}
        configuration = {"lsa_spacing": "0s", "defaults": defaults, "services": services}
        (self.folder / "soak.json").write_text(json.dumps(configuration))

    def _start_daemon(self):
        # A sanitizer that keeps what is freed lets memory grow for minutes.
        options = [os.environ.get("ASAN_OPTIONS", ""), "quarantine_size_mb=0", "thread_local_quarantine_size_kb=0"]
        environment = dict(os.environ, ASAN_OPTIONS=":".join(filter(None, options)))
        self._daemon = self.node.namespace.spawn(
            BUILD / "anyprobe", "run", "--run-dir", self.node.run_dir, "--log-format", "json",
            "--config", self.folder / "soak.json", log=self.log, cwd=self.folder, env=environment)

    def wait_all(self, timeout):
        try:
            wait_until(lambda: not self.ledger.missing(), timeout, "everything is announced", every=0.1)
        except Timeout as late:
            raise Timeout(f"{late}: lacks {self.ledger.missing()[:10]}") from None

    # What happens.

    def run(self, seconds, daemon_faults=True):
        """Faults at random for so long; then all is well again, and everything is announced."""
        end = time.monotonic() + seconds
        kinds = [(self._fail_service, SERVICE_FAULTS), (self._fail_group, GROUP_FAULTS)]
        if daemon_faults:
            kinds += [(self._fail_prober, PROBER_FAULTS), (self._fail_keeper, KEEPER_FAULTS)]
        for what, gap in kinds:
            self._again(what, gap)
        while self._due:
            at, _, what, gap = heapq.heappop(self._due)
            if gap and at > end:
                continue
            time.sleep(max(0.0, at - time.monotonic()))
            what()
            if gap:
                self._again(what, gap)
        self.wait_all(PATIENCE)

    def _again(self, what, gap):
        self._in(self._random.expovariate(1 / gap), what, gap)

    def _in(self, seconds, what, gap=None):
        heapq.heappush(self._due, (time.monotonic() + seconds, next(self._numbers), what, gap))

    def _count(self, what):
        self.done[what] = self.done.get(what, 0) + 1
        self._say(what)

    def _become(self, number, how):
        with self.ledger.changing([number], how == WELL):
            self._crowd.become(number, how)
        self._how[number] = how

    def _fail_service(self):
        number = self._random.randrange(COUNT)
        how, seconds = self._random.choice(WAYS_TO_FAIL), self._random.uniform(0.2, 3 * LEASE)
        if self._how[number] != WELL or self._crowd.group_of(number) in self._closed:
            return
        self._count(f"service {how}")
        self._become(number, how)

        def recover():
            if self._crowd.group_of(number) in self._closed:
                self._in(1, recover)
            elif self._how[number] == how:
                self._become(number, WELL)
        self._in(seconds, recover)

    def _fail_group(self):
        group, stops, seconds = self._random.randrange(GROUPS), self._random.random() < 0.5, self._random.uniform(1, 7)
        if group in self._closed:
            return
        self._count("50 services stopped" if stops else "50 services killed")
        self._closed.add(group)
        members = list(self._crowd.members(group))
        well = [number for number in members if self._how[number] == WELL]
        with self.ledger.changing(well, False):
            (self._crowd.stop if stops else self._crowd.kill)(group)

        def recover():
            back = well if stops else members
            with self.ledger.changing(back, True):
                (self._crowd.cont if stops else self._crowd.start)(group)
            for number in back:
                self._how[number] = WELL
            self._closed.discard(group)
        self._in(seconds, recover)

    def _fail_prober(self):
        if self._daemon_busy:
            return
        number = self._random.choice((signal.SIGKILL, signal.SIGSTOP, signal.SIGABRT))
        old = set(self.node.probers("anyprobe"))
        self._count(f"prober {number.name}")
        self._daemon_busy = True
        self.ledger.prober_lost()
        for pid in old:
            kill(pid, number)
        self._in(0.1, lambda: self._await_prober(old))

    def _last_words(self):
        lines = [line for line in self.log.read_text(encoding="utf-8", errors="replace").splitlines()
                 if '"level":"debug"' not in line]
        return "\n".join([f"the daemon ended with {self._daemon.returncode}", *lines[-20:]])

    def _await_prober(self, old):
        assert self._daemon.poll() is None, self._last_words()
        # It is named there once it has the configuration: a first prober that dies before ends the start.
        pid_file = self.node.run_dir / "anyprobe.pid"
        named = {int(word) for word in (pid_file.read_text().split() if pid_file.exists() else [])}
        if not named & set(self.node.probers("anyprobe")) - old:
            self._in(0.1, lambda: self._await_prober(old))
            return
        self.ledger.prober_there()
        self._daemon_busy = False

    def _fail_keeper(self):
        """And then the daemon is started again, as a service manager would."""
        if self._daemon_busy:
            return
        number = self._random.choice((signal.SIGKILL, signal.SIGUSR2))
        seconds = self._random.uniform(0, 1.5) if number == signal.SIGKILL else 0
        self._count(f"keeper {number.name}")
        self._daemon_busy = True
        self.ledger.prober_lost(keeper=True)
        for pid in self.node.keepers():
            kill(pid, number)

        def start():
            wait_until(lambda: not self.node.probers("anyprobe"), PATIENCE, "the prober ends when its keeper has")
            self._daemon.wait(PATIENCE)
            self._start_daemon()
            self._in(0.1, lambda: self._await_prober(set()))
        self._in(seconds, start)

    def footprint(self):
        """By process; not while a daemon fault is under way. All services are well, so that nobody waits for one."""
        return {"keeper": footprint.of(self.node.keepers()), "prober": footprint.of(self.node.probers("anyprobe"))}


# What the log may say beside what it says of services: text, and the faults that explain it, each once.
_EXPLAINED = {
    "the prober hangs": ("prober SIGSTOP",),
    "the prober is gone (killed by SIGKILL)": ("prober SIGSTOP", "prober SIGKILL"),
    "the prober is gone (killed by SIGABRT)": ("prober SIGABRT",),
    "the keeper is gone": ("keeper SIGKILL",),
    # The lease ended, and the kernel was quicker to say so than the clock was to be looked at.
    "no other run has taken over in time": ("keeper SIGUSR2",),
}


def unexplained(log, done):
    """The lines of the log that say something is wrong, of no service, and that no fault explains. `done`: what was
    done, and how often."""
    left = {text: sum(done.get(fault, 0) for fault in faults) for text, faults in _EXPLAINED.items()}
    found = []
    for line in log.read_text().splitlines():
        entry = json.loads(line)
        text = entry["message"]
        if entry["level"] == "info" or "service" in entry:
            continue
        known = next((each for each in left if text.startswith(each)), None)
        if known and left[known] > 0:
            left[known] -= 1
        else:
            found.append(line)
    return found
