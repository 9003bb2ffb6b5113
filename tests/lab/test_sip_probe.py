"""A SIP server: the sip probe with sipp, which plays one as the manual page says, and with one of the test's own."""

import json
import sys
from pathlib import Path

import pytest
from conftest import BOTH, service
from manual_page import configuration
from netns import wait_until
from servers import fails_and_recovers, listens, slow_core

RESPONDER = Path(__file__).with_name("sip_responder.py")
PACE = {"interval": "300ms", "timeout": "250ms"}


def run(probing, *probes):
    """Returns the file that the log goes to."""
    asked = {"probe": probes[0]} if len(probes) == 1 else {"probes": list(probes)}
    one = {key: value for key, value in service(*BOTH, name="telephony", **PACE).items() if key != "probe"}
    return probing.run_config({**one, **asked})[1]


def told(log, line):
    wait_until(lambda: line in log.read_text(), 5, f"the log says {line}")


def sipp(probing, transport):
    kind = {"udp": "u1", "tcp": "t1"}[transport]
    return probing.server("sipp", "/usr/bin/env", "TERM=dumb", "/usr/bin/sipp", "-sf", "answer.xml", "-t", kind,
                          "-i", "127.0.0.1", "-p", "5060", "-nostdin",
                          files={"answer.xml": configuration("anyprobe-sip.5", "answer.xml")},
                          serves=lambda: listens(probing.node.namespace, transport, 5060))


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_fails_and_recovers(probing, transport):
    server = sipp(probing, transport)
    log = run(probing, {"type": "sip", "transport": transport})
    fails_and_recovers(probing, server, f"{transport}:127.0.0.1:5060")
    told(log, 'up (ok, 127.0.0.1:5060 answered 200 "OK"')
    told(log, "down (refused, 127.0.0.1:5060: ")
    told(log, f"down (timeout, no answer from 127.0.0.1:5060 over {transport}")

    with slow_core(server):
        probing.withdrawn()
    server.start()
    probing.announced()

    good = server.files["answer.xml"]
    busy = good.replace("200 OK", "503 Service Unavailable")
    assert busy != good
    server.restart(**{"answer.xml": busy})
    probing.withdrawn()
    for more, code in ((), 2), (("--accept", "5xx"), 0):
        done = probing.node.program("anyprobe", "check", "--type", "sip", "--transport", transport, *more)
        assert done.returncode == code and 'answered 503 "Service Unavailable"' in done.stdout, done
    assert not probing.node.addresses()
    server.restart(**{"answer.xml": good})
    probing.announced()


def test_example_over_both_transports(probing):
    def responder(*words):
        namespace = probing.node.namespace
        return probing.server(f"responder-{len(words)}", sys.executable, "-B", RESPONDER, *words,
                              serves=lambda: all(listens(namespace, kind, 5060) for kind in ("udp", "tcp")))
    example = json.loads(configuration("anyprobe-sip.5", "anyprobe.json"))["services"][0]["probes"]
    server = responder("404 Not Found", "trying")
    run(probing, *example)
    probing.announced()
    server.kill()
    late = responder("200 OK", "trying", "late")
    probing.withdrawn()
    for transport in ("udp", "tcp"):
        done = probing.node.program("anyprobe", "check", "--type", "sip", "--transport", transport)
        assert done.returncode == 2 and "responses to something else" in done.stdout, done
    assert not probing.node.addresses()
    late.kill()
    server.start()
    probing.announced()
