"""Clipping: lengths, directions, extremes, PyTorch's small difference, refusals."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from dlutils.clipping import clip_by_norm, clip_by_value

numbers = st.floats(-1e3, 1e3, allow_subnormal=False)
gradients = arrays(np.float64, array_shapes(max_dims=3, max_side=4), elements=numbers)
limits = st.floats(1e-3, 1e3)
both = pytest.mark.parametrize("clip", [clip_by_norm, clip_by_value])


@given(gradients, limits)
def test_by_norm_is_the_formula(gradient, limit):
    norm = math.hypot(*gradient.flat)
    wanted = gradient * (limit / norm if norm > limit else 1)
    assert clip_by_norm(gradient, limit) == pytest.approx(wanted, rel=1e-14, abs=1e-300)


@given(gradients, limits)
def test_by_norm_never_exceeds_the_limit_and_keeps_the_direction(gradient, limit):
    clipped = clip_by_norm(gradient, limit)
    norm, before = math.hypot(*clipped.flat), math.hypot(*gradient.flat)
    assert norm == pytest.approx(min(before, limit), rel=1e-14, abs=0)
    assert (clipped * gradient).sum() == pytest.approx(norm * before, rel=1e-13, abs=1e-300)


@given(gradients, limits)
def test_by_norm_leaves_short_gradients_alone(gradient, limit):
    if math.hypot(*gradient.flat) < limit * (1 - 1e-12):
        assert (clip_by_norm(gradient, limit) == gradient).all()


def test_by_norm_at_the_limit():
    assert clip_by_norm([3.0, 4.0], 5.0).tolist() == [3, 4]
    assert clip_by_norm([3.0, 4.0], np.nextafter(5, 0)).tolist() != [3, 4]
    assert clip_by_norm([8.0, 9.8, 3.8], 13.209087780766696).tolist() == [8, 9.8, 3.8]  # its norm
    assert clip_by_norm([[2.0, 4.0], [4.0, 8.0]], 5).tolist() == [[1, 2], [2, 4]]
    assert clip_by_norm([-2.0], 1).tolist() == [-1] and clip_by_norm(-2.0, 1) == -1


@pytest.mark.parametrize(
    ("dtype", "large"), [(np.float32, 1e30), (np.float32, 3e38), (np.float64, 1e300)]
)
def test_by_norm_of_extremes(dtype, large):
    rel = 1e-6 if dtype == np.float32 else 1e-15
    with np.errstate(all="raise", under="ignore"):
        clipped = clip_by_norm(np.array([0.5, -1, 1, -1], dtype) * dtype(large), np.sqrt(13))
        assert clipped == pytest.approx([1, -2, 2, -2], rel=rel, abs=0)
        huge = np.full(4, large, dtype)
        assert (clip_by_norm(huge, 1e308) == huge).all()
        tiny = np.full(4, np.finfo(dtype).smallest_subnormal)
        assert (clip_by_norm(tiny, 1.0) == tiny).all()
        assert clip_by_norm(np.ones(4, dtype), 2e-30) == pytest.approx([1e-30] * 4, rel=rel, abs=0)


def test_by_norm_of_nothing_but_zeros():
    assert clip_by_norm(np.zeros((2, 2)), 1e-300).tolist() == [[0, 0], [0, 0]]
    assert clip_by_norm(np.zeros(0), 1.0).shape == (0,)


def test_pytorch_divides_by_a_little_more():
    torch = pytest.importorskip("torch")
    for gradient, limit in (([3.0, 4.0], 1.0), ([3e-3, 4e-3], 1e-3), ([0.3, 0.4], 1.0)):
        theta = torch.zeros(2, dtype=torch.float64, requires_grad=True)
        theta.grad = torch.tensor(gradient, dtype=torch.float64)
        torch.nn.utils.clip_grad_norm_([theta], limit)
        norm, clipped = math.hypot(*gradient), clip_by_norm(gradient, limit)
        factor = norm / (norm + 1e-6) if norm > limit else 1
        assert theta.grad.numpy() == pytest.approx(factor * clipped, rel=1e-12, abs=0)


@given(gradients, limits)
def test_by_value_moves_what_is_beyond_the_limit_to_it(gradient, limit):
    clipped = clip_by_value(gradient, limit)
    for before, after in zip(gradient.flat, clipped.flat, strict=True):
        assert after == (before if abs(before) <= limit else math.copysign(limit, before))


def test_by_value_takes_any_limit():
    gradient = np.array([-3e38, 1.0], np.float32)
    assert clip_by_value(gradient, 1e300).tolist() == gradient.tolist()
    assert clip_by_value([-1e300, 1e300], 2).tolist() == [-2, 2]
    assert clip_by_value(-7.0, 2) == -2


@both
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("limit", [0.5, np.float64(0.5), 100, 1e300])
def test_dtype_and_shape_stay_and_nothing_is_changed(clip, dtype, limit):
    for gradient in (np.array([[1.0, -2.0, 3.0]], dtype), np.zeros((2, 1), dtype)):
        before = gradient.copy()
        clipped = clip(gradient, limit)
        assert clipped.dtype == dtype and clipped.shape == gradient.shape
        clipped[...] = 7
        assert (gradient == before).all()


@both
@pytest.mark.parametrize(
    ("gradient", "limit", "message"),
    [
        ([1.0], 0, "limit: 0, wanted one finite number above 0"),
        ([1.0], -1.0, "limit: -1.0"),
        ([1.0], np.nan, "limit: nan"),
        ([1.0], np.inf, "limit: inf"),
        ([1.0], [1.0], "limit: "),
        ([0.0], None, "limit: None"),
        ([[1.0], [np.nan]], 1.0, r"gradient: nan at index \(1, 0\)"),
        ([-np.inf], 1.0, "gradient: -inf"),
        (["a"], 1.0, "gradient: dtype"),
        ([[1.0], [1.0, 2.0]], 1.0, "gradient: rows of unequal length"),
    ],
)
def test_refuses_bad_input(clip, gradient, limit, message):
    with pytest.raises(ValueError, match=message):
        clip(gradient, limit)
