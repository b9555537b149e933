"""Training: the loop that turns a loss, an optimizer and data into better parameters."""

import math
import warnings
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple

import numpy as np

from dlutils._checks import finite_array, float_array, generator, same_shape, whole
from dlutils.layers import BatchNorm
from dlutils.losses import Loss
from dlutils.network import Network, Parameters, _views
from dlutils.optimizers import ALL_OPTIMIZERS
from dlutils.schedules import _rate_at

PIECE = 2**18  # bytes of parameters moved at once: their temporaries stay in the processor's cache


@dataclass(frozen=True)
class History:
    """How the losses went, one number per epoch.

    Attributes
    ----------
    loss : tuple of floats
        The mean over the epoch's examples, each at the parameters of its step, with dropout and
        without the penalty of a regularizer.
    validation_loss : tuple of floats
        The loss of the validation data after the epoch; empty without such data.

    Examples
    --------
    >>> History(loss=(0.9, 0.5, 0.3), validation_loss=(0.8, 0.6, 0.7)).best_epoch
    1
    """

    loss: tuple[float, ...] = ()
    validation_loss: tuple[float, ...] = ()

    @property
    def best_epoch(self):
        """The epoch, from 0, with the lowest validation loss, the first one if there are two."""
        if not self.validation_loss:
            raise ValueError("validation_loss: empty, wanted one number per epoch")
        return int(np.argmin(np.nan_to_num(self.validation_loss, nan=np.inf)))


class Fit(NamedTuple):
    """What training returns, and what a callback receives after each epoch.

    Attributes
    ----------
    params : Parameters
    state : tuple
        What the layers remember, as ``net.forward(…, state=…)`` takes it: without it, batch
        normalization knows nothing of the training.
    history : History
    """

    params: Parameters
    state: tuple
    history: History


@dataclass(frozen=True)
class EarlyStopping:
    """The callback that ends training when the validation loss has stopped falling.

    Parameters
    ----------
    patience : int ≥ 1
        How many epochs without a new lowest validation loss end the training.
    restore_best : bool
        Whether `fit` returns the parameters of the best epoch instead of the last one.

    Raises
    ------
    ValueError
        If patience is not a whole number from 1, or there is no validation loss.

    Examples
    --------
    >>> stop = EarlyStopping(patience=2)
    >>> [stop(Fit(None, None, History((), losses))) for losses in [(3, 2), (3, 2, 2), (3, 2, 2, 4)]]
    [False, False, True]

    References
    ----------
    Prechelt (1998), Early stopping: but when?
    """

    patience: int
    restore_best: bool = True

    def __post_init__(self):
        whole(self.patience, "patience", 1)
        if not isinstance(self.restore_best, bool):
            raise ValueError(f"restore_best: {self.restore_best!r}, wanted True or False")

    def __call__(self, so_far):
        """Return whether to stop, given the `Fit` after an epoch."""
        losses = so_far.history.validation_loss
        if not losses:
            raise ValueError("validation: None, wanted validation data for EarlyStopping")
        return len(losses) - 1 - so_far.history.best_epoch >= self.patience


@np.errstate(over="ignore", invalid="ignore")  # `fit` itself tells of a loss that is not finite
def fit(
    net,
    params,
    loss,
    optimizer,
    X,
    y,
    *,
    epochs,
    batch_size,
    rng,
    state=None,
    validation=None,
    regularizer=None,
    clip=None,
    callbacks=(),
    progress=False,
):
    r"""Train a network by mini-batches: θ ← θ + step(∇C(θ)), batch after batch, epoch after epoch.

    Each epoch shuffles the examples and goes through them once. For each batch the loop computes
    the outputs, the loss and its gradient, carries that back through the network, adds the
    gradient of the regularizer, clips, and lets the optimizer take a step. It works on copies:
    nothing that was passed in changes.

    Parameters
    ----------
    net : Network
    params : Parameters
        Where to start. The loop computes in their dtype.
    loss : loss
        Or any object with ``loss(output, target)``, one number, and ``loss.gradient(output,
        target)``, in the shape of the output; its targets arrive as they are given.
    optimizer : optimizer
        Or any object with `init` and `update`. It starts anew.
    X : array (N, n_0)
    y : array (N, …)
        The targets, one row or label per example.
    epochs, batch_size : ints ≥ 1
        The last batch of an epoch is smaller if batch_size does not divide N.
    rng : numpy.random.Generator
        Shuffles, and drops what dropout drops.
    state : tuple, optional
        What the layers remember, as an earlier `Fit` has it; None is the state before training.
    validation : pair (X, y), optional
        Data whose loss is computed after each epoch, without dropout.
    regularizer : regularizer, optional
        A penalty on every W, not on biases or other parameters; its `gradient` is what counts.
    clip : function, optional
        Of the whole gradient vector, returning another, such as
        ``lambda gradient: clip_by_norm(gradient, 1.0)``.
    callbacks : functions
        Each is called after each epoch with the `Fit` so far; one that returns True ends training.
    progress : bool
        Whether to show a progress bar; needs the package tqdm.

    Returns
    -------
    Fit
        The parameters, the state of the layers and the history.

    Raises
    ------
    ValueError
        If an argument does not fit the others.

    Warns
    -----
    RuntimeWarning
        If the loss is not finite any more. Training then ends before that batch's step; the
        history ends with that loss.

    Examples
    --------
    >>> from dlutils import MLP, Adam, Sigmoid, SigmoidCrossEntropy, Tanh
    >>> X, y = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0.0], [1], [1], [0]])  # XOR
    >>> net, rng = MLP([2, 4, 1], hidden=Tanh()), np.random.default_rng(0)
    >>> trained = fit(net, net.init(rng), SigmoidCrossEntropy(), Adam(0.1), X, y,
    ...               epochs=200, batch_size=4, rng=rng)
    >>> Sigmoid()(net.forward(trained.params, X).output).round().ravel()
    array([0., 1., 1., 0.])

    What batch normalization remembers is not among the parameters: hand on ``trained.state``, too.

    >>> from dlutils import Activate, BatchNorm, Dense, Network, ReLU
    >>> net = Network([Dense(2, 8), BatchNorm(8), Activate(ReLU()), Dense(8, 1)])
    >>> trained = fit(net, net.init(rng), SigmoidCrossEntropy(), Adam(0.1), X, y,
    ...               epochs=200, batch_size=4, rng=rng)
    >>> output = net.forward(trained.params, X, state=trained.state).output
    >>> Sigmoid()(output).round().ravel()
    array([0., 1., 1., 0.])

    References
    ----------
    Robbins and Monro (1951), A stochastic approximation method.
    """
    if not isinstance(net, Network):
        raise ValueError(f"net: {net!r}, wanted a Network or an MLP")
    net._fitting(params)
    X, y, cost_of, slope_of = _task(net, params, loss, X, y)
    if validation is not None:
        if not isinstance(validation, tuple | list) or len(validation) != 2:
            raise ValueError(f"validation: {type(validation).__name__}, wanted a pair (X, y)")
        X_held_out, y_held_out, *_ = _task(net, params, loss, *validation, "validation ")
    if not _has(optimizer, "init", "update"):
        raise ValueError(f"optimizer: {optimizer!r}, wanted an optimizer such as Adam()")
    if regularizer is not None and not _has(regularizer, "gradient"):
        raise ValueError(f"regularizer: {regularizer!r}, wanted a regularizer such as L2(0.01)")
    if clip is not None and not callable(clip):
        raise ValueError(f"clip: {clip!r}, wanted a function of the gradient")
    callbacks = tuple(callbacks) if np.iterable(callbacks) else callbacks
    if not isinstance(callbacks, tuple) or not all(map(callable, callbacks)):
        raise ValueError(f"callbacks: {callbacks!r}, wanted a sequence of functions")
    if not isinstance(progress, bool):
        raise ValueError(f"progress: {progress!r}, wanted True or False")
    epochs, batch_size = whole(epochs, "epochs", 1), whole(batch_size, "batch_size", 1)
    generator(rng)
    last = len(X) % batch_size or batch_size
    if last == 1 and any(isinstance(layer, BatchNorm) for layer in net.layers):
        seen = f"batch_size: {batch_size}, which leaves a batch of 1 of {len(X)} examples"
        raise ValueError(f"{seen}, wanted batches of at least 2 for BatchNorm")

    vector, gradient = params.vector.copy(), np.empty_like(params.vector)
    here, slopes = _views(vector, net.shapes), _views(gradient, net.shapes)
    own, into = net._by_layer(here), net._by_layer(slopes)
    weights = [name for name in here if name.strip("0123456789") == "W"]
    weights = [] if regularizer is None else weights
    move = _mover(optimizer, vector)
    state, history, best = net._fitting_states(state), History(), None

    def step(X, y):
        """Move the parameters by one step, and return the loss before it."""
        nonlocal state
        outputs, caches, after = net._forward(own, X, True, rng, state)
        cost = cost_of(outputs[-1], y)
        if math.isfinite(cost):
            state = tuple(after)
            net._backward(own, caches, slope_of(outputs[-1], y), into)
            for name in weights:
                penalty = regularizer.gradient(here[name])
                slopes[name] += _shaped(penalty, here[name].shape, "regularizer.gradient", "W")
            if clip is None:
                move(gradient)
            else:
                move(_shaped(clip(gradient.copy()), gradient.shape, "clip", "the gradient"))
        return cost

    for _ in _with_progress_bar(range(epochs)) if progress else range(epochs):
        order, total = rng.permutation(len(X)), 0.0
        for start in range(0, len(X), batch_size):
            rows = order[start : start + batch_size]
            total += step(X[rows], y[rows]) * len(rows)
            if not math.isfinite(total):
                break
        held_out = history.validation_loss
        if validation is not None:
            outputs, _, _ = net._forward(own, X_held_out, False, None, state)
            held_out = (*held_out, cost_of(outputs[-1], y_held_out))
        history = History((*history.loss, total / len(X)), held_out)
        so_far = Fit(params.with_vector(vector), state, history)
        if held_out and history.best_epoch == len(held_out) - 1:
            best = so_far
        if not np.isfinite(total):
            seen = f"loss: {total} in epoch {len(history.loss) - 1}"
            warnings.warn(f"{seen}, training ended; try a lower rate", RuntimeWarning, stacklevel=3)
            break
        if any([callback(so_far) is True for callback in callbacks]):
            break
    if best and any(getattr(callback, "restore_best", False) for callback in callbacks):
        return best._replace(history=history)
    return so_far


def _task(net, params, loss, X, y, name=""):
    """Check data once; return X, targets, and loss and gradient as functions without checks."""
    X = finite_array(X, f"{name}X").astype(params.vector.dtype, copy=False)
    if X.ndim != 2 or X.shape[1] != net.inputs or len(X) == 0:
        raise ValueError(f"{name}X: shape {X.shape}, wanted (N, {net.inputs}), N at least 1")
    finite_array(y, f"{name}y")
    y = np.asarray(y)
    if y.shape[:1] != X.shape[:1]:
        raise ValueError(f"{name}y: shape {y.shape}, wanted {len(X)} rows, one per example")
    if not _has(loss, "__call__", "gradient"):
        raise ValueError(f"loss: {loss!r}, wanted a loss such as HalfSquaredError()")
    ours = _inherits(loss, Loss, "__call__", "gradient")
    if ours:
        try:
            y = loss._targets(y, (len(X), net.outputs), X.dtype)
        except ValueError as misfit:
            raise ValueError(f"{name}y: {str(misfit).removeprefix('target: ')}") from None

    def cost(output, target):
        if not np.isfinite(output).all():
            return math.nan
        if ours:
            loss._check_output(output)
            return float(loss._value(output, target))
        return float(_shaped(loss(output, target), (), "loss", "one number"))

    def slope(output, target):
        return _shaped(loss.gradient(output, target), output.shape, "loss.gradient", "the output")

    return X, y, cost, loss._slope if ours else slope


def _has(thing, *methods):
    """Return whether it is an object, not a class, with these methods."""
    able = all(callable(getattr(thing, method, None)) for method in methods)
    return able and not isinstance(thing, type)


def _inherits(thing, base, *methods):
    """Return whether these methods are those of the base class, so that its inner ones do."""
    found = (getattr(type(thing), method, None) for method in methods)
    return all(f is getattr(base, method) for f, method in zip(found, methods, strict=True))


def _shaped(array, shape, name, like):
    """Return what the caller's function returned, as an array; refuse another shape."""
    array = float_array(array, name)
    same_shape(array, shape, name, f"as {like}")
    return array


def _mover(optimizer, vector):
    """Return a function that takes a gradient and moves the vector by one step of the optimizer."""
    if type(optimizer) not in map(type, ALL_OPTIMIZERS):  # one that may not be cut into pieces
        state = optimizer.init(vector.copy())

        def move(gradient):
            nonlocal state
            step, state = optimizer.update(gradient.copy(), state, vector.copy())
            vector[...] += _shaped(step, vector.shape, "optimizer.update", "the parameters")

        return move
    steps, length = count(), PIECE // vector.itemsize
    pieces = [slice(i, i + length) for i in range(0, vector.size, length)]
    # The way back computes the first parameters' gradients last: they are still in the cache.
    pieces.reverse()
    parts = [(piece, vector[piece], optimizer.init(vector[piece])[1:]) for piece in pieces]

    def move(gradient):
        taken = next(steps)
        rate = _rate_at(optimizer.learning_rate, taken, "learning_rate")
        for piece, theta, arrays in parts:
            theta += optimizer._formula(rate, taken + 1, gradient[piece], theta, *arrays)

    return move


def _with_progress_bar(epochs):
    try:
        from tqdm.auto import tqdm
    except ImportError as missing:
        raise ImportError("progress: True, which needs tqdm (pip install tqdm)") from missing
    return tqdm(epochs, unit="epoch")
