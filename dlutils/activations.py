"""Activation functions: each class holds a function of z and, beside it, its derivative."""

import math
from dataclasses import dataclass

import numpy as np

from dlutils._checks import float_array, positive, same_shape


class Activation:
    """What all activations share: called with z they return g(z); `vjp` takes a gradient back to z.

    An activation that acts on every entry of z alone has a `derivative` too, and its
    vector–Jacobian product follows from it. Another one, such as `Softmax`, brings its own `vjp`.

    Examples
    --------
    >>> Sigmoid().vjp([0.0, 0.0], [1.0, -8.0])  # σ′(0) = ¼
    array([ 0.25, -2.  ])
    """

    def vjp(self, z, gradient):
        """Return ∂C/∂z = ∂C/∂a ⊙ g′(z), where `gradient` is ∂C/∂a for a = g(z).

        Raises ValueError if `gradient` has another shape than z.
        """
        derivative = self.derivative(z)
        return _gradient_like(derivative, gradient) * derivative


def _gradient_like(a, gradient):
    gradient = float_array(gradient, "gradient")
    same_shape(gradient, a.shape, "gradient", "that of z")
    return gradient


def _set_positive_float(activation, name):
    value = getattr(activation, name)
    positive(value, name)
    object.__setattr__(activation, name, float(value))  # a NumPy float64 would widen float32


@dataclass(frozen=True)
class Identity(Activation):
    """The activation that changes nothing: g(z) = z, g′(z) = 1.

    It stands at the output of a network that predicts any real number, or whose loss takes logits.

    >>> Identity()(-2.5)
    np.float64(-2.5)
    """

    def __call__(self, z):
        """Return z, as floats, for z of any shape."""
        return float_array(z, "z").copy()[()]

    def derivative(self, z):
        """Return 1 for every entry of z."""
        return np.ones_like(float_array(z, "z"))[()]


@dataclass(frozen=True)
class Step(Activation):
    """The threshold of the first artificial neurons: g(z) = 0 for z < 0, and 1 for z > 0.

    The derivative is 0 wherever there is one, so that no gradient passes; at the jump z = 0, where
    there is none, it is taken to be 0.

    Parameters
    ----------
    value_at_zero : float from 0 to 1
        g(0).

    Raises
    ------
    ValueError
        If `value_at_zero` is not a number from 0 to 1, or `z` does not hold real numbers.

    Examples
    --------
    >>> Step()([-2.0, 0.0, 0.1])
    array([0., 0., 1.])
    >>> Step(value_at_zero=1.0)(0)
    np.float64(1.0)

    References
    ----------
    McCulloch and Pitts (1943), A logical calculus of the ideas immanent in nervous activity.
    """

    value_at_zero: float = 0.0

    def __post_init__(self):
        positive(self.value_at_zero, "value_at_zero", or_zero=True)
        if self.value_at_zero > 1:
            raise ValueError(f"value_at_zero: {self.value_at_zero!r}, wanted a number from 0 to 1")
        object.__setattr__(self, "value_at_zero", float(self.value_at_zero))

    def __call__(self, z):
        """Return 0 where z < 0, 1 where z > 0 and `value_at_zero` where z = 0."""
        return np.heaviside(float_array(z, "z"), self.value_at_zero)

    def derivative(self, z):
        """Return 0 for every entry of z."""
        return np.zeros_like(float_array(z, "z"))[()]


@dataclass(frozen=True)
class Sigmoid(Activation):
    r"""The logistic sigmoid: σ(z) = 1 / (1 + e^(−βz)), between 0 and 1, with σ(0) = ½.

    Parameters
    ----------
    slope : float > 0
        β, how steeply the curve rises through z = 0; its slope there is β/4.

    Raises
    ------
    ValueError
        If `slope` is not a finite number above 0, or `z` does not hold real numbers.

    Notes
    -----
    Only powers e^x with x ≤ 0 are ever computed, so no z overflows: σ(z) is
    e^(min(βz, 0)) / (1 + e^(−|βz|)), and the derivative βσ(z)(1 − σ(z)) is β e / (1 + e)² with
    e = e^(−|βz|).

    Examples
    --------
    >>> Sigmoid()(0), Sigmoid().derivative(0)
    (np.float64(0.5), np.float64(0.25))
    >>> Sigmoid()([-1000.0, 1000.0])
    array([0., 1.])

    References
    ----------
    Rumelhart, Hinton and Williams (1986), Learning representations by back-propagating errors.
    """

    slope: float = 1.0

    def __post_init__(self):
        _set_positive_float(self, "slope")

    def __call__(self, z):
        """Return σ(z), in the shape of z."""
        z = self.slope * float_array(z, "z")
        return np.exp(np.minimum(z, 0)) / (1 + np.exp(-np.abs(z)))

    def derivative(self, z):
        """Return σ′(z) = βσ(z)(1 − σ(z)), in the shape of z."""
        z = float_array(z, "z")
        e = np.exp(-np.abs(self.slope * z))
        return self.slope * e / (1 + e) ** 2


@dataclass(frozen=True)
class Tanh(Activation):
    """The hyperbolic tangent: g(z) = (e^z − e^(−z)) / (e^z + e^(−z)), between −1 and 1.

    It is the sigmoid stretched and moved, tanh(z) = 2σ(2z) − 1, so g′(z) = 1 − tanh²(z) = 4σ′(2z).
    The last form is the one computed: it loses no digits where tanh(z) is almost ±1.

    Examples
    --------
    >>> Tanh()([-1000.0, 0.0, 1000.0])
    array([-1.,  0.,  1.])
    >>> Tanh().derivative(0)
    np.float64(1.0)

    References
    ----------
    LeCun, Bottou, Orr and Müller (1998), Efficient BackProp.
    """

    def __call__(self, z):
        """Return tanh(z), in the shape of z."""
        return np.tanh(float_array(z, "z"))

    def derivative(self, z):
        """Return 1 − tanh²(z), in the shape of z."""
        return 4 * Sigmoid().derivative(2 * float_array(z, "z"))


@dataclass(frozen=True)
class ReLU(Activation):
    """The rectified linear unit: g(z) = max(0, z).

    The derivative is 1 for z > 0 and 0 for z < 0; at the kink z = 0, where there is none, it is
    taken to be 0, as in PyTorch.

    Examples
    --------
    >>> ReLU()([-1.0, 0.0, 2.0])
    array([0., 0., 2.])
    >>> ReLU().derivative([-1.0, 0.0, 2.0])
    array([0., 0., 1.])

    References
    ----------
    Nair and Hinton (2010), Rectified linear units improve restricted Boltzmann machines.
    """

    def __call__(self, z):
        """Return max(0, z), in the shape of z."""
        z = float_array(z, "z")
        return np.maximum(z, 0)

    def derivative(self, z):
        """Return 1 where z > 0 and 0 elsewhere, in the shape of z."""
        z = float_array(z, "z")
        return (z > 0).astype(z.dtype)


@dataclass(frozen=True)
class LeakyReLU(Activation):
    """The leaky rectified linear unit: g(z) = max(0, z) + s·min(0, z), with s the `slope`.

    The derivative is 1 for z > 0 and s for z < 0; at the kink z = 0 it is taken to be s, as in
    PyTorch.

    Parameters
    ----------
    slope : float > 0
        s, the slope for negative z.

    Raises
    ------
    ValueError
        If `slope` is not a finite number above 0, or `z` does not hold real numbers.

    Examples
    --------
    >>> LeakyReLU()([-2.0, 0.0, 2.0])
    array([-0.02,  0.  ,  2.  ])
    >>> LeakyReLU(slope=0.2).derivative([-2.0, 0.0, 2.0])
    array([0.2, 0.2, 1. ])

    References
    ----------
    Maas, Hannun and Ng (2013), Rectifier nonlinearities improve neural network acoustic models.
    """

    slope: float = 0.01

    def __post_init__(self):
        _set_positive_float(self, "slope")

    def __call__(self, z):
        """Return z where z > 0 and s·z elsewhere, in the shape of z."""
        z = float_array(z, "z")
        return np.maximum(z, 0) + self.slope * np.minimum(z, 0)

    def derivative(self, z):
        """Return 1 where z > 0 and s elsewhere, in the shape of z."""
        z = float_array(z, "z")
        right = (z > 0).astype(z.dtype)
        return right + self.slope * (1 - right)


@dataclass(frozen=True)
class ELU(Activation):
    """The exponential linear unit: g(z) = z for z > 0, and α(e^z − 1) for z ≤ 0.

    The derivative is 1 for z > 0 and αe^z for z < 0. At z = 0 the two sides meet if α = 1;
    otherwise there is a kink, and the derivative is taken to be α, as in PyTorch.

    Parameters
    ----------
    alpha : float > 0
        α; g(z) falls toward −α.

    Raises
    ------
    ValueError
        If `alpha` is not a finite number above 0, or `z` does not hold real numbers.

    Examples
    --------
    >>> ELU()([-1000.0, 0.0, 2.0])
    array([-1.,  0.,  2.])
    >>> ELU(alpha=0.5).derivative([-1000.0, 0.0, 2.0])
    array([0. , 0.5, 1. ])

    References
    ----------
    Clevert, Unterthiner and Hochreiter (2016), Fast and accurate deep network learning by
    exponential linear units (ELUs).
    """

    alpha: float = 1.0

    def __post_init__(self):
        _set_positive_float(self, "alpha")

    def __call__(self, z):
        """Return z where z > 0 and α(e^z − 1) elsewhere, in the shape of z."""
        z = float_array(z, "z")
        return np.maximum(z, 0) + self.alpha * np.expm1(np.minimum(z, 0))

    def derivative(self, z):
        """Return 1 where z > 0 and αe^z elsewhere, in the shape of z."""
        z = float_array(z, "z")
        right = (z > 0).astype(z.dtype)
        return right + self.alpha * (1 - right) * np.exp(np.minimum(z, 0))


@dataclass(frozen=True)
class SELU(Activation):
    """The scaled exponential linear unit: g(z) = λz for z > 0, and λα(e^z − 1) for z ≤ 0.

    α and λ are the solution of two equations: for z drawn from the standard normal distribution,
    g(z) has again mean 0 and variance 1. The derivative is λ for z > 0 and λαe^z for z < 0; at the
    kink z = 0 it is taken to be λα, as in PyTorch.

    Examples
    --------
    >>> SELU()([-1000.0, 0.0, 1.0]).round(4)
    array([-1.7581,  0.    ,  1.0507])
    >>> SELU().alpha, SELU().scale  # α and λ
    (1.6732632423543772, 1.0507009873554805)

    References
    ----------
    Klambauer, Unterthiner, Mayr and Hochreiter (2017), Self-normalizing neural networks, where α
    and λ stand in closed form.
    """

    # No annotation, so neither is a field: they are constants.
    alpha = 1.6732632423543772848170429916717
    scale = 1.0507009873554804934193349852946

    def __call__(self, z):
        """Return λ times the ELU of z, in the shape of z."""
        return self.scale * ELU(self.alpha)(z)

    def derivative(self, z):
        """Return λ times the derivative of the ELU at z, in the shape of z."""
        return self.scale * ELU(self.alpha).derivative(z)


@dataclass(frozen=True)
class Softplus(Activation):
    """The smooth form of ReLU: g(z) = ln(1 + e^z). Its derivative is the sigmoid, g′(z) = σ(z).

    Computed is the equal form max(0, z) + ln(1 + e^(−|z|)), which no z overflows.

    Examples
    --------
    >>> Softplus()([-1.0, 0.0, 1.0]).round(4)  # ln 2 in the middle
    array([0.3133, 0.6931, 1.3133])
    >>> Softplus()(1000.0)
    np.float64(1000.0)
    >>> Softplus().derivative(0)
    np.float64(0.5)

    References
    ----------
    Dugas, Bengio, Bélisle, Nadeau and Garcia (2001), Incorporating second-order functional
    knowledge for better option pricing.
    """

    def __call__(self, z):
        """Return ln(1 + e^z), in the shape of z."""
        z = float_array(z, "z")
        return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))

    def derivative(self, z):
        """Return σ(z), in the shape of z."""
        return Sigmoid()(z)


@dataclass(frozen=True)
class Swish(Activation):
    """Swish, for β = 1 also called SiLU: g(z) = zσ(βz), with the sigmoid σ(x) = 1 / (1 + e^(−x)).

    g′(z) = σ(βz) + βzσ(βz)(1 − σ(βz)). A small β makes it almost the line z/2, a large one almost
    ReLU.

    Parameters
    ----------
    beta : float > 0
        β.

    Raises
    ------
    ValueError
        If `beta` is not a finite number above 0, or `z` does not hold real numbers.

    Examples
    --------
    >>> Swish()([-1.2785, 0.0, 1.0]).round(4)  # its minimum, 0, and σ(1)
    array([-0.2785,  0.    ,  0.7311])
    >>> Swish().derivative(0)
    np.float64(0.5)

    References
    ----------
    Ramachandran, Zoph and Le (2017), Searching for activation functions. For β = 1: Elfwing, Uchibe
    and Doya (2018), Sigmoid-weighted linear units for neural network function approximation in
    reinforcement learning.
    """

    beta: float = 1.0

    def __post_init__(self):
        _set_positive_float(self, "beta")

    def __call__(self, z):
        """Return zσ(βz), in the shape of z."""
        z = float_array(z, "z")
        return z * Sigmoid(self.beta)(z)

    def derivative(self, z):
        """Return σ(βz)(1 + βz(1 − σ(βz))), in the shape of z."""
        z = self.beta * float_array(z, "z")
        p = Sigmoid()(z)
        return p * (1 + z * (1 - p))


_erfc = np.frompyfunc(math.erfc, 1, 1)


@dataclass(frozen=True)
class GELU(Activation):
    """The Gaussian error linear unit: g(z) = zΦ(z), with Φ the standard normal distribution.

    g′(z) = Φ(z) + zφ(z), with the density φ(z) = e^(−z²/2) / √(2π). This is the exact form, not the
    one with tanh.

    Notes
    -----
    Φ(z) = ½ erfc(−z/√2), where erfc = 1 − erf is that of the C library, called entry by entry
    through Python's `math.erfc`: NumPy has none. Its error in Φ is below 1e-15.

    Examples
    --------
    >>> GELU()([-1.0, 0.0, 1.0]).round(4)  # at 1: Φ(1)
    array([-0.1587,  0.    ,  0.8413])
    >>> GELU().derivative(0)
    np.float64(0.5)

    References
    ----------
    Hendrycks and Gimpel (2016), Gaussian error linear units (GELUs).
    """

    def __call__(self, z):
        """Return zΦ(z), in the shape of z."""
        z = float_array(z, "z")
        return z * self._distribution(z)

    def derivative(self, z):
        """Return Φ(z) + zφ(z), in the shape of z."""
        z = float_array(z, "z")
        return self._distribution(z) + z * np.exp(-z * z / 2) / math.sqrt(2 * math.pi)

    def _distribution(self, z):
        return np.asarray(_erfc(-z / math.sqrt(2)), z.dtype) / 2


def softmax(z, temperature=1.0):
    """Turn logits into probabilities: pᵢ = e^(zᵢ/T) / Σⱼ e^(zⱼ/T), over the last axis.

    Parameters
    ----------
    z : array (..., K)
        Logits; for a batch, one row for each example.
    temperature : float > 0
        T. Toward 0 the largest logit takes all; a high T makes all probabilities alike.

    Returns
    -------
    array in the shape of z
        Along the last axis it sums to 1.

    Raises
    ------
    ValueError
        If z is a single number or has K = 0, or `temperature` is not a finite number above 0.

    Notes
    -----
    A number added to all logits changes nothing, so the largest is first subtracted: no power
    exceeds e⁰ = 1, and nothing overflows.

    Examples
    --------
    >>> softmax([1000.0, 1001.0, 1002.0]).round(4)
    array([0.09  , 0.2447, 0.6652])
    >>> softmax([0.0, 1.0], temperature=1000.0).round(4)
    array([0.4998, 0.5002])

    References
    ----------
    Bridle (1990), Probabilistic interpretation of feedforward classification network outputs, with
    relationships to statistical pattern recognition. With a temperature: Hinton, Vinyals and Dean
    (2015), Distilling the knowledge in a neural network.
    """
    z = float_array(z, "z")
    positive(temperature, "temperature")
    if z.ndim == 0 or z.shape[-1] == 0:
        raise ValueError(f"z: shape {z.shape}, wanted (..., K), K at least 1")
    e = np.exp((z - z.max(axis=-1, keepdims=True)) / float(temperature))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_jacobian(z):
    """Return all derivatives of the softmax: Jᵢⱼ = ∂pᵢ/∂zⱼ = pᵢ(δᵢⱼ − pⱼ), or J = diag(p) − p pᵀ.

    Parameters
    ----------
    z : array (K,), or (N, K) for a batch

    Returns
    -------
    array (K, K), or (N, K, K)
        Symmetric; every row sums to 0.

    Raises
    ------
    ValueError
        If z has another shape or does not hold real numbers.

    Examples
    --------
    >>> softmax_jacobian([0.0, 0.0])
    array([[ 0.25, -0.25],
           [-0.25,  0.25]])

    References
    ----------
    Bridle (1990), as for `softmax`.
    """
    p = softmax(z)
    if p.ndim > 2:
        raise ValueError(f"z: shape {p.shape}, wanted (K,) or (N, K)")
    return p[..., :, None] * (np.eye(p.shape[-1], dtype=p.dtype) - p[..., None, :])


@dataclass(frozen=True)
class Softmax(Activation):
    """The softmax as the output of a network: pᵢ = e^(zᵢ) / Σⱼ e^(zⱼ), over the last axis.

    Every probability depends on every logit, so there is no elementwise `derivative`; the
    vector–Jacobian product of a gradient g = ∂C/∂p is Jᵀg = p ⊙ (g − Σᵢ gᵢpᵢ).

    Examples
    --------
    >>> Softmax()([[0.0, 0.0], [0.0, 1000.0]])
    array([[0.5, 0.5],
           [0. , 1. ]])
    >>> Softmax().vjp([0.0, 0.0], [1.0, 0.0])  # the first row of softmax_jacobian
    array([ 0.25, -0.25])

    References
    ----------
    Bridle (1990), as for `softmax`.
    """

    def __call__(self, z):
        """Return softmax(z), for z of shape (..., K)."""
        return softmax(z)

    def vjp(self, z, gradient):
        """Return ∂C/∂z = p ⊙ (∂C/∂p − Σᵢ pᵢ ∂C/∂pᵢ), where `gradient` is ∂C/∂p for p = softmax(z).

        Raises ValueError if `gradient` has another shape than z.
        """
        p = softmax(z)
        gradient = _gradient_like(p, gradient)
        return p * (gradient - (p * gradient).sum(axis=-1, keepdims=True))


ALL_ACTIVATIONS = (
    Identity(),
    Step(),
    Sigmoid(),
    Tanh(),
    ReLU(),
    LeakyReLU(),
    ELU(),
    SELU(),
    Softplus(),
    Swish(),
    GELU(),
)
