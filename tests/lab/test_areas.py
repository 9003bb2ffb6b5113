"""Nodes in areas that take no external LSA from outside: in an NSSA they announce by type 7, in a stub area by nothing."""

import pytest
from conftest import BOTH, Probing, service
from frr import in_area_of
from lab import SERVICE4, SERVICE6, Lab
from netns import holds, wait_until
from status import becomes, told


@pytest.fixture
def probing(request, folder):
    with Lab(edit=in_area_of(request.param)) as lab:
        one = Probing(lab, folder)
        yield one
        one.node.end_probes()
        one.close()


def start(probing):
    """Returns the file of its log once the addresses are there."""
    _, log = probing.run_config(service(*BOTH), frr={"vty_dir": str(probing.node.frr.run_dir)})
    wait_until(lambda: probing.node.addresses() >= set(BOTH), 10, "the addresses are there")
    return log


def told_of(one, key):
    return [each[key] for each in one.services["dns"]["advertise"]]


def done(probing, verb, *words):
    run = probing.node.program("anyprobe", verb, "--run-dir", probing.node.run_dir, "dns", "--wait", *words)
    assert run.returncode == 0, run.stderr


def type_7(node):
    """Who announces the service in the NSSA, by the node's databases; what is withdrawn does not count."""
    found = node.frr.ask_json("ospfd", f"show ip ospf database nssa-external {SERVICE4.split('/')[0]}")
    lsas = found["nssaExternalLinkStates"]["areas"]["0.0.0.1"]
    lsas6 = [lsa for area in node.frr.ask_json("ospf6d", "show ipv6 ospf6 database")["areaScopedLinkStateDb"]
             for lsa in area["lsa"] if lsa["type"] == "Type7" and lsa["payload"] == SERVICE6]
    return ({lsa["advertisingRouter"] for lsa in lsas if lsa["lsaAge"] < 3600},
            {lsa["advRouter"] for lsa in lsas6 if lsa["age"] < 3600})


@pytest.mark.parametrize("probing", ["nssa"], indirect=True)
def test_in_an_nssa_it_is_announced_by_type_7(probing):
    """Of the router only IPv4 is looked at: with two nodes, ospf6d of FRR 8.4.4 at the border of an NSSA keeps routes
    whose LSAs are gone (quagga-conf/README.md)."""
    near, far = probing.lab.nodes
    for prefix in BOTH:
        far.add_address(prefix)
        probing.lab.wait_route(prefix, far)
    start(probing)
    becomes(probing, lambda one: told_of(one, "confirmed") == [True, True] and told_of(one, "others") == [1, 1],
            "it is confirmed, and counts the other", 30)
    probing.announced([SERVICE4])
    assert type_7(near) == ({near.address, far.address},) * 2
    done(probing, "drain")
    one = told(probing)
    assert (told_of(one, "state"), told_of(one, "confirmed")) == (["withdrawn"] * 2, [True, True])
    assert type_7(near) == ({far.address},) * 2
    probing.announced([SERVICE4], node=far)
    for prefix in BOTH:
        far.del_address(prefix)
    wait_until(lambda: type_7(near) == (set(), set()), 10, "the other announces it no more")
    probing.withdrawn([SERVICE4])
    done(probing, "resume")
    becomes(probing, lambda one: told_of(one, "confirmed") == [True, True] and told_of(one, "others") == [0, 0],
            "nobody else announces it", 30)
    done(probing, "drain", "--force")
    one = told(probing)
    assert (told_of(one, "confirmed"), told_of(one, "others")) == ([True, True], [0, 0])


@pytest.mark.parametrize("probing", ["stub"], indirect=True)
def test_in_a_stub_area_nobody_hears_of_it(probing):
    """Each daemon has the external LSA in its own database, and every neighbour has acknowledged all it was sent."""
    log = start(probing)
    holds(lambda: True not in told_of(told(probing), "confirmed"), 3, "it is not confirmed", every=0.2)
    wait_until(lambda: log.read_text().count("has it but tells nobody: a stub area takes no external LSA") == 2, 20, "the log says so")
    assert told_of(told(probing), "confirmed") == [False, False]
    assert not probing.lab.routes.now(SERVICE4)
    done(probing, "drain", "--force")
    assert told_of(told(probing), "confirmed") == [True, True]
