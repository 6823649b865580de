"""Clients that send without a pause and know what they were answered; and the account at the end.

    sender = Sender("a", gateway.port, ["plain.test"], seed=1)
    …
    sender.stop()
    sender.accepted      # recipients of messages that were answered with 250
    sender.refused       # (recipient, reply) of those that were not: "451 4.3.0 The queue …"
    counts = count(accepted, delivered, queued)

A message has the SHA-256 of its body in a header, so that whoever takes it can tell whether it is
whole.
"""

import collections
import dataclasses
import hashlib
import random
import re
import smtplib
import subprocess
import threading
import time


def message(name, body):
    """`body` ends in CRLF."""
    return (f"Subject: {name}\r\nX-Digest: {hashlib.sha256(body).hexdigest()}\r\n\r\n".encode()
            + body)


def is_whole(text):
    """Whether a message is as it was sent; line ends may be LF, as in a file."""
    head, _, body = text.replace(b"\r\n", b"\n").partition(b"\n\n")
    digest = re.search(rb"(?m)^X-Digest: ([0-9a-f]{64})$", head)
    return bool(digest) and digest.group(1).decode() == hashlib.sha256(
        body.replace(b"\n", b"\r\n")).hexdigest()


class _Client:
    """A thread that sends until it is told to stop."""

    def __init__(self):
        self.accepted = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self):
        self._stopping.set()
        self._thread.join(timeout=60)
        if self._thread.is_alive():
            raise AssertionError("a client still waits for an answer")

    def _run(self):
        raise NotImplementedError


class Sender(_Client):
    """Python's own client: messages of all sizes, some to several of `domains` at once."""

    _MOST_PER_SESSION = 50

    def __init__(self, name, port, domains, seed, pause=0.0, lines=None):
        self.refused = []
        self._name = name
        self._port = port
        self._domains = domains
        self._random = random.Random(seed)
        self._pause = pause  # seconds between messages
        self._lines = lines  # of 62 bytes in each body; None: mostly few
        self._sent = 0
        super().__init__()

    def _run(self):
        while not self._stopping.is_set():
            try:
                with smtplib.SMTP("127.0.0.1", self._port, timeout=30) as session:
                    session.ehlo("client.test")
                    for _ in range(self._MOST_PER_SESSION):
                        if self._stopping.is_set():
                            return
                        self._send_one(session)
                        self._stopping.wait(self._pause)
            except (OSError, smtplib.SMTPException):
                time.sleep(0.02)  # the daemon is down, or has had enough of us

    def _send_one(self, session):
        self._sent += 1
        name = f"m{self._name}-{self._sent}"
        chosen = self._random.sample(self._domains, self._random.randint(1, len(self._domains)))
        recipients = [f"{name}@{domain}" for domain in chosen]
        # Now and then one that takes more than one chunk.
        lines = self._lines or (2000 if self._random.random() < 0.02
                                else self._random.randrange(1, 60))
        body = b"".join(b"%060x\r\n" % self._random.getrandbits(240) for _ in range(lines))
        try:
            refused = session.sendmail("a@client.test", recipients, message(name, body))
        except smtplib.SMTPResponseException as error:
            reply = f"{error.smtp_code} {error.smtp_error.decode('latin-1')}"
            self.refused += [(recipient, reply) for recipient in recipients]
            self._stopping.wait(0.05)
            if error.smtp_code == 421:
                raise
            return
        # It returned: 250 was read.
        self.accepted += [item for item in recipients if item not in refused]


class SourceClient(_Client):
    """Postfix's smtp-source, started again whenever the daemon's end has ended it.

    It numbers its recipients, speaks over one session, ends at the first reply that is not
    positive, and counts the messages whose DATA was answered with 354: so all of them but the last
    were answered with 250, and what became of the last is not known.
    """

    _MESSAGES = 100_000  # of one run; more than it ever comes to

    def __init__(self, name, port, domain, message_file):
        # It puts an empty line at the end.
        text = message(name, b"From smtp-source.\r\n" * 20 + b"\r\n")
        message_file.write_bytes(text.replace(b"\r\n", b"\n").removesuffix(b"\n"))
        self._command = ["/usr/sbin/smtp-source", "-c", "-N", "-d", "-s", "1", "-m",
                         str(self._MESSAGES), "-f", "s@client.test", "-F", str(message_file)]
        self._name = name
        self._domain = domain
        self._port = port
        self._process = None
        super().__init__()

    def _run(self):
        run = 0
        while not self._stopping.is_set():
            run += 1
            address = f"{self._name}-{run}@{self._domain}"
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", *self._command, "-t", address,
                 f"inet:127.0.0.1:{self._port}"],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            if self._stopping.is_set():
                self._process.terminate()
            shown, _ = self._process.communicate()
            counted = re.findall(rb"\d+", shown)
            begun = int(counted[-1]) if counted else 0
            self.accepted += [f"{number}{address}" for number in range(1, begun)]
            self._stopping.wait(0.02)

    def stop(self):
        self._stopping.set()
        if self._process is not None:
            self._process.terminate()
        super().stop()


@dataclasses.dataclass(frozen=True)
class Counts:
    accepted: int
    delivered: int
    queued: int
    lost: list      # recipients
    twice: list     # recipients that got it more than once
    unasked: list   # delivered though the client was told that it was not taken

    def __str__(self):
        return (f"accepted {self.accepted}, delivered {self.delivered}, queued {self.queued}, "
                f"lost {len(self.lost)}, twice {len(self.twice)}, "
                f"delivered though refused {len(self.unasked)}")


def count(clients, delivered, gateway):
    """`delivered`: recipient -> how many times."""
    accepted = {recipient for client in clients for recipient in client.accepted}
    refused = {recipient for client in clients
               for recipient, _ in getattr(client, "refused", ())}
    queued = {recipient["address"] for item in gateway.queue()
              for recipient in item["recipients"] if recipient["state"] == "pending"}
    return Counts(accepted=len(accepted), delivered=len(delivered), queued=len(queued),
                  lost=sorted(accepted - delivered.keys() - queued),
                  twice=sorted(name for name, times in delivered.items() if times > 1),
                  unasked=sorted(refused & (delivered.keys() | queued)))


def delivered_in(record):
    """What a recording_hop.py has written down."""
    text = record.read_text("ascii")
    if "damaged" in text:
        raise AssertionError(f"a message arrived damaged: {record}")
    return collections.Counter(text.split())
