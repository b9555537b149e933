"""The formulas of activations, losses and optimizers as one writes them on paper, in terms.

The tests find them equal to the classes that compute the same.
"""

import math
from dataclasses import replace

import numpy as np

from dlutils import activations, losses, optimizers
from dlutils._terms import (
    Latex,
    Term,
    absolute,
    either,
    exp,
    function,
    ln,
    maximum,
    root,
    tanh,
    term,
    total,
)


def letter(g):
    """Return what an activation is called in formulas."""
    letters = {activations.Sigmoid: r"\sigma", activations.Tanh: r"\tanh"}
    return letters.get(type(g), rf"\mathrm{{{type(g).__name__}}}")


sigmoid = function(r"\sigma", lambda z: 1 / (1 + np.exp(-z)), exact_at=0)
distribution = function(r"\Phi", lambda z: math.erfc(-z / math.sqrt(2)) / 2, exact_at=0)
density = function(
    r"\varphi", lambda z: np.exp(-z * z / 2) / math.sqrt(2 * math.pi), exact_at=math.inf
)


def fraction(n):
    """Return 1/n."""
    text = Latex(rf"\tfrac{{1}}{{{n}}}")
    return Term(1 / n, text, text)


def _scaled(symbol, factor, term, given):
    """Return factor times term, but the term alone for a factor 1."""
    return term if factor == 1 else given(symbol, factor) * term


def activation(g, z, given):
    """Return g(z) for one entry; `given` makes a term of a symbol and a hyper-parameter."""
    match g:
        case activations.Identity():
            return z
        case activations.Step():
            if z.value == 0:
                return either(z, "=", 0, given("g(0)", g.value_at_zero), 0)
            return either(z, ">", 0, 1, 0)
        case activations.Sigmoid():
            return 1 / (1 + exp(-_scaled(r"\beta", g.slope, z, given)))
        case activations.Tanh():
            return tanh(z)
        case activations.ReLU():
            return maximum(0, z)
        case activations.LeakyReLU():
            return either(z, ">", 0, z, given("s", g.slope) * z)
        case activations.ELU():
            return either(z, ">", 0, z, _scaled(r"\alpha", g.alpha, exp(z) - 1, given))
        case activations.SELU():
            scale, alpha = given(r"\lambda", g.scale), given(r"\alpha", g.alpha)
            return either(z, ">", 0, scale * z, scale * alpha * (exp(z) - 1))
        case activations.Softplus():
            return ln(1 + exp(z))
        case activations.Swish():
            return z * sigmoid(_scaled(r"\beta", g.beta, z, given))
        case activations.GELU():
            return z * distribution(z)


def slope(g, z, a, given):
    """Return g′(z) for one entry, from z and, where that is shorter, a = g(z)."""
    match g:
        case activations.Identity():
            return term(1)
        case activations.Step():
            return term(0)
        case activations.Sigmoid():
            return _scaled(r"\beta", g.slope, a, given) * (1 - a)
        case activations.Tanh():
            return 1 - a**2
        case activations.ReLU():
            return either(z, ">", 0, 1, 0)
        case activations.LeakyReLU():
            return either(z, ">", 0, 1, given("s", g.slope))
        case activations.ELU():
            return either(z, ">", 0, 1, _scaled(r"\alpha", g.alpha, exp(z), given))
        case activations.SELU():
            scale, alpha = given(r"\lambda", g.scale), given(r"\alpha", g.alpha)
            return either(z, ">", 0, scale, scale * alpha * exp(z))
        case activations.Softplus():
            return sigmoid(z)
        case activations.Swish():
            z = _scaled(r"\beta", g.beta, z, given)
            return sigmoid(z) * (1 + z * (1 - sigmoid(z)))
        case activations.GELU():
            return distribution(z) + z * density(z)


def softmax(z):
    """Return the softmax of one example, entry by entry."""
    powers = [exp(entry) for entry in z]
    return [power / total(powers) for power in powers]


ON_LOGITS = (losses.SigmoidCrossEntropy, losses.SoftmaxCrossEntropy)
ON_CLASSES = (losses.CategoricalCrossEntropy, losses.SoftmaxCrossEntropy)


def probabilities(loss, z, given):
    """Return what a loss on logits makes of them: the probabilities of one example."""
    if isinstance(loss, losses.SoftmaxCrossEntropy):
        return softmax(z)
    return [activation(activations.Sigmoid(), entry, given) for entry in z]


def parts(loss, a, y, given):
    """Return what one example costs: a term for each entry, or one for all classes together.

    For a loss on logits `a` are the probabilities.
    """
    if isinstance(loss, ON_CLASSES):
        return [-total([_times_ln(t, p) for p, t in zip(a, y, strict=True)])]
    return [_part(loss, *entry, given) for entry in zip(a, y, strict=True)]


def count(loss, examples, outputs):
    """Return by how much the sum of all parts is divided, which makes a mean of it."""
    by_example = (losses.HalfSquaredError, *ON_CLASSES)
    return examples if isinstance(loss, by_example) else examples * outputs


def _times_ln(y, p):
    """Return y ln p, where 0 ln 0 = 0."""
    product = y * ln(p)
    return product if y.value else replace(product, value=y.value)


def _over(y, p):
    """Return y/p, where 0/0 = 0."""
    quotient = y / p
    return quotient if y.value else replace(quotient, value=y.value)


def _scaled_down(residual, c, given):
    return residual if c == 1 else residual / given("c", c)


def _part(loss, a, y, given):
    """Return what one entry costs."""
    match loss:
        case losses.HalfSquaredError():
            return fraction(2) * (y - a) ** 2
        case losses.MeanSquaredError():
            return (a - y) ** 2
        case losses.MeanAbsoluteError():
            return absolute(a - y)
        case losses.Huber():
            r, d = absolute(a - y), given("d", loss.delta)
            return either(r, ">", d, d * (r - fraction(2) * d), fraction(2) * (a - y) ** 2)
        case losses.AdaptiveRobust():
            x = _scaled_down(a - y, loss.c, given) ** 2
            if loss.alpha == 2:
                return fraction(2) * x
            if loss.alpha == 0:
                return ln(fraction(2) * x + 1)
            if loss.alpha == -math.inf:
                return 1 - exp(-(fraction(2) * x))
            alpha = given(r"\alpha", loss.alpha)
            b = absolute(alpha - 2)
            return b / alpha * ((x / b + 1) ** (alpha / 2) - 1)
        case losses.BinaryCrossEntropy() | losses.SigmoidCrossEntropy():
            return -(_times_ln(y, a) + _times_ln(1 - y, 1 - a))
        case losses.Hinge():
            return maximum(0, 1 - y * a)
        case losses.SquaredHinge():
            return maximum(0, 1 - y * a) ** 2


def output_slope(loss, a, y, given):
    """Return the slope of an entry's part with the output, or the logit, of that entry."""
    match loss:
        case losses.HalfSquaredError():
            return a - y
        case losses.MeanSquaredError():
            return 2 * (a - y)
        case losses.MeanAbsoluteError():
            if a.value == y.value:
                return either(a, "=", y, 0, 1)
            return either(a, ">", y, 1, -1)
        case losses.Huber():
            r, d = a - y, given("d", loss.delta)
            if abs(r.value) <= d.value:
                return either(absolute(r), ">", d, d, r)
            return either(r, ">", d, d, 0) if r.value > 0 else either(r, "<", -d, -d, 0)
        case losses.AdaptiveRobust():
            x = _scaled_down(a - y, loss.c, given) ** 2
            r = a - y if loss.c == 1 else (a - y) / given("c", loss.c) ** 2
            if loss.alpha == 2:
                return r
            if loss.alpha == 0:
                return r / (fraction(2) * x + 1)
            if loss.alpha == -math.inf:
                return r * exp(-(fraction(2) * x))
            alpha = given(r"\alpha", loss.alpha)
            b = absolute(alpha - 2)
            return r * (x / b + 1) ** (alpha / 2 - 1)
        case losses.BinaryCrossEntropy():
            return _over(1 - y, 1 - a) - _over(y, a)
        case losses.CategoricalCrossEntropy():
            return -_over(y, a)
        case losses.SigmoidCrossEntropy() | losses.SoftmaxCrossEntropy():
            return a - y
        case losses.Hinge():
            return either(y * a, "<", 1, -y, 0)
        case losses.SquaredHinge():
            return -(2 * y * maximum(0, 1 - y * a))


def at(letter, t):
    """Return the name of something after t steps."""
    return f"{letter}_{t}" if t < 10 else f"{letter}_{{{t}}}"


def step(opt, t, rate, gradient, theta, state, sheet):
    """Write down the t-th step of an optimizer on one number, and return the number after it.

    `state` holds the terms of the optimizer's state by their letters, and is brought up to date.
    """
    given = sheet.given
    eta = given(at(r"\eta", t) if callable(opt.learning_rate) else r"\eta", rate)

    def line(letter, formula):
        return sheet.line(at(letter, t), formula)

    def mean(letter, symbol, factor, new):
        rate = given(symbol, factor)
        state[letter] = line(letter, rate * state[letter] + (1 - rate) * new)
        return state[letter]

    def over_root(numerator, square):
        return numerator / (root(square) + given(r"\varepsilon", opt.epsilon))

    match opt:
        case optimizers.GradientDescent():
            change = gradient
        case optimizers.Momentum():
            new = gradient
            if opt.dampening and t > 1:
                new = (1 - given("d", opt.dampening)) * gradient
            change = state["v"] = line("v", given(r"\beta", opt.beta) * state["v"] + new)
        case optimizers.Nesterov():
            beta = given(r"\beta", opt.beta)
            state["v"] = line("v", beta * state["v"] + gradient)
            change = gradient + beta * state["v"]
        case optimizers.Adagrad():
            state["s"] = line("s", state["s"] + gradient**2)
            change = over_root(gradient, state["s"])
        case optimizers.RMSprop():
            change = over_root(gradient, mean("s", r"\rho", opt.decay, gradient**2))
        case optimizers.Adadelta():
            epsilon = given(r"\varepsilon", opt.epsilon)
            square = mean("s", r"\rho", opt.decay, gradient**2)
            ratio = root(state["u"] + epsilon) / root(square + epsilon)
            change = line(r"\Delta", ratio * gradient)
            mean("u", r"\rho", opt.decay, change**2)
        case optimizers.Adam():  # and AdamW
            m = mean("m", r"\beta_1", opt.beta1, gradient)
            v = mean("v", r"\beta_2", opt.beta2, gradient**2)
            if opt.bias_correction:
                m = line(r"\hat m", m / (1 - given(r"\beta_1", opt.beta1) ** t))
                v = line(r"\hat v", v / (1 - given(r"\beta_2", opt.beta2) ** t))
            change = over_root(m, v)
    after = theta - eta * change
    if isinstance(opt, optimizers.AdamW):
        after = theta - eta * given(r"\lambda", opt.weight_decay) * theta - eta * change
    return line(r"\theta", after)


def state_letters(opt):
    """Return the letters of what an optimizer remembers, in the order of its state."""
    match opt:
        case optimizers.GradientDescent():
            return ""
        case optimizers.Momentum() | optimizers.Nesterov():
            return "v"
        case optimizers.Adagrad() | optimizers.RMSprop():
            return "s"
        case optimizers.Adadelta():
            return "su"
        case optimizers.Adam():
            return "mv"
