"""Regularizers: what large weights cost, to be added to a loss, and the gradient of it."""

from dataclasses import dataclass

import numpy as np

from dlutils._checks import finite_array, positive


def _set_strength(regularizer, name):
    value = getattr(regularizer, name)
    positive(value, name, or_zero=True)
    object.__setattr__(regularizer, name, float(value))  # a NumPy float64 would widen float32


@dataclass(frozen=True)
class L1:
    r"""The sum of absolute weights: R(w) = λ Σ|w|, with the gradient λ sign(w).

    The pull toward 0 does not weaken on the way, so the weights of least cost are often exactly 0:
    the solution is sparse. (The steps of an optimizer jump back and forth across 0: after training,
    count the weights below a small number.) At the kink w = 0 the gradient is taken to be 0, as in
    PyTorch.

    Parameters
    ----------
    strength : float ≥ 0
        λ.

    Raises
    ------
    ValueError
        If `strength` is not a finite number from 0, or a weight is not finite.

    Examples
    --------
    >>> L1(0.5)([[1.0, -2.0, 0.0]])
    1.5
    >>> L1(0.5).gradient([[1.0, -2.0, 0.0]])
    array([[ 0.5, -0.5,  0. ]])

    References
    ----------
    Tibshirani (1996), Regression shrinkage and selection via the lasso.
    """

    strength: float

    def __post_init__(self):
        _set_strength(self, "strength")

    def __call__(self, W):
        """Return λ Σ|w|, one number, for W of any shape."""
        return float(self.strength * np.abs(finite_array(W, "W")).sum())

    def gradient(self, W):
        """Return λ sign(w), in the shape of W."""
        return self.strength * np.sign(finite_array(W, "W"))


@dataclass(frozen=True)
class L2:
    r"""Half the sum of squared weights: R(w) = λ/2 Σw², with the gradient λw.

    The ½ cancels the 2 of the derivative, so λ is the `weight_decay` of PyTorch's SGD. Others write
    λ Σw², with the gradient 2λw: their λ is half of this one.

    Parameters
    ----------
    strength : float ≥ 0
        λ.

    Raises
    ------
    ValueError
        If `strength` is not a finite number from 0, or a weight is not finite.

    Examples
    --------
    >>> L2(0.5)([[1.0, -2.0, 0.0]])
    1.25
    >>> L2(0.5).gradient([[1.0, -2.0, 0.0]])
    array([[ 0.5, -1. ,  0. ]])

    References
    ----------
    Tikhonov (1963), Solution of incorrectly formulated problems and the regularization method.
    Hoerl and Kennard (1970), Ridge regression: biased estimation for nonorthogonal problems.
    """

    strength: float

    def __post_init__(self):
        _set_strength(self, "strength")

    def __call__(self, W):
        """Return λ/2 Σw², one number, for W of any shape."""
        return float(self.strength / 2 * np.square(finite_array(W, "W")).sum())

    def gradient(self, W):
        """Return λw, in the shape of W."""
        return self.strength * finite_array(W, "W")


@dataclass(frozen=True)
class ElasticNet:
    r"""The sum of both: R(w) = λ₁ Σ|w| + λ₂/2 Σw², with the gradient λ₁ sign(w) + λ₂w.

    At the kink w = 0 the gradient is taken to be 0, as in PyTorch.

    Parameters
    ----------
    l1, l2 : float ≥ 0
        λ₁ and λ₂.

    Raises
    ------
    ValueError
        If `l1` or `l2` is not a finite number from 0, or a weight is not finite.

    Examples
    --------
    >>> ElasticNet(l1=0.5, l2=1.0)([1.0, -2.0, 0.0])
    4.0
    >>> ElasticNet(l1=0.5, l2=1.0).gradient([1.0, -2.0, 0.0])
    array([ 1.5, -2.5,  0. ])

    References
    ----------
    Zou and Hastie (2005), Regularization and variable selection via the elastic net.
    """

    l1: float
    l2: float

    def __post_init__(self):
        _set_strength(self, "l1")
        _set_strength(self, "l2")

    def __call__(self, W):
        """Return λ₁ Σ|w| + λ₂/2 Σw², one number, for W of any shape."""
        return L1(self.l1)(W) + L2(self.l2)(W)

    def gradient(self, W):
        """Return λ₁ sign(w) + λ₂w, in the shape of W."""
        return L1(self.l1).gradient(W) + L2(self.l2).gradient(W)


ALL_REGULARIZERS = (L1(0.01), L2(0.01), ElasticNet(0.01, 0.01))
