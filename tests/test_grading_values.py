"""Whatever a submission sends has a mark."""

import json
import tracemalloc

import numpy as np
import pytest
from grading_framework import (
    FIRES,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from dlutils.exercises import difference
from grading import values
from grading.compare import mark
from grading.values import Failed, decoded, encoded

NAMES = ["array", "shape", "values", "list", "tuple", "dict", "error", "x"]
TYPES = ["float64", "float32", "int8", "uint64", "bool", "complex128", "str", "U9", "O", "V4", "M8"]
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
PLAIN |= st.sampled_from([10**400, -(10**30), 2**63, 1e308, [], {}, [[]], *NAMES, *TYPES])
SENT = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)
        | st.builds(lambda kind, items: {kind: items}, st.sampled_from(NAMES), st.lists(inner))
        | st.builds(lambda pairs: {"dict": pairs}, st.lists(st.tuples(inner, inner), max_size=3))
        | st.fixed_dictionaries(
            {
                "array": st.sampled_from(TYPES) | inner,
                "shape": st.lists(st.integers(-1, 3), max_size=3) | inner,
                "values": st.lists(st.integers(-3, 300) | st.floats() | inner, max_size=6) | inner,
            }
        )
    ),
    max_leaves=12,
)
WANTED = [1, 0.5, True, None, "a", 10**30, [], [1, True], [1, [2, 3]], {"w": np.ones(2), "b": None}]
WANTED += [np.zeros((0, 3)), np.float32([1, 2]), 1j, np.array([1j]), np.array([True]), ["a", "b"]]


@settings(deadline=None)
@given(SENT, st.sampled_from(WANTED))
def test_whatever_is_sent_has_a_value_or_none_and_a_mark(tree, wanted):
    try:
        got = decoded(json.dumps(tree))
    except Failed as failed:
        got = failed
    for one, other in ((got, wanted), (wanted, got), (got, got)):
        if not isinstance(other, Failed):
            problem = difference(one, other)
            assert problem is None or isinstance(problem, str)
    times = len(FIRES.checks)
    mark(FIRES, [wanted] * times, [got] * times, [[wanted] * times])


@settings(deadline=None)
@given(st.text(max_size=20) | st.text('[]{}",:0123456789eE+-.NaInfty', max_size=30))
def test_text_that_is_no_value_is_none(text):
    assert values.value(text) is not None or text.strip() == "null"


NUMBERS = arrays.boolean_dtypes() | arrays.integer_dtypes() | arrays.floating_dtypes()
NUMBERS |= arrays.complex_number_dtypes()
ENCODED = st.recursive(
    PLAIN.filter(lambda value: not isinstance(value, list | dict))
    | arrays.arrays(NUMBERS, arrays.array_shapes(min_dims=0, min_side=0, max_side=3))
    | arrays.arrays("U3", arrays.array_shapes(min_dims=0, max_side=3)),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(deadline=None)
@given(ENCODED)
@example([np.nan, {"w": np.full(2, np.nan)}])
@example([0, np.array(False)])
@example(np.array(0.5, ">f2"))
def test_a_value_does_not_differ_from_itself_wherever_it_was(value):
    assert difference(value, value) is None
    sent = decoded(encoded(value))
    assert difference(sent, value) is None
    assert difference(value, sent) is None
    assert encoded(sent) == encoded(decoded(encoded(sent)))


HUGE = [
    {"list": ["x" * 20_000, *[""] * 20_000]},
    {"array": "str", "shape": [20_000], "values": ["x" * 20_000, *[""] * 19_999]},
    {"array": "U400000", "shape": [20_000], "values": [""] * 20_000},
    {"list": [{"array": "str", "shape": [2], "values": ["x" * 1000, ""]}] * 3000},
]


@pytest.mark.parametrize("tree", HUGE, ids=lambda tree: str(tree)[:30])
def test_text_does_not_fill_the_memory(tree):
    text = json.dumps(tree)
    tracemalloc.start()
    got = values.value(text)
    for wanted in (["a"], 1.0, [1.0, 2.0], got):
        isinstance(got, Failed) or difference(got, wanted)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 100 * 2**20
