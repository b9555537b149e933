"""show_source: the real code, without docstrings unless asked, and rendered as Markdown."""

import ast

import pytest

import dlutils
from dlutils import MLP, Sigmoid, show_source
from dlutils.losses import Loss


@pytest.mark.parametrize("obj", [MLP, MLP.backward, Sigmoid, show_source, dlutils.relative_error])
def test_without_docstrings_it_is_the_same_code(obj):
    full, short = (ast.parse(show_source(obj, docstring=d)) for d in (True, False))
    for node in ast.walk(full):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            del node.body[0]
    assert ast.dump(full) == ast.dump(short)


def test_docstring_stays_when_asked():
    assert '"""' in show_source(MLP.forward, docstring=True)
    assert '"""' not in show_source(MLP)


def test_it_renders_as_highlighted_code():
    shown = show_source(Sigmoid.derivative)
    assert shown._repr_markdown_() == f"```python\n{shown}\n```"
    assert shown.startswith("def derivative(self, z):\n    z = float_array")


@pytest.mark.parametrize("obj", [3, "abc", len, dlutils])
def test_refuses_what_has_no_source(obj):
    with pytest.raises(ValueError, match="obj: .*wanted a Python function"):
        show_source(obj)


def test_a_body_that_is_only_a_docstring_stays_python():
    shown = show_source(Loss)
    ast.parse(shown)
    assert "def _check_output(self, output):\n        ..." in shown
