"""ldirectord from Debian's package with the files of scripts/examples. Its table is feigned, as the kernel may have no
ip_vs."""

import json
import shutil
import signal
from pathlib import Path

from beside import EXAMPLES, installed, text_of
from beside import own_folder, pair  # noqa: F401 (fixtures)
from lab import REPO
from netns import PATIENCE, end, kill, wait_until

UNPACKED = Path("/opt/anyprobe-lab")
TREES = ("ldirectord", "libsocket6-perl", "libio-socket-inet6-perl", "libmailtools-perl")
VIRTUAL, NEAR, FAR = "192.0.2.1:53", "198.51.100.2:53", "198.51.100.6:53"

# The packages and the feigned ipvsadm stand above this system's /usr, the script where the example says.
_ABOVE = """
set -e
mount -t overlay overlay -o lowerdir="$1":/usr /usr
mount -t overlay overlay -o lowerdir="$2":/etc /etc
shift 2
exec "$@"
"""


def test_ldirectord_takes_the_real_server_out(pair):
    near, far = pair
    folder, log = near.folder, near.folder / "ldirectord.log"
    for source, name in ((REPO / "tests/lab/feigned_ipvsadm.py", "usr/sbin/ipvsadm"),
                         (EXAMPLES / "ldirectord-check", "etc/anyprobe/ldirectord-check")):
        (folder / name).parent.mkdir(parents=True)
        shutil.copy(source, folder / name)
        (folder / name).chmod(0o755)
    above = ":".join([str(folder / "usr"), *(str(UNPACKED / tree / "usr") for tree in TREES)])
    text = (EXAMPLES / "ldirectord.cf").read_text()
    assert "checkinterval = 2" in text
    (folder / "ldirectord.cf").write_text(text.replace("checkinterval = 2", "checkinterval = 1"))
    process = near.namespace.spawn("unshare", "--mount", "sh", "-c", _ABOVE, "sh", above, folder / "etc",
                                   *installed("/usr/sbin/ldirectord", "-d", folder / "ldirectord.cf", "start"), log=log)
    table = Path(f"/proc/{process.pid}/root/run/ipvs.json")

    def real_servers():
        return set(json.loads(text_of(table) or "{}").get(VIRTUAL, {}))

    def becomes(servers, what):
        try:
            wait_until(lambda: real_servers() == servers, PATIENCE, what, every=0.05)
        except AssertionError as error:
            raise AssertionError(f"{error}; {text_of(log)}") from error

    # At its start it has each of them in the table once, before it asks.
    wait_until(lambda: text_of(log).count("Activated service") >= 2, PATIENCE, f"both are well: {text_of(log)}")
    becomes({NEAR, FAR}, "both are there")
    # One hangs: it is there, and does not answer.
    kill(far.unbound.pid, signal.SIGSTOP)
    becomes({NEAR}, "the one that hangs is taken out")
    kill(far.unbound.pid, signal.SIGCONT)
    becomes({NEAR, FAR}, "it is put back")
    end(process)
