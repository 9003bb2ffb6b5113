"""A module runs in a prober of its own: what it does there takes nobody with it but what its own services announce."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT / "tests" / "lab"))

from browser import Browser, Page  # noqa: E402 (found by the line above)
from netns import Namespace, holds, kill, process_state, wait_until  # noqa: E402 (found by the line above)
from samples import Samples, approved  # noqa: E402
from watch import AddressWatch  # noqa: E402

PLAIN, MOODY = "192.0.2.1/32", "192.0.2.2/32"
LEASE = 2
BOUND = LEASE + 0.5
PORT = 4711
WEB = 9477

# It does as the file says that it is given: "well", "ill", "hang PID" or "crash PID", where 0 is everybody.
SOURCE = """
#include <unistd.h>
#include <anyprobe/probe.hpp>
#include <cstdlib>
#include <fstream>
#include <string>
using namespace anyprobe;

struct MoodyProbe : Probe {
  explicit MoodyProbe(std::string path) : path_(std::move(path)) {}
  std::vector<Endpoint> endpoints() const override { return {}; }
  std::unique_ptr<Attempt> start(ResultSink& sink) override {
    std::ifstream file(path_);
    std::string mood;
    int whose = -1;
    file >> mood >> whose;
    if (whose == 0 || whose == getpid()) {
      if (mood == "crash") std::abort();
      while (mood == "hang") pause();
    }
    sink.report({mood == "ill" ? Verdict::fail : Verdict::pass, Evidence::soft, "mood", mood});
    return std::make_unique<Attempt>();
  }
  const std::string path_;
};

static std::unique_ptr<Probe> create(EventLoop&, Options& options) {
  return std::make_unique<MoodyProbe>(options.text("path"));
}

constexpr OptionSpec kOptions[] = {{.name = "path", .help = "the file", .required = true}};
ANYPROBE_EXPORT_PLUGIN = {.type = "moody", .summary = "a mood", .options = kOptions, .create = create};
"""


@pytest.fixture(scope="session")
def module(installed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("moody")
    (folder / "moody.cpp").write_text(SOURCE)
    environment = os.environ | {"PKG_CONFIG_LIBDIR": str(installed.pkg_config),
                                "PKG_CONFIG_SYSROOT_DIR": str(installed.folder)}
    environment.pop("PKG_CONFIG_PATH", None)
    flags = subprocess.run(["pkg-config", "--cflags", "anyprobe"], env=environment, capture_output=True, text=True,
                           check=True).stdout.split()
    done = subprocess.run(["g++", "-std=c++20", "-shared", "-fPIC", *flags, *os.environ.get("ANYPROBE_CXXFLAGS", "").split(),
                           "-o", folder / "moody.so", folder / "moody.cpp"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "moody.so"


class Node:
    """`anyprobe run` in a namespace: a service asked by the program itself, and one that a module asks."""

    def __init__(self, installed, folder, module):
        self.namespace = Namespace(f"ap{os.getpid()}-0-module")
        self.namespace.ip("link", "set", "lo", "up")
        self.folder = folder
        self.plugins = folder / "plugins"
        self.plugins.mkdir(mode=0o755)
        shutil.copyfile(module, self.plugins / module.name)
        (self.plugins / module.name).chmod(0o644)
        self.mood_file = folder / "mood"
        self.config = folder / "anyprobe.json"
        self.log = folder / "log"
        self.program = installed.program
        self.process = None
        self.web = False
        self.watch = AddressWatch(self.namespace)
        with self.namespace.entered():
            self.listener = socket.create_server(("127.0.0.1", PORT))
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                self.listener.accept()[0].close()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join(10)
        self.listener.close()
        self.watch.close()
        self.namespace.close()

    def mood(self, *words):
        following = self.folder / "mood.new"
        following.write_text(" ".join(map(str, words)))
        following.chmod(0o644)
        following.rename(self.mood_file)

    def configure(self, modules=True):
        pace = {"interval": "100ms", "timeout": "80ms", "rise": 1, "fall": 2, "lease": f"{LEASE}s"}
        plain = {"name": "plain", "probe": {"type": "tcp", "host": "127.0.0.1", "ports": [PORT]},
                 "advertise": [{"address": PLAIN}]}
        moody = {"name": "moody", "probe": {"type": "moody", "path": str(self.mood_file)},
                 "advertise": [{"address": MOODY}]}
        whole = {"defaults": pace, "services": [plain, moody] if modules else [plain]}
        if self.web:
            whole["metrics"] = {"listen": f"127.0.0.1:{WEB}"}
        if modules:
            whole["plugins"] = str(self.plugins)
        self.config.write_text(json.dumps(whole))

    def start(self):
        self.process = self.namespace.spawn(self.program, "run", "--config", self.config, "--run-dir",
                                            self.folder / "run", log=self.log)

    def get(self, path):
        with self.namespace.entered():
            connection = http.client.HTTPConnection("127.0.0.1", WEB, timeout=20)
            with contextlib.closing(connection):
                connection.request("GET", path)
                answer = connection.getresponse()
                return answer.status, answer.read().decode()

    def scrape(self):
        code, text = self.get("/metrics")
        assert code == 200, text
        approved(text)
        return Samples(text)

    def told(self, name="moody"):
        code, text = self.get("/status.json")
        assert code == 200, text
        said = json.loads(text)
        return {one["name"]: one for one in said["services"]}[name]

    def hup(self):
        self.process.send_signal(signal.SIGHUP)

    def probers(self):
        return self.namespace.named("anyprobe")

    def built_in(self):
        return int((self.folder / "run" / "anyprobe.pid").read_text())

    def with_module(self):
        """Those that have it mapped."""
        return [pid for pid in self.namespace.pids() if "moody.so" in _maps(pid)]

    def stands(self, *prefixes):
        out = self.namespace.ip("-o", "addr", "show", "dev", "lo")
        assert self.process.poll() is None, self.log.read_text()
        return {prefix for prefix in (PLAIN, MOODY) if f" {prefix} " in out} == set(prefixes)

    def wait(self, *prefixes, timeout=10):
        wait_until(lambda: self.stands(*prefixes), timeout, f"{prefixes} and nothing else stands")

    def withdrawals(self, prefix):
        return [change.at for change in self.watch.changes if change.prefix == prefix and not change.interfaces]


def _maps(pid):
    try:
        return Path(f"/proc/{pid}/maps").read_text()
    except OSError:
        return ""


@pytest.fixture
def node(installed, folder, module):
    one = Node(installed, folder, module)
    try:
        yield one
    finally:
        one.close()


@pytest.fixture
def running(node):
    node.mood("well")
    node.configure()
    node.start()
    node.wait(PLAIN, MOODY)
    yield node
    assert not node.withdrawals(PLAIN) or node.suspended
    node.process.terminate()
    assert node.process.wait(20) == 0, node.log.read_text()


@pytest.fixture(autouse=True)
def _never_suspended(node):
    node.suspended = False


def test_it_is_in_one_prober_alone(running):
    assert len(running.probers()) == 2
    found = running.with_module()
    assert len(found) == 1 and found[0] in running.probers() and found[0] != running.built_in()
    assert len(running.namespace.named("anyprobe-keeper")) == 1


@pytest.mark.parametrize("mood", ["hang", "crash"])
def test_it_takes_its_own_services_with_it_and_no_other(running, mood):
    built_in = running.built_in()
    at = time.monotonic()
    running.mood(mood, 0)
    running.wait(PLAIN)
    withdrawn = running.withdrawals(MOODY)
    # Its last good answer came an interval later at most.
    assert len(withdrawn) == 1 and withdrawn[0] - at < BOUND + 0.5
    wait_until(lambda: "the prober hangs" in running.log.read_text() or mood == "crash", 10, "it is seen to hang")
    wait_until(lambda: "killed by" in running.log.read_text(), 10, "it is seen to be gone")
    holds(lambda: running.stands(PLAIN), LEASE, "the other service alone is announced")
    running.mood("well")
    running.wait(PLAIN, MOODY, timeout=30)
    assert running.built_in() == built_in and process_state(built_in) in "SR"


@pytest.mark.parametrize("mood", ["hang", "crash"])
def test_where_the_next_prober_finds_its_service_well_nothing_flaps(running, mood):
    first, = running.with_module()
    running.mood(mood, first)
    wait_until(lambda: running.with_module() not in ([], [first]), 10, "another one has the module")
    holds(lambda: running.stands(PLAIN, MOODY), BOUND, "both are announced")
    assert not running.withdrawals(MOODY)


def test_an_ill_service_of_a_module_is_withdrawn_alone(running):
    running.mood("ill")
    running.wait(PLAIN, timeout=2)
    running.mood("well")
    running.wait(PLAIN, MOODY)


def test_tstp_to_the_one_whose_pid_is_told_suspends_both(running):
    running.suspended = True
    probers = running.probers()
    kill(running.built_in(), signal.SIGTSTP)
    running.wait(timeout=5)
    wait_until(lambda: all(process_state(pid) == "T" for pid in probers), 5, "both are stopped")
    holds(lambda: running.stands() and running.probers() == probers, BOUND, "suspended")
    kill(running.built_in(), signal.SIGCONT)
    running.wait(PLAIN, MOODY)
    assert running.probers() == probers


def test_modules_come_and_go_with_hup(node):
    node.mood("well")
    node.configure(modules=False)
    node.start()
    node.wait(PLAIN)
    built_in, = node.probers()
    for _ in range(2):
        node.configure()
        node.hup()
        node.wait(PLAIN, MOODY)
        assert len(node.probers()) == 2 and len(node.with_module()) == 1
        node.configure(modules=False)
        node.hup()
        node.wait(PLAIN)
        wait_until(lambda: node.probers() == [built_in], 5, "its prober is gone")
    # One that is to leave and one that is to come, in one breath.
    node.configure()
    node.hup()
    node.wait(PLAIN, MOODY)
    for _ in range(10):
        before = node.log.read_text().count("configuration read again")
        node.configure(modules=False)
        node.hup()
        wait_until(lambda: node.log.read_text().count("configuration read again") > before, 5, "it is read")
        node.configure()
        node.hup()
        node.wait(PLAIN, MOODY)
    assert not node.withdrawals(PLAIN)
    assert "not confirmed in time" not in node.log.read_text()
    node.process.terminate()
    assert node.process.wait(20) == 0, node.log.read_text()


MOODY_LABELS = {"daemon": "anyprobe-modules", "service": "moody"}


def test_the_page_and_metrics_tell_of_it(node):
    node.web = True
    node.mood("well")
    node.configure()
    node.start()
    node.wait(PLAIN, MOODY)
    wait_until(lambda: node.scrape().of("anyprobe_service_announced", **MOODY_LABELS) == 1, 10, "it is told")
    now = node.scrape()
    assert [now.of("anyprobe_daemon_up", daemon=each) for each in ("anyprobe", "anyprobe-modules")] == [1, 1]
    assert now.of("anyprobe_service_up", **MOODY_LABELS) == 1
    assert now.of("anyprobe_transitions_total", to="up", **MOODY_LABELS) == 1
    assert now.of("anyprobe_checks_total", verdict="pass", reason="mood", **MOODY_LABELS) >= 1
    assert now.of("anyprobe_check_duration_seconds_count", type="moody", **MOODY_LABELS) >= 1
    assert now.of("anyprobe_service_up", daemon="anyprobe", service="plain") == 1
    path = node.folder / "anyprobe.prom"
    node.namespace.run(node.program, "status", "--run-dir", node.folder / "run", "--textfile", path)
    by_file = Samples(path.read_text())
    assert by_file.families == now.families and set(now) == set(by_file)
    said = node.told()
    assert (said["instance"], said["health"], said["advertise"][0]["state"]) == ("anyprobe-modules", "up", "announced")

    with Browser(node.namespace) as browser:
        page = Page(browser, f"http://127.0.0.1:{WEB}/")
        page.becomes("moody", "up")
        page.becomes("plain", "up")
        page.open("moody")
        browser.until("answers are drawn", "return document.querySelectorAll('.row .bar-pass').length > 3")
        assert "anyprobe-modules version " in browser.text("#daemons")
        node.mood("ill")
        page.becomes("moody", "down")
        assert "ill" in page.part("moody", ".why")
        wait_until(lambda: node.scrape().of("anyprobe_service_up", **MOODY_LABELS) == 0, 10, "it is told")
        assert node.scrape().of("anyprobe_checks_total", verdict="fail", reason="mood", **MOODY_LABELS) >= 1
        node.mood("well")
        page.becomes("moody", "up")
        node.wait(PLAIN, MOODY)

        node.mood("hang", 0)
        page.becomes("moody", "unknown")
        node.wait(PLAIN)
        browser.until("what was announced is gone", "return document.body.innerText.includes('unknown: withdrawn')")
        browser.until("it is a problem", "return document.querySelector('#problems').innerText.includes(arguments[0])",
                      "anyprobe-modules")
        wait_until(lambda: node.scrape().of("anyprobe_daemon_up", daemon="anyprobe-modules") == 0, 10, "it is told")
        assert page.state("plain") == "up"
        node.mood("well")
        page.becomes("moody", "up")
        node.wait(PLAIN, MOODY, timeout=30)
        assert [one for one in browser.complaints() if str(WEB) in one] == []
    after = node.scrape()
    assert after.of("anyprobe_transitions_total", service="plain", to="down") == 0
    assert after.of("anyprobe_service_up", **MOODY_LABELS) == 1
    # Without modules nothing is said of them.
    node.configure(modules=False)
    node.hup()
    wait_until(lambda: "anyprobe-modules" not in node.get("/metrics")[1], 10, "nothing is told of what is gone")
    node.process.terminate()
    assert node.process.wait(20) == 0, node.log.read_text()
