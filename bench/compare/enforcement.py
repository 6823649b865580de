"""Sees that a peer enforces TLS on both sides, as all must before they are compared.

    check(peer, credentials, program, next_hop_port, cpus)     # AssertionError where it does not

MAIL without TLS is refused. To a next hop with TLS a message passes; to one without it nothing
does, and the message stays in the queue.
"""

import json
import signal
import smtplib
import ssl
import subprocess
import time

from processes import wait_for_port, wait_until

_MESSAGE = "From: a@from.example\r\nTo: b@to.example\r\nSubject: enforcement\r\n\r\nHello.\r\n"
# How long a message is given to go where it must not go.
_WATCH_SECONDS = 2


class _Sink:
    """A next hop: mode sink of sluice-bench. `messages` once it has ended."""

    def __init__(self, program, port, *flags):
        self._process = subprocess.Popen(
            [program, "sink", f"--listen=127.0.0.1:{port}", "--quiet", *map(str, flags)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            encoding="utf-8")
        wait_for_port(port)
        self.messages = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.send_signal(signal.SIGTERM)
        out = self._process.communicate(timeout=30)[0]
        self.messages = json.loads(out[out.index("{"):])["done"]


def _send_over_tls(port):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with smtplib.SMTP("127.0.0.1", port, local_hostname="client.test", timeout=30) as session:
        session.starttls(context=context)
        session.sendmail("a@from.example", ["b@to.example"], _MESSAGE)


def _refuses_clear_mail(port):
    with smtplib.SMTP("127.0.0.1", port, local_hostname="client.test", timeout=30) as session:
        session.ehlo()
        return session.mail("a@from.example")[0] >= 400


def check(peer, credentials, program, next_hop_port, cpus):
    credential = credentials["ecdsa"]
    with_tls = (f"--tls_certificate={credential.certificate}",
                f"--tls_private_key={credential.key}")
    try:
        with _Sink(program, next_hop_port, *with_tls) as sink:
            peer.start(credential, next_hop_port, cpus)
            if not _refuses_clear_mail(peer.port):
                raise AssertionError(f"{peer.title} takes mail without TLS")
            _send_over_tls(peer.port)
            wait_until(f"{peer.title}'s queue to be empty", lambda: peer.queued() == 0)
        peer.stop()
        if sink.messages != 1:
            raise AssertionError(f"{peer.title} handed on {sink.messages} messages of 1")

        with _Sink(program, next_hop_port, "--no_starttls") as sink:
            peer.start(credential, next_hop_port, cpus)
            _send_over_tls(peer.port)
            time.sleep(_WATCH_SECONDS)
            if peer.queued() != 1:
                raise AssertionError(f"{peer.title} keeps {peer.queued()} messages of 1")
        if sink.messages != 0:
            raise AssertionError(f"{peer.title} hands mail on without TLS")
    finally:
        peer.stop()
