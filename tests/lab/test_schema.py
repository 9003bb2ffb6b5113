"""`anyprobe schema` by a validator of its own: all that is a configuration here passes, and each fault is found. No
namespace is needed."""

import copy
import json
import re
import subprocess

import pytest
from jsonschema import Draft202012Validator
from lab import BUILD, REPO


def schema(*words):
    done = subprocess.run([BUILD / "anyprobe", "schema", *words], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def validator():
    found = schema()
    Draft202012Validator.check_schema(found)
    assert found["$schema"] == "https://json-schema.org/draft/2020-12/schema" and found["$id"] and found["title"]
    assert "validate" in found["$comment"]
    return Draft202012Validator(found)


def without_comments(text):
    """// and /* */, but not within a text."""
    kept = re.sub(r'("(?:[^"\\\\]|\\\\.)*")|//[^\n]*|/\*.*?\*/', lambda found: found.group(1) or "", text,
                  flags=re.DOTALL)
    return json.loads(kept)


def blocks(text):
    """Each { } of a page that has services in it."""
    out = []
    for found in re.finditer(r"(?m)^[ ]*\{$", text):
        depth, quoted, at = 0, False, found.start()
        for at in range(found.start(), len(text)):
            letter = text[at]
            if letter == '"' and text[at - 1] != "\\":
                quoted = not quoted
            depth += 0 if quoted else {"{": 1, "}": -1}.get(letter, 0)
            if depth == 0 and letter == "}":
                break
        block = text[found.start():at + 1]
        if '"services"' in block:
            out.append(block)
    return out


def examples():
    pages = [REPO / "README.md", REPO / "CONTRIBUTING.md", *sorted((REPO / "scripts" / "manual").glob("*.in"))]
    for page in pages:
        text = page.read_text()
        if page.suffix == ".in":
            text = text.replace("\\e", "\\").replace("\\-", "-").replace("\\&", "")
        for number, block in enumerate(blocks(text)):
            yield pytest.param(block, id=f"{page.name}-{number}")


EXAMPLES = list(examples())


def test_there_are_examples():
    assert len(EXAMPLES) >= 8


def of_a_module(configuration):
    """Whose type only that module's schema knows."""
    services = configuration["services"]
    return any(one.get("probe", {}).get("type") == "unix" for one in services)


@pytest.mark.parametrize("text", EXAMPLES)
def test_each_example_is_valid(validator, text):
    configuration = without_comments(text)
    if of_a_module(configuration):
        assert not validator.is_valid(configuration)
        return
    assert [error.message for error in validator.iter_errors(configuration)] == []


SERVICE = {"name": "dns", "probe": {"type": "dns", "server": "127.0.0.1"}, "advertise": [{"address": "192.0.2.1/32"}]}
PROBES = ["dns", "exec", "http", "http_proxy", "ntp", "radius", "sip", "socks", "syslog", "tcp"]


def with_values(*pairs):
    """One service that is in order, and values put at places like "services.0.probe.server"; ... is none."""
    out = {"services": [copy.deepcopy(SERVICE)]}
    for where, value in pairs:
        *steps, last = [int(step) if step.isdigit() else step for step in where.split(".")]
        place = out
        for step in steps:
            place = place[step] if isinstance(place, list) else place.setdefault(step, {})
        if value is ...:
            del place[last]
        else:
            place[last] = value
    return out


GOOD = [
    with_values(),
    {},  # one of conf.d may have nothing but defaults
    with_values(("$schema", "anyprobe.schema.json")),
    with_values(("services", [])),
    with_values(("defaults", {"interval": "2s", "damping": True})),
    with_values(("services.0.damping", {"penalty": 5, "half_life": "1m"})),
    with_values(("services.0.probe.server", ["127.0.0.1", "[::1]:5353", "ns.example.org:53", "2001:db8::1"])),
    with_values(("services.0.probe", ...), ("services.0.probes", [SERVICE["probe"]] * 2), ("services.0.require", 1)),
    with_values(("services.0.probe", {"type": "socks", "protocol": 5})),
    with_values(("services.0.probe", {"type": "radius", "secret": {"file": "/x"}})),
    with_values(("services.0.probe", {"type": "exec", "command": ["/bin/true", "a"]}), ("services.0.on_up", "true")),
    with_values(("services.0.advertise", [{"route": "2001:db8::/64", "device": "eth0"}, {"link": "dummy0"},
                                          {"route": "192.0.2.0/24", "via": "192.0.2.1", "table": 100},
                                          {"addresses_from": "/a", "expand": False}])),
    with_values(("services.0.probe.shared", False)),
]

WRONG = [
    with_values(("nonsense", 1)),
    with_values(("services", {})),
    with_values(("services.0.typo", 1)),
    with_values(("services.0.name", ...)),
    with_values(("services.0.name", "-x")),
    with_values(("services.0.name", "a b")),
    with_values(("services.0.advertise", ...)),
    with_values(("services.0.probe", ...)),
    with_values(("services.0.probes", [SERVICE["probe"]])),
    with_values(("services.0.probe.typo", 1)),
    with_values(("services.0.probe.type", "dsn")),
    with_values(("services.0.probe.type", ...)),
    with_values(("services.0.probe.server", 53)),
    with_values(("services.0.probe.server", [])),
    with_values(("services.0.probe.transport", "sctp")),
    with_values(("services.0.probe.recursion", "yes")),
    with_values(("services.0.probe.source", "300.0.2.1")),
    with_values(("services.0.probe.shared", True)),
    with_values(("services.0.probe", ...), ("services.0.probes", [{**SERVICE["probe"], "shared": True}])),
    with_values(("services.0.probe", ...), ("services.0.probes", [SERVICE["probe"]]), ("services.0.require", "most")),
    with_values(("services.0.probe", {"type": "tcp"})),
    with_values(("services.0.probe", {"type": "radius", "secret": {"file": "relative"}})),
    with_values(("services.0.probe", {"type": "exec", "command": []})),
    with_values(("services.0.probe", {"type": "exec", "command": "a/relative/path"})),
    with_values(("services.0.fall", 0)),
    with_values(("services.0.fall", "3")),
    with_values(("services.0.rise", 10001)),
    with_values(("services.0.interval", "fast")),
    with_values(("services.0.interval", 5)),
    with_values(("services.0.interval", "1.5s")),
    with_values(("services.0.on_close", "explode")),
    with_values(("services.0.damping", {"penalty": 0})),
    with_values(("services.0.drain_token", "192.0.2.1/33")),
    with_values(("services.0.advertise.0.address", "192.0.2.256")),
    with_values(("services.0.advertise.0.address", "192.0.2.1/a")),
    with_values(("services.0.advertise.0.device", "eth0")),
    with_values(("services.0.advertise", [{"route": "192.0.2.0/24"}])),
    with_values(("services.0.advertise", [{"address": "192.0.2.1", "link": "dummy0"}])),
    with_values(("services.0.advertise", [{"interface": "lo"}])),
    with_values(("services.0.advertise", [{"link": ["dummy0"]}])),
    with_values(("defaults", {"name": "x"})),
    with_values(("log", {"level": "loud"})),
    with_values(("frr", {"vty": "/run/frr"})),
]


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory):
    """What the program itself says of each, asked of once."""
    folder = tmp_path_factory.mktemp("schema")

    def ask(configuration):
        path = folder / "anyprobe.json"
        path.write_text(json.dumps(configuration))
        done = subprocess.run([BUILD / "anyprobe", "validate", "--config", path], capture_output=True, text=True,
                              timeout=60)
        return done.returncode, done.stderr
    return ask


@pytest.mark.parametrize("configuration", WRONG, ids=range(len(WRONG)))
def test_what_is_wrong_is_found(validator, verdicts, configuration):
    assert not validator.is_valid(configuration), configuration
    assert verdicts(configuration)[0] == 78


@pytest.mark.parametrize("configuration", GOOD, ids=range(len(GOOD)))
def test_what_is_right_is_taken(validator, verdicts, configuration):
    assert [error.message for error in validator.iter_errors(configuration)] == []
    code, said = verdicts(configuration)
    # But for what only this host can say.
    missing = [line for line in said.splitlines()
               if not line.endswith("No such file or directory") and "lacks \"services\"" not in line]
    assert not missing and (code == 0 or said)


def test_each_option_of_each_probe_is_there(validator):
    """With a description, and nothing but what `anyprobe probes` tells."""
    defs = validator.schema["$defs"]
    types = validator.schema["$defs"]["probe"]["properties"]["type"]["enum"]
    assert set(types) <= set(PROBES) and {"dns", "tcp"} <= set(types)
    for name in types:
        done = subprocess.run([BUILD / "anyprobe", "probes", name], capture_output=True, text=True, timeout=60)
        told = set(re.findall(r"^ {4}([a-z_]+) ", done.stdout, re.MULTILINE))
        properties = defs[f"probe_{name}"]["properties"]
        assert set(properties) == told | {"type", "shared"}
        assert all(len(one["description"]) > 5 for one in properties.values())
    assert defs["service"]["properties"]["fall"]["default"] == 3
    assert "10ms" in defs["service"]["properties"]["interval"]["description"]


def test_each_key_is_described(validator):
    """Also those that are no plain options, which have their words in core/schema.cpp."""
    def told(one):
        return one.get("description") or one.get("$ref")
    schema_of_service = validator.schema["$defs"]["service"]
    assert [key for one in (validator.schema, schema_of_service) for key, value in one["properties"].items()
            if not told(value)] == []


def test_probes_of_modules_are_there(tmp_path):
    """Of the folder that the configuration names."""
    module = BUILD / "tests" / "libgood_module.so"
    folder = tmp_path / "modules"
    folder.mkdir(mode=0o755)
    target = folder / "good.so"
    target.write_bytes(module.read_bytes())
    target.chmod(0o644)
    configuration = {"plugins": str(folder), "services": [
        {"name": "own", "probe": {"type": "good"}, "advertise": [{"address": "192.0.2.1"}]}]}
    path = tmp_path / "anyprobe.json"
    path.write_text(json.dumps(configuration))
    assert Draft202012Validator(schema("--config", str(path))).is_valid(configuration)
    assert not Draft202012Validator(schema()).is_valid(configuration)
