import numpy as np
import pytest

from dlutils.exercises import NotYet, check, difference

ALIKE = [
    (1, 1.0),
    (np.float64(0.5), 0.5),
    (np.array(2), 2.0),
    ([1, 2], np.array([1.0, 2.0])),
    ((1, [2, 3]), [1.0, np.array([2, 3])]),
    (np.nan, np.nan),
    (np.inf, np.inf),
    (np.zeros((0, 3)), np.zeros((0, 3))),
    (np.bool(True), True),
    ([True, False], np.array([True, False])),
    ("relu", "relu"),
    (None, None),
    ({"w": [1.0], "b": 2}, {"b": 2.0, "w": np.array([1])}),
    (np.float32([0.1, 0.2]), np.float32([0.1, 0.2])),
    (1 + 1e-9, 1.0),
    (1e-17, 0.0),
    ([], []),
]
DIFFERENT = [
    (None, 1.0, "None"),
    (True, 1, "True or False"),
    (1, True, "a number, wanted True or False"),
    (np.inf, -np.inf, "yours is inf"),
    (np.nan, 1.0, "yours is nan"),
    (1.0, np.nan, "yours is 1"),
    (np.zeros((3, 1)), np.zeros(3), r"shape \(3, 1\), wanted \(3,\)"),
    (0.0, [0.0], r"shape \(\), wanted \(1,\)"),
    (np.zeros((0, 2)), np.zeros((0, 3)), "shape"),
    ([1.0, 2.0, 4.0], [1.0, 2.0, 3.0], r"at \[2\] yours is 4"),
    (np.zeros(2), np.float32([0, 0]), "float64, wanted float32"),
    (1 + 1e-5, 1.0, "yours is 1.00001"),
    (1j, 1.0, "complex"),
    ("1", 1, "a text, wanted"),
    ([1, [2, 3]], [1, [2, 4]], r"item 1: at \[1\]"),
    ([1, True], [1, 1], "wanted"),
    ({"w": 1}, {"b": 1}, "other keys"),
    ([1, "a"], [1, "a", 2], "2 items, wanted 3"),
    (np.array(["a"]), ["b"], ""),
    (object(), 1, "object"),
    ([np.zeros(2), np.zeros(3)], [np.zeros(2), np.ones(3)], "item 1"),
]


@pytest.mark.parametrize(("value", "wanted"), ALIKE)
def test_what_is_the_same_in_another_form_is_right(value, wanted):
    assert difference(value, wanted) is None


@pytest.mark.parametrize(("value", "wanted", "message"), DIFFERENT)
def test_what_differs_is_said(value, wanted, message):
    with pytest.raises(NotYet, match=rf"not yet: .*{message}.*\nHint: look"):
        check(value, wanted, hint="look")


def test_a_tolerance_takes_the_place_of_the_usual_ones():
    assert difference(0.62, 0.6225, tolerance=0.005) is None
    assert difference(0.61, 0.6225, tolerance=0.005) == "yours is 0.61"
    assert difference(1e6 + 0.5, 1e6, tolerance=0.1) is not None


def test_right_is_said_in_one_line(capsys):
    check(1.0, 1.0, hint="")
    assert capsys.readouterr().out == "✓ right\n"


def test_jupyter_shows_no_traceback():
    assert NotYet("one\ntwo")._render_traceback_() == ["one", "two"]


def test_a_wanted_value_is_not_told():
    with pytest.raises(NotYet) as caught:
        check([0.25, 0.5], [0.25, 0.123], hint="look")
    assert "0.123" not in str(caught.value)
