"""Worked solutions: every step of a calculation by hand, written out for any small network."""

import hashlib
import random
import re
import unicodedata
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from dlutils._calculation import Calculation, Sheet, SolutionStep, matrix, values
from dlutils._checks import finite_array, number, positive, whole
from dlutils._formulas import (
    ON_CLASSES,
    ON_LOGITS,
    activation,
    at,
    count,
    output_slope,
    parts,
    slope,
    state_letters,
    step,
)
from dlutils._solution import Solution, Text, aligned, checked_digits, solve
from dlutils._terms import (
    GIVEN_DIGITS,
    PRODUCT,
    Latex,
    Term,
    either,
    given,
    in_full,
    rounded,
    spelled,
    term,
    total,
)
from dlutils.activations import (
    ALL_ACTIVATIONS,
    GELU,
    Activation,
    Identity,
    LeakyReLU,
    Sigmoid,
    Softmax,
    Swish,
    softmax,
)
from dlutils.layers import Activate, Dense
from dlutils.losses import (
    ALL_LOSSES,
    BinaryCrossEntropy,
    CategoricalCrossEntropy,
    HalfSquaredError,
    Hinge,
    Loss,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
    SquaredHinge,
)
from dlutils.network import MLP, Network, Parameters
from dlutils.optimizers import ALL_OPTIMIZERS, Optimizer
from dlutils.perceptron import Perceptron, train_perceptron
from dlutils.schedules import _rate_at

__all__ = [  # noqa: RUF022 - in the order of the API page
    "example",
    "formulas",
    "problem",
    "problem_for",
    "perceptron",
    "optimizer",
    "Problem",
    "Solution",
    "SolutionStep",
    "Text",
]

MOST_UNITS, MOST_LAYERS, MOST_EXAMPLES, MOST_STEPS = 5, 4, 3, 50
MOST_TRIES = 2000
OUTPUTS = {
    BinaryCrossEntropy: Sigmoid(),
    SigmoidCrossEntropy: Identity(),
    CategoricalCrossEntropy: Softmax(),
    SoftmaxCrossEntropy: Identity(),
    Hinge: Identity(),
    SquaredHinge: Identity(),
}


LEARNING_RULE = r"w \leftarrow w + \eta \, e \, x , \; b \leftarrow b + \eta \, e"
EXAMPLE = (
    r"With $a^0 = x$, layer $l$ computes $z^l = W^l a^{l-1} + b^l$ and from it $a^l$; and "
    r"$\delta^l = \frac{\partial C}{\partial z^l}$. "
)
BATCH = (
    r"The rows of $X$ and $Y$ are examples. With $A^0 = X$, layer $l$ computes "
    r"$Z^l = A^{l-1} (W^l)^{\mathsf T} + b^l$, with $b^l$ added to every row, and from it $A^l$; "
    r"$\delta^l = \frac{\partial C}{\partial Z^l}$. The formulas below are for one example; "
    "i and j count its units or classes. "
)
INDICES = (
    "In all letters but $W$ and $b$ the first index counts the examples; with that index alone, a "
    "letter stands for the whole example, written as a column."
)


def example(net, params, x, y, loss, learning_rate=None, digits=4, carry_digits=None):
    r"""Write out every step of a network's calculation: forward, cost, backward, and an update.

    For each layer: the weighted sums z = W a + b and the activations a = g(z); the cost C; from
    the last layer to the first δ = ∂C/∂z with its product by the chain rule, and the gradients
    ∂C/∂W = δ aᵀ and ∂C/∂b = δ, for a batch the sums of these; with a learning rate η, the
    update θ − η ∂C/∂θ and the cost after it. Each in symbols, with the numbers put in, and as the
    result.

    Parameters
    ----------
    net : MLP, or Network of Dense and Activate
        At most 4 dense layers, with at most 5 inputs and units each.
    params : Parameters
    x : array (n_0,), or (N, n_0) for a batch of N ≤ 3 examples
    y : array (n_L,) or (N, n_L)
        The target, as the loss takes it; labels too.
    loss : loss
        One of the package.
    learning_rate : float > 0, optional
        η. Without it there is no update.
    digits : int from 1 to 15
        Significant digits shown; given numbers stand in full if they have at most six.
    carry_digits : int from 1 to 15, optional
        Round every result to so many significant digits before it is used again, as one does by
        hand, and show so many, whatever `digits` says. The solution then has a table of the
        `drift`.

    Returns
    -------
    Solution
        The names in its `values` are those of the formulas: z1, a1, …, C, delta2, dC/dW2, ….

    Raises
    ------
    ValueError
        If the network is too large or has other layers, an argument does not fit another, a number
        is outside its range, or a result is not finite when it is computed as on paper.

    Examples
    --------
    >>> net = MLP([1, 1], output=Sigmoid())
    >>> params = net.parameters(W1=[[0.5]], b1=[0.1])
    >>> solution = example(net, params, [0.8], [1.0], HalfSquaredError())
    >>> solution.steps[0]  # doctest: +NORMALIZE_WHITESPACE
    SolutionStep(title='Layer 1, weighted sums', symbolic='z^1 = W^1_{11}\\, x + b^1',
                 substituted='0.5 \\cdot 0.8 + 0.1', value=0.5)
    >>> solution.values["delta1"].round(4)
    array([-0.0887])

    References
    ----------
    Rumelhart, Hinton and Williams (1986), Learning representations by back-propagating errors.
    """
    activations = _activations(net)
    loss = _known(loss, "loss", Loss, ALL_LOSSES)
    digits = checked_digits(digits, "digits")
    if learning_rate is not None:
        positive(learning_rate, "learning_rate")
    with np.errstate(all="ignore"):  # a result that is not finite is refused below, by its name
        trace = _renamed("X", "x", net.forward, params, x)
        wide = params.with_vector(params.vector.astype(np.float64))
        trace = net.forward(wide, trace.a[0].astype(np.float64))
    x, output = trace.a[0], trace.output
    if len(np.atleast_2d(x)) > MOST_EXAMPLES:
        raise ValueError(f"x: {len(x)} examples, wanted at most {MOST_EXAMPLES} to show")
    y = _renamed("target", "y", loss._targets, y, output.shape, np.float64)
    if np.isfinite(output).all():
        loss._check_output(output)

    def calculate(sheet):
        with np.errstate(all="ignore"):  # a result that is not finite is refused
            work = Calculation(sheet, activations, params, x, y, loss)
            work.forward()
            work.cost()
            work.backward()
            if not sheet.rounds:
                work.values |= _checked(work.values, activations, trace, loss, y, net, wide)
            if learning_rate is not None:
                work.update(learning_rate)
                work.forward("after", "After the update", " after")
                work.cost("after", "After the update", " after")
        return sheet, work.values

    note = INDICES if x.ndim == 2 else ""
    return solve(calculate, digits, carry_digits, note, (net, params, x, y, loss))


def _checked(found, activations, trace, loss, y, net, params):
    """Return what the package computes; refuse formulas on paper that lose digits to rounding."""
    gradients = net.backward(params, trace, loss.gradient(trace.output, y))
    true = {"C": loss(trace.output, y)}
    for l, g in enumerate(activations, 1):
        true |= {f"z{l}": trace.z[l], f"a{l}": trace.a[l], f"delta{l}": gradients.delta[l]}
        true |= {f"dC/dW{l}": gradients.W[l], f"dC/db{l}": gradients.b[l]}
        if f"g'(z{l})" in found:
            true[f"g'(z{l})"] = g.derivative(trace.z[l])
    for name, value in true.items():
        if np.any(value) and np.abs(found[name] - value).max() > 1e-7 * np.abs(value).max():
            seen = f"{found[name]} by the formula, {value} in truth"
            raise ValueError(f"{name}: {seen}, wanted units that are less saturated")
    return true


def _renamed(old, new, function, *arguments):
    """Return what a function returns; its errors call an argument by the name it has here."""
    try:
        return function(*arguments)
    except ValueError as error:
        raise ValueError(re.sub(f"^{old}:", f"{new}:", str(error))) from None


def formulas(function):
    r"""Return the LaTeX of an activation or a loss and of its derivative, or of an optimizer.

    Of an activation, g(z) and g′(z), where a stands for g(z) if that is shorter. Of a loss, what
    one entry of the output costs, before the mean, and the derivative of that: a is the output, y
    the target and d the δ of Huber. A loss of probabilities has p for a; one on logits too, where
    p is made from them, and its derivative is the one with the logit. Of several cases, the first
    counts that holds. Of an optimizer, the lines of its step t, from the gradient g to θ.

    Parameters
    ----------
    function : activation, loss or optimizer
        One of those in ``ALL_ACTIVATIONS``, ``ALL_LOSSES`` or ``ALL_OPTIMIZERS``, with any numbers.

    Returns
    -------
    tuple of strings, two but for an optimizer

    Raises
    ------
    ValueError
        If it is no loss or optimizer of the package, and none of its activations that act on every
        entry alone.

    Examples
    --------
    >>> from dlutils import Huber, Momentum, ReLU, SoftmaxCrossEntropy, Tanh
    >>> formulas(Tanh())
    ('\\tanh(z)', '1 - a^{2}')
    >>> print(formulas(ReLU())[1])
    \begin{cases} 1 & z > 0 \\ 0 & z \le 0 \end{cases}
    >>> formulas(SoftmaxCrossEntropy())
    ('-\\sum_i y_i \\, \\ln(p_i)', 'p_i - y_i')
    >>> formulas(Momentum(0.1))
    ('v_t = \\beta\\, v_{t-1} + g_t', '\\theta_t = \\theta_{t-1} - \\eta\\, v_t')

    References
    ----------
    Those of the activations, losses and optimizers.
    """
    known = (*ALL_ACTIVATIONS, *ALL_LOSSES, *ALL_OPTIMIZERS)
    function = _known(function, "function", Activation | Loss | Optimizer, known)
    if isinstance(function, Optimizer):
        return _rules(function)

    def named(symbol, value):
        return given(symbol, value, GIVEN_DIGITS)

    if isinstance(function, Loss):
        likely = isinstance(function, (BinaryCrossEntropy, ON_CLASSES, ON_LOGITS))
        index = "_i" if isinstance(function, ON_CLASSES) else ""
        y = named(f"y{index}", 0.5)
        # On the target, and far from it on either side: every case of every loss.
        outputs = [named(("p" if likely else "a") + index, a) for a in (0.5, 1e300, -1e300)]
        with np.errstate(all="ignore"):  # only the symbols count
            value = [parts(function, [a], [y], named)[0] for a in outputs]
            derivative = [output_slope(function, a, y, named) for a in outputs]
        return _of_classes("p") if index else _in_cases(value), _in_cases(derivative)
    at_zero = (0.0,) if getattr(function, "value_at_zero", 0) else ()  # of Step
    places = [named("z", z) for z in (1.0, *at_zero, -1.0)]
    value = [activation(function, z, named) for z in places]
    derivative = [slope(function, z, named("a", float(function(z.value))), named) for z in places]
    return _in_cases(value), _in_cases(derivative)


def _rules(opt):
    """Return the lines of an optimizer's step t after that of the gradient, read off a trace."""
    t = 12  # of two digits, as no index of a constant is
    steps = optimizer(opt, lambda theta: 1.0, 0.0, steps=t).steps
    text = "\n".join(step.symbolic for step in steps if step.title == f"Step {t}")
    text = text.replace(f"_{{{t}}}", "_t").replace(f"_{{{t - 1}}}", "_{t-1}")
    text = re.sub(r"\((\S+_t)\)\^", r"\1^", text).replace(f"^{{{t}}}", "^{t}")
    return tuple(text.split("\n")[1:])


def _in_cases(pieces):
    """Return the LaTeX of a formula by its pieces, one for each case, or all of them the same."""
    texts = {piece.symbols.text: "".join(symbols for symbols, _ in piece.case) for piece in pieces}
    if len(texts) == 1:
        return next(iter(texts))
    rows = r" \\ ".join(f"{text} & {case}" for text, case in texts.items())
    return rf"\begin{{cases}} {rows} \end{{cases}}"


def _known(value, name, kind, known):
    """Return an object whose formula is written here: one of the package's own."""
    if isinstance(value, type) and value in map(type, known):
        raise ValueError(f"{name}: the class {value.__name__}, wanted {value.__name__}(…)")
    if type(value) not in map(type, known):
        wanted = f"wanted one of dlutils' own, such as {known[2]}"
        seen = repr(value) if isinstance(value, kind) else type(value).__name__
        raise ValueError(f"{name}: {seen}, {wanted}")
    return value


def _activations(net):
    """Return the activation of each dense layer; refuse a network that cannot be written out."""
    if not isinstance(net, Network):
        raise ValueError(f"net: {type(net).__name__}, wanted an MLP or a Network")
    activations, after_dense = [], False
    for layer in net.layers:
        if isinstance(layer, Dense):
            activations.append(Identity())
        elif isinstance(layer, Activate) and after_dense:
            known = (*ALL_ACTIVATIONS, Softmax())
            activations[-1] = _known(layer.activation, "net", Activation, known)
        else:
            wanted = "wanted Dense layers, each with at most one Activate behind it"
            raise ValueError(f"net: {layer}, {wanted}")
        after_dense = isinstance(layer, Dense)
    sizes = [net.inputs, *(layer.outputs for layer in net.layers if isinstance(layer, Dense))]
    if max(sizes) > MOST_UNITS or len(activations) > MOST_LAYERS:
        wanted = f"wanted at most {MOST_UNITS} a layer and {MOST_LAYERS} dense layers to show"
        raise ValueError(f"net: sizes {sizes}, {wanted}")
    return activations


def perceptron(X, y, *, learning_rate=1.0, epochs=1, start=None, digits=4):
    r"""Write out the perceptron's learning rule, one example after the other.

    For each example z = w·x + b, the output ŷ, the error t − ŷ; and where that is not 0,
    w ← w + η(t − ŷ)x and b ← b + η(t − ŷ).

    Parameters
    ----------
    X : array (N, n) with n ≤ 5
    y : array (N,) of zeros and ones
        t, the targets.
    learning_rate : float > 0
        η.
    epochs : int ≥ 1
        How often to go through the examples at most; it ends after an epoch without a mistake.
        At most 50 examples in all.
    start : Perceptron, optional
        Where to start. Without it weights and bias are 0, and the activation is Step().
    digits : int from 1 to 15
        Significant digits shown.

    Returns
    -------
    Solution
        Its `values` are ``"w"`` (T + 1, n) and ``"b"`` (T + 1,), before the first and after each of
        T examples, ``"z"`` and ``"output"`` (T,). Its parts are ``"1"`` to ``"T"``.

    Raises
    ------
    ValueError
        If X, y and start do not fit each other, there is too much to show, or a number is outside
        its range.

    Examples
    --------
    >>> trace = perceptron([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 1], epochs=4)  # OR
    >>> trace.values["w"][-1], trace.values["b"][-1]
    (array([1., 1.]), np.float64(0.0))
    >>> [step.symbolic for step in trace.steps[:3]]
    ['z = w_1\\, x_1 + w_2\\, x_2 + b', '\\hat y = 0 \\quad (z \\le 0)', 'e = t - \\hat y']

    References
    ----------
    Rosenblatt (1958), The perceptron: a probabilistic model for information storage and
    organization in the brain.
    """
    X, y = finite_array(X, "X").astype(np.float64), finite_array(y, "y")
    if X.ndim == 2 and (
        X.shape[1] > MOST_UNITS or len(X) * whole(epochs, "epochs", 1) > MOST_STEPS
    ):
        seen = f"shape {X.shape} for {epochs} epochs"
        wanted = f"at most {MOST_UNITS} inputs, and {MOST_STEPS} examples in all epochs, to show"
        raise ValueError(f"X: {seen}, wanted {wanted}")
    fit = train_perceptron(X, y, learning_rate=learning_rate, epochs=epochs, start=start)
    start = Perceptron(np.zeros(X.shape[1]), 0.0) if start is None else start
    sheet, at_zero = Sheet(checked_digits(digits, "digits")), start.activation.value_at_zero
    w = sheet.table(start.weights, lambda i: f"w_{i + 1}")
    b, eta = sheet.given("b", start.bias), sheet.given(r"\eta", learning_rate)
    found = {"w": [values(w)], "b": [float(b)], "z": [], "output": []}
    note = f"At the start, $w = {matrix(w)}$ and $b = {b.numbers.text}$."
    for k in range(len(fit.errors) * len(X)):
        epoch, n = divmod(k, len(X))
        x = sheet.table(X[n], lambda i: f"x_{i + 1}")
        t = sheet.given("t", y[n])
        sheet.head(str(k + 1), f"Epoch {epoch + 1}, example {n + 1}", "" if k else LEARNING_RULE)
        z = total([*(u * v for u, v in zip(w, x, strict=True)), b])
        exact = X[n] @ values(w) + float(b)  # as the perceptron adds: a last bit may decide a tie
        z = sheet.line("z", replace(z, value=exact))
        fires = either(z, "<", 0, 0, 1) if at_zero else either(z, ">", 0, 1, 0)
        output = sheet.line(r"\hat y", fires)
        error = sheet.line("e", t - output)
        if error.value:
            change = float(eta) * float(error)
            w = sheet.array(
                r"w_{\text{new}}",
                r"w + \eta \, e \, x",
                rf"{matrix(w)} + {(eta * error).numbers.text} \cdot {matrix(x, PRODUCT)}",
                values(w) + change * values(x),
                lambda i: f"w_{i + 1}",
            )
            b = sheet.line(r"b_{\text{new}}", b + eta * error)
            b = replace(b, symbols=Latex("b"))
        found["w"].append(values(w))
        for name, value in ("b", b), ("z", z), ("output", output):
            found[name].append(float(value))
    return Solution(sheet.lines, {k: np.array(v) for k, v in found.items()}, digits, note=note)


def optimizer(opt, gradient, theta, steps=3, digits=4, carry_digits=None):
    r"""Write out the first steps of an optimizer on one number θ, with all that it remembers.

    Parameters
    ----------
    opt : optimizer
        One of the package, such as ``Adam(0.1)``.
    gradient : function
        ``gradient(theta)`` returns the derivative C′(θ) at a number.
    theta : float
        Where to start, θ₀.
    steps : int from 1 to 50
    digits, carry_digits
        As for `example`. The gradient is taken at the rounded θ.

    Returns
    -------
    Solution
        Its `values` are ``"theta"`` (steps + 1,), ``"g"`` (steps,), the gradients, and what the
        optimizer remembers, by the letters of its formula: arrays (steps + 1,) that begin with 0.
        Its parts are ``"1"`` to the number of steps.

    Raises
    ------
    ValueError
        If the optimizer is not one of the package, the gradient is not one finite number, or an
        argument is outside its range.

    Examples
    --------
    >>> from dlutils import Momentum
    >>> trace = optimizer(Momentum(0.1), lambda theta: 2 * theta, 1.0, steps=2)  # of θ²
    >>> trace.values["theta"], trace.values["v"]
    (array([1.  , 0.8 , 0.46]), array([0. , 2. , 3.4]))
    >>> trace.steps[4].symbolic, trace.steps[4].substituted
    ('v_2 = \\beta\\, v_1 + g_2', '0.9 \\cdot 2 + 1.6')

    References
    ----------
    Those of the optimizers.
    """
    _known(opt, "opt", Optimizer, ALL_OPTIMIZERS)
    if not callable(gradient):
        raise ValueError(f"gradient: {gradient!r}, wanted a function of theta")
    theta, digits = number(theta, "theta"), checked_digits(digits, "digits")
    if whole(steps, "steps", 1) > MOST_STEPS:
        raise ValueError(f"steps: {steps}, wanted at most {MOST_STEPS}")

    def calculate(sheet):
        now = sheet.given(r"\theta_0", theta)
        state = {letter: sheet.given(f"{letter}_0", 0) for letter in state_letters(opt)}
        found = {"theta": [float(now)], "g": [], **{letter: [0.0] for letter in state}}
        for t in range(1, steps + 1):
            sheet.head(str(t), f"Step {t}")
            slope = term(number(gradient(float(now)), "gradient(theta)"))
            texts = (Latex(f"C'({text.text})") for text in (now.symbols, now.numbers))
            g = sheet.line(at("g", t), Term(slope.value, *texts))
            rate = _rate_at(opt.learning_rate, t - 1, "learning_rate")
            with np.errstate(all="ignore"):  # a result that is not finite is refused
                now = step(opt, t, rate, g, now, state, sheet)
            for name, value in {"theta": now, "g": g, **state}.items():
                found[name].append(float(value))
        return sheet, {name: np.array(value) for name, value in found.items()}

    return solve(calculate, digits, carry_digits)


@dataclass(frozen=True, eq=False)
class Problem:
    """A problem for pencil and paper. As the last value of a notebook cell its statement is shown.

    `net`, `params`, `x`, `y`, `loss` and `learning_rate` are what `example` takes.
    """

    net: MLP
    params: Parameters
    x: np.ndarray
    y: np.ndarray
    loss: Loss
    learning_rate: float

    @property
    def statement(self):
        """What is given and what is wanted, as a `Text`."""
        inputs, *units = self.net.sizes
        x, y = "XY" if self.x.ndim == 2 else "xy"
        given = [f"{x} &= {_table(self.x)} ,\\quad {y} = {_table(self.y)}"]
        for l, (W, b) in enumerate(zip(self.params.W, self.params.b, strict=True), 1):
            given.append(f"W^{l} &= {_table(W)} ,\\quad b^{l} = {_table(b)}")
        formulas = [
            _definition(f"a^{l}", self.net.activation(l), f"z^{l}")
            for l in range(1, len(units) + 1)
        ]
        formulas += _cost_definition(self)
        return Text(
            f"A network has {inputs} input{'s' * (inputs > 1)} and, layer by layer, "
            f"{' and '.join(map(str, units))} unit{'s' * (units != [1])}. Given are\n\n"
            f"{aligned(given)}\n\n{BATCH if self.x.ndim == 2 else EXAMPLE}"
            "The activations and the cost are\n\n"
            f"{aligned(formulas)}\n\n"
            "Compute the following. Carry six significant digits or more, and give four.\n\n"
            "1. the weighted sums and the activations of every layer,\n"
            "2. the cost,\n"
            "3. δ of every layer, from the last to the first,\n"
            "4. the gradients of all weights and biases,\n"
            "5. the parameters after one step of gradient descent with "
            rf"$\eta = {spelled(self.learning_rate, GIVEN_DIGITS).text}$, and the cost after it."
        )

    @cached_property
    def solution(self):
        """The complete `Solution`, with the update and the cost after it."""
        return example(
            self.net, self.params, self.x, self.y, self.loss, learning_rate=self.learning_rate
        )

    def __str__(self):
        return str(self.statement)

    def _repr_markdown_(self):
        return str(self.statement)


def _table(array):
    """Return given numbers in LaTeX."""
    return matrix(Sheet(GIVEN_DIGITS).table(array, lambda *_: ""))


def _definition(a, g, z):
    """Return the row of LaTeX that defines a = g(z), with both branches if g has two."""
    if isinstance(g, Softmax):
        return rf"{a}_i &= \frac{{e^{{{z}_i}}}}{{\sum_j e^{{{z}_j}}}}"
    formula = _branches(
        lambda value, constant: activation(g, given(z, value, GIVEN_DIGITS), constant), (1.0, -1.0)
    )
    return f"{a} &= {formula}{MEANINGS.get(type(g), '')}"


MEANINGS = {
    Swish: r" ,\quad \sigma(u) = \frac{1}{1 + e^{-u}}",
    GELU: r" ,\quad \Phi(u) = \int_{-\infty}^{u} \frac{1}{\sqrt{2 \pi}} e^{-t^2 / 2} \, dt",
}


def _branches(formula, values):
    """Return a formula in all its branches, which the values lead to, and its constants.

    `formula` takes a value and a function that makes a term of a constant.
    """
    constants = {}

    def constant(symbol, value):
        constants[symbol] = value
        return given(symbol, value, GIVEN_DIGITS)

    branches = {}
    with np.errstate(all="ignore"):  # only the symbols count
        for value in values:
            term = formula(value, constant)
            branches |= {term.symbols.text: [symbols for symbols, _ in term.case]}
    texts = [rf"{text} \quad ({', '.join(c)})" if c else text for text, c in branches.items()]
    texts += [f"{name} = {spelled(v, GIVEN_DIGITS).text}" for name, v in constants.items()]
    return r" ,\quad ".join(texts)


def _of_classes(p):
    """Return the loss of one example with several classes."""
    return rf"-\sum_i y_i \, \ln({p}_i)"


def _cost_definition(problem):
    """Return the rows of LaTeX that define the cost."""
    loss, net = problem.loss, problem.net
    L, outputs, examples = len(net.sizes) - 1, net.outputs, len(np.atleast_2d(problem.x))
    a, texts = f"a^{L}", []
    if isinstance(loss, ON_LOGITS):
        link = Softmax() if isinstance(loss, ON_CLASSES) else Sigmoid()
        texts.append(_definition("p", link, a))
        a = "p"
    if isinstance(loss, ON_CLASSES):
        outputs, part = 1, _of_classes(a)
    else:
        y = given("y", 0.0, GIVEN_DIGITS)
        part = _branches(
            lambda v, constant: parts(loss, [given(a, v, GIVEN_DIGITS)], [y], constant)[0],
            (1e6, 0.0),
        )
    if examples * outputs == 1:
        return [*texts, f"C &= {part}"]
    number = count(loss, examples, outputs)
    of = "examples" if examples > 1 else "outputs"
    of = "examples and outputs" if examples > 1 and outputs > 1 else of
    mean = rf"\tfrac{{1}}{{{number}}} " if number > 1 else ""
    over = "the mean over" if number > 1 else "over"
    return [*texts, rf"\ell &= {part}", rf"C &= {mean}\sum \ell \quad (\text{{{over} all {of}}})"]


def problem(
    seed,
    sizes=(2, 2, 1),
    *,
    hidden=None,
    output=None,
    loss=None,
    examples=1,
    learning_rate=0.5,
):
    """Make a problem with friendly numbers, and its solution.

    Weights, biases and inputs are decimals of one digit. No unit is dead or saturated; no two of
    the weighted sums, the hidden activations and deltas, and the hidden gradients are equal; and
    the update lowers the cost. The same seed gives the same problem everywhere. (With ReLU all
    hidden units are active; LeakyReLU(0.1) shows both branches.)

    Parameters
    ----------
    seed : int ≥ 0
    sizes : sequence of ints
        As for `MLP`: at most 5 each, and at most 4 layers after the input.
    hidden : activation, Sigmoid() by default
    output : activation, optional
        Without it, what the loss takes: Identity() for logits and scores, Softmax() or Sigmoid()
        for probabilities, and Sigmoid() for the other losses.
    loss : loss, HalfSquaredError() by default
    examples : int from 1 to 3
    learning_rate : float > 0

    Returns
    -------
    Problem
        Its ``statement`` and its ``solution``.

    Raises
    ------
    ValueError
        If an argument is outside its range, or no such problem is found: where all units are dead,
        as with Step(), or the answers can never be told apart.

    Examples
    --------
    >>> one = problem(7)
    >>> one.params.W[2], one.x, one.y
    (array([[-0.4,  0.2]]), array([0.6, 0.9]), array([1.]))
    >>> one.solution.steps[-1].value < one.solution.values["C"]
    True
    """
    if isinstance(seed, str):
        raise ValueError(f"seed: {seed!r}, wanted a whole number; problem_for takes a name")
    rng = random.Random(whole(seed, "seed", 0))
    hidden = Sigmoid() if hidden is None else hidden
    loss = _known(HalfSquaredError() if loss is None else loss, "loss", Loss, ALL_LOSSES)
    if output is None:
        output = OUTPUTS.get(type(loss), Sigmoid())
    net = MLP(sizes, hidden=hidden, output=output)
    activations = _activations(net)
    if net.outputs == 1 and isinstance(loss, ON_CLASSES):
        raise ValueError(f"sizes: {net.sizes}, wanted at least 2 outputs, one for each class")
    positive(learning_rate, "learning_rate")
    if not in_full(learning_rate, GIVEN_DIGITS):
        wanted = f"wanted at most {GIVEN_DIGITS} significant digits"
        raise ValueError(f"learning_rate: {learning_rate!r}, {wanted}")
    if whole(examples, "examples", 1) > MOST_EXAMPLES:
        raise ValueError(f"examples: {examples}, wanted at most {MOST_EXAMPLES} to show")
    blank = net.init(np.random.default_rng(0))
    for _ in range(MOST_TRIES):
        params = blank.with_vector([_decimal(rng) for _ in range(blank.count)])
        x = np.array([[abs(_decimal(rng)) for _ in range(net.inputs)] for _ in range(examples)])
        y = np.array([_target(rng, loss, output, net.outputs) for _ in range(examples)])
        x, y = (x, y) if examples > 1 else (x[0], y[0])
        with suppress(ValueError):  # an output that the loss cannot take
            if not _suits(net, activations, params, x, y, loss, learning_rate):
                continue
            return Problem(net, params, x, y, loss, float(learning_rate))
    wanted = "wanted one in which no unit is dead and the answers can be told apart"
    raise ValueError(f"problem: {net} with {loss} gave none in {MOST_TRIES} tries, {wanted}")


def problem_for(name, *arguments, **options):
    """Make the problem of one person: `problem`, with a seed made from a name.

    Case, spaces and punctuation make no difference; accents do. A name such as ``"Ada Lovelace,
    week 3"`` gives another problem each week.

    Parameters
    ----------
    name : str
    arguments, options
        What `problem` takes besides the seed.

    Returns
    -------
    Problem

    Raises
    ------
    ValueError
        If the name has no letter or digit, and as for `problem`.

    Examples
    --------
    >>> ada = problem_for("Ada Lovelace")
    >>> bool((ada.x == problem_for(" ada  lovelace ").x).all())
    True
    """
    plain = unicodedata.normalize("NFKC", name).casefold() if isinstance(name, str) else ""
    plain = "".join(c for c in plain if unicodedata.category(c) not in ("Cf", "Cs"))
    words = "".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in plain).split()
    if not words:
        raise ValueError(f"name: {name!r}, wanted a name")
    digest = hashlib.sha256(" ".join(words).encode()).digest()
    return problem(int.from_bytes(digest[:4]), *arguments, **options)


# Only random() of Python's generator is promised to give the same numbers for ever.


def _decimal(rng):
    """Return one of ±0.1, ±0.2, …, ±0.9."""
    return (1 + int(9 * rng.random())) / 10 * (1 if rng.random() < 0.5 else -1)


def _target(rng, loss, output, outputs):
    """Return the target of one example, as the loss takes it and the output can come near it."""
    if isinstance(loss, ON_CLASSES):
        true = int(outputs * rng.random())
        return [float(k == true) for k in range(outputs)]
    if isinstance(loss, Hinge | SquaredHinge):
        return [float(np.sign(_decimal(rng))) for _ in range(outputs)]
    if isinstance(loss, BinaryCrossEntropy | SigmoidCrossEntropy):
        return [float(_decimal(rng) > 0) for _ in range(outputs)]
    if isinstance(output, Sigmoid | Softmax):
        return [float(_decimal(rng) > 0) for _ in range(outputs)]
    return [_decimal(rng) for _ in range(outputs)]


def _suits(net, activations, params, x, y, loss, learning_rate):
    """Return whether a problem is fit for a pencil, judged by the passes of the network."""
    trace = net.forward(params, x)
    output_gradient = loss.gradient(trace.output, y)
    gradients = net.backward(params, trace, output_gradient)
    chances = []
    if isinstance(loss, ON_LOGITS):
        link = softmax if isinstance(loss, ON_CLASSES) else Sigmoid()
        chances = [link(trace.output)]
    # The last δ and its gradients may equal other answers, or their neighbors, by their formulas.
    answers = [*trace.z, *list(gradients.W)[:-1], *list(gradients.delta)[:-1]]
    for l, g in enumerate(activations, 1):
        z, a = trace.z[l], trace.a[l]
        if isinstance(g, Softmax):
            chances.append(a)
        elif not isinstance(g, LeakyReLU) and np.abs(g.derivative(z)).min() < 0.05:
            return False
        if l < len(activations):
            answers.append(a[a != z])
    if x.ndim == 2:
        answers += list(gradients.b)[:-1]  # of one example these are δ
    if any(min(p.min(), 1 - p.max()) < 0.05 for p in chances):
        return False
    for together in answers, [gradients.W[len(activations)]]:
        shown = [rounded(v, 4) for v in np.concatenate([np.ravel(a) for a in together])]
        if len(set(shown)) < len(shown):
            return False
    if np.abs(np.concatenate([gradients.vector, *map(np.ravel, trace.z)])).min() < 1e-4:
        return False
    moved = params.with_vector(params.vector - learning_rate * gradients.vector)
    return loss(net.forward(moved, x).output, y) < loss(trace.output, y)
