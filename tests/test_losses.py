"""Losses: known numbers, gradients by differences, the mean over examples, extremes, refusals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlutils import HalfSquaredError, Sigmoid, SigmoidCrossEntropy, check_gradient

LOSSES = [HalfSquaredError(), SigmoidCrossEntropy()]
every_loss = pytest.mark.parametrize("loss", LOSSES, ids=repr)


def example(rng, shape):
    return rng.normal(size=shape), rng.uniform(size=shape)


@every_loss
@pytest.mark.parametrize("shape", [(1,), (3,), (1, 1), (4, 1), (4, 3)])
def test_gradient_is_the_measured_one(loss, shape):
    output, target = example(np.random.default_rng(0), shape)
    check_gradient(lambda a: loss(a, target), loss.gradient(output, target), output)


@every_loss
def test_one_example_equals_a_batch_of_one(loss):
    output, target = example(np.random.default_rng(1), (3,))
    assert loss(output, target) == loss(output[None], target[None])
    one, batch = loss.gradient(output, target), loss.gradient(output[None], target[None])
    assert (one == batch[0]).all()


@every_loss
def test_batch_is_the_mean_of_its_examples_in_any_order(loss):
    output, target = example(np.random.default_rng(2), (5, 3))
    alone = [loss(a, y) for a, y in zip(output, target, strict=True)]
    assert loss(output, target) == pytest.approx(np.mean(alone), rel=1e-14)
    assert loss(output[::-1], target[::-1]) == pytest.approx(np.mean(alone), rel=1e-14)


@every_loss
def test_float32_stays_and_nothing_is_changed(loss):
    output, target = example(np.random.default_rng(3), (4, 2))
    before = output.copy(), target.copy()
    assert loss.gradient(output.astype(np.float32), target).dtype == np.float32
    assert loss.gradient(output, target).dtype == np.float64
    assert isinstance(loss(output, target), float)
    assert (output == before[0]).all() and (target == before[1]).all()


def test_half_squared_error_sums_outputs_and_averages_examples():
    assert HalfSquaredError()([[1.0, 2.0], [3.0, 4.0]], [[0, 0], [0, 0]]) == 30 / (2 * 2)
    assert HalfSquaredError()([1.0, 2.0], [0, 0]) == 5 / 2
    assert HalfSquaredError().gradient([[3.0], [5.0]], [[1], [1]]).tolist() == [[1.0], [2.0]]


@given(st.floats(-700, 700), st.floats(0, 1))
def test_cross_entropy_is_its_formula_without_cancellation(z, y):
    # −ln σ(z) = ln(1 + e^(−z)), which NumPy's logaddexp computes at full precision.
    formula = y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z)
    assert SigmoidCrossEntropy()([z], [y]) == pytest.approx(formula, rel=1e-13, abs=0)


@given(st.floats(-10, 10), st.floats(0, 1))
def test_cross_entropy_on_logits_is_that_of_their_probabilities(z, y):
    p = Sigmoid()(z)
    formula = -(y * np.log(p) + (1 - y) * np.log1p(-p))
    assert SigmoidCrossEntropy()([z], [y]) == pytest.approx(formula, rel=1e-10, abs=0)
    assert SigmoidCrossEntropy().gradient([z], [y])[0] == pytest.approx(p - y, abs=1e-15)


def test_cross_entropy_keeps_its_digits_near_a_certain_answer():
    z, y = 17.0, 1 - 2**-53
    formula = y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z)
    assert SigmoidCrossEntropy()([z], [y]) == pytest.approx(formula, rel=1e-13, abs=0)


def test_cross_entropy_averages_over_every_entry():
    z, y = np.log([[9.0, 1 / 9], [0.25, 0.25]]), np.array([[1, 0], [1, 1]])
    assert SigmoidCrossEntropy()(z, y) == pytest.approx(-np.log([0.9, 0.9, 0.2, 0.2]).mean())


def test_cross_entropy_of_a_confident_answer_stays_finite():
    z = np.array([-1e4, 1e4])
    assert SigmoidCrossEntropy()(z, [0, 1]) == 0
    assert SigmoidCrossEntropy()(z, [1, 0]) == 1e4
    assert SigmoidCrossEntropy().gradient(z, [1, 0]).tolist() == [-0.5, 0.5]


@every_loss
@pytest.mark.parametrize(
    ("output", "target", "message"),
    [
        (np.ones((4, 1)), np.ones(4), r"target: shape \(4,\), wanted \(4, 1\)"),
        (np.ones(4), np.ones((4, 1)), r"target: shape \(4, 1\), wanted \(4,\)"),
        (np.ones((4, 1)), np.ones((1, 1)), "target: shape"),
        (np.ones((2, 1)), [[1], [np.nan]], r"target: nan at index \(1, 0\)"),
        (np.ones((0, 3)), np.ones((0, 3)), "output: shape"),
        (1.0, 1.0, r"output: shape \(\)"),
        (np.ones((1, 1, 1)), np.ones((1, 1, 1)), "output: shape"),
        (["a"], [1.0], "output: dtype"),
        ([1.0], [1j], "target: dtype"),
    ],
)
def test_refuses_bad_input(loss, output, target, message):
    for function in (loss, loss.gradient):
        with pytest.raises(ValueError, match=message):
            function(output, target)


@pytest.mark.parametrize("target", [[-0.1], [1.5]])
def test_cross_entropy_refuses_targets_that_are_no_probabilities(target):
    for function in (SigmoidCrossEntropy(), SigmoidCrossEntropy().gradient):
        with pytest.raises(ValueError, match="target: .*wanted probabilities"):
            function([0.0], target)
