"""What is installed is tested from a folder of its own: nothing of the source tree is in it."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("ANYPROBE_BUILD", ROOT / "build")).resolve()


class Installed:
    """The tree that `meson install --destdir` made."""

    def __init__(self, folder):
        self.folder = folder
        self.program = self.only("anyprobe", "sbin")
        self.pkg_config = self.only("anyprobe.pc", "pkgconfig").parent

    def only(self, name, parent):
        found = [path for path in self.folder.rglob(name) if path.parent.name == parent]
        assert len(found) == 1, f"{name} is installed {len(found)} times"
        return found[0]

    def run(self, *words, program=None, **more):
        return subprocess.run([program or self.program, *words], capture_output=True, text=True, timeout=60, **more)


def _folder():
    path = Path(tempfile.mkdtemp(prefix="anyprobe-install-"))
    path.chmod(0o755)  # the prober is nobody and reads modules from here
    return path


@pytest.fixture(scope="session")
def installed():
    folder = _folder()
    done = subprocess.run(["meson", "install", "--no-rebuild", "-C", BUILD, "--destdir", folder], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    yield Installed(folder)
    shutil.rmtree(folder)


@pytest.fixture
def folder():
    path = _folder()
    yield path
    shutil.rmtree(path)
