"""Find each student's notebook in a folder, and its code; nothing in it raises another error."""

import ast
import hashlib
import json
import re
import unicodedata
import warnings
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

LARGEST = 20 * 2**20  # bytes of a notebook
LONGEST = 200_000  # characters of code: more takes seconds and gigabytes to parse
MOODLE = re.compile(r"(?P<student>.+)_(?P<id>\d+)_assignsubmission_file.*")
CANVAS = re.compile(r"(?P<student>[^_]+)(_LATE)?_(?P<id>\d+)_\d+_.+")
STUDENT = re.compile(r"^STUDENT\s*=.*$", re.MULTILINE)
GIVEN = re.compile(r"""^STUDENT\s*=\s*(['"])((?:\\.|(?!\1).)*)\1""", re.MULTILINE)


class Unreadable(ValueError):
    """A submission is no notebook, or it is not clear which."""


@dataclass(frozen=True)
class Submission:
    """What one student has handed in: a notebook, or a folder with one."""

    student: str
    id: str  # the number that Moodle or Canvas has put into the name
    path: Path

    @property
    def name(self):
        """The name of the submission among all others, which its results bear, too."""
        return self.path.name.removesuffix(".ipynb")

    def notebook(self, wanted):
        """Return the bytes of the notebook; of several, that of the wanted name.

        Raises
        ------
        Unreadable
            If there is none, or several, or if it is no ordinary file of at most 20 MB.
        """
        path = self.path
        if path.is_dir() and not path.is_symlink():
            found = sorted(p for p in path.rglob("*.ipynb") if not _made_by_programs(p, path))
            named = [p for p in found if p.stem == wanted]
            if len(found) != 1 and len(named) != 1:
                raise Unreadable(f"{len(found)} notebooks, wanted one")
            path = (named if len(named) == 1 else found)[0]
        if path.is_symlink() or not path.is_file():
            raise Unreadable("no ordinary file")
        if path.stat().st_size > LARGEST:
            raise Unreadable("larger than 20 MB")
        return path.read_bytes()


def _made_by_programs(path, top):
    parts = path.relative_to(top).parts
    return any(part.startswith((".", "__MACOSX")) for part in parts)


def find(folder):
    """Return the submissions in a folder, by name.

    Each student's may be a notebook (``Ada.ipynb``) or a folder that holds one (``Ada/x.ipynb``),
    also as Moodle and Canvas name them, with a number.

    Raises
    ------
    ValueError
        If there is none, or if two are of one student.
    """
    if not Path(folder).is_dir():
        raise ValueError(f"{folder}: there is no such folder")
    entries = [p for p in sorted(Path(folder).iterdir()) if not p.name.startswith((".", "__"))]
    found = [_submission(p) for p in entries if p.suffix == ".ipynb" or p.is_dir()]
    if not found:
        raise ValueError(f"{folder}: wanted notebooks, or a folder with a notebook a student")
    seen = {}
    for one in found:
        for name in (one.name, (one.student, one.id)):
            if (first := seen.setdefault(name, one)) is not one:
                raise ValueError(f"{first.path} and {one.path}: two submissions of one student")
    return found


def _submission(path):
    stem = path.name.removesuffix(".ipynb")
    stem = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in stem)
    named = MOODLE.fullmatch(stem) or (None if path.is_dir() else CANVAS.fullmatch(stem))
    return Submission(named["student"], named["id"], path) if named else Submission(stem, "", path)


def digest(content):
    """Return a name for what a file holds, or several strings."""
    content = content if isinstance(content, bytes) else json.dumps(content).encode()
    return hashlib.sha256(content).hexdigest()


def cells(content):
    """Return the code of a notebook's cells; of the rest of it nothing is needed.

    Raises
    ------
    Unreadable
        If it is no notebook, or one with far more code than any assignment asks for.
    """
    try:
        notebook = json.loads(content.decode("utf-8-sig"))
        sheets = notebook.get("worksheets", [notebook])  # as notebooks were before 2015
        found = [cell for sheet in sheets for cell in sheet["cells"]]
        sources = [c.get("source", c.get("input", "")) for c in found if c["cell_type"] == "code"]
        codes = ["".join(source).encode(errors="replace").decode() for source in sources]
    except (ValueError, RecursionError, AttributeError, KeyError, TypeError):
        raise Unreadable("no notebook") from None
    if (size := sum(map(len, codes))) > LONGEST:
        raise Unreadable(f"{size} characters of code, wanted at most {LONGEST}")
    return codes


def prepared(code, student):
    """Return a cell as it is to be run: without its checks, and with the student's own name."""
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(code)
        kept = [statement for statement in tree.body if not _is_check(statement)]
        named = [statement for statement in kept if _names_student(statement)]
        if named or kept != tree.body:
            tree.body = kept
            for statement in named:
                statement.value = ast.Constant(student)
            return ast.unparse(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # a magic, for example
        return STUDENT.sub(lambda _: f"STUDENT = {student!r}", code)
    return code


def _is_check(statement):
    call = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(call, ast.Call) and getattr(call.func, "id", "") == "check"


def _names_student(statement):
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    targets = [statement.target] if isinstance(statement, ast.AnnAssign) else targets
    return any(getattr(target, "id", "") == "STUDENT" for target in targets)


def names(codes):
    """Return the names that a submission gives as STUDENT."""
    return {name for code in codes for _, name in GIVEN.findall(code)}


def own(given, student):
    """Return the name that a submission gives, if the student's is the same with all words joined.

    So Canvas writes it: ``turingalan``.
    """
    joined = "".join(words(student))
    for name in sorted(given):
        parts = words(name)
        if len(parts) <= 5 and any("".join(order) == joined for order in permutations(parts)):
            return name
    return student


def words(name):
    """Return what counts of a name: spaces, case and punctuation do not change its numbers."""
    return re.findall(r"\w+", unicodedata.normalize("NFKC", name).casefold())
