"""Activations: three proofs of each, its kink, symmetries, extreme inputs, dtypes, refusals."""

import mpmath
import numpy as np
import pytest
import sympy as sp
from framework import SOURCES, references
from hypothesis import given
from hypothesis import strategies as st

from dlutils import activations, check_gradient
from dlutils.activations import (
    ALL_ACTIVATIONS,
    ELU,
    GELU,
    SELU,
    Activation,
    Identity,
    LeakyReLU,
    ReLU,
    Sigmoid,
    Softmax,
    Softplus,
    Step,
    Swish,
    Tanh,
    softmax,
    softmax_jacobian,
)

Z = sp.Symbol("z", real=True)


def logistic(x):
    return 1 / (1 + sp.exp(-x))


def elu(z, a):
    return a * (sp.exp(z) - 1), z


def selu(z):
    root = sp.sqrt(sp.E) * sp.erfc(1 / sp.sqrt(2))
    alpha = sp.sqrt(2 / sp.pi) / (1 - root)
    second = 2 * sp.E**2 * sp.erfc(sp.sqrt(2)) + sp.pi * root**2 - 2 * (2 + sp.pi) * root
    scale = (1 - root) * sp.sqrt(2 * sp.pi / (second + sp.pi + 2))
    return tuple(scale * side for side in elu(z, alpha))


# The formula of each: one expression, or two that meet at zero (for z < 0, for z > 0).
FORMULAS = [
    (Identity(), Z),
    (Step(), (sp.Integer(0), sp.Integer(1))),
    (Step(value_at_zero=0.5), (sp.Integer(0), sp.Integer(1))),
    (Sigmoid(), logistic(Z)),
    (Sigmoid(slope=3.0), logistic(3 * Z)),
    (Sigmoid(slope=0.2), logistic(Z / 5)),
    (Tanh(), (sp.exp(Z) - sp.exp(-Z)) / (sp.exp(Z) + sp.exp(-Z))),
    (ReLU(), (sp.Integer(0), Z)),
    (LeakyReLU(), (Z / 100, Z)),
    (LeakyReLU(slope=1.5), (3 * Z / 2, Z)),
    (ELU(), elu(Z, 1)),
    (ELU(alpha=0.4), elu(Z, sp.Rational(2, 5))),
    (ELU(alpha=3.0), elu(Z, 3)),
    (SELU(), selu(Z)),
    (Softplus(), sp.log(1 + sp.exp(Z))),
    (Swish(), Z * logistic(Z)),
    (Swish(beta=2.5), Z * logistic(5 * Z / 2)),
    (Swish(beta=0.3), Z * logistic(3 * Z / 10)),
    (GELU(), Z * (1 + sp.erf(Z / sp.sqrt(2))) / 2),
]
ACTIVATIONS = [g for g, _ in FORMULAS]
every_activation = pytest.mark.parametrize("g", ACTIVATIONS, ids=repr)
every_activation_and_softmax = pytest.mark.parametrize("g", [*ACTIVATIONS, Softmax()], ids=repr)
every_source = pytest.mark.parametrize("source", SOURCES)
numbers = st.floats(-30, 30)
logits = st.lists(st.floats(-50, 50), min_size=1, max_size=6).map(np.array)


def close(a, b, tolerance=1e-12):
    return a == pytest.approx(b, rel=tolerance, abs=tolerance)


def exactly(expression, points):
    """Evaluate a SymPy expression of z with 40 digits, and round to float64."""
    with mpmath.workdps(40):
        f = sp.lambdify(Z, expression, "mpmath")
        return np.array([float(f(mpmath.mpf(z))) for z in points])


# ── Three proofs ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("g", "formula"), FORMULAS, ids=[repr(g) for g in ACTIVATIONS])
def test_symbolic_value_and_derivative_are_those_of_the_formula(g, formula):
    grid = np.linspace(0.25, 15, 60)
    left, right = formula if isinstance(formula, tuple) else (formula, formula)
    for side, z in ((left, -grid), (right, grid)):
        # Relative, so the tails count as well; the absolute part is for zeros such as Swish's.
        assert g(z) == pytest.approx(exactly(side, z), rel=1e-12, abs=1e-30)
        derivative = exactly(sp.diff(side, Z), z)
        assert g.derivative(z) == pytest.approx(derivative, rel=1e-12, abs=1e-30)
    if left == right:  # smooth, so zero is a point as any other
        assert close(g(0), exactly(left, [0])[0])
        assert close(g.derivative(0), exactly(sp.diff(left, Z), [0])[0])


@every_activation
def test_numeric_derivative_is_the_measured_one(g):
    z = np.linspace(-4, 4, 24)  # an even number of points: none at a kink
    assert (z != 0).all()
    check_gradient(lambda z: g(z).sum(), g.derivative, z)


@every_activation_and_softmax
@pytest.mark.parametrize("shape", [(3,), (4, 3)])
def test_numeric_vjp_is_the_measured_gradient_of_a_weighted_sum(g, shape):
    rng = np.random.default_rng(0)
    z, gradient = rng.normal(size=shape), rng.normal(size=shape)
    assert np.abs(z).min() > 1e-3
    check_gradient(lambda z: (g(z) * gradient).sum(), lambda z: g.vjp(z, gradient), z)


@every_source
def test_framework_values_and_derivatives_are_pytorch_s(source):
    torch = references("torch_activations", source)
    names = {name.partition("/")[0] for name in torch if name.endswith("/value")}
    tested = {repr(g): g for g in ACTIVATIONS if repr(g) in names}
    assert tested.keys() == names and {type(g) for g in tested.values()} == {
        type(g) for g in ALL_ACTIVATIONS
    }
    for name, g in tested.items():
        assert close(g(torch["z"]), torch[f"{name}/value"]), name
        assert close(g.derivative(torch["z"]), torch[f"{name}/derivative"]), name


@every_source
def test_framework_softmax_is_pytorch_s(source):
    torch = references("torch_activations", source)
    z = torch["logits"]
    assert close(softmax(z), torch["softmax"])
    assert close(softmax(z, 0.5), torch["softmax(temperature=0.5)"])
    assert close(softmax_jacobian(z), torch["softmax/jacobian"])
    assert close(Softmax().vjp(z, torch["gradient"]), torch["softmax/vjp"])


# ── Kinks, known numbers and identities ───────────────────────────────────────────────────────────


def test_step_at_its_jump_has_value_zero_unless_told_and_derivative_zero():
    assert Step()([-1e-300, 0.0, -0.0, 1e-300]).tolist() == [0, 0, 0, 1]
    assert [Step(value)(0) for value in (0, 0.5, 1)] == [0, 0.5, 1]
    assert Step(0.5).derivative(0) == 0


def test_relu_at_its_kink_has_derivative_zero():
    assert ReLU().derivative([-1.0, 0.0, -0.0, 1e-300]).tolist() == [0, 0, 0, 1]
    assert ReLU()([-1.0, 0.0, 2.0]).tolist() == [0, 0, 2]


@pytest.mark.parametrize("slope", [0.01, 0.3, 2.0])
def test_leaky_relu_at_its_kink_has_derivative_slope(slope):
    assert LeakyReLU(slope).derivative([-3.0, 0.0, 1e-300]).tolist() == [slope, slope, 1]
    assert LeakyReLU(slope)([-2.0, 0.0, 2.0]).tolist() == [-2 * slope, 0, 2]


@pytest.mark.parametrize("alpha", [0.3, 1.0, 2.0])
def test_elu_at_its_kink_has_derivative_alpha(alpha):
    assert ELU(alpha).derivative([0.0, 1e-300]).tolist() == [alpha, 1]
    assert ELU(alpha)(0) == 0 and ELU(alpha)(-1e-300) == -1e-300 * alpha


def test_selu_at_its_kink_has_derivative_alpha_times_scale():
    assert SELU().derivative([0.0, 1e-300]).tolist() == [SELU.alpha * SELU.scale, SELU.scale]
    assert SELU()(0) == 0


def test_selu_keeps_mean_zero_and_variance_one():
    nodes, weights = np.polynomial.legendre.leggauss(200)
    for power, wanted in ((1, 0), (2, 1)):
        total = 0
        for center in (-6, 6):  # the kink lies between the two intervals of width 12
            z = center + 6 * nodes
            density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
            total += 6 * np.sum(weights * density * SELU()(z) ** power)
        assert total == pytest.approx(wanted, abs=1e-13)


def test_sigmoid_known_numbers():
    assert Sigmoid()(0) == 0.5 and Sigmoid().derivative(0) == 0.25
    assert Sigmoid(slope=2.0).derivative(0) == 0.5
    assert Sigmoid()(-700.0) == pytest.approx(np.exp(-700.0), rel=1e-12, abs=0)


def test_silu_minimum():
    z = -1.278464542761074  # where 1 + z = −e^z
    assert Swish()(z) == pytest.approx(-0.2784645427610738, abs=1e-15)
    assert Swish().derivative(z) == pytest.approx(0, abs=1e-15)


def test_gelu_distribution_has_an_error_below_1e_15():
    z = np.linspace(-9, 9, 181)
    distribution = exactly((1 + sp.erf(Z / sp.sqrt(2))) / 2, z)
    assert np.abs(GELU()._distribution(z) - distribution).max() < 1e-15


@given(numbers, st.floats(0.1, 5))
def test_sigmoid_is_its_formula_and_symmetric(z, slope):
    g = Sigmoid(slope)
    assert g(z) == pytest.approx(1 / (1 + np.exp(-slope * z)), rel=1e-13, abs=0)
    assert g(z) + g(-z) == pytest.approx(1, abs=1e-15)
    assert g.derivative(z) == pytest.approx(slope * g(z) * g(-z), rel=1e-12, abs=0)
    assert g.derivative(z) == g.derivative(-z)


@given(numbers)
def test_tanh_is_odd_and_a_stretched_sigmoid(z):
    assert Tanh()(-z) == -Tanh()(z)
    assert Tanh()(z) == pytest.approx(2 * Sigmoid()(2 * z) - 1, abs=1e-15)
    assert Tanh().derivative(z) == pytest.approx(1 - Tanh()(z) ** 2, abs=1e-15)
    assert Tanh().derivative(z) == Tanh().derivative(-z)


@given(numbers, st.floats(0.1, 5))
def test_swish_gelu_and_softplus_at_z_and_minus_z_differ_by_z(z, beta):
    for g in (Swish(beta), GELU(), Softplus()):
        assert g(z) - g(-z) == pytest.approx(z, rel=1e-14, abs=1e-15)
        assert g.derivative(z) + g.derivative(-z) == pytest.approx(1, abs=1e-14)


@given(numbers)
def test_softplus_has_the_sigmoid_as_derivative_and_is_above_relu(z):
    assert Softplus().derivative(z) == Sigmoid()(z)
    assert ReLU()(z) < Softplus()(z) <= ReLU()(z) + np.log(2)


@given(numbers, numbers)
def test_convex_ones_lie_below_their_chords(a, b):
    for g in (Identity(), ReLU(), LeakyReLU(), ELU(), Softplus()):
        assert g((a + b) / 2) <= (g(a) + g(b)) / 2 + 1e-13


# ── Softmax ───────────────────────────────────────────────────────────────────────────────────────


def test_softmax_of_large_logits():
    assert softmax([1000.0, 1001.0, 1002.0]).round(4).tolist() == [0.09, 0.2447, 0.6652]


def test_softmax_symbolic():
    z, t = sp.symbols("z:3"), sp.Symbol("t")
    powers = [sp.exp(zi / t) for zi in z]
    p = sp.Matrix([power / sum(powers) for power in powers])
    at = [0.3, -1.2, 2.0]
    for temperature in (0.5, 1.0, 3.0):
        values = sp.lambdify([*z, t], p, "numpy")(*at, temperature).ravel()
        assert close(softmax(at, temperature), values)
    jacobian = sp.lambdify([*z, t], p.jacobian(z), "numpy")(*at, 1.0)
    assert close(softmax_jacobian(at), jacobian)
    assert close(Softmax().vjp(at, [1.0, -2.0, 0.5]), jacobian.T @ [1.0, -2.0, 0.5])


def test_softmax_jacobian_is_the_measured_one():
    z = np.array([0.3, -1.2, 2.0])
    for i in range(3):
        check_gradient(lambda z, i=i: softmax(z)[i], softmax_jacobian(z)[i], z)


@given(logits, st.floats(-1000, 1000), st.floats(0.1, 10))
def test_softmax_sums_to_one_and_ignores_a_shift(z, shift, temperature):
    p = softmax(z, temperature)
    assert (p >= 0).all() and p.sum() == pytest.approx(1, abs=1e-14)
    # The shifted logits are rounded to a step of 2e-13, which the temperature magnifies.
    assert softmax(z + shift, temperature) == pytest.approx(p, rel=1e-10, abs=0)


@given(logits, st.randoms(use_true_random=False))
def test_softmax_of_permuted_logits_is_the_permuted_softmax(z, random):
    order = random.sample(range(len(z)), len(z))
    assert softmax(z[order]) == pytest.approx(softmax(z)[order], rel=1e-14, abs=0)
    permuted = softmax_jacobian(z)[np.ix_(order, order)]
    assert softmax_jacobian(z[order]) == pytest.approx(permuted, abs=1e-14)


@given(logits, st.floats(0.1, 10))
def test_softmax_with_a_temperature_is_that_of_divided_logits(z, temperature):
    assert softmax(z, temperature) == pytest.approx(softmax(z / temperature), rel=1e-10, abs=0)


def test_softmax_between_the_limits_of_temperature():
    z = np.array([1.0, 3.0, 2.0])
    assert softmax(z, 1e-3).tolist() == [0, 1, 0]
    assert softmax(z, 1e9) == pytest.approx([1 / 3] * 3, abs=1e-8)
    assert softmax([2.0, 2.0, 1.0], 1e-3).tolist() == [0.5, 0.5, 0]


def test_softmax_of_two_logits_is_a_sigmoid():
    assert softmax([1.7, 0.4])[0] == pytest.approx(Sigmoid()(1.3), rel=1e-14)


@given(logits)
def test_softmax_jacobian_is_symmetric_and_its_rows_sum_to_zero(z):
    p, jacobian = softmax(z), softmax_jacobian(z)
    assert jacobian == pytest.approx(np.diag(p) - np.outer(p, p), abs=1e-15)
    assert jacobian.sum(axis=-1) == pytest.approx(0, abs=1e-14)


def test_softmax_of_a_batch_is_that_of_its_rows():
    rng = np.random.default_rng(1)
    z, gradient = rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
    for row, g, p, jacobian, vjp in zip(
        z, gradient, softmax(z), softmax_jacobian(z), Softmax().vjp(z, gradient), strict=True
    ):
        assert (softmax(row) == p).all() and (softmax_jacobian(row) == jacobian).all()
        assert (Softmax()(row) == p).all()
        assert vjp == pytest.approx(jacobian @ g, abs=1e-15)
    assert (softmax(z[None]) == softmax(z)[None]).all()


def test_softmax_has_no_elementwise_derivative():
    assert not hasattr(Softmax(), "derivative")
    assert isinstance(Softmax(), Activation) and Softmax() not in ALL_ACTIVATIONS


# ── Shapes, dtypes, extremes, refusals ────────────────────────────────────────────────────────────


def test_all_activations_holds_one_of_each_elementwise_class():
    classes = [type(g) for g in ALL_ACTIVATIONS]
    assert isinstance(ALL_ACTIVATIONS, tuple) and len(classes) == len(set(classes)) == 11
    assert set(classes) == {type(g) for g in ACTIVATIONS}
    public = [c for c in vars(activations).values() if isinstance(c, type)]
    assert set(classes) | {Softmax, Activation} == {c for c in public if issubclass(c, Activation)}
    assert all(g == type(g)() for g in ALL_ACTIVATIONS)


def test_defaults_are_the_published_ones():
    assert repr(ALL_ACTIVATIONS) == (
        "(Identity(), Step(value_at_zero=0.0), Sigmoid(slope=1.0), Tanh(), ReLU(), "
        "LeakyReLU(slope=0.01), ELU(alpha=1.0), SELU(), Softplus(), Swish(beta=1.0), GELU())"
    )
    assert softmax([0.0, 1.0]).tolist() == softmax([0.0, 1.0], temperature=1.0).tolist()


@every_activation
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 0)])
def test_shape_and_dtype_stay(g, shape):
    for function in (g, g.derivative, lambda z: g.vjp(z, z)):
        for dtype in (np.float32, np.float64):
            result = function(np.ones(shape, dtype))
            assert isinstance(result, np.ndarray if shape else dtype)
            assert result.shape == shape and result.dtype == dtype
        assert function(np.ones(shape, int)).dtype == np.float64


@pytest.mark.parametrize("shape", [(3,), (2, 3), (0, 3)])
def test_softmax_shape_and_dtype_stay(shape):
    for dtype in (np.float32, np.float64):
        z = np.ones(shape, dtype)
        for p in (softmax(z), softmax(z, np.float64(2)), Softmax()(z), Softmax().vjp(z, z)):
            assert p.shape == shape and p.dtype == dtype
        assert softmax_jacobian(z).shape == (*shape, 3) and softmax_jacobian(z).dtype == dtype
    assert softmax(np.ones(shape, int)).dtype == np.float64


@every_activation
def test_float32_is_float64_rounded(g):
    z = np.linspace(-9, 9, 73, dtype=np.float32)
    for function in (g, g.derivative):
        exact = function(z.astype(np.float64))
        assert function(z) == pytest.approx(exact, rel=1e-5, abs=1e-6)


@every_activation_and_softmax
def test_argument_is_not_changed_and_result_is_not_a_view(g):
    z, gradient = np.array([-1.0, 2.0]), np.array([3.0, 4.0])
    functions = [g, lambda z: g.vjp(z, gradient)]
    for function in functions + ([g.derivative] if hasattr(g, "derivative") else []):
        function(z)[...] = 7
        assert z.tolist() == [-1.0, 2.0] and gradient.tolist() == [3.0, 4.0]


def test_softmax_jacobian_does_not_change_its_argument():
    z = np.array([-1.0, 2.0])
    softmax_jacobian(z)
    assert z.tolist() == [-1.0, 2.0]


@every_activation_and_softmax
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extreme_inputs_stay_finite(g, dtype):
    z = np.array([-1e4, -745.2, -88.8, 0.0, 88.8, 745.2, 1e4], dtype)
    with np.errstate(all="raise", under="ignore"):
        assert np.isfinite(g(z)).all() and np.isfinite(g.vjp(z, np.ones_like(z))).all()


def test_extreme_inputs_reach_the_limits():
    z = np.array([-1e4, 1e4])
    limits = [
        (Sigmoid(), [0, 1], [0, 0]),
        (Tanh(), [-1, 1], [0, 0]),
        (ELU(0.4), [-0.4, 1e4], [0, 1]),
        (SELU(), [-SELU.scale * SELU.alpha, SELU.scale * 1e4], [0, SELU.scale]),
        (Softplus(), [0, 1e4], [0, 1]),
        (Swish(), [0, 1e4], [0, 1]),
        (GELU(), [0, 1e4], [0, 1]),
    ]
    for g, values, derivatives in limits:
        assert g(z).tolist() == values and g.derivative(z).tolist() == derivatives
    assert softmax(z).tolist() == [0, 1] and not softmax_jacobian(z).any()


HYPERPARAMETERS = [
    (Sigmoid, "slope"),
    (LeakyReLU, "slope"),
    (ELU, "alpha"),
    (Swish, "beta"),
    (lambda temperature: softmax([1.0], temperature), "temperature"),
]


@pytest.mark.parametrize(("make", "name"), HYPERPARAMETERS)
@pytest.mark.parametrize("value", [0, -1, np.nan, np.inf, "1", None, True, [1.0], 1 + 0j])
def test_refuses_a_hyperparameter(make, name, value):
    with pytest.raises(ValueError, match=f"^{name}: .*wanted one finite number above 0"):
        make(value)


@pytest.mark.parametrize("value", [-0.1, 1.1, np.nan, "1", None, True])
def test_step_refuses_a_value_at_zero(value):
    with pytest.raises(ValueError, match="value_at_zero: .*wanted .* from 0"):
        Step(value)


@pytest.mark.parametrize("cls", [Step, Sigmoid, LeakyReLU, ELU, Swish])
def test_a_numpy_number_as_hyperparameter_keeps_float32(cls):
    g = cls(np.float64(0.5))
    z = np.ones(3, np.float32)
    assert g == cls(0.5) and repr(g) == repr(cls(0.5))
    assert g(z).dtype == g.derivative(z).dtype == np.float32


@every_activation
@pytest.mark.parametrize("z", ["abc", [1j], [[1.0], [1.0, 2.0]], None])
def test_refuses_what_is_no_number(g, z):
    for function in (g, g.derivative, lambda z: g.vjp(z, z)):
        with pytest.raises(ValueError, match="^z: .*wanted"):
            function(z)


@pytest.mark.parametrize("function", [softmax, softmax_jacobian, Softmax()])
@pytest.mark.parametrize("z", ["abc", [1j], [[1.0], [1.0, 2.0]], None, 1.0, [], np.ones((2, 0))])
def test_softmax_refuses_what_has_no_logits(function, z):
    with pytest.raises(ValueError, match="^z: .*wanted"):
        function(z)


def test_softmax_jacobian_refuses_more_than_a_batch():
    with pytest.raises(ValueError, match=r"z: shape \(1, 2, 3\), wanted \(K,\) or \(N, K\)"):
        softmax_jacobian(np.ones((1, 2, 3)))


@every_activation_and_softmax
def test_vjp_refuses_a_gradient(g):
    z = np.ones((2, 3))
    for gradient in (1.0, np.ones(3), np.ones((2, 1)), np.ones((3, 2))):
        with pytest.raises(ValueError, match=r"gradient: shape .*, wanted \(2, 3\), that of z"):
            g.vjp(z, gradient)
    with pytest.raises(ValueError, match="gradient: dtype"):
        g.vjp(z, np.full((2, 3), "a"))
