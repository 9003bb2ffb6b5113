"""`anyprobe doctor` on a node of the lab: what it finds, held against its exit code, and what mends it."""

import contextlib
import json

from conftest import BOTH, service
from lab import BUILD
from netns import PATIENCE, end, wait_until

# What is so of the machine that runs the tests, whatever they do.
OF_THE_MACHINE = {"clock", "kernel", "seccomp"}


class Doctor:
    """The node, and what is said of it."""

    def __init__(self, probing):
        self.probing = probing
        self.node = probing.node
        self.frr = {"vty_dir": str(self.node.frr.run_dir)}
        self.services = [service(*BOTH, linger="2s")]
        self.path = self.configuration(*self.services)

    def configuration(self, *services, name="doctor.json", **more):
        return self.probing.write({"services": list(services), "frr": self.frr, **more}, name)

    def run(self, *words, by=(), config=None):
        return self.node.namespace.run(*by, BUILD / "anyprobe", "doctor", "--config", config or self.path,
                                       "--run-dir", self.node.run_dir, *words)

    def findings(self, of_the_machine=False, **how):
        """With the exit code held against the gravest of them."""
        done = self.run("--json", **how)
        assert done.stderr == "", done.stderr
        told = json.loads(done.stdout)
        worst = {one["gravity"] for one in told["findings"]}
        code = 2 if "blocking" in worst else 1 if "warning" in worst else 0
        assert (done.returncode, told["code"]) == (code, code)
        return [one for one in told["findings"] if of_the_machine or one["id"] not in OF_THE_MACHINE]

    def ids(self, **how):
        return [one["id"] for one in self.findings(**how)]

    def well(self, what, **how):
        wait_until(lambda: self.ids(**how) == [], PATIENCE, f"nothing is found {what}", every=0.1)

    def shell(self, line, by=()):
        done = self.node.namespace.run(*by, "/bin/sh", "-c", line)
        assert done.returncode == 0 and "%" not in done.stdout, (line, done.stdout, done.stderr)

    def finds_and_mends(self, *wanted, config=None):
        """Just these, each once or of each family, and the lines that are told help."""
        found = self.findings(config=config)
        assert {one["id"] for one in found} == set(wanted), found
        for one in found:
            assert one["what"] and one["why"]
            for line in one["mend"]:
                self.shell(line)
        self.well(f"once {wanted} is mended", config=config)
        return found


# As on a machine that has booted: an interface that udev knows is configured once its addresses are known.
_NETWORKD = """set -e
mount --bind "$1" /etc/systemd
for folder in /run/systemd /run/udev; do mkdir -p "$folder" && mount -t tmpfs tmpfs "$folder"; done
for folder in links leases lldp; do mkdir -p "/run/systemd/netif/$folder"; done
chown -R systemd-network:systemd-network /run/systemd/netif
mount -o remount,rw /sys  # or it takes this for a container, where there is no udev
mkdir /run/udev/data
touch /run/udev/control
for index in 1 "$2"; do printf 'I:1\\n' >"/run/udev/data/n$index"; done
exec /lib/systemd/systemd-networkd
"""


class Networkd:
    """The real systemd-networkd, in the namespace of the node, with a folder for /etc/systemd. It configures lo, and
    one interface, which it gives an address of its own."""

    def __init__(self, node, folder, interface):
        self.node = node
        self.interface = interface
        self.files = folder / "systemd"
        (self.files / "network").mkdir(parents=True)
        (self.files / "network" / "05-lo.network").write_text("[Match]\nName=lo\n[Network]\n")
        # Before a command: it sees the same files.
        self.by = ("unshare", "-m", "/bin/sh", "-c", f'mount --bind {self.files} /etc/systemd && exec "$@"', "sh")
        self._log = folder / "networkd.log"

    @contextlib.contextmanager
    def running(self, address):
        """Returns once it has given the interface this address."""
        (self.files / "network" / f"10-{self.interface}.network").write_text(
            f"[Match]\nName={self.interface}\n[Network]\nLinkLocalAddressing=no\nAddress={address}\n")
        index = self.node.namespace.ip("-j", "link", "show", "dev", self.interface)[0]["ifindex"]
        process = self.node.namespace.spawn("unshare", "-m", "/bin/sh", "-c", _NETWORKD, "sh", self.files, index,
                                            log=self._log)
        try:
            wait_until(lambda: address in self.node.addresses(self.interface) or process.poll() is not None, PATIENCE,
                       "systemd-networkd has configured it")
            assert process.poll() is None, self._log.read_text()
            yield
        finally:
            end(process)


@contextlib.contextmanager
def pair(node, up=True):
    """second and third, a veth pair where nobody asks by ARP; gone at the end."""
    node.namespace.ip("link", "add", "second", "type", "veth", "peer", "name", "third")
    for name in ("second", "third"):
        node.namespace.ip("link", "set", name, "arp", "off")
    node.namespace.ip("link", "set", "third", "up")
    if up:
        node.namespace.ip("link", "set", "second", "up")
    try:
        yield
    finally:
        node.namespace.ip("link", "del", "second")
