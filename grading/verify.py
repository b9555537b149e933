"""Verify a source: the solution scores full marks, blanks and typical mistakes score nothing."""

import ast
import json
import re

from dlutils.exercises import difference
from grading import values
from grading.compare import mark
from grading.key import ANYBODY, Here, evaluate
from grading.student import LONGEST, student
from grading.values import Failed

NAMES = (ANYBODY, "Alan Turing")


def verify(source):
    """Return what is wrong with a source, a list of sentences."""
    problems = []
    for exercise in source.exercises:
        found = [*_values(source, exercise)] or [*_marks(source, exercise)]
        problems += [f"{source.name}, {exercise.name}: {problem}" for problem in found]
    return problems or _together(source) + _leaks(source)


def _values(source, exercise):
    """The solution has a value for every check, the same each time, and one that can be shown."""
    first = {}
    for name in NAMES:
        wanted = evaluate(source.setup, exercise, exercise.solution, name)
        for check, value in zip(exercise.checks, wanted, strict=True):
            if isinstance(value, Failed):
                yield f"{check.expression}: {value}"
            elif not check.hidden and getattr(value, "size", 1) > LONGEST:
                yield f"{check.expression}: {value.size} numbers, wanted at most {LONGEST}"
            elif not check.hidden and not check.wanted and name != ANYBODY:
                anybodys = first[check.expression]
                if isinstance(anybodys, Failed) or difference(value, anybodys, check.tolerance):
                    yield f"{check.expression}: depends on STUDENT, wanted a second argument"
        expressions = [check.expression for check in exercise.checks]
        first = first or dict(zip(expressions, wanted, strict=True))
        again = evaluate(source.setup, exercise, exercise.solution, name)
        if not any(isinstance(value, Failed) for value in wanted):
            if not mark(exercise, wanted, again).right:
                yield "the solution has other values when it runs again"


def _marks(source, exercise):
    """Other right answers score all; the blank and every mistake score nothing."""
    for name in NAMES:
        wanted = evaluate(source.setup, exercise, exercise.solution, name)
        if mark(exercise, wanted, evaluate(source.setup, exercise, exercise.blank, name)).right:
            yield "the blank scores full marks"
        for n, right in enumerate(exercise.right, 1):
            reached = mark(exercise, wanted, evaluate(source.setup, exercise, right, name))
            if not reached.right:
                yield f"right answer {n} scores nothing: {reached.feedback}"
        for wrong in exercise.wrong:
            if mark(exercise, wanted, evaluate(source.setup, exercise, wrong.code, name)).right:
                yield f"this mistake scores full marks: {wrong.feedback}"


def _together(source):
    """All solutions in one notebook score full marks: no exercise spoils another."""
    here = Here()
    here.run(source.setup)
    for exercise in source.exercises:
        here.run(exercise.solution)
    for exercise in source.exercises:
        wanted = evaluate(source.setup, exercise, exercise.solution)
        got = [values.value(text) for text in here.ask([c.expression for c in exercise.checks])]
        if not mark(exercise, wanted, got).right:
            return [f"{source.name}, {exercise.name}: not right in one notebook with the others"]
    return []


def _leaks(source):
    """Nothing hidden and no solution is in what students get, whose checks accept the solution."""
    text = student(source)
    cells = json.loads(text)["cells"]
    given = "\n".join("".join(cell["source"]) for cell in cells)
    problems, flat = [], _flat(given)
    for exercise in source.exercises:
        hidden = [check.expression for check in exercise.checks if check.hidden]
        shown = [check.expression for check in exercise.checks if not check.hidden]
        for expression in hidden:
            if expression.isidentifier():
                continue  # the task names it
            if expression in shown or _flat(expression) in flat:
                problems.append(f"{source.name}, {exercise.name}: students see {expression}")
        if _flat(exercise.solution) in flat or "SOLUTION" in given:
            problems.append(f"{source.name}, {exercise.name}: students see the solution")
        here = Here()
        here.run(source.setup)
        here.run(exercise.solution)
        place = re.compile(f"{exercise.name}-check(-\\d+)?")
        code = "\n".join("".join(c["source"]) for c in cells if place.fullmatch(c["id"]))
        for statement in ast.parse(code).body:
            if here.run(ast.unparse(statement)):
                refused = f"the student's check refuses the solution: {ast.unparse(statement)}"
                problems.append(f"{source.name}, {exercise.name}: {refused}")
    return problems


def _flat(code):
    return "".join(code.split())
