"""Clear errors for bad input: each names the argument, what was seen and what was wanted."""

from numbers import Integral, Real

import numpy as np


def float_array(value, name):
    """Return `value` as a float array: float32 and float64 stay, integers become float64."""
    try:
        array = np.asarray(value)
    except ValueError as ragged:
        raise ValueError(f"{name}: rows of unequal length, wanted an array of numbers") from ragged
    if array.dtype in (np.float32, np.float64):
        return array
    if array.dtype.kind not in "iub":
        raise ValueError(f"{name}: dtype {array.dtype}, wanted real numbers (float32 or float64)")
    return array.astype(np.float64)


def finite_array(value, name):
    """Return `value` as a float array in which every entry is a finite number."""
    array = float_array(value, name)
    if not np.isfinite(array).all():
        index = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise ValueError(f"{name}: {array[index]} at index {index}, wanted finite numbers")
    return array


def same_shape(array, shape, name, because):
    """Refuse an array of another shape than `shape`: nothing broadcasts."""
    if array.shape != tuple(shape):
        raise ValueError(f"{name}: shape {array.shape}, wanted {tuple(shape)}, {because}")


def positive(value, name, *, or_zero=False):
    """Refuse a hyper-parameter that is not one finite number above 0 (or, if so told, 0)."""
    if isinstance(value, Real) and not isinstance(value, bool) and np.isfinite(value):
        if value > 0 or (or_zero and value == 0):
            return
    raise ValueError(
        f"{name}: {value!r}, wanted one finite number {'from' if or_zero else 'above'} 0"
    )


def number(value, name):
    """Return `value` as a float; refuse what is not one finite number."""
    array = finite_array(value, name)
    same_shape(array, (), name, "one number")
    if isinstance(value, bool | np.bool_):
        raise ValueError(f"{name}: {value!r}, wanted one number")
    return float(array)


def whole(value, name, least):
    """Return `value` as an int; refuse what is not a whole number from `least`."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name}: {value!r}, wanted a whole number from {least}")
    return int(value)


def generator(rng, name="rng"):
    """Return `rng`; refuse what is not a random generator."""
    if not isinstance(rng, np.random.Generator):
        raise ValueError(f"{name}: {rng!r}, wanted a generator such as np.random.default_rng(0)")
    return rng
