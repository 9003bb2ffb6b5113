"""A machine that boots a real systemd: this system's files below an overlay that goes with it, in namespaces and a control
group of its own. Nothing outside is changed."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

PATIENCE = 60
# What a machine of ours needs not, and what would take its time.
MASKED = ("systemd-udevd.service", "systemd-udev-trigger.service", "systemd-timesyncd.service", "systemd-networkd.service",
          "systemd-resolved.service", "systemd-logind.service", "systemd-remount-fs.service", "systemd-random-seed.service",
          "systemd-binfmt.service", "systemd-sysctl.service", "systemd-modules-load.service", "systemd-firstboot.service",
          "systemd-update-utmp.service", "systemd-pstore.service", "systemd-tmpfiles-setup-dev.service",
          "systemd-journal-flush.service", "systemd-udevd-control.socket", "systemd-udevd-kernel.socket", "apparmor.service",
          "networking.service", "dev-hugepages.mount", "dev-mqueue.mount", "sys-kernel-debug.mount",
          "sys-kernel-tracing.mount", "sys-fs-fuse-connections.mount", "proc-sys-fs-binfmt_misc.automount",
          "keyboard-setup.service", "console-setup.service", "frr.service", "bird.service")

_BOOT = """
set -e
echo $$ >"$GROUP/cgroup.procs"
exec unshare --fork --kill-child --pid --mount --cgroup --net --uts --ipc --propagation private sh -ec '
  mount -t overlay overlay -o "lowerdir=/,upperdir=$FOLDER/up,workdir=$FOLDER/work" "$FOLDER/root"
  cd "$FOLDER/root"
  mount -t proc proc proc
  mount -t sysfs sysfs sys
  mount -t tmpfs tmpfs run
  mount -t tmpfs tmpfs tmp
  mount --rbind /dev dev
  mount -t cgroup2 cgroup2 sys/fs/cgroup
  mkdir -p mnt
  ip link set lo up
  pivot_root . mnt
  umount -l /mnt
  exec /lib/systemd/systemd --system --unit=sysinit.target --log-level=notice --log-target=journal --show-status=0'
"""


def wait_until(condition, what, timeout=PATIENCE):
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what}: not within {timeout} s"
        time.sleep(0.05)


def _control_groups():
    """Where cgroup2 is mounted, or nothing."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        words = line.split()
        if words[2] == "cgroup2":
            return Path(words[1])
    return None


def why_none():
    """Why no machine boots here; empty where one does."""
    return "" if _control_groups() else "cgroup2 is not mounted"


class AddressMonitor:
    """What `ip monitor address` tells of a machine, from the mark by which it is seen to watch to the next."""

    def __init__(self, machine, folder, device):
        self._machine, self._device = machine, device
        self._heard = folder / "heard"
        with self._heard.open("w") as out:
            self._process = subprocess.Popen(machine.command(["ip", "monitor", "address"]), stdout=out)
        wait_until(lambda: self._hears("192.0.2.76"), "it watches")

    def _hears(self, mark):
        self._machine.must("ip", "addr", "replace", f"{mark}/32", "dev", self._device)
        return mark in self._heard.read_text()

    def end(self):
        wait_until(lambda: self._hears("192.0.2.77"), "it watches still")
        self._process.terminate()  # whom it was to start ends with the machine
        return self._heard.read_text()


class Machine:
    def __init__(self, files=None, environment=()):
        """`files`: a tree that is put above this system's. `environment`: of all its services."""
        self.folder = Path(tempfile.mkdtemp(prefix="anyprobe-machine-"))
        self.folder.chmod(0o755)
        self.group = _control_groups() / self.folder.name
        # An overlay does not stand upon another, which this system may be.
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", self.folder], check=True)
        for name in ("up", "work", "root"):
            (self.folder / name).mkdir()
            (self.folder / name).chmod(0o755)
        self.up = self.folder / "up"
        if files:
            subprocess.run(["cp", "-a", f"{files}/.", self.up], check=True)
        self.write("/etc/machine-id", "0123456789abcdef0123456789abcdef\n")
        lines = "".join(f'DefaultEnvironment="{word}"\n' for word in environment)
        self.write("/etc/systemd/system.conf", f"[Manager]\n{lines}")
        self.write("/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 0\n", 0o755)
        for unit in MASKED:
            self._above(f"/etc/systemd/system/{unit}").symlink_to("/dev/null")
        self.log = self.folder / "log"
        self.group.mkdir()
        self._leader = None
        self.pid = None

    def _above(self, path):
        out = self.up / path.lstrip("/")
        missing = [parent for parent in out.parents if not parent.exists()]
        out.parent.mkdir(parents=True, exist_ok=True)
        for parent in missing:
            parent.chmod(0o755)
        return out

    def write(self, path, text, mode=0o644):
        """Before it boots."""
        out = self._above(path)
        out.write_text(text)
        out.chmod(mode)

    def boot(self):
        with open(self.log, "wb") as out:
            self._leader = subprocess.Popen(["sh", "-c", _BOOT], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                            env={"PATH": os.environ["PATH"], "container": "test",
                                                 "FOLDER": str(self.folder), "GROUP": str(self.group)})
        self.pid = int(wait_until(self._init, "there is a process 1"))
        wait_until(lambda: self.run("systemctl", "is-active", "sysinit.target").returncode == 0,
                   f"it has booted: {self.log.read_text()}")
        return self

    def _init(self):
        assert self._leader.poll() is None, self.log.read_text()
        path = Path(f"/proc/{self._leader.pid}/task/{self._leader.pid}/children")
        for pid in path.read_text().split():
            if Path(f"/proc/{pid}/comm").read_text().strip() == "systemd":
                return pid
        return None

    def command(self, words):
        return ["nsenter", "-t", str(self.pid), "-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w", *map(str, words)]

    def run(self, *words, timeout=PATIENCE, **options):
        return subprocess.run(self.command(words), capture_output=True, text=True, timeout=timeout,
                              stdin=subprocess.DEVNULL, check=False, **options)

    def must(self, *words, **options):
        done = self.run(*words, **options)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def spawn(self, *words):
        """Ends with the machine."""
        return subprocess.Popen(self.command(words), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL)

    def put(self, path, text):
        """While it runs."""
        subprocess.run(self.command(["sh", "-c", 'mkdir -p "$(dirname "$0")" && cat >"$0"', path]), input=text, text=True,
                       check=True)

    def show(self, unit, *properties):
        out = self.must("systemctl", "show", unit, *(f"-p{name}" for name in properties))
        return dict(line.split("=", 1) for line in out.splitlines())

    def journal(self, unit):
        return self.run("journalctl", "-q", "--no-pager", "-o", "cat", "-u", unit).stdout

    def close(self):
        if self._leader and self._leader.poll() is None:
            self._leader.send_signal(signal.SIGKILL)
            self._leader.wait()
        with contextlib.suppress(AssertionError):
            wait_until(self._remove_group, "the control group is gone", 20)
        subprocess.run(["umount", "-l", self.folder], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _remove_group(self):
        for folder, _, _ in os.walk(self.group, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(folder)
        return not self.group.exists()
