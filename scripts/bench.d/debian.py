"""What only a measurement needs is installed when it is first made."""

import os
import subprocess
import sys
from pathlib import Path

_POLICY = Path("/usr/sbin/policy-rc.d")


def install(packages):
    """`packages` maps each to a file that it brings. Starts none of the services that come with them."""
    missing = [package for package, file in packages.items() if not Path(file).exists()]
    if not missing:
        return
    print("Installing " + ", ".join(missing) + " ...", file=sys.stderr)
    ours = not _POLICY.exists()
    if ours:
        _POLICY.write_text("#!/bin/sh\nexit 101\n")
        _POLICY.chmod(0o755)
    try:
        subprocess.run(["apt-get", "-qq", "-y", "-o", "Dpkg::Use-Pty=0", "install", "--no-install-recommends",
                        "--no-remove", *missing], check=True, stdout=subprocess.DEVNULL,
                       env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
    finally:
        if ours:
            _POLICY.unlink()
