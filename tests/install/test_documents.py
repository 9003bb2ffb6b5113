"""What README and the guide tell to type is what the programs take."""

import re
from functools import cache
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
PROGRAMS = ("anyprobe", "dns-probe", "radius-probe", "socks-probe", "squid-probe", "syslog-probe", "tcp-route-probe")
FLAG = re.compile(r"(?<!\S)(--[a-z][a-z-]*)")


def lines_of(text, mark):
    """The lines to be typed: in Markdown indented by four, in mdoc those of a display."""
    return [line.strip() for line in text.splitlines() if line.startswith(mark) and line.strip()]


def displays(text):
    return "\n".join(re.findall(r"^\.Bd.*?\n(.*?)^\.Ed", text, re.MULTILINE | re.DOTALL))


def commands():
    """Each command of ours in what is to be typed, as words."""
    typed = lines_of(re.sub(r"```.*?```", "", (REPO / "README.md").read_text(), flags=re.DOTALL), "    ")
    typed += lines_of(displays((REPO / "scripts/manual/anyprobe-guide.7.in").read_text()), "")
    found = set()
    for line in typed:
        for one in re.split(r"&&|;|\|", line.split("  #")[0]):
            words = one.split(">")[0].split()
            if words and words[0] in PROGRAMS:
                found.add(tuple(words))
    return sorted(found)


@pytest.fixture(scope="module")
def helps(installed):
    @cache
    def told(program, command):
        words = [command] if command else []
        done = installed.run(*words, "--help", program=installed.only(program, "sbin"))
        assert done.returncode == 0, done.stderr
        return set(FLAG.findall(done.stdout))
    return told


def test_there_are_some():
    assert len(commands()) >= 15


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_it_is_a_command_with_flags_that_there_are(helps, words):
    program, command = words[0], words[1] if words[0] == "anyprobe" else None
    flags = {flag for word in words[1:] for flag in FLAG.findall(word)}
    if command == "check" and "--type" in flags:  # which takes the flags of the probe's options too
        kind = words[words.index("--type") + 1]
        assert flags <= helps(program, command) | helps(f"{kind}-probe", None)
    else:
        assert flags <= helps(program, command)


def test_what_is_linked_is_there():
    targets = re.findall(r"\]\(([^)#:]+)\)", (REPO / "README.md").read_text())
    assert targets and all((REPO / target).exists() for target in targets)
