"""What the kernel says each of our processes may do, in each form of the daemon."""

import argparse
import contextlib
import json
import os
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/lab"))

import netns  # noqa: E402 (found by the line above)
from lab import BUILD, SERVICE4, Node  # noqa: E402
from netns import Namespace, process_name, wait_until  # noqa: E402
from privileges import FILTER, privileges  # noqa: E402

COMMANDS = {"services": [{"name": "exec", "probe": {"type": "exec", "command": ["true"]}, "on_up": ["true"],
                          "advertise": [{"address": SERVICE4}]}]}
SECCOMP = {0: "none", 1: "strict", FILTER: "filter"}
ROW = "  {:<16} {:>6} {:>6}  {:<12} {:<8} {:<8} {}"


def in_background(node):
    done = node.dns_probe("--address", SERVICE4)
    if done.returncode != 0:
        sys.exit(f"dns-probe: {done.returncode}: {done.stderr}")


def with_commands(node):
    path = node.folder / "anyprobe.json"
    path.write_text(json.dumps(COMMANDS))
    node.namespace.spawn(BUILD / "anyprobe", "run", "--run-dir", node.run_dir, "--config", path,
                         log=node.folder / "log")


FORMS = {"dns-probe in the background": (in_background, {"anyprobe-keeper", "dns-probe"}),
         "anyprobe run, with a command and a hook": (with_commands,
                                                     {"anyprobe-keeper", "anyprobe", "anyprobe-runner"})}


def ready(node, names):
    """All are there, and the prober has its configuration: its number is told."""
    return {process_name(pid) for pid in node.our_processes()} == names and \
        any(path.read_text() for path in node.run_dir.glob("*.pid"))


def named(some, everything):
    return "all of root's" if some == everything else ", ".join(sorted(some)) or "none"


def show(title, rows, root):
    print(f"\n{title}\n")
    print(ROW.format("", "Uid", "Gid", "NoNewPrivs", "Seccomp", "CapBnd", "CapEff"))
    for row in rows:
        bounding = "as root" if row.bounding == root else "none" if not row.bounding else \
            "CapEff" if row.bounding == row.effective else ", ".join(sorted(row.bounding))
        print(ROW.format(row.process, "/".join(map(str, sorted(set(row.uids)))),
                         "/".join(map(str, sorted(set(row.gids)))), "yes" if row.no_new_privs else "no",
                         SECCOMP[row.seccomp], bounding, named(row.effective, root)))


def main():
    argparse.ArgumentParser(prog="scripts/bench privileges", description=__doc__).parse_args()
    root = privileges(os.getpid()).bounding
    with contextlib.ExitStack() as stack:
        netns.remove_leftovers()
        name = f"ap{os.getpid()}-1-alone"
        folder = netns.scratch_folder(f"ap{os.getpid()}-1")
        folder.mkdir(mode=0o755)
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        namespace = Namespace(name)
        stack.callback(namespace.close)
        namespace.ip("link", "set", "lo", "up")
        node = Node(namespace, folder, "127.0.0.1", None)
        for title, (start, expected) in FORMS.items():
            start(node)
            wait_until(lambda names=expected: ready(node, names), 10, f"{title}: all are there")
            show(title, [privileges(pid) for pid in node.our_processes()], root)
            node.end_probes()


if __name__ == "__main__":
    main()
