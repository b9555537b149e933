"""The rules every notebook keeps, so that what a reader sees has been executed and compared.

A rule takes a notebook and returns its problems, an empty list for a good one. Cells are numbered
by their position among all cells, from 0; nbval's "Cell 3" counts code cells alone.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from statistics import median
from typing import NamedTuple

import nbformat
import yaml
from IPython.core.inputtransformer2 import TransformerManager
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from myst_parser.config.main import MdParserConfig
from myst_parser.parsers.mdit import create_md_parser
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

MAX_LINES, MAX_WIDTH, MAX_MEDIAN_LINES, MIN_WORDS_PER_LINE = 15, 79, 4, 10
MIN_ALT_LENGTH, MIN_EXERCISES, QUESTIONS = 30, 6, range(3, 6)
MAX_READING, SECONDS_A_WORD, SECONDS_A_LINE, SECONDS_A_BOX = 45, 60 / 150, 60 / 15, 60
STATED_TIMES = (
    r"\*\*Reading time:\*\* (\d+) minutes, and about (\d+) minutes more for the exercises"
)
SECTIONS = ["Common mistakes", "Check yourself", "Exercises", "Summary"]
# The last two: an entry of the page of mistakes, a symptom of the debugging guide.
LABEL_PREFIXES = ("ch-", "eq-", "fig-", "tbl-", "ex-", "sol-", "err-", "sym-")


# ── Reading the book ──────────────────────────────────────────────────────────────────────────────


def pages(root: Path) -> list[str]:
    """The files that _toc.yml names, in its order, without their suffix."""

    def files(entry: object) -> Iterator[str]:
        if isinstance(entry, dict):
            yield from (entry[key] for key in ("root", "file") if key in entry)
        if isinstance(entry, dict | list):
            for child in entry.values() if isinstance(entry, dict) else entry:
                yield from files(child)

    return list(files(yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))))


def notebooks(root: Path) -> dict[str, NotebookNode]:
    """The notebooks of _toc.yml by path, but for assignments, which are not executed."""
    paths = [page + ".ipynb" for page in pages(root) if "/assignments/" not in page]
    return {p: nbformat.read(root / p, as_version=4) for p in paths if (root / p).exists()}


# ── Reading a notebook ────────────────────────────────────────────────────────────────────────────


def code_cells(notebook: NotebookNode) -> list[tuple[int, NotebookNode]]:
    return [(n, cell) for n, cell in enumerate(notebook.cells) if cell.cell_type == "code"]


def markdown_cells(notebook: NotebookNode) -> list[tuple[int, NotebookNode]]:
    return [(n, cell) for n, cell in enumerate(notebook.cells) if cell.cell_type == "markdown"]


def tags(cell: NotebookNode, prefix: str = "") -> list[str]:
    """The cell's tags that start with a prefix, without it."""
    found = cell.metadata.get("tags", [])
    return [tag.removeprefix(prefix) for tag in found if tag.startswith(prefix)]


def line_count(cell: NotebookNode) -> int:
    return sum(bool(line.strip()) for line in cell.source.splitlines())


@cache
def nodes(source: str) -> list[ast.AST]:
    """The syntax nodes of a code cell, IPython's magics turned into calls."""
    return list(ast.walk(ast.parse(TransformerManager().transform_cell(source))))


def functions(cell: NotebookNode) -> list[ast.AST]:
    """Functions that a cell defines, but for methods whose names Python prescribes: __init__."""
    defined = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = [n for n in nodes(cell.source) if isinstance(n, defined)]
    return [n for n in found if not n.name.startswith("__")]


def asserts(cell: NotebookNode) -> bool:
    """Whether a cell has an assert statement or a call that raises like one."""
    calls = [ast.unparse(n.func) for n in nodes(cell.source) if isinstance(n, ast.Call)]
    return any(isinstance(n, ast.Assert) for n in nodes(cell.source)) or any(
        ".testing." in call or call.split(".")[-1].startswith(("assert", "check_"))
        for call in calls
    )


# ── Reading Markdown, with MyST's own parser ──────────────────────────────────────────────────────

MARKDOWN = create_md_parser(
    MdParserConfig(enable_extensions={"amsmath", "colon_fence", "deflist", "dollarmath"}),
    RendererHTML,
)
CODE_DIRECTIVES = ("code", "code-block", "code-cell", "eval-rst", "literalinclude")
OPTION = r"[ \t]*:[\w-]+:.*(?:\n|$)"


@cache
def parse(source: str) -> list[Token]:
    """The block tokens of a Markdown source, each directive followed by those of its content."""
    tokens = []
    for token in MARKDOWN.parse(source):
        tokens.append(token)
        directive = re.fullmatch(r"\{([\w:-]+)\}\s*(.*)", token.info.strip())
        if token.type not in ("fence", "colon_fence") or not directive:
            continue
        name, argument = directive.groups()
        head = re.match(rf"---\n(?:.*\n)*?---(?:\n|$)|(?:{OPTION})*", token.content)[0]
        body = token.content.removeprefix(head)
        token.meta = dict(re.findall(r"^[ \t]*:?([\w-]+):[ \t]*(.*?)[ \t]*$", head, re.MULTILINE))
        token.meta |= {"directive": name, "argument": argument}
        token.type = "directive"
        if name == "math":
            token.type, token.content = "math_block", f"{argument}\n{body}"
        elif name in ("figure", "image"):  # the argument is a path
            tokens += parse(body)
        elif name not in CODE_DIRECTIVES:
            tokens += parse(argument) + parse(body)
    return tokens


def directives(tokens: list[Token], *names: str) -> list[Token]:
    return [token for token in tokens if token.meta.get("directive") in names]


def own_labels(tokens: list[Token]) -> list[str]:
    """The labels that directives give themselves."""
    options = [(token.meta, key) for token in tokens for key in ("label", "name")]
    return [meta[key] for meta, key in options if "directive" in meta and key in meta]


def equation_labels(tokens: list[Token]) -> list[str]:
    dollars = [token.info for token in tokens if token.type == "math_block_label"]
    return dollars + own_labels(directives(tokens, "math"))


def visible(token: Token) -> str:
    """The text and TeX that a reader sees of a token, without code, links' targets, citations."""
    if token.type == "inline":
        return "".join(map(visible, token.children))
    if token.type.startswith("html"):
        return re.sub(r"(?s)<!--.*?-->|<[^>]*>", " ", token.content)
    if token.type == "myst_role" and re.match("cite|footcite|code", token.meta["name"]):
        return " "
    if token.type == "directive":
        return token.meta.get("alt", "")
    shown = token.type.startswith(("math", "amsmath", "text", "image", "myst_role"))
    return token.content if shown else " "


def word_count(cell: NotebookNode) -> int:
    """The words of a Markdown cell; neither formulas nor code are words."""
    inline = [child for t in parse(cell.source) for child in t.children or []]
    words = " ".join(child.content for child in inline if child.type == "text").split()
    return sum(any(map(str.isalpha, word)) for word in words)


# ── Numbers ───────────────────────────────────────────────────────────────────────────────────────

NUMBER = re.compile(
    r"""(?x) (?<![\d.])
    (?P<digits> (?:\d{1,3}(?:,\d{3})+ (?=\.) | \d*) \.\d+ | \d+\.? )
    (?: [eE](?P<e>[-+]?\d+) | \s*(?:\\times|\\cdot|×|·)\s*10\^\{?(?P<power>[-+]?\d+)\}? )?
    (?P<percent> \s*\\?% | \s+percent\b )?"""
)
NOT_A_NUMBER = re.compile(
    r"""(?x) https?://\S+ | \b10\.\d{4,}/\S+ | (?i:arxiv)[:\s]*\d{4}\.\d{4,5}
    | \d+(?:\.\d+){2,} | \bv\d+\.\d+
    | \b(?: CC\ BY(?:-[A-Z]+)* | Python | NumPy | Matplotlib | PyTorch | Jupyter\ Book | [Vv]ersion)
      [\s≥>=]*\d+\.\d+ (?: (?:–|-|\ or\ )\d+\.\d+ )*"""
)
# What a minus follows when it is a sign and not a subtraction.
BEFORE_A_SIGN = re.compile(
    r"""(?x) (?: ^ | [^\w)\]}'%\s] | \\begin\{[a-z]+\*?\}
    | \\(?:approx|cdot|times|to|in|leq?|geq?|lt|gt|neq?|equiv|sim|q?quad|left|[bB]igl?|implies)
    ) \s* $"""
)
SUPERSCRIPTS = str.maketrans("⁻⁺⁰¹²³⁴⁵⁶⁷⁸⁹", "-+0123456789")
ESCAPE = re.compile(r"(?s)<!--\s*number\s+([^:]*?)\s*(?::\s*(.*?)\s*)?-->")


class Number(NamedTuple):
    text: str
    value: Decimal
    percent: bool

    def rounds(self, values: set[Decimal]) -> bool:
        """Whether one of the values, rounded to this number's digits, is this number.

        A tie may round both ways. A number without a sign may state a magnitude.
        """
        for scale in (0, -2) if self.percent else (0,):
            wanted = self.value.scaleb(scale)
            half_unit = Decimal(5).scaleb(wanted.as_tuple().exponent - 1)
            if any(
                abs((value if wanted < 0 else abs(value)) - wanted) <= half_unit for value in values
            ):
                return True
        return False


def negative(before: str) -> bool:
    """Whether the text before a number ends in a sign: "= -1" and "is -1", not "a - 1" or "a-1"."""
    left = before.rstrip()
    if not left.endswith("-"):
        return False
    left = left[:-1]
    if re.search(r"\^\{?\s*$", left):  # in e^{-z} the minus is the formula's, not the value's
        return False
    glued = before.endswith("-") and left[-1:].isspace()
    return glued or bool(BEFORE_A_SIGN.search(left))


def numbers(text: str) -> Iterator[Number]:
    text = re.sub(r"\\[,;:! ]|[~\u00a0\u202f]", " ", text).replace("−", "-")
    text = re.sub("[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda m: "^" + m[0].translate(SUPERSCRIPTS), text)
    for match in NUMBER.finditer(text):
        sign = "-" if negative(text[max(0, match.start() - 40) : match.start()]) else ""
        exponent = match["e"] or match["power"] or "0"
        value = Decimal(f"{sign}{match['digits'].replace(',', '')}e{exponent}")
        yield Number(sign + match[0], value, bool(match["percent"]))


def decimals(text: str) -> list[Number]:
    """The numbers of a prose text that have a decimal point and state a quantity."""
    found = numbers(NOT_A_NUMBER.sub(" ", text))
    return [number for number in found if re.search(r"\.\d", number.text)]


def inputs(source: str) -> Iterator[Decimal]:
    """The numbers in a code cell's statements, not those in its strings and comments."""
    for node in nodes(source):
        sign = 1
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            sign, node = -1, node.operand
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            yield sign * Decimal(repr(node.value))


def printed(cell: NotebookNode) -> Iterator[str]:
    """The texts that a code cell printed."""
    for output in cell.outputs:
        data = output.get("data", {})
        yield output.get("text", "")
        yield from (data.get(mime, "") for mime in ("text/plain", "text/markdown"))
        html = data.get("text/html", "")
        yield re.sub(r"(?s)<(style|script|svg)\b.*?</\1>|<[^>]*>", " ", html)


# ── The rules ─────────────────────────────────────────────────────────────────────────────────────


def executed(notebook: NotebookNode) -> list[str]:
    """Every code cell ran, in order, and only where it was meant to did it fail or warn."""
    problems = []
    for wanted, (n, cell) in enumerate(code_cells(notebook), start=1):
        if not cell.source.strip():
            problems.append(f"cell {n}: empty code cell, wanted code or no cell")
        elif cell.execution_count != wanted:
            problems.append(f"cell {n}: execution count {cell.execution_count}, wanted {wanted}")
        failed = [o.ename for o in cell.outputs if o.output_type == "error"]
        meant = "raises-exception" in tags(cell)
        if failed and not meant:
            problems.append(f"cell {n}: {failed[0]}, wanted no error or the tag raises-exception")
        if meant and not failed:
            problems.append(f"cell {n}: no error, wanted one, as the tag raises-exception says")
        if any(output.get("name") == "stderr" for output in cell.outputs):
            problems.append(f"cell {n}: output on stderr, wanted none")
    return problems


def short_cells(notebook: NotebookNode) -> list[str]:
    """A code cell holds one idea, and the page shows all of it."""
    lengths = {n: line_count(cell) for n, cell in code_cells(notebook)}
    problems = [
        f"cell {n}: {length} lines, wanted at most {MAX_LINES}"
        for n, length in lengths.items()
        if length > MAX_LINES
    ]
    problems += [
        f"cell {n}: line of {len(line)} characters, wanted at most {MAX_WIDTH}"
        for n, cell in code_cells(notebook)
        for line in cell.source.splitlines()
        if len(line) > MAX_WIDTH and "install" not in tags(cell)
    ]
    return problems


def mostly_short_cells(notebook: NotebookNode) -> list[str]:
    """A chapter goes step by step.

    A page of reference need not: one cell there holds a wrong version, the right one and what
    tells them apart.
    """
    lengths = [line_count(cell) for _, cell in code_cells(notebook)]
    if not lengths or (middle := median(lengths)) <= MAX_MEDIAN_LINES:
        return []
    return [f"median cell: {middle:g} lines, wanted at most {MAX_MEDIAN_LINES}"]


def enough_prose(notebook: NotebookNode) -> list[str]:
    """A chapter explains more than it computes."""
    lines = sum(line_count(cell) for _, cell in code_cells(notebook))
    words = sum(word_count(cell) for _, cell in markdown_cells(notebook))
    if words >= MIN_WORDS_PER_LINE * lines:
        return []
    return [f"{words} words for {lines} code lines, wanted {MIN_WORDS_PER_LINE} words a line"]


def one_import_cell(notebook: NotebookNode) -> list[str]:
    """Imports stand together, where a reader looks for them."""
    cells = [
        n
        for n, cell in code_cells(notebook)
        if "install" not in tags(cell)
        and any(isinstance(node, ast.Import | ast.ImportFrom) for node in nodes(cell.source))
    ]
    return [f"cell {n}: imports, wanted all imports in cell {cells[0]}" for n in cells[1:]]


def install_cell(notebook: NotebookNode) -> list[str]:
    """The first code cell installs dlutils where it is missing, out of a reader's way."""
    cells = code_cells(notebook)
    problems = [
        f"cell {n}: tagged install, wanted only the first code cell so"
        for n, cell in cells[1:]
        if "install" in tags(cell)
    ]
    if cells and not {"install", "hide-input"} <= set(tags(cells[0][1])):
        n, cell = cells[0]
        problems.append(f"cell {n}: tags {tags(cell)}, wanted install and hide-input")
    return problems


def equations(notebook: NotebookNode) -> list[str]:
    """Each labeled equation is checked, or defined, by a cell that ran."""
    problems = []
    counts = Counter()
    for n, cell in markdown_cells(notebook):
        for label in equation_labels(parse(cell.source)):
            counts[label] += 1
            if not label.startswith("eq-"):
                problems.append(f"cell {n}: equation label {label}, wanted it to start with eq-")
            if counts[label] == 2:
                problems.append(f"cell {n}: equation label {label} twice, wanted it once")
    verified = set()
    for n, cell in enumerate(notebook.cells):
        checked = tags(cell, "checks:")
        named = checked + tags(cell, "defines:")
        if cell.get("execution_count") is not None:
            verified.update(named)
        if checked and not (cell.cell_type == "code" and asserts(cell)):
            problems.append(f"cell {n}: tagged checks:{checked[0]}, wanted an assertion in it")
        problems += [
            f"cell {n}: tag for {label}, wanted the label of an equation"
            for label in named
            if label not in counts
        ]
    return problems + [
        f"equation {label}: no executed cell tagged checks:{label} or defines:{label}, wanted one"
        for label in counts
        if label not in verified
    ]


def prose_numbers(notebook: NotebookNode) -> list[str]:
    """Each decimal number in prose is one the notebook was given or printed.

    `<!-- number 0.03406: reason -->` in the same cell lets another one stand.
    """
    code = [cell for _, cell in code_cells(notebook)]
    known = {value for cell in code for value in inputs(cell.source)}
    known |= {number.value for cell in code for text in printed(cell) for number in numbers(text)}
    problems = []
    for n, cell in enumerate(notebook.cells):
        markdown, escapes = captions(cell), []
        if cell.cell_type == "markdown":
            markdown, escapes = cell.source, ESCAPE.findall(cell.source)
        found = [number for t in parse(markdown) for number in decimals(visible(t))]
        unknown = {number.value: number.text for number in found if not number.rounds(known)}
        for text, reason in escapes:
            value = next((number.value for number in numbers(text)), None)
            if unknown.pop(value, None) is None:
                problems.append(f"cell {n}: escape for {text}, wanted none, as it is not needed")
            elif not reason:
                problems.append(f"cell {n}: escape for {text}, wanted a reason after a colon")
        problems += [
            f"cell {n}: {text} in prose, wanted an input or a printed output"
            for text in unknown.values()
        ]
    return problems


def captions(cell: NotebookNode) -> str:
    """A figure's caption and alternative text, as Markdown."""
    mystnb = cell.metadata.get("mystnb", {})
    texts = mystnb.get("figure", {}).get("caption"), mystnb.get("image", {}).get("alt")
    return "\n\n".join(text for text in texts if text)


def figures(notebook: NotebookNode) -> list[str]:
    """Each figure can be cited, says what it means, and can be read without seeing it."""
    problems = []
    for n, cell in code_cells(notebook):
        data = [output.get("data", {}) for output in cell.outputs]
        images = [mime for bundle in data for mime in bundle if mime.startswith("image/")]
        # Each frame of a figure with sliders brings an alt text of its own.
        sliders = any('class="sliders"' in bundle.get("text/html", "") for bundle in data)
        if not images and not sliders:
            continue
        mystnb = cell.metadata.get("mystnb", {})
        figure, alt = mystnb.get("figure", {}), mystnb.get("image", {}).get("alt", "")
        if images != ["image/svg+xml"] and not sliders:
            problems.append(f"cell {n}: {images}, wanted one image/svg+xml, as nbval compares it")
        if not figure.get("caption"):
            problems.append(f"cell {n}: no mystnb.figure.caption, wanted what the figure means")
        if not figure.get("name", "").startswith("fig-"):
            problems.append(f"cell {n}: mystnb.figure.name {figure.get('name')}, wanted fig-…")
        if images and (len(alt) < MIN_ALT_LENGTH or re.fullmatch(r"\S*", alt)):
            problems.append(
                f"cell {n}: mystnb.image.alt {alt!r}, wanted at least {MIN_ALT_LENGTH} characters "
                "that say what is seen"
            )
    for n, cell in markdown_cells(notebook):
        tokens = parse(cell.source)
        inline = [child for token in tokens for child in token.children or [token]]
        alts = [child.content for child in inline if child.type == "image"]
        alts += [token.meta.get("alt", "") for token in directives(tokens, "figure", "image")]
        html = [child.content for child in inline if child.type.startswith("html")]
        alts += [
            re.search(r'alt="(.*?)"|$', tag)[1] for h in html for tag in re.findall("<img[^>]*", h)
        ]
        problems += [f"cell {n}: image without alt text, wanted one" for alt in alts if not alt]
    return problems


def compared(notebook: NotebookNode) -> list[str]:
    """nbval compares every output, except where the cell says why not."""
    problems = []
    for n, cell in code_cells(notebook):
        if marker := re.search(r"NBVAL_\w+|PYTEST_VALIDATE_\w+", cell.source):
            problems.append(f"cell {n}: comment {marker[0]}, wanted no marker in a comment")
        problems += [
            f"cell {n}: tag {tag}, wanted no nbval tag but nbval-ignore-output"
            for tag in tags(cell)
            if tag.startswith("nbval-") and tag != "nbval-ignore-output"
        ]
        reason = re.search(r"(?m)^\s*# not compared: *\S", cell.source)
        if "nbval-ignore-output" in tags(cell) and not reason:
            problems.append(f"cell {n}: output ignored, wanted a comment '# not compared: reason'")
    return problems


def labels(notebook: NotebookNode) -> list[str]:
    """A label says what kind of thing it names."""
    found = []
    for n, cell in markdown_cells(notebook):
        tokens = parse(cell.source)
        names = [token.content for token in tokens if token.type == "myst_target"]
        found += [(n, name) for name in names + own_labels(tokens)]
    for n, cell in code_cells(notebook):
        if name := cell.metadata.get("mystnb", {}).get("figure", {}).get("name"):
            found.append((n, name))
    return [
        f"cell {n}: label {name}, wanted it to start with one of {', '.join(LABEL_PREFIXES)}"
        for n, name in found
        if not name.startswith(LABEL_PREFIXES)
    ]


# /home/x, ~/x, C:\Users\x, and any other absolute path of a Python file, as in a traceback.
MACHINE_PATH = re.compile(
    r"""(?x) (?<![\w.:/-])/(?:home|root|tmp|Users)/\S* | (?<!\w)~/\S* | \b[A-Z]:\\+(?:Users|Program)
    | site-packages | (?<![\w.:/-])(?:/[\w.+-]+)+\.py\b"""
)


def clean(notebook: NotebookNode) -> list[str]:
    """Nothing is stored that changes from one machine or run to the next."""
    problems = []
    if list(notebook.metadata) != ["kernelspec"]:
        problems.append(f"notebook metadata {list(notebook.metadata)}, wanted kernelspec alone")
    for n, cell in enumerate(notebook.cells):
        if "execution" in cell.metadata:
            problems.append(f"cell {n}: timing in cell metadata, wanted none")
        texts = [cell.source]
        for output in cell.get("outputs", []):
            texts += [output.get("text", ""), *output.get("traceback", [])]
            texts += map(str, output.get("data", {}).values())
        for text in texts:
            # The color codes of a traceback end in a letter, which would hide the path after them.
            if path := MACHINE_PATH.search(re.sub(r"\x1b\[[\d;]*m", "", text)):
                problems.append(f"cell {n}: path {path[0]}, wanted no path of a machine")
        if cell.cell_type == "code" and cell.source.rstrip().endswith(";"):
            problems.append(f"cell {n}: ends in a semicolon, wanted the value shown or no value")
    return problems


def no_plotting_helper(notebook: NotebookNode) -> list[str]:
    """Plotting functions live in dlutils.plotting, where all chapters share them."""
    problems = []
    for n, cell in code_cells(notebook):
        for function in functions(cell):
            parts = list(ast.walk(function))
            names = {node.id for node in parts if isinstance(node, ast.Name)}
            names |= {node.arg for node in parts if isinstance(node, ast.arg)}
            if used := names & {"plt", "ax", "fig", "matplotlib"}:
                problems.append(
                    f"cell {n}: {function.name} uses {min(used)}, wanted it in dlutils.plotting"
                )
    return problems


def sections(notebook: NotebookNode) -> list[str]:
    """A chapter opens with its label and closes with the same four sections."""
    problems = []
    first = notebook.cells[0].source
    if not first.startswith("(ch-"):
        problems.append(f"cell 0: starts with {first[:20]!r}, wanted the label (ch-…)=")
    found = [title for title, _ in by_section(notebook) if title in SECTIONS]
    if found != SECTIONS:
        problems.append(f"sections {found}, wanted {SECTIONS}")
    return problems


def times(notebook: NotebookNode) -> list[str]:
    """The minutes that a chapter promises are those of its text and of its exercises."""
    seconds = to_do = 0
    section = ""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            if section != "Exercises" and not any(tag.startswith("hide") for tag in tags(cell)):
                seconds += SECONDS_A_LINE * line_count(cell)
            continue
        for part in re.split(r"(?m)^(?=## )", cell.source):
            section = part[3:].split("\n")[0] if part.startswith("## ") else section
            to_do += sum(map(int, re.findall(r"\*[\w ]+, (\d+) minutes\.\*", part)))
            if section != "Exercises":
                seconds += SECONDS_A_WORD * word_count(new_markdown_cell(part))
                seconds += SECONDS_A_BOX * len(re.findall(r"\} (?:Pencil|Guess) first", part))
    minutes = seconds / 60
    found = re.search(STATED_TIMES, notebook.cells[0].source)
    if not found:
        return [f"cell 0: no times, wanted {STATED_TIMES!r}"]
    reading, doing = map(int, found.groups())
    problems = []
    if abs(reading - minutes) > 5 or reading % 5 or minutes > MAX_READING + 2.5:
        problems.append(
            f"cell 0: {reading} minutes of reading, counted {minutes:.1f}, wanted the next "
            f"multiple of 5, at most {MAX_READING}"
        )
    if doing != to_do:
        problems.append(f"cell 0: {doing} minutes for exercises that say {to_do} in all")
    return problems


def by_section(notebook: NotebookNode) -> list[tuple[str, list[Token]]]:
    """The title of each second-level section with its Markdown tokens."""
    parts = [("", [])]
    previous = None
    for _, cell in markdown_cells(notebook):
        for token in parse(cell.source):
            if previous and previous.type == "heading_open" and previous.tag == "h2":
                parts.append((token.content, []))
            parts[-1][1].append(token)
            previous = token
    return parts


def questions(notebook: NotebookNode) -> list[str]:
    """ "Check yourself" asks a few questions whose answers unfold."""
    count = sum(
        len(directives(tokens, "dropdown"))
        for title, tokens in by_section(notebook)
        if title == "Check yourself"
    )
    wanted = f"{QUESTIONS[0]} to {QUESTIONS[-1]}"
    return [] if count in QUESTIONS else [f"{count} questions to check yourself, wanted {wanted}"]


def exercises(notebook: NotebookNode) -> list[str]:
    """Each exercise has a label and a folded solution."""
    cells = markdown_cells(notebook)
    found = [(n, d) for n, cell in cells for d in directives(parse(cell.source), "exercise")]
    gates = [
        (n, d)
        for n, cell in cells
        for d in directives(parse(cell.source), "solution-start", "solution-end")
    ]
    problems = []
    if len(found) < MIN_EXERCISES:
        problems.append(f"{len(found)} exercises, wanted at least {MIN_EXERCISES}")
    solved = Counter(d.meta["argument"] for _, d in gates if d.meta["argument"])
    for n, exercise in found:
        if (count := solved.pop(label := exercise.meta.get("label"), 0)) != 1:
            problems.append(f"cell {n}: exercise {label} with {count} solutions, wanted one")
    problems += [f"solution of {label}, wanted an exercise of that label" for label in solved]
    problems += [
        f"cell {n}: solution not folded, wanted :class: dropdown"
        for n, gate in gates
        if gate.meta["directive"] == "solution-start" and gate.meta.get("class") != "dropdown"
    ]
    order = [gate.meta["directive"] for _, gate in gates]
    if order != ["solution-start", "solution-end"] * (len(gates) // 2):
        problems.append(f"{order}, wanted solution-start and solution-end in turn")
    return problems


RULES = [
    executed,
    short_cells,
    one_import_cell,
    install_cell,
    equations,
    prose_numbers,
    figures,
    compared,
    labels,
    clean,
    no_plotting_helper,
]
CHAPTER_RULES = [mostly_short_cells, enough_prose, sections, times, questions, exercises]
