"""The scalar autodiff engine: every operation, shared nodes, the worked example, refusals."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dlutils import MLP, HalfSquaredError, Sigmoid, check_gradient
from dlutils.autodiff import Node, derivatives

OPERATIONS = {
    "a + b": lambda a, b: a + b,
    "a + 3": lambda a, b: a + 3,
    "3 + a": lambda a, b: 3 + a,
    "a - b": lambda a, b: a - b,
    "3 - a": lambda a, b: 3 - a,
    "-a": lambda a, b: -a,
    "a * b": lambda a, b: a * b,
    "3 * a": lambda a, b: 3 * a,
    "a / b": lambda a, b: a / b,
    "3 / a": lambda a, b: 3 / a,
    "a ** 3": lambda a, b: a**3,
    "a ** -2": lambda a, b: a**-2,
    "(a*a) ** 0.5": lambda a, b: (a * a) ** 0.5,
    "exp": lambda a, b: a.exp(),
    "log": lambda a, b: (a * a).log(),
    "tanh": lambda a, b: a.tanh(),
    "sigmoid": lambda a, b: a.sigmoid(),
    "relu": lambda a, b: a.relu(),
}
numbers = st.floats(0.3, 3).flatmap(lambda x: st.sampled_from([x, -x]))


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
@given(numbers, numbers)
def test_derivative_of_every_operation_is_the_measured_one(operation, a, b):
    def value(x):
        return operation(Node(x[0]), Node(x[1])).value

    nodes = Node(a), Node(b)
    slopes = derivatives(operation(*nodes))
    check_gradient(value, [slopes.get(node, 0.0) for node in nodes], [a, b])


@settings(deadline=None)
@given(st.lists(st.sampled_from(list(OPERATIONS.values())), min_size=2, max_size=6), numbers)
def test_derivative_of_a_composition_is_the_measured_one(operations, a):
    def compute(x):
        y = x
        for operation in operations:
            y = operation(y, x).tanh() + 0.5 * x  # x enters along many paths
        return y

    x = Node(a)
    try:
        slope = derivatives(compute(x))[x]
        values = [compute(Node(a + h)).value for h in (1e-5, -1e-5)]
    except ValueError:  # 1/0 or ln 0 on the way
        assume(False)
    assume(abs(slope) < 1e3)  # not beside a pole, where a difference means nothing
    near = [derivatives(compute(y))[y] for y in (Node(a + 1e-5), Node(a - 1e-5))]
    assume(max(near) - min(near) < 1e-2)  # nor beside a kink
    assert (values[0] - values[1]) / 2e-5 == pytest.approx(slope, abs=1e-5, rel=1e-5)


def test_the_worked_example_gets_the_numbers_of_the_network():
    W1, b1, W2, b2 = [[0.2, 0.4], [0.3, 0.7]], [0.1, 0.2], [[0.5, 0.6]], [0.3]
    net = MLP([2, 2, 1], hidden=Sigmoid(), output=Sigmoid())
    params = net.parameters(W1=W1, b1=b1, W2=W2, b2=b2)
    trace = net.forward(params, [0.5, 0.8])
    gradients = net.backward(params, trace, HalfSquaredError().gradient(trace.output, [1.0]))

    theta = [Node(value) for value in params.vector]
    hidden = [(theta[0] * 0.5 + theta[1] * 0.8 + theta[4]).sigmoid()]
    hidden += [(theta[2] * 0.5 + theta[3] * 0.8 + theta[5]).sigmoid()]
    answer = (theta[6] * hidden[0] + theta[7] * hidden[1] + theta[8]).sigmoid()
    slopes = derivatives((1 - answer) ** 2 / 2)
    assert answer.value == pytest.approx(trace.output[0], rel=1e-15, abs=0)
    assert [slopes[node] for node in theta] == pytest.approx(gradients.vector, rel=1e-13, abs=0)


def test_nothing_is_kept_between_two_calls():
    x = Node(2.0)
    y = x * x * x
    assert derivatives(y) == derivatives(y)
    assert derivatives(y)[x] == 12
    assert derivatives(x) == {x: 1.0}


def test_a_shared_node_is_visited_once_and_a_long_chain_is_no_problem():
    x = Node(1.0)
    y = x
    for _ in range(60):
        y = y + y  # 2^60 paths
    assert derivatives(y)[x] == 2.0**60
    for _ in range(5000):
        y = y + 1
    assert derivatives(y)[x] == 2.0**60


def test_conventions_and_extremes():
    zero = Node(0.0)
    assert derivatives(zero.relu())[zero] == 0
    for value in (-1000.0, 1000.0):
        x = Node(value)
        assert derivatives(x.sigmoid())[x] == 0 and 0 <= x.sigmoid().value <= 1
    assert (Node(0.0) ** 1).value == 0 and (Node(-2.0) ** 3).value == -8
    assert repr(Node(2)) == "Node(2.0)"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Node("a"), "value: 'a', wanted a finite real number"),
        (lambda: Node(np.ones(2)), "value: .*wanted a finite real number"),
        (lambda: Node(True), "value: True"),
        (lambda: Node(float("nan")), "value: nan"),
        (lambda: Node(1000.0).exp(), "value: inf"),
        (lambda: Node(1e200) * 1e200, "value: inf"),
        (lambda: Node(1e200) ** 2, "value: inf"),
        (lambda: Node(1.0) + "a", "value: 'a'"),
        (lambda: Node(0.0).log(), "value: ln 0.0, wanted a number above 0"),
        (lambda: Node(-1.0).log(), "value: ln -1.0"),
        (lambda: 1 / Node(0.0), "value: 0.0 to the power -1"),
        (lambda: Node(0.0) ** 0.5, "value: 0.0 to the power 0.5"),
        (lambda: Node(-1.0) ** 0.5, "value: -1.0 to the power 0.5"),
        (lambda: Node(1.0) ** Node(2.0), r"exponent: Node\(2.0\)"),
        (lambda: derivatives(3.0), "output: float, wanted a Node"),
    ],
)
def test_refuses_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_engine_fits_on_a_page():
    from dlutils import show_source
    from dlutils.autodiff import _node

    code = "\n".join(show_source(part) for part in (Node, _node, derivatives))
    assert len([line for line in code.splitlines() if line.strip()]) <= 100


@given(numbers, numbers)
def test_values_are_those_of_plain_arithmetic(a, b):
    for name, operation in OPERATIONS.items():
        if name[:3] not in {"exp", "log", "tan", "sig", "rel"}:
            assert operation(Node(a), Node(b)).value == pytest.approx(operation(a, b), rel=1e-15)
    assert Node(a).exp().value == pytest.approx(np.exp(a))
    assert Node(abs(a)).log().value == pytest.approx(np.log(abs(a)), abs=1e-15)
    assert Node(a).tanh().value == pytest.approx(np.tanh(a))
    assert Node(a).sigmoid().value == pytest.approx(Sigmoid()(a))
    assert Node(a).relu().value == max(a, 0)


def test_exp_serves_as_far_as_a_float_reaches():
    assert Node(700.0).exp().value == pytest.approx(np.exp(700.0), rel=1e-13)
