"""The fault matrix: whatever fails, nothing stays announced that is dead, and nothing goes that is well.

A row is a fault, which strikes one daemon that announces an address and a route of both families and a link. Where the
service dies at the same moment, a cell is the time until the router routed to the other node for good. With
ANYPROBE_MATRIX=FILE each row is added to the file as one line of JSON (see scripts/bench matrix), and the kernel takes
as long as it does on any machine to end what it ends by itself."""

import json
import os
import time

import pytest
from faults import COLLECTS_AFTER, FAULTS
from netns import holds, wait_until
from stand import BOUND, KINDS, OSPF_TAKES, Stand

COMES_BACK = 1  # on the node, since it can
# OSPF announces nothing anew within 5 s (MinLSInterval), and sends once more what was dropped.
COMES_BACK_BY_OSPF = COMES_BACK + 10


def label(fault):
    return f"{fault.name}, service {fault.service}".replace(" ", "-")


@pytest.fixture
def stand(probing):
    # Of this node alone; the routes of the router and of the other one come by OSPF, and have no lifetime.
    probing.node.namespace.sysctl("net/ipv6/route/gc_interval", COLLECTS_AFTER)
    one = Stand(probing)
    yield one
    one.close()


def die(stand, how):
    """Returns time.monotonic() of it."""
    return {"killed": stand.kill_service, "hung": stand.hang_service, "half dead": stand.leave_half_dead,
            "well": time.monotonic}[how]()


@pytest.mark.parametrize("fault", FAULTS, ids=label)
def test_fault(stand, fault):
    fault.prepare(stand)
    if fault.stays:
        # Told of the death, it would be done before the fault.
        stand.more = {"on_close": "ignore"}
    stand.start()
    if fault.service == "well":
        row = of_the_well(stand, fault)
    else:
        row = of_the_dead(stand, fault)
    write_row(fault, row)


def of_the_dead(stand, fault):
    wait_until(lambda: all(map(stand.routed_here, KINDS)), COMES_BACK_BY_OSPF,
               "all is routed here before the service dies")
    if fault.is_first:
        fault.strike(stand)
        assert all(map(stand.routed_here, KINDS)), "it began before the service died"
    at = die(stand, fault.service)
    if not fault.is_first:
        fault.strike(stand)
    bounds = {kind: BOUND + fault.more.get(kind, 0) for kind in KINDS if kind not in fault.stays}
    for kind, bound in bounds.items():
        wait_until(lambda k=kind: not stand.routed_here(k), at + bound + OSPF_TAKES - time.monotonic(),
                   f"{kind} is withdrawn")
    time.sleep(max(0.0, at + max(bounds.values()) + 1 - time.monotonic()))
    left = stand.held()
    assert left == set(fault.stays), f"left: {left}"
    cells = {}
    for kind, bound in bounds.items():
        absences = stand.absences(kind, at)
        assert absences and absences[-1][1] is None, f"{kind}: away {absences}\n{stand.log.read_text()[-3000:]}"
        cells[kind] = absences[-1][0] - at
        assert cells[kind] < bound + OSPF_TAKES, f"{kind}: {cells[kind]} s"
    cells |= {kind: fault.until for kind in fault.stays}
    fault.heal(stand)
    wait_until(lambda: not stand.held(), BOUND, "what stayed is cleared")
    holds(lambda: not stand.held(), COMES_BACK, "nothing is announced")
    wait_until(lambda: not any(map(stand.routed_here, KINDS)), OSPF_TAKES, "the router routes nothing here")
    return cells


def of_the_well(stand, fault):
    at = time.monotonic()
    since = fault.strike(stand) or time.monotonic()
    wait_until(lambda: stand.held() == set(KINDS), since + COMES_BACK - time.monotonic(), "all is there again")
    wait_until(lambda: all(map(stand.routed_here, KINDS)), COMES_BACK_BY_OSPF, "all is routed here again")
    holds(lambda: stand.held() == set(KINDS), BOUND, "it stays")
    absences = {kind: stand.absences(kind, at) for kind in KINDS}
    gone = {kind for kind, found in absences.items() if found}
    assert gone <= set(fault.takes), f"{gone} went"
    assert all(map(stand.routed_here, KINDS))
    return {kind: f"back after {found[-1][1] - since:.1f} s" if found else "stays" for kind, found in absences.items()}


def write_row(fault, cells):
    path = os.environ.get("ANYPROBE_MATRIX")
    if not path:
        return
    row = {"number": FAULTS.index(fault), "fault": fault.name, "service": fault.service, "cells": cells}
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
