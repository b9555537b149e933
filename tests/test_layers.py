"""Layers: three proofs of each way back, kinks, training and after it, dtypes, purity, refusals."""

import copy
import pickle
import re
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
import sympy as sp
from framework import SOURCES, references
from hypothesis import given, settings
from hypothesis import strategies as st

from dlutils import LeakyReLU, ReLU, Sigmoid, Softmax, check_gradient
from dlutils.initializers import Constant, Glorot, He
from dlutils.layers import (
    Activate,
    BatchNorm,
    BatchNormState,
    Dense,
    Dropout,
    LayerNorm,
    Maxout,
    PReLU,
)

# Each is made inside the test that asks for it. The names are those in fixtures/torch_layers.py.
FRAMEWORK = {
    "Dense": lambda: Dense(6, 4),
    "BatchNorm": lambda: BatchNorm(6),
    "BatchNorm, all": lambda: BatchNorm(6, momentum=0.01, epsilon=0.3),
    "LayerNorm": lambda: LayerNorm(6),
    "LayerNorm, epsilon": lambda: LayerNorm(6, epsilon=0.3),
    "PReLU": lambda: PReLU(),
    "PReLU, units": lambda: PReLU(6),
    "Maxout": lambda: Maxout(),
    "Maxout, pieces": lambda: Maxout(3),
    "Dropout": lambda: Dropout(0.3),
}
LAYERS = FRAMEWORK | {
    "Activate": lambda: Activate(Sigmoid(2.0)),
    "Activate, softmax": lambda: Activate(Softmax()),
}
every_layer = pytest.mark.parametrize("name", LAYERS)
every_source = pytest.mark.parametrize("source", SOURCES)
# Batch normalization in training takes batches only.
RUNS = [
    (name, shape, training)
    for name in LAYERS
    for shape in [(6,), (5, 6)]
    for training in [False, True]
    if not (name.startswith("BatchNorm") and training and shape == (6,))
]
every_run = pytest.mark.parametrize(("name", "shape", "training"), RUNS)
seeds = st.integers(0, 10_000)


def example(name, shape, seed=0):
    """Return a layer, its arguments, and weights for its output; no input lies near a kink."""
    layer, rng = LAYERS[name](), np.random.default_rng(seed)
    params = {own: rng.normal(size=size) for own, size in layer.shapes.items()}
    X = rng.permutation(np.linspace(-2, 2, np.prod(shape))).reshape(shape)
    state = None
    if isinstance(layer, BatchNorm):
        state = BatchNormState(rng.normal(size=6), rng.uniform(0.5, 2, size=6))
    return layer, params, X, state, rng.normal(size=(*shape[:-1], layer.units(6)))


def forward(layer, params, X, state=None, training=False, seed=1):
    rng = np.random.default_rng(seed)
    return layer.forward(params, X, training=training, rng=rng, state=state)


def passes(layer, params, X, state, weights, training=False):
    """Return what both passes compute, by name."""
    run = forward(layer, params, X, state, training)
    input_gradient, gradients = layer.backward(params, run.cache, weights)
    arrays = {"output": run.output, "input gradient": input_gradient} | gradients
    return arrays | (run.state._asdict() if isinstance(layer, BatchNorm) else {})


def refuses(message, call, *arguments, **named):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        call(*arguments, **named)


# Proof 1: SymPy differentiates normalization.


@pytest.mark.parametrize("kind", [BatchNorm, LayerNorm])
def test_symbolic_gradients_of_normalization_are_those_of_the_formula(kind):
    x, g, gamma, beta = (sp.symbols(f"{letter}:3", real=True) for letter in "xgst")
    epsilon = sp.Symbol("e", positive=True)
    mean = sum(x) / 3
    variance = sum((xi - mean) ** 2 for xi in x) / 3
    x_hat = [(xi - mean) / sp.sqrt(variance + epsilon) for xi in x]
    cost = sum(gi * (s * h + t) for gi, s, h, t in zip(g, gamma, x_hat, beta, strict=True))
    gradients = [[sp.diff(cost, v) for v in vs] for vs in (x, gamma, beta)]
    formula = sp.lambdify([x, g, gamma, beta, epsilon], gradients)
    for seed in range(5):
        X, G, scale, shift = np.random.default_rng(seed).normal(size=(4, 3, 1))
        if kind is BatchNorm:  # the three numbers are those of one unit, in three examples
            layer, scale, shift = BatchNorm(1, epsilon=0.1), scale[:1], shift[:1]
        else:  # they are one example
            layer, X, G = LayerNorm(3, epsilon=0.1), X.T, G.T
        params = {"gamma": scale.ravel(), "beta": shift.ravel()}
        run = forward(layer, params, X, training=True)
        input_gradient, gradients = layer.backward(params, run.cache, G)
        each = [np.broadcast_to(array, 3) for array in params.values()]
        wanted, *others = np.array(formula(X.ravel(), G.ravel(), *each, 0.1))
        assert input_gradient.ravel() == pytest.approx(wanted, rel=1e-11, abs=1e-13)
        for own, parts in zip(params, others, strict=True):
            parts = parts.sum() if kind is BatchNorm else parts
            assert gradients[own] == pytest.approx(parts, rel=1e-11, abs=1e-13)


# Proof 2: centered differences.


@every_run
@settings(max_examples=15, deadline=None)
@given(seed=seeds)
def test_numeric_gradients_are_the_measured_ones(name, shape, training, seed):
    layer, params, X, state, weights = example(name, shape, seed)
    run = forward(layer, params, X, state, training)
    input_gradient, gradients = layer.backward(params, run.cache, weights)

    def cost(X, changed):
        return (forward(layer, params | changed, X, state, training).output * weights).sum()

    check_gradient(lambda x: cost(x, {}), input_gradient, X)
    assert gradients.keys() == layer.shapes.keys()
    for own in params:
        check_gradient(lambda v, own=own: cost(X, {own: v}), gradients[own], params[own])


# Proof 3: PyTorch.


@every_source
@pytest.mark.parametrize("name", FRAMEWORK)
def test_framework_layers_are_pytorch_s_through_training_and_after_it(name, source):
    torch = references("torch_layers", source)
    layer, state = FRAMEWORK[name](), None
    ends = np.cumsum([np.prod(shape) for shape in layer.shapes.values()], dtype=int)
    parts = np.split(torch[f"{name}: parameters"], ends)
    params = {
        own: part.reshape(shape)
        for (own, shape), part in zip(layer.shapes.items(), parts[:-1], strict=len(ends) > 0)
    }
    assert parts[-1].size == 0 or not params
    weights = torch["weights"][:, : layer.units(6)]
    for k, X in enumerate(torch["X"]):
        run = forward(layer, params, X, state, training=k < 3, seed=5)
        state = run.state
        input_gradient, gradients = layer.backward(params, run.cache, weights)
        ours = {
            "output": run.output,
            "input gradient": input_gradient,
            "gradient": np.concatenate([[], *(array.ravel() for array in gradients.values())]),
            "running": np.concatenate(state or [[]]),
        }
        for what, array in ours.items():
            theirs = torch[f"{name}: {what}"][k]
            np.testing.assert_allclose(array, theirs, rtol=1e-10, atol=1e-12, err_msg=what)


# Kinks and known numbers.


def test_dense_known_numbers_with_gradients_summed_over_the_batch():
    layer = Dense(2, 3)
    params = {"W": [[1, 2], [3, 4], [5, 6]], "b": [10, 20, 30]}
    output, cache, state = layer.forward(params, [[1, -1], [2, 0]])
    assert output.tolist() == [[9, 19, 29], [12, 26, 40]] and state is None
    input_gradient, gradients = layer.backward(params, cache, [[1, 0, 2], [0, 1, 0]])
    assert input_gradient.tolist() == [[11, 14], [3, 4]]
    assert gradients["W"].tolist() == [[1, -1], [2, 0], [2, -2]]
    assert gradients["b"].tolist() == [1, 1, 2]


@pytest.mark.parametrize("slope", [0.25, 0.0, -0.5, 2.0])
@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_prelu_has_slope_a_at_its_kink(slope, zero):
    layer, params = PReLU(1), {"slope": [slope]}
    output, cache, _ = layer.forward(params, [zero])
    input_gradient, gradients = layer.backward(params, cache, [3.0])
    assert output == 0 and input_gradient == 3 * slope and gradients["slope"] == 0
    output, cache, _ = layer.forward(params, [[5e-324], [-2.0]])
    assert output.tolist() == [[5e-324], [-2 * slope]]
    input_gradient, gradients = layer.backward(params, cache, [[3.0], [3.0]])
    assert input_gradient.tolist() == [[3], [3 * slope]] and gradients["slope"].tolist() == [-6]


def test_prelu_sums_the_gradient_of_a_slope_over_all_that_share_it():
    X, ones = [[-1.0, -2.0], [-4.0, 8.0]], np.ones((2, 2))
    for layer, wanted in ((PReLU(), [-7]), (PReLU(2), [-5, -2])):
        params = layer.init(np.random.default_rng(0))
        _, cache, _ = layer.forward(params, X)
        assert layer.backward(params, cache, ones)[1]["slope"].tolist() == wanted


def test_prelu_is_leaky_relu_of_that_slope():
    X = np.random.default_rng(0).normal(size=(4, 3))
    leaky = LeakyReLU(0.1)
    output, cache, _ = PReLU().forward({"slope": [0.1]}, X)
    assert output == pytest.approx(leaky(X), rel=1e-15)
    gradient, _ = PReLU().backward({"slope": [0.1]}, cache, 2 * X)
    assert gradient == pytest.approx(leaky.vjp(X, 2 * X), rel=1e-15)


@pytest.mark.parametrize("pieces", [2, 3])
def test_maxout_gives_the_gradient_of_a_tie_to_the_first(pieces):
    layer = Maxout(pieces)
    for X in (np.ones(2 * pieces), np.ones((4, 2 * pieces))):
        output, cache, _ = layer.forward({}, X)
        assert (output == np.ones((*X.shape[:-1], 2))).all()
        gradient, _ = layer.backward({}, cache, np.full(output.shape, 5.0))
        assert (gradient == [5.0, *[0.0] * (pieces - 1)] * 2).all()
    _, cache, _ = layer.forward({}, [*[0.0] * (pieces - 2), 7.0, 7.0])
    assert layer.backward({}, cache, [5.0])[0].tolist() == [*[0] * (pieces - 2), 5, 0]


@pytest.mark.parametrize(("second", "g"), [(0.0, ReLU()), (0.01, LeakyReLU(0.01))])
def test_maxout_of_z_and_a_line_is_relu_or_leaky_relu(second, g):
    rng = np.random.default_rng(3)
    W, b, X, weights = (rng.normal(size=shape) for shape in [(3, 2), 3, (9, 2), (9, 3)])
    pairs = {"W": np.stack([W, second * W], 1).reshape(6, 2), "b": np.outer(b, [1, second]).ravel()}
    dense, maxout = Dense(2, 6), Maxout(2)
    z, cache, _ = dense.forward(pairs, X)
    output, largest, _ = maxout.forward({}, z)
    assert output == pytest.approx(g(X @ W.T + b), rel=1e-14)
    back, _ = maxout.backward({}, largest, weights)
    delta = g.vjp(X @ W.T + b, weights)
    assert dense.backward(pairs, cache, back)[0] == pytest.approx(delta @ W, rel=1e-12)


def test_batch_norm_known_numbers():
    layer = BatchNorm(2, momentum=0.5, epsilon=3.0)
    params = {"gamma": [2.0, 1.0], "beta": [10.0, -1.0]}
    state = BatchNormState(np.array([2.0, 0.0]), np.array([6.0, 1.0]))
    X = [[1.0, 5.0], [3.0, 5.0]]  # means 2 and 5, variances 1 and 0, of which the root: 2 and √3
    run = layer.forward(params, X, training=True, state=state)
    assert run.output.tolist() == [[9, -1], [11, -1]]
    assert [array.tolist() for array in run.state] == [[2, 2.5], [4, 0.5]]
    after = layer.forward(params, [5.0, 1.0], state=state)
    assert after.output.tolist() == [12, -0.5]
    assert [array.tolist() for array in after.state] == [array.tolist() for array in state]
    gradient, gradients = layer.backward(params, after.cache, [6.0, 4.0])
    assert gradient.tolist() == [4, 2]
    assert gradients["gamma"].tolist() == [6, 2] and gradients["beta"].tolist() == [6, 4]


# Dropout.


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_dropout_drops_about_p_and_preserves_the_expectation(p):
    n = 100_000
    X = np.full((n // 10, 10), 3.0)
    output = forward(Dropout(p), {}, X, training=True).output
    assert np.unique(output) == pytest.approx([0, 3 / (1 - p)])
    spread = 5 * np.sqrt(p * (1 - p) / n)  # five standard deviations of the share
    assert abs((output == 0).mean() - p) < spread
    assert abs(output.mean() / 3 - 1) < spread / (1 - p)
    pairs = (output[:, 0] == 0) & (output[:, 1] == 0)  # every entry is dropped on its own
    assert abs(pairs.mean() - p**2) < 5 * np.sqrt(p**2 * (1 - p**2) / len(pairs))


def test_dropout_keeps_what_lies_from_p_and_takes_its_numbers_in_order():
    chances = np.random.default_rng(1).random((4, 3))
    for p in (0.25, chances[2, 1]):  # at p itself an entry is kept
        output = forward(Dropout(p), {}, np.ones((4, 3)), training=True).output
        assert (output == np.where(chances >= p, 1 / (1 - p), 0)).all()


def test_dropout_is_off_after_training_and_needs_no_generator_there():
    X = np.arange(6.0)
    run = Dropout(0.9).forward({}, X)
    assert (run.output == X).all() and run.state is None
    assert (Dropout(0.9).backward({}, run.cache, X)[0] == X).all()


def test_dropout_is_decided_by_the_generator_alone_and_moves_it_on():
    X, rng = np.ones(50), np.random.default_rng(1)
    runs = [Dropout(0.5).forward({}, X, training=True, rng=rng) for _ in range(2)]
    first, second = (run.output for run in runs)
    assert (first == forward(Dropout(0.5), {}, X, training=True).output).all()
    assert (first != second).any()


def test_dropout_of_nothing_changes_nothing():
    X = np.random.default_rng(0).normal(size=(4, 3))
    run = forward(Dropout(0), {}, X, training=True)
    assert (run.output == X).all() and (Dropout(0).backward({}, run.cache, X)[0] == X).all()


# Normalization.


@given(seeds)
def test_batch_norm_makes_mean_0_and_variance_1_for_each_unit(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(rng.normal(size=4), rng.uniform(0.5, 100, size=4), size=(20, 4))
    layer = BatchNorm(4)
    params = layer.init(rng)
    output = forward(layer, params, X, training=True).output
    variance = X.var(axis=0)
    assert output.mean(axis=0) == pytest.approx(np.zeros(4), abs=1e-13)
    assert output.var(axis=0) == pytest.approx(variance / (variance + 1e-5), rel=1e-12)
    moved = forward(layer, {"gamma": [1, 2, 3, 4], "beta": [5, 6, 7, 8]}, X, training=True).output
    assert moved == pytest.approx(output * [1, 2, 3, 4] + [5, 6, 7, 8], rel=1e-13)


@given(seeds)
def test_layer_norm_makes_mean_0_and_variance_1_for_each_example_in_training_or_not(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(3, rng.uniform(0.5, 100, size=(5, 1)), size=(5, 40))
    layer = LayerNorm(40)
    params = layer.init(rng)
    output, variance = layer.forward(params, X).output, X.var(axis=1)
    assert output.mean(axis=1) == pytest.approx(np.zeros(5), abs=1e-13)
    assert output.var(axis=1) == pytest.approx(variance / (variance + 1e-5), rel=1e-12)
    assert (output == layer.forward(params, X, training=True).output).all()


def test_running_statistics_follow_their_formula_and_are_returned_not_hidden():
    rng, layer = np.random.default_rng(7), BatchNorm(3, momentum=0.3)
    params, state = layer.init(rng), layer.init_state()
    mean, variance = np.zeros(3), np.ones(3)
    for n in (2, 5, 8):
        X = rng.normal(4, 3, size=(n, 3))
        again = forward(layer, params, X, state, training=True)
        state = forward(layer, params, X, state, training=True).state
        mean = 0.7 * mean + 0.3 * X.mean(axis=0)
        variance = 0.7 * variance + 0.3 * X.var(axis=0, ddof=1)
        for arrays in (state, again.state):
            assert arrays.mean == pytest.approx(mean, rel=1e-14)
            assert arrays.variance == pytest.approx(variance, rel=1e-14)
    after = forward(layer, params, X, state)
    wanted = (X - mean) / np.sqrt(variance + 1e-5)
    assert after.output == pytest.approx(wanted, rel=1e-13)
    assert (after.state.mean == state.mean).all() and (after.state.variance == state.variance).all()


def test_running_statistics_of_momentum_1_are_those_of_the_last_batch():
    X, layer = np.array([[1.0], [2.0], [6.0]]), BatchNorm(1, momentum=1)
    state = forward(layer, layer.init(np.random.default_rng(0)), X, training=True).state
    assert state == BatchNormState(mean=3.0, variance=7.0)


@pytest.mark.parametrize("kind", [BatchNorm, LayerNorm])
def test_equal_numbers_are_normalized_to_beta(kind):
    layer, X = kind(3), np.full((4, 3), 7.0)
    params = {"gamma": [1.0, 2.0, 3.0], "beta": [4.0, 5.0, 6.0]}
    run = forward(layer, params, X, training=True)
    assert (run.output == params["beta"]).all()
    assert np.isfinite(layer.backward(params, run.cache, X)[0]).all()


# What holds for every layer.


def test_parameters_before_training():
    rng = np.random.default_rng(0)
    first = Dense(30, 20).init(rng)
    assert (first["W"] == Glorot()((20, 30), np.random.default_rng(0))).all()
    assert first["b"].shape == (20,) and not first["b"].any()
    assert (Dense(2, 3, Constant(0.5)).init(rng)["W"] == np.full((3, 2), 0.5)).all()
    for layer in (BatchNorm(3), LayerNorm(3)):
        arrays = {own: array.tolist() for own, array in layer.init(rng).items()}
        assert arrays == {"gamma": [1, 1, 1], "beta": [0, 0, 0]}
    assert PReLU().init(rng)["slope"].tolist() == [0.25]
    assert PReLU(2, start=-1).init(rng)["slope"].tolist() == [-1, -1]
    state = BatchNorm(2).init_state()
    assert (state.mean.tolist(), state.variance.tolist()) == ([0, 0], [1, 1])


@every_layer
def test_parameters_have_the_shapes_that_the_layer_names_and_states_are_none_but_for_one(name):
    layer = LAYERS[name]()
    params = layer.init(np.random.default_rng(0))
    assert {own: array.shape for own, array in params.items()} == layer.shapes
    assert (layer.init_state() is None) == (not isinstance(layer, BatchNorm))


def test_defaults_are_those_that_the_book_names():
    assert Dense(2, 1) == Dense(2, 1, Glorot()) and Maxout() == Maxout(2)
    assert BatchNorm(2) == BatchNorm(2, momentum=0.1, epsilon=1e-5)
    assert LayerNorm(2) == LayerNorm(2, epsilon=1e-5) and PReLU() == PReLU(None, start=0.25)


def test_layers_tell_how_many_numbers_they_make_of_how_many():
    units = {
        "Dense": 4, "Activate": 6, "Activate, softmax": 6, "Dropout": 6, "BatchNorm": 6,
        "LayerNorm": 6, "PReLU": 6, "PReLU, units": 6, "Maxout": 3, "Maxout, pieces": 2,
    }  # fmt: skip
    for name, wanted in units.items():
        layer, params, X, state, _ = example(name, (5, 6))
        assert layer.units(6) == wanted
        assert forward(layer, params, X, state).output.shape == (5, wanted)


@every_layer
def test_layers_are_values(name):
    layer, same = LAYERS[name](), LAYERS[name]()
    assert layer == same and hash(layer) == hash(same)
    assert layer == copy.deepcopy(layer) == pickle.loads(pickle.dumps(layer))
    assert eval(repr(layer), globals()) == layer
    others = [make() for other, make in LAYERS.items() if other != name]
    assert all(layer != other for other in [*others, None])
    with pytest.raises(FrozenInstanceError):
        layer.inputs = 7


@pytest.mark.parametrize(("name", "shape", "training"), [run for run in RUNS if len(run[1]) == 1])
def test_a_batch_of_one_is_the_single_example(name, shape, training):
    layer, params, X, state, weights = example(name, shape)
    one = passes(layer, params, X, state, weights, training)
    batch = passes(layer, params, X[None], state, weights[None], training)
    for what, array in one.items():
        wanted = array[None] if "put" in what else array  # "output" and "input gradient"
        assert batch[what].shape == wanted.shape
        assert batch[what] == pytest.approx(wanted, rel=1e-14, abs=1e-15), what


@pytest.mark.parametrize(
    ("name", "training"),
    [(name, training) for name in LAYERS for training in {False, name != "Dropout"}],
)
def test_the_order_of_examples_does_not_matter_unless_they_are_dropped_by_place(name, training):
    layer, params, X, state, weights = example(name, (5, 6))
    order = np.array([3, 0, 4, 1, 2])
    one = passes(layer, params, X, state, weights, training)
    permuted = passes(layer, params, X[order], state, weights[order], training)
    for what, array in one.items():
        wanted = array[order] if "put" in what else array
        assert permuted[what] == pytest.approx(wanted, rel=1e-13, abs=1e-14), what


@every_layer
def test_a_batch_is_its_examples_one_by_one(name):
    layer, params, X, state, weights = example(name, (5, 6))
    batch = passes(layer, params, X, state, weights)
    pairs = zip(X, weights, strict=True)
    alone = [passes(layer, params, x, state, weight) for x, weight in pairs]
    for what, array in batch.items():
        parts = np.array([one[what] for one in alone])
        wanted = parts.sum(axis=0) if what in params else parts if "put" in what else parts[0]
        assert array == pytest.approx(wanted, rel=1e-13, abs=1e-14), what


@every_run
def test_float32_in_gives_float32_out(name, shape, training):
    layer, params, X, state, weights = example(name, shape)
    wide = passes(layer, params, X, state, weights, training)
    params = {own: array.astype(np.float32) for own, array in params.items()}
    X, weights = X.astype(np.float32), weights.astype(np.float32)
    narrow = state and BatchNormState(*(array.astype(np.float32) for array in state))
    for before in (narrow, state):  # a state follows the numbers that come in
        for what, array in passes(layer, params, X, before, weights, training).items():
            assert array.dtype == np.float32, what
            assert array == pytest.approx(wide[what], rel=1e-3, abs=1e-4), what
    for array in passes(layer, params, X, None, weights, training).values():
        assert array.dtype == np.float32


def test_numpy_numbers_as_hyper_parameters_keep_float32():
    X = np.array([[1, 2], [3, 5]], np.float32)
    two, tenth = np.int64(2), np.float64(0.1)
    layers = [Dense(two, two, Constant(tenth)), Dropout(tenth), Maxout(two), LayerNorm(two, tenth)]
    layers += [BatchNorm(two, tenth, tenth), PReLU(two, tenth)]
    for layer in layers:
        params = layer.init(np.random.default_rng(0))
        params = {own: array.astype(np.float32) for own, array in params.items()}
        assert forward(layer, params, X, training=True).output.dtype == np.float32
        for value in vars(layer).values():
            assert type(value) in (int, float, Constant), layer


@every_run
def test_lists_and_integers_are_taken_as_floats(name, shape, training):
    layer, params, X, state, weights = example(name, shape)
    X, weights = (np.round(10 * array) for array in (X, weights))
    lists = {own: array.tolist() for own, array in params.items()}
    as_lists = state and BatchNormState(*(array.tolist() for array in state))
    wanted = passes(layer, params, X, state, weights, training)
    for kind in (int, float):
        given = (array.astype(kind).tolist() for array in (X, weights))
        ours = passes(layer, lists, next(given), as_lists, next(given), training)
        for what, array in ours.items():
            assert array.dtype == np.float64 and (array == wanted[what]).all(), what


@every_run
def test_nothing_is_mutated_and_no_result_hangs_on_what_was_given(name, shape, training):
    layer, params, X, state, weights = example(name, shape)
    given, before = (params, X, state, weights), copy.deepcopy((params, X, state, weights))
    wanted = passes(layer, *given, training)

    def arrays(params, X, state, weights):
        return [X, weights, *params.values(), *(state or ())]

    for array, was in zip(arrays(*given), arrays(*before), strict=True):
        assert (array == was).all() and array.flags.writeable
    run = forward(layer, params, X, state, training)
    results = {"output": run.output.copy()}
    if state:
        results |= copy.deepcopy(run.state)._asdict()
    for array in (run.output, X, *(run.state or ()), *(state or ())):
        array += 100
    input_gradient, gradients = layer.backward(params, run.cache, weights)
    for array in (weights, *params.values()):
        array += 100
    results |= {"input gradient": input_gradient} | gradients
    for what, array in wanted.items():
        assert (results[what] == array).all(), what
    again = layer.backward(before[0], run.cache, before[-1])[0]
    assert (again == wanted["input gradient"]).all()


@every_run
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_numbers_do_not_overflow(name, shape, training, dtype):
    layer, params, X, state, weights = example(name, shape)
    X = (1e4 * np.sign(X)).astype(dtype)
    params = {own: array.astype(dtype) for own, array in params.items()}
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        results = passes(layer, params, X, state, weights.astype(dtype), training)
    for what, array in results.items():
        assert np.isfinite(array).all(), what


# Refusals.


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Dense(0, 1), "inputs: 0, wanted a whole number from 1"),
        (lambda: Dense(2.0, 1), "inputs: 2.0, wanted a whole number from 1"),
        (lambda: Dense(1, 0), "outputs: 0, wanted a whole number from 1"),
        (lambda: Dense(1, True), "outputs: True, wanted a whole number from 1"),
        (lambda: Dense(1, 1, "he"), "initializer: 'he', wanted one such as Glorot()"),
        (lambda: Activate("relu"), "activation: 'relu', wanted an activation such as Sigmoid()"),
        (
            lambda: Activate(np.tanh),
            "activation: <ufunc 'tanh'>, wanted an activation such as Sigmoid()",
        ),
        (lambda: Dropout(1), "p: 1, wanted a probability to drop in [0, 1)"),
        (lambda: Dropout(1.5), "p: 1.5, wanted a probability to drop in [0, 1)"),
        (lambda: Dropout(-0.1), "p: -0.1, wanted one finite number from 0"),
        (lambda: Dropout(np.nan), "p: nan, wanted one finite number from 0"),
        (lambda: Dropout("0.5"), "p: '0.5', wanted one finite number from 0"),
        (lambda: BatchNorm(0), "inputs: 0, wanted a whole number from 1"),
        (lambda: BatchNorm(2, 0.0), "momentum: 0.0, wanted one finite number above 0"),
        (lambda: BatchNorm(2, 1.1), "momentum: 1.1, wanted a share in (0, 1]"),
        (lambda: BatchNorm(2, "0.1"), "momentum: '0.1', wanted one finite number above 0"),
        (lambda: BatchNorm(2, 0.1, 0), "epsilon: 0, wanted one finite number above 0"),
        (lambda: LayerNorm(0), "inputs: 0, wanted a whole number from 1"),
        (lambda: LayerNorm(2, -1.0), "epsilon: -1.0, wanted one finite number above 0"),
        (lambda: PReLU(0), "inputs: 0, wanted a whole number from 1"),
        (lambda: PReLU(2, np.nan), "start: nan at index (), wanted finite numbers"),
        (lambda: PReLU(2, [0.1, 0.2]), "start: shape (2,), wanted (), one number"),
        (lambda: Maxout(1), "pieces: 1, wanted a whole number from 2"),
        (lambda: Maxout(2.5), "pieces: 2.5, wanted a whole number from 2"),
        (lambda: Dropout(0.5).units(0), "inputs: 0, wanted a whole number from 1"),
        (lambda: Maxout(2).units(0), "inputs: 0, wanted a whole number from 1"),
        (lambda: Dense(2, 1).units("2"), "inputs: '2', wanted a whole number from 1"),
        (lambda: PReLU(2).units(3), "inputs: 3, wanted 2 for PReLU(inputs=2, start=0.25)"),
        (
            lambda: Dense(2, 1, Constant()).units(3),
            "inputs: 3, wanted 2 for Dense(inputs=2, outputs=1, initializer=Constant(value=0.0))",
        ),
        (lambda: Maxout(2).units(3), "inputs: 3, wanted a multiple of 2 for Maxout(pieces=2)"),
        (
            lambda: Dropout(0.5).forward({}, [1.0], training=True),
            "rng in dropout: None, wanted a generator such as np.random.default_rng(0)",
        ),
    ],
)
def test_refuses_hyper_parameters_and_sizes(call, message):
    refuses(message, call)


@every_layer
@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.ones((0, 6)), "X: shape (0, 6), wanted (inputs,) or (N, inputs)"),
        (np.ones((5, 0)), "X: shape (5, 0), wanted (inputs,) or (N, inputs)"),
        ([], "X: shape (0,), wanted (inputs,) or (N, inputs)"),
        (1.0, "X: shape (), wanted (inputs,) or (N, inputs)"),
        (np.ones((1, 5, 6)), "X: shape (1, 5, 6), wanted (inputs,) or (N, inputs)"),
        ([[1, 2, 3, 4, np.nan, 6]], "X: nan at index (0, 4), wanted finite numbers"),
        ([1j] * 6, "X: dtype complex128, wanted real numbers (float32 or float64)"),
        ([[1.0], [1.0, 2.0]], "X: rows of unequal length, wanted an array of numbers"),
    ],
)
def test_refuses_an_input(name, X, message):
    layer, params, _, state, _ = example(name, (6,))
    refuses(message, layer.forward, params, X, state=state)


@every_layer
@pytest.mark.parametrize("shape", [(6,), (5, 6)])
def test_refuses_other_arguments(name, shape):
    layer, params, X, state, weights = example(name, shape)
    run = layer.forward(params, X, state=state)

    def both_refuse(message, params):
        refuses(message, layer.forward, params, X, state=state)
        refuses(message, layer.backward, params, run.cache, weights)

    for seen, unfit in [("['Q']", {"Q": [1.0]}), ("list", [1.0]), ("NoneType", None)]:
        both_refuse(f"params: {seen}, wanted a dict of {list(layer.shapes)}", unfit)
    for own, size in layer.shapes.items():
        unfit = np.ones((*size, 1))
        message = f"{own}: shape {unfit.shape}, wanted {size}, as in {layer}.shapes"
        both_refuse(message, params | {own: unfit})
        message = f"{own}: inf at index {(0,) * len(size)}, wanted finite numbers"
        both_refuse(message, params | {own: np.full(size, np.inf)})
    unfit = np.ones((*weights.shape, 1))
    message = f"output_gradient: shape {unfit.shape}, wanted {weights.shape}, that of the output"
    refuses(message, layer.backward, params, run.cache, unfit)
    message = f"output_gradient: nan at index {(0,) * len(shape)}, wanted finite numbers"
    refuses(message, layer.backward, params, run.cache, np.full(weights.shape, np.nan))
    for rng in (0, None, np.random):
        message = f"rng: {rng!r}, wanted a generator such as np.random.default_rng(0)"
        refuses(message, layer.init, rng)


@pytest.mark.parametrize("name", [name for name in LAYERS if not name.startswith("BatchNorm")])
def test_layers_that_remember_nothing_refuse_a_state(name):
    layer, params, X, *_ = example(name, (5, 6))
    message = f"state: tuple, wanted None, since {layer} has none"
    refuses(message, layer.forward, params, X, state=(1.0,))


def test_layers_refuse_examples_of_another_size():
    sized = ["Dense", "BatchNorm", "LayerNorm", "PReLU, units"]
    for name in sized:
        layer, params, X, state, _ = example(name, (5, 6))
        for unfit in (X[:, 1:], X[0, 1:]):
            message = f"X: shape {unfit.shape}; inputs: 5, wanted 6 for {layer}"
            refuses(message, layer.forward, params, unfit, state=state)
    message = "X: shape (5,); inputs: 5, wanted a multiple of 2 for Maxout(pieces=2)"
    refuses(message, Maxout().forward, {}, np.ones(5))


def test_batch_norm_refuses_a_batch_of_one_in_training():
    layer = BatchNorm(2)
    params = layer.init(np.random.default_rng(0))
    for X in (np.ones(2), np.ones((1, 2))):
        wanted = "wanted a batch of at least 2 in training"
        message = f"X: shape {X.shape} in batch normalization, {wanted}"
        refuses(message, layer.forward, params, X, training=True)
        assert layer.forward(params, X).output.shape == X.shape


@pytest.mark.parametrize("training", [False, True])
def test_batch_norm_refuses_what_is_no_state(training):
    layer, X = BatchNorm(2), np.ones((3, 2))
    params, ones = layer.init(np.random.default_rng(0)), np.ones(2)
    for state, message in [
        ((ones, ones), "state: tuple, wanted a BatchNormState or None"),
        (ones, "state: ndarray, wanted a BatchNormState or None"),
        (
            BatchNormState(np.ones(3), ones),
            "state.mean: shape (3,), wanted (2,), one per unit",
        ),
        (BatchNormState(ones, 1.0), "state.variance: shape (), wanted (2,), one per unit"),
        (BatchNormState([1, np.nan], ones), "state.mean: nan at index (1,), wanted finite numbers"),
        (BatchNormState(ones, [1, -0.5]), "state.variance: -0.5, wanted numbers from 0"),
    ]:
        refuses(message, layer.forward, params, X, training=training, state=state)
    assert np.isfinite(layer.forward(params, X, state=BatchNormState(ones, 0 * ones)).output).all()


def test_initializers_may_be_chosen():
    layer = Dense(3, 4, initializer=He("normal"))
    wanted = He("normal")((4, 3), np.random.default_rng(2))
    assert (layer.init(np.random.default_rng(2))["W"] == wanted).all()
