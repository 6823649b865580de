"""tools/run does what README.md promises: the main job with real programs, and a clean end."""

import os
import pathlib
import re
import signal
import socket

from e2e_case import E2eCase, main
from processes import run, wait_until

_TREE = pathlib.Path(__file__).resolve().parents[2]
_RUN = str(_TREE / "tools" / "run")
# Building is not what is tested here, but a build may be due.
_TO_END_SECONDS = 180


class RunTest(E2eCase):
    NAME = "run"

    def options(self, name):
        # The walk-through's port is one that a user chooses; it need not be ours for long.
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        return [f"--port={port}", f"--var={self.workspace.path / name}"]

    def assert_shows_the_main_job(self, text):
        self.assertIn("=== TLS started with cipher TLSv1.3", text)
        for line in (r"^ +\d{4}-\d\d-\d\dT[\d:]+Z  Delivered$",
                     r"^ +\d{4}-\d\d-\d\dT[\d:]+Z  Processing: Check TLS$",
                     r"^ +From +alice@company\.example$",
                     r"^ +Why +STARTTLS: STARTTLS is not offered$",
                     r"^ +TLS +TLSv1\.3, TLS_AES_\w+$",
                     # The queue: who waits, and why.
                     r"^ +\S+ +parked .*carol@plain\.example +starttls: not_offered$"):
            self.assertRegex(text, f"(?m){line}")
        self.assertNotIn("bob@secure.example  starttls", text)

    def test_walk_through_and_again(self):
        options = self.options("var")
        var = self.workspace.path / "var"
        for time in ("first", "second"):
            with self.subTest(time):
                done = run([_RUN, "--exit", *options], timeout=_TO_END_SECONDS)
                self.assertEqual(done.returncode, 0, done.stdout)
                self.assert_shows_the_main_job(done.stdout)
        mail = [path.read_text("latin-1") for path in (var / "demo" / "secure").iterdir()]
        self.assertEqual(len(mail), 2)
        for text in mail:
            self.assertIn("X-Arrived: over TLSv1.3", text)
            self.assertRegex(text, r"with ESMTPS id ")
        self.assertEqual(list((var / "demo" / "plain").iterdir()), [], "nothing went in clear")
        keys = [path.stat().st_mode & 0o077 for path in (var / "certs").glob("*.key")]
        self.assertEqual(set(keys), {0}, "keys are their owner's alone")

    def test_ctrl_c(self):
        program = self.workspace.start("tools-run", [_RUN, *self.options("stays")])
        wait_until(lambda: f"the gateway to stay in the foreground\n{program.log()}",
                   lambda: "Ctrl-C ends it." in program.log(), _TO_END_SECONDS)
        self.assert_shows_the_main_job(program.log())
        commands = re.findall(r"(?m)^  (build/bin/sluicectl [^#\n]*)", program.log())
        self.assertGreaterEqual(len(commands), 5)
        for command in commands:
            done = run(command.split(), cwd=_TREE)
            self.assertEqual(done.returncode, 1 if " ping " in command else 0,
                             f"{command}\n{done.stdout}")
        plain = self.workspace.path / "stays" / "demo" / "plain"
        wait_until("the message that may leave in clear now", lambda: list(plain.glob("*.eml")))

        session = [int(pid) for pid in os.listdir("/proc") if pid.isdigit()
                   and str(self.workspace.path).encode() in self.command_line(pid)]
        self.assertGreaterEqual(len(session), 4, "the gateway and two next hops, and tools/run")
        os.killpg(program.pid, signal.SIGINT)  # what a terminal does at Ctrl-C
        self.assertEqual(program.wait(), 0)
        left = [pid for pid in session if self.command_line(str(pid))]
        self.assertEqual(left, [])

    @staticmethod
    def command_line(pid):
        """Empty for a process that is gone, or waits for its parent to notice."""
        try:
            return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return b""

    def test_wrong_options(self):
        for words, text in [(["--frobnicate"], "not understood"), (["--port=0"], "1 to 65535"),
                            (["--flagfile=/nonexistent"], "cannot be read")]:
            with self.subTest(words):
                done = run([_RUN, *words])
                self.assertEqual(done.returncode, 2)
                self.assertIn(text, done.stdout)


if __name__ == "__main__":
    main()
