"""What a link to a page shows elsewhere: its title, its first words and a figure of the book."""

import html
import shutil
from pathlib import Path
from textwrap import shorten

import nbformat
from docutils import nodes

NAME = "social-card.png"
SIZE = (12, 6.3)  # inches of 100 pixels: the shape that social networks ask for


def describe(app, pagename, templatename, context, doctree):
    """Add what the Open Graph protocol asks for to the head of a page (https://ogp.me)."""
    if doctree is None:
        return
    first = next(doctree.findall(nodes.paragraph), doctree)
    words = shorten(first.astext(), 200, placeholder=" …")
    told = {
        "title": app.env.titles[pagename].astext(),
        "type": "website",
        "url": context["pageurl"],
        "site_name": app.config.html_title,
        "description": words,
        "image": f"{app.config.html_baseurl}_static/{NAME}",
        "image:alt": "A small network with all its numbers",
    }
    tags = [f'<meta property="og:{key}" content="{html.escape(told[key])}" />' for key in told]
    tags.append(f'<meta name="description" content="{html.escape(words)}" />')
    context["metatags"] += "\n".join(tags)


def write(app, exception):
    """Draw the card once for each clean build, and put it beside the site's other pictures."""
    notebook = Path(app.srcdir, f"{app.config.root_doc}.ipynb")
    if exception or app.builder.name != "html" or not notebook.exists():
        return
    card = Path(app.doctreedir, NAME)
    if not card.exists():
        draw(notebook, app.config.html_title, card)
    shutil.copy(card, Path(app.outdir, "_static", NAME))


def draw(notebook, title, path):
    """Run the cell of the first figure, which leaves its axes as `ax`, and add the title."""
    import matplotlib  # takes a second, and most builds do not draw

    with matplotlib.rc_context({"backend": "agg"}):
        cells = nbformat.read(notebook, as_version=4).cells
        names = {}
        exec(next(cell.source for cell in cells if "plotting.plot" in cell.source), names)
        ax, figure = names["ax"], names["ax"].figure
        figure.set_size_inches(SIZE)
        ax.set_position([0.36, 0.05, 0.62, 0.9])
        for text in ax.texts:
            text.set_fontsize(1.3 * text.get_fontsize())
        lines = title.replace(", ", ",\n").replace("Deep ", "Deep\n")
        figure.text(0.05, 0.5, lines, fontsize=36, fontweight="bold", va="center", linespacing=1.4)
        figure.savefig(path, dpi=100)
        matplotlib.pyplot.close(figure)


def setup(app):
    """Tell Sphinx."""
    app.connect("html-page-context", describe)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
