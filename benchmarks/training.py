"""Time `fit` against PyTorch, scikit-learn and the bare matrix products, all in one run.

`make bench` runs it. Every side trains the same network (one hidden layer of ReLUs, softmax
cross-entropy, Adam) on the same data, with batches of the same size and equally many threads. The
sides take turns and the shortest time of each counts, so that whatever else the machine does hits
all of them. The times depend on the machine; look at the ratios. Below 1, `fit` is faster.
"""

import os
import sys
import warnings
from argparse import ArgumentDefaultsHelpFormatter, ArgumentParser
from time import perf_counter

parser = ArgumentParser(
    description=__doc__.splitlines()[0], formatter_class=ArgumentDefaultsHelpFormatter
)
parser.add_argument("--threads", type=int, default=1, help="threads of every side")
parser.add_argument("--turns", type=int, default=9, help="how often each side is timed")
arguments = parser.parse_args()
# Settings that fit another processor slow NumPy's library down. All of this is read at its import.
for variable in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
    os.environ.pop(variable, None)
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = str(arguments.threads)

import numpy as np  # noqa: E402
import sklearn  # noqa: E402
import torch  # noqa: E402
from sklearn.exceptions import ConvergenceWarning  # noqa: E402
from sklearn.neural_network import MLPClassifier  # noqa: E402

from dlutils import MLP, Adam, SoftmaxCrossEntropy, datasets, fit  # noqa: E402

# (sizes, batch size, epochs in a turn, wanted ratio to PyTorch and scikit-learn at most)
CASES = [
    ((64, 32, 10), 32, 5, 0.5),
    ((64, 64, 10), 32, 5, 0.5),
    ((784, 128, 10), 64, 1, 1.0),
    ((784, 256, 10), 64, 1, 1.0),
]


def data(inputs, dtype):
    """Return the digits, or 10,000 random rows in the size of larger images."""
    if inputs == 64:
        X, y = datasets.digits()
        return (X / 16).astype(dtype), y
    rng = np.random.default_rng(0)
    return rng.random((10_000, inputs), dtype=dtype), rng.integers(10, size=10_000)


def dlutils_side(sizes, X, y, batch_size, epochs):
    """Return a function that trains by `fit` and returns the last loss."""
    rng = np.random.default_rng(0)
    net, loss = MLP(sizes), SoftmaxCrossEntropy()
    params = net.init(rng)
    params = params.with_vector(params.vector.astype(X.dtype))
    sizes = {"epochs": epochs, "batch_size": batch_size}
    return lambda: fit(net, params, loss, Adam(), X, y, rng=rng, **sizes).history.loss[-1]


def torch_side(sizes, X, y, batch_size, epochs):
    """Return a function that trains in PyTorch, eager, with its fused Adam."""
    torch.manual_seed(0)
    X, y = torch.from_numpy(X), torch.from_numpy(y)
    inputs, hidden, outputs = sizes
    net = torch.nn.Sequential(
        torch.nn.Linear(inputs, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, outputs)
    ).to(X.dtype)
    loss = torch.nn.CrossEntropyLoss()
    adam = torch.optim.Adam(net.parameters(), fused=True)

    def train():
        for _ in range(epochs):
            order, total = torch.randperm(len(X)), 0.0
            for start in range(0, len(X), batch_size):
                rows = order[start : start + batch_size]
                adam.zero_grad()
                cost = loss(net(X[rows]), y[rows])
                cost.backward()
                adam.step()
                total += cost.item() * len(rows)
        return total / len(X)

    return train


def sklearn_side(sizes, X, y, batch_size, epochs):
    """Return a function that trains scikit-learn's MLPClassifier."""
    net = MLPClassifier(
        sizes[1:-1],
        batch_size=batch_size,
        max_iter=epochs,
        alpha=0,
        n_iter_no_change=epochs + 1,
        random_state=0,
    )
    return lambda: net.fit(X, y).loss_


def products_side(sizes, X, y, batch_size, epochs):
    """Return a function that only does the five matrix products of each step, which all need."""
    inputs, hidden, outputs = sizes
    X = X[:batch_size].copy()
    W1, W2 = np.ones((hidden, inputs), X.dtype), np.ones((outputs, hidden), X.dtype)
    Z1, Z2 = X @ W1.T, X @ W1.T @ W2.T
    dW1, dW2, dZ1 = np.empty_like(W1), np.empty_like(W2), np.empty_like(Z1)
    steps = epochs * -(-len(y) // batch_size)

    def multiply():
        for _ in range(steps):
            np.matmul(X, W1.T, out=Z1)
            np.matmul(Z1, W2.T, out=Z2)
            np.matmul(Z2.T, Z1, out=dW2)
            np.matmul(Z2, W2, out=dZ1)
            np.matmul(dZ1.T, X, out=dW1)

    return multiply


def shortest_times(sides):
    """Return each side's shortest time: all take one turn to warm up, then turn after turn."""
    times = {name: [] for name in sides}
    for turn in range(arguments.turns + 1):
        for name, side in sides.items():
            start = perf_counter()
            side()
            if turn:
                times[name].append(perf_counter() - start)
    return {name: min(seen) for name, seen in times.items()}


def main():
    """Print a line for each network and dtype; fail if one misses its ratio."""
    torch.set_num_threads(arguments.threads)
    warnings.simplefilter("ignore", ConvergenceWarning)
    print(
        f"{arguments.threads} thread(s), best of {arguments.turns} turns; "
        f"NumPy {np.__version__}, PyTorch {torch.__version__}, scikit-learn {sklearn.__version__}"
    )
    print(
        "network      batch  dtype    µs a step   fit / PyTorch  / scikit-learn  / products  wanted"
    )
    missed = 0
    for sizes, batch_size, epochs, wanted in CASES:
        for dtype in (np.float32, np.float64):
            X, y = data(sizes[0], dtype)
            sides = (dlutils_side, torch_side, sklearn_side, products_side)
            ours, theirs, scikit, products = shortest_times(
                {side.__name__: side(sizes, X, y, batch_size, epochs) for side in sides}
            ).values()
            steps = epochs * -(-len(y) // batch_size)
            missed += ours > wanted * min(theirs, scikit)
            print(
                f"{'-'.join(map(str, sizes)):12} {batch_size:5}  {np.dtype(dtype).name} "
                f"{ours / steps * 1e6:12.0f} {ours / theirs:12.2f} {ours / scikit:14.2f} "
                f"{ours / products:10.1f}  ≤ {wanted}",
                flush=True,
            )
    sys.exit(f"{missed} of {2 * len(CASES)} lines miss what is wanted" if missed else 0)


if __name__ == "__main__":
    main()
