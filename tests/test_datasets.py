"""Data: truth tables, curves by formula, facts about the digits, splits that lose nothing."""

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dlutils.datasets
from dlutils.datasets import (
    digits,
    logic_gate,
    moons,
    one_hot,
    regression_with_outliers,
    spirals,
    stratified_split,
)

seeds = st.integers(0, 10_000)


def rng(seed=0):
    return np.random.default_rng(seed)


# Logic gates.

OUTPUTS = {
    "AND": lambda a, b: a and b,
    "OR": lambda a, b: a or b,
    "NAND": lambda a, b: not (a and b),
    "NOR": lambda a, b: not (a or b),
    "XOR": lambda a, b: a != b,
    "XNOR": lambda a, b: a == b,
    "NOT": lambda a: not a,
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_gates_are_their_truth_tables(name):
    X, y = logic_gate(name)
    wanted = [[0], [1]] if name == "NOT" else [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert X.tolist() == wanted and X.dtype == np.float64
    assert y.tolist() == [OUTPUTS[name](*row) for row in wanted] and y.dtype.kind == "i"


def test_gates_cannot_be_spoiled():
    for array in logic_gate("AND"):
        array[:] = 7
    assert logic_gate("AND").y.tolist() == [0, 0, 0, 1] and logic_gate("AND").X.max() == 1


# Drawn points.


@given(st.integers(2, 60), seeds)
def test_moons_without_noise_lie_on_two_half_circles(count, seed):
    X, y = moons(count, rng(seed), noise=0)
    upper = np.where(y[:, None] == 0, X, [1, 0.5] - X)  # turned about (½, ¼)
    assert X.shape == (count, 2) and upper[:, 1].min() >= 0
    assert np.hypot(*upper.T) == pytest.approx(1, rel=1e-14, abs=0)


def angles(X, y, classes, turns):
    """Return how far each point's angle is from the formula's, between −π and π."""
    off = np.arctan2(X[:, 1], X[:, 0]) - 2 * np.pi * (turns * np.hypot(*X.T) + y / classes)
    return (off + np.pi) % (2 * np.pi) - np.pi


@given(st.integers(2, 6), st.floats(0.1, 4), seeds)
def test_spirals_without_noise_lie_on_their_curves(classes, turns, seed):
    X, y = spirals(50, rng(seed), classes=classes, turns=turns, noise=0)
    assert angles(X, y, classes, turns) == pytest.approx(0, abs=1e-12)
    assert X.shape == (50, 2)
    assert 0.1 * (1 - 1e-12) <= np.hypot(*X.T).min() and np.hypot(*X.T).max() <= 1 + 1e-12


def test_spirals_wind_once_about_each_other_unless_told_otherwise():
    X, y = spirals(3000, rng())
    assert set(y) == {0, 1}
    r, off = np.hypot(*X.T), angles(X, y, 2, 1)
    # A spiral r(cos φ, sin φ) with dφ = 2π dr has its normal tilted by the angle atan(2πr).
    across = off * r / np.hypot(1, 2 * np.pi * r)
    assert across[r > 0.3].std() == pytest.approx(0.02, rel=0.1)


def test_points_fill_their_curves():
    X, y = moons(2000, rng(), noise=0)
    t = np.arccos(np.where(y == 0, X[:, 0], 1 - X[:, 0]))
    for k in (0, 1):
        assert np.histogram(t[y == k], 4, (0, np.pi))[0] == pytest.approx(250, abs=60)
    assert t.min() < 0.02 and t.max() > np.pi - 0.02
    X, y = spirals(2000, rng(), noise=0)
    assert np.histogram(np.hypot(*X.T), 4, (0.1, 1))[0] == pytest.approx(500, abs=80)


@pytest.mark.parametrize("draw", [moons, spirals])
def test_noise_has_the_standard_deviation_asked_for(draw):
    for noise in (0.1, 0.5):
        clean, noisy = draw(4000, rng(), noise=0), draw(4000, rng(), noise=noise)
        assert (clean.y == noisy.y).all()
        off = noisy.X - clean.X
        assert off.std(axis=0) == pytest.approx(noise, rel=0.05)
        assert abs(off.mean(axis=0)).max() < 4 * noise / np.sqrt(4000)
        assert abs(np.corrcoef(off.T)[0, 1]) < 0.06


def test_moons_are_a_tenth_noisy_unless_told_otherwise():
    for given_, default in zip(moons(9, rng(), noise=0.1), moons(9, rng()), strict=True):
        assert (given_ == default).all()


@given(st.integers(2, 5), st.integers(0, 40), seeds)
def test_classes_are_balanced_and_in_random_order(classes, more, seed):
    y = spirals(classes + more, rng(seed), classes=classes).y
    assert y.dtype.kind == "i" and set(y) == set(range(classes))
    assert np.ptp(np.bincount(y)) <= 1
    y = moons(2 + more, rng(seed)).y
    assert y.dtype.kind == "i" and np.ptp(np.bincount(y, minlength=2)) <= 1


def test_order_is_random():
    for y in (moons(100, rng()).y, spirals(100, rng()).y):
        assert 30 < np.count_nonzero(np.diff(y)) < 70  # neither in blocks nor in turns


@pytest.mark.parametrize("draw", [moons, spirals, regression_with_outliers])
def test_same_seed_same_points(draw):
    first, again, other = draw(20, rng(1)), draw(20, rng(1)), draw(20, rng(2))
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert (first.X != other.X).all()


# Regression.


@given(st.integers(1, 60), st.floats(-5, 5), st.floats(-5, 5), st.floats(0, 0.5), seeds)
def test_regression_is_a_line_and_lifted_outliers(count, slope, intercept, outliers, seed):
    X, y, is_outlier = regression_with_outliers(
        count, rng(seed), slope=slope, intercept=intercept, noise=0, outliers=outliers
    )
    assert X.shape == y.shape == (count, 1) and is_outlier.shape == (count,)
    assert is_outlier.sum() == round(outliers * count) and np.abs(X).max() <= 1
    lift = (y - (slope * X + intercept))[:, 0]
    assert lift[~is_outlier] == pytest.approx(0, abs=1e-14)
    assert ((lift[is_outlier] > 5 - 1e-12) & (lift[is_outlier] < 10 + 1e-12)).all()


def test_regression_fills_its_ranges_and_has_the_numbers_of_its_signature():
    X, y, is_outlier = regression_with_outliers(20_000, rng())
    off = (y - (2 * X + 1))[:, 0]
    assert is_outlier.sum() == 2000 and np.count_nonzero(np.diff(is_outlier)) > 3000
    assert off[~is_outlier].std() == pytest.approx(0.2, rel=0.03)
    assert abs(off[~is_outlier].mean()) < 0.006
    assert X.min() == pytest.approx(-1, abs=1e-3) and X.max() == pytest.approx(1, abs=1e-3)
    assert off[is_outlier].mean() == pytest.approx(7.5, abs=0.15)
    assert off[is_outlier].std() == pytest.approx(np.sqrt(25 / 12 + 0.04), rel=0.05)


# Digits.


def test_digits_are_the_test_part_of_the_source():
    X, y = digits()
    assert X.shape == (1797, 64) and X.dtype == np.float64
    assert y.shape == (1797,) and y.dtype.kind == "i"
    assert np.bincount(y).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert (X.min(), X.max()) == (0, 16) and (X == X.round()).all() and X.sum() == 561_718
    assert y[:20].tolist() == [*range(10), *range(10)] and y[-3:].tolist() == [8, 9, 8]
    assert X[0, :16].tolist() == [0, 0, 5, 13, 9, 1, 0, 0, 0, 0, 13, 15, 10, 15, 5, 0]


def test_digits_have_their_checksums():
    X, y = (hashlib.sha256(array.astype(np.uint8).tobytes()).hexdigest() for array in digits())
    assert X == "8f26b2bd9d135c256808f68f14fdabddde6d9c7f869ae419704b051f0f14b3b3"
    assert y == "8ba4f891220f5e4c9c819638d1602d74b83618f167043c6da52a2a247841ddf0"


def test_digits_cannot_be_spoiled():
    for array in digits():
        array[:] = 7
    assert digits().X.max() == 16 and digits().y.max() == 9


def test_digits_name_their_source_and_license():
    text = Path(dlutils.datasets.__file__).with_name("data") / "digits.txt"
    for words in ("Alpaydin", "Kaynak", "10.24432/C50P49", "CC BY 4.0"):
        assert words in text.read_text(encoding="utf-8")
        assert words in digits.__doc__


def test_digits_load_from_a_zip_file(tmp_path):
    package = Path(dlutils.__file__).parent
    with zipfile.ZipFile(tmp_path / "package.zip", "w") as archive:
        for file in [*package.glob("*.py"), *package.glob("data/*")]:
            archive.write(file, file.relative_to(package.parent))
    code = "from dlutils import datasets as d; print(d.__file__, d.digits().X.sum())"
    path = {"PYTHONPATH": str(tmp_path / "package.zip")}
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=tmp_path, env=os.environ | path, capture_output=True, text=True
    )
    assert done.stdout.endswith("561718.0\n") and "package.zip" in done.stdout, done.stderr


# One-hot rows.


@given(st.integers(2, 6), seeds)
def test_one_hot_rows_have_their_one_at_the_label(classes, seed):
    labels = rng(seed).integers(0, classes, (5, 3))
    rows = one_hot(labels, classes)
    assert rows.shape == (5, 3, classes) and rows.dtype == np.float64
    assert (rows.argmax(axis=-1) == labels).all()
    assert set(rows.flat) == {0, 1} and (rows.sum(axis=-1) == 1).all()
    assert one_hot(np.uint8(1), classes).tolist() == [0, 1, *[0] * (classes - 2)]


# Splits.


def parts(counts, fraction, seed=0):
    """Split examples that carry their number; return the labels and the split."""
    y = rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    X = np.arange(2.0 * len(y)).reshape(-1, 2)
    return y, stratified_split(X, y, fraction, rng(seed))


@given(st.lists(st.integers(20, 60), min_size=1, max_size=5), st.floats(0.06, 0.94), seeds)
def test_split_keeps_every_example_and_the_proportions(counts, fraction, seed):
    y, (X_train, X_test, y_train, y_test) = parts(counts, fraction, seed)
    for X, labels in ((X_train, y_train), (X_test, y_test)):
        assert (X[:, 1] == X[:, 0] + 1).all()
        assert (y[(X[:, 0] / 2).astype(int)] == labels).all()
    rows = np.concatenate([X_train, X_test])[:, 0]
    assert sorted(rows) == list(range(0, 2 * len(y), 2))
    assert len(y_test) == round(fraction * len(y))
    shares = fraction * np.array(counts)
    assert (np.abs(np.bincount(y_test) - shares) < 1).all()


@pytest.mark.parametrize(
    ("counts", "fraction", "test"),
    [
        ([10, 20, 30], 0.2, [2, 4, 6]),
        ([3, 3, 3], 1 / 3, [1, 1, 1]),
        ([5, 5], 0.3, [2, 1]),  # 1.5 and 1.5, three in all: the lower label first
        ([5, 6], 0.3, [1, 2]),  # 1.5 and 1.8, 3.3 in all: the larger remainder first
        ([13, 5, 6], 0.25, [3, 1, 2]),  # 3.25, 1.25 and 1.5, six in all
        ([5], 0.5, [2]),  # a half to the even neighbor
        ([7], 0.5, [4]),
        ([2, 100], 0.5, [1, 50]),
        ([19] * 20, 0.1, [2] * 18 + [1] * 2),  # 1.9 each, 38 in all
        ([19, 15] * 20, 0.1, [2, 2] * 8 + [2, 1] * 12),  # 1.9 and 1.5, 68 in all
        ([100], 0.29, [29]),  # in floating point 28.999999999999996
    ],
)
def test_split_rounds_as_it_says(counts, fraction, test):
    _, split = parts(counts, fraction)
    assert np.bincount(split.y_test).tolist() == test


def test_split_is_random_and_reproducible():
    first, again, other = (parts([50, 50], 0.5, seed)[1] for seed in (1, 1, 2))
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert (first.X_test != other.X_test).any()
    y = np.repeat([0, 1], 200)
    split = stratified_split(np.arange(400.0)[:, None], y, 0.5, rng())
    for X, labels in ((split.X_train, split.y_train), (split.X_test, split.y_test)):
        assert 70 < np.count_nonzero(np.diff(labels)) < 130  # the classes are mixed
        one = X[labels == 0, 0]
        assert 30 < np.count_nonzero(np.diff(one) > 0) < 70  # and so is each class
        assert one.mean() == pytest.approx(99.5, abs=15)


def test_every_example_is_equally_likely_to_be_tested():
    tested = Counter()
    for seed in range(400):
        X = np.arange(10.0)[:, None]
        tested.update(stratified_split(X, [0] * 4 + [1] * 6, 0.5, rng(seed)).X_test[:, 0].tolist())
    assert all(abs(tested[row] - 200) < 50 for row in range(10))


def test_split_keeps_dtypes_shapes_and_the_callers_arrays():
    X, y = np.ones((8, 2, 3), np.float32), np.array([7, 7, 7, 7, -2, -2, -2, -2], np.int8)
    split = stratified_split(X, y, 0.25, rng())
    assert split.X_train.shape == (6, 2, 3) and split.X_test.dtype == np.float32
    assert sorted(split.y_test) == [-2, 7] and split.y_train.dtype == np.int8
    for array in split:
        array[...] = 5
    assert (X == 1).all() and set(y.tolist()) == {7, -2}


# Bad input.

SPLIT = (np.ones((4, 1)), [0, 0, 1, 1], 0.5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: logic_gate("and"), "name: 'and', wanted one of AND, OR"),
        (lambda: moons(1, rng()), "count: 1, wanted a whole number from 2"),
        (lambda: moons(2.0, rng()), "count: 2.0"),
        (lambda: moons(4, 0), "rng: 0, wanted a generator"),
        (lambda: moons(4, rng(), noise=-1), "noise: -1, wanted one finite number from 0"),
        (lambda: spirals(2, rng(), classes=3), "count: 2, wanted a whole number from 3"),
        (lambda: spirals(4, rng(), classes=1), "classes: 1, wanted a whole number from 2"),
        (lambda: spirals(4, rng(), turns=0), "turns: 0, wanted one finite number above 0"),
        (lambda: spirals(4, rng(), noise=np.nan), "noise: nan"),
        (lambda: spirals(4, None), "rng: None"),
        (lambda: regression_with_outliers(0, rng()), "count: 0, wanted a whole number from 1"),
        (lambda: regression_with_outliers(3, np.random), "rng: .*, wanted a generator"),
        (lambda: regression_with_outliers(3, rng(), slope=np.inf), "slope: inf"),
        (lambda: regression_with_outliers(3, rng(), slope="2"), "slope: dtype"),
        (lambda: regression_with_outliers(3, rng(), intercept=[1, 2]), r"intercept: shape \(2,\)"),
        (lambda: regression_with_outliers(3, rng(), noise=-0.1), "noise: -0.1"),
        (lambda: regression_with_outliers(3, rng(), outliers=-0.1), "outliers: -0.1"),
        (lambda: regression_with_outliers(3, rng(), outliers=0.51), "outliers: 0.51, wanted"),
        (lambda: one_hot([0, 3], 3), "labels: from 0 to 3, wanted 0 to 2"),
        (lambda: one_hot([-1, 1], 3), "labels: from -1 to 1, wanted 0 to 2"),
        (lambda: one_hot([0.0, 1.0], 2), "labels: dtype float64, .*, wanted integer labels"),
        (lambda: one_hot([True, False], 2), "labels: dtype bool"),
        (lambda: one_hot(["a"], 2), "labels: dtype"),
        (lambda: one_hot([[0], [1, 0]], 2), "labels: rows of unequal length"),
        (lambda: one_hot(np.ones(0, int), 2), r"labels: dtype int64, shape \(0,\), wanted"),
        (lambda: one_hot([0], 1), "classes: 1, wanted a whole number from 2"),
        (lambda: stratified_split([1.0, 2.0], [0, 1], 0.5, rng()), r"X and y: shapes \(2,\) and"),
        (lambda: stratified_split(np.ones((3, 1)), *SPLIT[1:], rng()), r"shapes \(3, 1\) and \(4,"),
        (lambda: stratified_split(SPLIT[0], [[0], [0], [1], [1]], 0.5, rng()), "X and y: shapes"),
        (lambda: stratified_split([[np.nan]], [0], 0.5, rng()), "X: nan at index"),
        (lambda: stratified_split(SPLIT[0], [0.0, 0, 1, 1], 0.5, rng()), "y: dtype float64"),
        (lambda: stratified_split(*SPLIT[:2], 0, rng()), "fraction: 0, wanted one finite number"),
        (lambda: stratified_split(*SPLIT[:2], 1.0, rng()), "fraction: 1.0, wanted a number above"),
        (lambda: stratified_split(*SPLIT[:2], np.nan, rng()), "fraction: nan"),
        (lambda: stratified_split(*SPLIT, 1), "rng: 1, wanted a generator"),
        (
            lambda: stratified_split(*SPLIT[:2], 0.1, rng()),
            "y: 2 examples of class 0, 0 of them to test with, wanted some of each class in both",
        ),
        (
            lambda: stratified_split(SPLIT[0], [0, 0, 0, 1], 0.75, rng()),
            "y: 1 examples of class 1, 1 of them to test with",
        ),
    ],
)
def test_refuses_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_logistic_regression_of_scikit_learn_is_a_minimum():
    """The stored weights have the gradient zero, with nothing of scikit-learn's to help."""
    stored = json.loads(
        Path(dlutils.__file__).with_name("data").joinpath("scikit-learn.json").read_text()
    )
    X, _, y, _ = stratified_split(digits().X / 16, digits().y, 0.5, np.random.default_rng(0))
    pictures, eight = X.reshape(-1, 8, 8)[(y == 3) | (y == 8)], (y[(y == 3) | (y == 8)] == 8) * 1.0
    ink = np.column_stack([pictures[:, r : r + 2, 2:4].mean(axis=(1, 2)) for r in (2, 4)])
    inputs = (ink - ink.mean(axis=0)) / ink.std(axis=0)
    slopes = dlutils.SigmoidCrossEntropy().gradient(inputs @ stored["w"] + stored["b"], eight)
    assert np.abs([*(slopes @ inputs), slopes.sum()]).max() < 1e-12
