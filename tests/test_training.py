"""Training: the loop written out, PyTorch's training, history, stopping, divergence, refusals."""

import ast
import importlib
import json
import re
import subprocess
import sys
import types
import warnings
from dataclasses import FrozenInstanceError
from pathlib import Path

import numpy as np
import pytest
from framework import SOURCES, references

import dlutils
from dlutils import (
    MLP,
    Activate,
    Adam,
    AdamW,
    BatchNorm,
    Dense,
    Dropout,
    GradientDescent,
    HalfSquaredError,
    Identity,
    LayerNorm,
    MeanSquaredError,
    Momentum,
    Nesterov,
    Network,
    PReLU,
    ReLU,
    Sigmoid,
    SigmoidCrossEntropy,
    Softmax,
    SoftmaxCrossEntropy,
    StepDecay,
    Tanh,
    Warmup,
    training,
)
from dlutils.clipping import clip_by_norm, clip_by_value
from dlutils.datasets import digits, logic_gate, stratified_split
from dlutils.layers import Maxout
from dlutils.losses import (
    ALL_LOSSES,
    BinaryCrossEntropy,
    CategoricalCrossEntropy,
    Hinge,
    SquaredHinge,
)
from dlutils.optimizers import ALL_OPTIMIZERS
from dlutils.regularizers import L1, L2, ElasticNet
from dlutils.training import EarlyStopping, Fit, History, fit

every_optimizer = pytest.mark.parametrize("optimizer", ALL_OPTIMIZERS, ids=repr)
MARGIN, CHANCES = (Hinge, SquaredHinge), (BinaryCrossEntropy, CategoricalCrossEntropy)
DEEP = Network(
    [
        *(LayerNorm(4), Dense(4, 10), BatchNorm(10), Maxout(), Dropout(0.2)),
        *(Dense(5, 6), PReLU(6), Dropout(0.1), Dense(6, 3)),
    ]
)
NET, LOSS = MLP([4, 5, 3], hidden=Tanh()), HalfSquaredError()


def rng(seed=0):
    return np.random.default_rng(seed)


def data_for(loss, rows=11, inputs=4, outputs=3, seed=1):
    """Return examples and random targets of the kind that a loss takes."""
    random = rng(seed)
    X, y = random.normal(size=(rows, inputs)), random.uniform(size=(rows, outputs))
    if isinstance(loss, MARGIN):
        y = np.where(y < 0.5, -1, 1)
    if isinstance(loss, CategoricalCrossEntropy | SoftmaxCrossEntropy):
        y = random.integers(outputs, size=rows)
    return X, y


X, Y = data_for(LOSS)
PARAMS = NET.init(rng())


def train(epochs=3, *, net=NET, params=PARAMS, loss=LOSS, optimizer=None, X=X, y=Y, **settings):
    """Call `fit` with what a test does not care about filled in."""
    settings = {"batch_size": 4, "rng": rng()} | settings
    return fit(net, params, loss, optimizer or Adam(0.05), X, y, epochs=epochs, **settings)


def by_hand(
    net, params, loss, optimizer, X, y, *, epochs, batch_size, rng, regularizer=None, clip=None
):
    """Train with the public functions alone; return a `Fit` for each epoch, as callbacks get it."""
    theta, state, losses, found = params.vector, net.init_state(), [], []
    memory = optimizer.init(theta)
    for _ in range(epochs):
        order, total = rng.permutation(len(X)), 0.0
        for rows in np.split(order, range(batch_size, len(X), batch_size)):
            here = params.with_vector(theta)
            trace = net.forward(here, X[rows], training=True, rng=rng, state=state)
            state = trace.state
            total += loss(trace.output, y[rows]) * len(rows)
            gradients = net.backward(here, trace, loss.gradient(trace.output, y[rows]))
            parts = {name: gradients[name] for name in net.shapes}
            if regularizer:
                for l in range(1, len(here.W) + 1):
                    parts[f"W{l}"] = parts[f"W{l}"] + regularizer.gradient(here.W[l])
            gradient = np.concatenate([part.ravel() for part in parts.values()])
            if clip:
                gradient = clip(gradient)
            step, memory = optimizer.update(gradient, memory, theta)
            theta = theta + step
        losses.append(total / len(X))
        found.append(Fit(params.with_vector(theta), state, History(tuple(losses))))
    return found


def assert_as_by_hand(net, params, loss, optimizer, X, y, **settings):
    theirs, seed = by_hand(net, params, loss, optimizer, X, y, rng=rng(7), **settings), rng(7)
    ours = []
    last = fit(net, params, loss, optimizer, X, y, rng=seed, callbacks=[ours.append], **settings)
    assert len(ours) == len(theirs) and (last.params.vector == ours[-1].params.vector).all()
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.params.vector, b.params.vector, rtol=1e-12, atol=1e-12)
        assert a.history.loss == pytest.approx(b.history.loss, rel=1e-12, abs=0)
        for mine, other in zip(a.state, b.state, strict=True):
            assert (mine is None) == (other is None)
            if other is not None:
                np.testing.assert_allclose(mine, other, rtol=1e-12, atol=1e-12)
    assert (ours[0].params.vector != params.vector).any()


# The loop, written out with the public functions.


@every_optimizer
@pytest.mark.parametrize("piece", [training.PIECE, 64])
def test_fit_is_the_loop_written_out_for_every_optimizer(optimizer, piece, monkeypatch):
    monkeypatch.setattr(training, "PIECE", piece)
    loss = SoftmaxCrossEntropy()
    settings = {"regularizer": ElasticNet(0.01, 0.1), "clip": lambda g: clip_by_norm(g, 0.5)}
    for batch_size in (4, 11):
        assert_as_by_hand(
            DEEP, DEEP.init(rng(2)), loss, optimizer, *data_for(loss),
            epochs=5, batch_size=batch_size, **settings,
        )  # fmt: skip


@pytest.mark.parametrize("loss", ALL_LOSSES, ids=repr)
def test_fit_is_the_loop_written_out_for_every_loss(loss):
    output = {BinaryCrossEntropy: Sigmoid(), CategoricalCrossEntropy: Softmax()}
    net = MLP([4, 5, 3], hidden=Tanh(), output=output.get(type(loss), Identity()))
    assert_as_by_hand(
        net, net.init(rng()), loss, Momentum(0.1), *data_for(loss), epochs=5, batch_size=3
    )


def test_one_hot_rows_train_as_labels_do():
    X, labels = data_for(CLASSES)
    one, other = (
        train(loss=SoftmaxCrossEntropy(), X=X, y=y).params.vector
        for y in (labels, np.eye(3)[labels])
    )
    assert (one == other).all()


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"regularizer": L1(0.05)},
        {"regularizer": L2(0.3), "clip": lambda g: clip_by_value(g, 0.1)},
        {"clip": lambda g: clip_by_norm(g, 0.01)},
    ],
)
@pytest.mark.parametrize(
    "optimizer",
    [
        GradientDescent(StepDecay(0.1, 0.5, 4)),
        AdamW(Warmup(5, 0.1)),
        Nesterov(lambda t: 0.1 / (1 + t)),
    ],
    ids=["steps", "warmup", "function"],
)
def test_fit_is_the_loop_written_out_with_schedules_penalties_and_clips(optimizer, settings):
    assert_as_by_hand(NET, PARAMS, LOSS, optimizer, X, Y, epochs=4, batch_size=4, **settings)


@every_optimizer
def test_parameters_of_many_pieces_move_as_one(optimizer):
    net = MLP([200, 180])
    params = net.init(rng())
    assert params.vector.nbytes > 2**18
    data = data_for(LOSS, inputs=200, outputs=180)
    assert_as_by_hand(net, params, LOSS, optimizer, *data, epochs=3, batch_size=8)


# PyTorch. Each name is that of a setting in fixtures/torch_training.py.

PLAIN, CLASSES = MLP([6, 5, 4], hidden=Tanh()), SoftmaxCrossEntropy()
NORMALIZED = Network([Dense(6, 5), BatchNorm(5, momentum=0.2), Activate(ReLU()), Dense(5, 4)])
FRAMEWORK = {
    "adam": (PLAIN, CLASSES, "labels", Adam(0.01), {}),
    "adam, penalty": (PLAIN, CLASSES, "labels", Adam(0.01), {"regularizer": L2(0.1)}),
    "adamw": (PLAIN, CLASSES, "labels", AdamW(0.01, weight_decay=0.3), {}),
    "momentum": (PLAIN, MeanSquaredError(), "numbers", Momentum(0.05), {}),
    "momentum, all": (
        NORMALIZED, CLASSES, "labels", Momentum(StepDecay(0.05, 0.5, 7)),
        {"regularizer": L2(0.1), "clip": lambda gradient: clip_by_value(gradient, 0.05)},
    ),
    "nesterov": (NORMALIZED, SigmoidCrossEntropy(), "chances", Nesterov(0.05), {}),
}  # fmt: skip


class Orders(np.random.Generator):
    """A generator whose permutations are given ones."""

    def __init__(self, orders):
        super().__init__(np.random.PCG64())
        self.orders = iter(orders)

    def permutation(self, n):
        order = next(self.orders)
        assert len(order) == n
        return order


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("name", FRAMEWORK)
def test_sixty_steps_of_training_are_those_of_pytorch(name, source):
    net, loss, target, optimizer, settings = FRAMEWORK[name]
    torch, epochs = references("torch_training", source), []
    X, y, n = torch["X"], torch[target], torch["orders"].shape[1]
    result = fit(
        net, net.init(rng()).with_vector(torch[f"{name}: start"]), loss, optimizer, X[:n], y[:n],
        epochs=20, batch_size=8, rng=Orders(torch["orders"]), validation=(X[n:], y[n:]),
        callbacks=[epochs.append], **settings,
    )  # fmt: skip
    assert len(epochs) == 20 and n == 23  # 3 batches an epoch
    for k, so_far in enumerate(epochs):
        theirs = torch[f"{name}: parameters"][k]
        np.testing.assert_allclose(so_far.params.vector, theirs, rtol=1e-10, atol=1e-10)
        running = [array for state in so_far.state if state is not None for array in state]
        theirs = torch[f"{name}: running"][k]
        np.testing.assert_allclose(np.append([], running), theirs, rtol=1e-10, atol=1e-10)
    assert result.history.loss == pytest.approx(torch[f"{name}: loss"], rel=1e-10, abs=0)
    theirs = torch[f"{name}: validation"]
    assert result.history.validation_loss == pytest.approx(theirs, rel=1e-10, abs=0)


# History.


def test_loss_is_the_mean_over_examples_not_over_batches():
    still = GradientDescent(lambda step: 0.0)
    for batch_size in (1, 4, 10, 11, 99):  # 4 leaves a last batch of 3, 10 one of 1
        history = train(2, optimizer=still, batch_size=batch_size).history
        whole = LOSS(NET.forward(PARAMS, X).output, Y)
        assert history.loss == pytest.approx([whole, whole], rel=1e-14, abs=0)
        assert all(type(loss) is float for loss in history.loss)
        assert type(history.loss) is tuple and history.validation_loss == ()


def test_loss_is_without_the_penalty():
    still = GradientDescent(lambda step: 0.0)
    one, other = (train(optimizer=still, regularizer=r).history for r in (None, L2(5.0)))
    assert one == other


def test_validation_is_that_after_the_epoch_without_dropout_with_running_statistics():
    X_held_out, y_held_out = data_for(LOSS, rows=6, seed=9)
    epochs = []
    result = train(
        4, net=DEEP, params=DEEP.init(rng(2)), validation=(X_held_out, y_held_out),
        callbacks=[epochs.append],
    )  # fmt: skip
    for k, so_far in enumerate(epochs):
        output = DEEP.forward(so_far.params, X_held_out, state=so_far.state).output
        wanted = LOSS(output, y_held_out)
        assert so_far.history.validation_loss[-1] == pytest.approx(wanted, rel=1e-14, abs=0)
        assert type(so_far.history.validation_loss[-1]) is float
        assert so_far.history.loss == result.history.loss[: k + 1]
    assert len(result.history.validation_loss) == 4


def test_validation_changes_nothing_else():
    with_it, without = train(validation=(X, Y)), train()
    assert (with_it.params.vector == without.params.vector).all()
    assert with_it.history.loss == without.history.loss
    assert (train(validation=[X, Y]).params.vector == without.params.vector).all()


def test_best_epoch_is_the_first_lowest_and_never_nan():
    nan, inf = float("nan"), float("inf")
    for losses, best in [
        ((3, 1, 2), 1), ((2, 1, 1), 1), ((1,), 0), ((nan, 3, 2, nan), 2), ((inf, nan), 0),
    ]:  # fmt: skip
        assert History((), losses).best_epoch == best
        assert type(History((), losses).best_epoch) is int
    with pytest.raises(ValueError, match="validation_loss: empty, wanted one number per epoch"):
        _ = History((1.0,)).best_epoch
    with pytest.raises(FrozenInstanceError):
        History().loss = (1.0,)
    assert History() == History((), ())


# Early stopping.


class Breaks:
    """A loss that is NaN at some of its calls, counted from 1."""

    gradient = staticmethod(LOSS.gradient)

    def __init__(self, *calls):
        self.broken, self.count = calls, 0

    def __call__(self, output, target):
        self.count += 1
        return np.nan if self.count in self.broken else LOSS(output, target)


def pulling(*targets):
    """Return a network of one weight, and an optimizer that puts it at given numbers in turn."""
    net = Network([Dense(1, 1)])

    class Jump:
        def init(self, theta):
            return iter(targets)

        def update(self, gradient, state, theta):
            return np.array([next(state), 0.0]) - theta, state

    return net, net.parameters(W1=[[0.0]], b1=[0.0]), Jump()


def jumps(*targets, loss=LOSS, **settings):
    """Train so that the validation loss after epoch k is half of targets[k] squared."""
    net, params, optimizer = pulling(*targets)
    data = np.ones((1, 1)), np.zeros((1, 1))
    return fit(
        net, params, loss, optimizer, *data, epochs=len(targets), batch_size=1, rng=rng(),
        validation=data, **settings,
    )  # fmt: skip


@pytest.mark.parametrize(("patience", "epochs"), [(1, 3), (2, 6), (3, 7), (5, 9), (100, 9)])
@pytest.mark.parametrize("restore_best", [True, False])
def test_patience_counts_the_epochs_without_a_new_best(patience, epochs, restore_best):
    targets = [5, 4, 6, 3, 3, 7, 3, 8, 9]  # the best after epochs 0, 1 and 3; 3 again is not new
    stop = EarlyStopping(patience, restore_best)
    for _ in range(2):  # it remembers nothing
        result = jumps(*targets, callbacks=[stop])
        wanted = [t**2 / 2 for t in targets[:epochs]]
        assert result.history.validation_loss == tuple(wanted)
        best = min(targets[:epochs]) if restore_best else targets[epochs - 1]
        assert result.params.W[1] == best
        assert len(result.history.loss) == epochs


def test_best_parameters_come_back_with_their_state_and_the_whole_history():
    epochs, net = [], NORMALIZED
    X, y = data_for(CLASSES, inputs=6, outputs=4)
    held_out = data_for(CLASSES, inputs=6, outputs=4, seed=3)
    result = fit(
        net, net.init(rng()), CLASSES, Adam(0.3), X, y, epochs=40, batch_size=4, rng=rng(),
        validation=held_out, callbacks=[epochs.append, EarlyStopping(3)],
    )  # fmt: skip
    best = result.history.best_epoch
    assert len(epochs) == len(result.history.loss) == best + 4 < 40
    assert (result.params.vector == epochs[best].params.vector).all()
    assert (np.array(result.state[1]) == np.array(epochs[best].state[1])).all()
    assert (np.array(result.state[1]) != np.array(epochs[-1].state[1])).any()
    output = net.forward(result.params, held_out[0], state=result.state).output
    wanted = min(result.history.validation_loss)
    assert CLASSES(output, held_out[1]) == pytest.approx(wanted, rel=1e-14, abs=0)


def test_best_parameters_come_back_even_if_training_was_not_stopped_early():
    result = jumps(5, 2, 4, callbacks=[EarlyStopping(10)])
    assert result.params.W[1] == 2 and len(result.history.loss) == 3
    assert jumps(5, 2, 4, callbacks=[EarlyStopping(10, restore_best=False)]).params.W[1] == 4
    assert jumps(5, 2, 4).params.W[1] == jumps(5, 2, 4, callbacks=[lambda fit: 0]).params.W[1] == 4


def test_a_validation_loss_that_is_not_finite_is_never_the_best():
    result = jumps(5, 1, 4, 2, 6, loss=Breaks(4, 8), callbacks=[EarlyStopping(3)])
    assert result.params.W[1] == 4 and result.history.best_epoch == 2
    assert np.isnan(result.history.validation_loss).tolist() == [False, True, False, True, False]


def test_early_stopping_needs_validation_data():
    with pytest.raises(ValueError, match="validation: None, wanted validation data"):
        train(callbacks=[EarlyStopping(1)])


# Callbacks.


def test_callbacks_get_each_epoch_and_only_a_true_one_stops():
    seen, late = [], []
    answers = [None, False, 0, np.False_, True, None]

    def callback(so_far):
        assert isinstance(so_far, Fit)
        seen.append(so_far)
        return answers[len(seen) - 1]

    result = train(6, callbacks=[callback, late.append])
    assert len(seen) == len(late) == len(result.history.loss) == 5  # those behind it are called too
    assert result.params is seen[-1].params and result.history is seen[-1].history
    shorter = [train(epochs).params.vector for epochs in range(1, 6)]
    for so_far, wanted in zip(seen, shorter, strict=True):  # later steps left them alone
        assert (so_far.params.vector == wanted).all()


def test_callbacks_may_be_any_iterable():
    seen = []
    train(3, callbacks=iter([seen.append]))
    assert len(seen) == 3


def test_states_that_a_callback_kept_stay_as_they_were():
    kept, copies = [], []

    def keep(so_far):
        kept.append(so_far.state[1])
        copies.append(np.array(so_far.state[1]))

    data = data_for(CLASSES, inputs=6, outputs=4)
    train(4, net=NORMALIZED, params=NORMALIZED.init(rng()), loss=CLASSES, X=data[0], y=data[1],
          callbacks=[keep])  # fmt: skip
    assert (np.array(kept) == np.array(copies)).all() and (copies[0] != copies[1]).any()


# Divergence.


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("loss", "rate"),
    [(HalfSquaredError(), 1e4), (MeanSquaredError(), 1e15), (HalfSquaredError(), 30.0)],
)
def test_a_rate_that_is_too_large_warns_once_and_ends_training(loss, rate, dtype):
    net = MLP([4, 8, 3])
    start, seen = net.init(rng(3)), []
    start = start.with_vector(start.vector.astype(dtype))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = train(500, net=net, params=start, loss=loss, optimizer=GradientDescent(rate),
                       validation=(X, Y), callbacks=[seen.append])  # fmt: skip
    assert [w.category for w in caught] == [RuntimeWarning] and caught[0].filename == __file__
    epochs = len(result.history.loss)
    shown = f"loss: {result.history.loss[-1]} in epoch {epochs - 1}, training ended"
    assert str(caught[0].message).startswith(shown)
    assert epochs < 500 and not np.isfinite(result.history.loss[-1])
    assert np.isfinite(result.history.loss[:-1]).all()
    assert len(seen) == epochs - 1 and len(result.history.validation_loss) == epochs
    assert np.isfinite(result.params.vector).all() and result.params.vector.dtype == dtype


def test_an_infinite_loss_takes_no_step():
    net = MLP([1, 1], output=Sigmoid())
    params = net.parameters(W1=[[1000.0]], b1=[0.0])
    data = np.array([[1.0], [2.0]]), np.array([[1.0], [0.0]])
    with pytest.warns(RuntimeWarning, match="loss: inf in epoch 0, training ended; try a lower"):
        result = fit(net, params, BinaryCrossEntropy(), Adam(), *data, epochs=3, batch_size=2,
                     rng=rng())  # fmt: skip
    assert result.history == History((np.inf,), ())
    assert (result.params.vector == params.vector).all()


def test_no_warning_of_numpy_escapes():
    net = Network([Dense(1, 1), BatchNorm(1), Dense(1, 1)])
    params = net.init(rng())
    params = params.with_vector(np.full_like(params.vector, 1e308))  # ∞ − ∞ in the normalization
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        X, y = np.array([[10.0], [-10.0]]), np.ones((2, 1))
        result = fit(net, params, LOSS, Adam(), X, y, epochs=3, batch_size=2, rng=rng())
    assert [w.category for w in caught] == [RuntimeWarning]
    assert caught[0].message.args[0].startswith("loss: nan in epoch 0")
    assert (result.params.vector == params.vector).all()


def test_the_batch_that_diverged_leaves_the_state_of_the_one_before():
    net = Network([BatchNorm(1), Dense(1, 1)])
    X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.ones((4, 1))
    params = net.parameters(gamma1=[1.0], beta1=[0.0], W1=[[1e200]], b1=[0.0])
    with pytest.warns(RuntimeWarning, match="loss: inf"):
        result = fit(net, params, LOSS, Adam(), X, y, epochs=3, batch_size=2, rng=rng())
    assert np.array(result.state[0]).tolist() == np.array(net.init_state()[0]).tolist()


def test_best_parameters_come_back_after_divergence():
    with pytest.warns(RuntimeWarning, match="loss: inf in epoch 4"):
        result = jumps(5, 2, 4, 1e200, 0, callbacks=[EarlyStopping(10)])
    assert result.params.W[1] == 2 and result.history.best_epoch == 1


def test_an_epoch_that_diverged_late_may_still_be_the_best():
    net, params, optimizer = pulling(5.0, 3.0, 2.0, 0.0)
    X, y = np.array([[1.0], [1.0]]), np.zeros((2, 1))

    with pytest.warns(RuntimeWarning):
        result = fit(net, params, Breaks(5), optimizer, X, y, epochs=3, batch_size=1, rng=rng(),
                     validation=(X, y), callbacks=[EarlyStopping(9)])  # fmt: skip
    assert result.history.best_epoch == 1 and result.params.W[1] == 2


# Clipping.


def test_clip_gets_the_whole_gradient_and_cannot_spoil_it():
    seen = []

    def clip(gradient):
        seen.append(gradient.copy())
        clipped = gradient.copy()
        gradient[...] = np.nan
        return clipped

    assert (train(clip=clip).params.vector == train().params.vector).all()
    assert {gradient.shape for gradient in seen} == {PARAMS.vector.shape} and len(seen) == 9
    first = by_hand(
        NET, PARAMS, LOSS, GradientDescent(1.0), X, Y, epochs=1, batch_size=11, rng=rng()
    )[0].params.vector
    train(1, clip=clip, batch_size=11)
    assert seen[-1] == pytest.approx(PARAMS.vector - first, rel=1e-12, abs=1e-12)


def test_what_clip_got_stays_as_it_was():
    got, copies = [], []

    def clip(gradient):
        got.append(gradient)
        copies.append(gradient.copy())
        return gradient

    train(clip=clip)
    assert (np.array(got) == np.array(copies)).all() and (copies[0] != copies[1]).any()


def test_what_clip_returned_is_not_kept():
    kept = []

    def clip(gradient):
        if kept:
            kept[-1][...] = np.nan
        kept.append(gradient * 1.0)
        return kept[-1]

    for optimizer in (Momentum(0.1), Adam(0.1)):
        kept.clear()
        spoiled = train(optimizer=optimizer, clip=clip).params.vector
        assert (spoiled == train(optimizer=optimizer).params.vector).all()


# What others write, with the public methods alone.


class Cube:
    """C = mean |a − y|³, averaged over examples."""

    def __call__(self, output, target):
        return (np.abs(output - target) ** 3).sum() / len(output)

    def gradient(self, output, target):
        return 3 * (output - target) * np.abs(output - target) / len(output)


class Signs:
    """θ ← θ − η sign(g), with a growing η."""

    def init(self, theta):
        return 0

    def update(self, gradient, state, theta):
        theta[...] = np.nan  # neither is fit's own
        step = -0.01 * (1 + state) * np.sign(gradient)
        gradient[...] = np.nan
        return step, state + 1


class Toward:
    """R = Σ (w − c)²/2."""

    def gradient(self, W):
        return W - 0.5


class Plain:
    """A loss or optimizer that only passes on to another, seen from outside."""

    def __init__(self, inner):
        self.inner = inner

    def __call__(self, output, target):
        return self.inner(output, target)

    def __getattr__(self, name):
        assert not name.startswith("_")
        return getattr(self.inner, name)


def test_a_loss_an_optimizer_and_a_regularizer_of_ones_own():
    result = train(loss=Cube(), optimizer=Signs(), regularizer=Toward())

    class Careful(Signs):
        def update(self, gradient, state, theta):
            return super().update(gradient.copy(), state, theta.copy())

    wanted = by_hand(
        NET,
        PARAMS,
        Cube(),
        Careful(),
        X,
        Y,
        epochs=3,
        batch_size=4,
        rng=rng(),
        regularizer=Toward(),
    )[-1]
    assert result.params.vector == pytest.approx(wanted.params.vector, rel=1e-12, abs=1e-12)
    assert result.history.loss == pytest.approx(wanted.history.loss, rel=1e-12, abs=0)


def test_an_optimizer_may_keep_what_it_got():
    class Both:
        """θ ← θ − 0.1(g + g of the step before) + 0.01(θ − θ of the step before)."""

        def init(self, theta):
            return np.zeros_like(theta), theta

        def update(self, gradient, state, theta):
            before, old = state
            return -0.1 * (gradient + before) + 0.01 * (theta - old), (gradient, theta)

    assert_as_by_hand(NET, PARAMS, LOSS, Both(), X, Y, epochs=3, batch_size=4)


@every_optimizer
def test_an_optimizer_seen_from_outside_takes_the_same_steps(optimizer):
    inside, outside = train(optimizer=optimizer), train(optimizer=Plain(optimizer))
    wanted = pytest.approx(inside.params.vector, rel=1e-13, abs=1e-13)
    assert outside.params.vector == wanted


@pytest.mark.parametrize("loss", [HalfSquaredError(), SoftmaxCrossEntropy()], ids=repr)
def test_a_loss_seen_from_outside_gives_the_same_steps(loss):
    data = dict(zip("Xy", data_for(loss), strict=True))
    inside, outside = train(loss=loss, **data), train(loss=Plain(loss), **data)
    assert (outside.params.vector == inside.params.vector).all()
    assert outside.history == inside.history


def test_what_overrides_a_public_method_is_obeyed():
    class Doubled(HalfSquaredError):
        def __call__(self, output, target):
            return 2 * super().__call__(output, target)

    class Reversed(HalfSquaredError):
        def gradient(self, output, target):
            return -super().gradient(output, target)

    class Still(Adam):
        def update(self, gradient, state, theta):
            return 0 * theta, state

    assert train(loss=Doubled()).history.loss[0] > 1.5 * train().history.loss[0]
    descent, ascent = (train(1, loss=loss, optimizer=GradientDescent(0.1), batch_size=11)
                       for loss in (LOSS, Reversed()))  # fmt: skip
    moved = descent.params.vector - PARAMS.vector
    assert ascent.params.vector - PARAMS.vector == pytest.approx(-moved, rel=1e-12, abs=1e-15)
    assert (train(optimizer=Still()).params.vector == PARAMS.vector).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"clip": lambda g: g[:2]}, r"clip: shape \(2,\), wanted \(43,\), as the gradient"),
        ({"clip": lambda g: None}, "clip: dtype object, wanted real numbers"),
        ({"clip": lambda g: g.sum()}, r"clip: shape \(\), wanted \(43,\)"),
        ({"regularizer": "number"}, r"regularizer.gradient: shape \(\), wanted \(5, 4\)"),
        ({"loss": "number"}, r"loss.gradient: shape \(\), wanted \(4, 3\), as the output"),
        ({"loss": "row"}, r"loss.gradient: shape \(3,\), wanted \(4, 3\)"),
        ({"loss": "several"}, r"loss: shape \(4,\), wanted \(\), as one number"),
        ({"optimizer": "number"}, r"optimizer.update: shape \(\), wanted \(43,\), as the par"),
    ],
)
def test_nothing_that_others_return_broadcasts(settings, message):
    def returning(value):
        return lambda *arguments: value

    Thing = types.SimpleNamespace
    things = {
        ("regularizer", "number"): Thing(gradient=returning(1.0)),
        ("optimizer", "number"): Thing(init=returning(None), update=returning((1.0, None))),
    }

    class Odd(Cube):
        def __init__(self, kind):
            self.kind = kind

        def __call__(self, output, target):
            return output[:, 0] if self.kind == "several" else 1.0

        def gradient(self, output, target):
            return {"number": 1.0, "row": output[0]}[self.kind]

    ((name, kind),) = settings.items()
    settings = {name: things.get((name, kind), Odd(kind) if name == "loss" else kind)}
    with pytest.raises(ValueError, match=message):
        train(**settings)


# The progress bar.


def test_progress_shows_a_bar_and_changes_nothing(monkeypatch):
    bars = []

    def tqdm(iterable, **settings):
        bars.append((len(iterable), settings))
        return iterable

    monkeypatch.setitem(sys.modules, "tqdm.auto", types.SimpleNamespace(tqdm=tqdm))
    result = train(5, progress=True)
    assert bars == [(5, {"unit": "epoch"})]
    assert (result.params.vector == train(5).params.vector).all() and len(bars) == 1


def test_the_bar_is_that_of_tqdm(capsys):
    train(5, progress=True)
    assert "5/5" in capsys.readouterr().err
    train(5)
    assert capsys.readouterr() == ("", "")


def test_without_tqdm_progress_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with pytest.raises(ImportError, match=re.escape("needs tqdm (pip install tqdm)")):
        train(progress=True)
    train()


def test_training_without_a_bar_imports_nothing():
    code = (
        "import sys, numpy as np, dlutils as d;"
        "net, rng = d.MLP([1, 1]), np.random.default_rng(0);"
        "d.fit(net, net.init(rng), d.HalfSquaredError(), d.Adam(), [[1.0]], [[1.0]], epochs=2,"
        "batch_size=1, rng=rng); print('tqdm' in sys.modules, 'matplotlib' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"


# Nothing changes behind the caller's back.


def test_nothing_that_was_passed_in_changes_and_no_result_hangs_on_it():
    net, params = DEEP, DEEP.init(rng(2))
    X, y, validation = data_for(CLASSES)[0], data_for(CLASSES)[1], data_for(CLASSES, seed=4)
    before = [a.copy() for a in (params.vector, X, y, *validation)]
    epochs = []
    result = fit(
        net, params, CLASSES, Adam(0.1), X, y, epochs=4, batch_size=4, rng=rng(),
        validation=validation, regularizer=L2(0.1), clip=lambda g: clip_by_norm(g, 1.0),
        callbacks=[epochs.append],
    )  # fmt: skip
    for array, old in zip((params.vector, X, y, *validation), before, strict=True):
        assert (array == old).all()
    assert params.vector.base is None and not params.vector.flags.writeable
    kept = [so_far.params.vector.copy() for so_far in epochs]
    for array in (X, y, *validation):
        array[...] = 0
    for so_far, old in zip(epochs, kept, strict=True):
        assert (so_far.params.vector == old).all() and not so_far.params.vector.flags.writeable
        assert not np.shares_memory(so_far.params.vector, params.vector)
    assert len({so_far.params.vector.tobytes() for so_far in epochs}) == 4
    assert (result.params.vector == kept[-1]).all() and result.params.shapes == params.shapes


def test_lists_do_as_arrays_do_and_stay():
    rows, targets = X.tolist(), Y.tolist()
    result = train(X=rows, y=targets, validation=(rows, targets))
    assert rows == X.tolist() and targets == Y.tolist()
    assert (result.params.vector == train().params.vector).all()


def test_same_seed_same_result_and_another_seed_another():
    net, params = DEEP, DEEP.init(rng(2))
    first, again, other = (
        train(net=net, params=params, rng=rng(seed)).params.vector for seed in (5, 5, 6)
    )
    assert (first == again).all() and (first != other).any()


@every_optimizer
def test_float32_stays_and_is_close_to_float64(optimizer):
    params, wanted = DEEP.init(rng(2)), None
    settings = {"regularizer": ElasticNet(0.01, 0.1), "clip": lambda g: clip_by_norm(g, 1.0)}
    for dtype in (np.float64, np.float32):
        seen = []
        result = train(
            net=DEEP, params=params.with_vector(params.vector.astype(dtype)), optimizer=optimizer,
            callbacks=[seen.append], validation=(X, Y), **settings,
        )  # fmt: skip
        assert result.params.vector.dtype == result.params.W[1].dtype == dtype
        assert all(array.dtype == dtype for array in result.state[2])
        assert all(type(loss) is float for loss in result.history.loss)
        wanted = result if wanted is None else wanted
        assert result.history.loss == pytest.approx(wanted.history.loss, rel=1e-3, abs=0)


# It learns.


def test_xor_is_learned():
    X, y = logic_gate("XOR")
    for seed in range(3):
        net, random = MLP([2, 8, 1], hidden=Tanh()), rng(seed)
        result = fit(net, net.init(random), SigmoidCrossEntropy(), Adam(0.05), X, y[:, None],
                     epochs=300, batch_size=4, rng=random)  # fmt: skip
        assert ((net.forward(result.params, X).output[:, 0] > 0) == y).all()
        assert result.history.loss[-1] < 0.05


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_digits_are_learned(dtype):
    X, y = digits()
    X_train, X_test, y_train, y_test = stratified_split(X / 16, y, 0.2, rng())
    net = MLP([64, 32, 10])
    start = net.init(rng())
    result = fit(
        net, start.with_vector(start.vector.astype(dtype)), SoftmaxCrossEntropy(), Adam(0.005),
        X_train, y_train, epochs=10, batch_size=32, rng=rng(), validation=(X_test, y_test),
    )  # fmt: skip
    predicted = net.forward(result.params, X_test.astype(dtype)).output.argmax(axis=1)
    assert (predicted == y_test).mean() > 0.93
    assert result.history.validation_loss[-1] < 0.3 < 1 < result.history.loss[0]


# Bad input.

LABELS = [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1]
NOTHING = types.SimpleNamespace()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"net": MLP}, "net: .*, wanted a Network or an MLP"),
        ({"net": Dense(4, 3)}, r"net: Dense\(.*, wanted a Network or an MLP"),
        ({"params": PARAMS.vector}, r"params: ndarray, wanted parameters of shapes \{'W1': \(5,"),
        ({"params": MLP([4, 2, 3]).init(rng())}, r"params: Parameters\(W1 \(2, 4\).*, wanted"),
        ({"loss": HalfSquaredError}, "loss: <class .*>, wanted a loss such as HalfSquaredError()"),
        ({"loss": None}, "loss: None, wanted a loss such as HalfSquaredError()"),
        ({"loss": abs}, "loss: <built-in .*>, wanted a loss such as HalfSquaredError()"),
        ({"loss": Toward()}, "loss: .*, wanted a loss such as HalfSquaredError()"),
        ({"optimizer": Adam}, "optimizer: <class .*>, wanted an optimizer such as Adam()"),
        ({"optimizer": 0.1}, "optimizer: 0.1, wanted an optimizer such as Adam()"),
        ({"optimizer": types.SimpleNamespace(init=abs)}, "optimizer: .*, wanted an optimizer"),
        ({"optimizer": types.SimpleNamespace(update=abs)}, "optimizer: .*, wanted an optimizer"),
        ({"X": [[1.0, 2.0]], "y": Y[:1]}, r"X: shape \(1, 2\), wanted \(N, 4\), N at least 1"),
        ({"X": X[0], "y": Y[0]}, r"X: shape \(4,\), wanted \(N, 4\)"),
        ({"X": X[:0], "y": Y[:0]}, r"X: shape \(0, 4\), wanted \(N, 4\), N at least 1"),
        ({"X": X[None]}, r"X: shape \(1, 11, 4\), wanted"),
        ({"X": np.where(X == X[1, 2], np.nan, X)}, r"X: nan at index \(1, 2\), wanted finite"),
        ({"X": X.astype(str)}, "X: dtype <U.*, wanted real numbers"),
        ({"X": [[1.0], [1.0, 2.0]]}, "X: rows of unequal length, wanted an array of numbers"),
        ({"y": Y[:10]}, r"y: shape \(10, 3\), wanted 11 rows, one per example"),
        ({"y": 1.0}, r"y: shape \(\), wanted 11 rows"),
        ({"y": Y[:, 0]}, r"y: shape \(11,\), wanted \(11, 3\), that of output"),
        ({"y": Y[:, :1]}, r"y: shape \(11, 1\), wanted \(11, 3\), that of output"),
        ({"y": np.where(Y == Y[1, 2], np.inf, Y)}, r"y: inf at index \(1, 2\), wanted finite"),
        ({"y": [None] * 11}, "y: dtype object, wanted real numbers"),
        ({"y": [[1.0], [1.0, 2.0]] * 5}, "y: rows of unequal length, wanted an array of numbers"),
        ({"loss": CLASSES, "y": [3, *LABELS[1:]]}, "y: labels from 0 to 3, wanted 0 to 2"),
        ({"loss": CLASSES, "y": [-1, *LABELS[1:]]}, "y: labels from -1 to 2, wanted 0 to 2"),
        ({"loss": CLASSES, "y": np.float64(LABELS)}, "y: labels of dtype float64, wanted integers"),
        ({"loss": CLASSES, "y": Y}, "y: rows that sum to .*, wanted probabilities that sum to 1"),
        ({"loss": Hinge(), "y": np.ones((11, 3)) / 2}, "y: 0.5 among the labels, wanted −1 or "),
        ({"loss": SigmoidCrossEntropy(), "y": 2 * Y}, "y: values from .*, wanted probabilities"),
        ({"loss": BinaryCrossEntropy(), "y": Y}, "output: values from .*, wanted probabilities"),
        ({"epochs": 0}, "epochs: 0, wanted a whole number from 1"),
        ({"epochs": 2.0}, "epochs: 2.0, wanted a whole number from 1"),
        ({"epochs": True}, "epochs: True, wanted a whole number from 1"),
        ({"batch_size": 0}, "batch_size: 0, wanted a whole number from 1"),
        ({"batch_size": None}, "batch_size: None, wanted a whole number from 1"),
        ({"rng": 0}, "rng: 0, wanted a generator such as"),
        ({"rng": np.random}, "rng: .*, wanted a generator such as"),
        ({"validation": X}, r"validation: ndarray, wanted a pair \(X, y\)"),
        ({"validation": np.ones((2, 11, 4))}, r"validation: ndarray, wanted a pair \(X, y\)"),
        ({"validation": (X,)}, r"validation: tuple, wanted a pair \(X, y\)"),
        ({"validation": (X, Y, X)}, r"validation: tuple, wanted a pair \(X, y\)"),
        ({"validation": (X[:0], Y[:0])}, r"validation X: shape \(0, 4\), wanted \(N, 4\)"),
        ({"validation": (X[:, :2], Y)}, r"validation X: shape \(11, 2\), wanted \(N, 4\)"),
        ({"validation": (np.inf * X, Y)}, "validation X: -?inf at index"),
        ({"validation": (X, Y[:3])}, r"validation y: shape \(3, 3\), wanted 11 rows"),
        ({"validation": (X, np.nan * Y)}, "validation y: nan at index"),
        ({"validation": (X, [[0.0], [0.0, 1.0]])}, "validation y: rows of unequal length"),
        ({"validation": (X, Y[:, :2])}, r"validation y: shape \(11, 2\), wanted \(11, 3\)"),
        ({"regularizer": L2}, r"regularizer: <class .*>, wanted a regularizer such as L2\(0.01\)"),
        ({"regularizer": 0.1}, r"regularizer: 0.1, wanted a regularizer such as L2\(0.01\)"),
        ({"regularizer": 0}, r"regularizer: 0, wanted a regularizer such as L2\(0.01\)"),
        ({"clip": 1.0}, "clip: 1.0, wanted a function of the gradient"),
        ({"clip": 0}, "clip: 0, wanted a function of the gradient"),
        ({"callbacks": EarlyStopping(1)}, "callbacks: EarlyStopping.*, wanted a sequence of func"),
        ({"callbacks": [None]}, r"callbacks: \(None,\), wanted a sequence of functions"),
        ({"callbacks": None}, "callbacks: None, wanted a sequence of functions"),
        ({"progress": "yes"}, "progress: 'yes', wanted True or False"),
        ({"progress": None}, "progress: None, wanted True or False"),
    ],
)  # fmt: skip
def test_refuses_bad_input_before_it_trains(settings, message):
    def never(so_far):
        raise AssertionError

    settings = {"callbacks": [never], "epochs": 1} | settings
    with pytest.raises(ValueError, match=f"^{message}"):
        train(settings.pop("epochs"), **settings)


def test_batch_normalization_refuses_a_last_batch_of_one():
    data = {"net": DEEP, "params": DEEP.init(rng()), "X": X[:5], "y": Y[:5]}
    for batch_size in (4, 1):
        with pytest.raises(ValueError, match=r"^batch_size: \d, which leaves a batch of 1 of 5 "):
            train(batch_size=batch_size, **data)
    train(batch_size=3, **data)


def test_training_goes_on_with_what_the_layers_remember():
    data = {"net": DEEP, "X": X[:8], "y": Y[:8], "batch_size": 4, "epochs": 3}
    first = train(params=DEEP.init(rng()), **data)
    second, afresh = (train(params=first.params, state=s, **data) for s in (first.state, None))
    means = [
        next(s.mean for s in fitted.state if s is not None) for fitted in (first, second, afresh)
    ]
    assert not np.allclose(means[1], means[2])


@pytest.mark.parametrize(("answer", "epochs"), [(True, 1), (1, 3), ("axes", 3), (None, 3)])
def test_only_true_ends_training_not_what_counts_as_true(answer, epochs):
    assert len(train(3, callbacks=[lambda _: answer]).history.loss) == epochs


def test_a_schedule_is_asked_once_per_step_however_many_pieces(monkeypatch):
    monkeypatch.setattr(training, "PIECE", 64)
    steps = []
    train(1, optimizer=Adam(lambda step: steps.append(step) or 0.01))
    assert steps == list(range(len(steps))) and len(steps) > 1


def test_an_optimizer_of_the_readers_sees_all_parameters_at_once(monkeypatch):
    class Normalized(GradientDescent):
        def _formula(self, rate, t, gradient, theta):
            return -rate * gradient / np.linalg.norm(gradient)

    monkeypatch.setattr(training, "PIECE", 64)
    params = NET.init(rng())
    moved = train(1, params=params, optimizer=Normalized(0.5), batch_size=len(X)).params
    assert np.linalg.norm(moved.vector - params.vector) == pytest.approx(0.5)


@pytest.mark.parametrize("patience", [0, -1, 1.0, True, None, "2", np.nan])
def test_early_stopping_refuses_a_patience(patience):
    with pytest.raises(ValueError, match="^patience: .*, wanted a whole number from 1"):
        EarlyStopping(patience)


@pytest.mark.parametrize("restore_best", [0, None, "yes"])
def test_early_stopping_refuses_what_is_not_a_bool(restore_best):
    with pytest.raises(ValueError, match="^restore_best: .*, wanted True or False"):
        EarlyStopping(1, restore_best)


def test_early_stopping_is_fixed_and_compares_by_value():
    assert EarlyStopping(3) == EarlyStopping(3, restore_best=True) != EarlyStopping(2)
    with pytest.raises(FrozenInstanceError):
        EarlyStopping(3).patience = 4


def digits_learned_by_pytorch():
    """Return what the last chapter compares with: PyTorch's code, losses and answers."""
    return json.loads(
        Path(dlutils.__file__).with_name("data").joinpath("torch-digits.json").read_text()
    )


def test_the_code_shown_is_the_code_that_ran_in_pytorch():
    path = Path(__file__).parent / "fixtures" / "pytorch_digits.py"
    code = path.read_text()
    named = {node.name: node for node in ast.parse(code).body if isinstance(node, ast.FunctionDef)}
    shown = digits_learned_by_pytorch()["code"]
    assert shown == ast.get_source_segment(code, named["train_in_pytorch"])
    assert max(map(len, shown.splitlines())) <= 79  # as in a notebook


def test_pytorch_still_learns_the_digits_with_the_stored_losses():
    pytest.importorskip("torch")
    stored = digits_learned_by_pytorch()
    found = importlib.import_module("fixtures.pytorch_digits").results()
    assert found["losses"] == pytest.approx(stored["losses"], rel=0, abs=1e-10)
    assert np.array(found["logits"]) == pytest.approx(np.array(stored["logits"]), rel=0, abs=1e-8)
    assert found["wrong"] == stored["wrong"]
