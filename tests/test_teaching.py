"""The guide for instructors: its plans fit the chapters, and what it says of the book is true."""

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import lint
import pytest
import yaml
from bs4 import BeautifulSoup
from test_site import CONFIG, NOTEBOOKS, built, small_book

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "_ext"))
import teaching  # noqa: E402

sys.path.pop(0)
GUIDE = (ROOT / "chapters/teaching/guide.md").read_text(encoding="utf-8")
BOOK = lint.notebooks(ROOT)
CHAPTERS = [page for page in lint.pages(ROOT) if Path(page).parent.name == "chapters"]


def minutes(page: str) -> list[int]:
    """What a chapter says that it takes, to read and to exercise; nothing while it is unwritten."""
    if page not in NOTEBOOKS:
        return [0, 0]
    first = BOOK[f"{page}.ipynb"].cells[0].source
    return [*map(int, re.search(lint.STATED_TIMES, first).groups())]


@pytest.fixture(scope="module")
def article(site: Path):
    source = (site / "chapters/teaching/guide.html").read_text(encoding="utf-8")
    return BeautifulSoup(source, "html.parser").article


@pytest.fixture(scope="module")
def tables(article) -> list[list[tuple[list[list[str]], list[int]]]]:
    """The rows of each table: the pages that each cell links to, and its numbers."""
    return [
        [
            (
                [[f"chapters/{Path(a['href']).stem}" for a in cell.select("a")] for cell in cells],
                [int(cell.get_text()) for cell in cells if cell.get_text().strip().isdigit()],
            )
            for cells in (row.select("td") for row in table.select("tbody tr"))
        ]
        for table in article.select("table")
    ]


def test_table_says_what_each_chapter_says_of_itself(tables):
    assert [links[0] for links, _ in tables[0]] == [[page] for page in CHAPTERS]
    for page, (links, numbers) in zip(CHAPTERS, tables[0], strict=True):
        assert numbers == [number for number in minutes(page) if number]
        if page in NOTEBOOKS:
            first = BOOK[f"{page}.ipynb"].cells[0].source
            needs = first.partition("**You need**")[2].partition("It helps")[0]
            assert links[1] == [
                f"chapters/{label}" for label in re.findall(r"\{ref\}`ch-([\w-]+)`", needs)
            ]


def test_times_are_counted_as_the_guide_says():
    counted = re.search(r"Reading counts (\d+) words, or (\d+) lines of code, a minute", GUIDE)
    assert [60 / lint.SECONDS_A_WORD, 60 / lint.SECONDS_A_LINE] == [*map(int, counted.groups())]
    assert lint.SECONDS_A_BOX == 60


def test_twelve_weeks_hold_every_chapter_in_the_order_of_the_book(tables):
    weeks = tables[1]
    assert [page for links, _ in weeks for page in links[1]] == CHAPTERS
    assert len(weeks) == 12
    for links, (_, *numbers) in weeks:
        reading, exercises = map(sum, zip(*map(minutes, links[1]), strict=True))
        assert numbers == [n for n in (reading, exercises, reading + exercises) if n]
        assert reading + exercises <= int(re.search(r"Week\n:at-most: (\d+)", GUIDE)[1])


def test_two_days_name_what_they_skip(tables):
    needs = {links[0][0]: links[1] for links, _ in tables[0]}
    limit, done = int(re.search(r"Day\n:at-most: (\d+)", GUIDE)[1]), []
    assert len(tables[2]) == 2 and f"two days of {'six'} hours" in GUIDE and limit == 6 * 60
    for links, (_, reading, left) in tables[2]:
        skipped = []
        for page in links[1]:
            skipped += [need for need in needs[page] if need not in [*done, *skipped]]
            done.append(page)
        assert links[-1] == skipped
        assert reading == sum(minutes(page)[0] for page in links[1]) and left == limit - reading
    assert done[0] == CHAPTERS[0] and done[-1] == CHAPTERS[-1]


def test_figure_has_an_arc_for_each_need(site: Path, article, tables):
    picture = article.select_one("figure#fig-prerequisites img")
    svg = (site / "chapters/teaching" / picture["src"]).read_text(encoding="utf-8")
    arcs = sum(len(links[1]) for links, _ in tables[0])
    assert f"{arcs} arcs" in picture["alt"]
    # Thick arcs have a head, which is a path of its own.
    assert svg.count("<path") - svg.count("<path id") >= arcs > 30


# ── Each plan catches a planted fault ─────────────────────────────────────────────────────────────


def found(**changes) -> dict[str, teaching.Chapter]:
    chapters = {
        "ch-a": teaching.Chapter("A", [], 30, 60),
        "ch-b": teaching.Chapter("B", ["ch-a"], 20, 40),
        "ch-c": teaching.Chapter("C", ["ch-a", "ch-b"], 10, 20),
    }
    return chapters | {f"ch-{name}": chapter for name, chapter in changes.items()}


def plan(content: str, chapters: dict[str, teaching.Chapter], **options) -> list[str]:
    told = SimpleNamespace(arguments=["Week"], options=options, content=content.splitlines())
    return teaching.Schedule.tell(told, chapters)


def test_plan_adds_up():
    lines = plan("ch-a, ch-b\nch-c", found(), **{"at-most": 150})
    assert lines[2:4] == [
        "| 1 | {ref}`ch-a` · {ref}`ch-b` | 50 | 100 | 150 |",
        "| 2 | {ref}`ch-c` | 10 | 20 | 30 |",
    ]
    assert lines[-1] == "Minutes; no week has more than 150 of work."
    lines = plan("ch-a\nch-c", found(), **{"at-most": 60, "reading-only": None})
    assert lines[2:4] == [
        "| 1 | {ref}`ch-a` | 30 | 30 | – |",
        "| 2 | {ref}`ch-c` | 10 | 50 | {ref}`ch-b` |",
    ]
    assert lines[-1] == "Minutes; no week has more than 30 of reading."


@pytest.mark.parametrize(
    ("content", "changes", "problem"),
    [
        ("ch-a, ch-b, ch-c", {}, "Week 1 takes 180 minutes of 150, and lacks []"),
        ("ch-a\nch-c", {}, "Week 2 takes 30 minutes of 150, and lacks ['ch-b']"),
        ("ch-b\nch-a", {}, "Week 1 takes 60 minutes of 150, and lacks ['ch-a']"),
        ("ch-a\nch-d", {}, "'ch-d' has ch-d, wanted each chapter once"),
        ("ch-a\nch-a, ch-b", {}, "'ch-a, ch-b' has ch-a, wanted each chapter once"),
        ("ch-a", {"a": teaching.Chapter("A", [], 30, 121)}, "Week 1 takes 151 minutes of 150"),
    ],
)
def test_plan_that_does_not_fit_is_refused(content, changes, problem):
    with pytest.raises(ValueError, match=re.escape(problem)):
        plan(content, found(**changes), **{"at-most": 150})


def test_an_arc_is_thin_if_thick_ones_lead_there():
    assert teaching.follows(found(), "ch-c", "ch-a")
    assert not teaching.follows(found(), "ch-c", "ch-b")
    assert not teaching.follows(found(), "ch-b", "ch-a")


def test_need_of_a_later_chapter_stops_the_build(tmp_path: Path):
    opening = "(ch-{0})=\n# {0}\n\n**Reading time:** 5 minutes, and about 6 minutes more.\n\n"
    chapters = {f"chapters/{name}": opening.format(name) for name in "ab"}
    guide = "# Guide\n\n:::{prerequisites}\nWhat needs what.\n:::\n"
    small_book(tmp_path, page="# Book\n", guide=guide, **chapters)
    build = built(tmp_path)
    assert build.returncode == 0, build.stderr
    path = tmp_path / "chapters/a.md"
    path.write_text(path.read_text(encoding="utf-8") + "**You need** {ref}`ch-b`.\n", "utf-8")
    (tmp_path / "page.md").touch()
    build = built(tmp_path)
    assert build.returncode != 0 and "ch-a needs ch-b, wanted earlier chapters" in build.stderr


# ── What it says of license and citation ──────────────────────────────────────────────────────────


def test_both_ways_to_cite_agree_with_the_book():
    cff = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    bibtex = dict(re.findall(r"^  (\w+) += \{+([^}]*)\}+,$", GUIDE, re.MULTILINE))
    (author,) = cff["authors"]
    assert cff["title"] == bibtex["title"] == CONFIG["title"]
    assert author["name"] == bibtex["author"] == CONFIG["author"]
    assert bibtex["year"] == CONFIG["copyright"]
    assert cff["repository-code"] == bibtex["url"] == CONFIG["repository"]["url"]
    assert cff["url"] == CONFIG["html"]["baseurl"]
    assert {"cff-version", "message", "type"} <= cff.keys()
    assert sorted(cff["license"]) == ["CC-BY-4.0", "MIT"]


def test_commands_and_files_of_the_guide_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for command in re.findall(r"`make (\w+)", GUIDE):
        assert re.search(rf"^{command}:", makefile, re.MULTILINE), command
    for file in re.findall(r"`([\w.]+\.yml)`|/blob/main/([\w.]+)", GUIDE):
        assert (ROOT / "".join(file)).exists()
    from dlutils import worked

    (call,) = re.findall(r"`worked\.(problem_for)\(", GUIDE)
    problem = getattr(worked, call)("Ada Lovelace, week 6")
    assert problem.statement and problem.solution
