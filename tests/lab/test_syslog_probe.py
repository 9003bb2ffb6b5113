"""A syslog service: the address follows a real relay, by the configuration that stands in the manual."""

import itertools
import re
import signal
import socket
from pathlib import Path

from conftest import BOTH, service
from lab import BUILD, REPO, SECOND4, SECOND6
from netns import kill, process_state, wait_until
from servers import fails_and_recovers, slow_core

MANUAL = REPO / "scripts" / "manual"
RSYSLOG = "/opt/anyprobe-lab/rsyslog/usr"
IN, OUT = 5514, 5515
DEBUG = {"level": "debug"}  # tells every check

# Everything that can go in, and out by the name in the tag.
_NG_MATRIX = """@version: 3.38
options { keep-hostname(yes); time-reopen(1); };
source s_in {
  network(ip("127.0.0.1") port(5514) transport("udp") flags(syslog-protocol));
  network(ip("127.0.0.1") port(5514) transport("tcp") flags(syslog-protocol));
  syslog(ip("127.0.0.1") port(5516) transport("tcp"));
  unix-dgram("FOLDER/dgram" flags(syslog-protocol));
  unix-stream("FOLDER/stream" flags(syslog-protocol));
};
filter f_udp { program("^udp$"); };
filter f_tcp { program("^tcp$"); };
destination d_udp { network("127.0.0.1" port(5515) transport("udp")); };
destination d_tcp { network("127.0.0.1" port(5515) transport("tcp")); };
log { source(s_in); filter(f_udp); destination(d_udp); };
log { source(s_in); filter(f_tcp); destination(d_tcp); };
"""
_RSYSLOG_MATRIX = """module(load="imudp")
module(load="imtcp")
module(load="imuxsock" SysSock.Use="off")
input(type="imudp" address="127.0.0.1" port="5514")
input(type="imtcp" address="127.0.0.1" port="5514")
input(type="imtcp" address="127.0.0.1" port="5516")
input(type="imuxsock" Socket="FOLDER/dgram")
if $programname == "udp" then action(type="omfwd" target="127.0.0.1" port="5515" protocol="udp")
if $programname == "tcp" then action(type="omfwd" target="127.0.0.1" port="5515" protocol="tcp"
                                     action.resumeInterval="1" action.resumeRetryCount="-1")
"""


def sockets(probing, kind, port):
    """The inodes of the sockets of the node's port."""
    with probing.node.namespace.entered():
        lines = Path(f"/proc/thread-self/net/{kind}").read_text().splitlines()[1:]
    listening = {"udp": "07", "tcp": "0A"}[kind]
    rows = [line.split() for line in lines]
    return [row[9] for row in rows if row[1].endswith(f":{port:04X}") and row[3] == listening]


def syslog_ng(probing, text=None, **options):
    return probing.server("syslog-ng", "/usr/sbin/syslog-ng", "-F", "--no-caps", "-f", "{folder}/syslog-ng.conf",
                          "--persist-file", "{folder}/persist", "--pidfile", "{folder}/pid", "--control",
                          "{folder}/control", serves=lambda: sockets(probing, "udp", IN),
                          files={"syslog-ng.conf": text or (MANUAL / "syslog-ng.conf").read_text()}, **options)


def rsyslog(probing, text=None):
    return probing.server("rsyslog", f"{RSYSLOG}/sbin/rsyslogd", "-n", "-f", "{folder}/rsyslog.conf", "-i",
                          "{folder}/pid", "-M", f"{RSYSLOG}/lib/x86_64-linux-gnu/rsyslog",
                          serves=lambda: sockets(probing, "udp", IN) and sockets(probing, "tcp", IN),
                          files={"rsyslog.conf": text or (MANUAL / "rsyslog.conf").read_text()})


def relayed(*prefixes, name="syslog", **probe):
    return service(*prefixes, name=name, probe={"type": "syslog", **probe})


def test_syslog_ng_fails_and_recovers(probing):
    """As rc.local starts it, with nothing but the addresses; both configurations are those of the manual."""
    server = syslog_ng(probing)
    probing.start(program="syslog-probe")
    fails_and_recovers(probing, server, f"udp:127.0.0.1:{IN}")


def test_rsyslog_over_tcp_fails_and_recovers(probing):
    server = rsyslog(probing, (MANUAL / "rsyslog.conf").read_text().replace('protocol="udp"', 'protocol="tcp"'))
    _, log = probing.run_config(relayed(*BOTH, transport="tcp", listen_transport="tcp"), log=DEBUG)
    fails_and_recovers(probing, server, f"tcp:127.0.0.1:{IN}")
    assert "fail for certain (refused, 127.0.0.1:5514 over tcp refused)" in log.read_text(), log.read_text()


def test_rule_removed_wrong_target_and_slow_core(probing):
    server = syslog_ng(probing)
    good = server.files["syslog-ng.conf"]
    _, log = probing.start_foreground("--log-level", "debug", program="syslog-probe")
    said = "fail (timeout, the line to 127.0.0.1:5514 over udp did not come back to 127.0.0.1:5515 over udp)"

    def not_back(since):
        wait_until(lambda: said in log.read_text()[since:], 5, "the log tells that the line did not come back")

    probing.announced()
    for wrong in (good.replace(" destination(d_probe);", ""), good.replace("port(5515)", "port(5599)"),
                  good.replace("^syslog-probe$", "^another$")):
        assert wrong != good
        for text, then in ((wrong, probing.withdrawn), (good, probing.announced)):
            since = len(log.read_text())
            server.write({"syslog-ng.conf": text})
            server.send(signal.SIGHUP)
            then()
            if text == wrong:
                not_back(since)
    since = len(log.read_text())
    with slow_core(server):
        probing.withdrawn()
        not_back(since)
    server.start()
    probing.announced()


def check_matrix(probing, ways):
    services = []
    for (way, options), form, out in itertools.product(ways.items(), ("rfc3164", "rfc5424"), ("udp", "tcp")):
        if form == "rfc5424" and options.get("only") == "rfc3164":
            continue
        probe = {"format": form, "tag": out, "listen_transport": out, **options}
        probe.pop("only", None)
        services.append({**relayed(name=f"{way}-{form}-{out}", **probe), "timeout": "5s", "interval": "5s"})
    path = probing.write({"services": services})
    done = probing.node.program("anyprobe", "check", "--config", path)
    assert done.returncode == 0 and done.stdout.count("OK - ") == len(services) + 1, done


def ways_in(folder):
    udp = {"send": "127.0.0.1:5514"}
    return {"udp": udp, "tcp": {**udp, "transport": "tcp"}, "dgram": {"send": f"{folder}/dgram"},
            "counted": {"send": "127.0.0.1:5516", "transport": "tcp", "framing": "octet-counting"}}


def test_every_way_through_syslog_ng(probing):
    """In one process, whose services share the two ports."""
    folder = probing.folder / "syslog-ng"
    syslog_ng(probing, _NG_MATRIX.replace("FOLDER", str(folder)))
    check_matrix(probing, {**ways_in(folder), "stream": {"send": f"{folder}/stream"}})


def test_every_way_through_rsyslog(probing):
    folder = probing.folder / "rsyslog"
    rsyslog(probing, _RSYSLOG_MATRIX.replace("FOLDER", str(folder)))
    ways = ways_in(folder)
    ways["dgram"]["only"] = "rfc3164"  # its module reads what programs write, no more
    check_matrix(probing, ways)


def test_the_port_is_held_and_shared(probing):
    """Over reloads, by two services; and whoever comes later is told."""
    path = probing.folder / "syslog-ng" / "log"
    four = BOTH + (SECOND4, SECOND6)
    server = syslog_ng(probing, (MANUAL / "syslog-ng.conf").read_text().replace(
        "source s_in {", f'source s_in {{ unix-dgram("{path}");'))
    local = relayed(SECOND4, SECOND6, name="two", send=str(path))
    _, log = probing.run_config(relayed(*BOTH), local, log=DEBUG)
    probing.announced(four)
    server.kill()
    probing.withdrawn(four)
    wait_until(lambda: f"two: fail for certain (refused, {path} refused)" in log.read_text(), 5, "the log says why")
    server.start()
    probing.announced(four)
    held = sockets(probing, "udp", OUT)
    assert len(held) == 1
    path = probing.write({"services": [relayed(*BOTH, send="localhost:5514", source="127.0.0.1"), local], "log": DEBUG})
    kill(probing.keeper(), signal.SIGHUP)
    wait_until(lambda: "1 changed, 0 removed, 1 untouched" in log.read_text(), 5, "it is read again")
    assert sockets(probing, "udp", OUT) == held
    taken = "127.0.0.1:5515 is taken: Address already in use"

    node = probing.node
    other = node.program("syslog-probe", "--run-dir", node.run_dir, "--name", "other", "--address", "192.0.2.3/32")
    assert other.returncode == 78 and f"services[0].probe.listen: {taken}" in other.stderr, other
    low = node.program("syslog-probe", "--run-dir", node.run_dir, "--name", "low", "--listen", "127.0.0.1:515",
                       "--address", "192.0.2.3/32")
    assert low.returncode == 64, low  # a flag is wrong
    assert "--listen: 127.0.0.1:515 cannot be taken: low ports need a privilege" in low.stderr, low
    assert node.program("anyprobe", "validate", "--config", path).returncode == 0
    check = node.program("anyprobe", "check", "--config", path)
    assert check.returncode == 3 and f"UNKNOWN - two: local_error, {taken}" in check.stdout, check


def test_others_on_the_port(probing):
    """A flood of others' lines fails nobody; lines that were lost to one are nobody's fault but ours."""
    server = syslog_ng(probing)
    _, log = probing.start_foreground(program="syslog-probe", pace=("--interval", "500ms", "--timeout", "450ms"))
    probing.announced()
    with probing.node.namespace.entered():
        flood = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with flood:
        for i in range(30000):
            flood.sendto(b"<13>Nov  1 08:05:09 other: anyprobe- %d" % i, ("127.0.0.1", OUT))
        log_before = log.read_text()
        probing.node.end_probes()
        assert "down (" not in log_before and "local_error" not in log_before, log_before

        server.stop()  # so that no line comes before the flood
        path = probing.write({"services": [{**relayed(), "timeout": "3s", "interval": "3s"}]})
        check = probing.node.namespace.spawn(BUILD / "anyprobe", "check", "--config", path, log=log)
        wait_until(lambda: sockets(probing, "udp", OUT), 5, "it listens")
        pid = wait_until(lambda: next(iter(probing.node.namespace.named("anyprobe")), None), 5, "it runs")
        kill(pid, signal.SIGSTOP)
        wait_until(lambda: process_state(pid) == "T", 5, "it is stopped")
        for _ in range(300):
            flood.sendto(b"x" * 60000, ("127.0.0.1", OUT))
        kill(pid, signal.SIGCONT)
        assert check.wait(10) == 3
    assert re.search(r"UNKNOWN - .*overflow: \d+ datagrams lost on 127\.0\.0\.1:5515; the line to", log.read_text())
