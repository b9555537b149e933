"""Write what follows from a source: student notebooks, the key, nbgrader's and Gradescope's files.

The same source always gives the same bytes.
"""

import io
import zipfile
from importlib.metadata import version
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

import dlutils
from grading.key import ANYBODY, key
from grading.student import FOLDED, INSTALL, KERNEL, checks, line, setup, student, task

PARTS = ("assignments", "key", "nbgrader", "gradescope")
NEEDED = ("ipykernel", "jinja2", "jupyter-client", "nbformat", "numpy", "psutil", "pyzmq", "tqdm")
SETUP = """\
#!/usr/bin/env bash
set -eu
apt-get update
apt-get install --yes --no-install-recommends python3 python3-venv
python3 -m venv /autograder/venv
/autograder/venv/bin/pip install {packages}
"""
RUN = """\
#!/usr/bin/env bash
# Grades one submission. The container is the sandbox: nothing in it is worth reading but this
# folder and the results, which are closed to the user that the submission runs as.
set -eu
cd "${{AUTOGRADER:-/autograder}}"
chmod -R go-rwx source submission results
python=venv/bin/python
name=$($python -c 'import json; users = json.load(open("submission_metadata.json"))["users"]
print(users[0]["name"].replace("/", " "))')
rm -rf class && mkdir -m 700 class && cp -r submission "class/$name"
export PYTHONPATH="$PWD/source"
$python -m grading grade "source/{name}.ipynb" class --to results --container --jobs 1 \\
    --format gradescope || test $? -eq 1
"""


def write(source, folder, parts=PARTS, roster=None):
    """Write the parts of a release into folders of their names.

    Parameters
    ----------
    source : Source
    folder : Path
    parts : iterable of str
        Of "assignments", "key", "nbgrader" and "gradescope".
    roster : list of str, optional
        The students, for a notebook each.
    """
    if "assignments" in parts:
        if roster is None:
            _write(folder / "assignments" / f"{source.name}.ipynb", student(source))
        for name in roster or []:
            if not name or name.startswith(".") or Path(name).name != name:
                raise ValueError(f"roster: {name!r}: wanted a name that a folder can have")
        for name in roster or []:
            _write(folder / "assignments" / name / f"{source.name}.ipynb", student(source, name))
    if "key" in parts:
        _write(folder / "key" / f"{source.name}.ipynb", answer_key(source))
    if "nbgrader" in parts:
        path = folder / "nbgrader" / "source" / source.name / f"{source.name}.ipynb"
        _write(path, nbgrader(source))
    if "gradescope" in parts:
        _write(folder / "gradescope" / f"{source.name}.zip", gradescope(source))


def answer_key(source):
    """Return a notebook with all answers and checks, and what typical mistakes are told."""
    wanted, _ = key(source)
    cells = _start(source)
    for exercise in source.exercises:
        values = zip(exercise.checks, wanted[exercise.name], strict=True)
        lines = [line(check, value) for check, value in values]
        name = exercise.name
        cells += [
            new_markdown_cell(task(exercise), id=f"{name}-task"),
            new_code_cell(exercise.solution, id=f"{name}-answer"),
            *checks(exercise, lines),
        ]
        told = "\n\n".join(f"{w.feedback}\n\n```python\n{w.code}\n```" for w in exercise.wrong)
        cells += [new_markdown_cell(f"### Typical mistakes\n\n{told}", id=f"{name}-wrong")]
    return _notebook(cells)


def nbgrader(source):
    """Return the source of an assignment as nbgrader reads it, with everybody's same numbers."""
    wanted, _ = key(source)
    cells = _start(source)
    for cell in cells[1:]:
        cell.metadata["nbgrader"] = _nbgrader(cell.id)
    for exercise in source.exercises:
        values = list(zip(exercise.checks, wanted[exercise.name], strict=True))
        shown = [line(check, value) for check, value in values if not check.hidden]
        hidden = [line(check, value) for check, value in values if check.hidden]
        tests = [*shown, "### BEGIN HIDDEN TESTS", *hidden, "### END HIDDEN TESTS"]
        name = exercise.name
        answer, check = f"{name}-answer", f"{name}-check"
        points = exercise.points
        cells += [
            new_markdown_cell(task(exercise), id=f"{name}-task"),
            new_code_cell(
                exercise.answer,
                id=answer,
                metadata={"nbgrader": _nbgrader(answer, solution=True, locked=False)},
            ),
            new_code_cell(
                "\n".join(tests),
                id=check,
                metadata={"nbgrader": _nbgrader(check, grade=True, points=points)},
            ),
        ]
    return _notebook(cells)


def gradescope(source):
    """Return the zip that Gradescope makes an autograder of, as bytes."""
    tool, package = Path(__file__).parent, Path(dlutils.__file__).parent
    packages = " ".join(f"{name}=={version(name)}" for name in NEEDED)
    files = {
        "setup.sh": SETUP.format(packages=packages),
        "run_autograder": RUN.format(name=source.name),
        f"{source.name}.ipynb": source.path.read_bytes(),
    }
    for folder in (package, tool):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                files[path.relative_to(folder.parent).as_posix()] = path.read_bytes()
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            about = zipfile.ZipInfo(name)  # of 1980: the same bytes each time
            about.compress_type = zipfile.ZIP_DEFLATED
            about.external_attr = 0o755 << 16
            archive.writestr(about, text)
    return content.getvalue()


def _start(source):
    return [
        new_markdown_cell(source.introduction, id="introduction"),
        new_code_cell(INSTALL, id="install", metadata=FOLDED),
        *setup(source, ANYBODY),
    ]


def _nbgrader(name, *, grade=False, solution=False, locked=True, points=None):
    about = {"grade": grade, "solution": solution, "locked": locked, "task": False}
    about |= {"grade_id": name, "schema_version": 3}
    return about if points is None else about | {"points": points}


def _notebook(cells):
    notebook = new_notebook(cells=cells, metadata={"kernelspec": KERNEL})
    nbformat.validate(notebook)
    return nbformat.writes(notebook) + "\n"


def _write(path, content):
    content = content if isinstance(content, bytes) else content.encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
