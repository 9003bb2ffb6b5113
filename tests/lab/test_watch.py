"""`anyprobe status --watch` and --detail as a person sees them."""

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import termios
import time

from lab import BUILD
from netns import wait_until
from status import status, stopped

SIZE = struct.Struct("HHHH")


class Watching:
    def __init__(self, probing):
        self.probing = probing
        self.terminal, self.inner = pty.openpty()
        self.seen = b""
        self.resize(20, 100)
        self.before = termios.tcgetattr(self.inner)
        self.process = subprocess.Popen(
            probing.node.namespace.command([BUILD / "anyprobe", "status", "--run-dir", probing.node.run_dir,
                                            "--watch=200ms"]),
            stdin=self.inner, stdout=self.inner, stderr=self.inner, start_new_session=True,
            env=dict(os.environ, TERM="xterm", NO_COLOR="1"))

    def resize(self, rows, columns):
        fcntl.ioctl(self.inner, termios.TIOCSWINSZ, SIZE.pack(rows, columns, 0, 0))

    def read(self):
        while select.select([self.terminal], [], [], 0.05)[0]:
            self.seen += os.read(self.terminal, 65536)
        return self.seen.decode()

    def screen(self):
        """The lines of the last whole one."""
        whole = self.read().split("\x1b[J")[:-1]
        text = whole[-1].rpartition("\x1b[H")[2] if whole else ""
        return text.replace("\x1b[K", "").replace("\r", "").split("\n")

    def shows(self, pattern):
        wait_until(lambda: any(re.search(pattern, line) for line in self.screen()), 20, f"{pattern} is shown")

    def ends(self, how):
        """By a key or a signal; the terminal is then as it was."""
        how()
        assert self.process.wait(20) == 0
        assert self.read().endswith("\x1b[?25h\x1b[?1049l")
        assert termios.tcgetattr(self.inner) == self.before

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.terminal)
        os.close(self.inner)


@contextlib.contextmanager
def watching(probing):
    one = Watching(probing)
    try:
        yield one
    finally:
        one.close()


def test_live(probing):
    probing.start_announced()
    with watching(probing) as one:
        one.shows(r"^dns-probe +up +\d+s +\.+ 2/2 \d+s ")
        assert "\x1b[?1049h" in one.seen.decode() and "\x1b[3" not in one.seen.decode()
        probing.node.kill_unbound()
        one.shows(r"^dns-probe +down +\d+s +\.*x+ no +- +refused, ")
        one.shows(r"1 service, 1 not well")
        one.resize(10, 40)
        os.kill(one.process.pid, signal.SIGWINCH)
        wait_until(lambda: one.screen() and all(len(line) <= 40 for line in one.screen()), 20, "it fits")
        one.ends(lambda: os.write(one.terminal, b"q"))
    with watching(probing) as one:
        one.shows("dns-probe +down")
        one.ends(lambda: os.kill(one.process.pid, signal.SIGINT))
    detail = status(probing, "--detail").services["dns-probe"]
    assert {each["verdict"] for each in detail["recent"]} == {"pass", "fail"} or len(detail["recent"]) == 32
    assert detail["recent"] == sorted(detail["recent"], key=lambda each: each["at"])
    assert [each["to"] for each in detail["transitions"]] == ["up", "down"]
    assert all(each["state"] == "withdrawn" and each["since"] for each in detail["advertise"])
    assert "recent" not in status(probing).services["dns-probe"]
    # Where it is no terminal, the table comes again and again, without a command to one.
    words = ["timeout", "-s", "INT", "2", BUILD / "anyprobe", "status", "--run-dir", probing.node.run_dir,
             "--watch=100ms"]
    printed = probing.node.namespace.run(*words).stdout
    assert printed.count("dns-probe  down") >= 2 and "\x1b" not in printed, printed


class Mute:
    """What takes every question and says nothing."""

    def __init__(self, probing, name):
        self.path = f"{probing.node.run_dir}/{name}.sock"
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(self.path)
        self.listening.listen(64)
        self.listening.settimeout(20)
        self.question = None

    def asked(self):
        """Returns at the beginning of a question: the one before is over."""
        wait_until(lambda: self.question is None or not self.owes(), 20, "the question is over")
        self.question = self.listening.accept()[0]
        self.question.settimeout(20)
        assert self.question.recv(4096)
        self.question.setblocking(False)

    def owes(self):
        try:
            return self.question.recv(4096) != b""
        except BlockingIOError:
            return True

    def close(self):
        if self.question:
            self.question.close()
        self.listening.close()
        os.unlink(self.path)


def test_nobody_is_waited_for(probing):
    """Of two daemons one is mute: keys, signals and the other do not wait for it."""
    probing.start_announced()
    with contextlib.closing(Mute(probing, "mute")) as mute:
        with watching(probing) as one:
            one.shows(r"^! mute has not answered for [1-4] s")
            one.shows(r"^dns-probe +up ")

            def shown_meanwhile(change, state):
                mute.asked()
                change()
                one.shows(f"^dns-probe +{state} ")
                return mute.owes()
            # On a slow machine the change may take longer than a mute one has.
            assert any(shown_meanwhile(change, state) for change, state in
                       [(probing.node.kill_unbound, "down"), (probing.node.start_unbound, "up")] * 2)
            mute.asked()
            asked = time.monotonic()
            os.write(one.terminal, b"q")
            one.process.wait(20)
            assert one.process.returncode == 0 and time.monotonic() - asked < 2
        # The same where it is no terminal.
        words = [BUILD / "anyprobe", "status", "--run-dir", probing.node.run_dir, "--watch=100ms"]
        printed = probing.folder / "printed"
        with printed.open("w") as out:
            process = subprocess.Popen(probing.node.namespace.command(words), stdout=out, stderr=out)
            try:
                mute.asked()
                wait_until(lambda: printed.read_text().count("dns-probe: pid") >= 3, 20, "it is printed")
                assert mute.owes()
                begun = time.monotonic()
                process.send_signal(signal.SIGINT)
                assert process.wait(20) == 0 and time.monotonic() - begun < 2
            finally:
                process.kill()
                process.wait()
    with watching(probing) as one:
        one.shows(r"^dns-probe +(up|down) ")
        with stopped(probing.pid(), signal.SIGTSTP):
            one.shows(r"^! dns-probe is suspended ")
        one.shows(r"^dns-probe +(up|down) ")
        one.ends(lambda: os.write(one.terminal, b"q"))
