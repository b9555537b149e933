"""Turn values into text and back, so that they can leave the sandbox.

This file alone of the tool is seen by submissions: it imports nothing of the tool. It runs in a
process that a submission may have tampered with, so whoever reads its text trusts nothing in it.
"""

import json

import numpy as np

LARGEST = 20_000  # numbers in a value
DEEPEST = 20
ERROR = "error"


class Failed(Exception):
    """There is no value: the expression raised, the text was not readable, or the time was over."""


class Text:
    """Text that IPython shows as it is."""

    def __init__(self, text):
        self.text = text

    def __repr__(self):
        return self.text


def ask(expression, namespace):
    """Return the value of an expression as text; where there is none, say so as text."""
    try:
        return Text(encoded(eval(f"(\n{expression}\n)", namespace)))
    except BaseException as error:  # also what a submission derives from BaseException
        return Text(json.dumps({ERROR: f"{type(error).__name__}: {error}"[:300]}))


def encoded(value):
    """Return a value as text.

    Examples
    --------
    >>> encoded((1, np.float32([0.5, np.nan])))
    '{"tuple": [1, {"array": "float32", "shape": [2], "values": [0.5, NaN]}]}'
    >>> decoded(_)
    (1, array([0.5, nan], dtype=float32))
    """
    return json.dumps(_encoded(value, 0))


def _encoded(value, depth):
    if depth > DEEPEST:
        raise ValueError("value is nested too deeply")
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, complex) and not isinstance(value, np.generic):
        value = np.asarray(value)
    if isinstance(value, np.ndarray | np.generic):
        value = np.asarray(value)
        if value.dtype.kind not in "biufcU":
            raise ValueError(f"array of type {value.dtype}")
        if value.size > LARGEST:
            raise ValueError(f"array of {value.size} numbers, at most {LARGEST}")
        if value.dtype.kind == "U":
            return _encoded(value.tolist(), depth)
        parts = [value.real, value.imag] if value.dtype.kind == "c" else [value]
        flat = [number for part in parts for number in part.ravel().tolist()]
        return {"array": value.dtype.name, "shape": list(value.shape), "values": flat}
    if isinstance(value, list | tuple):
        kind = "list" if isinstance(value, list) else "tuple"
        return {kind: [_encoded(item, depth + 1) for item in value]}
    if isinstance(value, dict):
        return {
            "dict": [[_encoded(k, depth + 1), _encoded(v, depth + 1)] for k, v in value.items()]
        }
    raise ValueError(f"{type(value).__name__} is no number, text, array, list or dict")


def value(text):
    """Return the value that a text holds, or the Failed that says why there is none."""
    try:
        return Failed("there was no value") if text is None else decoded(text)
    except Failed as failed:
        return failed


def decoded(text):
    """Return the value that a text holds.

    Raises
    ------
    Failed
        If it holds none, for whatever reason.
    """
    try:
        return _decoded(json.loads(text), 0)
    except Failed:
        raise
    except Exception:
        raise Failed("no readable value") from None


def _decoded(tree, depth):
    if depth > DEEPEST:
        raise Failed("no readable value")
    if tree is None or isinstance(tree, bool | int | float | str):
        return tree
    if set(tree) == {ERROR}:
        raise Failed("".join(c if c.isprintable() else " " for c in str(tree[ERROR])[:300]))
    if set(tree) == {"list"}:
        return [_decoded(item, depth + 1) for item in tree["list"]]
    if set(tree) == {"tuple"}:
        return tuple(_decoded(item, depth + 1) for item in tree["tuple"])
    if set(tree) == {"dict"}:
        return {_decoded(k, depth + 1): _decoded(v, depth + 1) for k, v in tree["dict"]}
    name, shape, values = tree["array"], tuple(tree["shape"]), tree["values"]
    dtype = np.dtype(name)
    if dtype.kind not in "biufc" or not all(type(n) is int and n >= 0 for n in shape):
        raise Failed("no readable value")
    if dtype.kind == "c":
        half = len(values) // 2
        values = [complex(a, b) for a, b in zip(values[:half], values[half:], strict=True)]
    array = np.array(values, dtype=dtype)
    if array.ndim != 1 or array.size > LARGEST:
        raise Failed("no readable value")
    return array.reshape(shape)[()] if shape == () else array.reshape(shape)
