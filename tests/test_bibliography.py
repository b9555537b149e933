"""The bibliography: each source has an address, is cited, and says where; none is missing."""

import html
import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from lint import pages
from pybtex.database import BibliographyData, parse_file, parse_string
from test_site import NOTEBOOKS

ROOT = Path(__file__).parent.parent
SOURCES = parse_file(ROOT / "references.bib", encoding="utf-8")
CHAPTERS = [page for page in NOTEBOOKS if Path(page).parent.name == "chapters"]
WANTED = """
    mcculloch1943 rosenblatt1958 novikoff1962 minsky1969 rumelhart1986 cybenko1989 glorot2010
    duchi2011 zeiler2012 tieleman2012 srivastava2014 kingma2015 he2015 ioffe2015 clevert2016
    ramachandran2017 santurkar2018 barron2019 loshchilov2019
""".split()


def citations(text: str) -> set[str]:
    """The keys that a page cites."""
    found = re.findall(r"\{(?:foot)?cite(?::\w+)?\}`([^`]*)`", text)
    return {key.strip() for keys in found for key in keys.split(",")}


CITED = {
    page: citations(path.read_text(encoding="utf-8"))
    for page in pages(ROOT)
    for path in (ROOT / f"{page}.ipynb", ROOT / f"{page}.md")
    if path.exists()
}


def problems(sources: BibliographyData, cited: set[str]) -> list[str]:
    """What is wrong with the entries, or with what the book cites."""
    found = [f"{key} is cited, wanted it in references.bib" for key in cited - {*sources.entries}]
    for key, entry in sources.entries.items():
        fields, year = entry.fields, entry.fields.get("year", "")
        if key not in cited:
            found.append(f"{key} is not cited, wanted it to be")
        if not entry.persons.get("author") or not fields.get("title"):
            found.append(f"{key} lacks author or title")
        elif not re.fullmatch(r"[a-z]+" + year + "[a-z]?", key):
            found.append(f"{key} of {year}, wanted a name and the year as key")
        if not re.fullmatch(r"10\.\d{4,}/\S+", fields.get("doi", "")) and not fields.get(
            "url", ""
        ).startswith("https://"):
            found.append(f"{key} has no address, wanted a doi or a url with https")
    if list(sources.entries) != sorted(sources.entries):
        found.append("the entries are not in the order of their keys")
    return found


def test_every_source_has_an_address_and_is_cited():
    assert problems(SOURCES, set().union(*CITED.values())) == []


def test_primary_sources_are_cited_in_a_chapter():
    assert set(WANTED) <= set().union(*(CITED[page] for page in CHAPTERS))


GOOD = "@misc{ada1843, author={Ada}, title={Notes}, year=1843, doi={10.1000/1}}"


@pytest.mark.parametrize(
    ("source", "cited", "problem"),
    [
        (GOOD, {"ada1843"}, None),
        (GOOD, {"ada1843", "ada1844"}, "ada1844 is cited, wanted it in references.bib"),
        (GOOD, set(), "ada1843 is not cited, wanted it to be"),
        (GOOD.replace("doi=", "note="), {"ada1843"}, "ada1843 has no address, wanted a doi or"),
        (GOOD.replace("10.1000/1", "10.1"), {"ada1843"}, "ada1843 has no address, wanted a doi or"),
        (GOOD.replace("year=1843", "year=1842"), {"ada1843"}, "ada1843 of 1842, wanted a name"),
        (GOOD.replace("author=", "note="), {"ada1843"}, "ada1843 lacks author or title"),
        (GOOD + GOOD.replace("ada", "aaa"), {"ada1843", "aaa1843"}, "the entries are not in the"),
    ],
)
def test_planted_fault_is_found(source: str, cited: set[str], problem: str | None):
    found = problems(parse_string(source, "bibtex"), cited)
    assert len(found) == (problem is not None)
    assert all(line.startswith(problem) for line in found)


def test_all_ways_to_cite_are_seen():
    text = "{footcite:p}`a1, b2` and {cite}`c3`, {footcite:t}`d4`, {ref}`e5`"
    assert citations(text) == {"a1", "b2", "c3", "d4"}


def test_page_lists_all_with_their_addresses_and_the_chapters_that_cite_them(site: Path):
    source = (site / "chapters/reference/bibliography.html").read_text(encoding="utf-8")
    article = BeautifulSoup(source, "html.parser").article
    entries = article.select("section > ul > li")
    listed = {}
    for entry in entries:
        address, *chapters = [link["href"] for link in entry.select("a")]
        listed[address] = [Path(chapter).stem for chapter in chapters if chapter.startswith("..")]
    wanted = {}
    for key, entry in SOURCES.entries.items():
        doi, url = entry.fields.get("doi"), entry.fields.get("url")
        address = html.unescape(url or f"https://doi.org/{doi}")
        wanted[address] = [Path(page).stem for page in CHAPTERS if key in CITED[page]]
    assert len(entries) == len(SOURCES.entries) and listed == wanted
