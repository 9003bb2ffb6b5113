"""A web server: the http probe with nginx, configured as the manual page says."""

import signal

import pytest
from conftest import BOTH, service
from manual_page import configuration
from netns import kill
from servers import fails_and_recovers, slow_core
from web import Authority, nginx, nginx_files

NAME = "www.example.org"
URL = f"https://{NAME}/health"


@pytest.fixture
def authority(probing):
    return Authority(probing.folder / "authority")


def manual_block(certificate):
    text = configuration("anyprobe-http.5", "nginx.conf")
    for path, own in zip((f"/etc/ssl/certs/{NAME}.pem", f"/etc/ssl/private/{NAME}.key"), certificate):
        assert path in text
        text = text.replace(path, str(own))
    return text


@pytest.fixture
def www(probing, authority):
    return nginx(probing, manual_block(authority.sign(NAME)), 443)


def check(probing, *words):
    """(exit code, what it says) of one round."""
    done = probing.node.program("anyprobe", "check", "--type", "http", *words)
    return done.returncode, done.stdout + done.stderr


def reload(www, text):
    """Somebody listens all the while."""
    www.write({"nginx.conf": text})
    kill(www.pid, signal.SIGHUP)


def ask(probing, authority, *words, url=URL, server="127.0.0.1"):
    return check(probing, "--url", url, "--server", server, "--ca-file", authority.certificate, *words)


def test_fails_and_recovers(probing, authority, www):
    probe = {"type": "http", "url": URL, "server": "127.0.0.1", "ca_file": str(authority.certificate),
             "expect": "ready", "headers": "Authorization: Bearer geheim"}
    _, log = probing.run_config(service(*BOTH, name="www", interval="400ms", timeout="350ms", probe=probe))
    fails_and_recovers(probing, www, "tcp:127.0.0.1:443")
    good = www.files["nginx.conf"]
    for changed in (good.replace("return 200", "return 503"), good.replace("ready", "maintenance"),
                    good.replace("ssl http2", "")):
        assert changed != good
        reload(www, changed)
        probing.withdrawn()
        reload(www, good)
        probing.announced()
    # By one process, since a worker would go on where its master crashes.
    www.restart(**{"nginx.conf": good.replace("worker_processes 1;", "master_process off;")})
    probing.announced()
    with slow_core(www):
        probing.withdrawn()
    www.restart(**{"nginx.conf": good})
    probing.announced()
    told = log.read_text()
    asked = f"{URL} from 127.0.0.1:443"
    for line in (f'up (ok, {asked} said 200 and "ready")', f"down (refused, {asked} refused)",
                 f"down (timeout, no answer to {asked} (connected))", f"down (status, {asked} said 503, not 200-299)",
                 f'down (wrong_answer, {asked} said 200 without "ready" in 12 octets)', f"down (tls, {asked} TLS: "):
        assert line in told, (line, told)
    assert "geheim" not in told
    access = (www.folder / "access.log").read_text()
    assert '"GET /health HTTP/2.0" 200' in access and '"anyprobe"' in access, access


def test_certificates(probing, authority, www):
    code, said = ask(probing, authority)
    assert code == 0, said
    for server in ("[::1]", "127.0.0.1:443"):
        assert ask(probing, authority, server=server)[0] == 0
    code, said = ask(probing, authority, url="https://mail.example.org/health")
    assert code == 2 and "tls" in said and "mail.example.org" in said, said
    code, said = check(probing, "--url", URL, "--server", "127.0.0.1")  # the system does not know the authority
    assert code == 2 and "tls" in said and "unable to get local issuer certificate" in said, said
    # The certificate itself may be whom to trust.
    own = probing.folder / "authority" / f"{NAME}.pem"
    code, said = check(probing, "--url", URL, "--server", "127.0.0.1", "--ca-file", own)
    assert code == 0, said
    www.restart(**nginx_files(www.folder, manual_block(authority.sign(NAME, days=-1))))
    code, said = ask(probing, authority)
    assert code == 2 and "certificate has expired" in said, said
    code, said = check(probing, "--url", URL, "--server", "127.0.0.1", "--ca-file", "/none/such")
    assert code == 3 and "ca-file: \"/none/such\" cannot be read: No such file or directory" in said, said


def test_what_is_judged(probing, authority, www):
    plain = f"http://{NAME}/health"
    assert ask(probing, authority, "--expect", "ready", "--expect-header", "Server: nginx", url=plain)[0] == 0
    assert ask(probing, authority, "--method", "HEAD", url=plain)[0] == 0
    code, said = ask(probing, authority, url=f"http://{NAME}/nothing")
    assert code == 2 and "said 404, not 200-299" in said, said
    assert ask(probing, authority, "--accept", "200", "--accept", "404", url=f"http://{NAME}/nothing")[0] == 0
    code, said = ask(probing, authority, "--url", f"http://{NAME}/nothing")
    assert code == 2 and f"http://{NAME}/nothing from 127.0.0.1:80 said 404" in said, said
    code, said = ask(probing, authority, "--expect-header", "Server: apache", url=plain)
    assert code == 2 and 'without the header "Server: apache"' in said, said
