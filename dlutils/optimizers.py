"""Optimizers: each turns a gradient and a state into the step to add to the parameters."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dlutils._checks import finite_array, positive, same_shape, whole
from dlutils.schedules import _checked_rate, _rate_at


def _checked(value, name):
    """Return a hyper-parameter as the formulas use it; refuse one outside its range."""
    if name == "learning_rate":
        return _checked_rate(value, name)
    if name == "bias_correction":
        if not isinstance(value, bool):
            raise ValueError(f"{name}: {value!r}, wanted True or False")
        return value
    positive(value, name, or_zero=name != "epsilon")
    if name == "dampening" and value > 1:
        raise ValueError(f"{name}: {value!r}, wanted a number from 0 to 1")
    if name in ("beta", "beta1", "beta2", "decay") and value >= 1:
        raise ValueError(f"{name}: {value!r}, wanted a number from 0 to below 1")
    return float(value)


class Optimizer:
    """What all optimizers share: the checks, the first state, the rate at a step.

    The `_formula` of each gives the step number t = 1, 2, …, and moves the arrays of the state,
    named as in the formula, in place: they are `update`'s own copies.
    """

    def __post_init__(self):
        for name, value in list(vars(self).items()):
            object.__setattr__(self, name, _checked(value, name))

    def init(self, theta):
        """Return the state before the first step for parameters `theta`, an array of any shape."""
        theta = finite_array(theta, "theta")
        return self._state(0, *(np.zeros_like(theta) for _ in self._state._fields[1:]))

    def update(self, gradient, state, theta):
        """Return the step to add to theta, in its shape and dtype, and the state after it."""
        theta = finite_array(theta, "theta")
        gradient = finite_array(gradient, "gradient").astype(theta.dtype, copy=False)
        same_shape(gradient, theta.shape, "gradient", "that of theta")
        if not isinstance(state, self._state):
            wanted = self._state.__name__
            raise ValueError(f"state: {type(state).__name__}, wanted {wanted}, from init")
        whole(state.step, "state.step", 0)
        for name, array in zip(state._fields[1:], state[1:], strict=True):
            array = finite_array(array, f"state.{name}")
            same_shape(array, theta.shape, f"state.{name}", "that of theta")
        rate = _rate_at(self.learning_rate, state.step, "learning_rate")
        arrays = [np.array(array, theta.dtype) for array in state[1:]]
        step = self._formula(rate, state.step + 1, gradient, theta, *arrays)
        return step, self._state(state.step + 1, *arrays)


class GradientDescentState(NamedTuple):
    """What gradient descent remembers: how many steps it has taken."""

    step: int


@dataclass(frozen=True)
class GradientDescent(Optimizer):
    r"""Plain gradient descent: θ ← θ − η ∇C(θ).

    Parameters
    ----------
    learning_rate : float > 0, or a function of the step
        η. A function receives the number of steps taken so far, from 0, and returns the rate,
        which may then also be 0.

    Raises
    ------
    ValueError
        If the rate is not a finite number above 0, or gradient and θ differ in shape.

    Examples
    --------
    >>> theta = np.array([1.0, -2.0])
    >>> descent = GradientDescent(learning_rate=0.1)
    >>> state = descent.init(theta)
    >>> step, state = descent.update(2 * theta, state, theta)  # the gradient of Σθ² is 2θ
    >>> theta + step, state
    (array([ 0.8, -1.6]), GradientDescentState(step=1))

    References
    ----------
    Cauchy (1847), Méthode générale pour la résolution des systèmes d'équations simultanées.
    """

    learning_rate: float | Callable[[int], float]

    _state = GradientDescentState

    def _formula(self, rate, t, gradient, theta):
        return -rate * gradient


class MomentumState(NamedTuple):
    """What momentum remembers: the steps taken and the velocity v, a decaying sum of gradients."""

    step: int
    velocity: np.ndarray


@dataclass(frozen=True)
class Momentum(Optimizer):
    r"""Gradient descent with momentum: v ← βv + (1 − d)g, θ ← θ − ηv, from v = 0.

    As in PyTorch, the first step is not dampened: v = g after it, whatever d.

    Parameters
    ----------
    learning_rate : float > 0, or a function of the step
        η. A function receives the number of steps taken so far, from 0, and may return 0.
    beta : float in [0, 1)
        β, how much of the velocity stays. With d = 0 and a constant gradient, the steps grow up to
        1/(1 − β) times those of gradient descent.
    dampening : float in [0, 1]
        d, how much of each gradient after the first is left out. (With β = 0 PyTorch ignores it.)

    Raises
    ------
    ValueError
        If a number is outside its range, or gradient, state and θ do not fit each other.

    Examples
    --------
    >>> theta, momentum = np.array([1.0]), Momentum(learning_rate=0.1, beta=0.9)
    >>> state = momentum.init(theta)
    >>> for _ in range(3):
    ...     step, state = momentum.update([1.0], state, theta)
    ...     print(step.round(3))
    [-0.1]
    [-0.19]
    [-0.271]

    References
    ----------
    Polyak (1964), Some methods of speeding up the convergence of iteration methods.
    """

    learning_rate: float | Callable[[int], float]
    beta: float = 0.9
    dampening: float = 0.0

    _state = MomentumState

    def _formula(self, rate, t, gradient, theta, v):
        v *= self.beta
        v += gradient if t == 1 else (1 - self.dampening) * gradient
        return -rate * v


@dataclass(frozen=True)
class Nesterov(Optimizer):
    r"""Nesterov's momentum, in PyTorch's form: v ← βv + g, θ ← θ − η(g + βv), from v = 0.

    The gradient is taken at θ itself. With a constant η, this θ is the point θ' − ηβv at which the
    older form, v ← βv + ∇C(θ' − ηβv), θ' ← θ' − ηv, looks ahead.

    Parameters
    ----------
    learning_rate : float > 0, or a function of the step
        η. A function receives the number of steps taken so far, from 0, and may return 0.
    beta : float in [0, 1)
        β, how much of the velocity stays.

    Raises
    ------
    ValueError
        If a number is outside its range, or gradient, state and θ do not fit each other.

    Examples
    --------
    >>> theta, nesterov = np.array([1.0]), Nesterov(learning_rate=0.1, beta=0.9)
    >>> step, state = nesterov.update([1.0], nesterov.init(theta), theta)
    >>> step.round(3), state.velocity
    (array([-0.19]), array([1.]))

    References
    ----------
    Nesterov (1983), A method of solving a convex programming problem with convergence rate O(1/k²);
    Bengio, Boulanger-Lewandowski and Pascanu (2013), Advances in optimizing recurrent networks,
    for this form.
    """

    learning_rate: float | Callable[[int], float]
    beta: float = 0.9

    _state = MomentumState

    def _formula(self, rate, t, gradient, theta, v):
        v *= self.beta
        v += gradient
        return -rate * (gradient + self.beta * v)


class AdagradState(NamedTuple):
    """What Adagrad remembers: the steps taken and s, the sum of all squared gradients."""

    step: int
    sum_of_squares: np.ndarray


@dataclass(frozen=True)
class Adagrad(Optimizer):
    r"""Adagrad: s ← s + g², θ ← θ − η g/(√s + ε), entry by entry, from s = 0.

    The rate of each entry, η/√s, only ever shrinks: for a constant gradient like 1/√t.

    Parameters
    ----------
    learning_rate : float > 0, or a function of the step
        η. A function receives the number of steps taken so far, from 0, and may return 0.
    epsilon : float > 0
        ε, outside the root, which keeps an entry without gradients from dividing by 0.

    Raises
    ------
    ValueError
        If a number is outside its range, or gradient, state and θ do not fit each other.

    Examples
    --------
    >>> theta, adagrad = np.array([1.0]), Adagrad(learning_rate=0.1)
    >>> state = adagrad.init(theta)
    >>> for _ in range(4):
    ...     step, state = adagrad.update([3.0], state, theta)
    ...     print(step.round(4))  # −0.1/√t
    [-0.1]
    [-0.0707]
    [-0.0577]
    [-0.05]

    References
    ----------
    Duchi, Hazan and Singer (2011), Adaptive subgradient methods for online learning and stochastic
    optimization.
    """

    learning_rate: float | Callable[[int], float]
    epsilon: float = 1e-10

    _state = AdagradState

    def _formula(self, rate, t, gradient, theta, s):
        s += gradient**2
        return -rate * gradient / (np.sqrt(s) + self.epsilon)


class RMSpropState(NamedTuple):
    """What RMSprop remembers: the steps taken and s, the mean of recent squared gradients."""

    step: int
    mean_square: np.ndarray


@dataclass(frozen=True)
class RMSprop(Optimizer):
    r"""RMSprop: s ← ρs + (1 − ρ)g², θ ← θ − η g/(√s + ε), entry by entry, from s = 0.

    Parameters
    ----------
    learning_rate : float > 0, or a function of the step
        η. A function receives the number of steps taken so far, from 0, and may return 0.
    decay : float in [0, 1)
        ρ, how much of the mean square stays.
    epsilon : float > 0
        ε, outside the root, which keeps an entry without gradients from dividing by 0.

    Raises
    ------
    ValueError
        If a number is outside its range, or gradient, state and θ do not fit each other.

    Examples
    --------
    >>> theta, rmsprop = np.array([1.0, 1.0]), RMSprop(learning_rate=0.1, decay=0.75)
    >>> step, state = rmsprop.update([100.0, -0.01], rmsprop.init(theta), theta)
    >>> step.round(4)  # ∓0.1/√0.25: the size of a gradient does not count
    array([-0.2,  0.2])

    References
    ----------
    Tieleman and Hinton (2012), Lecture 6.5—RMSProp: Divide the gradient by a running average of its
    recent magnitude.
    """

    learning_rate: float | Callable[[int], float]
    decay: float = 0.9
    epsilon: float = 1e-8

    _state = RMSpropState

    def _formula(self, rate, t, gradient, theta, s):
        s *= self.decay
        s += (1 - self.decay) * gradient**2
        return -rate * gradient / (np.sqrt(s) + self.epsilon)


class AdadeltaState(NamedTuple):
    """What Adadelta remembers: the steps taken, and s and u, two means of recent squares.

    s is that of the gradients, u that of the steps before the learning rate.
    """

    step: int
    mean_square: np.ndarray
    mean_square_step: np.ndarray


@dataclass(frozen=True)
class Adadelta(Optimizer):
    r"""Adadelta: each entry's step is as long as its recent steps were, from s = u = 0.

    s ← ρs + (1 − ρ)g²,  Δ = √(u + ε)/√(s + ε) · g,  u ← ρu + (1 − ρ)Δ²,  θ ← θ − ηΔ.

    Parameters
    ----------
    learning_rate : float > 0, or a function of the step
        η. The method was published without one, which is 1. A function receives the number of
        steps taken so far, from 0, and may return 0.
    decay : float in [0, 1)
        ρ, how much of the mean squares stays.
    epsilon : float > 0
        ε, inside both roots; it sets the size of the first steps.

    Raises
    ------
    ValueError
        If a number is outside its range, or gradient, state and θ do not fit each other.

    Examples
    --------
    >>> theta, adadelta = np.array([1.0]), Adadelta()
    >>> step, state = adadelta.update([5.0], adadelta.init(theta), theta)
    >>> step.round(6)  # −√ε/√0.1
    array([-0.003162])

    References
    ----------
    Zeiler (2012), ADADELTA: An adaptive learning rate method.
    """

    learning_rate: float | Callable[[int], float] = 1.0
    decay: float = 0.9
    epsilon: float = 1e-6

    _state = AdadeltaState

    def _formula(self, rate, t, gradient, theta, s, u):
        s *= self.decay
        s += (1 - self.decay) * gradient**2
        delta = np.sqrt(u + self.epsilon) / np.sqrt(s + self.epsilon) * gradient
        u *= self.decay
        u += (1 - self.decay) * delta**2
        return -rate * delta


class AdamState(NamedTuple):
    """What Adam remembers: the steps taken, and the means of recent gradients and of their squares.

    They are the m and v of the formula, without the correction.
    """

    step: int
    mean: np.ndarray
    mean_square: np.ndarray


@dataclass(frozen=True)
class Adam(Optimizer):
    r"""Adam: the mean of recent gradients over the root of their mean square, from m = v = 0.

    m ← β₁m + (1 − β₁)g,  v ← β₂v + (1 − β₂)g²,  θ ← θ − η m̂/(√v̂ + ε),  where in the t-th step,
    t = 1, 2, …, m̂ = m/(1 − β₁ᵗ) and v̂ = v/(1 − β₂ᵗ) undo the pull of the zeros at the start.

    Parameters
    ----------
    learning_rate : float > 0, or a function of the step
        η. A function receives the number of steps taken so far, from 0, and may return 0.
    beta1, beta2 : floats in [0, 1)
        β₁ and β₂, how much of each mean stays.
    epsilon : float > 0
        ε, outside the root, which keeps an entry without gradients from dividing by 0.
    bias_correction : bool
        Without it m̂ = m and v̂ = v; the first step is then (1 − β₁)/√(1 − β₂) times as long.

    Raises
    ------
    ValueError
        If a number is outside its range, or gradient, state and θ do not fit each other.

    Examples
    --------
    >>> theta, gradient = np.array([1.0, 1.0]), [100.0, -0.01]
    >>> for adam in Adam(), Adam(bias_correction=False):
    ...     step, state = adam.update(gradient, adam.init(theta), theta)
    ...     print(step.round(5))
    [-0.001  0.001]
    [-0.00316  0.00316]

    References
    ----------
    Kingma and Ba (2015), Adam: A method for stochastic optimization.
    """

    learning_rate: float | Callable[[int], float] = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    bias_correction: bool = True

    _state = AdamState

    def _formula(self, rate, t, gradient, theta, m, v):
        step = np.multiply(1 - self.beta1, gradient, out=np.empty_like(m))  # the only new array
        m *= self.beta1
        m += step  # m ← β₁m + (1 − β₁)g
        np.multiply(gradient, gradient, out=step)
        step *= 1 - self.beta2
        v *= self.beta2
        v += step  # v ← β₂v + (1 − β₂)g²
        epsilon = self.epsilon
        if self.bias_correction:  # η m̂/(√v̂ + ε), the corrections applied to η and ε
            root = math.sqrt(1 - self.beta2**t)
            rate, epsilon = rate * root / (1 - self.beta1**t), epsilon * root
        np.sqrt(v, out=step)
        step += epsilon
        np.divide(m, step, out=step)
        step *= -rate
        return step  # −η m/(√v + ε)


@dataclass(frozen=True)
class AdamW(Adam):
    r"""Adam with decoupled weight decay: θ ← θ − ηλθ − η m̂/(√v̂ + ε).

    The decay does not pass through m and v. An L2 penalty would: it adds λθ to the gradient, and
    Adam then divides it by the size of the recent gradients.

    Parameters
    ----------
    learning_rate, beta1, beta2, epsilon, bias_correction
        As for Adam.
    weight_decay : float ≥ 0
        λ, the decay at rate η = 1, of every parameter: biases too, which a regularizer spares.

    Raises
    ------
    ValueError
        If a number is outside its range, or gradient, state and θ do not fit each other.

    Examples
    --------
    >>> theta, adamw = np.array([10.0]), AdamW(learning_rate=0.1, weight_decay=0.5)
    >>> step, state = adamw.update([0.0], adamw.init(theta), theta)
    >>> step  # −ηλθ: without a gradient, Adam's part is 0
    array([-0.5])

    References
    ----------
    Loshchilov and Hutter (2019), Decoupled weight decay regularization.
    """

    weight_decay: float = 0.01

    def _formula(self, rate, t, gradient, theta, m, v):
        step = super()._formula(rate, t, gradient, theta, m, v)
        return step - rate * self.weight_decay * theta


ALL_OPTIMIZERS = (
    GradientDescent(0.1),
    Momentum(0.01),
    Nesterov(0.01),
    Adagrad(0.1),
    RMSprop(0.01),
    Adadelta(),
    Adam(),
    AdamW(),
)
