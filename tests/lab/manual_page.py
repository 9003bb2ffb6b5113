"""What the manual shows as a server's configuration, so that the tests boot just that."""

import re

from lab import REPO


def configuration(page, name):
    """The literal text of scripts/manual/PAGE.in below the line `.\\" tested: NAME`."""
    text = (REPO / "scripts" / "manual" / f"{page}.in").read_text()
    found = re.search(rf'^\.\\" tested: {re.escape(name)}\n\.Bd -literal[^\n]*\n(.*?)^\.Ed$', text, re.M | re.S)
    assert found, f"{page} has no {name}"
    return found[1].replace("\\-", "-").replace("\\&", "").replace("\\e", "\\")
