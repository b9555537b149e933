"""Activations: values, derivatives by differences, symmetry, extreme inputs, dtypes, refusals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlutils import Identity, ReLU, Sigmoid, check_gradient

ACTIVATIONS = [Identity(), Sigmoid(), Sigmoid(slope=3.0), Sigmoid(slope=0.2), ReLU()]
every_activation = pytest.mark.parametrize("g", ACTIVATIONS, ids=repr)
numbers = st.floats(-30, 30)


@every_activation
def test_derivative_is_the_measured_one(g):
    z = np.linspace(-4, 4, 24)  # an even number of points: none at the kink of ReLU
    assert (z != 0).all()
    check_gradient(lambda z: g(z).sum(), g.derivative, z)


@every_activation
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 0)])
def test_shape_and_dtype_stay(g, shape):
    for dtype in (np.float32, np.float64):
        z = np.ones(shape, dtype)
        for result in (g(z), g.derivative(z)):
            assert result.shape == shape and result.dtype == dtype
    assert g(np.ones(shape, int)).dtype == np.float64


@every_activation
def test_argument_is_not_changed_and_result_is_not_a_view(g):
    z = np.array([-1.0, 2.0])
    for function in (g, g.derivative):
        function(z)[...] = 7
        assert z.tolist() == [-1.0, 2.0]


@every_activation
def test_extreme_inputs_stay_finite(g):
    z = np.array([-1e4, -745.2, 0.0, 745.2, 1e4])
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        assert np.isfinite(g(z)).all() and np.isfinite(g.derivative(z)).all()


@given(numbers, st.floats(0.1, 5))
def test_sigmoid_is_its_formula_and_symmetric(z, slope):
    g = Sigmoid(slope)
    assert g(z) == pytest.approx(1 / (1 + np.exp(-slope * z)), rel=1e-13, abs=0)
    assert g(z) + g(-z) == pytest.approx(1, abs=1e-15)
    assert g.derivative(z) == pytest.approx(slope * g(z) * g(-z), rel=1e-12, abs=0)


def test_sigmoid_known_numbers():
    assert Sigmoid()(0) == 0.5 and Sigmoid().derivative(0) == 0.25
    assert Sigmoid(slope=2.0).derivative(0) == 0.5
    assert Sigmoid()(-700.0) == pytest.approx(np.exp(-700.0), rel=1e-12, abs=0)


def test_relu_at_its_kink_has_derivative_zero():
    assert ReLU().derivative([-1.0, 0.0, 1e-300]).tolist() == [0, 0, 1]
    assert ReLU()([-1.0, 0.0, 2.0]).tolist() == [0, 0, 2]


@pytest.mark.parametrize("slope", [0, -1, np.nan, np.inf, "1", None, True, [1.0], 1 + 0j])
def test_sigmoid_refuses_a_slope(slope):
    with pytest.raises(ValueError, match="slope: .*wanted"):
        Sigmoid(slope)


@every_activation
@pytest.mark.parametrize("z", ["abc", [1j], [[1.0], [1.0, 2.0]], None])
def test_refuses_what_is_no_number(g, z):
    for function in (g, g.derivative):
        with pytest.raises(ValueError, match="z: .*wanted"):
            function(z)


def test_a_numpy_number_as_slope_keeps_float32():
    g = Sigmoid(np.float64(2))
    z = np.ones(3, np.float32)
    assert g(z).dtype == g.derivative(z).dtype == np.float32
