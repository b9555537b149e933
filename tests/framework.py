"""What PyTorch computes, stored for everyone and computed anew where PyTorch is installed."""

import importlib.util
from functools import cache
from pathlib import Path

import numpy as np
from fixtures.make import compute

STORED = Path(__file__).parent / "fixtures" / "torch.npz"
SOURCES = ["stored"] + (["live"] if importlib.util.find_spec("torch") else [])


@cache
def references(module, source):
    """Return PyTorch's arrays of one module in tests/fixtures, by name."""
    if source == "live":
        return compute(module)
    with np.load(STORED) as stored:
        head = f"{module}/"
        return {name.removeprefix(head): stored[name] for name in stored if name.startswith(head)}
