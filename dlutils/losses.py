"""Losses: each class holds a loss of a network's output and, beside it, its gradient."""

from dataclasses import dataclass

import numpy as np

from dlutils._checks import finite_array, float_array, same_shape
from dlutils.activations import Sigmoid


def _output_and_target(output, target):
    output = float_array(output, "output")
    target = finite_array(target, "target").astype(output.dtype, copy=False)
    if output.ndim not in (1, 2) or output.size == 0:
        raise ValueError(
            f"output: shape {output.shape}, wanted (K,) for one example or (N, K) for a batch, "
            "N and K at least 1"
        )
    same_shape(target, output.shape, "target", "that of output")
    return output, target


@dataclass(frozen=True)
class HalfSquaredError:
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

    def __call__(self, output, target):
        """Return the loss, one number, for output and target of shape (K,) or (N, K)."""
        output, target = _output_and_target(output, target)
        examples = len(output) if output.ndim == 2 else 1
        return float(np.sum((target - output) ** 2) / (2 * examples))

    def gradient(self, output, target):
        """Return ∂C/∂output = (output − target)/N, in the shape of output."""
        output, target = _output_and_target(output, target)
        examples = len(output) if output.ndim == 2 else 1
        return (output - target) / examples


@dataclass(frozen=True)
class SigmoidCrossEntropy:
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

    def _logits_and_target(self, output, target):
        output, target = _output_and_target(output, target)
        if target.min() < 0 or target.max() > 1:
            seen = f"{target.min():g} to {target.max():g}"
            raise ValueError(f"target: values from {seen}, wanted probabilities from 0 to 1")
        return output, target

    def __call__(self, output, target):
        """Return the loss, one number, for logits and targets of shape (K,) or (N, K)."""
        z, y = self._logits_and_target(output, target)
        linear = y * np.maximum(-z, 0) + (1 - y) * np.maximum(z, 0)
        return float(np.mean(linear + np.log1p(np.exp(-np.abs(z)))))

    def gradient(self, output, target):
        """Return ∂C/∂z = (σ(z) − y) / number of entries, in the shape of output."""
        z, y = self._logits_and_target(output, target)
        return (Sigmoid()(z) - y) / z.size
