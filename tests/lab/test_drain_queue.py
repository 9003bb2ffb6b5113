"""drain --wait of a service with a drain_token: of all nodes that want it at the same time one goes after the other."""

import contextlib
import signal
import threading
import time

import pytest
from conftest import BOTH, Probing, service
from frr import permitted
from lab import BUILD, Lab
from netns import holds, kill, wait_until
from status import ask, becomes, told

TOKEN = "192.0.2.99/32"
FLOODING = "500ms"  # far more than it takes here
TURN = 60  # of one of a few nodes, at most


class Site(Probing):
    """A Probing on any node, with the token."""

    def __init__(self, lab, folder, node):
        own = folder / node.name
        own.mkdir(mode=0o755)
        super().__init__(lab, own)
        self.node = node

    def run(self, **more):
        service_of = service(*BOTH, drain_token=TOKEN, **{"linger": "1s", **more})
        started = self.run_config(service_of, frr={"vty_dir": str(self.node.frr.run_dir)}, lsa_flooding=FLOODING)
        wait_until(lambda: self.node.addresses() >= set(BOTH), 10, f"{self.node.name} serves")
        return started

    def command(self, verb, *words, **options):
        return self.node.program("anyprobe", verb, "--run-dir", self.node.run_dir, "dns", *words, **options)

    def done(self, verb, *words):
        result = self.command(verb, *words, timeout=120)
        told = result.stderr.strip()
        assert result.returncode == 0 and not told, f"{self.node.name}: {result.returncode}: {told}"

    def begin(self, verb, *words):
        return self.node.namespace.spawn(
            BUILD / "anyprobe", verb, "--run-dir", self.node.run_dir, "dns", *words, log=self.folder / "command.log")

    def knows(self, others):
        """Of as many that serve."""
        becomes(self, lambda one: [each["others"] for each in one.services["dns"]["advertise"]] == [others] * 2,
                f"{self.node.name} knows of the {others} others", 30)

    def of_service(self):
        return told(self).services["dns"]

    def token(self):
        return self.of_service()["drain_token"]

    def queues(self, *states):
        wait_until(lambda: self.token()["queue"] in states, TURN, f"{self.node.name} is {states} in the queue")

    def drained(self):
        return self.of_service()["admin"] == "drained"

    def has_token(self):
        return TOKEN in self.node.addresses()


@contextlib.contextmanager
def sites(lab, folder, nodes):
    with contextlib.ExitStack() as stack:
        found = []
        for node in nodes:
            stack.enter_context(permitted(node, TOKEN))
            node.namespace.sysctl("net/ipv6/ip_nonlocal_bind", 1)
            stack.callback(node.namespace.sysctl, "net/ipv6/ip_nonlocal_bind", 0)
            found.append(Site(lab, folder, node))
        yield found
        for site in found:
            site.node.end_processes(timeout=20)


@pytest.fixture
def two(lab, folder):
    with sites(lab, folder, lab.nodes) as found:
        for site in found:
            site.run()
        for site in found:
            site.knows(1)
        yield found


class Maintenance:
    """What cron runs on a node: drain, restart the service, resume."""

    def __init__(self, site):
        self.site = site
        self.away = None  # from when to when, by time.monotonic()
        self.error = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        try:
            self.site.done("drain", "--wait", "--timeout", "100s")
            begin = time.monotonic()
            self.site.node.kill_unbound()
            time.sleep(1)  # it loads
            self.site.node.start_unbound()
            self.away = (begin, time.monotonic())
            self.site.done("resume", "--wait", "--timeout", "30s")
        except Exception as error:  # noqa: BLE001 (told by the thread that waits)
            self.error = error

    def wait(self):
        self._thread.join(150)
        assert self.error is None, f"{self.site.node.name}: {self.error}"
        assert self.away and not self._thread.is_alive(), self.site.node.name


def test_three_nodes_at_the_same_second(folder):
    """And no question is lost, whoever answers."""
    with Lab(third=True) as lab, sites(lab, folder, lab.nodes) as all_sites:
        for site in all_sites:
            site.run()
        for site in all_sites:
            site.knows(2)
        clients = [lab.steady_client(prefix, interval=0.002) for prefix in BOTH]
        try:
            for client in clients:
                wait_until(lambda c=client: c.first_answer(0), 10, "somebody answers")
            since = time.monotonic()
            jobs = [Maintenance(site) for site in all_sites]
            for job in jobs:
                job.wait()
            until = time.monotonic()
            lost = [client.lost(since, until) for client in clients]
        finally:
            for client in clients:
                client.close()
        away = sorted(job.away for job in jobs)
        print(f"away {[(round(a - since, 1), round(b - since, 1)) for a, b in away]}, unanswered {lost}")
        assert all(end <= begin for (_, end), (begin, _) in zip(away, away[1:]))
        assert lost == [0, 0]
        wait_until(lambda: not any(site.has_token() for site in all_sites), 30, "the token is given back")

        # A node that dies while it holds it: the others go on without it, one after the other.
        dead, *rest = all_sites
        lab.settle()
        dead.done("drain", "--wait", "--timeout", "100s")
        assert dead.has_token()
        waiting = {site.begin("drain", "--wait", "--timeout", "100s"): site for site in rest}
        for site in rest:
            site.queues("waiting")
        holds(lambda: not any(site.has_token() for site in rest), 2, "they wait")
        for pid in dead.ours():
            kill(pid, signal.SIGKILL)
        for daemon in ("ospf6d", "ospfd", "zebra"):
            dead.node.frr.stop(daemon, signal.SIGKILL)
        try:
            wait_until(lambda: any(process.poll() == 0 for process in waiting), TURN, "one of them is drained")
            second, = (site for process, site in waiting.items() if process.poll() == 0)
            third, = (site for site in rest if site is not second)
            holds(lambda: third.node.addresses() >= set(BOTH) and not third.drained(), 5, "the other serves", every=0.2)
            second.done("resume", "--wait")
            wait_until(lambda: all(process.poll() == 0 for process in waiting), TURN, "the other is drained")
            assert second.node.addresses() >= set(BOTH)
        finally:
            dead.node.frr.boot()


def test_drained_without_the_queue_it_is_held_all_the_same(two):
    near, far = two
    near.done("drain")
    wait_until(near.has_token, 10, "it is announced")
    far.queues("out")
    becomes(far, lambda one: one.services["dns"]["drain_token"]["others"] == 1, "the other sees it", 30)
    result = far.command("drain")
    assert result.returncode == 75 and f"another router holds the drain token {TOKEN}" in result.stderr
    assert not far.drained()
    result = far.command("drain", "--wait", "--timeout", "2s")
    assert result.returncode == 75 and "waits for its turn" in result.stderr and "held by 1 more" in result.stderr
    assert far.token()["queue"] == "out" and not far.has_token()
    far.done("drain", "--force")
    wait_until(far.has_token, 10, "by force")
    for site in two:
        site.done("resume", "--wait")
        wait_until(lambda s=site: not s.has_token(), 30, "the token is given back")


def test_held_across_what_the_service_stays_drained_across(two):
    near, far = two
    near.done("drain", "--wait", "--timeout", "60s")
    for number, who in ((signal.SIGKILL, near.pid), (signal.SIGUSR2, near.keeper)):
        before = near.probers("anyprobe")
        kill(who("anyprobe") if who == near.pid else who(), number)
        wait_until(lambda b=before: near.probers("anyprobe") != b, 10, "it has ended")
        if number == signal.SIGUSR2:
            wait_until(lambda: not near.ours(), 10, "all have ended")
            near.run_config(service(*BOTH, drain_token=TOKEN, linger="1s"), lsa_flooding=FLOODING,
                            frr={"vty_dir": str(near.node.frr.run_dir)})
        wait_until(lambda: ask(near).returncode == 0 and near.drained(), 10, "it is there again, and drained", every=0.2)
        holds(near.has_token, 4, "its token stays", every=0.05)
    near.done("resume", "--wait")
    wait_until(lambda: not near.has_token(), 30, "the token is given back")


def test_whoever_waits_no_more_is_not_drained(two):
    near, far = two
    far.done("drain", "--force")
    becomes(near, lambda one: one.services["dns"]["drain_token"]["others"] == 1, "it is seen", 30)
    process = near.begin("drain", "--wait", "--timeout", "100s")
    near.queues("waiting")
    process.kill()
    process.wait(10)
    near.queues("out")
    far.done("resume", "--wait")
    wait_until(lambda: not far.has_token(), 30, "the token is given back")
    holds(lambda: not near.drained() and not near.has_token(), 3, "nobody is drained", every=0.3)


def test_who_cannot_be_told_is_refused(probing):
    """Without FRR nothing is known of the token."""
    probing.run_config(service(*BOTH, drain_token=TOKEN), frr={"vty_dir": str(probing.folder)}, lsa_flooding="1s")
    probing.announced()
    result = probing.node.program("anyprobe", "drain", "--run-dir", probing.node.run_dir, "dns", "--wait")
    assert result.returncode == 75 and "cannot be told" in result.stderr and result.stderr.count("\n") == 1
