"""Numbers that write themselves: arithmetic that keeps, beside its value, the LaTeX of its formula.

A formula written once in Python, such as ``1 / (1 + exp(-z))``, thus gives three things that cannot
disagree: its symbols, the numbers put in, and the result.
"""

import math
import re
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Context

import numpy as np

SUM, PRODUCT, POWER, ATOM = range(4)  # how tightly a text holds together
GIVEN_DIGITS = 6


@dataclass(frozen=True)
class Latex:
    """A text of LaTeX, and how tightly it holds together."""

    text: str
    binding: int = ATOM

    def within(self, binding):
        """Return the text, in brackets where it binds less tightly than what surrounds it."""
        return self.text if self.binding >= binding else brackets(self.text)


def brackets(text):
    """Return the text in brackets, tall ones around a fraction."""
    left, right = (r"\left(", r"\right)") if "frac" in text else "()"
    return f"{left}{text}{right}"


@dataclass(frozen=True)
class Term:
    """A value and how it is written: by its symbols, and with the numbers put in.

    `case` holds, in both spellings, the conditions on which the formula depends, such as z > 0.
    `exact` is False if a function such as e^z took part, whose values have no last digit.
    """

    value: float
    symbols: Latex
    numbers: Latex
    case: tuple = ()
    exact: bool = True

    def _with(self, others, value, write, exact=True):
        """Return the term of an operation on this one and others; `write` writes either spelling.

        It gets the texts, and what joins the factors of a product.
        """
        terms = (self, *others)
        symbols = write(r"\, ", *(term.symbols for term in terms))
        numbers = write(r" \cdot ", *(term.numbers for term in terms))
        case = tuple(dict.fromkeys(c for term in terms for c in term.case))
        return Term(value, symbols, numbers, case, exact and all(t.exact for t in terms))

    def __float__(self):
        return float(self.value)

    def __add__(self, other):
        other = term(other)
        return self._with(
            [other],
            self.value + other.value,
            lambda _, a, b: Latex(f"{a.text} + {_inside(b)}", SUM),
        )

    def __sub__(self, other):
        other = term(other)
        return self._with(
            [other],
            self.value - other.value,
            lambda _, a, b: Latex(f"{a.text} - {b.within(PRODUCT)}", SUM),
        )

    def __mul__(self, other):
        other = term(other)
        return self._with(
            [other],
            self.value * other.value,
            lambda dot, a, b: Latex(f"{a.within(PRODUCT)}{dot}{b.within(PRODUCT)}", PRODUCT),
        )

    def __truediv__(self, other):
        other = term(other)
        return self._with(
            [other],
            self.value / other.value,
            lambda _, a, b: Latex(rf"\frac{{{a.text}}}{{{b.text}}}", POWER),
        )

    def __pow__(self, exponent):
        exponent = term(exponent)
        return self._with(
            [exponent],
            self.value**exponent.value,
            lambda _, a, n: Latex(f"{_base(a)}^{{{n.text}}}", POWER),
        )

    def __neg__(self):
        return self._with([], -self.value, lambda _, a: Latex(f"-{a.within(PRODUCT)}", SUM))

    def __radd__(self, other):
        return term(other) + self

    def __rsub__(self, other):
        return term(other) - self

    def __rmul__(self, other):
        return term(other) * self

    def __rtruediv__(self, other):
        return term(other) / self


def _inside(text):
    """Return what is added, in brackets if it begins with a minus."""
    return brackets(text.text) if text.text.startswith("-") else text.text


def _base(text):
    """Return what is raised to a power, in brackets unless it is a plain number or a word."""
    plain = text.binding == ATOM and not re.search(r"[\^{]", text.text)
    return text.text if plain else brackets(text.text)


def term(value):
    """Return a constant of a formula, which looks the same in both spellings, as a term."""
    if isinstance(value, Term):
        return value
    text = spelled(value, GIVEN_DIGITS)
    return Term(np.float64(value), text, text)


def function(name, value, exact_at=None):
    r"""Return a function of terms that is written ``name(…)`` and computed by `value`.

    Its result is exact where all arguments are `exact_at`; None means everywhere.
    """
    return _function(
        value, exact_at, lambda texts: Latex(name + brackets(", ".join(t.text for t in texts)))
    )


def fenced(left, right, value, exact_at=None):
    """Return a function of one term that is written between two signs, such as |…|."""
    return _function(value, exact_at, lambda texts: Latex(f"{left}{texts[0].text}{right}"))


def _function(value, exact_at, write):
    def apply(*arguments):
        first, *others = map(term, arguments)
        inputs = [argument.value for argument in (first, *others)]
        exact = exact_at is None or all(v == exact_at for v in inputs)
        result = np.float64(value(*inputs))
        return first._with(others, result, lambda _, *texts: write(texts), exact)

    return apply


exp = fenced("e^{", "}", np.exp, exact_at=0)
ln = function(r"\ln", np.log, exact_at=1)
tanh = function(r"\tanh", np.tanh, exact_at=0)
maximum = function(r"\max", max)
absolute = fenced(r"\lvert ", r" \rvert", abs)
root = fenced(r"\sqrt{", "}", np.sqrt)

RELATIONS = {">": float.__gt__, "<": float.__lt__, "=": float.__eq__}
OTHERWISE = {">": r"\le", "<": r"\ge", "=": r"\ne"}


def either(left, relation, right, then, otherwise):
    """Return one of two terms, and write behind it the condition that chose it."""
    left, right = term(left), term(right)
    holds = RELATIONS[relation](float(left.value), float(right.value))
    chosen, sign = (term(then), relation) if holds else (term(otherwise), OTHERWISE[relation])
    condition = tuple(
        f"{getattr(left, spelling).text} {sign} {getattr(right, spelling).text}"
        for spelling in ("symbols", "numbers")
    )
    return replace(chosen, case=(*chosen.case, condition))


def total(terms):
    """Return the sum of terms, in their order."""
    first, *others = terms
    for other in others:
        first = first + other
    return first


def rounded(value, digits):
    """Return a value to `digits` significant digits; as by hand, halves go away from 0."""
    context = Context(prec=digits, rounding=ROUND_HALF_UP)
    return float(context.create_decimal(f"{value:.15g}"))


def in_full(value, digits):
    """Return whether so many significant digits, at most ten, say all but for float's own error."""
    return math.isclose(rounded(value, min(digits, 10)), value, rel_tol=1e-12)


def spelled(value, digits, *, padded=False):
    """Return a number in LaTeX, with fewer significant digits than `digits` if these say all.

    `padded` writes all digits nevertheless.
    """
    style = f"#.{digits}g" if padded or not in_full(value, digits) else f".{digits}g"
    shown = rounded(value, digits) + 0.0  # + 0.0: no −0
    mantissa, _, exponent = f"{shown:{style}}".partition("e")
    mantissa = mantissa.removesuffix(".")
    if exponent:
        power = f"10^{{{int(exponent)}}}"
        if mantissa in ("1", "-1"):
            return Latex(mantissa[:-1] + power, SUM if value < 0 else POWER)
        return Latex(rf"{mantissa} \cdot {power}", SUM if value < 0 else PRODUCT)
    return Latex(mantissa, SUM if value < 0 else ATOM)


def result(symbol, value, digits, *, rounds=False):
    """Return a computed number as a term; `rounds` goes on with what `digits` show of it."""
    carried = np.float64(rounded(value, digits) if rounds else value)
    return Term(carried, Latex(symbol), spelled(value, digits))


def given(symbol, value, digits, *, rounds=False):
    """Return a given number as a term: as it is, if it has at most six significant digits."""
    if in_full(value, GIVEN_DIGITS):
        return result(symbol, value, max(digits, GIVEN_DIGITS))
    return result(symbol, value, digits, rounds=rounds)
