"""Deep learning, worked out: the small NumPy package whose every number the book prints.

Importing it needs NumPy alone; ``dlutils.plotting`` additionally needs matplotlib.
"""

from dlutils.activations import Identity, ReLU, Sigmoid
from dlutils.gradcheck import check_gradient, numerical_gradient, relative_error
from dlutils.losses import HalfSquaredError, SigmoidCrossEntropy
from dlutils.network import MLP, Gradients, Parameters, Trace
from dlutils.optimizers import GradientDescent
from dlutils.source import show_source

__all__ = [
    "MLP",
    "GradientDescent",
    "Gradients",
    "HalfSquaredError",
    "Identity",
    "Parameters",
    "ReLU",
    "Sigmoid",
    "SigmoidCrossEntropy",
    "Trace",
    "check_gradient",
    "numerical_gradient",
    "relative_error",
    "show_source",
]
