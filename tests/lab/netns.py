"""Network namespaces: made, entered and removed again, with every process that was started in them."""

import contextlib
import ctypes
import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)

# ap<pid of the lab>-<number in that process>-<role>. FRR takes it as the name of its instance, so no dots.
_NAME = re.compile(r"ap(\d+)-(\d+)-([a-z]+)$")
SCRATCH = Path("/tmp")
# Seconds. For what must come in the end, where the time it takes is not what is tested: it only guards against waiting
# for ever, on a machine that has more to do and with a build that is slow.
PATIENCE = 30


class Timeout(AssertionError):
    """A condition did not come true before its deadline."""


def wait_until(condition, timeout, what, every=0.01):
    """Returns the first true value of `condition`, or raises Timeout naming `what`."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Timeout(f"{what}: not within {timeout} s")
        time.sleep(every)


def holds(condition, duration, what, every=0.02):
    """Raises if the condition is not true all the time that is given."""
    end = time.monotonic() + duration
    while time.monotonic() < end:
        assert condition(), f"{what}: not any more"
        time.sleep(every)


def _setns(descriptor):
    if _libc.setns(descriptor, _CLONE_NEWNET) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


class Namespace:
    """One namespace. Processes are ended by their id and the namespace goes with close()."""

    def __init__(self, name):
        self.name = name
        self.processes = []
        subprocess.run(["ip", "netns", "add", name], check=True)
        self._path = f"/run/netns/{name}"

    @contextlib.contextmanager
    def entered(self):
        """The calling thread is in the namespace; sockets made there stay there."""
        here = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        there = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _setns(there)
            try:
                yield
            finally:
                _setns(here)
        finally:
            os.close(there)
            os.close(here)

    def sysctl(self, key, value):
        with self.entered():
            Path("/proc/sys", *key.split("/")).write_text(str(value))

    def ip(self, *words, check=True):
        """`ip` in the namespace; a list of objects where it was asked with -j."""
        done = subprocess.run(["ip", "-n", self.name, *words], capture_output=True, text=True)
        if check and done.returncode != 0:
            raise RuntimeError(f"ip {' '.join(words)}: {done.stderr.strip()}")
        return json.loads(done.stdout or "[]") if "-j" in words else done.stdout

    def command(self, words):
        return ["ip", "netns", "exec", self.name, *map(str, words)]

    def run(self, *words, timeout=20, **options):
        """Runs to the end and returns the CompletedProcess, whatever its exit code."""
        options = {"capture_output": True, "text": True, "stdin": subprocess.DEVNULL, **options}
        return subprocess.run(self.command(words), timeout=timeout, **options)

    def spawn(self, *words, log=None, **options):
        """Starts in the background; ended with the namespace at the latest."""
        out = open(log, "ab") if log else subprocess.DEVNULL
        try:
            process = subprocess.Popen(self.command(words), stdin=subprocess.DEVNULL, stdout=out,
                                       stderr=subprocess.STDOUT, **options)
        finally:
            if log:
                out.close()
        self.processes.append(process)
        return process

    def pids(self):
        out = subprocess.run(["ip", "netns", "pids", self.name], capture_output=True, text=True).stdout
        return [int(pid) for pid in out.split()]

    def named(self, comm):
        """The ids of the processes in here with this name."""
        return [pid for pid in self.pids() if process_name(pid) == comm]

    def close(self):
        end_all(self.name)
        for process in self.processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(PATIENCE)
        subprocess.run(["ip", "netns", "del", self.name], check=False, stderr=subprocess.DEVNULL)


def process_name(pid):
    try:
        return Path(f"/proc/{pid}/comm").read_text().rstrip("\n")
    except OSError:
        return None


def process_status(pid):
    """/proc/PID/status as a dictionary, empty when the process is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def process_state(pid):
    """R, S, T, Z and so on; None when the process is gone."""
    return process_status(pid).get("State", " ")[0].strip() or None


def kill(pid, number):
    """False when there is no such process any more."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def end(process, number=signal.SIGTERM, timeout=3):
    """Ends one child, in the end by force, also when it is stopped."""
    if process.poll() is None:
        process.send_signal(number)
        process.send_signal(signal.SIGCONT)
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()


def end_all(name):
    """Kills what runs in the namespace until nothing does."""
    def none_left():
        out = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True).stdout
        left = [pid for pid in map(int, out.split()) if process_state(pid) != "Z"]
        for pid in left:
            kill(pid, signal.SIGKILL)
        return not left
    with contextlib.suppress(Timeout):
        wait_until(none_left, PATIENCE, f"the processes in {name} are gone", every=0.02)


def scratch_folder(name):
    return SCRATCH / f"anyprobe-lab-{name}"


def remove_leftovers():
    """What earlier labs left behind whose process is gone."""
    folder = Path("/run/netns")
    names = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
    for name in names:
        match = _NAME.match(name)
        if match and not Path("/proc", match[1]).exists():
            end_all(name)
            subprocess.run(["ip", "netns", "del", name], check=False)
            shutil.rmtree(Path("/run/frr", name), ignore_errors=True)
    for entry in SCRATCH.glob("anyprobe-lab-ap*"):
        match = re.search(r"-ap(\d+)-", entry.name)
        if match and not Path("/proc", match[1]).exists():
            shutil.rmtree(entry, ignore_errors=True)
