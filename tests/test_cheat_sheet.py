"""Proves the tables of the cheat sheet from what they print: SymPy differentiates each formula, and
the result, like the formula, equals what the package computes."""

import itertools
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
import sympy as sp
from tex import chosen, read

import dlutils
from dlutils import (
    ALL_ACTIVATIONS,
    ALL_LOSSES,
    ALL_OPTIMIZERS,
    BatchNorm,
    Dense,
    Dropout,
    LayerNorm,
    Maxout,
    PReLU,
    ReLU,
    initializers,
)

ROOT = Path(__file__).parents[1]
CELLS = nbformat.read(ROOT / "chapters/reference/cheat-sheet.ipynb", as_version=4).cells
EXACT = {
    "e^": sp.exp,
    "number": sp.Rational,
    r"\sqrt": sp.sqrt,
    r"\ln": sp.log,
    r"\tanh": sp.tanh,
    r"\max": sp.Max,
    r"\sigma": lambda z: 1 / (1 + sp.exp(-z)),
    r"\Phi": lambda z: (1 + sp.erf(z / sp.sqrt(2))) / 2,
    r"\varphi": lambda z: sp.exp(-(z**2) / 2) / sp.sqrt(2 * sp.pi),
}
# On both sides of every bend and corner, and on none.
PLACES = [sp.Rational(n, 4) for n in (-8, -3, -1, 1, 3, 8)]
TARGETS = [sp.Rational(n, 5) for n in (-5, 1, 5)]


def table(head: str) -> dict[str, list[str]]:
    """The cells of each row of the table whose first head this is, by the row's name."""
    outputs = [output.get("data", {}) for cell in CELLS for output in cell.get("outputs", [])]
    texts = [output.get("text/markdown", "") for output in outputs]
    (lines,) = [text.splitlines() for text in texts if text.startswith(f"| {head} |")]
    rows = [line.strip("| ").split(" | ") for line in lines[2:]]
    return {row[0].split(",")[0]: row[1:] for row in rows}


def formula(cell: str) -> str:
    return cell.strip("$")


def exact(tex, names, place):
    """What a formula says in SymPy at a place, where one of its cases is chosen."""
    here = {name: float(sp.sympify(value).subs(place)) for name, value in names.items()}
    return read(chosen(tex, here), names, EXACT)


def agree(name, found, wanted):
    assert abs(float(found) - float(wanted)) <= 1e-12 * (1 + abs(float(wanted))), name


# ── Activations and losses ────────────────────────────────────────────────────────────────────────


def check_activation(g, row):
    """Assert that the slope printed is the derivative of the value printed, and both those of g."""
    value, slope, values, slopes = row
    z = sp.Symbol("z", real=True)
    names = {"z": z, "s": sp.Rational(1, 100)}
    names |= {
        r"\alpha": sp.Float(getattr(g, "alpha", 0)),
        r"\lambda": sp.Float(getattr(g, "scale", 0)),
    }
    for place in PLACES:
        at = {z: place}
        in_value = exact(formula(value), names, at)
        in_slope = exact(formula(slope), names | {"a": in_value}, at)
        agree("value", in_value.subs(at) if in_value.free_symbols else in_value, g(float(place)))
        derived = sp.diff(in_value, z).subs(at).evalf()
        agree("slope", sp.sympify(in_slope).subs(at).evalf(), derived)
        agree("slope", derived, g.derivative(float(place)))
    for said, function in ((values, g), (slopes, g.derivative)):
        low, high = (float(e.replace("−", "-").replace("∞", "inf")) for e in said.split(" to "))
        reached = function(np.r_[np.linspace(-9, 9, 3001), -1e12, 1e12])
        assert reached.min() >= low - 0.005 and reached.max() <= high + 0.005
        assert reached.min() <= low + 0.005 or low == -np.inf
        assert reached.max() >= high - 0.005 or high == np.inf
        assert (
            np.isinf([low, high]).tolist()
            == (abs(function(np.array([-1e12, 1e12]))) > 1e9).tolist()
        )


def outputs_of(loss, logits):
    """What stands for a or p in the formulas of a loss: its output, or what is made of logits."""
    match type(loss).__name__:
        case "SigmoidCrossEntropy":
            return [1 / (1 + sp.exp(-z)) for z in logits]
        case "SoftmaxCrossEntropy":
            return [sp.exp(z) / sum(map(sp.exp, logits)) for z in logits]
    return logits


def cases_of(loss, classes):
    """Yield outputs and targets that a loss takes, one for each class or a single one."""
    name = type(loss).__name__
    for place, target in itertools.product(PLACES, TARGETS):
        if ("Hinge" in name and abs(target) != 1) or ("Entropy" in name and target < 0):
            continue
        if name in ("BinaryCrossEntropy", "CategoricalCrossEntropy") and not 0 < place < 1:
            continue
        rest = sp.Rational(1, 7)
        others = [1 - place - rest if "Categorical" in name else place / 3, rest]
        shares = [(1 - target) / 4, 3 * (1 - target) / 4]
        yield [place, *others[:classes]], [target, *shares[:classes]]


def check_loss(loss, row):
    """Assert that the slope printed is the derivative of the cost printed, and both those of it."""
    costs, slope, over = row
    others = 2 if "_i" in costs else 0
    costs, slope = (re.sub(r"_i|\\sum_i ?", "", formula(tex)) for tex in (costs, slope))
    logits = sp.symbols(f"z1:{others + 2}", real=True)
    for place, target in cases_of(loss, others):
        at = dict(zip(logits, place, strict=True))
        names = [
            {"a": a, "p": a, "y": y, "d": 1}
            for a, y in zip(outputs_of(loss, logits), target, strict=True)
        ]
        cost = sum(exact(costs, entry, at) for entry in names)
        given = np.array([place], float), np.array([target], float)
        agree("cost", cost.subs(at).evalf(), loss(*given))
        for entry, z, number in zip(names, logits, loss.gradient(*given)[0], strict=True):
            derived = sp.diff(cost, z).subs(at).evalf()
            agree("slope", sp.sympify(exact(slope, entry, at)).subs(at).evalf(), derived)
            agree("slope", derived, number)
    # Twice the columns, all as they were: a mean over the entries stays.
    a, y = np.full((1, 2), 0.4), np.ones((1, 2))
    same = not others and np.isclose(loss(np.tile(a, 2), np.tile(y, 2)), loss(a, y))
    assert over == ("entries" if same else "examples")


ACTIVATIONS = {type(g).__name__: g for g in ALL_ACTIVATIONS}
LOSSES = {type(loss).__name__: loss for loss in ALL_LOSSES}
OPTIMIZERS = {type(optimizer).__name__: optimizer for optimizer in ALL_OPTIMIZERS}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation(name):
    check_activation(ACTIVATIONS[name], table("activation")[name])


@pytest.mark.parametrize("name", LOSSES)
def test_loss(name):
    check_loss(LOSSES[name], table("loss")[name])


def check_optimizer(optimizer, row):
    """Assert that the lines printed, followed for five steps, lead where the optimizer does."""
    step, memory, _, settings = row
    settings = settings.replace("−", "-")
    lines = [formula(line) for line in step.split("<br>")]
    remembered = set(re.findall(r"(\w)_\{t-1\}", step)) - {"a"}  # θ ends in a
    assert int(memory) == len(remembered) == len(optimizer.init(0.0)) - 1
    greek = {"beta": r"\beta", "beta1": r"\beta_1", "beta2": r"\beta_2", "decay": r"\rho"}
    greek |= {"epsilon": r"\varepsilon", "weight decay": r"\lambda", "dampening": "d"}
    constants = {r"\eta": float(optimizer.learning_rate)}
    constants |= {
        greek[k]: float(v) for k, v in (s.rsplit(" ", 1) for s in settings.split(", ") if s != "–")
    }
    names = {r"\theta_8": 0.7} | {f"{letter}_8": 0.0 for letter in remembered}
    theta, state = np.array(0.7), optimizer.init(0.7)
    for t, gradient in enumerate((0.3, -0.2, 1.5, -0.4, 0.1), 1):
        names |= constants | {"g_9": gradient}
        for line in lines:
            line = line.replace("_{t-1}", "_8").replace("^{t}", f"^{{{t}}}").replace("_t", "_9")
            left, right = line.split(" = ", 1)
            names[left] = read(right, names)
        move, state = optimizer.update(np.array(gradient), state, theta)
        theta = theta + move
        agree("step", names[r"\theta_9"], theta)
        names = {
            key.replace("_9", "_8"): value for key, value in names.items() if key.endswith("_9")
        }


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizer(name):
    check_optimizer(OPTIMIZERS[name], table("optimizer")[name])


# ── Layers, first weights, and what to use when ───────────────────────────────────────────────────


def test_layers_compute_what_is_printed():
    rows = table("layer")
    X = np.random.default_rng(1).normal(size=(5, 6))
    rng = np.random.default_rng(2)
    made = {"BatchNorm": (BatchNorm(6), 0), "LayerNorm": (LayerNorm(6), 1)}
    for name, (layer, axis) in made.items():
        params = {"gamma": rng.normal(size=6), "beta": rng.normal(size=6)}
        output = layer.forward(params, X, training=True).output
        mean, variance = X.mean(axis, keepdims=True), X.var(axis, keepdims=True)
        for n, i in np.ndindex(5, 6):
            names = {"x": X[n, i], r"\mu": (mean + 0 * X)[n, i], r"\varepsilon": layer.epsilon}
            names |= {r"\sigma^{2}": 0, r"\gamma": params["gamma"][i], r"\beta": params["beta"][i]}
            names["S"] = (variance + 0 * X)[n, i]
            agree(
                name, read(formula(rows[name][0]).replace(r"\sigma^{2}", "S"), names), output[n, i]
            )
    layer = PReLU(6)
    output = layer.forward({"slope": np.full(6, 0.3)}, X).output
    for x, wanted in zip(X.ravel(), output.ravel(), strict=True):
        names = {"x": x, "s": 0.3}
        agree("PReLU", read(chosen(formula(rows["PReLU"][0]), names), names), wanted)
    output = Dropout(0.25).forward({}, X, training=True, rng=np.random.default_rng(0)).output
    kept = np.random.default_rng(0).random(X.shape) >= 0.25
    for x, r, wanted in zip(X.ravel(), kept.ravel(), output.ravel(), strict=True):
        names = {"x": x, "r": float(r), "p": 0.25}
        agree("Dropout", read(formula(rows["Dropout"][0]), names), wanted)
    W, b, x = rng.normal(size=(3, 6)), rng.normal(size=(3, 1)), X[0][:, None]
    said = read(formula(rows["Dense"][0]), {"W": W, "b": b, "x": x})
    assert np.allclose(Dense(6, 3).forward({"W": W, "b": b[:, 0]}, X[0]).output, said[:, 0])
    names = {"x_1": 1.0, "x_2": 3.0}
    agree(
        "Maxout",
        read(formula(rows["Maxout"][0]), names),
        Maxout(2).forward({}, [1.0, 3.0]).output[0],
    )
    assert rows["Activate"][0] == "$g(x)$" and ReLU()(2.0) == 2
    assert set(rows) == {"Dense", "Activate", *made, "Dropout", "PReLU", "Maxout"}


def test_first_weights_have_the_variance_printed():
    rows = table("initializer")
    for draw in initializers.ALL_INITIALIZERS:
        tex, measured, _ = rows[type(draw).__name__]
        for m, n in ((300, 500), (500, 300)):
            W = draw((m, n), np.random.default_rng(3))
            said = read(formula(tex).replace(r"\sigma^{2}", "s"), {"n": n, "m": m, "s": 0.01**2})
            assert np.isclose(W.var(), said, rtol=0.02)
        said = read(formula(tex).replace(r"\sigma^{2}", "s"), {"n": 64, "m": 32, "s": 0.01**2})
        assert np.isclose(float(measured), np.sqrt(said), rtol=0.05)


def test_every_name_in_the_last_tables_exists_and_stands_in_the_chapter_that_is_named():
    for loss, _, _ in table("task").values():
        assert hasattr(dlutils, loss)
    for begin, then, place in table("choice").values():
        chapter = place.split("`")[1].removeprefix("ch-")
        text = (ROOT / "chapters" / f"{chapter}.ipynb").read_text(encoding="utf-8")
        for name in re.findall(r"\b[A-Z]\w+", f"{begin} {then}"):
            assert name in text, f"{name}: not in {chapter}"


# ── A fault is noticed ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("head", "name", "old", "new"),
    [
        ("activation", "Tanh", "1 - a^{2}", "1 + a^{2}"),
        ("activation", "Sigmoid", "e^{-z}", "e^{z}"),
        ("activation", "SELU", r"\lambda\, \alpha\, e^{z}", r"\alpha\, e^{z}"),
        ("activation", "ReLU", "0.00 to ∞", "−1.00 to ∞"),
        ("activation", "GELU", "−0.13", "−0.14"),
        ("activation", "Swish", "−0.28 to ∞", "−0.28 to 1.00"),
        ("loss", "HalfSquaredError", r"\tfrac{1}{2}\, ", ""),
        ("loss", "HalfSquaredError", "examples", "entries"),
        ("loss", "MeanAbsoluteError", r"-1 & a", r"1 & a"),
        ("loss", "Huber", "-d & a", "d & a"),
        ("loss", "SoftmaxCrossEntropy", "p_i - y_i", "y_i - p_i"),
        ("loss", "BinaryCrossEntropy", r"- \frac{y}{p}", r"+ \frac{y}{p}"),
        ("optimizer", "Momentum", r"\beta\, v_{t-1} + g_t", r"\beta\, v_{t-1} - g_t"),
        ("optimizer", "Adam", r"\sqrt{\hat v_t} + \varepsilon", r"\sqrt{\hat v_t}"),
        ("optimizer", "AdamW", r"- \eta\, \lambda\, \theta_{t-1}", ""),
        ("optimizer", "Adadelta", "2", "1"),
        ("optimizer", "RMSprop", "decay 0.9", "decay 0.99"),
    ],
)
def test_planted_fault_is_found(head, name, old, new):
    checks = {"activation": check_activation, "loss": check_loss, "optimizer": check_optimizer}
    subject = {"activation": ACTIVATIONS, "loss": LOSSES, "optimizer": OPTIMIZERS}[head][name]
    row = table(head)[name]
    places = [n for n, cell in enumerate(row) if old in cell]
    place = row.index(old) if old in row else places[-1 if head == "loss" else 0]
    bad = [*row[:place], row[place].replace(old, new), *row[place + 1 :]]
    with pytest.raises(AssertionError):
        checks[head](subject, bad)
