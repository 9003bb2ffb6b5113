"""Bad input: one clear line each, with file and path, exit 78, and never a crash. No namespace is needed."""

import copy
import json
import subprocess
import time

import pytest
from conftest import service
from lab import BUILD, SECOND4, SERVICE4

GOOD = {"services": [service(SERVICE4)]}


def validate(path, *words):
    done = subprocess.run([BUILD / "anyprobe", "validate", "--config", path, *words], capture_output=True,
                          timeout=60, stdin=subprocess.DEVNULL)
    done.stdout, done.stderr = (text.decode(errors="replace") for text in (done.stdout, done.stderr))
    return done


def changed(path, value):
    """GOOD with one value put at a path like ("services", 0, "probe", "record")."""
    configuration = copy.deepcopy(GOOD)
    place = configuration
    for step in path[:-1]:
        place = place[step]
    if value is KeyError:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return configuration


def probe(key):
    return ("services", 0, "probe", key)


FAULTS = [
    (probe("record"), "AX", 'services[0].probe.record: "AX"'),
    (probe("query"), "a" * 64 + ".example.org", "services[0].probe.query"),
    (probe("query"), ".".join(["a" * 60] * 5), "services[0].probe.query"),
    (probe("query"), "a..example.org", "services[0].probe.query"),
    (probe("server"), "127.0.0.256", "services[0].probe.server"),
    (probe("server"), "127.0.0.1:70000", "services[0].probe.server"),
    (probe("server"), 53, "services[0].probe.server"),
    (probe("server"), "192.0.2.1", "services[0].probe"),  # its own anycast address
    (probe("transport"), "smoke", "services[0].probe.transport"),
    (probe("need"), 2, "services[0].probe.need"),
    (probe("min_answers"), -1, "services[0].probe.min_answers"),
    (probe("min_answers"), 2.9, "services[0].probe.min_answers"),
    (probe("recursion"), "yes", "services[0].probe.recursion"),
    (probe("colour"), "red", "services[0].probe.colour"),
    (probe("type"), "dms", "services[0].probe.type"),
    (probe("type"), KeyError, "services[0].probe"),
    (("services", 0, "interval"), "fast", "services[0].interval"),
    (("services", 0, "interval"), 1, "services[0].interval"),
    (("services", 0, "interval"), "-1s", "services[0].interval"),
    (("services", 0, "interval"), "999999999999999999h", "services[0].interval"),
    (("services", 0, "timeout"), "2s", "services[0].timeout"),
    (("services", 0, "fall"), 0, "services[0].fall"),
    (("services", 0, "rise"), -1, "services[0].rise"),
    (("services", 0, "rise"), 1e30, "services[0].rise"),
    (("services", 0, "name"), "", "services[0].name"),
    (("services", 0, "name"), "../etc", "services[0].name"),
    (("services", 0, "name"), KeyError, "services[0]"),
    (("services", 0, "advertise", 0, "address"), "192.0.2.1/33", "services[0].advertise[0].address"),
    (("services", 0, "advertise", 0, "address"), "2001:db8::1/129", "services[0].advertise[0].address"),
    (("services", 0, "advertise", 0, "interface"), "a-name-far-too-long", "services[0].advertise[0].interface"),
    (("services", 0, "advertise", 0), {}, "services[0].advertise[0]"),
    (("services", 0, "advertise"), "lo", "services[0].advertise"),
    (("services", 0, "serivce"), 1, "services[0].serivce"),
    (("services",), {}, "services"),
    (("services", 0), 7, "services[0]"),
    (("default",), {}, "default"),
]


def test_good_one_is_taken(folder):
    path = folder / "anyprobe.json"
    path.write_text("// a comment\n" + json.dumps(GOOD))
    done = validate(path)
    assert done.returncode == 0, done.stderr
    assert SERVICE4 in validate(path, "--print").stdout


@pytest.mark.parametrize("place, value, names", FAULTS,
                         ids=[f"{'.'.join(map(str, place))}={str(value)[:16]}" for place, value, _ in FAULTS])
def test_fault_is_named_by_file_and_path(folder, place, value, names):
    path = folder / "anyprobe.json"
    path.write_text(json.dumps(changed(place, value)))
    done = validate(path)
    assert done.returncode == 78, done.stderr
    lines = [line for line in done.stderr.splitlines() if names in line]
    assert lines and "anyprobe.json" in lines[0], done.stderr


def test_all_faults_at_once(folder):
    configuration = changed(probe("record"), "AX")
    configuration["services"][0]["interval"] = "fast"
    configuration["services"][0]["fall"] = 0
    configuration["services"][0]["advertise"][0]["address"] = "192.0.2.1/33"
    path = folder / "anyprobe.json"
    path.write_text(json.dumps(configuration))
    done = validate(path)
    for names in ("probe.record", "interval", "fall", "advertise[0].address"):
        assert f"services[0].{names}" in done.stderr
    assert done.returncode == 78 and len(done.stderr.splitlines()) == 4, done.stderr


@pytest.mark.parametrize("second", [SERVICE4, "192.0.2.0/24"])
def test_two_services_want_the_same_prefix(folder, second):
    path = folder / "anyprobe.json"
    path.write_text(json.dumps({"services": [service(SERVICE4), service(second, name="other")]}))
    done = validate(path)
    assert done.returncode == 78 and "services[1].advertise[0]" in done.stderr, done.stderr


def test_two_services_of_one_name(folder):
    path = folder / "anyprobe.json"
    path.write_text(json.dumps({"services": [service(SERVICE4), service(SECOND4)]}))
    done = validate(path)
    assert done.returncode == 78 and "services[1].name" in done.stderr, done.stderr


NO_JSON = {
    "empty": b"", "brace": b"{", "array": b"[]", "null": b"null", "open": b'{"services": []',
    "nul": b'{"services": [\x00]}', "utf-16": b"\xff\xfe{}", "bad-utf-8": b'{"services": "\xc3\x28"}',
    "twice": b'{"services": [], "services": []}', "deep-array": b"[" * 100000, "deep-object": b'{"a":' * 100000,
}


@pytest.mark.parametrize("octets", NO_JSON.values(), ids=NO_JSON)
def test_no_json(folder, octets):
    path = folder / "anyprobe.json"
    path.write_bytes(octets)
    done = validate(path)
    assert done.returncode == 78 and "anyprobe.json" in done.stderr, (done.returncode, done.stderr[:500])
    assert len(done.stderr) < 2000


def test_missing_file(folder):
    done = validate(folder / "nothing.json")
    assert done.returncode == 78 and "nothing.json" in done.stderr


def test_folder_in_place_of_a_file(folder):
    done = validate(folder)
    assert done.returncode == 78 and str(folder) in done.stderr and len(done.stderr.splitlines()) == 1


def test_pipe_without_a_writer(folder):
    """Opening it must not hang."""
    path = folder / "anyprobe.json"
    subprocess.run(["mkfifo", path], check=True)
    assert validate(path).returncode == 78


def test_huge_file_is_refused_at_once(folder):
    """100 MB, sparse: neither read whole nor held in memory."""
    path = folder / "anyprobe.json"
    with path.open("wb") as file:
        file.write(b'{"services": [')
        file.truncate(100 << 20)
    before = time.monotonic()
    done = validate(path)
    assert done.returncode == 78 and "anyprobe.json" in done.stderr, done.stderr[:500]
    assert time.monotonic() - before < 3
