"""The first artificial neurons: one whose weights are set by hand, and one that learns them."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from dlutils._checks import finite_array, generator, number, positive, same_shape, whole
from dlutils.activations import Step


class _Unit:
    """What both units share: one weight for each input, checked, copied and made read-only."""

    def _set_weights(self):
        weights = finite_array(self.weights, "weights").copy()
        if weights.ndim != 1 or weights.size == 0:
            raise ValueError(f"weights: shape {weights.shape}, wanted (n,), n at least 1")
        weights.flags.writeable = False
        object.__setattr__(self, "weights", weights)

    def _inputs(self, X):
        X, n = finite_array(X, "X"), self.weights.size
        if X.ndim not in (1, 2) or X.shape[-1] != n or X.size == 0:
            wanted = f"({n},) for one example or (N, {n}) for a batch"
            raise ValueError(f"X: shape {X.shape}, wanted {wanted}")
        return X


def _zeros_and_ones(array, name):
    other = array[(array != 0) & (array != 1)]
    if other.size:
        raise ValueError(f"{name}: {other[0]:g} among the values, wanted 0 or 1")


@dataclass(frozen=True, eq=False)
class McCullochPitts(_Unit):
    r"""The McCulloch–Pitts neuron: it fires, with output 1, if Σⱼ wⱼxⱼ ≥ θ, and else outputs 0.

    Inputs are zeros and ones, weights and threshold are set by hand. This is the form with weights
    that is taught today. In the first one all excitatory inputs counted alike, and one active
    inhibitory input kept the neuron silent.

    Parameters
    ----------
    weights : array (n,)
        w, one weight for each input: above 0 it excites, below 0 it inhibits.
    threshold : float
        θ.

    Raises
    ------
    ValueError
        If weights or threshold are not finite, or an input is neither 0 nor 1.

    Examples
    --------
    >>> neuron = McCullochPitts([1, 1], threshold=2)  # AND
    >>> neuron([[0, 0], [0, 1], [1, 0], [1, 1]])
    array([0., 0., 0., 1.])
    >>> McCullochPitts([-1], threshold=0)([1])  # NOT
    np.float64(0.0)

    References
    ----------
    McCulloch and Pitts (1943), A logical calculus of the ideas immanent in nervous activity.
    """

    weights: np.ndarray
    threshold: float

    def __post_init__(self):
        self._set_weights()
        object.__setattr__(self, "threshold", number(self.threshold, "threshold"))

    def __call__(self, X):
        """Return 0 or 1 for one example X of shape (n,), or an array (N,) for a batch (N, n)."""
        X = self._inputs(X)
        _zeros_and_ones(X, "X")
        return Step(value_at_zero=1.0)(X @ self.weights - self.threshold)


@dataclass(frozen=True, eq=False)
class Perceptron(_Unit):
    r"""The perceptron: y = g(Σⱼ wⱼxⱼ + b), where g is the step from 0 to 1.

    Parameters
    ----------
    weights : array (n,)
        w, one weight for each input.
    bias : float
        b.
    activation : Step() or Step(value_at_zero=1.0)
        g. Its value at 0 decides a tie, Σⱼ wⱼxⱼ + b = 0.

    Raises
    ------
    ValueError
        If weights, bias or inputs are not finite or of other shapes, or the activation is another.

    Examples
    --------
    >>> perceptron = Perceptron([1.0, 1.0], bias=-1.5)
    >>> perceptron([[0, 0], [0, 1], [1, 0], [1, 1]])
    array([0., 0., 0., 1.])
    >>> Perceptron([1.0], bias=0.0, activation=Step(value_at_zero=1.0))([0])
    np.float64(1.0)

    References
    ----------
    Rosenblatt (1958), The perceptron: a probabilistic model for information storage and
    organization in the brain.
    """

    weights: np.ndarray
    bias: float
    activation: Step = field(default=Step())

    def __post_init__(self):
        self._set_weights()
        object.__setattr__(self, "bias", number(self.bias, "bias"))
        if self.activation not in (Step(), Step(1.0)):
            wanted = "Step() or Step(value_at_zero=1.0)"
            raise ValueError(f"activation: {self.activation!r}, wanted {wanted}")

    def __call__(self, X):
        """Return 0 or 1 for one example X of shape (n,), or an array (N,) for a batch (N, n)."""
        return self.activation(self._inputs(X) @ self.weights + self.bias)

    def update(self, x, target, learning_rate=1.0):
        r"""Return the perceptron after one example: w ← w + η(t − y)x, b ← b + η(t − y).

        Where output and target agree, nothing changes.

        Parameters
        ----------
        x : array (n,)
        target : 0 or 1
            t.
        learning_rate : float > 0
            η.

        Raises
        ------
        ValueError
            If x does not have shape (n,), or the target or the rate is outside its range.

        Examples
        --------
        >>> Perceptron([0.0, 0.0], bias=0.0).update([1.0, 2.0], target=1, learning_rate=0.5)
        Perceptron(weights=array([0.5, 1. ]), bias=0.5, activation=Step(value_at_zero=0.0))
        """
        x, target = finite_array(x, "x"), number(target, "target")
        same_shape(x, self.weights.shape, "x", "that of the weights")
        if target not in (0, 1):
            raise ValueError(f"target: {target:g}, wanted 0 or 1")
        positive(learning_rate, "learning_rate")
        change = float(learning_rate) * float(target - self(x))
        return Perceptron(self.weights + change * x, self.bias + change, self.activation)


class PerceptronFit(NamedTuple):
    """What training returned: the perceptron, and the number of mistakes in each epoch."""

    perceptron: Perceptron
    errors: tuple[int, ...]
    converged: bool


def train_perceptron(X, y, *, learning_rate=1.0, epochs=100, rng=None, start=None):
    r"""Train a perceptron by its learning rule, one example after the other.

    After each example w ← w + η(t − y)x and b ← b + η(t − y). Training stops after an epoch without
    a mistake, which comes if and only if a line (in general a hyperplane) separates the classes and
    the epochs suffice. T epochs of m examples with n inputs cost O(T·m·n).

    Parameters
    ----------
    X : array (N, n)
    y : array (N,) of zeros and ones
    learning_rate : float > 0
        η. From zero weights it only rescales weights and bias, and the outputs stay the same: for
        a power of 2 exactly; with others, such as 0.1, rounding may decide a tie differently.
    epochs : int ≥ 1
        How often to go through the examples at most.
    rng : numpy.random.Generator, optional
        Shuffles the examples anew before each epoch. Without it they stay in their order.
    start : Perceptron, optional
        Where to start. Without it weights and bias are 0, and the activation is Step().

    Returns
    -------
    PerceptronFit, a named tuple
        ``perceptron``, the trained one; ``errors``, the mistakes in each epoch; ``converged``,
        whether the last epoch had none.

    Raises
    ------
    ValueError
        If X, y and start do not fit each other, y holds other labels, or a number is outside its
        range.

    Notes
    -----
    Novikoff's theorem: with the constant input 1 appended to each x, so that the bias is a weight
    too, let R be the largest norm of an x, and let some unit vector separate the classes with
    margin γ. From zero weights, there are then at most (R/γ)² mistakes, in all epochs together.

    Examples
    --------
    >>> fit = train_perceptron([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 1])  # OR
    >>> fit.errors, fit.converged
    ((1, 2, 1, 0), True)
    >>> fit.perceptron.weights, fit.perceptron.bias
    (array([1., 1.]), 0.0)

    References
    ----------
    Rosenblatt (1958), The perceptron: a probabilistic model for information storage and
    organization in the brain. Novikoff (1962), On convergence proofs on perceptrons.
    """
    X, y = finite_array(X, "X"), finite_array(y, "y")
    if X.ndim != 2 or y.shape != X.shape[:1] or X.size == 0:
        raise ValueError(f"X and y: shapes {X.shape} and {y.shape}, wanted (N, n) and (N,)")
    _zeros_and_ones(y, "y")
    positive(learning_rate, "learning_rate")
    whole(epochs, "epochs", 1)
    if rng is not None:
        generator(rng)
    perceptron = Perceptron(np.zeros_like(X[0]), 0.0) if start is None else start
    if not isinstance(perceptron, Perceptron):
        raise ValueError(f"start: {type(start).__name__}, wanted a Perceptron")
    perceptron._inputs(X)
    errors = []
    for _ in range(epochs):
        errors.append(0)
        for i in range(len(X)) if rng is None else rng.permutation(len(X)):
            if perceptron(X[i]) != y[i]:
                perceptron = perceptron.update(X[i], y[i], learning_rate)
                errors[-1] += 1
        if errors[-1] == 0:
            break
    return PerceptronFit(perceptron, tuple(errors), errors[-1] == 0)
