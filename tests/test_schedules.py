"""Schedules: PyTorch's rates, their formulas, their ends, and refusals."""

import math
from dataclasses import FrozenInstanceError
from itertools import pairwise

import numpy as np
import pytest
from framework import SOURCES, references
from hypothesis import given
from hypothesis import strategies as st

from dlutils.schedules import CosineDecay, ExponentialDecay, StepDecay, Warmup

SCHEDULES = {
    "steps": StepDecay(0.4, 0.3, 7),
    "exponential": ExponentialDecay(0.4, 0.93),
    "cosine": CosineDecay(0.4, 60),
    "cosine, final": CosineDecay(0.4, 60, 0.02),
}
EVERY = [*SCHEDULES.values(), Warmup(5, 0.3), Warmup(1, ExponentialDecay(2, 0.5))]
every_schedule = pytest.mark.parametrize("schedule", EVERY, ids=repr)
rates = st.floats(1e-6, 10)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("name", SCHEDULES)
def test_rates_are_those_of_pytorch(name, source):
    theirs = references("torch_optimizers", source)[f"schedule: {name}"]
    ours = [SCHEDULES[name](step) for step in range(len(theirs))]
    assert len(ours) == 61 and ours == pytest.approx(theirs, rel=1e-12, abs=1e-15)


@every_schedule
def test_a_rate_is_a_float_for_any_whole_step(schedule):
    for step in (0, 3, 10**6):
        assert type(schedule(step)) is float and schedule(step) >= 0
        assert schedule(np.int64(step)) == schedule(step)


@given(rates, st.integers(1, 100))
def test_step_decay_drops_exactly_at_multiples(initial, every):
    schedule = StepDecay(initial, 0.1, every)
    assert [schedule(every - 1), schedule(every), schedule(2 * every - 1)] == pytest.approx(
        [initial, initial / 10, initial / 10], rel=1e-14, abs=0
    )


@given(rates, st.floats(0.01, 1), st.integers(0, 50))
def test_step_decay_at_every_step_is_exponential_decay(initial, factor, step):
    assert StepDecay(initial, factor, 1)(step) == ExponentialDecay(initial, factor)(step)


@given(rates, st.floats(0, 1), st.integers(1, 60))
def test_cosine_decay_falls_from_initial_through_the_middle_to_final(initial, share, half):
    schedule = CosineDecay(initial, 2 * half, final=share * initial)
    assert schedule(0) == pytest.approx(initial, rel=1e-14, abs=0)
    assert schedule(half) == pytest.approx((1 + share) / 2 * initial, rel=1e-14, abs=0)
    assert schedule(2 * half) == share * initial
    falling = [schedule(step) for step in range(2 * half + 1)]
    assert all(a >= b for a, b in pairwise(falling))


def test_cosine_decay_is_its_formula():
    schedule = CosineDecay(0.5, 9, 0.1)
    for step in range(10):
        assert schedule(step) == pytest.approx(0.3 + 0.2 * math.cos(math.pi * step / 9), rel=1e-14)


@pytest.mark.parametrize("final", [0, 0.1])
def test_cosine_decay_stays_at_its_end(final):
    assert {CosineDecay(0.5, 4, final)(step) for step in (4, 5, 8, 1000)} == {final}


@given(rates, st.integers(1, 50))
def test_warmup_is_a_line_from_zero_to_a_constant(rate, steps):
    schedule = Warmup(steps, rate)
    line = [schedule(step) for step in range(steps + 3)]
    assert line[0] == 0 and line[steps:] == [rate] * 3
    assert np.diff(line[: steps + 1]) == pytest.approx(rate / steps, rel=1e-11, abs=0)


def test_warmup_hands_over_and_counts_from_there():
    then = CosineDecay(0.4, 6, 0.1)
    schedule = Warmup(3, then)
    assert [schedule(step) for step in range(3)] == pytest.approx([0, 0.4 / 3, 0.8 / 3])
    assert [schedule(step) for step in range(3, 12)] == [then(step) for step in range(9)]


def test_warmups_may_follow_one_another():
    assert [Warmup(1, Warmup(2, 0.5))(step) for step in range(5)] == [0, 0, 0.25, 0.5, 0.5]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: StepDecay(0, 0.5, 1), "initial: 0, wanted"),
        (lambda: StepDecay(1, 0, 1), "factor: 0, wanted"),
        (lambda: StepDecay(1, 1.5, 1), "factor: 1.5, wanted a number above 0, at most 1"),
        (lambda: StepDecay(1, 0.5, 0), "every: 0, wanted a whole number from 1"),
        (lambda: StepDecay(1, 0.5, 2.0), "every: 2.0, wanted a whole number"),
        (lambda: StepDecay(1, 0.5, True), "every: True, wanted a whole number"),
        (lambda: ExponentialDecay(np.nan, 0.5), "initial: nan, wanted"),
        (lambda: ExponentialDecay("1", 0.5), "initial: '1', wanted"),
        (lambda: ExponentialDecay(1, -0.5), "factor: -0.5, wanted"),
        (lambda: ExponentialDecay(1, 1.01), "factor: 1.01, wanted"),
        (lambda: CosineDecay(-1, 5), "initial: -1, wanted"),
        (lambda: CosineDecay(1, 0), "steps: 0, wanted a whole number from 1"),
        (lambda: CosineDecay(1, 5, -0.1), "final: -0.1, wanted"),
        (lambda: CosineDecay(1, 5, 1.5), "final: 1.5, wanted at most initial, 1$"),
        (lambda: Warmup(0, 0.1), "steps: 0, wanted a whole number from 1"),
        (lambda: Warmup(3, 0), "then: 0, wanted"),
        (lambda: Warmup(3, "fast"), "then: 'fast', wanted"),
        (lambda: Warmup(3, lambda step: -1)(0), "then at step 0: -1, wanted"),
        (lambda: Warmup(3, lambda step: np.nan)(5), "then at step 2: nan, wanted"),
    ],
)
def test_refuses_a_number_out_of_range(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@every_schedule
@pytest.mark.parametrize("step", [-1, 1.0, None, True, np.arange(3)], ids=str)
def test_refuses_a_step(schedule, step):
    with pytest.raises(ValueError, match="step: .*wanted a whole number from 0"):
        schedule(step)


@every_schedule
def test_settings_are_fixed_and_compare_by_value(schedule):
    with pytest.raises(FrozenInstanceError):
        schedule.steps = 1
    assert type(schedule)(**vars(schedule)) == schedule and len({schedule, *EVERY}) == len(EVERY)


def test_the_ends_of_each_range_are_allowed_and_numbers_become_floats():
    assert StepDecay(2, 1, 1)(5) == ExponentialDecay(2, 1)(5) == CosineDecay(2, 1, 2)(0) == 2
    cosine = CosineDecay(np.float64(2), 4, np.float64(0))
    assert type(cosine.initial) is type(cosine.final) is float
    assert type(ExponentialDecay(np.float64(2), np.float64(1)).initial) is float
    assert type(Warmup(1, np.float64(2)).then) is float
    assert type(Warmup(1, lambda step: np.float64(2))(1)) is float
