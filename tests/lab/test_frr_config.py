"""What `anyprobe frr-config` prints, booted: FRR's one file, the files of Quagga's daemons (by FRR, which takes them)
and BIRD, each on a node of its own that has nothing else which would let a prefix out. And what `init` finds there."""

import json
import re
import subprocess
import time

import pytest
from lab import BUILD, SHAPES, Lab
from netns import wait_until

pytestmark = pytest.mark.xdist_group("frr-config")

ADDRESSES = ("192.0.2.1/32", "192.0.2.2/32", "2001:db8:ffff:a000:fdc0::3b5/128")
FROM_FILE = tuple(f"192.0.2.{64 + i}/32" for i in range(4)) + ("2001:db8:ffff:a000::f0/128",)
SUMMARY = ("203.0.113.64/28",)
TOKEN = ("192.0.2.99/32",)
ROUTES = ("192.0.2.153/32", "203.0.113.160/29", "2001:db8:ffff:b000::/64")
LINKED = ("203.0.113.200/32", "2001:db8:ffff:a000::200/128")
CONFIGURED = {*ADDRESSES, *FROM_FILE, *SUMMARY, *TOKEN, *ROUTES, *LINKED}

CONFIGURATION = """{{ "services": [
  {{ "name": "dns", "drain_token": "192.0.2.99/32",
     "probe": {{ "type": "dns", "server": "127.0.0.1" }},
     "advertise": [ {{ "address": "192.0.2.2" }}, {{ "address": "2001:db8:ffff:a000:fdc0::3b5/128" }},
                    {{ "address": "192.0.2.1/32" }}, {{ "link": "link0" }},
                    {{ "addresses_from": "{folder}/single" }},
                    {{ "addresses_from": "{folder}/summary", "expand": false }} ] }},
  {{ "name": "behind", "probe": {{ "type": "tcp", "host": "192.0.2.153", "ports": 80 }},
     "advertise": [ {{ "route": "2001:db8:ffff:b000::/64", "device": "eth9" }},
                    {{ "route": "203.0.113.160/29", "device": "eth9" }},
                    {{ "route": "192.0.2.153/32", "device": "eth9" }},
                    {{ "route": "203.0.113.240/32", "device": "eth9", "table": 100 }} ] }} ] }}
"""


def write_configuration(folder):
    path = folder / "anyprobe.json"
    path.write_text(CONFIGURATION.format(folder=folder))
    (folder / "single").write_text("192.0.2.64/30 # four\n2001:db8:ffff:a000::f0\n")
    # An address on its subnet: the subnet is what is announced.
    (folder / "summary").write_text("203.0.113.65/28\n")
    return path


def printed(path, style):
    done = subprocess.run([BUILD / "anyprobe", "frr-config", "--config", path, "--style", style], capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    # Said where a person sees it, and in the file.
    assert "203.0.113.240/32 dev eth9 table 100 is not announced" in done.stderr
    assert "Not announced: 203.0.113.240/32 dev eth9 table 100" in done.stdout
    return done.stdout


def section(text, daemon):
    return text.split(f"! ---- /etc/quagga/{daemon}.conf ----\n")[1].split("! ----")[0]


def bare(text):
    """A node's file of quagga-conf, in either style, without what lets prefixes out."""
    text = re.sub(r"(?m)^(ip|ipv6) prefix-list .*\n", "", text)
    text = re.sub(r"(?m)^route-map .*\n( .*\n)*(exit\n)?", "", text)
    return re.sub(r"(?m)^ redistribute .*\n", "", text)


def bare_bird(text, ours):
    """The same for BIRD, and in it what the comment of `ours` says."""
    text = re.sub(r"(?m)^define SERVICES.*\n", "", text)
    text = re.sub(r"(?ms)^protocol direct services \{.*?^\}\n", "", text)
    text = re.sub(r"(?ms)^filter announced \{.*?^\}\n", "", text)
    text = re.sub(r"import where krt_source = 77 && net ~ SERVICES.;", "import where anyprobe_route();", text)
    text = text.replace("export filter announced;", "export filter anyprobe_announced;")
    assert "SERVICES" not in text
    return text.replace("protocol device", f"{ours}\nprotocol device", 1)


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    path = write_configuration(tmp_path_factory.mktemp("frr-config"))
    return {style: printed(path, style) for style in ("frr", "quagga", "bird")}


@pytest.fixture(scope="module")
def booted(texts):
    def edit(text):
        if "protocol direct services" in text:
            return bare_bird(text, texts["bird"])
        if " redistribute " not in text:
            return text
        if "service integrated-vtysh-config" in text:
            return bare(text) + texts["frr"]
        daemon = "ospf6d" if "router ospf6" in text else "ospfd"
        return bare(text).replace("line vty\n", section(texts["quagga"], daemon) + "line vty\n")

    shape = {"router": SHAPES["frr"]["router"], "near": {"bird.conf": "node"}, "far": SHAPES["quagga"]["node"],
             "third": SHAPES["frr"]["node"]}
    with Lab(shape, edit=edit, third=True) as lab:
        yield lab


def put_everything(node):
    """All that is configured, and as much that nobody has asked for."""
    run = node.namespace.ip
    for name in ("link0", "eth9"):
        run("link", "add", name, "type", "veth", "peer", "name", f"peer-{name}")
        for end in (name, f"peer-{name}"):
            run("link", "set", end, "up")
    run("addr", "add", "203.0.113.129/32", "dev", "eth9")
    run("addr", "add", "203.0.113.130/32", "dev", "peer-link0")
    # Some of them within a prefix that is configured.
    for prefix in ("203.0.113.131/32", "203.0.113.70/32", "192.0.2.3/32", "2001:db8:ffff:a000::99/128"):
        node.add_address(prefix)
    for prefix in ("203.0.113.168/29", "203.0.113.162/32", "192.0.2.152/32", "192.0.2.154/31", "192.0.2.64/30",
                   "2001:db8:ffff:b001::/64", "2001:db8:ffff:b000::1/128"):
        run("route", "add", prefix, "dev", "eth9", "proto", "77")
    run("route", "add", "203.0.113.240/32", "dev", "eth9", "table", "100", "proto", "77")
    for prefix in ROUTES:
        run("route", "add", prefix, "dev", "eth9", "proto", "77")
    for prefix in LINKED:
        run("addr", "add", prefix, "dev", "link0", *(["nodad"] if ":" in prefix else []))
    for prefix in (*FROM_FILE, *TOKEN, "203.0.113.65/28", *ADDRESSES):
        node.add_address(prefix)


@pytest.mark.parametrize("name", ["near", "far", "third"], ids=["bird", "quagga", "frr"])
def test_what_is_configured_is_announced_and_nothing_else(booted, name):
    node = next(one for one in booted.nodes if one.name == name)
    known = booted.routes.prefixes()
    put_everything(node)
    try:
        for prefix in CONFIGURED:
            booted.wait_route(prefix, node)
        # What was there first would be here by now, but it is looked for a moment longer.
        time.sleep(0.5)
        assert booted.routes.prefixes() == known | CONFIGURED
        if name != "near":
            for daemon in node.frr.processes:
                log = node.frr.log(daemon).lower()
                assert "no such command" not in log and "unknown command" not in log and "error" not in log
    finally:
        node.clear()
        for prefix in node.addresses():
            node.del_address(prefix)
    for prefix in CONFIGURED:
        booted.wait_route(prefix, None)


def test_loaded_again_it_changes_nothing(booted, texts, tmp_path):
    """In a running FRR, whose routes stay where they are; and one address more is only that."""
    node = booted.nodes[2]
    file = tmp_path / "printed.conf"

    def vtysh(*words):
        done = subprocess.run(["vtysh", "-N", node.frr.name, "--config_dir", node.folder.parent, *words],
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 and "%" not in done.stdout + done.stderr, done.stdout + done.stderr
        return done.stdout

    def configured():
        return {daemon: node.frr.ask(daemon, "show running-config") for daemon in node.frr.processes}
    before = configured()
    assert "permit 192.0.2.64/32" in before["ospfd"]
    node.add_address(ADDRESSES[0])
    booted.wait_route(ADDRESSES[0], node)
    changes = len(booted.routes.changes)
    file.write_text(texts["frr"])
    for _ in range(2):
        vtysh("-f", str(file))
    assert configured() == before
    # Before all others in the list.
    file.write_text(texts["frr"].replace("ip prefix-list anyprobe-addresses permit 192.0.2.1/32\n",
                                         "ip prefix-list anyprobe-addresses permit 192.0.2.0/32\n"
                                         "ip prefix-list anyprobe-addresses permit 192.0.2.1/32\n"))
    vtysh("-f", str(file))
    after = configured()["ospfd"]
    assert set(after.splitlines()) - set(before["ospfd"].splitlines()) == {
        line for line in after.splitlines() if line.endswith("permit 192.0.2.0/32")}
    assert len(booted.routes.changes) == changes
    for daemon in node.frr.processes:
        node.frr.configure(daemon, "no ip prefix-list anyprobe-addresses permit 192.0.2.0/32")
    assert configured() == before
    node.del_address(ADDRESSES[0])
    booted.wait_route(ADDRESSES[0], None)


def test_init_on_a_node_with_unbound_and_frr(booted, tmp_path):
    node = booted.nodes[2]
    node.add_address("192.0.2.66/32")
    words = ("init", "--vty-dir", node.frr.run_dir, "--frr-dir", tmp_path)
    done = node.program("anyprobe", *words)
    assert (done.returncode, done.stderr) == (0, "")
    assert "unbound listens on udp 0.0.0.0:53" in done.stdout
    assert "192.0.2.1/32, by prefix-list anyprobe-addresses" in done.stdout
    judged = node.namespace.run("/bin/sh", "-c", '"$0" "$@" | "$0" validate --config /dev/stdin --print',
                                BUILD / "anyprobe", *words)
    assert (judged.returncode, judged.stderr) == (0, "")
    [found] = json.loads(judged.stdout)["services"]
    assert (found["name"], found["probe"]["type"]) == ("dns", "dns")
    announced = {one["address"] for one in found["advertise"]}
    assert announced == {*ADDRESSES, *FROM_FILE, *TOKEN}
    assert "192.0.2.153/32, by prefix-list anyprobe-routes, for routes of the kernel" in done.stdout
    assert "203.0.113.64/28, by prefix-list" in done.stdout
    assert "192.0.2.66/32" in done.stdout.split("On lo already")[1].split('"services"')[0]
    node.del_address("192.0.2.66/32")
    # The answers of a real resolver are what it asks for.
    path = tmp_path / "anyprobe.json"
    assert node.program("anyprobe", *words, "--output", path).returncode == 0
    assert path.stat().st_mode & 0o777 == 0o640
    checked = node.program("anyprobe", "check", "--config", path)
    assert checked.stdout.startswith("OK"), checked.stdout
    again = node.program("anyprobe", *words, "--output", path)
    assert again.returncode == 71 and f"{path}: File exists" in again.stderr


def test_init_reads_files_where_no_frr_runs(booted, tmp_path):
    near = booted.near
    frr = tmp_path / "frr"
    frr.mkdir()
    (frr / "ospfd.conf").write_text("ip prefix-list mine seq 5 permit 203.0.113.53/32\n"
                                    "route-map out permit 10\n match ip address prefix-list mine\n"
                                    "router ospf\n redistribute connected route-map out\n")
    done = near.program("anyprobe", "init", "--vty-dir", tmp_path, "--frr-dir", frr)
    assert (done.returncode, done.stderr) == (0, "")
    assert '"advertise": [ { "address": "203.0.113.53/32" } ]' in done.stdout
    # The daemons of another namespace's FRR are not asked for this one.
    other = near.program("anyprobe", "init", "--vty-dir", booted.nodes[2].frr.run_dir, "--frr-dir", frr)
    assert "Not asked: " in other.stdout and "203.0.113.53/32" in other.stdout
    wait_until(lambda: not near.our_processes(), 10, "nothing is left behind")
