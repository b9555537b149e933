"""The PDF and the EPUB: all of the site is in them, as text, and nothing in them leads nowhere."""

import ctypes
import re
import subprocess
import unicodedata
import zipfile
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest
import yaml
from bs4 import BeautifulSoup
from pypdfium2 import PdfDocument, PdfPage
from pypdfium2.raw import FPDF_LINK, FPDFLink_Enumerate, FPDFLink_GetAction, FPDFLink_GetDest
from sphinx_external_toc.parsing import parse_toc_yaml

ROOT = Path(__file__).parent.parent
PAGES = [*parse_toc_yaml(ROOT / "_toc.yml")]
SHEET = "chapters/reference/cheat-sheet"
MILLIMETER = 72 / 25.4
FONTS = (b"STIXGeneral", b"STIXTwoMath", b"DejaVuSansMono", b"FontAwesome")
XHTML = "{http://www.w3.org/1999/xhtml}"


def made(kind: str) -> Path:
    make = subprocess.run(["make", kind], cwd=ROOT, capture_output=True, text=True)
    assert make.returncode == 0, make.stdout + make.stderr
    (path,) = (ROOT / "_build").glob(f"*.{kind}")
    return path


@pytest.fixture(scope="module")
def data(site: Path, chromium: str) -> bytes:
    return made("pdf").read_bytes()


@pytest.fixture(scope="module")
def pdf(data: bytes):
    with PdfDocument(data) as document:
        yield document


@pytest.fixture(scope="module")
def texts(pdf: PdfDocument) -> list[str]:
    """What the pages of the PDF say."""
    return [said(page) for page in pdf]


@pytest.fixture(scope="module")
def epub(site: Path):
    with zipfile.ZipFile(made("epub")) as book:
        yield {name: book.read(name) for name in book.namelist()}


@pytest.fixture(scope="module")
def articles(site: Path) -> dict[str, BeautifulSoup]:
    sources = {page: (site / f"{page}.html").read_text(encoding="utf-8") for page in PAGES}
    return {page: BeautifulSoup(source, "html.parser").article for page, source in sources.items()}


def squeezed(text: str) -> str:
    """A text without spaces and ligatures: lines break elsewhere in print."""
    return "".join(unicodedata.normalize("NFKC", text).split())


def said(page: PdfPage) -> str:
    return squeezed(page.get_textpage().get_text_range())


def heading(article: BeautifulSoup) -> str:
    return article.h1.get_text().removesuffix("#")


def test_outline_and_contents_name_every_page_of_the_site(pdf, texts, articles):
    chapters = [entry for entry in pdf.get_toc() if entry.level == 0]
    titles = [squeezed(heading(article)) for article in articles.values()]
    assert [squeezed(chapter.get_title()) for chapter in chapters] == titles
    front = "".join(texts[: chapters[1].get_dest().get_index()])
    for title, chapter in zip(titles[1:], chapters[1:], strict=True):
        number = chapter.get_dest().get_index()
        assert title in texts[number]
        assert f"{title}{number + 1}" in front


def test_pdf_says_what_the_site_says_and_unfolds_it(texts, articles):
    book = "".join(texts)
    assert "0.73911503" in book
    unfolded = [page for name, page in articles.items() if name != SHEET]  # which leaves code out
    folded = [box for page in unfolded for box in page.select("details, .dropdown")]
    assert len(folded) > 10
    for box in folded:
        parts = [text for text in box(string=True) if not text.find_parent(["math", "summary"])]
        assert squeezed(max(parts, key=len))[:25] in book or box.parent["class"][1] == "tag_install"


def test_every_character_of_the_pdf_is_drawn_by_fonts_that_come_with_it(data, texts):
    assert "σ(z)=" in "".join(texts)
    fonts = set(re.findall(rb"/BaseFont /[A-Z]{6}\+(\w+)", data))
    assert fonts >= {b"STIXTwoMath"}
    assert {font for font in fonts if not font.startswith(FONTS)} == set()
    assert data.count(b"/Type /FontDescriptor") == len(re.findall(rb"/FontFile[23]? ", data))


def test_every_link_of_the_pdf_leads_somewhere(pdf):
    place, link, links = ctypes.c_int(), FPDF_LINK(), 0
    for page in pdf:
        place.value = 0
        while FPDFLink_Enumerate(page, place, link):
            links += 1
            assert FPDFLink_GetDest(pdf, link) or FPDFLink_GetAction(link), f"page {page}"
    assert links > 100


def test_page_of_the_site_prints_unfolded_and_light_without_menus(browser, addresses):
    tab = browser.new_page(color_scheme="dark")
    tab.goto(f"{addresses['http']}chapters/forward-pass.html")
    tab.wait_for_load_state("networkidle")
    with PdfDocument(tab.pdf(print_background=True)) as printed:
        text = "".join(map(said, printed))
        assert printed[0].render().to_numpy().mean() > 200
    tab.close()
    assert "Onlythesecondcolumnof" in text  # a solution
    assert "PartII·Learning" not in text


@pytest.fixture
def sheets(site: Path, data: bytes, browser, addresses):
    """The cheat sheet's PDF, and what a reader's browser makes of its page."""
    tab = browser.new_page(color_scheme="dark")
    tab.goto(f"{addresses['http']}{SHEET}.html")
    tab.wait_for_load_state("networkidle")
    yield {
        "made": (site / f"{SHEET}.pdf").read_bytes(),
        "printed": tab.pdf(prefer_css_page_size=True),
    }
    tab.close()


def test_cheat_sheet_prints_on_two_sheets_of_a4_and_nothing_is_cut_off(sheets, articles):
    article = articles[SHEET]
    parts = [part for part in article.select("h1, h2, th, td") if not part.find("math")]
    assert len(parts) > 150
    for name, source in sheets.items():
        with PdfDocument(source) as printed:
            assert len(printed) == 2, name
            text = "".join(map(said, printed))
            assert printed[0].render().to_numpy().mean() > 200
            for page in printed:
                width, height = page.get_size()
                assert (width / MILLIMETER, height / MILLIMETER) == pytest.approx((210, 297), abs=1)
                letters = page.get_textpage()
                boxes = [letters.get_charbox(n) for n in range(letters.count_chars())]
                left, bottom, right, top = zip(*boxes, strict=True)
                assert min(*left, *bottom) >= 0 and max(right) <= width and max(top) <= height
                assert max(right) - min(left) > 0.85 * width
        wanted = [squeezed(part.get_text().removesuffix("#")) for part in parts]
        assert [words for words in wanted if words not in text] == []
        for hidden in ("importnumpy", "Ctrl+P", "Showhow", "PartII·Learning"):
            assert hidden not in text


def test_page_of_the_cheat_sheet_offers_its_pdf_once(site: Path, sheets):
    page = BeautifulSoup((site / f"{SHEET}.html").read_text(encoding="utf-8"), "html.parser")
    links = [link["href"] for link in page.select(".print-hint a")]
    assert links == ["cheat-sheet.pdf"]
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    addresses = re.findall(rb"/URI \(([^)]*)\)", sheets["made"])
    assert len(addresses) > 10
    assert all(address.startswith(config["html"]["baseurl"].encode()) for address in addresses)


def test_epub_is_whole(epub, articles):
    package = ElementTree.fromstring(epub["book/book.opf"])
    items = [item.attrib for item in package.iter("{http://www.idpf.org/2007/opf}item")]
    assert {f"book/{item['href']}" for item in items} == {
        name for name in epub if name.startswith("book/") and name != "book/book.opf"
    }
    assert next(iter(epub)) == "mimetype"
    pages = {item["href"]: item for item in items if item["href"].endswith(".xhtml")}
    trees = {name: ElementTree.fromstring(epub[f"book/{name}"]) for name in pages}
    titles = {tree.findtext(f"{XHTML}head/{XHTML}title") for tree in trees.values()}
    assert titles == {"Contents", *map(heading, articles.values())}
    ids = {name: {element.get("id") for element in tree.iter()} for name, tree in trees.items()}
    for name, tree in trees.items():
        tags = {element.tag.rpartition("}") for element in tree.iter()}
        assert ("mathml" in pages[name].get("properties", "")) == any(
            space.endswith("MathML") for space, _, _ in tags
        )
        assert {"script", "input", "button", "svg"}.isdisjoint(tag for _, _, tag in tags)
        for link in tree.iter(f"{XHTML}a"):
            url = urlsplit(link.get("href"))
            if not url.netloc:
                assert url.path in trees, link.attrib
                assert not url.fragment or url.fragment in ids[url.path], link.attrib
        for image in tree.iter(f"{XHTML}img"):
            assert image.get("alt")
            assert image.get("src").startswith("data:") or f"book/{image.get('src')}" in epub
