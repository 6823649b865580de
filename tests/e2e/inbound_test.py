"""Mail comes in from programs that are not ours: swaks, Postfix's smtp-source and posttls-finger,
openssl s_client, and, where a client has to break the rules, a bare socket."""

import re
import socket

from e2e_case import E2eCase, main, message
from gateway import Gateway, sluiced
from openssl_client import OpensslClient, refused
from postfix import SmtpSink, posttls_finger, smtp_source
from processes import SOON_SECONDS, run

# What OpenSSL's reading of the required cipher string and BoringSSL have in common and every
# BoringSSL has; ECDHE-…-AES128-SHA256 is offered where it is there.
REQUIRED_SUITES = {
    "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
    "AES256-GCM-SHA384", "AES128-GCM-SHA256", "AES256-SHA", "AES128-SHA",
}
POSSIBLE_SUITES = REQUIRED_SUITES | {"ECDHE-ECDSA-AES128-SHA256", "ECDHE-RSA-AES128-SHA256"}


def offered_suites(version):
    done = sluiced("--print_ciphers")
    if done.returncode != 0:
        raise AssertionError(f"--print_ciphers ended with {done.returncode}: {done.stdout}")
    rows = [line.split() for line in done.stdout.splitlines()]
    return [row[0] for row in rows if len(row) > 1 and row[1] == version]


class RawClient:
    """A socket and what comes out of it, for what no proper client does."""

    def __init__(self, port):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=SOON_SECONDS)
        self._reader = self._socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._reader.close()
        self._socket.close()

    def send(self, data):
        self._socket.sendall(data)

    def reply(self):
        """The next reply, "" at the end of the connection."""
        lines = []
        while not lines or lines[-1][3:4] == b"-":
            line = self._reader.readline()
            if not line:
                return ""
            lines.append(line)
        return b"".join(lines).decode("latin-1")

    def rest(self):
        """Everything up to the end of the connection, which the server may also reset."""
        try:
            return self._reader.read()
        except ConnectionResetError:
            return b""

    def command(self, line):
        self.send(line.encode() + b"\r\n")
        return self.reply()

    def begin(self, sender="a@plain.test", recipient="b@peer.test"):
        """Up to the 354."""
        self.reply()
        for line in ("EHLO client.test", f"MAIL FROM:<{sender}>", f"RCPT TO:<{recipient}>"):
            reply = self.command(line)
            if not reply.startswith("250"):
                raise AssertionError(f"{line}: {reply}")
        return self.command("DATA")


class InboundTest(E2eCase):
    NAME = "inbound"

    @classmethod
    def set_up(cls):
        cls.authority = cls.make_authority()
        cls.ecdsa = cls.authority.issue("ecdsa", ["gateway.test"], "ecdsa")
        cls.rsa = cls.authority.issue("rsa", ["gateway.test", "rsa.test"], "rsa")
        cls.sink = SmtpSink(cls.workspace)
        cls.gateway = Gateway(cls.workspace, [cls.ecdsa, cls.rsa],
                              route=[f"*=127.0.0.1:{cls.sink.port}"]).start()
        cls.gateway.ctl("domains", "add", ".listed.test", "--no-ping", "--direction=inbound")
        cls.gateway.ctl("domains", "add", "strict.test", "--no-ping", "--inbound-action=reject")

    # ---- STARTTLS ----

    def swaks(self, *options):
        return run(["swaks", "--server", "127.0.0.1", "--port", str(self.gateway.port),
                    "--helo", "client.test", "--to", "b@peer.test", *options])

    def test_swaks_over_starttls(self):
        done = self.swaks("--from", "a@listed.test", "-tls", "--header", "Subject: by-swaks")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("=== TLS started with cipher TLSv1.3:", done.stdout)
        taken = self.sink.wait_for_message("by-swaks").decode("latin-1")
        received = re.search(r"^Received: from client\.test \(\[127\.0\.0\.1\]\)\n"
                             r"\t\(using TLSv1\.3 with cipher (TLS_\w+) \((128/128|256/256) bits\)\)"
                             r"\n\tby gateway\.test \(Sluice\) with ESMTPS id \S+\n"
                             r"\tfor <b@peer\.test>; \w{3}, \d\d \w{3} \d{4} [\d:]{8} \+0000$",
                             taken, re.M)
        self.assertTrue(received, taken)

    def test_received_field_in_clear(self):
        self.assertEqual(self.swaks("--from", "a@plain.test", "--header",
                                    "Subject: in-clear").returncode, 0)
        taken = self.sink.wait_for_message("in-clear").decode("latin-1")
        self.assertRegex(taken, r"(?m)^Received: from client\.test \(\[127\.0\.0\.1\]\)\n"
                                r"\tby gateway\.test \(Sluice\) with ESMTP id \S+$")
        self.assertNotIn("using TLS", taken)

    def test_posttls_finger_trusts_us(self):
        done = posttls_finger(self.gateway.port, self.authority, "gateway.test")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("Verified TLS connection established", done.stdout)
        self.assertRegex(done.stdout, r"TLSv1\.3 with cipher TLS_AES_\w+ .* key-exchange ECDH? ?\(?"
                                      r".*server-signature ECDSA \(prime256v1\)")

    def test_every_tls_1_2_suite(self):
        suites = offered_suites("TLSv1.2")
        self.assertLessEqual(REQUIRED_SUITES, set(suites))
        self.assertLessEqual(set(suites), POSSIBLE_SUITES)
        for suite in suites:
            with self.subTest(suite), OpensslClient(
                    self.gateway.port, self.authority, "-tls1_2", "-cipher", suite) as client:
                self.assertEqual((client.version, client.cipher), ("TLSv1.2", suite))
                reply = client.send_message("a@listed.test", "b@peer.test", f"over-{suite}.")
                self.assertRegex(reply, r"^250 2\.")
        for suite in suites:
            taken = self.sink.wait_for_message(f"over-{suite}.").decode("latin-1")
            self.assertIn(f"(using TLSv1.2 with cipher {suite} (", taken)

    def test_every_tls_1_3_suite(self):
        suites = offered_suites("TLSv1.3")
        self.assertEqual(set(suites), {"TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256"})
        for suite in suites:
            with self.subTest(suite), OpensslClient(
                    self.gateway.port, self.authority, "-tls1_3", "-ciphersuites", suite) as client:
                self.assertEqual((client.version, client.cipher), ("TLSv1.3", suite))
                reply = client.send_message("a@listed.test", "b@peer.test", f"over-{suite}.")
                self.assertRegex(reply, r"^250 2\.")

    def test_what_is_not_approved_is_refused(self):
        weak = ["-cipher", "ALL:@SECLEVEL=0"]
        for name, options in {
                "TLS 1.1": ["-tls1_1", *weak],
                "TLS 1.0": ["-tls1", *weak],
                "ChaCha20, TLS 1.2": ["-tls1_2", "-cipher", "CHACHA20"],
                "ChaCha20, TLS 1.3": ["-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"],
                "Camellia": ["-tls1_2", "-cipher", "CAMELLIA128-SHA:CAMELLIA256-SHA"],
                "CCM": ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-CCM"],
                "anonymous": ["-tls1_2", "-cipher", "ADH-AES128-SHA256:@SECLEVEL=0"],
                "no encryption": ["-tls1_2", "-cipher", "NULL-SHA256:@SECLEVEL=0"],
                "X25519": ["-tls1_3", "-groups", "X25519"]}.items():
            with self.subTest(name):
                self.assertRegex(refused(self.gateway.port, self.authority, *options), "alert")

    def test_certificate_fits_the_client(self):
        for name, options, subject in [
                ("ECDSA where the client can", ["-tls1_2"], "ECDSA"),
                ("RSA where it has no ECDSA suite", ["-tls1_2", "-cipher", "aRSA"], "RSA"),
                ("RSA for static RSA", ["-tls1_2", "-cipher", "AES128-SHA"], "RSA"),
                ("RSA where it takes no ECDSA signature",
                 ["-tls1_3", "-sigalgs", "RSA-PSS+SHA256:RSA+SHA256"], "RSA"),
                ("ECDSA in TLS 1.3", ["-tls1_3"], "ECDSA")]:
            with self.subTest(name), OpensslClient(self.gateway.port, self.authority,
                                                   *options) as client:
                if "AES128-SHA" in options:  # no signature is made
                    self.assertEqual(client.cipher, "AES128-SHA")
                    continue
                self.assertRegex(client.description, rf"(?m)^Signature type: {subject}")

    def test_starttls_only_once(self):
        with OpensslClient(self.gateway.port, self.authority) as client:
            greeting = client.command("EHLO client.test")
            self.assertNotIn("STARTTLS", greeting)
            self.assertIn("PIPELINING", greeting)
            self.assertRegex(client.command("STARTTLS"), r"^503 5\.5\.1")

    def test_state_is_forgotten_at_starttls(self):
        with OpensslClient(self.gateway.port, self.authority) as client:
            self.assertRegex(client.command("MAIL FROM:<a@plain.test>"), r"^503 5\.5\.1")

    # ---- Enforcement ----

    def test_listed_sender_in_clear_is_asked_for_tls(self):
        with self.gateway.client() as session:
            for domain in ("listed.test", "mail.LISTED.test"):
                code, text = session.mail(f"a@{domain}")
                self.assertEqual((code, text.decode().lower()),
                                 (451, f"4.7.10 tls required for {domain.lower()}; use starttls"))
            self.assertEqual(session.mail("a@plain.test")[0], 250, "the session goes on")

    def test_reject_is_final(self):
        with self.gateway.client() as session:
            code, text = session.mail("a@strict.test")
            self.assertEqual(code, 530)
            self.assertRegex(text.decode(), r"^5\.7\.10 .*strict\.test")

    def test_refusal_stands_in_history(self):
        with self.gateway.client() as session:
            session.mail("once@history.listed.test")
        entry = self.gateway.wait_for_history(sender="once@history.listed.test")
        self.assertEqual((entry["outcome"], entry["direction"], entry["domain"], entry["entry"]),
                         ("check_tls", "inbound", "history.listed.test", ".listed.test"))
        self.assertEqual(entry["heading"], "Processing: Check TLS")

    def test_null_sender_has_no_domain(self):
        self.gateway.send("", "b@peer.test", message("null-sender"))
        self.sink.wait_for_message("null-sender")

    def test_smtp_source_in_clear(self):
        done = smtp_source(self.gateway.port, "a@plain.test", "b@peer.test", messages=200,
                           sessions=10, options=["-S", "by-smtp-source"])
        self.assertEqual(done.returncode, 0, done.stdout)
        self.gateway.wait_for_empty_queue()
        taken = [text for text in self.sink.messages() if b"by-smtp-source" in text]
        self.assertEqual(len(taken), 200)

    def test_smtp_source_from_listed_domain(self):
        done = smtp_source(self.gateway.port, "a@listed.test", "b@peer.test")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("451 4.7.10 TLS required for listed.test", done.stdout)

    # ---- Clients that break the rules ----

    def test_command_injected_behind_starttls(self):
        with RawClient(self.gateway.port) as client:
            client.reply()
            client.command("EHLO client.test")
            client.send(b"STARTTLS\r\nRSET\r\n")
            self.assertNotIn(b"250", client.rest())
        self.gateway.send("a@plain.test", "b@peer.test", message("after-injection"))

    def test_bare_line_feed_is_refused(self):
        """CVE-2023-51764 and its kin: only CRLF.CRLF ends a message."""
        for name, end in {"LF.LF": b"\n.\n", "LF.CRLF": b"\n.\r\n", "CRLF.LF": b"\r\n.\n",
                          "CR.CR": b"\r.\r", "CRLF.CR": b"\r\n.\r"}.items():
            with self.subTest(name), RawClient(self.gateway.port) as client:
                self.assertRegex(client.begin(), "^354")
                mark = name.replace(".", "-")
                client.send(b"Subject: first-" + mark.encode() + b"\r\n\r\ntext" + end +
                            b"MAIL FROM:<smuggled@plain.test>\r\nRCPT TO:<b@peer.test>\r\n"
                            b"DATA\r\nSubject: smuggled\r\n\r\ntext\r\n.\r\n")
                self.assertRegex(client.reply(), r"^5\d\d 5\.")
                self.assertRegex(client.command("NOOP"), "^250", "nothing else was obeyed")
        self.gateway.wait_for_empty_queue()
        for taken in self.sink.messages():
            self.assertNotIn(b"smuggled", taken)
            self.assertNotIn(b"Subject: first-", taken)

    def test_web_browser_is_sent_away(self):
        with RawClient(self.gateway.port) as client:
            client.reply()
            client.send(b"POST / HTTP/1.1\r\nHost: gateway.test\r\n\r\n"
                        b"EHLO evil.test\r\nMAIL FROM:<a@plain.test>\r\n")
            self.assertRegex(client.reply(), r"^421 ")
            self.assertEqual(client.rest(), b"")


class StrangersTest(E2eCase):
    """A gateway that knows nobody, takes mail for one domain, and only small mail."""

    NAME = "strangers"

    @classmethod
    def set_up(cls):
        certificate = cls.make_authority().issue("ecdsa", ["gateway.test"])
        cls.sink = SmtpSink(cls.workspace)
        cls.gateway = Gateway(cls.workspace, [certificate],
                              route=[f"*=127.0.0.1:{cls.sink.port}"],
                              relay_networks="192.0.2.0/24",
                              relay_domains=["peer.test", "*.peer.test"],
                              max_message_size=100000).start()

    def test_no_relay_for_strangers(self):
        with self.gateway.client() as session:
            session.mail("a@plain.test")
            self.assertEqual(session.rcpt("b@elsewhere.test")[0], 554)
            code, text = session.rcpt("b@notpeer.test")
            self.assertEqual((code, text[:5]), (554, b"5.7.1"))
            self.assertEqual(session.rcpt("b@peer.test")[0], 250)
            self.assertEqual(session.rcpt("b@deep.mail.peer.test")[0], 250)

    def test_old_tricks_do_not_relay(self):
        for recipient in ("b%elsewhere.test@elsewhere.test", '"b@elsewhere.test"@elsewhere.test',
                          "@peer.test:b@elsewhere.test"):
            with self.subTest(recipient), self.gateway.client() as session:
                session.mail("a@plain.test")
                code, _ = session.docmd("RCPT", f"TO:<{recipient}>")
                self.assertGreaterEqual(code, 500)

    def test_size_is_announced_and_held_to(self):
        with self.gateway.client() as session:
            self.assertEqual(session.esmtp_features["size"], "100000")
            code, text = session.mail("a@plain.test", ["SIZE=100001"])
            self.assertEqual((code, text[:5]), (552, b"5.3.4"))
            self.assertEqual(session.mail("a@plain.test", ["SIZE=99999"])[0], 250)

    def test_size_is_held_to_without_a_word_of_it(self):
        with self.gateway.client() as session:
            session.mail("a@plain.test")
            session.rcpt("b@peer.test")
            code, text = session.data(message("too-large", "x" * 70 + "\r\n") + b"y" * 100000)
            self.assertEqual((code, text[:5]), (552, b"5.3.4"))
            session.mail("a@plain.test")
            session.rcpt("b@peer.test")
            self.assertEqual(session.data(message("small"))[0], 250, "the session goes on")
        self.sink.wait_for_message("small")

    def test_a_loop_is_broken(self):
        """A message that has been through a hundred servers is going in circles (RFC 5321 §6.3)."""
        loop = b"Received: from a by b; Mon, 01 Jun 2026 12:00:00 +0000\r\n" * 120
        with self.gateway.client() as session:
            session.mail("a@plain.test")
            session.rcpt("b@peer.test")
            code, text = session.data(loop + message("loop"))
            self.assertEqual((code, text[:5]), (554, b"5.4.6"))


if __name__ == "__main__":
    main()
