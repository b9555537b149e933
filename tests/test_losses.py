"""Losses: three proofs of each gradient, known numbers, kinks, means, extremes and refusals."""

import re

import framework
import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from dlutils import Sigmoid, check_gradient
from dlutils.activations import Softmax
from dlutils.losses import (
    ALL_LOSSES,
    AdaptiveRobust,
    BinaryCrossEntropy,
    CategoricalCrossEntropy,
    HalfSquaredError,
    Hinge,
    Huber,
    MeanAbsoluteError,
    MeanSquaredError,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
    SquaredHinge,
)

ALPHAS = [3.0, 2.0, 1.5, 1.0, 0.5, 0.0, -2.0, -7.0, -np.inf]
RESIDUAL = [HalfSquaredError(), MeanSquaredError(), MeanAbsoluteError(), Huber(), Huber(0.3)]
RESIDUAL += [Huber(2.5), *(AdaptiveRobust(alpha, c) for alpha in ALPHAS for c in (0.5, 2.0))]
CLASSES = [CategoricalCrossEntropy(), SoftmaxCrossEntropy()]
MARGIN = [Hinge(), SquaredHinge()]
LOSSES = [*RESIDUAL, BinaryCrossEntropy(), SigmoidCrossEntropy(), *CLASSES, *MARGIN]
every_loss = pytest.mark.parametrize("loss", LOSSES, ids=repr)
class_loss = pytest.mark.parametrize("loss", CLASSES, ids=repr)
margin_loss = pytest.mark.parametrize("loss", MARGIN, ids=repr)
residuals = st.floats(-50, 50)
seeds = st.integers(0, 10_000)


def distributions(rng, shape):
    positive = rng.uniform(0.2, 1, size=shape)
    return positive / positive.sum(axis=-1, keepdims=True)


def output_for(loss, rng, shape):
    if isinstance(loss, BinaryCrossEntropy):
        return rng.uniform(0.1, 0.9, size=shape)
    if isinstance(loss, CategoricalCrossEntropy):
        return distributions(rng, shape)
    return rng.normal(size=shape)


def target_for(loss, rng, shape):
    if loss in CLASSES:
        return distributions(rng, shape)
    if loss in MARGIN:
        return rng.choice([-1.0, 1.0], size=shape)
    return rng.uniform(size=shape)


def example(loss, rng, shape):
    return output_for(loss, rng, shape), target_for(loss, rng, shape)


def both(loss):
    return loss, loss.gradient


# Proof 1: SymPy differentiates the formula.

a, y = sp.symbols("a y", real=True)
r = a - y


def barron(alpha, c):
    x = (r / sp.nsimplify(c)) ** 2
    if alpha == -np.inf:
        return 1 - sp.exp(-x / 2)
    if alpha in (0, 2):
        return {0: sp.log(x / 2 + 1), 2: x / 2}[alpha]
    alpha = sp.nsimplify(alpha)
    b = abs(alpha - 2)
    return b / alpha * ((x / b + 1) ** (alpha / 2) - 1)


def huber(delta):
    delta = sp.nsimplify(delta)
    outside = delta * (abs(r) - delta / 2)
    return sp.Piecewise((r**2 / 2, abs(r) <= delta), (outside, True))


FORMULAS = [(AdaptiveRobust(alpha, c), barron(alpha, c)) for alpha in ALPHAS for c in (0.5, 1, 3)]
FORMULAS += [(Huber(delta), huber(delta)) for delta in (0.3, 1, 2.5)]
FORMULAS += [
    (HalfSquaredError(), r**2 / 2),
    (MeanSquaredError(), r**2),
    (MeanAbsoluteError(), abs(r)),
    (BinaryCrossEntropy(), -(y * sp.log(a) + (1 - y) * sp.log(1 - a))),
    (SigmoidCrossEntropy(), y * sp.log(1 + sp.exp(-a)) + (1 - y) * sp.log(1 + sp.exp(a))),
    (Hinge(), sp.Piecewise((1 - y * a, y * a < 1), (0, True))),
    (SquaredHinge(), sp.Piecewise((1 - y * a, y * a < 1), (0, True)) ** 2),
]


@pytest.mark.parametrize(("loss", "formula"), FORMULAS, ids=lambda value: repr(value)[:40])
def test_value_and_gradient_are_those_of_the_formula(loss, formula):
    outputs = np.linspace(-5.03, 4.98, 40)
    if isinstance(loss, BinaryCrossEntropy):
        outputs = np.linspace(0.01, 0.99, 40)
    for target in [-1.0, 1.0] if loss in MARGIN else [0.0, 0.35, 1.0]:
        value = sp.lambdify((a, y), formula, "numpy")
        slope = sp.lambdify((a, y), sp.diff(formula, a).doit(), "numpy")
        for output in outputs:
            wanted = float(value(output, target)), float(slope(output, target))
            assert loss([output], [target]) == pytest.approx(wanted[0], rel=1e-12, abs=1e-15)
            gradient = loss.gradient([output], [target])[0]
            assert gradient == pytest.approx(wanted[1], rel=1e-12, abs=1e-15)


@class_loss
def test_class_value_and_gradient_are_those_of_the_formula(loss):
    inputs, targets = sp.symbols("a1:4", real=True), sp.symbols("y1:4", real=True)
    ps = inputs
    if isinstance(loss, SoftmaxCrossEntropy):
        ps = [sp.exp(z) / sum(sp.exp(z) for z in inputs) for z in inputs]
    formula = -sum(t * sp.log(p) for t, p in zip(targets, ps, strict=True))
    value = sp.lambdify([*inputs, *targets], formula, "numpy")
    slopes = sp.lambdify([*inputs, *targets], [formula.diff(z) for z in inputs], "numpy")
    rng = np.random.default_rng(0)
    for _ in range(20):
        output, target = example(loss, rng, (3,))
        assert loss(output, target) == pytest.approx(value(*output, *target), rel=1e-12, abs=0)
        wanted = slopes(*output, *target)
        assert loss.gradient(output, target) == pytest.approx(wanted, rel=1e-12, abs=1e-15)


# Proof 2: centered differences.


@every_loss
@pytest.mark.parametrize("shape", [(1,), (3,), (1, 1), (4, 1), (4, 3)])
def test_gradient_is_the_measured_one(loss, shape):
    output, target = example(loss, np.random.default_rng(5), shape)
    if isinstance(loss, CategoricalCrossEntropy):
        output = output * 0.99995  # so that no step of the measurement leaves [0, 1]
    check_gradient(lambda a: loss(a, target), loss.gradient(output, target), output)


def test_kinks_have_gradient_zero():
    gradient = MeanAbsoluteError().gradient([1.0, 2.0, 3.0, 4.0], [1.0, 2.5, 2.5, 4.0])
    assert gradient.tolist() == [0, -0.25, 0.25, 0]
    above, below = np.nextafter(1, 2), np.nextafter(1, 0)
    gradient = Hinge().gradient([below, 1.0, above, -below, -1.0, -above], [1, 1, 1, -1, -1, -1])
    assert (6 * gradient).tolist() == [-1, 0, 0, 1, 0, 0]
    assert SquaredHinge().gradient([1.0, -1.0], [1, -1]).tolist() == [0, 0]


@pytest.mark.parametrize("delta", [0.3, 1.0, 2.5])
@pytest.mark.parametrize("sign", [-1, 1])
def test_huber_pieces_meet_with_equal_value_and_slope(delta, sign):
    loss, edge = Huber(delta), [sign * delta]
    assert loss(edge, [0.0]) == pytest.approx(delta**2 / 2, rel=1e-14, abs=0)
    assert loss.gradient(edge, [0.0])[0] == sign * delta
    for near in (delta - 1e-9, delta + 1e-9):
        assert loss([sign * near], [0.0]) == pytest.approx(delta**2 / 2, abs=3e-9)
        assert loss.gradient([sign * near], [0.0])[0] == pytest.approx(sign * delta, abs=2e-9)


# Proof 3: PyTorch.

FRAMEWORK = {
    HalfSquaredError(): ("HalfSquaredError", "output", "target"),
    MeanSquaredError(): ("MeanSquaredError", "output", "target"),
    MeanAbsoluteError(): ("MeanAbsoluteError", "output", "target"),
    BinaryCrossEntropy(): ("BinaryCrossEntropy", "chances", "soft"),
    SigmoidCrossEntropy(): ("SigmoidCrossEntropy", "logits", "soft"),
    Hinge(): ("Hinge", "output", "sides"),
    SquaredHinge(): ("SquaredHinge", "output", "sides"),
}
FRAMEWORK |= {Huber(delta): (f"Huber {delta}", "output", "target") for delta in (0.5, 1.0, 2.0)}
FRAMEWORK |= {
    AdaptiveRobust(alpha, c): (f"AdaptiveRobust {alpha} {c}", "output", "target")
    for alpha in ALPHAS
    for c in (0.5, 1.0, 3.0)
}
CASES = [(loss, *names) for loss, names in FRAMEWORK.items()]
CASES += [
    (SigmoidCrossEntropy(), "SigmoidCrossEntropy extreme", "extreme", "soft"),
    (CategoricalCrossEntropy(), "CategoricalCrossEntropy rows", "probabilities", "rows"),
    (CategoricalCrossEntropy(), "CategoricalCrossEntropy labels", "probabilities", "labels"),
    (SoftmaxCrossEntropy(), "SoftmaxCrossEntropy rows", "logits", "rows"),
    (SoftmaxCrossEntropy(), "SoftmaxCrossEntropy labels", "logits", "labels"),
    (SoftmaxCrossEntropy(), "SoftmaxCrossEntropy extreme", "extreme", "labels"),
]


@pytest.mark.parametrize("source", framework.SOURCES)
@pytest.mark.parametrize(("loss", "name", "output", "target"), CASES)
def test_value_and_gradient_are_those_of_pytorch(loss, name, output, target, source):
    torch = framework.references("torch_losses", source)
    output, target = torch[output], torch[target]
    assert loss(output, target) == pytest.approx(torch[f"{name} value"].item(), rel=1e-12, abs=0)
    wanted = torch[f"{name} gradient"]
    assert loss.gradient(output, target) == pytest.approx(wanted, rel=1e-12, abs=1e-14)


# What holds for every loss.


def test_all_losses_holds_one_of_each():
    assert [type(loss) for loss in ALL_LOSSES] == [
        HalfSquaredError,
        MeanSquaredError,
        MeanAbsoluteError,
        Huber,
        AdaptiveRobust,
        BinaryCrossEntropy,
        SigmoidCrossEntropy,
        CategoricalCrossEntropy,
        SoftmaxCrossEntropy,
        Hinge,
        SquaredHinge,
    ]
    assert ALL_LOSSES[3:5] == (Huber(1.0), AdaptiveRobust(0, 1))


@every_loss
def test_one_example_equals_a_batch_of_one(loss):
    output, target = example(loss, np.random.default_rng(1), (3,))
    assert loss(output, target) == loss(output[None], target[None])
    one, batch = loss.gradient(output, target), loss.gradient(output[None], target[None])
    assert one.shape == (3,) and (one == batch[0]).all()


@every_loss
def test_batch_is_the_mean_of_its_examples_in_any_order(loss):
    output, target = example(loss, np.random.default_rng(2), (5, 3))
    alone = [loss(a, y) for a, y in zip(output, target, strict=True)]
    assert loss(output, target) == pytest.approx(np.mean(alone), rel=1e-14, abs=0)
    assert loss(output[::-1], target[::-1]) == pytest.approx(np.mean(alone), rel=1e-14, abs=0)
    slopes = [loss.gradient(a, y) / 5 for a, y in zip(output, target, strict=True)]
    assert loss.gradient(output, target) == pytest.approx(np.array(slopes), rel=1e-14, abs=0)


@every_loss
@pytest.mark.parametrize("other", [np.float32, np.float64])
def test_float32_stays_and_nothing_is_changed(loss, other):
    for dtype, digits in [(np.float32, 1e-5), (np.float64, 1e-6)]:
        output, target = example(loss, np.random.default_rng(3), (4, 2))
        wanted = loss(output, target), loss.gradient(output, target)
        output, target = output.astype(dtype), target.astype(other)
        before = output.copy(), target.copy()
        value, gradient = loss(output, target), loss.gradient(output, target)
        assert isinstance(value, float) and value == pytest.approx(wanted[0], rel=digits)
        assert gradient.dtype == dtype and gradient == pytest.approx(wanted[1], rel=digits)
        gradient[...] = 7
        assert (output == before[0]).all() and (target == before[1]).all()


@pytest.mark.parametrize(
    "loss", [*RESIDUAL, SigmoidCrossEntropy(), SoftmaxCrossEntropy(), *MARGIN], ids=repr
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extreme_outputs_stay_finite(loss, dtype):
    output = np.array([[-1e4, 1e4], [1e4, -1e4], [1e4, 1e4], [0, 0], [1e-30, -88]], dtype)
    targets = {True: [1, 0, 1, 1, 0], False: [[-1, 1]] * 5}
    target = np.array(targets[loss in CLASSES])
    if isinstance(loss, SigmoidCrossEntropy):
        target = (target + 1) / 2
    with np.errstate(all="raise", under="ignore"):
        assert np.isfinite(loss(output, target))
        assert np.isfinite(loss.gradient(output, target)).all()


@every_loss
def test_no_zero_carries_a_sign(loss):
    right = {True: np.eye(2), False: np.ones((2, 2))}[loss in CLASSES]
    output = {True: 1000 * right, False: right}[isinstance(loss, SoftmaxCrossEntropy)]
    assert not np.signbit([loss(output, right), loss(output[0], right[0])]).any()
    gradient = loss.gradient(output, right)
    assert not np.signbit(gradient[gradient == 0]).any()


CONVEX = [*RESIDUAL[:6], AdaptiveRobust(1, 0.5), AdaptiveRobust(1.5, 2), BinaryCrossEntropy()]
CONVEX += [SigmoidCrossEntropy(), *CLASSES, *MARGIN]


@pytest.mark.parametrize("loss", CONVEX, ids=repr)
@given(seeds, st.floats(0, 1))
def test_convex_losses_lie_below_their_chords_and_above_their_tangents(loss, seed, t):
    rng = np.random.default_rng(seed)
    (p, target), q = example(loss, rng, (2, 3)), output_for(loss, rng, (2, 3))
    chord = (1 - t) * loss(p, target) + t * loss(q, target)
    assert loss((1 - t) * p + t * q, target) <= chord + 1e-12
    tangent = loss(p, target) + (loss.gradient(p, target) * (q - p)).sum()
    assert loss(q, target) >= tangent - 1e-12


@pytest.mark.parametrize("loss", RESIDUAL, ids=repr)
@given(residuals)
def test_residual_losses_are_even_zero_at_zero_and_grow(loss, r):
    assert loss([r], [0.0]) == loss([-r], [0.0]) == loss([0.0], [r]) >= 0
    assert loss.gradient([r], [0.0]) == -loss.gradient([-r], [0.0])
    assert loss.gradient([r], [0.0])[0] * r >= 0
    assert loss([r], [r]) == 0 == loss.gradient([r], [r])[0]


# Squared errors.


def test_half_squared_error_sums_outputs_and_averages_examples():
    assert HalfSquaredError()([[1.0, 2.0], [3.0, 4.0]], [[0, 0], [0, 0]]) == 30 / (2 * 2)
    assert HalfSquaredError()([1.0, 2.0], [0, 0]) == 5 / 2
    assert HalfSquaredError().gradient([[3.0], [5.0]], [[1], [1]]).tolist() == [[1.0], [2.0]]


@pytest.mark.parametrize("outputs", [1, 3])
def test_mean_squared_error_is_2_over_k_times_the_half_one(outputs):
    for shape in [(outputs,), (5, outputs)]:
        output, target = example(MeanSquaredError(), np.random.default_rng(4), shape)
        for mean, half in zip(both(MeanSquaredError()), both(HalfSquaredError()), strict=True):
            wanted = 2 / outputs * half(output, target)
            assert mean(output, target) == pytest.approx(wanted, rel=1e-14, abs=0)


def test_means_run_over_every_entry():
    output, target = [[1.0, -2.0], [0.0, 4.0]], np.zeros((2, 2))
    assert MeanSquaredError()(output, target) == 21 / 4
    assert MeanAbsoluteError()(output, target) == 7 / 4
    assert Huber()(output, target) == (0.5 + 1.5 + 0 + 3.5) / 4
    assert AdaptiveRobust(2, 2)(output, target) == 21 / 8 / 4
    assert Hinge()(output, [[1, 1], [1, -1]]) == (0 + 3 + 1 + 5) / 4
    assert SquaredHinge()(output, [[1, 1], [1, -1]]) == (0 + 9 + 1 + 25) / 4


# The robust loss.


def general(alpha, c, r):
    """Return Barron's general formula and its slope, to fifty digits or more."""
    with mpmath.workdps(100):
        alpha, x, b = mpmath.mpf(alpha), (mpmath.mpf(r) / c) ** 2, abs(mpmath.mpf(alpha) - 2)
        value = b / alpha * ((x / b + 1) ** (alpha / 2) - 1)
        return float(value), float(r / mpmath.mpf(c) ** 2 * (x / b + 1) ** (alpha / 2 - 1))


NEAR = [base + sign * e for base in (0, 2) for sign in (-1, 1) for e in (1e-3, 1e-6, 1e-9, 1e-15)]


@pytest.mark.parametrize("alpha", [*NEAR, 1e-30, -1e-30, -1e3, -1e6])
def test_adaptive_robust_keeps_its_digits_near_its_limits(alpha):
    for c in (0.5, 3.0):
        for r in (1e-8, 0.01, 0.7, -5.0, 1e4):
            value, slope = general(alpha, c, r)
            loss = AdaptiveRobust(alpha, c)
            assert loss([r], [0.0]) == pytest.approx(value, rel=3e-13, abs=1e-300)
            assert loss.gradient([r], [0.0])[0] == pytest.approx(slope, rel=1e-12, abs=1e-300)


@pytest.mark.parametrize("limit", [2, 0, -np.inf])
@pytest.mark.parametrize(("step", "distance"), [(1e-6, 5e-5), (1e-9, 5e-8), (1e-15, 1e-13)])
@pytest.mark.parametrize("sign", [-1, 1])
def test_adaptive_robust_is_continuous_in_alpha(limit, step, distance, sign):
    near = -1 / step if limit == -np.inf else limit + sign * step
    r = np.linspace(-5, 5, 81)
    zero = np.zeros_like(r)
    for at, beside in zip(
        both(AdaptiveRobust(limit, 1.5)), both(AdaptiveRobust(near, 1.5)), strict=True
    ):
        assert beside(r, zero) == pytest.approx(at(r, zero), rel=distance, abs=0)


@pytest.mark.parametrize(
    ("alpha", "member"),
    [
        pytest.param(2, lambda x: x / 2, id="L2"),
        pytest.param(1, lambda x: np.sqrt(x + 1) - 1, id="Charbonnier"),
        pytest.param(0, lambda x: np.log(x / 2 + 1), id="Cauchy"),
        pytest.param(-2, lambda x: 2 * x / (x + 4), id="Geman-McClure"),
        pytest.param(-np.inf, lambda x: 1 - np.exp(-x / 2), id="Welsch"),
    ],
)
@given(residuals, st.floats(0.1, 10))
def test_adaptive_robust_has_members_of_known_names(alpha, member, r, c):
    loss = AdaptiveRobust(alpha, c)
    assert loss([r], [0.0]) == pytest.approx(member((r / c) ** 2), rel=1e-12, abs=1e-15)


def test_adaptive_robust_counts_outliers_less_the_smaller_alpha_is():
    for functions in zip(*(both(AdaptiveRobust(alpha, 1)) for alpha in ALPHAS), strict=True):
        costs = [function([3.0], [0.0]) for function in functions]
        assert costs == sorted(costs, reverse=True)
    small = [AdaptiveRobust(alpha, 2.0)([1e-7], [0.0]) for alpha in ALPHAS]
    assert small == pytest.approx([(1e-7 / 2) ** 2 / 2] * len(ALPHAS), rel=1e-13, abs=0)


@pytest.mark.parametrize("alpha", [np.inf, np.nan, "1", None, True, [1.0], 1j])
def test_adaptive_robust_refuses_an_alpha(alpha):
    with pytest.raises(ValueError, match="alpha: .*wanted one number below infinity, or −inf"):
        AdaptiveRobust(alpha, 1.0)


@pytest.mark.parametrize("scale", [0, -1, np.nan, np.inf, "1", None, True, [1.0], 1j])
def test_refuses_a_scale(scale):
    with pytest.raises(ValueError, match="delta: .*wanted one finite number above 0"):
        Huber(scale)
    with pytest.raises(ValueError, match="c: .*wanted one finite number above 0"):
        AdaptiveRobust(1.0, scale)


def test_a_numpy_number_as_parameter_keeps_float32():
    two, output = np.float64(2), np.ones(3, np.float32)
    for loss in (Huber(two), *(AdaptiveRobust(np.float64(alpha), two) for alpha in ALPHAS)):
        assert loss.gradient(output, 0 * output).dtype == np.float32, loss
        assert all(type(value) is float for value in vars(loss).values())


@pytest.mark.parametrize("c", [1e-150, 1e200])
def test_adaptive_robust_takes_any_scale(c):
    loss = AdaptiveRobust(-2, c)
    with np.errstate(all="raise", under="ignore"):
        assert loss([c, 2 * c], [0.0, 0.0]) == pytest.approx((0.4 + 1) / 2)
        gradient = loss.gradient([c, 2 * c], [0.0, 0.0]) * c
    assert gradient == pytest.approx([0.32, 0.25])


# Binary cross-entropy.


def test_binary_cross_entropy_known_number():
    output, target = np.array([0.9, 0.1, 0.2]), [1, 0, 1]
    assert BinaryCrossEntropy()(output, target) == pytest.approx(0.60671965, abs=5e-9)
    logits = np.log(output / (1 - output))
    assert SigmoidCrossEntropy()(logits, target) == pytest.approx(0.60671965, abs=5e-9)


def test_a_certain_answer_costs_nothing_or_infinity():
    loss = BinaryCrossEntropy()
    for p, y, value, slope in [
        (1, 1, 0, -1),
        (0, 0, 0, 1),
        (0, 1, np.inf, -np.inf),
        (1, 0, np.inf, np.inf),
        (0, 0.5, np.inf, -np.inf),
        (1, 0.5, np.inf, np.inf),
    ]:
        with np.errstate(all="raise"):
            assert loss([float(p)], [y]) == value
            assert loss.gradient([float(p)], [y]).tolist() == [slope]
            assert loss.gradient([0.5, float(p)], [y, y])[1] == slope / 2


def test_what_was_in_memory_does_not_count():
    p = np.array([0.0, 1.0, 0.0])
    for loss in (BinaryCrossEntropy(), CategoricalCrossEntropy()):
        for function in both(loss):
            [np.full(3, np.nan) for _ in range(9)]  # NumPy soon uses their memory again
            assert np.isfinite(function(p, p)).all()


def test_a_chance_too_small_to_be_divided_by_is_as_good_as_zero():
    with np.errstate(all="raise", under="ignore"):
        assert BinaryCrossEntropy().gradient([5e-324], [1]).tolist() == [-np.inf]
        assert BinaryCrossEntropy()([5e-324], [1]) == pytest.approx(1074 * np.log(2))
        assert BinaryCrossEntropy()([1e-300], [0]) == 1e-300


def test_float32_cannot_tell_a_clipped_chance_from_certainty():
    clipped = 1 - 1e-15
    assert BinaryCrossEntropy()([clipped], [0]) == pytest.approx(-np.log(1e-15), rel=1e-2)
    assert BinaryCrossEntropy()(np.array([clipped], np.float32), [0]) == np.inf


@given(st.floats(-10, 10), st.floats(0, 1))
def test_cross_entropy_on_logits_is_that_of_their_probabilities(z, y):
    p, slope = Sigmoid()(z), Sigmoid().derivative(z)
    on_logits, on_chances = SigmoidCrossEntropy(), BinaryCrossEntropy()
    assert on_logits([z], [y]) == pytest.approx(on_chances([p], [y]), rel=1e-10, abs=0)
    gradient = on_logits.gradient([z], [y])[0]
    assert gradient == pytest.approx(p - y, abs=1e-15)
    assert gradient == pytest.approx(on_chances.gradient([p], [y])[0] * slope, abs=1e-11)


@given(st.floats(-700, 700), st.floats(0, 1))
def test_cross_entropy_is_its_formula_without_cancellation(z, y):
    # −ln σ(z) = ln(1 + e^(−z)), which NumPy's logaddexp computes at full precision.
    formula = y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z)
    assert SigmoidCrossEntropy()([z], [y]) == pytest.approx(formula, rel=1e-13, abs=0)


@given(st.floats(-30, 30), st.sampled_from([0, 0.25, 0.5, 1]))
def test_cross_entropy_is_symmetric_in_yes_and_no(z, y):
    loss = SigmoidCrossEntropy()
    assert loss([z], [y]) == pytest.approx(loss([-z], [1 - y]), rel=1e-14, abs=0)
    assert loss.gradient([z], [y]) == pytest.approx(-loss.gradient([-z], [1 - y]), abs=1e-15)


def test_cross_entropy_keeps_its_digits_near_a_certain_answer():
    z, y = 17.0, 1 - 2**-53
    formula = y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z)
    assert SigmoidCrossEntropy()([z], [y]) == pytest.approx(formula, rel=1e-13, abs=0)


def test_cross_entropy_averages_over_every_entry():
    p, y = np.array([[0.9, 0.1], [0.2, 0.2]]), np.array([[1, 0], [1, 1]])
    wanted = -np.log([0.9, 0.9, 0.2, 0.2]).mean()
    assert BinaryCrossEntropy()(p, y) == pytest.approx(wanted)
    assert SigmoidCrossEntropy()(np.log(p / (1 - p)), y) == pytest.approx(wanted)


def test_cross_entropy_of_a_confident_answer_stays_finite():
    z = np.array([-1e4, 1e4])
    assert SigmoidCrossEntropy()(z, [0, 1]) == 0
    assert SigmoidCrossEntropy()(z, [1, 0]) == 1e4
    assert SigmoidCrossEntropy().gradient(z, [1, 0]).tolist() == [-0.5, 0.5]


def test_confidently_wrong_cross_entropy_pulls_and_squared_error_does_not():
    z, y = np.array([-6.0]), [1]
    assert SigmoidCrossEntropy().gradient(z, y)[0] == pytest.approx(-0.9975, abs=5e-5)
    squared = HalfSquaredError().gradient(Sigmoid()(z), y) * Sigmoid().derivative(z)
    assert squared[0] == pytest.approx(-0.0025, abs=5e-5)


# Cross-entropy of classes.


def test_categorical_cross_entropy_known_number():
    output = np.array([0.3, 0.4, 0.3])
    for target in (1, [0, 1, 0]):
        assert CategoricalCrossEntropy()(output, target) == pytest.approx(0.91629073, abs=5e-9)
        assert SoftmaxCrossEntropy()(np.log(output), target) == pytest.approx(0.91629073, abs=5e-9)
        assert CategoricalCrossEntropy().gradient(output, target).tolist() == [0, -2.5, 0]


@class_loss
@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.uint8])
def test_labels_are_one_hot_rows(loss, dtype):
    output, labels = output_for(loss, np.random.default_rng(6), (4, 3)), np.array([2, 0, 1, 2])
    rows = np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    for function in both(loss):
        for alike in (labels.astype(dtype), labels.tolist(), rows.astype(float)):
            assert np.array_equal(function(output, alike), function(output, rows))
        assert np.array_equal(function(output[0], dtype(2)), function(output[0], rows[0]))
    assert loss.gradient(output.astype(np.float32), labels.astype(dtype)).dtype == np.float32


@class_loss
@given(seeds)
def test_classes_may_be_renumbered(loss, seed):
    rng = np.random.default_rng(seed)
    output, target = example(loss, rng, (3, 5))
    order = rng.permutation(5)
    assert loss(output[:, order], target[:, order]) == pytest.approx(loss(output, target))
    gradient = loss.gradient(output, target)[:, order]
    assert loss.gradient(output[:, order], target[:, order]) == pytest.approx(gradient)


@given(seeds, st.floats(-100, 100))
def test_softmax_cross_entropy_does_not_see_a_shift_of_all_logits(seed, shift):
    rng, loss = np.random.default_rng(seed), SoftmaxCrossEntropy()
    z, rows = example(loss, rng, (3, 4))
    shifted = z + shift * rng.normal(size=(3, 1))
    assert loss(shifted, rows) == pytest.approx(loss(z, rows), rel=1e-11)
    assert loss.gradient(shifted, rows) == pytest.approx(loss.gradient(z, rows), abs=1e-12)
    assert loss.gradient(z, rows).sum(axis=1) == pytest.approx(np.zeros(3), abs=1e-15)


@given(st.floats(-700, 700), st.integers(0, 1))
def test_softmax_of_two_classes_is_a_sigmoid_without_cancellation(z, y):
    two, one = SoftmaxCrossEntropy(), SigmoidCrossEntropy()
    assert two([0.0, z], y) == pytest.approx(one([z], [y]), rel=1e-13, abs=0)
    assert two.gradient([0.0, z], y)[1] == pytest.approx(one.gradient([z], [y])[0], abs=1e-15)


def test_softmax_cross_entropy_of_equal_logits_is_ln_k():
    for k in (1, 2, 10):
        assert SoftmaxCrossEntropy()(np.full(k, 7.0), 0) == pytest.approx(np.log(k), rel=1e-15)


def test_softmax_gradient_is_the_probabilities_minus_the_target_over_n():
    z = np.log([[0.5, 0.25, 0.25], [0.125, 0.125, 0.75]])
    wanted = [[0.25, -0.375, 0.125], [0.0625, 0.0625, -0.125]]
    assert SoftmaxCrossEntropy().gradient(z, [1, 2]) == pytest.approx(np.array(wanted), abs=1e-15)


@given(seeds)
def test_softmax_turns_one_cross_entropy_into_the_other(seed):
    z, rows = example(SoftmaxCrossEntropy(), np.random.default_rng(seed), (3, 4))
    on_chances, on_logits, p = CategoricalCrossEntropy(), SoftmaxCrossEntropy(), Softmax()(z)
    assert on_chances(p, rows) == pytest.approx(on_logits(z, rows), rel=1e-12)
    gradient = Softmax().vjp(z, on_chances.gradient(p, rows))
    assert gradient == pytest.approx(on_logits.gradient(z, rows), abs=1e-14)


def test_a_true_class_of_chance_zero_costs_infinity():
    loss = CategoricalCrossEntropy()
    with np.errstate(all="raise"):
        assert loss([0.0, 1.0], 0) == np.inf and loss([0.0, 1.0], 1) == 0
        assert loss.gradient([0.0, 1.0], 0).tolist() == [-np.inf, 0]
        assert loss.gradient([0.0, 1.0], 1).tolist() == [0, -1]
        assert loss.gradient([[0.0, 1.0]] * 2, [1, 0]).tolist() == [[0, -0.5], [-np.inf, 0]]


@class_loss
@pytest.mark.parametrize(
    ("target", "message"),
    [
        ([0, -1], "target: labels from -1 to 0, wanted 0 to 2"),
        ([0, 3], "target: labels from 0 to 3, wanted 0 to 2"),
        ([0.0, 1.0], "target: labels of dtype float64, wanted integers"),
        ([True, False], "target: labels of dtype bool, wanted integers"),
        ([0, 1, 2], r"\(3,\), wanted \(2, 3\), that of output, or integer labels of shape \(2,\)"),
        ([[0], [1]], r"target: shape \(2, 1\), wanted \(2, 3\), that of output"),
        (1, r"target: shape \(\), wanted \(2, 3\)"),
        ([[1, 0, 0], [0, 0, 0]], "target: rows that sum to 0 to 1, wanted"),
        ([[1, 0, 0], [1, 0, 1]], "target: rows that sum to 1 to 2, wanted"),
        ([[1, 0, 0], [0.5, 0.5, 2e-4]], "target: rows that sum to 1 to 1.0002, wanted"),
        ([[1, 0, 0], [-0.5, 0.5, 1]], "target: values from -0.5 to 1, wanted probabilities"),
        ([[1, 0, 0], [2, -0.5, -0.5]], "target: values from -0.5 to 2, wanted probabilities"),
    ],
)
def test_class_losses_refuse_a_target(loss, target, message):
    for function in both(loss):
        with pytest.raises(ValueError, match=message):
            function(np.full((2, 3), 1 / 3), target)


@class_loss
def test_one_example_takes_one_label(loss):
    for function in both(loss):
        for label in (-1, 2):
            with pytest.raises(ValueError, match=f"target: labels from {label}.* wanted 0 to 1"):
                function([0.5, 0.5], label)
        message = (
            r"target: shape \(1,\), wanted \(2,\), that of output, or integer labels of shape \(\)$"
        )
        with pytest.raises(ValueError, match=message):
            function([0.5, 0.5], [1])


def test_rows_of_probabilities_may_be_rounded_to_float32():
    rng = np.random.default_rng(7)
    rows = rng.dirichlet(np.ones(1000), size=5).astype(np.float32)
    assert CategoricalCrossEntropy().gradient(rows, rows).dtype == np.float32
    assert CategoricalCrossEntropy()([0.50005, 0.5], 0) > 0


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ([-0.1, 1.1], "output: values from -0.1 to 1.1, wanted probabilities from 0 to 1"),
        ([0.0, 1.5], "output: values from 0 to 1.5, wanted probabilities from 0 to 1"),
        ([-0.1, 0.5], "output: values from -0.1 to 0.5, wanted probabilities from 0 to 1"),
        ([0.5, np.nan], "output: values from nan to nan, wanted probabilities from 0 to 1"),
    ],
)
def test_cross_entropy_refuses_outputs_that_are_no_probabilities(output, message):
    for loss in (BinaryCrossEntropy(), CategoricalCrossEntropy()):
        for function in both(loss):
            with pytest.raises(ValueError, match=message):
                function(output, [0, 1])


@pytest.mark.parametrize(
    "output", [[0.5, 0.4], [0.5, 0.6], [0.5, 0.4998], [[0.5, 0.5], [0.5, 0.5002]]]
)
def test_categorical_cross_entropy_refuses_rows_that_do_not_sum_to_one(output):
    for function in both(CategoricalCrossEntropy()):
        with pytest.raises(ValueError, match="output: rows that sum to .*, wanted probabilities"):
            function(output, np.zeros(np.shape(output)[:-1], int))


@pytest.mark.parametrize("loss", [BinaryCrossEntropy(), SigmoidCrossEntropy()], ids=repr)
@pytest.mark.parametrize("target", [[-0.1], [1.5]])
def test_cross_entropy_refuses_targets_that_are_no_probabilities(loss, target):
    for function in both(loss):
        with pytest.raises(ValueError, match="target: .*wanted probabilities"):
            function([0.5], target)


# Hinges.


@margin_loss
@given(residuals, st.sampled_from([-1, 1]))
def test_hinges_see_only_the_margin(loss, a, y):
    assert loss([a], [y]) == loss([-a], [-y]) == loss([a * y], [1]) >= 0
    assert loss.gradient([a], [y]) == -loss.gradient([-a], [-y])
    if a * y >= 1:
        assert loss([a], [y]) == 0 == loss.gradient([a], [y])[0]


def test_squared_hinge_is_the_square_of_the_hinge():
    for score in (-2.0, 0.0, 0.5, 1.0, 3.0):
        assert SquaredHinge()([score], [-1]) == Hinge()([score], [-1]) ** 2


@margin_loss
@pytest.mark.parametrize(("label", "seen"), [(0, "0"), (0.5, "0.5"), (2, "2"), (-1.5, "-1.5")])
def test_hinges_refuse_other_labels(loss, label, seen):
    for function in both(loss):
        with pytest.raises(ValueError, match=f"target: {seen} among the labels, wanted −1 or"):
            function([1.0, 1.0, 1.0], [1, label, -1])


# Bad input of any loss.


@every_loss
@pytest.mark.parametrize(
    ("output", "target", "message"),
    [
        (np.ones((4, 1)), np.ones(4), r"target: "),
        (np.ones((4, 1)), np.ones(3), r"target: shape \(3,\), wanted \(4, 1\), that of output"),
        (np.ones(4), np.ones((4, 1)), r"target: shape \(4, 1\), wanted \(4,\), that of output"),
        (np.ones((4, 1)), np.ones((1, 1)), r"target: shape \(1, 1\), wanted \(4, 1\)"),
        (np.ones((2, 1)), [[1], [np.nan]], r"target: nan at index \(1, 0\)"),
        (np.ones((2, 1)), [[1], [np.inf]], r"target: inf at index \(1, 0\)"),
        (np.ones((0, 3)), np.ones((0, 3)), r"output: shape \(0, 3\), wanted"),
        (np.ones((0, 3)), np.ones(0, int), r"output: shape \(0, 3\), wanted"),
        (np.ones(0), np.ones(0), r"output: shape \(0,\), wanted"),
        (np.ones((2, 0)), np.ones((2, 0)), r"output: shape \(2, 0\), wanted"),
        (1.0, 1.0, r"output: shape \(\), wanted .* or \(N, K\) for a batch, N and K at least 1$"),
        (np.ones((1, 1, 1)), np.ones((1, 1, 1)), r"output: shape \(1, 1, 1\), wanted"),
        (["a"], [1.0], "output: dtype"),
        ([1.0], [1j], "target: dtype"),
        ([[1.0], [1.0, 2.0]], [1.0], "output: rows of unequal length"),
        ([1.0], [[1.0], [1.0, 2.0]], "target: rows of unequal length"),
        ([1.0], None, "target: dtype object"),
    ],
)
def test_refuses_bad_input(loss, output, target, message):
    for function in both(loss):
        with pytest.raises(ValueError, match=message):
            function(output, target)


@pytest.mark.parametrize(("alpha", "wanted"), [(-2, 2.0), (0, np.inf), (1, np.inf), (-np.inf, 1.0)])
def test_robust_losses_of_an_infinite_residual_are_their_limits(alpha, wanted):
    assert AdaptiveRobust(alpha, 1)([np.inf], [0.0]) == wanted
    with np.errstate(over="ignore"):
        far = AdaptiveRobust(alpha, 1)(np.array([1e30], np.float32), [0.0])
    assert far == wanted or (wanted == np.inf and far > 50)


def test_a_row_where_a_column_is_needed_is_told_how_to_become_one():
    told = "target: shape (3,), wanted (3, 1), that of output; y[:, None] makes a column of y"
    with pytest.raises(ValueError, match=f"^{re.escape(told)}$"):
        SigmoidCrossEntropy()(np.zeros((3, 1)), [0, 1, 1])
