"""Link bold terms to the glossary, with their meaning, so that notebooks stay plain Markdown."""

from functools import cache

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
"""


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


def link(app, doctree, docname):
    """Make a link of each bold term outside of titles, other links and the glossary."""
    if app.builder.format != "html":
        return
    # Not what is derived from it: the name of a parameter may be a term too.
    for bold in list(doctree.findall(lambda node: type(node) is nodes.strong)):
        word = " ".join(bold.astext().lower().split())
        found = glossary(app.env).get(word) or glossary(app.env).get(word.removesuffix("s"))
        if found and not within(bold, (nodes.title, nodes.reference, addnodes.glossary)):
            page, anchor, meaning = found
            address = f"{app.builder.get_relative_uri(docname, page)}#{anchor}"
            term = nodes.reference(refuri=address, reftitle=meaning, internal=True)
            term["classes"] = ["term"]
            bold.replace_self(term)
            term += bold


def within(node, kinds):
    """Return whether a node stands in one of these kinds."""
    return node.parent is not None and (
        isinstance(node.parent, kinds) or within(node.parent, kinds)
    )


def setup(app):
    """Tell Sphinx; the work can be done in parallel."""
    app.add_js_file(None, body=SCRIPT)
    app.connect("doctree-resolved", link)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
