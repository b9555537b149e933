"""Measure this site beside what Jupyter Book makes of the same pages by default, all in one run.

`make bench-site` runs it. Both are built in temporary copies: ours by `make book`, the default with
the few settings without which its pages would lack content. Pages are visited with an empty cache
and without a network: what the default would get from other hosts is missing from its bytes. Then
both books grow by copies of their chapters. After an edit the default writes that page alone, and
leaves old titles in the menus of the others. The times depend on the machine: look at the ratios.
"""

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from argparse import ArgumentDefaultsHelpFormatter, ArgumentParser
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from time import perf_counter

import yaml
from playwright.sync_api import sync_playwright
from sphinx_external_toc.parsing import parse_toc_yaml
from tqdm import tqdm

parser = ArgumentParser(
    description=__doc__.splitlines()[0], formatter_class=ArgumentDefaultsHelpFormatter
)
parser.add_argument("--turns", type=int, default=2, help="how often each build is timed")
parser.add_argument(
    "--chapters", type=int, nargs="*", default=[10, 20, 40], help="sizes that the book grows to"
)
parser.add_argument(
    "--browser",
    default=shutil.which("chromium") or shutil.which("google-chrome"),
    help="path of Chromium or Chrome",
)

ROOT = Path(__file__).parent.parent
NOT_COPIED = shutil.ignore_patterns(".*", "_build", "build", "mutants", "*.egg-info", "__pycache__")
NEEDED = "title only_build_toc_files exclude_patterns execute parse bibtex_bibfiles".split()
LABEL = r'\(([\w-]+)\)=|\$\$ \(([\w-]+)\)|:(?:label|name): ([\w-]+)|"name": "([a-z]+-[\w-]+)"'
# No other host is found, with or without a network.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
WANTED = {"cold": 30, "no change": None, "one edit": 6}  # seconds at most, for the book as it is


class Book:
    """A copy of the book in a folder of its own; `default` with Jupyter Book's own settings."""

    def __init__(self, folder, *, default):
        shutil.copytree(ROOT, folder, ignore=NOT_COPIED)
        (folder / ".venv").symlink_to(sys.prefix)
        self.folder, self.site, self.edits = folder, folder / "_build" / "html", 0
        self.command = "make -o .venv/installed book".split()  # and installs nothing
        self.toc = yaml.safe_load((folder / "_toc.yml").read_text(encoding="utf-8"))
        self.pages = [*parse_toc_yaml(folder / "_toc.yml")]
        notebooks = [page for page in self.pages if (folder / f"{page}.ipynb").exists()]
        self.chapters = [page for page in notebooks if page != self.toc["root"]]
        if default:
            self.command = ".venv/bin/jupyter-book build .".split()
            config = yaml.safe_load((folder / "_config.yml").read_text(encoding="utf-8"))
            sphinx = {"extra_extensions": config["sphinx"]["extra_extensions"]}
            options = config["sphinx"]["config"].items()
            sphinx["config"] = {key: value for key, value in options if key.startswith("autodoc")}
            config = {key: config[key] for key in NEEDED} | {"sphinx": sphinx}
            (folder / "_config.yml").write_text(yaml.safe_dump(config), encoding="utf-8")

    def grow(self, size):
        """Add copies of the chapters, with labels of their own, until there are `size`."""
        copies = []
        for number, page in enumerate(islice(cycle(self.chapters), size - len(self.chapters))):
            text = (self.folder / f"{page}.ipynb").read_text(encoding="utf-8")
            labels = {label for found in re.findall(LABEL, text) for label in found if label}
            text = re.sub(rf"(?<![\w-])({'|'.join(labels)})(?![\w-])", rf"\1-{number}", text)
            (self.folder / f"{page}-{number}.ipynb").write_text(text, encoding="utf-8")
            copies.append({"file": f"{page}-{number}"})
        part = {"caption": "Copies", "numbered": 1, "chapters": copies}
        toc = yaml.safe_dump(self.toc | {"parts": self.toc["parts"] + [part] * bool(copies)})
        (self.folder / "_toc.yml").write_text(toc, encoding="utf-8")

    def edit(self):
        """Add a paragraph to the first chapter."""
        self.edits += 1
        path = self.folder / f"{self.chapters[0]}.ipynb"
        notebook = json.loads(path.read_text(encoding="utf-8"))
        cell = {"cell_type": "markdown", "id": f"edit-{self.edits}", "metadata": {}}
        notebook["cells"].append(cell | {"source": [f"Paragraph {self.edits}."]})
        path.write_text(json.dumps(notebook), encoding="utf-8")

    def build(self, kind):
        """Return the seconds that a build takes, and stop if it fails or misses the last edit."""
        if kind == "cold":
            shutil.rmtree(self.folder / "_build", ignore_errors=True)
        elif kind == "one edit":
            self.edit()
        environment = {key: os.environ[key] for key in os.environ if not key.startswith("MAKE")}
        environment["PYTHONPATH"] = str(self.folder)  # the API page shows this copy of dlutils
        start = perf_counter()
        run = subprocess.run(
            self.command, cwd=self.folder, env=environment, capture_output=True, text=True
        )
        seconds = perf_counter() - start
        page = self.site / f"{self.chapters[0]}.html"
        if run.returncode:
            sys.exit(f"{' '.join(self.command)}: failed ({kind})\n{run.stderr[-2000:]}")
        if self.edits and f"Paragraph {self.edits}." not in page.read_text(encoding="utf-8"):
            sys.exit(f"{' '.join(self.command)}: the last edit is not on the page ({kind})")
        return seconds

    def kind(self, page):
        """Return of what kind a page is."""
        if page == self.toc["root"]:
            return "home"
        if page not in self.chapters:
            return "reference"
        moves = 'type="range"' in (self.site / f"{page}.html").read_text(encoding="utf-8")
        return "chapter with sliders" if moves else "chapter"


class Files(SimpleHTTPRequestHandler):
    """A server of files that says nothing."""

    def log_message(self, *_):
        """Say nothing."""


def weigh(book, executable, progress):
    """Return each page's compressed KB, requests and requests to other hosts on a first visit."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Files, directory=book.site))
    Thread(target=server.serve_forever, daemon=True).start()
    address, weights = f"http://127.0.0.1:{server.server_port}/", {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        for page in book.pages:
            context = browser.new_context(viewport={"width": 1280, "height": 900})
            tab, requests, answers = context.new_page(), [], []
            tab.on("request", lambda request, seen=requests: seen.append(request))
            tab.on("response", lambda answer, seen=answers: seen.append(answer))
            tab.goto(f"{address}{page}.html", wait_until="networkidle", timeout=120_000)
            urls = [request.url for request in requests if request.url.startswith("http")]
            files = [answer for answer in answers if answer.url.startswith(address) and answer.ok]
            size = sum(len(gzip.compress(file.body())) for file in files)
            outside = sum(not url.startswith(address) for url in urls)
            weights[page] = round(size / 1024), len(urls), outside
            context.close()
            progress.update()
        browser.close()
    server.shutdown()
    server.server_close()
    return weights


def table(name, cells, width=48):
    """Print a line: its name, then ours and the default for each column."""
    line = f"{name:{width}}" + "".join(f"{ours:>9}{default:>9}" for ours, default in cells)
    tqdm.write(line.rstrip())


def main():
    """Print both tables, line by line; fail if the book as it is takes longer than wanted."""
    arguments = parser.parse_args()
    if not arguments.browser or not shutil.which(arguments.browser):
        parser.error("no Chromium or Chrome was found: install one, or name it by --browser")
    if not shutil.which("make"):
        parser.error("make was not found: install it")
    if arguments.turns < 1:
        parser.error("--turns must be at least 1")
    with TemporaryDirectory() as folder:
        books = [
            Book(Path(folder, name), default=name == "default") for name in ("ours", "default")
        ]
        own = len(books[0].chapters)
        sizes = sorted({own, *(size for size in arguments.chapters if size > own)})
        steps = 2 * (len(sizes) * arguments.turns * len(WANTED) + len(books[0].pages))
        with tqdm(total=steps, leave=False) as progress:
            seconds = {}
            for size in sizes:
                times = {kind: ([], []) for kind in WANTED}
                for book in books:
                    book.grow(size)
                for kind in [*WANTED] * arguments.turns:
                    progress.set_description(f"{size} chapters, {kind}")
                    for book, seen in zip(books, times[kind], strict=True):
                        seen.append(book.build(kind))
                        progress.update()
                seconds[size] = [tuple(map(min, times[kind])) for kind in WANTED]
                if size == own:
                    progress.set_description("visits")
                    weigh_all(books, arguments.browser, progress)
                    table(f"\nSeconds, best of {arguments.turns}", [(k, "") for k in WANTED], 13)
                    table("chapters", [("ours", "default")] * len(WANTED), 12)
                table(str(size), [[f"{time:.1f}" for time in pair] for pair in seconds[size]], 12)
    first = max(own, min(arguments.chapters, default=own))
    ratios = zip(seconds[sizes[-1]], seconds[first], strict=True)
    cells = [[f"{a / b:.1f}" for a, b in zip(*pair, strict=True)] for pair in ratios]
    table(f"{sizes[-1]} / {first}", cells, 12)
    limits = zip(WANTED, seconds[own], strict=True)
    missed = [kind for kind, (ours, _) in limits if WANTED[kind] and ours > WANTED[kind]]
    sys.exit(f"slower than wanted ({WANTED}): {', '.join(missed)}" if missed else 0)


def weigh_all(books, executable, progress):
    """Print the weight of the heaviest page of each kind."""
    ours, default = (weigh(book, executable, progress) for book in books)
    table("A first visit", [("gzip KB", ""), ("requests", ""), ("outside", "")])
    table("heaviest page of its kind", [("ours", "default")] * 3)
    kinds = {}
    for page in sorted(ours, key=ours.get):
        kinds[books[0].kind(page)] = page
    for kind, page in kinds.items():
        table(f"{kind}: {page}", zip(ours[page], default[page], strict=True))


if __name__ == "__main__":
    main()
