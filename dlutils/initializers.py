"""Initializers: how large the random weights of a layer are before training starts."""

from dataclasses import dataclass
from numbers import Integral

import numpy as np

from dlutils._checks import generator, number, positive

DISTRIBUTIONS = ("uniform", "normal")


def _shape_and_rng(shape, rng):
    sizes = tuple(shape) if np.iterable(shape) else ()
    whole = all(isinstance(n, Integral) and not isinstance(n, bool) and n > 0 for n in sizes)
    if len(sizes) != 2 or not whole:
        raise ValueError(f"shape: {shape!r}, wanted (units, inputs), whole numbers above 0")
    generator(rng)
    return sizes


@dataclass(frozen=True)
class Constant:
    """The same number for every weight: all units of a layer then stay alike for ever.

    It is here to show that failure; `Constant(0.0)` is what one must not do.

    >>> Constant(0.0)((1, 2), np.random.default_rng(0))
    array([[0., 0.]])
    """

    value: float = 0.0

    def __post_init__(self):
        object.__setattr__(self, "value", number(self.value, "value"))

    def __call__(self, shape, rng):
        """Return weights of the given shape (units, inputs); `rng` is not used."""
        return np.full(_shape_and_rng(shape, rng), self.value)


@dataclass(frozen=True)
class Normal:
    """Normal weights of mean 0 and a standard deviation that does not depend on the layer.

    Raises ValueError if `scale` is not a finite number above 0.

    >>> Normal(0.01)((100, 100), np.random.default_rng(0)).std().round(4)
    np.float64(0.01)
    """

    scale: float

    def __post_init__(self):
        positive(self.scale, "scale")

    def __call__(self, shape, rng):
        """Return weights of the given shape (units, inputs), drawn from `rng`."""
        shape = _shape_and_rng(shape, rng)
        return rng.normal(0.0, self.scale, shape)


@dataclass(frozen=True)
class _Scaled:
    """What Glorot, He and LeCun share: random weights of a variance that fits the layer."""

    distribution: str = "uniform"

    def __post_init__(self):
        if not isinstance(self.distribution, str) or self.distribution not in DISTRIBUTIONS:
            raise ValueError(f"distribution: {self.distribution!r}, wanted one of {DISTRIBUTIONS}")

    def __call__(self, shape, rng):
        """Return weights of the given shape (units, inputs), drawn from `rng`."""
        shape = _shape_and_rng(shape, rng)
        deviation = np.sqrt(self._variance(*shape))
        if self.distribution == "normal":
            return rng.normal(0.0, deviation, shape)
        limit = np.sqrt(3) * deviation  # uniform in ±limit has the variance limit²/3
        return rng.uniform(-limit, limit, shape)


class Glorot(_Scaled):
    """Variance 2/(inputs + units): for sigmoid, tanh and linear layers, forward and backward.

    Uniform weights lie within ±√(6/(inputs + units)). Also named after the author's first name,
    Xavier.

    >>> abs(Glorot()((2, 4), np.random.default_rng(0))).max() <= 1
    np.True_

    References
    ----------
    Glorot and Bengio (2010), Understanding the difficulty of training deep feedforward networks.
    """

    def _variance(self, units, inputs):
        return 2 / (inputs + units)


class He(_Scaled):
    """Variance 2/inputs: for ReLU layers, whose output keeps half of the squared sum.

    >>> He("normal")((500, 200), np.random.default_rng(0)).var().round(3)
    np.float64(0.01)

    References
    ----------
    He, Zhang, Ren and Sun (2015), Delving deep into rectifiers.
    """

    def _variance(self, units, inputs):
        return 2 / inputs


class LeCun(_Scaled):
    """Variance 1/inputs: a weighted sum of unit-variance inputs has variance 1; for SELU, too.

    >>> LeCun("normal")((500, 200), np.random.default_rng(0)).var().round(3)
    np.float64(0.005)

    References
    ----------
    LeCun, Bottou, Orr and Müller (1998), Efficient BackProp.
    """

    def _variance(self, units, inputs):
        return 1 / inputs


ALL_INITIALIZERS = (Constant(), Normal(0.01), Glorot(), He(), LeCun())
