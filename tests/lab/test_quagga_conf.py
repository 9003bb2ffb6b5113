"""The files of quagga-conf, booted as they are: both styles and both shapes."""

import re
import time

import pytest
from frr import CONF
from lab import SERVICE4, SERVICE6, SHAPES, Lab

BOTH = (SERVICE4, SERVICE6)


@pytest.fixture(scope="module", params=list(SHAPES))
def routing(request):
    with Lab(request.param, resolvers=False) as lab:
        lab.style = request.param
        yield lab


@pytest.fixture(autouse=True)
def clean(routing):
    yield
    routing.reset_addresses()


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
    """Once no LSA is younger than a second, a change is a matter of milliseconds; the bound is generous."""
    for prefix in BOTH:
        routing.near.add_address(prefix)
        routing.wait_route(prefix, routing.near)
        routing.settle()
        before = time.monotonic()
        routing.near.del_address(prefix)
        assert routing.wait_route(prefix, None) - before < 0.5


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


def test_every_line_is_understood(routing):
    """A daemon logs what it does not know, and starts all the same."""
    for frr in (routing.router_frr, routing.near.frr, routing.far.frr):
        for daemon in frr.processes:
            log = frr.log(daemon)
            assert "No such command" not in log and "Unknown command" not in log, log
            assert "error" not in log.lower(), log


def test_router_ids_are_as_written(routing):
    for frr, wanted in ((routing.router_frr, "198.51.100.1"), (routing.near.frr, "198.51.100.2"),
                        (routing.far.frr, "198.51.100.6")):
        assert f"Router ID: {wanted}" in frr.ask("ospfd", "show ip ospf")
        assert f"Router-ID {wanted}" in frr.ask("ospf6d", "show ipv6 ospf6")


def test_every_service_prefix_is_named_alike():
    """The two styles announce the same list."""
    def lists(*names):
        text = "".join((CONF / "node" / name).read_text() for name in names)
        return sorted(re.findall(r"(?m)^ip(?:v6)? prefix-list \S+ seq \d+ permit (\S+)$", text))
    assert lists("frr.conf") == lists("ospfd.conf", "ospf6d.conf")
