"""What the guide for instructors shows of the chapters: which needs which, and what takes how long.

Both stand in the first cell of each chapter, so that no plan can promise what a chapter does not.
"""

import json
import re
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective
from sphinx_external_toc.parsing import parse_toc_yaml

NEEDS = re.compile(r"\*\*You need\*\*(.*?)(?:It helps|\n\n|$)", re.DOTALL)
ASSIGNED = re.compile(r"^\*\w+, ([\d.]+) points?\.\*", re.MULTILINE)
TIMES = re.compile(r"\*\*Reading time:\*\* (\d+) minutes, and about (\d+) minutes more")


class Chapter(NamedTuple):
    """What the first cell of a chapter says."""

    title: str
    needs: list[str]
    reading: int
    exercises: int


def chapters(root):
    """Return the chapters in the order of the book by label; an unfinished one takes no time."""
    found = {}
    for page in parse_toc_yaml(root / "_toc.yml"):
        path = root / f"{page}.ipynb"
        if path.parent == root / "chapters":
            exists = path.exists()
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"] if exists else []
            first = "".join(cells[0]["source"]) if cells else path.with_suffix(".md").read_text()
            title = re.search(r"^# (.*)", first, re.MULTILINE)[1]
            needs = re.findall(r"\{ref\}`([\w-]+)`", "".join(NEEDS.findall(first)))
            times = TIMES.search(first)
            minutes = map(int, times.groups() if times else (0, 0))
            found[f"ch-{path.stem}"] = Chapter(title, needs, *minutes)
    for label, chapter in found.items():
        if late := [need for need in chapter.needs if place(found, need) >= place(found, label)]:
            raise ValueError(f"{label} needs {', '.join(late)}, wanted earlier chapters alone")
    return found


def place(found, label):
    """Return how many chapters come before one; before one that there is not, all of them."""
    return [*found, label].index(label)


def all_needs(found, label):
    """Return what a chapter needs and what these need in turn."""
    direct = found[label].needs
    return {*direct}.union(*(all_needs(found, need) for need in direct))


def follows(found, label, need):
    """Return whether a chapter needs another anyway, since one that it needs does."""
    return any(need in all_needs(found, other) for other in found[label].needs)


def draw(found, path):
    """Draw an arc from each chapter to those that name it, thin where others say so already."""
    import matplotlib  # takes a second, and most builds do not draw
    from matplotlib import pyplot
    from matplotlib.patches import FancyArrowPatch

    from dlutils import plotting

    with matplotlib.rc_context({"backend": "agg"}):
        plotting.use_book_style()
        figure, ax = pyplot.subplots(figsize=(6.4, 0.36 * len(found)))
        for y, (label, chapter) in enumerate(found.items()):
            ax.text(-0.2, y, chapter.title, ha="right", va="center")
            for need in chapter.needs:
                start, far = place(found, need), 1.1 * (y - place(found, need)) ** 0.75
                corners = [(0, start + 0.1), (far, start), (far, y), (0, y - 0.1)]
                thin = follows(found, label, need)
                arc = FancyArrowPatch(
                    path=matplotlib.path.Path(corners, [1, 4, 4, 4]),
                    arrowstyle="-" if thin else "-|>",
                    mutation_scale=10,
                    shrinkA=0,
                    shrinkB=0,
                    color=plotting.QUIET if thin else plotting.FORWARD,
                    linewidth=0.8 if thin else 2,
                )
                ax.add_patch(arc)
        ax.set(xlim=(-5, 5.5), ylim=(len(found) - 0.4, -0.6))
        ax.axis("off")
        no_date = {"Date": None, "Creator": None}
        figure.savefig(path, format="svg", bbox_inches="tight", metadata=no_date)
        pyplot.close(figure)


class Told(SphinxDirective):
    """A directive that writes Markdown about the chapters and is made anew when one changes."""

    has_content = True

    def run(self):
        """Return what the Markdown says."""
        root = Path(self.env.srcdir)
        for page in parse_toc_yaml(root / "_toc.yml"):
            for path in root.glob(f"{page}.*"):
                self.env.note_dependency(str(path))
        try:
            lines = self.tell(chapters(root))
        except ValueError as error:
            raise self.error(str(error)) from error
        holder = nodes.container()
        self.state.nested_parse(StringList(lines, self.env.docname), self.content_offset, holder)
        return holder.children


class Prerequisites(Told):
    """The graph of what needs what, with the directive's content as caption, and as a table."""

    def tell(self, found):
        """Return a figure and a table."""
        told = sha256(str([found, Path(__file__).read_text(encoding="utf-8")]).encode())
        path = Path(self.env.app.doctreedir, f"{told.hexdigest()[:16]}.svg")
        if not path.exists():
            draw(found, path)
        arcs = sum(len(chapter.needs) for chapter in found.values())
        return [
            f"::::{{figure}} /{path.relative_to(self.env.srcdir).as_posix()}",
            ":name: fig-prerequisites",
            f":alt: The titles of the {len(found)} chapters one below the other, and {arcs} arcs"
            " beside them, each from a chapter down to one that needs it.",
            *self.content,
            "::::",
            "",
            *table(
                ["Chapter", "Needs", "Reading", "Exercises"],
                [
                    [
                        ref(label),
                        listed(chapter.needs),
                        time(chapter.reading),
                        time(chapter.exercises),
                    ]
                    for label, chapter in found.items()
                ],
            ),
            "",
            f"Minutes; in all {hours(chapter.reading for chapter in found.values())} hours of"
            f" reading and {hours(chapter.exercises for chapter in found.values())} of exercises.",
        ]


class Schedule(Told):
    """A plan with the chapters of one week, or day, on each line, and the minutes that it takes."""

    required_arguments = 1
    option_spec = {"at-most": directives.nonnegative_int, "reading-only": directives.flag}  # noqa: RUF012

    def tell(self, found):
        """Return a table, and what the fullest line takes."""
        rows, done, loads = [], [], []
        only, limit = "reading-only" in self.options, self.options["at-most"]
        for number, line in enumerate(self.content, start=1):
            labels = re.findall(r"[\w-]+", line)
            if unknown := [label for label in labels if label not in found or label in done]:
                raise ValueError(f"{line!r} has {', '.join(unknown)}, wanted each chapter once")
            done += labels
            taught = [found[label] for label in labels]
            reading = sum(chapter.reading for chapter in taught)
            exercises = sum(chapter.exercises for chapter in taught)
            loads.append(reading if only else reading + exercises)
            skipped = [need for chapter in taught for need in chapter.needs if need not in done]
            if only:
                rest = [time(limit - reading), listed(dict.fromkeys(skipped))]
            else:
                rest = [time(exercises), time(loads[-1])]
            rows.append([str(number), listed(labels), time(reading), *rest])
            if loads[-1] > limit or (skipped and not only):
                raise ValueError(
                    f"{self.arguments[0]} {number} takes {loads[-1]} minutes of {limit}, "
                    f"and lacks {skipped}, wanted no more, and nothing missing"
                )
        others = ["Left for exercises", "Needs, but skips"] if only else ["Exercises", "Together"]
        kind = "reading" if only else "work"
        return [
            *table([self.arguments[0], "Chapters", "Reading", *others], rows),
            "",
            f"Minutes; no {self.arguments[0].lower()} has more than {max(loads)} of {kind}.",
        ]


class Assignments(Told):
    """A table of the assignments: their exercises, points and minutes."""

    def tell(self, found):
        """Return a table, and what it comes to."""
        rows = []
        for label in found:
            path = Path(self.env.srcdir, "chapters", "assignments", f"{label[3:]}.ipynb")
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
            text = "\n".join("".join(cell["source"]) for cell in cells)
            points = [float(number) for number in ASSIGNED.findall(text)]
            minutes = re.search(r"\*\*Time:\*\* (\d+) minutes", text)[1]
            rows.append([label, len(points), sum(points), int(minutes)])
        _, exercises, points, minutes = zip(*rows, strict=True)
        return [
            *table(
                ["For the chapter", "Exercises", "Points", "Minutes"],
                [
                    [f"{{ref}}`{found[a].title} <as-{a[3:]}>`", str(b), f"{c:g}", str(d)]
                    for a, b, c, d in rows
                ],
            ),
            "",
            f"In all {sum(exercises)} exercises, {sum(points):g} points, {hours(minutes)} hours.",
        ]


def table(heads, rows):
    """Return the lines of a Markdown table."""
    return ["| " + " | ".join(row) + " |" for row in [heads, ["---"] * len(heads), *rows]]


def ref(label):
    """Return a link to a chapter."""
    return f"{{ref}}`{label}`"


def listed(labels):
    """Return links to chapters."""
    return " · ".join(map(ref, labels)) or "–"


def time(minutes):
    """Return minutes, or a dash for none."""
    return str(minutes) if minutes else "–"


def hours(minutes):
    """Return a sum of minutes in hours."""
    return round(sum(minutes) / 60)


def setup(app):
    """Tell Sphinx; the work can be done in parallel."""
    app.add_directive("prerequisites", Prerequisites)
    app.add_directive("schedule", Schedule)
    app.add_directive("assignments", Assignments)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
