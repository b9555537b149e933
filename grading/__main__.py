"""From one source a chapter to what students get, and from what they hand in to their marks."""

import argparse
import contextlib
import importlib
import os
import sys
from concurrent.futures import BrokenExecutor, ThreadPoolExecutor
from pathlib import Path

from tqdm import tqdm

from grading import release, report
from grading.grade import grade
from grading.sandbox import Container, Limits, Sandbox, obstacle
from grading.source import read
from grading.submissions import find
from grading.verify import verify

EXITS = """\
It ends with 0 if all is well, 1 if verify found a fault or grade a submission that you have to
look at, and 2 if there was nothing that it could do.
"""


def main(arguments=None):
    """Run one command; return 0, or 1 if there is something to look at, or 2 if it cannot run."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except (ValueError, OSError, BrokenExecutor) as error:
        print(f"grading {options.command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped. What was done is kept: the same command goes on.", file=sys.stderr)
        return 2


def _parser():
    parser = argparse.ArgumentParser("python -m grading", description=__doc__, epilog=EXITS)
    commands = parser.add_subparsers(required=True, metavar="command", dest="command")
    for name, (run, text, more) in COMMANDS.items():
        about = f"{text[0].upper()}{text[1:]}. {more}"
        one = commands.add_parser(name, help=text, description=about, epilog=EXITS)
        one.set_defaults(run=run)
        many = {} if name == "grade" else {"nargs": "+"}
        key = "source" if name == "grade" else "sources"
        one.add_argument(key, type=Path, metavar="SOURCE.ipynb", help="exercises/….ipynb", **many)
    one = commands.choices["release"]
    one.add_argument("--to", type=Path, required=True, metavar="FOLDER", help="where to write")
    one.add_argument(
        "--only", choices=release.PARTS, action="append", help="write this alone (may be repeated)"
    )
    one.add_argument(
        "--roster",
        type=Path,
        metavar="NAMES.txt",
        help="names, one a line: write one notebook for each, with numbers of their own",
    )
    one = commands.choices["grade"]
    one.add_argument(
        "submissions", type=Path, help="a folder with a notebook or a folder a student"
    )
    one.add_argument("--to", type=Path, required=True, metavar="FOLDER", help="where to write")
    one.add_argument(
        "--jobs", type=_count, help="how many at a time (default: as this process may use cores)"
    )
    one.add_argument(
        "--format",
        choices=("moodle", "canvas", "gradescope"),
        action="append",
        default=[],
        help="besides grades.csv and the feedback, write what this reads (may be repeated)",
    )
    one.add_argument(
        "--seconds",
        type=_seconds,
        default=Limits.seconds,
        help="for a cell, or for the checks of an exercise (default: %(default)g)",
    )
    one.add_argument(
        "--executor",
        metavar="NAME",
        help="where to run: dask, dask:ADDRESS, or MODULE:CALLABLE that returns an executor of "
        "the kind of concurrent.futures",
    )
    one.add_argument(
        "--shard",
        type=_shard,
        metavar="I/N",
        help="run the I-th of N parts alone and write no grades; then run once without it",
    )
    one.add_argument(
        "--container",
        action="store_true",
        help="without bubblewrap: this is a container made for it, and thrown away after",
    )
    return parser


def _count(text):
    if not (text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r}: wanted a whole number above 0")
    return int(text)


def _seconds(text):
    seconds = float(text)
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r}: wanted a number above 0")
    return seconds


def _shard(text):
    part, _, parts = text.partition("/")
    if not (part.isdigit() and parts.isdigit() and 1 <= int(part) <= int(parts)):
        raise argparse.ArgumentTypeError(f"{text!r}: wanted I/N, from 1/N to N/N")
    return int(part), int(parts)


def _verify(options):
    sources = [read(path) for path in options.sources]
    problems = [p for one in tqdm(sources, unit="source", disable=None) for p in verify(one)]
    print("\n".join(problems) or f"{len(sources)} verified")
    return int(bool(problems))


def _release(options):
    roster = None
    if options.roster:
        lines = options.roster.read_text(encoding="utf-8-sig").splitlines()
        roster = [line.strip() for line in lines if line.strip()]
    sources = [read(path) for path in options.sources]
    for source in tqdm(sources, unit="source", disable=None):
        release.write(source, options.to, options.only or release.PARTS, roster)
    print(f"Written to {options.to}")
    return 0


def _grade(options):
    kind = Container if options.container else Sandbox
    private = [options.source, options.submissions, options.to]
    if why := obstacle(kind, private):
        raise ValueError(why)
    source, submissions = read(options.source), find(options.submissions)
    _refuse(options, submissions)
    options.to.mkdir(mode=0o700, parents=True, exist_ok=True)  # grades are nobody else's business
    if options.shard:
        part, parts = options.shard
        submissions = submissions[part - 1 :: parts]
    limits = Limits(seconds=options.seconds)
    with _executor(options) as executor:
        results = grade(source, submissions, options.to / "values", executor, limits, kind)
    strange = [result for result in results if result.status != "ok"]
    for result in strange:
        print(f"{result.submission.student}: {result.status}")
    if options.shard:
        print(f"{len(results)} graded, {len(strange)} to look at; no grades written yet")
        return int(bool(strange))
    report.write(source, results, options.to, options.format)
    print(f"{len(results)} graded, {len(strange)} to look at: {options.to / 'grades.csv'}")
    return int(bool(strange))


def _refuse(options, submissions):
    """Refuse now what would show only at the end of a long run."""
    if "gradescope" in options.format and len(submissions) != 1:
        raise ValueError(f"--format gradescope: {len(submissions)} submissions, wanted one")
    unknown = [one.path for one in submissions if not one.id]
    for name in ("moodle", "canvas"):
        if name in options.format and unknown:
            wanted = f"wanted names with a number, as {name.capitalize()} gives them"
            raise ValueError(f"--format {name}: {unknown[0]}: {wanted}")
    if options.submissions.resolve() in (options.to.resolve(), *options.to.resolve().parents):
        raise ValueError(f"--to {options.to}: wanted a folder outside {options.submissions}")


@contextlib.contextmanager
def _executor(options):
    jobs = options.jobs or len(os.sched_getaffinity(0))
    name, _, place = (options.executor or "").partition(":")
    try:
        if not options.executor:
            opened = ThreadPoolExecutor(jobs)
        elif name == "dask":
            here = {"n_workers": jobs, "threads_per_worker": 1, "dashboard_address": None}
            client = importlib.import_module("distributed").Client
            opened = client(place) if place else client(**here)
        else:
            opened = getattr(importlib.import_module(name), place)()
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"--executor {options.executor}: {error}") from None
    with opened:
        yield opened.get_executor() if name == "dask" else opened


COMMANDS = {
    "verify": (
        _verify,
        "check that solutions score all, and blanks and mistakes nothing",
        "Other right answers score all, too, and nothing hidden is in the student notebook.",
    ),
    "release": (
        _release,
        "write student notebooks, the key, nbgrader's and Gradescope's files",
        "They are in the folders assignments, key, nbgrader and gradescope of --to.",
    ),
    "grade": (
        _grade,
        "grade a folder of submissions, each in a sandbox",
        "Each is a notebook, Ada.ipynb, or a folder with one, also as Moodle and Canvas name them. "
        "Into --to it writes grades.csv, a page for each student in feedback, and in values what "
        "a later run need not ask again. It needs Linux and bubblewrap.",
    ),
}

if __name__ == "__main__":
    sys.exit(main())
