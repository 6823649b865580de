"""A running sluiced, as the tests see it.

    gateway = Gateway(workspace, certificates=[ecdsa, rsa], trust_store=authority.certificate,
                      route=["secure.test=127.0.0.1:2526"])
    gateway.start()
    gateway.ctl("domains", "add", "secure.test", "--level=verify")
    entry = gateway.wait_for_history(domain="secure.test", outcome="check_tls")
    gateway.stop()                     # SIGTERM; AssertionError unless it ends well

Its flags go through a flagfile, as an administrator's do. It keeps its port, its data and its socket
over stop(), kill() and start().
"""

import contextlib
import dataclasses
import json
import os
import signal
import smtplib
import subprocess

from processes import SOON_SECONDS, binary, run, wait_until


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a sluicectl said."""
    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


class Gateway:
    HOSTNAME = "gateway.test"
    CORES = min(2, len(os.sched_getaffinity(0)))

    def __init__(self, workspace, certificates=(), name="gateway", **flags):
        self._workspace = workspace
        self._name = name
        self._root = workspace.directory(name)
        self.port = workspace.reserve_port()
        self.socket = self._root / "ctl.sock"
        self.flagfile = self._root / "flags"
        self.program = None
        self.launcher = []        # a command that runs the daemon: ["prlimit", …]
        self.environment = None   # None: the test's own
        self.flags = {
            "ping_interval": "0",  # nobody is connected to unasked
            "listen": f"127.0.0.1:{self.port}", "hostname": self.HOSTNAME,
            "data_dir": self._root / "data", "control_socket": self.socket,
            "cores": self.CORES,
            "pin_cores": "false",  # tests run side by side: which CPU is the kernel's to say
            "log_level": "debug", "drain_timeout": "10s",
            "tls_certificate": [item.certificate for item in certificates],
            "tls_private_key": [item.key for item in certificates], **flags}

    # ---- The process ----

    def start(self, wait=True):
        self.write_flagfile()
        self.program = self._workspace.start(
            self._name, [*self.launcher, binary("sluiced"), f"--flagfile={self.flagfile}"],
            env=self.environment)
        if wait:
            wait_until(self._why_not_ready, self.ready, SOON_SECONDS)
        return self

    def write_flagfile(self):
        lines = []
        for name, value in self.flags.items():
            if isinstance(value, (list, tuple)):
                value = ",".join(map(str, value))
            lines.append(f"--{name}={value}\n")
        self.flagfile.write_text("".join(lines), "utf-8")

    def ready(self):
        if not self.program.running():
            raise AssertionError(f"sluiced ended at its start:\n{self.program.log()[-4000:]}")
        return self.ctl_raw("status", "--json").code == 0

    def _why_not_ready(self):
        return f"sluiced to be ready: {self.ctl_raw('status').err}\n{self.program.log()[-4000:]}"

    def stop(self, timeout=SOON_SECONDS):
        """Gently, and it must end with exit code 0: a sanitizer's finding shows there too."""
        self.program.signal(signal.SIGTERM)
        code = self.program.wait(timeout)
        if code != 0:
            raise AssertionError(
                f"sluiced ended with {code} after SIGTERM:\n{self.program.log()[-6000:]}")

    def kill(self):
        self.program.kill()

    def restart(self):
        self.stop()
        return self.start()

    # ---- sluicectl ----

    def ctl_raw(self, *arguments, stdin="", timeout=60):
        done = subprocess.run(
            [binary("sluicectl"), *map(str, arguments), f"--control_socket={self.socket}"],
            input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout,
            encoding="utf-8", check=False)
        return Answer(done.returncode, done.stdout, done.stderr)

    def ctl_ok(self, *arguments, **options):
        answer = self.ctl_raw(*arguments, **options)
        if answer.code != 0:
            raise AssertionError(f"sluicectl {' '.join(map(str, arguments))} ended with "
                                 f"{answer.code}: {answer.err}{answer.out}")
        return answer

    def ctl(self, *arguments, **options):
        """Its --json output, parsed; the command must succeed."""
        return self.ctl_ok(*arguments, "--json", **options).json

    def text(self, *arguments, **options):
        """What it prints for people."""
        return self.ctl_ok(*arguments, **options).out

    def history(self, **filters):
        """Entries, the oldest first; filters are options of `sluicectl history`."""
        filters.setdefault("limit", 1000)
        lines = self.text("history", "--json",
                          *(f"--{name}={value}" for name, value in filters.items())).splitlines()
        return [json.loads(line) for line in lines]

    def wait_for_history(self, timeout=SOON_SECONDS, count=1, **filters):
        """The newest entry, once there are `count` of them."""
        def what():
            return (f"history with {filters}; there is: {self.history()[-5:]}\n"
                    f"queue: {self.queue()}")
        return wait_until(what, lambda: self.history(**filters)[count - 1:], timeout)[-1]

    def queue(self, **filters):
        return self.ctl("queue", "list", "--limit=10000",
                        *(f"--{name}={value}" for name, value in filters.items()))["messages"]

    def wait_for_empty_queue(self, timeout=SOON_SECONDS):
        wait_until(lambda: f"the queue to be empty: {self.queue()[:5]}",
                   lambda: not self.queue(), timeout)

    # ---- Mail ----

    @contextlib.contextmanager
    def client(self, helo="client.test", timeout=SOON_SECONDS):
        """A session that has said EHLO, for Python's own SMTP client."""
        with smtplib.SMTP("127.0.0.1", self.port, local_hostname=helo,
                          timeout=timeout) as session:
            session.ehlo()
            yield session

    def send(self, sender, recipient, text):
        """One message in clear; `text` is header and body, bytes or str. AssertionError when it is
        refused."""
        recipients = [recipient] if isinstance(recipient, str) else recipient
        try:
            with self.client() as session:
                refused = session.sendmail(sender, recipients, text)
        except smtplib.SMTPException as error:
            raise AssertionError(f"the gateway refused {sender} -> {recipients}: {error}") from None
        if refused:
            raise AssertionError(f"the gateway refused {refused}")


def sluiced(*arguments, timeout=SOON_SECONDS):
    """Runs the daemon to its end: --check, --print_ciphers, a start that fails."""
    return run([binary("sluiced"), *map(str, arguments)], timeout=timeout)
