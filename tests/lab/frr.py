"""One FRR instance (zebra, ospfd, ospf6d) in a namespace, booted from the files of quagga-conf."""

import contextlib
import json
import os
import pwd
import re
import shlex
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from netns import end, wait_until

CONF = Path(__file__).resolve().parents[2] / "quagga-conf"
DAEMONS = ("zebra", "ospfd", "ospf6d")
_BIN = Path("/usr/lib/frr")
_RUN = Path("/run/frr")
# What a daemon that restarts gracefully must know of itself it keeps here: one file for all instances of a machine.
_STATE = {"ospfd": _RUN / "ospfd-gr.json", "ospf6d": _RUN / "ospf6d-gr.json"}
_WITH_ITS_OWN_STATE = 'mount --bind "$0" "$1" && shift && exec "$@"'
# The end of a reply on a daemon's vty socket: three NULs and a status octet.
_END = b"\0\0\0"


class Vty:
    """A daemon's vty socket, spoken as vtysh does."""

    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(5)
        self._socket.connect(str(path))
        self.ask("enable")

    def ask(self, command):
        self._socket.sendall(command.encode() + b"\0")
        reply = b""
        while reply[-4:-1] != _END:
            part = self._socket.recv(65536)
            if not part:
                raise ConnectionError(f"the vty closed at: {command}")
            reply += part
        if reply[-1]:
            raise RuntimeError(f"{command}: {reply[:-4].decode()} (status {reply[-1]})")
        return reply[:-4].decode()

    def close(self):
        self._socket.close()


def in_area_of(kind):
    """An edit for a Lab in the integrated style: the links between router and nodes are an area of this kind ("nssa",
    "stub"), and the router, which has the clients in area 0, is its border."""
    block = re.compile(r"(?ms)^interface .*?^exit$\n")

    def edit(text):
        links = [found.replace("area 0.0.0.0", "area 0.0.0.1") if "point-to-point" in found else found
                 for found in block.findall(text)]
        text = block.sub("", text).replace("198.51.100.0/24 area 0.0.0.0", "198.51.100.0/24 area 0.0.0.1")
        text = re.sub(r"(?m)^router ospf6?$", rf"\g<0>\n area 0.0.0.1 {kind}", text)
        # Last, or the adjacencies begin in an area of another kind.
        return text + "".join(links)
    return edit


def _install(source, target, router_id, edit):
    """A file as quagga-conf has it, owned and protected as the daemons want it. Only the router id, which
    must differ on every node, is put in, and what a test edits."""
    text = source.read_text()
    if edit:
        text = edit(text)
    if router_id:
        text = re.sub(r"(?m)^(\s*(?:ospf |ospf6 )?router-id) \S+$", rf"\1 {router_id}", text)
    target.write_text(text)
    frr = pwd.getpwnam("frr")
    os.chown(target, frr.pw_uid, frr.pw_gid)
    target.chmod(0o640)


class Frr:
    """`folder` must bear the namespace's name: vtysh adds the instance to the path it is given.
    `shape` maps a file's name to the folder of quagga-conf it comes from ("node", "router", "proxy/near");
    one that names frr.conf boots the integrated style through `vtysh -b`, any other the split style. `edit` is given the
    text of each file and returns what is booted."""

    daemons = DAEMONS

    def __init__(self, namespace, folder, shape, router_id=None, edit=None):
        self.namespace = namespace
        self.name = namespace.name
        self.run_dir = _RUN / namespace.name  # its vty sockets
        self.processes = {}
        self._vtys = {}
        self._folder = folder
        self.integrated = "frr.conf" in shape
        frr = pwd.getpwnam("frr")
        for path in (_RUN, _RUN / self.name, folder):
            path.mkdir(exist_ok=True)
            if path.stat().st_uid != frr.pw_uid:
                os.chown(path, frr.pw_uid, frr.pw_gid)
        for name, origin in shape.items():
            _install(CONF / origin / name, folder / name, router_id, edit)
        self._options = dict(re.findall(r'^(\w+)_options="(.*)"$', (folder / "daemons").read_text(), re.M))

    def start(self, daemon):
        """Returns before the daemon is ready; see wait_ready()."""
        conf = self._folder / f"{daemon}.conf"
        if self.integrated:
            conf.touch(mode=0o640)
            shutil.chown(conf, "frr", "frr")
            (self._folder / "vtysh.conf").touch(mode=0o640)
        log = self._folder / f"{daemon}.log"
        self.processes[daemon] = self.namespace.spawn(
            *self._own_state(daemon), _BIN / daemon, "-N", self.name, "-f", conf,
            "-i", _RUN / self.name / f"{daemon}.pid", "--log", f"file:{log}",
            *shlex.split(self._options[daemon]), log=log)

    def _own_state(self, daemon):
        """The words that give the daemon a file of state that no other instance reads; its mounts are its own."""
        if daemon not in _STATE:
            return ()
        own = self._folder / _STATE[daemon].name
        for path in (own, _STATE[daemon]):
            if not path.exists():
                path.touch(mode=0o640)
                shutil.chown(path, "frr", "frr")
        return "/bin/sh", "-c", _WITH_ITS_OWN_STATE, own, _STATE[daemon]

    def wait_ready(self, daemon):
        path = _RUN / self.name / f"{daemon}.vty"

        def answers():
            if self.processes[daemon].poll() is not None:
                raise RuntimeError(f"{self.name}: {daemon} ended:\n{self.log(daemon)}")
            try:
                self._vtys[daemon] = Vty(path)
            except (FileNotFoundError, ConnectionRefusedError):
                return False
            return True
        wait_until(answers, 10, f"{self.name}: {daemon} answers", every=0.02)

    def load(self):
        done = subprocess.run(["vtysh", "-N", self.name, "--config_dir", self._folder.parent, "-b"],
                              capture_output=True, text=True)
        if done.returncode != 0 or "%" in done.stdout + done.stderr:
            raise RuntimeError(f"{self.name}: vtysh -b: {done.returncode}\n{done.stdout}{done.stderr}")

    def boot(self, daemons=DAEMONS):
        """These, again, as at first; see full_neighbors() for when they are of use."""
        for daemon in daemons:
            self.start(daemon)
            self.wait_ready(daemon)
        if self.integrated:
            self.load()

    def log(self, daemon):
        path = self._folder / f"{daemon}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def ask(self, daemon, command):
        return self._vtys[daemon].ask(command)

    def configure(self, daemon, *lines):
        for command in ("configure terminal", *lines, "end"):
            self.ask(daemon, command)

    def ask_json(self, daemon, command):
        return json.loads(self.ask(daemon, command + " json") or "{}")

    def full_neighbors(self, daemon):
        """How many adjacencies are complete, with no retransmission outstanding where that is told."""
        if daemon == "ospfd":
            found = self.ask_json(daemon, "show ip ospf neighbor").get("neighbors", {})
            return sum(one.get("nbrState", one.get("state", "")).startswith("Full")
                       for many in found.values() for one in many)
        found = self.ask_json(daemon, "show ipv6 ospf6 neighbor").get("neighbors", [])
        return sum(one.get("state") == "Full" for one in found)

    # Graceful restarts (RFC 3623, RFC 5187), in the integrated style; see graceful().

    def prepare_restart(self):
        """Its neighbours are told that ospfd and ospf6d are about to restart."""
        self.ask("ospfd", "graceful-restart prepare ip ospf")
        self.ask("ospf6d", "graceful-restart prepare ipv6 ospf")

    def helps(self):
        """Whether it helps a neighbour that restarts: by both ("all"), one, or none of its daemons."""
        said = (self.ask("ospfd", "show ip ospf graceful-restart helper detail"),
                self.ask("ospf6d", "show ipv6 ospf6 graceful-restart helper detail"))
        return ("none", "one", "all")[sum("Remaining GraceTime" in one for one in said)]

    @contextlib.contextmanager
    def also_configured(self, text):
        """As long as this lasts, also at the next start; what runs already is told by configure()."""
        path = self._folder / "frr.conf"
        before = path.read_text()
        path.write_text(before + text)
        try:
            yield
        finally:
            path.write_text(before)

    def stop(self, daemon, number=signal.SIGTERM):
        vty = self._vtys.pop(daemon, None)
        if vty:
            vty.close()
        return end(self.processes.pop(daemon), number)

    def close(self):
        for vty in self._vtys.values():
            vty.close()
        # Orderly, last first: zebra takes its routes out, ospfd says goodbye.
        for daemon in reversed(list(self.processes)):
            end(self.processes.pop(daemon), signal.SIGKILL)
        shutil.rmtree(_RUN / self.name, ignore_errors=True)


@contextlib.contextmanager
def permitted(node, *entries):
    """What else may leave the node for as long as this lasts, each as a prefix-list has it."""
    lines = [("ospf6d" if ":" in entry else "ospfd", f"{'ipv6' if ':' in entry else 'ip'} prefix-list "
              f"{'anycast6' if ':' in entry else 'anycast'} seq {900 + i} permit {entry}")
             for i, entry in enumerate(entries)]

    def configure(prefix):
        for daemon, line in lines:
            node.frr.configure(daemon, prefix + line)
    configure("")
    try:
        yield
    finally:
        configure("no ")


_GRACEFUL = """router ospf
 capability opaque
 graceful-restart grace-period {grace}
exit
router ospf6
 graceful-restart grace-period {grace}
exit
"""


@contextlib.contextmanager
def graceful(lab, node, grace):
    """From now on, the node's OSPF may restart gracefully within so many seconds, and the router helps, in a lab that is
    the test's own. Adjacencies are formed anew at its begin."""
    router = lab.router_frr
    for daemon, line in (("ospfd", "router ospf"), ("ospf6d", "router ospf6")):
        node.frr.configure(daemon, line, f"graceful-restart grace-period {grace}")
        router.configure(daemon, line, "graceful-restart helper enable")
    # Or whatever else changes meanwhile, as where the lab has only just booted, ends the help.
    router.configure("ospfd", "router ospf", "no graceful-restart helper strict-lsa-checking")
    router.configure("ospf6d", "router ospf6", "graceful-restart helper lsa-check-disable")
    for frr in (router, node.frr):  # last, since it ends the adjacency
        frr.configure("ospfd", "router ospf", "capability opaque")
    # What it was counts until the change has been noticed.
    wait_until(lambda: node.frr.full_neighbors("ospfd") == 0, 10, "the adjacency ends", every=0.005)
    lab.wait_adjacent()
    with node.frr.also_configured(_GRACEFUL.format(grace=grace)):
        yield
