"""Programs that announce an address while a service is well, each killed or stopped at the moment its service dies:
ours, and those that are often used in its place. All ask once a second, and change after two answers."""

import dataclasses
import json
import signal
import sys
import time
from pathlib import Path

from lab import BUILD, SERVICE4
from netns import Timeout, kill, process_name
from servers import Server, listens

PORT = 8053
CHECK = "/usr/lib/nagios/plugins/check_tcp"  # Debian's monitoring-plugins-basic
PATIENCE = 10  # seconds until "it stays" is believed

_SERVICE = """
import socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=64)
while True:
    listener.accept()[0].close()
"""

_KEEPALIVED = """
global_defs {{
  script_user root
}}
vrrp_script service {{
  script "{check} -H 127.0.0.1 -p {port}"
  interval 1
  timeout 1
  rise 2
  fall 2
}}
vrrp_instance service {{
  state MASTER
  interface eth0
  virtual_router_id 51
  priority 100
  advert_int 1
  virtual_ipaddress {{
    {prefix} dev lo
  }}
  track_script {{
    service
  }}
}}
"""


@dataclasses.dataclass(frozen=True)
class Program:
    """`command` and `files` of a folder of its own; `asks` is the name of the process that asks the service."""

    name: str
    command: tuple
    files: dict
    asks: str


def _ours():
    service = {"name": "service", "interval": "1s", "fall": 2, "probe": {"type": "tcp", "ports": [PORT]},
               "advertise": [{"address": SERVICE4}]}
    return Program("anyprobe",
                   (BUILD / "anyprobe", "run", "--run-dir", "{folder}/run", "--config", "{folder}/anyprobe.json"),
                   {"anyprobe.json": json.dumps({"services": [service]})}, "anyprobe")


OURS = _ours()
EXABGP = Program(
    "exabgp healthcheck",
    (sys.executable, "-m", "exabgp", "healthcheck", "--no-ack", "--no-syslog", "--interval", "1",
     "--fast-interval", "1", "--rise", "2", "--fall", "2", "--ip", SERVICE4, "--label", "service",
     "--dynamic-ip-setup", "--command",
     f"{CHECK} -H 127.0.0.1 -p {PORT}"), {}, Path(sys.executable).name[:15])
KEEPALIVED = Program(
    "keepalived",
    ("/usr/sbin/keepalived", "--vrrp", "--dont-fork", "--log-console", "--no-syslog",
     "--use-file", "{folder}/keepalived.conf", "--pid", "{folder}/pid", "--vrrp_pid", "{folder}/vrrp.pid"),
    {"keepalived.conf": _KEEPALIVED.format(check=CHECK, port=PORT, prefix=SERVICE4)}, "keepalived")
PEERS = (EXABGP, KEEPALIVED)


class Deadman:
    """The service and one Program on the near node; a context manager, in which the address is announced."""

    def __init__(self, lab, folder, program):
        self._lab = lab
        self._node = lab.near
        self._service = Server(self._node, folder, "service", sys.executable, "-c", _SERVICE, PORT,
                               serves=lambda: listens(self._node.namespace, "tcp", PORT))
        self._program = program
        self._runs = Server(self._node, folder, "program", *program.command, files=program.files,
                            serves=lambda: True)

    def __enter__(self):
        self._service.start()
        self._runs.start()
        try:
            self._lab.wait_route(SERVICE4, self._node, 20)
        except Timeout as error:
            self.__exit__()
            raise Timeout(f"{self._program.name}: {error}\n{self._runs.log()}") from None
        # It has been well for a while, and no phase of its second is favoured.
        self._lab.settle()
        time.sleep(1.5)
        return self

    def __exit__(self, *_):
        self._runs.cont()
        self._runs.kill()
        self._service.kill()
        if SERVICE4 in self._node.addresses():
            self._node.del_address(SERVICE4)

    def victims(self, all_of_it):
        """The process that asks: of several of one name, the youngest; or all."""
        pids = self._runs.processes()
        found = pids if all_of_it else [pid for pid in pids if process_name(pid) == self._program.asks][-1:]
        assert found, f"{self._program.name} has no {self._program.asks}"
        return found

    def strike(self, number, all_of_it, patience=PATIENCE):
        """Returns how many seconds later the router ceased for good to route here; None where it still does."""
        pids = self.victims(all_of_it)
        at = time.monotonic()
        self._service.process.send_signal(signal.SIGKILL)
        # None of them may act upon the death of another: the kernel tells a child of its parent's, if it asked to be told.
        for pid in pids:
            kill(pid, signal.SIGSTOP)
        if number != signal.SIGSTOP:
            for pid in reversed(pids):
                kill(pid, number)
        time.sleep(max(0.0, at + patience - time.monotonic()))
        changes = [change for change in self._lab.routes.changes if change.prefix == SERVICE4]
        return None if changes[-1].interfaces else changes[-1].at - at
