"""Every program at once on one node, as rc.local starts them: each holds what is its own, and no more."""

import signal

from lab import SECOND4, SECOND6, SERVICE4, SERVICE6
from netns import kill, process_state, wait_until
from radius import SECRET, start_freeradius
from test_routes import FIRST, behind, of_node  # noqa: F401 (a fixture)
from test_socks_probe import dante  # noqa: F401
from test_squid_probe import squid  # noqa: F401
from test_syslog_probe import syslog_ng

SQUID = "192.0.2.3/32"
ROOMY = ("--interval", "400ms", "--timeout", "350ms", "--rise", "1", "--fall", "2")
ON_ROUTER = {"dns-probe": SERVICE4, "radius-probe": SERVICE6, "syslog-probe": SECOND4, "socks-probe": SECOND6,
             "tcp-route-probe": FIRST}


def test_one_suspended_and_one_killed_touch_no_other(probing, dante, squid, behind):  # noqa: F811
    node = probing.node
    freeradius = start_freeradius(probing)
    syslog_ng(probing)
    behind.serve(FIRST)
    secret = probing.write(SECRET + "\n", "secret")
    secret.chmod(0o600)
    more = {"radius-probe": ("--secret-file", secret)}
    for program, prefix in {**ON_ROUTER, "squid-probe": SQUID}.items():
        if program == "tcp-route-probe":
            addresses, words = (), ("bond0", FIRST.split("/")[0], "80")
        else:
            addresses, words = ("--address", prefix), more.get(program, ())
        probing.start(*words, program=program, addresses=addresses, pace=ROOMY)
    probing.announced(ON_ROUTER.values(), timeout=15)
    everything = {SERVICE4, SERVICE6, SECOND4, SECOND6, SQUID}
    wait_until(lambda: node.addresses() == everything, 10, "each address is there")
    assert len(node.keepers()) == len(ON_ROUTER) + 1
    assert len(list(node.run_dir.glob("*.pid"))) == len(ON_ROUTER) + 1

    pids = {program: probing.pid(program) for program in (*ON_ROUTER, "squid-probe")}
    for program, prefix in ON_ROUTER.items():
        others = {other for other in ON_ROUTER if other != program}
        assert node.namespace.run("pkill", "-TSTP", "--ns", str(pids[program]), "--nslist", "net", "-x",
                                  program).returncode == 0
        wait_until(lambda p=pids[program]: process_state(p) == "T", 5, f"{program} is suspended")
        probing.withdrawn((prefix,))
        assert all(process_state(pids[other]) in ("S", "R") for other in (*others, "squid-probe"))
        probing.announced([ON_ROUTER[other] for other in others])
        assert SQUID in node.addresses() and (prefix == FIRST or prefix not in node.addresses())
        kill(pids[program], signal.SIGCONT)
        probing.announced((prefix,))

    freeradius.kill()
    probing.withdrawn((SERVICE6,))
    assert node.addresses() == everything - {SERVICE6} and of_node(node, FIRST)
    assert {program: probing.pid(program) for program in pids} == pids
