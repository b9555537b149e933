"""The glossary: every bold term leads to it, and its meaning is seen where the term stands."""

import html
import json
import re
from pathlib import Path

import pytest
from test_accessibility import violations
from test_site import NOTEBOOKS, PAGES, built, small_book

GLOSSARY = "chapters/reference/glossary"
CHAPTERS = [page for page in NOTEBOOKS if Path(page).parent.name == "chapters"]
BOLD = re.compile(r"(?:<a ([^>]*)>)?<strong>(.*?)</strong>", re.DOTALL)
USE = re.compile(r'<a [^>]*class="term use [^>]*href="[^"#]*#([^"]*)">(.*?)</a>', re.DOTALL)
LINK = re.compile(r'data-bs-toggle="tooltip".* href="[^"#]*#([^"]*)" title="([^"]*)"')


@pytest.fixture(scope="module")
def entries(site: Path) -> dict[str, tuple[str, str]]:
    """Term and definition of each anchor of the glossary."""
    page = (site / f"{GLOSSARY}.html").read_text(encoding="utf-8")
    found = re.findall(r'<dt id="(term-[^"]*)">(.*?)<a(?=.*?(<dd>.*?</dd>))', page, re.DOTALL)
    return {anchor: (html.unescape(term), definition) for anchor, term, definition in found}


@pytest.fixture(scope="module")
def bold(site: Path) -> list[tuple[str, str, str]]:
    """Page, attributes of the link if there is one, and words of everything bold in a notebook."""
    pages = {page: (site / f"{page}.html").read_text(encoding="utf-8") for page in NOTEBOOKS}
    return [
        (page, link, html.unescape(" ".join(words.split())))
        for page, source in pages.items()
        for link, words in BOLD.findall(source)
    ]


def test_terms_stand_in_alphabetical_order(entries):
    first = {definition: term for term, definition in reversed(entries.values())}  # of synonyms
    terms = [term for term, _ in entries.values() if term in first.values()]
    assert len(terms) > 40 and terms == sorted(terms, key=str.lower)


def test_every_bold_term_leads_to_its_meaning(entries, bold):
    known = {term.lower(): anchor for anchor, (term, _) in entries.items()}
    linked = set()
    for page, attributes, words in bold:
        term = words.lower() if words.lower() in known else words.lower().removesuffix("s")
        # What is bold and begins with a small letter is a term; a name, lead or answer does not.
        if term in known or words[0].islower():
            assert term in known, f"{page}: {words}, wanted it in the glossary"
            link = LINK.search(attributes)
            assert link, f"{page}: {words}, wanted a link"
            anchor, meaning = link.groups()
            _, definition = entries[anchor]
            assert anchor == known[term]
            assert meaning in " ".join(re.sub("<[^>]*>", "", definition).split())
            linked.add((page, anchor))
    for anchor, (term, definition) in entries.items():
        home = re.findall(r'href="\.\./(.*?)\.html', definition)
        assert [(f"chapters/{page}", anchor) in linked for page in home] == [True], term


def test_plural_is_a_term_too(bold):
    assert any(words == "arrays" and "#term-array" in link for _, link, words in bold)


def test_nothing_else_is_a_term(site: Path):
    for page in PAGES:
        source = (site / f"{page}.html").read_text(encoding="utf-8")
        assert page in NOTEBOOKS or 'class="term ' not in source


def test_chapters_link_the_first_use_of_terms_that_others_explain(site: Path, entries, bold):
    explained = {(page, LINK.search(link)[1]) for page, link, _ in bold if LINK.search(link)}
    uses = {
        page: USE.findall((site / f"{page}.html").read_text(encoding="utf-8")) for page in CHAPTERS
    }
    for page, links in uses.items():
        anchors = [anchor for anchor, _ in links]
        assert len(anchors) == len(set(anchors)), page
        assert explained.isdisjoint((page, anchor) for anchor in anchors)
        for anchor, words in links:
            word, term = " ".join(html.unescape(words).lower().split()), entries[anchor][0].lower()
            assert word in (term, f"{term}s"), f"{page}: {words}"
    assert min(map(len, uses.values())) > 0 and sum(map(len, uses.values())) > 200


SMALL_GLOSSARY = """# Words

```{glossary}
loss
  How wrong.

cross-entropy loss
  How surprised.

unit
  A part.

vanishing gradient
  Ever less.
```
"""
USES = """# A chapter with a loss

The loss in the opening stays as it is.

## The unit in a title

At a loss? In another unit? See `unit`, $unit$, subunit, [the unit](https://example.org), loss-free.

:::{table} Units of loss
| unit | loss |
| ---- | ---- |
| one  | two  |
:::

Units, and then a unit. The *loss*, and another loss. **Cross-entropy losses** stay strong. A
vanishing
gradient.
"""


def test_first_use_is_found_in_prose_alone(tmp_path: Path):
    chapter = {
        "chapters/chapter": USES,
        "chapters/strong": USES + "\nThis **unit** is explained.\n",
    }
    small_book(tmp_path, page="# Book\n\n## Unit\n\nA unit.\n", words=SMALL_GLOSSARY, **chapter)
    build = built(tmp_path)
    assert build.returncode == 0, build.stderr
    uses = {
        name: USE.findall((tmp_path / f"_build/html/{name}.html").read_text(encoding="utf-8"))
        for name in ("page", "words", *chapter)
    }
    assert uses == {
        "page": [],
        "words": [],
        "chapters/chapter": [
            ("term-unit", "Units"),
            ("term-loss", "loss"),
            ("term-vanishing-gradient", "vanishing\ngradient"),
        ],
        "chapters/strong": [
            ("term-loss", "loss"),
            ("term-vanishing-gradient", "vanishing\ngradient"),
        ],
    }


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_meaning_shows_on_hover_and_focus(browser, addresses, scheme):
    tab = browser.new_page(color_scheme=scheme, reduced_motion="reduce")
    tab.goto(f"{addresses['http']}chapters/forward-pass.html")
    term = tab.locator("a.term", has_text="batch").first
    meaning = term.get_attribute("data-bs-original-title")
    hint = tab.get_by_role("tooltip")

    term.hover()
    hint.wait_for()
    assert meaning.startswith("Several examples") and hint.inner_text() == meaning
    hint.hover()  # whoever points at it may go on reading
    tab.wait_for_timeout(300)
    assert hint.is_visible()
    tab.mouse.move(0, 0)
    hint.wait_for(state="detached")

    term.focus()
    hint.wait_for()
    assert term.get_attribute("aria-describedby") == hint.get_attribute("id")
    assert violations(tab) == []
    tab.keyboard.press("Escape")
    hint.wait_for(state="detached")
    assert term.evaluate("term => term == document.activeElement")
    tab.close()


@pytest.mark.parametrize("place", ["http", "file"])
def test_meaning_of_a_term_of_another_chapter_comes_when_asked_for(visit, place):
    tab = visit("chapters/forward-pass", place)
    term = tab.locator("a.use").first
    assert not any("meanings" in load.url for load in tab.loads)
    for ask in (term.hover, term.focus):
        ask()
        hint = tab.get_by_role("tooltip")
        hint.wait_for()
        page, _, anchor = term.get_attribute("href").partition("#")
        assert page.endswith("glossary.html")
        assert hint.inner_text() == tab.evaluate(f"meanings['{anchor}']")
        tab.mouse.move(0, 0)
        tab.keyboard.press("Escape")
        hint.wait_for(state="detached")
    assert tab.locator("#meanings").count() == 1


def test_meanings_are_those_of_the_glossary(site: Path, entries):
    told = (site / f"{GLOSSARY}.html").with_name("meanings.js").read_text(encoding="utf-8")
    meanings = json.loads(re.match(r"const meanings = (.*);$", told, re.MULTILINE)[1])
    assert meanings.keys() == entries.keys()
    for anchor, (_, definition) in entries.items():
        said = " ".join(html.unescape(re.sub("<[^>]*>", "", definition)).split())
        assert said.startswith(meanings[anchor][:20])


def test_meaning_is_in_the_title_without_scripts(browser, addresses):
    tab = browser.new_page(java_script_enabled=False)
    tab.goto(f"{addresses['http']}chapters/forward-pass.html")
    assert all(term.get_attribute("title") for term in tab.locator("a.term:not(.use)").all())
    tab.close()
