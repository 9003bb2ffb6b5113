"""The files of quagga-conf, booted as they are: both styles, both shapes, and the examples."""

import re
import time

import pytest
from frr import CONF
from lab import SERVICE4, SERVICE6, SHAPES, Lab, example

BOTH = (SERVICE4, SERVICE6)


def in_one_worker(*names):
    """The parameters of a lab; the tests of one are run by one worker, so that it is booted once."""
    return [pytest.param(name, id=name, marks=pytest.mark.xdist_group(name)) for name in names]


@pytest.fixture(scope="module", params=in_one_worker(*SHAPES))
def booted(request):
    with Lab(request.param, resolvers=False) as lab:
        lab.style = request.param
        yield lab


@pytest.fixture
def routing(booted):
    yield booted
    booted.reset_addresses()


def external_prefixes(lab):
    """What external LSAs carry in the router's databases of both families; withdrawn ones do not count."""
    found = {one["route"] for one in lab.router_frr.ask_json("ospfd", "show ip ospf database")
             .get("asExternalLinkStates", []) if one["lsaAge"] < 3600}
    dump = lab.router_frr.ask_json("ospf6d", "show ipv6 ospf6 database as-external detail")
    return found | {one["prefix"] for scope in dump.get("asScopedLinkStateDb", []) for one in scope["lsa"]
                    if one["age"] < 3600}


def summary_prefixes(lab):
    areas = lab.router_frr.ask_json("ospfd", "show ip ospf database")["areas"]
    return {one["summaryAddress"] for area in areas.values() for one in area.get("summaryLinkStates", [])
            if one["lsaAge"] < 3600}


def stub_links(text):
    """The stub networks in `show ip ospf database router`."""
    return set(re.findall(r"\(Link ID\) Net: (\S+)\n\s+\(Link Data\) Network Mask: (\S+)", text))


def test_address_is_routed_while_it_is_there(routing):
    near, far = routing.near, routing.far
    for change, node in ((far.add_address, far), (near.add_address, near), (near.del_address, far),
                         (near.add_address, near), (far.del_address, near), (near.del_address, None)):
        for prefix in BOTH:
            change(prefix)
        for prefix in BOTH:
            routing.wait_route(prefix, node)
        routing.settle()


def test_change_reaches_the_router_soon(routing):
    """Once no LSA is younger than a second, a change is a matter of milliseconds; the bound is generous, and on a
    busy machine the best of three counts."""
    def seconds_to_withdraw(prefix):
        routing.near.add_address(prefix)
        routing.wait_route(prefix, routing.near)
        routing.settle()
        before = time.monotonic()
        routing.near.del_address(prefix)
        taken = routing.wait_route(prefix, None) - before
        routing.settle()
        return taken
    for prefix in BOTH:
        assert any(seconds_to_withdraw(prefix) < 0.5 for _ in range(3)), prefix


def test_withdrawal_right_after_announcement(routing):
    """MinLSArrival drops it, the retransmission a second later does not: never the 5 s of the default."""
    routing.near.add_address(SERVICE4)
    routing.wait_route(SERVICE4, routing.near)
    before = time.monotonic()
    routing.near.del_address(SERVICE4)
    assert routing.wait_route(SERVICE4, None) - before < 3.5


def test_nothing_but_service_prefixes_leaves(routing):
    """Neither another address on lo, nor one on the link, nor a route of the kernel."""
    near = routing.near
    known = routing.routes.prefixes()
    near.add_address("192.0.2.99/32")
    near.add_address("2001:db8:ffff:a000::99/128")
    near.add_address("203.0.113.129/32")
    near.namespace.ip("addr", "add", "192.0.2.65/28", "dev", "eth0")
    near.namespace.ip("route", "add", "192.0.2.128/25", "dev", "lo")
    near.namespace.ip("-6", "route", "add", "2001:db8:ffff:b000::/64", "dev", "lo")
    try:
        # What is announced comes after it, so once this is there nothing else can still be on its way.
        near.add_address(SERVICE4)
        near.add_address(SERVICE6)
        routing.wait_route(SERVICE4, near)
        routing.wait_route(SERVICE6, near)
        time.sleep(0.3)
        assert routing.routes.prefixes() == known | {SERVICE4, SERVICE6}
        allowed = {SERVICE6} if routing.style == "old-page" else {SERVICE4, SERVICE6}
        assert external_prefixes(routing) == allowed
        assert summary_prefixes(routing) <= {SERVICE4}
    finally:
        near.namespace.ip("route", "del", "192.0.2.128/25", "dev", "lo")
        near.namespace.ip("-6", "route", "del", "2001:db8:ffff:b000::/64", "dev", "lo")
        near.namespace.ip("addr", "del", "192.0.2.65/28", "dev", "eth0")


def test_kernel_route_is_announced(routing):
    """What tcp-route-probe adds; the old page wants another file for it."""
    target = "192.0.2.153/32"
    routing.near.namespace.ip("route", "add", target, "dev", "eth0", "proto", "77")
    if routing.style == "old-page":
        # Connected addresses only: a route that did leave would be there before the address that follows it.
        routing.near.add_address(SERVICE6)
        routing.wait_route(SERVICE6, routing.near)
        assert target not in routing.routes.prefixes()
        routing.near.namespace.ip("route", "del", target, "dev", "eth0")
        return
    routing.wait_route(target, routing.near)
    routing.near.namespace.ip("route", "del", target, "dev", "eth0")
    routing.wait_route(target, None)


def test_shape(routing):
    """An external LSA in our shape; a stub link and a summary, and no external LSA, in the old page's."""
    routing.near.add_address(SERVICE4)
    routing.near.add_address(SERVICE6)
    routing.wait_route(SERVICE4, routing.near)
    routing.wait_route(SERVICE6, routing.near)
    links = stub_links(routing.near.frr.ask("ospfd", "show ip ospf database router self-originate"))
    stub = ("192.0.2.1", "255.255.255.255")
    if routing.style == "old-page":
        assert stub in links
        assert SERVICE4 in summary_prefixes(routing)
        assert external_prefixes(routing) == {SERVICE6}
    else:
        assert stub not in links
        assert not summary_prefixes(routing)
        assert external_prefixes(routing) == {SERVICE4, SERVICE6}


def every_line_is_understood(lab):
    """A daemon logs what it does not know, and starts all the same."""
    for frr in (lab.router_frr, lab.near.frr, lab.far.frr):
        for daemon in frr.processes:
            log = frr.log(daemon)
            assert "No such command" not in log and "Unknown command" not in log, log
            assert "error" not in log.lower(), log


def test_every_line_is_understood(routing):
    every_line_is_understood(routing)


def test_router_ids_are_as_written(routing):
    for frr, wanted in ((routing.router_frr, "198.51.100.1"), (routing.near.frr, "198.51.100.2"),
                        (routing.far.frr, "198.51.100.6")):
        assert f"Router ID: {wanted}" in frr.ask("ospfd", "show ip ospf")
        assert f"Router-ID {wanted}" in frr.ask("ospf6d", "show ipv6 ospf6")


def test_every_service_prefix_is_named_alike():
    """The two styles announce the same lists."""
    def lists(folder, *names):
        text = "".join((CONF / folder / name).read_text() for name in names)
        return sorted(re.findall(r"(?m)^ip(?:v6)? prefix-list \S+ seq \d+ permit \S+$", text))
    for folder in ("node", "proxy/near", "proxy/far", "kernel-route"):
        assert lists(folder, "frr.conf") == lists(folder, "ospfd.conf", "ospf6d.conf") != []


# The proxy's addresses by who is preferred: the near node, the far one, whoever is nearer.
NEAR, FAR, EITHER = ((f"192.0.2.{n}/32", f"2001:db8:ffff:a000::{n}/128") for n in (31, 32, 33))
DEARER = 1000


def cost(lab, prefix):
    """What the router's way to the prefix costs, as OSPF chose it."""
    command = "show ipv6 route" if ":" in prefix else "show ip route"
    found = lab.router_frr.ask_json("zebra", f"{command} {prefix}")
    return [one["metric"] for one in found.get(prefix, []) if one.get("selected")]


def ways(lab, group, node, wanted):
    for prefix in group:
        lab.wait_route(prefix, node)
        assert cost(lab, prefix) == [wanted], prefix
    lab.settle()


@pytest.mark.parametrize("integrated", ["near", "far"])
def test_proxy_addresses_go_to_the_node_they_are_preferred_on(integrated):
    """Three addresses a family, as squid-probe adds them: the ways from the router to the nodes cost 10 and 20, and
    what each node announces costs 20 more, or 1020 where the other one is preferred."""
    with Lab(example("proxy/near", "proxy/far", integrated), resolvers=False) as lab:
        near, far = lab.nodes
        known = lab.routes.prefixes()
        for node in lab.nodes:
            for prefix in (*NEAR, *FAR, *EITHER, "192.0.2.34/32"):
                node.add_address(prefix)
        for group, node, wanted in ((NEAR, near, 30), (FAR, far, 40), (EITHER, near, 30)):
            ways(lab, group, node, wanted)
        assert lab.routes.prefixes() == known | {*NEAR, *FAR, *EITHER}
        # Each moves to the other node while its own withdraws it, and comes back; the rest stay where they are.
        for group, node, other, dear, cheap in ((NEAR, near, far, 40 + DEARER, 30), (FAR, far, near, 30 + DEARER, 40),
                                                (EITHER, near, far, 40, 30)):
            before = len(lab.routes.changes)
            for prefix in group:
                node.del_address(prefix)
            ways(lab, group, other, dear)
            for prefix in group:
                node.add_address(prefix)
            ways(lab, group, node, cheap)
            assert {change.prefix for change in lab.routes.changes[before:]} == set(group)
        every_line_is_understood(lab)


def test_only_the_service_leaves_of_all_routes_of_the_kernel():
    """The route that tcp-route-probe adds, and none that somebody else does; near in one style, far in the other."""
    services = ("192.0.2.153/32", "2001:db8:ffff:a000::153/128")
    others = ("192.0.2.154/32", "192.0.2.152/31", "2001:db8:ffff:a000::154/128", "2001:db8:ffff:b000::/64")
    with Lab(example("kernel-route", "kernel-route", "near"), resolvers=False) as lab:
        known = lab.routes.prefixes()
        for node in lab.nodes:
            node.namespace.ip("link", "add", "eth9", "type", "veth", "peer", "name", "eth8")
            for end in ("eth8", "eth9"):
                node.namespace.ip("link", "set", end, "up")
            node.add_address(SERVICE4)
            node.namespace.ip("addr", "add", "192.0.2.129/28", "dev", "eth9")
            for prefix in (*others, *services):
                node.namespace.ip("route", "add", prefix, "dev", "eth9", "proto", "77")
            for prefix in services:
                lab.wait_route(prefix, node)
            # What is announced came last, so nothing else can still be on its way.
            assert lab.routes.prefixes() == known | set(services)
            lab.settle()
            for prefix in services:
                node.namespace.ip("route", "del", prefix, "dev", "eth9")
                lab.wait_route(prefix, None)
            lab.settle()
        every_line_is_understood(lab)
