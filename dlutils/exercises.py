"""Instant feedback in assignments: whether a value is the wanted one, and where to look if not.

What a value is compared by here, the grading tool compares by, too.
"""

import numpy as np

__all__ = ["NotYet", "check"]

RELATIVE, ABSOLUTE = 1e-6, 1e-8
COARSE = 1e-4  # a float32 has about seven digits, and sums of them fewer


class NotYet(AssertionError):
    """A value is not yet the wanted one; Jupyter shows the message alone, without a traceback."""

    def _render_traceback_(self):
        return str(self).splitlines()


def check(value, wanted, *, hint, tolerance=None):
    """Say that a value is right, or raise an error that says what differs, with a hint.

    Parameters
    ----------
    value : number, text, array, or a list, tuple or dict of such
        Yours.
    wanted : the same
        What it should be.
    hint : str
        Where to look if it is not.
    tolerance : float, optional
        How far numbers may be apart. Without it, one millionth of the wanted number, or 1e-8.

    Raises
    ------
    NotYet
        If the value is not the wanted one.

    Examples
    --------
    >>> check(0.1 + 0.2, 0.3, hint="add the two numbers")
    ✓ right
    >>> check([1.0, 2.0, 4.0], [1.0, 2.0, 3.0], hint="count on")
    Traceback (most recent call last):
        ...
    dlutils.exercises.NotYet: ✗ not yet: at [2] yours is 4
    Hint: count on
    """
    problem = difference(value, wanted, tolerance)
    if problem:
        raise NotYet(f"✗ not yet: {problem}\nHint: {hint}")
    print("✓ right")


def difference(value, wanted, tolerance=None):
    """Say in what a value differs from the wanted one; nothing if it does not.

    Lists, tuples and arrays of numbers are all compared as arrays, of equal shape. A wanted float32
    asks for a float32; whether other numbers are whole or not makes no difference.

    Examples
    --------
    >>> difference(np.zeros((3, 1)), np.zeros(3))
    'yours has shape (3, 1), wanted (3,)'
    >>> difference(None, 1.0)
    'yours is None: is there a return?'
    >>> difference((1, 2), [1.0, 2.0])
    """
    value, wanted = _listed(value), _listed(wanted)
    if value is None and wanted is not None:
        return "yours is None: is there a return?"
    numbers, wanted_numbers = _numbers(value), _numbers(wanted)
    if wanted_numbers is not None and numbers is not None:
        return _between_arrays(numbers, wanted_numbers, tolerance)
    if _kind(value) != _kind(wanted):
        return f"yours is {_kind(value)}, wanted {_kind(wanted)}"
    if isinstance(wanted, dict):
        if list(value) != list(wanted) and set(value) != set(wanted):
            return "yours has other keys"
        pairs = [(repr(key), value[key], wanted[key]) for key in wanted]
    elif isinstance(wanted, list | tuple):
        if len(value) != len(wanted):
            return f"yours has {len(value)} items, wanted {len(wanted)}"
        pairs = [(n, *pair) for n, pair in enumerate(zip(value, wanted, strict=True))]
    else:
        return None if bool(value == wanted) else f"yours is {value!r:.80}"
    for place, mine, other in pairs:
        if problem := difference(mine, other, tolerance):
            return f"item {place}: {problem}"
    return None


def _listed(value):
    """Return an array of anything but numbers as a list."""
    if isinstance(value, np.ndarray) and value.dtype.kind not in "biufc":
        return value.tolist()
    return value


def _numbers(value):
    """Return a value as an array, where it is made of numbers alone, or of truth values alone."""
    if _holds(value, str | bytes | dict | set | None):
        return None
    try:
        array = np.asarray(value)
    except (ValueError, TypeError, OverflowError):  # lists of unequal lengths, for example
        return None
    if array.dtype.kind not in "biufc":
        return None
    if array.dtype.kind != "b" and _holds(value, bool | np.bool):  # NumPy made numbers of them
        return None
    return array


def _holds(value, kinds):
    """Say whether a value is of one of some kinds, or a list or array of which any item is."""
    if isinstance(value, list | tuple):
        return any(_holds(item, kinds) for item in value)
    if isinstance(value, np.ndarray):
        return issubclass(value.dtype.type, kinds)
    return isinstance(value, kinds)


def _kind(value):
    array = _numbers(value)
    if array is not None:
        truth = array.dtype.kind == "b"
        if not array.ndim:
            return "True or False" if truth else "a number"
        return "an array of " + ("truth values" if truth else "numbers")
    kinds = {str: "a text", dict: "a dict", list: "a list", tuple: "a list", type(None): "None"}
    named = (name for kind, name in kinds.items() if isinstance(value, kind))
    return next(named, f"a {type(value).__name__}")


def _between_arrays(value, wanted, tolerance):
    if value.shape != wanted.shape:
        return f"yours has shape {value.shape}, wanted {wanted.shape}"
    if (value.dtype.kind == "b") != (wanted.dtype.kind == "b"):
        return f"yours is {_kind(value)}, wanted {_kind(wanted)}"
    single = wanted.dtype.name in ("float16", "float32")
    if single and value.dtype.name != wanted.dtype.name:
        return f"yours is of type {value.dtype}, wanted {wanted.dtype}"
    if value.dtype.kind == "c" and wanted.dtype.kind != "c":
        return "yours is complex, wanted real numbers"
    if wanted.dtype.kind == "b":
        close = value == wanted
    else:
        relative = 0.0 if tolerance is not None else COARSE if single else RELATIVE
        absolute = ABSOLUTE if tolerance is None else tolerance
        with np.errstate(all="ignore"):
            close = np.isclose(value, wanted, rtol=relative, atol=absolute, equal_nan=True)
    if close.all():
        return None
    if not close.ndim:
        return f"yours is {_text(value[()])}"
    place = np.argwhere(~close)[0]
    return f"at {[int(n) for n in place]} yours is {_text(value[tuple(place)])}"


def _text(number):
    return str(number) if isinstance(number, bool | np.bool) else f"{number:.6g}"
