"""Asking `anyprobe status` as a user does."""

import contextlib
import json
import re
import signal

from lab import BUILD, SERVICE4, SERVICE6
from netns import kill, process_state, wait_until


class Status:
    """What `anyprobe status --json` said."""

    def __init__(self, done):
        self.code, self.error = done.returncode, done.stderr
        said = json.loads(done.stdout)
        assert list(said) == ["services", "instances"]
        self.services = {one["name"]: one for one in said["services"]}
        self.instances = {one["name"]: one for one in said["instances"]}

    def states(self, name="dns-probe"):
        return {one["what"].split()[0]: one["state"] for one in self.services[name]["advertise"]}


def ask(probing, *words, before=(), run_dir=None):
    return probing.node.namespace.run(*before, BUILD / "anyprobe", "status", "--run-dir",
                                      run_dir or probing.node.run_dir, *words)


def status(probing, *words, **options):
    return Status(ask(probing, "--json", *words, **options))


def told(probing, *words):
    one = status(probing, *words)
    assert (one.code, one.error) == (0, "")
    return one


def becomes(probing, condition, what, timeout=10):
    """The first status of which the condition holds."""
    def look():
        one = told(probing)
        return one if condition(one) else None
    return wait_until(look, timeout, what)


def table(probing, *words, code=0):
    done = ask(probing, *words)
    assert done.returncode == code, done.stderr
    assert all(len(line) <= 80 and line.isprintable() for line in done.stdout.splitlines()), done.stdout
    return done.stdout


def complains(probing, code, text, *words, **options):
    """One line on standard error, with this in it; returns the Status."""
    one = status(probing, *words, **options)
    assert one.code == code, one.error
    assert re.fullmatch(f"anyprobe: [^\n]*{text}[^\n]*\n", one.error), one.error
    return one


def report(probing, code, *words):
    """What a monitoring system sees: (text, performance data as numbers) of one line."""
    done = ask(probing, "--nagios", *words)
    assert (done.returncode, done.stderr) == (code, ""), (done.returncode, done.stdout, done.stderr)
    line, = done.stdout.splitlines()
    text, _, data = line.partition(" | ")
    return text, {label: int(value.split(";")[0]) for label, value in (one.split("=") for one in data.split())}


def reports(probing, code, what, *words, timeout=30):
    """The same, once it exits with this code."""
    wait_until(lambda: ask(probing, "--nagios", *words).returncode == code, timeout, what)
    return report(probing, code, *words)


def all_of(state, prefixes=(SERVICE4, SERVICE6)):
    return dict.fromkeys(prefixes, state)


@contextlib.contextmanager
def stopped(pid, number=signal.SIGSTOP):
    """A prober that SIGSTOP stops is replaced after two thirds of its lease; one that SIGTSTP suspends is not."""
    kill(pid, number)
    wait_until(lambda: process_state(pid) == "T", 5, "it is stopped")
    try:
        yield
    finally:
        kill(pid, signal.SIGCONT)
