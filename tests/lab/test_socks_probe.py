"""A proxy of SOCKS: the address follows Dante, booted with the configuration that stands in socks-probe(8)."""

import re
import socket
import sys
from pathlib import Path

import pytest
from conftest import BOTH, service
from lab import REPO, SERVICE4
from netns import wait_until
from servers import fails_and_recovers, slow_core

PROXY = ("127.0.0.1", 1080)
LIVE, DEAD, ECHO, DNS = "198.51.100.2:8080", "198.51.100.2:8081", "198.51.100.2:7", "198.51.100.2:53"
SECRET = "hush-hush"

# "hush-hush" and another, as `openssl passwd -6 -salt anyprobe` makes them.
_RIGHT = "$6$anyprobe$QFbG.w.zsZZr2HYqNwLJNSmboS7YmWnYtWx8S279eOvlsbeNmLGVJq3npKG541IGyeiIkP.RvzlG8.FHigaH20"
_WRONG = "$6$anyprobe$TUsjhmPrMoqiA2xdYCstiUduczmF1Oang4DUIuXYpCsR/Umf3dxqUduASAucl4D1qr2j9jalHmaz7GI9Ezx8Y/"

# Dante asks the system for its users: these two files are the system's, for its own mount namespace alone.
_BOOT = "mount --bind passwd /etc/passwd && mount --bind shadow /etc/shadow && exec /usr/sbin/danted -f danted.conf -N 1"

_DENIED = "socks block { from: 0.0.0.0/0 to: 198.51.100.2/32 port = 8080 command: connect }\n"

# Greets on a TCP port and echoes on a UDP port.
_TARGETS = """
import select, socket
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("198.51.100.2", 7))
tcp = socket.create_server(("198.51.100.2", 8080))
while True:
    for one in select.select([udp, tcp], [], [])[0]:
        if one is udp:
            data, peer = udp.recvfrom(2048)
            udp.sendto(data, peer)
        else:
            connection, _ = tcp.accept()
            connection.sendall(b"hello")
            connection.close()
"""


def manual_configuration():
    """danted.conf, as the manual page has it."""
    page = (REPO / "scripts/manual/socks-probe.8.in").read_text()
    block = re.search(r"^\.Pa /etc/danted\.conf :\n\.Bd .*\n([^.](?:.*\n)*?)\.Ed$", page, re.MULTILINE)
    return block[1].replace("\\-", "-").replace("\\e", "\\")


def shadow(password):
    return Path("/etc/shadow").read_text() + f"probe:{password}:19000:0:99999:7:::\n"


def _talk(namespace, address, *words, timeout=1):
    """Says each of the words on a connection and returns the answers; empty where there is none."""
    answers = []
    with namespace.entered():
        try:
            with socket.create_connection(address, timeout) as connection:
                for word in words:
                    connection.sendall(word)
                    answers.append(connection.recv(64))
        except OSError:
            pass
    return answers


@pytest.fixture
def dante(probing):
    node = probing.node
    files = {"danted.conf": manual_configuration(), "shadow": shadow(_RIGHT),
             "passwd": Path("/etc/passwd").read_text() + "probe:x:4242:4242::/nonexistent:/usr/sbin/nologin\n"}
    return probing.server("dante", "unshare", "-m", "sh", "-c", _BOOT, files=files,
                          serves=lambda: _talk(node.namespace, PROXY, b"\5\1\0") == [b"\5\0"])


@pytest.fixture
def targets(probing):
    node = probing.node
    return probing.server("targets", sys.executable, "-c", _TARGETS,
                          serves=lambda: _talk(node.namespace, ("198.51.100.2", 8080), b"x") == [b"hello"])


def test_proxy_fails_and_recovers(probing, dante, targets):
    """As from rc.local, with a dead target beside the one that lives."""
    probing.start("--target", DEAD, "--target", LIVE, "--udp-target", DNS, program="socks-probe")
    fails_and_recovers(probing, dante)
    dante.kill()
    probing.withdrawn()
    with probing.hold("tcp:127.0.0.1:1080") as held:
        held.wait_asked()
        assert not probing.node.addresses()
    dante.start()
    probing.announced()
    # What it is for: a client is served at the service address.
    request = b"\5\1\0\1" + socket.inet_aton("198.51.100.2") + (8080).to_bytes(2, "big")
    chosen, reply = _talk(probing.lab.client, (SERVICE4.split("/")[0], 1080), b"\5\1\0", request)
    assert chosen == b"\5\0" and reply[:2] == b"\5\0"


def test_slow_core(probing, dante, targets):
    """As another user than root it would dump none."""
    text = manual_configuration().replace("user.unprivileged: nobody", "user.unprivileged: root")
    dante.restart(**{"danted.conf": text})
    probing.start("--target", LIVE, program="socks-probe")
    probing.announced()
    with slow_core(dante):
        probing.withdrawn()
    dante.start()
    probing.announced()


def test_a_dead_target_is_not_a_dead_proxy(probing, dante, targets):
    """Targets, rules and logins that come and go, in one configuration of two services."""
    secret = probing.write(SECRET + "\n", "secret")
    tcp = {"type": "socks", "target": [DEAD, LIVE]}
    udp = {"type": "socks", "udp_target": ECHO, "username": "probe", "password": {"file": str(secret)}}
    services = [service(BOTH[0], name="tcp", probe=tcp), service(BOTH[1], name="udp", probe=udp)]
    _, log = probing.run_config(*services)
    probing.announced()

    def withdrawn(tcp=None, udp=None):
        """For what is said here, and of the other service it is announced (so that both were asked anew)."""
        gone = [prefix for prefix, words in zip(BOTH, (tcp, udp)) if words]
        probing.announced([prefix for prefix in BOTH if prefix not in gone])
        probing.withdrawn(gone)

        def told():
            done = probing.node.program("anyprobe", "check", "--config", probing.folder / "anyprobe.json")
            assert done.returncode == 2 and SECRET not in done.stdout + done.stderr
            return all(words in done.stdout for words in (tcp or []) + (udp or []))
        wait_until(told, 10, f"{tcp or udp} is told by check", every=0.1)
        assert probing.node.addresses() == set(BOTH) - set(gone)

    # Forwarding denied to the one that lives; the relay goes on.
    dante.restart(**{"danted.conf": manual_configuration().replace("socks pass", _DENIED + "socks pass", 1)})
    withdrawn(tcp=[f"for {DEAD}: connection refused (5)", f"for {LIVE}: connection not allowed by ruleset (2)"])
    # Another password, then no relay of UDP.
    dante.restart(**{"danted.conf": manual_configuration(), "shadow": shadow(_WRONG)})
    withdrawn(udp=["127.0.0.1:1080 refused the user name or the password (1)"])
    dante.restart(**{"danted.conf": manual_configuration().replace(" udpassociate", ""), "shadow": shadow(_RIGHT)})
    withdrawn(udp=[f"for UDP to {ECHO}: connection not allowed by ruleset (2)"])
    dante.restart(**{"danted.conf": manual_configuration()})
    probing.announced()
    # All targets dead: now it is the proxy's failure. The echo server went with them.
    targets.kill()
    withdrawn(tcp=[f"for {LIVE}: connection refused (5)"], udp=["the relay 127.0.0.1:"])
    targets.start()
    probing.announced()
    assert SECRET not in log.read_text()


def test_each_protocol_and_login_by_check(probing, dante, targets, folder):
    def check(*words):
        done = probing.node.program("anyprobe", "check", "--type", "socks", *words)
        return done.returncode, done.stdout + done.stderr
    right, wrong = folder / "right", folder / "wrong"
    right.write_text(SECRET)
    wrong.write_text("none-such")
    for words, code, says in (
            ([], 0, "127.0.0.1:1080 negotiated"),
            (["--protocol", "4a", "--target", LIVE], 0, f"reached {LIVE}"),
            (["--protocol", "4a", "--target", DEAD], 2, "request rejected or failed (91)"),
            (["--protocol", "4a"], 3, "wants a \"target\""),
            (["--username", "probe", "--password-file", right, "--target", LIVE], 0, f"reached {LIVE}"),
            (["--username", "probe", "--password-file", wrong], 2, "login_refused"),
            (["--udp-target", ECHO, "--udp-target", DNS], 0, f"UDP to {DNS} answered (dns)"),
            (["--target", "localhost:8080", "--target", "nosuch.invalid:80"], 2, "connection refused (5)"),
            (["--target", "localhost:8080", "--resolve", "proxy"], 2, "localhost:8080: "),
            (["--server", "127.0.0.1:53"], 2, "127.0.0.1:53")):
        got = check(*words)
        assert got[0] == code and says in got[1], (words, got)
        assert SECRET not in got[1] and "none-such" not in got[1]
