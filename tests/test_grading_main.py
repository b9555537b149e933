"""What the command writes, and what it says when it cannot run."""

import csv
import os
import re
import stat
import subprocess
import sys

import pytest
from grading_framework import (
    PATH,
    ROOT,
    Direct,
    Fake,
    hand_in,
    notebook,
    opened,
)

from grading import __main__ as command
from grading import sandbox
from grading.sandbox import obstacle


@pytest.fixture(autouse=True)
def _nothing_opened():
    opened()


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
