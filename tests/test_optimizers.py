"""Optimizers: PyTorch's trajectories, each published convention by name, properties, refusals."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest
import sympy
from framework import SOURCES, references
from hypothesis import given
from hypothesis import strategies as st

from dlutils.optimizers import (
    ALL_OPTIMIZERS,
    Adadelta,
    Adagrad,
    Adam,
    AdamState,
    AdamW,
    GradientDescent,
    Momentum,
    MomentumState,
    Nesterov,
    RMSprop,
)
from dlutils.schedules import CosineDecay, ExponentialDecay, StepDecay, Warmup

# Each name is that of a setting in fixtures/torch_optimizers.py.
SETTINGS = {
    "descent": GradientDescent(0.01),
    "descent, steps": GradientDescent(StepDecay(0.015, 0.5, 7)),
    "momentum": Momentum(0.01),
    "momentum, beta": Momentum(0.005, 0.5),
    "momentum, dampening": Momentum(0.01, 0.9, 0.3),
    "momentum, all dampening": Momentum(0.01, beta=0.8, dampening=1),
    "momentum, cosine": Momentum(CosineDecay(0.01, 60)),
    "nesterov": Nesterov(0.01),
    "nesterov, beta": Nesterov(0.005, 0.6),
    "nesterov, exponential": Nesterov(ExponentialDecay(0.01, 0.95)),
    "adagrad": Adagrad(0.1),
    "adagrad, epsilon": Adagrad(0.5, 0.1),
    "rmsprop": RMSprop(0.01),
    "rmsprop, decay and epsilon": RMSprop(0.02, 0.99, 0.1),
    "adadelta": Adadelta(),
    "adadelta, all": Adadelta(0.5, 0.8, 0.1),
    "adam": Adam(),
    "adam, all": Adam(0.1, 0.8, 0.95, 0.1),
    "adam, exponential": Adam(ExponentialDecay(0.1, 0.95)),
    "adamw": AdamW(),
    "adamw, all": AdamW(0.1, 0.8, 0.95, 0.1, weight_decay=0.3),
    "adamw, steps": AdamW(StepDecay(0.1, 0.5, 7), weight_decay=0.2),
}
every_setting = pytest.mark.parametrize("name", SETTINGS)
every_source = pytest.mark.parametrize("source", SOURCES)
every_optimizer = pytest.mark.parametrize("optimizer", ALL_OPTIMIZERS, ids=repr)


def trajectory(optimizer, theta, gradient, steps=60):
    """Return theta after each step; gradient(step, theta) is that of one step."""
    theta = np.asarray(theta, dtype=float)
    path, state = [], optimizer.init(theta)
    for t in range(steps):
        step, state = optimizer.update(gradient(t, theta), state, theta)
        theta = theta + step
        path.append(theta)
    return np.array(path)


def steps_for(optimizer, gradients):
    """Return the steps from 0 for given gradients."""
    path = trajectory(optimizer, np.zeros(np.shape(gradients)[1:]), lambda t, _: gradients[t], 60)
    return np.diff(path, axis=0, prepend=np.zeros_like(path[:1]))


def first_step(optimizer, gradient, theta=0.0):
    return optimizer.update(gradient, optimizer.init(theta), theta)[0]


# PyTorch


@every_source
@every_setting
def test_sixty_given_gradients_lead_where_pytorch_goes(name, source):
    arrays = references("torch_optimizers", source)
    gradients, theirs = arrays["gradients"], arrays[f"given: {name}"]
    ours = trajectory(SETTINGS[name], arrays["start"], lambda t, _: gradients[t])
    assert theirs.shape == ours.shape == (60, 2, 3)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-13)


@every_source
@every_setting
def test_sixty_steps_down_a_ravine_are_those_of_pytorch(name, source):
    arrays = references("torch_optimizers", source)
    ravine, theirs = arrays["ravine"], arrays[f"ravine: {name}"]
    ours = trajectory(SETTINGS[name], arrays["ravine_start"], lambda _, theta: ravine @ theta)
    assert theirs.shape == ours.shape == (60, 2)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)


def test_defaults_are_those_that_the_book_names():
    for optimizer in ALL_OPTIMIZERS:
        defaults = {"beta": 0.9, "dampening": 0, "decay": 0.9, "beta1": 0.9, "beta2": 0.999}
        defaults |= {"bias_correction": True, "weight_decay": 0.01}
        defaults |= {"epsilon": {Adagrad: 1e-10, Adadelta: 1e-6}.get(type(optimizer), 1e-8)}
        for name, value in vars(optimizer).items():
            if name != "learning_rate":
                assert value == defaults[name], (optimizer, name)
    assert [Adadelta().learning_rate, Adam().learning_rate, AdamW().learning_rate] == [
        1,
        1e-3,
        1e-3,
    ]
    assert len({type(optimizer) for optimizer in ALL_OPTIMIZERS}) == len(ALL_OPTIMIZERS) == 8


# The formulas, unrolled into sums by SymPy


def test_states_are_the_sums_that_their_recursions_unroll_to():
    b, g1, g2, g3 = sympy.symbols("b g1 g2 g3")
    total, mean, squares, mean_square = 0, 0, 0, 0
    for g in (g1, g2, g3):
        total, squares = b * total + g, squares + g**2
        mean, mean_square = b * mean + (1 - b) * g, b * mean_square + (1 - b) * g**2
    assert sympy.expand(mean - (1 - b) * total) == 0  # the averaging form is (1 − β) times the sum
    constant = {g2: g1, g3: g1}
    assert sympy.expand(mean.subs(constant) - (1 - b**3) * g1) == 0  # what Adam's correction undoes
    assert sympy.expand(mean_square.subs(constant) - (1 - b**3) * g1**2) == 0
    numbers = {b: 0.7, g1: 1.5, g2: -0.4, g3: 2.0}
    total, mean, squares, mean_square = (
        float(f.subs(numbers)) for f in (total, mean, squares, mean_square)
    )
    for optimizer, wanted in [
        (GradientDescent(0.1), ()),
        (Momentum(0.1, 0.7), (total,)),
        (Nesterov(0.1, 0.7), (total,)),
        (Adagrad(0.1), (squares,)),
        (RMSprop(0.1, 0.7), (mean_square,)),
        (Adam(0.1, 0.7, 0.7), (mean, mean_square)),
        (Adam(0.1, 0.7, 0.7, bias_correction=False), (mean, mean_square)),
        (AdamW(0.1, 0.7, 0.7), (mean, mean_square)),
    ]:
        state = optimizer.init(0.0)
        for g in (1.5, -0.4, 2.0):
            _, state = optimizer.update(g, state, 0.0)
        assert state == pytest.approx((3, *wanted), rel=1e-14, abs=0), optimizer


# Published conventions, by name


def averaging(gradients, rate, beta):
    """Return the steps −ηv of the averaging form, v ← βv + (1 − β)g."""
    v, steps = 0, []
    for g in gradients:
        v = beta * v + (1 - beta) * g
        steps.append(-rate * v)
    return np.array(steps)


@given(st.floats(0, 0.99), st.integers(0, 2**32))
def test_averaging_momentum_is_momentum_with_its_rate_times_one_minus_beta(beta, seed):
    gradients = np.random.default_rng(seed).normal(size=60)
    ours = steps_for(Momentum(0.1 * (1 - beta), beta), gradients)
    assert ours == pytest.approx(averaging(gradients, 0.1, beta), rel=1e-9, abs=1e-12)


def test_dampening_differs_from_averaging_at_the_first_step():
    assert first_step(Momentum(0.1, beta=0.9, dampening=0.9), 1.0) == -0.1
    assert averaging([1.0], 0.1, 0.9) == pytest.approx([-0.01], rel=1e-15)
    dampened = steps_for(Momentum(0.1, 0.9, 0.9), np.ones(60))
    extra = dampened - averaging(np.ones(60), 0.1, 0.9)
    assert extra == pytest.approx(-0.09 * 0.9 ** np.arange(60))  # the difference only fades


def test_momentum_with_the_rate_inside_agrees_only_at_a_constant_rate():
    gradients = np.random.default_rng(1).normal(size=60)
    for rate, agree in [(lambda t: 0.1, True), (ExponentialDecay(0.1, 0.9), False)]:
        v, inside = 0, []
        for t, g in enumerate(gradients):
            v = 0.9 * v - rate(t) * g  # v ← βv − ηg, θ ← θ + v
            inside.append(v)
        assert np.allclose(steps_for(Momentum(rate), gradients), inside) is agree


def test_momentum_steps_grow_to_one_over_one_minus_beta():
    steps = steps_for(Momentum(0.1, beta=0.5), np.ones(60))
    assert steps[0] == -0.1 and steps[-1] == pytest.approx(-0.2)


def test_nesterov_is_the_older_form_seen_from_its_look_ahead_point():
    curvature, rate, beta = np.array([1.0, 30.0]), 0.02, 0.8
    theta, v, look_ahead = np.array([1.0, -2.0]), np.zeros(2), []
    for _ in range(60):
        v = beta * v - rate * curvature * (theta + beta * v)  # the gradient is taken ahead of θ
        theta = theta + v
        look_ahead.append(theta + beta * v)
    ours = trajectory(Nesterov(rate, beta), [1.0, -2.0], lambda _, theta: curvature * theta)
    assert ours == pytest.approx(np.array(look_ahead), rel=1e-10)


def test_without_memory_momentum_is_gradient_descent():
    gradients = np.random.default_rng(2).normal(size=60)
    plain = steps_for(GradientDescent(0.1), gradients)
    for optimizer in (Momentum(0.1, beta=0), Nesterov(0.1, beta=0)):
        assert (steps_for(optimizer, gradients) == plain).all()


def test_dampening_counts_even_without_memory_unlike_in_pytorch():
    assert steps_for(Momentum(1.0, beta=0, dampening=0.25), np.ones(60))[:3].tolist() == [
        -1, -0.75, -0.75,
    ]  # fmt: skip


@pytest.mark.parametrize("gradient", [3.0, -0.02])
def test_adagrad_shrinks_like_one_over_root_t(gradient):
    steps = steps_for(Adagrad(0.1), np.full(60, gradient))
    wanted = -0.1 * np.sign(gradient) / np.sqrt(np.arange(1, 61))
    assert steps == pytest.approx(wanted, rel=1e-7, abs=0)


@pytest.mark.parametrize("gradient", [100.0, 1.0, -0.01])
def test_adam_starts_with_the_rate_and_3_16_times_it_without_correction(gradient):
    corrected = first_step(Adam(0.1), gradient)
    raw = first_step(Adam(0.1, bias_correction=False), gradient)
    assert corrected == pytest.approx(-0.1 * np.sign(gradient), rel=1e-5, abs=0)
    assert raw / corrected == pytest.approx(0.1 / np.sqrt(0.001), rel=1e-4, abs=0)
    assert round(float(raw / corrected), 2) == 3.16


def test_adam_without_correction_is_adam_with_another_rate_at_each_step():
    gradients = np.random.default_rng(3).normal(size=60)

    def rate(step):  # Kingma and Ba (2015), end of section 2
        t = step + 1
        return 0.1 * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)

    raw = steps_for(Adam(rate, epsilon=1e-30, bias_correction=False), gradients)
    corrected = steps_for(Adam(0.1, epsilon=1e-30), gradients)
    assert raw == pytest.approx(corrected, rel=1e-11)


@pytest.mark.parametrize(
    "optimizer", [Adagrad(1.0, 0.01), RMSprop(1.0, 0, 0.01), Adam(1.0, 0, 0, 0.01)], ids=repr
)
def test_epsilon_outside_the_root_halves_the_step_of_a_gradient_of_its_size(optimizer):
    outside, inside = -0.01 / (np.sqrt(0.01**2) + 0.01), -0.01 / np.sqrt(0.01**2 + 0.01)
    assert outside == -0.5 and inside == pytest.approx(-0.0995, abs=1e-4)
    assert first_step(optimizer, 0.01) == pytest.approx(outside, rel=1e-14, abs=0)


def test_epsilon_inside_the_roots_of_adadelta():
    inside = -np.sqrt(0.04) / np.sqrt(0.25 * 3.0**2 + 0.04) * 3.0
    assert first_step(Adadelta(decay=0.75, epsilon=0.04), 3.0) == pytest.approx(inside, rel=1e-14)


@pytest.mark.parametrize(
    ("optimizer", "growth"),
    [
        (GradientDescent(0.1), 1000),
        (Momentum(0.1), 1000),
        (Nesterov(0.1), 1000),
        (Adagrad(0.1, epsilon=1e-30), 1),
        (RMSprop(0.1, epsilon=1e-30), 1),
        (Adam(0.1, epsilon=1e-30), 1),
    ],
    ids=repr,
)
def test_adaptive_steps_do_not_depend_on_the_unit_of_the_loss(optimizer, growth):
    gradients = np.random.default_rng(4).normal(size=60)
    steps = steps_for(optimizer, gradients)
    assert steps_for(optimizer, 1000 * gradients) == pytest.approx(growth * steps, rel=1e-9)


def test_decoupled_decay_is_not_an_l2_penalty():
    theta, gradient = np.array([4.0, -4.0]), np.array([1.0, 1.0])
    decayed = first_step(AdamW(0.1, weight_decay=0.5), gradient, theta)
    penalized = first_step(Adam(0.1), gradient + 0.5 * theta, theta)
    assert decayed == pytest.approx([-0.1 - 0.1 * 0.5 * 4, -0.1 + 0.1 * 0.5 * 4])  # −η sign g − ηλθ
    assert penalized == pytest.approx([-0.1, 0.1])  # −η sign(g + λθ): the size of λθ is lost
    plain = first_step(GradientDescent(0.1), gradient + 0.5 * theta, theta)
    assert plain == pytest.approx(-0.1 * gradient - 0.1 * 0.5 * theta)  # there the two are the same


def test_adamw_without_decay_is_adam():
    gradients = np.random.default_rng(5).normal(size=(60, 2))
    for correction in (True, False):
        adam, adamw = (
            make(0.1, bias_correction=correction, **decay)
            for make, decay in [(Adam, {}), (AdamW, {"weight_decay": 0})]
        )
        assert (steps_for(adam, gradients) == steps_for(adamw, gradients)).all()


# On a quadratic


@given(st.floats(0.01, 0.95), st.integers(0, 30))
def test_on_a_parabola_gradient_descent_is_a_power(rate, steps):
    path = trajectory(GradientDescent(rate), 3.0, lambda _, theta: 2 * theta, steps)
    wanted = 3 * (1 - 2 * rate) ** np.arange(1, steps + 1)
    assert path == pytest.approx(wanted, rel=1e-9, abs=1e-12)


def away_from_1_and_2(product):
    return min(abs(product - 1), abs(product - 2)) > 0.01


@given(st.floats(0.1, 100), st.floats(0.05, 4).filter(away_from_1_and_2))
def test_gradient_descent_creeps_oscillates_or_diverges_by_rate_times_curvature(curvature, product):
    descent = GradientDescent(product / curvature)
    path = np.append(1, trajectory(descent, 1.0, lambda _, theta: curvature * theta, 20))
    assert (np.abs(path[1:]) < np.abs(path[:-1])).all() == (product < 2)
    assert (path > 0).all() == (product < 1)


@every_optimizer
def test_all_go_downhill_in_a_ravine(optimizer):
    curvature = np.array([0.1, 10.0])
    path = trajectory(optimizer, [1.0, 1.0], lambda _, theta: curvature * theta, 300)
    heights = (curvature * path**2).sum(axis=1)
    assert heights[-1] < heights[0] < curvature.sum()


# Behavior of all


def test_schedule_is_asked_with_the_steps_taken_so_far():
    asked = []
    descent = GradientDescent(lambda step: asked.append(step) or 1 / (1 + step))
    assert steps_for(descent, np.ones(60))[:3] == pytest.approx([-1, -1 / 2, -1 / 3])
    assert asked == list(range(60))


@every_optimizer
def test_a_rate_may_rest_at_zero(optimizer):
    settings = vars(optimizer) | {"learning_rate": Warmup(10, 0.1)}
    path = trajectory(type(optimizer)(**settings), [1.0], lambda _, theta: theta, 2)
    assert path[0] == 1 and path[1] < 1


@every_optimizer
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (3,), (2, 2), (0,)])
def test_shape_and_dtype_stay(optimizer, shape, dtype):
    theta = np.ones(shape, dtype)
    state = optimizer.init(theta)
    for count in range(3):
        assert state.step == count and type(state.step) is int and state._fields[0] == "step"
        step, state = optimizer.update(np.ones(shape, np.float64), state, theta)
        for array in (step, *state[1:]):
            assert array.shape == shape and array.dtype == dtype


@every_optimizer
def test_first_state_is_zero(optimizer):
    state = optimizer.init(np.ones((2, 3)))
    assert state.step == 0 and not any(array.any() for array in state[1:])


@every_optimizer
def test_hyper_parameters_do_not_widen_float32(optimizer):
    wide = {n: np.float64(v) for n, v in vars(optimizer).items() if n != "bias_correction"}
    theta = np.ones(2, np.float32)
    assert first_step(type(optimizer)(**wide), theta, theta).dtype == np.float32
    scheduled = type(optimizer)(learning_rate=lambda step: np.float64(0.1))
    assert first_step(scheduled, theta, theta).dtype == np.float32


@every_optimizer
def test_states_are_values_that_nothing_changes(optimizer):
    theta, gradient = np.array([1.0, -2.0]), np.array([0.5, 3.0])
    step, state = optimizer.update(gradient, optimizer.init(theta), theta)
    kept = [np.copy(x) for x in state]
    again = [optimizer.update(gradient, state, theta) for _ in range(2)]
    assert (again[0][0] == again[1][0]).all()
    assert theta.tolist() == [1, -2] and gradient.tolist() == [0.5, 3]
    for array in (step, theta, gradient, *(a for s, t in again for a in (s, *t[1:]))):
        array[...] = 7  # none of these is the memory of a state
    for before, now in zip(kept, state, strict=True):
        assert (before == now).all()


@every_optimizer
def test_entries_do_not_meet(optimizer):
    gradients = np.random.default_rng(6).normal(size=(60, 4))
    together = steps_for(optimizer, gradients)
    for i in range(4):
        assert steps_for(optimizer, gradients[:, i]) == pytest.approx(together[:, i], rel=1e-12)


@every_optimizer
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_huge_and_vanishing_gradients_leave_finite_steps(optimizer, dtype):
    gradient = np.array([0, 1e-30, -1e-4, 1, -1e4], dtype)
    theta = np.array([0, 1e4, 1, -1, 1], dtype)
    state = optimizer.init(theta)
    with np.errstate(all="raise", under="ignore"):
        for _ in range(50):
            step, state = optimizer.update(gradient, state, theta)
            assert np.isfinite(step).all()


@every_optimizer
def test_settings_are_fixed_and_compare_by_value(optimizer):
    with pytest.raises(FrozenInstanceError):
        optimizer.learning_rate = 1
    same = type(optimizer)(**vars(optimizer))
    assert same == optimizer and len({same, *ALL_OPTIMIZERS}) == 8


# Refusals

BAD = {
    "learning_rate": [0, -0.1, np.nan, np.inf, "fast", None, True, [0.1]],
    "beta": [-0.1, 1, 1.5, np.nan, "0.9"],
    "beta1": [-0.1, 1, np.nan, None],
    "beta2": [-0.1, 1, np.inf, None],
    "decay": [-0.1, 1, np.nan, None],
    "dampening": [-0.1, 1.1, np.nan, None],
    "epsilon": [0, -1e-8, np.nan, None],
    "weight_decay": [-0.1, np.nan, None],
    "bias_correction": [1, 0.1, None, "yes"],
}


@every_optimizer
def test_refuses_hyper_parameters(optimizer):
    for name in vars(optimizer):
        for bad in BAD[name]:
            with pytest.raises(ValueError, match=f"{name}: .*wanted"):
                type(optimizer)(**vars(optimizer) | {name: bad})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Momentum(0.1, beta=1), "beta: 1, wanted a number from 0 to below 1"),
        (lambda: Momentum(0.1, dampening=2), "dampening: 2, wanted a number from 0 to 1"),
        (lambda: Adam(bias_correction=1), "bias_correction: 1, wanted True or False"),
        (lambda: RMSprop(0.1, epsilon=0), "epsilon: 0, wanted one finite number above 0"),
        (lambda: AdamW(0.1, 0.9, 0.999, 1e-8, 0.01), "bias_correction: 0.01, wanted True"),
    ],
)
def test_says_what_it_wants(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_zero_is_allowed_where_it_means_something():
    assert Momentum(1, 0, 0).beta == RMSprop(1, 0).decay == AdamW(weight_decay=0).weight_decay == 0
    assert Adam(beta1=0, beta2=0).beta2 == 0


def test_dampening_may_be_all():
    assert Momentum(1, dampening=1).dampening == 1


@every_optimizer
@pytest.mark.parametrize("rate", [-1, np.nan, np.inf, "fast", None, True])
def test_refuses_what_a_schedule_returns(optimizer, rate):
    scheduled = type(optimizer)(learning_rate=lambda step: 0.1 if step == 0 else rate)
    theta = np.ones(1)
    _, state = scheduled.update(theta, scheduled.init(theta), theta)
    with pytest.raises(ValueError, match="learning_rate at step 1: .*wanted .* from 0"):
        scheduled.update(theta, state, theta)


@every_optimizer
@pytest.mark.parametrize(
    ("gradient", "theta", "message"),
    [
        (np.ones((2, 1)), np.ones(2), r"gradient: shape \(2, 1\), wanted \(2,\), that of theta"),
        (1.0, np.ones(2), r"gradient: shape \(\), wanted \(2,\)"),
        ([1.0, np.nan], np.ones(2), r"gradient: nan at index \(1,\)"),
        (["a", "b"], np.ones(2), "gradient: dtype"),
        (np.ones(2), [np.inf, 1.0], r"theta: inf at index \(0,\)"),
        (np.ones(2), ["a", "b"], "theta: dtype"),
    ],
)
def test_refuses_a_gradient_or_theta(optimizer, gradient, theta, message):
    with pytest.raises(ValueError, match=message):
        optimizer.update(gradient, optimizer.init(np.ones(2)), theta)
    if "theta:" in message:
        with pytest.raises(ValueError, match=message):
            optimizer.init(theta)


@every_optimizer
def test_refuses_a_state_of_another_optimizer_or_shape(optimizer):
    other = AdamState if not isinstance(optimizer, Adam) else MomentumState
    for state in (other(0, *np.zeros((len(other._fields) - 1, 2))), (0,), None):
        with pytest.raises(ValueError, match=f"state: {type(state).__name__}, wanted .*State"):
            optimizer.update(np.ones(2), state, np.ones(2))
    fields = optimizer.init(1.0)._fields[1:]
    for shape in [(1,), ()] if fields else []:
        message = rf"state.{fields[0]}: shape .*, wanted \(2,\), that of theta$"
        with pytest.raises(ValueError, match=message):
            optimizer.update(np.ones(2), optimizer.init(np.ones(shape)), np.ones(2))


def test_refuses_a_state_that_no_update_makes():
    theta, adam = np.ones(2), Adam()
    state = adam.init(theta)
    for changed, message in [
        ({"step": -1}, r"state.step: -1, wanted"),
        ({"mean": [1.0, np.nan]}, r"state.mean: nan at index \(1,\), wanted"),
        ({"mean": np.ones(3)}, r"state.mean: shape \(3,\), wanted \(2,\)"),
    ]:
        with pytest.raises(ValueError, match=message):
            adam.update(theta, state._replace(**changed), theta)
    single = theta.astype(np.float32)
    step, after = adam.update(single, state, single)
    assert step.dtype == after.mean.dtype == np.float32
