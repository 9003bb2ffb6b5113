"""200 services of one daemon on a bad day: services, probers and keepers killed and hung at random, and nothing that is
dead stays announced for longer than its bound, nothing that is well is withdrawn for longer than it."""

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/lab"))

from lab import Lab  # noqa: E402 (found by the line above)
from soak import Soak, unexplained  # noqa: E402


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench soak", description=__doc__)
    parser.add_argument("seconds", type=float, nargs="?", default=600, help="how long (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    options = parser.parse_args()
    print(f"seed {options.seed}, {options.seconds:.0f} s", flush=True)
    with tempfile.TemporaryDirectory(prefix="anyprobe-soak-") as name, Lab() as lab:
        folder = Path(name)
        folder.chmod(0o755)
        begin = time.monotonic()

        def say(what):
            print(f"\r{time.monotonic() - begin:6.1f} s  {what:<24}", end="", file=sys.stderr, flush=True)
        with Soak(lab, folder, options.seed, say) as soak:
            soak.run(options.seconds * 0.7)
            # The same processes from here on, to see whether they grow.
            soak.run(options.seconds * 0.1, daemon_faults=False)
            before = soak.footprint()
            soak.run(options.seconds * 0.2, daemon_faults=False)
            after = soak.footprint()
            print(file=sys.stderr)
            wrong = soak.ledger.violations() + unexplained(soak.log, soak.done)
            for what, count in sorted({**soak.done, **soak.ledger.summary()}.items()):
                print(f"  {what:<28} {count}")
            for who, was in before.items():
                grown = (f"{what} {was[what]} -> {now}" for what, now in after[who].items())
                print(f"  {who}: {', '.join(grown)}")
    print(f"{len(wrong)} violations", *wrong, sep="\n")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
