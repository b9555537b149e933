"""Make the PDF or the EPUB of the whole book, or the PDF of the cheat sheet: press.py FILE.

All are made of the articles of the finished site, so that words, numbers, formulas and links are
the same; a browser prints the PDFs, for which no formula has to be set anew.
"""

import html
import re
import shutil
import sys
import zipfile
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from posixpath import dirname, join, normpath
from urllib.parse import urlsplit

import matplotlib
import yaml
from bs4 import BeautifulSoup
from playwright.sync_api import sync_playwright
from pygments.formatters import HtmlFormatter
from pypdfium2 import PdfDocument
from sphinx_external_toc.parsing import parse_toc_yaml

ROOT = Path(__file__).parent.parent
SITE = ROOT / "_build" / "html"
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
TOC = parse_toc_yaml(ROOT / "_toc.yml")
SCREEN = (
    "script, .headerlink, .sd-btn, .sd-summary-state-marker, .tag_install, .expanded,"
    " .toctree-wrapper, .sliders input, .print-hint"
)
IMPRINT = f"""
<p>{CONFIG["author"]}, <a href="{CONFIG["repository"]["url"]}">{CONFIG["repository"]["url"]}</a><br>
{CONFIG["html"]["extra_footer"]}</p>
"""

# The fonts of matplotlib, so that the PDF is the same on every machine.
FONTS = Path(matplotlib.get_data_path(), "fonts", "ttf").as_uri()
PAPER = "".join(
    f'@font-face {{ font-family: "Book {kind}"; src: url("{FONTS}/{file}.ttf");'
    f" font-weight: {weight}; font-style: {style}; }}"
    for kind, file, weight, style in (
        ("Text", "STIXGeneral", "normal", "normal"),
        ("Text", "STIXGeneralItalic", "normal", "italic"),
        ("Text", "STIXGeneralBol", "bold", "normal"),
        ("Text", "STIXGeneralBolIta", "bold", "italic"),
        ("Code", "DejaVuSansMono", "normal", "normal"),
        ("Code", "DejaVuSansMono-Oblique", "normal", "italic"),
        ("Code", "DejaVuSansMono-Bold", "bold", "normal"),
        ("Code", "DejaVuSansMono-BoldOblique", "bold", "italic"),
    )
)
PAPER += """
@page { font-family: "Book Text"; }
@page :first {
  @bottom-center { content: none; }
}
html {
  --pst-font-family-base: "Book Text", "Book Code";
  --pst-font-family-heading: "Book Text", "Book Code";
  --pst-font-family-monospace: "Book Code";
  font-size: 12pt !important;
}
math { font-size: 1em !important; }
article + article { break-before: page; }
article .sig { font-family: "Book Code"; font-size: 9pt; }
.front { break-after: page; }
.front p { border-top: 1px solid; margin-top: 4em; padding-top: 1em; }
.front ol { list-style: none; padding: 0; }
.front ol ol ol { padding-left: 2em; }
.front > nav > ol > li { margin-top: 1.5em; }
.front nav a { color: inherit !important; display: flex; text-decoration: none !important; }
.front nav a > :last-child { margin-left: auto; }
"""

PAGE = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops" lang="en">
<head><title>{title}</title><link rel="stylesheet" href="style.css"/></head>
<body>{body}</body>
</html>
"""
CONTAINER = """<?xml version="1.0"?>
<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container" version="1.0">
<rootfiles>
<rootfile full-path="book/book.opf" media-type="application/oebps-package+xml"/>
</rootfiles>
</container>
"""
PACKAGE = """<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id" xml:lang="en">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:identifier id="id">{id}</dc:identifier>
<dc:title>{title}</dc:title>
<dc:creator>{author}</dc:creator>
<dc:language>en</dc:language>
<meta property="dcterms:modified">{modified}</meta>
<meta property="schema:accessMode">textual</meta>
<meta property="schema:accessMode">visual</meta>
<meta property="schema:accessModeSufficient">textual</meta>
<meta property="schema:accessibilityFeature">MathML</meta>
<meta property="schema:accessibilityFeature">alternativeText</meta>
<meta property="schema:accessibilityFeature">tableOfContents</meta>
<meta property="schema:accessibilityHazard">none</meta>
</metadata>
<manifest>
{manifest}
</manifest>
<spine>
{spine}
</spine>
</package>
"""
TYPES = {
    ".css": "text/css",
    ".gif": "image/gif",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".xhtml": "application/xhtml+xml",
}


def read(page):
    """Return a page of the site."""
    return BeautifulSoup((SITE / f"{page}.html").read_text(encoding="utf-8"), "html.parser")


def articles(address):
    """Return all articles by page; a link to a page leads to `address(page, fragment)`."""
    found = {page: read(page).article for page in TOC}
    for page, article in found.items():
        for element in article.select(SCREEN):
            element.decompose()
        for values in article.select(".sliders > [hidden]"):
            del values["hidden"]  # at which the figure stands
        ids = set()
        for element in article.select("[id]"):
            if element["id"] in ids or ids.add(element["id"]):
                del element["id"]
        for link in article.select("a[href]"):
            url = urlsplit(link["href"])
            target = normpath(join(dirname(page), url.path)).removesuffix(".html")
            if not url.netloc and not url.path:
                link["href"] = address(page, url.fragment)
            elif not url.netloc and target in TOC:
                link["href"] = address(target, url.fragment)
            elif not url.netloc:
                link.unwrap()  # only the site has what it leads to
        for image in article.select("img[src]"):
            if not image["src"].startswith("data:"):
                image["src"] = normpath(join(dirname(page), image["src"]))
    return found


def contents(found, address, numbers):
    """Return links to all chapters below their parts, with the page numbers that are known."""

    def link(page):
        title = html.escape(found[page].h1.get_text())
        number = f" <span>{numbers[page]}</span>" if page in numbers else ""
        return f'<a href="{address(page, "")}"><span>{title}</span>{number}</a>'

    def below(page):
        entries = ""
        for tree in TOC[page].subtrees:
            items = "".join(f"<li>{link(item)}{below(item)}</li>" for item in tree.items)
            caption = tree.caption and f"<span>{html.escape(tree.caption)}</span>"
            entries += f"<li>{caption}<ol>{items}</ol></li>" if caption else items
        return f"<ol>{entries}</ol>" if entries else ""

    return f'<nav epub:type="toc">{below(TOC.root.docname)}</nav>'


@contextmanager
def browser_tab():
    """Open a page of a browser."""
    chromium = shutil.which("chromium")
    browser = {"executable_path": chromium} if chromium else {"channel": "chrome"}
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(**browser, args=["--no-sandbox"]).new_page()


def write_sheet(path):
    """Print the page of the site beside which the PDF goes, and let that page offer it."""
    page = path.with_suffix(".html")
    with browser_tab() as tab:
        tab.goto(page.as_uri())
        tab.add_style_tag(content=PAPER)
        tab.evaluate(
            "([here, there]) => document.querySelectorAll('article a').forEach("
            "link => link.href = link.href.replace(here, there))",
            [f"{SITE.as_uri()}/", CONFIG["html"]["baseurl"]],
        )
        tab.evaluate("document.fonts.ready")
        path.write_bytes(tab.pdf(prefer_css_page_size=True, print_background=True, tagged=True))
    offer = f' <a href="{path.name}">Or take the PDF.</a>'
    source = page.read_text(encoding="utf-8")
    if offer not in source:
        offering = re.sub(r'(?s)(class="print-hint.*?)(?=</p>)', rf"\1{offer}", source, count=1)
        page.with_suffix(".tmp").write_text(offering, encoding="utf-8")
        page.with_suffix(".tmp").replace(page)  # nobody reads half a page


def write_pdf(path):
    """Print all articles as one page, in which each id begins with the name of its own page."""

    def address(page, fragment):
        return f"#{page}:{fragment}"

    found, root = articles(address), TOC.root.docname
    for page, article in found.items():
        article["id"] = ""
        for element in [article, *article.select("[id]")]:
            element["id"] = f"{page}:{element['id']}"
    book = read(root)
    for element in book.select("script, link:not([rel=stylesheet])"):
        element.decompose()
    book.html["data-theme"] = "light"
    book.title.string = CONFIG["title"]
    book.head.append(book.new_tag("style", string=PAPER))
    frame = book.article.parent
    frame.clear()
    frame.extend(found.values())
    front = book.new_tag("div", attrs={"class": "front"})
    found[root].h1.insert_after(front)

    numbers = {}
    with browser_tab() as tab:
        tab.goto((SITE / f"{root}.html").as_uri())  # its styles and pictures are there
        for _ in range(2):  # the second time with page numbers
            front.clear()
            front.append(BeautifulSoup(contents(found, address, numbers) + IMPRINT, "html.parser"))
            tab.set_content(str(book))
            tab.evaluate("document.fonts.ready")
            data = tab.pdf(format="A4", print_background=True, tagged=True, outline=True)
            titles = [entry for entry in PdfDocument(data).get_toc() if entry.level == 0]
            places = [title.get_dest().get_index() + 1 for title in titles]
            numbers = dict(zip(found, places, strict=True))
    path.write_bytes(data)


def write_epub(path):
    """Pack the articles as XHTML, with their pictures, the mathematics font and a small style."""

    def file(page):
        return f"{page.replace('/', '-')}.xhtml"

    def address(page, fragment):
        return f"{file(page)}#{fragment}" if fragment else file(page)

    found = articles(address)
    style = HtmlFormatter(style="a11y-high-contrast-light", nobackground=True)
    files = {
        "style.css": "\n".join(
            [
                (ROOT / "assets" / "book.css").read_text(encoding="utf-8"),
                (ROOT / "_ext" / "epub.css").read_text(encoding="utf-8"),
                style.get_style_defs(".highlight"),
            ]
        ),
        "STIXTwoMath.woff2": (SITE / "_static" / "STIXTwoMath.woff2").read_bytes(),
    }
    for page, article in found.items():
        for solution in article.select("div.dropdown"):
            solution.name, solution.p.name = "details", "summary"
        for title in article.select("summary p, dt dl, dt dd"):
            title.name = "span"
        for block in article.select("p > ol, p > ul"):
            block.parent.name = "div"
        for fraction in article.select("mfrac[displaystyle]"):
            size = {"displaystyle": fraction.attrs.pop("displaystyle")}
            fraction.wrap(BeautifulSoup().new_tag("mstyle", attrs=size))
        for formula in article.select("math"):
            formula["xmlns"] = "http://www.w3.org/1998/Math/MathML"
        for image in article.select("img[src]"):
            if not image["src"].startswith("data:"):
                files[image["src"]] = (SITE / image["src"]).read_bytes()
        files[file(page)] = PAGE.format(title=html.escape(article.h1.get_text()), body=article)
    nav = f"<h1>Contents</h1>{contents(found, address, {})}"
    files["nav.xhtml"] = PAGE.format(title="Contents", body=nav)
    first, *others = map(file, found)
    manifest = []
    for name, data in files.items():
        holds = "nav" if name == "nav.xhtml" else "mathml" if "<math" in str(data) else None
        holds = f' properties="{holds}"' if holds else ""
        kind = TYPES[Path(name).suffix]
        manifest.append(f'<item id="i{len(manifest)}" href="{name}" media-type="{kind}"{holds}/>')
    ids = {name: f"i{number}" for number, name in enumerate(files)}
    files["book.opf"] = PACKAGE.format(
        id=CONFIG["repository"]["url"],
        title=html.escape(CONFIG["title"]),
        author=html.escape(CONFIG["author"]),
        modified=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        manifest="\n".join(manifest),
        spine="\n".join(
            f'<itemref idref="{ids[name]}"/>' for name in (first, "nav.xhtml", *others)
        ),
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        book.writestr("META-INF/container.xml", CONTAINER)
        for name, data in files.items():
            book.writestr(f"book/{name}", data)


if __name__ == "__main__":
    path = Path(sys.argv[1]).resolve()
    book = {".pdf": write_pdf, ".epub": write_epub}[path.suffix]
    (write_sheet if path.is_relative_to(SITE) else book)(path)
