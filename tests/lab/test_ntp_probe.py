"""A time server: the ntp probe with chrony, configured as the manual page says."""

import json

import pytest
from conftest import BOTH, service
from manual_page import configuration
from netns import wait_until
from servers import fails_and_recovers, listens, slow_core

CHRONYD = "/opt/anyprobe-lab/chrony/usr/sbin/chronyd"
PACE = {"interval": "300ms", "timeout": "250ms"}
# Nothing outside of the test's folder, and no port for chronyc.
_OURS = "cmdport 0\nbindcmdaddress /\npidfile {folder}/chronyd.pid\n"


def chrony_files(folder, text=None):
    return {"chrony.conf": (text or configuration("anyprobe-ntp.5", "chrony.conf")) + _OURS.format(folder=folder)}


@pytest.fixture
def chrony(probing):
    # -x: it leaves the clock alone, which is the machine's.
    return probing.server("chrony", CHRONYD, "-d", "-x", "-u", "root", "-f", "{folder}/chrony.conf",
                          files=chrony_files(probing.folder / "chrony"),
                          serves=lambda: listens(probing.node.namespace, "udp", 123))


def run(probing, **probe):
    """Returns the file that the log goes to."""
    return probing.run_config(service(*BOTH, name="time", **PACE,
                                      probe={"type": "ntp", "resend": "80ms", **probe}))[1]


def told(log, line):
    wait_until(lambda: line in log.read_text(), 5, f"the log says {line}")


def test_fails_and_recovers(probing, chrony):
    log = run(probing)
    fails_and_recovers(probing, chrony, "udp:127.0.0.1:123")
    told(log, "up (ok, 127.0.0.1:123: stratum 10, offset ")
    told(log, "down (refused, 127.0.0.1:123: receive: Connection refused")
    told(log, "down (timeout, no answer from 127.0.0.1:123 (it hangs, does not allow us to ask, or limits our rate))")

    with slow_core(chrony):
        probing.withdrawn()
    chrony.start()
    probing.announced()

    good = configuration("anyprobe-ntp.5", "chrony.conf")
    for what, by, said in (("local stratum 10\n", "", "unsynchronised, 127.0.0.1:123: is not synchronised (leap 3"),
                           ("allow\n", "allow 203.0.113.0/24\n", "timeout, no answer from 127.0.0.1:123")):
        assert what in good
        chrony.restart(**chrony_files(chrony.folder, good.replace(what, by)))
        probing.withdrawn()
        done = probing.node.program("anyprobe", "check", "--type", "ntp")
        assert done.returncode == 2 and said in done.stdout, done
        assert not probing.node.addresses()
        chrony.restart(**chrony_files(chrony.folder, good))
        probing.announced()


def test_stratum_of_the_example(probing, chrony):
    """chrony claims its local stratum without its sources, and the manual's example is not content with that."""
    example = json.loads(configuration("anyprobe-ntp.5", "anyprobe.json"))["services"][0]["probe"]
    log = run(probing, **example)
    told(log, "stratum, 127.0.0.1:123: stratum 10 is above 9")
    assert not probing.node.addresses()
    good = configuration("anyprobe-ntp.5", "chrony.conf")
    chrony.restart(**chrony_files(chrony.folder, good.replace("local stratum 10", "local stratum 9")))
    probing.announced()
    done = probing.node.program("anyprobe", "check", "--type", "ntp", "--server", "[::1]:123", "--max-stratum", "9",
                                "--max-offset", "250ms")
    assert done.returncode == 0 and "OK - ntp: ok, [::1]:123: stratum 9, offset " in done.stdout, done
    done = probing.node.program("anyprobe", "check", "--type", "ntp", "--max-stratum", "8")
    assert done.returncode == 2 and "stratum 9 is above 8" in done.stdout, done
