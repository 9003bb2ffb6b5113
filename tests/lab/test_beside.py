"""At home beside others: keepalived, HAProxy, ucarp and the tools of Pacemaker's agents from Debian's packages, with
the very files of scripts/examples and scripts/ocf."""

import csv
import io
import itertools
import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from beside import EXAMPLES, SERVICE, holds_service, installed, moves, text_of
from beside import alone, own_folder, pair  # noqa: F401 (fixtures)
from lab import BUILD, REPO
from netns import PATIENCE, end, kill, process_state, wait_until
from servers import Server, listens

RESOURCES = Path("/opt/anyprobe-lab/resource-agents/usr")


# keepalived

def test_keepalived_moves_the_address_with_the_service(pair):
    near, far = pair
    for node, priority in ((near, 100), (far, 90)):
        text = (EXAMPLES / "keepalived.conf").read_text()
        assert "priority 100" in text
        path = node.folder / "keepalived.conf"
        path.write_text(text.replace("priority 100", f"priority {priority}"))
        node.namespace.spawn(*installed("/usr/sbin/keepalived", "--vrrp", "--dont-fork", "--log-console",
                                        "--log-detail", "--no-syslog", "--use-file", path, "--pid",
                                        node.folder / "keepalived.pid", "--vrrp_pid", node.folder / "vrrp.pid"),
                             log=node.folder / "keepalived.log")
    moves(far, near, "the node of the higher priority has the address")
    near.kill_unbound()
    moves(near, far, "the other one takes it once the resolver is dead")
    assert "security" not in text_of(near.folder / "keepalived.log").lower()
    near.start_unbound()
    moves(far, near, "it comes back with the resolver")


# Exit codes: for MISC_CHECK without misc_dynamic and for ldirectord, 0 is well and all else is not.

def _misc_paths():
    return re.findall(r'misc_path "([^"]*)"', (EXAMPLES / "keepalived-misc-check.conf").read_text())


def test_misc_check_and_ldirectord_tell_by_exit_codes(pair):
    near, far = pair
    paths = _misc_paths()
    assert len(paths) == 2
    check = EXAMPLES / "ldirectord-check"
    answers = {"misc": lambda: [near.namespace.run(*installed(*path.split())).returncode for path in paths],
               "ldirectord": lambda: [near.namespace.run(*installed(check, "192.0.2.1", "53", address, "53")).returncode
                                      for address in (near.address, far.address)]}
    for name, ask in answers.items():
        assert ask() == [0, 0], name
    far.kill_unbound()
    for name, ask in answers.items():
        assert ask() == [0, 2], name
    # IPv6 as ldirectord gives it; nobody listens at the second port.
    run = near.namespace.run(*installed(check, "2001:db8::1", "53", "::1", "53"))
    assert run.returncode == 0, run
    assert near.namespace.run(*installed(check, "2001:db8::1", "54", "::1", "54")).returncode == 2


def test_misc_check_takes_the_real_server_out(pair):
    """The kernel may have no ip_vs; what keepalived would do to it goes nowhere."""
    near, far = pair
    feigned = near.folder / "feigned_ipvs.so"
    source = REPO / "scripts" / "bench.d" / "feigned_ipvs.cpp"
    subprocess.run(["g++", "-shared", "-fPIC", "-o", feigned, source, "-ldl"], check=True)
    log = near.folder / "keepalived.log"
    near.namespace.spawn(*installed(
        "env", f"LD_PRELOAD={feigned}", "/usr/sbin/keepalived", "--check", "--dont-fork", "--log-console",
        "--log-detail", "--no-syslog", "--use-file", EXAMPLES / "keepalived-misc-check.conf", "--pid",
        near.folder / "keepalived.pid", "--checkers_pid", near.folder / "checkers.pid"), log=log)
    wait_until(lambda: text_of(log).count("succeeded") >= 2, PATIENCE, "both are well")
    far.kill_unbound()
    removed = "Removing service [198.51.100.6]"
    wait_until(lambda: removed in text_of(log), PATIENCE, "one is taken out")
    far.start_unbound()
    wait_until(lambda: "Adding service [198.51.100.6]" in text_of(log).partition(removed)[2], PATIENCE,
               "it is put back")
    assert "Removing service [198.51.100.2]" not in text_of(log)


# HAProxy

_WEB = """
import socket, sys
listener = socket.create_server((sys.argv[1], 3128), backlog=4096)
while True:
    connection = listener.accept()[0]
    connection.sendall(b"well")
    connection.close()
"""


class Proxy:
    """HAProxy with the example, and what it says of its servers."""

    def __init__(self, node):
        self._process = node.namespace.spawn(
            *installed("/usr/sbin/haproxy", "-db", "-f", EXAMPLES / "haproxy.cfg"), log=node.folder / "haproxy.log")
        self.path = Path(f"/proc/{self._process.pid}/root/run/haproxy/admin.sock")
        self._log = node.folder / "haproxy.log"
        wait_until(self.path.exists, PATIENCE, "HAProxy listens")

    def server(self, name):
        with socket.socket(socket.AF_UNIX) as one:
            one.settimeout(PATIENCE)
            one.connect(str(self.path))
            one.sendall(b"show stat\n")
            text = b"".join(iter(lambda: one.recv(65536), b"")).decode()
        rows = csv.DictReader(io.StringIO(text.removeprefix("# ")))
        return next(row for row in rows if row["pxname"] == "proxies" and row["svname"] == name)

    def becomes(self, name, status, desc=""):
        def is_so():
            try:
                row = self.server(name)
            except OSError:  # it is not there yet
                return None
            return row["status"].startswith(status) and desc in row["agent_desc"] + row["last_agt"] and row
        try:
            return wait_until(is_so, PATIENCE, f"{name} becomes {status}", every=0.05)
        except AssertionError as error:
            raise AssertionError(f"{error}; {self.server(name)}; {text_of(self._log)}") from error


def web_service(**more):
    return {"name": "web", "interval": "200ms", "timeout": "150ms", "rise": 1, "fall": 2, "linger": "0s",
            "probe": {"type": "tcp", "host": "198.51.100.2", "ports": [3128], "expect": "well"},
            "advertise": [], **more}


def agent_says(node, request, address="198.51.100.2", port=9707):
    with node.namespace.entered():
        one = socket.create_connection((address, port), timeout=PATIENCE)
    with one:
        one.sendall(request)
        return b"".join(iter(lambda: one.recv(4096), b"")).decode()


def _serves(node, address):
    try:
        return agent_says(node, b"", address, 3128) == "well"
    except OSError:
        return False


def test_haproxy_asks_the_agent(alone):
    node = alone
    for address in ("192.0.2.1", "198.51.100.2", "198.51.100.6"):
        node.namespace.ip("addr", "add", f"{address}/32", "dev", "lo")
    near, far = (Server(node, node.folder, address, sys.executable, "-c", _WEB, address,
                        serves=lambda a=address: listens(node.namespace, "tcp", 3128) and _serves(node, a))
                 for address in ("198.51.100.2", "198.51.100.6"))
    for server in (near, far):
        server.start()
    log = node.folder / "anyprobe.log"
    path = node.folder / "anyprobe.json"
    other = web_service(name="other", probe={"type": "tcp", "host": "127.0.0.1", "ports": [9]})
    path.write_text(json.dumps({"services": [web_service(), other], "lsa_spacing": "0s"}))
    daemon = node.namespace.spawn(BUILD / "anyprobe", "run", "--config", path, "--run-dir", node.run_dir, "--agent",
                                  "198.51.100.2:9707", log=log)
    wait_until(lambda: listens(node.namespace, "tcp", 9707) and agent_says(node, b"web\n") == "up ready\n", PATIENCE,
               "the agent says that it is up")
    # All of them; HAProxy without agent-send says nothing.
    wait_until(lambda: agent_says(node, b"") == "down ready #other: refused\n", PATIENCE, "the other one is down")
    assert agent_says(node, b"web") == "up ready\n"  # no end of the line
    assert agent_says(node, b"wob\n") == "down ready #there is no such service\n"
    assert agent_says(node, b"GET / HTTP/1.1\r\n\r\n") == ""

    proxy = Proxy(node)
    proxy.becomes("near", "UP", "up")
    proxy.becomes("far", "UP")  # where no agent answers, the connection alone decides

    def administer(verb):
        force = ["--force"] if verb == "drain" else []
        done = node.program("anyprobe", verb, "web", "--run-dir", node.run_dir, *force)
        assert done.returncode == 0, done.stderr
    administer("drain")
    proxy.becomes("near", "DRAIN")
    assert agent_says(node, b"other\n") == "down ready #refused\n" and agent_says(node, b"web\n") == "up drain\n"
    assert agent_says(node, b"\n") == "down drain #other: refused\n"
    administer("resume")
    proxy.becomes("near", "UP")
    # It hangs: the kernel still accepts connections, so that HAProxy's own check passes.
    near.stop()
    row = proxy.becomes("near", "DOWN (agent)", "timeout")
    assert row["check_status"] == "L4OK" and proxy.server("far")["status"] == "UP", row
    near.cont()
    proxy.becomes("near", "UP")
    near.kill()
    proxy.becomes("near", "DOWN")
    near.start()
    proxy.becomes("near", "UP")

    # Suspended, it does not answer; killed, another prober has the same socket.
    prober = node.probers("anyprobe")[0]
    kill(prober, signal.SIGTSTP)
    wait_until(lambda: process_state(prober) == "T", PATIENCE, "it is suspended")
    with pytest.raises(TimeoutError), node.namespace.entered():
        with socket.create_connection(("198.51.100.2", 9707), timeout=1) as one:
            one.sendall(b"web\n")
            one.recv(100)
    assert proxy.server("near")["status"] == "UP"  # which HAProxy takes for no news
    kill(prober, signal.SIGCONT)
    wait_until(lambda: agent_says(node, b"web\n") == "up ready\n", PATIENCE, "it answers again")
    kill(prober, signal.SIGKILL)
    wait_until(lambda: agent_says(node, b"web\n") == "up ready\n", PATIENCE, "the next prober answers")
    proxy.becomes("near", "UP")
    assert end(daemon) == 0, text_of(log)


def test_the_agent_moves_with_the_configuration(alone):
    node = alone
    path = node.folder / "anyprobe.json"
    log = node.folder / "anyprobe.log"

    def configure(**agent):
        path.write_text(json.dumps({"services": [web_service(probe={"type": "tcp", "ports": [9]}, on_down=["true"])],
                                    "lsa_spacing": "0s", **agent}))
    with node.namespace.entered():
        taken = socket.create_server(("127.0.0.1", 9708))
    configure(agent={"listen": "127.0.0.1"})
    daemon = node.namespace.spawn(BUILD / "anyprobe", "run", "--config", path, "--run-dir", node.run_dir, log=log)

    def says(port):
        return listens(node.namespace, "tcp", port) and agent_says(node, b"web\n", "127.0.0.1", port)

    wait_until(lambda: says(9707) == "down ready #refused\n", PATIENCE, "the agent says that it is down")
    configure(agent={"listen": "127.0.0.1:9708"})
    kill(node.keepers()[0], signal.SIGHUP)
    problem = "the agent cannot listen at 127.0.0.1:9708: Address already in use"
    wait_until(lambda: problem in node.program("anyprobe", "status", "--run-dir", node.run_dir, "--json").stdout,
               PATIENCE, "status has the problem")
    assert not listens(node.namespace, "tcp", 9707)
    taken.close()
    wait_until(lambda: says(9708) == "down ready #refused\n", PATIENCE, "it listens once the port is free")
    configure()
    kill(node.keepers()[0], signal.SIGHUP)
    wait_until(lambda: not listens(node.namespace, "tcp", 9708), PATIENCE, "it listens no more")
    assert end(daemon) == 0, text_of(log)


# ucarp

def test_ucarp_gives_the_address_up_with_the_service(pair):
    near, far = pair
    for node, skew in ((near, 0), (far, 50)):
        # The pid file that ucarp-demote reads is written by whoever starts ucarp.
        start = 'echo $$ >/run/ucarp-eth0.pid; echo $$ >"$1"; shift; exec "$@"'
        node.namespace.spawn(*installed(
            "sh", "-c", start, "sh", node.folder / "ucarp.pid", "/usr/sbin/ucarp", "--interface=eth0",
            f"--srcip={node.address}", "--vhid=53", "--pass=example", f"--addr={SERVICE.split('/')[0]}",
            f"--advskew={skew}", f"--upscript={EXAMPLES / 'ucarp-up'}", f"--downscript={EXAMPLES / 'ucarp-down'}"),
            log=node.folder / "ucarp.log")
    moves(far, near, "the node of the lower skew has the address")
    # It looks at the service, and demotes ucarp where that fails; it announces nothing itself.
    pid = int((near.folder / "ucarp.pid").read_text())
    configuration = {"services": [{
        "name": "dns", "interval": "200ms", "timeout": "150ms", "rise": 1, "fall": 2, "exec_user": "root",
        "probe": {"type": "dns", "server": "127.0.0.1", "query": "www.example.org"}, "advertise": [],
        "on_down": [str(EXAMPLES / "ucarp-demote")]}]}
    path = near.folder / "anyprobe.json"
    path.write_text(json.dumps(configuration))
    # In the mounts of ucarp, whose /run has the pid file.
    near.namespace.spawn("nsenter", f"--mount=/proc/{pid}/ns/mnt", BUILD / "anyprobe", "run", "--config", path,
                         "--run-dir", near.run_dir, log=near.folder / "anyprobe.log")
    wait_until(lambda: "dns: up" in text_of(near.folder / "anyprobe.log"), PATIENCE, "the service is up")
    near.kill_unbound()
    moves(near, far, "the other one takes the address")
    # Nobody else is there: it becomes the master again and again, and does not take the address without its service.
    other = int((far.folder / "ucarp.pid").read_text())
    kill(other, signal.SIGKILL)
    log = near.folder / "ucarp.log"
    before = text_of(log).count("state: BACKUP")
    wait_until(lambda: text_of(log).count("state: BACKUP") > before, PATIENCE,
               "it demotes itself when it is to take the address without its service")
    assert not holds_service(near)
    near.start_unbound()
    wait_until(lambda: holds_service(near), PATIENCE, "it takes the address when its service is back")


# Pacemaker

class Agent:
    OK, GENERIC, INSTALLED, CONFIGURED, NOT_RUNNING = 0, 1, 5, 6, 7

    def __init__(self, node, root=None):
        self.node = node
        self.path = node.folder / "anyprobe.json"
        self.run_dir = node.folder / "pacemaker"
        self.environment = {
            **os.environ, "OCF_ROOT": str(root or node.folder / "none"), "OCF_RESOURCE_INSTANCE": "resolver",
            "OCF_RESKEY_program": str(BUILD / "anyprobe"), "OCF_RESKEY_config": str(self.path),
            "OCF_RESKEY_run_dir": str(self.run_dir), "OCF_RESKEY_CRM_meta_timeout": "60000"}

    def __call__(self, action, **parameters):
        more = {f"OCF_RESKEY_{name}": str(value) for name, value in parameters.items()}
        done = self.node.namespace.run(REPO / "scripts" / "ocf" / "anyprobe", action, timeout=90,
                                       env={**self.environment, **more})
        self.said = done.stdout + done.stderr
        return done.returncode

    def becomes(self, code):
        wait_until(lambda: self("monitor") == code, PATIENCE, f"the monitor exits with {code}", every=0.1)


@pytest.fixture
def resource(alone):
    alone.start_unbound()
    agent = Agent(alone)
    agent.path.write_text(json.dumps({"lsa_spacing": "0s", "services": [{
        "name": "dns", "interval": "200ms", "timeout": "150ms", "rise": 1, "fall": 2, "linger": "0s",
        "probe": {"type": "dns", "server": "127.0.0.1", "query": "www.example.org"},
        "advertise": [{"address": SERVICE}]}]}))
    return agent


def test_the_resource_agent_sees_more_than_a_pid(resource):
    agent, node = resource, resource.node
    assert agent("monitor") == agent.NOT_RUNNING and agent("stop") == agent.OK
    assert agent("validate-all") == agent.OK, agent.said
    assert agent("start") == agent.OK, agent.said
    assert node.addresses() == {SERVICE} and agent("monitor") == agent.OK
    assert agent("start") == agent.OK and len(node.keepers()) == 1

    # The service hangs: every pid is there.
    prober = node.probers("anyprobe")[0]
    kill(node.unbound.pid, signal.SIGSTOP)
    agent.becomes(agent.GENERIC)
    assert process_state(prober) in ("S", "R") and "dns" in agent.said, agent.said
    kill(node.unbound.pid, signal.SIGCONT)
    agent.becomes(agent.OK)
    # Drained by hand is no failure, suspended is.
    assert node.program("anyprobe", "drain", "dns", "--force", "--run-dir", agent.run_dir).returncode == 0
    wait_until(lambda: not node.addresses(), PATIENCE, "it is drained")
    assert agent("monitor") == agent.OK and "drained" in agent.said, agent.said
    assert node.program("anyprobe", "resume", "dns", "--wait", "--run-dir", agent.run_dir).returncode == 0
    kill(prober, signal.SIGTSTP)
    wait_until(lambda: process_state(prober) == "T", PATIENCE, "it is suspended")
    assert agent("monitor") == agent.GENERIC and "suspended" in agent.said, agent.said
    kill(prober, signal.SIGCONT)
    agent.becomes(agent.OK)

    before = agent.path.read_text()
    agent.path.write_text(before.replace(SERVICE, "192.0.2.2/32"))
    assert agent("reload") == agent.OK
    wait_until(lambda: node.addresses() == {"192.0.2.2/32"}, PATIENCE, "it announces another")
    # Another file is a parameter that has changed: what is announced by both stays.
    other = agent.path.with_name("other.json")
    other.write_text(agent.path.read_text().replace('"192.0.2.2/32"}', '"192.0.2.2/32"}, {"address": "192.0.2.3/32"}'))
    watch = node.watch_addresses()
    for parameters, wanted in (({"config": other}, {"192.0.2.2/32", "192.0.2.3/32"}), ({}, {"192.0.2.2/32"})):
        assert agent("reload", **parameters) == agent.OK, agent.said
        wait_until(lambda: node.addresses() == wanted, PATIENCE, f"it announces {wanted}")
        assert agent("monitor") == agent.OK and len(node.keepers()) == 1
    def gone():
        return [change.prefix for change in watch.changes if not change.interfaces]
    wait_until(gone, PATIENCE, "the watch has seen the last change")
    assert gone() == ["192.0.2.3/32"]
    watch.close()
    prober = node.probers("anyprobe")[0]
    agent.path.write_text("{")
    assert agent("reload") == agent.INSTALLED and agent("monitor") == agent.OK
    assert agent("validate-all") == agent.INSTALLED and "anyprobe.json" in agent.said, agent.said
    agent.path.write_text(before)
    assert agent("validate-all", run_dir="run") == agent.CONFIGURED
    assert agent("validate-all", program="/nowhere/anyprobe") == agent.INSTALLED
    assert agent("monitor", program="/nowhere/anyprobe") == agent.NOT_RUNNING
    assert agent("promote") == 3

    # Also one that hangs is stopped, and nothing stays.
    kill(prober, signal.SIGSTOP)
    assert agent("stop") == agent.OK, agent.said
    assert not node.addresses() and not node.our_processes() and agent("monitor") == agent.NOT_RUNNING


def test_the_resource_agent_does_not_start_without_its_service(resource):
    resource.node.kill_unbound()
    assert resource("start", CRM_meta_timeout=8000) == resource.GENERIC, resource.said
    assert "dns" in resource.said and resource("stop") == resource.OK


def test_the_metadata_are_valid(tmp_path):
    done = subprocess.run([REPO / "scripts" / "ocf" / "anyprobe", "meta-data"], capture_output=True, text=True,
                          check=True)
    path = tmp_path / "metadata.xml"
    path.write_text(done.stdout)
    share = RESOURCES / "share" / "resource-agents"
    for words in (["--dtdvalid", share / "ra-api-1.dtd"], ["--relaxng", share / "metadata.rng"]):
        checked = subprocess.run(["xmllint", "--noout", "--nonet", *words, path], capture_output=True, text=True,
                                 check=False)
        assert checked.returncode == 0, checked.stderr


def test_ocf_tester_finds_nothing(resource):
    """With the shell functions of Debian's resource-agents."""
    words = [f"{name}={value}" for name, value in (("program", BUILD / "anyprobe"), ("config", resource.path),
                                                  ("run_dir", resource.run_dir))]
    tester = resource.node.folder / "ocf-tester"
    tester.write_text((RESOURCES / "sbin" / "ocf-tester").read_text().replace("DATADIR=/usr", f"DATADIR={RESOURCES}"))
    done = resource.node.namespace.run(
        "sh", tester, "-n", "resolver", *itertools.chain(*(("-o", word) for word in words)),
        REPO / "scripts" / "ocf" / "anyprobe", timeout=120,
        env={**os.environ, "OCF_ROOT": str(RESOURCES / "lib" / "ocf")})
    assert done.returncode == 0, done.stdout + done.stderr
