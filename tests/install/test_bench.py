"""The bench of checks runs by itself and finds what must be so whatever it measures."""

import json
import os
import socket
import subprocess
import sys
import time

from conftest import BUILD, ROOT


def test_checks(tmp_path):
    done = subprocess.run([sys.executable, "-B", ROOT / "scripts/bench.d/checks.py", "--quick", "--ours",
                           "--kinds", "dns", "--counts", "1", "--json", tmp_path / "checks.json",
                           "--svg", tmp_path / "checks.svg"],
                          capture_output=True, text=True, timeout=300, env={**os.environ, "ANYPROBE_BUILD": str(BUILD)})
    assert done.returncode == 0, done.stderr
    rows = {row["name"]: row for row in json.loads((tmp_path / "checks.json").read_text())["results"]}
    assert set(rows) == {"anyprobe", "floor, kept sockets", "floor, fresh sockets"}
    for name, row in rows.items():
        assert row["ms"]["median"] > 0 and row["pss_mb"]["median"] > 0, name
        # Of two seconds' questions, one more or less by its ends.
        assert 0.4 <= row["rate"]["median"] <= 1.6, name
        assert name in done.stdout
    assert {"anyprobe", "anyprobe-keeper"} <= set(rows["anyprobe"]["processes"][0])
    assert rows["floor, kept sockets"]["to_floor"]["median"] == 1
    assert (tmp_path / "checks.svg").read_text().startswith("<svg")


def _asked(responder, question, gap):
    """What the responder counts of two questions so far apart: [asked, services, intervals, kept, worst, late]."""
    responder.stdin.write("begin\n")
    responder.stdin.flush()
    responder.stdout.readline()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(10)
        times = []
        for name in (b"a", b"b", b"a"):
            if times:
                time.sleep(gap / 2)
            times.append(time.monotonic_ns())
            asking.sendto(question.replace(b"?", name), ("127.0.0.1", responder.port))
            answer = asking.recv(1500)
            assert answer[:2] == question[:2] and answer[-4:] == bytes([198, 51, 100, 80])
    responder.stdin.write(f"end {times[2] - times[0]}\n")
    responder.stdin.flush()
    return list(map(int, responder.stdout.readline().split()))


def test_the_responder_knows_who_is_late(tmp_path):
    program = tmp_path / "responder"
    subprocess.run(["g++", "-std=c++20", "-o", program, ROOT / "scripts/bench.d/responder.cpp"], check=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    question = bytes.fromhex("002a01000001000000000000") + b"\x01?\x07example\x03org\x00\x00\x01\x00\x01"
    with subprocess.Popen([program, "dns", str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as responder:
        responder.port = port
        responder.stdin.write("begin\n")
        responder.stdin.flush()
        responder.stdout.readline()  # it listens
        found = [_asked(responder, question, 0.4) for _ in range(3)]
        assert all(one[:3] == [3, 2, 1] for one in found)
        assert any(one[3] == 1 and one[4] < 20e6 for one in found), found
        responder.stdin.write("end 1000000000\n")
        responder.stdin.flush()
        asked, services, intervals, kept, worst, _ = map(int, responder.stdout.readline().split())
        assert (asked, services, intervals, kept) == (3, 2, 1, 0) and worst < 600_000_000
        responder.stdin.close()
