"""The multi-layer perceptron: parameters as one vector, a forward pass, a backward pass."""

from dataclasses import dataclass, field

import numpy as np

from dlutils._checks import finite_array, float_array, same_shape
from dlutils.activations import Identity, ReLU
from dlutils.initializers import Glorot


class _Numbered:
    """One array a layer, numbered as in the formulas: from `first` to the number of layers."""

    def __init__(self, name, arrays, first=1):
        self._name, self._arrays, self._first = name, tuple(arrays), first
        for array in self._arrays:
            array.flags.writeable = False

    def __getitem__(self, layer):
        last = self._first + len(self._arrays) - 1
        if not isinstance(layer, int | np.integer) or not self._first <= layer <= last:
            wanted = f"wanted a layer from {self._first} to {last}"
            raise IndexError(f"{self._name}[{layer!r}]: {wanted}")
        return self._arrays[layer - self._first]

    def __len__(self):
        return len(self._arrays)

    def __iter__(self):
        return iter(self._arrays)

    def __repr__(self):
        heads = (f"{self._name}[{l}] = " for l, _ in enumerate(self._arrays, self._first))
        pairs = zip(heads, self._arrays, strict=True)
        return "\n".join(head + np.array2string(array, prefix=head) for head, array in pairs)


class Parameters:
    """The weights and biases of a network: one flat vector, and named views on it.

    A loss is thus a function of one vector, and an optimizer or a gradient check needs to know
    nothing about layers.

    Parameters
    ----------
    vector : array (count,)
        W1, b1, W2, b2, … one after the other, each row by row. It is copied and made read-only.
    shapes : dict
        The shape of each array by its name, in the order of the vector.

    Attributes
    ----------
    vector : array (count,), read-only
    count : int
        How many numbers there are.
    W, b : the weights (n_l, n_{l−1}) and biases (n_l,) of layer l as ``W[l]``, ``b[l]``; l from 1
    shapes : dict

    Raises
    ------
    ValueError
        If the vector does not hold exactly the numbers that the shapes ask for.

    Examples
    --------
    >>> params = Parameters([1.0, 2.0, 3.0], {"W1": (1, 2), "b1": (1,)})
    >>> params.W[1], params["b1"], params.count
    (array([[1., 2.]]), array([3.]), 3)
    >>> params.with_vector(-params.vector).W[1]
    array([[-1., -2.]])
    """

    def __init__(self, vector, shapes):
        sizes = {name: int(np.prod(shape)) for name, shape in shapes.items()}
        vector = float_array(vector, "vector").copy()
        if vector.shape != (sum(sizes.values()),):
            raise ValueError(f"vector: shape {vector.shape}, wanted ({sum(sizes.values())},)")
        vector.flags.writeable = False
        self.vector, self.shapes, self.count = vector, dict(shapes), vector.size
        parts = np.split(vector, np.cumsum(list(sizes.values()))[:-1])
        self._views = {
            name: part.reshape(shape)
            for part, (name, shape) in zip(parts, self.shapes.items(), strict=True)
        }
        self.W = _Numbered("W", (view for name, view in self._views.items() if name[0] == "W"))
        self.b = _Numbered("b", (view for name, view in self._views.items() if name[0] == "b"))

    def __getitem__(self, name):
        if name not in self._views:
            raise KeyError(f"{name!r}: wanted one of {', '.join(self._views)}")
        return self._views[name]

    def with_vector(self, vector):
        """Return parameters of the same shapes around another vector."""
        return Parameters(vector, self.shapes)

    def __reduce__(self):
        return Parameters, (self.vector, self.shapes)  # copies and pickles make their own views

    def __repr__(self):
        arrays = ", ".join(f"{name} {shape}" for name, shape in self.shapes.items())
        return f"{type(self).__name__}({arrays}; {self.count} numbers)"


class Gradients(Parameters):
    """The derivatives of a cost with respect to each parameter, in the parameters' own shapes.

    Attributes
    ----------
    vector, count, W, b, shapes : as in `Parameters`
    delta : ∂C/∂z of layer l as ``delta[l]``, in the shape of ``trace.z[l]``; l from 1
    """

    def __init__(self, vector, shapes, delta):
        super().__init__(vector, shapes)
        self.delta = _Numbered("delta", delta)

    def __reduce__(self):
        return Gradients, (self.vector, self.shapes, tuple(self.delta))


@dataclass(frozen=True)
class Trace:
    """What a forward pass computed, layer by layer.

    Attributes
    ----------
    z : weighted sums, ``z[l]`` of shape (n_l,) or (N, n_l); l from 1
    a : activations, likewise; ``a[0]`` is the input
    """

    z: _Numbered
    a: _Numbered

    @property
    def output(self):
        """The activation of the last layer."""
        return self.a[len(self.a) - 1]


@dataclass(frozen=True)
class MLP:
    r"""A multi-layer perceptron: a^l = g(W^l a^{l−1} + b^l) for the layers l = 1 … L.

    Parameters
    ----------
    sizes : sequence of ints
        (n_0, n_1, …, n_L): the number of inputs, then of units in each layer.
    hidden : activation
        g of the layers 1 … L − 1.
    output : activation
        g of layer L.
    initializer : initializer
        What draws the first weights; the first biases are 0.

    Raises
    ------
    ValueError
        If there are fewer than two sizes, or one is not a whole number above 0.

    Examples
    --------
    >>> from dlutils import Sigmoid
    >>> net = MLP([2, 2, 1], hidden=Sigmoid(), output=Sigmoid())
    >>> params = net.parameters(
    ...     W1=[[0.2, 0.4], [0.3, 0.7]], b1=[0.1, 0.2], W2=[[0.5, 0.6]], b2=[0.3]
    ... )
    >>> trace = net.forward(params, [0.5, 0.8])
    >>> trace.z[1], trace.output.round(3)
    (array([0.52, 0.91]), array([0.739]))

    References
    ----------
    Rumelhart, Hinton and Williams (1986), Learning representations by back-propagating errors.
    """

    sizes: tuple[int, ...]
    hidden: object = field(default_factory=ReLU, kw_only=True)
    output: object = field(default_factory=Identity, kw_only=True)
    initializer: object = field(default_factory=Glorot, kw_only=True)

    def __post_init__(self):
        sizes = tuple(self.sizes)
        whole = all(isinstance(n, int | np.integer) and n > 0 for n in sizes)
        if len(sizes) < 2 or not whole:
            raise ValueError(f"sizes: {sizes}, wanted at least two whole numbers above 0")
        for name in ("hidden", "output"):
            activation = getattr(self, name)
            if not (callable(activation) and hasattr(activation, "vjp")):
                raise ValueError(f"{name}: {activation!r}, wanted an activation such as Sigmoid()")
        if not callable(self.initializer):
            raise ValueError(f"initializer: {self.initializer!r}, wanted one such as Glorot()")
        object.__setattr__(self, "sizes", tuple(int(n) for n in sizes))

    @property
    def shapes(self):
        """The shape of each parameter array by its name, in the order W1, b1, W2, b2 and so on."""
        layers = enumerate(zip(self.sizes, self.sizes[1:], strict=False), 1)
        return {
            name: shape
            for l, (inputs, units) in layers
            for name, shape in ((f"W{l}", (units, inputs)), (f"b{l}", (units,)))
        }

    def activation(self, layer):
        """Return the activation g of a layer, counted from 1."""
        return self.output if layer == len(self.sizes) - 1 else self.hidden

    def parameters(self, **arrays):
        """Return `Parameters` from given arrays: W1 of shape (n_1, n_0), b1 of (n_1,), W2, b2 ….

        Raises ValueError if an array is missing, unknown, of another shape or not finite.
        """
        wanted = self.shapes
        if arrays.keys() != wanted.keys():
            raise ValueError(f"arrays: {', '.join(arrays) or 'none'}, wanted {', '.join(wanted)}")
        checked = [finite_array(arrays[name], name) for name in wanted]
        for array, (name, shape) in zip(checked, wanted.items(), strict=True):
            same_shape(array, shape, name, "units × inputs" if len(shape) == 2 else "one per unit")
        return Parameters(np.concatenate([array.ravel() for array in checked]), wanted)

    def init(self, rng):
        """Return random `Parameters`: weights from the initializer, biases 0.

        `rng` is a ``numpy.random.Generator``; the same seed gives the same parameters.
        """
        if not isinstance(rng, np.random.Generator):
            raise ValueError(f"rng: {rng!r}, wanted a generator such as np.random.default_rng(0)")
        arrays = {
            name: self.initializer(shape, rng) if name[0] == "W" else np.zeros(shape)
            for name, shape in self.shapes.items()
        }
        return self.parameters(**arrays)

    def forward(self, params, X):
        """Compute every layer for one example X of shape (n_0,), or a batch (N, n_0).

        Returns a `Trace`. Raises ValueError if X or the parameters do not fit the network.
        """
        self._fitting(params)
        a = float_array(X, "X").copy()
        if a.ndim not in (1, 2) or a.shape[-1] != self.sizes[0] or a.size == 0:
            n = self.sizes[0]
            raise ValueError(f"X: shape {a.shape}, wanted ({n},) for one example or (N, {n})")
        zs, activations = [], [a]
        for l, (W, b) in enumerate(zip(params.W, params.b, strict=True), 1):
            z = a @ W.T + b
            a = self.activation(l)(z)
            zs.append(z)
            activations.append(a)
        return Trace(z=_Numbered("z", zs), a=_Numbered("a", activations, first=0))

    def backward(self, params, trace, output_gradient):
        """Carry ∂C/∂a^L back through the layers, to the gradient of every parameter.

        δ^L = ∂C/∂a^L ⊙ g′(z^L), then δ^l = (W^{l+1}ᵀ δ^{l+1}) ⊙ g′(z^l); for one example
        ∂C/∂W^l = δ^l (a^{l−1})ᵀ and ∂C/∂b^l = δ^l, and for a batch the sum of these.

        Returns `Gradients`. Raises ValueError if the output gradient has another shape than the
        output, or parameters or trace do not fit the network.
        """
        self._fitting(params)
        seen = tuple(a.shape[-1] for a in trace.a)
        if seen != self.sizes:
            raise ValueError(f"trace: layers of sizes {seen}, wanted {self.sizes}")
        gradient = float_array(output_gradient, "output_gradient")
        same_shape(gradient, trace.output.shape, "output_gradient", "that of trace.output")
        deltas, parts = [], []
        for l in range(len(self.sizes) - 1, 0, -1):
            delta = self.activation(l).vjp(trace.z[l], gradient)
            rows = np.atleast_2d(delta)
            dW = rows.T @ np.atleast_2d(trace.a[l - 1])
            parts = [dW.ravel(), rows.sum(axis=0), *parts]
            deltas = [delta, *deltas]
            gradient = delta @ params.W[l]
        return Gradients(np.concatenate(parts), self.shapes, deltas)

    def _fitting(self, params):
        fits = isinstance(params, Parameters) and not isinstance(params, Gradients)
        if not fits or params.shapes != self.shapes:
            seen = params if isinstance(params, Parameters) else type(params).__name__
            raise ValueError(f"params: {seen}, wanted parameters of shapes {self.shapes}")
