"""The repository's promises: addresses, pins, licenses and commands agree with one another."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
ADDRESS = CONFIG["repository"]["url"]
REPOSITORY = ADDRESS.removeprefix("https://github.com/")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
PYTHONS = ["python3", *(f"python3.{minor}" for minor in range(11, 15))]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def kept_files() -> dict[str, str]:
    """Name and text of each file that is, or is about to be, under version control."""
    # A checkout owned by somebody else, as in a container, is no reason to refuse.
    listing = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    names = [name for name in listing.stdout.splitlines() if (ROOT / name).is_file()]
    texts = {name: (ROOT / name).read_text(encoding="utf-8", errors="replace") for name in names}
    return {name: text for name, text in texts.items() if "\0" not in text}


def other_addresses(text: str) -> set[str]:
    """Addresses that should name this course's repository or site and do not."""
    name = re.sub(r"\W+", "-", CONFIG["title"].lower())
    launched = re.findall(
        r"(?:mybinder\.org/v2/gh|colab\.research\.google\.com/github"
        r"|git\+https://github\.com|git clone https://github\.com)/([\w-]+/[\w.-]+)",
        text,
    )
    linked = re.findall(r"github(?:usercontent)?\.com/([\w-]+/[\w.-]+)", text)
    published = re.findall(r"([\w-]+)\.github\.io/([\w.-]+)", text)
    ours = launched + [link for link in linked if name in link]
    ours += ["/".join(link) for link in published if name in "/".join(link)]
    return {link.removesuffix(".").removesuffix(".git") for link in ours} - {REPOSITORY}


def machine_paths(text: str) -> list[str]:
    """Absolute paths that exist on somebody's machine only."""
    return re.findall(r"(?<![\w.~/])/(?:home|Users|root|tmp|work)/[\w.-]+", text)


def test_every_address_of_the_repository_agrees():
    assert re.fullmatch(r"https://github\.com/[\w-]+/[\w.-]+", ADDRESS)
    found = {name: other_addresses(text) for name, text in kept_files().items()}
    del found["tests/test_repository.py"]  # the faults planted below
    assert {name: others for name, others in found.items() if others} == {}
    assert ADDRESS in read("README.md")
    assert tomllib.loads(read("pyproject.toml"))["project"]["urls"]["Repository"] == ADDRESS


@pytest.mark.parametrize(
    ("text", "others"),
    [
        ("https://github.com/joelgrus/joelnet", set()),
        (f"git clone {ADDRESS}.git", set()),
        ("git+https://github.com/a/b", {"a/b"}),
        ("https://mybinder.org/v2/gh/a/b/main", {"a/b"}),
        ("See https://github.com/a/deep-learning-worked-out.", {"a/deep-learning-worked-out"}),
        ("a.github.io/deep-learning-worked-out/", {"a/deep-learning-worked-out"}),
    ],
)
def test_another_address_is_seen(text: str, others: set[str]):
    assert other_addresses(text) == others


def test_no_file_mentions_a_machine():
    found = {name: machine_paths(text) for name, text in kept_files().items()}
    for about_paths in ("tests/lint.py", "tests/test_chapters.py", "tests/test_repository.py"):
        found.pop(about_paths, None)
    assert {name: paths for name, paths in found.items() if paths} == {}


def test_a_machine_path_is_seen():
    assert machine_paths('File "/home/ada/course/x.py", see https://a.org/home/b') == ["/home/ada"]


def test_pins_agree():
    pins = read("requirements.txt").splitlines()
    assert pins[-1] == "-e ."
    assert not re.search(r"https?:|^--", read("requirements.txt"), re.MULTILINE)
    *binder, course = [
        line for line in read("binder/requirements.txt").splitlines() if line[0] != "#"
    ]
    assert course == "."
    assert [pin.split("==")[0] for pin in binder] == ["ipywidgets", "matplotlib", "numpy"]
    assert set(binder) <= set(pins)


def test_license_covers_code_and_prose():
    assert "MIT License" in read("LICENSE")
    assert "CC BY 4.0" in read("LICENSE")
    assert "https://creativecommons.org/licenses/by/4.0/legalcode" in read("LICENSE")


def test_ci_runs_the_test_command_of_the_readme():
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    lines = read(".ci/run").splitlines()
    assert "set -euo pipefail" in lines
    assert lines[-1] == "make test"
    assert re.search(r"\bmake test\b", read("README.md"))
    assert "run: bash .ci/run" in read(".github/workflows/check.yml")


@needs_make
def test_help_lists_every_command():
    commands = re.search(r"^\.PHONY: help (.*)", MAKEFILE, re.MULTILINE)[1].split()
    listing = subprocess.run(["make", "-s"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert re.findall(r"^make ([\w-]+) +\w", listing.stdout, re.MULTILINE) == ["help", *commands]


@needs_make
@pytest.mark.parametrize(
    ("script", "line"),
    [
        ("exit 1", "Python 3.11 or newer was not found: install it"),
        ('case "$*" in *ensurepip*) exit 1; esac', "python3 lacks its venv module: install it"),
        (
            # Each Python here makes a virtual environment whose pip fails.
            'case "$*" in\n'
            '*--clear*) mkdir -p .venv/bin; cp "$0" .venv/bin/python;;\n'
            '*"-m pip"*) echo "ERROR: No matching distribution found for numpy"; exit 1;;\n'
            "esac",
            "No matching distribution found for numpy (log: .venv/pip.log)",
        ),
    ],
    ids=["too old", "no venv", "no package"],
)
def test_a_failed_installation_gives_one_clear_line(tmp_path: Path, script: str, line: str):
    for name in ("Makefile", "requirements.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    programs = tmp_path / "programs"
    programs.mkdir()
    for python in PYTHONS:
        (programs / python).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (programs / python).chmod(0o755)
    installation = subprocess.run(
        ["make", ".venv/installed"],
        cwd=tmp_path,
        env={"PATH": f"{programs}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )
    assert installation.returncode != 0
    told = [told for told in installation.stderr.splitlines() if not told.startswith("make")]
    assert len(told) == 1
    assert line in told[0]
