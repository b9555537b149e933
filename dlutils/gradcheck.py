"""Gradient checking: compare a gradient that someone derived with one that is simply measured."""

import numpy as np

from dlutils._checks import finite_array, float_array, positive, same_shape


def numerical_gradient(f, x, step=1e-5):
    r"""Measure the gradient of f at x by centered differences.

    For each entry i, with h = `step` and eᵢ the i-th unit vector:
    ∂f/∂xᵢ ≈ (f(x + h eᵢ) − f(x − h eᵢ)) / (2h), with an error that shrinks like h².

    Parameters
    ----------
    f : function of one array, returning one number
    x : array of any shape; it is not changed
    step : float > 0
        h. In float64 and for entries of x of order 1, 1e-5 balances the error of the formula
        against that of rounding.

    Returns
    -------
    float64 array in the shape of x

    Raises
    ------
    ValueError
        If x is not finite, `step` is not above 0, or f does not return one number.

    Examples
    --------
    >>> numerical_gradient(lambda x: x[0] ** 2 + 3 * x[1], [2.0, 5.0]).round(6)
    array([4., 3.])
    """
    if not callable(f):
        raise ValueError(f"f: {f!r}, wanted a function of one array")
    positive(step, "step")
    x = finite_array(x, "x").astype(np.float64)
    gradient = np.empty_like(x)
    for index in np.ndindex(x.shape):
        values = []
        for sign in (1, -1):
            moved = x.copy()
            moved[index] += sign * step
            value = float_array(f(moved), "f")
            if value.size != 1:
                raise ValueError(f"f: returned shape {value.shape}, wanted one number")
            values.append(value.item())
        gradient[index] = (values[0] - values[1]) / (2 * step)
    return gradient


def relative_error(a, b):
    r"""Compare two arrays by one number: ‖a − b‖ / max(‖a‖, ‖b‖, 1).

    Below 1e-7 two gradients agree. For norms below 1 this is the plain distance ‖a − b‖, since a
    measured gradient carries an absolute error too: gradients as small as that error are not told
    apart.

    Parameters
    ----------
    a, b : arrays of equal shape

    Returns
    -------
    float ≥ 0

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> relative_error([3.0, 4.0], [3.0, 4.5])  # 0.5 / ‖(3, 4.5)‖
    0.09245003270420485
    """
    a, b = float_array(a, "a"), float_array(b, "b")
    same_shape(b, a.shape, "b", "that of a")
    scale = max(np.linalg.norm(a), np.linalg.norm(b), 1.0)
    return float(np.linalg.norm(a - b) / scale)


def check_gradient(f, gradient, x, *, step=1e-5, tolerance=1e-7):
    """Raise unless `gradient` is the gradient of f at x, as centered differences measure it.

    Where both are shorter than half of `tolerance`, any two pass: then multiply f by a million.

    Parameters
    ----------
    f : function of one array, returning one number
    gradient : array in the shape of x, or a function of x that returns it
    x : array of any shape
    step : float > 0
        The step of the centered differences.
    tolerance : float > 0
        The largest `relative_error` that passes.

    Returns
    -------
    float
        The relative error, when it is at most `tolerance`.

    Raises
    ------
    AssertionError
        If the two differ; the message shows both arrays and where they differ most.
    ValueError
        If `gradient` has another shape than x.

    Examples
    --------
    >>> check_gradient(lambda x: (x**2).sum(), lambda x: 2 * x, [1.0, -3.0]) < 1e-7
    True

    A whole network is a function of one vector. (With dropout, pass ``training=True`` and each time
    a new generator with the same seed, as in ``rng=np.random.default_rng(0)``.)

    >>> from dlutils import MLP, HalfSquaredError, Tanh
    >>> net, loss, x, y = MLP([2, 3, 1], hidden=Tanh()), HalfSquaredError(), [0.5, 0.8], [1.0]
    >>> params = net.init(np.random.default_rng(0))
    >>> trace = net.forward(params, x)
    >>> gradients = net.backward(params, trace, loss.gradient(trace.output, y))
    >>> def cost(vector):
    ...     return loss(net.forward(params.with_vector(vector), x).output, y)
    >>> check_gradient(cost, gradients.vector, params.vector) < 1e-7
    True
    """
    positive(tolerance, "tolerance")
    x = finite_array(x, "x")
    claimed = float_array(gradient(x.copy()) if callable(gradient) else gradient, "gradient")
    same_shape(claimed, x.shape, "gradient", "that of x")
    measured = numerical_gradient(f, x, step)
    error = relative_error(claimed, measured)
    if error <= tolerance:
        return error
    difference = np.abs(np.nan_to_num(claimed - measured, nan=np.inf))
    worst = tuple(int(i) for i in np.unravel_index(np.argmax(difference), x.shape))
    raise AssertionError(
        f"gradient: relative error {error:.2e}, wanted at most {tolerance:.0e}\n"
        f"most different at index {worst}\n"
        f"gradient given:\n{claimed}\n"
        f"centered differences:\n{measured}"
    )
