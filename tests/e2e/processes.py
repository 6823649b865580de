"""Programs that a test runs: started in a temporary directory, bounded by deadlines, gone with it.

    with Workspace("inbound") as workspace:
        port = workspace.reserve_port()
        sink = workspace.start("sink", ["smtp-sink", f"127.0.0.1:{port}", "100"])
        wait_for_port(port)
        done = run(["swaks", …])

Everything a Workspace started is killed when it ends, also when the test itself is killed: each
program asks the kernel for a signal at its parent's death. Start programs from the main thread: to
the kernel "parent" is the thread that forked.
"""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

# For whatever is expected to happen "at once": long enough for a loaded machine with two cores, and
# so many times that for a daemon that sanitizers slow down.
SOON_SECONDS = 30 * int(os.environ.get("SLUICE_TEST_PATIENCE", "1"))


def require_root():
    if os.geteuid() != 0:
        raise SystemExit("The end-to-end tests start Postfix, which needs root: run them as root.")


def binary(name):
    """Path of one of our programs; ctest names the build's directory."""
    directory = os.environ.get("SLUICE_BIN_DIR", "")
    path = pathlib.Path(directory) / name
    if not directory or not os.access(path, os.X_OK):
        raise SystemExit(f"SLUICE_BIN_DIR must name the directory of {name}, such as build/bin; "
                         f"it is '{directory}'.")
    return str(path)


def wait_until(what, condition, timeout=SOON_SECONDS, interval=0.05):
    """The first true value that `condition` gives; AssertionError naming `what` when it takes too
    long. A callable `what` is asked then, so that it can say what was seen last."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(
                f"waited {timeout} s in vain for {what() if callable(what) else what}")
        time.sleep(interval)


def wait_for_port(port, host="127.0.0.1", timeout=SOON_SECONDS):
    def connects():
        try:
            socket.create_connection((host, port), timeout=1).close()
            return True
        except OSError:
            return False
    wait_until(f"somebody to listen on {host}:{port}", connects, timeout)


def run(command, timeout=SOON_SECONDS, **options):
    """Runs a program to its end; bytes decoded as Latin-1, which takes any. Its exit code is the
    caller's to check."""
    return subprocess.run(command, stdin=options.pop("stdin", subprocess.DEVNULL),
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout,
                          encoding="latin-1", check=False, **options)


class Program:
    """A program that goes on running, its output in a log file."""

    def __init__(self, name, command, log_path, **options):
        self.name = name
        self.log_path = pathlib.Path(log_path)
        with open(log_path, "ab") as log:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", *command], stdin=subprocess.DEVNULL,
                stdout=log, stderr=subprocess.STDOUT, start_new_session=True, **options)

    @property
    def pid(self):
        return self._process.pid

    def running(self):
        return self._process.poll() is None

    def signal(self, number):
        self._process.send_signal(number)

    def wait(self, timeout=SOON_SECONDS):
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end within {timeout} s") from None

    def kill(self):
        """Ends it and what it started in its session, at once."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait()

    def log(self):
        return self.log_path.read_text(encoding="latin-1")


class Workspace:
    """A temporary directory, the ports reserved for a test, and the programs that run in it."""

    def __init__(self, name):
        # Short, since paths of Unix sockets end at 107 bytes; open, since Postfix's processes and
        # nsd's have users of their own.
        self.path = pathlib.Path(tempfile.mkdtemp(prefix=f"sluice-{name}-", dir="/tmp"))
        self.path.chmod(0o755)
        self._programs = []
        self._reservations = []
        self._closers = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for closer in reversed(self._closers):
            closer()
        for program in reversed(self._programs):
            program.kill()
        for reservation in self._reservations:
            reservation.close()
        shutil.rmtree(self.path, ignore_errors=True)

    def at_close(self, closer):
        self._closers.append(closer)

    def directory(self, name):
        path = self.path / name
        path.mkdir(exist_ok=True)
        return path

    def reserve_port(self, host="127.0.0.1"):
        """A port of the kernel's choice that stays ours: a socket that is bound but does not listen
        keeps it from being given out again, and lets a listener share it that sets SO_REUSEADDR
        (as every server does)."""
        reservation = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        reservation.bind((host, 0))
        self._reservations.append(reservation)
        return reservation.getsockname()[1]

    def start(self, name, command, **options):
        program = Program(name, command, self.path / f"{name}.log", **options)
        self._programs.append(program)
        return program

    def logs(self, last_bytes=6000):
        """The end of every log, for the report of a test that failed."""
        parts = []
        for path in sorted(self.path.glob("**/*.log")):
            if "data" in path.relative_to(self.path).parts:
                continue  # the store's own
            text = path.read_text(encoding="latin-1")
            if text:
                parts.append(f"---- {path.name}\n{text[-last_bytes:]}")
        return "\n".join(parts)
