"""The bench of checks runs by itself and finds what must be so whatever it measures."""

import json
import os
import subprocess
import sys

import pytest
from conftest import BUILD, ROOT


@pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
def test_checks(tmp_path):
    done = subprocess.run([sys.executable, "-B", ROOT / "scripts/bench.d/checks.py", "--quick", "--ours", "--kinds",
                           "dns", "--counts", "1", "--json", tmp_path / "checks.json", "--svg", tmp_path / "checks.svg"],
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
