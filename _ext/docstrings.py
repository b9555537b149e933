"""Make the package's docstrings fit for the API page, where they are read as reStructuredText."""


def escape_bars(app, what, name, obj, options, lines):
    """Show |r| as it stands, which reStructuredText would take for a substitution."""
    for number, line in enumerate(lines):
        if not line.lstrip().startswith(">>>"):
            lines[number] = line.replace("|", r"\|")


def skip_fields(app, what, name, obj, skip, options):
    """Leave out the fields of named tuples: their class lists them under Attributes."""
    return True if type(obj).__name__ == "_tuplegetter" else None


def setup(app):
    """Tell Sphinx; the work can be done in parallel."""
    app.connect("autodoc-process-docstring", escape_bars)
    app.connect("autodoc-skip-member", skip_fields)
    return {"parallel_read_safe": True}
