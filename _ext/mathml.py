"""Write mathematics as MathML while the book is built: screen readers read it, no script runs."""

import html
import re
import unicodedata
from pathlib import Path

from docutils import nodes
from fonts import cut
from math_core import LatexError, LatexToMathML
from sphinx.errors import ExtensionError
from sphinx.util.math import get_node_equation_number

CONVERTER = LatexToMathML(fancy_error=False, annotation=True)
FONT = Path(__file__).parent.parent / "assets" / "STIXTwoMath.woff2"
# What a browser draws by itself: roots, primes, accents and braces.
DRAWN = set(" ℎ√‾−′^~ˆ˜¯→⏞⏟")


def convert(node, *, displaystyle):
    """Return the MathML of a formula; one that cannot be converted stops the build."""
    latex = node.astext()
    if r"\\" in latex and r"\begin" not in latex:  # several lines, as MyST lets one write them
        latex = rf"\begin{{aligned}}{latex}\end{{aligned}}"
    try:
        mathml = CONVERTER.convert_with_local_state(latex, displaystyle=displaystyle)
    except LatexError as error:
        raise ExtensionError(f"{node.source}:{node.line}: {latex}: {error}") from error
    # A low line that combines would stand left of what it is drawn over.
    return mathml.replace("\u0332</mo></mover>", "\u203e</mo></mover>")


def visit_inline(self, node):
    """Write a formula within a line."""
    self.body.append(convert(node, displaystyle=False))
    raise nodes.SkipNode


def visit_block(self, node):
    """Write a formula on lines of its own, with its number if it has one."""
    self.body.append(self.starttag(node, "div", CLASS="math-block"))
    # The theme gives what has this class, and is wide, a place in the order of the tab key.
    self.body.append('<div class="math-scroll pst-scrollable-table-container">')
    self.body.append(convert(node, displaystyle=True))
    self.body.append("</div>")
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    self.body.append("</div>")
    raise nodes.SkipNode


def keep_together(app, doctree, docname):
    """Let no line begin with the period, comma or bracket that follows a formula."""
    for formula in list(doctree.findall(nodes.math)):
        text = formula.next_node(descend=False, siblings=True)
        mark = isinstance(text, nodes.Text) and re.match(r"[.,;:!?)%’]+", text)
        if mark:
            text.parent.replace(text, nodes.Text(text[mark.end() :]))
            together = nodes.inline(
                "", "", formula.deepcopy(), nodes.Text(mark[0]), classes=["nobr"]
            )
            formula.parent.replace(formula, together)


def keep_used_characters(app, exception):
    """Take the characters that no formula of the book uses out of the font of the site."""
    if exception or app.builder.format != "html":
        return
    used = set(DRAWN)
    for page in Path(app.outdir).rglob("*.html"):
        for formula in re.findall(r"<math.*?</math>", page.read_text(encoding="utf-8"), re.DOTALL):
            formula = re.sub(r"<annotation.*?</annotation>", "", formula)
            used.update(html.unescape(re.sub(r"<[^>]*>", "", formula)))
            used.update(map(italic, re.findall("<mi>(.)</mi>", html.unescape(formula))))
    cut(app, FONT, Path(app.outdir, "_static", FONT.name), used)


def italic(letter):
    """Return the form in which a browser draws a letter that stands alone, others as they are."""
    name = re.sub(r"^(LATIN|GREEK( LUNATE)?) | LETTER\b", "", unicodedata.name(letter, ""))
    try:
        return unicodedata.lookup(f"MATHEMATICAL ITALIC {name}")
    except KeyError:
        return letter


def setup(app):
    """Tell Sphinx, which is told by html_math_renderer to use it."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    app.connect("doctree-resolved", keep_together)
    app.connect("build-finished", keep_used_characters)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
