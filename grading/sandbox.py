"""Run a submission in a Jupyter kernel that can reach nothing: no network, no files.

The kernel runs in bubblewrap, and only its request socket is listened to. So neither what it
prints nor what it does with its own messages can harm the process outside.
"""

import contextlib
import json
import os
import secrets
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import sysconfig
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil
import zmq
from jupyter_client.connect import write_connection_file
from jupyter_client.session import Session

import dlutils
from grading import values

MB = 2**20
# What is printed goes nowhere: IPython and the kernel would keep all that a loop prints in memory.
PRELUDE = """\
import gc, sys, grading_values
sys.stdout = sys.stderr = open("/dev/null", "w", errors="replace")
get_ipython()._tee = lambda **_: __import__("contextlib").nullcontext()
exit = quit = lambda *_: None
gc.enable()
del gc, sys, grading_values
"""
# The kernel, without its debugger, which takes a quarter of the time that it needs to start.
KERNEL = """\
import gc, sys
gc.disable()  # until it has started
sys.modules["debugpy"] = None
from ipykernel.kernelapp import launch_new_instance
launch_new_instance()
"""
ASK = "__import__('grading_values').ask({!r}, globals())"
COURSE = "/opt/course"
HOME = "/student"
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache")
QUIET = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
USERS = range(61184, 65520)  # numbers that belong to nobody
SHARED = ("/tmp", "/var/tmp", "/dev/shm", "/run/lock")  # where every user may write
ENVIRONMENT = {
    "HOME": HOME,
    "IPYTHONDIR": f"{HOME}/.ipython",
    "LANG": "C.UTF-8",
    "MPLBACKEND": "agg",
    "MPLCONFIGDIR": f"{HOME}/.matplotlib",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PATH": "/usr/bin:/bin",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONPATH": COURSE,
    "TMPDIR": "/tmp",
    "USER": "student",
}


WAITED = "time limit, but hardly any computing"  # so perhaps the machine was busy


class Gone(Exception):
    """The kernel was ended: its time was over, it died, or it did what no submission needs."""


@dataclass(frozen=True)
class Limits:
    """What a submission may use."""

    seconds: float = 10.0  # for a cell, or for the checks of an exercise
    start: float = 60.0  # seconds until the kernel answers
    memory: int = 2048  # megabytes of each process
    processes: int = 64
    disk: int = 64  # megabytes in each of its folders, which are in memory


USUAL = Limits()


class Sandbox:
    """A kernel in which code runs and expressions have values; a context manager."""

    def __init__(self, limits=USUAL):
        self.limits = limits
        self.deadline = float("inf")

    def __enter__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="grading-"))
        self.user, self.claim = _nobody() if os.geteuid() == 0 else (None, None)
        self.context = self.process = self.first = None
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._end()
        if self.context is not None:
            self.context.destroy(linger=0)
        _remove(self.folder)
        if self.claim is not None:
            self.claim.close()

    def _end(self):
        """End all processes in the sandbox."""
        if self.first is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.first, signal.SIGKILL)
            select.select([self.first], [], [])  # it ends last of all in its namespace
            os.close(self.first)
        if self.process is not None:
            if self.first is None:
                self.process.kill()
            self.process.wait()  # bubblewrap ends after its first process

    def _start(self):
        key = secrets.token_hex()
        file, ports = write_connection_file(
            str(self.folder / "connection"),
            transport="ipc",
            ip=f"{self.folder}/k",
            key=key.encode(),
        )
        if self.user is not None:
            for path in (self.folder, file):
                os.chown(path, self.user, self.user)
        kernel = [os.path.abspath(sys.executable), "-P", "-c", KERNEL, "-f", file]
        self._open([*kernel, "--HistoryManager.enabled=False"])
        self.session = Session(key=key.encode())
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.MAXMSGSIZE, 4 * MB)  # a longer message ends the connection
        self.socket.setsockopt(zmq.RCVHWM, 4)
        self.socket.setsockopt(zmq.RECONNECT_IVL, 20)
        self.socket.connect(f"ipc://{self.folder}/k-{ports['shell_port']}")
        if self._request(PRELUDE, {}, self.limits.start).get("status") != "ok":
            raise RuntimeError(f"the kernel in the sandbox cannot import NumPy: {sys.executable}")

    def _open(self, kernel):
        """Start the kernel's command."""
        command = _command(self.folder, self.user, self.limits) + kernel
        told, tells = os.pipe()
        command[1:1] = ["--info-fd", str(tells)]
        with open(told, "rb") as information:
            self.process = subprocess.Popen(
                command, **QUIET, pass_fds=[tells], start_new_session=True
            )
            os.close(tells)
            self.first = _opened(information.read())

    def run(self, code):
        """Execute a cell; return the name of the error that it raised, if any."""
        reply = self._request(code, {}, self.limits.seconds)
        return None if reply.get("status") == "ok" else str(reply.get("ename"))[:80]

    def ask(self, expressions):
        """Return the value of each expression as text, or None; trust nothing in it."""
        asked = {str(n): ASK.format(expression) for n, expression in enumerate(expressions)}
        reply = self._request("", asked, self.limits.seconds).get("user_expressions")
        return [_text(reply, str(n)) for n in range(len(expressions))]

    def _request(self, code, asked, seconds):
        content = {"code": code, "silent": True, "store_history": False, "allow_stdin": False}
        content |= {"user_expressions": asked, "stop_on_error": False}
        sent = self.session.send(self.socket, "execute_request", content)["header"]["msg_id"]
        start = time.monotonic()
        end, used = min(start + seconds, self.deadline), None
        while time.monotonic() < end:
            if self.socket.poll(50):
                try:
                    _, reply = self.session.recv(self.socket)
                    answers = reply["parent_header"].get("msg_id") == sent
                    answers &= reply["msg_type"] == "execute_reply"
                    content = dict(reply["content"])
                except Exception:  # whatever it is, a submission wrote it
                    raise Gone("unreadable message") from None
                if not _only_sockets(self.folder):
                    raise Gone("wrote among the sockets")
                if answers:
                    return content
            elif self.process.poll() is not None:
                raise Gone("kernel died")
            elif not _only_sockets(self.folder):
                raise Gone("wrote among the sockets")
            elif used is None and time.monotonic() - start > seconds / 10:
                used = self.computing()  # asking takes time itself: of slow cells only
        computed = self.computing() - (used or 0.0)
        raise Gone("time limit" if computed > 0.7 * seconds else WAITED)

    def computing(self):
        """Return the processor seconds of all processes in the sandbox."""
        total = 0.0
        with contextlib.suppress(psutil.Error):
            first = psutil.Process(self.process.pid)
            for process in [first, *first.children(recursive=True)]:
                with contextlib.suppress(psutil.Error):
                    total += sum(process.cpu_times()[:2])
        return total


class Container(Sandbox):
    """A kernel without bubblewrap, in a container that was made for grading and is thrown away.

    A submission runs as a user of its own. It may read what every user of the container may read,
    and reaches the network if the container does.
    """

    def _open(self, kernel):
        self.home = Path(tempfile.mkdtemp(prefix="grading-home-"))
        shutil.copytree(Path(dlutils.__file__).parent, self.home / "dlutils")
        shutil.copy(values.__file__, self.home / "grading_values.py")
        for path in (self.home, *self.home.rglob("*")):  # what is copied may be closed to others
            os.chown(path, self.user, self.user)
        places = {"HOME": self.home, "TMPDIR": self.home, "PYTHONPATH": self.home}
        places |= {"IPYTHONDIR": self.home / "ipython", "MPLCONFIGDIR": self.home / "matplotlib"}
        environment = ENVIRONMENT | {name: str(place) for name, place in places.items()}
        command = [*_limited(self.limits), *_as_user(self.user), *kernel]
        self.process = subprocess.Popen(
            command, **QUIET, cwd=self.home, env=environment, start_new_session=True
        )

    def _end(self):
        if self.process is not None:
            self.process.kill()  # also where it is not yet the other user's
            self.process.wait()
        while _running(self.user):
            subprocess.run([*_as_user(self.user), "sh", "-c", "kill -9 -1"], **QUIET)
        for folder in filter(os.path.isdir, {tempfile.gettempdir(), *SHARED}):
            for entry in [e for e in os.scandir(folder) if _owner(e) == self.user]:
                if entry.path != str(self.folder):
                    _remove(entry.path)


def _nobody():
    """Return a user that no other sandbox has, and what gives it back when it is closed."""
    while True:
        user, claim = secrets.choice(USERS), socket.socket(socket.AF_UNIX)
        with contextlib.suppress(OSError):  # a name is one process's at a time, and no file
            claim.bind(f"\0grading-{user}")
            return user, claim
        claim.close()


def _running(user):
    """Say whether a user has processes that still run."""
    found = [p.info for p in psutil.process_iter(["uids", "status"])]
    running = [one["uids"].real for one in found if one["uids"] and one["status"] != "zombie"]
    return user in running


def _owner(entry):
    with contextlib.suppress(OSError):
        return entry.stat(follow_symlinks=False).st_uid


def _opened(information):
    """Return a handle of the first process in the sandbox, which bubblewrap has named."""
    try:
        return os.pidfd_open(json.loads(information)["child-pid"])
    except (ValueError, ProcessLookupError):  # it has ended already
        return None


def _text(reply, name):
    try:
        text = reply[name]["data"]["text/plain"]
        return text if isinstance(text, str) else None
    except Exception:  # whatever it is, a submission wrote it
        return None


def _only_sockets(folder):
    """Say whether the one folder of the disk that a submission may write holds what it should."""
    try:
        found = {e.name: e.stat(follow_symlinks=False).st_mode for e in os.scandir(folder)}
    except OSError:
        return False
    strange = [name for name, mode in found.items() if not stat.S_ISSOCK(mode)]
    return len(found) <= 6 and strange in ([], ["connection"])


def _remove(folder):
    """Remove a folder, also if a submission has closed folders in it, or a file."""
    if os.path.islink(folder) or not os.path.isdir(folder):
        return os.remove(folder)
    os.chmod(folder, 0o700)
    for path, names, _ in os.walk(folder):
        for name in names:
            if not os.path.islink(os.path.join(path, name)):
                os.chmod(os.path.join(path, name), 0o700)
    return shutil.rmtree(folder)


def _command(folder, user, limits):
    """Return the command before the kernel's own: what it sees of the machine, and its limits."""
    inside = ["bwrap", "--die-with-parent", "--new-session", "--clearenv"]
    inside += ["--unshare-net", "--unshare-ipc", "--unshare-pid", "--unshare-uts"]
    inside += ["--unshare-cgroup-try", "--hostname", "sandbox"]
    if user is None:
        inside += ["--unshare-user", "--disable-userns", "--cap-drop", "ALL"]
    inside += ["--proc", "/proc", "--dev", "/dev"]
    size = ["--perms", "1777", "--size", str(limits.disk * MB), "--tmpfs"]
    inside += [*size, "/tmp", *size, HOME, *size, "/dev/shm"]
    shown = [*_python(), f"{COURSE}/x", "/etc/x", folder]
    for parent in sorted({str(up) for path in shown for up in Path(path).parents}):
        inside += ["--perms", "0755", "--dir", parent]  # else closed to all but root
    for path in SYSTEM:
        if Path(path).is_symlink():
            inside += ["--symlink", os.readlink(path), path]
        else:
            inside += ["--ro-bind-try", path, path]
    for path in _python():
        inside += ["--ro-bind", path, path]
    inside += ["--ro-bind", str(Path(dlutils.__file__).parent), f"{COURSE}/dlutils"]
    inside += ["--ro-bind", values.__file__, f"{COURSE}/grading_values.py"]
    inside += ["--bind", str(folder), str(folder)]
    inside += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", HOME]
    for name, value in ENVIRONMENT.items():
        inside += ["--setenv", name, value]
    return [*inside, "--", *_limited(limits), *([] if user is None else _as_user(user))]


def _limited(limits):
    """Return the command before another one that limits it."""
    sizes = [f"--as={limits.memory * MB}", f"--fsize={limits.disk * MB}", "--core=0"]
    return ["prlimit", *sizes, f"--nproc={limits.processes}", "--nofile=256"]


def _as_user(user):
    """Return the command before another one that makes it another user's."""
    identity = [f"--reuid={user}", f"--regid={user}", "--clear-groups"]
    return ["setpriv", *identity, "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]


@cache
def _python():
    """Return the folders of this Python and its packages, outside those of the system."""
    folders = {sys.prefix, sys.base_prefix, sysconfig.get_path("purelib")}
    folders |= {os.path.realpath(folder) for folder in folders}
    return sorted(f for f in folders if not f.startswith("/usr/") and f != "/usr")


def obstacle(kind=Sandbox, private=()):
    """Say why nothing can be graded here, and what to do; nothing if it can.

    Parameters
    ----------
    kind : type
        Sandbox or Container.
    private : iterable of Path
        What no submission may read; only a Container needs to know.
    """
    if kind is Container:
        if os.geteuid() != 0:
            return "in a container, grade as root, so that submissions can run as another user"
        for path in private:
            if path.exists() and _readable_by_all(path):
                return f"every user can read {path}: chmod -R go-rwx {path}"
        command = [*_as_user(USERS[0]), sys.executable, "-c", "import ipykernel, numpy"]
        tried = subprocess.run(command, capture_output=True, text=True, cwd="/", env=ENVIRONMENT)
        if tried.returncode:
            return f"another user cannot run {sys.executable}: {tried.stderr.strip()}"
        return None
    if sys.platform != "linux":
        return f"bubblewrap needs Linux, and this is {sys.platform}: grade in a container"
    if shutil.which("bwrap") is None:
        return "bubblewrap is not installed (Debian, Ubuntu: apt install bubblewrap)"
    with tempfile.TemporaryDirectory(prefix="grading-") as folder:
        command = [*_command(Path(folder), None if os.geteuid() else USERS[0], Limits()), "true"]
        tried = subprocess.run(command, capture_output=True, text=True)
    if tried.returncode == 0:
        return None
    return (
        f"bubblewrap cannot make a sandbox here: {tried.stderr.strip()}. Docker's default seccomp "
        "profile and Ubuntu's AppArmor (since 24.04) forbid it: allow it, or use --container"
    )


def _readable_by_all(path):
    path = path.resolve()
    ways = all(parent.stat().st_mode & stat.S_IXOTH for parent in path.parents)
    return bool(ways and path.stat().st_mode & (stat.S_IROTH | stat.S_IXOTH))
