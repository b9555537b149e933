"""Initializers: variance and range by formula, what they are for, reproducibility, refusals."""

import numpy as np
import pytest

from dlutils import MLP, ReLU, Sigmoid
from dlutils.initializers import ALL_INITIALIZERS, Constant, Glorot, He, LeCun, Normal

SHAPE = (300, 200)
every_initializer = pytest.mark.parametrize("initializer", ALL_INITIALIZERS, ids=repr)


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("distribution", ["uniform", "normal"])
@pytest.mark.parametrize(("kind", "variance"), [(Glorot, 2 / 500), (He, 2 / 200), (LeCun, 1 / 200)])
def test_variance_is_the_formula(kind, variance, distribution):
    weights = kind(distribution)(SHAPE, rng())
    assert weights.var() == pytest.approx(variance, rel=0.02, abs=0)
    assert abs(weights.mean()) < 4 * np.sqrt(variance / weights.size)
    largest = np.abs(weights).max() / np.sqrt(3 * variance)
    assert (0.99 < largest <= 1) if distribution == "uniform" else largest > 1.5


def test_normal_and_constant_do_not_look_at_the_shape():
    for shape in (SHAPE, (20, 2000)):
        assert Normal(0.3)(shape, rng()).std() == pytest.approx(0.3, rel=0.02)
        assert (Constant(0.5)(shape, rng()) == 0.5).all()


@every_initializer
def test_shape_dtype_and_reproducibility(initializer):
    first, again, other = (initializer((3, 2), rng(seed)) for seed in (1, 1, 2))
    assert first.shape == (3, 2) and first.dtype == np.float64
    assert (first == again).all()
    assert (first != other).all() or isinstance(initializer, Constant)


def test_he_keeps_the_size_of_the_signal_through_relu_layers_and_normal_loses_it():
    x = rng().normal(size=(200, 100))

    def size_after_ten_layers(initializer):
        net = MLP([100] * 11, hidden=ReLU(), output=ReLU(), initializer=initializer)
        return np.mean(net.forward(net.init(rng(1)), x).output ** 2)

    assert 0.3 < size_after_ten_layers(He("normal")) < 3
    assert size_after_ten_layers(Normal(0.01)) < 1e-15


def test_constant_weights_make_all_hidden_units_alike():
    net = MLP([2, 3, 1], hidden=Sigmoid(), output=Sigmoid(), initializer=Constant(0.5))
    trace = net.forward(net.init(rng()), [0.5, 0.8])
    assert len(set(trace.a[1])) == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Normal(0), "scale: 0, wanted one finite number above 0"),
        (lambda: Constant(np.nan), "value: nan"),
        (lambda: Glorot("cauchy"), "distribution: 'cauchy', wanted one of"),
        (lambda: He()((3,), rng()), r"shape: \(3,\), wanted \(units, inputs\)"),
        (lambda: He()((3, 0), rng()), r"shape: \(3, 0\)"),
        (lambda: LeCun()((3, 2.5), rng()), r"shape: \(3, 2.5\)"),
        (lambda: Normal(1.0)((3, 2), 0), "rng: 0, wanted a generator"),
        (lambda: Constant()((3, 2), None), "rng: None, wanted a generator"),
        (lambda: MLP([2, 1], initializer=0.1), "initializer: 0.1, wanted one such as Glorot"),
    ],
)
def test_refuses_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_network_hands_units_and_inputs_over_in_this_order():
    params = MLP([400, 20], initializer=He("normal")).init(rng())
    assert params.W[1].var() == pytest.approx(2 / 400, rel=0.05, abs=0)
