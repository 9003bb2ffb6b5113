"""Commands: exec probes with real plugins, hooks, and the process that runs them."""

import json
import signal
import sys

import pytest
from conftest import service
from lab import BUILD, SECOND4, SERVICE4
from netns import kill, process_name, process_state, process_status, wait_until

PLUGINS = "/usr/lib/nagios/plugins"
CAP_NET_ADMIN, CAP_SYS_ADMIN = 12, 21
# A process takes its time to start on a busy machine; a changed answer is asked for again soon all the same.
PACE = {"interval": "900ms", "timeout": "800ms", "fast_interval": "100ms"}


def script(folder, name, text):
    path = folder / name
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return str(path)


def exec_service(*command, name="exec", prefix=SERVICE4, warning=None, **more):
    probe = {"type": "exec", "command": list(command), **({"warning": warning} if warning else {})}
    return service(prefix, name=name, **{**PACE, **more}, probe=probe)


class Running:
    """anyprobe run with these services, in the foreground."""

    def __init__(self, probing, *services, **top):
        self.probing = probing
        self.node = probing.node
        self.write(*services, **top)
        self.process, self.log_file = probing.start_foreground("--config", self.path, program="anyprobe")

    def write(self, *services, **top):
        self.path = self.probing.write({"services": list(services), **top})

    def log(self):
        return self.log_file.read_text()

    def logs(self, text, timeout=10):
        wait_until(lambda: text in self.log(), timeout, f"{text!r} is logged, in {self.log()[-1500:]}")

    def one(self, name):
        return wait_until(lambda: (self.node.namespace.named(name) or [None])[0], 5, f"{name} is there")

    def reload(self):
        before = self.log().count("configuration")
        kill(self.one("anyprobe-keeper"), signal.SIGHUP)
        wait_until(lambda: self.log().count("configuration") > before, 5, "the reload is logged")

    def end(self):
        kill(self.one("anyprobe"), signal.SIGTERM)
        assert self.process.wait(10) == 0


def in_folder(folder, name):
    try:
        return (folder / name).read_text()
    except FileNotFoundError:
        return ""


def alive(pid):
    return process_state(pid) not in (None, "Z")


@pytest.fixture
def open_folder(folder):
    """Where whoever runs the commands may write."""
    folder.chmod(0o777)
    return folder


@pytest.fixture
def listener(probing):
    """A TCP server that a plugin asks; give it its number of a signal to hang or to end it."""
    text = ("import socket,time\ns=socket.create_server(('127.0.0.1',7007))\n"
            "while True:\n c,_=s.accept()\n c.sendall(b'hello\\n')\n c.close()\n")
    started = []

    def start():
        started.append(probing.node.namespace.spawn(sys.executable, "-c", text))
        return started[-1]
    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait(5)


def test_real_plugin_follows_its_server(probing, listener):
    """Passes, is refused, hangs until the deadline, and passes again; and the route on the router follows."""
    server = listener()
    running = Running(probing, exec_service(f"{PLUGINS}/check_tcp", "-H", "127.0.0.1", "-p", "7007", "-e", "hello",
                                            "-t", "5", interval="1s", timeout="900ms"))
    probing.announced([SERVICE4])
    server.send_signal(signal.SIGSTOP)
    probing.withdrawn([SERVICE4])
    running.logs("has not ended")
    assert not probing.node.namespace.named("check_tcp") or wait_until(
        lambda: not probing.node.namespace.named("check_tcp"), 3, "none is left once the next has its turn")
    server.send_signal(signal.SIGCONT)
    probing.announced([SERVICE4])
    server.kill()
    server.wait(5)
    probing.withdrawn([SERVICE4])
    running.logs("critical, connect to address 127.0.0.1 and port 7007")
    listener()
    probing.announced([SERVICE4])


def test_codes_of_the_contract(probing, open_folder):
    """What check_dummy says is read from a file at each round."""
    state = open_folder / "state"
    state.write_text("0")
    code = script(open_folder, "plugin", f"case $(cat {state}) in sig) kill -SEGV $$;; "
                                         f"*) exec {PLUGINS}/check_dummy $(cat {state}) hello;; esac\n")
    odd = script(open_folder, "odd", f"exit $(cat {state} | sed s/sig/0/)\n")
    running = Running(probing, exec_service(code), exec_service(odd, name="odd", prefix=SECOND4, warning="fail"),
                      log={"level": "debug"})
    probing.announced([SERVICE4, SECOND4])
    state.write_text("1")                    # a warning passes, unless it is said to fail
    probing.withdrawn([SECOND4])
    running.logs("odd: down (warning")
    assert SERVICE4 in probing.node.addresses()
    state.write_text("3")                    # unknown is no outage
    running.logs("exec: local_error (unknown, UNKNOWN: hello)")
    assert SERVICE4 in probing.node.addresses()
    state.write_text("2")
    probing.withdrawn([SERVICE4])
    running.logs("exec: down (critical, CRITICAL: hello)")
    state.write_text("0")
    probing.announced([SERVICE4, SECOND4])
    state.write_text("sig")
    probing.withdrawn([SERVICE4])
    running.logs("exec: down (signal, killed by SIGSEGV)")
    state.write_text("42")
    probing.withdrawn([SECOND4])
    running.logs("odd: down (exit_code, exit code 42)")


def test_who_runs_it_and_how(probing, open_folder):
    """The processes' names and rights, and what a command has of them."""
    note = script(open_folder, "note", f'(id -un; id -G; umask; pwd; env | sort; '
                                       f'grep -E "^(CapEff|CapBnd|NoNewPrivs)" /proc/$$/status) > {open_folder}/noted')
    running = Running(probing, exec_service(note, exec_user="daemon"))
    probing.announced([SERVICE4])
    names = sorted(map(process_name, probing.ours()))
    assert names == ["anyprobe", "anyprobe-keeper", "anyprobe-runner"]
    noted = in_folder(open_folder, "noted")
    assert noted.startswith("daemon\n1\n0022\n/\n"), noted
    environment = {line.split("=")[0] for line in noted.splitlines() if "=" in line}
    assert environment <= {"PATH", "LANG", "ANYPROBE_SERVICE", "PWD", "OLDPWD", "SHLVL", "_"}, noted
    assert "ANYPROBE_SERVICE=exec\n" in noted
    # Nothing now, and a setuid plugin would have what it needs.
    assert "CapEff:\t0000000000000000" in noted and "NoNewPrivs:\t0" in noted
    assert "CapBnd:\t0000000000000000" not in noted
    keeper = process_status(running.one("anyprobe-keeper"))
    assert int(keeper["CapEff"], 16) >> CAP_NET_ADMIN & 1 and not int(keeper["CapEff"], 16) >> CAP_SYS_ADMIN & 1
    prober = process_status(running.one("anyprobe"))
    assert int(prober["CapBnd"], 16) == 0 and prober["NoNewPrivs"].strip() == "1"
    running.end()
    probing.nothing_runs()


def test_without_a_command_there_is_no_runner(probing, open_folder):
    """And the keeper gives up what one would need: the first command wants a restart."""
    plain = service(SERVICE4)
    running = Running(probing, plain)
    probing.announced([SERVICE4])
    assert not probing.node.namespace.named("anyprobe-runner")
    assert process_status(running.one("anyprobe-keeper"))["NoNewPrivs"].strip() == "1"
    running.write(plain, exec_service("true", prefix=SECOND4))
    running.reload()
    running.logs("exec: probe.command is the first command: it wants a restart")
    running.logs("the configuration is refused, the old one is kept")
    assert SERVICE4 in probing.node.addresses()
    running.end()
    probing.withdrawn([SERVICE4])
    # The other way round, the runner goes with the last command and comes back with the next.
    running = Running(probing, exec_service("true"))
    probing.announced([SERVICE4])
    running.write(plain)
    running.reload()
    wait_until(lambda: not probing.node.namespace.named("anyprobe-runner"), 5, "the runner is gone")
    running.write(exec_service("true"))
    running.reload()
    running.one("anyprobe-runner")
    wait_until(lambda: SERVICE4 in probing.node.addresses(), 5, "and the service is up again")
    assert "not_started" not in running.log()


def test_runner_and_prober_are_replaced(probing, open_folder):
    """Commands do not outlive them; TSTP leaves none running; a stopped service comes back."""
    pids = open_folder / "pids"
    lasting = script(open_folder, "lasting", f"sleep 1000 & echo $$ $! >> {pids}; wait\n")
    running = Running(probing, exec_service("true"),
                      exec_service(lasting, name="slow", prefix=SECOND4, interval="30s", timeout="29s",
                                   stale_after="60s"))
    probing.announced([SERVICE4])

    def commands():
        lines = in_folder(open_folder, "pids").split("\n")[:-1]
        return [int(pid) for pid in lines[-1].split()] if lines else []
    first = wait_until(commands, 5, "it runs")
    runner = running.one("anyprobe-runner")
    kill(runner, signal.SIGKILL)
    wait_until(lambda: not alive(first[0]), 5, "the command dies with the runner")
    kill(first[1], signal.SIGKILL)  # nobody is left to know of its group
    running.logs("the runner is gone (killed by SIGKILL): starting another")
    assert wait_until(lambda: [pid for pid in probing.node.namespace.named("anyprobe-runner") if pid != runner], 5,
                      "another runner is there")
    running.logs("slow: local_error (not_started, the runner is gone)")

    pids.write_text("")
    prober = running.one("anyprobe")
    kill(prober, signal.SIGTSTP)
    wait_until(lambda: process_state(prober) == "T", 5, "it is suspended")
    probing.withdrawn([SERVICE4])
    kill(prober, signal.SIGCONT)
    probing.announced([SERVICE4])
    second = wait_until(commands, 5, "it runs again")
    kill(prober, signal.SIGTSTP)
    wait_until(lambda: not any(map(alive, second)), 5, "the command and what it started are gone")
    wait_until(lambda: process_state(prober) == "T", 5, "it is suspended again, and not about to be")
    kill(prober, signal.SIGCONT)

    pids.write_text("")
    third = wait_until(commands, 5, "and again")
    kill(prober, signal.SIGKILL)
    wait_until(lambda: not any(map(alive, third)), 5, "the command and what it started are gone")
    pids.write_text("")
    probing.announced([SERVICE4])
    assert wait_until(commands, 5, "the next prober has it started")


def test_no_more_at_once_than_may(probing, open_folder):
    """The one that has no slot was not asked: that is not its failure."""
    slow = script(open_folder, "slow", "exec sleep 1000\n")
    running = Running(probing, exec_service(slow, name="a", interval="30s", timeout="29s", stale_after="60s",
                                          fast_interval="100ms"),
                      exec_service("true", name="b", prefix=SECOND4, interval="300ms", timeout="250ms"),
                      max_running=1)
    running.logs("b: local_error (not_asked, not started: 1 command runs already)", 60)
    assert len(probing.node.namespace.named("sleep")) == 1
    assert "b: down" not in running.log() and "timeout" not in running.log()


def test_hooks(probing, open_folder):
    """At each change, as the user that is named, told what changed; at the end and at a stop too."""
    noted = open_folder / "noted"
    hook = script(open_folder, "hook", f'echo "$(id -un) $ANYPROBE_SERVICE $ANYPROBE_STATE $ANYPROBE_REASON $*" '
                                       f">> {noted}\n")
    slow = script(open_folder, "slow", f"exec >> {open_folder}/slow.log; echo begun; sleep 0.4; echo done; exit 7\n")
    hung = script(open_folder, "hung", "sleep 1000\n")
    state = open_folder / "state"
    state.write_text("0")
    plugin = script(open_folder, "plugin", f"exit $(cat {state})\n")
    running = Running(
        probing,
        exec_service(plugin, name="a", exec_user="daemon", on_up=[hook, "one word", "$HOME"], on_down=hook),
        exec_service("true", name="b", prefix=SECOND4, on_up=[hung], on_down=[slow], hook_timeout="2s"))
    probing.announced([SERVICE4, SECOND4])

    def said(*lines):
        wait_until(lambda: noted.exists() and noted.read_text().splitlines() == list(lines), 5,
                   f"{lines}, not {in_folder(open_folder, 'noted')}")
    said("daemon a up ok one word $HOME")
    running.logs("a: on_up: exit code 0 after")
    running.logs("b: on_up: killed at its deadline after 2")
    state.write_text("2")
    probing.withdrawn([SERVICE4])
    said("daemon a up ok one word $HOME", "daemon a down critical ")
    state.write_text("0")
    wait_until(lambda: len(noted.read_text().splitlines()) == 3, 5, "on_up again")
    probing.announced([SERVICE4])
    noted.unlink()
    prober = running.one("anyprobe")
    kill(prober, signal.SIGTSTP)
    probing.withdrawn([SERVICE4, SECOND4])
    said("daemon a down suspended ")
    running.logs("b: on_down: exit code 7 after")
    kill(prober, signal.SIGCONT)
    probing.announced([SERVICE4, SECOND4])
    said("daemon a down suspended ", "daemon a up ok one word $HOME")
    running.logs("b: on_up: killed at its deadline after 2")
    noted.unlink()
    (open_folder / "slow.log").unlink()
    running.end()  # when it has ended, so have the hooks
    assert noted.read_text() == "daemon a down terminated \n"
    assert in_folder(open_folder, "slow.log") == "begun\ndone\n"
    probing.nothing_runs()


def test_hook_of_dns_probe(probing, open_folder):
    hook = script(open_folder, "hook", f"echo $ANYPROBE_SERVICE $ANYPROBE_STATE >> {open_folder}/noted\n")
    probing.start_announced("--on-up", hook, "--on-down", hook)
    wait_until(lambda: in_folder(open_folder, "noted") == "dns-probe up\n", 5, "on_up")
    assert probing.node.namespace.named("anyprobe-runner")
    kill(probing.pid(), signal.SIGTERM)
    wait_until(lambda: in_folder(open_folder, "noted") == "dns-probe up\ndns-probe down\n", 5, "on_down")
    wait_until(lambda: not probing.ours(), 5, "all end")


def test_check_and_dry_run_need_no_runner(probing, open_folder):
    plugin = script(open_folder, "plugin", 'echo "as $(id -un) | x=1"; exit 1\n')
    words = ("check", "--type", "exec", "--command", plugin)
    done = probing.node.program("anyprobe", *words)
    assert done.returncode == 0 and "warning, as nobody (" in done.stdout, done
    done = probing.node.program("anyprobe", *words, "--warning", "fail")
    assert done.returncode == 2, done
    done = probing.node.namespace.run("setpriv", "--reuid=1", "--regid=1", "--clear-groups", BUILD / "anyprobe", *words)
    assert done.returncode == 0 and "as daemon" in done.stdout, done
    done = probing.node.program("anyprobe", *words[:-1], f"{PLUGINS}/check_dummy", "--command", "3")
    assert done.returncode == 3, done
    path = probing.write({"services": [exec_service("true", on_up=[plugin, "x"])]})
    process, log = probing.start_foreground("--config", path, "--dry-run", program="anyprobe")
    wait_until(lambda: f'would run "{plugin}" "x" (up, ok)' in log.read_text(), 5, "it says so")
    process.send_signal(signal.SIGTERM)
    assert process.wait(5) == 0


@pytest.mark.parametrize("change, names", [
    ({"probe": {"type": "exec", "command": "/usr/lib/nagios/plugins/check_nothing"}},
     'services[0].probe.command: "/usr/lib/nagios/plugins/check_nothing" is not there'),
    ({"probe": {"type": "exec", "command": ["/etc"]}}, 'services[0].probe.command: "/etc" is no program'),
    ({"probe": {"type": "exec", "command": ["/etc/passwd"]}}, 'services[0].probe.command: "/etc/passwd" is no program'),
    ({"probe": {"type": "exec", "command": "check_nothing"}},
     'services[0].probe.command: "check_nothing" is no program in'),
    ({"on_up": "/nowhere/hook"}, 'services[0].on_up: "/nowhere/hook" is not there'),
    ({"on_down": []}, "services[0].on_down: is an empty list"),
    ({"exec_user": "no-such-user"}, 'services[0].exec_user: there is no user "no-such-user"'),
    ({"hook_timeout": "0s"}, "services[0].hook_timeout"),
])
def test_what_cannot_be_run_is_an_error_at_start(probing, change, names):
    path = probing.write({"services": [{**exec_service("true"), **change}]})
    done = probing.node.program("anyprobe", "validate", "--config", path)
    assert done.returncode == 78 and names in done.stderr, done
    process, log = probing.start_foreground("--config", path, program="anyprobe")
    assert process.wait(5) == 78 and names in log.read_text()


def test_validate_prints_them(probing):
    path = probing.write({"defaults": {"on_down": ["logger", "down"]}, "max_running": 3,
                          "services": [exec_service("true", exec_user="root")]})
    done = probing.node.program("anyprobe", "validate", "--print", "--config", path)
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    one = printed["services"][0]
    assert printed["max_running"] == 3
    assert one["on_down"] == ["logger", "down"] and one["hook_timeout"] == "30s" and one["exec_user"] == "root"
    assert one["probe"] == {"type": "exec", "command": ["true"]}
