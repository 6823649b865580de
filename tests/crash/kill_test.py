"""No message that was answered with 250 is lost, whenever the daemon dies.

Clients send without a pause while the daemon is killed (SIGKILL) and started again, at random
moments, its start included. In the end every recipient whose message was answered with 250 must
have been delivered, whole. What was delivered twice is reported: a server whose answer we did not
live to see gets the message again (RFC 5321 §4.5.4.1).

What is real: the daemon and its disk; a client that others wrote (Postfix's smtp-source) beside
Python's smtplib; and two of the three next hops, Postfix's smtpd over enforced TLS and smtp-sink in
clear. The third, recording_hop.py (aiosmtpd), answers every twentieth message with 451. Mail is
counted where it ends: in Postfix's Maildir, in smtp-sink's dumps, in the record.

SLUICE_KILLS is the number of kills (default 50), SLUICE_SEED makes the moments those of a run
before.
"""

import os
import random
import re
import time

from crash_case import CrashCase, Gateway, RecordingHop, main, wait_until
from postfix import PostfixServer, SmtpSink, tls_with
from traffic import Sender, SourceClient, count, is_whole


class KillTest(CrashCase):
    NAME = "kill"

    def start_hops(self, authority):
        peer = authority.issue("mx", ["mx.secure.test"])
        self.postfix = PostfixServer(self.workspace, domains=["secure.test"])
        self.postfix.add_smtpd("secure", smtpd_tls_security_level="encrypt", **tls_with(peer))
        self.postfix.start()
        self.sink = SmtpSink(self.workspace)
        self.hop = RecordingHop(self.workspace, "hop", peer)
        return {"secure.test": self.postfix.ports["secure"], "sink.test": self.sink.port,
                "recorded.test": self.hop.port}

    def start_all(self):
        authority = self.make_authority()
        hops = self.start_hops(authority)
        self.gateway = Gateway(
            self.workspace, [authority.issue("gateway", ["gateway.test"])],
            trust_store=authority.certificate, retry_schedule="1s", log_level="warning",
            route=[f"{domain}=127.0.0.1:{port}" for domain, port in hops.items()])
        self.gateway.start()
        for domain in ("secure.test", "recorded.test"):
            self.gateway.ctl("domains", "add", domain, "--no-ping", "--level=verify",
                             "--match-names=mx.secure.test")
        port = self.gateway.port
        self.senders = [
            Sender(0, port, ["secure.test", "recorded.test"], self.seed, pause=0.01),
            Sender(1, port, ["recorded.test", "sink.test"], self.seed + 1),
            Sender(2, port, ["recorded.test", "sink.test"], self.seed + 2),
            SourceClient("source", port, "sink.test", self.workspace.path / "source.msg")]

    def delivered(self):
        """Recipient -> how many times, over all hops."""
        found = self.hop.delivered()
        # smtp-sink ends each dump with an empty line of its own.
        dumps = [dump.removesuffix(b"\n") for dump in self.sink.messages()]
        for messages, header in ((self.postfix.messages(), rb"(?m)^Delivered-To: (.*)$"),
                                 (dumps, rb"(?m)^X-Rcpt-Args: <(.*)>$")):
            for message in messages:
                self.assertTrue(is_whole(message), message[:2000])
                found.update(address.decode() for address in re.findall(header, message))
        return found

    def test_no_accepted_message_is_lost(self):
        kills = int(os.environ.get("SLUICE_KILLS", "50"))
        self.start_all()
        moments = random.Random(self.seed)
        for _ in range(kills):
            time.sleep(moments.uniform(0, 1.3))
            self.gateway.kill()
            self.gateway.start(wait=False)
        wait_until("sluiced to be ready", self.gateway.ready, timeout=60)
        self.wait_for_accepted(100, "mail to be taken after the last start")
        self._stop_senders()
        self.drain()
        # Postfix answers when mail is in its own queue; in the Maildir it is a little later.
        counts = self.arrived()
        print(f"{kills} kills: {counts}; of what was accepted "
              f"{len(self.senders[-1].accepted)} came from smtp-source", flush=True)
        self.assertEqual(counts.lost[:20], [], f"{len(counts.lost)} are lost")
        for sender in self.senders:
            self.assertGreater(len(sender.accepted), kills, "a client hardly got through")
        self.gateway.stop()

    def arrived(self):
        """The account, once nothing is missing; or, after a while, whatever it is then."""
        deadline = time.monotonic() + 20
        while True:
            counts = count(self.senders, self.delivered(), self.gateway)
            if not counts.lost or time.monotonic() > deadline:
                return counts
            time.sleep(0.5)


if __name__ == "__main__":
    main()
