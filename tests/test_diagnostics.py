"""Diagnostics: each finds the fault planted into a network, and finds nothing in a healthy one."""

import math

import numpy as np
import pytest

import dlutils
from dlutils import (
    MLP,
    Activate,
    BatchNorm,
    Dense,
    GradientDescent,
    Network,
    Parameters,
    ReLU,
    Sigmoid,
    Softmax,
    SoftmaxCrossEntropy,
    Swish,
    Tanh,
    dead_units,
    fit,
    gradient_norms,
    numerical_gradient,
    update_ratios,
)
from dlutils.initializers import Glorot, He, Normal

LOSS = SoftmaxCrossEntropy()


def data():
    rng = np.random.default_rng(0)
    return rng.normal(size=(60, 4)), rng.integers(3, size=60)


def healthy(hidden=None, depth=1, initializer=None):
    rng = np.random.default_rng(1)
    hidden, initializer = hidden or ReLU(), initializer or He()
    net = MLP([4, *[8] * depth, 3], hidden=hidden, initializer=initializer)
    return net, net.init(rng)


def changed(params, **arrays):
    """The same parameters but for those given."""
    assert arrays.keys() <= params.shapes.keys()
    return Parameters(
        np.concatenate([np.ravel(arrays.get(name, params[name])) for name in params.shapes]),
        params.shapes,
    )


def slopes(net, params):
    X, y = data()
    trace = net.forward(params, X)
    return net.backward(params, trace, LOSS.gradient(trace.output, y))


def as_lists(found):
    return {k: units.tolist() for k, units in found.items()}


# ── Dead units ────────────────────────────────────────────────────────────────────────────────────


def test_healthy_network_has_no_dead_units():
    net, params = healthy()
    assert as_lists(dead_units(net, params, data()[0])) == {1: [], 2: []}


def test_large_negative_bias_kills_a_relu_and_its_weights_get_no_gradient():
    net, params = healthy(depth=2)
    bias = params.b[2].copy()
    bias[[2, 5]] = -100.0
    params = changed(params, b2=bias)
    assert as_lists(dead_units(net, params, data()[0])) == {1: [], 2: [2, 5], 3: []}
    still = (slopes(net, params).W[2] == 0).all(axis=1)
    assert np.flatnonzero(still).tolist() == [2, 5]


def test_too_large_a_rate_kills_relus():
    net, params = healthy()
    X, y = data()
    rng = np.random.default_rng(0)
    run = fit(net, params, LOSS, GradientDescent(30.0), X, y, epochs=3, batch_size=60, rng=rng)
    assert len(dead_units(net, run.params, X)[1]) >= 4


def test_unit_that_answers_one_example_is_alive():
    net, params = healthy()
    X = np.zeros((5, 4))
    X[3, 0] = 1.0
    params = changed(params, W1=np.eye(8, 4) - 2 * np.eye(8, 4, k=-4), b1=np.zeros(8))
    assert as_lists(dead_units(net, params, X))[1] == [1, 2, 3, 4, 5, 6, 7]


def test_saturated_units_are_found_by_tolerance():
    for g, bias in ((Sigmoid(), 30.0), (Tanh(), -15.0)):
        net, params = healthy(g)
        params = changed(params, b1=np.array([0.0, bias, 0, 0, 0, 0, 0, 0]))
        assert as_lists(dead_units(net, params, data()[0]))[1] == []
        assert as_lists(dead_units(net, params, data()[0], tolerance=1e-6))[1] == [1]
    assert dead_units(net, params, data()[0], tolerance=1.0)[1].size == 8  # no slope is larger


def test_tolerance_includes_its_bound():
    net = MLP([1, 1, 1], hidden=Sigmoid())
    params = net.parameters(W1=[[0.0]], b1=[0.0], W2=[[1.0]], b2=[0.0])
    X = np.ones((2, 1))
    assert as_lists(dead_units(net, params, X, tolerance=0.25))[1] == [0]
    assert as_lists(dead_units(net, params, X, tolerance=0.2499))[1] == []


def test_negative_slope_is_a_slope():
    net = MLP([1, 1, 1], hidden=Swish())
    params = net.parameters(W1=[[1.0]], b1=[0.0], W2=[[1.0]], b2=[0.0])
    assert Swish().derivative(-2.4) < -0.09
    assert as_lists(dead_units(net, params, [[-2.4], [-2.5]], tolerance=0.01))[1] == []


def test_softmax_has_no_dead_units():
    net = MLP([4, 3], output=Softmax())
    found = dead_units(net, net.init(np.random.default_rng(0)), data()[0], tolerance=1.0)
    assert as_lists(found) == {1: []} and found[1].dtype == np.intp


def test_activations_are_counted_and_state_is_used():
    net = Network([Dense(4, 2), BatchNorm(2), Activate(ReLU()), Dense(2, 3)])
    params = net.init(np.random.default_rng(0))
    X, _ = data()
    X = X + 100.0  # so that an unnormalized sum keeps its sign
    assert len(dead_units(net, params, X)[1]) > 0
    state = None
    for _ in range(200):  # until the running means are there
        state = net.forward(params, X, training=True, state=state).state
    assert as_lists(dead_units(net, params, X, state=state)) == {1: []}


def test_float32_and_nan():
    net, params = healthy()
    small = params.with_vector(params.vector.astype(np.float32))
    assert as_lists(dead_units(net, small, data()[0])) == {1: [], 2: []}
    assert dead_units(net, params.with_vector(params.vector * np.nan), data()[0])[1].size == 0


# ── Gradient norms ────────────────────────────────────────────────────────────────────────────────


def test_norms_are_those_of_numerical_gradients():
    net, params = healthy(Tanh(), depth=2)
    X, y = data()

    def cost(vector):
        return LOSS(net.forward(params.with_vector(vector), X).output, y)

    measured = params.with_vector(numerical_gradient(cost, params.vector))
    wanted = [math.sqrt((dW**2).sum()) for dW in measured.W]
    found = gradient_norms(slopes(net, params))
    assert list(found) == [1, 2, 3] and list(found.values()) == pytest.approx(wanted, rel=1e-6)


def test_deep_sigmoid_network_has_a_vanishing_gradient_and_relu_has_not():
    norms = gradient_norms(slopes(*healthy(Sigmoid(), 8, Glorot())))
    assert norms[1] < 1e-4 * norms[9]
    assert all(norms[l] < norms[l + 1] for l in range(1, 9))
    norms = gradient_norms(slopes(*healthy(ReLU(), 8)))
    assert norms[1] > 0.1 * norms[9]


def test_large_weights_make_the_gradient_explode():
    norms = gradient_norms(slopes(*healthy(ReLU(), 8, Normal(2.0))))
    assert norms[1] > 1e3 and norms[1] > 10 * gradient_norms(slopes(*healthy(ReLU(), 8)))[1]


def test_dead_layer_has_norm_zero():
    net, params = healthy(depth=2)
    params = changed(params, b2=np.full(8, -100.0))
    assert [*gradient_norms(slopes(net, params)).values()] == [0, 0, 0]
    assert slopes(net, params).b[3].any()  # the output's bias still learns


@pytest.mark.parametrize(("scale", "dtype"), [(1e200, float), (1e-200, float), (1e30, np.float32)])
def test_norms_of_extremes(scale, dtype):
    shapes = {"W1": (1, 2), "b1": (1,)}
    gradients = dlutils.Gradients(np.array([3, -4, 9], dtype) * dtype(scale), shapes, [np.ones(1)])
    assert gradient_norms(gradients)[1] == pytest.approx(5 * scale, rel=1e-6)
    for odd in (np.nan, np.inf):
        gradients = dlutils.Gradients([odd, 1.0, 1.0], shapes, [np.ones(1)])
        assert gradient_norms(gradients)[1] == pytest.approx(odd, nan_ok=True)
    assert all(type(norm) is float for norm in gradient_norms(gradients).values())


# ── Update ratios ─────────────────────────────────────────────────────────────────────────────────


def one_step(rate):
    net, params = healthy(Tanh())
    X, y = data()
    rng = np.random.default_rng(0)
    after = fit(net, params, LOSS, GradientDescent(rate), X, y, epochs=1, batch_size=60, rng=rng)
    return params, after.params, slopes(net, params)


def test_ratio_of_a_descent_step_is_rate_times_gradient_by_weight():
    before, after, gradients = one_step(0.1)
    norms, ratios = gradient_norms(gradients), update_ratios(before, after)
    wanted = [0.1 * norms[l] / math.sqrt((before.W[l] ** 2).sum()) for l in (1, 2)]
    assert list(ratios) == [1, 2] and list(ratios.values()) == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize(
    ("rate", "low", "high"), [(1e-6, 0, 1e-5), (0.05, 1e-4, 0.1), (100.0, 1, np.inf)]
)
def test_rates_too_small_and_too_large_are_told_from_a_good_one(rate, low, high):
    ratios = update_ratios(*one_step(rate)[:2])
    assert all(low < ratio < high for ratio in ratios.values())


def test_biases_do_not_count():
    _, params = healthy()
    moved = changed(params, b1=np.ones(8), b2=np.ones(3))
    assert update_ratios(params, moved) == {1: 0, 2: 0}


def test_weights_of_nothing_but_zero():
    net = MLP([2, 2, 1])
    zero = Parameters(np.zeros(9), net.shapes)
    moved = changed(zero, W2=np.ones((1, 2)))
    assert update_ratios(zero, zero) == {1: 0, 2: 0}
    assert update_ratios(zero, moved) == {1: 0, 2: np.inf}
    assert update_ratios(moved, zero) == {1: 0, 2: 1}
    assert math.isnan(update_ratios(zero, zero.with_vector(np.full(9, np.nan)))[1])


# ── Refusals: more in test_refusals.py ────────────────────────────────────────────────────────────


def test_messages():
    net, params = healthy()
    X, _ = data()
    with pytest.raises(ValueError, match=r"^X: shape \(4,\), wanted many examples, \(N, 4\)$"):
        dead_units(net, params, X[0])
    with pytest.raises(ValueError, match=r"^net: None, wanted a Network or an MLP$"):
        dead_units(None, params, X)
    with pytest.raises(ValueError, match=r"^tolerance: -1, wanted one finite number from 0$"):
        dead_units(net, params, X, tolerance=-1)
    with pytest.raises(ValueError, match=r"^gradients: ndarray, wanted what net.backward returns$"):
        gradient_norms(X)
    with pytest.raises(ValueError, match=r"^gradients: Parameters\(W1.*, wanted what net.backward"):
        gradient_norms(params)
    with pytest.raises(ValueError, match=r"^before: Gradients, wanted Parameters$"):
        update_ratios(slopes(net, params), params)
    with pytest.raises(ValueError, match=r"^after: int, wanted Parameters$"):
        update_ratios(params, 1)
    with pytest.raises(ValueError, match=r"^after: .*, wanted the shapes of before, \{'W1': \(8"):
        update_ratios(params, MLP([4, 3]).init(np.random.default_rng(0)))
