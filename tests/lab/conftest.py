"""One lab is shared by all tests of our programs that one worker runs; each test begins with nothing announced.

As root: /usr/bin/python3 -m pytest tests/lab; with -n 4 --dist loadgroup in a third of the time. ANYPROBE_BUILD says
which build is tested (default: build), ANYPROBE_LAB_KEEP=1 keeps the folder with the machines' files and logs
(/tmp/anyprobe-lab-ap*)."""

import contextlib
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from lab import BUILD, SERVICE4, SERVICE6, Lab  # noqa: E402 (found by the line above)
from netns import PATIENCE, wait_until  # noqa: E402
from servers import HeldSocket, Server  # noqa: E402

QUICK = ("--interval", "200ms", "--timeout", "150ms", "--rise", "1", "--fall", "2", "--linger", "0s")
# The lab's router is tuned. Where no test says otherwise, nothing waits for it.
PROMPT = ("--lsa-spacing", "0s")
BOTH = (SERVICE4, SERVICE6)
ADDRESSES = ("--address", SERVICE4, "--address", SERVICE6)


def pytest_configure(config):
    config.addinivalue_line("markers", "xdist_group(name): run by the same worker")


@pytest.fixture(scope="session", autouse=True)
def _root():
    if os.geteuid() != 0:
        pytest.fail("network namespaces need root", pytrace=False)


@pytest.fixture(scope="session")
def _shared_lab():
    if not (BUILD / "anyprobe").exists():
        pytest.fail(f"{BUILD}/anyprobe is not there: build first, or say where by ANYPROBE_BUILD", pytrace=False)
    with Lab() as lab:
        yield lab


@pytest.fixture
def lab(_shared_lab):
    _shared_lab.reset()
    yield _shared_lab
    _shared_lab.end_probes()


@pytest.fixture
def folder():
    """Where a test puts its files: readable by all, since the prober is nobody."""
    path = Path(tempfile.mkdtemp(prefix="anyprobe-test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


class Probing:
    """A probe on the near node, as most tests start it; dns-probe where no other is named."""

    def __init__(self, lab, folder):
        self.lab = lab
        self.node = lab.near
        self.folder = folder
        self._servers = contextlib.ExitStack()

    def server(self, name, *command, serves, files=None, **options):
        """A Server on the node that serves when this returns and ends with the test."""
        server = Server(self.node, self.folder, name, *command, serves=serves, files=files, **options)
        self._servers.callback(server.kill)
        return server.start()

    def hold(self, *endpoints):
        """A HeldSocket on the node, closed with the test at the latest."""
        return self._servers.enter_context(HeldSocket(self.node.namespace, *endpoints))

    def close(self):
        self._servers.close()

    def start(self, *words, program="dns-probe", addresses=ADDRESSES, node=None, pace=QUICK):
        """In the background, and it must start. `words` come last, as the positional ones of a probe must."""
        node = node or self.node
        done = node.program(program, "--run-dir", node.run_dir, *PROMPT, *pace, *addresses, *words)
        assert done.returncode == 0, done.stderr
        return done

    def run_config(self, *services, name="anyprobe.json", **more):
        """`anyprobe run` of these services (see service()) and further keys of the configuration; returns
        (process, file its log goes to)."""
        path = self.write({"services": list(services), **more}, name)
        return self.start_foreground("--config", path, program="anyprobe")

    def start_foreground(self, *words, program="dns-probe", pace=QUICK, addresses=ADDRESSES):
        """Returns (process, file its log goes to)."""
        log = self.folder / f"{program}.log"
        log.touch()
        path = BUILD / program
        command = [path] + (["run"] if program == "anyprobe" else []) + ["--run-dir", self.node.run_dir]
        if program != "anyprobe":
            command += ["--foreground", *PROMPT, *pace, *addresses]
        return self.node.namespace.spawn(*command, *words, log=log), log

    def announced(self, prefixes=BOTH, node=None, timeout=10):
        """Returns when the router has taken it and will take the next change at once."""
        for prefix in prefixes:
            self.lab.wait_route(prefix, node or self.node, timeout)
        self.lab.settle()

    def withdrawn(self, prefixes=BOTH, timeout=10):
        for prefix in prefixes:
            self.lab.wait_route(prefix, None, timeout)
        self.lab.settle()

    def start_announced(self, *words, **options):
        self.start(*words, **options)
        self.announced()

    def probers(self, program="dns-probe"):
        return self.node.probers(program)

    def pid(self, program="dns-probe"):
        """The one prober."""
        found = self.probers(program)
        assert len(found) == 1, found
        return found[0]

    def keeper(self):
        found = self.node.keepers()
        assert len(found) == 1, found
        return found[0]

    def ours(self):
        """Whatever of ours runs on the node."""
        return self.node.our_processes()

    def nothing_runs(self):
        """Who reported an error may still be about to end."""
        wait_until(lambda: not self.ours(), PATIENCE, "no process of ours is left", every=0.005)

    def write(self, configuration, name="anyprobe.json"):
        """Writes a configuration (text, octets, or what becomes JSON) and returns its path."""
        path = self.folder / name
        if isinstance(configuration, dict) and "services" in configuration:
            configuration = {"lsa_spacing": "0s", **configuration}
        if isinstance(configuration, bytes):
            path.write_bytes(configuration)
        elif isinstance(configuration, str):
            path.write_text(configuration)
        else:
            path.write_text(json.dumps(configuration, indent=2))
        return path


@pytest.fixture
def probing(lab, folder):
    one = Probing(lab, folder)
    yield one
    one.close()


def service(*prefixes, name="dns", **more):
    """One service of a configuration; `probe=` says whom it asks, else the node's own resolver."""
    return {"name": name, "interval": "200ms", "timeout": "150ms", "rise": 1, "fall": 2, "linger": "0s",
            "probe": {"type": "dns", "server": "127.0.0.1", "query": "www.example.org"},
            "advertise": [{"address": prefix} for prefix in prefixes], **more}
