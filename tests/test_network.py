"""Networks: the 2-2-1 example, gradients by differences and by PyTorch, numbering, refusals."""

import copy
import pickle
import re

import numpy as np
import pytest
from framework import SOURCES, references
from hypothesis import given, settings
from hypothesis import strategies as st

from dlutils import (
    ELU,
    GELU,
    MLP,
    SELU,
    Activate,
    AdaptiveRobust,
    BatchNorm,
    BinaryCrossEntropy,
    CategoricalCrossEntropy,
    Dense,
    Dropout,
    GradientDescent,
    HalfSquaredError,
    Huber,
    Identity,
    LayerNorm,
    LeakyReLU,
    Maxout,
    Network,
    Parameters,
    PReLU,
    ReLU,
    Sigmoid,
    SigmoidCrossEntropy,
    Softmax,
    SoftmaxCrossEntropy,
    Softplus,
    SquaredHinge,
    Swish,
    Tanh,
    check_gradient,
)
from dlutils.initializers import Constant, He
from dlutils.layers import BatchNormState

NET = MLP([2, 2, 1], hidden=Sigmoid(), output=Sigmoid())
PARAMS = NET.parameters(W1=[[0.2, 0.4], [0.3, 0.7]], b1=[0.1, 0.2], W2=[[0.5, 0.6]], b2=[0.3])
X = np.array([0.5, 0.8])


def deep(*output):
    """Return a network that holds every layer, as in fixtures/torch_layers.py."""
    return Network(
        [
            LayerNorm(6),
            Dense(6, 12),
            BatchNorm(12, momentum=0.2),
            PReLU(12),
            Dropout(0.3),
            Dense(12, 9),
            Maxout(3),
            PReLU(),
            Dense(3, 8),
            BatchNorm(8),
            Activate(Tanh()),
            LayerNorm(8),
            Dense(8, 5),
            *output,
        ]
    )


def deep_example(seed, *output):
    """Return a deep network, random parameters, a batch and a state that came about in training."""
    net, rng = deep(*output), np.random.default_rng(seed)
    params = net.init(rng)
    arrays = {name: params[name] + 0.3 * rng.normal(size=n) for name, n in net.shapes.items()}
    arrays["b2"] -= 1  # or hardly a maximum would be negative, as the slope behind it needs
    params = net.parameters(**arrays)
    state = net.forward(params, rng.normal(size=(9, 6)), training=True, rng=rng).state
    return net, params, rng.normal(size=(7, 6)), state


def forward(net, params, X, state=None, training=False, seed=1):
    rng = np.random.default_rng(seed)
    return net.forward(params, X, training=training, rng=rng, state=state)


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


COSTS = [
    ([], HalfSquaredError(), "numbers"),
    ([], Huber(0.3), "numbers"),
    ([], AdaptiveRobust(-2, 0.5), "numbers"),
    ([], SigmoidCrossEntropy(), "chances"),
    ([], SoftmaxCrossEntropy(), "labels"),
    ([], SquaredHinge(), "sides"),
    ([Activate(Sigmoid())], BinaryCrossEntropy(), "chances"),
    ([Activate(Softmax())], CategoricalCrossEntropy(), "labels"),
]


@pytest.mark.parametrize(("output", "loss", "kind"), COSTS, ids=lambda value: repr(value)[:30])
@pytest.mark.parametrize("run", ["training", "after training", "one example"])
def test_gradient_of_a_network_of_every_layer_is_the_measured_one(output, loss, kind, run):
    net, params, inputs, state = deep_example(3, *output)
    rng = np.random.default_rng(4)
    targets = {
        "numbers": rng.normal(size=(7, 5)),
        "chances": rng.uniform(size=(7, 5)),
        "labels": rng.integers(5, size=7),
        "sides": rng.choice([-1.0, 1.0], size=(7, 5)),
    }
    target, training = targets[kind], run == "training"
    if run == "one example":
        inputs, target = inputs[0], target[0]

    def cost(vector):
        params_there = params.with_vector(vector)
        return loss(forward(net, params_there, inputs, state, training).output, target)

    trace = forward(net, params, inputs, state, training)
    gradients = net.backward(params, trace, loss.gradient(trace.output, target))
    check_gradient(cost, gradients.vector, params.vector)
    for name in net.shapes:  # only a shift before batch normalization is redundant
        redundant = training and name in ("beta1", "b1", "b3")
        assert (np.abs(gradients[name]).max() > 1e-5) != redundant, name


@pytest.mark.parametrize("source", SOURCES)
def test_framework_network_of_every_layer_is_pytorch_s(source):
    torch, net, state = references("torch_layers", source), deep(), None
    params = Parameters(torch["deep: parameters"], net.shapes)
    loss = SoftmaxCrossEntropy()
    for k, inputs in enumerate(torch["X"]):  # three in training, one after it
        trace = forward(net, params, inputs, state, training=k < 3, seed=5)
        state = trace.state
        slope = loss.gradient(trace.output, torch["labels"])
        ours = {
            "output": trace.output,
            "gradient": net.backward(params, trace, slope).vector,
            "running": np.concatenate([array for own in state if own for array in own]),
        }
        for what, array in ours.items():
            theirs = torch[f"deep: {what}"][k]
            np.testing.assert_allclose(array, theirs, rtol=1e-10, atol=1e-12, err_msg=what)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(
    "g",
    [Sigmoid(), Tanh(), ReLU(), LeakyReLU(), ELU(), SELU(), Softplus(), Swish(), GELU()],
    ids=repr,
)
def test_framework_mlps_are_pytorch_s(source, g):
    torch, net = references("torch_layers", source), MLP([6, 8, 7, 5], hidden=g)
    name, loss = f"MLP {type(g).__name__}", SoftmaxCrossEntropy()
    params = Parameters(torch[f"{name}: parameters"], net.shapes)
    trace = net.forward(params, torch["X"][0])
    gradients = net.backward(params, trace, loss.gradient(trace.output, torch["labels"]))
    ours = {
        "output": trace.output,
        "gradient": gradients.vector,
        "input gradient": gradients.delta[1] @ params.W[1],
    }
    for what, array in ours.items():
        theirs = torch[f"{name}: {what}"][0]
        np.testing.assert_allclose(array, theirs, rtol=1e-10, atol=1e-12, err_msg=what)


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


def mlp():
    return MLP([2, 2, 1])


def parameters(**changed):
    arrays = {"W1": np.ones((2, 2)), "b1": np.ones(2), "W2": np.ones((1, 2)), "b2": np.ones(1)}
    return mlp().parameters(**(arrays | changed))


def refuses(message, call, *arguments, **named):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        call(*arguments, **named)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: MLP([3]), "sizes: (3,), wanted at least two whole numbers from 1"),
        (lambda: MLP([]), "sizes: (), wanted at least two whole numbers from 1"),
        (lambda: MLP(3), "sizes: (3,), wanted at least two whole numbers from 1"),
        (lambda: MLP([0, 3]), "sizes[0]: 0, wanted a whole number from 1"),
        (lambda: MLP([3, 0]), "sizes[1]: 0, wanted a whole number from 1"),
        (lambda: MLP([3, 2.5]), "sizes[1]: 2.5, wanted a whole number from 1"),
        (
            lambda: MLP([3, 2], hidden="relu"),
            "hidden: 'relu', wanted an activation such as Sigmoid()",
        ),
        (
            lambda: MLP([3, 2], output=np.exp),
            "output: <ufunc 'exp'>, wanted an activation such as Sigmoid()",
        ),
        (
            lambda: MLP([3, 2], initializer="he"),
            "initializer: 'he', wanted one such as Glorot()",
        ),
        (
            lambda: Network([Dense(2, 1), Sigmoid()]),
            "layers: Sigmoid(slope=1.0) at place 1, wanted a layer such as Dense(2, 1)",
        ),
        (lambda: Network([]), "layers: (), wanted at least one Dense"),
        (lambda: Network([Maxout()]), "layers: (Maxout(pieces=2),), wanted at least one Dense"),
        (lambda: Network(Maxout()), "layers: Maxout(pieces=2), wanted a sequence of layers"),
        (
            lambda: Network([Dense(2, 3), PReLU(2)]),
            "layers: at place 1, inputs: 3, wanted 2 for PReLU(inputs=2, start=0.25)",
        ),
        (
            lambda: Network([Dense(2, 3), Maxout()]),
            "layers: at place 1, inputs: 3, wanted a multiple of 2 for Maxout(pieces=2)",
        ),
        (
            lambda: Network([Dense(2, 6), Maxout(3), Dropout(0.1), BatchNorm(6)]),
            "layers: at place 3, inputs: 2, wanted 6 for "
            "BatchNorm(inputs=6, momentum=0.1, epsilon=1e-05)",
        ),
        (
            lambda: parameters(W2=np.ones((2, 1))),
            "W2: shape (2, 1), wanted (1, 2), units × inputs",
        ),
        (
            lambda: parameters(b1=np.ones((2, 1))),
            "b1: shape (2, 1), wanted (2,), one per unit",
        ),
        (lambda: parameters(b1=[1.0, np.inf]), "b1: inf at index (1,), wanted finite numbers"),
        (
            lambda: parameters(W1=[[1.0], [1.0, 2.0]]),
            "W1: rows of unequal length, wanted an array of numbers",
        ),
        (
            lambda: parameters(b2=["1"]),
            "b2: dtype <U1, wanted real numbers (float32 or float64)",
        ),
        (lambda: parameters(W3=[[1.0]]), "arrays: W1, b1, W2, b2, W3, wanted W1, b1, W2, b2"),
        (lambda: mlp().parameters(b2=[1.0]), "arrays: b2, wanted W1, b1, W2, b2"),
        (lambda: mlp().parameters(), "arrays: none, wanted W1, b1, W2, b2"),
        (lambda: PARAMS.with_vector(np.ones(8)), "vector: shape (8,), wanted (9,)"),
        (lambda: PARAMS.with_vector([[1.0]]), "vector: shape (1, 1), wanted (9,)"),
        (
            lambda: PARAMS.with_vector(1j * PARAMS.vector),
            "vector: dtype complex128, wanted real numbers (float32 or float64)",
        ),
        (lambda: Parameters(np.ones((3, 3)), PARAMS.shapes), "vector: shape (3, 3), wanted (9,)"),
        (lambda: Parameters([1.0], {}), "shapes: {}, wanted a dict such as {'W1': (2, 3)}"),
        (
            lambda: Parameters([1.0], [(1, 1)]),
            "shapes: [(1, 1)], wanted a dict such as {'W1': (2, 3)}",
        ),
        (
            lambda: Parameters([1.0], {"W1": (1, 1), "b1": 1}),
            "shapes: {'W1': (1, 1), 'b1': 1}, wanted a dict such as {'W1': (2, 3)}",
        ),
        (
            lambda: Parameters([1.0], {"W1": (1, "1")}),
            "shapes: {'W1': (1, '1')}, wanted a dict such as {'W1': (2, 3)}",
        ),
        (lambda: mlp().activation(0), "layer: 0, wanted a whole number from 1"),
        (lambda: mlp().activation(3), "layer: 3, wanted a layer from 1 to 2"),
        (
            lambda: mlp().init(7),
            "rng: 7, wanted a generator such as np.random.default_rng(0)",
        ),
    ],
)
def test_refuses_sizes_layers_and_parameters(call, message):
    refuses(message, call)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([1.0], "X: shape (1,), wanted (2,) for one example or (N, 2)"),
        (1.0, "X: shape (), wanted (2,) for one example or (N, 2)"),
        (np.ones((5, 3)), "X: shape (5, 3), wanted (2,) for one example or (N, 2)"),
        (np.ones((0, 2)), "X: shape (0, 2), wanted (2,) for one example or (N, 2)"),
        (np.ones((2, 2, 2)), "X: shape (2, 2, 2), wanted (2,) for one example or (N, 2)"),
        ([1.0, np.nan], "X: nan at index (1,), wanted finite numbers"),
        (["a", "b"], "X: dtype <U1, wanted real numbers (float32 or float64)"),
        ([[1.0], [1.0, 2.0]], "X: rows of unequal length, wanted an array of numbers"),
    ],
)
def test_refuses_an_input(inputs, message):
    refuses(message, mlp().forward, PARAMS, inputs)


def test_refuses_parameters_of_another_network():
    net, trace = mlp(), mlp().forward(PARAMS, X)
    gradients = net.backward(PARAMS, trace, [1.0])
    other = MLP([2, 1]).init(np.random.default_rng(0))
    for unfit, seen in [
        (PARAMS.vector, "ndarray"),
        ({"W1": 1.0}, "dict"),
        (None, "NoneType"),
        (other, "Parameters(W1 (1, 2), b1 (1,); 3 numbers)"),
        (gradients, "Gradients(W1 (2, 2), b1 (2,), W2 (1, 2), b2 (1,); 9 numbers)"),
    ]:
        message = f"params: {seen}, wanted parameters of shapes {net.shapes}"
        refuses(message, net.forward, unfit, X)
        refuses(message, net.backward, unfit, trace, [1.0])


def test_refuses_a_trace_of_another_network():
    for other in (MLP([2, 2, 1], hidden=Tanh()), Network([Dense(2, 2), Dense(2, 1)])):
        trace = other.forward(other.init(np.random.default_rng(0)), X)
        wanted = f"wanted a trace of {list(mlp().layers)}"
        refuses(f"trace: {list(other.layers)}, {wanted}", mlp().backward, PARAMS, trace, [1.0])
        refuses(f"trace: ndarray, {wanted}", mlp().backward, PARAMS, trace.output, [1.0])


@pytest.mark.parametrize(
    ("gradient", "message"),
    [
        ([[1.0]], "output_gradient: shape (1, 1), wanted (1,), that of trace.output"),
        (1.0, "output_gradient: shape (), wanted (1,), that of trace.output"),
        ([np.nan], "output_gradient: nan at index (0,), wanted finite numbers"),
        (None, "output_gradient: dtype object, wanted real numbers (float32 or float64)"),
    ],
)
def test_refuses_an_output_gradient(gradient, message):
    net = mlp()
    refuses(message, net.backward, PARAMS, net.forward(PARAMS, X), gradient)


def test_refuses_a_state_that_does_not_fit_and_dropout_without_a_generator():
    net = Network([Dense(2, 2), BatchNorm(2), Dropout(0.5)])
    params, three = net.init(np.random.default_rng(0)), BatchNormState(np.ones(3), np.ones(3))
    wanted = "wanted a tuple of length 3, one entry per layer, or None"
    for state, message in [
        ((None, None), f"state: tuple of length 2, {wanted}"),
        ([None] * 3, f"state: list of length 3, {wanted}"),
        (7, f"state: int, {wanted}"),
        ((1.0, None, None), f"state: float, wanted None, since {net.layers[0]} has none"),
        ((None, 1.0, None), "state: float, wanted a BatchNormState or None"),
        ((None, three, None), "state.mean: shape (3,), wanted (2,), one per unit"),
    ]:
        for training in (False, True):
            refuses(message, forward, net, params, np.ones((3, 2)), state, training)
    message = "rng in dropout: None, wanted a generator such as np.random.default_rng(0)"
    refuses(message, net.forward, params, np.eye(2), training=True)
    assert (net.forward(params, X, state=(None,) * 3).output == net.forward(params, X).output).all()


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


def test_init_spends_no_random_numbers_on_zeros():
    rng = np.random.default_rng(7)
    MLP([3, 2]).init(rng)
    same = np.random.default_rng(7)
    same.uniform(size=6)
    assert rng.random() == same.random()


# Networks of any layers.


def test_names_are_numbered_each_on_its_own_in_the_order_of_the_layers():
    net = deep()
    names = "gamma1 beta1 W1 b1 gamma2 beta2 slope1 W2 b2 slope2 W3 b3 gamma3 beta3 gamma4 beta4"
    assert list(net.shapes) == [*names.split(), "W4", "b4"]
    sizes = [6, 6, (12, 6), 12, 12, 12, 12, (9, 12), 9, 1, (8, 3), 8, 8, 8, 8, 8, (5, 8), 5]
    assert [*net.shapes.values()] == [(n,) if isinstance(n, int) else n for n in sizes]
    assert (net.inputs, net.outputs) == (6, 5)
    params = net.init(np.random.default_rng(0))
    assert params.shapes == net.shapes and params.count == 359
    assert [array.shape for array in params.b] == [(12,), (9,), (8,), (5,)]
    assert [array.shape for array in params.W] == [(12, 6), (9, 12), (8, 3), (5, 8)]
    assert params.b[3] is params["b3"] and params.W[3] is params["W3"]
    parts = [params[name].ravel() for name in params.shapes]
    assert (np.concatenate(parts) == params.vector).all()
    again = net.parameters(**{name: params[name] for name in reversed(net.shapes)})
    assert (again.vector == params.vector).all()


def test_more_than_nine_layers_are_numbered_in_their_order():
    params = MLP([1] * 12).init(np.random.default_rng(0))
    assert list(params.shapes)[-4:] == ["W10", "b10", "W11", "b11"] and len(params.W) == 11
    assert params.W[10] is params["W10"]


def test_a_network_knows_its_sizes_whatever_comes_first_and_last():
    net = Network([Dropout(0.5), Activate(Tanh()), PReLU(4), Dense(4, 6), Maxout(3)])
    assert (net.inputs, net.outputs) == (4, 2)
    assert net.forward(net.init(np.random.default_rng(0)), np.ones((3, 4))).output.shape == (3, 2)


def test_parameters_before_training_are_those_that_the_layers_draw():
    net = Network([Dense(3, 4, He()), BatchNorm(4), PReLU(start=0.5), Dense(4, 2, Constant(0.1))])
    params, rng = net.init(np.random.default_rng(8)), np.random.default_rng(8)
    assert (params.W[1] == He()((4, 3), rng)).all() and (params.W[2] == 0.1).all()
    assert params["gamma1"].tolist() == [1] * 4 and params["beta1"].tolist() == [0] * 4
    assert params["slope1"].tolist() == [0.5] and not params.b[1].any() and not params.b[2].any()
    assert (MLP([2, 3], initializer=Constant(2.0)).init(rng).W[1] == 2).all()


@pytest.mark.parametrize("training", [False, True])
def test_a_trace_numbers_dense_layers_and_what_the_layers_behind_them_make(training):
    net, params, inputs, state = deep_example(1)
    trace = forward(net, params, inputs, state, training)
    gradients = net.backward(params, trace, np.ones((7, 5)))
    assert len(trace.z) == len(gradients.delta) == 4 and len(trace.a) == 5
    # The same by hand: each layer with its own parameters, state and the same random numbers.
    rng, names = np.random.default_rng(1), iter(net.shapes)
    passing, outputs, caches, owns = inputs, [], [], []
    for layer, before, after in zip(net.layers, state, trace.state, strict=True):
        owns.append({own: params[next(names)] for own in layer.shapes})
        run = layer.forward(owns[-1], passing, training=training, rng=rng, state=before)
        passing = run.output
        outputs.append(passing)
        caches.append(run.cache)
        if after is not None:
            assert (after.mean == run.state.mean).all()
            assert (after.variance == run.state.variance).all()
    assert (trace.a[0] == inputs).all() and (trace.output == passing).all()
    assert [l for l, s in enumerate(trace.state) if s is not None] == [2, 9]
    for l, (dense, last) in enumerate([(1, 4), (5, 7), (8, 11), (12, 12)], 1):
        assert (trace.z[l] == outputs[dense]).all() and (trace.a[l] == outputs[last]).all()
    gradient, found = np.ones((7, 5)), {}
    for k in reversed(range(13)):
        found[k] = gradient
        gradient, _ = net.layers[k].backward(owns[k], caches[k], gradient)
    for l, dense in enumerate([1, 5, 8, 12], 1):
        assert (gradients.delta[l] == found[dense]).all()
        assert gradients.delta[l].shape == trace.z[l].shape
        assert gradients.b[l] == pytest.approx(gradients.delta[l].sum(axis=0), rel=1e-12, abs=1e-15)


def test_a_state_goes_from_pass_to_pass_and_is_returned_not_hidden():
    net, params, inputs, _ = deep_example(2)
    assert [type(own) for own in net.init_state()] == [
        BatchNormState if isinstance(layer, BatchNorm) else type(None) for layer in net.layers
    ]
    first = forward(net, params, inputs, training=True)
    again = forward(net, params, inputs, net.init_state(), training=True)
    second = forward(net, params, inputs, first.state, training=True)
    assert isinstance(first.state, tuple)
    for k in (2, 9):
        assert (first.state[k].mean == again.state[k].mean).all()
        assert (first.state[k].mean != second.state[k].mean).all()
    assert (first.output == second.output).all()  # in training only the batch counts
    after = [forward(net, params, inputs, trace.state) for trace in (first, again, second)]
    assert (after[0].output == after[1].output).all()
    assert (after[0].output != after[2].output).any()
    assert (after[2].state[2].mean == second.state[2].mean).all()


def test_an_mlp_is_the_network_of_its_layers():
    mlp = MLP([3, 4, 2], hidden=Tanh(), output=Sigmoid(), initializer=He())
    net = Network([Dense(3, 4, He()), Activate(Tanh()), Dense(4, 2, He()), Activate(Sigmoid())])
    assert mlp.layers == net.layers and mlp.shapes == net.shapes and mlp != net
    assert (mlp.inputs, mlp.outputs) == (3, 2)
    params = [each.init(np.random.default_rng(9)) for each in (mlp, net)]
    assert (params[0].vector == params[1].vector).all()
    inputs = np.random.default_rng(0).normal(size=(5, 3))
    traces = [each.forward(params[0], inputs) for each in (mlp, net)]
    assert (traces[0].output == traces[1].output).all()
    for each, trace in zip((net, mlp), traces, strict=True):  # each takes the other's trace
        gradients = each.backward(params[0], trace, np.ones((5, 2)))
        assert (
            gradients.vector == mlp.backward(params[0], traces[0], np.ones((5, 2))).vector
        ).all()


def test_networks_are_values():
    relu = MLP([2, 3, 1])
    assert relu == MLP((2, np.int64(3), 1), hidden=ReLU(), output=Identity())
    assert repr(relu) == (
        "MLP(sizes=(2, 3, 1), hidden=ReLU(), output=Identity(), "
        "initializer=Glorot(distribution='uniform'))"
    )
    assert repr(Network([Dense(2, 1, Constant())])) == (
        "Network(layers=(Dense(inputs=2, outputs=1, initializer=Constant(value=0.0)),))"
    )
    others = [MLP([2, 3, 2]), MLP([2, 3, 1], hidden=Tanh()), MLP([2, 3, 1], initializer=He())]
    assert all(relu != other for other in [*others, MLP([2, 3, 1], output=Tanh()), deep()])
    assert deep() == deep() and deep() != deep(Activate(Tanh()))
    assert type(relu.sizes[1]) is int and type(Network([Dense(2, 1)]).layers) is tuple
    for net in (relu, deep()):
        assert len({net, copy.deepcopy(net), pickle.loads(pickle.dumps(net))}) == 1
        params = net.init(np.random.default_rng(0))
        inputs = np.ones((3, net.inputs))
        trace = pickle.loads(pickle.dumps(net)).forward(params, inputs)
        assert (trace.output == net.forward(params, inputs).output).all()
        assert net.backward(params, trace, trace.output).count == params.count


def test_layers_given_as_a_list_may_change_afterwards():
    layers = [Dense(2, 3), Activate(Tanh())]
    net = Network(layers)
    layers.clear()
    assert len(net.layers) == 2


@pytest.mark.parametrize("training", [False, True])
def test_nothing_is_mutated_and_no_result_hangs_on_what_was_given(training):
    net, params, inputs, state = deep_example(5)
    slope = np.ones((7, 5))
    given, before = (inputs, slope, state), copy.deepcopy((inputs, slope, state))
    trace = forward(net, params, inputs, state, training)
    after = copy.deepcopy(trace.state)
    gradients = net.backward(params, trace, slope)
    wanted = gradients.vector.copy()
    for arrays in (given, before):
        assert (arrays[0] == before[0]).all() and (arrays[1] == before[1]).all()
        for k in (2, 9):
            assert (np.array(arrays[2][k]) == np.array(before[2][k])).all()
    for array in (inputs, slope, *state[2], *state[9]):
        assert array.flags.writeable
        array += 100
    assert (trace.a[0] == before[0]).all() and (gradients.delta[4] == 1).all()
    assert (net.backward(params, trace, np.ones((7, 5))).vector == wanted).all()
    for k in (2, 9):
        assert (np.array(trace.state[k]) == np.array(after[k])).all()


@pytest.mark.parametrize("training", [False, True])
def test_float32_stays_float32_through_every_layer(training):
    net, params, inputs, state = deep_example(6)
    narrow, inputs = params.with_vector(params.vector.astype(np.float32)), np.float32(inputs)
    wide = forward(net, params, inputs, state, training)
    for before in (state, None):
        trace = forward(net, narrow, inputs, before, training)
        gradients = net.backward(narrow, trace, np.ones((7, 5), np.float32))
        arrays = [*trace.z, *trace.a, trace.output, gradients.vector, *gradients.delta]
        arrays += [array for own in trace.state if own for array in own]
        assert {array.dtype for array in arrays} == {np.dtype(np.float32)}
        if before:
            assert trace.output == pytest.approx(wide.output, rel=1e-3, abs=1e-3)


def test_the_order_of_examples_does_not_matter_in_batch_normalization():
    net = Network([Dense(6, 5), BatchNorm(5), Activate(Tanh()), LayerNorm(5), Dense(5, 2)])
    rng = np.random.default_rng(0)
    params, inputs, slope = net.init(rng), rng.normal(size=(8, 6)), rng.normal(size=(8, 2))
    order = rng.permutation(8)
    traces = [forward(net, params, array, training=True) for array in (inputs, inputs[order])]
    assert traces[1].output == pytest.approx(traces[0].output[order], rel=1e-12, abs=1e-14)
    one = net.backward(params, traces[0], slope).vector
    other = net.backward(params, traces[1], slope[order]).vector
    assert other == pytest.approx(one, rel=1e-12, abs=1e-13)


def test_batch_normalization_makes_the_bias_before_it_redundant():
    net = Network([Dense(3, 4), BatchNorm(4), Activate(Tanh()), Dense(4, 2)])
    rng = np.random.default_rng(0)
    params, inputs = net.init(rng), rng.normal(size=(6, 3))
    arrays = {name: params[name] for name in params.shapes}
    moved = net.parameters(**arrays | {"b1": rng.normal(size=4)})
    traces = [forward(net, each, inputs, training=True) for each in (params, moved)]
    assert traces[1].output == pytest.approx(traces[0].output, rel=1e-12)
    gradients = net.backward(params, traces[0], rng.normal(size=(6, 2)))
    assert gradients.b[1] == pytest.approx(np.zeros(4), abs=1e-13)
    assert np.abs(gradients["beta1"]).min() > 0.01 and np.abs(gradients.W[1]).max() > 0.01


def test_a_network_of_every_layer_does_not_overflow():
    net, params, inputs, state = deep_example(7)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        for training in (False, True):
            trace = forward(net, params, 1e4 * np.sign(inputs), state, training)
            gradients = net.backward(params, trace, np.ones((7, 5)))
            assert np.isfinite(trace.output).all() and np.isfinite(gradients.vector).all()


def test_params_may_hold_any_numbers_and_print_what_they_hold():
    net = Network([Dense(1, 2, Constant(2.0)), PReLU()])
    params = net.init(np.random.default_rng(0))
    assert repr(params) == "Parameters(W1 (2, 1), b1 (2,), slope1 (1,); 5 numbers)"
    assert params.with_vector(np.arange(5))["slope1"].tolist() == [4]
    trace = net.forward(params, [3.0])
    assert repr(trace.a) == "a[0] = [3.]\na[1] = [6. 6.]"
    assert repr(trace) == (
        "Trace(z=z[1] = [6. 6.], a=a[0] = [3.]\na[1] = [6. 6.], output=array([6., 6.]), "
        "state=(None, None))"
    )
    gradients = net.backward(params, trace, [1.0, 1.0])
    assert repr(gradients.delta) == "delta[1] = [1. 1.]"
    for numbered, name, first, last in [
        (trace.z, "z", 1, 1), (trace.a, "a", 0, 1), (gradients.delta, "delta", 1, 1),
        (params.W, "W", 1, 1), (params.b, "b", 1, 1),
    ]:  # fmt: skip
        message = f"{name}[2]: wanted a layer from {first} to {last}"
        with pytest.raises(IndexError, match=f"^{re.escape(message)}$"):
            numbered[2]


def test_a_trace_of_other_parameters_is_refused():
    trace = NET.forward(PARAMS, X)
    NET.backward(PARAMS.with_vector(PARAMS.vector), trace, [1.0])  # equal ones will do
    diverged = PARAMS.with_vector(np.full(9, np.nan))
    assert np.isnan(NET.backward(diverged, NET.forward(diverged, X), [1.0]).vector).all()
    with pytest.raises(ValueError, match="^trace: of other parameters, wanted one"):
        NET.backward(PARAMS.with_vector(2 * PARAMS.vector), trace, [1.0])
