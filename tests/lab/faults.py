"""The faults of the fault matrix: what each does to a Stand, and what is right then."""

import contextlib
import dataclasses
import os
import signal
import subprocess
import time
from collections.abc import Callable

from frr import DAEMONS
from memory_limit import MemoryLimit, may_limit_memory
from netns import PATIENCE, kill, process_status, wait_until
from stand import (ADDRESSES, BOUND, DEAD_INTERVAL, DEVICE, EXPIRING_ROUTE, HOLDER, INTERFACES, KINDS, LINK, UNENDING,
                   Stand)
from wild_clock import WildClock

# How long the kernel may take to look for IPv6 routes that are over: 30 s as it comes, less where nobody reads it.
COLLECTS_AFTER = 30 if os.environ.get("ANYPROBE_MATRIX") else 2


def _nothing(_):
    pass


@dataclasses.dataclass(frozen=True)
class Fault:
    """What happens (`strike`), what has to be there before the daemon starts (`prepare`), and what ends it once the
    bound is over and all has been looked at (`heal`).

    Where the service stays well, `strike` returns when what it took away could be put right, or None: when it began."""

    name: str
    strike: Callable[[Stand], float | None] = _nothing
    prepare: Callable[[Stand], None] = _nothing
    heal: Callable[[Stand], None] = _nothing
    # What becomes of the service just before: "killed", "hung", "half dead"; or it stays "well".
    service: str = "killed"
    # Strikes, and is over, before that instead.
    is_first: bool = False
    # By how many seconds more than the bound the router may route a kind here.
    more: dict = dataclasses.field(default_factory=dict)
    # The kinds that are there until it is healed, and in words until when that is.
    stays: tuple = ()
    until: str = ""
    # Of a service that stays well: the kinds that the fault takes away, if only for a moment.
    takes: tuple = ()


def _to(*who, number):
    def strike(stand):
        for each in who:
            kill(getattr(stand, each), number)
    return strike


def _go_on(stand):
    for pid in stand.probing.ours():
        kill(pid, signal.SIGCONT)


def _withdraw(stand):
    stand.probing.nothing_runs()
    done = stand.node.program("anyprobe", "withdraw", "--all", "--run-dir", stand.run_dir)
    assert done.returncode == 0, done.stderr


def _start_again(stand):
    stand.probing.nothing_runs()
    stand.start_daemon()


def _out_of_memory(who):
    def strike(stand):
        pid = getattr(stand, who)
        if not may_limit_memory():
            kill(pid, signal.SIGKILL)
            return
        limit = stand.closing.enter_context(MemoryLimit(f"anyprobe-test-{os.getpid()}"))
        limit.starve(pid)
        # The next that it allocates is too much; to read the configuration again takes some.
        kill(pid, signal.SIGHUP)
        wait_until(limit.has_killed, PATIENCE, f"the kernel kills process {pid} for want of memory")
    return strike


def set_down(stand):
    for name in INTERFACES:
        stand.node.namespace.ip("link", "set", name, "down")


def set_up(stand):
    """But the link: that is the keeper's to do."""
    for name in (HOLDER, DEVICE):
        stand.node.namespace.ip("link", "set", name, "up")


def _delete_interfaces(stand):
    for name in INTERFACES:
        stand.node.namespace.ip("link", "del", name)


def _make_interfaces(stand):
    for name in INTERFACES:
        stand.make_interface(name)


def _for_a_moment(begin, end):
    def strike(stand):
        begin(stand)
        for kind in set(KINDS) - {"link"}:  # which may be back already
            stand.lab.wait_route(KINDS[kind], stand.lab.far)
        stand.lab.settle()
        at = time.monotonic()
        end(stand)
        return at
    return strike


def _remove_all(stand):
    """Or what of it is there still, where the service is dead."""
    ip = stand.node.namespace.ip
    for kind in ADDRESSES:
        ip("addr", "del", KINDS[kind], "dev", HOLDER, check=False)
    for family, kind in (("-4", "route IPv4"), ("-6", EXPIRING_ROUTE)):
        ip(family, "route", "del", KINDS[kind], "dev", DEVICE, check=False)
    ip("link", "set", LINK, "down")


def _kill_frr(stand):
    for daemon in reversed(DAEMONS):
        stand.node.frr.stop(daemon, signal.SIGKILL)


def _boot_frr(stand):
    stand.node.frr.boot()
    stand.lab.wait_adjacent()


def _small_disk(stand):
    disk = stand.folder / "disk"
    disk.mkdir(mode=0o755)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k,mode=755", "anyprobe-test", disk], check=True)
    stand.closing.callback(subprocess.run, ["umount", "-l", disk], check=False)
    stand.run_dir = disk / "run"
    stand.log = disk / "anyprobe.log"


def _fill_disk(stand):
    with contextlib.suppress(OSError), open(stand.folder / "disk/filler", "wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass


def _limit_descriptors(pid, limit):
    """The soft limit, and by a process of the same user: of another's it would want CAP_SYS_RESOURCE."""
    status = process_status(pid)
    user, group = (status[key].split()[0] for key in ("Uid", "Gid"))
    subprocess.run(["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups",
                    "prlimit", f"--pid={pid}", f"--nofile={limit}:"], check=True)


def _no_descriptor(who):
    # Below all that are in use: whichever is closed, none takes its place.
    return lambda stand: _limit_descriptors(getattr(stand, who), 3)


def _descriptors(who):
    return lambda stand: _limit_descriptors(getattr(stand, who), 1024)


def _no_descriptor_for_another_prober(stand):
    _no_descriptor("keeper")(stand)
    kill(stand.prober, signal.SIGKILL)


def _wild_clock(stand):
    stand.clock = WildClock(stand.folder)
    stand.closing.callback(stand.clock.close)
    stand.environment |= stand.clock.environment


def _set_clock(*days):
    def strike(stand):
        assert stand.clock.rules(stand.prober) and stand.clock.rules(stand.keeper)
        for day in days:
            stand.clock.set(86400 * day)
            if day != days[-1]:
                time.sleep(BOUND)  # in which nothing may happen
    return strike


def _broken_reload(stand):
    begin = stand.log.stat().st_size
    stand.write_configuration('{"services": [')
    kill(stand.keeper, signal.SIGHUP)
    stand.wait_logged("the old one is kept", begin)


_KEEPER_DEAD = {"more": {EXPIRING_ROUTE: COLLECTS_AFTER + 1}, "stays": UNENDING, "until": "the next start or withdraw"}
_KEEPER_STOPPED = {**_KEEPER_DEAD, "until": "it goes on"}
_KILLED = "OOM kill" if may_limit_memory() else "OOM kill (SIGKILL in its place, no memory control group here)"
_ALL = tuple(KINDS)

FAULTS = (
    Fault("prober SIGKILL", _to("prober", number=signal.SIGKILL)),
    Fault("prober SIGSTOP", _to("prober", number=signal.SIGSTOP)),
    Fault("prober SIGABRT", _to("prober", number=signal.SIGABRT)),
    Fault(f"prober {_KILLED}", _out_of_memory("prober")),
    Fault("keeper SIGKILL", _to("keeper", number=signal.SIGKILL), heal=_withdraw, **_KEEPER_DEAD),
    Fault("keeper SIGSTOP", _to("keeper", number=signal.SIGSTOP), heal=_go_on, **_KEEPER_STOPPED),
    Fault("keeper SIGABRT", _to("keeper", number=signal.SIGABRT), heal=_start_again, **_KEEPER_DEAD),
    Fault(f"keeper {_KILLED}", _out_of_memory("keeper"), heal=_withdraw, **_KEEPER_DEAD),
    Fault("both SIGKILL", _to("keeper", "prober", number=signal.SIGKILL), heal=_start_again, **_KEEPER_DEAD),
    Fault("both SIGSTOP", _to("keeper", "prober", number=signal.SIGSTOP), heal=_go_on, **_KEEPER_STOPPED),
    Fault("none"),
    Fault("none", service="hung"),
    Fault("none", service="half dead"),
    Fault("interfaces down", set_down),
    Fault("interfaces down and up", _for_a_moment(set_down, set_up), service="well", takes=_ALL),
    Fault("interfaces deleted", _delete_interfaces, heal=_make_interfaces),
    Fault("interfaces deleted and made", _for_a_moment(_delete_interfaces, _make_interfaces), service="well",
          takes=_ALL),
    Fault("all removed by hand", _remove_all),
    Fault("all removed by hand", _remove_all, service="well", takes=_ALL),
    Fault("FRR SIGKILL, later back", _kill_frr, heal=_boot_frr, more=dict.fromkeys(KINDS, DEAD_INTERVAL)),
    Fault("disk full", _fill_disk, prepare=_small_disk, is_first=True),
    Fault("prober without descriptors", _no_descriptor("prober"), heal=_descriptors("prober"), is_first=True),
    Fault("keeper without descriptors, prober SIGKILL", _no_descriptor_for_another_prober,
          heal=_descriptors("keeper")),
    Fault("clock a day forth, two back", _set_clock(1, -1), prepare=_wild_clock, service="well"),
    Fault("clock a day forth, two back", _set_clock(1, -1), prepare=_wild_clock, is_first=True),
    Fault("reload of a broken file", _broken_reload, is_first=True),
)
