"""Data to learn from: logic gates, drawn points and curves, handwritten digits; and their split."""

from importlib import resources
from typing import NamedTuple

import numpy as np

from dlutils._checks import finite_array, generator, number, positive, whole

_GATES = {
    "AND": [0, 0, 0, 1],
    "OR": [0, 1, 1, 1],
    "NAND": [1, 1, 1, 0],
    "NOR": [1, 0, 0, 0],
    "XOR": [0, 1, 1, 0],
    "XNOR": [1, 0, 0, 1],
    "NOT": [1, 0],
}


class Labeled(NamedTuple):
    """Examples with a class each: X of shape (N, n), floats, and y of shape (N,), integers."""

    X: np.ndarray
    y: np.ndarray


class Regression(NamedTuple):
    """Examples with a number each: X and y of shape (N, 1), and which rows are outliers, (N,)."""

    X: np.ndarray
    y: np.ndarray
    is_outlier: np.ndarray


class Split(NamedTuple):
    """A data set in two parts: one to train on, one to test with."""

    X_train: np.ndarray
    X_test: np.ndarray
    y_train: np.ndarray
    y_test: np.ndarray


def _labels(value, name):
    """Return integer labels as an array of at least one entry."""
    finite_array(value, name)  # refuses text and rows of unequal length
    labels = np.asarray(value)
    if labels.dtype.kind not in "iu" or labels.size == 0:
        seen = f"dtype {labels.dtype}, shape {labels.shape}"
        raise ValueError(f"{name}: {seen}, wanted integer labels, at least one")
    return labels


def logic_gate(name):
    r"""Return the truth table of a logic gate: all its inputs, and the output for each.

    Parameters
    ----------
    name : "AND", "OR", "NAND", "NOR", "XOR", "XNOR" or "NOT"

    Returns
    -------
    X : array (4, 2), the inputs 00, 01, 10, 11 in this order; for NOT (2, 1), 0 and 1
    y : integers (4,) or (2,), the outputs 0 or 1

    Raises
    ------
    ValueError
        If there is no gate of this name.

    Examples
    --------
    >>> X, y = logic_gate("XOR")
    >>> X
    array([[0., 0.],
           [0., 1.],
           [1., 0.],
           [1., 1.]])
    >>> y
    array([0, 1, 1, 0])

    References
    ----------
    Minsky and Papert (1969), Perceptrons, for what XOR is to one perceptron.
    """
    if not isinstance(name, str) or name not in _GATES:
        raise ValueError(f"name: {name!r}, wanted one of {', '.join(_GATES)}")
    y = np.array(_GATES[name])
    inputs = 1 if name == "NOT" else 2
    return Labeled(np.array(list(np.ndindex((2,) * inputs)), float), y)


def moons(count, rng, *, noise=0.1):
    r"""Draw points on two interleaved half circles, one for each class.

    With t drawn uniformly from 0 to π, class 0 lies at (cos t, sin t) and class 1, the same half
    circle turned about the point (½, ¼), at (1 − cos t, ½ − sin t). To both coordinates of each
    point normal noise is added.

    Parameters
    ----------
    count : int ≥ 2
        N, how many points. The classes differ in size by at most one.
    rng : numpy.random.Generator
    noise : float ≥ 0
        The standard deviation of the noise.

    Returns
    -------
    X : array (N, 2)
    y : integers (N,), 0 or 1, in random order

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Examples
    --------
    >>> X, y = moons(101, np.random.default_rng(0), noise=0.0)
    >>> np.bincount(y)
    array([51, 50])
    >>> np.allclose(np.linalg.norm(X[y == 0], axis=1), 1)
    True

    References
    ----------
    Pedregosa et al. (2011), Scikit-learn: machine learning in Python, whose make_moons has the same
    two curves, with points at equal distances.
    """
    whole(count, "count", 2)
    generator(rng)
    positive(noise, "noise", or_zero=True)
    y = rng.permutation(np.arange(count) % 2)
    t = rng.uniform(0, np.pi, count)
    X = np.column_stack([np.cos(t), np.sin(t)])
    X = np.where(y[:, None] == 0, X, [1, 0.5] - X)
    return Labeled(X + rng.normal(0, noise, X.shape), y)


def spirals(count, rng, *, classes=2, turns=1.0, noise=0.02):
    r"""Draw points on spirals that wind around one another, one for each class.

    With the radius r drawn uniformly from 0.1 to 1, class k of K lies at r·(cos φ, sin φ) with the
    angle φ = 2π(turns·r + k/K). To both coordinates of each point normal noise is added.

    Parameters
    ----------
    count : int ≥ classes
        N, how many points. The classes differ in size by at most one.
    rng : numpy.random.Generator
    classes : int ≥ 2
        K.
    turns : float > 0
        How often a spiral would wind from radius 0 to 1. Neighboring arms are 1/(K·turns) apart.
    noise : float ≥ 0
        The standard deviation of the noise.

    Returns
    -------
    X : array (N, 2)
    y : integers (N,), 0 to K − 1, in random order

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Examples
    --------
    >>> X, y = spirals(300, np.random.default_rng(0), classes=3, turns=1.5)
    >>> X.shape, np.bincount(y)
    ((300, 2), array([100, 100, 100]))

    References
    ----------
    Lang and Witbrock (1988), Learning to tell two spirals apart.
    """
    whole(classes, "classes", 2)
    whole(count, "count", classes)
    generator(rng)
    positive(turns, "turns")
    positive(noise, "noise", or_zero=True)
    y = rng.permutation(np.arange(count) % classes)
    r = rng.uniform(0.1, 1, count)
    angle = 2 * np.pi * (turns * r + y / classes)
    X = r[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    return Labeled(X + rng.normal(0, noise, X.shape), y)


def regression_with_outliers(count, rng, *, slope=2.0, intercept=1.0, noise=0.2, outliers=0.1):
    r"""Draw points about a line, a few of them far above it.

    With x drawn uniformly from −1 to 1 and e from the standard normal distribution,
    y = slope·x + intercept + noise·e. Then random rows, the outliers, are lifted by 5 to 10 each:
    all to the same side, so that they do not cancel in a mean.

    Parameters
    ----------
    count : int ≥ 1
        N, how many points.
    rng : numpy.random.Generator
    slope, intercept : float
    noise : float ≥ 0
        The standard deviation of the noise.
    outliers : float from 0 to 0.5
        The fraction of rows that are outliers: outliers·N, rounded, a half to the even neighbor.

    Returns
    -------
    X : array (N, 1)
    y : array (N, 1)
    is_outlier : booleans (N,)

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Examples
    --------
    >>> X, y, is_outlier = regression_with_outliers(50, np.random.default_rng(0))
    >>> X.shape, y.shape, is_outlier.sum()
    ((50, 1), (50, 1), np.int64(5))
    >>> np.polyfit(X[~is_outlier, 0], y[~is_outlier, 0], 1).round(1)  # the line, without them
    array([2., 1.])

    References
    ----------
    Huber (1964), Robust estimation of a location parameter.
    """
    whole(count, "count", 1)
    generator(rng)
    slope, intercept = number(slope, "slope"), number(intercept, "intercept")
    positive(noise, "noise", or_zero=True)
    positive(outliers, "outliers", or_zero=True)
    if outliers > 0.5:
        raise ValueError(f"outliers: {outliers!r}, wanted a number from 0 to 0.5")
    X = rng.uniform(-1, 1, (count, 1))
    y = slope * X + intercept + rng.normal(0, noise, (count, 1))
    is_outlier = rng.permutation(np.arange(count) < round(outliers * count))
    y[is_outlier] += rng.uniform(5, 10, (is_outlier.sum(), 1))
    return Regression(X, y, is_outlier)


def digits():
    r"""Return 1,797 handwritten digits, 8 × 8 pixels each: a real data set that ships with dlutils.

    It is the test part of a data set of 5,620: digits of 13 people who wrote none of the others.
    The order is the source's, in which a writer's digits stand together: a test part cut off at the
    end holds writers never trained on, and is harder than one drawn by `stratified_split`.

    Returns
    -------
    X : array (1797, 64)
        The images, row by row: 0 for no ink, to 16 for a pixel full of ink. ``X[i].reshape(8, 8)``
        is an image again.
    y : integers (1797,)
        The digits, 0 to 9.

    Notes
    -----
    License: CC BY 4.0. Changed was the form only, from text to compressed NumPy arrays, by
    ``tests/fixtures/digits.py`` with scikit-learn's copy; see ``dlutils/data/digits.txt``. Each
    call reads the file anew, so nobody can spoil another's arrays.

    Examples
    --------
    >>> X, y = digits()
    >>> X.shape, y[:12]
    ((1797, 64), array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]))
    >>> X[0].reshape(8, 8)[1]  # the second row of the first image, a zero
    array([ 0.,  0., 13., 15., 10., 15.,  5.,  0.])

    References
    ----------
    Alpaydin and Kaynak (1998), Optical Recognition of Handwritten Digits, UCI Machine Learning
    Repository, https://doi.org/10.24432/C50P49
    """
    file = resources.files("dlutils") / "data" / "digits.npz"
    with file.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
        return Labeled(stored["X"].astype(float), stored["y"].astype(int))


def one_hot(labels, classes):
    r"""Return labels as rows of zeros with a single 1: entry k is 1 for the label k.

    Parameters
    ----------
    labels : integers from 0 to classes − 1, of any shape, usually (N,)
    classes : int ≥ 2
        K.

    Returns
    -------
    float64 array in the shape of labels, with one more axis of length K

    Raises
    ------
    ValueError
        If labels are not integers or outside their range, there are none, or K is below 2.

    Examples
    --------
    >>> one_hot([2, 0], classes=3)
    array([[0., 0., 1.],
           [1., 0., 0.]])

    References
    ----------
    Bridle (1990), Probabilistic interpretation of feedforward classification network outputs.
    """
    whole(classes, "classes", 2)
    labels = _labels(labels, "labels")
    if labels.min() < 0 or labels.max() >= classes:
        seen = f"{labels.min()} to {labels.max()}"
        raise ValueError(f"labels: from {seen}, wanted 0 to {classes - 1}")
    return np.eye(classes)[labels]


def stratified_split(X, y, fraction, rng):
    r"""Split examples at random into a train and a test part, each class in the same proportion.

    Of a class of n examples, fraction·n go to the test part, rounded down or up so that the test
    part has fraction·N examples in all, rounded: up are rounded the classes with the largest
    remainders, and among equal ones those with the lowest labels. (A half of the total goes to the
    even neighbor.)

    Parameters
    ----------
    X : array (N, n), or with more axes
    y : integers (N,)
        The classes; not all labels from 0 need occur.
    fraction : float above 0 and below 1
        What part of the examples goes to the test part.
    rng : numpy.random.Generator

    Returns
    -------
    X_train, X_test : arrays of floats
    y_train, y_test : integers
        Together all rows, each once, in random order.

    Raises
    ------
    ValueError
        If X and y do not fit each other, or a class has too few examples to be in both parts.

    Examples
    --------
    >>> X, y = digits()
    >>> X_train, X_test, y_train, y_test = stratified_split(X, y, 0.2, np.random.default_rng(0))
    >>> X_train.shape, X_test.shape
    ((1438, 64), (359, 64))
    >>> np.bincount(y_test)  # a fifth of 178, 182, 177, …
    array([36, 36, 35, 37, 36, 36, 36, 36, 35, 36])

    References
    ----------
    Kohavi (1995), A study of cross-validation and bootstrap for accuracy estimation and model
    selection.
    """
    X, y = finite_array(X, "X"), _labels(y, "y")
    if y.ndim != 1 or X.ndim < 2 or len(X) != len(y):
        raise ValueError(f"X and y: shapes {X.shape} and {y.shape}, wanted (N, n) and (N,)")
    positive(fraction, "fraction")
    if fraction >= 1:
        raise ValueError(f"fraction: {fraction!r}, wanted a number above 0 and below 1")
    generator(rng)
    classes, counts = np.unique(y, return_counts=True)
    sizes, remainders = np.divmod(fraction * counts, 1)
    sizes = sizes.astype(int)
    sizes[np.argsort(-remainders, stable=True)[: round(fraction * len(y)) - sizes.sum()]] += 1
    train, test = [], []
    for label, count, size in zip(classes, counts, sizes, strict=True):
        if not 0 < size < count:
            seen = f"{count} examples of class {label}, {size} of them to test with"
            raise ValueError(f"y: {seen}, wanted some of each class in both parts")
        rows = rng.permutation(np.flatnonzero(y == label))
        test.append(rows[:size])
        train.append(rows[size:])
    train, test = (rng.permutation(np.concatenate(part)) for part in (train, test))
    return Split(X[train], X[test], y[train], y[test])
