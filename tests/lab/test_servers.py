"""What the lab does to a server, and that a probe notices each of it: dns-probe with the resolver."""

from dns_client import ask
from lab import BUILD, IDENTITY, our_programs, unbound_configuration
from netns import process_state, wait_until
from servers import HeldSocket, fails_and_recovers, family_of, slow_core


def resolver(probing):
    """The resolver as a Server, in the place of the node's own."""
    node = probing.node
    node.kill_unbound()
    folder = probing.folder / "resolver"
    return probing.server("resolver", "/usr/sbin/unbound", "-d", "-c", "{folder}/unbound.conf",
                          files={"unbound.conf": unbound_configuration(folder, node)},
                          serves=lambda: ask(node.namespace, "127.0.0.1", IDENTITY, timeout=0.05))


def test_fails_and_recovers(probing):
    server = resolver(probing)
    probing.start()
    fails_and_recovers(probing, server, "udp:127.0.0.1:53", "tcp:127.0.0.1:53")


def test_slow_core_is_noticed_at_the_deadline(probing):
    """While the core is written the resolver's sockets are open: nothing refuses."""
    server = resolver(probing)
    log = probing.start_foreground()[1]
    probing.announced()
    with slow_core(server):
        probing.withdrawn()
        assert "no answer" in log.read_text(), log.read_text()
        assert server.processes()
    server.start()
    probing.announced()


def test_forked_and_orphaned_processes_are_killed_too(probing):
    server = probing.server("forks", "/bin/sh", "-c", "sleep 60 & (sleep 60 &) ; wait",
                            serves=lambda: len(server_processes(probing)) >= 2)
    pids = server.processes()
    assert len(pids) >= 3 and set(pids) <= set(family_of(server.pid))
    server.kill()
    wait_until(lambda: not server_processes(probing), 2, "none is left")


def test_what_is_forked_while_it_is_stopped_is_stopped_too(probing):
    server = probing.server("forking", "/bin/sh", "-c", "for i in $(seq 400); do sleep 60 & done; wait",
                            serves=lambda: len(server_processes(probing)) >= 3)
    server.stop()
    assert {process_state(pid) for pid in server.processes()} == {"T"}
    server.cont()
    wait_until(lambda: "T" not in {process_state(pid) for pid in server.processes()}, 2, "all of it goes on")


def server_processes(probing):
    return probing.node.namespace.named("sleep")


def test_programs_are_those_of_the_build():
    assert {"anyprobe", "anyprobe-keeper", "dns-probe"} <= our_programs()
    assert all((BUILD / name).exists() for name in our_programs() if name.endswith("-probe"))


def test_nothing_of_a_test_is_left(probing):
    node = probing.node
    node.namespace.spawn("sleep", "60")
    HeldSocket(node.namespace, "tcp:[::1]:8080").close()
    node.namespace.ip("link", "add", "eth9", "type", "veth", "peer", "name", "eth8")
    node.namespace.ip("addr", "add", "192.0.2.65/28", "dev", "eth0")
    node.namespace.ip("route", "add", "192.0.2.153/32", "dev", "eth0", "proto", "77")
    wait_until(lambda: server_processes(probing), 2, "it sleeps")
    probing.lab.reset()
    assert not server_processes(probing)
    assert {link["ifname"] for link in node.namespace.ip("-j", "link", "show")} == {"lo", "eth0"}
    assert node.addresses("eth0") == {"198.51.100.2/30", "2001:db8:ffff:1000::2/64"}
    assert not node.namespace.ip("-j", "route", "show", "192.0.2.153/32")
