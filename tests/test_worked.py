"""Worked solutions: a small reader computes again, from the text alone, all that it says."""

import itertools
import math
import re
from decimal import ROUND_HALF_UP, Context
from types import SimpleNamespace

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import numpy as np
import pytest
from math_core import LatexToMathML
from matplotlib.mathtext import MathTextParser
from tex import chosen, holds, read

from dlutils import (
    ALL_ACTIVATIONS,
    ALL_LOSSES,
    ALL_OPTIMIZERS,
    ELU,
    MLP,
    SELU,
    Activate,
    Adadelta,
    Adagrad,
    Adam,
    AdamW,
    AdaptiveRobust,
    BatchNorm,
    BinaryCrossEntropy,
    CategoricalCrossEntropy,
    Dense,
    Dropout,
    GradientDescent,
    HalfSquaredError,
    Hinge,
    Huber,
    Identity,
    LeakyReLU,
    Maxout,
    MeanAbsoluteError,
    Momentum,
    Nesterov,
    Network,
    Perceptron,
    PReLU,
    ReLU,
    RMSprop,
    Sigmoid,
    SigmoidCrossEntropy,
    Softmax,
    SoftmaxCrossEntropy,
    Softplus,
    SquaredHinge,
    Step,
    StepDecay,
    Swish,
    Tanh,
    softmax,
    train_perceptron,
    worked,
)
from dlutils.widgets import Sliders
from dlutils.worked import example, formulas, optimizer, perceptron, problem, problem_for

ALPHAS = [3.0, 2.0, 0.5, 0.0, -np.inf]
LOSSES = [*ALL_LOSSES, Huber(0.3), *(AdaptiveRobust(alpha, 0.7) for alpha in ALPHAS)]
GS = [*ALL_ACTIVATIONS, Step(0.5), Sigmoid(2.0), LeakyReLU(0.2), ELU(0.5), Swish(2.0), Softmax()]
ON_CLASSES = CategoricalCrossEntropy | SoftmaxCrossEntropy
SYLLABUS = MLP([2, 2, 1], hidden=Sigmoid(), output=Sigmoid())
SYLLABUS_PARAMS = SYLLABUS.parameters(
    W1=[[0.2, 0.4], [0.3, 0.7]], b1=[0.1, 0.2], W2=[[0.5, 0.6]], b2=[0.3]
)


def syllabus(**options):
    given = SYLLABUS, SYLLABUS_PARAMS, [0.5, 0.8], [1.0], HalfSquaredError()
    return example(*given, **options)


def lines_of(text):
    """Return each line of a solution, taken apart."""
    groups = re.findall(
        r"\*\*([^*\n]+)\*\*(?:: \$([^$\n]+)\$)?\n\n"
        r"\$\$\n\\begin\{aligned\}\n(.*?)\n\\end\{aligned\}\n\$\$",
        text,
        re.DOTALL,
    )
    assert 2 * len(groups) == text.count("$$")
    for title, head, body in groups:
        rows = re.split(r" \\\\\n(?!&)", body)
        for number, line in enumerate(rows, 1):
            name, rest = line.split(" &= ", 1)
            first, *others = rest.split(" \\\\\n&")
            symbolic, *symbols = first.split(r" \quad ")
            if others:
                second, *numbers = " ".join(others).split(r" \quad ")
                *substituted, sign, result = re.split(r"(?:^| )(=|\\approx) ", second)[1:]
                substituted = substituted[1] if substituted else result
            else:
                symbolic, sign, result = re.split(r" (=|\\approx) ", symbolic)
                numbers, substituted = [], result
            yield SimpleNamespace(
                title=title, head=head, name=name, symbolic=symbolic, symbols=symbols,
                substituted=substituted, numbers=numbers, sign=sign, result=result,
                last=number == len(rows),
            )  # fmt: skip


# What a text shows of a number, and what a solution says of all.


CONTEXTS = {digits: Context(prec=digits, rounding=ROUND_HALF_UP) for digits in range(1, 16)}


def to_digits(value, digits):
    """Round as by hand: halves go up."""
    return float(CONTEXTS[digits].create_decimal(f"{value:.15g}"))


def close(a, b, rel, absolute=1e-15):
    return np.all(np.abs(a - b) <= rel * np.abs(b) + absolute)


def in_full(value, digits):
    """Return whether the digits say all; past the tenth, floats cannot tell."""
    return math.isclose(value, to_digits(value, min(digits, 10)), rel_tol=1e-12)


def as_given(value, digits):
    """Return a given number as it is shown: in full if it has at most six digits."""
    return value if in_full(value, 6) else to_digits(value, digits)


def entries(result):
    """Return each number that a result consists of, and with how many significant digits."""
    found = []
    for text in re.split(r" & | \\\\ ", re.sub(r" ?\\(begin|end)\{pmatrix\} ?", "", result)):
        number = re.fullmatch(r"(-?)(\d+\.?\d*)?( \\cdot )?(?:10\^\{(-?\d+)\})?", text)
        sign, mantissa, dot, power = number.groups()
        assert (dot is not None) == (mantissa is not None and power is not None), text
        found.append((float(f"{sign}{mantissa or 1}e{power or 0}"), significant(mantissa or "1")))
    return found


def significant(mantissa):
    return len(re.sub(r"^0?\.?0*|\.", "", mantissa))


class Names(dict):
    """Numbers by their names; a vector's name finds its entries, one after the other."""

    def __missing__(self, name):
        head, tail = (name[:-1], "}") if name.endswith("}") else (name, "")
        head, tail = (head[:-1], ")") if head.endswith(")") else (head, tail)
        column = []
        while f"{head}_{len(column) + 1}{tail}" in self:
            column.append([self[f"{head}_{len(column) + 1}{tail}"]])
        if column:
            return np.array(column)
        if head.endswith("_1"):  # a single unit has no number
            return self[head[:-2] + tail]
        raise KeyError(name)


class Batch(Names):
    """The same for a batch, where the example's number comes first; a capital takes all rows."""

    def __missing__(self, name):
        if name[0].isupper():
            rows = []
            while f"{name.lower()}_{{{len(rows) + 1}1}}" in self:
                rows.append(self[f"{name.lower()}_{len(rows) + 1}"].ravel())
            return np.array(rows)
        if not re.fullmatch(r".*_\d", name) or name[0] == "b":
            return super().__missing__(name)
        column = []
        while (entry := f"{name[:-1]}{{{name[-1]}{len(column) + 1}}}") in self:
            column.append([self[entry]])
        return np.array(column)


def check(solution, names, digits, *, constants=None, functions=(), carries=False):
    """Compute each line of a solution again, from its symbols and from its numbers.

    `names` are the given numbers as they are shown; every result joins them as it is shown.
    `constants` returns those of the formulas under a title. Yields each line when it is checked.
    """
    for line, step in zip(lines_of(str(solution)), solution.steps, strict=True):
        if constants:
            names.update({k: as_given(v, digits) for k, v in constants(line.title).items()})
        # Symbols and numbers say the same; without rounding, their conditions hold.
        in_symbols = read(line.symbolic, names, functions)
        in_numbers = read(line.substituted, functions=functions)
        assert close(in_numbers, in_symbols, 1e-12), line
        assert len(line.symbols) == len(line.numbers)
        if carries or digits == 15:
            for conditions, where in ((line.symbols, names), (line.numbers, {})):
                assert all(holds(condition, where) for condition in conditions), line
        # The numbers come to the result, which shows as many digits as were asked for.
        truth = np.ravel(in_numbers if carries else step.value)
        for (number, count), value in zip(entries(line.result), truth, strict=True):
            slack = 1e-9 if carries else 1e-14  # at a tie either neighbor will do
            near = [to_digits(value * factor, digits) for factor in (1, 1 - slack, 1 + slack)]
            cancels = carries and max(abs(number), abs(value)) < 1e-15  # but for float's own error
            assert number in near or cancels, line
            assert count <= digits if in_full(value, digits) else count == digits, line
        full = all(in_full(v, digits) for v in truth)
        function = re.search(r"e\^\{|\\(ln|tanh|sigma|Phi|varphi)", line.substituted)
        assert line.sign == ("=" if full else r"\approx") or (full and function), line
        shown = read(line.result)
        if digits == 15:
            assert close(in_numbers, shown, 1e-9), line
        # The same stands in the data.
        shape = np.shape(step.value)
        assert np.shape(shown) in (shape, (*shape, 1), ()) and np.size(shown) == np.size(step.value)
        if carries:
            assert [number for number, _ in entries(line.result)] == np.ravel(step.value).tolist()
        symbols, numbers = (
            "".join(rf" \quad {condition}" for condition in conditions)
            for conditions in (line.symbols, line.numbers)
        )
        assert step.title == line.title
        assert step.symbolic == f"{line.name} = {line.symbolic}{symbols}"
        assert step.substituted == line.substituted + numbers
        keep(names, line.name.replace(r"_{\text{new}}", ""), shown)
        yield line


def keep(names, name, value):
    """Give a number its name, and the entries of an array theirs; one number alone has both."""
    names[name] = value
    if name[0] in "Ww":
        array = np.atleast_2d(value) if name[0] == "W" else np.ravel(value)
        for index, entry in np.ndenumerate(array):
            names[name + subscript(index)] = float(entry)
    elif name[0] == "b" and np.ndim(value):
        del names[name]  # found by its entries
        for index, entry in np.ndenumerate(np.ravel(value)):
            names[name + subscript(index if len(value) > 1 else ())] = float(entry)


def subscript(index):
    index = "".join(str(i + 1) for i in index)
    return f"_{{{index}}}" if len(index) > 1 else f"_{index}" if index else ""


# Any network, loss and numbers.


def activations_of(net):
    """Return the activation of each dense layer."""
    found = []
    for layer in net.layers:
        if isinstance(layer, Dense):
            found.append(Identity())
        else:
            found[-1] = layer.activation
    return found


def takes(loss, g, units):
    """Return whether outputs of an activation are what a loss on probabilities takes."""
    if isinstance(loss, CategoricalCrossEntropy):
        return isinstance(g, Softmax) and units > 1
    if isinstance(loss, BinaryCrossEntropy):
        return isinstance(g, Sigmoid) or (isinstance(g, Softmax) and units > 1)
    return True


def targets(loss, rng, shape):
    """Return targets that a loss takes, and the same as the formulas have them."""
    if isinstance(loss, ON_CLASSES):
        labels = rng.integers(shape[-1], size=shape[:-1])
        rows = np.eye(shape[-1])[labels]
        kind = rng.integers(3)
        if kind == 0:
            return (labels if len(shape) == 2 else int(labels)), rows
        rows = rows if kind == 1 else np.full(shape, 1 / shape[-1])
        return rows, rows
    if isinstance(loss, BinaryCrossEntropy | SigmoidCrossEntropy):
        y = rng.choice([0, 1, 0.3], size=shape)
    elif isinstance(loss, Hinge | SquaredHinge):
        y = rng.choice([-1.0, 1.0], size=shape)
    else:
        y = rng.uniform(-1, 1, size=shape).round(1)
    return y, y


def case(loss, g, seed):
    """Return a network with an activation somewhere, and all that `example` takes besides."""
    rng = np.random.default_rng(seed)
    sizes = [*rng.integers(1, 4, size=rng.integers(2, 4)), rng.integers(1, 4)]
    if seed % 20 == 0:
        sizes[0] = 5
    if isinstance(loss, ON_CLASSES) or isinstance(g, Softmax):
        sizes[-1] = 3
    gs = [g, *rng.choice(np.array(GS, object), size=len(sizes) - 2)][::-1]
    if (len(gs) > 1 and rng.integers(2)) or not takes(loss, g, sizes[-1]):
        gs = gs[::-1]
    if not takes(loss, gs[-1], sizes[-1]):
        likely = isinstance(loss, CategoricalCrossEntropy)
        gs[-1] = Softmax() if likely else Sigmoid(float(rng.integers(1, 3)))
    layers = []
    for n, units, own in zip(sizes[:-1], sizes[1:], gs, strict=True):
        plain = isinstance(own, Identity) and rng.integers(2)
        layers += [Dense(int(n), int(units)), *([] if plain else [Activate(own)])]
    net = Network(layers)
    batch, decimals = int(rng.integers(4)), 2 if rng.integers(3) else 16
    shape = (batch,) if batch else ()
    params = net.init(rng)
    params = params.with_vector(rng.uniform(-1.5, 1.5, size=params.count).round(decimals))
    x = rng.uniform(-1, 1, size=(*shape, net.inputs)).round(decimals)
    y, rows = targets(loss, rng, (*shape, net.outputs))
    return SimpleNamespace(
        given=(net, params, x, y, loss), net=net, params=params, x=x, y=rows, loss=loss,
        gs=activations_of(net), rate=[None, 0.5, 0.123456789][rng.integers(3)],
    )  # fmt: skip


every_loss = pytest.mark.parametrize("loss", LOSSES, ids=repr)


def cases(loss):
    return [case(loss, g, 100 * LOSSES.index(loss) + n) for n, g in enumerate(GS)]


def given_names(one, digits):
    """Return the names of all that is given, as it is shown."""
    names = Batch() if one.x.ndim == 2 else Names()
    for letter, array in (("x", one.x), ("y", one.y)):
        for index, value in np.ndenumerate(array):
            index = () if array.shape == (1,) else index
            names[letter + subscript(index)] = as_given(value, digits)
    for l in range(1, len(one.gs) + 1):
        for letter in "Wb":
            array = getattr(one.params, letter)[l]
            shown = np.array([as_given(v, digits) for v in array.flat]).reshape(array.shape)
            keep(names, f"{letter}^{l}", shown)
    if one.rate:
        names[r"\eta"] = as_given(one.rate, digits)
    return names


def constants_of(one):
    """Return the function that returns the constants of the formulas under a title."""

    def constants(title):
        layer = re.search(r"ayer (\d), (activations|slopes of the activation)", title)
        match one.gs[int(layer[1]) - 1] if layer else one.loss:
            case Sigmoid(slope=value) | Swish(beta=value):
                return {r"\beta": value}
            case LeakyReLU(slope=value):
                return {"s": value}
            case ELU(alpha=value):
                return {r"\alpha": value}
            case SELU():
                return {r"\lambda": 1.0507009873554805, r"\alpha": 1.6732632423543772}
            case Step(value_at_zero=value):
                return {"g(0)": value}
            case Huber(delta=value):
                return {"d": value}
            case AdaptiveRobust(alpha=alpha, c=c):
                return {r"\alpha": alpha, "c": c}
        return {}

    return constants


def check_head(line, names, one):
    """Compute the formula of a whole group of lines again, with matrices."""
    name, _, formula = line.head.partition(" = ")
    if formula.startswith(r"\frac{\partial C}{\partial z"):  # which is what δ means
        return
    if name[0] == "m" or "delta" in name:
        units = len(one.params.b[int(re.search(r"\^(\d)", line.head)[1])])
        shape = (*one.x.shape[:-1], 1 if name[0] == "m" else units)
        for index in np.ndindex(shape):
            value = read(spelled(formula, index, one), names)
            assert close(value, names[spelled(name, index, one)], 1e-9, 1e-14), line.head
    elif name[0] in "zZaApP":
        layer = re.search(r"ayer (\d)", line.title)
        g = one.gs[int(layer[1]) - 1] if layer else None
        functions = {r"\sigma": g or Sigmoid(), r"\mathrm{Softmax}": g or Softmax()}
        functions |= {r"\tanh": g, rf"\mathrm{{{type(g).__name__}}}": g}
        if one.x.ndim == 2:
            rows = {f"b^{l}": np.ravel(names[f"b^{l}"]) for l in range(1, len(one.gs) + 1)}
            names = Batch(names | rows)
            where = functions
        else:
            where = {
                key: lambda z, g=g: g(np.ravel(z)).reshape(np.shape(z))
                for key, g in functions.items()
            }
        assert close(read(formula, names, where), names[name], 1e-9), line.head


def spelled(formula, index, one):
    """Return a formula of one entry, with its indices n and i, and a sum over k, put in."""
    *n, i = (k + 1 for k in index)
    before, letter, summand = re.fullmatch(r"(.*?)(?:\\sum_(\w) (.*))?", formula).groups()
    if letter:
        units = len(one.params.b[int(re.search(r"[Wa]\^(\d)", summand)[1])])
        terms = [re.sub(rf"(_\{{?\w?){letter}", rf"\g<1>{k}", summand) for k in range(1, units + 1)]
        before += f"({' + '.join(terms)})"
    before = re.sub(r"_i\b", f"_{i}", before).replace("i}", f"{i}}}")
    return re.sub(r"_(\{?)n(?!\w*\{)", rf"_\g<1>{n[0]}", before) if n else before


@every_loss
def test_all_digits_follow_from_the_text_and_are_those_of_the_package(loss):
    for one in cases(loss):
        solution, names = example(*one.given, one.rate, digits=15), given_names(one, 15)
        for line in check(solution, names, 15, constants=constants_of(one)):
            if line.head and line.last:
                check_head(line, names, one)
        assert_values(solution, one)


@every_loss
def test_four_digits_are_those_of_the_values(loss):
    for one in cases(loss)[::3]:
        solution = example(*one.given, one.rate)
        assert list(check(solution, given_names(one, 4), 4, constants=constants_of(one)))


@every_loss
def test_rounded_on_the_way_each_result_follows_from_the_numbers_shown(loss):
    for one in cases(loss)[1::2]:
        solution = example(*one.given, one.rate, carry_digits=3)
        names, constants = given_names(one, 3), constants_of(one)
        assert list(check(solution, names, 3, constants=constants, carries=True))


def passes(one):
    """Return what the package computes, by the names of a solution's values."""
    net, params, x, y, loss = one.given
    found = {}

    def forward(params, after):
        trace = net.forward(params, x)
        for l in range(1, len(one.gs) + 1):
            found.update({f"z{l}{after}": trace.z[l], f"a{l}{after}": trace.a[l]})
        if isinstance(loss, SigmoidCrossEntropy):
            found[f"p{after}"] = Sigmoid()(trace.output)
        if isinstance(loss, SoftmaxCrossEntropy):
            found[f"p{after}"] = softmax(trace.output)
        found[f"C{after}"] = loss(trace.output, y)
        return trace

    trace = forward(params, "")
    output_gradient = loss.gradient(trace.output, y)
    gradients = net.backward(params, trace, output_gradient)
    for l, g in enumerate(one.gs, 1):
        last = l == len(one.gs)
        back = output_gradient if last else gradients.delta[l + 1] @ params.W[l + 1]
        found |= {f"delta{l}": gradients.delta[l], f"dC/dW{l}": gradients.W[l]}
        found |= {f"dC/db{l}": gradients.b[l]}
        if isinstance(g, Softmax) or (last and not isinstance(g, Identity)):
            found[f"dC/da{l}"] = back
        if not isinstance(g, Softmax | Identity):
            found[f"g'(z{l})"] = g.derivative(trace.z[l])
    if one.rate:
        opt = GradientDescent(one.rate)
        step, _ = opt.update(gradients.vector, opt.init(params.vector), params.vector)
        moved = params.with_vector(params.vector + step)
        forward(moved, " after")
        for l in range(1, len(one.gs) + 1):
            found |= {f"W{l} after": moved.W[l], f"b{l} after": moved.b[l]}
    return found


def assert_values(solution, one):
    wanted = passes(one)
    assert solution.values.keys() == wanted.keys()
    for name, value in wanted.items():
        assert np.shape(solution.values[name]) == np.shape(value), name
        assert close(solution.values[name], value, 1e-12, 1e-14), name


@every_loss
def test_values_are_those_of_the_package_also_where_numbers_are_rounded(loss):
    for one in cases(loss)[::4]:
        assert_values(example(*one.given, one.rate, carry_digits=2), one)


# What a solution says besides.


def test_drift_lists_the_results_that_rounding_has_spoiled():
    spoiled = 0
    for one in (case(HalfSquaredError(), g, seed) for seed, g in enumerate(GS)):
        exact = example(*one.given, one.rate)
        solution = example(*one.given, one.rate, carry_digits=3)
        wanted = set()
        for step, true in zip(solution.steps, exact.steps, strict=True):
            for value, truth in zip(np.ravel(step.value), np.ravel(true.value), strict=True):
                if value != to_digits(truth, 3):
                    wanted.add((value, to_digits(truth, 5), truth))
        rows = re.findall(r"\| \$(.+)\$.* \| \$(.+)\$ \| \$(.+)\$ \| (.+) \|", solution.drift)
        listed = {tuple(entries(text)[0][0] for text in row[1:3]) for row in rows}
        assert listed == {pair[:2] for pair in wanted}
        assert len(solution.drift.split("\n")) == len(rows) + 2 * bool(rows) + (not rows)
        assert len(rows) >= len({pair[::2] for pair in wanted})  # not the gradient of b, which is δ
        errors = {(value, true): abs(value / truth - 1) for value, true, truth in wanted if truth}
        for _, value, true, error in rows:
            pair = entries(value)[0][0], entries(true)[0][0]
            if pair in errors:
                assert error.endswith("$ %") and read(error[1:-3]) / 100 == pytest.approx(
                    errors[pair], rel=0.06
                )
        assert str(solution).endswith(f"**Where the rounding shows**\n\n{solution.drift}")
        spoiled += len(rows)
    assert spoiled > 100


def test_drift_names_each_result():
    table = syllabus(learning_rate=0.5, carry_digits=3).drift
    assert r"| $C$ | $0.0341$ | $0.034030$ | $0.20$ % |" in table
    names = re.findall(r"\| \$([^$]+)\$(.*?) \| \$", table)
    assert (r"\delta^1_2", "") in names and ("C", " after the update") in names
    assert any(r"\partial W^1_{22}" in name for name, _ in names)


def test_where_no_digit_is_spoiled_drift_says_so_and_without_rounding_there_is_none():
    net = MLP([1, 1])
    given = net, net.parameters(W1=[[0.5]], b1=[0.1]), [0.8], [1.0], HalfSquaredError()
    assert example(*given, carry_digits=3).drift == "Every digit shown is right."
    with pytest.raises(ValueError, match="^carry_digits: None, wanted a solution that rounds"):
        _ = example(*given).drift


def test_parts_are_the_solution_in_order():
    for carry_digits in None, 3:
        whole = syllabus(learning_rate=0.5, carry_digits=carry_digits)
        names = ["forward", "cost", "deltas", "gradients", "update", "after"]
        parts = [whole.part(name) for name in names]
        assert [len(part.steps) for part in parts] == [6, 1, 7, 4, 4, 7]
        assert whole.part(*names).steps == whole.steps
        assert str(whole.part("cost")) in str(whole) or carry_digits
        assert whole.part("cost", "forward").steps == parts[0].steps + parts[1].steps
        assert all(part.values is whole.values for part in parts)
        assert (whole.part("forward").steps[0].title) == "Layer 1, weighted sums"
    assert "**Cost**" in str(parts[1]) and parts[1].drift.count("\n") == 2
    assert parts[0].drift == "Every digit shown is right."
    with pytest.raises(ValueError, match="^names: 'back', wanted some of forward, cost, deltas"):
        whole.part("forward", "back")
    with pytest.raises(ValueError, match="^names: 'after', wanted some of forward, cost, deltas"):
        syllabus().part("after")
    with pytest.raises(ValueError, match=r"^names: \(\), wanted some of"):
        whole.part()


def test_notebooks_render_what_str_says():
    solution, one = syllabus(carry_digits=3), problem(3)
    for shown in (solution, one, one.statement, one.solution, solution.drift):
        assert shown._repr_markdown_() == str(shown)
    assert repr(solution) == "Solution: 18 steps"
    assert repr(one.statement) == str(one.statement)


# The example of the chapter, with the numbers of the syllabus.

SYLLABUS_VALUES = {
    "z1": [0.52, 0.91],
    "a1": [0.62714777, 0.71300016],
    "z2": [1.04137398],
    "a2": [0.73911503],
    "C": 0.03403048,
    "g'(z2)": [0.19282400],
    "delta2": [-0.05030488],
    "dC/dW2": [[-0.03154860, -0.03586739]],
    "dC/db2": [-0.05030488],
    "g'(z1)": [0.23383345, 0.20463093],
    "delta1": [-0.00588148, -0.00617636],
    "dC/dW1": [[-0.00294074, -0.00470519], [-0.00308818, -0.00494109]],
    "dC/db1": [-0.00588148, -0.00617636],
}


def test_the_example_of_the_syllabus():
    values = syllabus().values
    assert values.keys() - {"dC/da2"} == SYLLABUS_VALUES.keys()
    for name, value in SYLLABUS_VALUES.items():
        assert np.round(values[name], 8).tolist() == value, name


def test_the_example_of_the_syllabus_as_text():
    text = str(syllabus(digits=8))
    shown = {}
    for line in lines_of(text):
        for name, (value, _) in zip([line.name] * 4, entries(line.result), strict=False):
            shown.setdefault(name, []).append(value)
    assert r"\approx 0.73911503" in text and r"\approx 0.62714777" in text
    partial = r"\frac{\partial C}{\partial %s}"
    for name, of in [(r"\delta^1_1", 0), (r"\delta^1_2", 1)]:
        assert round(shown[name][0], 8) == SYLLABUS_VALUES["delta1"][of]
    for l in "12":
        for letter in "Wb":
            wanted = np.ravel(SYLLABUS_VALUES[f"dC/d{letter}{l}"]).tolist()
            assert np.round(shown[partial % f"{letter}^{l}"], 8).tolist() == wanted
    assert "z^1_1 &= W^1_{11}\\, x_1 + W^1_{12}\\, x_2 + b^1_1 \\\\\n" in text
    assert "0.2 \\cdot 0.5 + 0.4 \\cdot 0.8 + 0.1" in text and "= 0.52" in text


def test_by_hand_with_three_digits_the_syllabus_drifts_as_the_notes_do():
    steps = {step.symbolic.split(" = ")[0]: step.value for step in syllabus(carry_digits=3).steps}
    assert (steps["a^2"], steps["C"]) == (0.739, 0.0341)  # and not 0.0340
    assert steps[r"\sigma'(z^1_2)"] == 0.205 and steps[r"\delta^1_2"] == -0.0062


# LaTeX that a book can show.

CONVERTER = LatexToMathML(fancy_error=False, annotation=True)


def assert_shows(text):
    """Assert that all formulas of a text are balanced and become MathML."""
    assert text.count("$$") % 2 == 0
    blocks = text.split("$$")
    formulas = [(block, True) for block in blocks[1::2]]
    for prose in blocks[::2]:
        assert prose.count("$") % 2 == 0, prose
        formulas += [(formula, False) for formula in prose.split("$")[1::2]]
        for line in prose.split("\n"):
            assert line.count("|") in (0, 5), line
    for latex, display in formulas:
        sides = [len(re.findall(rf"\\{side}(?![a-z])", latex)) for side in ("left", "right")]
        assert sides[0] == sides[1], latex
        open_ = []
        for mark in re.findall(r"\\(?:begin|end)\{\w+\}|\\left[(]|\\right[)]|[{}()]", latex):
            if mark.startswith(("\\begin", "\\left", "{", "(")):
                open_.append(mark)
            else:
                kind = {"}": "{", ")": "(", r"\right)": r"\left("}.get(mark)
                assert open_.pop() == (kind or mark.replace("end", "begin")), latex
        assert not open_, latex
        assert CONVERTER.convert_with_local_state(latex, displaystyle=display).startswith("<math")


@every_loss
def test_latex_is_balanced_and_becomes_mathml(loss):
    for n, one in enumerate(cases(loss)[::5]):
        assert_shows(str(example(*one.given, one.rate, carry_digits=[None, 3][n % 2])))


def test_very_large_and_very_small_numbers_stand_as_powers_of_ten():
    net = MLP([1, 1, 1], hidden=Sigmoid(), output=Tanh())
    params = net.parameters(W1=[[-2e-7]], b1=[1e-5], W2=[[-3e-6]], b2=[0.0])
    given = net, params, [12345678.9], [0.0], HalfSquaredError()
    for digits in 4, 15:
        solution = example(*given, 1e-5, digits=digits)
        one = SimpleNamespace(params=params, x=np.array([12345678.9]), y=np.array([0.0]),
                              gs=[Sigmoid(), Tanh()], rate=1e-5)  # fmt: skip
        assert list(check(solution, given_names(one, digits), digits))
        assert_shows(str(solution))
    text = str(example(*given, 1e-5))
    assert r"(-2 \cdot 10^{-7}) \cdot 1.235 \cdot 10^{7} + 10^{-5}" in text


KINKS = [g for g in GS if not isinstance(g, Softmax)]


@pytest.mark.parametrize("g", GS[:-1], ids=repr)
def test_formulas_say_value_and_derivative_of_an_activation(g):
    names = {"s": getattr(g, "slope", 0), "g(0)": getattr(g, "value_at_zero", 0)}
    names |= {r"\beta": getattr(g, "slope", getattr(g, "beta", 0))}
    names |= {r"\alpha": getattr(g, "alpha", 0), r"\lambda": getattr(g, "scale", 0)}
    for z in (-1.5, -0.3, 0.0, 0.4, 2.0):
        here = names | {"z": z, "a": float(g(z))}
        for text, wanted in zip(formulas(g), (g(z), g.derivative(z)), strict=True):
            assert close(read(chosen(text, here), here), wanted, 1e-12), (text, z)


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_formulas_say_value_and_derivative_of_a_loss(loss):
    names = {"d": getattr(loss, "delta", 0), "c": getattr(loss, "c", 0)}
    names |= {r"\alpha": getattr(loss, "alpha", 0)}
    texts = [text.replace(r"\sum_i ", "").replace("_i", "") for text in formulas(loss)]
    for a, y in itertools.product((-1.5, -0.3, 0.2, 0.25, 0.9, 1.0, 4.0), (-1.0, 0.25, 1.0)):
        a, y = np.array([a]), np.array([y])
        output = a
        if isinstance(loss, Hinge | SquaredHinge) and y == 0.25:
            continue
        if isinstance(loss, BinaryCrossEntropy | SigmoidCrossEntropy | ON_CLASSES):
            if y != 0.25 or not 0 < a < 1:
                continue
            if isinstance(loss, ON_CLASSES):
                a, y = np.append(a, 1 - a), np.append(y, 1 - y)
            output = a
            if isinstance(loss, SigmoidCrossEntropy):
                output = np.log(a / (1 - a))
            elif isinstance(loss, SoftmaxCrossEntropy):
                output = np.log(a)
        here = [names | {"a": p, "p": p, "y": t} for p, t in zip(a, y, strict=True)]
        costs, slopes = ([float(read(chosen(text, n), n)) for n in here] for text in texts)
        assert close(sum(costs), loss(output, y), 1e-12), (a, y)
        assert close(slopes, loss.gradient(output, y), 1e-12), (a, y)


def test_formulas_name_the_constants_of_a_loss():
    assert formulas(Huber(0.3)) == formulas(Huber(1e9))
    assert r"\alpha" in formulas(AdaptiveRobust(3, 1))[0]


def test_formulas_of_another_activation_are_refused():
    with pytest.raises(ValueError, match=r"function: Softmax\(\), wanted"):
        formulas(Softmax())


def test_formulas_of_another_loss_are_refused():
    class Own(HalfSquaredError):
        pass

    with pytest.raises(ValueError, match=r"function: .*Own\(\), wanted one of dlutils' own"):
        formulas(Own())


@pytest.mark.parametrize("g", KINKS, ids=repr)
def test_at_a_kink_the_condition_says_which_side_counts(g):
    net = MLP([2, 2], output=g)
    params = net.parameters(W1=[[0.5, -0.5], [1, -1]], b1=[0, 0])
    loss, x, y = HalfSquaredError(), np.ones(2), np.array([1.0, 0.3])
    one = SimpleNamespace(
        given=(net, params, x, y, loss), params=params, x=x, y=y, loss=loss, gs=[g], rate=0.5
    )
    solution = example(*one.given, 0.5, digits=15)
    assert list(check(solution, given_names(one, 15), 15, constants=constants_of(one)))
    for name, value in passes(one).items():
        assert close(solution.values[name], value, 1e-15, 0), name


@pytest.mark.parametrize(
    ("loss", "x", "y", "condition"),
    [
        (MeanAbsoluteError(), 0.5, 0.5, "(0.5 = 0.5)"),
        (Hinge(), 1.0, 1.0, r"(1 \cdot 1 \ge 1)"),
        (SquaredHinge(), 1.0, 1.0, ""),
        (Huber(0.5), 1.0, 0.5, r"(\lvert 1 - 0.5 \rvert \le 0.5)"),
        (Huber(0.5), 1.5, 0.5, r"(1.5 - 0.5 > 0.5)"),
        (Huber(0.5), -0.5, 0.5, r"(-0.5 - 0.5 < -0.5)"),
    ],
)
def test_at_a_kink_of_a_loss_the_condition_says_which_side_counts(loss, x, y, condition):
    net = MLP([1, 1])
    params = net.parameters(W1=[[1]], b1=[0])
    solution = example(net, params, [x], [y], loss)
    (delta,) = (line for line in lines_of(str(solution)) if line.name == r"\delta^1")
    assert "".join(delta.numbers) == condition
    assert solution.values["delta1"].tolist() == loss.gradient([x], [y]).tolist()
    assert solution.values["C"] == pytest.approx(loss([x], [y]), rel=1e-15, abs=0)


def test_a_class_of_probability_zero_that_is_not_true_costs_nothing():
    net = MLP([1, 2], output=Softmax())
    params = net.parameters(W1=[[800.0], [0.0]], b1=[0.0, 0.0])
    # e^800 is more than a float holds, so nothing can be put in by hand.
    with pytest.raises(ValueError, match=r"^a\^1_1: nan, wanted finite numbers"):
        example(net, params, [1.0], 0, CategoricalCrossEntropy())
    params = net.parameters(W1=[[0.0], [-800.0]], b1=[0.0, 0.0])
    solution = example(net, params, [1.0], 0, CategoricalCrossEntropy())
    assert solution.values["C"] == 0 and solution.values["delta1"].tolist() == [0, 0]


# Problems.

KINDS = [{"loss": loss} for loss in ALL_LOSSES if not isinstance(loss, ON_CLASSES)]
KINDS += [{"loss": loss, "sizes": (2, 3, 3)} for loss in ALL_LOSSES if isinstance(loss, ON_CLASSES)]
KINDS += [{"hidden": g} for g in GS if not isinstance(g, Step | Softmax)]
KINDS += [{"sizes": (3, 1)}, {"sizes": (1, 2, 2, 2)}, {"output": Identity(), "learning_rate": 0.1}]
KINDS += [{"loss": Huber(0.3), "examples": 2, "hidden": Tanh(), "output": ReLU()}]
KINDS += [{"loss": AdaptiveRobust(0.5, 0.7), "examples": 3, "output": Sigmoid(2.0)}]
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: repr(kind)[:60])


def numbers_of(text):
    """Return the numbers that stand in a text as its reader sees them, outside of names."""
    text = re.sub(r"\\tfrac\{1\}\{\d+\}|[_^](?:\d|\{[\w\\{} ]*?\d*\})|\b[1-5]\. ", " ", text)
    return re.findall(r"-?(?<![\w.])\d+(?:\.\d+)?(?: \\cdot 10\^\{-?\d+\})?", text)


def matrices(text):
    """Return what is given in a statement, by its name."""
    block = text.split(r"\end{aligned}")[0]
    found = re.findall(r"(\w(?:\^\d)?) &?= (\\begin\{p.*?\\end\{pmatrix\}|-?[\d.]+)", block)
    return {name: read(value) for name, value in found}


@every_kind
def test_a_problem_is_friendly_and_its_answers_are_distinct(kind):
    for seed in range(3):
        one = problem(seed, **kind)
        net, params, x, y, loss = one.net, one.params, one.x, one.y, one.loss
        for array in (params.vector, x):
            assert (np.round(array, 1) == array).all()
            assert np.abs(array).min() >= 0.1 and np.abs(array).max() <= 0.9
        assert x.min() > 0 and (np.round(y, 1) == y).all() and np.abs(y).max() <= 1
        trace = net.forward(params, x)
        gradients = net.backward(params, trace, loss.gradient(trace.output, y))
        for l in range(1, len(net.sizes)):
            g = net.activation(l)
            if isinstance(g, Softmax):
                assert trace.a[l].min() >= 0.05
            elif not isinstance(g, LeakyReLU):
                assert np.abs(g.derivative(trace.z[l])).min() >= 0.05
        *hidden, last = gradients.W
        answers = [*trace.z, *hidden]
        answers += [trace.a[l][trace.a[l] != trace.z[l]] for l in range(1, len(net.sizes) - 1)]
        for together in answers, [last]:  # δ = 1 makes its gradient equal to the activations
            shown = [to_digits(v, 4) for array in together for v in np.ravel(array)]
            assert len(set(shown)) == len(shown) and 0 not in shown
        assert np.abs(gradients.vector).min() >= 1e-4
        values = one.solution.values
        assert values["C after"] < values["C"] == pytest.approx(loss(trace.output, y), rel=1e-12)
        moved = params.vector - one.learning_rate * gradients.vector
        assert values["b1 after"] == pytest.approx(params.with_vector(moved).b[1], rel=1e-12)


@pytest.mark.parametrize(
    ("loss", "outputs", "probabilities"),
    [
        (SoftmaxCrossEntropy(), 3, softmax),
        (CategoricalCrossEntropy(), 3, lambda p: p),
        (SigmoidCrossEntropy(), 2, lambda z: np.stack([Sigmoid()(z), Sigmoid()(-z)])),
    ],
)
def test_no_probability_of_a_problem_is_saturated(loss, outputs, probabilities):
    for seed in range(60):
        one = problem(seed, (5, 5, outputs), hidden=Identity(), loss=loss)
        p = probabilities(one.net.forward(one.params, one.x).output)
        assert p.min() >= 0.05


@every_kind
def test_a_statement_gives_all_numbers_and_no_answer(kind):
    for seed in range(2):
        one = problem(seed, **kind)
        text = str(one.statement)
        assert_shows(text)
        given = matrices(text)
        wanted = {"X" if one.x.ndim == 2 else "x": one.x, "Y" if one.x.ndim == 2 else "y": one.y}
        for letter in "Wb":
            named = getattr(one.params, letter)
            wanted |= {f"{letter}^{l}": named[l] for l in range(1, len(one.net.sizes))}
        assert given.keys() == wanted.keys()
        for name, array in wanted.items():
            assert np.ravel(given[name]).tolist() == np.ravel(array).tolist(), name
            if np.size(array) > 1:
                column = (*array.shape, 1) if array.ndim == 1 else array.shape
                assert np.shape(given[name]) == column
        formulas = text.split("aligned}")[3] + text.rsplit("\n", 1)[1]
        parts = [one.loss, one.net.hidden, one.net.output]
        constants = [v for part in parts for v in vars(part).values()]
        constants = {to_digits(v, 6) for v in [*constants, SELU.scale, SELU.alpha]}
        constants |= {0, 1, 2, one.learning_rate, one.y.size, one.y.size // one.net.outputs}
        assert {float(number) for number in numbers_of(formulas)} <= constants
        answers = {number for line in lines_of(str(one.solution)) for number in
                   re.findall(r"\d\.\d+", line.result) if significant(number) > 3}  # fmt: skip
        assert answers and not answers & set(re.findall(r"\d\.\d+", text))


@pytest.mark.parametrize(
    ("loss", "wanted"),
    [
        (Huber(0.3), ["d = 0.3", r"\le d", "> d"]),
        (AdaptiveRobust(0.5, 0.7), [r"\alpha = 0.5", "c = 0.7"]),
    ],
)
def test_a_statement_says_all_of_its_loss(loss, wanted):
    for seed in range(3):
        text = str(problem(seed, loss=loss))
        assert all(part in text for part in wanted), text


def test_a_statement_defines_both_branches_of_an_activation():
    text = str(problem(1, hidden=ELU(0.5), output=LeakyReLU(0.2)))
    assert (
        r"a^1 &= z^1 \quad (z^1 > 0) ,\quad \alpha\, (e^{z^1} - 1) \quad (z^1 \le 0) "
        r",\quad \alpha = 0.5"
    ) in text
    assert r"a^2 &= z^2 \quad (z^2 > 0) ,\quad s\, z^2 \quad (z^2 \le 0) ,\quad s = 0.2" in text
    text = str(problem(1, (2, 2), loss=CategoricalCrossEntropy(), examples=2))
    assert r"a^1_i &= \frac{e^{z^1_i}}{\sum_j e^{z^1_j}}" in text
    assert "The rows of $X$ and $Y$ are examples" in text
    assert r"C &= \tfrac{1}{2} \sum \ell \quad (\text{the mean over all examples})" in text
    assert "a^2 &= z^2 \\\\\n" in str(problem(1, loss=Hinge()))
    assert r"a^1 &= \max(0, z^1) \\" in str(problem(1, hidden=ReLU()))


def test_the_same_seed_is_the_same_problem_everywhere():
    one = problem(7)
    assert one.params.W[1].tolist() == [[0.3, 0.6], [0.5, -0.1]]
    assert one.params.b[1].tolist() == [0.1, 0.1]
    assert one.params.W[2].tolist() == [[-0.4, 0.2]] and one.params.b[2].tolist() == [-0.6]
    assert (one.x.tolist(), one.y.tolist()) == ([0.6, 0.9], [1.0])
    assert (one.loss, one.learning_rate) == (HalfSquaredError(), 0.5)
    assert one.net == SYLLABUS
    named = problem_for("Ada Lovelace", (2, 3), loss=SoftmaxCrossEntropy(), examples=2)
    assert named.params.vector.tolist() == [0.9, 0.3, 0.4, -0.5, 0.3, -0.1, 0.5, -0.2, 0.5]
    assert named.x.tolist() == [[0.7, 0.3], [0.9, 0.1]]
    assert named.y.tolist() == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]


def test_seeds_and_options_make_different_problems():
    texts = {str(problem(seed)) for seed in range(30)}
    assert len(texts) == 30
    assert str(problem(5)) == str(problem(5, (2, 2, 1), examples=1, learning_rate=0.5))
    assert problem(5, examples=3).x.shape == (3, 2) and problem(5, examples=3).y.shape == (3, 1)
    assert problem(5, learning_rate=2).learning_rate == 2.0
    signs = np.sign(vectors := np.array([problem(seed).params.vector for seed in range(60)]))
    assert abs(signs.mean()) < 0.2
    assert np.unique(np.abs(10 * vectors).round()).tolist() == [*range(1, 10)]
    labels = {problem(seed).y[0] for seed in range(20)}
    assert labels == {0.0, 1.0}
    assert {problem(seed, loss=SquaredHinge()).y[0] for seed in range(20)} == {-1.0, 1.0}
    rows = {tuple(problem(s, (2, 3), loss=CategoricalCrossEntropy()).y) for s in range(30)}
    assert rows == {(1, 0, 0), (0, 1, 0), (0, 0, 1)}


def test_both_labels_come_with_the_hinge_loss():
    assert {problem(seed, loss=Hinge()).y[0] for seed in range(20)} == {-1.0, 1.0}


def test_an_output_without_a_choice_is_what_the_loss_takes():
    outputs = {type(loss): problem(2, (2, 2, 2), loss=loss).net.output for loss in ALL_LOSSES}
    for kind in (SigmoidCrossEntropy, SoftmaxCrossEntropy, Hinge, SquaredHinge):
        assert outputs.pop(kind) == Identity()
    assert outputs.pop(CategoricalCrossEntropy) == Softmax()
    assert set(outputs.values()) == {Sigmoid()}


def test_a_name_makes_a_problem_whatever_its_case_and_spaces():
    names = ["Ada Lovelace", " ada  lovelace ", "ADA\tLOVELACE\n", "ａｄａ lovelace"]
    assert len({str(problem_for(name)) for name in names}) == 1
    others = ["Ada Lovelace, week 2", "AdaLovelace", "Lovelace Ada", "Åda Lovelace", "Émilie"]
    assert len({str(problem_for(name)) for name in [names[0], *others]}) == 6
    assert str(problem_for("Émilie")) == str(problem_for("E\N{COMBINING ACUTE ACCENT}milie"))
    assert problem_for("a", (3, 2), examples=2).x.shape == (2, 3)


@pytest.mark.parametrize("name", ["", "  ", "\n", None, 7, b"Ada", ["Ada"]])
def test_a_problem_needs_a_name(name):
    with pytest.raises(ValueError, match=r"^name: .+, wanted a name"):
        problem_for(name)


@pytest.mark.parametrize(
    "options",
    [
        {"hidden": Step()},
        {"output": Softmax()},
        {"output": Step()},
    ],
)
def test_problems_that_do_not_exist_are_refused(options, monkeypatch):
    monkeypatch.setattr(worked, "MOST_TRIES", 100)  # which takes less time
    message = r"^problem: MLP.* gave none in 100 tries, wanted one in which no unit is dead"
    with pytest.raises(ValueError, match=message):
        problem(1, **options)


@pytest.mark.parametrize("loss", [CategoricalCrossEntropy(), SoftmaxCrossEntropy()], ids=repr)
def test_a_problem_of_one_class_is_refused(loss):
    with pytest.raises(ValueError, match=r"^sizes: \(2, 1\), wanted at least 2 outputs"):
        problem(1, loss=loss, sizes=(2, 1))


# The perceptron's rule and the optimizers.


def perceptron_steps(X, y, rate, epochs, start):
    """Return all weights, biases, z and outputs, one example after the other."""
    neuron, found = start, {"w": [start.weights], "b": [start.bias], "z": [], "output": []}
    for _ in range(epochs):
        mistakes = 0
        for x, t in zip(X, y, strict=True):
            found["z"].append(x @ neuron.weights + neuron.bias)
            found["output"].append(neuron(x))
            mistakes += neuron(x) != t
            neuron = neuron.update(x, t, rate)
            found["w"].append(neuron.weights)
            found["b"].append(neuron.bias)
        if not mistakes:
            break
    return found


@pytest.mark.parametrize("seed", range(40))
def test_a_perceptrons_trace_is_that_of_its_updates(seed):
    rng = np.random.default_rng(seed)
    N, n = rng.integers(1, 5), rng.integers(1, 4)
    X, y = rng.integers(-9, 10, (N, n)) / (10 if seed % 2 else 1), rng.integers(0, 2, N)
    rate, epochs = rng.choice([1.0, 0.5, 0.3]), 50 // N if seed % 10 == 0 else 2
    start = Perceptron(rng.integers(-2, 3, n), 0.5 * rng.integers(-2, 3), Step(float(seed % 3 > 1)))
    trace = perceptron(X, y, learning_rate=rate, epochs=epochs, start=start, digits=15)
    wanted = perceptron_steps(X, y, rate, epochs, start)
    assert trace.values.keys() == wanted.keys()
    for name, value in wanted.items():
        assert np.shape(trace.values[name]) == np.shape(value), name
        assert close(trace.values[name], value, 1e-12, 1e-14), name
    fit = train_perceptron(X, y, learning_rate=rate, epochs=epochs, start=start)
    mistakes = (trace.values["output"].reshape(-1, N) != y).sum(axis=1)
    assert tuple(mistakes) == fit.errors
    assert close(trace.values["w"][-1], fit.perceptron.weights, 1e-12)

    def constants(title):
        (row,) = re.findall(r"Epoch \d+, example (\d+)", title)
        row = int(row) - 1
        return {f"x_{i}": v for i, v in enumerate(X[row], 1)} | {"t": y[row]}

    digits = 15 if seed % 2 else 3
    names = Names({r"\eta": rate, "b": start.bias})
    keep(names, "w", start.weights[:, None])
    shown = perceptron(X, y, learning_rate=rate, epochs=epochs, start=start, digits=digits)
    assert list(check(shown, names, digits, constants=constants))
    assert_shows(str(shown))


# Where w₁x₁ + … + b is 0 but for the last bit, the order of the sum decides, and `@` has its own.
def test_a_perceptrons_trace_is_that_of_its_updates_where_rounding_decides_a_tie():
    X, y = [[0.2, 0.7, 0.0, 0.0], [0.0, 0.5, -0.1, 0.3]], [1, 0]
    options = {"learning_rate": 0.3, "epochs": 25}
    outputs = perceptron(X, y, **options).values["output"]
    assert tuple((outputs.reshape(-1, 2) != y).sum(axis=1)) == train_perceptron(X, y, **options)[1]


def test_a_perceptrons_trace_ends_after_an_epoch_without_a_mistake():
    X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 1]
    trace = perceptron(X, y, epochs=12)
    assert train_perceptron(X, y).errors == (1, 2, 1, 0)
    assert len(trace.values["z"]) == 16 and trace.steps[-1].title == "Epoch 4, example 4"
    assert [step.title for step in trace.part("16").steps] == ["Epoch 4, example 4"] * 3
    with pytest.raises(ValueError, match="^names: '17', wanted some of 1, 2, 3, "):
        trace.part("17")
    assert len(perceptron(X, [0, 1, 1, 0], epochs=12).values["z"]) == 48  # XOR


def test_a_tie_is_decided_by_the_value_at_zero():
    for value in 0.0, 1.0:
        start = Perceptron([0.0], 0.0, Step(value))
        trace = perceptron([[1.0]], [1], start=start)
        assert trace.values["output"] == [value]
        sign = [r"0 \le 0", r"0 \ge 0"][int(value)]
        assert rf"{value:g} \quad ({sign})" in trace.steps[1].substituted
        assert trace.values["w"].tolist() == [[0.0], [1.0 - value]]


OPTIMIZERS = [
    *ALL_OPTIMIZERS,
    GradientDescent(StepDecay(0.3, 0.5, 2)),
    Momentum(0.1, 0.8, dampening=0.4),
    Momentum(StepDecay(0.1, 0.5, 1)),
    Nesterov(0.1, 0.5),
    Adagrad(0.7, 0.1),
    RMSprop(0.1, 0.7, 1e-3),
    Adadelta(0.9, 0.5, 1e-2),
    Adam(0.1, 0.5, 0.25, 0.125),
    Adam(0.1, bias_correction=False),
    Adam(0.1, beta1=0.0),
    AdamW(0.2, weight_decay=0.3),
    AdamW(StepDecay(0.1, 0.5, 1), bias_correction=False),
    AdamW(lambda step: 0.1 * step, weight_decay=0.0),
]
LETTERS = {GradientDescent: "", Momentum: "v", Nesterov: "v", Adagrad: "s", RMSprop: "s"}
LETTERS |= {Adadelta: "su", Adam: "mv", AdamW: "mv"}
every_optimizer = pytest.mark.parametrize("opt", OPTIMIZERS, ids=lambda opt: type(opt).__name__)


def slope(theta):
    return 3 * theta**2 - 0.7


def optimizer_names(opt, theta, digits, steps):
    """Return the names of what is given: θ₀, what is remembered, and all constants."""
    names = {r"\theta_0": theta} | {f"{letter}_0": 0.0 for letter in LETTERS[type(opt)]}
    symbols = {"beta": r"\beta", "dampening": "d", "epsilon": r"\varepsilon", "decay": r"\rho"}
    symbols |= {"beta1": r"\beta_1", "beta2": r"\beta_2", "weight_decay": r"\lambda"}
    names |= {symbol: getattr(opt, name, 0) for name, symbol in symbols.items()}
    rate = opt.learning_rate
    for t in range(1, steps + 1):
        index = f"{{{t}}}" if t > 9 else t
        names |= {rf"\eta_{index}": rate(t - 1)} if callable(rate) else {r"\eta": rate}
    return {name: as_given(value, digits) for name, value in names.items()}


@every_optimizer
@pytest.mark.parametrize("digits", [15, 4])
def test_an_optimizers_trace_is_that_of_its_updates(opt, digits):
    theta, state, steps = 0.8, opt.init(0.8), 12
    wanted = {"theta": [theta], "g": []} | {letter: [0.0] for letter in LETTERS[type(opt)]}
    for _ in range(steps):
        wanted["g"].append(slope(theta))
        step, state = opt.update(slope(theta), state, np.float64(theta))
        theta += float(step)
        wanted["theta"].append(theta)
        for letter, value in zip(LETTERS[type(opt)], state[1:], strict=True):
            wanted[letter].append(float(value))
    trace = optimizer(opt, slope, 0.8, steps=steps, digits=digits)
    assert trace.values.keys() == wanted.keys()
    for name, value in wanted.items():
        assert np.shape(trace.values[name]) == np.shape(value), name
        assert close(trace.values[name], value, 1e-11, 1e-14), name
    names = optimizer_names(opt, 0.8, digits, steps)
    lines = list(check(trace, names, digits, functions={"C'": slope}))
    assert {line.title for line in lines} == {f"Step {t}" for t in range(1, steps + 1)}
    assert_shows(str(trace))


@every_optimizer
def test_an_optimizer_goes_on_with_rounded_numbers(opt):
    trace = optimizer(opt, slope, 0.8123456789, carry_digits=3)
    names = optimizer_names(opt, 0.8123456789, 3, 3)
    assert list(check(trace, names, 3, functions={"C'": slope}, carries=True))
    exact = optimizer(opt, slope, 0.8123456789, digits=15)
    for name, value in exact.values.items():
        assert (trace.values[name] == value).all()
    spoiled = [
        step.symbolic.split(" = ")[0]
        for step, true in zip(trace.steps, exact.steps, strict=True)
        if step.value != to_digits(true.value, 3)
    ]
    rows = re.findall(r"\n\| \$([^$]+)\$ \|", trace.drift)
    assert set(rows) <= set(spoiled) and bool(rows) == bool(spoiled)
    assert_shows(str(trace))


def test_adam_on_paper_divides_by_the_corrected_root():
    (step,) = (s for s in optimizer(Adam(0.1), lambda t: 2 * t, 1.0, 1).steps if "theta_1" in s[1])
    assert step.symbolic == (
        r"\theta_1 = \theta_0 - \eta\, \frac{\hat m_1}{\sqrt{\hat v_1} + \varepsilon}"
    )
    assert step.substituted == r"1 - 0.1 \cdot \frac{2}{\sqrt{4} + 10^{-8}}"


@every_optimizer
def test_formulas_say_any_step_of_an_optimizer(opt):
    steps = [s.symbolic for s in optimizer(opt, slope, 0.8, 3).steps if s.title == "Step 3"]
    text = "\n".join(formulas(opt)).replace("_{t-1}", "_2").replace("_t", "_3")
    assert text.replace("^{t}", "^{3}").split("\n") == steps[1:]


# The figure.

FIGURES = [
    SYLLABUS,
    MLP([2, 3], output=Softmax()),
    MLP([1, 1, 2, 2], hidden=Identity(), output=SELU()),
]


@pytest.mark.parametrize("net", FIGURES, ids=lambda net: str(net.sizes))
def test_a_figure_goes_through_both_passes_and_says_each_number(net):
    rng = np.random.default_rng(0)
    params, L = net.init(rng), len(net.sizes) - 1
    x, y = rng.uniform(-1, 1, net.inputs), np.eye(net.outputs)[0]
    solution = example(net, params, x, y, HalfSquaredError(), carry_digits=2)
    figure = solution.step_through(digits=3)
    assert isinstance(figure, Sliders) and figure.frames == 4 * L + 2
    trace = net.forward(params, x)
    gradients = net.backward(params, trace, trace.output - y)
    arrays = [x]
    for l in range(1, L + 1):
        arrays += [trace.z[l], trace.a[l]]
    arrays.append(np.array(HalfSquaredError()(trace.output, y)))
    for l in range(L, 0, -1):
        arrays += [gradients.delta[l], gradients.W[l]]
    (labels,) = figure.controls.values()
    assert len(set(labels)) == len(labels) == len(arrays)
    for label, array in zip(labels, arrays, strict=True):
        alt = figure.alt(label)
        shown = re.findall(r"[-−]?\d+\.\d{3}\b", alt)
        assert shown == [f"{v:.3f}".replace("-", "−") for v in np.ravel(array)], alt
        ax = figure.plot(label)
        assert ax.get_title().count("$") == 2
        MathTextParser("path").parse(ax.get_title())
        plt.close(ax.figure)


def test_a_figure_shows_no_number_before_its_step():
    figure = syllabus().step_through()
    seen = []
    for label in figure.controls["step"]:
        ax = figure.plot(label)
        seen.append({line for text in ax.texts for line in text.get_text().split("\n")})
        plt.close(ax.figure)
    for before, after in itertools.pairwise(seen):
        assert {line for line in before if "?" not in line} <= after
    assert "z 0.5200" not in seen[0] and "z 0.5200" in seen[1]
    assert "a 0.7391" not in seen[3] and "a 0.7391" in seen[4]
    assert "δ −0.0503" not in seen[5] and "δ −0.0503" in seen[6]
    assert "∂ −0.0029" not in seen[8] and "∂ −0.0029" in seen[9]


def test_a_page_of_the_figure_has_all_frames():
    net = MLP([1, 1])
    solution = example(net, net.parameters(W1=[[2]], b1=[1]), [3.0], [0.5], HalfSquaredError())
    text = solution.step_through(2)._repr_mimebundle_()["text/html"]
    assert "Layer 1, weighted sums: 7.00" in text and text.count("<img") == 1


# What is refused; more of it in test_refusals.py.

NUMBERS = [0.1, 0.2], [1.0]


def refused(message, net=SYLLABUS, params=None, x=None, y=None, loss=None, **options):
    rng = np.random.default_rng(0)
    x = rng.uniform(size=net.inputs) if x is None else x
    y = rng.uniform(size=net.outputs) if y is None else y
    with pytest.raises(ValueError, match=rf"(?s)^{message}"):
        example(net, params or net.init(rng), x, y, loss or HalfSquaredError(), **options)


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (MLP([2, 6, 1]), r"net: sizes \[2, 6, 1\], wanted at most 5 a layer and 4 dense"),
        (MLP([6, 1]), r"net: sizes \[6, 1\], wanted at most 5"),
        (MLP([1, 6]), r"net: sizes \[1, 6\], wanted at most 5"),
        (MLP([1] * 6), r"net: sizes \[1, 1, 1, 1, 1, 1\], wanted at most 5 a layer and 4"),
        (Network([Dense(2, 2), Dropout(0.5), Dense(2, 1)]), r"net: Dropout\(p=0.5\), wanted Dense"),
        (Network([Dense(2, 2), BatchNorm(2), Dense(2, 1)]), "net: BatchNorm.*, wanted Dense"),
        (
            Network([Dense(2, 4), Maxout(2), Dense(2, 1)]),
            "net: Maxout.*, wanted Dense layers, each",
        ),
        (Network([Dense(2, 1), PReLU(1)]), "net: PReLU.*, wanted Dense layers, each with at most"),
        (
            Network([Dense(2, 1), Activate(ReLU()), Activate(Tanh())]),
            r"net: Activate.*Tanh.*, want",
        ),
        (Network([Activate(Tanh()), Dense(2, 1)]), r"net: Activate\(activation=Tanh\(\)\), wanted"),
    ],
)
def test_networks_that_cannot_be_written_out_are_refused(net, message):
    refused(message, net)


def test_the_largest_network_is_written_out():
    net = MLP([5, 5, 5, 5, 5], hidden=Sigmoid(), output=Softmax())
    rng = np.random.default_rng(0)
    given = net.init(rng), rng.uniform(size=(3, 5)), [0, 1, 4], CategoricalCrossEntropy()
    solution = example(net, *given, learning_rate=1)
    assert solution.values["C after"] < solution.values["C"]
    assert_shows(str(solution))


class Bent(Sigmoid):
    """Somebody's own activation."""


class Own(HalfSquaredError):
    """Somebody's own loss."""


def test_formulas_of_other_peoples_classes_are_not_known():
    refused(r"net: Bent\(slope=1.0\), wanted one of dlutils' own", MLP([2, 1], output=Bent()))
    refused(r"loss: Own\(\), wanted one of dlutils' own, such as", loss=Own())
    with pytest.raises(ValueError, match=r"^opt: Slow\(.*\), wanted one of dlutils' own"):
        optimizer(type("Slow", (GradientDescent,), {})(0.1), slope, 1.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        # These should name x and y, which the caller knows, and not X and target.
        ({"x": [1.0]}, r"x: shape \(1,\), wanted \(2,\) for one example"),
        ({"x": [[1.0, 2.0]], "y": [1.0]}, r"y: shape \(1,\), wanted \(1, 1\)"),
        ({"y": [1.0, 2.0]}, r"y: shape \(2,\), wanted \(1,\)"),
        ({"y": [np.nan]}, r"y: nan at index \(0,\), wanted finite numbers"),
        ({"x": [np.inf, 1.0]}, r"x: inf at index \(0,\), wanted finite numbers"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(changes, message):
    refused(message, **changes)


def test_batches_of_three_are_the_largest():
    refused("x: 4 examples, wanted at most 3 to show", x=np.ones((4, 2)), y=np.ones((4, 1)))
    example(SYLLABUS, SYLLABUS_PARAMS, np.ones((3, 2)), np.ones((3, 1)), HalfSquaredError())
    for bad in (0, 4):
        with pytest.raises(ValueError, match=rf"^examples: {bad}, wanted"):
            problem(1, examples=bad)


@pytest.mark.parametrize("bad", [0, 16, 1.5, True, -1, None, "4"])
def test_digits_are_whole_numbers_from_1_to_15(bad):
    message = rf"^digits: {re.escape(repr(bad))}, wanted (a whole number from 1|at most 15)"
    for function in (
        lambda: syllabus(digits=bad),
        lambda: perceptron([[1.0]], [1], digits=bad),
        lambda: optimizer(Adam(), slope, 1.0, digits=bad),
    ):
        with pytest.raises(ValueError, match=message):
            function()
    if bad is not None:
        for function in (syllabus, lambda **o: optimizer(Adam(), slope, 1.0, **o)):
            with pytest.raises(ValueError, match=message.replace("digits", "carry_digits")):
                function(carry_digits=bad)


@pytest.mark.parametrize(
    "rate", [0, -0.1, np.nan, np.inf, True, "0.1", [0.1], StepDecay(1, 0.5, 1)]
)
def test_learning_rates_are_one_number_above_0(rate):
    refused(r"learning_rate: .+, wanted one finite number above 0", learning_rate=rate)


def test_an_array_in_place_of_a_loss_is_refused_by_name():
    net = MLP([1, 1])
    params = net.parameters(W1=[[1.0]], b1=[0.0])
    with pytest.raises(ValueError, match="^loss: ndarray, wanted one of dlutils' own"):
        example(net, params, [1.0], [1.0], np.array([1, 2]))


def test_a_result_that_is_not_finite_says_what_it_is():
    one = MLP([1, 1], output=Sigmoid())
    params = one.parameters(W1=[[1.0]], b1=[0.0])
    refused("C: inf, wanted finite numbers, also when computed", one, params, [50.0], [0.0],
            BinaryCrossEntropy())  # fmt: skip
    # p = 0.9996 is 1 with three digits.
    example(one, params, [8.0], [0.0], BinaryCrossEntropy())
    refused("C: inf, wanted finite numbers, also when", one, params, [8.0], [0.0],
            BinaryCrossEntropy(), carry_digits=3)  # fmt: skip
    soft = MLP([1, 1], output=Softplus())
    refused(r"a\^1: inf, wanted finite", soft, params, [800.0], [1.0])
    large = one.parameters(W1=[[1e308]], b1=[0.0])
    refused(r"z\^1: inf, wanted finite", one, large, [1e10], [1.0])
    refused(r"z\^1: nan, wanted finite", one, params.with_vector([np.nan, 0.0]), [1.0], [1.0])
    flat = MLP([1, 1])
    refused(r".*W\^1.*inf.*, wanted finite", flat, params, [1e200], [0.0], MeanAbsoluteError(),
            learning_rate=1e200)  # fmt: skip
    with pytest.raises(ValueError, match=r"^\\theta_1: -inf, wanted finite numbers"):
        optimizer(GradientDescent(1e300), lambda theta: 1e300, 1.0)


def test_figures_of_batches_and_of_traces_are_refused():
    batch = example(SYLLABUS, SYLLABUS_PARAMS, np.ones((1, 2)), [[1.0]], HalfSquaredError())
    traces = perceptron([[1.0]], [1]), optimizer(Adam(), slope, 1.0)
    for solution in (batch, *traces, batch.part("cost")):
        with pytest.raises(ValueError, match="^step_through: wanted the solution of one example"):
            solution.step_through()


def test_a_part_of_a_solution_shows_its_own_steps():
    figure = syllabus().part("forward").step_through()
    assert figure.controls["step"] == ["x", "z¹", "a¹", "z²", "a²"]
    ax = figure.plot("a²")
    assert any("a 0.7391" in text.get_text() for text in ax.texts) and ax.get_legend() is None
    plt.close(ax.figure)
    figure = syllabus().part("cost", "gradients").step_through()
    assert figure.controls["step"] == ["C", "∂C/∂W²", "∂C/∂W¹"]
    with pytest.raises(ValueError, match="wanted the part forward, cost, deltas or gradients"):
        syllabus(learning_rate=0.5).part("update").step_through()


def test_nothing_that_was_given_is_changed():
    x, y, X = np.array([0.5, 0.8]), np.array([1.0]), np.eye(2)
    before = SYLLABUS_PARAMS.vector.copy()
    solution = example(SYLLABUS, SYLLABUS_PARAMS, x, y, HalfSquaredError(), 0.5, carry_digits=2)
    perceptron(X, y_ := np.array([0, 1]), epochs=3)
    assert (x == [0.5, 0.8]).all() and y == 1 and (X == np.eye(2)).all() and (y_ == [0, 1]).all()
    assert (SYLLABUS_PARAMS.vector == before).all()
    text, x[0], y[0] = str(solution), 9.0, 9.0
    assert str(solution) == text


def test_float32_is_written_out_in_double_precision():
    narrow = SYLLABUS_PARAMS.with_vector(SYLLABUS_PARAMS.vector.astype(np.float32))
    given = narrow, np.float32([0.5, 0.8]), np.float32([1.0]), HalfSquaredError()
    values = example(SYLLABUS, *given).values
    assert values["delta1"].dtype == np.float64
    for name, value in syllabus().values.items():
        assert values[name] == pytest.approx(value, rel=1e-5)


def test_problems_can_be_compared_and_hashed():
    one = problem(7)
    assert one == one and hash(one) is not None and one in {one, problem(8)}
