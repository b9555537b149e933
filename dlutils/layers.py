"""Layers: each holds one step of a network's forward pass and, beside it, the way back."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from dlutils._checks import finite_array, generator, number, positive, same_shape, whole
from dlutils.activations import Activation
from dlutils.initializers import Glorot


class LayerOutput(NamedTuple):
    """What a layer's forward pass returns.

    Attributes
    ----------
    output : array (units,) or (N, units)
    cache : what the layer's backward pass needs
    state : what the layer remembers beyond its parameters; None except for `BatchNorm`
    """

    output: np.ndarray
    cache: object
    state: object


class Layer:
    """What all layers share: everything comes in as an argument, nothing is kept.

    Parameters are a dict of arrays, named and shaped as in `shapes`. One example of shape
    (inputs,) gives an output of shape (units,), a batch (N, inputs) one of shape (N, units).

    Attributes
    ----------
    shapes : dict
        The shape of each parameter by its name.
    inputs : int or None
        How many numbers an example has; None where the layer takes any.

    Examples
    --------
    >>> layer, params = Dense(2, 1), {"W": [[0.5, 0.6]], "b": [0.3]}
    >>> output, cache, state = layer.forward(params, [1.0, 2.0])
    >>> output
    array([2.])
    >>> input_gradient, gradients = layer.backward(params, cache, [10.0])
    >>> input_gradient, gradients["W"]
    (array([5., 6.]), array([[10., 20.]]))
    """

    @property
    def shapes(self):
        """The shape of each parameter by its name."""
        return {}

    def units(self, inputs):
        """Return how many numbers the layer makes of `inputs` numbers."""
        whole(inputs, "inputs", 1)
        if self.inputs not in (None, inputs):
            raise ValueError(f"inputs: {inputs}, wanted {self.inputs} for {self}")
        return inputs

    def init(self, rng):
        """Return the parameters before training; what is random comes from `rng`."""
        generator(rng)
        return {}

    def init_state(self):
        """Return the state before training."""
        return None

    def forward(self, params, X, *, training=False, rng=None, state=None):
        """Compute the output for one example X of shape (inputs,), or a batch (N, inputs).

        Parameters
        ----------
        params : dict of arrays
        X : array (inputs,) or (N, inputs)
        training : bool
            Whether dropout drops, and batch normalization looks at the batch.
        rng : numpy.random.Generator
            Needed by dropout in training.
        state
            As an earlier call returned it; None is the state before training.

        Returns
        -------
        LayerOutput
            The output, the cache for `backward`, and the state after.

        Raises
        ------
        ValueError
            If parameters, X or state do not fit the layer, or dropout has no `rng`.
        """
        X = finite_array(X, "X").copy()
        if X.ndim not in (1, 2) or X.size == 0:
            raise ValueError(f"X: shape {X.shape}, wanted (inputs,) or (N, inputs)")
        try:
            self.units(X.shape[-1])
        except ValueError as misfit:
            raise ValueError(f"X: shape {X.shape}; {misfit}") from None
        return self._forward(self._fitting(params), X, training, rng, self._fitting_state(state))

    def backward(self, params, cache, output_gradient):
        """Carry ∂C/∂output back through the layer.

        Returns ∂C/∂X and a dict of ∂C/∂parameter, for a batch the sum over its examples. Raises
        ValueError if `output_gradient` has another shape than the output.
        """
        params = self._fitting(params)
        gradient = finite_array(output_gradient, "output_gradient")
        same_shape(gradient, self._output_shape(cache), "output_gradient", "that of the output")
        gradients = {name: np.empty_like(array) for name, array in params.items()}
        self._parameter_gradients(cache, gradient, gradients)
        return self._input_gradient(params, cache, gradient), gradients

    def _fitting(self, params):
        if not isinstance(params, dict) or params.keys() != self.shapes.keys():
            seen = list(params) if isinstance(params, dict) else type(params).__name__
            raise ValueError(f"params: {seen}, wanted a dict of {list(self.shapes)}")
        params = {name: finite_array(params[name], name) for name in self.shapes}
        for name, shape in self.shapes.items():
            same_shape(params[name], shape, name, f"as in {self}.shapes")
        return params

    def _fitting_state(self, state):
        if state is not None:
            raise ValueError(f"state: {type(state).__name__}, wanted None, since {self} has none")

    # The formulas, without the checks: _forward gives a LayerOutput, _parameter_gradients writes
    # into the arrays `into` (by name), and _input_gradient gives ∂C/∂X.

    def _parameter_gradients(self, cache, gradient, into):
        pass

    def _output_shape(self, cache):
        return cache.shape


def _rows(array):
    """Return a batch of one example in place of the example."""
    return array if array.ndim == 2 else array[None]


@dataclass(frozen=True)
class Dense(Layer):
    r"""The affine layer of a network: z = W x + b, for a batch Z = X Wᵀ + b.

    With δ = ∂C/∂z: ∂C/∂W = δ xᵀ, ∂C/∂b = δ, ∂C/∂x = Wᵀ δ; for a batch the sums of these.

    Parameters
    ----------
    inputs, outputs : ints ≥ 1
        W has the shape (outputs, inputs) and b (outputs,).
    initializer : initializer, Glorot() by default
        What draws the first W; the first b is 0.

    Raises
    ------
    ValueError
        If a size is not a whole number from 1.

    Examples
    --------
    >>> Dense(2, 1).forward({"W": [[0.5, 0.6]], "b": [0.3]}, [[1.0, 2.0], [0.0, 0.0]]).output
    array([[2. ],
           [0.3]])

    References
    ----------
    Rumelhart, Hinton and Williams (1986), Learning representations by back-propagating errors.
    """

    inputs: int
    outputs: int
    initializer: object = field(default_factory=Glorot)

    def __post_init__(self):
        object.__setattr__(self, "inputs", whole(self.inputs, "inputs", 1))
        object.__setattr__(self, "outputs", whole(self.outputs, "outputs", 1))
        if not callable(self.initializer):
            raise ValueError(f"initializer: {self.initializer!r}, wanted one such as Glorot()")

    @property
    def shapes(self):
        """W: (outputs, inputs) and b: (outputs,)."""
        return {"W": (self.outputs, self.inputs), "b": (self.outputs,)}

    def units(self, inputs):
        """Return `outputs`."""
        super().units(inputs)
        return self.outputs

    def init(self, rng):
        """Return W from the initializer, and b = 0."""
        W = self.initializer(self.shapes["W"], generator(rng))
        return {"W": W, "b": np.zeros(self.outputs)}

    def _forward(self, params, X, training, rng, state):
        z = X @ params["W"].T
        z += params["b"]
        return LayerOutput(z, X, None)

    def _parameter_gradients(self, cache, gradient, into):
        delta, X = _rows(gradient), _rows(cache)
        np.matmul(delta.T, X, out=into["W"])
        np.add.reduce(delta, axis=0, out=into["b"])

    def _input_gradient(self, params, cache, gradient):
        return gradient @ params["W"]

    def _output_shape(self, cache):
        return (*cache.shape[:-1], self.outputs)


@dataclass(frozen=True)
class Activate(Layer):
    r"""An activation as a layer: a = g(z), and ∂C/∂z = ∂C/∂a ⊙ g′(z).

    Parameters
    ----------
    activation : activation
        g, such as ``ReLU()``. `Softmax` has its own backward pass.

    Raises
    ------
    ValueError
        If it is not an activation.

    Examples
    --------
    >>> from dlutils import ReLU
    >>> Activate(ReLU()).forward({}, [-1.0, 2.0]).output
    array([0., 2.])
    """

    activation: Activation
    inputs = None

    def __post_init__(self):
        if not isinstance(self.activation, Activation):
            wanted = "wanted an activation such as Sigmoid()"
            raise ValueError(f"activation: {self.activation!r}, {wanted}")

    def _forward(self, params, X, training, rng, state):
        return LayerOutput(self.activation(X), X, None)

    def _input_gradient(self, params, cache, gradient):
        return self.activation.vjp(cache, gradient)


@dataclass(frozen=True)
class Dropout(Layer):
    r"""Dropout: in training each number is dropped with probability p, the rest divided by 1 − p.

    The division keeps the expected value of every number, so that nothing changes after training:
    there the layer hands on what it gets.

    Parameters
    ----------
    p : float in [0, 1)
        The probability to drop, not to keep.

    Raises
    ------
    ValueError
        If p is outside [0, 1), or in training without a generator.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> Dropout(0.5).forward({}, np.ones(6), training=True, rng=rng).output
    array([2., 0., 0., 0., 2., 2.])
    >>> Dropout(0.5).forward({}, np.ones(6)).output
    array([1., 1., 1., 1., 1., 1.])

    References
    ----------
    Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov (2014), Dropout: A simple way to
    prevent neural networks from overfitting. They multiply by 1 − p after training instead.
    """

    p: float
    inputs = None

    def __post_init__(self):
        positive(self.p, "p", or_zero=True)
        if self.p >= 1:
            raise ValueError(f"p: {self.p!r}, wanted a probability to drop in [0, 1)")
        object.__setattr__(self, "p", float(self.p))

    def _forward(self, params, X, training, rng, state):
        if not training:
            return LayerOutput(X, np.ones_like(X), None)
        kept = generator(rng, "rng in dropout").random(X.shape) >= self.p
        scale = kept.astype(X.dtype) / (1 - self.p)
        return LayerOutput(X * scale, scale, None)

    def _input_gradient(self, params, cache, gradient):
        return gradient * cache


class NormalizationCache(NamedTuple):
    """What a normalization hands to its backward pass.

    Attributes
    ----------
    x_hat : array (units,) or (N, units)
        x̂, the normalized input.
    deviation : array
        √(variance + ε), by which it was divided.
    axis : int or None
        The axis over which mean and variance were taken; None where they were given.
    """

    x_hat: np.ndarray
    deviation: np.ndarray
    axis: int | None


class _Normalization(Layer):
    """What batch and layer normalization share: y = γ ⊙ x̂ + β, where x̂ = (x − μ)/√(σ² + ε)."""

    @property
    def shapes(self):
        """The scale gamma and the shift beta: (inputs,) each."""
        return {"gamma": (self.inputs,), "beta": (self.inputs,)}

    def init(self, rng):
        """Return gamma = 1 and beta = 0."""
        generator(rng)
        return {"gamma": np.ones(self.inputs), "beta": np.zeros(self.inputs)}

    def _normalized(self, params, X, mean, variance, axis, state):
        deviation = np.sqrt(variance + self.epsilon)
        x_hat = (X - mean) / deviation
        cache = NormalizationCache(x_hat, deviation, axis)
        return LayerOutput(params["gamma"] * x_hat + params["beta"], cache, state)

    def _parameter_gradients(self, cache, gradient, into):
        np.sum(_rows(gradient * cache.x_hat), axis=0, out=into["gamma"])
        np.sum(_rows(gradient), axis=0, out=into["beta"])

    def _input_gradient(self, params, cache, gradient):
        x_hat, deviation, axis = cache
        slope = gradient * params["gamma"]  # ∂C/∂x̂
        if axis is not None:  # μ and σ² depend on x, too
            mean, product = (a.mean(axis, keepdims=True) for a in (slope, slope * x_hat))
            slope = slope - mean - x_hat * product
        return slope / deviation

    def _output_shape(self, cache):
        return cache.x_hat.shape


class BatchNormState(NamedTuple):
    """The running mean and variance of each unit, for use after training.

    Attributes
    ----------
    mean, variance : arrays (inputs,)
    """

    mean: np.ndarray
    variance: np.ndarray


@dataclass(frozen=True)
class BatchNorm(_Normalization):
    r"""Batch normalization: y = γ ⊙ (x − μ)/√(σ² + ε) + β, with μ and σ² of each unit.

    In training μ and σ² are those of the batch (σ² divides by N), and the state follows them:
    mean ← (1 − m)·mean + m·μ, and likewise variance, with σ²·N/(N − 1). After training the state
    takes their place. The gradient passes through μ and σ² in training: with g = γ ⊙ ∂C/∂y,
    ∂C/∂x = (g − mean(g) − x̂ ⊙ mean(g ⊙ x̂))/√(σ² + ε).

    Parameters
    ----------
    inputs : int ≥ 1
    momentum : float in (0, 1]
        m, the share of the newest batch, as in PyTorch; Keras calls 1 − m by that name.
    epsilon : float > 0
        ε, inside the root, which keeps a constant unit from dividing by 0.

    Raises
    ------
    ValueError
        If a number is outside its range, or X in training is not a batch of at least 2.

    Examples
    --------
    >>> layer = BatchNorm(1)
    >>> params = layer.init(np.random.default_rng(0))
    >>> output, _, state = layer.forward(params, [[1.0], [3.0]], training=True)
    >>> output.round(3).tolist(), state
    ([[-1.0], [1.0]], BatchNormState(mean=array([0.2]), variance=array([1.1])))
    >>> layer.forward(params, [0.2], state=state).output
    array([0.])

    References
    ----------
    Ioffe and Szegedy (2015), Batch normalization: Accelerating deep network training by reducing
    internal covariate shift.
    """

    inputs: int
    momentum: float = 0.1
    epsilon: float = 1e-5

    def __post_init__(self):
        object.__setattr__(self, "inputs", whole(self.inputs, "inputs", 1))
        for name in ("momentum", "epsilon"):
            positive(getattr(self, name), name)
            object.__setattr__(self, name, float(getattr(self, name)))
        if self.momentum > 1:
            raise ValueError(f"momentum: {self.momentum!r}, wanted a share in (0, 1]")

    def init_state(self):
        """Return the mean 0 and the variance 1 for each unit."""
        return BatchNormState(np.zeros(self.inputs), np.ones(self.inputs))

    def _fitting_state(self, state):
        if state is None:
            return self.init_state()
        if not isinstance(state, BatchNormState):
            raise ValueError(f"state: {type(state).__name__}, wanted a BatchNormState or None")
        arrays = {f"state.{name}": array for name, array in state._asdict().items()}
        arrays = {name: finite_array(array, name).copy() for name, array in arrays.items()}
        for name, array in arrays.items():
            same_shape(array, (self.inputs,), name, "one per unit")
        state = BatchNormState(*arrays.values())
        if state.variance.min() < 0:
            raise ValueError(f"state.variance: {state.variance.min():g}, wanted numbers from 0")
        return state

    def _forward(self, params, X, training, rng, state):
        state = BatchNormState(*(array.astype(X.dtype, copy=False) for array in state))
        if not training:
            return self._normalized(params, X, *state, None, state)
        if X.ndim == 1 or len(X) == 1:
            seen = f"X: shape {X.shape} in batch normalization"
            raise ValueError(f"{seen}, wanted a batch of at least 2 in training")
        mean, variance, n, m = X.mean(axis=0), X.var(axis=0), len(X), self.momentum
        state = BatchNormState(
            (1 - m) * state.mean + m * mean,
            (1 - m) * state.variance + m * variance * (n / (n - 1)),
        )
        return self._normalized(params, X, mean, variance, 0, state)


@dataclass(frozen=True)
class LayerNorm(_Normalization):
    r"""Layer normalization: y = γ ⊙ (x − μ)/√(σ² + ε) + β, with μ and σ² of each example.

    Both are taken over the units of one example (σ² divides by their number), in training and
    after it alike. With g = γ ⊙ ∂C/∂y: ∂C/∂x = (g − mean(g) − x̂ ⊙ mean(g ⊙ x̂))/√(σ² + ε).

    Parameters
    ----------
    inputs : int ≥ 1
    epsilon : float > 0
        ε, inside the root, which keeps equal units from dividing by 0.

    Raises
    ------
    ValueError
        If a number is outside its range.

    Examples
    --------
    >>> layer = LayerNorm(2)
    >>> layer.forward(layer.init(np.random.default_rng(0)), [1.0, 3.0]).output.round(3)
    array([-1.,  1.])

    References
    ----------
    Ba, Kiros and Hinton (2016), Layer normalization.
    """

    inputs: int
    epsilon: float = 1e-5

    def __post_init__(self):
        object.__setattr__(self, "inputs", whole(self.inputs, "inputs", 1))
        positive(self.epsilon, "epsilon")
        object.__setattr__(self, "epsilon", float(self.epsilon))

    def _forward(self, params, X, training, rng, state):
        mean, variance = X.mean(axis=-1, keepdims=True), X.var(axis=-1, keepdims=True)
        return self._normalized(params, X, mean, variance, -1, None)


@dataclass(frozen=True)
class PReLU(Layer):
    r"""The parametric ReLU: z where z > 0 and a z elsewhere, with a slope a that is learned.

    ∂C/∂a sums ∂C/∂output · z over all z ≤ 0 that share the slope; ∂C/∂z = ∂C/∂output · a there.
    At the kink z = 0 the slope counts as a, as in PyTorch.

    Parameters
    ----------
    inputs : int ≥ 1, or None
        How many units have a slope each; None for one slope that all share.
    start : float
        The slope before training.

    Raises
    ------
    ValueError
        If a number is outside its range.

    Examples
    --------
    >>> layer = PReLU()
    >>> output, cache, _ = layer.forward({"slope": [0.25]}, [-2.0, 3.0])
    >>> output
    array([-0.5,  3. ])
    >>> layer.backward({"slope": [0.25]}, cache, [1.0, 1.0])
    (array([0.25, 1.  ]), {'slope': array([-2.])})

    References
    ----------
    He, Zhang, Ren and Sun (2015), Delving deep into rectifiers.
    """

    inputs: int | None = None
    start: float = 0.25

    def __post_init__(self):
        if self.inputs is not None:
            object.__setattr__(self, "inputs", whole(self.inputs, "inputs", 1))
        object.__setattr__(self, "start", number(self.start, "start"))

    @property
    def shapes(self):
        """The slope: (inputs,), or (1,) if all share it."""
        return {"slope": (self.inputs or 1,)}

    def init(self, rng):
        """Return every slope as `start`."""
        generator(rng)
        return {"slope": np.full(self.shapes["slope"], self.start)}

    def _forward(self, params, X, training, rng, state):
        return LayerOutput(np.where(X > 0, X, params["slope"] * X), X, None)

    def _parameter_gradients(self, cache, gradient, into):
        parts = (gradient * np.minimum(cache, 0)).reshape(-1, *into["slope"].shape)
        np.sum(parts, axis=0, out=into["slope"])

    def _input_gradient(self, params, cache, gradient):
        return gradient * np.where(cache > 0, 1, params["slope"])


@dataclass(frozen=True)
class Maxout(Layer):
    r"""Maxout: of each group of k neighboring numbers the largest is handed on.

    After ``Dense(inputs, k * units)`` it makes each unit the largest of k affine maps: a convex
    piecewise linear activation that is learned. With the maps z and 0 this is ReLU, with z and
    0.01 z leaky ReLU. The gradient goes to the largest of a group, the first one if there are two.

    Parameters
    ----------
    pieces : int ≥ 2
        k.

    Raises
    ------
    ValueError
        If k is not a whole number from 2, or does not divide the number of inputs.

    Examples
    --------
    >>> layer = Maxout(2)
    >>> output, cache, _ = layer.forward({}, [1.0, 3.0, -1.0, -2.0])
    >>> output
    array([ 3., -1.])
    >>> layer.backward({}, cache, [10.0, 20.0])[0]
    array([ 0., 10., 20.,  0.])

    References
    ----------
    Goodfellow, Warde-Farley, Mirza, Courville and Bengio (2013), Maxout networks.
    """

    pieces: int = 2
    inputs = None

    def __post_init__(self):
        object.__setattr__(self, "pieces", whole(self.pieces, "pieces", 2))

    def units(self, inputs):
        """Return inputs / pieces."""
        super().units(inputs)
        if inputs % self.pieces:
            raise ValueError(f"inputs: {inputs}, wanted a multiple of {self.pieces} for {self}")
        return inputs // self.pieces

    def _forward(self, params, X, training, rng, state):
        groups = X.reshape(*X.shape[:-1], -1, self.pieces)
        largest = groups.argmax(axis=-1)[..., None] == np.arange(self.pieces)
        return LayerOutput(groups.max(axis=-1), largest, None)

    def _input_gradient(self, params, cache, gradient):
        return (cache * gradient[..., None]).reshape(*gradient.shape[:-1], -1)

    def _output_shape(self, cache):
        return cache.shape[:-1]
