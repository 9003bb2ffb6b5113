"""The socket that status is asked by: who may, who is answered, and why a daemon does not answer."""

import contextlib
import grp
import os
import signal
import socket
import stat
import threading
import time

import pytest
from lab import BUILD, SERVICE4
from netns import kill, process_state, process_status, wait_until
from status import all_of, ask, becomes, complains, told

NOBODY = 65534


@pytest.mark.parametrize("number", [signal.SIGTSTP, signal.SIGSTOP])
def test_suspended(probing, number):
    probing.start_announced()
    pid = probing.pid()
    kill(pid, number)
    wait_until(lambda: process_state(pid) == "T", 5, "it is stopped")
    begun = time.monotonic()
    one = complains(probing, 75, f"dns-probe is suspended .*kill -CONT {pid} resumes it")
    assert time.monotonic() - begun < 3
    assert one.services == {} and one.instances["dns-probe"]["pid"] == pid
    kill(pid, signal.SIGCONT)
    becomes(probing, lambda s: s.states() == all_of("announced"), "it is announced again")


def test_dead(probing):
    """All of it was killed: its socket refuses. The next start replaces it."""
    probing.start_announced()
    for pid in probing.ours():
        kill(pid, signal.SIGKILL)
    wait_until(lambda: not probing.ours(), 3, "all are dead")
    one = complains(probing, 69, "dns-probe is dead: .*dns-probe.sock")
    assert one.instances["dns-probe"]["state"] == "dead" and one.services == {}
    probing.start()
    becomes(probing, lambda s: s.states() == all_of("announced"), "it is announced again")


def test_nothing_runs(probing):
    assert complains(probing, 69, "no daemon runs: there is no socket in").instances == {}
    nowhere = probing.folder / "nowhere"
    assert complains(probing, 69, f"no daemon runs: there is no folder {nowhere}", run_dir=nowhere).instances == {}
    (probing.node.run_dir / "note.sock").write_text("no socket")
    complains(probing, 69, "no daemon runs")


def test_socket_goes_with_the_daemon(probing):
    probing.start_announced()
    kill(probing.pid(), signal.SIGTERM)
    wait_until(lambda: not probing.ours(), 5, "all processes end")
    assert not list(probing.node.run_dir.iterdir())


def with_group(probing, gid):
    """Words before a command that is to see a group anyprobe, where the machine has none."""
    groups = probing.folder / "group"
    groups.write_text(f"root:x:0:\nnogroup:x:{NOBODY}:\nanyprobe:x:{gid}:\n")
    return ("/bin/sh", "-c", 'mount --bind "$0" /etc/group && exec "$@"', groups)


def test_permission(probing):
    """Root's alone, and the group's where there is one."""
    probing.start_announced()
    path = probing.node.run_dir / "dns-probe.sock"
    nobody = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    there = path.stat()
    assert stat.S_ISSOCK(there.st_mode) and stat.S_IMODE(there.st_mode) == 0o660
    names = {group.gr_name: group.gr_gid for group in grp.getgrall()}
    assert (there.st_uid, there.st_gid) == (0, names.get("anyprobe", 0))
    one = complains(probing, 77, f"{path} may not be opened", before=nobody)
    assert one.instances["dns-probe"]["state"] == "forbidden"
    probing.node.run_dir.chmod(0o700)
    try:
        complains(probing, 77, "Permission denied", before=nobody)
    finally:
        probing.node.run_dir.chmod(0o755)


def test_permission_of_the_group(probing):
    gid = 64321
    node = probing.node
    done = node.namespace.run(*with_group(probing, gid), BUILD / "dns-probe", "--run-dir", node.run_dir, "--address",
                              SERVICE4)
    assert done.returncode == 0, done.stderr
    there = (node.run_dir / "dns-probe.sock").stat()
    assert (there.st_uid, there.st_gid, stat.S_IMODE(there.st_mode)) == (0, gid, 0o660)
    member = ("setpriv", f"--reuid={NOBODY}", f"--regid={gid}", "--clear-groups")
    assert ask(probing, before=member).returncode == 0
    stranger = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    assert ask(probing, before=stranger).returncode == 77


def connected(path):
    one = socket.socket(socket.AF_UNIX)
    one.connect(str(path))
    return one


def test_those_who_hog_the_socket(probing):
    """Neither the service nor the next who asks suffers."""
    probing.start_announced()
    path = probing.node.run_dir / "dns-probe.sock"
    with contextlib.ExitStack() as stack:
        hogs = [stack.enter_context(connected(path)) for _ in range(60)]
        for hog in hogs[::2]:
            with contextlib.suppress(BrokenPipeError):
                hog.sendall(b"status")
        assert told(probing).states() == all_of("announced")
        descriptors = f"/proc/{probing.pid()}/fd"
        assert len(os.listdir(descriptors)) < 60
        wait_until(lambda: len(os.listdir(descriptors)) < 25, 10, "they are dropped", every=0.1)
    assert told(probing).states() == all_of("announced")


def limit_descriptors(probing, pid, limit):
    """As the prober's own user, who alone may."""
    facts = process_status(pid)
    done = probing.node.namespace.run("setpriv", f"--reuid={facts['Uid'].split()[0]}",
                                      f"--regid={facts['Gid'].split()[0]}", "--clear-groups",
                                      "prlimit", "--pid", pid, f"--nofile={limit}:")
    assert done.returncode == 0, done.stderr


def held_now(probing, pid):
    told(probing)  # takes its time
    return set(map(int, os.listdir(f"/proc/{pid}/fd")))


def test_without_descriptors(probing):
    """The daemon cannot ask any more, and says so. Over TCP, since over UDP it keeps its socket."""
    probing.start_announced("--transport", "tcp")
    pid = probing.pid()
    # None is free below the limit, but for those of a question that is on its way.
    held = set.intersection(*(held_now(probing, pid) for _ in range(20)))
    limit_descriptors(probing, pid, next(number for number in range(1024) if number not in held))
    one = becomes(probing, lambda s: s.services["dns-probe"]["last_check"]["verdict"] == "local_error",
                  "no question can be asked")
    assert one.instances["dns-probe"]["pid"] == pid
    limit_descriptors(probing, pid, 1024)
    becomes(probing, lambda s: s.services["dns-probe"]["last_check"]["verdict"] == "pass"
            and s.states() == all_of("announced"), "all is well again")


@contextlib.contextmanager
def impostor(path, says):
    """Listens where a daemon would; says this to each who asks (None: nothing) and hangs up."""
    with socket.socket(socket.AF_UNIX) as listener, contextlib.ExitStack() as held:
        listener.bind(str(path))
        listener.listen()
        listener.settimeout(20)

        def serve():
            with contextlib.suppress(OSError):
                client, _ = listener.accept()
                held.enter_context(client)
                client.recv(100)
                if says is not None:
                    with client:
                        client.sendall(says)
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


@pytest.mark.parametrize("says, code, text", [
    (None, 74, "odd hangs: it takes the question and says nothing"),
    (b"", 76, "odd hung up without an answer"),
    (b"HTTP/1.1 200 OK\r\n\r\n", 76, "odd answers with nonsense: it is no reply"),
    (b"ok 10\n{}", 76, "odd: its answer is cut short"),
    (b"ok 99999999999\n{}", 76, "odd answers with nonsense: it is no reply"),
    (b"ok 2\n{}", 76, 'odd answers with nonsense: "instances" is missing'),
    (b"ok 2\n{}more", 76, "odd answers with nonsense: it is no reply"),
    (b"error 10\n\x1b[2Jnot me", 76, r"odd does not tell: \?\[2Jnot me"),
], ids=["hang", "end", "http", "cut", "long", "empty", "more", "error"])
def test_what_is_no_answer(probing, says, code, text):
    with impostor(probing.node.run_dir / "odd.sock", says):
        one = complains(probing, code, text)
    assert one.services == {} and one.instances["odd"]["problems"]
