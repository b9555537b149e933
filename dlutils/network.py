"""Networks: layers in a row, parameters as one vector, a forward pass, a backward pass."""

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from dlutils._checks import finite_array, float_array, same_shape, whole
from dlutils.activations import Activation, Identity, ReLU
from dlutils.initializers import Glorot
from dlutils.layers import Activate, Dense, Layer


class _Numbered:
    """One array per layer, numbered as in the formulas: from `first` to the number of layers."""

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


def _is_shape(shape):
    return isinstance(shape, tuple) and all(isinstance(n, int | np.integer) for n in shape)


def _views(vector, shapes):
    """Return views on the vector, a dict of arrays of the given shapes, by their names."""
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes.values()])
    if vector.shape != (ends[-1],):
        raise ValueError(f"vector: shape {vector.shape}, wanted ({ends[-1]},)")
    parts = zip(np.split(vector, ends[:-1]), shapes.items(), strict=True)
    return {name: part.reshape(shape) for part, (name, shape) in parts}


class Parameters:
    """The parameters of a network: one flat vector, and named views on it.

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
        if not isinstance(shapes, dict) or not shapes or not all(map(_is_shape, shapes.values())):
            raise ValueError(f"shapes: {shapes!r}, wanted a dict such as {{'W1': (2, 3)}}")
        vector = float_array(vector, "vector").copy()
        self._views = _views(vector, shapes)
        for array in (vector, *self._views.values()):
            array.flags.writeable = False
        self.vector, self.shapes, self.count = vector, dict(shapes), vector.size
        self.W, self.b = (_Numbered(letter, self._numbered(letter)) for letter in "Wb")

    def _numbered(self, letter):
        return [view for name, view in self._views.items() if name.strip("0123456789") == letter]

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
    """What a forward pass computed, and what the backward pass needs of it.

    Attributes
    ----------
    z : weighted sums, ``z[l]`` of shape (n_l,) or (N, n_l), the output of dense layer l; l from 1
    a : activations, likewise: ``a[l]`` is what the layers after dense layer l make of ``z[l]``;
        ``a[0]`` is the input
    output : the output of the last layer
    state : what the layers remember, one entry per layer, as `Network.forward` takes it
    """

    z: _Numbered
    a: _Numbered
    output: np.ndarray
    state: tuple
    _layers: tuple = field(repr=False)
    _params: Parameters = field(repr=False)
    _caches: tuple = field(repr=False)


@dataclass(frozen=True)
class Network:
    r"""Layers in a row: each takes the output of the one before.

    The parameters of the layers are numbered in their order, each name on its own: W1 and b1
    belong to the first dense layer, gamma1 and beta1 to the first normalization.

    Parameters
    ----------
    layers : sequence of layers
        At least one of them `Dense`.

    Raises
    ------
    ValueError
        If one of them is no layer, or does not take the output of the layer before it.

    Examples
    --------
    >>> from dlutils import BatchNorm, ReLU
    >>> net = Network([Dense(64, 32), BatchNorm(32), Activate(ReLU()), Dense(32, 10)])
    >>> params = net.init(np.random.default_rng(0))
    >>> list(params.shapes), params.count
    (['W1', 'b1', 'gamma1', 'beta1', 'W2', 'b2'], 2474)
    >>> net.forward(params, np.zeros((5, 64)), training=True).output.shape
    (5, 10)

    References
    ----------
    Rumelhart, Hinton and Williams (1986), Learning representations by back-propagating errors.
    """

    layers: tuple[Layer, ...]

    def __post_init__(self):
        if not np.iterable(self.layers):
            raise ValueError(f"layers: {self.layers!r}, wanted a sequence of layers")
        layers = tuple(self.layers)
        for k, layer in enumerate(layers):
            if not isinstance(layer, Layer):
                raise ValueError(
                    f"layers: {layer!r} at place {k}, wanted a layer such as Dense(2, 1)"
                )
        if not any(isinstance(layer, Dense) for layer in layers):
            raise ValueError(f"layers: {layers}, wanted at least one Dense")
        object.__setattr__(self, "layers", layers)
        units = self.inputs
        for k, layer in enumerate(layers):
            try:
                units = layer.units(units)
            except ValueError as misfit:
                raise ValueError(f"layers: at place {k}, {misfit}") from None
        object.__setattr__(self, "_outputs", units)
        seen = Counter()
        names = []
        for layer in layers:
            seen.update(layer.shapes.keys())
            names.append({name: f"{name}{seen[name]}" for name in layer.shapes})
        object.__setattr__(self, "_names", tuple(names))

    @property
    def inputs(self):
        """How many numbers an example has."""
        return next(layer.inputs for layer in self.layers if layer.inputs is not None)

    @property
    def outputs(self):
        """How many numbers the last layer outputs."""
        return self._outputs

    @property
    def shapes(self):
        """The shape of each parameter array by its name, in the order of the layers."""
        return {
            names[name]: shape
            for layer, names in zip(self.layers, self._names, strict=True)
            for name, shape in layer.shapes.items()
        }

    def parameters(self, **arrays):
        """Return `Parameters` from given arrays: W1 of shape (n_1, n_0), b1 of (n_1,), W2, b2 ….

        Raises ValueError if an array is missing, unknown, of another shape or not finite.
        """
        wanted = self.shapes
        if arrays.keys() != wanted.keys():
            raise ValueError(f"arrays: {', '.join(arrays) or 'none'}, wanted {', '.join(wanted)}")
        checked = {name: finite_array(arrays[name], name) for name in wanted}
        for name, shape in wanted.items():
            because = "units × inputs" if len(shape) == 2 else "one per unit"
            same_shape(checked[name], shape, name, because)
        return Parameters(np.concatenate([array.ravel() for array in checked.values()]), wanted)

    def init(self, rng):
        """Return `Parameters` before training, as the layers draw them: biases are 0.

        `rng` is a ``numpy.random.Generator``; the same seed gives the same parameters.
        """
        arrays = {}
        for layer, names in zip(self.layers, self._names, strict=True):
            arrays |= {names[name]: array for name, array in layer.init(rng).items()}
        return self.parameters(**arrays)

    def init_state(self):
        """Return what the layers remember before training, one entry per layer."""
        return tuple(layer.init_state() for layer in self.layers)

    def forward(self, params, X, *, training=False, rng=None, state=None):
        """Compute every layer for one example X of shape (n_0,), or a batch (N, n_0).

        Parameters
        ----------
        params : Parameters
        X : array (n_0,) or (N, n_0)
        training : bool
            Whether dropout drops, and batch normalization looks at the batch.
        rng : numpy.random.Generator
            Needed by dropout in training.
        state : tuple
            ``state`` of an earlier trace; None is the state before training.

        Returns
        -------
        Trace

        Raises
        ------
        ValueError
            If X, parameters or state do not fit the network, or dropout has no `rng`.
        """
        self._fitting(params)
        X = finite_array(X, "X").copy()
        if X.ndim not in (1, 2) or X.shape[-1] != self.inputs or X.size == 0:
            n = self.inputs
            raise ValueError(f"X: shape {X.shape}, wanted ({n},) for one example or (N, {n})")
        state = self._fitting_states(state)
        own = self._by_layer(params._views)
        outputs, caches, state = self._forward(own, X, training, rng, state)
        dense = [k for k, layer in enumerate(self.layers) if isinstance(layer, Dense)]
        last = [*(k - 1 for k in dense[1:]), len(outputs) - 1]
        return Trace(
            z=_Numbered("z", [outputs[k] for k in dense]),
            a=_Numbered("a", [X, *(outputs[k] for k in last)], first=0),
            output=outputs[-1],
            state=tuple(state),
            _layers=self.layers,
            _params=params,
            _caches=tuple(caches),
        )

    def backward(self, params, trace, output_gradient):
        """Carry ∂C/∂output back through the layers, to the gradient of every parameter.

        With δ^l = ∂C/∂z^l, for one example ∂C/∂W^l = δ^l (a^{l−1})ᵀ and ∂C/∂b^l = δ^l, and for a
        batch the sum of these; Wᵀδ goes on to the layer before.

        Returns `Gradients`. Raises ValueError if the output gradient has another shape than the
        output, or parameters or trace do not fit the network.
        """
        self._fitting(params)
        if not isinstance(trace, Trace) or trace._layers != self.layers:
            seen = list(trace._layers) if isinstance(trace, Trace) else type(trace).__name__
            raise ValueError(f"trace: {seen}, wanted a trace of {list(self.layers)}")
        if not np.array_equal(trace._params.vector, params.vector, equal_nan=True):
            raise ValueError("trace: of other parameters, wanted one computed with params")
        gradient = finite_array(output_gradient, "output_gradient").copy()
        same_shape(gradient, trace.output.shape, "output_gradient", "that of trace.output")
        vector = np.empty_like(params.vector)
        own, into = (self._by_layer(v) for v in (params._views, _views(vector, self.shapes)))
        deltas = self._backward(own, trace._caches, gradient, into)
        return Gradients(vector, self.shapes, deltas)

    # The passes without the checks, on one dict of arrays per layer: `fit` calls them too.

    def _by_layer(self, views):
        return [{name: views[own] for name, own in names.items()} for names in self._names]

    def _forward(self, params, X, training, rng, state):
        outputs, caches, after = [], [], []
        for layer, own, before in zip(self.layers, params, state, strict=True):
            X, cache, remembered = layer._forward(own, X, training, rng, before)
            outputs.append(X)
            caches.append(cache)
            after.append(remembered)
        return outputs, caches, after

    def _backward(self, params, caches, gradient, into):
        deltas = []
        for k, layer in reversed(list(enumerate(self.layers))):
            if isinstance(layer, Dense):
                deltas.append(gradient)
            layer._parameter_gradients(caches[k], gradient, into[k])
            if k:  # nobody asks for the gradient of the input
                gradient = layer._input_gradient(params[k], caches[k], gradient)
        return deltas[::-1]

    def _fitting_states(self, states):
        states = self.init_state() if states is None else states
        if not isinstance(states, tuple) or len(states) != len(self.layers):
            seen = type(states).__name__
            seen += f" of length {len(states)}" if np.iterable(states) else ""
            wanted = f"wanted a tuple of length {len(self.layers)}, one entry per layer, or None"
            raise ValueError(f"state: {seen}, {wanted}")
        return tuple(l._fitting_state(s) for l, s in zip(self.layers, states, strict=True))

    def _fitting(self, params):
        fits = isinstance(params, Parameters) and not isinstance(params, Gradients)
        if not fits or params.shapes != self.shapes:
            seen = params if isinstance(params, Parameters) else type(params).__name__
            raise ValueError(f"params: {seen}, wanted parameters of shapes {self.shapes}")


@dataclass(frozen=True)
class MLP(Network):
    r"""A multi-layer perceptron: a^l = g(W^l a^{l−1} + b^l) for the layers l = 1 … L.

    Parameters
    ----------
    sizes : sequence of ints
        (n_0, n_1, …, n_L): the number of inputs, then of units in each layer.
    hidden : activation, ReLU() by default
        g of the layers 1 … L − 1.
    output : activation, Identity() by default
        g of layer L.
    initializer : initializer, Glorot() by default
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

    layers: tuple[Layer, ...] = field(init=False, repr=False, compare=False)
    sizes: tuple[int, ...]
    hidden: Activation = field(default_factory=ReLU, kw_only=True)
    output: Activation = field(default_factory=Identity, kw_only=True)
    initializer: object = field(default_factory=Glorot, kw_only=True)

    def __post_init__(self):
        sizes = tuple(self.sizes) if np.iterable(self.sizes) else (self.sizes,)
        if len(sizes) < 2:
            raise ValueError(f"sizes: {sizes}, wanted at least two whole numbers from 1")
        sizes = tuple(whole(n, f"sizes[{l}]", 1) for l, n in enumerate(sizes))
        for name in ("hidden", "output"):
            if not isinstance(getattr(self, name), Activation):
                wanted = "wanted an activation such as Sigmoid()"
                raise ValueError(f"{name}: {getattr(self, name)!r}, {wanted}")
        object.__setattr__(self, "sizes", sizes)
        layers = []
        for l, (inputs, units) in enumerate(pairwise(sizes), 1):
            layers += [Dense(inputs, units, self.initializer), Activate(self.activation(l))]
        object.__setattr__(self, "layers", tuple(layers))
        super().__post_init__()

    def activation(self, layer):
        """Return the activation g of a layer, counted from 1."""
        last = len(self.sizes) - 1
        if whole(layer, "layer", 1) > last:
            raise ValueError(f"layer: {layer}, wanted a layer from 1 to {last}")
        return self.output if layer == last else self.hidden
