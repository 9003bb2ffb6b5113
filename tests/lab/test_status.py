"""anyprobe status says what is so, in the kernel too."""

import signal
from datetime import datetime, timezone

from conftest import service
from lab import SECOND4, SERVICE4, SERVICE6
from netns import kill, wait_until
from status import all_of, ask, becomes, complains, report, reports, status, stopped, table, told


def test_announced(probing):
    probing.start_announced()
    now = datetime.now(timezone.utc)
    one = told(probing)
    dns = one.services["dns-probe"]
    assert (dns["health"], dns["admin"], dns["instance"]) == ("up", "active", "dns-probe")
    assert dns["reason"] and dns["last_check"]["verdict"] == "pass"
    assert 0 < dns["last_check"]["duration_ms"] < 150
    for moment in (dns["since"], dns["last_check"]["at"]):
        assert moment.endswith("Z")
        assert abs((now - datetime.fromisoformat(moment.replace("Z", "+00:00"))).total_seconds()) < 30
    assert one.states() == all_of("announced")
    assert all((each["confirmed"], each["others"]) == (None, None) for each in dns["advertise"])
    instance = one.instances["dns-probe"]
    assert (instance["state"], instance["pid"], instance["problems"]) == ("running", probing.pid(), [])
    assert instance["version"] in probing.node.program("anyprobe", "--version").stdout
    lines = table(probing).splitlines()
    assert len(lines) == 3 and lines[0].startswith(f"dns-probe: pid {probing.pid()}, ")
    assert lines[2].split()[:2] == ["dns-probe", "up"]
    assert told(probing).services["dns-probe"]["since"] == dns["since"]


def test_service_that_dies(probing):
    probing.start_announced()
    probing.node.kill_unbound()
    probing.withdrawn()
    one = told(probing)
    dns = one.services["dns-probe"]
    assert (dns["health"], dns["reason"], dns["last_check"]["verdict"]) == ("down", "refused", "fail")
    assert one.states() == all_of("withdrawn")
    assert len(table(probing).splitlines()) == 3
    probing.node.start_unbound()
    becomes(probing, lambda s: s.states() == all_of("announced"), "it is announced again")
    assert probing.node.addresses() == {SERVICE4, SERVICE6}


def test_removed_by_hand(probing):
    """It is put back, and status says so when it is."""
    probing.start_announced()
    with stopped(probing.keeper()):
        probing.node.del_address(SERVICE4)
    one = becomes(probing, lambda s: SERVICE4 in probing.node.addresses(), "it is there again")
    assert told(probing).states() == all_of("announced") and one.services["dns-probe"]["health"] == "up"


def test_foreign(probing):
    """Somebody adds the address by hand while ours is away: it is not ours to announce, nor to remove."""
    probing.start_announced()
    with stopped(probing.keeper()):
        probing.node.del_address(SERVICE4)
        probing.node.add_address(SERVICE4)
    one = becomes(probing, lambda s: s.states()[SERVICE4] == "foreign", "it is foreign")
    assert one.states()[SERVICE6] == "announced"
    assert any(SERVICE4 in line and "mark" in line for line in one.instances["dns-probe"]["problems"])
    assert f"  {SERVICE4} on lo is foreign" in table(probing).splitlines()
    probing.node.del_address(SERVICE4)
    one = becomes(probing, lambda s: s.states() == all_of("announced"), "it is ours again")
    assert one.instances["dns-probe"]["problems"] == []


def test_missing_interface(probing):
    probing.start("--interface", "eth7")
    one = becomes(probing, lambda s: s.services["dns-probe"]["health"] == "up", "the service is up")
    assert one.states() == all_of("withdrawn")
    assert one.instances["dns-probe"]["problems"] == ["interface eth7 is missing"]
    lines = table(probing).splitlines()
    assert "  problem: interface eth7 is missing" in lines
    assert f"  {SERVICE4} on eth7 is withdrawn" in lines
    namespace = probing.node.namespace
    namespace.ip("link", "add", "eth7", "type", "veth", "peer", "name", "eth8")
    namespace.ip("link", "set", "eth7", "up")
    one = becomes(probing, lambda s: s.states() == all_of("announced"), "they are on it")
    assert one.instances["dns-probe"]["problems"] == []
    namespace.ip("link", "del", "eth7")
    one = becomes(probing, lambda s: s.states() == all_of("withdrawn"), "they are gone with it")
    assert one.instances["dns-probe"]["problems"] == ["interface eth7 is missing"]


def test_keeper_that_is_stuck(probing):
    """What was wanted is not said to be done."""
    probing.start_announced()
    with stopped(probing.keeper()):
        probing.node.kill_unbound()
        one = becomes(probing, lambda s: s.instances["dns-probe"]["problems"], "it is missed")
        assert one.instances["dns-probe"]["problems"] == ["the keeper does not answer"]
        assert one.services["dns-probe"]["health"] == "down"
        assert one.states() == all_of("announced")
        assert f"  {SERVICE4} on lo is still announced" in table(probing).splitlines()
    one = becomes(probing, lambda s: s.states() == all_of("withdrawn"), "it is done")
    assert one.instances["dns-probe"]["problems"] == []


def test_several_daemons(probing):
    probing.start_announced()
    probing.run_config(service(SECOND4, name="dns"))
    probing.announced([SECOND4])
    one = told(probing)
    assert {name: each["instance"] for name, each in one.services.items()} == {"dns": "anyprobe",
                                                                             "dns-probe": "dns-probe"}
    assert set(one.instances) == {"anyprobe", "dns-probe"}
    assert [line.split(":")[0] for line in table(probing).splitlines() if ": pid" in line] == ["anyprobe", "dns-probe"]

    one = told(probing, "dns")
    assert set(one.services) == {"dns"} and set(one.instances) == {"anyprobe"}
    assert set(told(probing, "dns", "dns-probe").services) == {"dns", "dns-probe"}
    assert complains(probing, 65, 'there is no service "mail"', "mail", "dns").services.keys() == {"dns"}

    with stopped(probing.pid(), signal.SIGTSTP):
        one = complains(probing, 75, f"dns-probe is suspended .*kill -CONT {probing.pid()} resumes it")
        assert set(one.services) == {"dns"} and one.instances["dns-probe"]["state"] == "suspended"
        assert "dns " in table(probing, code=75)
        # The others are no matter to who asks for one service.
        assert set(told(probing, "dns").services) == {"dns"}
        assert status(probing, "mail").error.endswith(
            'anyprobe: there is no service "mail" in what could be asked\n')


def test_names_that_are_not_there(probing):
    probing.start_announced()
    one = complains(probing, 65, 'there is no service "mail"', "mail")
    assert (one.services, one.instances) == ({}, {})
    assert table(probing, "mail", code=65) == ""


def test_as_a_plugin_of_nagios(probing):
    text, data = report(probing, 3)
    assert text.startswith("ANYPROBE UNKNOWN - no daemon runs: ") and data == {}
    probing.start_announced()
    text, data = report(probing, 0)
    assert text == "ANYPROBE OK - 1 service up, 2 of 2 advertised"
    assert data == {"services": 1, "up": 1, "down": 0, "drained": 0, "announced": 2, "wanted": 2, "unconfirmed": 0,
                    "last_instance": 0}
    assert report(probing, 0, "dns-probe") == (text, data)
    assert report(probing, 3, "mail") == ('ANYPROBE UNKNOWN - there is no service "mail"', {})
    pid = probing.pid()
    with stopped(pid, signal.SIGTSTP):
        text, data = report(probing, 3)
        assert text.startswith("ANYPROBE UNKNOWN - dns-probe is suspended ") and data == {}
        assert text.endswith(f": kill -CONT {pid} resumes it")
    reports(probing, 0, "it is announced again")
    probing.node.kill_unbound()
    text, data = reports(probing, 2, "it is down")
    assert text.startswith("ANYPROBE CRITICAL - dns-probe is down") and "LAST INSTANCE" not in text
    assert (data["up"], data["down"], data["last_instance"]) == (0, 1, 0)
    done = ask(probing, "--nagios", "--json")
    assert done.returncode == 64 and done.stdout == "" and len(done.stderr.splitlines()) == 1
    kill(probing.keeper(), signal.SIGTERM)
    wait_until(lambda: not probing.ours(), 20, "it ends")
    assert report(probing, 3)[0].startswith("ANYPROBE UNKNOWN - no daemon runs: ")


def test_killed_prober(probing):
    """The next one answers by the same socket; who asks between the two waits."""
    probing.start_announced()
    old = probing.pid()
    kill(old, signal.SIGKILL)
    one = becomes(probing, lambda s: s.states() == all_of("announced"), "it is announced again")
    assert one.instances["dns-probe"]["pid"] == probing.pid() != old


def test_reload(probing):
    """A bad file is told for as long as it is bad; what runs is told as it is."""
    probing.run_config(service(SERVICE4, name="dns"))
    probing.announced([SERVICE4])
    keeper = probing.keeper()
    since = told(probing).services["dns"]["since"]
    bad = service(SERVICE4, name="dns")
    bad["interval"] = "fast"
    probing.write({"services": [bad]})
    kill(keeper, signal.SIGHUP)
    one = becomes(probing, lambda s: s.instances["anyprobe"]["problems"], "the refusal is told")
    problem, = one.instances["anyprobe"]["problems"]
    assert problem.startswith("the last reload was refused: ") and "services[0].interval" in problem
    assert one.states("dns") == {SERVICE4: "announced"} and one.services["dns"]["since"] == since
    probing.write({"services": [service(SERVICE4, name="dns"), service(SECOND4, name="second")]})
    kill(keeper, signal.SIGHUP)
    one = becomes(probing, lambda s: "second" in s.services and s.states("second") == {SECOND4: "announced"},
                  "the new service is announced")
    assert one.instances["anyprobe"]["problems"] == []
    assert one.states("dns") == {SERVICE4: "announced"} and one.services["dns"]["since"] == since
