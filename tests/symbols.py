"""The letters of the book's formulas, read from their TeX."""

import re
from collections.abc import Iterator

import lint
from nbformat import NotebookNode

# Words, numbers' names and the layout; and the transposing T.
SKIPPED = r"\\(?:text|mathrm|operatorname|begin|end)\*?\{[^{}]*\}|\^?\{?\\mathsf\s*\{?T\}?\}?"
DECORATED = r"\\(?:hat|tilde|bar)\s*\{?\s*\\?[A-Za-z]+"
GREEK = (
    r"\\(?:alpha|beta|gamma|delta|Delta|varepsilon|eta|theta|kappa|lambda|mu|rho|sigma|varphi|Phi"
    r"|ell|nabla)(?![A-Za-z])"
)
TOKEN = re.compile(rf"{SKIPPED}|({DECORATED}|{GREEK})|\\[A-Za-z]+|([A-Za-z])|\\.")


def symbols(tex: str) -> list[str]:
    """The letters of a formula in their order, each with its hat but without its indices."""
    found = ("".join(match.groups(default="")) for match in TOKEN.finditer(tex))
    return [re.sub(r"[\s{]+", " ", symbol) for symbol in found if symbol]


def formulas(notebook: NotebookNode, *, labeled: bool = False) -> Iterator[tuple[str, str]]:
    """Label and TeX of each formula of a notebook's text, or of the labeled ones."""
    for _, cell in lint.markdown_cells(notebook):
        for token in lint.parse(cell.source):
            if token.type == "math_block_label":
                yield token.info, token.content
            elif not labeled:
                parts = token.children or [token]
                yield from (("", t.content) for t in parts if "math" in t.type)
