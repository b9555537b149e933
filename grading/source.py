"""Read a chapter's source of graded exercises, a notebook with tagged cells, and check its form."""

import ast
import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

import nbformat

KINDS = ("implement", "compute", "debug", "explain", "design")
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
BLANK = 'raise NotImplementedError("your turn")'
SOLUTION = re.compile(rf"^([ \t]*){BEGIN}\n(.*?)^[ \t]*{END}\n?", re.MULTILINE | re.DOTALL)
ROLES = {"setup", "answer", "check", "right", "wrong"}


class SourceError(ValueError):
    """A source is not of the form that the tool reads; says in which cell."""


@dataclass(frozen=True)
class Check:
    """One line ``check(expression, hint=…)``, and whether students see it."""

    expression: str
    hint: str
    hidden: bool
    wanted: str | None = None  # as code; without it the solution's value
    tolerance: float | None = None
    hint_code: str = ""  # as the author wrapped it


@dataclass(frozen=True)
class Wrong:
    """A typical mistake: a whole answer, and what to tell who makes it."""

    code: str
    feedback: str
    mistakes: tuple[str, ...]


@dataclass(frozen=True)
class Exercise:
    """One exercise: its task, the answer with its solution, its checks and typical mistakes."""

    name: str
    kind: str
    points: float
    task: str
    answer: str
    checks: tuple[Check, ...]
    wrong: tuple[Wrong, ...]
    right: tuple[str, ...] = ()  # other answers that deserve all points, as code

    @property
    def title(self):
        """The heading of the task."""
        return re.search(r"^## (.+)$", self.task, re.MULTILINE)[1]

    @property
    def individual(self):
        """Whether numbers depend on the student's name."""
        return "STUDENT" in self.answer + "".join(check.expression for check in self.checks)

    @property
    def solution(self):
        """The answer as the author wrote it, without the markers."""
        return re.sub(rf"^[ \t]*({BEGIN}|{END})\n?", "", self.answer, flags=re.M).rstrip("\n")

    @property
    def blank(self):
        """The answer as students get it."""
        return SOLUTION.sub(rf"\1{BLANK}\n", self.answer + "\n").rstrip("\n")


@dataclass(frozen=True)
class Source:
    """A chapter's assignment."""

    name: str
    introduction: str
    setup: str
    exercises: tuple[Exercise, ...]
    path: Path

    @property
    def points(self):
        """The points of all exercises."""
        return sum(exercise.points for exercise in self.exercises)

    @property
    def individual(self):
        """Whether numbers depend on the student's name."""
        return "STUDENT" in self.setup or any(e.individual for e in self.exercises)


def read(path):
    """Read the source in a notebook.

    Raises
    ------
    SourceError
        If the file is no notebook, or its cells do not have the form that CONTRIBUTING describes.
    """
    path = Path(path)
    try:
        notebook = nbformat.read(path, as_version=4)
    except (OSError, ValueError, nbformat.ValidationError) as error:
        raise SourceError(f"{path}: cannot be read: {error}") from None
    cells = [_Cell(path.name, number, cell) for number, cell in enumerate(notebook.cells)]
    if len(cells) < 3 or cells[0].type != "markdown" or "setup" not in cells[1].tags:
        raise SourceError(f"{path.name}: wanted a Markdown cell, then a code cell tagged setup")
    starts = [n for n, cell in enumerate(cells) if cell.exercise]
    if not starts or starts[0] != 2:
        raise SourceError(f"{path.name}: wanted an exercise in cell 2, tagged exercise:<name>")
    cells[1].parsed()
    groups = [cells[a:b] for a, b in zip(starts, [*starts[1:], len(cells)], strict=True)]
    exercises = tuple(_exercise(group) for group in groups)
    names = [exercise.name for exercise in exercises]
    if twice := {name for name in names if names.count(name) > 1}:
        raise SourceError(f"{path.name}: two exercises are named {min(twice)}")
    return Source(path.stem, cells[0].source, cells[1].source, exercises, path)


class _Cell:
    """A cell, its tags, and where it stands."""

    def __init__(self, file, number, cell):
        self.place = f"{file}, cell {number}"
        self.type, self.source, self.metadata = cell.cell_type, cell.source, cell.metadata
        self.tags = cell.metadata.get("tags", [])
        named = [tag.removeprefix("exercise:") for tag in self.tags if tag.startswith("exercise:")]
        self.exercise = named[0] if named else ""

    def problem(self, text):
        return SourceError(f"{self.place}: {text}")

    def parsed(self):
        if self.type != "code":
            raise self.problem("wanted a code cell")
        try:
            return ast.parse(self.source)
        except SyntaxError as error:
            raise self.problem(f"line {error.lineno}: {error.msg}") from None


def _exercise(cells):
    head, *rest = cells
    about = head.metadata.get("exercise", {})
    kind, points = about.get("kind"), about.get("points")
    if head.type != "markdown" or not re.search(r"^## .+$", head.source, re.MULTILINE):
        raise head.problem("wanted Markdown with a heading ## Title")
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,49}", head.exercise):
        raise head.problem(f"exercise:{head.exercise}: wanted a name of at most 50 a-z, 0-9 and -")
    if kind not in KINDS:
        raise head.problem(f"kind {kind!r}, wanted one of {', '.join(KINDS)}")
    if not isinstance(points, int | float) or not points > 0:
        raise head.problem(f"points {points!r}, wanted a number above 0")
    for cell in rest:
        roles = ROLES.intersection(cell.tags)
        if len(roles) != 1 or "setup" in roles:
            raise cell.problem("wanted one of the tags answer, check, right, wrong")
        cell.parsed()
    answers = [cell for cell in rest if "answer" in cell.tags]
    if len(answers) != 1 or rest[0] is not answers[0]:
        raise head.problem("wanted one cell tagged answer, right after the task")
    if not SOLUTION.search(answers[0].source + "\n"):
        raise answers[0].problem(f"wanted the solution between {BEGIN} and {END}")
    checks = tuple(c for cell in rest if "check" in cell.tags for c in _checks(cell))
    for hidden in (False, True):
        if not any(check.hidden == hidden for check in checks):
            raise head.problem(f"wanted a {'hidden' if hidden else 'visible'} check")
    wrong = tuple(_wrong(cell) for cell in rest if "wrong" in cell.tags)
    if len(wrong) < 2:
        raise head.problem(f"{len(wrong)} cells tagged wrong, wanted two or more")
    right = tuple(cell.source for cell in rest if "right" in cell.tags)
    answer = answers[0].source
    return Exercise(head.exercise, kind, points, head.source, answer, checks, wrong, right)


def _checks(cell):
    hidden = "hidden" in cell.tags
    form = 'wanted only lines check(expression, hint="…")'
    for statement in cell.parsed().body:
        call = getattr(statement, "value", None)
        if not (isinstance(call, ast.Call) and getattr(call.func, "id", "") == "check"):
            raise cell.problem(f"line {statement.lineno}: {form}")
        named = {word.arg: word.value for word in call.keywords}
        if len(call.args) not in (1, 2) or not {"hint"} <= set(named) <= {"hint", "tolerance"}:
            raise cell.problem(f"line {statement.lineno}: {form}")
        code = [_segment(cell.source, part) for part in call.args]
        try:
            options = {name: ast.literal_eval(value) for name, value in named.items()}
        except ValueError:
            raise cell.problem(f"line {statement.lineno}: {form}, both constants") from None
        hint_code = _segment(cell.source, named["hint"])
        yield Check(
            *code[:1],
            options["hint"],
            hidden,
            *(code[1:] or [None]),
            options.get("tolerance"),
            hint_code,
        )


def _segment(source, node):
    """Return the code of a part, its further lines moved left as its first one is."""
    first, *others = ast.get_source_segment(source, node).splitlines()
    indent = " " * node.col_offset
    return "\n".join([first, *(line.removeprefix(indent) for line in others)])


def _wrong(cell):
    lines = cell.source.splitlines()
    comment = [line for line in lines[: _first_code(lines)] if line.startswith("#")]
    feedback = " ".join(line.lstrip("# ") for line in comment)
    if not feedback:
        raise cell.problem("wanted a comment in the first line: what went wrong, where to read")
    mistakes = [t.removeprefix("mistake:") for t in cell.tags if t.startswith("mistake:")]
    code = textwrap.dedent("\n".join(lines[len(comment) :]))
    return Wrong(code, feedback, tuple(mistakes))


def _first_code(lines):
    return next((n for n, line in enumerate(lines) if not line.startswith("#")), len(lines))
