"""Activation functions: each class holds a function of z and, beside it, its derivative."""

from dataclasses import dataclass

import numpy as np

from dlutils._checks import float_array, positive


@dataclass(frozen=True)
class Identity:
    """The activation that changes nothing: g(z) = z, g′(z) = 1.

    It stands at the output of a network that predicts any real number, or whose loss takes logits.

    >>> Identity()(-2.5)
    np.float64(-2.5)
    """

    def __call__(self, z):
        """Return z, as floats, for z of any shape."""
        return float_array(z, "z").copy()[()]

    def derivative(self, z):
        """Return 1 for every entry of z."""
        return np.ones_like(float_array(z, "z"))[()]


@dataclass(frozen=True)
class Sigmoid:
    r"""The logistic sigmoid: σ(z) = 1 / (1 + e^(−βz)), between 0 and 1, with σ(0) = ½.

    Parameters
    ----------
    slope : float > 0
        β, how steeply the curve rises through z = 0; its slope there is β/4.

    Raises
    ------
    ValueError
        If `slope` is not a finite number above 0, or `z` does not hold real numbers.

    Notes
    -----
    Only e^(−|βz|) ≤ 1 is ever computed, so no z overflows. The derivative is
    βσ(z)(1 − σ(z)) = β e / (1 + e)² with e = e^(−|βz|).

    Examples
    --------
    >>> Sigmoid()(0), Sigmoid().derivative(0)
    (np.float64(0.5), np.float64(0.25))
    >>> Sigmoid()([-1000.0, 1000.0])
    array([0., 1.])

    References
    ----------
    Rumelhart, Hinton and Williams (1986), Learning representations by back-propagating errors.
    """

    slope: float = 1.0

    def __post_init__(self):
        positive(self.slope, "slope")
        object.__setattr__(self, "slope", float(self.slope))  # a NumPy float64 would widen float32

    def __call__(self, z):
        """Return σ(z), in the shape of z."""
        z = float_array(z, "z")
        e = np.exp(-np.abs(self.slope * z))
        return np.where(z >= 0, 1 / (1 + e), e / (1 + e))[()]

    def derivative(self, z):
        """Return σ′(z) = βσ(z)(1 − σ(z)), in the shape of z."""
        z = float_array(z, "z")
        e = np.exp(-np.abs(self.slope * z))
        return (self.slope * e / (1 + e) ** 2)[()]


@dataclass(frozen=True)
class ReLU:
    """The rectified linear unit: g(z) = max(0, z).

    The derivative is 1 for z > 0 and 0 for z < 0; at the kink z = 0, where there is none, it is
    taken to be 0, as in PyTorch.

    Examples
    --------
    >>> ReLU()([-1.0, 0.0, 2.0])
    array([0., 0., 2.])
    >>> ReLU().derivative([-1.0, 0.0, 2.0])
    array([0., 0., 1.])

    References
    ----------
    Nair and Hinton (2010), Rectified linear units improve restricted Boltzmann machines.
    """

    def __call__(self, z):
        """Return max(0, z), in the shape of z."""
        z = float_array(z, "z")
        return np.maximum(z, 0)[()]

    def derivative(self, z):
        """Return 1 where z > 0 and 0 elsewhere, in the shape of z."""
        z = float_array(z, "z")
        return (z > 0).astype(z.dtype)[()]
