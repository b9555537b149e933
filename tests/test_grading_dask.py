"""A class is graded on the workers of a Dask cluster, on this machine and at an address."""

import csv
import os
import subprocess

import pytest
from grading_framework import ROOT, hand_in, needs_sandbox, notebook

PYTHON = ROOT / ".envs" / "grading" / "bin" / "python"
SOURCE = ROOT / "tests" / "fixtures" / "assignment.ipynb"
ELSEWHERE = """
import sys
from distributed import LocalCluster
from grading.__main__ import main

if __name__ == "__main__":
    with LocalCluster(1, threads_per_worker=1, dashboard_address=None) as cluster:
        sys.exit(main([*sys.argv[1:], "--executor", f"dask:{cluster.scheduler_address}"]))
"""


@pytest.mark.parametrize("place", ["here", "at an address"])
def test_marks_are_the_same_on_a_cluster(place, tmp_path):
    needs_sandbox()
    if not PYTHON.exists():
        missing = f"{PYTHON} is missing: make .envs/grading/installed"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    hand_in(tmp_path / "class", Ada=notebook(), Bob=notebook({}), Eve=b"{")
    (tmp_path / "elsewhere.py").write_text(ELSEWHERE)
    command = ["-m", "grading"] if place == "here" else ["elsewhere.py"]
    options = ["--executor", "dask", "--jobs", "2"] if place == "here" else []
    run = subprocess.run(
        [PYTHON, *command, "grade", SOURCE, "class", "--to", "marks", *options],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 1, run.stderr
    with open(tmp_path / "marks" / "grades.csv", encoding="utf-8", newline="") as file:
        marks = {row["student"]: (row["score"], row["status"]) for row in csv.DictReader(file)}
    assert marks == {"Ada": ("5", "ok"), "Bob": ("0", "ok"), "Eve": ("", "unreadable: no notebook")}
