"""Reads the formulas that the package writes: what their TeX comes to, in numbers or in SymPy."""

import math
import re
from types import MappingProxyType

import numpy as np

# A formula in TeX becomes a number or a matrix; a vector is a matrix of one column.

TOKEN = re.compile(
    r"\\frac\{\\partial C\}\{\\partial [^{}]+(?:_\{\d+\})?\}|(?:\\\w+|\\mathrm\{\w+\})'\([^()]*\)"
    r"|\\mathrm\{\w+\}|\\(?:begin|end)\{pmatrix\}|\\[,\\]|\\(?:left|right)(?![a-z])|C'|g\(0\)|e\^"
    r"|\d+(?:\.\d+)?|(?:\\hat [a-z]|\\[A-Za-z]+|[A-Za-z])(?:\^\d)?(?:_(?:\d|\{\d+\}))?|\S"
)
FUNCTIONS = {
    "e^": math.exp,
    "number": float,
    r"\sqrt": math.sqrt,
    r"\ln": math.log,
    r"\tanh": math.tanh,
    r"\max": max,
    r"\sigma": lambda z: 1 / (1 + math.exp(-z)),
    r"\Phi": lambda z: (1 + math.erf(z / math.sqrt(2))) / 2,
    r"\varphi": lambda z: math.exp(-(z**2) / 2) / math.sqrt(2 * math.pi),
}
RELATIONS = {">": float.__gt__, "<": float.__lt__, "=": float.__eq__}
RELATIONS |= {r"\ge": float.__ge__, r"\le": float.__le__, r"\ne": float.__ne__}
ENDS = ["", "+", "-", ",", ")", "}", "&", r"\\", r"\rvert", r"\end{pmatrix}"]


class Reader:
    """What a formula says, where `names` stand for numbers and `functions` for more functions."""

    def __init__(self, text, names, functions):
        self.names, self.functions = names, FUNCTIONS | dict(functions)
        tokens = [token for token in TOKEN.findall(text) if token not in (r"\left", r"\right")]
        self.tokens = ["", *reversed(tokens)]

    def next(self, *wanted):
        return self.tokens[-1] in wanted and bool(self.tokens.pop())

    def within(self, left, right):
        assert self.next(left), self.tokens[::-1]
        values = [self.sum()]
        while self.next(","):
            values.append(self.sum())
        assert self.next(right), self.tokens[::-1]
        return values[0] if len(values) == 1 else values

    def sum(self):
        value = -self.product() if self.next("-") else self.product()
        while self.tokens[-1] in ("+", "-"):
            value = value + self.product() if self.next("+") else self.minus(value)
        return value

    def minus(self, value):
        self.next("-")
        return value - self.product()

    def product(self):
        value = self.power()
        while self.next(r"\cdot", r"\,") or not (
            self.tokens[-1] in ENDS or self.tokens[-1][0].isdigit()
        ):
            factor = self.power()
            both = isinstance(value, np.ndarray) and isinstance(factor, np.ndarray)
            value = value @ factor if both else value * factor
        return value

    def power(self):
        value = self.atom()
        if self.next("^"):
            if self.tokens[-4:] == ["T", "{", r"\mathsf", "{"]:
                del self.tokens[-6:]  # two braces more
                return np.transpose(value) if np.ndim(value) else value
            return value ** self.within("{", "}")
        return value

    def atom(self):
        token = self.tokens[-1]
        if token == "(":
            return self.within("(", ")")
        self.tokens.pop()
        if token[0].isdigit():
            return self.functions["number"](token)
        if token in ("e^", r"\sqrt"):
            return self.functions[token](self.within("{", "}"))
        if token in self.functions:
            arguments = self.within("(", ")")
            return self.functions[token](*(arguments if token == r"\max" else [arguments]))
        if token in (r"\frac", r"\tfrac"):
            return self.within("{", "}") / self.within("{", "}")
        if token == r"\lvert":
            self.tokens.append(token)
            return abs(self.within(r"\lvert", r"\rvert"))
        if token == r"\begin{pmatrix}":
            rows = [[self.sum()]]
            while not self.next(r"\end{pmatrix}"):
                if self.next(r"\\"):
                    rows.append([])
                else:
                    assert self.next("&"), self.tokens[::-1]
                rows[-1].append(self.sum())
            return np.array(rows)
        return self.names[token]


def read(text, names=MappingProxyType({}), functions=()):
    """Return what a formula comes to."""
    reader = Reader(text, names, functions)
    value = reader.sum()
    assert reader.tokens == [""], text
    return value


def holds(condition, names):
    left, relation, right = re.split(r" (>|<|=|\\[lgn]e) ", condition.strip()[1:-1])
    return RELATIONS[relation](float(read(left, names)), float(read(right, names)))


def chosen(text, names):
    """Return the formula of the first case that holds."""
    cases = re.fullmatch(r"\\begin\{cases\} (.*) \\end\{cases\}", text)
    rows = (row.split(" & ") for row in cases[1].split(r" \\ ")) if cases else [(text, None)]
    return next(piece for piece, where in rows if where is None or holds(f"({where})", names))
