"""Chapters and the API page lead to one another: a name where it is first used, and back."""

import ast
import re
from pathlib import Path

import lint
import pytest
from bs4 import BeautifulSoup, Tag
from test_site import NOTEBOOKS

ROOT = Path(__file__).parent.parent
BOOK = lint.notebooks(ROOT)
CHAPTERS = [page for page in NOTEBOOKS if Path(page).parent.name == "chapters"]
API = [page for page in lint.pages(ROOT) if Path(page).parent.name == "api"]


def names(page: str) -> set[str]:
    """Ids, on the API page, of what a chapter imports or takes from a module: one per name."""
    found = set()
    for _, cell in lint.code_cells(BOOK[f"{page}.ipynb"]):
        for node in lint.nodes(cell.source):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("dlutils"):
                found |= {f".{alias.name}" for alias in node.names}
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                if node.value.id in ("plotting", "worked"):
                    found.add(f".{node.value.id}.{node.attr}")
    return found


@pytest.fixture(scope="module")
def articles(site: Path) -> dict[str, Tag]:
    sources = {page: (site / f"{page}.html").read_text("utf-8") for page in [*CHAPTERS, *API]}
    return {page: BeautifulSoup(source, "html.parser").article for page, source in sources.items()}


@pytest.fixture(scope="module")
def entries(articles) -> dict[str, tuple[str, Tag]]:
    """Page and description of each class and function, by id: dlutils.module.name."""
    return {
        title["id"]: (page, title.find_next_sibling("dd"))
        for page in API
        for title in articles[page].select("dt[id]")
        if re.fullmatch(r"dlutils\.\w+\.\w+", title["id"])
    }


@pytest.mark.parametrize("page", CHAPTERS)
def test_each_name_is_linked_where_the_code_first_has_it(articles, entries, page):
    wanted = {id for id in entries for name in names(page) if id.endswith(name)}
    linked = [link["href"] for link in articles[page].select("pre a.api")]
    assert sorted(link.partition("#")[2] for link in linked) == sorted(wanted)
    first = {}
    for span in articles[page].select("pre span.n"):
        first.setdefault(span.get_text(), span)
    for link in articles[page].select("pre a.api"):
        place, _, anchor = link["href"].partition("#")
        module, name = anchor.split(".")[1:]
        assert place == f"{entries[anchor][0].removeprefix('chapters/')}.html"
        assert name == link.get_text()
        assert first[name] is link.span or link.find_previous("span", class_="n").text == module


@pytest.mark.parametrize("page", CHAPTERS)
def test_name_in_the_text_is_linked_once(articles, entries, page):
    links = articles[page].select("p a.api")
    assert len({link["href"] for link in links}) == len(links)
    for link in links:
        anchor, said = link["href"].partition("#")[2], link.code.get_text()
        assert anchor in entries
        assert anchor.endswith("." + re.sub(r"\(.*|dlutils\.", "", said))


def test_some_names_in_the_text_are_linked(articles):
    linked = {link.get_text() for page in CHAPTERS for link in articles[page].select("p a.api")}
    assert {"fit", "check_gradient"} <= linked


def test_each_entry_names_the_chapters_that_use_it(articles, entries):
    uses = {page: names(page) for page in CHAPTERS}
    counted = 0
    for anchor, (_, entry) in entries.items():
        line = entry.find("p", class_="used-in", recursive=False)
        said = [Path(link["href"]).stem for link in line.select("a")] if line else []
        wanted = [
            Path(page).stem
            for page in CHAPTERS
            if any(anchor.endswith(name) for name in uses[page])
        ]
        if not anchor.startswith(("dlutils.plotting.", "dlutils.worked.")):
            counted += len(wanted)
        assert said == wanted, anchor
        assert not line or not line.find_previous_siblings("dl", class_="py")
    assert counted > 50
