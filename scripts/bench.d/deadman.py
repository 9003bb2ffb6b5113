"""The service dies, and whoever was to notice dies or stops at the same moment: what stays announced, for ours and for
what is often used in its place."""

import argparse
import shutil
import signal
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/lab"))

from deadman import OURS, PATIENCE, PEERS, Deadman  # noqa: E402 (found by the line above)
from debian import install  # noqa: E402
from lab import Lab  # noqa: E402

PACKAGES = {"exabgp": "/usr/sbin/exabgp", "keepalived": "/usr/sbin/keepalived"}


def one_run(lab, program, number, all_of_it):
    folder = Path(tempfile.mkdtemp(prefix="anyprobe-deadman-"))
    folder.chmod(0o755)
    try:
        with Deadman(lab, folder, program) as deadman:
            return deadman.strike(number, all_of_it)
    finally:
        shutil.rmtree(folder)
        lab.reset()


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench deadman", description=__doc__)
    parser.add_argument("--ours", action="store_true", help="ours alone; nothing is installed")
    options = parser.parse_args()
    if not options.ours:
        install(PACKAGES)
    whats = [(number, all_of_it) for number in (signal.SIGKILL, signal.SIGSTOP) for all_of_it in (False, True)]
    print("| what is announced when the service dies and ... | "
          + " | ".join(f"{number.name} of {'all its processes' if all_of_it else 'who asks'}"
                       for number, all_of_it in whats) + " |")
    print("| --- " * (1 + len(whats)) + "|")
    with Lab(resolvers=False) as lab:
        for program in (OURS,) if options.ours else (OURS, *PEERS):
            print(f"| {program.name} ", end="", flush=True)
            for number, all_of_it in whats:
                seconds = one_run(lab, program, number, all_of_it)
                print("| " + (f"still there after {PATIENCE} s" if seconds is None else f"gone after {seconds:.1f} s"),
                      end=" ", flush=True)
            print("|")


if __name__ == "__main__":
    main()
