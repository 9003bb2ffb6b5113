"""What the tests beside others share: nodes of their own, and the program where the examples have it."""

import itertools
import os
import re
import shutil

import pytest
from lab import BUILD, REPO, Node
from netns import PATIENCE, Namespace, scratch_folder, wait_until

EXAMPLES = REPO / "scripts" / "examples"
SERVICE = "192.0.2.1/32"

# The program stands where the examples say, and /run is empty, for what is started so and for nobody else.
_INSTALLED = """
set -e
mount -t tmpfs none /usr/local/sbin
touch /usr/local/sbin/anyprobe
mount --bind "$1" /usr/local/sbin/anyprobe
mount -t tmpfs none /run
mkdir /run/haproxy
shift
exec "$@"
"""


def installed(*words):
    return ["unshare", "--mount", "sh", "-c", _INSTALLED, "sh", BUILD / "anyprobe", *words]


_numbers = itertools.count(700)


def _node(folder, role, address):
    namespace = Namespace(f"ap{os.getpid()}-{next(_numbers)}-{role}")
    own = folder / role
    own.mkdir(mode=0o755)
    namespace.ip("link", "set", "lo", "up")
    return Node(namespace, own, address, None)


@pytest.fixture(scope="module")
def own_folder():
    path = scratch_folder(f"ap{os.getpid()}-{next(_numbers)}-beside")
    path.mkdir(mode=0o755)
    yield path
    if not os.environ.get("ANYPROBE_LAB_KEEP"):
        shutil.rmtree(path)


@pytest.fixture
def pair(own_folder, request):
    """Two nodes on one wire, each with a resolver."""
    folder = own_folder / re.sub(r"\W", "-", request.node.name)
    folder.mkdir(mode=0o755)
    nodes = []
    try:
        nodes += [_node(folder, "near", "198.51.100.2"), _node(folder, "far", "198.51.100.6")]
        near, far = nodes
        near.namespace.ip("link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", far.namespace.name)
        for node in nodes:
            node.namespace.ip("addr", "add", f"{node.address}/24", "dev", "eth0")
            node.namespace.ip("link", "set", "eth0", "up")
            node.start_unbound()
        yield near, far
    finally:
        for node in nodes:
            node.namespace.close()


@pytest.fixture
def alone(own_folder, request):
    folder = own_folder / re.sub(r"\W", "-", request.node.name)
    folder.mkdir(mode=0o755)
    node = _node(folder, "alone", "198.51.100.2")
    yield node
    node.namespace.close()


def holds_service(node):
    return SERVICE in node.addresses("eth0")


def moves(giver, taker, what, timeout=PATIENCE):
    wait_until(lambda: holds_service(taker) and not holds_service(giver), timeout, what, every=0.05)


def text_of(path):
    return path.read_text(errors="replace") if path.exists() else ""
