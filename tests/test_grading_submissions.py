"""Which submissions a folder holds, and what of a notebook runs."""

import json
import os
import time

import pytest
from grading_framework import (
    Fake,
    graded,
    put,
)

from grading.submissions import LARGEST, LONGEST, Unreadable, cells, find, names, prepared, words

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
