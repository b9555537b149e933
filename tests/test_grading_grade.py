"""Whose marks they are, what runs, what is kept, and what is asked again."""

import json
import shutil
import time
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
from grading_framework import (
    FIRES,
    PERFECT,
    SCORES,
    SOLUTIONS,
    SOURCE,
    UPDATE,
    WRONG,
    Direct,
    Fake,
    graded,
    hand_in,
    needs_sandbox,
    notebook,
    opened,
    put,
    scores,
)

import dlutils
from grading import grade as grading
from grading.sandbox import WAITED, Gone, Limits
from grading.submissions import find


@pytest.fixture(autouse=True)
def _nothing_opened():
    opened()


INDIVIDUAL = replace(
    SOURCE,
    exercises=(
        replace(
            FIRES,
            answer="### BEGIN SOLUTION\nanswer = len(STUDENT)\n### END SOLUTION",
            checks=(replace(FIRES.checks[0], expression="answer", wanted="len(STUDENT)"),),
            wrong=(),
        ),
    ),
)


def test_canvas_joins_the_words_of_a_name(tmp_path):
    cells = ["x = 1", 'STUDENT = "Alan Turing"', "answer = len(STUDENT)"]
    names = ("turingalan_77_12_x", "turingada_78_13_x")
    hand_in(tmp_path / "class", **{name: notebook({}, before=cells) for name in names})
    results = graded(tmp_path / "class", source=INDIVIDUAL, kind=Fake)
    assert {result.score for result in results.values()} == {2}
    assert results["turingalan"].status == "ok"
    assert results["turingada"].status == "numbers of 'Alan Turing', graded as 'turingada'"
    kept = opened()
    assert {one.mine[0] for one in kept} == {"STUDENT = 'Alan Turing'", "STUDENT = 'turingada'"}


def test_who_has_the_numbers_of_somebody_else_is_named(tmp_path):
    for roster, given_name in {"Ada Lovelace": "ada lovelace", "Eve": "Ada"}.items():
        cells = ["x = 1", f'STUDENT = "{given_name}"', "answer = len(STUDENT)"]
        hand_in(tmp_path / "class", **{roster: notebook({}, before=cells)})
    hand_in(tmp_path / "class", Max=notebook({}, before=["answer = 3"]))
    results = graded(tmp_path / "class", source=INDIVIDUAL, kind=Fake)
    assert results["Ada Lovelace"].status == results["Max"].status == "ok"
    assert results["Eve"].status == "numbers of 'Ada', graded as 'Eve'"
    assert {result.score for result in results.values()} == {2}
    assert graded(tmp_path / "class", kind=Fake)["Eve"].status == "ok"  # no numbers of their own


def test_where_the_solution_has_no_value_nobody_is_marked(tmp_path):
    answer = FIRES.answer.replace("return", "raise OSError\n    return")
    fails = replace(SOURCE, exercises=(replace(FIRES, answer=answer), UPDATE))
    hand_in(tmp_path / "class", Ada=notebook())
    result = graded(tmp_path / "class", source=fails, kind=Fake)["Ada"]
    assert result.score is None
    assert result.status == "not graded: the solution of fires has no value here: run verify"


def test_a_second_run_runs_nothing(small_class):
    first = graded(small_class, kind=Fake)
    assert scores(first) == SCORES
    assert len(opened()) == 3
    assert graded(small_class, kind=Fake) == first
    assert opened() == []


GARBAGE = [b"", b"[]", b"null", b'{"run"', b'{"run": 1}', b"\xff", b"[" * 100_000]


@pytest.mark.parametrize("content", GARBAGE, ids=lambda content: ascii(content[:8]))
def test_what_cannot_be_read_of_an_earlier_run_is_run_again(content, small_class):
    graded(small_class, kind=Fake)
    opened()
    kept = small_class.with_name("class-values") / "Ada.json"
    kept.write_bytes(content)
    assert scores(graded(small_class, kind=Fake)) == SCORES
    assert len(opened()) == 1
    assert json.loads(kept.read_text())["values"].keys() == SOLUTIONS.keys()


def test_what_had_begun_when_a_run_was_stopped_is_kept(small_class):
    class Stops(Fake):
        stopped = Event()

        def run(self, code):
            if code == "'waits'":
                Stops.stopped.wait(10)
            if code == "'stops'":
                Stops.stopped.set()
                raise KeyboardInterrupt
            return super().run(code)

    hand_in(small_class, Abe=notebook(before=["'waits'"]), Ali=notebook(before=["'stops'"]))
    with pytest.raises(KeyboardInterrupt):
        graded(small_class, kind=Stops)
    kept = small_class.with_name("class-values")
    assert {path.stem for path in kept.iterdir()} >= {"Abe", "Ada"} - {"Ali"}
    (small_class / "Ali.ipynb").unlink()
    opened()
    assert scores(graded(small_class, kind=Fake)) == SCORES | {"Abe": PERFECT}
    assert len(opened()) <= 2


def test_what_ended_before_an_executor_failed_is_kept(small_class, monkeypatch):
    monkeypatch.setattr(Direct, "calls", 2)
    kept = small_class.with_name("class-values")
    with pytest.raises(RuntimeError, match="no more"):
        grading.grade(SOURCE, find(small_class), kept, Direct(), Limits(seconds=5.0), Fake)
    assert len(opened()) == 2
    assert scores(graded(small_class, kind=Fake)) == SCORES
    assert len(opened()) == 1


def test_a_call_that_fails_costs_one_submission_its_mark_until_the_next_run(small_class):
    class Fails(Fake):
        def __init__(self, limits):
            raise OSError("no space left")

    results = graded(small_class, kind=Fails)
    assert results["Ada"].status == "not graded: OSError: no space left"
    assert scores(results) == dict.fromkeys(SCORES)
    assert scores(graded(small_class, kind=Fake)) == SCORES


def test_a_name_that_no_file_can_have_stops_nobody(small_class):
    hand_in(small_class, **{"x" * 245: notebook()})
    results = graded(small_class, kind=Fake)
    assert "File name too long" in results.pop("x" * 245).status
    assert scores(results) == SCORES


# Grading again.


def changed(exercise, **changes):
    """The source with one exercise changed."""
    exercises = [replace(e, **changes) if e is exercise else e for e in SOURCE.exercises]
    return replace(SOURCE, exercises=tuple(exercises))


def test_a_corrected_key_changes_marks_and_runs_nothing(small_class):
    graded(small_class, kind=Fake)
    opened()
    by_then_right = FIRES.answer.replace("> 0", ">= 0")  # what Bob has
    results = graded(small_class, source=changed(FIRES, answer=by_then_right), kind=Fake)
    assert scores(results) == SCORES | {"Ada": 3, "Bob": 5}
    assert results["Ada"].marks["update"].right
    results = graded(small_class, source=changed(UPDATE, points=30), kind=Fake)
    assert scores(results) == SCORES | {"Ada": 32, "Bob": 30}
    checks = tuple(replace(check, hint="Look here.") for check in FIRES.checks)
    results = graded(small_class, source=changed(FIRES, checks=checks, wrong=()), kind=Fake)
    assert results["Bob"].marks["fires"].feedback.endswith("Look here.")
    assert scores(results) == SCORES
    fewer = changed(FIRES, checks=FIRES.checks[:1])
    assert scores(graded(small_class, source=fewer, kind=Fake)) == SCORES | {"Bob": 5}
    shown = tuple(replace(check, hidden=False) for check in FIRES.checks)
    graded(small_class, source=changed(FIRES, checks=shown), kind=Fake)
    assert opened() == []


def test_a_changed_check_is_asked_for_in_its_exercise_alone(small_class):
    graded(small_class, kind=Fake)
    opened()
    new = replace(UPDATE.checks[0], expression="update(np.zeros(1), 0.0, np.ones(1), 1, 3.0)")
    source = changed(UPDATE, checks=(new, *UPDATE.checks[1:]))
    assert scores(graded(small_class, source=source, kind=Fake)) == SCORES
    asked = [line for fake in opened() for line in fake.mine if isinstance(line, list)]
    assert asked.count([new.expression, UPDATE.checks[1].expression]) == 3
    assert not [line for line in asked if "fires" in str(line)]


def test_what_ended_an_exercise_is_still_said_when_another_one_is_asked_again(tmp_path):
    class Ends(Fake):
        def ask(self, expressions):
            if "fires" in expressions[0]:
                raise Gone("time limit")
            return super().ask(expressions)

    hand_in(tmp_path / "class", Ada=notebook())
    first = graded(tmp_path / "class", kind=Ends)["Ada"]
    assert (first.score, first.status) == (3, "fires: time limit")
    new = replace(UPDATE.checks[0], expression="update(np.zeros(1), 0.0, np.ones(1), 1, 3.0)")
    source = changed(UPDATE, checks=(new, *UPDATE.checks[1:]))
    again = graded(tmp_path / "class", source=source, kind=Ends)["Ada"]
    assert (again.score, again.status) == (3, "fires: time limit")


def test_other_code_or_other_limits_run_again(small_class, tmp_path, monkeypatch):
    def runs(**options):
        assert scores(graded(small_class, kind=Fake, **options)) == SCORES
        return len(opened())

    package = shutil.copytree(Path(dlutils.__file__).parent, tmp_path / "dlutils")
    monkeypatch.setattr(grading, "_course", grading._course.__wrapped__)
    assert runs() == 3
    monkeypatch.setattr(dlutils, "__file__", str(package / "__init__.py"))
    assert runs() == 0
    put(package / "__pycache__" / "losses.pyc")
    assert runs() == 0
    for name in ("losses.py", "data/digits.txt"):
        put(package / name, b"# changed")
        assert runs() == 3
    assert runs(seconds=7.0) == 3
    hand_in(small_class, Bob=notebook(WRONG, after=["pass"]))
    assert runs(seconds=7.0) == 1
    (small_class / "Ada.ipynb").rename(small_class / "Ada Lovelace.ipynb")
    results = graded(small_class, seconds=7.0, kind=Fake)
    assert results["Ada Lovelace"].score == PERFECT and len(opened()) == 1


# Time limits.


def slow(answers=SOLUTIONS, why=WAITED):
    return notebook(answers, before=[f"# gone: {why}"])


def test_a_doubtful_time_limit_is_tried_again_once_and_alone(small_class):
    class Slow(Fake):
        def ask(self, expressions):
            time.sleep(0.05)
            return super().ask(expressions)

    hand_in(small_class, Ida=slow(), Jon=slow(WRONG))
    results = graded(small_class, kind=Slow, jobs=4)
    assert scores(results) == SCORES | {"Ida": PERFECT, "Jon": 3}
    assert results["Ida"].status == "cell 1: time limit"
    *first, a, b, c, d = opened()
    assert len(first) == 3 + 2 * 2  # each opens a second one, without the cell that ended it
    assert not all(one.alone for one in first)
    assert a.alone and b.alone and c.alone and d.alone
    assert a.mine[1] == c.mine[1] == f"# gone: {WAITED}"
    assert graded(small_class, kind=Slow) == results
    assert opened() == []


@pytest.fixture
def busy():
    """A kind of sandbox for a machine that is too busy for a slow cell, but the first time only."""

    class Busy(Fake):
        passed = False

        def run(self, code):
            if code.startswith("# gone") and Busy.passed:
                return None
            Busy.passed |= code.startswith("# gone")
            return super().run(code)

    return Busy


def test_of_two_runs_the_better_one_is_kept(tmp_path, busy):
    hand_in(tmp_path / "class", Ada=slow())
    result = graded(tmp_path / "class", kind=busy)["Ada"]
    assert (result.score, result.status) == (PERFECT, "ok")
    assert graded(tmp_path / "class", kind=busy)["Ada"] == result
    assert len(opened()) == 2 + 1


@pytest.mark.parametrize("error", [OSError("no space left"), Gone("kernel died")], ids=repr)
def test_of_two_runs_the_first_is_kept_if_the_second_is_worse(error, tmp_path):
    class Worse(Fake):
        def ask(self, expressions):
            if len(Fake.log) > 2:  # the first run opens two
                raise error
            return super().ask(expressions)

    hand_in(tmp_path / "class", Ada=slow(WRONG))
    result = graded(tmp_path / "class", kind=Worse)["Ada"]
    assert (result.score, result.status) == (3, "cell 1: time limit")
    assert len(opened()) > 2


@pytest.mark.parametrize("why", ["time limit", "kernel died", "wrote among the sockets"])
def test_what_was_really_over_is_not_tried_again(why, tmp_path):
    hand_in(tmp_path / "class", Ada=slow(WRONG, why))
    result = graded(tmp_path / "class", kind=Fake)["Ada"]
    assert (result.score, result.status) == (3, f"cell 1: {why}")
    assert len(opened()) == 2


def test_what_is_left_when_all_time_is_over_is_not_reached(tmp_path):
    hand_in(tmp_path / "class", Ada=notebook(before=["# gone: time limit"] * 9))
    result = graded(tmp_path / "class", kind=Fake)["Ada"]
    assert result.score == 0
    assert result.status.endswith("cell 8: time limit; fires: not reached; update: not reached")


def test_a_restart_that_fails_keeps_what_there_is(tmp_path):
    class Last(Fake):
        def run(self, code):
            if code.startswith("STUDENT") and len(Fake.log) > 1:
                raise Gone("time limit")
            return super().run(code)

    hand_in(tmp_path / "class", Ada=slow(WRONG, "time limit"))
    result = graded(tmp_path / "class", kind=Last)["Ada"]
    assert result.score == 0
    assert result.status.startswith("cell 1: time limit; before its cells: time limit; fires: not")


# What students see is asked for before what is hidden, and a real submission cannot tell it.


def test_hidden_checks_are_asked_last(tmp_path):
    hand_in(tmp_path / "class", Ada=notebook())
    graded(tmp_path / "class", kind=Fake)
    asked = [line for line in opened()[0].mine if isinstance(line, list)]
    hidden = [check.hidden for e in (FIRES, UPDATE) for check in e.checks]
    assert [len(line) for line in asked] == [2, 2, hidden[:6].count(True), hidden[6:].count(True)]
    shown = {c.expression for e in SOURCE.exercises for c in e.checks if not c.hidden}
    assert shown == {*asked[0], *asked[1]}


TELLS = """
import grading_values
asked = []
def ask(expression, namespace):
    asked.append(expression)
    raise ValueError(asked)
grading_values.ask = ask
"""


def test_hidden_expressions_are_not_in_the_feedback(tmp_path):
    needs_sandbox()
    hand_in(tmp_path / "class", Ada=notebook(after=[TELLS]))
    result = graded(tmp_path / "class")["Ada"]
    told = " ".join(one.feedback for one in result.marks.values()) + result.status
    for exercise in SOURCE.exercises:
        for check in exercise.checks:
            assert not check.hidden or check.expression not in told


# The same, however it runs.


def test_marks_do_not_depend_on_the_number_of_jobs(small_class, tmp_path):
    def plain(results):
        return {name: replace(result, seconds=0) for name, result in results.items()}

    one = plain(graded(small_class, kind=Fake, jobs=1))
    again = shutil.copytree(small_class, tmp_path / "again")
    eight = plain(graded(again, kind=Fake, jobs=8))
    for result in (*one.values(), *eight.values()):
        object.__setattr__(result, "submission", result.submission.name)
    assert one == eight
