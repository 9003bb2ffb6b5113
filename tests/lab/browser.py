"""A real browser without a screen, in the network namespace of a node, and what it shows of the services."""

import json
import tempfile

from netns import PATIENCE, wait_until
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

_FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
          "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
          "--disable-dev-shm-usage", "--hide-scrollbars")


class Browser:
    """As a context manager. Every call is made from the namespace, where it is started and listened to."""

    def __init__(self, namespace):
        self._namespace = namespace
        self._folder = tempfile.TemporaryDirectory(prefix="anyprobe-browser-", ignore_cleanup_errors=True)
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for flag in (*_FLAGS, f"--user-data-dir={self._folder.name}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        with namespace.entered():
            self._driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        self.call("get", "about:blank")  # what it begins with is its own
        self.requests()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with self._namespace.entered():
            self._driver.quit()
        self._folder.cleanup()

    def call(self, name, *arguments):
        """A method of the driver's."""
        with self._namespace.entered():
            return getattr(self._driver, name)(*arguments)

    def run(self, script, *arguments):
        return self.call("execute_script", script, *arguments)

    def size(self, width, height):
        self.call("execute_cdp_cmd", "Emulation.setDeviceMetricsOverride",
                  {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500})

    def prefers(self, **features):
        """prefers(color_scheme="dark")"""
        said = [{"name": "prefers-" + name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.call("execute_cdp_cmd", "Emulation.setEmulatedMedia", {"features": said})

    def press(self, keys):
        """As typed at whatever has the focus."""
        with self._namespace.entered():
            self._driver.switch_to.active_element.send_keys(keys)

    def click(self, selector):
        with self._namespace.entered():
            self._driver.find_element(By.CSS_SELECTOR, selector).click()

    def text(self, selector):
        """What a reader sees of the first that is like this; None: there is none."""
        return self.run("return document.querySelector(arguments[0])?.innerText ?? null", selector)

    def until(self, what, script, *arguments, timeout=PATIENCE):
        """The first true value of the script."""
        try:
            return wait_until(lambda: self.run(script, *arguments), timeout, what, every=0.05)
        except AssertionError as late:
            raise AssertionError(f"{late}; the page: {self.text('body')}") from late

    def complaints(self):
        """What the console says since it was asked last."""
        return [one["message"] for one in self.call("get_log", "browser")]

    def requests(self):
        """The addresses that were asked for since it was asked last."""
        events = (json.loads(one["message"])["message"] for one in self.call("get_log", "performance"))
        return [one["params"]["request"]["url"] for one in events if one["method"] == "Network.requestWillBeSent"]


_CARD = "const card = [...document.querySelectorAll('.service')].find(" \
        "one => one.querySelector('.name').textContent === arguments[0]);"


class Page:
    """The page of a daemon, by what it shows."""

    def __init__(self, browser, url):
        self.browser = browser
        browser.call("get", url)
        browser.until("it is live", "return document.body.dataset.live === 'yes' && document.querySelector('.service')")

    def state(self, name):
        """The words at a service's name."""
        return self.browser.run(_CARD + "return card?.querySelector('.tags').innerText.split('\\n').join(', ')", name)

    def becomes(self, name, *words):
        """Every word stands at the service's name."""
        self.browser.until(f"{name} is {' and '.join(words)}", _CARD +
                           "const said = [...(card?.querySelectorAll('.tag') ?? [])].map(tag => tag.innerText);"
                           "return arguments[1].every(word => said.includes(word))", name, words)

    def part(self, name, selector):
        """The text of one part of a service's."""
        return self.browser.run(_CARD + "return card.querySelector(arguments[1])?.innerText ?? null", name, selector)

    def labels(self, name, selector):
        """What is read out of pictures."""
        return self.browser.run(_CARD + "return [...card.querySelectorAll(arguments[1])]"
                                ".map(one => one.getAttribute('aria-label'))", name, selector)

    def open(self, name, wanted=True):
        self.browser.run(_CARD + "card.scrollIntoView({block: 'center'});"
                         "if (card.querySelector('.details').hidden === arguments[1]) card.querySelector('.head').click()",
                         name, wanted)

    def names(self):
        return self.browser.run("return [...document.querySelectorAll('.head .name')].map(one => one.textContent)")

    def focused(self):
        """The service that has the focus."""
        return self.browser.run("return document.activeElement.closest('.service')?.querySelector('.name').textContent")

    def overflows(self):
        """Whether one would have to scroll sideways."""
        return self.browser.run("return document.scrollingElement.scrollWidth > innerWidth")
