"""Build the book fast: after an edit write the page alone, unless others show what has changed."""

import gc
from hashlib import sha256
from pathlib import Path

from links import CITES, USES, chapters
from terms import glossary


def others(app, env):
    """Return all pages if what one shows of another has changed: names, numbers, places, uses."""
    shown = [
        {page: title.astext() for page, title in env.titles.items()},
        env.toc_secnumbers,
        env.toc_fignumbers,
        env.get_domain("math").equations,
        {entry: None for domain in env.domains.values() for entry in domain.get_objects()},
        glossary(env),
        chapters(env, USES),
        chapters(env, CITES),
    ]
    told = str([sorted(map(str, part.items())) for part in shown])
    digest, last = sha256(told.encode()).hexdigest(), Path(app.doctreedir, "shown")
    same = last.exists() and last.read_text() == digest
    last.write_text(digest)
    return [env.config.root_doc] if same else env.found_docs  # the root names the style sheets


def setup(app):
    """Tell Sphinx; the work can be done in parallel."""
    gc.set_threshold(1_000_000)  # unpickling and writing trees of nodes sets it off all the time
    app.connect("env-get-updated", others, priority=999)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
