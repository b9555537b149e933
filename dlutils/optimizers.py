"""Optimizers: each turns a gradient and a state into the step to add to the parameters."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from dlutils._checks import finite_array, float_array, positive, same_shape


class GradientDescentState(NamedTuple):
    """What gradient descent remembers: how many steps it has taken."""

    step: int


@dataclass(frozen=True)
class GradientDescent:
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
    >>> import numpy as np
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

    def __post_init__(self):
        if not callable(self.learning_rate):
            positive(self.learning_rate, "learning_rate")

    def init(self, theta):
        """Return the state before the first step for parameters `theta`, an array of any shape."""
        float_array(theta, "theta")
        return GradientDescentState(step=0)

    def update(self, gradient, state, theta):
        """Return the step −η·gradient, in the shape of theta, and the state after it."""
        theta = float_array(theta, "theta")
        gradient = finite_array(gradient, "gradient")
        same_shape(gradient, theta.shape, "gradient", "that of theta")
        rate = self.learning_rate
        if callable(rate):
            rate = rate(state.step)
            positive(rate, f"learning_rate at step {state.step}", or_zero=True)
        return -float(rate) * gradient, GradientDescentState(state.step + 1)
