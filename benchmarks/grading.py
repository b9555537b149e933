"""Grade a class, a tenth of it hostile, and time it beside nbgrader, all in one run.

`make bench-grading` runs it. The submissions to one chapter are made of the answers that its source
holds, and graded in sandboxes by `python -m grading grade`. All ordinary ones must have exactly
their points, hostile ones no more than they deserve, and nothing may stay running or on disk.
nbgrader grades the ordinary ones, too, but for those that it cannot read. Both take turns, so that
whatever else the machine does hits both. The times depend on the machine: look at the ratio.
"""

import csv
import json
import os
import random
import resource
import sqlite3
import subprocess
import sys
import time
from argparse import ArgumentDefaultsHelpFormatter, ArgumentParser
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
import numpy as np
from nbformat.v4 import new_code_cell
from psutil import process_iter
from tqdm import tqdm

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
from test_grading_sandbox import BROKEN, KINDS, PERFECT  # noqa: E402

from grading import release  # noqa: E402
from grading.source import read  # noqa: E402

parser = ArgumentParser(
    description=__doc__.splitlines()[0], formatter_class=ArgumentDefaultsHelpFormatter
)
parser.add_argument("--count", type=int, default=500, help="how many submissions")
parser.add_argument("--jobs", type=int, default=2, help="how many sandboxes at a time")
parser.add_argument("--turns", type=int, default=3, help="in how many parts both grade the class")
parser.add_argument("--chapter", default="losses", help="one in which all have the same numbers")

NBGRADER = ROOT / ".envs" / "grading" / "bin" / "nbgrader"
ENVIRONMENT = os.environ | {
    "PATH": f"{NBGRADER.parent}{os.pathsep}{os.environ['PATH']}",
    "PYTHONPATH": str(ROOT),
    "OPENBLAS_NUM_THREADS": "1",
}
ENVIRONMENT.pop("PYTHONDONTWRITEBYTECODE", None)  # modules are compiled once, as usual
WANTED = 0.7  # CPU seconds at most for an ordinary submission
STRANGE = ("metadata stripped", "another file name", "copied cell")  # to nbgrader, not to us
# What nbgrader, which has no sandbox, can be given without harm to this machine.
HARMLESS = ("broken JSON", "kernel killed", "infinite loop in a cell")
MARKS = """
select handed.student_id, sum(grade.auto_score)
from grade join submitted_notebook as notebook on notebook.id = grade.notebook_id
join submitted_assignment as handed on handed.id = notebook.assignment_id
group by handed.student_id
"""


@dataclass(frozen=True)
class Submission:
    """What is handed in, and the points that it deserves: a hostile one may get fewer."""

    kind: str
    content: bytes
    points: float
    hostile: bool = False

    def write(self, folder, name):
        """Write it into a folder, as a file that mostly has the wanted name."""
        file = "homework (1)" if self.kind == "another file name" else name
        write(folder / f"{file}.ipynb", self.content)


def filled(text, answers, before=(), after=()):
    """Return a notebook with answers, by exercise, and cells before or after all others."""
    found = nbformat.reads(text, as_version=4)
    for cell in found.cells:
        cell.source = answers.get(cell.id.removesuffix("-answer"), cell.source)
    found.cells = [*map(new_code_cell, before), *found.cells, *map(new_code_cell, after)]
    return found


def ordinary(source, text):
    """Yield what ordinary students hand in, again and again, with other exercises left out."""
    rng = random.Random(0)
    solutions = {e.name: e.solution for e in source.exercises}

    def made(kind, answers, points):
        return Submission(kind, json.dumps(filled(text, answers)).encode(), points)

    while True:
        perfect = made("perfect", solutions, source.points)
        yield from (perfect, made("blank", {}, 0))
        for e in source.exercises:
            for code in e.right:
                yield made("another right answer", solutions | {e.name: code}, source.points)
            for wrong in e.wrong:
                answers = solutions | {e.name: wrong.code}
                yield made("mistake", answers, source.points - e.points)
        for count in range(1, len(source.exercises)):
            done = rng.sample(source.exercises, count)
            yield made("partial", {e.name: e.solution for e in done}, sum(e.points for e in done))
        notebook = json.loads(perfect.content)
        cells = notebook["cells"]
        copied = cells + [cell for cell in cells if cell["id"].endswith("-answer")]
        stripped = [{key: cell[key] for key in ("cell_type", "source")} for cell in cells]
        for kind, changed in (
            ("another file name", notebook),
            ("copied cell", notebook | {"cells": copied}),
            ("metadata stripped", {"cells": stripped}),
        ):
            yield Submission(kind, json.dumps(changed).encode(), source.points)


def hostile(source, text):
    """Yield what the tests have besides: hostile, careless or broken."""
    solutions = {e.name: e.solution for e in source.exercises}
    for kind, (_, before, after, points, _) in KINDS.items():
        if before or after:  # else it is in an answer to the tests' own exercise
            answers = solutions if points == PERFECT else {}
            notebook = json.dumps(filled(text, answers, before, after)).encode()
            yield Submission(kind, notebook, source.points if answers else 0, hostile=True)
    for kind, content in BROKEN.items():
        yield Submission(kind, content, 0, hostile=True)


class Class:
    """A class in a folder, which both grade part by part."""

    def __init__(self, folder, arguments):
        self.folder, self.arguments, self.load = folder, arguments, os.getloadavg()[0]
        self.source = read(ROOT / "exercises" / f"{arguments.chapter}.ipynb")
        name = self.source.name
        write(folder / "source" / name / f"{name}.ipynb", release.nbgrader(self.source).encode())
        self.nbgrader("generate_assignment")
        text = (folder / "release" / name / f"{name}.ipynb").read_text(encoding="utf-8")
        bad, good = hostile(self.source, text), ordinary(self.source, text)
        bad = list(islice(cycle(bad), arguments.count // 10))
        found = [*bad, *islice(good, arguments.count - len(bad))]
        random.Random(1).shuffle(found)
        self.submissions = {f"{n:04}-{n % arguments.turns + 1}": s for n, s in enumerate(found)}
        for student, one in self.submissions.items():
            one.write(folder / "class" / student, name)
            if not one.hostile and one.kind not in STRANGE:
                one.write(folder / "submitted" / student / name, name)
        for one in chain(islice(ordinary(self.source, text), 100), hostile(self.source, text)):
            if one.kind in STRANGE + HARMLESS:
                one.write(folder / "submitted" / one.kind / name, name)
        (folder / "tmp").mkdir()
        for closed, mode in ((folder, 0o711), (folder / "tmp", 0o1777)):
            closed.chmod(mode)  # sandboxes run as other users

    def nbgrader(self, command, *options):
        """Run nbgrader; return the seconds and CPU seconds that it took."""
        return run([NBGRADER, command, self.source.name, *options], self.folder)

    def grade(self, *options):
        """Run the tool; return the seconds and CPU seconds that it took, without its sandboxes."""
        command = [sys.executable, "-m", "grading", "grade", self.source.path, "class"]
        command += ["--to", "grades", "--jobs", str(self.arguments.jobs), *options]
        return run(command, self.folder, TMPDIR=str(self.folder / "tmp"))

    def grades(self):
        """Return each student's row of grades.csv."""
        with (self.folder / "grades" / "grades.csv").open(encoding="utf-8", newline="") as file:
            return {row["student"]: row for row in csv.DictReader(file)}

    def computing(self, student):
        """Return the CPU seconds that a submission took in its sandboxes."""
        path = self.folder / "grades" / "values" / f"{student}.json"
        return json.loads(path.read_bytes())["computing"] if path.exists() else 0.0

    def marks(self):
        """Return each student's points in nbgrader's database."""
        with closing(sqlite3.connect(self.folder / "gradebook.db")) as book:
            return dict(book.execute(MARKS))

    def left_over(self):
        """Return what still runs, and what is still on disk."""
        place = str(self.folder / "tmp")
        lines = {p.pid: " ".join(p.info["cmdline"] or ()) for p in process_iter(["cmdline"])}
        return [line for line in lines.values() if place in line] + os.listdir(place)


def write(path, content):
    """Write a file, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def run(command, folder, **variables):
    """Run a command; return the seconds and CPU seconds that it took."""
    start, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = ENVIRONMENT | variables
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        sys.exit(done.stderr)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return np.array([time.monotonic() - start, used])


def faults(found, grades):
    """Yield what is wrong with the grades of ordinary submissions, or too good with others."""
    for student, one in found.submissions.items():
        row = grades[student]
        right = row["score"] and float(row["score"]) == one.points and row["status"] == "ok"
        too_good = one.hostile and row["score"] and float(row["score"]) > one.points
        if too_good or not (right or one.hostile):
            yield f"{one.kind}: {row['score'] or 'no'} points, wanted {one.points}: {row['status']}"


def report(found, ours, theirs, grades, marks):
    """Print what became of the hostile submissions, and what both took for the ordinary ones."""
    seen = {}
    for student, one in found.submissions.items():
        if one.hostile:
            row = grades[student]
            points = row["score"] or "no"
            seen.setdefault(one.kind, []).append(f"{points} points, {row['status']}")
    for kind, results in seen.items():
        print(f"{kind}: {len(results)} times {' / '.join(sorted(set(results)))}")
    everyone = found.submissions
    good = [student for student, one in everyone.items() if not one.hostile]
    plain = [student for student in good if everyone[student].kind not in STRANGE]
    outside = ours[1] / len(everyone)
    all_of_them = np.mean([found.computing(student) for student in everyone]) + outside
    mine = np.mean([found.computing(student) for student in good]) + outside
    other = theirs[1] / len(plain)
    agreed = sum(marks.get(student) == everyone[student].points for student in plain)
    name, jobs, bad = found.source.name, found.arguments.jobs, len(everyone) - len(good)
    print(f"\n{len(everyone)} submissions to {name}, {bad} of them hostile, {jobs} at a time")
    print(f"{os.cpu_count()} cores, load before {found.load:.1f}")
    print(f"grading:  {ours[0]:.0f} s for all, {mine:.2f} CPU seconds for an ordinary one")
    print(f"          ({outside:.3f} outside its sandbox; wanted ≤ {WANTED}),")
    print(f"          {all_of_them:.2f} for any, without those in kernels that had to be ended")
    print(f"nbgrader: {theirs[0]:.0f} s for the {len(plain)} ordinary ones that it can read")
    print(f"          ({agreed} with the right points), {other:.2f} CPU seconds for each")
    print(f"ratio of the CPU seconds for an ordinary one: {mine / other:.2f}\n", flush=True)
    return mine


def main():
    """Print what both took, and what became of the submissions; fail if it is not as wanted."""
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder:
        found = Class(Path(folder), arguments)
        ours, theirs = np.zeros(2), np.zeros(2)
        for turn in tqdm(range(1, arguments.turns + 1), unit="turn", disable=None):
            ours += found.grade("--shard", f"{turn}/{arguments.turns}")
            theirs += found.nbgrader("autograde", "--create", "--student", f"*-{turn}")
        ours += found.grade()
        grades, marks, left = found.grades(), found.marks(), found.left_over()
        mine = report(found, ours, theirs, grades, marks)
        for kind in (*STRANGE, *HARMLESS):
            seconds, _ = found.nbgrader("autograde", "--create", "--student", kind)
            points = found.marks().get(kind)
            points = "no" if points is None else f"{points:g}"
            print(f"nbgrader, {kind}: {points} points after {seconds:.0f} s", flush=True)
        wrong = [*faults(found, grades), *(f"left over: {one}" for one in left)]
    if mine > WANTED:
        wrong.append(f"{mine:.2f} CPU seconds, wanted at most {WANTED}")
    sys.exit("\n".join(wrong) or None)


if __name__ == "__main__":
    main()
