"""Instructions of the prober for one check, and blocks of memory that it allocates, as valgrind's callgrind counts them:
they do not depend on how busy the machine is. Without the keeper (--dry-run), and without the start."""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import report
from arena import BUILD, PORTS, Arena, compile_tools, prepare
from checks import markdown
from contestants import Anyprobe
from debian import install
from netns import PATIENCE, wait_until

RECORD = Path(__file__).resolve().parent / "instructions.json"
PACKAGES = {"valgrind": "/usr/bin/valgrind"}
SERVICES = 100
ROUNDS = 3
# Behind the first checks, which announce.
ENDS = (400, 900)
ALLOCATE = {"malloc", "calloc", "realloc", "aligned_alloc", "posix_memalign"}


def allocations(part):
    """Calls of those functions in a dump of callgrind; a function has its name beside its number the first time only."""
    numbers, called, count = set(), None, 0
    for line in part.splitlines():
        if found := re.match(r"c?fn=\((\d+)\)(?: (.*))?", line):
            if found[2] in ALLOCATE:
                numbers.add(found[1])
            called = found[1] if line.startswith("c") else None
        elif line.startswith("calls=") and called in numbers:
            count += int(line.split()[0].removeprefix("calls="))
    return count


def measure(build, kind, tools, profile=None):
    """(instructions, allocations) a check."""
    with Arena(kind, tools, counting=kind == "dns") as arena:
        out = arena.folder / "callgrind.out"
        checker = Anyprobe(build, dry=True)
        process = checker.start(arena, SERVICES, before=("/usr/bin/valgrind", "--tool=callgrind",
                                                         f"--callgrind-out-file={out}"))
        transport = checker.transport(kind)
        checks = []
        for number, end in enumerate(ENDS, 1):
            wait_until(lambda at=end: process.poll() is not None or arena.counter(transport) >= at, 10 * PATIENCE,
                       f"{end} checks", every=0.005)
            done = subprocess.run(["/usr/bin/callgrind_control", "--dump", str(process.pid)], capture_output=True,
                                  text=True, timeout=PATIENCE)
            checks.append(arena.counter(transport))
            part = Path(f"{out}.{number}")
            if process.poll() is not None or not part.exists():
                sys.exit(f"anyprobe under valgrind: {done.stdout}{done.stderr}\n{checker.said(arena)[-2000:]}")
        if profile:
            shutil.copy(part, profile)
        # Of what came behind the dump before it.
        text = part.read_text()
        words = next(line for line in text.splitlines() if line.startswith("totals: ")).split()
        each = checks[1] - checks[0]
        return int(words[1]) / each, allocations(text) / each


def last_record():
    return json.loads(RECORD.read_text())[-1] if RECORD.exists() else {"commit": None, "instructions": {}}


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench instructions", description=__doc__)
    parser.add_argument("--kinds", default=",".join(PORTS), help="(default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="(default: %(default)s)")
    parser.add_argument("--markdown", action="store_true", help="the table as README has it")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--profile", metavar="FOLDER", help="keep what callgrind_annotate reads, a file a kind")
    parser.add_argument("--record", action="store_true", help=f"append the medians to {RECORD.name}")
    options = parser.parse_args()
    kinds = options.kinds.split(",")
    if set(kinds) - set(PORTS):
        parser.error(f"--kinds: of {', '.join(PORTS)}")
    prepare()
    install(PACKAGES)
    before, found, allocated = last_record(), {}, {}
    with tempfile.TemporaryDirectory(prefix="anyprobe-bench-") as name:
        compile_tools(name)
        for kind in kinds:
            profile = Path(options.profile) / f"callgrind.out.{kind}" if options.profile else None
            rounds = [measure(BUILD, kind, Path(name), profile) for _ in range(options.rounds)]
            found[kind], allocated[kind] = (report.spread(column) for column in zip(*rounds))
    print(f"\nA check, {SERVICES} services, {ENDS[1] - ENDS[0]} checks:\n")
    show = markdown if options.markdown else report.table
    print(show(("", "instructions", f"recorded at {before['commit'] or 'no commit yet'}", "ratio", "allocations"), [
        [kind, samples, was, samples["median"] / was if was else None, allocated[kind]]
        for kind, samples in found.items() for was in [before["instructions"].get(kind)]]))
    if options.json:
        report.write_json(options.json, "instructions", found, services=SERVICES, allocations=allocated)
    if options.record:
        about = report.circumstances()
        entry = {"commit": about["commit"], "at": about["at"],
                 "instructions": {kind: round(samples["median"]) for kind, samples in found.items()},
                 "allocations": {kind: round(samples["median"], 1) for kind, samples in allocated.items()}}
        entries = json.loads(RECORD.read_text()) if RECORD.exists() else []
        RECORD.write_text("[\n" + ",\n".join("  " + json.dumps(one) for one in [*entries, entry]) + "\n]\n")


if __name__ == "__main__":
    main()
