"""`anyprobe status --watch` and --detail as a person sees them."""

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios

from lab import BUILD
from netns import wait_until
from status import status

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
