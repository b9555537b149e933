"""Take out of every page what the theme loads and this book does not use."""

UNUSED = ("thebe",)  # runs cells on a page: it would take a server, and defines a constant twice


def leave_out(app, pagename, templatename, context, doctree):
    """Drop the unused scripts and styles from the lists that the page template reads."""
    for files in (context["script_files"], context["css_files"]):
        files[:] = [file for file in files if not any(word in told(file) for word in UNUSED)]


def told(file):
    """Return what tells a script or style: its address and, if it stands in the page, its code."""
    return f"{file.filename} {file.attributes.get('body', '')}".lower()


def setup(app):
    """Tell Sphinx to call it last."""
    app.connect("html-page-context", leave_out, priority=999)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
