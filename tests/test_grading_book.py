"""The graded exercises of the book: one source a chapter, and what was made of it."""

import re

import lint
import nbformat
import pytest
import yaml
from grading_framework import ROOT

from grading.source import KINDS, read
from grading.student import student
from grading.verify import verify

SOURCES = {path.stem: read(path) for path in sorted((ROOT / "exercises").glob("*.ipynb"))}
CHAPTERS = {
    path.removeprefix("chapters/").removesuffix(".ipynb"): notebook
    for path, notebook in lint.notebooks(ROOT).items()
    if path.count("/") == 1
}
EACH = pytest.mark.parametrize("name", SOURCES)


def headings(chapter):
    cells = [cell.source for _, cell in lint.markdown_cells(CHAPTERS[chapter])]
    return re.findall(r"^#+ (.+)$", "\n".join(cells), re.MULTILINE)


def test_every_chapter_has_a_source():
    assert set(SOURCES) == set(CHAPTERS)


@EACH
def test_solutions_score_all_and_mistakes_nothing(name):
    assert verify(SOURCES[name]) == []


@EACH
def test_page_of_the_book_is_the_student_notebook(name):
    page = ROOT / "chapters" / "assignments" / f"{name}.ipynb"
    assert page.read_text(encoding="utf-8") == student(SOURCES[name]), "run: make assignments"


@EACH
def test_each_source_has_all_kinds_of_exercises_and_some_with_other_right_answers(name):
    exercises = SOURCES[name].exercises
    assert len(exercises) >= 5
    assert {exercise.kind for exercise in exercises} == set(KINDS)
    assert any(exercise.right for exercise in exercises)


@EACH
def test_title_is_that_of_the_chapter(name):
    title = headings(name)[0]
    first = SOURCES[name].introduction
    assert first.startswith(f"(as-{name})=\n# Assignment: {title}\n")
    assert f"**You need** {{ref}}`ch-{name}`. **Time:** " in first


def test_menu_has_the_titles_of_the_chapters():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    (pages,) = [
        part["chapters"][0]["sections"] for part in toc["parts"] if "Course" in part.values()
    ]
    titles = [(page["file"].rpartition("/")[2], page["title"]) for page in pages]
    assert titles == [(name, headings(name)[0]) for name in CHAPTERS]


@EACH
def test_each_mistake_is_told_where_to_read_again(name):
    for exercise in SOURCES[name].exercises:
        told = [wrong.feedback for wrong in exercise.wrong]
        assert len(set(told)) == len(told)
        for feedback in told:
            chapter, heading = re.search(r'See ch-([a-z-]+), "(.+)"\.$', feedback).groups()
            assert heading in headings(chapter), feedback


@EACH
def test_named_mistakes_are_those_of_the_syllabus(name):
    known = yaml.safe_load((ROOT / "tests" / "syllabus.yml").read_text(encoding="utf-8"))
    rows = re.findall(r"ERR-\d+", str(known))
    named = {m for e in SOURCES[name].exercises for wrong in e.wrong for m in wrong.mistakes}
    assert named and named <= set(rows)


def test_names_of_exercises_differ():
    names = [exercise.name for source in SOURCES.values() for exercise in source.exercises]
    assert len(set(names)) == len(names)


@EACH
def test_cells_are_as_short_as_those_of_the_chapters(name):
    page = nbformat.reads(student(SOURCES[name]), 4)
    seen = [cell.source for cell in page.cells if cell.cell_type == "code" and cell.id != "install"]
    seen += [
        re.sub("### (BEGIN|END) SOLUTION\n", "", code)
        for exercise in SOURCES[name].exercises
        for code in [exercise.answer, *exercise.right, *(wrong.code for wrong in exercise.wrong)]
    ]
    assert max(len(code.splitlines()) for code in seen) <= lint.MAX_LINES
    assert max(len(line) for code in seen for line in code.splitlines()) <= lint.MAX_WIDTH
