"""The page on grading shows what its commands say when they are run."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest
from grading_framework import ROOT, hand_in, needs_sandbox

from grading.source import read
from grading.student import student

PAGE = (ROOT / "chapters/teaching/grading.md").read_text(encoding="utf-8")
SOURCE = read(ROOT / "exercises" / "losses.ipynb")
SOLUTIONS = {exercise.name: exercise.solution for exercise in SOURCE.exercises}


def answered(answers, *after):
    """The student notebook with answers, and cells after them."""
    found = json.loads(student(SOURCE))
    for cell in found["cells"]:
        cell["source"] = answers.get(cell["id"].removesuffix("-answer"), cell["source"])
    found["cells"] += [{"cell_type": "code", "source": code} for code in after]
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the sources and a class of five."""
    needs_sandbox()
    folder = tmp_path_factory.mktemp("course")
    shutil.copytree(ROOT / "exercises", folder / "exercises")
    mistake = {e.name: e.wrong[1].code for e in SOURCE.exercises if e.name == "two-forecasts"}
    hand_in(
        folder / "class",
        Ada=answered(SOLUTIONS),
        Blank=answered({}),
        Broken=b"{",
        Endless=answered(SOLUTIONS, "while True: pass"),
        Mistaken=answered(SOLUTIONS | mistake),
    )
    return folder


def test_transcripts_are_what_the_commands_say(folder):
    path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)}
    shown = re.findall(r"```console\n(.+?)```", PAGE, re.DOTALL)
    commands = re.findall(r"\$ (.+)\n((?:[^$\n].*\n)*)", "".join(shown))
    assert len(commands) > 5
    for command, wanted in commands:
        run = subprocess.run(
            ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True
        )
        assert run.stdout == wanted, f"{command}: {run.stderr}"
