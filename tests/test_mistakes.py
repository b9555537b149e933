"""The pages of mistakes and symptoms: each entry fails in code, each symptom has its section."""

import re
from pathlib import Path

import nbformat
import pytest
from lint import asserts, code_cells
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

ROOT = Path(__file__).parents[1]
# What readers type into the search box.
SYMPTOMS = [
    "My loss is NaN",
    "My loss does not fall",
    "My gradient check fails",
    "All my neurons learn the same",
    "Accuracy stuck at 10 %",
]


def page(name: str) -> NotebookNode:
    return nbformat.read(ROOT / f"chapters/reference/{name}.ipynb", as_version=4)


def entries(notebook: NotebookNode) -> dict[str, list[NotebookNode]]:
    """The cells of each entry of the third level, by its label; "" where it has none."""
    found, label = {}, None
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for before, level in re.findall(r"(?m)^(.*)\n(#+) .*$", "\n" + cell.source):
                label = None
                if level == "###":
                    label = "".join(re.findall(r"^\((err-.*)\)=$", before))
                    found.setdefault(label, [])
        elif label is not None:
            found[label].append(cell)
    return found


def faults(notebook: NotebookNode) -> list[str]:
    """The entries of a page of mistakes that show nothing."""
    return [
        f"{label or 'no label'}: {len(cells)} code cells, wanted one that asserts"
        for label, cells in entries(notebook).items()
        if not label or len(cells) != 1 or not asserts(cells[0])
    ]


def test_every_mistake_has_a_label_and_fails_in_one_cell():
    notebook = page("mistakes")
    assert len(entries(notebook)) > 40 and faults(notebook) == []


@pytest.mark.parametrize(
    ("label", "cells", "problem"),
    [
        ("(err-sign)=\n", ["assert 1"], []),
        ("", ["assert 1"], ["no label: 1 code cells, wanted one that asserts"]),
        ("(err-sign)=\n", [], ["err-sign: 0 code cells, wanted one that asserts"]),
        ("(err-sign)=\n", ["print(1)"], ["err-sign: 1 code cells, wanted one that asserts"]),
        ("(err-sign)=\n", ["assert 1"] * 2, ["err-sign: 2 code cells, wanted one that asserts"]),
    ],
)
def test_entry_without_label_or_assertion_is_found(label, cells, problem):
    text = new_markdown_cell(f"Before.\n\n## Signs\n\n{label}### A sign\n\nWhy.")
    assert faults(new_notebook(cells=[text, *map(new_code_cell, cells)])) == problem


def test_every_symptom_has_a_section_with_code_and_its_line_in_the_table():
    notebook = page("debugging")
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    sections = dict(re.findall(r"(?m)^\((sym-.*)\)=\n## (.*)$", text))
    assert set(SYMPTOMS) <= set(sections.values())
    assert re.findall(r"(?m)^\| \{ref\}`(.*?)`", text) == list(sections)
    parts = re.split(r"\(sym-.*\)=", "\n".join(c.cell_type + c.source for c in notebook.cells))
    assert all("\ncode" in part for part in parts[1:])
    assert len(code_cells(notebook)) > len(sections)


def test_every_entry_that_a_symptom_names_exists():
    text = "\n".join(cell.source for cell in page("debugging").cells)
    named = set(re.findall(r"`(err-[\w-]+)`", text))
    assert len(named) > 15 and named <= entries(page("mistakes")).keys()
