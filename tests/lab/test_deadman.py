"""The service dies, and with it whoever was to notice. `scripts/bench deadman` shows what others leave then."""

import signal

import pytest
from deadman import OURS, Deadman

BOUND = 3.5  # the usual lease, and half a second
OSPF_TAKES = 0.5


@pytest.mark.parametrize("all_of_it", [False, True], ids=["who-asks", "all-of-it"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
def test_nothing_dead_stays_announced(lab, folder, number, all_of_it):
    with Deadman(lab, folder, OURS) as deadman:
        seconds = deadman.strike(number, all_of_it, BOUND + OSPF_TAKES)
        assert seconds is not None and seconds < BOUND + OSPF_TAKES
