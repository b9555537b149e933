"""The gradient check: right on polynomials, quiet on right gradients, loud on wrong ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlutils import check_gradient, numerical_gradient, relative_error

vectors = st.lists(st.floats(-5, 5), min_size=1, max_size=6).map(np.array)


def square(x):
    return float((x**2).sum())


@given(vectors)
def test_centered_differences_are_right_up_to_rounding_on_a_parabola(x):
    assert relative_error(numerical_gradient(square, x), 2 * x) < 1e-8


def test_error_of_the_difference_shrinks_with_the_square_of_the_step():
    coarse, fine = (numerical_gradient(lambda x: np.exp(x[0]), [1.0], h)[0] for h in (1e-2, 1e-3))
    assert (coarse - np.e) / (fine - np.e) == pytest.approx(100, rel=0.01)


@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
def test_any_shape_and_nothing_is_changed(shape):
    x = np.full(shape, 1.5)
    gradient = numerical_gradient(square, x)
    assert gradient.shape == shape and np.allclose(gradient, 3)
    assert (x == 1.5).all()


def test_integers_and_float32_are_differentiated_in_float64():
    for x in ([1, 2], np.array([1, 2], np.float32)):
        assert numerical_gradient(square, x).dtype == np.float64
        assert check_gradient(square, [2.0, 4.0], x) < 1e-7


@given(vectors)
def test_relative_error_is_symmetric_and_zero_only_for_equals(a):
    b = a + 0.5
    assert relative_error(a, a) == 0
    assert relative_error(a, b) == relative_error(b, a) > 0


def test_relative_error_divides_by_the_larger_norm_but_at_least_one():
    assert relative_error([100.0], [90.0]) == 0.1
    assert relative_error([1e-3], [2e-3]) == pytest.approx(1e-3)


def test_a_right_gradient_passes_as_array_and_as_function():
    x = np.array([1.0, -2.0])
    assert check_gradient(square, 2 * x, x) == check_gradient(square, lambda x: 2 * x, x) < 1e-7


@pytest.mark.parametrize("wrong", [[2.0, 4.0], [2.0, -4.00001], [0.0, 0.0], [2.0, np.nan]])
def test_a_wrong_gradient_raises_and_shows_both(wrong):
    with pytest.raises(AssertionError) as error:
        check_gradient(square, wrong, [1.0, -2.0])
    message = str(error.value)
    assert "relative error" in message
    assert "most different at index (1,)" in message
    assert str(np.array(wrong)) in message
    assert "centered differences" in message


def test_tolerance_decides():
    assert check_gradient(square, [2.1], [1.0], tolerance=0.1) == pytest.approx(0.1 / 2.1)
    with pytest.raises(AssertionError, match="wanted at most 4e-02"):
        check_gradient(square, [2.1], [1.0], tolerance=0.04)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: numerical_gradient(lambda x: x, [1.0, 2.0]), r"f: returned shape \(2,\)"),
        (lambda: numerical_gradient(square, [np.nan]), "x: nan"),
        (lambda: numerical_gradient(square, [1.0], step=0), "step: 0"),
        (lambda: relative_error([1.0], [1.0, 2.0]), r"b: shape \(2,\), wanted \(1,\)"),
        (lambda: check_gradient(square, [1.0], [1.0, 2.0]), r"gradient: shape \(1,\)"),
        (lambda: check_gradient(square, [1.0], [1.0], tolerance=-1), "tolerance: -1"),
    ],
)
def test_refuses_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_gradient_that_works_in_place_does_no_harm():
    def in_place(x):
        x *= 2
        return x

    x = np.array([1.0, -2.0])
    assert check_gradient(square, in_place, x) < 1e-7
    assert x.tolist() == [1.0, -2.0]
