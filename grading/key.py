"""The values that are wanted: those of the solution, computed where the author runs the tool.

What an author wrote is trusted, so it runs here and not in the sandbox.
"""

import contextlib
import io
import warnings
from functools import cache

from grading.values import ask, value

ANYBODY = "Ada Lovelace"  # whose numbers stand in the book


class Here:
    """What `Sandbox` is for a submission, for an author's code: the same two questions."""

    def __init__(self, student=ANYBODY):
        self.namespace = {"__name__": "__main__", "STUDENT": student}

    def run(self, code):
        """Execute a cell; return the name of the error that it raised, if any."""
        try:
            with _quiet():
                exec(compile(code, "cell", "exec"), self.namespace)
        except Exception as error:
            return type(error).__name__
        return None

    def ask(self, expressions):
        """Return the value of each expression as text."""
        with _quiet():
            return [repr(ask(expression, self.namespace)) for expression in expressions]


@contextlib.contextmanager
def _quiet():
    """Print and warn of nothing: typical mistakes overflow and divide by zero."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(action="ignore"):
        yield


def evaluate(setup, exercise, answer, student=ANYBODY):
    """Return the values of an exercise's checks for an answer, with nothing but the setup."""
    here = Here(student)
    here.run(setup)
    here.run(answer)
    return [value(text) for text in here.ask([check.expression for check in exercise.checks])]


def key(source, student=ANYBODY):
    """Return the wanted values of all checks, and those of the typical mistakes, by exercise."""
    found = {e.name: _key(source.setup, e, student) for e in source.exercises}
    return tuple({name: pair[n] for name, pair in found.items()} for n in (0, 1))


def _key(setup, exercise, student):
    return _computed(setup, exercise, student if "STUDENT" in setup or exercise.individual else "")


@cache
def _computed(setup, exercise, student):
    codes = [exercise.solution, *(wrong.code for wrong in exercise.wrong)]
    wanted, *mistakes = [evaluate(setup, exercise, code, student) for code in codes]
    return wanted, mistakes
