"""Proves, for all z and y, the table of output deltas in the chapter on backpropagation in general.

Each cost is read from its TeX, and SymPy differentiates it. The chapter's two functions take their
exponentials and logarithms from a module; given SymPy in place of NumPy, they must say the same.
"""

import re
from pathlib import Path

import nbformat
import pytest
import sympy as sp
from lint import tags
from sympy.parsing import sympy_parser as parser

CHAPTER = Path(__file__).parents[1] / "chapters/backprop-in-general.ipynb"
CELLS = nbformat.read(CHAPTER, as_version=4).cells
TABLE = next(re.findall(r"(?m)^\|.*", c.source) for c in CELLS if "| δ | cost |" in c.source)
ROWS = [row.strip("| ").split(" | ") for row in TABLE[2:]]
Z, Y = sp.symbols("z1:4", real=True), sp.symbols("y1:4", real=True)
ACTIVATIONS = {
    "identity": lambda z: z,
    "sigmoid": lambda z: 1 / (1 + sp.exp(-z)),
    "tanh": sp.tanh,
    "softmax": lambda z: sp.exp(z) / sum(map(sp.exp, Z)),
}
WORDS = {
    r"\tfrac12": "1/2", r"\operatorname{sign}": "sign", r"\ln": "log",
    r"\lvert": "Abs(", r"\rvert": ")", r"\bigl": "", r"\bigr": "", r"\,": "",
}  # fmt: skip


def computed():
    """Cost and δ of each row, as the functions in the chapter return them."""
    found = {}
    for cell in CELLS:
        if "output-deltas" in tags(cell):
            exec(cell.source, found)
    rows = found["elementwise_rows"](Z[0], Y[0], sp)
    return [(cost, [delta]) for cost, delta in rows] + found["softmax_rows"](Z, Y, sp)


def read(tex, names, i):
    """A formula of the table, for entry i, where letters without an index stand for the first."""
    for word, meaning in WORDS.items():
        tex = tex.replace(word, meaning)
    body = r"\\sum_k ((?:[^()]|\([^()]*\))*)"  # up to its end or that of a bracket around it
    while found := re.search(body, tex):
        terms = [found[1].replace("_k", f"_{k}") for k in (1, 2, 3)]
        tex = tex.replace(found[0], f"({' + '.join(terms)})")
    tex = tex.replace("_i", f"_{i + 1}").replace("_", "")
    steps = (*parser.standard_transformations, parser.convert_xor)
    steps += (parser.implicit_multiplication, parser.implicit_application)
    return parser.parse_expr(tex, names, steps)


def vanishes(expression):
    return sp.cancel(sp.together(expression.rewrite(sp.exp))) == 0


@pytest.mark.parametrize("number", range(7), ids=[" ".join(row[:2]) for row in ROWS])
def test_delta_is_the_derivative_of_the_cost(number):
    loss, activation, delta, cost = (part.strip("$") for part in ROWS[number])
    a = [ACTIVATIONS[activation](z) for z in Z]
    names = {"a": a[0], "y": Y[0]}
    names |= {f"{name}{k}": e for name, v in {"a": a, "y": Y}.items() for k, e in enumerate(v, 1)}
    # Softmax with cross-entropy asks for targets that add up to 1.
    targets = {Y[2]: 1 - Y[0] - Y[1]} if (loss, activation) == ("cross-entropy", "softmax") else {}

    cost_in_code, deltas_in_code = computed()[number]
    assert len(deltas_in_code) == (3 if activation == "softmax" else 1)
    assert vanishes(read(cost, names, 0) - cost_in_code)
    for i, in_code in enumerate(deltas_in_code):
        in_table = read(delta, names, i)
        slope = sp.diff(read(cost, names, i), Z[i])
        assert vanishes(in_table - in_code)
        assert vanishes((slope - in_table).subs(targets))
        assert not vanishes((slope + in_table).subs(targets))  # a turned sign would be noticed


def test_every_row_is_read():
    assert len(ROWS) == len(computed()) == 7
