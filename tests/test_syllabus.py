"""Proves that each row of the syllabus is taught in its home chapter or admitted to be pending."""

from pathlib import Path

import pytest
import yaml
from lint import notebooks, tags
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

ROOT = Path(__file__).parents[1]
SYLLABUS = yaml.safe_load((ROOT / "tests/syllabus.yml").read_text(encoding="utf-8"))


def problems(syllabus: dict, chapters: dict[str, NotebookNode]) -> list[str]:
    """What is wrong between a syllabus and the chapters, given by the stem of their file names."""
    home = {row: chapter for chapter, rows in syllabus["chapters"].items() for row in rows}
    pending = set(syllabus["pending"])
    found = [f"{row} is pending, wanted a known row" for row in sorted(pending - home.keys())]
    taught = set()
    for chapter, notebook in chapters.items():
        for n, cell in enumerate(notebook.cells):
            for row in tags(cell, "syllabus:"):
                named = cell.cell_type == "markdown" and row in syllabus["named only"]
                if named or cell.get("execution_count") is not None:
                    taught.add((row, chapter))
                if row not in home:
                    found.append(f"{chapter}, cell {n}: tag for {row}, wanted a known row")
                if row in pending:
                    found.append(f"{chapter}, cell {n}: teaches {row}, wanted it not pending")
    return found + [
        f"{row}: no executed cell tagged in {chapter}, wanted one"
        for row, chapter in home.items()
        if row not in pending and (row, chapter) not in taught
    ]


def test_book_teaches_every_row_that_is_not_pending():
    assert not problems(SYLLABUS, {Path(p).stem: nb for p, nb in notebooks(ROOT).items()})


def test_each_row_has_one_home():
    rows = [row for rows in SYLLABUS["chapters"].values() for row in rows]
    assert len(rows) == len(set(rows))


def example() -> tuple[dict, NotebookNode]:
    syllabus = {
        "chapters": {"one": {"AAA-1": "computed", "AAA-2": "named"}, "two": {"BBB-1": "later"}},
        "named only": ["AAA-2"],
        "pending": ["BBB-1"],
    }
    code = new_code_cell("1 + 1", execution_count=1, metadata={"tags": ["syllabus:AAA-1"]})
    named = new_markdown_cell("Named.", metadata={"tags": ["syllabus:AAA-2"]})
    return syllabus, new_notebook(cells=[code, named])


def test_good_example_has_no_problems():
    syllabus, notebook = example()
    assert problems(syllabus, {"one": notebook}) == []


@pytest.mark.parametrize(
    ("plant", "problem"),
    [
        (
            lambda syllabus, code, named: code.update(execution_count=None),
            "AAA-1: no executed cell tagged in one, wanted one",
        ),
        (
            lambda syllabus, code, named: code.metadata.tags.clear(),
            "AAA-1: no executed cell tagged in one, wanted one",
        ),
        (
            lambda syllabus, code, named: syllabus["named only"].clear(),
            "AAA-2: no executed cell tagged in one, wanted one",
        ),
        (
            lambda syllabus, code, named: syllabus["chapters"]["two"].update({"BBB-2": "new"}),
            "BBB-2: no executed cell tagged in two, wanted one",
        ),
        (
            lambda syllabus, code, named: code.metadata.tags.append("syllabus:BBB-1"),
            "one, cell 0: teaches BBB-1, wanted it not pending",
        ),
        (
            lambda syllabus, code, named: named.metadata.tags.append("syllabus:AAA-9"),
            "one, cell 1: tag for AAA-9, wanted a known row",
        ),
        (
            lambda syllabus, code, named: syllabus["pending"].append("BBB-9"),
            "BBB-9 is pending, wanted a known row",
        ),
    ],
)
def test_planted_fault_is_found(plant, problem):
    syllabus, notebook = example()
    plant(syllabus, *notebook.cells)
    assert problems(syllabus, {"one": notebook}) == [problem]


def test_row_taught_in_another_chapter_only_is_missing():
    syllabus, notebook = example()
    assert problems(syllabus, {"two": notebook}) == [
        "AAA-1: no executed cell tagged in one, wanted one",
        "AAA-2: no executed cell tagged in one, wanted one",
    ]
