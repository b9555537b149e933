import copy
import json
from dataclasses import replace

import nbformat
import numpy as np
import pytest
from grading_framework import ROOT, SOURCE
from nbformat.v4 import new_code_cell

from grading.key import Here, key
from grading.source import SourceError, read
from grading.student import literal, student
from grading.values import Failed, decoded, encoded
from grading.verify import verify


def broken(change):
    """The example source, after a change of its cells."""
    notebook = nbformat.read(ROOT / "tests" / "fixtures" / "assignment.ipynb", as_version=4)
    change(notebook.cells)
    return notebook


FAULTS = {
    "wanted a Markdown cell, then": lambda cells: cells.pop(0),
    "wanted an exercise in cell 2": lambda cells: cells.pop(2),
    "cell 3: line 1: ": lambda cells: cells[3].update(source="def f(:"),
    "wanted the solution between": lambda cells: cells[3].update(source="x = 1"),
    "kind 'riddle', wanted one of implement": lambda cells: cells[2].metadata.exercise.update(
        kind="riddle"
    ),
    "points 0, wanted": lambda cells: cells[2].metadata.exercise.update(points=0),
    "wanted a visible check": lambda cells: cells.pop(4),
    "wanted a hidden check": lambda cells: cells.pop(5),
    "1 cells tagged wrong": lambda cells: cells.pop(6),
    "cell 4: line 1: wanted only lines check": lambda cells: cells[4].update(source="print(1)"),
    "both constants": lambda cells: cells[4].update(source="check(1, hint=str(1))"),
    "line 1: wanted only": lambda cells: cells[4].update(source="check(1)"),
    "wanted a comment in the first line": lambda cells: cells[6].update(source="x = 1"),
    "wanted one of the tags": lambda cells: cells.insert(4, new_code_cell("1")),
    "two exercises are named": lambda cells: cells[8].metadata.update(tags=["exercise:fires"]),
    "wanted a name of": lambda cells: cells[2].metadata.update(tags=["exercise:Fires"]),
    "at most 50 a-z": lambda cells: cells[2].metadata.update(tags=["exercise:" + 51 * "f"]),
    "with a heading": lambda cells: cells[2].update(source="no heading"),
}


@pytest.mark.parametrize("message", FAULTS)
def test_a_faulty_source_is_refused_with_its_place(message, tmp_path):
    nbformat.write(broken(FAULTS[message]), tmp_path / "faulty.ipynb")
    with pytest.raises(SourceError, match=message):
        read(tmp_path / "faulty.ipynb")


def test_what_is_no_notebook_is_refused(tmp_path):
    (tmp_path / "a.ipynb").write_text("{")
    for name in ("a.ipynb", "missing.ipynb"):
        with pytest.raises(SourceError, match="cannot be read"):
            read(tmp_path / name)


def with_exercise(**changes):
    first, *rest = SOURCE.exercises
    return replace(SOURCE, exercises=(replace(first, **changes), *rest))


def test_verify_finds_a_mistake_that_passes():
    first = SOURCE.exercises[0]
    passes = replace(first.wrong[0], code=first.solution)
    problems = verify(with_exercise(wrong=(passes, first.wrong[1])))
    assert problems and "this mistake scores full marks" in problems[0]


def test_verify_finds_a_blank_that_passes():
    answer = SOURCE.exercises[0].solution + "\n### BEGIN SOLUTION\n### END SOLUTION"
    assert "the blank scores full marks" in verify(with_exercise(answer=answer))[0]


def test_verify_finds_a_solution_that_fails_or_varies():
    shown = SOURCE.exercises[0].checks[0]
    fails = with_exercise(checks=(replace(shown, expression="1 / 0"), *SOURCE.exercises[0].checks))
    assert "ZeroDivisionError" in verify(fails)[0]
    varies = replace(shown, expression="np.random.default_rng().random()")
    problem = verify(with_exercise(checks=(varies, *SOURCE.exercises[0].checks)))[0]
    assert "other values when it runs again" in problem


def test_verify_finds_a_hidden_check_that_students_see():
    shown, *others = SOURCE.exercises[0].checks
    leak = with_exercise(checks=(shown, replace(shown, hidden=True), *others))
    assert "students see fires" in verify(leak)[0]


def test_verify_finds_a_check_in_a_second_cell_that_refuses_the_solution():
    shown = SOURCE.exercises[0].checks[0]
    many = 20 * (shown,) + SOURCE.exercises[0].checks
    refuses = replace(shown, expression="1", wanted="2")
    assert verify(with_exercise(checks=many)) == []
    problem = verify(with_exercise(checks=(*many, refuses)))[-1]
    assert "the student's check refuses the solution: check(1, 2" in problem


def test_verify_finds_exercises_that_spoil_each_other():
    second = SOURCE.exercises[1]
    spoils = replace(second, answer=second.answer + "\nfires = None")
    problem = verify(replace(SOURCE, exercises=(SOURCE.exercises[0], spoils)))
    assert "not right in one notebook" in problem[0]


VALUES = [
    None,
    True,
    3,
    -0.5,
    "text",
    np.inf,
    [1, [2.5, "a"]],
    (2, (), (3.5,)),
    {"a": 1, 2: [True]},
    np.zeros((0, 3)),
    np.float32([[0.1, np.nan]]),
    np.array(7),
    np.bool(True),
    1 + 2j,
    np.array([1j, 2]),
    10**30,
    np.int8([1, -1]),
    np.float32(0.1),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_comes_out_as_it_went_in(value):
    found = decoded(encoded(value))
    assert repr(found) == repr(np.asarray(value)[()] if isinstance(value, complex) else value) or (
        np.array_equal(found, value) and found.dtype == value.dtype
    )


@pytest.mark.parametrize("value", [object(), print, {1, 2}, np.zeros(200_000), b"x"])
def test_other_values_are_refused(value):
    with pytest.raises(ValueError, match="array of|is no number"):
        encoded(value)


def test_a_list_in_itself_is_refused():
    endless = []
    endless.append(endless)
    with pytest.raises(ValueError, match="nested"):
        encoded(endless)


HOSTILE = [
    "",
    "x",
    "[1]",
    "{}",
    '{"array": "float64"}',
    "9" * 10_000,
    "[" * 100_000,
    '{"list": 3}',
    '{"tuple": 3}',
    '{"array": "object", "shape": [], "values": [1]}',
    '{"array": "float64", "shape": [-1], "values": [1]}',
    '{"array": "float64", "shape": [1000000, 1000000], "values": []}',
    '{"dict": [[{"list": []}, 1]]}',
    '{"array": "float64", "shape": [1], "values": ["a"]}',
    '{"error": {"a": 1}}',
    '{"list": [{"x": 1}]}',
    '{"array": ["f8", "x"], "shape": [1], "values": [1]}',
    '{"array": "float64", "shape": 1, "values": 1}',
    '{"list": [' * 50 + "1" + "]}" * 50,
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:30])
def test_hostile_text_is_no_value(text):
    with pytest.raises(Failed):
        decoded(text)


@pytest.mark.parametrize("value", [v for v in VALUES if not isinstance(v, complex)], ids=repr)
def test_code_of_a_value_has_the_value(value):
    from dlutils.exercises import difference

    assert difference(value, eval(literal(value), {"np": np})) is None


INDIVIDUAL = """
p = int(sum(map(ord, STUDENT)))
answer_p = p + 1
"""


def test_each_student_has_numbers_of_their_own():
    first = SOURCE.exercises[0]
    answer = "### BEGIN SOLUTION\nanswer = len(STUDENT)\n### END SOLUTION"
    shown = replace(first.checks[0], expression="answer", wanted="len(STUDENT)")
    source = replace(SOURCE, exercises=(replace(first, answer=answer, checks=(shown,)),))
    assert key(source, "Ada")[0] == {"fires": [3]}
    assert key(source, "Grace")[0] == {"fires": [5]}
    cells = json.loads(student(source, "Grace"))["cells"]
    assert "".join(cells[2]["source"]).startswith('STUDENT = "Grace"')
    assert "    answer,\n    len(STUDENT),\n" in "".join(cells[-1]["source"])


def test_here_says_which_error_a_cell_raised():
    assert Here().run("1 / 0") == "ZeroDivisionError"
    assert Here().run("x = 1") is None
    assert copy.copy(Here("Ada").ask(["STUDENT", "y"])[0]) == '"Ada"'
