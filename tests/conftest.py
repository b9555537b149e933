"""What tests of several modules need: the built site, a server for it, a browser to look at it."""

import fcntl
import os
import shutil
import subprocess
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import pytest
import yaml

ROOT = Path(__file__).parent.parent
SHIFT = """
    window.shift = 0;
    new PerformanceObserver(list => list.getEntries().forEach(move => {
        window.shift += move.hadRecentInput ? 0 : move.value;
    })).observe({type: "layout-shift", buffered: true});
"""


@pytest.fixture(scope="session")
def site() -> Path:
    """Folder of the site, built if it is not up to date."""
    if shutil.which("make") is None:
        pytest.skip("make is not installed: install it to test the site")
    with (ROOT / "Makefile").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one of the processes that test builds, the others wait
        build = subprocess.run(["make", "book"], cwd=ROOT, capture_output=True, text=True)
    assert build.returncode == 0, build.stdout + build.stderr
    return ROOT / "_build" / "html"


@pytest.fixture(scope="session")
def addresses(site: Path, tmp_path_factory: pytest.TempPathFactory):
    """Where the site can be read: on a server, below a path, and in its folder."""
    root = tmp_path_factory.mktemp("server")
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    path = urlsplit(config["html"]["baseurl"]).path
    (root / path.strip("/")).symlink_to(site)

    class Handler(SimpleHTTPRequestHandler):
        error_message_format = (site / "404.html").read_text(encoding="utf-8").replace("%", "%%")

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=root)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield {"http": f"http://127.0.0.1:{server.server_port}{path}", "file": f"{site.as_uri()}/"}
        server.shutdown()


@pytest.fixture(scope="session")
def chromium():
    """Path of a Chromium or Chrome; where there is none, CI fails and others skip the test."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        missing = "Chromium is not installed (Debian: apt install chromium)"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    return path


@pytest.fixture(scope="session")
def browser(chromium: str):
    """A browser without anything that would call home."""
    from playwright.sync_api import sync_playwright

    flags = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync"
    flags += " --disable-background-networking --disable-component-update"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=flags.split())
        yield browser
        browser.close()


@pytest.fixture
def visit(browser, addresses):
    """Function that opens a page; what was wrong with it is an error at the end of the test."""
    contexts, faults = [], []

    def opened(page, place="http", width=1280, without=None, **options):
        options = {"color_scheme": "light", "reduced_motion": "reduce"} | options
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        tab = context.new_page()
        tab.add_init_script(SHIFT)
        if without:
            tab.route(without, lambda route: route.fulfill(body=""))
        tab.loads = []
        tab.on("response", lambda load: tab.loads.append(load))
        tab.on("request", lambda request: faults.extend(outside(request.url, addresses[place])))
        tab.on("requestfailed", lambda request: faults.extend(missing(request)))
        tab.on("pageerror", lambda error: faults.append(str(error)))
        tab.on("console", lambda told: faults.append(told.text) if told.type != "log" else None)
        tab.goto(f"{addresses[place]}{page}.html")
        tab.evaluate("document.fonts.ready")
        return tab

    yield opened
    for context in contexts:
        context.close()
    assert faults == []


@pytest.fixture
def small_class(tmp_path):
    """A folder with four submissions, which have SCORES."""
    from grading_framework import WRONG, hand_in, notebook

    contents = {"Ada": notebook(), "Bob": notebook(WRONG), "Eve": b"{", "Max": notebook({})}
    hand_in(tmp_path / "class", **contents)
    return tmp_path / "class"


def missing(request) -> list[str]:
    """Say so if a request failed, unless it is of a page that was left before it came."""
    left = request.failure == "net::ERR_ABORTED"
    return [] if left else [f"failed: {request.url}: {request.failure}"]


def outside(url: str, site: str) -> list[str]:
    """Say so if an address is not the site's."""
    return [] if url.startswith((site, "data:")) else [f"outside the site: {url}"]


def pytest_terminal_summary(terminalreporter):
    """Print the figures that passed tests have recorded under the name of a headline."""
    figures = {}
    for report in terminalreporter.getreports("passed"):
        for headline, line in report.user_properties:
            figures.setdefault(headline, []).append(line)
    for headline, lines in sorted(figures.items()):
        terminalreporter.section(headline)
        terminalreporter.write_line("\n".join(sorted(lines)))
