"""A calculation by hand as the reader gets it: shown as Markdown, as data, or as a figure."""

import re
from itertools import groupby

import numpy as np

from dlutils._calculation import Sheet, partial
from dlutils._checks import whole
from dlutils._terms import rounded, spelled

MOST_DIGITS = 15
SHOWING = (
    "Results are shown with {} significant digit{} but carried on unrounded: computed from what is "
    "shown, a last digit may differ."
)
ROUNDING = "Every result is rounded to {} significant digit{} before it is used again."


class Text(str):
    """Markdown that a notebook renders."""

    def __repr__(self):
        return str(self)

    def _repr_markdown_(self):
        return str(self)


class Solution:
    """A calculation by hand. As the last value of a notebook cell it is shown; ``str`` is Markdown.

    It comes from `example` and its like. Results are shown with as many significant digits as were
    asked for: behind = if these say all, else behind ≈. They are carried on unrounded, unless
    `carry_digits` was given.

    Attributes
    ----------
    steps : tuple of `SolutionStep`
        The same as data: title, symbolic, substituted, value.
    values : dict
        Every quantity by its name, at full precision, also where the steps carry rounded numbers.
    """

    def __init__(self, lines, values, digits, *, exact_lines=None, note="", given=None):
        self._lines, self._exact_lines = tuple(lines), exact_lines
        self._digits, self._note, self._given = digits, note, given
        self.values = values

    @property
    def steps(self):
        """The steps as data."""
        return tuple(line.step for line in self._lines)

    def __repr__(self):
        return f"{type(self).__name__}: {len(self._lines)} steps"

    def __str__(self):
        return self._repr_markdown_()

    def _repr_markdown_(self):
        texts = [self._note] if self._note else []
        groups = groupby(self._lines, key=lambda line: (line.step.title, line.formula))
        for (title, formula), lines in groups:
            texts.append(f"**{title}**" + (f": ${formula}$" if formula else ""))
            texts.append(aligned(map(rows, lines)))
        if self._exact_lines:
            texts += ["**Where the rounding shows**", self.drift]
        return "\n\n".join(texts)

    def part(self, *names):
        """Return only some parts of the solution, for a cell that shows no more.

        Parameters
        ----------
        names : strings
            Of an `example`: ``"forward"``, ``"cost"``, ``"deltas"``, ``"gradients"``, and, with a
            learning rate, ``"update"`` and ``"after"``. Of the other solutions: the numbers of
            their steps, such as ``"1"``.

        Raises
        ------
        ValueError
            If there is no such part.
        """
        known = list(dict.fromkeys(line.part for line in self._lines))
        for name in names or [()]:
            if name not in known:
                raise ValueError(f"names: {name!r}, wanted some of {', '.join(known)}")
        wanted = [line.part in names for line in self._lines]
        lines, exact = (
            lines and tuple(line for line, w in zip(lines, wanted, strict=True) if w)
            for lines in (self._lines, self._exact_lines)
        )
        return Solution(lines, self.values, self._digits, exact_lines=exact, given=self._given)

    @property
    def drift(self):
        """The results of which rounding on the way has spoiled a digit that is shown, as a table.

        Raises ValueError if the solution does not round on the way.
        """
        if self._exact_lines is None:
            raise ValueError("carry_digits: None, wanted a solution that rounds on the way")
        head = "| result | rounded on the way | unrounded | error |\n|:--|--:|--:|--:|"
        table, seen = [head], set()
        for line, exact in zip(self._lines, self._exact_lines, strict=True):
            columns = line.names, line.step.value, exact.step.value
            for name, value, truth in zip(
                *(np.atleast_1d(column).flat for column in columns), strict=True
            ):
                again = r"\partial b" in name and (value, truth) in seen  # where it is δ
                if again or value == rounded(truth, self._digits):
                    continue
                seen.add((value, truth))
                name = re.sub(r"\\frac\{(.*?)\}\{(.*)\}", r"\1 / \2", name)
                text = spelled(value, self._digits, padded=True).text
                exact_text = spelled(truth, self._digits + 2, padded=True).text
                after = " after the update" if line.part in ("update", "after") else ""
                error = "–"
                if truth:
                    error = f"${spelled(100 * abs(value / truth - 1), 2).text}$ %"
                table.append(f"| ${name}${after} | ${text}$ | ${exact_text}$ | {error} |")
        return Text("\n".join(table) if table[1:] else "Every digit shown is right.")

    def step_through(self, digits=4):
        """Return the network as a figure with a slider, which goes through both passes.

        Each frame shows the numbers as far as one step and marks the new ones. A part of a solution
        shows its own steps. It needs matplotlib, and works on a page without a kernel.

        Parameters
        ----------
        digits : int
            Decimals shown.

        Returns
        -------
        dlutils.widgets.Sliders

        Raises
        ------
        ValueError
            If the solution is not that of one example and a network, or its parts have no frame.
        """
        from dlutils import plotting
        from dlutils.widgets import Sliders

        if self._given is None or self._given[0][2].ndim != 1:
            raise ValueError("step_through: wanted the solution of one example, from `example`")
        digits = whole(digits, "digits", 0)
        (net, params, x, y, loss), lines = self._given
        trace = net.forward(params, x)
        gradients = net.backward(params, trace, loss.gradient(trace.output, y))
        sizes = [len(x), *map(len, params.b)]
        frames = _frames(lines, self.values, x, sizes, digits)
        parts = {line.part for line in self._lines}
        shown = [label for label in frames if PARTS[label[0]] in parts]
        if not shown:
            raise ValueError("step_through: wanted the part forward, cost, deltas or gradients")
        if not parts & {"deltas", "gradients"}:
            gradients = None

        def draw(label):
            number = list(frames).index(label)
            axes = plotting.plot_network(params, trace, gradients, digits=digits, step=number)
            axes.set_title(frames[label][0])
            return axes

        return Sliders(draw, {"step": shown}, alt=lambda label: frames[label][1])


def aligned(rows):
    """Return rows as one formula in Markdown, aligned at their &."""
    body = " \\\\\n".join(rows)
    return f"$$\n\\begin{{aligned}}\n{body}\n\\end{{aligned}}\n$$"


def rows(line):
    """Return a line as rows of LaTeX: the formula, the numbers put in, and, if wide, the result."""
    symbol, _, symbolic = line.step.symbolic.partition(" = ")
    numbers, quad, case = line.step.substituted.partition(r" \quad ")
    sign, _, text = line.result.partition(" ")
    first = f"{symbol} &= {symbolic}"
    if numbers == text and not case:  # there was no number to put in
        return f"{first} {line.result}"
    if numbers == text:
        return f"{first} {NEXT}{sign} {text}{quad}{case}"
    wide = np.size(line.names) > 1 or len(re.sub(UNSEEN, "", numbers)) > MOST_SEEN
    return f"{first} {NEXT}= {numbers} {NEXT if wide else ''}{line.result}{quad}{case}"


NEXT = "\\\\\n&"
UNSEEN, MOST_SEEN = r"\\[a-z]+|[{}^ ]", 22  # what fits beside a result on a phone


RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
# To which part of a solution a frame belongs, by the first letter of its label.
PARTS = dict.fromkeys("xza", "forward") | {"C": "cost", "δ": "deltas", "∂": "gradients"}


def _frames(lines, found, x, sizes, digits):
    """Return the title and the text for those who do not see, for each step of both passes."""
    formulas = {(line.part, line.step.title): line.formula for line in lines}
    symbolic = {line.step.symbolic.split(" = ")[0]: line.step.symbolic for line in lines}

    def frame(label, what, value, formula):
        label = label.translate(RAISED)
        numbers = ", ".join(f"{v:.{digits}f}" for v in np.ravel(value)).replace("-", "−")
        title = f"${formula}$".replace("tfrac", "frac")  # which matplotlib does not know
        if label == "C":
            title += f" = {numbers}"
        seen = f"The {'-'.join(map(str, sizes))} network, with its numbers as far as {label}."
        return {label: (title, f"{seen} {what}: {numbers}.")}

    layers, frames = len(sizes) - 1, frame("x", "The inputs", x, "x")
    for l in range(1, layers + 1):
        for letter, what in (("z", "weighted sums"), ("a", "activations")):
            title = f"Layer {l}, {what}"
            formula = formulas.get(("forward", title), f"a^{l} = z^{l}")
            frames |= frame(f"{letter}{l}", title, found[f"{letter}{l}"], formula)
    frames |= frame("C", "The cost", found["C"], symbolic["C"])
    for l in range(layers, 0, -1):
        title = f"Layer {l}, deltas"
        formula = formulas["deltas", title] or rf"\delta^{l}"
        frames |= frame(f"δ{l}", title, found[f"delta{l}"], formula)
        title, name = f"Layer {l}, gradients of the weights", f"W^{l}"
        formula = symbolic[partial(name)]
        frames |= frame(f"∂C/∂W{l}", title, found[f"dC/dW{l}"], formula)
    return frames


def solve(calculate, digits, carry_digits, note="", given=None):
    """Return the solution that a calculation writes on a sheet, on a second one with rounding."""
    sheet, found = calculate(Sheet(digits))
    given = given and (given, tuple(sheet.lines))
    if carry_digits is None:
        note = f"{SHOWING.format(digits, 's' * (digits > 1))} {note}".strip()
        return Solution(sheet.lines, found, digits, note=note, given=given)
    rounding, _ = calculate(Sheet(checked_digits(carry_digits, "carry_digits"), rounds=True))
    plural = "s" * (carry_digits > 1)
    note = f"{ROUNDING.format(carry_digits, plural)} {note}".strip()
    return Solution(
        rounding.lines,
        found,
        carry_digits,
        exact_lines=tuple(sheet.lines),
        note=note,
        given=given,
    )


def checked_digits(value, name):
    """Return how many digits are to be shown; refuse what no float has."""
    if whole(value, name, 1) > MOST_DIGITS:
        raise ValueError(f"{name}: {value}, wanted at most {MOST_DIGITS}")
    return int(value)
