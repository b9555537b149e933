"""The hand calculation of one training step: forward, cost, backward, update, line by line."""

from typing import NamedTuple

import numpy as np

from dlutils import _formulas
from dlutils._formulas import ON_CLASSES, ON_LOGITS
from dlutils._terms import PRODUCT, SUM, given, in_full, result, total
from dlutils.activations import Identity, Softmax


class SolutionStep(NamedTuple):
    """One step of a hand calculation.

    Attributes
    ----------
    title : what the step belongs to
    symbolic : its formula, as LaTeX, from the name of the result on
    substituted : the right side of the formula with the numbers put in, as LaTeX
    value : float or array, the result as it was carried on
    """

    title: str
    symbolic: str
    substituted: str
    value: float | np.ndarray


class Line(NamedTuple):
    """A step as it stands on the sheet.

    `formula` is that of all lines under the title, `result` the value as it is shown, behind = or
    ≈, and `names` is the name of the value or of each of its entries.
    """

    part: str
    formula: str
    step: SolutionStep
    result: str
    names: str | np.ndarray


class Sheet:
    """A sheet of paper: it takes one line after the other, and rounds each number if so told."""

    def __init__(self, digits, rounds=False):
        self.digits, self.rounds, self.lines = digits, rounds, []

    def head(self, part, title, formula=""):
        """Begin a new group of lines."""
        self._part, self._title, self._formula = part, title, formula

    def given(self, symbol, value):
        """Return a number that nobody computes under its name."""
        return given(symbol, value, self.digits, rounds=self.rounds)

    def line(self, symbol, formula):
        """Write down `symbol = formula`, and return the result under its name."""
        computed = result(symbol, formula.value, self.digits, rounds=self.rounds)
        symbols, numbers = formula.symbols.text, formula.numbers.text
        for in_symbols, in_numbers in formula.case:
            symbols += rf" \quad ({in_symbols})"
            numbers += rf" \quad ({in_numbers})"
        step = SolutionStep(self._title, f"{symbol} = {symbols}", numbers, float(computed))
        text = computed.numbers.text
        self._write(step, formula.value, text, symbol, formula.exact)
        return computed

    def array(self, symbol, symbolic, substituted, raw, entry):
        """Write down a line whose result is an array, and return its entries as terms.

        `entry` gives the name of an entry from its index.
        """
        terms = np.empty(raw.shape, object)
        for index, value in np.ndenumerate(raw):
            terms[index] = result(entry(*index), value, self.digits, rounds=self.rounds)
        step = SolutionStep(self._title, f"{symbol} = {symbolic}", substituted, values(terms))
        names = np.array([t.symbols.text for t in terms.flat], object)
        self._write(step, raw, matrix(terms), names)
        return terms

    def table(self, array, entry):
        """Return the entries of a given array as terms."""
        terms = np.empty(array.shape, object)
        for index, value in np.ndenumerate(array):
            terms[index] = self.given(entry(*index), value)
        return terms

    def _write(self, step, raw, text, names, exact=True):
        if not np.isfinite(raw).all():
            symbol = step.symbolic.partition(" = ")[0]
            raise ValueError(f"{symbol}: {raw}, wanted finite numbers, also when computed by hand")
        exact = exact and all(in_full(v, self.digits) for v in np.ravel(raw))
        sign = "=" if exact else r"\approx"
        self.lines.append(Line(self._part, self._formula, step, f"{sign} {text}", names))


def values(terms):
    """Return the values of an array of terms."""
    return np.array([float(t) for t in terms.flat]).reshape(terms.shape)


def matrix(terms, binding=SUM):
    """Return an array of terms, with its numbers, as LaTeX; a vector stands upright.

    A single entry stands alone, in brackets where it binds less tightly than what surrounds it.
    """
    if terms.size == 1:
        return terms.item().numbers.within(binding)
    rows = terms if terms.ndim == 2 else terms[:, None]
    body = r" \\ ".join(" & ".join(t.numbers.text for t in row) for row in rows)
    return rf"\begin{{pmatrix}} {body} \end{{pmatrix}}"


def outer(column, row):
    """Return the outer product of two arrays of terms, with its numbers, as LaTeX."""
    dot = r" \cdot " if 1 in (column.size, row.size) else " "
    return matrix(column, PRODUCT) + dot + matrix(row[None], PRODUCT)


def partial(symbol):
    """Return the name of the derivative of the cost by something."""
    return rf"\frac{{\partial C}}{{\partial {symbol}}}"


class Calculation:
    """What is given, and what was computed from it.

    Every quantity is an array of terms with a row for each example, also if there is only one.
    """

    def __init__(self, sheet, activations, params, x, y, loss):
        self.sheet, self.activations, self.loss = sheet, activations, loss
        self.batch, self.L, self.values = x.ndim == 2, len(activations), {}
        self.x, self.y = (
            sheet.table(rows, lambda n, i, letter=letter, of=rows: self.name(letter, n, i, of))
            for letter, rows in (("x", np.atleast_2d(x)), ("y", np.atleast_2d(y)))
        )
        self.N, self.units = len(self.x), [len(b) for b in params.b]
        self.W = [sheet.table(W, self.weight(l)) for l, W in enumerate(params.W, 1)]
        self.b = [sheet.table(b, self.bias(l)) for l, b in enumerate(params.b, 1)]

    # What things are called. A single unit has no number; in a batch the example's comes first.

    def name(self, letter, n, i, rows):
        """Return the name of entry i of example n."""
        if self.batch:
            return f"{letter}_{{{n + 1}{i + 1}}}"
        return letter if rows.shape[1] == 1 else f"{letter}_{i + 1}"

    def weight(self, l):
        """Return the function that names the weights of a layer."""
        return lambda i, j: f"W^{l}_{{{i + 1}{j + 1}}}"

    def bias(self, l):
        """Return the function that names the biases of a layer."""
        return lambda i: f"b^{l}" if self.units[l - 1] == 1 else f"b^{l}_{i + 1}"

    def input_of(self, l):
        """Return what the input of a layer is called: x, a, or z of an identity."""
        if l == 1:
            return "x"
        return f"{'z' if isinstance(self.activations[l - 2], Identity) else 'a'}^{l - 1}"

    def slope_name(self, l, n, i):
        """Return what the derivative of an activation is called at one entry."""
        z = self.name(f"z^{l}", n, i, self.z[l - 1])
        return f"{_formulas.letter(self.activations[l - 1])}'({z})"

    def lines(self, letter, shape, formula, name=str):
        """Write a line for each entry of each example, and return the results.

        `formula` makes the formula of entry i of example n.
        """
        results = np.empty(shape, object)
        for n, i in np.ndindex(shape):
            symbol = name(self.name(letter, n, i, results))
            results[n, i] = self.sheet.line(symbol, formula(n, i))
        return results

    def keep(self, name, terms, rows=True):
        """Keep the values of an array of terms, in the shape that the package gives them."""
        array = values(terms)
        self.values[name] = array[0] if rows and not self.batch else array

    # The parts of the calculation.

    def forward(self, part="forward", prefix="", after=""):
        """Compute z and a of every layer."""
        sheet, self.z, self.a = self.sheet, [], [self.x]
        for l, (g, W, b) in enumerate(zip(self.activations, self.W, self.b, strict=True), 1):
            a, before = self.a[-1], self.input_of(l)
            formula = f"z^{l} = W^{l} {before} + b^{l}"
            if self.batch:
                formula = rf"Z^{l} = {before.upper()} (W^{l})^{{\mathsf{{T}}}} + b^{l}"
            sheet.head(part, titled(prefix, f"Layer {l}, weighted sums"), formula)

            def weighted_sum(n, i, a=a, W=W, b=b):
                return total([*(w * v for w, v in zip(W[i], a[n], strict=True)), b[i]])

            z = self.lines(f"z^{l}", (self.N, len(b)), weighted_sum)
            formula = f"a^{l} = {_formulas.letter(g)}(z^{l})"
            formula = formula.replace("a^", "A^").replace("z^", "Z^") if self.batch else formula
            sheet.head(part, titled(prefix, f"Layer {l}, activations"), formula)
            self.z.append(z)
            self.a.append(self._activations(g, l, z))
            self.keep(f"z{l}{after}", z)
            self.keep(f"a{l}{after}", self.a[-1])

    def _activations(self, g, l, z):
        if isinstance(g, Identity):
            return z  # and keeps its name: nothing is computed
        if isinstance(g, Softmax):
            rows = [_formulas.softmax(row) for row in z]
            return self.lines(f"a^{l}", z.shape, lambda n, i: rows[n][i])
        given = self.sheet.given
        return self.lines(f"a^{l}", z.shape, lambda n, i: _formulas.activation(g, z[n, i], given))

    def cost(self, part="cost", prefix="", after=""):
        """Compute the cost of the output; a loss on logits first makes probabilities of them."""
        sheet, loss, output = self.sheet, self.loss, self.a[-1]
        if isinstance(loss, ON_LOGITS):
            letter = r"\mathrm{Softmax}" if isinstance(loss, ON_CLASSES) else r"\sigma"
            of = self.input_of(self.L + 1)
            formula = f"P = {letter}({of.upper()})" if self.batch else f"p = {letter}({of})"
            sheet.head(part, titled(prefix, "Probabilities"), formula)
            rows = [_formulas.probabilities(loss, row, sheet.given) for row in output]
            output = self.lines("p", output.shape, lambda n, i: rows[n][i])
            self.keep(f"p{after}", output)
        self.p = output
        parts = [
            _formulas.parts(loss, a, y, sheet.given) for a, y in zip(output, self.y, strict=True)
        ]
        count = _formulas.count(loss, *output.shape)
        cost = parts[0][0]
        if self.N * len(parts[0]) > 1:
            each = "example" if self.batch else "output"
            sheet.head(part, titled(prefix, f"Loss of each {each}"))
            if self.batch and len(parts[0]) == 1:
                losses = [sheet.line(rf"\ell_{n}", terms[0]) for n, terms in enumerate(parts, 1)]
            else:
                shape = self.N, len(parts[0])
                losses = self.lines(r"\ell", shape, lambda n, i: parts[n][i]).ravel()
            cost = shared(total(losses), count)
        sheet.head(part, titled(prefix, "Cost"))
        self.values[f"C{after}"] = float(sheet.line("C", cost))

    def backward(self):
        """Compute δ and the gradients of every layer, from the last to the first."""
        self.dW, self.db = [None] * self.L, [None] * self.L
        given, outputs = self.sheet.given, self.p
        count = _formulas.count(self.loss, *outputs.shape)
        rows = [
            [shared(_formulas.output_slope(self.loss, a, y, given), count) for a, y in pair]
            for pair in (zip(a, y, strict=True) for a, y in zip(outputs, self.y, strict=True))
        ]
        for l in range(self.L, 0, -1):
            delta = self._deltas(l, rows, output=l == self.L)
            self.keep(f"delta{l}", delta)
            self._gradients(l, delta)
            rows = [
                [total([d * w for d, w in zip(row, W, strict=True)]) for W in self.W[l - 1].T]
                for row in delta
            ]

    def _deltas(self, l, rows, output):
        """Compute δ of a layer from the formulas of ∂C/∂a, one row of them for each example."""
        sheet, g, z, a = self.sheet, self.activations[l - 1], self.z[l - 1], self.a[l]
        name = f"\\delta^{l}"
        index = "{ni}" if self.batch else "i"
        back = rf"\frac{{\partial C}}{{\partial a^{l}_{index}}}"
        if not output:
            back = rf"\sum_k \delta^{l + 1}_{index.replace('i', 'k')} W^{l + 1}_{{ki}}"
        if isinstance(g, Identity):
            formula = rf"\delta^{l} = \frac{{\partial C}}{{\partial z^{l}}}"
            sheet.head("deltas", f"Layer {l}, deltas", formula)
            return self.lines(name, z.shape, lambda n, i: rows[n][i])
        softmax = isinstance(g, Softmax)
        if output or softmax:
            sheet.head("deltas", f"Layer {l}, slopes of the cost against the activations")
            g_a = self.lines(f"a^{l}", z.shape, lambda n, i: rows[n][i], partial)
            self.keep(f"dC/da{l}", g_a)
            rows = g_a
        if softmax:
            return self._softmax_deltas(l, rows)
        letter = _formulas.letter(g)
        sheet.head("deltas", f"Layer {l}, slopes of the activation")
        slopes = np.empty(z.shape, object)
        for n, i in np.ndindex(z.shape):
            formula = _formulas.slope(g, z[n, i], a[n, i], sheet.given)
            slopes[n, i] = sheet.line(self.slope_name(l, n, i), formula)
        self.keep(f"g'(z{l})", slopes)
        formula = rf"\delta^{l}_{index} = {letter}'(z^{l}_{index}) \, {back}"
        sheet.head("deltas", f"Layer {l}, deltas", formula)
        return self.lines(name, z.shape, lambda n, i: rows[n][i] * slopes[n, i])

    def _softmax_deltas(self, l, slopes):
        sheet, a = self.sheet, self.a[l]
        n, ni = ("_n", "_{ni}") if self.batch else ("", "_i")
        slope = partial(f"a^{l}{ni}")
        formula = rf"m{n} = \sum_i a^{l}{ni} \, {slope}"
        sheet.head("deltas", f"Layer {l}, mean of these slopes, weighted with a", formula)
        means = [
            sheet.line(
                f"m_{n}" if self.batch else "m",
                total([p * s for p, s in zip(*rows, strict=True)]),
            )
            for n, rows in enumerate(zip(a, slopes, strict=True), 1)
        ]
        formula = rf"\delta^{l}{ni} = a^{l}{ni} \left({slope} - m{n}\right)"
        sheet.head("deltas", f"Layer {l}, deltas", formula)
        return self.lines(rf"\delta^{l}", a.shape, lambda n, i: a[n, i] * (slopes[n, i] - means[n]))

    def _gradients(self, l, delta):
        """Write ∂C/∂W as the sum of the examples' outer products, and ∂C/∂b as that of their δ."""
        sheet, a, symbol = self.sheet, self.a[l - 1], self.input_of(l)
        d, x = rf"\delta^{l}", f"({symbol})" if "^" in symbol else symbol
        formulas = rf"{d} {x}^{{\mathsf{{T}}}}", d
        if self.batch:
            x = [f"({symbol}_{n})" if "^" in symbol else f"x_{n}" for n in range(1, self.N + 1)]
            formulas = (
                " + ".join(rf"{d}_{n} {of}^{{\mathsf{{T}}}}" for n, of in enumerate(x, 1)),
                " + ".join(rf"{d}_{n}" for n in range(1, self.N + 1)),
            )
        products = [outer(u, v) for u, v in zip(delta, a, strict=True)]
        columns = [matrix(u, PRODUCT if n else SUM) for n, u in enumerate(delta)]
        sheet.head("gradients", f"Layer {l}, gradients")
        self.dW[l - 1] = sheet.array(
            partial(f"W^{l}"),
            formulas[0],
            " + ".join(products),
            values(delta).T @ values(a),
            lambda i, j: partial(self.weight(l)(i, j)),
        )
        self.db[l - 1] = sheet.array(
            partial(f"b^{l}"),
            formulas[1],
            " + ".join(columns),
            values(delta).sum(axis=0),
            lambda i: partial(self.bias(l)(i)),
        )
        self.keep(f"dC/dW{l}", self.dW[l - 1], rows=False)
        self.keep(f"dC/db{l}", self.db[l - 1], rows=False)

    def update(self, learning_rate):
        """Take one step of gradient descent: the parameters are new afterwards."""
        sheet = self.sheet
        sheet.head("update", "Update", r"\theta \leftarrow \theta - \eta \nabla C")
        eta = sheet.given(r"\eta", learning_rate)
        for own, gradients, letter in (self.W, self.dW, "W"), (self.b, self.db, "b"):
            for l, (old, slope) in enumerate(zip(own, gradients, strict=True), 1):
                symbol = f"{letter}^{l}"
                own[l - 1] = sheet.array(
                    rf"{symbol}_{{\text{{new}}}}",
                    rf"{symbol} - \eta \, {partial(symbol)}",
                    rf"{matrix(old)} - {eta.numbers.text} \cdot {matrix(slope, PRODUCT)}",
                    values(old) - eta.value * values(slope),
                    (self.weight if letter == "W" else self.bias)(l),
                )
                self.keep(f"{letter}{l} after", own[l - 1], rows=False)


def titled(prefix, title):
    """Return a title, in the middle of a sentence if something stands before it."""
    return f"{prefix}: {title[0].lower()}{title[1:]}" if prefix else title


def shared(term, count):
    """Return a term divided by a whole number, as one writes it."""
    if count == 1:
        return term
    return _formulas.fraction(count) * term if "frac" in term.symbols.text else term / count
