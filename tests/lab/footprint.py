"""What a process holds: descriptors and memory."""

import os
import re
from pathlib import Path


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def memory(pid):
    """What is resident of its own, in KiB; what of files is shared with others comes and goes with them."""
    return int(re.search(r"^Anonymous:\s+(\d+) kB$", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)[1])


def of(pids):
    """The sum of both, of several processes that stay."""
    return {"descriptors": sum(map(descriptors, pids)), "memory KiB": sum(map(memory, pids))}
