"""What the LSAs of very many nodes and prefixes cost a network: on paper, by simulation, and at the small end counted in
the lab."""

import argparse
import collections
import contextlib
import heapq
import math
import socket
import struct
import sys
import threading
import time

import report
from stage import Stage, wait_until  # first: it says where the others are
from lab import Lab  # isort: skip
from prefixes import OneEach, permit_all  # isort: skip

# Octets: RFC 2328, appendix A. An external LSA with one route, behind headers of IP, OSPF and the LS update.
EXTERNAL, LSA_HEADER = 36, 20
IP, OSPF, COUNT, MTU = 20, 24, 4, 1500
UPDATE_HEAD, ACK_HEAD = IP + OSPF + COUNT, IP + OSPF
LSAS_A_PACKET = (MTU - UPDATE_HEAD) // EXTERNAL
ACKS_A_PACKET = (MTU - ACK_HEAD) // LSA_HEADER
REFRESH = 1800  # LSRefreshTime, seconds
GROUP = 10      # FRR refreshes what is due within so many seconds together, and spreads what was originated at once
SPREAD = 120    # over so many
# Seconds, of the CPU that `scripts/bench prefixes` has seen for 1,008: a prefix in zebra and ospfd of the node it is
# on, an LSA in ospfd of a router, a route in its zebra; one hop; the second calculation of routes behind the first
# (timers throttle spf 0 50 5000).
EACH_ORIGIN, EACH_LSA, EACH_ROUTE, HOP, SPF = 0.00022, 0.00004, 0.00003, 0.0002, 0.05


def star(nodes):
    """One router, and the nodes on links of their own: {router: neighbours}, nodes by number from 0."""
    links = collections.defaultdict(list)
    for node in range(nodes):
        links["r"].append(node)
        links[node].append("r")
    return links


def two_tiers(nodes):
    """As many access routers as nodes on each, and a pair of cores that has all of them."""
    links = collections.defaultdict(list)
    access = max(1, math.isqrt(nodes))
    for node in range(nodes):
        links[node].append(f"a{node % access}")
        links[f"a{node % access}"].append(node)
    for one in range(access):
        for core in ("c0", "c1"):
            links[f"a{one}"].append(core)
            links[core].append(f"a{one}")
    return links


TOPOLOGIES = {"star": star, "two tiers": two_tiers}


class Flood:
    """One node's `count` LSAs, all of them new: who sends what (RFC 2328, section 13). Links are point-to-point. Each
    LSA goes to every neighbour but the one it came from; one that comes from a neighbour to which it is under way is
    its acknowledgement, any other is acknowledged. As counted with FRR: the origin sends each in a packet of its own,
    the others fill theirs (as far as several have come by then; here always)."""

    def __init__(self, links, origin, count):
        self.updates = self.lsas = self.update_octets = self.acks = self.ack_octets = 0
        self.busiest = 0  # LSAs that one router sends
        self.done = 0.0   # when the last router has the last of them
        sent_by = collections.Counter()
        full, rest = divmod(count, LSAS_A_PACKET)
        packets = [LSAS_A_PACKET] * full + [rest] * (rest > 0)
        has, ready, queue = {}, collections.Counter(), []
        on_link = set()  # (from, to, packet): sent
        order = iter(range(1 << 62))

        def send(now, who, but, packet):
            for other in links[who]:
                if other == but:
                    continue
                size = packets[packet]
                sent = size if who == origin else 1
                self.updates += sent
                self.lsas += size
                self.update_octets += sent * UPDATE_HEAD + size * EXTERNAL
                sent_by[who] += size
                on_link.add((who, other, packet))
                heapq.heappush(queue, (now + HOP, next(order), who, other, packet))
        for packet in range(len(packets)):
            has[origin, packet] = 0.0
            send(0.0, origin, None, packet)
        unacknowledged = collections.Counter()
        while queue:
            now, _, sender, who, packet = heapq.heappop(queue)
            if (who, packet) in has:
                # Both sent it to each other: each takes the other's for the answer.
                if (who, sender, packet) not in on_link:
                    unacknowledged[who, sender] += packets[packet]
                continue
            ready[who] = max(ready[who], now) + packets[packet] * EACH_LSA
            has[who, packet] = ready[who]
            self.done = max(self.done, ready[who])
            unacknowledged[who, sender] += packets[packet]
            send(ready[who], who, sender, packet)
        for waiting in unacknowledged.values():
            self.acks += math.ceil(waiting / ACKS_A_PACKET)
            self.ack_octets += math.ceil(waiting / ACKS_A_PACKET) * ACK_HEAD + waiting * LSA_HEADER
        self.busiest = max(sent_by.values())


def on_paper(links, count):
    """LSAs that are sent for `count` new ones: over each link once, and both ways over those that close a circle, of
    which the tree that the flood takes has none."""
    edges = sum(map(len, links.values())) // 2
    return count * (2 * edges - (len(links) - 1))


def row(name, nodes, prefixes):
    links = TOPOLOGIES[name](nodes)
    flood = Flood(links, 0, prefixes)
    # Spread over SPREAD seconds, a node's LSAs go out in so many groups.
    groups = min(SPREAD // GROUP, prefixes)
    of_group = math.ceil(prefixes / groups)
    group = Flood(links, 0, of_group)
    refreshed = nodes * prefixes / REFRESH
    octets = nodes * groups * (group.update_octets + group.ack_octets) / REFRESH
    return {"topology": name, "nodes": nodes, "prefixes": prefixes, "lsas": nodes * prefixes,
            "database_octets": nodes * prefixes * EXTERNAL, "refreshed_per_second": refreshed,
            # A node hears all of the others' over its one link.
            "octets_per_second_on_a_link": refreshed * EXTERNAL
            + nodes * groups / REFRESH * UPDATE_HEAD * math.ceil(of_group / LSAS_A_PACKET),
            "octets_per_second_in_all": octets,
            "busiest_sends_per_second": flood.busiest * nodes / REFRESH,
            "change_updates": flood.updates, "change_lsas": flood.lsas, "change_lsas_on_paper": on_paper(links, prefixes),
            "change_acks": flood.acks, "change_octets": flood.update_octets + flood.ack_octets,
            "converged_ms": 1000 * (flood.done + (SPF if prefixes > 1 else 0)
                                    + prefixes * (EACH_ORIGIN + EACH_ROUTE))}


class Counter:
    """The OSPFv2 packets that pass the router's ports: {(port, "in" or "out"): {"updates", "lsas", "acks", "headers"}}"""

    _ALL, _IPV4, _OSPF = 0x0003, 0x0800, 89
    _PACKET_OUTGOING = 4

    def __init__(self, namespace):
        with namespace.entered():
            # Of all protocols, or what leaves is not shown.
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(self._ALL))
        self._socket.settimeout(0.2)
        self.seen = collections.defaultdict(collections.Counter)
        self._ends = False
        self._thread = threading.Thread(target=self._count, daemon=True)
        self._thread.start()

    def _count(self):
        while not self._ends:
            try:
                data, (port, protocol, kind, *_) = self._socket.recvfrom(1 << 16)
            except TimeoutError:
                continue
            if protocol != self._IPV4 or data[9] != self._OSPF:
                continue
            ospf = data[4 * (data[0] & 15):]
            found = self.seen[port, "out" if kind == self._PACKET_OUTGOING else "in"]
            length = struct.unpack_from("!H", ospf, 2)[0]
            if ospf[1] == 4:
                at, external = OSPF + COUNT, 0
                while at < length:
                    external += ospf[at + 3] == 5
                    at += struct.unpack_from("!H", ospf, at + 18)[0]
                if external:
                    found.update(updates=1, lsas=external)
            elif ospf[1] == 5:
                headers = sum(ospf[at + 3] == 5 for at in range(OSPF, length, LSA_HEADER))
                found.update(acks=1 if headers else 0, headers=headers)

    def close(self):
        self._ends = True
        self._thread.join()
        self._socket.close()


def in_the_lab(count):
    """What is counted, and what the simulation says of it, when a node of three announces so many."""
    with Lab(resolvers=False, edit=permit_all, third=True) as lab, Stage(lab.near.namespace) as stage:
        time.sleep(6)
        with contextlib.closing(Counter(lab.router)) as counter, contextlib.closing(OneEach(stage, count)) as way:
            way.announce()
            wait_until(lambda: sum(prefix.startswith("198.18.") for prefix in lab.routes.prefixes()) == count, 60,
                       "all routes", every=0.05)
            time.sleep(3)  # acknowledgements are delayed
            seen = {f"{port} {way}": dict(found) for (port, way), found in sorted(counter.seen.items())}
    total = collections.Counter()
    for found in seen.values():
        total.update(found)
    flood = Flood(star(3), 0, count)
    return {"prefixes": count, "ports": seen,
            "lab": {key: total[key] for key in ("updates", "lsas", "acks", "headers")},
            "simulation": {"updates": flood.updates, "lsas": flood.lsas, "acks": flood.acks, "headers": flood.lsas}}


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench flooding", description=__doc__)
    parser.add_argument("--nodes", default="10,100,1000")
    parser.add_argument("--prefixes", default="1,10,100,1000")
    parser.add_argument("--lab", default="1,10,100", help="numbers of prefixes to count in the lab; empty: none")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--svg", metavar="FILE")
    options = parser.parse_args()
    rows = [row(name, nodes, prefixes) for name in TOPOLOGIES for nodes in map(int, options.nodes.split(","))
            for prefixes in map(int, options.prefixes.split(","))]
    shown = {"nodes": "nodes", "prefixes": "prefixes", "lsas": "LSAs", "refreshed_per_second": "refreshed/s",
             "octets_per_second_on_a_link": "octets/s a link", "octets_per_second_in_all": "octets/s in all",
             "busiest_sends_per_second": "busiest sends/s", "change_updates": "LSUpdates", "change_lsas": "LSAs sent",
             "change_lsas_on_paper": "on paper", "change_acks": "LSAcks", "converged_ms": "converged ms"}
    print(f"External LSAs of {EXTERNAL} octets, refreshed every {REFRESH} s, {LSAS_A_PACKET} a packet; LSUpdates and what "
          "follows: one node announces\nall of its prefixes at once, all nodes are as many hops away as the topology says.")
    for name in TOPOLOGIES:
        print(f"\n{name}\n\n" + report.table(shown.values(), [[one[key] for key in shown] for one in rows
                                                               if one["topology"] == name]))
    counted = []
    for count in map(int, filter(None, options.lab.split(","))):
        print(f"\rthe lab, {count:<10}", end="", file=sys.stderr, flush=True)
        counted.append(in_the_lab(count))
    if counted:
        print("\n\nCounted in the lab: a router with three nodes, of which one announces; all packets on its ports.\n")
        print(report.table(["prefixes", "", "LSUpdates", "LSAs sent", "LSAcks", "LSAs acknowledged"],
                           [[str(one["prefixes"]), who, *one[who].values()] for one in counted
                            for who in ("lab", "simulation")]))
    if options.json:
        report.write_json(options.json, "flooding", rows, lab=counted)
    if options.svg:
        report.plot(options.svg, "Refreshing external LSAs", "prefixes a node", "octets/s on a node's link",
                    {f"{nodes} nodes": [(one["prefixes"], one["octets_per_second_on_a_link"]) for one in rows
                                        if one["topology"] == "star" and one["nodes"] == nodes]
                     for nodes in map(int, options.nodes.split(","))})


if __name__ == "__main__":
    main()
