"""Perceptrons: truth tables, epochs until no mistake, XOR, ties, Novikoff's bound, refusals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlutils import Sigmoid, Step
from dlutils.datasets import logic_gate
from dlutils.perceptron import McCullochPitts, Perceptron, train_perceptron

seeds = st.integers(0, 10_000)


def rng(seed=0):
    return np.random.default_rng(seed)


def zeros(value_at_zero):
    return Perceptron([0, 0], 0, Step(value_at_zero))


# McCulloch and Pitts.


@pytest.mark.parametrize(
    ("name", "weights", "threshold"),
    [
        ("AND", [1, 1], 2),
        ("OR", [1, 1], 1),
        ("NAND", [-1, -1], -1),
        ("NOR", [-1, -1], 0),
        ("NOT", [-1], 0),
    ],
)
def test_neurons_with_hand_set_weights_are_gates(name, weights, threshold):
    X, y = logic_gate(name)
    neuron = McCullochPitts(weights, threshold)
    assert neuron(X).tolist() == y.tolist()
    assert [neuron(x) for x in X] == y.tolist()


def test_neuron_fires_at_its_threshold_and_not_below():
    assert McCullochPitts([0.5, 0.25], 0.75)([1, 1]) == 1
    assert McCullochPitts([0.5, 0.25], np.nextafter(0.75, 1))([1, 1]) == 0
    assert McCullochPitts([3, -1, 2], 2)([[1, 1, 0], [0, 1, 1], [0, 0, 1]]).tolist() == [1, 0, 1]


# The perceptron and one update.


def test_output_is_the_step_of_the_weighted_sum():
    perceptron = Perceptron([0.4, 0.7, -0.3], bias=0.1)
    assert perceptron([0.5, -0.2, 0.1]) == 1  # z = 0.13
    assert Perceptron([0.4, 0.7, -0.3], bias=-0.04)([0.5, -0.2, 0.1]) == 0  # z = −0.01
    assert perceptron([[0.5, -0.2, 0.1], [0, 0, 1]]).tolist() == [1, 0]


@pytest.mark.parametrize("value", [0, 1])
def test_step_decides_ties(value):
    assert Perceptron([1, -1], 0, Step(value))([2, 2]) == value
    assert zeros(value)([[0, 0], [5, -3]]).tolist() == [value, value]
    assert zeros(value).update([1, 1], value).activation == Step(value)


def test_update_follows_the_rule():
    start = Perceptron([1.0, -2.0], bias=0.5)
    up = start.update([-1.0, 3.0], 1, learning_rate=0.25)  # output 0
    assert (up.weights.tolist(), up.bias) == ([0.75, -1.25], 0.75)
    down = start.update([2.0, 0.5], 0, learning_rate=0.25)  # output 1
    assert (down.weights.tolist(), down.bias) == ([0.5, -2.125], 0.25)
    for x, target in (([-1.0, 3.0], 0), ([2.0, 0.5], 1)):
        same = start.update(x, target, learning_rate=0.25)
        assert (same.weights.tolist(), same.bias) == ([1, -2], 0.5)
    assert start.update([-1, 3], 1).weights.tolist() == [0, 1]
    assert start.weights.tolist() == [1, -2]


def test_nothing_can_be_changed_from_outside():
    weights = np.ones(2)
    for unit in (Perceptron(weights, 0), McCullochPitts(weights, 1)):
        weights[:] = 5
        assert unit.weights.tolist() == [1, 1]
        with pytest.raises(ValueError, match="read-only"):
            unit.weights[0] = 2
        with pytest.raises(AttributeError):
            unit.weights = weights
        assert unit in {unit} and unit != type(unit)(weights, 1)  # each is equal to itself only
        weights[:] = 1
    start = Perceptron(weights, 0)
    train_perceptron(*logic_gate("AND"), start=start)
    assert (start.weights.tolist(), start.bias) == ([1, 1], 0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_stays(dtype):
    X, y = logic_gate("AND")
    X = X.astype(dtype)
    assert McCullochPitts(np.ones(2, dtype), np.float64(2))(X).dtype == dtype
    fit = train_perceptron(X, y, learning_rate=np.float64(0.1))
    assert fit.perceptron.weights.dtype == fit.perceptron(X).dtype == dtype
    assert isinstance(fit.perceptron.bias, float)


# Training.

EPOCHS = [
    ("AND", 0, (1, 3, 3, 2, 1, 0), [2, 1], -2),
    ("AND", 1, (2, 3, 3, 2, 1, 0), [2, 1], -3),
    ("OR", 0, (1, 2, 1, 0), [1, 1], 0),
    ("OR", 1, (2, 2, 1, 0), [1, 1], -1),
]


@pytest.mark.parametrize(("name", "tie", "errors", "weights", "bias"), EPOCHS)
def test_gates_are_learned_in_known_epochs(name, tie, errors, weights, bias):
    X, y = logic_gate(name)
    fit = train_perceptron(X, y, start=zeros(tie))
    assert (fit.errors, fit.converged) == (errors, True)
    assert (fit.perceptron.weights.tolist(), fit.perceptron.bias) == (weights, bias)
    assert fit.perceptron(X).tolist() == y.tolist()


def test_from_zero_weights_and_a_step_of_0_at_0_unless_told_otherwise():
    fit = train_perceptron(*logic_gate("AND"))
    assert fit.errors == EPOCHS[0][2] and fit.perceptron.activation == Step()


def test_or_by_hand():
    X, y = logic_gate("OR")
    weights, bias, errors = np.zeros(2), 0.0, []
    while not errors or errors[-1]:
        errors.append(0)
        for x, target in zip(X, y, strict=True):
            error = target - (weights @ x + bias > 0)
            weights, bias, errors[-1] = weights + error * x, bias + error, errors[-1] + abs(error)
    fit = train_perceptron(X, y)
    assert fit.errors == tuple(errors)
    assert (fit.perceptron.weights == weights).all() and fit.perceptron.bias == bias


@pytest.mark.parametrize("name", ["XOR", "XNOR"])
def test_xor_is_never_learned_and_the_weights_go_in_a_circle(name):
    X, y = logic_gate(name)
    fit = train_perceptron(X, y)
    assert len(fit.errors) == 100 and not fit.converged and min(fit.errors) > 0
    ends = [train_perceptron(X, y, epochs=epochs).perceptron for epochs in range(1, 20)]
    seen = [(*end.weights, end.bias) for end in ends]
    assert len(set(seen)) < len(seen)


def test_epochs_are_the_most_that_are_run():
    for epochs in range(1, 6):
        fit = train_perceptron(*logic_gate("AND"), epochs=epochs)
        assert fit.errors == (1, 3, 3, 2, 1)[:epochs] and fit.converged is False
    fit = train_perceptron(*logic_gate("AND"), epochs=6)
    assert fit.errors == (1, 3, 3, 2, 1, 0) and fit.converged is True


@pytest.mark.parametrize("rate", [2.0**-10, 0.5, 4.0])
def test_from_zero_weights_the_rate_only_rescales(rate):
    X, y = separable(3)[:2]
    one, other = train_perceptron(X, y), train_perceptron(X, y, learning_rate=rate)
    assert one.errors == other.errors and sum(one.errors) > 2
    assert (other.perceptron.weights == rate * one.perceptron.weights).all()
    assert other.perceptron.bias == rate * one.perceptron.bias


def test_from_other_weights_the_rate_matters():
    start = Perceptron([1.0, -3.0], 0.5)
    lengths = [
        len(train_perceptron(*logic_gate("AND"), learning_rate=rate, start=start).errors)
        for rate in (0.125, 1.0)
    ]
    assert lengths[0] > lengths[1]


def test_training_goes_on_from_where_it_stopped():
    X, y = logic_gate("AND")
    first = train_perceptron(X, y, epochs=2)
    rest = train_perceptron(X, y, start=first.perceptron)
    assert first.errors + rest.errors == (1, 3, 3, 2, 1, 0)
    assert train_perceptron(X, y, start=rest.perceptron).errors == (0,)


def test_a_generator_shuffles_every_epoch_anew():
    class Recording(np.random.Generator):
        def permutation(self, count):
            orders.append(super().permutation(count))
            return orders[-1]

    def trained(seed):
        return train_perceptron(*logic_gate("XOR"), epochs=8, rng=Recording(np.random.PCG64(seed)))

    orders = []
    assert trained(0).errors == trained(0).errors
    assert len(orders) == 16 and len({tuple(order) for order in orders[:8]}) > 1
    X, y = logic_gate("XOR")
    perceptron, errors = Perceptron([0, 0], 0), []
    for order in orders[:8]:
        errors.append(0)
        for i in order:
            errors[-1] += int(perceptron(X[i]) != y[i])
            perceptron = perceptron.update(X[i], y[i])
    assert tuple(errors) == trained(0).errors != train_perceptron(X, y, epochs=8).errors


# Novikoff's theorem.


def separable(seed):
    """Draw examples that the unit vector u separates; a constant input 1 stands for the bias."""
    random = rng(seed)
    u = random.normal(size=4)
    u /= np.linalg.norm(u)
    X = random.normal(size=(60, 3))
    X1 = np.column_stack([X, np.ones(60)])
    keep = np.abs(X1 @ u) > 0.2
    return X[keep], (X1[keep] @ u > 0).astype(int), u


@given(seeds, st.floats(0.1, 4), st.booleans())
def test_mistakes_are_at_most_r_over_gamma_squared(seed, rate, shuffled):
    X, y, u = separable(seed)
    X1 = np.column_stack([X, np.ones(len(X))])
    bound = (np.linalg.norm(X1, axis=1).max() / np.abs(X1 @ u).min()) ** 2
    order = rng(seed) if shuffled else None
    fit = train_perceptron(X, y, learning_rate=rate, epochs=2000, rng=order)
    assert fit.converged and sum(fit.errors) <= bound
    assert fit.perceptron(X).tolist() == y.tolist()


# Bad input.

GATE = logic_gate("AND")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: McCullochPitts([], 1), r"weights: shape \(0,\), wanted \(n,\), n at least 1"),
        (lambda: McCullochPitts([[1.0]], 1), r"weights: shape \(1, 1\)"),
        (lambda: McCullochPitts([1.0], np.nan), "threshold: nan"),
        (lambda: McCullochPitts([1.0], [1.0]), r"threshold: shape \(1,\)"),
        (lambda: McCullochPitts([1, 1], 1)([0, 0.5]), "X: 0.5 among the values, wanted 0 or 1"),
        (lambda: McCullochPitts([1, 1], 1)([[0, 1], [-1, 0]]), "X: -1 among the values"),
        (lambda: McCullochPitts([1, 1], 1)([0, 1, 1]), r"X: shape \(3,\), wanted \(2,\) for one"),
        (lambda: Perceptron([np.inf], 0), r"weights: inf at index \(0,\)"),
        (lambda: Perceptron(1.0, 0), r"weights: shape \(\)"),
        (lambda: Perceptron([1.0], "0"), "bias: dtype"),
        (lambda: Perceptron([1.0], [[0.0]]), r"bias: shape \(1, 1\), wanted \(\), one number"),
        (lambda: Perceptron([1.0], 0, Sigmoid()), "activation: Sigmoid.*, wanted Step"),
        (lambda: Perceptron([1.0], 0, Step(0.5)), r"activation: Step\(value_at_zero=0.5\)"),
        (lambda: Perceptron([1.0], 0, Step), "activation: "),
        (lambda: Perceptron([1, 1], 0)([[1], [1]]), r"X: shape \(2, 1\), wanted \(2,\) for one"),
        (lambda: Perceptron([1, 1], 0)(np.ones((0, 2))), r"X: shape \(0, 2\)"),
        (lambda: Perceptron([1, 1], 0)(np.ones((1, 1, 2))), r"X: shape \(1, 1, 2\)"),
        (lambda: Perceptron([1, 1], 0)(1.0), r"X: shape \(\)"),
        (lambda: Perceptron([1, 1], 0)([np.nan, 1]), "X: nan"),
        (lambda: Perceptron([1, 1], 0).update([[1, 1]], 1), r"x: shape \(1, 2\), wanted \(2,\)"),
        (lambda: Perceptron([1, 1], 0).update([np.nan, 1], 1), "x: nan"),
        (lambda: Perceptron([1, 1], 0).update([1, 1], -1), "target: -1, wanted 0 or 1"),
        (lambda: Perceptron([1, 1], 0).update([1, 1], [1]), r"target: shape \(1,\)"),
        (lambda: Perceptron([1, 1], 0).update([1, 1], np.nan), "target: nan"),
        (lambda: Perceptron([1, 1], 0).update([1, 1], 1, 0), "learning_rate: 0"),
        (
            lambda: train_perceptron(GATE.X, [-1, -1, -1, 1]),
            "y: -1 among the values, wanted 0 or 1",
        ),
        (lambda: train_perceptron(GATE.X, [0, 0, 0, 2]), "y: 2 among the values"),
        (lambda: train_perceptron(GATE.X, [0, 0, 0, np.nan]), "y: nan"),
        (lambda: train_perceptron(GATE.X, GATE.y[:3]), r"X and y: shapes \(4, 2\) and \(3,\)"),
        (lambda: train_perceptron(GATE.X, GATE.y[:, None]), r"X and y: shapes \(4, 2\) and \(4, 1"),
        (lambda: train_perceptron(GATE.y, GATE.y), r"X and y: shapes \(4,\) and \(4,\)"),
        (lambda: train_perceptron(np.ones((0, 2)), []), r"X and y: shapes \(0, 2\)"),
        (lambda: train_perceptron([[np.nan]], [0]), "X: nan"),
        (lambda: train_perceptron(*GATE, learning_rate=-1), "learning_rate: -1"),
        (lambda: train_perceptron([[0.0]], [0], learning_rate=0), "learning_rate: 0"),
        (lambda: train_perceptron(*GATE, epochs=0), "epochs: 0, wanted a whole number from 1"),
        (lambda: train_perceptron(*GATE, rng=0), "rng: 0, wanted a generator"),
        (lambda: train_perceptron(*GATE, start=[0, 0]), "start: list, wanted a Perceptron"),
        (lambda: train_perceptron(*GATE, start=Perceptron([1.0], 0)), r"X: shape \(4, 2\), wanted"),
    ],
)
def test_refuses_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
