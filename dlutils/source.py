"""Show the package's own code in a chapter, so that the book never retypes it."""

import ast
import inspect
import textwrap


class Source(str):
    """Python code that a notebook renders highlighted, as Markdown."""

    def __repr__(self):
        return str(self)

    def _repr_markdown_(self):
        return f"```python\n{self}\n```"


def show_source(obj, *, docstring=False):
    """Return the code of a function, method or class of this package, ready to be displayed.

    Parameters
    ----------
    obj : function, method or class
    docstring : bool
        Whether to keep the docstrings. Without them the formula stands closer together.

    Returns
    -------
    Source
        A string; as the last value of a notebook cell it is shown as highlighted code.

    Raises
    ------
    ValueError
        If `obj` is none of these or has no Python source.

    Examples
    --------
    >>> from dlutils import ReLU
    >>> print(show_source(ReLU.__call__))
    def __call__(self, z):
        z = float_array(z, "z")
        return np.maximum(z, 0)
    """
    try:
        if inspect.ismodule(obj):
            raise TypeError
        code = textwrap.dedent(inspect.getsource(obj)).rstrip()
    except (TypeError, OSError) as error:
        raise ValueError(f"obj: {obj!r}, wanted a Python function, method or class") from error
    if docstring:
        return Source(code)
    lines = code.splitlines()
    documented = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    nodes = [node for node in ast.walk(ast.parse(code)) if isinstance(node, documented)]
    # From the last docstring to the first, so that the line numbers before stay right.
    for node in sorted(nodes, key=lambda node: -node.lineno):
        if ast.get_docstring(node) is not None:
            text, *rest = node.body
            start = text.lineno - 1
            lines[start : text.end_lineno] = [] if rest else [" " * text.col_offset + "..."]
            if isinstance(node, ast.ClassDef) and not lines[start].strip():
                del lines[start]
    return Source("\n".join(lines))
