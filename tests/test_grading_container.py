"""Grading in a container, without bubblewrap."""

import os
import re
import shutil
import tempfile
from pathlib import Path

import psutil
import pytest
from grading_framework import (
    PATH,
    WRONG,
    graded,
    hand_in,
    notebook,
    scores,
)

import dlutils
from grading import sandbox, values
from grading.sandbox import Container, Gone, Limits, obstacle

LOOP = "def fires(X, w, b):\n    while True: pass"
DAEMON = """
import os, time
for folder in ("/tmp", "/var/tmp", "/dev/shm"):
    os.makedirs(f"{folder}/left-{os.getpid()}/x")
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True: time.sleep(1)
"""
READS = """
import os
def fires(X, w, b):
    return open(SOURCE).read(), open(KEPT).read()
"""
KILLED = "import os\nos.kill(os.getpid(), 9)"


@pytest.fixture
def container(tmp_path, monkeypatch):
    """A temporary folder for containers, and users that no other test has."""
    if missing := obstacle(Container):
        pytest.skip(missing)
    first = os.getpid() % 250 * 8
    monkeypatch.setattr(sandbox, "USERS", sandbox.USERS[1::2][first : first + 8])
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        os.chmod(folder, 0o1777)
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


def left_over(folder):
    """Processes of the users of sandboxes, and what they or this process have left in folders."""
    owners = [p.info["uids"].real for p in psutil.process_iter(["uids"]) if p.info["uids"]]
    found = [*folder.iterdir(), *Path("/var/tmp").iterdir(), *Path("/dev/shm").iterdir()]
    found = [
        path for path in found if path.parent == folder or path.lstat().st_uid in sandbox.USERS
    ]
    return {*owners} & {*sandbox.USERS}, found


def test_in_a_container_submissions_have_their_marks_and_leave_nothing(
    container, tmp_path, monkeypatch
):
    source = tmp_path / "source.ipynb"
    shutil.copy(PATH, source)
    source.chmod(0o600)
    package = shutil.copytree(Path(dlutils.__file__).parent, tmp_path / "dlutils")
    for path in (package, *package.rglob("*"), shutil.copy(values.__file__, tmp_path)):
        os.chmod(path, 0o700)  # as on Gradescope
    monkeypatch.setattr(dlutils, "__file__", str(package / "__init__.py"))
    monkeypatch.setattr(values, "__file__", str(tmp_path / "values.py"))
    reads = READS.replace("SOURCE", repr(str(source)))
    kept = tmp_path / "class-values" / "perfect.json"
    contents = {
        "perfect": notebook(),
        "loop": notebook(WRONG | {"fires": LOOP}),
        "daemon": notebook(before=[DAEMON]),
        "reads": notebook(WRONG | {"fires": reads.replace("KEPT", repr(str(kept)))}),
        "killed": notebook(after=[KILLED]),
    }
    hand_in(tmp_path / "class", **contents)
    results = graded(tmp_path / "class", seconds=3.0, kind=Container)
    found = {"perfect": 5, "loop": 3, "daemon": 5, "reads": 3, "killed": 5}
    assert scores(results) == found, results
    assert results["perfect"].errors == {}
    assert results["loop"].status.startswith("fires: time limit")
    assert re.search("cell .*: kernel died", results["killed"].status)
    assert "PermissionError" in results["reads"].marks["fires"].feedback
    assert left_over(container) == (set(), [])


def test_a_container_that_does_not_start_leaves_nothing(container):
    with pytest.raises(Gone), Container(Limits(start=0.0)):
        pass
    assert left_over(container) == (set(), [])


def test_two_sandboxes_never_have_one_user(monkeypatch):
    if os.geteuid():
        pytest.skip("only root can give a sandbox another user")
    monkeypatch.setattr(sandbox, "USERS", [61184, 61185])
    (one, claim), (other, others) = sandbox._nobody(), sandbox._nobody()
    assert {one, other} == {61184, 61185}
    claim.close()
    again, claim = sandbox._nobody()
    assert again == one
    claim.close()
    others.close()


def test_a_container_is_refused_where_all_can_read_the_source(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(sandbox, "USERS", [os.getuid()])
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        os.chmod(folder, 0o755)
        source, closed = Path(folder) / "source.ipynb", Path(folder) / "closed"
        source.touch(mode=0o644)
        closed.mkdir(mode=0o700)
        (closed / "a.ipynb").touch(mode=0o644)
        told = f"every user can read {source}: chmod -R go-rwx {source}"
        assert obstacle(Container, [closed, closed / "a.ipynb", source]) == told
        source.chmod(0o640)
        assert "every user" not in (obstacle(Container, [closed, source]) or "")
        closed.chmod(0o711)
        assert obstacle(Container, [closed]).startswith(f"every user can read {closed}")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert obstacle(Container).startswith("in a container, grade as root")
