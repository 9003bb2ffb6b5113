"""The timeline that scripts/demo shows."""

import signal
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/lab"))

from lab import SERVICE4, SERVICE6, Lab  # noqa: E402 (found by the line above)
from netns import kill, process_state, wait_until  # noqa: E402

FAMILIES = {SERVICE4: "IPv4", SERVICE6: "IPv6"}
QUESTIONS_PER_SECOND = 200
CRASH = "unbound crashes"

PICTURE = """
                             ┌── near: unbound, FRR, dns-probe   (the cheaper way)
  client ────── router ──────┤
                             └── far:  unbound, FRR, dns-probe

  Both nodes announce {four} and {six}.
"""


class Timeline:
    """Lines as things happen, with the seconds since it began. Any thread may write."""

    def __init__(self):
        self._begin = time.monotonic()
        self._lock = threading.Lock()

    def say(self, who, what, at=None):
        seconds = (at or time.monotonic()) - self._begin
        with self._lock:
            print(f"{seconds:8.3f} s  {who:<8} {what}", flush=True)

    def title(self, text):
        with self._lock:
            print(f"\n{text}", flush=True)

    def seconds(self):
        return time.monotonic() - self._begin


class Demo:
    def __init__(self):
        self.timeline = Timeline()
        self.rows = []

    def run(self):
        print(PICTURE.format(four=SERVICE4, six=SERVICE6))
        self.timeline.title("Four machines are made as network namespaces, and FRR and unbound start.")
        with Lab(on_route=self._on_route) as lab:
            self.lab = lab
            self.timeline.say("lab", "OSPF adjacencies are complete, for IPv4 and for IPv6")
            watches = [node.watch_addresses(lambda change, n=node: self._on_address(n, change))
                       for node in lab.nodes]
            clients = {}
            try:
                for node in (lab.far, lab.near):
                    self._start(node)
                for prefix, family in FAMILIES.items():
                    lab.wait_route(prefix, lab.near)
                    clients[prefix] = lab.steady_client(
                        prefix, 1 / QUESTIONS_PER_SECOND, lambda at, by, f=family: self._on_answer(f, at, by))
                self._answered(clients, lab.near)
                time.sleep(1.5)
                self._crash(clients)
                self._maintenance(clients)
                self.timeline.title("Both probes are ended (TERM). They leave nothing behind.")
                for node in (lab.far, lab.near):
                    node.end_processes()
                for prefix in FAMILIES:
                    lab.wait_route(prefix, None)
                time.sleep(0.1)
            finally:
                for one in (*clients.values(), *watches):
                    one.close()
        self._summary()

    def _start(self, node):
        done = node.dns_probe("--address", SERVICE4, "--address", SERVICE6, "--query", "www.example.org")
        if done.returncode != 0:
            sys.exit(f"dns-probe on {node.name} ended with {done.returncode}: {done.stderr}")
        self.timeline.say(node.name, "dns-probe starts: it asks the resolver once a second")

    # What is seen

    def _name(self, address):
        return next((node.name for node in self.lab.nodes if node.address == address), address)

    def _on_route(self, change):
        if change.prefix not in FAMILIES:
            return
        if change.interfaces:
            ports = {node.router_port: node.name for node in self.lab.nodes}
            way = ", ".join(ports.get(port, port) for port in change.interfaces)
            self.timeline.say("router", f"{change.prefix} goes to {way}", change.at)
        else:
            # zebra changes an IPv6 route by taking the old one out first: wait for what follows.
            threading.Timer(0.05, self._say_gone, (change,)).start()

    def _say_gone(self, change):
        if not self.lab.routes.now(change.prefix):
            self.timeline.say("router", f"{change.prefix} goes nowhere", change.at)

    def _on_address(self, node, change):
        if change.prefix in FAMILIES:
            what = "is announced: it is on lo" if change.interfaces else "is withdrawn: it left lo"
            self.timeline.say(node.name, f"{change.prefix} {what}", change.at)

    def _on_answer(self, family, at, by):
        self.timeline.say("client", f"is answered by {self._name(by)} over {family}", at)

    # What is done

    def _answered(self, clients, node, since=None):
        """Until every client is answered by the node; returns when the last of them first was."""
        since = since or time.monotonic()
        return max(wait_until(lambda c=client: c.first_answer(since, node.address), 30,
                              f"the client is answered by {node.name}", every=0.02) for client in clients.values())

    def _crash(self, clients):
        near, far = self.lab.nodes
        self.timeline.title("The resolver on the near node dies.")
        crash = near.kill_unbound(signal.SIGKILL)
        self.timeline.say("near", "unbound is killed", crash)
        self._answered(clients, far, crash)
        self._settle(clients, CRASH, crash)
        self.timeline.title("It is started again. Nobody touches the probe.")
        back = time.monotonic()
        near.start_unbound()
        self.timeline.say("near", "unbound answers again")
        self._answered(clients, near, back)
        self._settle(clients, "unbound comes back", back)

    def _maintenance(self, clients):
        near, far = self.lab.nodes
        self.timeline.title("Maintenance, as a cron job does it: suspend the probe, restart unbound, resume.")
        pid = near.probers()[0]
        start = time.monotonic()
        self.timeline.say("near", "pkill -TSTP dns-probe", start)
        kill(pid, signal.SIGTSTP)
        wait_until(lambda: process_state(pid) == "T", 5, "dns-probe is suspended", every=0.002)
        self._answered(clients, far, start)
        near.kill_unbound(signal.SIGTERM)
        self.timeline.say("near", "unbound is stopped")
        near.start_unbound()
        self.timeline.say("near", "unbound answers again")
        kill(pid, signal.SIGCONT)
        self.timeline.say("near", "pkill -CONT dns-probe")
        self._answered(clients, near)
        self._settle(clients, "restart under TSTP and CONT", start)

    def _settle(self, clients, what, since):
        """Lets the clients ask on for a while, then notes how they fared since the event."""
        time.sleep(1.5)
        until = time.monotonic() - 0.3
        for prefix, client in clients.items():
            asked = [one for one in client.log() if since <= one.at <= until]
            answers = sorted(one.answered for one in asked if one.answered)
            edges = [since, *answers]
            silence = max(later - earlier for earlier, later in zip(edges, edges[1:]))
            lost = sum(one.answered is None for one in asked)
            after = client.first_answer(since)
            self.rows.append((what, FAMILIES[prefix], silence, lost, after - since))

    def _summary(self):
        self.timeline.title(f"Summary: the client asked {QUESTIONS_PER_SECOND} times a second over each family.")
        print(f"  {'event':<30} {'family':<8} {'longest silence':>16} {'questions lost':>16}")
        for what, family, silence, lost, _ in self.rows:
            print(f"  {what:<30} {family:<8} {silence * 1000:>13.0f} ms {lost:>16}")
        print("\n  From the crash to the client's next answer: "
              + "; ".join(f"{after:.2f} s over {family}, {lost} questions lost"
                          for what, family, _, lost, after in self.rows if what == CRASH) + ".")
        print(f"  {self.timeline.seconds():.0f} s in all. Nothing is left running.", flush=True)


if __name__ == "__main__":
    Demo().run()
