"""Diagnostics: three numbers per layer that show why a network does not learn.

Layers are numbered from 1, as in ``params.W[1]``: each answer is a dict with these numbers as keys.
"""

import numpy as np

from dlutils._checks import finite_array, positive
from dlutils.activations import Softmax
from dlutils.layers import Activate
from dlutils.network import Gradients, Network, Parameters


def dead_units(net, params, X, *, state=None, tolerance=0.0):
    r"""Find the units that learn from no example: \|g′(z)\| ≤ tolerance for every row of X.

    No gradient passes through such a unit, so the weights before it stay as they are. A ReLU is
    dead where z ≤ 0 for all examples. Sigmoid and tanh are never quite dead but may be saturated:
    ask for them with a tolerance above 0.

    Parameters
    ----------
    net : Network
    params : Parameters
    X : array (N, n_0)
        The examples: all, or many. A unit that is silent for a few may wake for others.
    state : tuple, optional
        ``state`` of a `Fit` or trace, which batch normalization needs.
    tolerance : float ≥ 0
        The largest \|g′(z)\| that counts as none.

    Returns
    -------
    dict
        For the k-th `Activate`, which in an `MLP` is that of layer k, under the key k: the numbers
        of its dead units, from 0. The units of a `Softmax` depend on each other; none counts.

    Raises
    ------
    ValueError
        If net, params, X and state do not fit together, X is a single example, or `tolerance` is
        not a finite number from 0.

    Examples
    --------
    >>> from dlutils import MLP, Sigmoid
    >>> net, X = MLP([1, 2, 1]), [[-1.0], [0.0], [1.0]]
    >>> params = net.parameters(W1=[[1.0], [1.0]], b1=[0.0, -5.0], W2=[[1.0, 1.0]], b2=[0.0])
    >>> dead_units(net, params, X)
    {1: array([1]), 2: array([], dtype=int64)}

    A sigmoid with the same weights is not dead, but its slope stays below 0.02:

    >>> net = MLP([1, 2, 1], hidden=Sigmoid())
    >>> dead_units(net, params, X)[1], dead_units(net, params, X, tolerance=0.02)[1]
    (array([], dtype=int64), array([1]))

    References
    ----------
    Maas, Hannun and Ng (2013), Rectifier nonlinearities improve neural network acoustic models.
    """
    if not isinstance(net, Network):
        raise ValueError(f"net: {net!r}, wanted a Network or an MLP")
    positive(tolerance, "tolerance", or_zero=True)
    X = finite_array(X, "X")
    if X.ndim != 2:
        raise ValueError(f"X: shape {X.shape}, wanted many examples, (N, {net.inputs})")
    trace = net.forward(params, X, state=state)
    pairs = zip(net.layers, trace._caches, strict=True)
    sums = [(layer.activation, z) for layer, z in pairs if isinstance(layer, Activate)]
    return {k: _without_slope(g, z, tolerance) for k, (g, z) in enumerate(sums, 1)}


def _without_slope(g, z, tolerance):
    """Return the columns of z in which the activation's slope is nowhere above the tolerance."""
    if isinstance(g, Softmax):
        return np.flatnonzero([])
    flat = (np.abs(g.derivative(z)) <= tolerance) & ~np.isnan(z)  # a unit that diverged is not dead
    return np.flatnonzero(flat.all(axis=0))


def gradient_norms(gradients):
    r"""Measure the gradient of each layer's weights: ‖∂C/∂W^l‖, the root of the sum of squares.

    Where the norms fall from the last layer to the first by factors of ten, the gradient vanishes;
    where they grow so, it explodes; where all are tiny, training is done, or stuck.

    Parameters
    ----------
    gradients : Gradients
        As `Network.backward` returns them.

    Returns
    -------
    dict
        The norm, a float, of each layer l = 1 … L. NaN and infinity pass.

    Raises
    ------
    ValueError
        If it is not `Gradients`.

    Examples
    --------
    >>> from dlutils import MLP, HalfSquaredError
    >>> net, loss = MLP([2, 1, 1]), HalfSquaredError()
    >>> params = net.parameters(W1=[[0.6, 0.8]], b1=[0.0], W2=[[0.5]], b2=[0.0])
    >>> trace = net.forward(params, [3.0, 4.0])
    >>> gradient_norms(net.backward(params, trace, loss.gradient(trace.output, [0.5])))
    {1: 5.0, 2: 10.0}

    References
    ----------
    Glorot and Bengio (2010), Understanding the difficulty of training deep feedforward networks.
    """
    if not isinstance(gradients, Gradients):
        seen = gradients if isinstance(gradients, Parameters) else type(gradients).__name__
        raise ValueError(f"gradients: {seen}, wanted what net.backward returns")
    return {l: _norm(dW) for l, dW in enumerate(gradients.W, 1)}


def update_ratios(before, after):
    r"""Measure how far each layer's weights moved: ‖W^l after − W^l before‖ / ‖W^l before‖.

    For one step about a thousandth is a common rule of thumb; a tenth is wild, and at a millionth
    next to nothing has happened after a thousand steps.

    Parameters
    ----------
    before, after : Parameters
        Of the same shapes, such as those before and after a step.

    Returns
    -------
    dict
        The ratio, a float, of each layer l = 1 … L: 0 where nothing moved, infinity where weights
        of nothing but 0 did. NaN passes.

    Raises
    ------
    ValueError
        If one is not `Parameters`, or they have different shapes.

    Examples
    --------
    >>> from dlutils import MLP
    >>> net = MLP([2, 1])
    >>> before = net.parameters(W1=[[3.0, 4.0]], b1=[0.0])
    >>> update_ratios(before, net.parameters(W1=[[3.0, 4.5]], b1=[7.0]))
    {1: 0.1}
    """
    for name, params in {"before": before, "after": after}.items():
        if not isinstance(params, Parameters) or isinstance(params, Gradients):
            raise ValueError(f"{name}: {type(params).__name__}, wanted Parameters")
    if after.shapes != before.shapes:
        raise ValueError(f"after: {after}, wanted the shapes of before, {before.shapes}")
    pairs = enumerate(zip(before.W, after.W, strict=True), 1)
    return {l: _ratio(_norm(new - old), _norm(old)) for l, (old, new) in pairs}


def _ratio(moved, length):
    if length == 0:
        return np.inf if moved > 0 else moved  # which may be NaN
    return moved / length


def _norm(array):
    """Return √Σx² as a float, also where the squares would overflow or vanish."""
    largest = float(np.abs(array).max())
    if largest == 0 or not np.isfinite(largest):
        return largest
    return largest * float(np.linalg.norm(array / largest))
