"""Bad input: one table of every public callable, its arguments, and what each of them refuses."""

import inspect
import re

import matplotlib
import numpy as np
import pytest

import dlutils
from dlutils import (
    activations,
    autodiff,
    clipping,
    datasets,
    diagnostics,
    gradcheck,
    initializers,
    layers,
    losses,
    network,
    optimizers,
    perceptron,
    plotting,
    regularizers,
    schedules,
    source,
    training,
    widgets,
    worked,
)
from dlutils.losses import (
    BinaryCrossEntropy,
    CategoricalCrossEntropy,
    Hinge,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
    SquaredHinge,
)

matplotlib.use("agg")

MODULES = [activations, autodiff, clipping, datasets, diagnostics, gradcheck, initializers]
MODULES += [
    layers,
    losses,
    network,
    optimizers,
    perceptron,
    plotting,
    regularizers,
    schedules,
    source,
    training,
]
MODULES += [widgets, worked]

# Bad values by the kind of an argument. Each is refused by a ValueError "name: seen, wanted …".

NAN, INF = np.nan, np.inf
NO_NUMBER = ["1", None, [1.0, 2.0], np.ones(2), 1j]
NUMBER = [NAN, INF, -INF, True, np.True_, *NO_NUMBER]
FROM_ZERO = [*NUMBER, -1, -1e-9]
POSITIVE = [*FROM_ZERO, 0, 0.0]
SHARE = [*FROM_ZERO, 1, 1.5]  # from 0 to below 1
NOT_REAL = [["a", "b"], [1j, 2j], [None, None], [[1.0], [1.0, 2.0]], None, "a", {}, [{}]]
NOT_FINITE = [[NAN, 1.0], [[1.0, INF]], NAN, -INF]
ARRAY = NOT_REAL + NOT_FINITE
BOOL = [1, 0, None, "yes", np.ones(2)]
RNG = [0, None, np.random, np.random.RandomState(0)]
FUNCTION = [None, 1.0, "f", [len]]
EMPTY = np.ones((0, 2))


def whole(least):
    return [least - 1, -1, float(least), NAN, INF, True, *NO_NUMBER]


def shapes(*wrong, kind=ARRAY):
    """Return the bad values of an array, and finite ones of wrong shapes."""
    return [*kind, *(np.ones(shape) for shape in wrong)]


# The arguments of every callable: "Class" is its constructor, "Class.method" a method of it, in
# the example's values. For each argument: a good value, then the bad ones.

rng = np.random.default_rng(0)
TABLE = {}


def row(name, function, messages=None, /, **arguments):
    """Add a callable; `messages` says where the name in a message is not the argument's own."""
    assert name not in TABLE
    TABLE[name] = function, messages or {}, arguments


def good(value):
    return value, []


# Activations: NaN passes, so that a diverged network shows NaN and does not hide it.

for g in (*activations.ALL_ACTIVATIONS, activations.Softmax()):
    kind, settings = type(g).__name__, {name: (value, POSITIVE) for name, value in vars(g).items()}
    if kind == "Step":
        settings = {"value_at_zero": (0.0, [*FROM_ZERO, 1.5])}
    row(kind, type(g), **settings)
    z = [1.0, 2.0], NOT_REAL + ([1.0, np.ones((2, 0))] if kind == "Softmax" else [])
    row(f"{kind}.__call__", g, z=z)
    if kind != "Softmax":
        row(f"{kind}.derivative", g.derivative, z=z)
    gradient = [1.0, 2.0], shapes((), (1,), (3,), (2, 1), (1, 2), kind=NOT_REAL)
    row(f"{kind}.vjp", g.vjp, z=z, gradient=gradient)
LOGITS = [1.0, 2.0], [*NOT_REAL, 1.0, np.ones((2, 0))]
row("softmax", activations.softmax, z=LOGITS, temperature=(1.0, POSITIVE))
row(
    "softmax_jacobian",
    activations.softmax_jacobian,
    z=([1.0, 2.0], [*LOGITS[1], np.ones((1, 1, 2))]),
)

# Losses: NaN passes in an output, unless the output has to be a probability.

for loss in losses.ALL_LOSSES:
    kind, out = type(loss).__name__, shapes((), (0, 2), (2, 0), (1, 2, 2), kind=NOT_REAL)
    settings = {name: (value, POSITIVE) for name, value in vars(loss).items()}
    if kind == "AdaptiveRobust":
        settings["alpha"] = 1.0, [NAN, INF, True, *NO_NUMBER]
    row(kind, type(loss), **settings)
    target = shapes((), (1,), (2, 1), (1, 2), (3, 2))
    output, right = np.array([[0.25, 0.75], [0.5, 0.5]]), np.array([[0.0, 1.0], [1.0, 0.0]])
    if isinstance(loss, BinaryCrossEntropy | CategoricalCrossEntropy):
        out += [[[NAN, 1.0]] * 2, [[-0.1, 1.1]] * 2, [[0.5, INF]] * 2]
    if isinstance(loss, CategoricalCrossEntropy):
        out += [[[0.5, 0.6]] * 2]
    if isinstance(loss, BinaryCrossEntropy | SigmoidCrossEntropy):
        target += [[[0.0, 1.1]] * 2, [[-0.1, 1.0]] * 2]
    if isinstance(loss, CategoricalCrossEntropy | SoftmaxCrossEntropy):
        target += [[0, 2], [-1, 0], [0.0, 1.0], [True, False], [[0.5, 0.6]] * 2, [0, 1, 0], 1]
    if isinstance(loss, Hinge | SquaredHinge):
        right = 2 * right - 1
        target += [[[0, 1]] * 2, [[0.5, -1]] * 2]
    for name, function in [("__call__", loss), ("gradient", loss.gradient)]:
        row(f"{kind}.{name}", function, output=(output, out), target=(right, target))

# Optimizers and schedules.

RATE = 0.1, POSITIVE
RANGES = {"learning_rate": POSITIVE, "epsilon": POSITIVE, "bias_correction": BOOL}
RANGES |= {"dampening": [*FROM_ZERO, 1.5], "weight_decay": FROM_ZERO}
for opt in optimizers.ALL_OPTIMIZERS:
    kind, theta = type(opt).__name__, np.ones(2)
    settings = {name: (value, RANGES.get(name, SHARE)) for name, value in vars(opt).items()}
    row(kind, type(opt), **settings)
    row(f"{kind}.init", opt.init, theta=(theta, ARRAY))
    other = optimizers.GradientDescent if kind == "Adagrad" else optimizers.Adagrad
    others = [None, 0, (), (0, theta), optimizers.AdamState, other(1.0).init(theta)]
    row(
        f"{kind}.update", opt.update,
        gradient=(theta, shapes((), (1,), (3,), (2, 1), (1, 2))),
        state=(opt.init(theta), others),
        theta=(theta, ARRAY),
    )  # fmt: skip
STEP = 0, whole(0)
FACTOR = 0.5, [*POSITIVE, 1.5]
row("StepDecay", schedules.StepDecay, initial=RATE, factor=FACTOR, every=(1, whole(1)))
row("ExponentialDecay", schedules.ExponentialDecay, initial=RATE, factor=FACTOR)
FINAL = 0.0, [*FROM_ZERO, 0.2]
row("CosineDecay", schedules.CosineDecay, initial=RATE, steps=(1, whole(1)), final=FINAL)
row("Warmup", schedules.Warmup, steps=(1, whole(1)), then=RATE)
for schedule in (
    schedules.StepDecay(0.1, 0.5, 1), schedules.ExponentialDecay(0.1, 0.5),
    schedules.CosineDecay(0.1, 5), schedules.Warmup(3, 0.1),
):  # fmt: skip
    row(f"{type(schedule).__name__}.__call__", schedule, step=STEP)

# Initializers.

row("Constant", initializers.Constant, value=(0.0, NUMBER))
row("Normal", initializers.Normal, scale=(1.0, POSITIVE))
SHAPE = [
    (),
    3,
    (3,),
    (1, 2, 3),
    (0, 3),
    (3, -1),
    (3, 2.0),
    (3, True),
    (3, NAN),
    None,
    "ab",
    (3, None),
]
for initializer in initializers.ALL_INITIALIZERS:
    kind = type(initializer).__name__
    row(f"{kind}.__call__", initializer, shape=((3, 2), SHAPE), rng=(rng, RNG))
    if isinstance(initializer, initializers.Glorot | initializers.He | initializers.LeCun):
        names = ["cauchy", None, 1, ["normal"], np.ones(2)]
        row(kind, type(initializer), distribution=("normal", names))

# Regularizers, clipping and the gradient check.

for r in regularizers.ALL_REGULARIZERS:
    kind = type(r).__name__
    row(kind, type(r), **{name: (1.0, FROM_ZERO) for name in vars(r)})
    row(f"{kind}.__call__", r, W=([1.0], ARRAY))
    row(f"{kind}.gradient", r.gradient, W=([1.0], ARRAY))
for clip in (clipping.clip_by_norm, clipping.clip_by_value):
    row(clip.__name__, clip, gradient=([1.0], ARRAY), limit=(1.0, POSITIVE))
F = np.sum, [*FUNCTION, lambda x: x, lambda x: "a", lambda x: None]
row(
    "numerical_gradient",
    gradcheck.numerical_gradient,
    f=F,
    x=([1.0, 2.0], ARRAY),
    step=(1e-5, POSITIVE),
)
row(
    "check_gradient", gradcheck.check_gradient, f=F, x=([1.0, 2.0], ARRAY),
    gradient=([1.0, 1.0], shapes((), (1,), (3,), (2, 1), (1, 2), kind=NOT_REAL)),
    step=(1e-5, POSITIVE), tolerance=(1e-7, POSITIVE),
)  # fmt: skip
row(
    "relative_error", gradcheck.relative_error, a=([1.0, 2.0], NOT_REAL),
    b=([1.0, 2.0], shapes((), (1,), (3,), (2, 1), (1, 2), kind=NOT_REAL)),
)  # fmt: skip

# Layers.

SIZE = 2, whole(1)
row("Dense", layers.Dense, inputs=SIZE, outputs=SIZE, initializer=(initializers.He(), FUNCTION))
row(
    "Activate",
    layers.Activate,
    activation=(activations.ReLU(), [*FUNCTION, activations.ReLU, np.tanh]),
)
row("Dropout", layers.Dropout, p=(0.5, SHARE))
row(
    "BatchNorm",
    layers.BatchNorm,
    inputs=SIZE,
    momentum=(0.1, [*POSITIVE, 1.5]),
    epsilon=(1e-5, POSITIVE),
)
row("LayerNorm", layers.LayerNorm, inputs=SIZE, epsilon=(1e-5, POSITIVE))
row(
    "PReLU",
    layers.PReLU,
    inputs=(2, [bad for bad in whole(1) if bad is not None]),
    start=(0.2, NUMBER),
)
row("Maxout", layers.Maxout, pieces=(2, whole(2)))
X = [[1.0, 2.0], [3.0, 5.0]]
for layer in (
    layers.Dense(2, 2), layers.Activate(activations.ReLU()), layers.Dropout(0.5),
    layers.BatchNorm(2), layers.LayerNorm(2), layers.PReLU(2), layers.Maxout(2),
):  # fmt: skip
    kind, params = type(layer).__name__, layer.init(rng)
    made = layer.forward(params, X, training=True, rng=rng)
    wrong = [None, 1, [], {"odd": 1.0}, params | {"odd": 1.0}]
    wrong += [{name: 1.0 for name in list(params)[:-1]}] * bool(params)
    row(
        f"{kind}.units",
        layer.units,
        inputs=(2, whole(1) + ([3] if layer.inputs or kind == "Maxout" else [])),
    )
    row(f"{kind}.init", layer.init, rng=(rng, RNG))
    batches = shapes((), (0, 2), (2, 0), (1, 1, 2)) + (
        [np.ones(3), np.ones((2, 1))] if layer.inputs or kind == "Maxout" else []
    )
    row(
        f"{kind}.forward", layer.forward, params=(params, wrong), X=(X, batches),
        state=(None, [0, (), np.ones(2)]), rng=good(rng),
    )  # fmt: skip
    row(
        f"{kind}.backward", layer.backward, params=(params, wrong), cache=good(made.cache),
        output_gradient=(made.output, shapes((), (1, 1), (3, 2), (2, 2, 2))),
    )  # fmt: skip
    for name, array in params.items():
        bad = shapes((), (1,), (3,), (2, 3), (1, 2, 2))
        row(
            f"{kind}.forward, {name}",
            lambda layer=layer, params=params, **own: layer.forward(
                params | own, X, training=True, rng=rng
            ),
            **{name: (array, bad)},
        )

# Networks.

NET = network.MLP([2, 2], output=activations.Tanh())
PARAMS = NET.init(rng)
TRACE = NET.forward(PARAMS, X)
OTHER = network.MLP([2, 3, 2])
ACTIVATION = activations.ReLU(), [*FUNCTION, activations.ReLU, np.tanh]
SIZES = [None, 3, (), (3,), "ab", (2, 0), (2, 2.0), (2, None), (True, 2)]
row(
    "MLP", lambda sizes, **rest: network.MLP(sizes, **rest), {"sizes": r"sizes(\[\d\])?"},
    sizes=([2, 2], SIZES), hidden=ACTIVATION, output=ACTIVATION,
    initializer=(initializers.He(), FUNCTION),
)  # fmt: skip
row("MLP.activation", NET.activation, layer=(1, [*whole(1), 2]))
row(
    "Network", network.Network,
    layers=([layers.Dense(2, 2)], [None, 3, [], [3], [layers.Dense], [layers.Dropout(0.5)],
            [layers.Dense(2, 2), layers.Dense(3, 2)], [layers.Dense(2, 3), layers.Maxout(2)]]),
)  # fmt: skip
BAD_PARAMS = [None, 1, {}, PARAMS.vector, OTHER.init(rng)]
TRACES = [None, 1, TRACE.output, OTHER.forward(OTHER.init(rng), X)]
for kind, net in [("MLP", NET), ("Network", network.Network([layers.Dense(2, 2)]))]:
    trace = net.forward(PARAMS, X)
    row(f"{kind}.init", net.init, rng=(rng, RNG))
    bad = shapes((), (2,), (1, 2), (2, 2, 1))
    row(
        f"{kind}.parameters",
        net.parameters,
        W1=(np.eye(2), bad),
        b1=([1.0, 2.0], shapes((), (1,), (2, 1))),
    )
    row(
        f"{kind}.forward", net.forward, params=(PARAMS, BAD_PARAMS),
        X=(X, shapes((), (3,), (0, 2), (2, 3), (1, 1, 2))),
        state=(None, [0, (), [None], np.ones(2)]),
    )  # fmt: skip
    row(
        f"{kind}.backward", net.backward, params=(PARAMS, BAD_PARAMS), trace=(trace, TRACES),
        output_gradient=(trace.output, shapes((), (2,), (1, 2), (2, 1), (2, 2, 1))),
    )  # fmt: skip
NO_VECTOR = shapes((), (5,), (7,), (6, 1), (1, 6), kind=NOT_REAL)
row(
    "Parameters", network.Parameters, vector=(np.ones(6), NO_VECTOR),
    shapes=(NET.shapes, [None, 3, [(2, 2), (2,)], {}, {"W1": 4}, {"W1": "ab"}, {"W1": (2.0, 3)}]),
)  # fmt: skip
row("Parameters.with_vector", PARAMS.with_vector, vector=(np.ones(6), NO_VECTOR))

# The first neurons.

for kind, second in [(perceptron.McCullochPitts, "threshold"), (perceptron.Perceptron, "bias")]:
    neuron, weights = kind([1.0, 1.0], 1.0), shapes((), (0,), (2, 2))
    settings = {"weights": ([1.0, 1.0], weights), second: (1.0, NUMBER)}
    if second == "bias":
        steps = [None, 1, activations.Step, activations.Step(0.5), activations.Sigmoid(), np.sign]
        settings["activation"] = activations.Step(), steps
    row(kind.__name__, kind, **settings)
    inputs = shapes((), (1,), (3,), (0, 2), (2, 1), (1, 1, 2))
    inputs += [[0.5, 1.0], [-1, 1]] if second == "threshold" else []
    row(f"{kind.__name__}.__call__", neuron, X=([1.0, 0.0], inputs))
row(
    "Perceptron.update", neuron.update, x=([1.0, 0.0], shapes((), (1,), (3,), (1, 2))),
    target=(1, [*NUMBER, -1, 2, 0.5]), learning_rate=RATE,
)  # fmt: skip
BOTH = {"X": "X( and y)?", "y": "(X and )?y"}
row(
    "train_perceptron", perceptron.train_perceptron, BOTH | {"start": "start|X"},
    X=(X, shapes((2,), (3, 2), (2, 2, 1))),
    y=([0, 1], [*shapes((), (3,), (2, 1)), [0, 2], [-1, 1]]),
    learning_rate=RATE, epochs=(2, whole(1)), rng=(rng, [bad for bad in RNG if bad is not None]),
    start=(None, [0, [0.0, 0.0], perceptron.Perceptron, perceptron.Perceptron([1.0], 0)]),
)  # fmt: skip

# Data.

row("logic_gate", datasets.logic_gate, name=("OR", ["or", "", None, 1, ["OR"], np.ones(2)]))
NOISE = 0.1, FROM_ZERO
row("moons", datasets.moons, count=(9, whole(2)), rng=(rng, RNG), noise=NOISE)
row(
    "spirals", datasets.spirals, count=(9, whole(2)), rng=(rng, RNG), classes=(2, whole(2)),
    turns=(1.0, POSITIVE), noise=NOISE,
)  # fmt: skip
row(
    "regression_with_outliers", datasets.regression_with_outliers, count=(9, whole(1)),
    rng=(rng, RNG), slope=(1.0, NUMBER), intercept=(1.0, NUMBER), noise=NOISE,
    outliers=(0.1, [*FROM_ZERO, 0.6]),
)  # fmt: skip
LABELS = [*ARRAY, [0.0, 1.0], [True, False], [], np.ones(0, int)]
row("one_hot", datasets.one_hot, labels=([0, 1], [*LABELS, [0, 2], [-1, 0]]), classes=(2, whole(2)))
row(
    "stratified_split", datasets.stratified_split, BOTH,
    X=(np.ones((4, 2)), shapes((4,), (3, 2), (0, 2))), rng=(rng, RNG),
    y=([0, 0, 1, 1], [*LABELS, [0, 1], [[0, 0, 1, 1]], [0, 1, 1, 1]]),
    fraction=(0.5, [*POSITIVE, 1, 1.5]),
)  # fmt: skip

# Training: more of `fit` in test_training.py.

row("EarlyStopping", training.EarlyStopping, patience=(1, whole(1)), restore_best=(True, BOOL))
TARGETS = np.ones((2, 2))
row(
    "fit", training.fit, {"validation": "validation( [Xy])?"},
    net=(NET, [None, network.MLP, layers.Dense(2, 2)]), params=(PARAMS, BAD_PARAMS),
    loss=(losses.HalfSquaredError(), [*FUNCTION, np.sum, losses.HalfSquaredError]),
    optimizer=(optimizers.Adam(), [*FUNCTION, optimizers.Adam]),
    X=(X, shapes((), (2,), (0, 2), (2, 3), (2, 2, 1))),
    y=(TARGETS, shapes((), (2,), (0, 2), (3, 2), (2, 1), (2, 2, 1))),
    epochs=(1, whole(1)), batch_size=(1, whole(1)), rng=(rng, RNG),
    validation=(None, [1, (X,), (X, TARGETS, X), (EMPTY, EMPTY), (X, [[NAN]]), (X, None)]),
    regularizer=(None, [0, 0.1, "L2", regularizers.L2]), clip=(None, [0, 1.0, "norm", [len]]),
    callbacks=((), [None, 1, len, [None], "f"]), progress=(False, BOOL),
    state=(None, [1, (), (None,), [None, None]]),
)  # fmt: skip

# Diagnostics.

GRADIENTS = NET.backward(PARAMS, TRACE, TRACE.output)
row(
    "dead_units", diagnostics.dead_units, net=(NET, [None, network.MLP, layers.Dense(2, 2)]),
    params=(PARAMS, BAD_PARAMS), X=(X, shapes((), (2,), (0, 2), (2, 3), (2, 2, 1))),
    state=(None, [0, (), [None], np.ones(2)]), tolerance=(0.0, FROM_ZERO),
)  # fmt: skip
row(
    "gradient_norms",
    diagnostics.gradient_norms,
    gradients=(GRADIENTS, [None, 1, PARAMS, PARAMS.vector, network.Gradients]),
)
NO_PARAMS = [None, 1, {}, PARAMS.vector, GRADIENTS, network.Parameters]
row(
    "update_ratios",
    diagnostics.update_ratios,
    before=(PARAMS, NO_PARAMS),
    after=(PARAMS, [*NO_PARAMS, OTHER.init(rng)]),
)

# Automatic differentiation.

row("Node", autodiff.Node, value=(1.0, [*NUMBER, True]))
row(
    "derivatives",
    autodiff.derivatives,
    output=(autodiff.Node(1.0), [None, 1.0, [autodiff.Node(1.0)]]),
)
row("Node.log", lambda value: autodiff.Node(value).log(), value=(1.0, [0.0, -1.0]))
row("Node.exp", lambda value: autodiff.Node(value).exp(), value=(1.0, [710.0]))

# Figures and the package's own code.

LOG = "", ["z", None, 1, "xyx", ["x"]]
LINES = {"a": [1.0, 2.0]}
row(
    "plot_lines", plotting.plot_lines,
    {"lines": r"lines(\['a'\])?", "x": r"x|lines\['a'\]"},
    x=([1.0, 2.0], shapes((), (3,), (2, 2), kind=NOT_REAL)), log=LOG,
    lines=(LINES, [None, 1, [1.0, 2.0], {label: [1.0, 2.0] for label in "abcde"},
                   *({"a": bad} for bad in shapes((), (1,), (3,), (2, 1), kind=NOT_REAL))]),
)  # fmt: skip
row(
    "plot_panels", plotting.plot_panels,
    {"panels": r"panels(\['\w'\])?|lines(\['a'\])?|x", "x": r"x|lines\['a'\]"},
    x=([1.0, 2.0], shapes((), (3,), (2, 2), kind=NOT_REAL)),
    panels=({"p": LINES}, [None, 1, {}, {"p": 1}, {"p": {label: [1.0, 2.0] for label in "abcde"}},
                           {"p": LINES, "q": {"b": [1.0, 2.0]}}]),
    columns=(1, [0, 1.5, None]),
)  # fmt: skip
row("plot_nerve_cell", plotting.plot_nerve_cell, ax=good(None))  # nothing to refuse but an ax
POINTS = {"x": "x|labels", "y": "y|labels"}
row(
    "plot_points", plotting.plot_points, POINTS,
    x=([1.0, 2.0], shapes((), (3,), (2, 1), kind=NOT_REAL)),
    y=([1.0, 2.0], shapes((), (3,), (2, 1), kind=NOT_REAL)), labels=(None, [1, ["a"], ["a"] * 3]),
)  # fmt: skip
histories = [
    training.History(),
    training.History((1.0,), (1.0, 2.0)),
    training.History(("a",)),
    None,
]
row(
    "plot_history", plotting.plot_history, {"history": r"history(\.\w+)?"},
    history=(training.History((1.0,)), histories), log=LOG,
)  # fmt: skip


def first(points):
    return points[:, 0] > 0


row(
    "plot_boundary", plotting.plot_boundary, {"predict": r"predict(\(points\))?"},
    predict=(first, [*FUNCTION, lambda p: p, lambda p: None, lambda p: 0.0, lambda p: NAN * p]),
    X=(X, shapes((), (2,), (0, 2), (2, 3))), y=([0, 1], shapes((), (1,), (3,), (2, 1))),
)  # fmt: skip
RANGE = (0, 1), [*ARRAY, (1, 0), (1, 1), (0, 1, 2), 1.0]
row(
    "plot_unit", plotting.plot_unit,
    w=([1.0, 2.0], shapes((), (1,), (3,), (1, 2))), b=(0.0, NUMBER), x=RANGE, y=RANGE,
)  # fmt: skip
row(
    "plot_contours", plotting.plot_contours, {"f": r"f(\(theta\))?", "paths": r"paths(\['a'\])?"},
    f=(np.sum, [*FUNCTION, lambda t: t, lambda t: NAN, lambda t: "a"]), x=RANGE, y=RANGE,
    paths=(None, [1, [[1.0, 2.0]], {label: X for label in "abcde"},
                  *({"a": bad} for bad in shapes((), (2,), (0, 2), (2, 3), kind=NOT_REAL))]),
    levels=(12, [None, "a", 0, -1, 2.5, [NAN, 1.0], [["a"]]]),
)  # fmt: skip
row(
    "plot_images", plotting.plot_images,
    X=(np.ones((2, 4)), shapes((), (4,), (2, 3), (0, 4), (2, 0))),
    titles=(None, [1, ["a"], ["a"] * 3]), columns=(10, whole(1)),
)  # fmt: skip
row(
    "plot_confusion", plotting.plot_confusion, labels=(None, [1, ["a"], ["a"] * 3]),
    matrix=(np.eye(2), [*shapes((), (2,), (0, 0), (2, 3)), -np.eye(2), np.eye(2) / 2]),
)  # fmt: skip
ONE = NET.forward(PARAMS, X[0])
row(
    "plot_network", plotting.plot_network,
    params=(PARAMS, [None, 1, PARAMS.vector, network.MLP([7, 2]).init(rng)]),
    trace=(ONE, [1, ONE.output, TRACE]), digits=(3, whole(0)),
    gradients=(None, [1, PARAMS, PARAMS.vector, NET.backward(PARAMS, TRACE, TRACE.output)]),
    step=(None, [6, -1, 0.5, True, "1"]),  # without gradients, up to 5
)  # fmt: skip
row(
    "show_source",
    source.show_source,
    obj=(autodiff.Node, [None, 1, "a", np.ones(2), len]),
)
CONTROLS = [None, 1, {}, ["a"], {"a": [1]}, {"a": 1}, {"a": "x"}, {"a": range(201)}]
row(
    "Sliders", widgets.Sliders, {"controls": r"controls(\['a'\])?", "start": r"start(\['\w'\])?"},
    plot=(first, FUNCTION), controls=({"a": [1, 2]}, CONTROLS), alt=(str, FUNCTION),
    start=(None, [1, {"a": 3}, {"b": 1}]),
)  # fmt: skip

# Worked solutions: more of `example` in test_worked.py.

LOSS = losses.HalfSquaredError(), [np.sum, 1, "f", [len], losses.HalfSquaredError]
DIGITS = 4, [*whole(1), 16]
CARRIED = None, [bad for bad in DIGITS[1] if bad is not None]
row(
    "example", worked.example, {"x": "x|X", "y": "y|target"}, loss=LOSS,
    net=(NET, [None, 1, network.MLP, network.MLP([6, 2]), network.MLP([2, 6]),
               network.Network([layers.Dense(2, 2), layers.Dropout(0.5)])]),
    params=(PARAMS, BAD_PARAMS), x=(X, shapes((), (3,), (0, 2), (2, 3), (1, 1, 2), (4, 2))),
    y=(TARGETS, shapes((), (2,), (0, 2), (3, 2), (2, 1), (2, 2, 1))),
    learning_rate=(None, [bad for bad in POSITIVE if bad is not None]),
    digits=DIGITS, carry_digits=CARRIED,
)  # fmt: skip
row(
    "perceptron", worked.perceptron, BOTH | {"start": "start|X", "epochs": "epochs|X"},
    X=(X, shapes((2,), (3, 2), (2, 2, 1), (2, 0), (2, 6))),
    y=([0, 1], [*shapes((), (3,), (2, 1)), [0, 2], [-1, 1]]),
    learning_rate=RATE, epochs=(25, [*whole(1), 26]), digits=DIGITS,
    start=(None, [0, [0.0, 0.0], perceptron.Perceptron, perceptron.Perceptron([1.0], 0)]),
)  # fmt: skip
SLOPES = [lambda theta: None, lambda theta: NAN, lambda theta: "a", lambda theta: [1.0]]
row(
    "optimizer", worked.optimizer, {"gradient": r"gradient(\(theta\))?"},
    opt=(optimizers.Adam(), [*FUNCTION, optimizers.Adam, len, losses.Hinge()]),
    gradient=(abs, [*FUNCTION, *SLOPES]), theta=(1.0, NUMBER), steps=(50, [*whole(1), 51]),
    digits=DIGITS, carry_digits=CARRIED,
)  # fmt: skip
G = None, [1.0, "f", [len], activations.ReLU, np.tanh]
row(
    "formulas",
    worked.formulas,
    function=(activations.ReLU(), [None, 1, "ReLU", activations.Softmax(), *LOSS[1]]),
)
row(
    "problem", worked.problem, {"sizes": r"sizes(\[\d\])?|net"}, seed=(7, whole(0)),
    sizes=((2, 2, 1), [*SIZES, (2, 6, 1), (1, 1, 1, 1, 1, 1)]), hidden=G, output=G,
    loss=(None, LOSS[1]), examples=(3, [*whole(1), 4]), learning_rate=RATE,
)  # fmt: skip
row("problem_for", worked.problem_for, name=("Ada", [None, "", " \n", 1, b"Ada", ["Ada"]]))
SOLUTION = worked.example(NET, PARAMS, X[0], TARGETS[0], losses.HalfSquaredError())
row(
    "Solution.part",
    lambda names: SOLUTION.part(*names),
    names=(["cost", "deltas"], [[], [""], ["update"], ["cost", None], [1], [["cost"]]]),
)
row("Solution.step_through", SOLUTION.step_through, digits=(4, whole(0)))

# What takes nothing to refuse: results, which the package itself makes (named tuples are such by
# their kind), what others inherit from, and functions without arguments.

RESULTS = {"Gradients", "Trace", "History", "Source", "Problem"}
BASES = {"Activation", "Layer", "Loss", "Optimizer"}


def public_callables():
    """Return the public functions and classes, and the methods of these that take arguments."""
    found = {name: getattr(dlutils, name) for name in dlutils.__all__}
    for module in MODULES:
        found |= {
            n: f for n, f in vars(module).items() if getattr(f, "__module__", "") == module.__name__
        }
    found = {n: f for n, f in found.items() if callable(f) and not n.startswith("_")}
    found["Solution"] = worked.Solution
    for name, kind in list(found.items()):
        if not isinstance(kind, type):
            continue
        if issubclass(kind, tuple) or name in RESULTS | BASES:
            del found[name]
            continue
        for method, function in inspect.getmembers(kind, inspect.isfunction):
            if (
                method == "__call__" or not method.startswith("_")
            ) and "dlutils" in function.__module__:
                found[f"{name}.{method}"] = function
    del found["Solution"]  # a result, too, but its methods can refuse something
    return {
        name: function
        for name, function in found.items()
        if set(inspect.signature(function).parameters) - {"self"}
    }


def test_every_public_callable_and_every_argument_has_its_row():
    rows = {name for name, (_, _, arguments) in TABLE.items() if arguments and "," not in name}
    rows -= {"Node.log", "Node.exp"}
    callables = public_callables()
    elsewhere = {"EarlyStopping.__call__"}  # fit alone calls it
    assert rows == callables.keys() - elsewhere
    taken = {"self", "ax", "xlabel", "ylabel", "docstring", "training", "parents"}  # as they are
    taken |= {"arguments", "options"}  # for `problem`
    for name in rows - {"MLP.parameters", "Network.parameters"}:
        wanted = inspect.signature(callables[name]).parameters.keys() - taken
        missing = wanted - TABLE[name][2].keys()
        assert not missing or (missing == {"rng"} and name.endswith("forward")), name


ARGUMENTS = [(name, argument) for name, row in TABLE.items() for argument in row[2]]


@pytest.mark.parametrize("name", TABLE)
def test_good_arguments_are_taken(name):
    function, _, arguments = TABLE[name]
    function(**{argument: value for argument, (value, _) in arguments.items()})
    matplotlib.pyplot.close("all")


@pytest.mark.parametrize(("name", "argument"), ARGUMENTS)
def test_bad_arguments_are_refused_by_name(name, argument):
    function, messages, arguments = TABLE[name]
    values = {argument: value for argument, (value, _) in arguments.items()}
    head = messages.get(argument, re.escape(argument))
    for bad in arguments[argument][1]:
        with pytest.raises(ValueError, match=rf"(?s)^({head}): .+, wanted .+"):
            pytest.fail(f"{argument} = {bad!r} gave {function(**values | {argument: bad})!r}")
    matplotlib.pyplot.close("all")


# Where NaN passes: what a diverged network computes is to be seen, not hidden or refused.

A, B = [[NAN, 1.0], [1.0, 2.0]], [[1.0, 0.0], [0.0, 1.0]]


@pytest.mark.parametrize("g", [*activations.ALL_ACTIVATIONS, activations.Softmax()], ids=repr)
def test_activations_pass_nan_on(g):
    out = g(A)
    assert np.isnan(out[0, 0]) and np.isfinite(out[1]).all()
    assert np.isnan(out[0, 1]) == isinstance(g, activations.Softmax)
    assert np.isnan(g.vjp(np.ones((2, 2)), A)[0]).any()


@pytest.mark.parametrize("loss", losses.ALL_LOSSES, ids=repr)
def test_losses_on_any_number_pass_nan_on(loss):
    if isinstance(loss, BinaryCrossEntropy | CategoricalCrossEntropy):
        with pytest.raises(ValueError, match="^output: .*, wanted probabilities"):
            loss(A, B)
        return
    target = 2 * np.array(B) - 1 if isinstance(loss, Hinge | SquaredHinge) else B
    assert np.isnan(loss(A, target))
    if not isinstance(
        loss, Hinge | SquaredHinge
    ):  # where the margin is not below 1, they have none
        assert np.isnan(loss.gradient(A, target)[0, 0])


def test_parameters_pass_nan_on_through_the_network_and_comparisons():
    params = PARAMS.with_vector(NAN * PARAMS.vector)
    assert np.isnan(NET.forward(params, X).output).all()
    assert np.isnan(gradcheck.relative_error([NAN], [1.0]))
    with pytest.raises(AssertionError, match="relative error nan"):
        gradcheck.check_gradient(np.sum, [NAN], [1.0])
