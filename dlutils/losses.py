"""Losses: each class holds a loss of a network's output and, beside it, its gradient."""

from dataclasses import dataclass
from numbers import Real

import numpy as np

from dlutils._checks import finite_array, float_array, positive, same_shape
from dlutils.activations import Sigmoid, softmax


class Loss:
    """What all losses share: they check output and target and hand them to their formulas.

    Examples
    --------
    >>> HalfSquaredError()([0.5, 1.0], [1.0])
    Traceback (most recent call last):
    ValueError: target: shape (1,), wanted (2,), that of output
    """

    def __call__(self, output, target):
        """Return the loss, one number, for an output of shape (K,) or (N, K)."""
        return float(self._value(*self._checked(output, target)))

    def gradient(self, output, target):
        """Return ∂C/∂output, in the shape of output."""
        return self._slope(*self._checked(output, target))

    def _checked(self, output, target):
        output = float_array(output, "output")
        if output.ndim not in (1, 2) or output.size == 0:
            raise ValueError(
                f"output: shape {output.shape}, wanted (K,) for one example or (N, K) for a batch, "
                "N and K at least 1"
            )
        target = self._targets(target, output.shape, output.dtype)
        self._check_output(output)
        return output, target

    def _check_output(self, output):
        """Refuse an output that the formulas cannot take."""

    def _targets(self, target, shape, dtype):
        """Return the targets for an output of that shape and dtype, as the formulas take them."""
        return _shaped(target, shape, dtype)

    # _value and _slope are the formulas, for an output and targets that fit it.


def _shaped(target, shape, dtype, because="that of output"):
    target = finite_array(target, "target").astype(dtype, copy=False)
    if target.ndim and (*target.shape, 1) == tuple(shape):
        because += "; y[:, None] makes a column of y"
    same_shape(target, shape, "target", because)
    return target


def _chances(target, shape, dtype):
    """Return the target, in which every entry is a probability."""
    target = _shaped(target, shape, dtype)
    _probabilities(target, "target")
    return target


def _class_rows(target, shape, dtype):
    """Return a row of probabilities for each example: a label becomes a one-hot row."""
    labels = finite_array(target, "target")
    if labels.shape != shape[:-1]:
        because = f"that of output, or integer labels of shape {shape[:-1]}"
        rows = _shaped(target, shape, dtype, because)
        _distributions(rows, "target")
        return rows
    given, classes = np.asarray(target).dtype, shape[-1]
    if given.kind not in "iu":
        raise ValueError(f"target: labels of dtype {given}, wanted integers")
    if labels.min() < 0 or labels.max() >= classes:
        seen = f"{labels.min():g} to {labels.max():g}"
        raise ValueError(f"target: labels from {seen}, wanted 0 to {classes - 1}")
    return (np.arange(classes) == labels[..., None]).astype(dtype)


def _sides(target, shape, dtype):
    """Return the target, in which every entry is −1 or +1."""
    target = _shaped(target, shape, dtype)
    if (np.abs(target) != 1).any():
        seen = f"{target[np.abs(target) != 1][0]:g}"
        raise ValueError(f"target: {seen} among the labels, wanted −1 or +1")
    return target


def _examples(output):
    return output.size // output.shape[-1]


def _probabilities(array, name):
    if not (array.min() >= 0 and array.max() <= 1):  # so that NaN is refused too
        seen = f"{array.min():g} to {array.max():g}"
        raise ValueError(f"{name}: values from {seen}, wanted probabilities from 0 to 1")


def _distributions(array, name):
    """Refuse rows that do not sum to 1: within 1e-4, to let float32 and a gradient check pass."""
    _probabilities(array, name)
    sums = array.sum(axis=-1)
    if np.abs(sums - 1).max() > 1e-4:
        seen = f"{sums.min():g} to {sums.max():g}"
        raise ValueError(f"{name}: rows that sum to {seen}, wanted probabilities that sum to 1")


def _times_log(y, p, log=np.log):
    """Return y ln p, where 0 ln 0 = 0 and, for y above 0, y ln 0 = −∞."""
    with np.errstate(divide="ignore"):
        return y * log(p, out=np.zeros_like(p), where=y > 0)


def _over(y, p):
    """Return y / p, where 0 / 0 = 0 and, for y above 0, y / 0 = ∞."""
    with np.errstate(divide="ignore", over="ignore"):
        return np.divide(y, p, out=np.zeros_like(p), where=y > 0)


@dataclass(frozen=True)
class HalfSquaredError(Loss):
    r"""Half the squared error, averaged over examples: C = 1/(2N) Σ‖y − a‖².

    The ½ cancels the 2 of the derivative: the gradient with respect to the output is (a − y)/N.
    An output of shape (K,) is one example, N = 1; of shape (N, K), a batch. The sum runs over
    the K outputs of an example, the mean over the N examples.

    Raises
    ------
    ValueError
        If target and output differ in shape, are not (K,) or (N, K), or a target is not finite.

    Examples
    --------
    >>> loss = HalfSquaredError()
    >>> loss([0.5], [1.0])
    0.125
    >>> loss.gradient([0.5], [1.0])
    array([-0.5])

    References
    ----------
    Rumelhart, Hinton and Williams (1986), Learning representations by back-propagating errors.
    """

    def _value(self, a, y):
        return np.sum((y - a) ** 2) / (2 * _examples(a))

    def _slope(self, a, y):
        return (a - y) / _examples(a)


@dataclass(frozen=True)
class MeanSquaredError(Loss):
    r"""The squared error, averaged over all entries: C = mean[(a − y)²].

    For N examples of K outputs the mean divides by NK: the gradient is 2(a − y)/(NK). So value and
    gradient are 2/K times those of `HalfSquaredError`: twice as large for one output.

    Raises
    ------
    ValueError
        If target and output differ in shape, are not (K,) or (N, K), or a target is not finite.

    Examples
    --------
    >>> loss = MeanSquaredError()
    >>> loss([0.5, 1.0], [1.0, 1.0])
    0.125
    >>> loss.gradient([0.5, 1.0], [1.0, 1.0])
    array([-0.5,  0. ])

    References
    ----------
    Legendre (1805), Nouvelles méthodes pour la détermination des orbites des comètes.
    """

    def _value(self, a, y):
        return np.mean((a - y) ** 2)

    def _slope(self, a, y):
        return 2 * (a - y) / a.size


@dataclass(frozen=True)
class MeanAbsoluteError(Loss):
    r"""The absolute error, averaged over all entries: C = mean|a − y|.

    The slope of an entry is the sign of a − y; at the kink a = y, where there is none, it is taken
    to be 0, as in PyTorch.

    Raises
    ------
    ValueError
        If target and output differ in shape, are not (K,) or (N, K), or a target is not finite.

    Examples
    --------
    >>> loss = MeanAbsoluteError()
    >>> loss([0.5, 3.0], [1.0, 1.0])
    1.25
    >>> loss.gradient([0.5, 3.0], [1.0, 1.0])
    array([-0.5,  0.5])

    References
    ----------
    Boscovich (1757), De litteraria expeditione per pontificiam ditionem.
    """

    def _value(self, a, y):
        return np.mean(np.abs(a - y))

    def _slope(self, a, y):
        return np.sign(a - y) / a.size


@dataclass(frozen=True)
class Huber(Loss):
    r"""The Huber loss, a parabola that goes on as straight lines, averaged over all entries.

    With r = a − y an entry costs ½r² where |r| ≤ δ, and δ(|r| − ½δ) outside. The two pieces meet
    with equal value ½δ² and equal slope δ: there is no kink. The slope is r, clipped to [−δ, δ].

    Parameters
    ----------
    delta : float > 0
        δ, the largest residual that still counts in full.

    Raises
    ------
    ValueError
        If `delta` is not a finite number above 0; if target and output differ in shape, are not
        (K,) or (N, K), or a target is not finite.

    Notes
    -----
    With m = min(|r|, δ) both pieces are m(|r| − ½m), which is what is computed.

    Examples
    --------
    >>> loss = Huber(delta=1.0)
    >>> loss([0.5], [0.0]), loss([3.0], [0.0])
    (0.125, 2.5)
    >>> loss.gradient([0.5, -3.0], [0.0, 0.0])
    array([ 0.25, -0.5 ])

    References
    ----------
    Huber (1964), Robust estimation of a location parameter.
    """

    delta: float = 1.0

    def __post_init__(self):
        positive(self.delta, "delta")
        object.__setattr__(self, "delta", float(self.delta))

    def _value(self, a, y):
        r = np.abs(a - y)
        m = np.minimum(r, self.delta)
        return np.mean(m * (r - m / 2))

    def _slope(self, a, y):
        return np.clip(a - y, -self.delta, self.delta) / a.size


@dataclass(frozen=True)
class AdaptiveRobust(Loss):
    r"""Barron's general robust loss, averaged over all entries: α says how little outliers count.

    With r = a − y and x = (r/c)² an entry costs ρ = |α − 2|/α · [(x/|α − 2| + 1)^(α/2) − 1]. Where
    that divides by 0 or infinity stands, it is the limit:

    ======  =================  =================
    α       ρ                  name
    ======  =================  =================
    2       x/2                L2
    1       √(x + 1) − 1       Charbonnier
    0       ln(x/2 + 1)        Cauchy
    −2      2x/(x + 4)         Geman–McClure
    −∞      1 − e^(−x/2)       Welsch
    ======  =================  =================

    The slope is ∂ρ/∂a = r/c² · (x/|α − 2| + 1)^(α/2 − 1). For |r| far below c every member is
    x/2; for α < 1 the slope falls back towards 0 as |r| grows.

    Parameters
    ----------
    alpha : float, or −inf
        α, the shape. Above 2 outliers count more than squared: the loss grows like |r|^α.
    c : float > 0
        The scale of r, where the parabola around 0 ends.

    Raises
    ------
    ValueError
        If `alpha` is not a number below infinity or `c` not a finite number above 0; if target and
        output differ in shape, are not (K,) or (N, K), or a target is not finite.

    Notes
    -----
    With ℓ = ln(1 + x/|α − 2|) the loss is ρ = |α − 2|/α · (e^(αℓ/2) − 1). Computed so, with log1p
    and expm1, it keeps its digits for α near 0 and near 2.

    Examples
    --------
    >>> r, zero = [0.1, 10.0], [0.0, 0.0]
    >>> AdaptiveRobust(alpha=2, c=1).gradient(r, zero)
    array([0.05, 5.  ])
    >>> AdaptiveRobust(alpha=-2, c=1).gradient(r, zero).round(5)
    array([0.04975, 0.0074 ])

    References
    ----------
    Barron (2019), A general and adaptive robust loss function.
    """

    alpha: float
    c: float

    def __post_init__(self):
        number = isinstance(self.alpha, Real) and not isinstance(self.alpha, bool)
        if not (number and self.alpha < np.inf):
            raise ValueError(f"alpha: {self.alpha!r}, wanted one number below infinity, or −inf")
        positive(self.c, "c")
        object.__setattr__(self, "alpha", float(self.alpha))
        object.__setattr__(self, "c", float(self.c))

    def _value(self, a, y):
        x, b = ((a - y) / self.c) ** 2, abs(self.alpha - 2)
        if b == 0:
            rho = x / 2
        elif b == np.inf:
            rho = -np.expm1(-x / 2)
        else:
            log = np.log1p(x / b)
            if abs(self.alpha) < 1e-300:
                rho = b / 2 * log  # the limit
            else:
                rho = b / self.alpha * np.expm1(self.alpha / 2 * log)
        return np.mean(rho)

    def _slope(self, a, y):
        x, b = ((a - y) / self.c) ** 2, abs(self.alpha - 2)
        if b == 0:
            weight = 1.0
        elif b == np.inf:
            weight = np.exp(-x / 2)
        else:
            weight = np.exp((self.alpha / 2 - 1) * np.log1p(x / b))
        return (a - y) / self.c / self.c * weight / a.size


@dataclass(frozen=True)
class BinaryCrossEntropy(Loss):
    r"""Binary cross-entropy on probabilities p, averaged over all entries.

    C = −mean[y ln p + (1 − y) ln(1 − p)], where 0 ln 0 = 0. The gradient is
    (−y/p + (1 − y)/(1 − p)) divided by the number of entries.

    A certain answer that is wrong, p = 0 with y > 0 or p = 1 with y < 1, costs infinity, and the
    gradient there is −inf or +inf. A sigmoid rounds to such a p; `SigmoidCrossEntropy`, the same
    loss on logits, stays finite.

    Raises
    ------
    ValueError
        If target and output differ in shape, are not (K,) or (N, K), or are not probabilities
        between 0 and 1.

    Examples
    --------
    >>> loss = BinaryCrossEntropy()
    >>> round(loss([0.9, 0.1, 0.2], [1, 0, 1]), 8)
    0.60671965
    >>> loss([0.0], [1.0]), loss.gradient([0.0], [1.0])
    (inf, array([-inf]))

    References
    ----------
    Good (1952), Rational decisions, Journal of the Royal Statistical Society B 14(1).
    """

    def _check_output(self, output):
        _probabilities(output, "output")

    _targets = staticmethod(_chances)

    def _value(self, p, y):
        return np.mean(-_times_log(y, p) - _times_log(1 - y, -p, np.log1p))

    def _slope(self, p, y):
        return (_over(1 - y, 1 - p) - _over(y, p)) / p.size


@dataclass(frozen=True)
class SigmoidCrossEntropy(Loss):
    r"""Binary cross-entropy on logits z, averaged over all entries.

    With p = σ(z):  C = −mean[y ln p + (1 − y) ln(1 − p)]. Computed is the equal form
    mean[y max(−z, 0) + (1 − y) max(z, 0) + ln(1 + e^(−|z|))], which never takes the logarithm of 0
    and, as a sum of positive terms, loses no digits. The gradient is (σ(z) − y) divided by the
    number of entries. Give the network ``output=Identity()``: the sigmoid is inside the loss.

    Raises
    ------
    ValueError
        If target and output differ in shape, are not (K,) or (N, K), or a target is not a
        probability between 0 and 1.

    Examples
    --------
    >>> loss = SigmoidCrossEntropy()
    >>> round(loss([0.0], [1.0]), 8)  # ln 2: a coin toss
    0.69314718
    >>> loss([-1000.0], [1.0])
    1000.0
    >>> loss.gradient([0.0], [1.0])
    array([-0.5])

    References
    ----------
    Good (1952), Rational decisions, Journal of the Royal Statistical Society B 14(1).
    """

    _targets = staticmethod(_chances)

    def _value(self, z, y):
        linear = y * np.maximum(-z, 0) + (1 - y) * np.maximum(z, 0)
        return np.mean(linear + np.log1p(np.exp(-np.abs(z))))

    def _slope(self, z, y):
        return (Sigmoid()(z) - y) / z.size


@dataclass(frozen=True)
class CategoricalCrossEntropy(Loss):
    r"""Cross-entropy on the probabilities p of K classes, averaged over examples.

    C = −1/N Σ_n Σ_k y_nk ln p_nk, where 0 ln 0 = 0. The gradient is −y/(pN), for each probability
    on its own: the backward pass of the softmax makes p − y of it.

    A target is a row of K probabilities, such as a one-hot row, or the integer label of a class,
    0 to K − 1. So an output (N, K) takes a target (N, K) or labels (N,); a single example (K,)
    takes a target (K,) or one label. A true class of probability 0 costs infinity, and its entry
    of the gradient is −inf. `SoftmaxCrossEntropy`, the same loss on logits, stays finite.

    Raises
    ------
    ValueError
        If output or target is not made of probabilities between 0 and 1 with rows that sum to 1
        within 1e-4, shapes do not fit, or a label is no integer from 0 to K − 1.

    Examples
    --------
    >>> loss = CategoricalCrossEntropy()
    >>> round(loss([0.3, 0.4, 0.3], [0, 1, 0]), 8)  # −ln 0.4
    0.91629073
    >>> loss.gradient([0.3, 0.4, 0.3], 1)
    array([ 0. , -2.5,  0. ])

    References
    ----------
    Good (1952), Rational decisions, Journal of the Royal Statistical Society B 14(1).
    """

    _targets = staticmethod(_class_rows)

    def _check_output(self, output):
        _distributions(output, "output")

    def _value(self, p, y):
        return np.mean(-_times_log(y, p).sum(axis=-1))

    def _slope(self, p, y):
        return (0 - _over(y, p)) / _examples(p)  # 0 − 0 is no −0


@dataclass(frozen=True)
class SoftmaxCrossEntropy(Loss):
    r"""Cross-entropy on the logits z of K classes, averaged over examples.

    With P = softmax(z), p_k = e^(z_k) / Σ_j e^(z_j):  C = −1/N Σ_n Σ_k y_nk ln p_nk. The gradient
    is (P − Y)/N. Give the network ``output=Identity()``: the softmax is inside the loss.

    A target is a row of K probabilities, such as a one-hot row, or the integer label of a class,
    0 to K − 1. So an output (N, K) takes a target (N, K) or labels (N,); a single example (K,)
    takes a target (K,) or one label.

    Raises
    ------
    ValueError
        If shapes do not fit, a target's rows are no probabilities that sum to 1 within 1e-4, or a
        label is no integer from 0 to K − 1.

    Notes
    -----
    With m = max z, at class M: −ln p_k = (m − z_k) + ln(1 + Σ_(j ≠ M) e^(z_j − m)). No exponent is
    above 0, so nothing overflows; no term is below 0, so no digits cancel.

    Examples
    --------
    >>> loss = SoftmaxCrossEntropy()
    >>> round(loss([0.0, 0.0, 0.0], 1), 8)  # ln 3: each class is as likely
    1.09861229
    >>> loss([[1000.0, 0.0], [1000.0, 0.0]], [0, 1])
    500.0
    >>> loss.gradient([0.0, 0.0], 1)
    array([ 0.5, -0.5])

    References
    ----------
    Bridle (1990), Probabilistic interpretation of feedforward classification network outputs, with
    relationships to statistical pattern recognition.
    """

    _targets = staticmethod(_class_rows)

    def _value(self, z, y):
        below = z - z.max(axis=-1, keepdims=True)
        largest = z.argmax(axis=-1)[..., None] == np.arange(z.shape[-1])
        others = np.exp(np.where(largest, -np.inf, below)).sum(axis=-1)
        return (np.log1p(others).sum() - np.vdot(y, below)) / _examples(z)

    def _slope(self, z, y):
        return (softmax(z) - y) / _examples(z)


@dataclass(frozen=True)
class Hinge(Loss):
    r"""The hinge loss of scores a for labels y = ±1, averaged over all entries.

    C = mean[max(0, 1 − ya)]: no cost from a margin ya of 1 on. The slope of an entry is −y where
    ya < 1 and 0 where ya > 1; at the kink ya = 1, where there is none, it is taken to be 0.

    Raises
    ------
    ValueError
        If target and output differ in shape, are not (K,) or (N, K), or a target is not −1 or +1.

    Examples
    --------
    >>> loss = Hinge()
    >>> loss([0.5, 2.0], [1, -1])
    1.75
    >>> loss.gradient([0.5, 2.0], [1, -1])
    array([-0.5,  0.5])

    References
    ----------
    Cortes and Vapnik (1995), Support-vector networks.
    """

    _targets = staticmethod(_sides)

    def _value(self, a, y):
        return np.mean(np.maximum(0, 1 - y * a))

    def _slope(self, a, y):
        return np.where(y * a < 1, -y, 0) / a.size


@dataclass(frozen=True)
class SquaredHinge(Loss):
    r"""The squared hinge loss of scores a for labels y = ±1, averaged over all entries.

    C = mean[max(0, 1 − ya)²]. The slope of an entry is −2y max(0, 1 − ya), without a kink.

    Raises
    ------
    ValueError
        If target and output differ in shape, are not (K,) or (N, K), or a target is not −1 or +1.

    Examples
    --------
    >>> loss = SquaredHinge()
    >>> loss([0.5, 2.0], [1, 1])
    0.125
    >>> loss.gradient([0.5, 2.0], [1, 1])
    array([-0.5,  0. ])

    References
    ----------
    Lee and Mangasarian (2001), SSVM: a smooth support vector machine for classification.
    """

    _targets = staticmethod(_sides)

    def _value(self, a, y):
        return np.mean(np.maximum(0, 1 - y * a) ** 2)

    def _slope(self, a, y):
        return np.where(y * a < 1, 2 * (a - y), 0) / a.size  # −2y(1 − ya), since y² = 1


ALL_LOSSES = (
    HalfSquaredError(),
    MeanSquaredError(),
    MeanAbsoluteError(),
    Huber(),
    AdaptiveRobust(alpha=0, c=1),
    BinaryCrossEntropy(),
    SigmoidCrossEntropy(),
    CategoricalCrossEntropy(),
    SoftmaxCrossEntropy(),
    Hinge(),
    SquaredHinge(),
)
