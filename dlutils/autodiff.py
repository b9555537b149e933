"""Reverse-mode automatic differentiation of single numbers: backpropagation on any graph."""

import math
from dataclasses import dataclass
from graphlib import TopologicalSorter
from numbers import Real


@dataclass(frozen=True, eq=False)
class Node:
    r"""A number that remembers how it was computed.

    An operation on nodes makes a new node, which keeps, for each node it was computed from, the
    local derivative: for c = a·b that is ∂c/∂a = b and ∂c/∂b = a. `derivatives` multiplies these
    along each path and adds over the paths.

    Parameters
    ----------
    value : float
    parents : tuple of pairs (node, local derivative)
        Empty for a number that is given.

    Raises
    ------
    ValueError
        If `value` is not a finite real number, or an operation is not defined there (log of 0,
        1/0) or too large for a float.

    Examples
    --------
    >>> x = Node(3.0)
    >>> y = x * x + 2 * x
    >>> y.value, derivatives(y)[x]  # dy/dx = 2x + 2
    (15.0, 8.0)

    References
    ----------
    Linnainmaa (1976), Taylor expansion of the accumulated rounding error, BIT 16(2).
    """

    value: float
    parents: tuple = ()

    def __post_init__(self):
        number = isinstance(self.value, Real) and not isinstance(self.value, bool)
        if not number or not math.isfinite(self.value):
            raise ValueError(f"value: {self.value!r}, wanted a finite real number")
        object.__setattr__(self, "value", float(self.value))

    def __add__(self, other):
        other = _node(other)
        return Node(self.value + other.value, ((self, 1.0), (other, 1.0)))

    def __mul__(self, other):
        other = _node(other)
        return Node(self.value * other.value, ((self, other.value), (other, self.value)))

    def __pow__(self, exponent):
        """Return self to the power of a number; ∂(a^n)/∂a = n a^(n−1)."""
        if not isinstance(exponent, Real):
            raise ValueError(f"exponent: {exponent!r}, wanted a real number")
        at_zero, below = self.value == 0 and exponent < 1, self.value < 0 and exponent % 1 != 0
        if at_zero or below:
            raise ValueError(f"value: {self.value} to the power {exponent} has no derivative here")
        try:
            value, local = self.value**exponent, exponent * self.value ** (exponent - 1)
        except OverflowError:
            value, local = math.inf, math.inf
        return Node(value, ((self, local),))

    def exp(self):
        """Return e^a; its derivative is itself."""
        value = math.exp(self.value) if self.value < 709 else math.inf
        return Node(value, ((self, value),))

    def log(self):
        """Return ln a for a > 0; ∂(ln a)/∂a = 1/a."""
        if self.value <= 0:
            raise ValueError(f"value: ln {self.value}, wanted a number above 0")
        return Node(math.log(self.value), ((self, 1 / self.value),))

    def tanh(self):
        """Return tanh a; its derivative is 1 − tanh² a."""
        value = math.tanh(self.value)
        return Node(value, ((self, 1 - value * value),))

    def sigmoid(self):
        """Return σ(a) = (1 + tanh(a/2))/2; its derivative is σ(1 − σ)."""
        value = (1 + math.tanh(self.value / 2)) / 2
        return Node(value, ((self, value * (1 - value)),))

    def relu(self):
        """Return max(0, a); the derivative at 0 is taken to be 0."""
        return Node(max(0.0, self.value), ((self, float(self.value > 0)),))

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + -_node(other)

    def __truediv__(self, other):
        return self * _node(other) ** -1

    def __rsub__(self, other):
        return _node(other) - self

    def __rtruediv__(self, other):
        return _node(other) / self

    __radd__, __rmul__ = __add__, __mul__

    def __repr__(self):
        return f"Node({self.value})"


def _node(value):
    return value if isinstance(value, Node) else Node(value)


def derivatives(output):
    """Return ∂output/∂node for every node that `output` was computed from, as a dictionary.

    One pass from the output back: when a node's turn comes, all that was computed from it has
    had its turn, so its derivative is complete, and each parent receives its share of it.

    Raises ValueError if `output` is not a `Node`.

    >>> a, b = Node(2.0), Node(5.0)
    >>> slopes = derivatives(a * b + a)  # two paths lead from a to the output: b + 1
    >>> slopes[a], slopes[b]
    (6.0, 2.0)
    """
    if not isinstance(output, Node):
        raise ValueError(f"output: {type(output).__name__}, wanted a Node")
    graph, waiting = {}, [output]
    while waiting:
        node = waiting.pop()
        if node not in graph:
            graph[node] = [parent for parent, _ in node.parents]
            waiting += graph[node]
    slopes = dict.fromkeys(graph, 0.0)
    slopes[output] = 1.0
    for node in reversed(list(TopologicalSorter(graph).static_order())):
        for parent, local in node.parents:
            slopes[parent] += slopes[node] * local
    return slopes
