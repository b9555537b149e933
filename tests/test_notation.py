"""The page on notation: no letter is missing or comes before its row; every convention is real."""

import json
import re
from pathlib import Path

import nbformat
import pytest
from lint import notebooks, tags
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_notebook
from symbols import formulas, symbols

ROOT = Path(__file__).parents[1]
PAGE = nbformat.read(ROOT / "chapters/reference/notation.ipynb", as_version=4)
CHAPTERS = {
    Path(path).stem: notebook
    for path, notebook in notebooks(ROOT).items()
    if Path(path).parent.name == "chapters"
}
FACTS = json.loads((ROOT / "tests/fixtures/conventions.json").read_text(encoding="utf-8"))
CONVENTIONS = 15


def tables(page: NotebookNode) -> list[list[list[str]]]:
    """The tables of the page, typed and computed, each as its rows of cells with the head."""
    texts = [cell.source for cell in page.cells if cell.cell_type == "markdown"]
    outputs = [output for cell in page.cells for output in cell.get("outputs", [])]
    texts += [output.get("data", {}).get("text/markdown", "") for output in outputs]
    found = [lines for text in texts for lines in re.findall(r"(?m)(?:^\|.*\n?)+", text)]
    rows = [[row.strip("| ").split(" | ") for row in lines.splitlines()] for lines in found]
    return [[head, *body] for head, _, *body in rows]


def letters(page: NotebookNode) -> tuple[list[tuple[str, str]], set[tuple[str, str]]]:
    """Letters with the label where they come first, and those of single chapters."""
    shared, local = [], set()
    for head, *rows in tables(page):
        if head[0] == "letter":
            shared += [(symbols(row[0])[0], row[3].split("`")[1]) for row in rows]
        elif head[0] == "sign":
            signs = [(symbol, row[2].split("`")[1]) for row in rows for symbol in symbols(row[0])]
            shared += [(symbol, label) for symbol, label in signs if " " in symbol]
        elif head == ["chapter", "letters"]:
            for chapter, listed in rows:
                name = chapter.split("`")[1].removeprefix("ch-")
                told = "".join(re.findall(r"\$[^$]*\$", listed))
                local |= {(name, symbol) for symbol in symbols(told)}
    return shared, local


def problems(page: NotebookNode, chapters: dict[str, NotebookNode]) -> list[str]:
    """What is wrong between the page and the chapters, which are given by name, in order."""
    shared, local = letters(page)
    order = list(chapters)
    used = {
        name: {symbol for _, tex in formulas(notebook) for symbol in symbols(tex)}
        for name, notebook in chapters.items()
    }
    equations = {
        label: (name, set(symbols(tex)))
        for name, notebook in chapters.items()
        for label, tex in formulas(notebook, labeled=True)
    }
    found, homes = [], {}
    for symbol, label in shared:
        is_page = label.startswith("ch-")
        name = label.removeprefix("ch-")
        name, there = (name, used[name]) if is_page else equations[label]
        homes.setdefault(symbol, []).append(name)
        if symbol not in there:
            found.append(f"{symbol}: not in {label}, wanted where it comes first")
    for name, symbol in sorted(local):
        if symbol not in used[name]:
            found.append(f"{symbol}: not in {name}, wanted a letter of that chapter")
    for name in order:
        for symbol in sorted(used[name]):
            at_home = [order.index(home) for home in homes.get(symbol, [])]
            known = [place for place in at_home if place <= order.index(name)]
            later = len(at_home) > len(known)
            labeled = any(symbol in there for home, there in equations.values() if home == name)
            if not known and (labeled or later) and (name, symbol) not in local:
                found.append(f"{symbol}: in {name} before any row of the page, wanted a row")
    return found


def test_every_letter_is_listed_where_it_comes_first():
    assert problems(PAGE, CHAPTERS) == []
    shared, local = letters(PAGE)
    assert len(shared) > 40 and len(local) > 50


def book() -> tuple[NotebookNode, dict[str, NotebookNode]]:
    table = (
        "| letter | meaning | shape | first in |\n|:-|:-|:-|:-|\n"
        "| $w$ | weights | $(n_0,)$ | {eq}`eq-sum` |\n\n"
        "| chapter | letters |\n|:-|:-|\n| {ref}`ch-one` | $x$ inputs, $z$ sum |\n"
        "| {ref}`ch-two` | $h$ step |\n"
    )
    texts = {"one": "$x$\n\n$$\nz = w x\n$$ (eq-sum)\n", "two": "A $w$.\n\n$$\nh = 2\n$$ (eq-h)\n"}
    page = new_notebook(cells=[new_markdown_cell(table)])
    return page, {k: new_notebook(cells=[new_markdown_cell(t)]) for k, t in texts.items()}


def test_good_book_has_no_problems():
    assert problems(*book()) == []


@pytest.mark.parametrize(
    ("where", "old", "new", "problem"),
    [
        ("page", "$h$ step", "$q$ step", "q: not in two, wanted a letter of that chapter"),
        ("page", "$h$ step", "step", "h: in two before any row of the page, wanted a row"),
        ("page", "eq-sum", "eq-h", "w: not in eq-h, wanted where it comes first"),
        ("page", "eq-sum", "ch-two", "w: in one before any row of the page, wanted a row"),
        ("one", "z =", r"\hat z = z", r"\hat z: in one before any row of the page, wanted a row"),
    ],
)  # fmt: skip
def test_planted_fault_is_found(where, old, new, problem):
    page, chapters = book()
    cell = (page if where == "page" else chapters[where]).cells[0]
    cell.source = cell.source.replace(old, new)
    assert problem in problems(page, chapters)


@pytest.mark.parametrize(
    ("tex", "found"),
    [
        (r"Z = X W^{\mathsf T} + b", ["Z", "X", "W", "b"]),
        (r"\hat y_n = \tilde{w} \mathrm{ReLU}(z) \text{ if}", [r"\hat y", "n", r"\tilde w", "z"]),
        (r"\frac{\partial C}{\partial \theta} \leftarrow \ln \bar f", ["C", r"\theta", r"\bar f"]),
    ],
)  # fmt: skip
def test_letters_of_a_formula(tex, found):
    assert symbols(tex) == found


# ── Conventions ───────────────────────────────────────────────────────────────────────────────────


def experiments() -> dict[str, dict[str, object]]:
    """What the cells of the page find, by experiment and column."""
    names = {}
    for cell in PAGE.cells:
        if cell.cell_type == "code" and "install" not in tags(cell):
            exec(cell.source, names)
    columns = names["columns"]
    return {e: dict(zip(columns, row, strict=True)) for e, row in names["found"].items()}


def test_rules_of_pytorch_and_keras_give_what_they_give():
    found = experiments()
    assert len(found) == CONVENTIONS == len(FACTS["Keras"]) - 1
    for library, facts in FACTS.items():
        for name, fact in facts.items():
            if name == "version":
                continue
            value = found[name][library]
            assert value == pytest.approx(tuple(fact) if name == "weights" else fact, abs=1e-7), (
                name
            )


def test_page_names_the_releases_that_were_asked():
    text = "".join(cell.source for cell in PAGE.cells)
    for library, facts in FACTS.items():
        assert f"{library} {facts['version'].rsplit('.', 1)[0]}" in text


def test_each_convention_has_an_experiment_and_a_cell_for_each_library():
    (rules,) = [table for table in tables(PAGE) if table[0][0] == "topic"]
    (results,) = [table for table in tables(PAGE) if table[0][0] == "experiment"]
    assert rules[0][1:6] == results[0][1:]
    assert {len(row) for row in rules} == {7}
    # Dropout has two experiments.
    assert len(rules) - 1 == CONVENTIONS - 1
    dashes = [[cell == "–" for cell in row[1:6]] for row in rules[1:]]
    names = [row for row in results[1:] if row[0] != "dropout, kept number"]
    assert [[cell == "–" for cell in row[1:]] for row in names] == dashes
