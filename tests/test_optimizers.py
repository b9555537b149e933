"""Gradient descent: its formula, any shape, schedules, purity and refusals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlutils import GradientDescent


@given(st.floats(0.01, 0.95), st.integers(0, 30))
def test_on_a_parabola_it_is_a_power(rate, steps):
    theta, descent = np.array([3.0]), GradientDescent(rate)
    state = descent.init(theta)
    for _ in range(steps):
        step, state = descent.update(2 * theta, state, theta)
        theta = theta + step
    assert theta[0] == pytest.approx(3 * (1 - 2 * rate) ** steps, rel=1e-9, abs=1e-12)
    assert state.step == steps


def test_schedule_is_asked_with_the_steps_taken_so_far():
    asked = []
    descent = GradientDescent(lambda step: asked.append(step) or 1 / (1 + step))
    theta = np.ones(2)
    state = descent.init(theta)
    steps = []
    for _ in range(3):
        step, state = descent.update(theta, state, theta)
        steps.append(step[0])
    assert asked == [0, 1, 2]
    assert steps == [-1, -1 / 2, -1 / 3]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (3,), (2, 2)])
def test_shape_and_dtype_stay_and_nothing_is_changed(shape, dtype):
    theta, gradient = np.ones(shape, dtype), np.full(shape, 2, dtype)
    descent = GradientDescent(0.5)
    step, _ = descent.update(gradient, descent.init(theta), theta)
    assert np.shape(step) == shape and step.dtype == dtype and (step == -1).all()
    assert (theta == 1).all() and (gradient == 2).all()


@pytest.mark.parametrize("rate", [0, -0.1, np.nan, np.inf, "fast", None, True])
def test_refuses_a_learning_rate(rate):
    with pytest.raises(ValueError, match="learning_rate: .*wanted"):
        GradientDescent(rate)
    descent = GradientDescent(lambda step: -1 if rate == 0 else rate)
    with pytest.raises(ValueError, match="learning_rate at step 0: .*wanted"):
        descent.update(np.ones(1), descent.init(np.ones(1)), np.ones(1))


@pytest.mark.parametrize(
    ("gradient", "message"),
    [
        (np.ones((2, 1)), r"gradient: shape \(2, 1\), wanted \(2,\)"),
        ([1.0, np.nan], r"gradient: nan at index \(1,\)"),
        (["a", "b"], "gradient: dtype"),
    ],
)
def test_refuses_a_gradient(gradient, message):
    descent, theta = GradientDescent(0.1), np.ones(2)
    with pytest.raises(ValueError, match=message):
        descent.update(gradient, descent.init(theta), theta)


def test_a_schedule_may_rest_at_zero():
    descent = GradientDescent(lambda step: step / 10)  # warm-up from nothing
    theta = np.ones(2)
    step, state = descent.update(theta, descent.init(theta), theta)
    assert not step.any()
    assert descent.update(theta, state, theta)[0] == pytest.approx([-0.1, -0.1])
