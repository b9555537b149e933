import csv
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree.ElementTree import XML

import nbformat
import pytest
import yaml
from docutils.nodes import make_id
from grading_framework import PERFECT, ROOT, SOURCE

from grading.compare import Mark, mark
from grading.grade import Result
from grading.key import key
from grading.report import BOOK, SEE, told, write
from grading.source import read
from grading.submissions import Submission
from grading.values import Failed

FIRES, UPDATE = SOURCE.exercises
RIGHT = {"fires": Mark(2, "right"), "update": Mark(3, "right")}
HINT = 'A "<b>" is no & here. See ch-losses, "Wrong, in one number".'
HALF = RIGHT | {"fires": Mark(0, "wrong", HINT)}
EVIL = '<script src="https://evil.example/x.js">alert(1)</script>"\'&amp;'
FORMULAS = ['=HYPERLINK("https://evil.example","1")', "+1+cmd|' /C calc'!A0", "-2", "@SUM(A1)"]
FORMULAS += ["\t=1", "\r=1", "\n=1"]


def result(student="Ada Lovelace", number="12", marks=RIGHT, **more):
    one = Submission(student, number, Path(f"{number}.ipynb"))
    score = sum(mark.points for mark in marks.values()) if marks else None
    return Result(one, score, marks, **more)


UNREADABLE = result("Eve", "13", {}, status="unreadable: no notebook")


def written(folder, *results, source=SOURCE, formats=("moodle", "canvas")):
    """The rows of a table by its name, and the pages."""
    write(source, results, folder, formats)
    tables = {}
    for path in folder.glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            tables[path.stem] = list(csv.reader(file))
    return tables, [path.read_text("utf-8") for path in sorted(folder.rglob("*.html"))]


def test_grades_have_a_row_a_student(tmp_path):
    late = result("Max", "", HALF, status="cell 2: time limit", seconds=1.26)
    tables, _ = written(tmp_path, result(seconds=0.5), late, UNREADABLE)
    assert tables["grades"] == [
        ["student", "id", "score", "maximum", "fires", "update", "status", "seconds"],
        ["Ada Lovelace", "12", "5", "5", "2", "3", "ok", "0.5"],
        ["Max", "", "3", "5", "0", "3", "cell 2: time limit", "1.3"],
        ["Eve", "13", "", "5", "", "", "unreadable: no notebook", "0.0"],
    ]


def test_points_may_be_halves(tmp_path):
    source = replace(SOURCE, exercises=(replace(FIRES, points=0.5), UPDATE))
    tables, pages = written(tmp_path, result(marks=RIGHT | {"fires": Mark(0.5, "right")}))
    assert tables["grades"][1][2:6] == ["3.5", "5", "0.5", "3"]
    _, pages = written(tmp_path, result(marks=HALF), source=source)
    assert "3 of 3.5 points" in pages[0] and "0 of 0.5" in pages[0]


@pytest.mark.parametrize("name", FORMULAS, ids=ascii)
def test_no_spreadsheet_computes_a_name(name, tmp_path):
    tables, _ = written(tmp_path, result(name), result("Max", marks={}, status=name))
    cells = [cell for table in tables.values() for row in table[1:] for cell in row]
    assert not [cell for cell in cells if re.match(r"[=+\-@\t\r\n].", cell)]
    assert tables["grades"][1][0] == tables["moodle"][1][1] == tables["canvas"][2][0] == f"'{name}"
    assert tables["grades"][2][6] == f"'{name}"


@pytest.mark.parametrize("name", ['Lovelace, "Ada"', "Ada\nLovelace", "Zoë 李", "O'Brien; x", EVIL])
def test_any_name_comes_out_as_it_went_in(name, tmp_path):
    tables, _ = written(tmp_path, result(name), result("Max"))
    assert tables["grades"][1][0] == tables["moodle"][1][1] == tables["canvas"][2][0] == name
    assert [len(table) for table in tables.values()].count(3) == 2  # Canvas has a row for points
    assert len(tables["canvas"]) == 4


def test_moodle_finds_identifiers_grades_and_comments(tmp_path):
    tables, _ = written(tmp_path, result(marks=HALF), UNREADABLE)
    columns = ["Identifier", "Full name", "Grade", "Last modified (grade)", "Feedback comments"]
    assert tables["moodle"][0] == columns
    assert tables["moodle"][1][:4] == ["Participant 12", "Ada Lovelace", "3", "-"]
    assert tables["moodle"][2] == [
        "Participant 13",
        "Eve",
        "",
        "-",
        "Not graded yet: unreadable: no notebook",
    ]
    comment = XML(f"<p>{tables['moodle'][1][4].replace('<br>', '<br/>')}</p>")
    assert len(comment.findall("br")) == 1
    lines = "".join(comment.itertext())
    assert lines.startswith('A whole batch: A "<b>" is no & here. See Wrong, in one number.')
    assert lines.endswith("It runs away: Right.")
    address = comment.find("a").get("href")
    assert address == f"{BOOK}losses.html#wrong-in-one-number"


def test_canvas_finds_the_assignment_and_its_points(tmp_path):
    tables, _ = written(tmp_path, result(marks=HALF), UNREADABLE)
    assert tables["canvas"] == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Assignment: The perceptron"],
        ["    Points Possible", "", "", "", "", "5"],
        ["Ada Lovelace", "12", "", "", "", "3"],
        ["Eve", "13", "", "", "", ""],
    ]


def test_gradescope_finds_tests_with_their_feedback(tmp_path):
    more = {"status": "cell 2: time limit", "errors": {"cell 3": "NameError"}}
    written(tmp_path, result(marks=HALF, **more), formats=["gradescope"])
    found = json.loads((tmp_path / "results.json").read_text("utf-8"))
    output = "Status: cell 2: time limit\ncell 3 ended with an error: NameError"
    assert (found["score"], found["output"]) == (3, output)
    first, second = found["tests"]
    assert (first["name"], first["score"], first["max_score"]) == ("A whole batch", 0, 2)
    assert first["output_format"] == "html"
    assert first["output"].startswith("A &#34;&lt;b&gt;&#34; is no &amp; here. See <a href=")
    assert f'"{BOOK}losses.html#wrong-in-one-number"' in first["output"]
    assert (second["score"], second["output"]) == (3, "Right.")
    written(tmp_path, UNREADABLE, formats=["gradescope"])
    found = json.loads((tmp_path / "results.json").read_text("utf-8"))
    assert found == {"output": "Not graded: unreadable: no notebook", "tests": []}


# Feedback.


class Page(HTMLParser):
    """The tags of a page, its addresses and its text; every tag that has to be closed is."""

    def __init__(self, content):
        super().__init__()
        self.open, self.tags, self.addresses, self.text = [], set(), [], ""
        self.feed(content)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.text += " "
        self.open += [tag] if tag not in ("meta", "br") else []
        self.addresses += [v for k, v in attributes if k in ("href", "src", "action", "data")]
        assert not [name for name, _ in attributes if name.startswith("on") or name == "style"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


TAGS = {"html", "meta", "title", "style", "h1", "p", "strong", "table", "tr", "th", "td", "a"}


def test_the_page_says_what_went_wrong_and_where_to_read_again(tmp_path):
    more = {"status": "cell 3: time limit", "errors": {"cell 2": "NameError"}}
    _, (content,) = written(tmp_path, result(marks=HALF, **more))
    page = Page(content)
    assert content.startswith('<!doctype html>\n<html lang="en">\n<meta charset="utf-8">')
    assert page.tags == TAGS | {"ul", "li"}
    assert page.addresses == [f"{BOOK}losses.html#wrong-in-one-number"]
    text = " ".join(page.text.split())
    for part in (
        "Assignment: The perceptron, Ada Lovelace",
        "3 of 5 points",
        'A whole batch A "<b>" is no & here. See Wrong, in one number. 0 of 2',
        "It runs away Right. 3 of 3",
        "Noticed while your notebook ran: cell 3: time limit.",
        "Cells of code that ended with an error: cell 2: NameError",
    ):
        assert part in text
    assert not re.search(r"url\(|@import|//(?!deep-learning-worked-out)", content)


def test_a_page_without_trouble_speaks_of_none(tmp_path):
    _, (content,) = written(tmp_path, result())
    assert Page(content).tags == TAGS - {"a"}
    assert f"{PERFECT} of {PERFECT} points" in content
    assert "Noticed" not in content and "ended with an error" not in content


def test_who_is_not_graded_is_told_why(tmp_path):
    _, (content,) = written(tmp_path, UNREADABLE)
    text = "Not graded yet: unreadable: no notebook. Your instructor has been told."
    assert text in Page(content).text


def test_no_text_of_a_submission_is_markup(tmp_path):
    marks = {"fires": Mark(0, "wrong", EVIL), "update": Mark(0, "wrong", f"{EVIL} See ch-{EVIL}")}
    evil = result(EVIL, marks=marks, status=EVIL, errors={EVIL: EVIL})
    tables, (content,) = written(tmp_path, evil)
    page = Page(content)
    assert page.tags == TAGS - {"a"} | {"ul", "li"}
    assert page.text.count(EVIL) == 8  # title, heading, three times feedback, status, cell, error
    written(tmp_path / "not", replace(evil, score=None), formats=["moodle", "canvas"])
    assert "script" not in Page((tmp_path / "not/feedback/12/feedback.html").read_text()).tags
    assert "<script" not in tables["moodle"][1][4]
    written(tmp_path / "one", evil, formats=["gradescope"])
    tests = json.loads((tmp_path / "one" / "results.json").read_text("utf-8"))["tests"]
    assert not [test for test in tests if "<script" in test["output"]]


LINKED = {
    "See ch-losses.": 'See <a href="BOOKlosses.html">losses</a>.',
    'Read "The step" in ch-perceptron.': (
        'Read &#34;The step&#34; in <a href="BOOKperceptron.html">perceptron</a>.'
    ),
    'See ch-x-y, "A (b): c!", and ch-z': (
        'See <a href="BOOKx-y.html#a-b-c">A (b): c!</a>, and <a href="BOOKz.html">z</a>'
    ),
    "a batch-norm layer": "a batch-norm layer",
    "": "Right.",
}


@pytest.mark.parametrize("text", LINKED)
def test_chapters_become_links_wherever_they_stand(text):
    assert told(Mark(0, "", text)) == LINKED[text].replace("BOOK", BOOK)


def test_links_lead_to_the_book():
    config = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
    assert BOOK == f"{config['html']['baseurl']}chapters/"


def test_the_page_lies_in_a_folder_of_the_name_that_was_handed_in(tmp_path):
    path = Path("class/Ada Lovelace_12_assignsubmission_file_")
    handed_in = replace(result(), submission=Submission("Ada Lovelace", "12", path))
    written(tmp_path, handed_in)
    page = tmp_path / "feedback" / path.name / "feedback.html"
    before = page.stat().st_mtime_ns
    written(tmp_path, handed_in)
    assert page.stat().st_mtime_ns == before  # what is the same is not written again
    written(tmp_path, replace(handed_in, status="cell 2: time limit"))
    assert "cell 2: time limit" in page.read_text()


# What is hidden stays hidden, and what is told leads somewhere.


@pytest.mark.parametrize("got", [Failed("ValueError: hidden"), "text", None, 0.0], ids=repr)
def test_feedback_shows_no_hidden_expression(got):
    wanted, mistakes = key(SOURCE)
    for exercise in SOURCE.exercises:
        for n, check in enumerate(exercise.checks):
            values = list(wanted[exercise.name])
            values[n] = got
            reached = mark(exercise, wanted[exercise.name], values, mistakes[exercise.name])
            assert (reached.points, reached.status) == (0, "wrong")
            assert (check.expression in reached.feedback) == (not check.hidden)
            assert reached.feedback.endswith(check.hint)
            assert not check.hidden or "hidden" not in reached.feedback


def headings(chapter):
    """The headings of a chapter, as they stand there."""
    cells = nbformat.read(ROOT / "chapters" / f"{chapter}.ipynb", as_version=4).cells
    return re.findall(r"^#+ (.+)$", "\n".join(c.source for c in cells), re.MULTILINE)


SOURCES = [*sorted((ROOT / "exercises").glob("*.ipynb")), SOURCE.path]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_feedback_names_sections_that_exist(path):
    lines = [w.feedback for e in read(path).exercises for w in e.wrong]
    lines += [check.hint for e in read(path).exercises for check in e.checks]
    for line in lines:
        assert len(re.findall(r"\bch-", line)) == len(SEE.findall(line)), line
        for chapter, section in SEE.findall(line):
            assert not section or section in headings(chapter), line
            anchor = f"{chapter}.html#{make_id(section)}" if section else f"{chapter}.html"
            assert f'href="{BOOK}{anchor}"' in told(Mark(0, "wrong", line))
