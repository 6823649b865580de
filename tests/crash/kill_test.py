"""No message that was answered with 250 is lost, whenever the daemon dies.

Clients send without a pause while the daemon is killed (SIGKILL) and started again, at random
moments, its start included. Half of the mail leaves over enforced TLS and half in clear, to servers
that write down what they take. In the end every recipient whose message was answered with 250 must
have been delivered, whole. What was delivered twice is reported: a server whose answer we did not
live to see gets the message again (RFC 5321 §4.5.4.1).

SLUICE_KILLS is the number of kills (default 20), SLUICE_SEED makes the moments those of a run
before.
"""

import collections
import hashlib
import os
import pathlib
import random
import smtplib
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))

from certificates import CertificateAuthority  # noqa: E402
from gateway import Gateway  # noqa: E402
from processes import Workspace, require_root, wait_for_port, wait_until  # noqa: E402

_HERE = pathlib.Path(__file__).resolve().parent
_SENDERS = 4
_MOST_PER_SESSION = 50
_TO_DRAIN_SECONDS = 60


class Sender:
    """A client that sends as fast as it is answered, and counts the 250s."""

    def __init__(self, number, port, seed):
        self.accepted = []  # recipients of messages answered with 250
        self._number = number
        self._port = port
        self._random = random.Random(seed)
        self._stopping = threading.Event()
        self._sent = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self):
        self._stopping.set()
        self._thread.join(timeout=60)
        if self._thread.is_alive():
            raise AssertionError("a client still waits for an answer")

    def _run(self):
        while not self._stopping.is_set():
            try:
                with smtplib.SMTP("127.0.0.1", self._port, timeout=30) as session:
                    session.ehlo("client.test")
                    for _ in range(_MOST_PER_SESSION):
                        if self._stopping.is_set():
                            return
                        self._send_one(session)
            except (OSError, smtplib.SMTPException):
                time.sleep(0.02)  # the daemon is down; it will be back

    def _send_one(self, session):
        self._sent += 1
        name = f"m{self._number}-{self._sent}"
        domains = self._random.choice([["secure.test"], ["plain.test"],
                                       ["secure.test", "plain.test"]])
        recipients = [f"{name}@{domain}" for domain in domains]
        # Mostly small, now and then one that the store keeps apart from its keys.
        lines = 2000 if self._random.random() < 0.02 else self._random.randrange(1, 60)
        body = b"".join(b"%060x\r\n" % self._random.getrandbits(240) for _ in range(lines))
        head = f"Subject: {name}\r\nX-Digest: {hashlib.sha256(body).hexdigest()}\r\n\r\n"
        refused = session.sendmail("a@client.test", recipients, head.encode() + body)
        # It returned: 250 was read.
        self.accepted.extend(item for item in recipients if item not in refused)


class KillTest(unittest.TestCase):
    def setUp(self):
        self.workspace = Workspace("kill")
        self.addCleanup(self.workspace.close)

    def start_hop(self, name, *credentials):
        port = self.workspace.reserve_port()
        record = self.workspace.path / f"{name}.record"
        record.touch()
        self.workspace.start(name, ["/usr/bin/python3", "-B", str(_HERE / "recording_hop.py"),
                                    str(port), str(record), *map(str, credentials)])
        wait_for_port(port)
        return port, record

    def start_gateway(self):
        authority = CertificateAuthority(self.workspace.directory("ca"))
        peer = authority.issue("mx", ["mx.secure.test"])
        secure, self.secure_record = self.start_hop("secure", peer.certificate, peer.key)
        plain, self.plain_record = self.start_hop("plain")
        gateway = Gateway(self.workspace, [authority.issue("gateway", ["gateway.test"])],
                          trust_store=authority.certificate, retry_schedule="1s",
                          log_level="warning",
                          route=[f"secure.test=127.0.0.1:{secure}", f"plain.test=127.0.0.1:{plain}"])
        gateway.start()
        gateway.ctl("domains", "add", "secure.test", "--level=verify",
                    "--match-names=mx.secure.test")
        return gateway

    def delivered(self):
        """Recipient -> how many times."""
        text = self.secure_record.read_text("ascii") + self.plain_record.read_text("ascii")
        self.assertNotIn("damaged", text)
        return collections.Counter(text.split())

    def drain(self, gateway):
        """Has everything tried again until nothing waits."""
        def empty():
            if not gateway.queue():
                return True
            gateway.ctl_raw("queue", "retry", "--all")
            return False
        wait_until(lambda: f"the queue to drain: {gateway.queue()[:3]}", empty, _TO_DRAIN_SECONDS,
                   interval=0.5)

    def test_no_accepted_message_is_lost(self):
        kills = int(os.environ.get("SLUICE_KILLS", "20"))
        seed = int(os.environ.get("SLUICE_SEED", random.randrange(1 << 32)))
        print(f"seed {seed} (SLUICE_SEED repeats the moments), {kills} kills", flush=True)
        moments = random.Random(seed)
        gateway = self.start_gateway()
        senders = [Sender(number, gateway.port, seed + number) for number in range(_SENDERS)]
        for _ in range(kills):
            time.sleep(moments.uniform(0, 1.5))
            gateway.kill()
            gateway.start(wait=False)
        wait_until("sluiced to be ready", gateway.ready, timeout=60)
        before = sum(len(sender.accepted) for sender in senders)
        wait_until("mail to be taken after the last start",
                   lambda: sum(len(sender.accepted) for sender in senders) > before + 100)
        for sender in senders:
            sender.stop()
        try:
            self.drain(gateway)
        finally:
            self.count(gateway, senders)
        gateway.stop()

    def count(self, gateway, senders):
        accepted = {recipient for sender in senders for recipient in sender.accepted}
        delivered = self.delivered()
        queued = {recipient["address"] for item in gateway.queue()
                  for recipient in item["recipients"] if recipient["state"] == "pending"}
        lost = accepted - delivered.keys() - queued
        twice = sum(times > 1 for times in delivered.values())
        print(f"accepted {len(accepted)}, delivered {len(delivered)}, still queued {len(queued)}, "
              f"lost {len(lost)}, delivered twice or more {twice}", flush=True)
        self.assertEqual(sorted(lost)[:20], [], f"{len(lost)} are lost")
        self.assertGreater(len(accepted), 200, "too little was under way to prove anything")


if __name__ == "__main__":
    require_root()
    unittest.main(verbosity=2)
