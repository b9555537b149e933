"""Regularizers: proofs of each gradient, the soft threshold, shapes, dtypes, refusals."""

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from dlutils import check_gradient
from dlutils.regularizers import ALL_REGULARIZERS, L1, L2, ElasticNet

w, strength, other = sp.symbols("w strength other", real=True)
FORMULAS = [
    (L1(0.3), 0.3 * abs(w)),
    (L2(0.7), sp.Rational(7, 20) * w**2),
    (ElasticNet(l1=0.3, l2=0.7), 0.3 * abs(w) + sp.Rational(7, 20) * w**2),
    (ElasticNet(l1=0, l2=2), w**2),
    (ElasticNet(l1=2, l2=0), 2 * abs(w)),
]
REGULARIZERS = [regularizer for regularizer, _ in FORMULAS]
every_regularizer = pytest.mark.parametrize("regularizer", REGULARIZERS, ids=repr)


@pytest.mark.parametrize(("regularizer", "formula"), FORMULAS, ids=repr)
def test_value_and_gradient_are_those_of_the_formula(regularizer, formula):
    value, slope = sp.lambdify(w, formula), sp.lambdify(w, formula.diff(w))
    for weight in np.linspace(-3, 3, 20):
        assert regularizer([weight]) == pytest.approx(float(value(weight)), rel=1e-14, abs=0)
        gradient = regularizer.gradient([weight])[0]
        assert gradient == pytest.approx(float(slope(weight)), rel=1e-14, abs=0)


@every_regularizer
@pytest.mark.parametrize("shape", [(), (1,), (4,), (3, 2), (2, 3, 4)])
def test_gradient_is_the_measured_one(regularizer, shape):
    W = np.random.default_rng(0).normal(size=shape)
    gradient = regularizer.gradient(W)
    assert np.shape(gradient) == shape
    check_gradient(regularizer, gradient, W)


@every_regularizer
def test_every_entry_counts_alone(regularizer):
    W = np.random.default_rng(1).normal(size=(3, 4))
    alone = [regularizer([weight]) for weight in W.flat]
    assert regularizer(W) == pytest.approx(sum(alone), rel=1e-14, abs=0)
    wanted = np.array([regularizer.gradient([weight])[0] for weight in W.flat]).reshape(3, 4)
    assert (regularizer.gradient(W) == wanted).all()
    assert regularizer(-W) == regularizer(W) and (regularizer.gradient(-W) == -wanted).all()


@every_regularizer
def test_zero_costs_nothing_and_stays(regularizer):
    assert regularizer(np.zeros((2, 3))) == 0
    assert regularizer.gradient(np.zeros((2, 3))).tolist() == np.zeros((2, 3)).tolist()


def test_gradient_of_l1_does_not_shrink_with_the_weight_and_that_of_l2_does():
    W = [-5.0, -1e-300, 0.0, 1e-300, 2.0]
    assert L1(0.5).gradient(W).tolist() == [-0.5, -0.5, 0, 0.5, 0.5]
    assert L2(0.5).gradient(W).tolist() == [-2.5, -5e-301, 0, 5e-301, 1]


def test_conventions_of_the_half_and_of_the_sum():
    W = np.array([3.0, -4.0])
    assert L1(1)(W) == 7
    assert L2(1)(W) == 25 / 2  # others write λ Σw², which is L2(2λ)
    assert L2(2)(W) == 25 and L2(2).gradient(W).tolist() == [6, -8]
    assert ElasticNet(2, 3)(W) == L1(2)(W) + L2(3)(W)
    wanted = L1(2).gradient(W) + L2(3).gradient(W)
    assert ElasticNet(2, 3).gradient(W).tolist() == wanted.tolist()


@given(st.floats(-10, 10), st.floats(0.01, 5), st.floats(0, 5))
def test_minimum_is_the_soft_threshold(a, l1, l2):
    regularizer = ElasticNet(l1, l2) if l2 else L1(l1)

    def cost(weight):
        return (weight - a) ** 2 / 2 + regularizer([weight])

    best = np.sign(a) * max(abs(a) - l1, 0) / (1 + l2)
    for step in (1e-3, 0.1, 1.0, 10.0):
        assert cost(best) <= cost(best + step) and cost(best) <= cost(best - step)
    if best:  # the slope of the cost is 0 there
        assert best - a + regularizer.gradient([best])[0] == pytest.approx(0, abs=1e-13)
    else:  # the pull of the data cannot overcome that of the regularizer
        assert abs(a) <= l1


@given(st.floats(-10, 10), st.floats(0, 5))
def test_ridge_shrinks_and_does_not_reach_zero(a, l2):
    best = a / (1 + l2)
    assert best - a + L2(l2).gradient([best])[0] == pytest.approx(0, abs=1e-13)


@every_regularizer
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_float32_stays_and_nothing_is_changed(regularizer, dtype):
    W = np.array([[1.5, -2.0], [0.0, 4.0]], dtype)
    before = W.copy()
    assert type(regularizer(W)) is float
    gradient = regularizer.gradient(W)
    assert gradient.dtype == dtype and gradient.shape == W.shape
    gradient[...] = 7
    assert (W == before).all()


def test_strengths_become_floats():
    W = np.ones(2, np.float32)
    for regularizer in (L1(np.float64(1)), L2(np.float64(1)), ElasticNet(np.float64(1), 1)):
        assert regularizer.gradient(W).dtype == np.float32
    assert repr(ElasticNet(np.int64(1), np.float64(2))) == "ElasticNet(l1=1.0, l2=2.0)"
    assert L1(0)([5.0]) == L2(0)([5.0]) == ElasticNet(0, 0)([5.0]) == 0


def test_all_regularizers_holds_one_of_each():
    assert ALL_REGULARIZERS == (L1(0.01), L2(0.01), ElasticNet(0.01, 0.01))


@pytest.mark.parametrize("bad", [-0.1, np.nan, np.inf, True, "1", None, [0.1]])
def test_refuses_bad_strengths(bad):
    for kind in (L1, L2):
        with pytest.raises(ValueError, match="strength: .*, wanted one finite number from 0"):
            kind(bad)
    with pytest.raises(ValueError, match="l1: .*, wanted one finite number from 0"):
        ElasticNet(bad, 0.1)
    with pytest.raises(ValueError, match="l2: .*, wanted one finite number from 0"):
        ElasticNet(0.1, bad)


@every_regularizer
@pytest.mark.parametrize(
    ("W", "message"),
    [
        ([[1.0], [np.nan]], r"W: nan at index \(1, 0\)"),
        ([np.inf], "W: inf"),
        (["a"], "W: dtype"),
        ([[1.0], [1.0, 2.0]], "W: rows of unequal length"),
    ],
)
def test_refuses_bad_weights(regularizer, W, message):
    for function in (regularizer, regularizer.gradient):
        with pytest.raises(ValueError, match=message):
            function(W)
