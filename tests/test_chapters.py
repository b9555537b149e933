"""Holds every notebook to the rules of lint.py, and plants a fault that each rule must find."""

import os
import re
import subprocess
import sys
from collections import Counter
from copy import deepcopy
from itertools import pairwise
from pathlib import Path

import lint
import nbformat
import pytest
import yaml
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import dlutils

ROOT = Path(__file__).parents[1]
NOTEBOOKS = lint.notebooks(ROOT)
CHAPTERS = {path: nb for path, nb in NOTEBOOKS.items() if Path(path).parent.name == "chapters"}

# Cells whose output differs from run to run, such as a ratio of times; the cell says why.
UNCOMPARED = {
    "chapters/what-is-deep-learning.ipynb": 1,
    "chapters/forward-pass.ipynb": 1,
    "chapters/reference/debugging.ipynb": 1,
}


# ── The book keeps the rules ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("rule", lint.RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", NOTEBOOKS)
def test_notebook(path, rule):
    assert rule(NOTEBOOKS[path]) == []


@pytest.mark.parametrize("rule", lint.CHAPTER_RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", CHAPTERS)
def test_chapter(path, rule):
    assert rule(CHAPTERS[path]) == []


@pytest.mark.parametrize("path", CHAPTERS)
def test_chapter_label_is_its_file_name(path):
    assert CHAPTERS[path].cells[0].source.startswith(f"(ch-{Path(path).stem})=\n")


def test_table_of_contents_lists_every_page_once():
    files = [path for end in ("ipynb", "md") for path in ROOT.glob(f"chapters/**/*.{end}")]
    files = [
        path for path in files if not path.parent.name.startswith(".")
    ]  # Jupyter's checkpoints
    stems = [path.relative_to(ROOT).with_suffix("").as_posix() for path in files]
    assert sorted(lint.pages(ROOT)) == sorted(["index", *stems])
    assert "index.ipynb" in NOTEBOOKS


def test_uncompared_outputs_are_counted():
    counts = {
        path: sum("nbval-ignore-output" in lint.tags(cell) for cell in notebook.cells)
        for path, notebook in NOTEBOOKS.items()
    }
    assert {path: count for path, count in counts.items() if count} == UNCOMPARED


def test_install_cell_is_the_same_everywhere_and_installs_from_the_repository():
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    sources = {lint.code_cells(notebook)[0][1].source for notebook in NOTEBOOKS.values()}
    assert len(sources) == 1
    assert config["repository"]["url"] in sources.pop()


# ── Rules across notebooks ────────────────────────────────────────────────────────────────────────


def shared_functions(notebooks: dict[str, NotebookNode]) -> list[str]:
    """Functions that several notebooks define, and that therefore belong into dlutils."""
    homes = {
        (function.name, path)
        for path, notebook in notebooks.items()
        for _, cell in lint.code_cells(notebook)
        for function in lint.functions(cell)
    }
    counts = Counter(name for name, _ in homes)
    return [f"{name}: defined in {n} notebooks" for name, n in sorted(counts.items()) if n > 1]


def unproved_functions(notebook: NotebookNode) -> list[str]:
    """Functions named as in dlutils that neither their own nor the next cell compares with it."""
    cells = [cell for _, cell in lint.code_cells(notebook)]
    return [
        f"{function.name}: no assertion beside it"
        for cell, after in pairwise([*cells, new_code_cell("")])
        for function in lint.functions(cell)
        if hasattr(dlutils, function.name) and not (lint.asserts(cell) or lint.asserts(after))
    ]


def test_no_function_is_defined_in_two_notebooks():
    assert shared_functions(NOTEBOOKS) == []


@pytest.mark.parametrize("path", NOTEBOOKS)
def test_functions_written_by_hand_are_compared_with_dlutils(path):
    assert unproved_functions(NOTEBOOKS[path]) == []


# ── Each rule catches a planted fault ─────────────────────────────────────────────────────────────

EXERCISE = """
```{{exercise}} Exercise {0}
:label: ex-sample-{0}
*Explore, 5 minutes.* Change the input.
```

```{{solution-start}} ex-sample-{0}
:class: dropdown
```

The output changes too.

```{{solution-end}}
```
"""
OPENING = (
    "(ch-sample)=\n# A sample\n\n**Reading time:** 5 minutes, "
    "and about 30 minutes more for the exercises.\n\n" + "Every line is explained. " * 40
)
EQUATION = "The input is 0.5, so the sum is $-0.26$.\n\n$$\nz = w x\n$$ (eq-sum)\n"
QUESTIONS = "## Check yourself\n" + "\n:::{dropdown} Why?\nBecause.\n:::\n" * 3
EXERCISES = "## Exercises\n" + "".join(EXERCISE.format(n) for n in range(6))
FIGURE = {
    "figure": {"caption": "The sum at 0.5.", "name": "fig-sample"},
    "image": {"alt": "A straight line that falls from left to right."},
}


def good_chapter() -> NotebookNode:
    def code(source: str, *tags: str, **metadata: object) -> NotebookNode:
        return new_code_cell(source, metadata={"tags": list(tags), **metadata})

    def stream(text: str, name: str = "stdout") -> NotebookNode:
        return new_output("stream", name=name, text=text)

    notebook = new_notebook(
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        cells=[
            new_markdown_cell(OPENING),
            code("import dlutils", "install", "hide-input"),
            code("import numpy as np\nfrom dlutils.plotting import plot_network"),
            new_markdown_cell(EQUATION),
            code("x = 0.5\nassert np.isclose(z := -0.52 * x, -0.26)\nprint(z)", "checks:eq-sum"),
            code("ax = plot_network(x)", mystnb=FIGURE),
            new_markdown_cell("## Common mistakes"),
            code("1 / 0", "raises-exception"),
            new_markdown_cell(QUESTIONS),
            new_markdown_cell(EXERCISES),
            new_markdown_cell("## Summary"),
        ],
    )
    for count, (_, cell) in enumerate(lint.code_cells(notebook), start=1):
        cell.execution_count = count
    notebook.cells[4].outputs = [stream("-0.26\n")]
    notebook.cells[5].outputs = [new_output("display_data", {"image/svg+xml": "<svg></svg>"})]
    error = {"ename": "ZeroDivisionError", "evalue": "division by zero", "traceback": ["1 / 0"]}
    notebook.cells[7].outputs = [new_output("error", **error)]
    return notebook


@pytest.mark.parametrize("rule", lint.RULES + lint.CHAPTER_RULES, ids=lambda rule: rule.__name__)
def test_good_chapter_has_no_problems(rule):
    assert rule(good_chapter()) == []


def replace(n: int, old: str, new: str):
    """Plant another text into the source of cell n."""

    def plant(notebook: NotebookNode) -> None:
        assert old in notebook.cells[n].source
        notebook.cells[n].source = notebook.cells[n].source.replace(old, new)

    return plant


def tag(n: int, *tags: str):
    return lambda notebook: notebook.cells[n].metadata.update(tags=list(tags))


def figure(**changes: dict):
    """Plant other settings into the metadata of the figure in cell 5."""
    settings = nbformat.from_dict(FIGURE | changes)
    return lambda notebook: notebook.cells[5].metadata.update(mystnb=settings)


def output(n: int, kind: str, *data: dict, **fields: object):
    """Plant a further output into cell n."""
    return lambda notebook: notebook.cells[n].outputs.append(new_output(kind, *data, **fields))


UNKNOWN = "in prose, wanted an input or a printed output"
NOT_SVG = "wanted one image/svg+xml, as nbval compares it"
NO_ALT = "wanted at least 30 characters that say what is seen"
NO_CHECK = "no executed cell tagged checks:{0} or defines:{0}, wanted one"
PREFIXES = "wanted it to start with one of ch-, eq-, fig-, tbl-, ex-, sol-, err-, sym-"
HELPER = "def curve(x):\n    plt.plot(x)"
NESTED = "````{admonition} Note\n```{math}\n:label: eq-nested\nz\n```\n````\n"

FAULTS = [
    (
        lint.executed,
        lambda notebook: notebook.cells[4].update(execution_count=None),
        ["cell 4: execution count None, wanted 3"],
    ),
    (
        lint.executed,
        lambda notebook: notebook.cells[7].update(execution_count=6),
        ["cell 7: execution count 6, wanted 5"],
    ),
    (
        lint.executed,
        lambda notebook: notebook.cells.append(new_code_cell("\n")),
        ["cell 11: empty code cell, wanted code or no cell"],
    ),
    (
        lint.executed,
        tag(7),
        ["cell 7: ZeroDivisionError, wanted no error or the tag raises-exception"],
    ),
    (
        lint.executed,
        lambda notebook: notebook.cells[7].outputs.clear(),
        ["cell 7: no error, wanted one, as the tag raises-exception says"],
    ),
    (
        lint.executed,
        output(4, "stream", name="stderr", text="Warning"),
        ["cell 4: output on stderr, wanted none"],
    ),
    (
        lint.short_cells,
        replace(7, "1 / 0", "1\n\n" * 15 + "1 / 0"),
        ["cell 7: 16 lines, wanted at most 15"],
    ),
    (
        lint.short_cells,
        replace(7, "1 / 0", "1 / 0" + " + 0" * 19),
        ["cell 7: line of 81 characters, wanted at most 79"],
    ),
    (
        lint.mostly_short_cells,
        lambda notebook: [cell.update(source="1\n" * 5) for _, cell in lint.code_cells(notebook)],
        ["median cell: 5 lines, wanted at most 4"],
    ),
    (
        lint.enough_prose,
        lambda notebook: notebook.cells.pop(9) and notebook.cells.pop(0),
        ["18 words for 8 code lines, wanted 10 words a line"],
    ),
    (
        lint.one_import_cell,
        replace(5, "ax =", "%matplotlib inline\nif x:\n    from math import pi\nax ="),
        ["cell 5: imports, wanted all imports in cell 2"],
    ),
    (
        lint.install_cell,
        tag(1, "install"),
        ["cell 1: tags ['install'], wanted install and hide-input"],
    ),
    (
        lint.install_cell,
        tag(2, "install"),
        ["cell 2: tagged install, wanted only the first code cell so"],
    ),
    (lint.equations, tag(4), [f"equation eq-sum: {NO_CHECK.format('eq-sum')}"]),
    (
        lint.equations,
        lambda notebook: notebook.cells[4].update(execution_count=None),
        [f"equation eq-sum: {NO_CHECK.format('eq-sum')}"],
    ),
    (
        lint.equations,
        replace(4, "assert np.isclose", "print"),
        ["cell 4: tagged checks:eq-sum, wanted an assertion in it"],
    ),
    (
        lint.equations,
        replace(4, "assert np", '"assert"  # assert\nnp'),
        ["cell 4: tagged checks:eq-sum, wanted an assertion in it"],
    ),
    (
        lint.equations,
        tag(4, "defines:eq-sum", "checks:eq-gone"),
        ["cell 4: tag for eq-gone, wanted the label of an equation"],
    ),
    (
        lint.equations,
        replace(3, "$$\nz", NESTED + "\n$$\nz"),
        [f"equation eq-nested: {NO_CHECK.format('eq-nested')}"],
    ),
    (
        lint.equations,
        replace(10, "Summary", "Summary\n\n$$ z $$ (eq-sum)"),
        ["cell 10: equation label eq-sum twice, wanted it once"],
    ),
    (
        lint.equations,
        lambda notebook: [replace(3, "eq-sum", "sum")(notebook), tag(4, "defines:sum")(notebook)],
        ["cell 3: equation label sum, wanted it to start with eq-"],
    ),
    (
        lint.prose_numbers,
        replace(3, "$-0.26$", "$+0.27$"),
        [f"cell 3: 0.27 {UNKNOWN}"],
    ),
    (
        lint.prose_numbers,
        figure(figure={"caption": "The sum at 0.6."}),
        [f"cell 5: 0.6 {UNKNOWN}"],
    ),
    (
        lint.prose_numbers,
        figure(image={"alt": "A line through 0.7."}),
        [f"cell 5: 0.7 {UNKNOWN}"],
    ),
    (
        lint.figures,
        figure(figure={"name": "fig-a"}),
        ["cell 5: no mystnb.figure.caption, wanted what the figure means"],
    ),
    (
        lint.figures,
        figure(figure={"caption": "A line.", "name": "line"}),
        ["cell 5: mystnb.figure.name line, wanted fig-…"],
    ),
    (lint.figures, figure(image={}), [f"cell 5: mystnb.image.alt '', {NO_ALT}"]),
    (
        lint.figures,
        figure(image={"alt": "_images/0123456789abcdef0123456789.svg"}),
        [f"cell 5: mystnb.image.alt '_images/0123456789abcdef0123456789.svg', {NO_ALT}"],
    ),
    (
        lint.figures,
        output(5, "display_data", {"image/svg+xml": "<svg></svg>"}),
        [f"cell 5: ['image/svg+xml', 'image/svg+xml'], {NOT_SVG}"],
    ),
    (
        lint.figures,
        output(4, "display_data", {"text/html": '<div class="sliders"></div>'}),
        [
            "cell 4: no mystnb.figure.caption, wanted what the figure means",
            "cell 4: mystnb.figure.name None, wanted fig-…",
        ],
    ),
    (
        lint.figures,
        replace(10, "Summary", "![](photo.png)"),
        ["cell 10: image without alt text, wanted one"],
    ),
    (
        lint.figures,
        replace(10, "Summary", '<img src="photo.png">'),
        ["cell 10: image without alt text, wanted one"],
    ),
    (
        lint.figures,
        replace(10, "Summary", "\n```{figure} photo.png\nA caption.\n```"),
        ["cell 10: image without alt text, wanted one"],
    ),
    (
        lint.compared,
        tag(4, "nbval-ignore-output"),
        ["cell 4: output ignored, wanted a comment '# not compared: reason'"],
    ),
    (
        lint.compared,
        tag(4, "nbval-skip"),
        ["cell 4: tag nbval-skip, wanted no nbval tag but nbval-ignore-output"],
    ),
    (
        lint.compared,
        replace(4, "x = 0.5", "# NBVAL_IGNORE_OUTPUT\nx = 0.5"),
        ["cell 4: comment NBVAL_IGNORE_OUTPUT, wanted no marker in a comment"],
    ),
    (lint.labels, replace(0, "(ch-", "(chapter-"), [f"cell 0: label chapter-sample, {PREFIXES}"]),
    (
        lint.labels,
        replace(9, ":label: ex-sample-0", ":label: sample"),
        [f"cell 9: label sample, {PREFIXES}"],
    ),
    (
        lint.labels,
        figure(figure={"caption": "A line.", "name": "line"}),
        [f"cell 5: label line, {PREFIXES}"],
    ),
    (
        lint.clean,
        lambda notebook: notebook.metadata.update(language_info={"version": "3.11.7"}),
        ["notebook metadata ['kernelspec', 'language_info'], wanted kernelspec alone"],
    ),
    (
        lint.clean,
        lambda notebook: notebook.cells[4].metadata.update(execution={}),
        ["cell 4: timing in cell metadata, wanted none"],
    ),
    (
        lint.clean,
        output(4, "stream", text="at /home/ada/book"),
        ["cell 4: path /home/ada/book, wanted no path of a machine"],
    ),
    (
        lint.clean,
        lambda notebook: notebook.cells[7].outputs[0].traceback.append("\x1b[32m/x/lib/net.py:7"),
        ["cell 7: path /x/lib/net.py, wanted no path of a machine"],
    ),
    (
        lint.clean,
        replace(5, "(x)", "(x);"),
        ["cell 5: ends in a semicolon, wanted the value shown or no value"],
    ),
    (
        lint.no_plotting_helper,
        replace(5, "ax =", HELPER + "\nax ="),
        ["cell 5: curve uses plt, wanted it in dlutils.plotting"],
    ),
    (
        lint.sections,
        replace(0, "(ch-sample)=\n", ""),
        [r"cell 0: starts with '# A sample\n\n**Readin', wanted the label (ch-…)="],
    ),
    (
        lint.times,
        replace(0, "5 minutes,", "short,"),
        [f"cell 0: no times, wanted {lint.STATED_TIMES!r}"],
    ),
    (
        lint.times,
        replace(0, "5 minutes,", "10 minutes,"),
        [
            "cell 0: 10 minutes of reading, counted 1.7, wanted the next multiple of 5, at most 45",
        ],
    ),
    (
        lint.times,
        replace(6, "## ", "Every word takes its time. " * 1800 + "\n\n## "),
        ["cell 0: 5 minutes of reading, counted 61.7, wanted the next multiple of 5, at most 45"],
    ),
    (
        lint.times,
        replace(9, "Explore, 5 minutes", "Explain by a number, 10 minutes"),
        ["cell 0: 30 minutes for exercises that say 60 in all"],
    ),
    (
        lint.sections,
        replace(6, "## ", "### "),
        [f"sections ['Check yourself', 'Exercises', 'Summary'], wanted {lint.SECTIONS}"],
    ),
    (
        lint.questions,
        replace(8, QUESTIONS, QUESTIONS.replace("{dropdown}", "{note}")),
        ["0 questions to check yourself, wanted 3 to 5"],
    ),
    (
        lint.questions,
        replace(8, "yourself\n", "yourself\n" + QUESTIONS[18:]),
        ["6 questions to check yourself, wanted 3 to 5"],
    ),
    (lint.exercises, replace(9, EXERCISE.format(5), ""), ["5 exercises, wanted at least 6"]),
    (
        lint.exercises,
        replace(9, "```{solution-start} ex-sample-2", "```{solution-start} ex-sample-9"),
        [
            "cell 9: exercise ex-sample-2 with 0 solutions, wanted one",
            "solution of ex-sample-9, wanted an exercise of that label",
        ],
    ),
    (
        lint.exercises,
        replace(9, "ex-sample-1\n:class: dropdown", "ex-sample-1"),
        ["cell 9: solution not folded, wanted :class: dropdown"],
    ),
    (
        lint.exercises,
        lambda notebook: notebook.cells[9].update(
            source=notebook.cells[9].source.rpartition("```{solution-end}")[0]
        ),
        [
            f"{['solution-start', 'solution-end'] * 5 + ['solution-start']}, "
            "wanted solution-start and solution-end in turn"
        ],
    ),
]


@pytest.mark.parametrize(("rule", "plant", "problems"), FAULTS)
def test_planted_fault_is_found(rule, plant, problems):
    notebook = good_chapter()
    plant(notebook)
    assert rule(notebook) == problems


def test_every_rule_has_a_planted_fault():
    assert {rule for rule, *_ in FAULTS} == {*lint.RULES, *lint.CHAPTER_RULES}


def test_function_defined_in_two_notebooks_is_found():
    notebooks = {"one": good_chapter(), "two": good_chapter()}
    replace(5, "ax =", "def twice(x):\n    return 2 * x\nax =")(notebooks["one"])
    assert shared_functions(notebooks) == []
    replace(7, "1 / 0", "def twice(x):\n    return x + x")(notebooks["two"])
    assert shared_functions(notebooks) == ["twice: defined in 2 notebooks"]


def test_function_named_as_in_dlutils_without_assertion_is_found():
    by_hand = "def numerical_gradient(f, x):\n    return f(x)"
    notebook = good_chapter()
    replace(2, "import numpy", by_hand + "\nimport numpy")(notebook)
    assert unproved_functions(notebook) == []  # the next code cell asserts
    replace(4, "assert", "print()\nnot")(notebook)
    assert unproved_functions(notebook) == ["numerical_gradient: no assertion beside it"]


# ── Numbers in prose ──────────────────────────────────────────────────────────────────────────────

NUMBERS = """x, rate, w = 0.5, 2.5e-7, -0.75  # not 0.111
print(f"{1:.4f}", "0.222")"""
STREAM = "0.73911503 [-0.00294074 -0.00470519]\n0.972 1.5e-03 0.125 4.\n"
HTML = "<style>td {width: 0.333px}</style><td style='width: 0.444px'>-0.20463093</td>"


@pytest.mark.parametrize(
    ("prose", "problems"),
    [
        ("0.5 is an input, 0.73911503 an output, and 0.739 rounds it, as 0.50 and 4.0 do", []),
        ("0.738 and 0.740 do not, nor 0.73911504", ["0.738", "0.740", "0.73911504"]),
        ("a tie rounds to 0.12 or 0.13 but not 0.14", ["0.14"]),
        ("$w = -0.75$, $\\partial W = [-0.0029,-0.0047]$, −0.75, is -0.75, |w| = 0.75", []),
        ("$z = -0.5$ has the wrong sign, and is −0.739 too", ["-0.5", "-0.739"]),
        ("$\\begin{pmatrix}-0.5\\end{pmatrix} \\approx-0.97$", ["-0.5", "-0.97"]),
        ("$x-0.5$, $\\hat y - 0.739$, $(1)-0.5$, 1 - 0.5 and e^{-0.5}$ subtract or negate", []),
        ("0.3–0.5 is a range", ["0.3"]),
        ("$2.5 \\times 10^{-7}$, 2.5e-7, 2.5 · 10⁻⁷, 1.5 × 10⁻³, $0.15\\cdot10^{-2}$", []),
        ("$2.5 \\times 10^{-6}$, 2.4e-7", ["2.5 \\times 10^{-6}", "2.4e-7"]),
        ("97.2 %, 97.2%, $97.2\\,\\%$, 97.2 percent, 0.972", []),
        ("97.2 and 97.3 %", ["97.2", "97.3 %"]),
        ("0.111 0.222 0.333 0.444", ["0.111", "0.222", "0.333", "0.444"]),
        ("the magnitude 0.2046 of a printed table entry −0.2046", []),
        ("1,000.5 is one number", ["1,000.5"]),
        ("`0.9`, [link](page-0.9.html), {footcite:p}`a0.9` and https://x.org/0.9 do not count", []),
        ("```python\n0.9\n```\n\n```{code-block} python\n0.9\n```", []),
        ("```{admonition} Of 0.91\n:width: 0.9\nIs 0.92.\n```", ["0.91", "0.92"]),
        ("````{exercise}\n:label: ex-a\n```{math}\n:label: eq-a\n0.93\n```\n````", ["0.93"]),
        (":::{dropdown} Is it 0.94?\nNo, $0.95$.\n:::", ["0.94", "0.95"]),
        ("![at 0.96](plot.svg)\n\n| 0.97 |\n|---|\n| **0.98** |", ["0.96", "0.98"]),
        ("Python 3.11, Python ≥ 3.11–3.13, NumPy 2.0, 1.2.3, v1.2, CC BY 4.0", []),
        ("arXiv:1412.6980, doi:10.1007/s11.22", []),
        ("$$\nJ = 0.034\n$$ (eq-j)\n\n\\begin{align}\n0.035\n\\end{align}", ["0.034", "0.035"]),
        ("by hand 0.03406 <!-- number 0.03406: rounded on the way -->", []),
        ("by hand −0.00617 <!-- number -0.00617: truncated -->, again −0.00617", []),
        (
            "by hand 0.03406 <!-- number -0.03406: other sign -->",
            ["escape for -0.03406, wanted none, as it is not needed", "0.03406"],
        ),
        (
            "by hand 0.03406 <!-- number 0.03406: -->",
            ["escape for 0.03406, wanted a reason after a colon"],
        ),
        (
            "by hand 0.03406 <!-- number 0.03406 -->",
            ["escape for 0.03406, wanted a reason after a colon"],
        ),
        (
            "by hand 0.739 <!-- number 0.739: known anyway -->",
            ["escape for 0.739, wanted none, as it is not needed"],
        ),
        ("a comment <!-- of 0.9 --> and 3 integers, 64-32-10", []),
    ],
)
def test_numbers_in_prose(prose, problems):
    code = new_code_cell(NUMBERS)
    code.outputs = [
        new_output("stream", text=STREAM),
        new_output("display_data", {"text/html": HTML}),
    ]
    notebook = new_notebook(cells=[code, new_markdown_cell(prose)])
    expected = [
        f"cell 1: {problem}" if "escape" in problem else f"cell 1: {problem} {UNKNOWN}"
        for problem in problems
    ]
    assert lint.prose_numbers(notebook) == expected


# ── nbval compares what readers see ───────────────────────────────────────────────────────────────


def alter(notebook: NotebookNode, mime: str, old: str, new: str) -> int:
    """Change the first stored output of a kind that contains a text; return nbval's cell number."""
    for n, (_, cell) in enumerate(lint.code_cells(notebook)):
        for output in cell.outputs:
            data = output if mime == "text" else output.get("data", {})
            if old in data.get(mime, ""):
                data[mime] = data[mime].replace(old, new)
                return n
    raise AssertionError(f"no {mime} output contains {old}")


def test_nbval_fails_on_stored_outputs_changed_by_hand(tmp_path):
    notebook = deepcopy(NOTEBOOKS["chapters/forward-pass.ipynb"])
    number = alter(notebook, "text", "0.73911503", "0.73911504")
    figure = alter(notebook, "image/svg+xml", "<path", '<path class="altered"')
    nbformat.write(notebook, tmp_path / "altered.ipynb")
    options = ["--nbval", "--nbval-current-env", "--tb=no", "-rf", "-p", "no:cacheprovider"]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "-c", os.devnull, "--rootdir", ".", "."],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    failed = [int(n) for n in re.findall(r"FAILED altered.ipynb::Cell (\d+)", run.stdout)]
    assert failed == sorted([number, figure]), run.stdout
    assert f"2 failed, {len(lint.code_cells(notebook)) - 2} passed" in run.stdout
