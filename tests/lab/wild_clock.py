"""A time of day that jumps for the programs under test alone: `date -s` would move it for the whole machine, and a time
namespace has the clocks that count, not this one."""

import mmap
import os
import struct
import subprocess
from pathlib import Path

_SOURCE = Path(__file__).with_suffix(".cpp")


class WildClock:
    """`environment` is for the programs, `folder` must be readable to them."""

    def __init__(self, folder):
        library, file = folder / "wild_clock.so", folder / "clock"
        subprocess.run(["g++", "-std=c++20", "-shared", "-fPIC", "-o", library, _SOURCE], check=True)
        file.write_bytes(struct.pack("=q", 0))
        with open(file, "r+b") as opened:
            self._shift = mmap.mmap(opened.fileno(), 8)
        # The sanitizers want to be loaded first, and do not mind what only asks the time.
        sanitizer = ":".join(filter(None, (os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0")))
        self.environment = {"LD_PRELOAD": str(library), "ANYPROBE_TEST_CLOCK": str(file), "ASAN_OPTIONS": sanitizer}
        self._library = library

    def rules(self, pid):
        """Whether the process is one that asks it."""
        return str(self._library) in Path(f"/proc/{pid}/maps").read_text()

    def set(self, seconds):
        """How far it is from the machine's."""
        self._shift[:] = struct.pack("=q", seconds)

    def close(self):
        self._shift.close()
