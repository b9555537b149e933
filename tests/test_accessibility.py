"""Everyone can use the site: narrow, dark, from the keyboard alone, heard, and without motion."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from test_browser import CHAPTER, PAGES

# Colors take long to judge: mark one text or link of each look that no page has had before.
COLORS = ["color-contrast", "link-in-text-block"]
JUDGED = set()
LOOKS = """judged => {
    document.querySelectorAll("[data-look]").forEach(text => delete text.dataset.look);
    const looks = new Map(), seen = {visibilityProperty: true, opacityProperty: true};
    for (const text of document.body.querySelectorAll("*")) {
        if (![...text.childNodes].some(node => node.nodeType == 3 && node.data.trim())) continue;
        if (!text.checkVisibility(seen) || text.getBoundingClientRect().width < 2) continue;
        const {color, fontSize, fontWeight} = getComputedStyle(text);
        let ground = text, paint;
        do paint = getComputedStyle(ground).backgroundColor;
        while (paint == "rgba(0, 0, 0, 0)" && (ground = ground.parentElement));
        const link = text.closest("a"), block = link?.closest("p, li, td, dd, div");
        const inside = link && block.textContent.trim() != link.textContent.trim();
        const around = inside ? getComputedStyle(link.parentElement).color : "";
        const line = getComputedStyle(link ?? text).textDecorationLine;
        const look = [color, fontSize, fontWeight, line, paint, around].join();
        if (!looks.has(look)) looks.set(look, link ?? text);
    }
    judged.forEach(look => looks.delete(look));
    looks.forEach((text, look) => text.dataset.look = look);
    return [...looks.keys()];
}"""

SCROLLS = """[...document.querySelectorAll("pre")].every(
    pre => pre.scrollWidth <= pre.clientWidth || pre.tabIndex == 0
)"""


def violations(tab, **options) -> list[str]:
    """What the rules of axe-core find wrong with a page, or with the texts marked in it."""
    context = {"include": [["[data-look]"]]} if options.get("runOnly") == COLORS else None
    options["resultTypes"] = ["violations"]
    return [
        f"{rule['id']}: {node['html']} {node['failureSummary']}"
        for rule in Axe().run(tab, context=context, options=options).response["violations"]
        for node in rule["nodes"]
    ]


def faults(tab) -> list[str]:
    """What all rules find wrong with a page, in light and in dark."""
    found = violations(tab, rules={rule: {"enabled": False} for rule in COLORS})
    for scheme in ("light", "dark"):
        tab.emulate_media(color_scheme=scheme)
        tab.wait_for_function(f"document.documentElement.dataset.theme == '{scheme}'")
        if looks := tab.evaluate(LOOKS, list(JUDGED)):
            found += violations(tab, runOnly=COLORS)
        JUDGED.update(looks)
    return found


@pytest.mark.parametrize("page", PAGES)
def test_page_is_complete_and_accessible(visit, page):
    tab = visit(page)
    for pixels in (1280, 390, 320):  # 320 is what a screen of 1280 pixels holds at 400 %
        tab.set_viewport_size({"width": pixels, "height": 900})
        assert tab.evaluate("document.documentElement.scrollWidth") <= pixels
        assert tab.locator("main h1:visible").count() == 1
        tab.wait_for_function(SCROLLS)  # the theme waits a little before it looks
        if pixels > 320:
            assert faults(tab) == []
    assert violations(tab, runOnly=["scrollable-region-focusable"]) == []


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


def test_who_wants_no_motion_gets_none(visit):
    moving = """[...document.querySelectorAll("*")].filter(e => {
        const style = getComputedStyle(e);
        return style.animationName != "none" || parseFloat(style.transitionDuration) > 0;
    }).map(e => e.outerHTML.slice(0, 80))"""
    tab = visit(CHAPTER)
    assert tab.evaluate(moving) == []
    assert tab.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"
