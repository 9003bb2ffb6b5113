"""Keeper and prober under valgrind's memcheck while the configuration is read again and again, each time another: what
neither of them has given back in the end, and what was done to memory that was not theirs."""

import argparse
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LAB = Path(__file__).resolve().parents[2] / "tests/lab"
sys.path.insert(0, str(LAB))

from crowd import GREETING, Crowd  # noqa: E402 (found by the line above)
from debian import install  # noqa: E402
from lab import BUILD  # noqa: E402
from netns import Namespace, kill, process_state, wait_until  # noqa: E402

PORT = 20000
PREFIXES = ("192.0.2.1/32", "192.0.2.2/32", "2001:db8::1/128", "2001:db8::2/128")


def service(number, interval):
    return {"name": f"s{number}", "interval": interval, "timeout": "2s", "probe": {
        "type": "tcp", "ports": [PORT], "expect": GREETING}, "advertise": [{"address": PREFIXES[number]}]}


# In turn: the same again, one more, two fewer, one changed.
CONFIGURATIONS = [[service(0, "5s"), service(1, "5s"), service(2, "5s")],
                  [service(0, "5s"), service(1, "5s"), service(2, "5s")],
                  [service(number, "5s") for number in range(4)],
                  [service(0, "5s"), service(1, "5s")],
                  [service(0, "4s"), service(1, "5s")]]


class Watched:
    """The daemon under memcheck, in a namespace of its own; a context manager."""

    def __init__(self, folder):
        self._folder = folder
        self.log = folder / "anyprobe.log"
        self._configuration = folder / "anyprobe.json"

    def __enter__(self):
        preloaded = self._folder / "named_exec.so"
        subprocess.run(["g++", "-std=c++20", "-shared", "-fPIC", "-o", preloaded, LAB / "valgrind/named_exec.cpp"],
                       check=True)
        with contextlib.ExitStack() as stack:
            namespace = self._namespace = Namespace(f"ap{os.getpid()}-1-near")
            stack.callback(namespace.close)
            namespace.ip("link", "set", "lo", "up")
            stack.enter_context(Crowd(namespace, PORT, 1, 1))
            self.configure(0)
            self.process = namespace.spawn(
                "valgrind", "--trace-children=yes", "--leak-check=full", "--show-leak-kinds=definite", "--vgdb=no",
                f"--suppressions={LAB}/valgrind/suppressions", f"--log-file={self._folder}/memcheck.%p",
                BUILD / "anyprobe", "run", "--run-dir", self._folder / "run", "--config", self._configuration,
                log=self.log, env={**os.environ, "LD_PRELOAD": str(preloaded)})
            wait_until(lambda: "announced" in self.said(), 120, "it announces", every=0.1)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self._stack.close()

    def said(self):
        return self.log.read_text(errors="replace")

    def configure(self, number):
        services = CONFIGURATIONS[number % len(CONFIGURATIONS)]
        self._configuration.write_text(json.dumps({"lsa_spacing": "0s", "services": services}))

    def reload(self, count):
        """So many times, each one when the one before it is done."""
        done = self.said().count("read again")
        for number in range(count):
            self.configure(number + 1)
            kill(self.process.pid, signal.SIGHUP)
            wait_until(lambda n=number: self.said().count("read again") > done + n, 30, "it is read again", every=0.005)
            print(f"\r{number + 1} of {count}", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)

    def end(self):
        """First the prober, and the keeper stands still meanwhile: it would not wait until memcheck is done."""
        keeper, prober = self.process.pid, self._namespace.named("anyprobe")[0]
        kill(keeper, signal.SIGSTOP)
        kill(prober, signal.SIGTERM)
        wait_until(lambda: process_state(prober) in (None, "Z"), 120, "the prober has ended", every=0.1)
        kill(keeper, signal.SIGCONT)
        code = self.process.wait(60)
        if code != 0:
            sys.exit(f"it ended with {code}:\n{self.said()[-2000:]}")

    def reports(self):
        return [path.read_text() for path in sorted(self._folder.glob("memcheck.*"))]


def lost(report):
    if "no leaks are possible" in report:
        return 0
    return int(re.search(r"definitely lost: ([\d,]+) bytes", report)[1].replace(",", ""))


def errors(report):
    return int(re.search(r"ERROR SUMMARY: ([\d,]+) errors", report)[1].replace(",", ""))


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench leaks", description=__doc__)
    parser.add_argument("--reloads", type=int, default=1000)
    options = parser.parse_args()
    install({"valgrind": "/usr/bin/valgrind"})
    with tempfile.TemporaryDirectory(prefix="anyprobe-leaks-") as name:
        folder = Path(name)
        folder.chmod(0o777)  # the prober writes its report as nobody
        begin = time.monotonic()
        with Watched(folder) as watched:
            watched.reload(options.reloads)
            watched.end()
            reports = watched.reports()
        print(f"{options.reloads} reloads in {time.monotonic() - begin:.0f} s, {len(reports)} processes")
        bad = 0
        for report in reports:
            allocated = re.search(r"total heap usage: (.*) allocs, (.*) frees", report)
            print(f"  {allocated[0]}; definitely lost {lost(report)} octets, {errors(report)} errors")
            if lost(report) or errors(report):
                bad += 1
                print(report)
    sys.exit(1 if bad or len(reports) != 2 else 0)


if __name__ == "__main__":
    main()
