"""Grade a folder of submissions: in parallel, resumable, and again where something has changed.

What a submission's values are is found out once and kept in a file; what they are worth is
computed anew each time. So after a corrected key nothing needs to run again.
"""

import json
import os
from concurrent.futures import FIRST_COMPLETED, wait
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from tqdm import tqdm

import dlutils
from grading import values
from grading.compare import Mark, mark
from grading.key import key
from grading.run import collect
from grading.sandbox import USUAL, WAITED, Sandbox
from grading.submissions import Unreadable, cells, digest, names, own, prepared, words
from grading.values import Failed

NOTHING = {"values": {}, "troubles": [], "errors": {}, "again": False}
NOTHING |= {"seconds": 0.0, "computing": 0.0}


@dataclass(frozen=True)
class Result:
    """What one submission has reached."""

    submission: object
    score: float | None  # None: not graded, for the instructor to decide
    marks: dict[str, Mark] = field(default_factory=dict)
    status: str = "ok"
    errors: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0


def grade(source, submissions, folder, executor, limits=USUAL, kind=Sandbox):
    """Grade submissions; nothing in them raises an error here.

    Parameters
    ----------
    source : Source
    submissions : list of Submission
    folder : Path
        Where what was collected is kept, a file each.
    executor : concurrent.futures.Executor
        Where they run; two at a time would compete for one core.

    Returns
    -------
    list of Result
        In the order of the submissions.
    """
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [_Job(source, one, folder, limits) for one in submissions]
    with tqdm(total=len(jobs), unit="submission", disable=None) as bar:
        waiting = [job for job in jobs if job.needed]
        bar.update(len(jobs) - len(waiting))
        _run(waiting, executor, limits, kind, bar)
        # Whether the machine was only busy shows when one runs alone.
        for job in [job for job in jobs if job.doubtful]:
            job.needed, job.again = job.asked, True
            _run([job], executor, limits, kind, tqdm(disable=True))
    return [_result(job) for job in jobs]


def _result(job):
    try:
        return job.result()
    except Exception as error:  # one submission stops no class
        return Result(job.submission, None, status=f"not graded: {type(error).__name__}: {error}")


def _run(jobs, executor, limits, kind, bar):
    """Run jobs, at most 64 of them handed to the executor at a time."""
    jobs, running = iter(jobs), {}
    try:
        while True:
            while len(running) < 64 and (job := next(jobs, None)):
                call = executor.submit(collect, job.codes, job.student, job.needed, limits, kind)
                running[call] = job
            if not running:
                return
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                running.pop(done).keep(done)
                bar.update()
    except BaseException:  # Ctrl-C: what has begun is kept, and the next run goes on from there
        for call in running:
            call.cancel()
        for call in wait(running).done:
            if not call.cancelled() and call.exception() is None:
                running[call].keep(call)
        raise


class _Job:
    """A submission, what is kept of it, and what is still to be asked."""

    def __init__(self, source, submission, folder, limits):
        self.source, self.submission = source, submission
        self.student = submission.student
        self.path = folder / f"{submission.name}.json"
        self.problem, self.needed, self.kept, self.again = "", {}, {}, False
        try:
            content = submission.notebook(source.name)
            codes = cells(content)
        except (Unreadable, OSError) as error:
            self.problem = f"unreadable: {error}"
            return
        self.names = names(codes)
        self.student = own(self.names, self.student)
        self.codes = [prepared(code, self.student) for code in codes]
        run = digest([digest(content), self.student, _course(), str(limits)])
        self.kept = _read(self.path, deepcopy(NOTHING) | {"run": run})
        self.asked = {exercise.name: _asked(exercise) for exercise in source.exercises}
        self.needed = {
            name: parts
            for name, parts in self.asked.items()
            if not self.kept["values"].get(name, {}).keys() >= {*parts[0], *parts[1]}
        }

    @property
    def doubtful(self):
        """Whether a time limit was reached with hardly any computing, and no second time."""
        waited = any(why == WAITED for _, why in self.kept.get("troubles", []))
        return waited and not self.kept["again"] and not self.problem

    def keep(self, call):
        """Keep what a run has collected; of a second run only what is better."""
        try:
            found, kept = call.result(), self.kept
            if not self.again or len(found["troubles"]) < len(kept["troubles"]):
                others = [t for t in kept["troubles"] if t[0] in self.asked.keys() - self.needed]
                kept["troubles"], kept["errors"] = others + found["troubles"], found["errors"]
                kept["values"] |= found["values"]
                for name in ("seconds", "computing"):
                    kept[name] += found[name]
            kept["again"] = self.again
            _write(self.path, kept)
        except Exception as error:
            if not self.again:
                self.problem = f"not graded: {type(error).__name__}: {error}"

    def result(self):
        """Return the marks that what was collected is worth now."""
        if self.problem:
            return Result(self.submission, None, status=self.problem)
        wanted, mistakes = key(self.source, self.student)
        marks = {}
        for e in self.source.exercises:
            if any(isinstance(value, Failed) for value in wanted[e.name]):
                status = f"not graded: the solution of {e.name} has no value here: run verify"
                return Result(self.submission, None, status=status)
            texts = self.kept["values"][e.name]
            got = [values.value(texts[check.expression]) for check in e.checks]
            marks[e.name] = mark(e, wanted[e.name], got, mistakes[e.name])
        # What a machine was busy with is nothing that a mark may depend on.
        troubles = [(place, why.partition(",")[0]) for place, why in self.kept["troubles"]]
        statuses = [f"{place}: {why}" for place, why in troubles]
        given = [words(name) for name in self.names]
        if self.source.individual and given and words(self.student) not in given:
            statuses.append(f"numbers of {min(self.names)!r}, graded as {self.student!r}")
        score = sum(one.points for one in marks.values())
        status, errors = "; ".join(statuses) or "ok", self.kept["errors"]
        return Result(self.submission, score, marks, status, errors, self.kept["seconds"])


def _asked(exercise):
    """Return the expressions of an exercise's checks: those that students see, and hidden ones."""
    return [[c.expression for c in exercise.checks if c.hidden == part] for part in (False, True)]


@cache
def _course():
    """Return a name for the code that submissions meet: after a change of it they run again."""
    files = [p for p in sorted(Path(dlutils.__file__).parent.rglob("*")) if p.suffix != ".pyc"]
    files = [file for file in [*files, Path(values.__file__)] if file.is_file()]
    return digest(b"".join(file.read_bytes() for file in files))


def _read(path, new):
    """Return what is kept of this run, or what is new if there is nothing that can be read."""
    try:
        kept = json.loads(path.read_bytes())
        return kept if kept.keys() == new.keys() and kept["run"] == new["run"] else new
    except (OSError, ValueError, AttributeError, RecursionError):  # not there, or cut short
        return new


def _write(path, content):
    """Write a file at once or not at all."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(json.dumps(content), encoding="utf-8")
    os.replace(part, path)
