"""Link the book's terms to the glossary, with their meaning, so that notebooks stay plain Markdown.

Where a term is bold, it is explained, and its meaning is in the page. A chapter that uses a term of
another links its first use; these meanings come from one file, when a reader first asks for one.
"""

import json
import re
from functools import cache
from itertools import groupby
from pathlib import Path, PurePath

from docutils import nodes
from sphinx import addnodes

# The theme shows the meaning on hover and focus. Whoever points at it may stay there to read,
# and the Escape key closes it.
SCRIPT = """
const described = tip => document.querySelector(`[aria-describedby=${tip.id}]`);
for (const kind of ["mouseover", "mouseout"])
  document.addEventListener(kind, ({target}) => {
    const tip = target.closest(".tooltip");
    if (tip) described(tip)?.dispatchEvent(new Event(kind));
  });
document.addEventListener("keydown", ({key}) => {
  if (key == "Escape") for (const tip of document.querySelectorAll(".tooltip"))
    for (const kind of ["mouseout", "focusout"]) described(tip)?.dispatchEvent(new Event(kind));
});
for (const kind of ["mouseover", "focusin"])
  document.addEventListener(kind, ({target}) => {
    const term = target.closest("a.use");
    if (!term || document.getElementById("meanings")) return;
    const script = document.createElement("script");
    script.id = "meanings";
    script.src = new URL("MEANINGS", term.href);
    document.head.append(script);
  });
"""
MEANINGS = "meanings.js"  # beside the glossary; a script can be read without a server, too
ASKED = """
for (const term of document.querySelectorAll("a.use")) {
  term.dataset.bsOriginalTitle = meanings[term.hash.slice(1)];
  if (term.matches(":hover, :focus")) for (const kind of ["mouseout", "mouseover"])
    term.dispatchEvent(new Event(kind));
}
"""

# Words of everyday language too: where one of these stands, it is not linked.
EVERYDAY = {
    *"another unit, at a loss, bump, but hidden, costs, dead, delta, different depth".split(", "),
    *"margin, per unit, precision, recall, residual network, take the shape".split(", "),
    *"temperatures, trace, view".split(", "),
}
NOT_PROSE = (
    nodes.title,
    nodes.table,
    nodes.footnote,
    nodes.caption,
    nodes.legend,
    nodes.reference,
    nodes.literal,
    nodes.strong,
    nodes.inline,
)


@cache
def glossary(env):
    """Return the page, the anchor and the meaning of each term: its first paragraph."""
    objects = env.get_domain("std").get_objects()
    return {
        term.astext().lower(): (page, term["ids"][0], " ".join(item[-1][0].astext().split()))
        for page in {page for _, _, kind, page, _, _ in objects if kind == "term"}
        for terms in env.get_doctree(page).findall(addnodes.glossary)
        for item in terms.findall(nodes.definition_list_item)
        for term in item.findall(nodes.term)
    }


@cache
def words(env):
    """Return the pattern that finds terms, the longest that fits, and what only looks like one."""
    known = sorted({*glossary(env), *EVERYDAY}, key=len, reverse=True)
    either = "|".join(map(re.escape, known)).replace(r"\ ", r"\s+")  # lines break anywhere
    return re.compile(rf"(?<![\w-])({either})s?(?![\w-])", re.IGNORECASE)


def link(app, doctree, docname):
    """Make a link of each bold term outside of titles, other links and the glossary."""
    if app.builder.format != "html":
        return
    explained = set()
    # Not what is derived from it: the name of a parameter may be a term too.
    for bold in list(doctree.findall(lambda node: type(node) is nodes.strong)):
        word = " ".join(bold.astext().lower().split())
        word = word if word in glossary(app.env) else word.removesuffix("s")
        found = glossary(app.env).get(word)
        if found and not within(bold, (nodes.title, nodes.reference, addnodes.glossary)):
            term = reference(app, docname, word, "term")
            term["reftitle"] = found[-1]
            bold.replace_self(term)
            term += bold
            explained.add(word)
    if PurePath(docname).parent.name == "chapters":
        link_first_uses(app, doctree, docname, explained)


def link_first_uses(app, doctree, docname, done):
    """Make a link of the first use of each other term in the text, below the page's opening."""
    join_lines(doctree)
    for text in list(doctree.findall(nodes.Text)):
        paragraph = within(text, nodes.paragraph)
        if not paragraph or within(text, NOT_PROSE) or not within(text, nodes.section, 2):
            continue
        parts, end = [], 0
        for match in words(app.env).finditer(text):
            word, whole = (" ".join(part.lower().split()) for part in (match[1], match[0]))
            if word in done or {word, whole} & EVERYDAY:
                continue
            done.add(word)
            parts += [nodes.Text(text[end : match.start()]), reference(app, docname, word, "use")]
            parts[-1] += nodes.Text(match[0])
            end = match.end()
        if parts:
            text.parent.replace(text, [*parts, nodes.Text(text[end:])])


def join_lines(doctree):
    """Make one text of those in a row: the parser begins a new one with each line."""
    for paragraph in doctree.findall(nodes.paragraph):
        children = []
        for text, row in groupby(paragraph, lambda child: isinstance(child, nodes.Text)):
            row = list(row)
            children += [nodes.Text("".join(row))] if text else row
        paragraph[:] = children


def reference(app, docname, word, *classes):
    """Return an empty link from a page to the glossary's entry for a term."""
    page, anchor, _ = glossary(app.env)[word]
    address = f"{app.builder.get_relative_uri(docname, page)}#{anchor}"
    return nodes.reference(refuri=address, internal=True, classes=["term", *classes])


def within(node, kinds, times=1):
    """Return the ancestor of one of these kinds in which a node stands, or that around it."""
    while times and (node := node.parent) is not None:
        times -= isinstance(node, kinds)
    return node


def write(app, exception):
    """Write the meanings of all terms into a script beside the glossary."""
    if exception or app.builder.name != "html":
        return
    pages = {page for page, _, _ in glossary(app.env).values()}
    meanings = {anchor: meaning for _, anchor, meaning in glossary(app.env).values()}
    told = f"const meanings = {json.dumps(meanings, ensure_ascii=False)};{ASKED}"
    for page in pages:
        path = Path(app.outdir, app.builder.get_target_uri(page)).with_name(MEANINGS)
        path.write_text(told, encoding="utf-8")


def setup(app):
    """Tell Sphinx; the work can be done in parallel."""
    app.add_js_file(None, body=SCRIPT.replace("MEANINGS", MEANINGS))
    app.connect("doctree-resolved", link)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
