"""Make the package's docstrings fit for the API page, where they are read as reStructuredText."""

import re


def escape_marks(app, what, name, obj, options, lines):
    """Show |r| and a lone `k.` as they stand: neither a substitution nor the item of a list."""
    for number, line in enumerate(lines):
        if not line.lstrip().startswith(">>>"):
            lines[number] = re.sub(r"^(\s*\w)\.", r"\1\.", line.replace("|", r"\|"))


def skip_fields(app, what, name, obj, skip, options):
    """Leave out the fields of named tuples: their class lists them under Attributes."""
    return True if type(obj).__name__ == "_tuplegetter" else None


def setup(app):
    """Tell Sphinx; the work can be done in parallel."""
    app.connect("autodoc-process-docstring", escape_marks, priority=400)  # before napoleon
    app.connect("autodoc-skip-member", skip_fields)
    return {"parallel_read_safe": True}
