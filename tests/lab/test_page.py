"""The page that shows the services, in a real browser: it follows what happens, says it in words, and can only look."""

import contextlib
import http.client
import json
import os
import signal
from pathlib import Path

import pytest
from browser import Browser, Page
from conftest import service
from lab import SECOND4, SERVICE4, SERVICE6
from netns import PATIENCE, kill, wait_until
from selenium.webdriver.common.keys import Keys

PORT = 9477
URL = f"http://127.0.0.1:{PORT}/"
METRICS = {"listen": f"127.0.0.1:{PORT}"}
PHONE, DESK = (360, 740), (1280, 800)


@pytest.fixture
def browser(probing):
    with Browser(probing.node.namespace) as one:
        one.size(*DESK)
        yield one


def asked(node, method, path, **headers):
    """(status, headers, the begin of the body)."""
    with node.namespace.entered():
        connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read(1_000_000)


def answers(node):
    with contextlib.suppress(OSError, http.client.HTTPException):
        return asked(node, "GET", "/")[0] == 200


def serve(probing, *services, **more):
    """anyprobe run, until its page is there; returns the process."""
    frr = {"vty_dir": str(probing.node.frr.run_dir)}
    process, log = probing.run_config(*services, metrics=METRICS, frr=frr, **more)
    wait_until(lambda: answers(probing.node), PATIENCE, f"the page is there: {log.read_text()[-1000:]}")
    return process


def test_follows_live(probing, browser):
    near, far = probing.lab.near, probing.lab.far
    serve(probing, service(SERVICE4, SERVICE6))
    probing.start("--server", "127.0.0.1", node=far)
    probing.announced()
    page = Page(browser, URL)
    browser.run("window.same = true")
    page.becomes("dns", "up")
    page.open("dns")
    neighbours = f"this node {near.address}: announces; {far.address}: announces"
    browser.until("both nodes are in the picture", "return [...document.querySelectorAll('.network')]"
                  ".some(one => one.getAttribute('aria-label') === arguments[0])", neighbours)
    browser.until("answers are drawn", "return document.querySelectorAll('.row .bar-pass').length > 3")
    title = browser.run("return document.querySelector('.row .bar-pass title').textContent")
    assert "pass, ok" in title and title.endswith(" ms"), title
    assert "confirmed by the link-state database; 1 other announces it" in page.part("dns", ".routes")
    assert browser.text("#host") == os.uname().nodename
    assert "anyprobe version " in browser.text("#daemons")

    near.kill_unbound()
    page.becomes("dns", "down")
    assert "127.0.0.1" in page.part("dns", ".why")
    browser.until("it is read out", "return document.querySelector('#spoken').textContent.startsWith('dns is down')")
    browser.until("what was announced is withdrawn", "return document.querySelector('.routes').innerText.includes('withdrawn')")
    browser.until("the picture shows who is left", "return [...document.querySelectorAll('.network')]"
                  ".some(one => one.getAttribute('aria-label') === arguments[0])",
                  f"this node {os.uname().nodename}: down: withdrawn; {far.address}: announces")
    browser.until("bad answers have another shape", "return document.querySelector('.row .bar-fail path')")
    assert browser.run("return document.title").startswith("(1 down)")
    assert page.labels("dns", ".row .strip")[0].startswith("last ") and page.labels("dns", ".timeline")

    near.start_unbound()
    page.becomes("dns", "up")
    browser.until("its changes are listed", "return [...document.querySelectorAll('.transitions .tag')]"
                  ".map(one => one.innerText).join().startsWith('up,down,up')")
    near.program("anyprobe", "drain", "--run-dir", near.run_dir, "dns")
    page.becomes("dns", "up", "drained")
    assert browser.run("return window.same") is True
    assert browser.complaints() == []
    assert {url for url in browser.requests() if not url.startswith(URL)} == set()


def test_connection_lost(probing, browser):
    """It is told, and what is old looks old; it comes back by itself."""
    process = serve(probing, service(SERVICE4))
    page = Page(browser, URL)
    page.becomes("dns", "up")
    pid = probing.pid("anyprobe")
    kill(probing.keeper(), signal.SIGTERM)
    process.wait(PATIENCE)
    browser.until("the loss is told", "return document.body.dataset.live === 'no'")
    assert browser.text("#stale").startswith("Not connected since ")
    assert browser.run("return getComputedStyle(document.querySelector('main')).filter") == "grayscale(1)"
    assert page.state("dns").startswith("up")  # what was told last, maybe of its leaving
    serve(probing, service(SERVICE4))
    browser.until("it is live again", "return document.body.dataset.live === 'yes'")
    assert pid != probing.pid("anyprobe") and browser.text("#stale") == ""
    browser.until("it is of the new one", "return document.querySelector('#daemons').innerText.includes(arguments[0])",
                  f"pid {probing.pid('anyprobe')}")


EVIL = '<img src=x onerror="document.title=666"> ' + "w" * 200


def test_many_by_keyboard_on_a_phone(probing, browser):
    script = probing.folder / "evil"
    script.write_text(f"#!/bin/sh\necho '{EVIL}'\nexit 2\n")
    script.chmod(0o755)
    unwell = [service(name=f"n{number:03}", probe={"type": "tcp", "host": "127.0.0.1", "ports": [1]},
                      interval="2s", advertise=[{"address": f"192.0.2.{number + 100}/32"}]) for number in range(120)]
    evil = service(SECOND4, name="evil", probe={"type": "exec", "command": [str(script)]}, interval="1s", timeout="900ms")
    serve(probing, service(SERVICE4), evil, *unwell)
    page = Page(browser, URL)
    browser.until("all are told, those that are not well first",
                  "return document.querySelector('#summary').innerText.replaceAll('\\n', ' ').includes('121 down')")
    assert len(page.names()) == 100 and "dns" not in page.names()
    assert browser.text("#rest") == "Show all (22 more)"
    browser.click("#rest button")
    assert len(page.names()) == 122 and page.names()[-1] == "dns"

    browser.press("/")
    assert browser.run("return document.activeElement.id") == "filter"
    browser.press("192.0.2.11")
    browser.until("the filter holds", "return document.querySelectorAll('.service').length === 10")
    browser.press(Keys.ESCAPE)
    browser.press("evil")
    browser.press(Keys.ENTER)
    assert (page.names(), page.focused()) == (["evil"], "evil")
    outline = browser.run("return getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    browser.press(Keys.ENTER)
    browser.until("its details are there", "return document.querySelector('.details .because')")
    assert browser.run("return document.activeElement.getAttribute('aria-expanded')") == "true"
    assert '<img src=x onerror="document.title=666">' in page.part("evil", ".transitions")
    assert browser.run("return document.querySelectorAll('img').length") == 0
    for size in (PHONE, DESK):
        browser.size(*size)
        assert not page.overflows(), size
    browser.size(*PHONE)
    browser.press("?")
    assert browser.run("return document.querySelector('#help').open") and "next service" in browser.text("#help")
    assert not page.overflows()
    browser.press(Keys.ESCAPE)
    assert not browser.run("return document.querySelector('#help').open")
    browser.press("/")
    browser.press(Keys.ESCAPE)
    browser.press(Keys.ARROW_DOWN)
    first, second = page.names()[:2]
    assert page.focused() == first
    browser.press("j")
    assert page.focused() == second
    browser.press("k")
    assert page.focused() == first and not page.overflows()
    browser.prefers(color_scheme="dark")
    assert browser.run("return getComputedStyle(document.body).backgroundColor") == "rgb(15, 19, 24)"
    assert "666" not in browser.run("return document.title")
    assert browser.complaints() == []


def test_can_only_look(probing):
    node = probing.node
    serve(probing, service(SERVICE4))
    for path, kind in (("/", "text/html"), ("/page.js", "text/javascript"), ("/page.css", "text/css"),
                       ("/icon.svg", "image/svg+xml"), ("/status.json", "application/json")):
        code, headers, body = asked(node, "GET", path)
        assert code == 200 and body and headers["Content-Type"].startswith(kind), path
        assert "default-src 'none'" in headers["Content-Security-Policy"], path
        assert asked(node, "POST", path)[0] == 405
        assert asked(node, "GET", path, Origin="http://evil.example.org")[0] == 403
        assert asked(node, "GET", path, Host="evil.example.org")[0] == 403
    assert asked(node, "GET", "/events", Origin="http://evil.example.org")[0] == 403
    told = json.loads(asked(node, "GET", "/status.json")[2])
    assert [one["name"] for one in told["services"]] == ["dns"] and "recent" in told["services"][0]


def screenshot(probing, browser):
    """Collected only for scripts/screenshot/make: it tests nothing."""
    near, far = probing.lab.near, probing.lab.far
    tcp = {"type": "tcp", "host": "127.0.0.1", "ports": [53]}
    serve(probing, service(SERVICE4, SERVICE6), service("192.0.2.18/32", name="radius", probe={**tcp, "ports": [1812]}),
          service(SECOND4, name="syslog", probe=tcp), service("192.0.2.25/32", name="mail", probe=tcp))
    probing.start("--server", "127.0.0.1", node=far)
    probing.announced()
    page = Page(browser, URL)
    near.kill_unbound()
    page.becomes("dns", "down")
    near.start_unbound()
    page.becomes("dns", "up")
    page.becomes("syslog", "up")
    near.program("anyprobe", "drain", "--run-dir", near.run_dir, "--force", "syslog")
    page.becomes("syslog", "up", "drained")
    browser.until("many answers are drawn", "return document.querySelectorAll('.row .bar-pass').length > 80")
    page.open("dns")
    browser.run("scrollTo(0, 0)")
    browser.size(1280, int(os.environ.get("ANYPROBE_SCREENSHOT_HEIGHT", "1030")))
    browser.until("both nodes are in the picture", "return document.querySelector('.network')?.getAttribute('aria-label')"
                  ".includes(arguments[0])", far.address)
    assert browser.call("save_screenshot", os.environ["ANYPROBE_SCREENSHOT"])


if "ANYPROBE_SCREENSHOT" in os.environ:
    test_screenshot = screenshot
