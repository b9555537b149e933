"""Make the theme's pages light and accessible: what no page uses goes, and each part has a name."""

import os
import re
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import lightningcss
from fonts import cut

from dlutils.widgets import _short

SHEET = "_static/site.css"
# The font of formulas is asked for before they are drawn, so that no line moves, and before the
# styles, for which scripts wait. Where pages are read as files, browsers forbid it.
FONT = "_static/STIXTwoMath.woff2"
EARLY = """<script>
if (location.protocol != "file:")
  document.head.append(Object.assign(document.createElement("link"),
    {rel: "preload", as: "font", crossOrigin: "", href: "%s"}));
</script>
"""
STYLE = re.compile(r'<link[^>]*href="([^"?]*\.css)[^"]*"[^>]*>\n?')
# Thebe needs a server, icons come from a font, nothing has tabs, every class is an object, and the
# viewport is told thrice.
UNUSED = re.compile(
    r'<script[^>]*src="[^"]*(?:thebe|fontawesome|design-tabs)[^"]*"[^>]*></script>\n?'
    r'|<script type="text/x-thebe-config">.*?</script>\n?'
    r"|<script>const THEBE_JS_URL.*?</script>\n?"
    r'|<link rel="preload" as="script"[^>]*>\n?'
    r'|<p>Bases: <code[^>]*><span class="pre">object</span></code></p>\n?'
    r'|<meta name="viewport" content="width=device-width, initial-scale=1" ?/>\n?',
    re.DOTALL,
)
# What unfolds solutions; other pages have none.
TOGGLES = re.compile(
    r'<script src="[^"]*togglebutton\.js[^>]*></script>\n?'
    r"|<script>(?:let toggle(?:Hint|Open)|var togglebutton)[^<]*</script>\n?"
)
SEARCH = re.compile(
    r'<script src="[^"]*(?:searchtools|language_data|searchindex)\.js[^>]*></script>'
)
# What the theme writes, and what says the same to those who hear the page.
MENDED = [
    ('data-theme="auto"', 'data-theme="light"'),
    (  # colors and borders are there before the first line is drawn
        'dataset.theme = localStorage.getItem("theme") || "auto"',
        """dataset.theme = {light: "light", dark: "dark"}[document.documentElement.dataset.mode]
      || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")""",
    ),
    (
        '<div id="pst-primary-sidebar"',
        '<div id="pst-primary-sidebar" role="region" aria-label="Book"',
    ),
    (
        'search-button-field search-button__button pst-js-only" title="Search" aria-label="Search"',
        'search-button-field search-button__button pst-js-only"',
    ),
    (
        '<summary><span class="toctree-toggle',
        '<summary aria-label="Pages below"><span class="toctree-toggle',
    ),
    ('<a class="term ', '<a data-bs-toggle="tooltip" data-bs-container="main" class="term '),
    ('<summary aria-label="Toggle hidden content">', "<summary>"),
    ('<i class="', '<i aria-hidden="true" class="'),
    ('<span class="fa-solid', '<span aria-hidden="true" class="fa-solid'),
]


def finish(app, exception):
    """Mend every page, shorten figures, and join all styles and icons in use into one of each."""
    if exception or app.builder.name != "html":
        return
    site = Path(app.outdir)
    pages = {
        path: path.read_text(encoding="utf-8")
        for path in site.rglob("*.html")
        if "_static" not in path.parts
    }
    sizes = {}
    for path in site.glob("_images/*.svg"):
        svg = path.read_text(encoding="utf-8")
        if not svg.startswith("<svg"):  # as matplotlib wrote it
            path.write_text(svg := _short(svg), encoding="utf-8")
        points = re.search(r'width="([\d.]+)pt" height="([\d.]+)pt"', svg).groups()
        width, height = (round(float(length) / 0.75) for length in points)
        sizes[path.name] = f'width="{width}" height="{height}" '
    styles = {}
    for path, page in pages.items():
        if SHEET in page:  # from an earlier build
            continue
        styles |= {(path.parent / link).resolve(): None for link in STYLE.findall(page)}
        pages[path] = mended(page, path.relative_to(site), sizes)
        if path.stem == "404":  # which a server shows below any address
            base = f'<base href="{urlsplit(app.config.html_baseurl).path}" />'
            pages[path] = pages[path].replace("</title>", f"</title>\n{base}", 1)
        path.write_text(pages[path], encoding="utf-8")
    markup = " ".join(tag for page in pages.values() for tag in re.findall(r"<[^>]*>", page))
    scripts = [path for path in site.rglob("_static/**/*.js") if path.name in markup]
    used = " ".join([markup, *(script.read_text(encoding="utf-8") for script in scripts)])
    sheet = joined(styles, site / "_static", set(re.findall(r"[\w-]+", used)))
    (site / SHEET).write_text(sheet, encoding="utf-8")
    for font in site.glob("_static/vendor/**/*.woff2"):
        cut(app, font, font, [character for character in sheet if character >= "\ue000"])
    names = set(re.findall(r"[\w.-]+", f"{used} {sheet} {SHEET}"))
    for path in list(site.glob("_static/**/*.*")):
        if path.suffix == ".map" or (path.suffix != ".txt" and path.name not in names):
            path.unlink()
            with suppress(OSError):  # its folder holds something else
                os.removedirs(path.parent)


def mended(page, name, sizes):
    """Return a page with one style sheet, without what it does not use, with its parts named.

    A figure says its size in pixels, so that the text below stays where it is when it arrives.
    """
    root = "../" * (len(name.parts) - 1)
    page = UNUSED.sub("", STYLE.sub("", page))
    links = f'<link rel="stylesheet" href="{root}{SHEET}" />'
    if "<math" in page:
        links = EARLY % (root + FONT) + links
    page = page.replace("</title>", f"</title>\n{links}", 1)
    if not re.search(r'class="[^"]*\bdropdown admonition\b', page):
        page = TOGGLES.sub("", page)
    # Logos in a closed menu need not be loaded, nor named beside their name.
    page = re.sub(r'<img alt="\w+ logo"', '<img alt="" loading="lazy"', page)
    page = re.sub(
        r'<img (?=[^>]*src="[^"]*_images/([^"]+)")',
        lambda image: "<img " + sizes.get(image[1], ""),
        page,
    )
    if name.stem != "search":
        page = SEARCH.sub("", page)
    for written, wanted in MENDED:
        page = page.replace(written, wanted)
    return page


def joined(styles, folder, used):
    """Return the rules of the style sheets that are for used words, as one sheet in a folder."""
    sheet = "\n".join(read(style, folder) for style in styles)
    for _ in range(2):  # a rule that goes may have been the only one to use a variable
        names = re.findall(r"[.#](-?[A-Za-z_][\w-]*)|(--[\w-]+):", sheet)
        unused = {name for pair in names for name in pair if name} - used
        unused -= set(re.findall(r"var\((--[\w-]+)", sheet))
        sheet = lightningcss.process_stylesheet(sheet, unused_symbols=unused)
    return sheet


def read(style, folder):
    """Return a style sheet and those it imports, with addresses that begin at a folder."""

    def address(match):
        target = os.path.relpath(style.parent / match["address"], folder)
        return f'url("{Path(target).as_posix()}")'

    rules = style.read_text(encoding="utf-8")
    # A second form of a font is for browsers that cannot draw mathematics either.
    rules = re.sub(r',url\([^)]*\.ttf\) format\("truetype"\)', "", rules)
    rules = re.sub(r"url\([\"']?(?!data:|#)(?P<address>[^)\"']+)[\"']?\)", address, rules)
    return re.sub(
        r'@import "([^"]+)";', lambda m: read((style.parent / m[1]).resolve(), folder), rules
    )


def setup(app):
    """Tell Sphinx to call it last."""
    app.connect("build-finished", finish, priority=999)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
