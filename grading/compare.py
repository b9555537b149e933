"""Compare, outside the sandbox, the values of a submission with those of the solution."""

import re
from dataclasses import dataclass

from dlutils.exercises import difference
from grading.values import Failed

BLANK = re.compile("^NotImplementedError: your turn|^NameError: ")


@dataclass(frozen=True)
class Mark:
    """What a submission has reached in one exercise, and why not more."""

    points: float
    status: str  # "right", "blank", "wrong", or why there was no value
    feedback: str = ""

    @property
    def right(self):
        """Whether it has all the points; there is nothing between all and none."""
        return self.status == "right"


def mark(exercise, wanted, got, mistakes=()):
    """Mark one exercise: all checks pass, or it has no points.

    Parameters
    ----------
    exercise : Exercise
    wanted, got : list
        The value of each check, for the solution and for the submission; a Failed is no value.
    mistakes : list of list
        The values of each typical mistake. Who makes one is told more than the hint.
    """
    problems = [_problem(*three) for three in zip(exercise.checks, wanted, got, strict=True)]
    if not any(problems):
        return Mark(exercise.points, "right")
    if all(isinstance(value, Failed) and BLANK.search(str(value)) for value in got):
        return Mark(0, "blank", "Nothing handed in, or its cell ends with an error.")
    for wrong, its in zip(exercise.wrong, mistakes, strict=False):
        if _alike(its, got):
            return Mark(0, "wrong", wrong.feedback)
    first = next(n for n, problem in enumerate(problems) if problem)
    return Mark(0, "wrong", _feedback(exercise.checks[first], problems[first]))


def _problem(check, wanted, got):
    if isinstance(got, Failed):
        return str(got) or "no value"
    return difference(got, wanted, check.tolerance)


def _alike(mistake, got):
    """Say whether a submission has the values of a mistake, wherever both have one."""
    pairs = list(zip(mistake, got, strict=True))
    none = [(isinstance(a, Failed), isinstance(b, Failed)) for a, b in pairs]
    if any(a != b for a, b in none) or all(a for a, _ in none):
        return False
    return all(a or difference(y, x) is None for (x, y), (a, _) in zip(pairs, none, strict=True))


def _feedback(check, problem):
    """Say what to look at; of a hidden check nothing that a submission could have put there."""
    if check.hidden:
        return f"Right for the checks that you see, but not for others. {check.hint}"
    return f"{check.expression}: {problem}. {check.hint}"
