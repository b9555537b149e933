import csv
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import time
import tracemalloc
from concurrent.futures import Executor, Future
from dataclasses import replace
from pathlib import Path
from threading import Event

import numpy as np
import psutil
import pytest
from grading_framework import (
    PERFECT,
    ROOT,
    SOLUTIONS,
    SOURCE,
    Fake,
    graded,
    hand_in,
    needs_sandbox,
    notebook,
    opened,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import dlutils
from dlutils.exercises import difference
from grading import __main__ as command
from grading import grade as grading
from grading import sandbox, values
from grading.compare import mark
from grading.sandbox import WAITED, Container, Gone, Limits, obstacle
from grading.submissions import LARGEST, LONGEST, Unreadable, cells, find, names, prepared, words
from grading.values import Failed, decoded, encoded

PATH = ROOT / "tests" / "fixtures" / "assignment.ipynb"
FIRES, UPDATE = SOURCE.exercises
WRONG = {"update": UPDATE.solution, "fires": FIRES.wrong[0].code}  # 3 of 5 points


def put(path, content=b"{}"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


# Finding submissions.

LAYOUTS = {
    "Ada.ipynb": ("Ada", ""),
    "Ada/anything.ipynb": ("Ada", ""),
    "Ada/deep/er/losses.ipynb": ("Ada", ""),
    "Ada Lovelace_12_assignsubmission_file/losses.ipynb": ("Ada Lovelace", "12"),
    "Ada_Lovelace_12_assignsubmission_file_/losses.ipynb": ("Ada_Lovelace", "12"),
    "Ada Lovelace_12_assignsubmission_file_losses.ipynb": ("Ada Lovelace", "12"),
    "lovelaceada_34_567_losses.ipynb": ("lovelaceada", "34"),
    "lovelaceada_LATE_34_567_losses-1.ipynb": ("lovelaceada", "34"),
    "Zoë-李.ipynb": ("Zoë-李", ""),
    os.fsdecode(b"A\xff\x1b[31m.ipynb"): ("A\ufffd\ufffd[31m", ""),
}


@pytest.mark.parametrize("path", LAYOUTS, ids=ascii)
def test_a_submission_is_found_with_its_student(path, tmp_path):
    put(tmp_path / path)
    (found,) = find(tmp_path)
    assert (found.student, found.id) == LAYOUTS[path]
    assert found.notebook("losses") == b"{}"


def test_what_programs_and_systems_leave_is_ignored(tmp_path):
    for path in (
        "Ada/losses.ipynb",
        "Ada/.ipynb_checkpoints/losses-checkpoint.ipynb",
        "Ada/__MACOSX/losses.ipynb",
        "Ada/._losses.ipynb",
        "__MACOSX/Ada/losses.ipynb",
        ".ipynb_checkpoints/Ada-checkpoint.ipynb",
        ".DS_Store",
        "roster.txt",
    ):
        put(tmp_path / path, path.encode())
    (found,) = find(tmp_path)
    assert found.notebook("losses") == b"Ada/losses.ipynb"


def test_of_several_notebooks_that_of_the_assignment_is_taken(tmp_path):
    for name in ("a", "b", "losses"):
        put(tmp_path / "Ada" / f"{name}.ipynb", name.encode())
    (found,) = find(tmp_path)
    assert found.notebook("losses") == b"losses"
    with pytest.raises(Unreadable, match="3 notebooks, wanted one"):
        found.notebook("numbers")


def test_a_submission_without_a_notebook_is_unreadable(tmp_path):
    put(tmp_path / "Ada" / "losses.pdf")
    (tmp_path / "Bob.ipynb").mkdir()
    os.mkfifo(tmp_path / "Eve.ipynb")
    (tmp_path / "Max.ipynb").touch()
    os.truncate(tmp_path / "Max.ipynb", LARGEST + 1)
    results = graded(tmp_path, kind=Fake)
    assert {name: result.status for name, result in results.items()} == {
        "Ada": "unreadable: 0 notebooks, wanted one",
        "Bob": "unreadable: 0 notebooks, wanted one",
        "Eve": "unreadable: no ordinary file",
        "Max": "unreadable: larger than 20 MB",
    }
    assert {result.score for result in results.values()} == {None}


TWICE = [
    ("Ada.ipynb", "Ada/losses.ipynb"),
    ("Ada.ipynb", "Ada Lovelace.ipynb", "Ada-Maria.ipynb", "Ada/losses.ipynb"),
    ("a_1_2_x.ipynb", "a_1_2_x/losses.ipynb"),
    ("lovelaceada_1_2_losses.ipynb", "lovelaceada_1_3_numbers.ipynb"),
]


@pytest.mark.parametrize("paths", TWICE)
def test_two_submissions_of_one_student_are_refused(paths, tmp_path):
    for path in paths:
        put(tmp_path / path)
    with pytest.raises(ValueError, match="two submissions of one student"):
        find(tmp_path)


def test_students_of_one_name_are_told_apart_by_their_numbers(tmp_path):
    for number in (1, 2):
        put(tmp_path / f"Ada_{number}_assignsubmission_file" / "losses.ipynb")
    assert [one.id for one in find(tmp_path)] == ["1", "2"]


def test_a_folder_without_submissions_is_refused(tmp_path):
    put(tmp_path / "roster.txt")
    with pytest.raises(ValueError, match="wanted notebooks, or a folder with a notebook a student"):
        find(tmp_path)
    for path in (tmp_path / "missing", tmp_path / "roster.txt"):
        with pytest.raises(ValueError, match=f"{path}: there is no such folder"):
            find(path)


# What of a notebook runs.


def test_far_too_much_code_is_not_parsed():
    def with_code(length):
        cell = {"cell_type": "code", "source": ["a\n"] * (length // 2)}
        return json.dumps({"cells": [cell]}).encode()

    assert len(cells(with_code(LONGEST))[0]) == LONGEST
    with pytest.raises(Unreadable, match="200002 characters of code, wanted at most 200000"):
        cells(with_code(LONGEST + 2))


def test_half_a_character_is_no_obstacle():
    content = b'{"cells": [{"cell_type": "code", "source": "x = 1 # \\ud800"}]}'
    assert cells(content) == ["x = 1 # ?"]


PREPARED = {
    "x = 1": "x = 1",
    "check(x, 1, hint='')": "",
    "x = 1\ncheck(\n    x,\n    1,\n    hint='',\n)\ny = 2": "x = 1\ny = 2",
    "x = check(1)": "x = check(1)",
    "def f():\n    check(1)": "def f():\n    check(1)",
    "@cache\ndef f(x):\n    return x\ncheck(f(1), 1)": "@cache\ndef f(x):\n    return x",
    'STUDENT = "Eve"': "STUDENT = 'Ada'",
    'STUDENT = (\n    "Eve"\n)\nx = 1': "STUDENT = 'Ada'\nx = 1",
    'NAME = STUDENT = "Eve"': "NAME = STUDENT = 'Ada'",
    'STUDENT: str = "Eve"': "STUDENT: str = 'Ada'",
    "print(STUDENT == 'Eve')": "print(STUDENT == 'Eve')",
    "STUDENT = check(1)": "STUDENT = 'Ada'",
    '%matplotlib inline\nSTUDENT = "Eve"  # me\nx = 1': (
        "%matplotlib inline\nSTUDENT = 'Ada'\nx = 1"
    ),
    "!ls": "!ls",
    "x = (": "x = (",
    "\0": "\0",
    f"{'-' * 5_000}1\ncheck(1)": f"{'-' * 5_000}1\ncheck(1)",
}


@pytest.mark.parametrize("code", PREPARED, ids=lambda code: ascii(code[:30]))
def test_checks_are_left_out_and_the_student_is_set(code):
    assert prepared(code, "Ada") == PREPARED[code]


def test_many_checks_take_no_time():
    start = time.process_time()
    assert prepared("check(1)\n" * 20_000, "Ada") == ""
    assert time.process_time() - start < 3


def test_the_name_that_a_submission_gives_is_found():
    codes = ['STUDENT = "Ada"  # not "Eve"', "x = 'STUDENT'", "if x:\n    STUDENT = 'Max'"]
    assert names(codes) == {"Ada"}
    assert names(['STUDENT = "O\'Brien"', "STUDENT='Zoë'"]) == {"O'Brien", "Zoë"}
    assert words("ADA  Lovelace") == words("Ada Lovelace ") != words("AdaLovelace")


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


# Running, and going on.


@pytest.fixture(autouse=True)
def _nothing_opened():
    opened()


@pytest.fixture
def small_class(tmp_path):
    """A folder with four submissions."""
    contents = {"Ada": notebook(), "Bob": notebook(WRONG), "Eve": b"{", "Max": notebook({})}
    hand_in(tmp_path / "class", **contents)
    return tmp_path / "class"


def scores(results):
    return {name: result.score for name, result in results.items()}


SCORES = {"Ada": PERFECT, "Bob": 3, "Eve": None, "Max": 0}


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


class Direct(Executor):
    """An executor that runs at once, and takes only so many calls."""

    calls = 9

    def submit(self, function, *arguments):
        if not Direct.calls:
            raise RuntimeError("no more")
        Direct.calls -= 1
        done = Future()
        done.set_result(function(*arguments))
        return done


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


@pytest.fixture
def run(monkeypatch, capsys):
    """Function that runs a command as in a terminal: exit code, output and errors."""
    monkeypatch.setattr(command, "Sandbox", Fake)
    monkeypatch.setattr(command, "obstacle", lambda *_: None)

    def result(*arguments):
        try:
            code = command.main([str(argument) for argument in arguments])
        except SystemExit as ended:
            code = ended.code
        return code, *capsys.readouterr()

    return result


def table(folder):
    with open(folder / "grades.csv", newline="", encoding="utf-8") as file:
        return {row.pop("student"): row for row in csv.DictReader(file)}


def test_grade_writes_marks_and_says_what_to_look_at(run, small_class, tmp_path):
    code, out, err = run("grade", PATH, small_class, "--to", tmp_path / "new" / "out")
    assert code == 1
    assert out.splitlines() == [
        "Eve: unreadable: no notebook",
        f"4 graded, 1 to look at: {tmp_path / 'new' / 'out' / 'grades.csv'}",
    ]
    assert err == ""
    assert {n: row["score"] for n, row in table(tmp_path / "new" / "out").items()} == {
        "Ada": "5",
        "Bob": "3",
        "Eve": "",
        "Max": "0",
    }
    assert stat.S_IMODE((tmp_path / "new" / "out").stat().st_mode) == 0o700
    (small_class / "Eve.ipynb").unlink()
    assert run("grade", PATH, small_class, "--to", tmp_path / "new" / "out")[0] == 0


def test_shards_then_a_run_without_have_the_marks_of_one_run(run, small_class, tmp_path):
    run("grade", PATH, small_class, "--to", tmp_path / "one")
    assert len(opened()) == 3
    lines = []
    for shard in ("1/3", "2/3", "3/3"):
        _, out, _ = run("grade", PATH, small_class, "--to", tmp_path / "shards", "--shard", shard)
        assert not (tmp_path / "shards" / "grades.csv").exists()
        lines.append(out.splitlines()[-1])
    assert lines == [
        "2 graded, 0 to look at; no grades written yet",
        "1 graded, 0 to look at; no grades written yet",
        "1 graded, 1 to look at; no grades written yet",
    ]
    assert len(opened()) == 3
    run("grade", PATH, small_class, "--to", tmp_path / "shards")
    assert opened() == []
    one, shards = table(tmp_path / "one"), table(tmp_path / "shards")
    for row in (*one.values(), *shards.values()):
        del row["seconds"]
    assert one == shards


def test_an_executor_of_ones_own_is_found(run, small_class, tmp_path, monkeypatch):
    monkeypatch.setattr(Direct, "calls", 9)
    options = ["--to", tmp_path / "out", "--executor", f"{__name__}:Direct"]
    assert run("grade", PATH, small_class, *options)[0] == 1
    assert (Direct.calls, len(opened())) == (6, 3)


FAKED = """
import sys
from grading import __main__ as command
from grading_framework import Fake
command.Sandbox, command.obstacle = Fake, lambda *_: None
sys.exit(command.main())
"""


def faked(*arguments):
    """Run a command in a process of its own, where executors may leave what they like."""
    path = {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
    program = [sys.executable, "-c", FAKED, *map(str, arguments)]
    return subprocess.run(program, capture_output=True, text=True, env=os.environ | path)


def test_submissions_run_in_other_processes(small_class, tmp_path):
    options = ["--to", tmp_path / "out", "--executor", "concurrent.futures:ProcessPoolExecutor"]
    run = faked("grade", PATH, small_class, *options)
    assert (run.returncode, run.stderr) == (1, "")
    assert table(tmp_path / "out")["Bob"]["score"] == "3"


# What cannot run, and what it says.

REFUSED = {
    "": "the following arguments are required: command",
    "mark": "invalid choice: 'mark'",
    "verify": "the following arguments are required",
    "verify missing.ipynb": "grading verify: missing.ipynb: cannot be read: .*No such file",
    "verify class/Eve.ipynb": "grading verify: class/Eve.ipynb: cannot be read: ",
    "verify class/Ada.ipynb": "grading verify: Ada.ipynb: wanted a Markdown cell, then a code cell",
    "verify class": "grading verify: class: cannot be read: .*Is a directory",
    "release SOURCE": "the following arguments are required: --to",
    "release SOURCE --to SOURCE": "grading release: .*Not a directory",
    "release SOURCE --to out --only marks": "invalid choice: 'marks'",
    "release SOURCE --to out --roster missing.txt": "grading release: .*No such file.*missing.txt",
    "grade SOURCE": "the following arguments are required: submissions, --to",
    "grade missing.ipynb class --to out": "grading grade: missing.ipynb: cannot be read",
    "grade SOURCE missing --to out": "grading grade: missing: there is no such folder",
    "grade SOURCE empty --to out": "grading grade: empty: wanted notebooks, or a folder with",
    "grade SOURCE class --to SOURCE": "grading grade: .*File exists",
    "grade SOURCE class --to class": "--to class: wanted a folder outside class",
    "grade SOURCE class --to class/out": "--to class/out: wanted a folder outside class",
    "grade SOURCE class --to out --shard 0/3": "'0/3': wanted I/N, from 1/N to N/N",
    "grade SOURCE class --to out --shard 4/3": "'4/3': wanted I/N",
    "grade SOURCE class --to out --shard 2": "'2': wanted I/N",
    "grade SOURCE class --to out --jobs 0": "'0': wanted a whole number above 0",
    "grade SOURCE class --to out --jobs two": "'two': wanted a whole number above 0",
    "grade SOURCE class --to out --seconds 0": "'0': wanted a number above 0",
    "grade SOURCE class --to out --seconds inf": "'inf': wanted a number above 0",
    "grade SOURCE class --to out --format excel": "invalid choice: 'excel'",
    "grade SOURCE class --to out --format gradescope": (
        "grading grade: --format gradescope: 4 submissions, wanted one"
    ),
    "grade SOURCE class --to out --format moodle": (
        "--format moodle: class/Ada.ipynb: wanted names with a number, as Moodle gives them"
    ),
    "grade SOURCE class --to out --format canvas": "as Canvas gives them",
    "grade SOURCE class --to out --executor nosuch:x": "--executor nosuch:x: No module named",
    "grade SOURCE class --to out --executor os:nosuch": "--executor os:nosuch: module 'os' has no",
    "grade SOURCE class --to out --executor :x": "--executor :x: Empty module name",
}


@pytest.mark.parametrize("line", REFUSED)
def test_what_cannot_run_ends_with_2_and_a_reason(line, run, small_class, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    code, out, err = run(*line.replace("SOURCE", str(PATH)).split())
    assert (code, out) == (2, "")
    assert re.search(REFUSED[line], err), err
    assert opened() == []


def test_without_bubblewrap_or_linux_nothing_is_graded(small_class, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sandbox.shutil, "which", lambda _: None)
    grade = ["grade", str(PATH), str(small_class), "--to", str(tmp_path / "out")]
    assert command.main(grade) == 2
    wanted = "grading grade: bubblewrap is not installed (Debian, Ubuntu: apt install bubblewrap)\n"
    assert capsys.readouterr().err == wanted
    monkeypatch.setattr(sandbox.sys, "platform", "darwin")
    assert command.main(grade) == 2
    assert "needs Linux, and this is darwin: grade in a container" in capsys.readouterr().err


def test_where_bubblewrap_may_not_its_own_message_is_shown(tmp_path, monkeypatch):
    (tmp_path / "bwrap").write_text("#!/bin/sh\necho bwrap: No permissions >&2\nexit 1\n")
    (tmp_path / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert re.search("bwrap: No permissions. Docker.*--container", obstacle())


def test_stopped_by_hand_it_says_how_to_go_on(run, small_class, tmp_path):
    hand_in(small_class, Bo=notebook(before=["raise KeyboardInterrupt"]))
    code, out, err = run("grade", PATH, small_class, "--to", tmp_path / "out")
    assert (code, out) == (2, "")
    assert err.endswith("Stopped. What was done is kept: the same command goes on.\n")


def test_workers_that_died_end_a_run_with_a_reason(tmp_path):
    others = {f"Max{n}": {"cells": []} for n in range(300)}  # more than are handed over at once
    hand_in(tmp_path / "class", Bo=notebook(before=["import os; os._exit(1)"]), **others)
    options = ["--to", tmp_path / "out", "--executor", "concurrent.futures:ProcessPoolExecutor"]
    run = faked("grade", PATH, tmp_path / "class", *options)
    assert (run.returncode, run.stdout) == (2, "")
    assert re.fullmatch("grading grade: .*process pool.*\n", run.stderr)


def test_verify_ends_with_1_if_there_is_a_fault(run, tmp_path):
    assert run("verify", PATH) == (0, "1 verified\n", "")
    faulty = tmp_path / "faulty.ipynb"
    faulty.write_text(PATH.read_text("utf-8").replace(">= 0", "> 0"), "utf-8")
    code, out, _ = run("verify", PATH, faulty)
    assert code == 1
    assert out.startswith("faulty, fires: this mistake scores full marks: At a sum of exactly 0")


def test_release_writes_what_it_is_asked_for(run, tmp_path):
    options = ["--to", tmp_path / "out", "--only", "assignments"]
    assert run("release", PATH, *options) == (0, f"Written to {tmp_path / 'out'}\n", "")
    assert [path.name for path in (tmp_path / "out").rglob("*.ipynb")] == ["assignment.ipynb"]


HELP = {
    "": ["verify", "release", "grade", "ends with 0 if all is well"],
    "verify": ["SOURCE.ipynb", "solutions score all"],
    "release": ["--to", "--only", "--roster", "assignments,key,nbgrader,gradescope"],
    "grade": ["submissions", "--to", "--jobs", "--format", "--seconds", "--executor", "--shard"],
}
HELP["grade"] += ["--container", "moodle,canvas,gradescope", "dask:ADDRESS", "(default: 10)"]


@pytest.mark.parametrize("name", HELP)
def test_help_names_every_option(name, run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    code, out, _ = run(*name.split(), "--help")
    assert code == 0
    assert [part for part in HELP[name] if part not in out] == []
    assert re.search("0 if all is well, 1 if .* and 2 if", out, re.DOTALL)


# Whatever a submission sends has a mark.

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


# In a container, without bubblewrap.

LOOP = "def fires(X, w, b):\n    while True: pass"
DAEMON = """
import os, time
for folder in ("/tmp", "/var/tmp", "/dev/shm"):
    os.makedirs(f"{folder}/left-{os.getpid()}/x")
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True: time.sleep(1)
"""
READS = """
import os
def fires(X, w, b):
    return open(SOURCE).read(), open(KEPT).read()
"""
KILLED = "import os\nos.kill(os.getpid(), 9)"


@pytest.fixture
def container(tmp_path, monkeypatch):
    """A temporary folder for containers, and users that no other test has."""
    if missing := obstacle(Container):
        pytest.skip(missing)
    first = os.getpid() % 250 * 8
    monkeypatch.setattr(sandbox, "USERS", sandbox.USERS[1::2][first : first + 8])
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        os.chmod(folder, 0o1777)
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


def left_over(folder):
    """Processes of the users of sandboxes, and what they or this process have left in folders."""
    owners = [p.info["uids"].real for p in psutil.process_iter(["uids"]) if p.info["uids"]]
    found = [*folder.iterdir(), *Path("/var/tmp").iterdir(), *Path("/dev/shm").iterdir()]
    found = [
        path for path in found if path.parent == folder or path.lstat().st_uid in sandbox.USERS
    ]
    return {*owners} & {*sandbox.USERS}, found


def test_in_a_container_submissions_have_their_marks_and_leave_nothing(
    container, tmp_path, monkeypatch
):
    source = tmp_path / "source.ipynb"
    shutil.copy(PATH, source)
    source.chmod(0o600)
    package = shutil.copytree(Path(dlutils.__file__).parent, tmp_path / "dlutils")
    for path in (package, *package.rglob("*"), shutil.copy(values.__file__, tmp_path)):
        os.chmod(path, 0o700)  # as on Gradescope
    monkeypatch.setattr(dlutils, "__file__", str(package / "__init__.py"))
    monkeypatch.setattr(values, "__file__", str(tmp_path / "values.py"))
    reads = READS.replace("SOURCE", repr(str(source)))
    kept = tmp_path / "class-values" / "perfect.json"
    contents = {
        "perfect": notebook(),
        "loop": notebook(WRONG | {"fires": LOOP}),
        "daemon": notebook(before=[DAEMON]),
        "reads": notebook(WRONG | {"fires": reads.replace("KEPT", repr(str(kept)))}),
        "killed": notebook(after=[KILLED]),
    }
    hand_in(tmp_path / "class", **contents)
    results = graded(tmp_path / "class", seconds=3.0, kind=Container)
    found = {"perfect": 5, "loop": 3, "daemon": 5, "reads": 3, "killed": 5}
    assert scores(results) == found, results
    assert results["perfect"].errors == {}
    assert results["loop"].status.startswith("fires: time limit")
    assert re.search("cell .*: kernel died", results["killed"].status)
    assert "PermissionError" in results["reads"].marks["fires"].feedback
    assert left_over(container) == (set(), [])


def test_a_container_that_does_not_start_leaves_nothing(container):
    with pytest.raises(Gone), Container(Limits(start=0.0)):
        pass
    assert left_over(container) == (set(), [])


def test_two_sandboxes_never_have_one_user(monkeypatch):
    if os.geteuid():
        pytest.skip("only root can give a sandbox another user")
    monkeypatch.setattr(sandbox, "USERS", [61184, 61185])
    (one, claim), (other, others) = sandbox._nobody(), sandbox._nobody()
    assert {one, other} == {61184, 61185}
    claim.close()
    again, claim = sandbox._nobody()
    assert again == one
    claim.close()
    others.close()


def test_a_container_is_refused_where_all_can_read_the_source(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(sandbox, "USERS", [os.getuid()])
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        os.chmod(folder, 0o755)
        source, closed = Path(folder) / "source.ipynb", Path(folder) / "closed"
        source.touch(mode=0o644)
        closed.mkdir(mode=0o700)
        (closed / "a.ipynb").touch(mode=0o644)
        told = f"every user can read {source}: chmod -R go-rwx {source}"
        assert obstacle(Container, [closed, closed / "a.ipynb", source]) == told
        source.chmod(0o640)
        assert "every user" not in (obstacle(Container, [closed, source]) or "")
        closed.chmod(0o711)
        assert obstacle(Container, [closed]).startswith(f"every user can read {closed}")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert obstacle(Container).startswith("in a container, grade as root")
