"""Build the book faster: Python looks for garbage seldom while pages are read and written."""

import gc


def setup(app):
    """Tell Sphinx; the work can be done in parallel."""
    gc.set_threshold(1_000_000)  # unpickling and writing trees of nodes sets it off all the time
    return {"parallel_read_safe": True, "parallel_write_safe": True}
