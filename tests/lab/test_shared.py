"""A probe that asks for what all nodes depend on: its failure alone withdraws nothing."""

import json

import pytest
from conftest import BOTH, service
from lab import BUILD, unbound_configuration
from netns import holds, wait_until
from status import becomes, table, told

UPSTREAM = "203.0.113.2"  # the client's machine


class Upstream:
    """A resolver that both nodes ask."""

    name, address = "upstream", UPSTREAM

    def __init__(self, lab):
        self.namespace = lab.client
        self.folder = lab.folder / "upstream"
        self.folder.mkdir(exist_ok=True)
        self.process = None

    def start(self):
        (self.folder / "unbound.conf").write_text(unbound_configuration(self.folder, self))
        self.process = self.namespace.spawn("/usr/sbin/unbound", "-d", "-c", self.folder / "unbound.conf")

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait(5)


@pytest.fixture
def upstream(lab):
    one = Upstream(lab)
    one.start()
    yield one
    one.kill()


def both_probes(shared=True, **more):
    """One for a local name, one for the upstream."""
    ask = {"type": "dns", "query": "www.example.org"}
    one = service(*BOTH, **more)
    del one["probe"]
    return {**one, "probes": [{**ask, "server": "127.0.0.1"}, {**ask, "server": UPSTREAM, "shared": shared}]}


def run_on(node, folder, configured):
    """Returns the file its log goes to."""
    path, log = folder / f"{node.name}.json", folder / f"{node.name}.log"
    path.write_text(json.dumps({"services": [configured]}))
    node.namespace.spawn(BUILD / "anyprobe", "run", "--run-dir", node.run_dir, "--config", path, log=log)
    return log


def test_all_nodes_stay_when_what_they_share_fails(probing, upstream):
    near, far = probing.lab.nodes
    run_on(far, probing.folder, both_probes())
    probing.announced(node=far)
    log = run_on(near, probing.folder, both_probes())
    probing.announced()
    assert told(probing).instances["anyprobe"]["problems"] == []

    upstream.kill()
    failing = becomes(probing, lambda s: s.services["dns"]["reason"] == "shared_failed", "it is told")
    holds(lambda: all(node.addresses() == set(BOTH) for node in (near, far)), 2, "both nodes announce it")
    dns = failing.services["dns"]
    assert dns["health"] == "up" and dns["detail"].startswith("refused, 203.0.113.2:53")
    assert dns["last_check"]["verdict"] == "pass" and dns["last_check"]["reason"] == "shared_failed"
    assert [line.startswith("dns is up although a shared probe fails: refused")
            for line in failing.instances["anyprobe"]["problems"]] == [True]
    assert "problem: dns is up although a shared probe fails" in table(probing)
    assert log.read_text().count("stays up although a shared probe fails (refused") == 1

    # One that starts while it fails comes up too: else all would stay away.
    far.end_processes()
    run_on(far, probing.folder, both_probes())
    wait_until(lambda: far.addresses() == set(BOTH), 10, "the far node announces it")

    # The service itself fails, on one node and then on the other.
    near.kill_unbound()
    probing.announced(node=far)
    down = told(probing)
    assert (down.services["dns"]["health"], down.services["dns"]["reason"]) == ("down", "refused")
    assert "127.0.0.1" in down.services["dns"]["detail"] and down.instances["anyprobe"]["problems"] == []
    far.kill_unbound()
    probing.withdrawn()
    near.start_unbound()
    probing.announced()
    becomes(probing, lambda s: s.services["dns"]["reason"] == "shared_failed", "it is told again")

    upstream.start()
    becomes(probing, lambda s: s.instances["anyprobe"]["problems"] == [], "it is over")
    assert told(probing).services["dns"]["reason"] != "shared_failed"
    assert log.read_text().count("no shared probe fails any more") == 1
    assert log.read_text().count("stays up although") == 1  # it came up as such the second time


def test_without_the_mark_all_leave(probing, upstream):
    for node in probing.lab.nodes[::-1]:
        run_on(node, probing.folder, both_probes(shared=False))
        probing.announced(node=node)
    upstream.kill()
    probing.withdrawn()


def test_no_way_to_it_is_no_other_than_its_failure(probing, upstream):
    """Which says nothing of the service, but so it would be stale in the end."""
    run_on(probing.node, probing.folder, both_probes(stale_after="400ms"))
    probing.announced()
    probing.node.namespace.ip("route", "add", "prohibit", UPSTREAM)
    becomes(probing, lambda s: s.services["dns"]["reason"] == "shared_failed", "it is told")
    holds(lambda: probing.node.addresses() == set(BOTH), 1.5, "it is announced")
    assert told(probing).services["dns"]["detail"].startswith("local_error")
