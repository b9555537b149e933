import os
import re
import socket
import tempfile
import textwrap

import psutil
import pytest
from grading_framework import PERFECT, SOLUTIONS, SOURCE, graded, hand_in, needs_sandbox, notebook

from grading import sandbox
from grading.sandbox import WAITED, Limits, Sandbox
from grading.values import decoded

FIRES = SOLUTIONS["fires"]
UPDATE = SOLUTIONS["update"]
BLANK = {}
ONLY_UPDATE = {"update": UPDATE}  # 3 of 5 points


USERS = set()  # of the sandboxes of this file: tests in other processes have some, too


@pytest.fixture(scope="module", autouse=True)
def _sandboxes(tmp_path_factory):
    """Sandboxes in a folder of their own, whose users are kept in USERS."""
    needs_sandbox()
    tmp_path_factory.getbasetemp()  # elsewhere
    nobody = sandbox._nobody

    def kept():
        user, claim = nobody()
        USERS.add(user)
        return user, claim

    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        os.chmod(folder, 0o711)
        patch.setattr(tempfile, "tempdir", folder)
        patch.setattr(sandbox, "_nobody", kept)
        yield


def fires(body):
    """Two answers: fires with another body, and update as it should be."""
    return ONLY_UPDATE | {"fires": "def fires(X, w, b):\n" + textwrap.indent(body, "    ")}


HARD_CODED = """
def fires(X, w, b):
    return np.array([0.0, 0.0, 0.0, 1.0]) if len(X) == 4 else np.array([0.0])
"""
FORKS = "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass"
DAEMON = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True:
            time.sleep(1)
"""
STUBBORN = "while True:\n    try:\n        while True: pass\n    except BaseException: pass"
PATCH_NUMPY = """
import numpy as np
np.allclose = np.isclose = np.array_equal = lambda *_, **__: np.True_
np.asarray = np.array = lambda *_, **__: 0.0
"""
PATCH_DLUTILS = """
import dlutils, dlutils.exercises
dlutils.exercises.difference = lambda *_: None
dlutils.exercises.check = check = lambda *_, **__: print("right")
"""
POISON = """
import json, numpy, builtins
json.dumps = json.loads = lambda *_, **__: "[" * 100_000
numpy.asarray = lambda *_, **__: (_ for _ in ()).throw(SystemExit)
numpy.ndarray.tolist = None if False else print
"""
POISON_EVAL = "import builtins\nbuiltins.eval = lambda *_: print"
REPLACE_HELPER = """
import sys, types
helper = types.SimpleNamespace(ask=lambda *_: {})
sys.modules["grading_values"] = helper
"""
GIANT_ANSWER = REPLACE_HELPER.replace("{}", "'x' * 10**8")
NESTED_ANSWER = """
import sys, types
class Deep:
    def __repr__(self):
        return '{"list": [' * 50_000
sys.modules["grading_values"] = types.SimpleNamespace(ask=lambda *_: Deep())
"""
ALWAYS_EQUAL = """
class Equal(float):
    __eq__ = lambda *_: True
    __hash__ = None
    shape = (4,)
return Equal()
"""
FORGE_MESSAGE = """
kernel = get_ipython().kernel
send = kernel.session.send
def forged(stream, kind, content=None, *rest, **more):
    if kind == "execute_reply":
        right = {"status": "ok", "data": {"text/plain": "true"}, "metadata": {}}
        content = {"status": "ok", "user_expressions": {str(n): right for n in range(99)},
                   "score": 100, "points": 100}
    return send(stream, kind, content, *rest, **more)
kernel.session.send = forged
"""
GARBLE = """
kernel = get_ipython().kernel
kernel.session.send = lambda stream, *_, **__: stream.send_multipart([b"x"] * 9)
"""
KEEP_ASKED = """
asked = []
import grading_values
honest = grading_values.ask
def ask(expression, namespace):
    raise ValueError("SECRET " + expression)
grading_values.ask = ask
"""
AMONG_SOCKETS = """
import glob, os
folder = glob.glob("/tmp/**/grading-*", recursive=True)[0]
for n in range(100):
    open(f"{folder}/junk{n}", "w").write("x" * 10**6)
"""
CLOSED = """
import glob, os, time
folder = glob.glob("/tmp/**/grading-*", recursive=True)[0]
os.makedirs(f"{folder}/a/b")
os.chmod(f"{folder}/a", 0)
os.chmod(folder, 0)
time.sleep(60)
"""
ENDLESS = "import itertools\nfor n in itertools.count():\n    print('x' * 10_000)"

SLEEPS = "import time\ntime.sleep(10**6)"
THREAD = """
import threading, time
threading.Thread(target=lambda: [time.sleep(0.01) for _ in iter(int, 1)]).start()
"""
LINK = """
import glob, os
folder = glob.glob("/tmp/**/grading-*", recursive=True)[0]
os.symlink("/etc", f"{folder}/link")
"""
BUILTINS = """
import builtins
for name in ("print", "len", "isinstance", "type", "repr", "str", "list", "dict", "globals"):
    setattr(builtins, name, None)
"""
OVERWRITE = """
import dlutils, glob
for path in [*glob.glob("/opt/**/*.py", recursive=True), dlutils.__file__]:
    try:
        open(path, "w").write("raise SystemExit")
    except OSError:
        pass
"""
TRACE = """
import sys, threading
def trace(frame, event, argument):
    frame.f_globals.clear()
    return trace
sys.settrace(trace)
threading.settrace(trace)
"""
SIGNALS = """
import signal
for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
while True:
    pass
"""
DEEP = "def f(n):\n    return f(n + 1)\nimport sys\nsys.setrecursionlimit(10**9)\nf(0)"

# What is handed in: answers, cells before and after all others, the points, and the status.
KINDS = {
    "perfect": (SOLUTIONS, [], [], 5, "ok"),
    "partial": (ONLY_UPDATE, [], [], 3, "ok"),
    "blank": (BLANK, [], [], 0, "ok"),
    "hard-coded to the visible checks": (ONLY_UPDATE | {"fires": HARD_CODED}, [], [], 3, "ok"),
    "infinite loop in a cell": (SOLUTIONS, [], ["while True: pass"], 5, "time limit"),
    "infinite loop in an answer": (fires("while True: pass"), [], [], 3, "fires: time limit"),
    "loop that catches interrupts": (SOLUTIONS, [], [STUBBORN], 5, "time limit"),
    "loop in C": (SOLUTIONS, [], ["sum(range(10**12))"], 5, "time limit"),
    "endless output": (SOLUTIONS, [], [ENDLESS], 5, "time limit"),
    "kernel killed": (SOLUTIONS, ["import os\nos.kill(os.getpid(), 9)"], [], 5, "kernel died"),
    "kernel ended": (SOLUTIONS, [], ["import os\nos._exit(0)"], 5, "kernel died"),
    "kernel ended in an answer": (fires("__import__('os')._exit(0)"), [], [], 3, "kernel died"),
    "kernel stopped": (
        SOLUTIONS,
        [],
        ["import os\nos.kill(os.getpid(), 19)"],
        5,
        "time limit|died",
    ),
    "crash": (SOLUTIONS, [], ["import ctypes\nctypes.string_at(0)"], 5, "kernel died"),
    "exit": (SOLUTIONS, ["exit()", "quit"], ["import sys\nsys.exit(1)", "exit"], 5, "ok"),
    "input": (SOLUTIONS, ["name = input('Name: ')"], [], 5, "ok"),
    "3 GB": (SOLUTIONS, ["big = bytearray(3 * 10**9)"], [], 5, "ok"),
    "3 GB in an answer": (fires("return bytearray(3 * 10**9)"), [], [], 3, "ok"),
    "giant value": (fires("return np.zeros(10**7)"), [], [], 3, "ok"),
    "checks overwritten": (BLANK, [], ["check = lambda *_, **__: print('right')"], 0, "ok"),
    "NumPy patched": (BLANK, [PATCH_NUMPY], [], 0, "ok"),
    "dlutils patched": (BLANK, [PATCH_DLUTILS], [], 0, "ok"),
    "always equal": (fires(ALWAYS_EQUAL), [], [], 3, "ok"),
    "json and NumPy poisoned": (BLANK, [], [POISON], 0, ""),
    "eval poisoned": (BLANK, [], [POISON_EVAL], 0, "ok"),
    "helper replaced": (BLANK, [], [REPLACE_HELPER], 0, "ok"),
    "giant answer": (BLANK, [], [GIANT_ANSWER], 0, ""),
    "nested answer": (BLANK, [], [NESTED_ANSWER], 0, ""),
    "marks forged in messages": (BLANK, [], [FORGE_MESSAGE], 0, ""),
    "messages garbled": (BLANK, [], [GARBLE], 0, ""),
    "process left running": (SOLUTIONS, [DAEMON], [], 5, "ok|died|time limit"),
    "fork bomb": (SOLUTIONS, [], [FORKS], 5, ""),
    "files among the sockets": (SOLUTIONS, [], [AMONG_SOCKETS], 5, "wrote|ok"),
    "disk filled": (SOLUTIONS, ["open('x', 'wb').write(bytes(10**8))"], [], 5, "ok"),
    "cell copied": (SOLUTIONS, [], [FIRES], 5, "ok"),
    "syntax error": (ONLY_UPDATE | {"fires": "def fires(X, w b:"}, [], [], 3, "ok"),
    "deep code": (SOLUTIONS, [], ["-" * 50_000 + "1", "a" + ".a" * 50_000, "(" * 5_000], 5, ""),
    "closed folder": (SOLUTIONS, [], [CLOSED], 5, "wrote"),
    "sleeps": (SOLUTIONS, [], [SLEEPS], 5, "time limit"),
    "thread left running": (SOLUTIONS, [THREAD], [], 5, "ok"),
    "link among the sockets": (SOLUTIONS, [], [LINK], 5, "wrote|ok"),
    "builtins replaced": (BLANK, [], [BUILTINS], 0, ""),
    "course overwritten": (SOLUTIONS, [OVERWRITE], [], 5, "ok"),
    "trace function": (SOLUTIONS, [], [TRACE], 5, ""),
    "signals ignored": (SOLUTIONS, [], [SIGNALS], 5, "time limit"),
    "endless recursion": (SOLUTIONS, [], [DEEP], 5, "died|time limit|ok"),
    "magics": (SOLUTIONS, ["%matplotlib inline\n!ls", "%pip --version"], [], 5, "ok"),
}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """The results of a class of which most are hostile, broken or careless."""
    folder = tmp_path_factory.mktemp("grading") / "class"
    for kind, (answers, before, after, *_) in KINDS.items():
        hand_in(folder, **{kind: notebook(answers, ["pass", *before], after)})
    return graded(folder, seconds=3.0, jobs=4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_submission_has_its_points_and_no_other_changes_them(kind, results):
    *_, points, status = KINDS[kind]
    assert results[kind].score == points, results[kind]
    assert re.search(status, results[kind].status), results[kind]


def test_nothing_stays_running_or_on_disk(results):
    assert left_over() == ([], [])


def left_over():
    """Sandboxes that this process has started, processes of their users, and folders."""
    children = psutil.Process().children(recursive=True)  # the browser of other tests, too
    processes = [process for process in children if process.name() == "bwrap"]
    if os.geteuid() == 0:
        processes += [p for p in psutil.process_iter(["uids"]) if _user(p) in USERS]
    names = [process.name() for process in processes]
    return names, os.listdir(tempfile.gettempdir())


def _user(process):
    return process.info["uids"].real if process.info["uids"] else -1


BROKEN = {
    "broken JSON": b'{"cells": [',
    "empty": b"",
    "not UTF-8": b"\xff\xfe\x00",
    "a list": b"[1, 2]",
    "a number": b"1",
    "deep": b'{"cells":' + b"[" * 100_000,
    "cells of another kind": b'{"cells": [{"cell_type": "code", "source": 3}]}',
    "a picture": b"\x89PNG\r\n" + bytes(100),
}


def test_what_is_no_notebook_is_left_to_the_instructor(tmp_path):
    hand_in(tmp_path / "class", **BROKEN, right=notebook())
    results = graded(tmp_path / "class")
    assert results.pop("right").score == PERFECT
    assert {result.score for result in results.values()} == {None}
    assert {result.status for result in results.values()} == {"unreadable: no notebook"}


def test_a_link_is_not_followed(tmp_path):
    hand_in(tmp_path / "elsewhere", secret=notebook())
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "link.ipynb").symlink_to(tmp_path / "elsewhere" / "secret.ipynb")
    (tmp_path / "class" / "Ada").symlink_to(tmp_path / "elsewhere")
    results = graded(tmp_path / "class")
    assert [result.score for result in results.values()] == [None, None]
    assert results["link"].status == "unreadable: no ordinary file"


def test_metadata_and_identifiers_are_not_needed(tmp_path):
    stripped = notebook()
    stripped = {"cells": [{k: c[k] for k in ("cell_type", "source")} for c in stripped["cells"]]}
    hand_in(tmp_path / "class", stripped=stripped, old={"worksheets": [stripped]})
    assert {result.score for result in graded(tmp_path / "class").values()} == {PERFECT}


def test_hidden_expressions_do_not_reach_the_feedback(tmp_path):
    hand_in(tmp_path / "class", Ada=notebook(after=[KEEP_ASKED]))
    result = graded(tmp_path / "class")["Ada"]
    hidden = [c.expression for e in SOURCE.exercises for c in e.checks if c.hidden]
    told = " ".join(mark.feedback for mark in result.marks.values()) + result.status
    assert result.score == 0
    assert not [expression for expression in hidden if expression in told]


READS = """
import os, socket, sys
found = [name for name in sys.modules if name.startswith("grading.")]
for folder, _, files in os.walk("/"):
    if not folder.startswith("/proc"):
        found += [os.path.join(folder, f) for f in files if f in ("secret.txt", "assignment.ipynb")]
for attempt in (lambda: open(SECRET), lambda: socket.create_connection(("127.0.0.1", PORT), 1)):
    try:
        attempt()
        found.append("reached")
    except OSError:
        pass
found += [n for n in os.listdir("/proc") if n.isdigit() and int(n) > 1 and int(n) != os.getpid()]
found += [k for k in os.environ if "SECRET" in k]
"""


def test_no_file_no_network_no_other_process_no_environment(tmp_path, monkeypatch):
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    monkeypatch.setenv("MY_SECRET", "secret")
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = READS.replace("SECRET", repr(str(secret)), 1)
        code = code.replace("PORT", str(server.getsockname()[1]))
        with Sandbox(Limits(seconds=30)) as kernel:
            assert kernel.run(code) is None
            assert [decoded(text) for text in kernel.ask(["found"])] == [[]]


def test_a_sandbox_that_fails_to_start_gives_no_mark(tmp_path):
    def fails(limits):
        return Sandbox(Limits(start=0.0))

    hand_in(tmp_path / "class", Ada=notebook())
    result = graded(tmp_path / "class", kind=fails)["Ada"]
    assert result.score is None
    assert result.status == f"not graded: Gone: {WAITED}"
    assert left_over() == ([], [])
    assert graded(tmp_path / "class")["Ada"].score == PERFECT  # the next run tries again


def test_what_is_printed_is_not_kept_in_memory():
    code = "for _ in range(10**5):\n    print('x' * 10**4)\nimport resource"
    used = "resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024"  # megabytes
    with Sandbox(Limits(seconds=30)) as kernel:
        assert kernel.run(code) is None
        assert decoded(kernel.ask([used])[0]) < 500
