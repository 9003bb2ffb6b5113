"""Alert rules and dashboard: as Prometheus understands them, and of metrics that there are."""

import json
import re
import subprocess

import pytest
from conftest import ROOT

FOLDER = ROOT / "scripts" / "monitoring"
# Of Prometheus itself.
FOREIGN = {"up"}
OUR_METRICS = set(re.findall(r'"(anyprobe_[a-z_]+)"', (ROOT / "core" / "metrics.cpp").read_text()))


def promtool(*words):
    return subprocess.run(["promtool", *map(str, words)], capture_output=True, text=True, timeout=60)


def metrics_of(expression):
    """The names in it, without the endings that a histogram's samples have."""
    found = set(re.findall(r"\b(?:anyprobe_[a-z_]+|up(?=\{))", expression))
    return {re.sub("(?<=_seconds)_(bucket|sum|count)$", "", name) for name in found}


def test_alerts_fire_where_they_should():
    done = promtool("test", "rules", FOLDER / "alert-rules-test.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    done = promtool("check", "rules", FOLDER / "alert-rules.yml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_alerts_are_all_tested_both_ways_and_of_metrics_there_are():
    rules = (FOLDER / "alert-rules.yml").read_text()
    tests = (FOLDER / "alert-rules-test.yml").read_text()
    alerts = re.findall(r"- alert: (\S+)", rules)
    assert len(alerts) >= 5
    for alert in alerts:
        assert re.search(rf"alertname: {alert}\n +eval_time: \S+\n +exp_alerts: \[\]", tests), alert
        assert re.search(rf"alertname: {alert}\n +eval_time: \S+\n +exp_alerts:\n", tests), alert
    used = metrics_of(rules)
    assert used and used <= OUR_METRICS | FOREIGN, used


def dashboard():
    return json.loads((FOLDER / "grafana-dashboard.json").read_text())


def expressions():
    return [target["expr"] for panel in dashboard()["panels"] for target in panel["targets"]]


def test_dashboard_parses(tmp_path):
    rules = [{"record": f"panel:{i}", "expr": expression.replace("$host", ".*").replace("$__rate_interval", "5m")}
             for i, expression in enumerate(expressions())]
    assert len(rules) >= 10
    path = tmp_path / "rules.yml"
    path.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))  # JSON is YAML
    done = promtool("check", "rules", path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_dashboard_is_of_any_host_and_source():
    board = dashboard()
    variables = {one["name"]: one for one in board["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource" and variables["host"]["multi"]
    assert metrics_of(variables["host"]["definition"]) <= OUR_METRICS
    for panel in board["panels"]:
        assert panel["datasource"]["uid"] == "${datasource}"
        assert {target["datasource"]["uid"] for target in panel["targets"]} == {"${datasource}"}
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in board["panels"]]
    assert len(set(places)) == len(places)


@pytest.mark.parametrize("expression", expressions())
def test_dashboard_asks_for_metrics_there_are(expression):
    used = metrics_of(expression)
    assert used and used <= OUR_METRICS, used
    assert 'instance=~"$host"' in expression
