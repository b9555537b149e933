"""Gradient clipping: keep one exploding gradient from throwing the parameters far away."""

import numpy as np

from dlutils._checks import finite_array, positive


def clip_by_norm(gradient, limit):
    r"""Shorten a gradient that is longer than the limit: g·limit/‖g‖ if ‖g‖ > limit, else g.

    The direction stays. ‖g‖ is the Euclidean norm of all entries.

    Parameters
    ----------
    gradient : array of any shape; it is not changed
        g.
    limit : float > 0

    Returns
    -------
    new array in the shape and dtype of the gradient

    Raises
    ------
    ValueError
        If an entry of the gradient is not finite, or `limit` is not a finite number above 0.

    Notes
    -----
    With the largest absolute entry m, ‖g‖ = m·‖g/m‖. The second factor cannot overflow, and the
    product is never computed: ‖g‖ > limit is the same as m > limit/‖g/m‖.

    PyTorch's ``clip_grad_norm_`` multiplies by min(1, limit/(‖g‖ + 10⁻⁶)) instead: where it clips,
    its result is shorter by the factor ‖g‖/(‖g‖ + 10⁻⁶).

    Examples
    --------
    >>> clip_by_norm([3.0, 4.0], limit=1.0)
    array([0.6, 0.8])
    >>> clip_by_norm([0.3, 0.4], limit=1.0)
    array([0.3, 0.4])

    References
    ----------
    Pascanu, Mikolov and Bengio (2013), On the difficulty of training recurrent neural networks.
    """
    gradient = finite_array(gradient, "gradient")
    positive(limit, "limit")
    largest = float(np.abs(gradient).max(initial=0))
    if largest == 0:
        return gradient.copy()
    scaled = gradient / largest
    length = float(limit) / float(np.linalg.norm(scaled))
    return scaled * length if largest > length else gradient.copy()


def clip_by_value(gradient, limit):
    r"""Move every entry of a gradient into [−limit, limit]: max(−limit, min(g, limit)).

    The direction may change: the entries beyond the limit all end at it, however far they were.

    Parameters
    ----------
    gradient : array of any shape; it is not changed
        g.
    limit : float > 0

    Returns
    -------
    new array in the shape and dtype of the gradient

    Raises
    ------
    ValueError
        If an entry of the gradient is not finite, or `limit` is not a finite number above 0.

    Examples
    --------
    >>> clip_by_value([-3.0, 0.5, 4.0], limit=1.0)
    array([-1. ,  0.5,  1. ])

    References
    ----------
    Mikolov (2012), Statistical language models based on neural networks.
    """
    gradient = finite_array(gradient, "gradient")
    positive(limit, "limit")
    limit = min(float(limit), float(np.finfo(gradient.dtype).max))  # so that it fits the dtype
    return np.clip(gradient, -limit, limit)
