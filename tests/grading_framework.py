"""Submissions for the tests of the grading tool: a student notebook with its blanks filled in."""

import json
import os
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from threading import Lock

import pytest

from grading.grade import grade
from grading.key import Here
from grading.sandbox import Gone, Limits, Sandbox, obstacle
from grading.source import read
from grading.student import student
from grading.submissions import find

ROOT = Path(__file__).parent.parent
PATH = ROOT / "tests" / "fixtures" / "assignment.ipynb"
SOURCE = read(PATH)
FIRES, UPDATE = SOURCE.exercises
SOLUTIONS = {exercise.name: exercise.solution for exercise in SOURCE.exercises}
PERFECT = sum(exercise.points for exercise in SOURCE.exercises)
WRONG = {"update": UPDATE.solution, "fires": FIRES.wrong[0].code}  # 3 of 5 points
SCORES = {"Ada": PERFECT, "Bob": 3, "Eve": None, "Max": 0}  # of the small class


def notebook(answers=SOLUTIONS, before=(), after=()):
    """The student notebook with answers by exercise, and cells before or after all others."""
    found = json.loads(student(SOURCE))
    for cell in found["cells"]:
        if cell["id"].endswith("-answer"):
            cell["source"] = answers.get(cell["id"].removesuffix("-answer"), cell["source"])
    extra = [[{"cell_type": "code", "source": code} for code in codes] for codes in (before, after)]
    found["cells"] = [*extra[0], *found["cells"], *extra[1]]
    return found


def put(path, content=b"{}"):
    """Write a file, and the folders it is in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def hand_in(folder, **contents):
    """Write submissions, by student: notebooks, or what their files hold."""
    folder.mkdir(exist_ok=True)
    for name, content in contents.items():
        content = content if isinstance(content, bytes) else json.dumps(content).encode()
        (folder / f"{name}.ipynb").write_bytes(content)


def graded(folder, seconds=5.0, source=SOURCE, kind=Sandbox, jobs=2):
    """The results of a folder of submissions, by student; what they are is kept beside it."""
    with ThreadPoolExecutor(jobs) as executor:
        kept = folder.with_name(f"{folder.name}-values")
        results = grade(source, find(folder), kept, executor, Limits(seconds=seconds), kind)
    return {result.submission.student: result for result in results}


def scores(results):
    """The scores of results, by student."""
    return {name: result.score for name, result in results.items()}


def needs_sandbox():
    """Skip the test where no sandbox can be made; in CI that is a failure."""
    if missing := obstacle():
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)


class Fake(Here):
    """A sandbox that is none: what submissions that do no harm run in, at once.

    A cell ``# gone: WHY`` ends it. What ran and was asked is kept, a list for each that was opened.
    """

    log, running, lock = [], 0, Lock()

    def __init__(self, limits):
        super().__init__()
        self.mine = []

    def __enter__(self):
        with Fake.lock:
            Fake.running += 1
            self.alone = Fake.running == 1
            Fake.log.append(self)
        return self

    def __exit__(self, *_):
        with Fake.lock:
            Fake.running -= 1

    def run(self, code):
        self.mine.append(code)
        if code.startswith("# gone: "):
            raise Gone(code.removeprefix("# gone: "))
        with Fake.lock:  # what it prints is caught for all threads
            return super().run(code)

    def ask(self, expressions):
        self.mine.append(expressions)
        with Fake.lock:
            return super().ask(expressions)

    def computing(self):
        return 0.0


def opened():
    """The fakes that were opened since it was asked last."""
    found, Fake.log = Fake.log, []
    return found


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
