"""What a release gives to students, to instructors, to nbgrader and to Gradescope."""

import ast
import io
import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import zipfile
from contextlib import closing
from importlib.metadata import packages_distributions, version
from pathlib import Path

import nbformat
import pytest
from grading_framework import ROOT, SOLUTIONS, SOURCE, notebook
from nbclient import NotebookClient

from grading import release
from grading.key import ANYBODY, Here
from grading.sandbox import USERS
from grading.source import BLANK, read
from grading.student import student

PATHS = sorted((ROOT / "exercises").glob("*.ipynb"))
NBGRADER = ROOT / ".envs" / "grading" / "bin" / "nbgrader"
each = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def test_the_same_sources_give_the_same_bytes(tmp_path):
    (tmp_path / "names.txt").write_text("Ada Lovelace\n\nGrace Hopper\n", encoding="utf-8-sig")
    written = []
    for seed in ("1", "2"):
        folder = tmp_path / seed
        command = [sys.executable, "-m", "grading", "release", *PATHS, "--to", folder]
        environment = os.environ | {"PYTHONHASHSEED": seed}
        options = ["--roster", tmp_path / "names.txt"]
        subprocess.run([*command, *options], cwd=ROOT, env=environment, check=True)
        files = [path for path in folder.rglob("*") if path.is_file()]
        written.append({str(path.relative_to(folder)): path.read_bytes() for path in files})
    assert written[0] == written[1]
    assert len(written[0]) == 5 * len(PATHS)
    assert {name.split("/")[1] for name in written[0] if name.startswith("assignments")} == {
        "Ada Lovelace",
        "Grace Hopper",
    }


@each
def test_every_cell_has_a_name_of_its_own_that_says_what_it_holds(path):
    source = read(path)
    for text in (student(source), release.answer_key(source), release.nbgrader(source)):
        names = [cell.id for cell in nbformat.reads(text, as_version=4).cells]
        start = ["introduction", "install", *["student"] * source.individual, "setup"]
        assert names[: len(start)] == start
        assert len(set(names)) == len(names)
        for exercise in source.exercises:
            assert {f"{exercise.name}-{part}" for part in ("task", "answer", "check")} <= set(names)


# What students get.


def leaks(source, text):
    """What a notebook holds and students may not see, found in another way than by verify."""
    cells = [cell for cell in json.loads(text)["cells"] if cell["id"] != "install"]
    texts = ["".join(cell["source"]) for cell in cells]
    trees = [ast.parse(t) for t, c in zip(texts, cells, strict=True) if c["cell_type"] == "code"]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    parts = {ast.dump(node) for node in nodes}
    calls = [n for n in nodes if isinstance(n, ast.Call) and getattr(n.func, "id", "") == "check"]
    checks = [check for exercise in source.exercises for check in exercise.checks]
    shown = [_tree(check.expression) for check in checks if not check.hidden]
    if sorted(ast.dump(call.args[0]) for call in calls) != sorted(shown):
        yield "other checks than those to be shown"
    for check in checks:  # a task may name a variable, but do nothing with it
        if check.hidden and not check.expression.isidentifier():
            if _tree(check.expression) in parts:
                yield check.expression
    code = _lines("\n".join(ast.unparse(tree) for tree in trees))
    everything = code | _lines("\n".join(texts))
    for exercise in source.exercises:
        blank = _lines(ast.unparse(ast.parse(exercise.blank))) | _lines(exercise.blank)
        yield from _lines(ast.unparse(ast.parse(exercise.solution))) & code - blank
        whole = [exercise.solution, *exercise.right]
        if exercise.kind != "debug":  # the task shows what is to be mended
            whole += [wrong.code for wrong in exercise.wrong]
        yield from (answer for answer in whole if _lines(answer) - blank <= everything)
        told = [wrong.feedback.split(". ")[0] for wrong in exercise.wrong]
        yield from (sentence for sentence in told if sentence in " ".join(everything))


def _tree(expression):
    return ast.dump(ast.parse(f"(\n{expression}\n)", mode="eval").body)


def _lines(text):
    return {line.strip(" #") for line in text.splitlines()} - {""}


@each
def test_students_get_no_hidden_check_no_solution_and_no_mistake(path):
    text = student(read(path))
    assert list(leaks(read(path), text)) == []
    about = [cell["metadata"] for cell in json.loads(text)["cells"]]
    assert [keys for keys in about if keys] == [release.FOLDED]


def filled(source, text, pick):
    """A notebook in which each exercise has the answer that is picked for it, if any."""
    found = json.loads(text)
    for cell in found["cells"]:
        for exercise in source.exercises:
            if cell["id"] == f"{exercise.name}-answer":
                cell["source"] = pick(exercise) or cell["source"]
    return found


def test_checks_say_what_to_look_at_until_all_is_right():
    source = read(ROOT / "exercises" / "optimizers.ipynb")
    mistakes = [lambda e: e.wrong[0].code, lambda e: e.wrong[1].code]
    found = nbformat.v4.new_notebook()
    for pick in (lambda e: None, *mistakes, lambda e: e.solution):  # all in one kernel
        text = json.dumps(filled(source, student(source), pick))
        found.cells += nbformat.reads(text, as_version=4).cells
    NotebookClient(found, kernel_name="python3", allow_errors=True, timeout=60).execute()
    told = []
    for exercise in source.exercises:
        hints = [check.hint for check in exercise.checks if not check.hidden]
        answers, checks = [
            [cell.outputs for cell in found.cells if cell.id == f"{exercise.name}-{part}"]
            for part in ("answer", "check")
        ]
        assert [*answers[0], *checks[0]][0].ename == "NotImplementedError"
        assert answers[1:] == [[], [], []]
        assert "".join(out.text for out in checks[3]) == "✓ right\n" * len(hints)
        wrong = [*checks[1], *checks[2]]
        told += [(out, hints) for out in wrong if out.output_type == "error"]
    assert len(told) >= len(source.exercises)
    for out, hints in told:
        problem, hint = out.traceback  # these two lines alone
        assert out.ename == "NotYet"
        assert problem.startswith("✗ not yet: ")
        assert hint in [f"Hint: {text}" for text in hints]


NAMES = ["Ada Lovelace", "Zoë 'Zed' Õun", "{Hopper}", "x"]


def test_each_student_of_a_roster_gets_numbers_of_their_own(tmp_path):
    source = read(ROOT / "exercises" / "optimizers.ipynb")
    release.write(source, tmp_path, ["assignments"], NAMES)
    texts = [(tmp_path / "assignments" / name / "optimizers.ipynb").read_text() for name in NAMES]
    assert texts == [student(source, name) for name in NAMES]
    for name, text in zip(NAMES, texts, strict=True):
        here = Here("nobody")
        (cell,) = [cell for cell in json.loads(text)["cells"] if cell["id"] == "student"]
        assert here.run("".join(cell["source"])) is None
        assert here.namespace["STUDENT"] == name
    assert len(set(texts)) == len(NAMES)
    assert set(os.listdir(tmp_path / "assignments")) == set(NAMES)


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "/etc/x", "a/", ".hidden"])
def test_a_name_that_no_folder_can_have_is_refused_before_anything_is_written(name, tmp_path):
    with pytest.raises(ValueError, match=f"roster: '{name}': wanted a name that a folder can"):
        release.write(SOURCE, tmp_path / "out", ["assignments"], ["Ada Lovelace", name])
    assert not (tmp_path / "out").exists()


# What instructors get.


@each
def test_the_key_holds_all_and_passes_its_own_checks(path):
    source = read(path)
    cells = json.loads(release.answer_key(source))["cells"]
    texts = {cell["id"]: "".join(cell["source"]) for cell in cells}
    here = Here(ANYBODY)
    assert here.run(texts["setup"]) is None
    for exercise in source.exercises:
        assert exercise.task.splitlines()[-1] in texts[f"{exercise.name}-task"]
        assert texts[f"{exercise.name}-answer"] == exercise.solution
        told = texts[f"{exercise.name}-wrong"]
        assert all(w.feedback in told and w.code in told for w in exercise.wrong)
        name = re.compile(f"{exercise.name}-check(-\\d+)?")
        check = "\n".join(text for place, text in texts.items() if name.fullmatch(place))
        calls = [statement.value for statement in ast.parse(check).body]
        wanted = [_tree(check.expression) for check in exercise.checks]
        assert [ast.dump(call.args[0]) for call in calls] == wanted
        assert here.run(exercise.solution) is None
        for statement in ast.parse(check).body:
            assert here.run(ast.unparse(statement)) is None, ast.unparse(statement)


# What Gradescope gets.

PEEK = """
import os
closed = 0
for place in PLACES:
    try:
        os.listdir(place)
    except OSError as error:
        closed += isinstance(error, PermissionError)
if closed < len(PLACES):
    del fires
"""
FIRES, UPDATE = SOURCE.exercises
HANDED_IN = {  # the answers, what else the notebook does, the score, and the points of exercises
    "perfect": (SOLUTIONS, [PEEK], 5, [2, 3]),
    "one mistake": (SOLUTIONS | {"fires": FIRES.wrong[0].code}, [], 3, [0, 3]),
    "no notebook": (None, [], None, []),
}


@pytest.fixture(scope="module")
def autograder():
    """The folders in which the autograder has run, as in Gradescope's container, by name."""
    if os.geteuid() != 0:
        pytest.skip("Gradescope's containers run as root, and this user is another")
    with tempfile.TemporaryDirectory() as top:  # pytest's own are closed to other users
        os.chmod(top, 0o711)
        folders = {name: Path(top, str(n)) for n, name in enumerate(HANDED_IN)}
        runs = [_autograde(name, folder) for name, folder in folders.items()]
        for run in runs:
            _, errors = run.communicate(timeout=120)
            assert run.returncode == 0, errors
        yield folders


def _autograde(name, folder):
    with zipfile.ZipFile(io.BytesIO(release.gradescope(SOURCE))) as archive:
        archive.extractall(folder / "source")
    tool = folder / "source" / "grading" / "sandbox.py"
    users = USERS[1::2]  # other tests have the others
    tool.write_text(re.sub("^USERS = .+$", f"USERS = {users}", tool.read_text(), flags=re.M))
    answers, after, *_ = HANDED_IN[name]
    places = [str(folder / place) for place in ("source", "submission", "results", "class")]
    code = [code.replace("PLACES", repr(places)) for code in after]
    text = "{" if answers is None else json.dumps(notebook(answers, after=code))
    _write(folder / "submission" / "my own name.ipynb", text)
    about = {"users": [{"name": f"Ada / {name}"}]}
    _write(folder / "submission_metadata.json", json.dumps(about))
    (folder / "results").mkdir()
    (folder / "venv").symlink_to(sys.prefix)
    command = ["bash", folder / "source" / "run_autograder"]
    environment = os.environ | {"AUTOGRADER": str(folder)}
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def _write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize("name", HANDED_IN)
def test_gradescope_gets_the_score(name, autograder):
    found = json.loads((autograder[name] / "results" / "results.json").read_text())
    *_, score, points = HANDED_IN[name]
    assert found.get("score") == score, found
    assert [test["score"] for test in found["tests"]] == points
    assert [test["max_score"] for test in found["tests"]] == [2, 3][: len(points)]
    status = "Status: ok" if points else "Not graded: unreadable: no notebook"
    assert found["output"].startswith(status)
    if points and not points[0]:
        assert "At a sum of exactly 0 the output is 0" in found["tests"][0]["output"]


def test_gradescope_keeps_its_files_closed_to_the_submission(autograder):
    for folder in autograder.values():
        for name in ("source", "submission", "results", "class"):
            modes = [path.stat().st_mode & 0o077 for path in (folder / name).rglob("*")]
            assert modes and (folder / name).stat().st_mode & 0o077 == 0, name


def test_gradescope_gets_the_whole_tool_and_nothing_else():
    with zipfile.ZipFile(io.BytesIO(release.gradescope(SOURCE))) as archive:
        names = {info.filename: info.external_attr >> 16 for info in archive.infolist()}
        setup = archive.read("setup.sh").decode()
        assert archive.read("assignment.ipynb") == SOURCE.path.read_bytes()
    assert {names["setup.sh"], names["run_autograder"]} == {0o755}
    wanted = [*(ROOT / "dlutils").rglob("*"), *(ROOT / "grading").rglob("*")]
    wanted = [p for p in wanted if p.is_file() and p.suffix != ".pyc"]
    wanted = {path.relative_to(ROOT).as_posix() for path in wanted}
    assert names.keys() == wanted | {"setup.sh", "run_autograder", "assignment.ipynb"}
    modules = {module for path in (ROOT / "grading").glob("*.py") for module in _imported(path)}
    found = packages_distributions()
    packages = {found[name][0].lower().replace("_", "-") for name in modules if name in found}
    assert packages - {"dlutils", "markupsafe"} == set(release.NEEDED) - {"ipykernel"}
    assert all(f" {name}=={version(name)}" in setup for name in release.NEEDED)


def _imported(path):
    """The modules that a file imports at once, not only where they are asked for."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module] if isinstance(node, ast.ImportFrom) else []
        yield from (name.split(".")[0] for name in names)


# What nbgrader gets.

CHAPTERS = [read(ROOT / "exercises" / f"{name}.ipynb") for name in ("optimizers", "digits")]
MARKS = """
select person.student_id, notebook.name, cell.name, grade.auto_score
from grade join base_cell as cell on cell.id = grade.cell_id
join notebook on notebook.id = cell.notebook_id
join submitted_notebook as handed on handed.id = grade.notebook_id
join submitted_assignment as person on person.id = handed.assignment_id
"""


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A folder in which nbgrader has released an assignment of two chapters, and graded it.

    A submission has a wrong answer to each exercise, so a few of them hold all that there are.
    """
    if not NBGRADER.exists():
        missing = "nbgrader is not installed: make .envs/grading/installed"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    folder = tmp_path_factory.mktemp("course")
    for source in CHAPTERS:
        _write(folder / "source" / "both" / f"{source.name}.ipynb", release.nbgrader(source))
    _nbgrader(folder, "generate_assignment")
    picks = {"solution": lambda e: e.solution, "blank": lambda e: None}
    for n in range(max(len(e.wrong) for source in CHAPTERS for e in source.exercises)):
        picks[f"wrong {n}"] = lambda e, n=n: e.wrong[n % len(e.wrong)].code
    for name, pick in picks.items():
        for source in CHAPTERS:
            file = Path("both", f"{source.name}.ipynb")
            found = filled(source, (folder / "release" / file).read_text(), pick)
            _write(folder / "submitted" / name / file, json.dumps(found))
    _nbgrader(folder, "autograde", "--create", "--Execute.shutdown_kernel=immediate")
    return folder


def _nbgrader(folder, command, *options):
    own = folder / "own"  # what jsonschema can do without takes seconds to import
    _write(own / "rfc3987_syntax.py", "raise ImportError")
    environment = os.environ | {"HOME": str(own), "PYTHONPATH": f"{ROOT}{os.pathsep}{own}"}
    environment |= {"PATH": f"{NBGRADER.parent}{os.pathsep}{os.environ['PATH']}"}
    run = subprocess.run(
        [NBGRADER, command, "both", *options],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr


def test_nbgrader_gives_the_solution_all_points_and_no_other_answer_any(course):
    with closing(sqlite3.connect(course / "gradebook.db")) as book:
        marks = {tuple(place): points for *place, points in book.execute(MARKS)}
    handed_in = os.listdir(course / "submitted")
    wanted = {
        (name, source.name, f"{e.name}-check"): e.points if name == "solution" else 0
        for name in handed_in
        for source in CHAPTERS
        for e in source.exercises
    }
    assert len(handed_in) > 4
    assert marks == wanted


@pytest.mark.parametrize("source", CHAPTERS, ids=lambda source: source.name)
def test_what_nbgrader_releases_has_blanks_and_no_hidden_test(source, course):
    text = (course / "release" / "both" / f"{source.name}.ipynb").read_text()
    assert list(leaks(source, text)) == []
    assert "HIDDEN" not in text and "SOLUTION" not in text
    cells = {cell["id"]: "".join(cell["source"]) for cell in json.loads(text)["cells"]}
    for exercise in source.exercises:
        wanted = _lines(exercise.blank) - {BLANK} | {"raise NotImplementedError()"}
        assert wanted <= _lines(cells[f"{exercise.name}-answer"])
