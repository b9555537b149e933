"""Write marks: a table, the files that Moodle, Canvas and Gradescope read, and a page a student."""

import csv
import json
import re

from jinja2 import Environment
from markupsafe import Markup, escape

BOOK = "https://deep-learning-worked-out.github.io/deep-learning-worked-out/chapters/"
FORMULA = re.compile(r"[=+\-@\t\r\n]")  # what a spreadsheet would compute
PAGE = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string("""\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{{ title }}, {{ result.submission.student }}</title>
<style>
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 42rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; line-height: 1.25; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .5rem; border-top: 1px solid #8888; }
td, th { overflow-wrap: anywhere; }
.points { white-space: nowrap; text-align: right; overflow-wrap: normal; }
</style>
<h1>{{ title }}, {{ result.submission.student }}</h1>
{% if result.score is none %}
<p>Not graded yet: {{ result.status }}. Your instructor has been told.</p>
{% else %}
<p><strong>{{ number(result.score) }} of {{ number(source.points) }} points</strong></p>
<table>
<tr><th scope="col">Exercise</th><th scope="col">What to look at</th>
<th scope="col" class="points">Points</th></tr>
{% for exercise in source.exercises %}
{% set mark = result.marks[exercise.name] %}
<tr><th scope="row">{{ exercise.title }}</th><td>{{ told(mark) }}</td>
<td class="points">{{ number(mark.points) }} of {{ number(exercise.points) }}</td></tr>
{% endfor %}
</table>
{% if result.status != "ok" %}
<p>Noticed while your notebook ran: {{ result.status }}.</p>
{% endif %}
{% if result.errors %}
<p>Cells of code that ended with an error:</p>
<ul>
{% for cell, name in result.errors.items() %}
<li>{{ cell }}: {{ name }}</li>
{% endfor %}
</ul>
{% endif %}
{% endif %}
</html>
""")
SEE = re.compile(r'\bch-([a-z-]+)(?:, "([^"]+)")?')
LINK = Markup('<a href="{}">{}</a>')


def write(source, results, folder, formats=()):
    """Write grades.csv, a page a student, and the formats that are asked for besides."""
    folder.mkdir(parents=True, exist_ok=True)
    _table(folder / "grades.csv", _grades(source, results))
    for result in results:
        page = PAGE.render(
            title=title(source), source=source, result=result, number=number, told=told
        )
        one = result.submission
        _write(folder / "feedback" / one.name / "feedback.html", page)
    if "moodle" in formats:
        _table(folder / "moodle.csv", _moodle(source, results))
    if "canvas" in formats:
        _table(folder / "canvas.csv", _canvas(source, results))
    if "gradescope" in formats:
        (result,) = results
        _write(folder / "results.json", json.dumps(_gradescope(source, result), indent=1))


def title(source):
    """Return the title of an assignment."""
    return re.search(r"^# (.+)$", source.introduction, re.MULTILINE)[1]


def number(points):
    """Return points as one writes them: whole numbers without a decimal point."""
    return "" if points is None else f"{points:g}"


def told(mark):
    """Return the feedback of an exercise as HTML, with links to what to read again."""
    text, end, html = mark.feedback or "Right.", 0, Markup()
    for found in SEE.finditer(text):
        html += escape(text[end : found.start()]) + _link(*found.groups())
        end = found.end()
    return html + escape(text[end:])


def _link(chapter, section):
    part = "#" + re.sub(r"[^a-z0-9]+", "-", section.lower()).strip("-") if section else ""
    return LINK.format(f"{BOOK}{chapter}.html{part}", section or chapter)


def _grades(source, results):
    names = [exercise.name for exercise in source.exercises]
    yield ["student", "id", "score", "maximum", *names, "status", "seconds"]
    for result in results:
        marks = [number(result.marks[name].points) if result.marks else "" for name in names]
        one, points = result.submission, number(source.points)
        scores = [number(result.score), points, *marks]
        yield [_text(one.student), one.id, *scores, _text(result.status), f"{result.seconds:.1f}"]


def _moodle(source, results):
    yield ["Identifier", "Full name", "Grade", "Last modified (grade)", "Feedback comments"]
    for result in results:
        one, comments = result.submission, _comments(source, result)
        yield [f"Participant {one.id}", _text(one.student), number(result.score), "-", comments]


def _canvas(source, results):
    yield ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", title(source)]
    yield ["    Points Possible", "", "", "", "", number(source.points)]
    for result in results:
        one = result.submission
        yield [_text(one.student), one.id, "", "", "", number(result.score)]


def _gradescope(source, result):
    if result.score is None:
        return {"output": f"Not graded: {result.status}", "tests": []}
    tests = [
        {
            "name": exercise.title,
            "score": result.marks[exercise.name].points,
            "max_score": exercise.points,
            "output": told(result.marks[exercise.name]),
            "output_format": "html",
        }
        for exercise in source.exercises
    ]
    ended = [f"{cell} ended with an error: {name}" for cell, name in result.errors.items()]
    output = "\n".join([f"Status: {result.status}", *ended])
    return {"score": result.score, "tests": tests, "output": output}


def _comments(source, result):
    """Return the feedback as HTML, which Moodle takes comments for, in one line an exercise."""
    if result.score is None:
        return escape(f"Not graded yet: {result.status}")
    marks = [(exercise.title, result.marks[exercise.name]) for exercise in source.exercises]
    return Markup("<br>").join(Markup("{}: {}").format(name, told(mark)) for name, mark in marks)


def _table(path, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def _text(text):
    """Return text that no spreadsheet takes for a formula."""
    return f"'{text}" if FORMULA.match(text) else text


def _write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text("utf-8") != text:
        path.write_text(text, encoding="utf-8")
