"""The manual pages as they are installed."""

import re
import subprocess
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
PROBES = ["dns-probe", "radius-probe", "socks-probe", "squid-probe", "syslog-probe", "tcp-route-probe"]
PAGES = {"anyprobe.8": "man8", **{f"{name}.8": "man8" for name in PROBES}, "anyprobe.json.5": "man5",
         "anyprobe-doctor.8": "man8", "anyprobe-drain.7": "man7", "anyprobe-beside.7": "man7",
         "anyprobe-guide.7": "man7",
         **{f"anyprobe-{name}.5": "man5" for name in ("exec", "http", "ntp", "sip")}}
BESIDE = re.compile("keepalived|ldirectord|haproxy|ucarp|pacemaker")
FLAG = re.compile(r"^ +(--[a-z-]+)(.*)$", re.MULTILINE)


@pytest.fixture(params=PAGES)
def page(request, installed):
    return installed.only(request.param, PAGES[request.param])


def shown(installed, name):
    """The page as a person reads it, in lines that are not broken."""
    done = subprocess.run(["mandoc", "-T", "ascii", "-O", "width=1000", installed.only(name, PAGES[name])],
                          capture_output=True, text=True, check=True)
    return re.sub(r".\x08", "", done.stdout)


def section(text, title):
    """What stands below the heading, at the margin or below an indent, up to the next of its kind."""
    found = re.search(rf"^( *){re.escape(title)}\n(.*?)(?=^\1\S|\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"there is no {title}"
    return found.group(2)


def one_line(text):
    return " ".join(text.split())


def test_lint(page):
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", page], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    assert not re.search("^@[a-z]+( |$)|@program", page.read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", ["anyprobe.8", *(f"{name}.8" for name in PROBES)])
@pytest.mark.parametrize("title", ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "SIGNALS", "PROCESSES", "FILES",
                                   "EXIT STATUS", "EXAMPLES", "SEE ALSO"])
def test_sections(installed, name, title):
    assert section(shown(installed, name), title).strip()


@pytest.mark.parametrize("name, words", [*((f"{name}.8", []) for name in PROBES), ("anyprobe.8", ["run"]),
                                         ("anyprobe.8", ["check"]), ("anyprobe.8", ["status"]),
                                         ("anyprobe.8", ["validate"]), ("anyprobe.8", ["probes"]),
                                         ("anyprobe.8", ["init"]), ("anyprobe.8", ["frr-config"]),
                                         ("anyprobe.8", ["schema"]), ("anyprobe.8", ["doctor"])])
def test_flags_are_those_of_help(installed, name, words):
    program = installed.only(name.removesuffix(".8"), "sbin") if not words else None
    done = installed.run(*words, "--help", program=program)
    assert done.returncode == 0
    text = section(shown(installed, name), "OPTIONS")
    if words:
        text = section(text, f"anyprobe {words[0]}")
    told = [found.group(1) for found in FLAG.finditer(done.stdout)]
    assert len(told) >= 2
    # The same flags in the same order, and what --help says of each.
    assert [found.group(1) for found in FLAG.finditer(text)] == told
    # The value's name stands beside the flag; two blanks or a new line, and the help begins.
    entries = re.findall(r"^  (--[a-z-]+)\S*(?: \S+)?(?: {2,}|\n {10,})(.*\n(?: {10,}.*\n)*)", done.stdout,
                         re.MULTILINE)
    assert [flag for flag, _ in entries] == told
    for flag, help_text in entries:
        assert len(help_text) > 5 and one_line(help_text)[1:] in one_line(text), flag


def test_every_finding_of_the_doctor_is_told(installed):
    """With its gravity, what is looked for and why: the tables of the checks."""
    text = section(shown(installed, "anyprobe-doctor.8"), "FINDINGS")
    declared = [found for path in ("core/doctor_host.cpp", "routing/doctor_network.cpp", "routing/doctor_frr.cpp")
                for found in re.findall(r'^ {4}\{\{"([a-z0-9-]+)", Gravity::([a-z]+),', (REPO / path).read_text(),
                                        re.MULTILINE)]
    assert len(declared) > 30
    assert re.findall(r"^ +([a-z0-9-]+) \((blocking|warning|remark)\)", text, re.MULTILINE) == declared


def test_every_option_of_the_probe_is_a_key(installed):
    done = installed.run("probes", "dns")
    options = re.findall(r"^ {4}([a-z_]+) ", done.stdout, re.MULTILINE)
    assert len(options) >= 10
    text = section(shown(installed, "anyprobe.json.5"), "Keys of the dns probe")
    assert re.findall(r"^ +([a-z_]+)(?: {2,}.*)?$", text, re.MULTILINE) == options


def example(installed):
    text = section(shown(installed, "anyprobe.json.5"), "EXAMPLES")
    found = re.search(r"^ *\{\n.*^ *\}\n", text, re.MULTILINE | re.DOTALL)
    assert found, "there is no example"
    return found.group(0)


def test_the_example_is_a_configuration(installed, folder):
    path = folder / "anyprobe.json"
    addresses = folder / "addresses"
    addresses.write_text("203.0.113.80 # web\n203.0.113.128/29\n2001:db8:80::/120\n")
    text = example(installed)
    assert "/etc/anyprobe/addresses" in text
    path.write_text(text.replace("/etc/anyprobe/addresses", str(addresses)))
    done = installed.run("validate", "--config", path, "--print")
    assert (done.returncode, done.stderr) == (0, "")
    assert '"authority"' in done.stdout


def test_the_example_has_every_key_but_those_of_probes(installed):
    """The lists are taken from the page, so a key that is declared anew wants its place in the example."""
    text = section(shown(installed, "anyprobe.json.5"), "CONFIGURATION")
    before_probes = text[:text.index("Keys of the dns probe")]
    keys = set(re.findall(r"^ {5}([a-z_]+)(?: {2,}.*)?$", before_probes, re.MULTILINE))
    assert {"services", "interval", "half_life", "address", "user"} <= keys
    assert not [key for key in keys if f'"{key}"' not in example(installed)]


def test_each_key_of_the_page_is_known(installed, folder):
    """What is written by hand about keys is held against the program."""
    text = shown(installed, "anyprobe.json.5")
    path = folder / "anyprobe.json"
    top = '{{ "services": [], {} }}'
    service = '{{ "services": [ {{ {} }} ] }}'
    for title, where in (("Keys of the whole", top), ("Keys of a service", service)):
        keys = re.findall(r"^ {5}([a-z_]+)(?: {2,}.*)?$", section(text, title), re.MULTILINE)
        assert len(keys) > 4
        for key in set(keys) - {"services"}:
            path.write_text(where.format(f'"{key}": null'))
            assert "is not known here" not in installed.run("validate", "--config", path).stderr, key


@pytest.mark.parametrize("name", PROBES)
def test_the_example_of_a_probe_is_a_configuration(installed, folder, name):
    text = section(shown(installed, f"{name}.8"), "EXAMPLES")
    found = re.search(r"^ *\{\n.*?^ {11}\}\n", text, re.MULTILINE | re.DOTALL)
    assert found, text
    example_text = found.group(0).replace("/etc/anyprobe", str(folder))
    for secret in re.findall(r'"file": "([^"]*)"', example_text):
        Path(secret).write_text("a secret\n", encoding="ascii")
    path = folder / f"{name}.json"
    path.write_text(example_text)
    done = installed.run("validate", "--config", path)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("page, name", [("syslog-probe.8", "syslog-ng.conf"), ("syslog-probe.8", "rsyslog.conf"),
                                        ("anyprobe.8", "anyprobe.cron"),
                                        *(("anyprobe-beside.7", f"../examples/{path.name}")
                                          for path in sorted((REPO / "scripts" / "examples").iterdir())
                                          if BESIDE.match(path.name))])
def test_what_is_shown_is_what_the_lab_runs(installed, page, name):
    """Each line of what the lab boots stands in the page as it is."""
    text = [line.strip() for line in section(shown(installed, page), "EXAMPLES").splitlines()]
    for line in (REPO / "scripts" / "manual" / name).read_text().splitlines():
        assert line.strip() in text
