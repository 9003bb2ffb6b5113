"""A minute of bad luck for 200 services, and what is still true then. `scripts/bench soak` has ten."""

import random
import time

import pytest
from soak import Soak, unexplained

SECONDS = 40      # of everything; then
SECONDS_ALONE = 15  # of services alone, in which the same processes live, and must not grow
MORE_KIB = 1024
PATIENCE = 2.0    # other tests run beside it; the benchmark has none


# Beside the other test that keeps a core busy, it would be about the machine.
@pytest.mark.xdist_group("busy")
def test_soak(lab, folder):
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")
    with Soak(lab, folder, seed, patience=PATIENCE) as soak:
        soak.run(SECONDS)
        soak.run(SECONDS_ALONE / 3, daemon_faults=False)
        before = soak.footprint()
        soak.run(SECONDS_ALONE, daemon_faults=False)
        after = soak.footprint()
        summary = soak.ledger.summary()
        print(soak.done, summary, before, after)
        assert not soak.ledger.violations()
        assert summary["longer than the bound"] > 20, "hardly anything was tried"
        for name, was in before.items():
            assert after[name]["descriptors"] <= was["descriptors"] + 2, name
            assert after[name]["memory KiB"] <= was["memory KiB"] + MORE_KIB, name
        assert not unexplained(soak.log, soak.done)
