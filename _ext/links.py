"""Link chapters with the API page, where they use a name, and these and the literature back."""

import ast
import re
from contextlib import suppress
from functools import cache
from pathlib import PurePath

from docutils import nodes
from docutils.nodes import make_id
from sphinx import addnodes
from terms import NOT_PROSE, within

USES, CITES = "names of dlutils", "literature"
MODULES = ("plotting", "worked")  # of which chapters say `plotting.plot_lines`


@cache
def public(env):
    """Return page and anchor of each class and function, by what a chapter calls it."""
    found = {}
    for entry, _, _, page, anchor, _ in env.get_domain("py").get_objects():
        module, _, name = entry.removeprefix("dlutils.").rpartition(".")
        if module in MODULES:
            found[f"{module}.{name}"] = page, anchor
        elif module and "." not in module:
            found[name] = page, anchor
    return found


def imported(source):
    """Return what a code cell imports from the package, or takes from its modules."""
    found = set()
    with suppress(SyntaxError):  # the cell that installs the package is no Python
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith("dlutils."):
                found |= {alias.name for alias in node.names}
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) in MODULES:
                found.add(ast.unparse(node))
    return found


def note(app, doctree):
    """Remember which names the code cells of a chapter use, and which literature it cites."""
    if PurePath(app.env.docname).parent.name == "chapters":
        cells = [cell for cell in doctree.findall(nodes.container) if "nb_element" in cell]
        cells = [cell.astext() for cell in cells if cell["nb_element"] == "cell_code_source"]
        names = [name for work in doctree.findall(nodes.footnote) for name in work["ids"]]
        cited = {name.removeprefix("footcite-") for name in names}
        app.env.metadata[app.env.docname][USES] = sorted(set().union(*map(imported, cells)))
        app.env.metadata[app.env.docname][CITES] = sorted(cited)


@cache
def chapters(env, kind):
    """Return the chapters that use each name, or cite each entry, in the order of the book."""
    found = {}
    for page in env.collect_relations():
        for name in env.metadata[page].get(kind, ()):
            found.setdefault(name, []).append(page)
    return found


def link_back(app, doctree, docname):
    """Say of each class and function which chapters use it, and of each work which cite it."""
    for entry in doctree.findall(addnodes.desc):
        anchor = entry[0]["ids"][0] if entry["domain"] == "py" and entry[0]["ids"] else ""
        called = [name for name, place in public(app.env).items() if place == (docname, anchor)]
        pages = chapters(app.env, USES).get(called[0], ()) if called else ()
        if pages:
            content = entry[-1]
            place = content.first_child_matching_class(addnodes.desc)
            line = nodes.paragraph("", "Used in ", *links(app, docname, pages))
            line["classes"].append("used-in")
            content.insert(len(content) if place is None else place, line)
    for work in app.env.get_domain("cite").citations:
        pages = chapters(app.env, CITES).get(make_id(work.key))
        item = doctree.ids.get(work.citation_id)
        if pages and work.bibliography_key.docname == docname:
            item[-1] += [nodes.Text(" Cited in "), *links(app, docname, pages), nodes.Text(".")]


def links(app, docname, pages):
    """Return links to pages, by their titles."""
    found = []
    for page in pages:
        uri, title = app.builder.get_relative_uri(docname, page), app.env.titles[page].astext()
        found += [nodes.Text(" · "), nodes.reference("", title, refuri=uri, internal=True)]
    return found[1:]


def link_prose(app, doctree, docname):
    """Make a link of the first `name` of the package in the text of a chapter."""
    if PurePath(docname).parent.name != "chapters":
        return
    known, done = public(app.env), set()
    others = tuple(kind for kind in NOT_PROSE if kind is not nodes.literal)
    for code in list(doctree.findall(nodes.literal)):
        match = re.fullmatch(r"(?:dlutils\.)?((?:\w+\.)?\w+)(\(.*\))?", code.astext())
        name = match and match[1]
        if name in known and name not in done and not within(code, others):
            done.add(name)
            link = nodes.reference(refuri=address(app, docname, name), internal=True)
            link["classes"] = ["api"]
            code.replace_self(link)
            link += code


def link_code(app, pagename, templatename, context, doctree):
    """Make a link of each name of the package where the code of a chapter first has it."""
    for used in app.env.metadata[pagename].get(USES, ()):
        if used in public(app.env):
            module, _, name = used.rpartition(".")
            before = f'<span class="n">{module}</span><span class="o">.</span>' if module else ""
            span = f'<span class="n">{name}</span>'
            link = f'<a class="api" href="{address(app, pagename, used)}">{span}</a>'
            context["body"] = context["body"].replace(before + span, before + link, 1)


def address(app, docname, name):
    """Return the address of a name's entry, seen from a page."""
    page, anchor = public(app.env)[name]
    return f"{app.builder.get_relative_uri(docname, page)}#{anchor}"


def setup(app):
    """Tell Sphinx; the work can be done in parallel."""
    app.connect("doctree-read", note)
    app.connect("doctree-resolved", link_back)
    app.connect("doctree-resolved", link_prose)
    app.connect("html-page-context", link_code)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
