"""The built site: every page is there and whole, and a broken reference stops the build."""

import html
import re
import shlex
import shutil
import subprocess
import sys
import unicodedata
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from pathlib import Path
from threading import Thread

import pytest
import yaml
from fontTools.ttLib import TTFont
from playwright.sync_api import sync_playwright

import dlutils

ROOT = Path(__file__).parent.parent
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
PAGES = [TOC["root"], *(page["file"] for part in TOC["parts"] for page in part["chapters"])]
NOTEBOOKS = [page for page in PAGES if (ROOT / f"{page}.ipynb").exists()]


@pytest.fixture(scope="module")
def site() -> Path:
    """Folder of the site, built if it is not up to date."""
    if shutil.which("make") is None:
        pytest.skip("make is not installed: install it to test the site")
    build = subprocess.run(["make", "book"], cwd=ROOT, capture_output=True, text=True)
    assert build.returncode == 0, build.stdout + build.stderr
    return ROOT / "_build" / "html"


@pytest.fixture(scope="module")
def addresses(site: Path, tmp_path_factory: pytest.TempPathFactory):
    """Where the site can be read: on a server, below a path, and in its folder."""
    root = tmp_path_factory.mktemp("server")
    (root / "book").symlink_to(site)

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=root)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield {"http": f"http://127.0.0.1:{server.server_port}/book/", "file": f"{site.as_uri()}/"}
        server.shutdown()


@pytest.fixture(scope="module")
def browser(chromium: str):
    flags = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync"
    flags += " --disable-background-networking --disable-component-update"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=flags.split())
        yield browser
        browser.close()


def text(page: Path) -> str:
    """What a page says, without its markup."""
    return re.sub(r"<[^>]*>", "", page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES)
def test_page_is_whole(site: Path, page: str):
    source = (site / f"{page}.html").read_text(encoding="utf-8")
    assert len(re.findall(r"<article.*?<h1>.*</article>", source, re.DOTALL)) == 1
    for trace_of_an_error in ("system-message", 'class="problematic"', 'class="xref myst"'):
        assert trace_of_an_error not in source


@pytest.mark.parametrize("page", NOTEBOOKS)
def test_launch_buttons_point_at_the_repository(site: Path, page: str):
    repository = CONFIG["repository"]["url"].removeprefix("https://github.com/")
    branch = CONFIG["repository"]["branch"]
    source = (site / f"{page}.html").read_text(encoding="utf-8")
    assert f"mybinder.org/v2/gh/{repository}/{branch}?urlpath=lab/tree/{page}.ipynb" in source
    assert f"colab.research.google.com/github/{repository}/blob/{branch}/{page}.ipynb" in source
    assert f"{page}.ipynb" in {
        file.relative_to(site / "_sources").as_posix() for file in site.glob("_sources/**/*.ipynb")
    }  # the download


def test_stored_output_reaches_the_reader(site: Path):
    assert "0.73911503" in text(site / "chapters" / "forward-pass.html")


def test_every_public_name_is_on_the_api_page(site: Path):
    ids = re.findall(
        r'id="dlutils\.\w+\.(\w+)"', (site / "chapters/reference/api.html").read_text()
    )
    functions = {name for name in dlutils.__all__ if not name.startswith("ALL_")}
    assert functions <= set(ids)


@pytest.mark.parametrize("page", PAGES)
def test_solutions_are_folded(site: Path, page: str):
    source = (site / f"{page}.html").read_text(encoding="utf-8")
    solutions = re.findall(r'class="(solution [^"]*)"', source)
    assert len(solutions) == source.count('class="exercise ')
    assert all("dropdown" in classes.split() for classes in solutions)


def test_mathematics_is_in_the_page_and_its_font_in_the_site(site: Path):
    pages = [(site / f"{page}.html").read_text(encoding="utf-8") for page in PAGES]
    formulas = [f for page in pages for f in re.findall(r"<math.*?</math>", page, re.DOTALL)]
    assert len(formulas) > 100 and not any("<script" in f for f in formulas)
    scripts = [source for page in pages for source in re.findall(r'<script[^>]*src="([^"]*)', page)]
    assert scripts and not any("mathjax" in source.lower() for source in scripts)
    used = set(html.unescape("".join(re.findall(r"<m[ion]\b[^>]*>([^<]*)<", "".join(formulas)))))
    drawn = TTFont(site / "_static" / "STIXTwoMath.woff2").getBestCmap()
    assert {c for c in used if unicodedata.category(c)[0] != "C"} <= set(map(chr, drawn))


@pytest.mark.parametrize(
    ("place", "scheme", "width"),
    [("file", "light", 1280), *product(["http"], ["light", "dark"], [1280, 390])],
)
@pytest.mark.parametrize("page", PAGES)
def test_page_loads_from_the_site_alone(browser, addresses, page, place, scheme, width):
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    tab, outside, faults = context.new_page(), [], []

    def requested(request):
        if not request.url.startswith((addresses[place], "data:")):
            outside.append(request.url)

    def told(message):
        if message.type in ("error", "warning"):
            faults.append(message.text)

    tab.on("request", requested)
    tab.on("console", told)
    tab.on("pageerror", lambda error: faults.append(str(error)))
    tab.on("requestfailed", lambda request: faults.append(request.url))
    tab.goto(f"{addresses[place]}{page}.html")
    tab.wait_for_load_state("networkidle")
    scrolled = tab.evaluate("document.documentElement.scrollWidth")
    context.close()
    assert (outside, faults) == ([], [])
    assert scrolled <= width, "the page scrolls sideways"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{ref}`ch-page` and $\\frac{1}{2}$", ""),
        ("{ref}`ch-nowhere`", "undefined label: 'ch-nowhere'"),
        ("$\\nocommand{1}$", "page.md:4: \\nocommand{1}: "),
    ],
)
def test_broken_reference_or_formula_stops_the_build(tmp_path: Path, body: str, message: str):
    for name in ("_config.yml", "references.bib"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("assets", "_ext"):
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: page\n", encoding="utf-8")
    (tmp_path / "page.md").write_text(f"(ch-page)=\n# Page\n\n{body}\n", encoding="utf-8")

    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    strict = shlex.split(re.search(r"/jupyter-book (build [^>]*)", makefile)[1])
    jupyter_book = Path(sys.executable).with_name("jupyter-book")
    build = subprocess.run([jupyter_book, *strict], cwd=tmp_path, capture_output=True, text=True)
    assert (build.returncode == 0) == (not message), build.stderr
    assert message in build.stderr
