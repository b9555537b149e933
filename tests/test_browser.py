"""The site in a browser: light, complete, and alive, with a server and without."""

import gzip
from pathlib import Path

import pytest
from sphinx_external_toc.parsing import parse_toc_yaml

ROOT = Path(__file__).parent.parent
PAGES = [*parse_toc_yaml(ROOT / "_toc.yml"), "search", "genindex", "404"]
CHAPTER = "chapters/forward-pass"
PACKED = (".png", ".woff2")  # what a server sends as it is


@pytest.mark.parametrize("page", PAGES)
def test_page_is_light(visit, page, record_property):
    tab = visit(page)
    loads = [load for load in tab.loads if not load.url.startswith("data:")]
    bodies = [(load.url, load.body()) for load in loads]
    weight = sum(len(b if url.endswith(PACKED) else gzip.compress(b)) for url, b in bodies) / 1000
    figures = sum("/_images/" in url for url, _ in bodies)
    shift = tab.evaluate("window.shift")
    # The search brings an index of the whole book.
    budget = 200 if tab.locator(".sliders").count() or page == "search" else 120
    record_property(
        "weight of the pages",
        f"{page}: {weight:.0f} of {budget} KB, {len(loads) - figures} of 20 requests"
        f" and {figures} figures, layout shift {shift:.3f} of 0.05",
    )
    assert weight <= budget and len(loads) - figures <= 20 and shift <= 0.05


def test_wrong_address_leads_back(browser, addresses):
    tab = browser.new_page()
    tab.goto(f"{addresses['http']}chapters/no/such.html")
    assert tab.locator("h1:visible").inner_text() == "This page does not exist"
    tab.locator("article a", has_text="first page").click()
    tab.wait_for_url("**/index.html")
    assert "Deep Learning" in tab.title()
    tab.close()


@pytest.mark.parametrize("page", PAGES[:-1])  # the page for wrong addresses needs a server
def test_page_is_whole_without_a_server(visit, page):
    visit(page, place="file")


@pytest.mark.parametrize(
    ("words", "page"),
    [("chain rule", "backprop-by-hand"), ("SigmoidCrossEntropy", "networks"), ("batch", CHAPTER)],
)
def test_search_finds_terms_and_names(visit, words, page):
    tab = visit("index")
    tab.keyboard.press("Control+k")
    tab.keyboard.type(words)
    tab.keyboard.press("Enter")
    tab.wait_for_selector("#search-results li a")
    form = tab.locator("main form.bd-search")
    icon, field = (form.locator(part).bounding_box() for part in ("i", "input"))
    assert icon["x"] + icon["width"] <= field["x"]
    assert page in " ".join(
        link.get_attribute("href") for link in tab.locator("#search-results li a").all()
    )


def test_code_can_be_copied(visit):
    tab = visit(CHAPTER)
    tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    cell = tab.locator("div.cell_input").nth(1)
    cell.locator("button.copybtn").focus()
    tab.keyboard.press("Enter")
    tab.wait_for_function("navigator.clipboard.readText().then(text => text.length > 0)")
    assert (
        tab.evaluate("navigator.clipboard.readText()") == cell.locator("pre").inner_text().strip()
    )


@pytest.mark.parametrize("page", ["chapters/reference/api/networks", "chapters/teaching/grading"])
def test_no_code_is_hyphenated(visit, page):
    tab = visit(page)
    code = tab.locator(".bd-article :is(code, code *, .sig, .sig *)")
    found = code.evaluate_all("all => all.map(one => getComputedStyle(one).hyphens)")
    assert len(found) > 30 and set(found) == {"none"}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colors_do_not_wait_for_the_scripts_of_the_theme(visit, theme):
    tab = visit(CHAPTER, color_scheme=theme, without="**/pydata-sphinx-theme.js*")
    assert tab.locator("html").get_attribute("data-theme") == theme
    tab.evaluate("localStorage.setItem('mode', 'dark')")
    tab.reload()
    assert tab.locator("html").get_attribute("data-theme") == "dark"


def test_figures_are_seen_and_solutions_open_without_scripts(visit):
    tab = visit(CHAPTER, java_script_enabled=False)
    assert tab.locator("html").get_attribute("data-theme") == "light"
    assert tab.locator(".sliders img:visible").count() == tab.locator(".sliders").count() > 0
    assert tab.locator(".sliders input:visible").count() == 0
    assert tab.locator(".solution section").first.is_visible()
