"""BIRD on the near node, FRR on the others: everything works but what only FRR's link-state database tells."""

import json
import signal
import time

import pytest
from conftest import BOTH, Probing, service
from doctor import OF_THE_MACHINE
from lab import SECOND4, SECOND6, SHAPES, Lab
from netns import wait_until
from status import told

pytestmark = pytest.mark.xdist_group("bird")

MORE = (SECOND4, SECOND6)
ROUTES = ("192.0.2.153/32", SECOND6)


@pytest.fixture(scope="module")
def booted():
    with Lab({**SHAPES["frr"], "near": {"bird.conf": "node"}}) as lab:
        yield lab


@pytest.fixture
def probing(booted, folder):
    booted.reset()
    one = Probing(booted, folder)
    yield one
    one.close()
    booted.end_probes()


def test_the_doctor_leaves_bird_to_itself(probing):
    """No FRR is missed where BIRD runs, and its filters are said to be unknown."""
    path = probing.write({"services": [service(*BOTH)], "frr": {"vty_dir": str(probing.folder)}})

    def doctor(*words):
        return probing.node.program("anyprobe", "doctor", "--config", path, "--run-dir", probing.node.run_dir, *words)
    found = json.loads(doctor("--json").stdout)
    assert [one["id"] for one in found["findings"] if one["id"] not in OF_THE_MACHINE] == []
    assert [line.startswith("what BIRD, which runs here, lets out") for line in found["not_looked_at"]] == [True]
    text = doctor().stdout
    assert "not looked at: what BIRD" in text and ("remark" in text or "in what was looked at" in text)
    bird = probing.node.frr.processes["bird"]
    bird.send_signal(signal.SIGSTOP)
    try:
        assert doctor().returncode == found["code"]
    finally:
        bird.send_signal(signal.SIGCONT)


def lingering_by_default(*prefixes, name):
    one = service(*prefixes, name=name)
    del one["linger"]
    return one


def test_what_is_ours_is_routed_while_it_is_there_and_nothing_else(probing):
    """Withdrawn as soon as the kernel tells it, and not when BIRD next looks, which is each 10 seconds. What another
    node announces too, and OSPF has brought here, is announced from here all the same."""
    near, far = probing.lab.nodes
    known = probing.lab.routes.prefixes()
    for node in (near, far):
        node.namespace.ip("link", "add", "eth9", "type", "veth", "peer", "name", "eth8")
        for end in ("eth8", "eth9"):
            node.namespace.ip("link", "set", end, "up")

    def route(node, verb, prefix, *words, protocol="77"):
        node.namespace.ip("route", verb, prefix, "dev", "eth9", "proto", protocol, *words)
    near.add_address("192.0.2.99/32")
    near.add_address("2001:db8:ffff:a000::99/128")
    near.namespace.ip("addr", "add", "192.0.2.65/28", "dev", "eth0")
    route(near, "add", "192.0.2.128/25")
    route(near, "add", "2001:db8:ffff:b000::/64")
    route(near, "add", SECOND4, protocol="static")

    ours = (*BOTH, *ROUTES)
    for prefix in ours:
        if prefix in ROUTES:
            route(far, "add", prefix)
        else:
            far.add_address(prefix)
        probing.lab.wait_route(prefix, far)
    for prefix in ours:
        family = "-6" if ":" in prefix else "-4"
        wait_until(lambda f=family, p=prefix: near.namespace.ip(f, "route", "show", p, "proto", "bird"), 10,
                   f"OSPF has brought {prefix}")
        if prefix in ROUTES:
            route(near, "add", prefix, "metric", "10")
        else:
            near.add_address(prefix)
        probing.lab.wait_route(prefix, near)
    # What is announced came last, so nothing else can still be on its way.
    assert probing.lab.routes.prefixes() == known | set(ours)
    probing.lab.settle()
    for prefix in ours:
        before = time.monotonic()
        if prefix in ROUTES:
            route(near, "del", prefix)
        else:
            near.del_address(prefix)
        assert probing.lab.wait_route(prefix, far) - before < 2, prefix


def test_a_drain_loses_nothing_and_a_failure_withdraws(probing):
    """Neither confirmed nor others can be known; linger is its default of two seconds, and a failure has none."""
    near, far = probing.lab.nodes
    near.namespace.sysctl("net/ipv6/ip_nonlocal_bind", 1)
    probing.start(node=far)
    probing.announced(node=far)
    probing.run_config(lingering_by_default(*BOTH, name="dns"), lingering_by_default(*MORE, name="more"))
    probing.announced((*BOTH, *MORE))
    one = told(probing)
    assert one.states("dns") == dict.fromkeys(BOTH, "announced")
    assert {(each["confirmed"], each["others"]) for name in ("dns", "more")
            for each in one.services[name]["advertise"]} == {(None, None)}
    addresses = near.watch_addresses()
    clients = [probing.lab.steady_client(prefix, interval=0.001) for prefix in BOTH]
    try:
        for client in clients:
            wait_until(lambda c=client: c.first_answer(0, near.address), 10, "the near node answers")
        since = time.monotonic()
        done = near.program("anyprobe", "drain", "--run-dir", near.run_dir, "dns", "--wait")
        drained = time.monotonic()
        assert (done.returncode, done.stderr) == (0, "")
        near.kill_unbound()
        probing.withdrawn(MORE)
        for client in clients:
            wait_until(lambda c=client: c.first_answer(drained, far.address), 10, "the far node answers")
        until = time.monotonic()
        lost = [client.lost(since, until) for client in clients]
        gone = [addresses.wait_seen(prefix, (), since, 1) for prefix in BOTH]
    finally:
        for one in (*clients, addresses):
            one.close()
    assert lost == [0, 0]
    assert 2 <= drained - max(gone) < 10
