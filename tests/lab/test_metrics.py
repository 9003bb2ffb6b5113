"""Metrics as Prometheus asks for them: of a real service, by TCP and by a Unix socket, and nothing else by it."""

import contextlib
import http.client
import os
import re
import resource
import socket

from conftest import service
from lab import SECOND4, SERVICE4
from netns import PATIENCE, wait_until
from samples import Samples, approved
from status import ask, becomes, told

LISTEN = ("127.0.0.1", 9477)
CONFIGURATION = """
global: { scrape_interval: 1s }
scrape_configs: [ { job_name: anyprobe, static_configs: [ { targets: [ "127.0.0.1:9477" ] } ] } ]
"""


class Connection(http.client.HTTPConnection):
    """In the node's namespace; `where` is an address and a port, or a path."""

    def __init__(self, node, where):
        super().__init__("localhost", timeout=20)
        self.node, self.where = node, where

    def connect(self):
        with self.node.namespace.entered():
            self.sock = socket.socket(socket.AF_INET if isinstance(self.where, tuple) else socket.AF_UNIX)
            self.sock.settimeout(20)
            self.sock.connect(self.where)


def get(probing, where=LISTEN, path="/metrics", method="GET", **headers):
    """(status, headers, text)"""
    with contextlib.closing(Connection(probing.node, where)) as connection:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()


def scrape(probing, where=LISTEN):
    code, headers, text = get(probing, where)
    assert code == 200, text
    assert headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return Samples(text)


@contextlib.contextmanager
def flood(probing, count):
    """Connections that say nothing, all tried at the same time, and held as far as the daemon lets them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(hard, count + 1000), max(hard, count + 1000)))
    try:
        with contextlib.ExitStack() as held, probing.node.namespace.entered():
            for _ in range(count):
                one = held.enter_context(socket.socket())
                one.setblocking(False)
                one.connect_ex(LISTEN)
            yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_scraped(probing):
    probing.start_announced("--metrics-listen", "127.0.0.1:9477")
    dns = {"daemon": "dns-probe", "service": "dns-probe"}
    before = wait_until(lambda: (now := scrape(probing)).of("anyprobe_lease_renewals_total") and now, PATIENCE,
                        "a lease has been renewed")
    approved(before.text)
    assert before.of("anyprobe_service_up", **dns) == before.of("anyprobe_service_announced", **dns) == 1
    assert before.of("anyprobe_build_info", version=told(probing).instances["dns-probe"]["version"]) == 1
    assert before.of("anyprobe_checks_total", verdict="pass") >= 1
    assert before.of("anyprobe_transitions_total", to="up", **dns) == 1
    assert before.of("anyprobe_transitions_total", to="down", **dns) == 0
    assert before.of("anyprobe_netlink_errors_total") == 0
    count = before.of("anyprobe_check_duration_seconds_count", type="dns", **dns)
    assert count == before.of("anyprobe_check_duration_seconds_bucket", le="+Inf") >= 1

    probing.node.kill_unbound()
    probing.withdrawn()
    after = scrape(probing)
    approved(after.text)
    assert after.of("anyprobe_service_up", **dns) == after.of("anyprobe_service_announced", **dns) == 0
    assert after.of("anyprobe_checks_total", verdict="fail", reason="refused", **dns) >= 1
    assert after.of("anyprobe_transitions_total", to="down", **dns) == 1
    assert after.of("anyprobe_check_duration_seconds_count", **dns) > count
    counters = [name for name in before if "_total{" in name or "_bucket{" in name]
    assert counters and all(after[name] >= before[name] for name in counters)

    # The same by the other way.
    path = probing.folder / "anyprobe.prom"
    assert ask(probing, "--textfile", path).returncode == 0
    by_file = Samples(path.read_text())
    approved(by_file.text)
    assert by_file.families == after.families and set(after) <= set(by_file)


def test_only_looked_at(probing):
    """From this host, by who does not come from elsewhere, and whatever the others do."""
    probing.start_announced("--metrics-listen", "127.0.0.1:9477")
    pid, since = probing.pid(), told(probing).services["dns-probe"]["since"]
    assert get(probing, Host="evil.example")[0] == 403
    assert get(probing, Origin="http://evil.example")[0] == 403
    assert get(probing, Host="127.0.0.1:9477", Origin="http://127.0.0.1:9477")[0] == 200
    code, headers, _ = get(probing, method="POST")
    assert (code, headers["Allow"]) == (405, "GET, HEAD")
    assert get(probing, path="/etc/passwd")[0] == 404
    def gets_through():
        try:
            return scrape(probing)
        except ConnectionError:  # one that says nothing yet gives way, and so may ours where its request comes late
            return None
    with flood(probing, 10_000):
        assert wait_until(gets_through, PATIENCE, "who asks is answered").of("anyprobe_service_up") == 1
        assert len(os.listdir(f"/proc/{pid}/fd")) < 100
        assert told(probing).services["dns-probe"]["since"] == since
    assert probing.pid() == pid
    # A second daemon that wants the same works all the same, and says so.
    probing.start("--metrics-listen", "127.0.0.1:9477", "--name", "second", addresses=("--address", SECOND4))
    probing.announced([SECOND4])
    problem = "no metrics can be asked: 127.0.0.1:9477: Address already in use"
    assert told(probing).instances["second"]["problems"] == [problem]
    assert told(probing).instances["dns-probe"]["problems"] == []


def test_unix_socket_and_reload(probing):
    path = probing.node.run_dir / "metrics.sock"
    probing.run_config(service(SERVICE4), metrics={"listen": str(path)})
    probing.announced([SERVICE4])
    assert path.stat().st_mode & 0o777 == 0o660
    assert scrape(probing, str(path)).of("anyprobe_service_announced", service="dns") == 1
    assert set(told(probing).instances) == {"anyprobe"}
    since = told(probing).services["dns"]["since"]

    def reload(**more):
        probing.write({"services": [service(SERVICE4)], **more})
        os.kill(probing.keeper(), 1)

    reload(metrics={"listen": "[::1]:9477"})
    wait_until(lambda: not path.exists(), PATIENCE, "the old socket is gone")

    def by_ipv6():
        with probing.node.namespace.entered(), socket.socket(socket.AF_INET6) as one:
            return one.connect_ex(("::1", 9477)) == 0
    wait_until(by_ipv6, PATIENCE, "it listens elsewhere")
    reload(metrics={"listen": "0.0.0.0:9477"})
    one = becomes(probing, lambda s: s.instances["anyprobe"]["problems"], "it is refused")
    assert re.fullmatch("the last reload was refused: .*metrics.listen: .* is no loopback address: .*",
                        one.instances["anyprobe"]["problems"][0])
    assert by_ipv6()
    reload()
    wait_until(lambda: not by_ipv6(), PATIENCE, "nobody is answered any more")
    assert told(probing).services["dns"]["since"] == since
    reload(metrics={"listen": str(path)})
    wait_until(path.exists, PATIENCE, "it is there again")
    assert scrape(probing, str(path)).of("anyprobe_service_up", service="dns") == 1


def test_prometheus_itself(probing):
    probing.start_announced("--metrics-listen", "127.0.0.1:9477")
    (probing.folder / "prometheus.yml").write_text(CONFIGURATION)
    where = ("127.0.0.1", 9490)
    log = probing.folder / "prometheus.log"
    prometheus = probing.node.namespace.spawn(
        "prometheus", f"--config.file={probing.folder}/prometheus.yml", f"--storage.tsdb.path={probing.folder}/tsdb",
        "--web.listen-address=%s:%d" % where, log=log)

    def told_by_it(query):
        try:
            return re.search(r'"value":\[[^,]*,"([^"]*)"\]', get(probing, where, f"/api/v1/query?query={query}")[2])
        except OSError:
            return None
    try:
        for query in ("anyprobe_service_announced", "up", "sum(anyprobe_checks_total)"):
            found = wait_until(lambda: told_by_it(query), 30, f"Prometheus tells {query}\n{log}")
            assert float(found.group(1)) >= 1
    finally:
        prometheus.kill()
        prometheus.wait(PATIENCE)
