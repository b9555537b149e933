"""The multi-layer perceptron: the 2-2-1 example, gradients by differences, shapes, refusals."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlutils import (
    GELU,
    MLP,
    GradientDescent,
    HalfSquaredError,
    Identity,
    Parameters,
    ReLU,
    Sigmoid,
    SigmoidCrossEntropy,
    Softmax,
    Softplus,
    Swish,
    Tanh,
    check_gradient,
)

NET = MLP([2, 2, 1], hidden=Sigmoid(), output=Sigmoid())
PARAMS = NET.parameters(W1=[[0.2, 0.4], [0.3, 0.7]], b1=[0.1, 0.2], W2=[[0.5, 0.6]], b2=[0.3])
X = np.array([0.5, 0.8])


def test_forward_gives_the_worked_example():
    trace = NET.forward(PARAMS, X)
    assert trace.z[1] == pytest.approx([0.52, 0.91], abs=1e-15)
    assert trace.a[1] == pytest.approx([0.62714777, 0.71300016], abs=5e-9)
    assert trace.z[2] == pytest.approx([1.04137398], abs=5e-9)
    assert trace.output == pytest.approx([0.73911503], abs=5e-9)
    assert trace.output is trace.a[2] and (trace.a[0] == X).all()


def test_backward_gives_the_worked_example():
    trace, loss = NET.forward(PARAMS, X), HalfSquaredError()
    gradients = NET.backward(PARAMS, trace, loss.gradient(trace.output, [1.0]))
    assert loss(trace.output, [1.0]) == pytest.approx(0.03403048, abs=5e-9)
    wanted = {
        "W1": [[-0.00294074, -0.00470519], [-0.00308818, -0.00494109]],
        "b1": [-0.00588148, -0.00617636],
        "W2": [[-0.03154860, -0.03586739]],
        "b2": [-0.05030488],
    }
    for name, value in wanted.items():
        assert gradients[name] == pytest.approx(np.array(value), abs=5e-9)
    assert (gradients.delta[1] == gradients.b[1]).all()
    assert (gradients.delta[2] == gradients.b[2]).all()


def test_cross_entropy_on_logits_makes_the_output_delta_a_minus_y():
    net = MLP([2, 2, 1], hidden=Sigmoid(), output=Identity())
    trace, loss = net.forward(PARAMS, X), SigmoidCrossEntropy()
    gradients = net.backward(PARAMS, trace, loss.gradient(trace.output, [1.0]))
    assert gradients.delta[2] == pytest.approx(NET.forward(PARAMS, X).output - 1, abs=1e-15)


networks = st.builds(
    lambda sizes, hidden, output: MLP(sizes, hidden=hidden, output=output),
    st.lists(st.integers(1, 4), min_size=2, max_size=5),
    st.sampled_from([Sigmoid(), Sigmoid(2.0), Tanh(), Softplus(), Swish(), GELU(), Identity()]),
    st.sampled_from([Sigmoid(), Identity(), Softmax()]),
)


@settings(max_examples=40, deadline=None)
@given(networks, st.sampled_from([(), (1,), (3,)]), st.integers(0, 1000))
def test_gradient_of_any_network_is_the_measured_one(net, batch, seed):
    rng, loss = np.random.default_rng(seed), HalfSquaredError()
    params = net.init(rng)
    inputs = rng.normal(size=(*batch, net.sizes[0]))
    target = rng.normal(size=(*batch, net.sizes[-1]))

    def cost(vector):
        return loss(net.forward(params.with_vector(vector), inputs).output, target)

    trace = net.forward(params, inputs)
    gradients = net.backward(params, trace, loss.gradient(trace.output, target))
    check_gradient(cost, gradients.vector, params.vector)


def test_gradient_through_relu_away_from_its_kink():
    net, rng, loss = MLP([3, 5, 2]), np.random.default_rng(4), HalfSquaredError()
    params, inputs, target = net.init(rng), rng.normal(size=(6, 3)), rng.normal(size=(6, 2))
    trace = net.forward(params, inputs)
    assert np.abs(trace.z[1]).min() > 1e-4
    check_gradient(
        lambda v: loss(net.forward(params.with_vector(v), inputs).output, target),
        net.backward(params, trace, loss.gradient(trace.output, target)).vector,
        params.vector,
    )


@settings(deadline=None)
@given(networks, st.integers(1, 4), st.integers(0, 1000))
def test_a_batch_is_its_examples_one_by_one(net, n, seed):
    rng = np.random.default_rng(seed)
    params, inputs = net.init(rng), rng.normal(size=(n, net.sizes[0]))
    together = net.forward(params, inputs)
    gradients = net.backward(params, together, np.ones_like(together.output))
    alone = [net.forward(params, x) for x in inputs]
    parts = [net.backward(params, trace, np.ones_like(trace.output)) for trace in alone]
    for l in range(1, len(net.sizes)):
        assert together.z[l] == pytest.approx(np.array([trace.z[l] for trace in alone]), abs=1e-13)
        assert gradients.delta[l] == pytest.approx(np.array([p.delta[l] for p in parts]), abs=1e-13)
    assert gradients.vector == pytest.approx(sum(part.vector for part in parts), abs=1e-12)


def test_layers_use_the_formula_with_their_own_activation():
    net = MLP([2, 3, 3, 1], hidden=ReLU(), output=Sigmoid())
    params = net.init(np.random.default_rng(5))
    trace = net.forward(params, X)
    for l, g in [(1, ReLU()), (2, ReLU()), (3, Sigmoid())]:
        assert net.activation(l) == g
        z = params.W[l] @ trace.a[l - 1] + params.b[l]
        assert trace.z[l] == pytest.approx(z, abs=1e-15)
        assert (trace.a[l] == g(trace.z[l])).all()


def test_vector_is_w1_b1_w2_b2_row_by_row_and_read_only():
    assert PARAMS.vector.tolist() == [0.2, 0.4, 0.3, 0.7, 0.1, 0.2, 0.5, 0.6, 0.3]
    assert PARAMS.count == 9
    for array in (PARAMS.vector, PARAMS.W[1], PARAMS.b[2], PARAMS["W2"]):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    assert PARAMS["W2"] is PARAMS.W[2] and PARAMS.W[1].base is PARAMS.vector


def test_parameters_do_not_hang_on_the_callers_arrays():
    vector = PARAMS.vector.copy()
    params = PARAMS.with_vector(vector)
    vector[:] = 0
    assert (params.vector == PARAMS.vector).all() and vector.flags.writeable


def test_an_optimizer_step_lowers_the_cost():
    loss, trace = HalfSquaredError(), NET.forward(PARAMS, X)
    gradients = NET.backward(PARAMS, trace, loss.gradient(trace.output, [1.0]))
    descent = GradientDescent(0.5)
    step, _ = descent.update(gradients.vector, descent.init(PARAMS.vector), PARAMS.vector)
    after = NET.forward(PARAMS.with_vector(PARAMS.vector + step), X)
    assert loss(after.output, [1.0]) < loss(trace.output, [1.0])


def test_init_is_glorot_uniform_and_reproducible():
    net = MLP([200, 100, 1])
    params = net.init(np.random.default_rng(6))
    limit = np.sqrt(6 / 300)
    assert 0.99 * limit < np.abs(params.W[1]).max() <= limit
    assert params.W[1].std() == pytest.approx(limit / np.sqrt(3), rel=0.01)
    assert not params.b[1].any()
    assert (params.vector == net.init(np.random.default_rng(6)).vector).all()


def test_float32_in_gives_float32_out():
    params = PARAMS.with_vector(PARAMS.vector.astype(np.float32))
    trace = NET.forward(params, X.astype(np.float32))
    gradients = NET.backward(params, trace, np.ones(1, np.float32))
    for array in (trace.z[1], trace.output, gradients.vector, gradients.delta[1]):
        assert array.dtype == np.float32


def test_layers_are_numbered_as_in_the_formulas():
    trace = NET.forward(PARAMS, X)
    assert len(PARAMS.W) == len(trace.z) == 2 and len(trace.a) == 3
    outside = [(PARAMS.W, 0), (trace.z, 0), (trace.a, 3), (trace.a, -1), (PARAMS.b, 1.0)]
    for numbered, layer in outside:
        with pytest.raises(IndexError, match="wanted a layer from"):
            numbered[layer]
    assert [w.shape for w in PARAMS.W] == [(2, 2), (1, 2)]


def test_printing_shows_layers_and_counts():
    assert repr(PARAMS) == "Parameters(W1 (2, 2), b1 (2,), W2 (1, 2), b2 (1,); 9 numbers)"
    assert repr(PARAMS.W) == "W[1] = [[0.2 0.4]\n        [0.3 0.7]]\nW[2] = [[0.5 0.6]]"


def parameters(**changed):
    arrays = {"W1": np.ones((2, 2)), "b1": np.ones(2), "W2": np.ones((1, 2)), "b2": np.ones(1)}
    return NET.parameters(**(arrays | changed))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: MLP([3]), r"sizes: \(3,\)"),
        (lambda: MLP([3, 0]), r"sizes: \(3, 0\)"),
        (lambda: MLP([3, 2.5]), r"sizes: \(3, 2.5\)"),
        (lambda: MLP([3, 2], hidden="relu"), "hidden: 'relu', wanted an activation"),
        (lambda: MLP([3, 2], output=np.exp), "output: .*wanted an activation"),
        (lambda: parameters(W2=np.ones((2, 1))), r"W2: shape \(2, 1\), wanted \(1, 2\)"),
        (lambda: parameters(b1=np.ones((2, 1))), r"b1: shape \(2, 1\), wanted \(2,\)"),
        (lambda: parameters(b1=[1.0, np.inf]), r"b1: inf at index \(1,\)"),
        (lambda: parameters(W1=[[1.0], [1.0, 2.0]]), "W1: rows of unequal length"),
        (lambda: parameters(W3=[[1.0]]), "arrays: W1, b1, W2, b2, W3, wanted W1, b1, W2, b2"),
        (lambda: NET.parameters(), "arrays: none"),
        (lambda: PARAMS.with_vector(np.ones(8)), r"vector: shape \(8,\), wanted \(9,\)"),
        (lambda: Parameters(np.ones((3, 3)), PARAMS.shapes), r"vector: shape \(3, 3\)"),
        (lambda: NET.init(7), "rng: 7, wanted a generator"),
        (lambda: NET.forward(PARAMS, [1.0]), r"X: shape \(1,\), wanted \(2,\)"),
        (lambda: NET.forward(PARAMS, np.ones((0, 2))), r"X: shape \(0, 2\)"),
        (lambda: NET.forward(PARAMS, np.ones((2, 2, 2))), "X: shape"),
        (lambda: NET.forward(PARAMS.vector, X), "params: ndarray"),
        (lambda: NET.forward(MLP([2, 1]).init(np.random.default_rng(0)), X), "params: Parameters"),
        (
            lambda: NET.backward(PARAMS, NET.forward(PARAMS, X), [[1.0]]),
            r"output_gradient: shape \(1, 1\), wanted \(1,\)",
        ),
    ],
)
def test_refuses_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_an_unknown_name_is_a_key_error_that_lists_the_known_ones():
    with pytest.raises(KeyError, match="wanted one of W1, b1, W2, b2"):
        PARAMS["W3"]


def test_a_trace_does_not_hang_on_the_callers_input():
    inputs = X.copy()
    trace = NET.forward(PARAMS, inputs)
    inputs[:] = 0
    assert (trace.a[0] == X).all()


def test_copies_and_pickles_keep_vector_and_views_together():
    trace = NET.forward(PARAMS, X)
    gradients = NET.backward(PARAMS, trace, [1.0])
    for original in (PARAMS, gradients):
        for twin in (copy.deepcopy(original), pickle.loads(pickle.dumps(original))):
            assert type(twin) is type(original) and (twin.vector == original.vector).all()
            assert not twin.vector.flags.writeable and twin.W[1].base is twin.vector
    assert (copy.deepcopy(gradients).delta[1] == gradients.delta[1]).all()


def test_what_a_pass_computed_cannot_be_overwritten():
    trace = NET.forward(PARAMS, X)
    gradients = NET.backward(PARAMS, trace, [1.0])
    for array in (trace.z[1], trace.a[0], trace.output, gradients.delta[2], gradients.W[1]):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_a_trace_of_another_network_is_refused():
    other = MLP([2, 2, 1, 1], hidden=Sigmoid(), output=Sigmoid())
    trace = other.forward(other.init(np.random.default_rng(0)), X)
    with pytest.raises(
        ValueError, match=r"trace: layers of sizes \(2, 2, 1, 1\), wanted \(2, 2, 1\)"
    ):
        NET.backward(PARAMS, trace, [1.0])


def test_gradients_are_no_parameters():
    gradients = NET.backward(PARAMS, NET.forward(PARAMS, X), [1.0])
    with pytest.raises(ValueError, match="params: Gradients"):
        NET.forward(gradients, X)


def test_init_spends_no_random_numbers_on_zeros():
    rng = np.random.default_rng(7)
    MLP([3, 2]).init(rng)
    same = np.random.default_rng(7)
    same.uniform(size=6)
    assert rng.random() == same.random()
