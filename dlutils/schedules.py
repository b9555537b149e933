"""Schedules: learning rates that change with the step, counted from 0."""

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi

from dlutils._checks import positive, whole


def _checked_rate(rate, name):
    """Return a schedule as it is and a number above 0 as a float; refuse anything else."""
    if callable(rate):
        return rate
    positive(rate, name)
    return float(rate)


def _rate_at(rate, step, name):
    """Return the number that a learning rate, constant or scheduled, is at `step`."""
    if not callable(rate):
        return rate
    value = rate(step)
    positive(value, f"{name} at step {step}", or_zero=True)
    return float(value)


class _Decay:
    """What decays share: the checks of their initial rate and of their factor."""

    def __post_init__(self):
        for name in ("initial", "factor"):
            positive(getattr(self, name), name)
            object.__setattr__(self, name, float(getattr(self, name)))
        if self.factor > 1:
            raise ValueError(f"factor: {self.factor!r}, wanted a number above 0, at most 1")


@dataclass(frozen=True)
class StepDecay(_Decay):
    r"""A learning rate that drops every few steps: η(t) = η₀ f^⌊t/k⌋.

    Parameters
    ----------
    initial : float > 0
        η₀, the rate at step 0.
    factor : float in (0, 1]
        f, what each drop multiplies the rate by.
    every : int ≥ 1
        k, how many steps each rate lasts.

    Raises
    ------
    ValueError
        If a number is outside its range, or the step is not a whole number from 0.

    Examples
    --------
    >>> schedule = StepDecay(initial=1.0, factor=0.5, every=2)
    >>> [schedule(step) for step in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]

    References
    ----------
    Krizhevsky, Sutskever and Hinton (2012), ImageNet classification with deep convolutional
    neural networks.
    """

    initial: float
    factor: float
    every: int

    def __post_init__(self):
        super().__post_init__()
        whole(self.every, "every", 1)

    def __call__(self, step):
        """Return η₀ f^⌊step/k⌋."""
        whole(step, "step", 0)
        return self.initial * self.factor ** (step // self.every)


@dataclass(frozen=True)
class ExponentialDecay(_Decay):
    r"""A learning rate that shrinks by the same factor at every step: η(t) = η₀ f^t.

    Parameters
    ----------
    initial : float > 0
        η₀, the rate at step 0.
    factor : float in (0, 1]
        f, what each step multiplies the rate by.

    Raises
    ------
    ValueError
        If a number is outside its range, or the step is not a whole number from 0.

    Examples
    --------
    >>> schedule = ExponentialDecay(initial=1.0, factor=0.5)
    >>> [schedule(step) for step in range(4)]
    [1.0, 0.5, 0.25, 0.125]

    References
    ----------
    Senior, Heigold, Ranzato and Yang (2013), An empirical study of learning rates in deep neural
    networks for speech recognition.
    """

    initial: float
    factor: float

    def __call__(self, step):
        """Return η₀ f^step."""
        whole(step, "step", 0)
        return self.initial * self.factor**step


@dataclass(frozen=True)
class CosineDecay:
    r"""A learning rate that falls along half a cosine: η(t) = η_T + (η₀ − η_T)(1 + cos(πt/T))/2.

    After T steps it stays at η_T. (PyTorch's ``CosineAnnealingLR`` would rise again.)

    Parameters
    ----------
    initial : float > 0
        η₀, the rate at step 0.
    steps : int ≥ 1
        T, the step from which the rate is `final`.
    final : float from 0 to `initial`
        η_T.

    Raises
    ------
    ValueError
        If a number is outside its range, or the step is not a whole number from 0.

    Examples
    --------
    >>> schedule = CosineDecay(initial=1.0, steps=3)
    >>> [round(schedule(step), 4) for step in range(5)]
    [1.0, 0.75, 0.25, 0.0, 0.0]

    References
    ----------
    Loshchilov and Hutter (2017), SGDR: Stochastic gradient descent with warm restarts.
    """

    initial: float
    steps: int
    final: float = 0.0

    def __post_init__(self):
        positive(self.initial, "initial")
        whole(self.steps, "steps", 1)
        positive(self.final, "final", or_zero=True)
        if self.final > self.initial:
            raise ValueError(f"final: {self.final!r}, wanted at most initial, {self.initial!r}")
        object.__setattr__(self, "initial", float(self.initial))
        object.__setattr__(self, "final", float(self.final))

    def __call__(self, step):
        """Return η_T + (η₀ − η_T)(1 + cos(πt/T))/2 with t the smaller of step and T."""
        whole(step, "step", 0)
        t = min(step, self.steps)
        return self.final + (self.initial - self.final) * (1 + cos(pi * t / self.steps)) / 2


@dataclass(frozen=True)
class Warmup:
    r"""A learning rate that first rises from 0, then follows another: η(0) = 0.

    η(t) = t/T · then(0) before step T, and then(t − T) from step T on.

    Parameters
    ----------
    steps : int ≥ 1
        T, the length of the rise.
    then : float > 0, or a function of the step
        The rate after it. A function receives the steps taken since then, from 0.

    Raises
    ------
    ValueError
        If a number is outside its range, or the step is not a whole number from 0.

    Examples
    --------
    >>> schedule = Warmup(steps=4, then=ExponentialDecay(initial=1.0, factor=0.5))
    >>> [schedule(step) for step in range(7)]
    [0.0, 0.25, 0.5, 0.75, 1.0, 0.5, 0.25]

    References
    ----------
    Goyal et al. (2017), Accurate, large minibatch SGD: Training ImageNet in 1 hour.
    """

    steps: int
    then: float | Callable[[int], float]

    def __post_init__(self):
        whole(self.steps, "steps", 1)
        object.__setattr__(self, "then", _checked_rate(self.then, "then"))

    def __call__(self, step):
        """Return step/T · then(0) before step T, then(step − T) from there on."""
        whole(step, "step", 0)
        if step < self.steps:
            return step / self.steps * _rate_at(self.then, 0, "then")
        return _rate_at(self.then, step - self.steps, "then")
