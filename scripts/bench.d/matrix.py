"""Runs the fault matrix of the lab and prints it as a table in Markdown."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

LAB = Path(__file__).resolve().parents[2] / "tests/lab"
KINDS = ("address IPv4", "address IPv6", "route IPv4", "route IPv6", "link")


def run(workers):
    """The rows, in the order of the faults, and whether all held."""
    with tempfile.NamedTemporaryFile(prefix="anyprobe-matrix-") as file:
        words = ["-n", str(workers), "--dist", "loadgroup"] if workers > 1 else []
        done = subprocess.run([sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", *words,
                               LAB / "test_fault_matrix.py"], stdout=sys.stderr, check=False,
                              env={**os.environ, "ANYPROBE_MATRIX": file.name})
        rows = [json.loads(line) for line in Path(file.name).read_text(encoding="utf-8").splitlines()]
    return sorted(rows, key=lambda row: row["number"]), done.returncode == 0


def cell(value):
    if isinstance(value, str):
        return value
    return f"{value:.2f} s" if value < 1 else f"{value:.1f} s"


def show(rows):
    print(f"| fault | service | {' | '.join(KINDS)} |")
    print("| --- " * (2 + len(KINDS)) + "|")
    for row in rows:
        print(f"| {row['fault']} | {row['service']} | {' | '.join(cell(row['cells'][kind]) for kind in KINDS)} |")


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench matrix", description=__doc__)
    parser.add_argument("--workers", type=int, default=2, help="rows side by side (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="the rows as JSON")
    options = parser.parse_args()
    rows, well = run(options.workers)
    if options.json:
        print(json.dumps(rows, indent=2))
    else:
        show(rows)
    if not well:
        sys.exit("Not all of it held: see above.")


if __name__ == "__main__":
    main()
