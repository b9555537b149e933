"""The student notebook: tasks, blanks, and checks that give instant feedback.

The same source always gives the same bytes.
"""

import json
import re
import textwrap

import nbformat
import numpy as np
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from grading.key import ANYBODY, key

WIDTH, LINES, LONGEST = 79, 15, 24  # of a line, of a cell, of an array
FOLDED = {
    "mystnb": {"code_prompt_show": "Set-up, needed on Colab only"},
    "tags": ["install", "hide-input"],
}
INSTALL = """\
try:
    import dlutils  # noqa: F401
except ModuleNotFoundError:  # on Colab, for example
    %pip install -q "dlutils @ git+https://github.com/deep-learning-worked-out/deep-learning-worked-out\""""
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def student(source, name=ANYBODY):
    """Return the student notebook of a source as text."""
    wanted, _ = key(source, name)
    cells = [
        new_markdown_cell(source.introduction, id="introduction"),
        new_code_cell(INSTALL, id="install", metadata=FOLDED),
        *setup(source, name),
    ]
    for exercise in source.exercises:
        values = zip(exercise.checks, wanted[exercise.name], strict=True)
        lines = [line(check, value) for check, value in values if not check.hidden]
        cells += [
            new_markdown_cell(task(exercise), id=f"{exercise.name}-task"),
            new_code_cell(exercise.blank, id=f"{exercise.name}-answer"),
            *checks(exercise, lines),
        ]
    notebook = new_notebook(cells=cells, metadata={"kernelspec": KERNEL})
    nbformat.validate(notebook)
    return nbformat.writes(notebook) + "\n"


def task(exercise):
    """Return the task, below its heading what kind it is and how many points it has."""
    points = f"{exercise.points:g} point" + ("s" if exercise.points != 1 else "")
    about = f"*{exercise.kind.capitalize()}, {points}.*"
    return re.sub(r"^## .+\n+", rf"\g<0>{about} ", exercise.task, count=1, flags=re.MULTILINE)


def setup(source, name):
    """Return the cells of the set-up; where numbers are individual, the first has the name."""
    cells = [new_code_cell(source.setup, id="setup")]
    if source.individual:
        quoted = json.dumps(name, ensure_ascii=False)
        asked = f"STUDENT = {quoted}  # your name: your numbers follow from it"
        cells.insert(0, new_code_cell(asked, id="student"))
    return cells


def checks(exercise, lines):
    """Return checks as cells that are as short as those of a chapter."""
    texts = [lines[0]]
    for text in lines[1:]:
        joined = f"{texts[-1]}\n{text}"
        texts[-1:] = [joined] if joined.count("\n") < LINES else [texts[-1], text]
    name = f"{exercise.name}-check"
    return [
        new_code_cell(text, id=f"{name}-{n}" if n > 1 else name) for n, text in enumerate(texts, 1)
    ]


def line(check, value):
    """Return a check as students get it, with the wanted value as code."""
    wanted = check.wanted or literal(value)
    parts = [check.expression, _folded(wanted), f"hint={check.hint_code}"]
    if check.tolerance is not None:
        parts.append(f"tolerance={check.tolerance!r}")
    short = f"check({', '.join(parts)})"
    if len(short) <= WIDTH and "\n" not in short:
        return short
    parts = [textwrap.indent(part, "    ") + ",\n" for part in parts]
    return f"check(\n{''.join(parts)})"


def _folded(code):
    if len(code) <= WIDTH - 5 or not code.startswith("["):
        return code
    return textwrap.fill(code, WIDTH - 5, subsequent_indent=" ", break_long_words=False)


def literal(value):
    """Return a value as code that is short to read and near enough to pass.

    Examples
    --------
    >>> literal(np.array([1 / 3, np.nan]))
    '[0.3333333333, np.nan]'
    >>> literal(np.float32(0.5))
    'np.float32(0.5)'
    """
    if isinstance(value, dict):
        return "{" + ", ".join(f"{literal(k)}: {literal(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(literal, value)) + "]"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(literal, value)) + (",)" if len(value) == 1 else ")")
    if isinstance(value, np.ndarray) and value.size == 0:
        return f"np.zeros({value.shape})"
    if isinstance(value, np.ndarray | np.generic):
        code = literal(value.tolist())
        single = value.dtype.kind == "f" and value.dtype.itemsize < 8
        dtype = f"np.{value.dtype.name}"
        if not single:
            return code
        return f"np.array({code}, {dtype})" if value.ndim else f"{dtype}({code})"
    if isinstance(value, float):
        text = f"{value:.10g}"
        if text.lstrip("-") in ("nan", "inf"):
            return text.replace("nan", "np.nan").replace("inf", "np.inf")
        return repr(float(text))
    return repr(value)
