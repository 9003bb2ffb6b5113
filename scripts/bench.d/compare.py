"""What a change costs: anyprobe of two revisions, built alike and measured in turn, or two files of `checks --json`."""

import argparse
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import instructions
import report
from arena import BUILD, compile_tools, prepare
from checks import Bench, markdown, ratio
from contestants import Anyprobe
from debian import install

# As scripts/ready builds.
SETUP = ("-Dtests=false", "-Ddebug=false", "-Doptimization=1")
HERE = "."
OLD, NEW = "old", "new"
HEAD = ("", "old", "new", "new to old")


def quietly(*words, **options):
    done = subprocess.run(list(map(str, words)), capture_output=True, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, words))}:\n{(done.stdout + done.stderr).decode(errors='replace')[-4000:]}")
    return done.stdout


def built(revision, folder):
    """The folder with the anyprobe of this revision; of the tree as it stands, what scripts/bench has built."""
    if revision == HERE:
        return BUILD
    commit = quietly("git", "-C", report.ROOT, "rev-parse", "--verify", f"{revision}^{{commit}}").decode().strip()
    source = folder / commit
    if not source.exists():
        with tarfile.open(fileobj=io.BytesIO(quietly("git", "-C", report.ROOT, "archive", commit))) as tar:
            tar.extractall(source)
        environment = {**os.environ, "PATH": f"/usr/lib/ccache:{os.environ['PATH']}"}
        quietly("meson", "setup", *SETUP, source / "build", source, env=environment)
        quietly("ninja", "-C", source / "build", "anyprobe", env=environment)
    return source / "build"


def measured(options, say):
    """A dictionary for each thing that was measured of both."""
    with tempfile.TemporaryDirectory(prefix="anyprobe-compare-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        builds = {}
        for which, revision in ((OLD, options.old), (NEW, options.new)):
            say(f"building {revision}")
            builds[which] = built(revision, folder)
        compile_tools(folder)
        for kind in options.kinds.split(","):
            say(f"{kind}: instructions")
            samples = {which: [] for which in builds}
            for _ in range(instructions.ROUNDS):
                for which, build in builds.items():
                    samples[which].append(instructions.measure(build, kind, folder)[0])
            yield {"what": f"{kind}: instructions a check", "old": report.spread(samples[OLD]),
                   "new": report.spread(samples[NEW]),
                   "ratio": report.spread(new / old for old, new in zip(samples[OLD], samples[NEW]))}
        bench = Bench(folder, say, options.seconds)
        both = [Anyprobe(build, name=which) for which, build in builds.items()]
        counts = [int(word) for word in options.counts.split(",")]
        bench.run(both, options.kinds.split(","), lambda _: counts, options.rounds, timing=False)
        for kind, count, name in bench.samples:
            found = {which: bench.samples[kind, count, which] for which in builds}
            if name != OLD or not all(map(all, found.values())):
                continue
            yield {"what": f"{kind}, {count} services: CPU ms a check", **spreads(found, "ms"),
                   "ratio": ratio(found, NEW, OLD)}
            yield {"what": f"{kind}, {count} services: PSS MB", **spreads(found, "pss_mb"),
                   "ratio": report.spread(new["pss_mb"] / old["pss_mb"] for old, new in zip(found[OLD], found[NEW]))}
        for line in bench.not_measured():
            print(f"not measured: {line}")


def spreads(found, key):
    return {which: report.spread(one[key] for one in samples) for which, samples in found.items()}


def read(old, new):
    """The same of two files of `checks --json`, by medians, of whoever is in both."""
    both = [{(row["kind"], row["count"], row["name"]): row for row in json.loads(Path(path).read_text())["results"]}
            for path in (old, new)]
    for who, was in both[0].items():
        now = both[1].get(who)
        for key, what in (("ms", "CPU ms a check"), ("pss_mb", "PSS MB")) if now else ():
            yield {"what": f"{who[0]}, {who[1]} services, {who[2]}: {what}", "old": was[key], "new": now[key],
                   "ratio": now[key]["median"] / was[key]["median"]}


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench compare", description=__doc__)
    parser.add_argument("old", help="a revision, or a file of `checks --json`")
    parser.add_argument("new", help=f"the same; {HERE} is the tree as it stands")
    parser.add_argument("--kinds", default="dns", help="(default: %(default)s)")
    parser.add_argument("--counts", default="100,1000", help="how many services (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=5, help="of each sample (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="(default: %(default)s)")
    parser.add_argument("--markdown", action="store_true", help="the table as README has it")
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()

    def say(what):
        print(f"\r{what:<76}", end="", file=sys.stderr, flush=True)
    if options.old.endswith(".json") and options.new.endswith(".json"):
        rows = list(read(options.old, options.new))
    else:
        prepare()
        install(instructions.PACKAGES)
        rows = list(measured(options, say))
        say("")
    print(f"\nold: {options.old}, new: {options.new}; median (least-most)\n")
    show = markdown if options.markdown else report.table
    print(show(HEAD, [[row["what"], row["old"], row["new"], row["ratio"]] for row in rows]))
    if options.json:
        report.write_json(options.json, "compare", rows, old=options.old, new=options.new)


if __name__ == "__main__":
    main()
