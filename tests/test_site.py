"""The built site: every page is there and whole, and a broken reference stops the build."""

import html
import re
import shutil
import subprocess
import sys
import unicodedata
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import pytest
import yaml
from fontTools.ttLib import TTFont
from sphinx_external_toc.parsing import parse_toc_yaml

import dlutils

ROOT = Path(__file__).parent.parent
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
PAGES = list(parse_toc_yaml(ROOT / "_toc.yml"))
NOTEBOOKS = [page for page in PAGES if (ROOT / f"{page}.ipynb").exists()]


class Links(HTMLParser):
    """The parts of a page that can be linked to, and its own links."""

    def __init__(self, page: Path):
        super().__init__()
        self.ids, self.links = {""}, []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.ids.add(attributes.get("id") or attributes.get("name", ""))
        if tag != "base":
            self.links += [attributes[name] for name in ("href", "src") if name in attributes]


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


def test_links_inside_the_site_lead_somewhere(site: Path):
    pages = {page: Links(page) for page in site.rglob("*.html") if "_static" not in page.parts}
    assert len(pages) > len(PAGES)  # the search and the index too
    for page, content in pages.items():
        for link in map(urlsplit, content.links):
            if not link.scheme:
                target = (page.parent / unquote(link.path)).resolve() if link.path else page
                assert target.is_file(), f"{page}: {link.geturl()}"
                if target in pages:
                    assert unquote(link.fragment) in pages[target].ids, f"{page}: {link.geturl()}"


@pytest.mark.parametrize("page", PAGES)
def test_every_picture_says_what_is_seen(site: Path, page: str):
    source = (site / f"{page}.html").read_text(encoding="utf-8")
    for alt in re.findall(
        r'<img[^>]*\balt="([^"]*)"', re.search("<article.*</article>", source, re.DOTALL)[0]
    ):
        assert len(alt) > 20 and not re.search(r"\.(svg|png)$", alt)


@pytest.mark.parametrize("page", PAGES)
def test_every_picture_says_how_large_it_is(site: Path, page: str):
    source = (site / f"{page}.html").read_text(encoding="utf-8")
    for tag, name in re.findall(r'(<img[^>]*_images/([^"]+)"[^>]*>)', source):
        svg = (site / "_images" / name).read_text(encoding="utf-8")
        points = re.search(r'width="([\d.]+)pt" height="([\d.]+)pt"', svg).groups()
        said = re.search(r' width="(\d+)" height="(\d+)"', tag).groups()
        assert [int(pixels) * 0.75 for pixels in said] == pytest.approx(
            [*map(float, points)], abs=0.4
        )


def test_pictures_are_short_and_whole(site: Path):
    pictures = list(site.glob("_images/*.svg"))
    assert pictures
    for picture in pictures:
        svg = picture.read_text(encoding="utf-8")
        assert svg.startswith("<svg") and not re.search(r"<!--|<metadata| d=\"[^\"]*\.\d{3}", svg)
        drawn = {el.attrib["id"] for el in ElementTree.fromstring(svg).iter() if "id" in el.attrib}
        assert "axes_1" in drawn and drawn >= set(re.findall(r'href="#([^"]+)"', svg))


def test_links_to_the_site_show_a_card(site: Path):
    page = (site / f"{PAGES[0]}.html").read_text(encoding="utf-8")
    seen = dict(re.findall(r'<meta property="og:([^"]*)" content="([^"]*)"', page))
    assert seen["title"] == seen["site_name"] == CONFIG["title"]
    card = site / seen["image"].removeprefix(CONFIG["html"]["baseurl"])
    width, height = (int.from_bytes(card.read_bytes()[n : n + 4]) for n in (16, 20))
    assert (width, height) == (1200, 630) and len(seen["image:alt"]) > 20


def test_stored_output_reaches_the_reader(site: Path):
    assert "0.73911503" in text(site / "chapters" / "forward-pass.html")


def test_every_public_name_is_on_the_api_page(site: Path):
    pages = " ".join(
        page.read_text(encoding="utf-8") for page in site.glob("chapters/reference/**/*.html")
    )
    ids = re.findall(r'id="dlutils\.\w+\.(\w+)"', pages)
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
    shapes = {
        unicodedata.normalize("NFKC", chr(c))
        for c in drawn
        if "ITALIC" in unicodedata.name(chr(c), "") or chr(c) == "ℎ"
    }
    assert {c for c in used if unicodedata.category(c)[0] != "C"} <= set(map(chr, drawn))
    letters = set(re.findall(r"<mi>([a-zA-Zα-ω])</mi>", html.unescape("".join(formulas))))
    assert letters and letters <= shapes  # alone, a letter is drawn in italics
    over = re.findall(r"<mo[^>]*>([^<]*)</mo></mover>", html.unescape("".join(formulas)))
    assert "‾" in over and not any(unicodedata.combining(mark) for mark in over)
    for page in pages:
        early, late = page.split('<link rel="stylesheet"', 1)
        assert early.count('{rel: "preload", as: "font"') == ("<math" in page)
        assert "preload" not in late


def test_no_line_begins_with_the_mark_after_a_formula(site: Path):
    pages = " ".join((site / f"{page}.html").read_text(encoding="utf-8") for page in PAGES)
    marks = re.findall(r"</math>[.,;:!?)%’]+(</span>)?", pages)
    assert len(marks) > 50 and all(marks)


def test_letters_in_docstrings_are_no_lists_and_folded_parts_have_the_names_seen(site: Path):
    for page in PAGES:
        source = (site / f"{page}.html").read_text(encoding="utf-8")
        assert not re.search(r'<ol class="(upper|lower)', source), page
        assert 'Toggle hidden content">' not in source, page


def small_book(folder: Path, **pages: str):
    """Copy what makes the site into a folder, with pages of one's own."""
    for name in ("_config.yml", "references.bib", "Makefile"):
        shutil.copy(ROOT / name, folder)
    for name in ("assets", "_ext"):
        shutil.copytree(ROOT / name, folder / name)
    (folder / ".venv").symlink_to(sys.prefix)
    root, *others = pages
    toc = {"format": "jb-book", "root": root}
    toc |= {"chapters": [{"file": page} for page in others]} if others else {}
    (folder / "_toc.yml").write_text(yaml.safe_dump(toc), encoding="utf-8")
    for page, text in pages.items():
        (folder / f"{page}.md").parent.mkdir(exist_ok=True)
        (folder / f"{page}.md").write_text(text, encoding="utf-8")


def built(folder: Path) -> subprocess.CompletedProcess:
    """Build with the Makefile's command, which installs nothing here."""
    command = "make -o .venv/installed book PAGES=page.md"
    return subprocess.run(command.split(), cwd=folder, capture_output=True, text=True)


def pages_of(folder: Path) -> dict[str, str]:
    """The source of each page, without the time that tells browsers of a new script."""
    return {page.name: page.read_text("utf-8") for page in (folder / "_build/html").glob("*.html")}


def test_rebuild_after_an_edit_equals_a_build_from_nothing(tmp_path: Path):
    glossary = "# Words\n\n```{glossary}\nbias\n  A number.\n```\n"
    page = "(ch-page)=\n# Page\n\n$$a$$ (eq-a)\n"
    uses = "# Other\n\n{ref}`ch-page`, {eq}`eq-a` and **bias**\n"
    small_book(tmp_path, index="# Book\n", page=page, words=glossary, other=uses)
    assert built(tmp_path).returncode == 0
    other = tmp_path / "_build/html/other.html"

    def rebuilt(name, old, new):
        """Change a page; return whether a page that it does not name was written anew."""
        source, before = tmp_path / f"{name}.md", other.stat().st_mtime_ns
        source.write_text(source.read_text().replace(old, new), encoding="utf-8")
        (tmp_path / "page.md").touch()
        run = built(tmp_path)
        assert run.returncode == 0, run.stderr
        return other.stat().st_mtime_ns > before

    assert not rebuilt("page", "$$a$$", "A sentence.\n\n$$a$$")
    assert rebuilt("page", "# Page", "# Another title")
    assert rebuilt("page", "$$a$$", "$$b$$ (eq-b)\n\n$$a$$")
    assert rebuilt("words", "A number.", "Another meaning.")
    after = pages_of(tmp_path)
    assert "Another title" in after["other.html"] and "Another meaning." in after["other.html"]
    shutil.rmtree(tmp_path / "_build")
    assert built(tmp_path).returncode == 0
    assert pages_of(tmp_path) == after


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{ref}`ch-page` and $\\frac{1}{2}$", ""),
        ("{ref}`ch-nowhere`", "undefined label: 'ch-nowhere'"),
        ("$\\nocommand{1}$", "page.md:4: \\nocommand{1}: "),
    ],
)
def test_broken_reference_or_formula_stops_the_build(tmp_path: Path, body: str, message: str):
    small_book(tmp_path, page=f"(ch-page)=\n# Page\n\n{body}\n")
    for _ in range(2):  # also when nothing has changed since
        build = built(tmp_path)
        assert (build.returncode == 0) == (not message), build.stderr
        assert message in build.stderr
