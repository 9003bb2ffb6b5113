"""The sample of CONTRIBUTING.md, built as it says against what is installed, loaded and asked."""

import contextlib
import json
import os
import re
import shlex
import shutil
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


@pytest.fixture(scope="session", params=COMPILERS)
def module(request, installed, tmp_path_factory):
    """The module, compiled once by each compiler, in a folder that has nothing else in it."""
    folder = tmp_path_factory.mktemp("module")
    (folder / "unix_probe.cpp").write_text(block("cpp"))
    line = next(line for line in block("sh").splitlines() if line.startswith("g++ "))
    flags = f"{STRICT} {os.environ.get('ANYPROBE_CXXFLAGS', '')}"
    line = f"{request.param} {flags} {line.removeprefix('g++ ')}"
    # Only the installed .pc is to be seen, so one that required another would fail here.
    environment = os.environ | {"PKG_CONFIG_LIBDIR": str(installed.pkg_config),
                                "PKG_CONFIG_SYSROOT_DIR": str(installed.folder)}
    environment.pop("PKG_CONFIG_PATH", None)
    done = subprocess.run(["sh", "-c", line], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "unix_probe.so"


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
    assert done.stderr == ('anyprobe: anyprobe.json: services[0].probe.type: "unit" is no type of probe '
                           "(one of dns, tcp, unix)\n")


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


def test_the_prober_loads_it(installed, service, folder):
    """As nobody, in a network namespace of its own: the address follows the socket."""
    command = shlex.join([str(installed.program), "run", "--config", str(service.config), "--run-dir",
                          str(folder / "run")])
    with open(folder / "log", "w+", encoding="utf-8") as log:
        process = subprocess.Popen(["unshare", "-n", "sh", "-c", f"ip link set lo up && exec {command}"], stderr=log)

        def announced():
            assert process.poll() is None, (folder / "log").read_text()
            done = subprocess.run(["nsenter", "-t", str(process.pid), "-n", "ip", "-o", "address", "show", "dev", "lo"],
                                  capture_output=True, text=True, check=True)
            return "192.0.2.25/32" in done.stdout

        try:
            with service.listening():
                wait_until(announced, "it is announced")
            wait_until(lambda: not announced(), "it is withdrawn")
            process.terminate()
            assert process.wait(20) == 0, (folder / "log").read_text()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
