"""A memory control group (of either version) in which a process finds no memory any more, so that the kernel's own
out-of-memory killer ends it."""

import contextlib
import os
import re
from pathlib import Path

from netns import PATIENCE, wait_until

_ROOT = Path("/sys/fs/cgroup")
_OLD = _ROOT / "memory"  # version 1, if it is there


def _hierarchy():
    return _OLD if _OLD.is_dir() else _ROOT


def may_limit_memory():
    """Not where the control groups are somebody else's, as in most containers."""
    if _OLD.is_dir():
        return os.access(_OLD, os.W_OK) and (_OLD / "memory.limit_in_bytes").exists()
    control = _ROOT / "cgroup.subtree_control"
    return control.exists() and os.access(control, os.W_OK) and "memory" in control.read_text().split()


class MemoryLimit:
    """A context manager, which removes the group again. The name is the group's."""

    def __init__(self, name):
        self._group = _hierarchy() / name

    def __enter__(self):
        self._group.mkdir()
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            wait_until(self._removed, PATIENCE, f"{self._group} is empty")

    def _removed(self):
        try:
            self._group.rmdir()
        except OSError:
            return False
        return True

    def starve(self, pid):
        """What it has is not counted; what it takes from now on is too much."""
        # In this order: a limit below what is taken already is refused.
        (self._group / ("memory.limit_in_bytes" if _OLD.is_dir() else "memory.max")).write_text("0")
        (self._group / "cgroup.procs").write_text(str(pid))

    def has_killed(self):
        events = self._group / ("memory.oom_control" if _OLD.is_dir() else "memory.events")
        return int(re.search(r"^oom_kill (\d+)$", events.read_text(), re.M)[1]) > 0
