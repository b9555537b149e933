"""The site in a browser: light, accessible, complete, and alive from the keyboard alone."""

import gzip
from itertools import product
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from sphinx_external_toc.parsing import parse_toc_yaml

ROOT = Path(__file__).parent.parent
PAGES = [*parse_toc_yaml(ROOT / "_toc.yml"), "search", "genindex", "404"]
CHAPTER = "chapters/forward-pass"
PACKED = (".png", ".woff2")  # what a server sends as it is
SHIFT = """
    window.shift = 0;
    new PerformanceObserver(list => list.getEntries().forEach(move => {
        window.shift += move.hadRecentInput ? 0 : move.value;
    })).observe({type: "layout-shift", buffered: true});
"""
# The contrast of a text takes long to judge: mark one text of each color, size and ground.
LOOKS = """
    const seen = new Set();
    for (const text of document.body.querySelectorAll("*")) {
        if (![...text.childNodes].some(node => node.nodeType == 3 && node.data.trim())) continue;
        const {color, fontSize, fontWeight} = getComputedStyle(text);
        let ground = text, paint;
        do paint = getComputedStyle(ground).backgroundColor;
        while (paint == "rgba(0, 0, 0, 0)" && (ground = ground.parentElement));
        const look = [color, fontSize, fontWeight, paint, text.checkVisibility()].join();
        if (!seen.has(look)) text.dataset.look = look;
        seen.add(look);
    }
"""


@pytest.fixture
def visit(browser, addresses):
    """Function that opens a page; what was wrong with it is an error at the end of the test."""
    contexts, faults = [], []

    def opened(page, place="http", width=1280, **options):
        options = {"color_scheme": "light", "reduced_motion": "reduce"} | options
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        tab = context.new_page()
        tab.add_init_script(SHIFT)
        tab.loads = []
        tab.on("response", lambda load: tab.loads.append(load))
        tab.on("request", lambda request: faults.extend(outside(request.url, addresses[place])))
        tab.on("requestfailed", lambda request: faults.append(f"failed: {request.url}"))
        tab.on("pageerror", lambda error: faults.append(str(error)))
        tab.on("console", lambda told: faults.append(told.text) if told.type != "log" else None)
        tab.goto(f"{addresses[place]}{page}.html")
        tab.evaluate("document.fonts.ready")
        return tab

    yield opened
    for context in contexts:
        context.close()
    assert faults == []


def outside(url: str, site: str) -> list[str]:
    """Say so if an address is not the site's."""
    return [] if url.startswith((site, "data:")) else [f"outside the site: {url}"]


def violations(tab) -> list[str]:
    """What the rules of axe-core find wrong with a page."""
    tab.evaluate(LOOKS)
    others = {"rules": {"color-contrast": {"enabled": False}}, "resultTypes": ["violations"]}
    colors = {"runOnly": ["color-contrast"], "resultTypes": ["violations"]}
    return [
        f"{rule['id']}: {node['html']} {node['failureSummary']}"
        for context, options in ((None, others), ({"include": [["[data-look]"]]}, colors))
        for rule in Axe().run(tab, context=context, options=options).response["violations"]
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize(("scheme", "width"), [*product(["light", "dark"], [1280, 390])])
@pytest.mark.parametrize("page", PAGES)
def test_page_is_complete_and_accessible(visit, page, scheme, width):
    tab = visit(page, color_scheme=scheme, width=width)
    for pixels in (320, width):  # 320 is what a screen of 1280 pixels holds at 400 %
        tab.set_viewport_size({"width": pixels, "height": 900})
        assert tab.evaluate("document.documentElement.scrollWidth") <= pixels
        assert tab.locator("main h1:visible").count() == 1
    assert violations(tab) == []


@pytest.mark.parametrize("page", PAGES)
def test_page_is_light(visit, page, record_property):
    tab = visit(page)
    loads = [load for load in tab.loads if not load.url.startswith("data:")]
    bodies = [(load.url, load.body()) for load in loads]
    weight = sum(len(b if url.endswith(PACKED) else gzip.compress(b)) for url, b in bodies) / 1000
    figures = sum("/_images/" in url for url, _ in bodies)
    shift = tab.evaluate("window.shift")
    budget = 200 if tab.locator(".sliders").count() else 120
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


def test_page_can_be_used_with_the_keyboard_alone(visit):
    tab = visit(CHAPTER)
    tab.keyboard.press("Tab")
    assert tab.locator(":focus").inner_text() == "Skip to main content"
    tab.keyboard.press("Enter")
    assert tab.url.endswith("#main-content")

    mode = tab.locator("button.theme-switch-button")
    seen = {tab.locator("html").get_attribute("data-mode")}
    for _ in range(2):
        mode.focus()
        tab.keyboard.press("Enter")
        seen.add(tab.locator("html").get_attribute("data-mode"))
    assert seen == {"auto", "light", "dark"}

    menu = tab.locator(".dropdown-launch-buttons")
    menu.locator("button").focus()
    assert menu.locator("button").evaluate("e => getComputedStyle(e).outlineStyle") != "none"
    tab.keyboard.press("Enter")
    assert menu.locator("a", has_text="Colab").is_visible()
    tab.keyboard.press("Escape")
    assert not menu.locator("a", has_text="Colab").is_visible()

    solution = tab.locator(".solution.dropdown").first
    assert not solution.locator("section").is_visible()
    solution.locator("button, summary").first.focus()
    tab.keyboard.press("Enter")
    assert solution.locator("section").is_visible()

    figure = tab.locator(".sliders").first
    figure.locator("input[type=range]").first.focus()
    before = figure.inner_text(), figure.locator("img:visible").get_attribute("alt")
    tab.keyboard.press("ArrowRight")
    after = figure.inner_text(), figure.locator("img:visible").get_attribute("alt")
    assert before[0] != after[0] and before[1] != after[1]


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


def test_figures_are_seen_and_solutions_open_without_scripts(visit):
    tab = visit(CHAPTER, java_script_enabled=False)
    assert tab.locator(".sliders img:visible").count() == tab.locator(".sliders").count() > 0
    assert tab.locator(".sliders input:visible").count() == 0
    assert tab.locator(".solution section").first.is_visible()


def test_who_wants_no_motion_gets_none(visit):
    moving = """[...document.querySelectorAll("*")].filter(e => {
        const style = getComputedStyle(e);
        return style.animationName != "none" || parseFloat(style.transitionDuration) > 0;
    }).map(e => e.outerHTML.slice(0, 80))"""
    tab = visit(CHAPTER)
    assert tab.evaluate(moving) == []
    assert tab.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"
