"""The sample of CONTRIBUTING.md, built as it says against what is installed, loaded and asked."""

import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest
from conftest import ROOT

STRICT = "-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror"
COMPILERS = ("g++", "clang++-14")
NOBODY = 65534


@pytest.fixture(scope="session", autouse=True)
def _root():
    assert os.geteuid() == 0, "modules belong to root"


def block(language):
    text = (ROOT / "CONTRIBUTING.md").read_text()
    found = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(found) == 1, f"{len(found)} blocks of {language}"
    return found[0]


def compiled(compiler, source, installed, folder):
    """By the line of CONTRIBUTING.md, in a folder that has nothing else in it."""
    (folder / "unix_probe.cpp").write_text(source)
    line = next(line for line in block("sh").splitlines() if line.startswith("g++ "))
    flags = f"{STRICT} {os.environ.get('ANYPROBE_CXXFLAGS', '')}"
    line = f"{compiler} {flags} {line.removeprefix('g++ ')}"
    # Only the installed .pc is to be seen, so one that required another would fail here.
    environment = os.environ | {"PKG_CONFIG_LIBDIR": str(installed.pkg_config),
                                "PKG_CONFIG_SYSROOT_DIR": str(installed.folder)}
    environment.pop("PKG_CONFIG_PATH", None)
    done = subprocess.run(["sh", "-c", line], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "unix_probe.so"


@pytest.fixture(scope="session", params=COMPILERS)
def module(request, installed, tmp_path_factory):
    """The module, compiled once by each compiler."""
    return compiled(request.param, block("cpp"), installed, tmp_path_factory.mktemp("module"))


class Service:
    """A folder of modules, a configuration that names it, and a socket to ask."""

    def __init__(self, folder, module):
        self.plugins = folder / "plugins"
        self.plugins.mkdir()
        self.module = self.plugins / module.name
        shutil.copyfile(module, self.module)
        self.plugins.chmod(0o755)
        self.module.chmod(0o644)
        self.socket = folder / "socket"
        self.config = folder / "anyprobe.json"
        self.write()

    def write(self, **options):
        probe = {"type": "unix", "path": str(self.socket)} | options
        probe = {key: value for key, value in probe.items() if value is not None}
        self.config.write_text(json.dumps({
            "plugins": str(self.plugins),
            "services": [{"name": "mail", "probe": probe, "advertise": [{"address": "192.0.2.25/32"}],
                          "interval": "100ms", "timeout": "80ms"}]}))

    @contextlib.contextmanager
    def listening(self, says=None):
        """A listener that says so much to each who comes; empty: it hangs up, None: it keeps quiet."""
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(self.socket))
            self.socket.chmod(0o666)
            listener.listen(16)
            kept = []

            def serve():
                with contextlib.suppress(OSError):
                    while True:
                        peer, _ = listener.accept()
                        kept.append(peer)
                        if says:
                            peer.sendall(says)
                        if says is not None:
                            peer.close()

            thread = threading.Thread(target=serve)
            thread.start()
            try:
                yield
            finally:
                listener.shutdown(socket.SHUT_RDWR)
                thread.join(10)
                for peer in kept:
                    peer.close()
                self.socket.unlink()


@pytest.fixture
def service(folder, module):
    return Service(folder, module)


@pytest.fixture
def ask(installed, service):
    return lambda command="check": installed.run(command, "--config", service.config)


def test_the_sample_is_short():
    assert len(block("cpp").splitlines()) < 60


def test_the_sample_configuration_is_one(installed, folder, module):
    sample = json.loads(block("json"))
    sample["plugins"] = str(folder)
    shutil.copyfile(module, folder / module.name)
    (folder / "sample.json").write_text(json.dumps(sample))
    done = installed.run("validate", "--config", folder / "sample.json")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_folder_of_modules_is_told(installed):
    environment = os.environ | {"PKG_CONFIG_LIBDIR": str(installed.pkg_config)}
    done = subprocess.run(["pkg-config", "--variable=moduledir", "anyprobe"], env=environment, capture_output=True,
                          text=True, check=True)
    assert re.fullmatch(r"/.*/anyprobe\n", done.stdout)


def test_passes_and_fails(service, ask):
    with service.listening():
        done = ask()
        assert done.returncode == 0 and done.stdout.startswith("OK - mail: socket, accepts connections"), done
    done = ask()
    assert done.returncode == 2, done
    assert done.stdout.startswith("CRITICAL - mail: socket, No such file or directory"), done.stdout


@pytest.mark.parametrize("says, code, told", [(b"220 mail.example.org\r\n", 0, "OK - mail: socket, speaks"),
                                              (b"", 2, "CRITICAL - mail: socket, hangs up"),
                                              (None, 2, "CRITICAL - mail: timeout")])
def test_waits_without_blocking(service, ask, says, code, told):
    service.write(speaks=True)
    with service.listening(says):
        done = ask()
    assert done.returncode == code and done.stdout.startswith(told), done


def test_it_is_among_the_probes(service, installed):
    assert "\nunix " in installed.run("probes", "--config", service.config).stdout
    assert "\nunix " not in installed.run("probes").stdout
    assert "path " in installed.run("probes", "unix", "--config", service.config).stdout


def test_its_type_is_known(service, ask):
    service.write(type="unit")
    done = ask("validate")
    assert done.returncode == 78
    assert done.stderr.startswith('anyprobe: anyprobe.json: services[0].probe.type: "unit" is no type of probe '
                                  "(one of dns, ")
    assert done.stderr.endswith(", unix)\n")


@pytest.mark.parametrize("options, told", [
    ({"speaks": 7}, "services[0].probe.speaks: 7 is neither true nor false"),
    ({"pth": "x"}, "services[0].probe.pth: is not known here"),
    ({"path": None}, 'services[0].probe: lacks "path"'),
    ({"path": "/" + 107 * "x"}, "services[0].probe.path: is above 107 octets"),
])
def test_wrong_options_have_their_path(service, ask, options, told):
    service.write(**options)
    done = ask("validate")
    assert (done.returncode, done.stderr) == (78, f"anyprobe: anyprobe.json: {told}\n")
    done = ask("check")
    assert (done.returncode, done.stdout) == (3, f"UNKNOWN - anyprobe.json: {told}\n")


def refused(done, what):
    assert done.returncode == 78, done
    assert f'anyprobe: anyprobe.json: plugins: "{what}\n' in done.stderr, done.stderr


@pytest.mark.parametrize("mode", [0o757, 0o775])
def test_folder_and_module_are_writable_by_root_alone(service, ask, mode):
    for path in (service.plugins, service.module):
        before = path.stat().st_mode
        path.chmod(mode)
        refused(ask("validate"), f'{path}" is writable by others than root')
        path.chmod(before)
    assert ask("validate").returncode == 0


def test_folder_and_module_belong_to_root(service, ask):
    for path in (service.plugins, service.module):
        os.chown(path, NOBODY, -1)
        refused(ask("validate"), f'{path}" does not belong to root')
        os.chown(path, 0, -1)
    assert ask("validate").returncode == 0


def wait_until(condition, what, timeout=20):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


class Running:
    """`anyprobe run` in a network namespace of its own, its prober nobody."""

    def __init__(self, installed, service, folder):
        self._log = folder / "log"
        command = shlex.join([str(installed.program), "run", "--config", str(service.config), "--run-dir",
                              str(folder / "run")])
        with open(self._log, "wb") as log:
            self._process = subprocess.Popen(["unshare", "-n", "sh", "-c", f"ip link set lo up && exec {command}"],
                                             stderr=log)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def log(self):
        return self._log.read_text(encoding="utf-8")

    def announced(self):
        assert self._process.poll() is None, self.log()
        done = subprocess.run(["nsenter", "-t", str(self._process.pid), "-n", "ip", "-o", "address", "show", "dev",
                               "lo"], capture_output=True, text=True, check=True)
        return "192.0.2.25/32" in done.stdout

    def reload(self):
        self._process.send_signal(signal.SIGHUP)

    def end(self):
        self._process.terminate()
        assert self._process.wait(20) == 0, self.log()


def test_the_prober_loads_it(installed, service, folder):
    """The address follows the socket."""
    with Running(installed, service, folder) as running:
        with service.listening():
            wait_until(running.announced, "it is announced")
        wait_until(lambda: not running.announced(), "it is withdrawn")
        running.end()


NEEDS = "memfd_create"


def needing(named):
    """The sample, needing a system call at each check; `named`: and it says so."""
    source = block("cpp")
    calls = f'constexpr const char* kCalls[] = {{"{NEEDS}"}};\n'
    for before, after in (
            ("#include <unistd.h>\n", "#include <sys/mman.h>\n#include <unistd.h>\n"),
            ("start(ResultSink& sink) override {\n", "start(ResultSink& sink) override {\n"
             f"    const int file = {NEEDS}(\"x\", MFD_CLOEXEC);\n    if (file < 0) {{\n"
             '      sink.report({Verdict::fail, Evidence::soft, "file", std::strerror(errno)});\n'
             "      return std::make_unique<Attempt>();\n    }\n    close(file);\n"),
            ("ANYPROBE_EXPORT_PLUGIN", f'{calls if named else ""}ANYPROBE_EXPORT_PLUGIN'),
            (".create = create", ".system_calls = kCalls, .create = create" if named else ".create = create"),
            ('.type = "unix"', '.type = "asking"' if named else '.type = "bare"')):
        assert source.count(before) == 1, before
        source = source.replace(before, after)
    return source


@pytest.fixture(scope="session")
def bare(installed, tmp_path_factory):
    return compiled("g++", needing(False), installed, tmp_path_factory.mktemp("bare"))


@pytest.fixture(scope="session")
def asking(installed, tmp_path_factory):
    return compiled("g++", needing(True), installed, tmp_path_factory.mktemp("asking"))


def test_what_its_code_needs_is_refused_unless_named(installed, folder, bare, asking):
    for kind, module, announced in (("bare", bare, False), ("asking", asking, True)):
        own = folder / kind
        own.mkdir(mode=0o755)
        service = Service(own, module)
        service.write(type=kind)
        with service.listening(), Running(installed, service, own) as running:
            if announced:
                wait_until(running.announced, "it is announced")
            else:
                wait_until(lambda: "down (file, Operation not permitted)" in running.log(), "it is refused")
                assert not running.announced()
            running.end()


def test_a_module_that_asks_for_more_wants_a_restart(installed, folder, bare, asking):
    service = Service(folder, bare)
    service.write(type="bare")
    with service.listening(), Running(installed, service, folder) as running:
        wait_until(lambda: "Operation not permitted" in running.log(), "it runs")
        shutil.copyfile(asking, service.plugins / "another.so")
        running.reload()
        wait_until(lambda: f'another.so" asks for the system call "{NEEDS}", and so for a restart' in running.log(),
                   "it is refused")
        wait_until(lambda: "the old one is kept" in running.log(), "and the old configuration is kept")
        running.end()
