"""One BIRD in a namespace, booted from quagga-conf; to a Lab it is what an Frr is."""

import re
import shutil
import signal
import subprocess

from frr import CONF
from netns import end, wait_until

# What FRR has a daemon for.
_PROTOCOLS = {"ospfd": "ospf4", "ospf6d": "ospf6"}


class Bird:
    daemons = ("bird",)
    integrated = False  # nothing is left to load once it runs

    def __init__(self, namespace, folder, shape, router_id, edit=None):
        self.namespace = namespace
        self.processes = {}
        self._folder = folder
        self._control = folder / "bird.ctl"
        text = (CONF / shape["bird.conf"] / "bird.conf").read_text()
        text = re.sub(r"(?m)^router id \S+;$", f"router id {router_id};", text)
        self._conf = folder / "bird.conf"
        if edit:
            text = edit(text)
        # The machine's syslog is not the lab's.
        self._conf.write_text(text.replace("log syslog all;", "log stderr all;"))
        for path in (folder, self._conf):
            shutil.chown(path, "bird", "bird")
        self._conf.chmod(0o640)

    def start(self, daemon):
        self.processes[daemon] = self.namespace.spawn(
            "/usr/sbin/bird", "-f", "-u", "bird", "-g", "bird", "-c", self._conf, "-s", self._control,
            "-P", self._folder / "bird.pid", log=self._folder / "bird.log")

    def wait_ready(self, daemon):
        def answers():
            if self.processes[daemon].poll() is not None:
                raise RuntimeError(f"{self.namespace.name}: bird ended:\n{self.log()}")
            return self._control.exists() and "up and running" in self.ask("show status").lower()
        wait_until(answers, 10, f"{self.namespace.name}: bird answers", every=0.02)

    def ask(self, command):
        done = subprocess.run(["/usr/sbin/birdcl", "-s", self._control, *command.split()],
                              capture_output=True, text=True, timeout=10)
        return done.stdout

    def full_neighbors(self, daemon):
        """How many adjacencies are complete."""
        return self.ask(f"show ospf neighbors {_PROTOCOLS[daemon]}").count("\tFull/")

    def log(self):
        path = self._folder / "bird.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def close(self):
        for daemon in list(self.processes):
            end(self.processes.pop(daemon), signal.SIGKILL)
