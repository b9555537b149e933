"""Write mathematics as MathML while the book is built: screen readers read it, no script runs."""

import html
import re
from pathlib import Path

from docutils import nodes
from fontTools import subset
from math_core import LatexError, LatexToMathML
from sphinx.errors import ExtensionError
from sphinx.util.math import get_node_equation_number

CONVERTER = LatexToMathML(fancy_error=False, annotation=True)
FONT = Path(__file__).parent.parent / "assets" / "STIXTwoMath.woff2"
# A browser draws a letter that stands alone in italics, and roots, braces and accents by itself.
DRAWN = {*map(chr, range(0x20, 0x7F)), *map(chr, range(0x1D434, 0x1D468)), *"ℎ√‾−′^~ˆ˜¯→⏞⏟"}


def convert(node, *, displaystyle):
    """Return the MathML of a formula; one that cannot be converted stops the build."""
    latex = node.astext()
    if r"\\" in latex and r"\begin" not in latex:  # several lines, as MyST lets one write them
        latex = rf"\begin{{aligned}}{latex}\end{{aligned}}"
    try:
        return CONVERTER.convert_with_local_state(latex, displaystyle=displaystyle)
    except LatexError as error:
        raise ExtensionError(f"{node.source}:{node.line}: {latex}: {error}") from error


def visit_inline(self, node):
    """Write a formula within a line."""
    self.body.append(convert(node, displaystyle=False))
    raise nodes.SkipNode


def visit_block(self, node):
    """Write a formula on lines of its own, with its number if it has one."""
    self.body.append(self.starttag(node, "div", CLASS="math-block"))
    self.body.append(f'<div class="math-scroll">{convert(node, displaystyle=True)}</div>')
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    self.body.append("</div>")
    raise nodes.SkipNode


def keep_used_characters(app, exception):
    """Take the characters that no formula of the book uses out of the font of the site."""
    if exception or app.builder.format != "html":
        return
    used = set(DRAWN)
    for page in Path(app.outdir).rglob("*.html"):
        for formula in re.findall(r"<math.*?</math>", page.read_text(encoding="utf-8"), re.DOTALL):
            text = html.unescape(re.sub(r"<annotation.*?</annotation>|<[^>]*>", "", formula))
            used.update(text)
    used.update(italic(letter) for letter in set(used))
    options = subset.Options(flavor="woff2", layout_features=["*"], notdef_outline=True)
    with subset.load_font(FONT, options) as font:
        subsetter = subset.Subsetter(options)
        subsetter.populate(text="".join(used))
        subsetter.subset(font)
        subset.save_font(font, Path(app.outdir, "_static", FONT.name), options)


def italic(letter):
    """Return the mathematical italic form of a Greek letter, others as they are."""
    if "α" <= letter <= "ω":
        return chr(ord(letter) - ord("α") + 0x1D6FC)
    if "Α" <= letter <= "Ω":
        return chr(ord(letter) - ord("Α") + 0x1D6E2)
    return {"∂": "𝜕", "ϵ": "𝜖", "ϑ": "𝜗", "ϕ": "𝜙"}.get(letter, letter)


def setup(app):
    """Tell Sphinx, which is told by html_math_renderer to use it."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    app.connect("build-finished", keep_used_characters)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
