"""`anyprobe withdraw --all`: what any run left goes, what a running one holds stays."""

import signal

from conftest import ADDRESSES, QUICK
from lab import BUILD, SECOND4, SECOND6, SERVICE4, SERVICE6
from netns import kill, wait_until

FOREIGN4, FOREIGN_ROUTE = "192.0.2.77/32", "192.0.2.78/32"


def withdraw(probing, *words):
    return probing.node.program("anyprobe", "withdraw", "--run-dir", probing.node.run_dir, *words)


def routes_of(node):
    return {route["dst"] for family in ("-4", "-6") for route in node.namespace.ip("-j", family, "route", "show")
            if route.get("protocol") == "77"}


def test_what_a_killed_run_left_goes_and_what_others_made_stays(probing):
    node = probing.node
    node.namespace.ip("link", "add", "v0", "type", "veth", "peer", "name", "v1")
    node.namespace.ip("addr", "add", SECOND4, "dev", "v0")
    probing.start("--lease", "1h", "--route", "192.0.2.153/32", "--device", "eth0", "--route", "2001:db8::153/128",
                  "--device", "eth0", "--link", "v0")
    probing.announced()
    node.add_address(FOREIGN4)
    node.namespace.ip("route", "add", FOREIGN_ROUTE, "dev", "eth0")
    for pid in probing.ours():
        kill(pid, signal.SIGKILL)
    probing.nothing_runs()
    assert node.addresses() == {SERVICE4, SERVICE6, FOREIGN4} and len(routes_of(node)) == 2
    done = withdraw(probing, "--all")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 5, done.stdout
    assert node.addresses() == {FOREIGN4} and not routes_of(node)
    assert node.namespace.ip("-j", "route", "show", FOREIGN_ROUTE)
    assert "UP" not in node.namespace.ip("-j", "link", "show", "v0")[0]["flags"]
    assert not list(node.run_dir.iterdir())
    again = withdraw(probing, "--all")
    assert again.returncode == 0 and not again.stdout


def test_what_a_running_instance_holds_stays(probing):
    probing.start("--name", "dead", "--lease", "1h", addresses=("--address", SECOND4, "--address", SECOND6))
    probing.announced([SECOND4, SECOND6])
    for pid in probing.ours():
        kill(pid, signal.SIGKILL)
    probing.nothing_runs()
    probing.start_announced()
    done = withdraw(probing, "--all")
    assert done.returncode == 0, done.stderr
    assert probing.node.addresses() == {SERVICE4, SERVICE6}
    (probing.node.run_dir / "dns-probe.state").unlink()
    refused = withdraw(probing, "--all")
    assert refused.returncode == 71 and "dns-probe.state" in refused.stderr
    assert probing.node.addresses() == {SERVICE4, SERVICE6}


def test_what_was_handed_over_stays_until_its_lease_ends(probing):
    probing.start(*ADDRESSES, "--lease", "1h", addresses=())
    probing.announced()
    kill(probing.keeper(), signal.SIGUSR2)
    probing.nothing_runs()
    assert withdraw(probing, "--all").returncode == 0
    assert probing.node.addresses() == {SERVICE4, SERVICE6}
    probing.start(pace=(*QUICK, "--lease", "2s"))
    wait_until(lambda: probing.probers(), 5, "the next run")
    assert probing.node.addresses() == {SERVICE4, SERVICE6}


def test_what_it_wants(probing):
    bare = withdraw(probing)
    assert bare.returncode == 64 and "--all" in bare.stderr
    odd = withdraw(probing, "--all", "dns")
    assert odd.returncode == 64 and "dns" in odd.stderr
    probing.node.run_dir.chmod(0o755)
    nobody = probing.node.namespace.run("setpriv", "--reuid=65534", "--clear-groups",
                                        BUILD / "anyprobe", "withdraw", "--all")
    assert nobody.returncode == 77 and "CAP_NET_ADMIN" in nobody.stderr
    (probing.node.run_dir / "odd.state").write_text("{")
    broken = withdraw(probing, "--all")
    assert broken.returncode == 71 and "odd.state" in broken.stderr
