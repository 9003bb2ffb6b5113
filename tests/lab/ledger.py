"""What was so in a soak, and what is wrong with it: the services as the test made them against the addresses, routes
and links that the kernel had, and the routes of the router. Nothing is asked of the daemon."""

import contextlib
import dataclasses
import time

from history import common, complement, during, later, longest, until
from watch import LinkWatch, RouteWatch

# From the node's kernel to the router, while things change all the time: OSPF announces nothing anew within 5 s
# (MinLSInterval), and what the neighbour dropped for coming too soon is sent again a second later.
OSPF_TAKES = 10


@dataclasses.dataclass(frozen=True)
class Announcement:
    number: int  # of the service
    kind: str    # "address", "route" or "link"
    prefix: str
    interface: str = ""  # of a link

    @property
    def unending(self):
        """Whether the kernel alone would never end it, or not soon enough."""
        return self.kind != "address"


class Ledger:
    """`lease` is that of all, `detection` how long the prober may need to see that a service is dead, `patience` how
    much later all may be on a machine that does other things too (seconds)."""

    def __init__(self, lab, announcements, lease, detection, patience):
        self.announcements = announcements
        self.bound = lease + 0.5
        self._detection = detection
        self._patience = patience
        self._lab = lab
        self._node = lab.near
        self._services = {one.number: [] for one in announcements}  # of (time, is well, or None: neither for sure)
        self._prober = []  # of (time, is there)
        self._keeper = []
        self._watches = {}

    def start(self):
        """Nothing is announced yet, and all services are about to be well."""
        now = time.monotonic()
        namespace = self._node.namespace
        self._watches = {"address": self._node.watch_addresses(), "route": RouteWatch(namespace),
                         "link": LinkWatch(namespace)}
        for changes in self._services.values():
            changes.append((now, True))
        self._prober.append((now, True))
        self._keeper.append((now, True))

    def close(self):
        for watch in self._watches.values():
            watch.close()

    @contextlib.contextmanager
    def changing(self, numbers, is_well):
        """The services become so meanwhile; before they were something else."""
        begin = time.monotonic()
        yield
        end = time.monotonic()
        for number in numbers:
            self._services[number] += [(begin, None), (end, is_well)]

    def prober_lost(self, keeper=False):
        now = time.monotonic()
        self._prober.append((now, False))
        if keeper:
            self._keeper.append((now, False))

    def prober_there(self):
        now = time.monotonic()
        for who in (self._prober, self._keeper):
            if not who[-1][1]:
                who.append((now, True))

    def missing(self):
        """What the kernel or the router has not now."""
        return [one for one in self.announcements
                if not self._watches[one.kind].now(one.interface or one.prefix)
                or self._node.router_port not in self._lab.routes.now(one.prefix)]

    # What was so.

    def _of(self, watch, key, is_so):
        changes = [(change.at, change.interfaces) for change in list(watch.changes) if change.prefix == key]
        return until(during(changes, is_so), time.monotonic())

    def in_kernel(self, one):
        return self._of(self._watches[one.kind], one.interface or one.prefix, bool)

    def on_router(self, one):
        return self._of(self._lab.routes, one.prefix, lambda ports: self._node.router_port in ports)

    def dead(self, one):
        """When it has been dead for longer than its bound, and whoever ends it was there for as long."""
        stretches = during(self._services[one.number], lambda well: well is False)
        found = [(deadline, end) for deadline, end in ((self._deadline(begin), end) for begin, end in stretches)
                 if deadline < end]
        return common(found, self._for_bound(self._keeper)) if one.unending else found

    def _deadline(self, death):
        """A lease that was renewed before the prober could see the death runs on if the prober is lost before it does,
        and that of no other."""
        seen = death + self._detection + self._patience
        losses = (at for at, there in self._prober if not there and death <= at <= seen)
        return next(losses, death) + self.bound

    def well(self, one):
        """When it has been well for longer than its bound, and its prober was there for as long."""
        found = later(during(self._services[one.number], lambda well: well is True), self.bound)
        return common(found, self._for_bound(self._prober))

    def _for_bound(self, who):
        return later(during(who, bool), self.bound)

    # What is wrong with it.

    def violations(self):
        found = []
        for one in self.announcements:
            name = f"s{one.number} ({one.kind} {one.prefix})"
            kernel, router = self.in_kernel(one), self.on_router(one)
            for where, there, more in (("in the kernel", kernel, 0), ("on the router", router, OSPF_TAKES)):
                for begin, end in common(there, later(self.dead(one), more + self._patience)):
                    found.append(f"{name} dead for too long and {where} for {end - begin:.2f} s more, at {begin:.2f}"
                                 + self._before(one, there, begin))
                absent = until(complement(there), time.monotonic())
                for begin, end in common(absent, self.well(one)):
                    if end - begin > self.bound + more + self._patience:
                        found.append(f"{name} well and not {where} for {end - begin:.2f} s, at {begin:.2f}")
        return found

    def _before(self, one, there, at):
        """What was so in the seconds before, for people."""
        def recent(changes):
            return [(f"{when - at:.2f}", what) for when, what in changes if -8 <= when - at <= 2]
        return (f" (seconds from there: service {recent(self._services[one.number])}, prober {recent(self._prober)}, "
                f"there {[(f'{begin - at:.2f}', f'{end - at:.2f}') for begin, end in there if end > at - 8]})")

    def summary(self):
        """Numbers that say what the violations were looked for in."""
        deaths = past = flaps = 0
        kernel_worst = router_worst = 0.0
        for one in self.announcements:
            dead = until(during(self._services[one.number], lambda well: well is False), time.monotonic())
            deaths += len(dead)
            past += sum(end - begin > self.bound for begin, end in dead)
            kernel, router = self.in_kernel(one), self.on_router(one)
            kernel_worst = max(kernel_worst, longest(common(kernel, dead)))
            router_worst = max(router_worst, longest(common(router, dead)))
            well = later(during(self._services[one.number], lambda well: well is True), self.bound)
            flaps += sum(any(begin <= end < stop for begin, stop in well) for _, end in kernel)
        return {"deaths": deaths, "longer than the bound": past, "withdrawn while well": flaps,
                "longest dead in the kernel": round(kernel_worst, 2),
                "longest dead on the router": round(router_worst, 2)}
