"""`openssl s_client -starttls smtp` as an SMTP client that a test drives line by line.

    with OpensslClient(port, authority, "-tls1_2", "-cipher", "AES128-SHA") as client:
        client.version, client.cipher, client.subject
        client.command("EHLO client.test")             # "250-gateway.test\\n250 …"
    refused(port, authority, "-tls1_1", …)             # what it said when there was no handshake
"""

import os
import re
import select
import subprocess
import time

from processes import SOON_SECONDS


def _command(port, authority, options):
    return ["openssl", "s_client", "-starttls", "smtp", "-name", "client.test",
            "-connect", f"127.0.0.1:{port}", "-CAfile", str(authority.certificate),
            "-verify_return_error", "-verify_hostname", "gateway.test",
            "-brief", "-nocommands", "-ign_eof", "-crlf", *options]


class OpensslClient:
    def __init__(self, port, authority, *options):
        self._process = subprocess.Popen(_command(port, authority, options),
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         stderr=subprocess.PIPE)
        self._buffer = b""
        self._errors = b""
        self.description = self._read_description()
        self.version = self._field("Protocol version")
        self.cipher = self._field("Ciphersuite")
        self.subject = self._field("Peer certificate")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._process.kill()
        self._process.communicate()

    def _field(self, name):
        found = re.search(rf"^{name}: (.*)$", self.description, re.M)
        return found.group(1) if found else ""

    def _read_description(self):
        """Standard error tells of the connection; the last reply in clear, said again, ends it."""
        deadline = time.monotonic() + SOON_SECONDS
        while not re.search(r"^CONNECTION ESTABLISHED\r?$.*^\d{3} ", self.errors(), re.M | re.S):
            if not self._pump(deadline):
                raise AssertionError(f"openssl s_client: no connection: {self.errors()}")
        return self.errors()

    def errors(self):
        return self._errors.decode("latin-1")

    def _pump(self, deadline):
        """Reads what is there; False at the end of both streams."""
        streams = [self._process.stdout, self._process.stderr]
        readable, _, _ = select.select(streams, [], [], max(0, deadline - time.monotonic()))
        if not readable:
            raise AssertionError(f"openssl s_client: nothing more came; so far: "
                                 f"{self.errors()} {self._buffer!r}")
        ended = 0
        for stream in readable:
            data = os.read(stream.fileno(), 65536)
            ended += not data
            if stream is self._process.stdout:
                self._buffer += data
            else:
                self._errors += data
        return ended < len(readable)

    def send(self, text):
        self._process.stdin.write(text.encode("latin-1"))
        self._process.stdin.flush()

    def reply(self):
        """The next whole reply; "" when the server has closed the connection."""
        deadline = time.monotonic() + SOON_SECONDS
        while True:
            found = re.match(rb"(?:\d{3}-[^\n]*\n)*\d{3} [^\n]*\n", self._buffer)
            if found:
                self._buffer = self._buffer[found.end():]
                return found.group().decode("latin-1").replace("\r", "")
            if not self._pump(deadline):
                return ""

    def command(self, line):
        self.send(line + "\n")
        return self.reply()

    def send_message(self, sender, recipient, subject):
        """One transaction; the reply to its body."""
        for line in ("EHLO client.test", f"MAIL FROM:<{sender}>", f"RCPT TO:<{recipient}>"):
            reply = self.command(line)
            if not reply.startswith("250"):
                return reply
        self.command("DATA")
        self.send(f"Subject: {subject}\n\nHello.\n")
        return self.command(".")


def refused(port, authority, *options):
    """The program's errors when the handshake fails; AssertionError when it does not."""
    done = subprocess.run(_command(port, authority, options), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=SOON_SECONDS,
                          encoding="latin-1", check=False)
    if "CONNECTION ESTABLISHED" in done.stderr:
        raise AssertionError(f"the handshake succeeded: {done.stderr}")
    return done.stderr
