"""FreeRADIUS as it stands in radius-probe(8), and a client of the tests' own that asks it for its status."""

import hashlib
import hmac
import os
import re
import socket
import struct

from lab import REPO

SECRET = "foobar"
_MANUAL = REPO / "scripts/manual/radius-probe.8.in"

# Beside the site of the manual: what Debian's own radiusd.conf has, as far as it is needed here.
_MAIN = """
prefix = /usr
libdir = /usr/lib/freeradius
logdir = {folder}
run_dir = {folder}
security {{
  status_server = yes
  allow_core_dumps = yes
}}
thread pool {{
  start_servers = 1
  max_servers = 2
  min_spare_servers = 1
  max_spare_servers = 1
}}
modules {{
  always ok {{
    rcode = ok
  }}
}}
client {client} {{
  ipaddr = {client}
  secret = {secret}
}}
server default {{
  listen {{
    type = auth
    ipaddr = 127.0.0.1
    port = 1812
  }}
  listen {{
    type = acct
    ipaddr = 127.0.0.1
    port = 1813
  }}
  {authorize}
}}
$INCLUDE {folder}/status
"""


def site():
    """The worked example of the manual page."""
    blocks = re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed", _MANUAL.read_text(), re.DOTALL | re.MULTILINE)
    return next(block for block in blocks if block.startswith("server status")).replace("\\-", "-")


def site_that_signs():
    """With what stands there as a comment."""
    return re.sub(r"^( *)# (?=update reply|  Message-|})", r"\1", site(), flags=re.MULTILINE)


def status(namespace, server=("127.0.0.1", 18120), secret=SECRET, timeout=0.1):
    """The code of a well signed answer, or None."""
    request = struct.pack("!BBH", 12, 1, 38) + os.urandom(16)
    digest = hmac.digest(secret.encode(), request + b"\x50\x12" + bytes(16), "md5")
    with namespace.entered():
        asking = socket.socket(socket.AF_INET6 if ":" in server[0] else socket.AF_INET, socket.SOCK_DGRAM)
    with asking:
        asking.settimeout(timeout)
        try:
            asking.connect(server)
            asking.send(request + b"\x50\x12" + digest)
            reply = asking.recv(4096)
        except OSError:
            return None
    signed = hashlib.md5(reply[:4] + request[4:20] + reply[20:] + secret.encode()).digest()
    return reply[0] if reply[4:20] == signed else None


def start_freeradius(probing):
    """A Server of both: the status port, and the ports for authentication and accounting."""
    folder = probing.folder / "freeradius"
    return probing.server("freeradius", "/usr/sbin/freeradius", "-f", "-l", "stdout", "-d", "{folder}",
                          files={"radiusd.conf": main(folder), "status": site()},
                          serves=lambda: status(probing.node.namespace) == 2)


def main(folder, client="127.0.0.1", accepts=True):
    """`client`: whose questions are taken; `accepts`: whether the port for authentication knows Status-Server."""
    authorize = "authorize {\n    Autz-Type Status-Server {\n      ok\n    }\n  }" if accepts else ""
    return _MAIN.format(folder=folder, client=client, secret=SECRET, authorize=authorize)
