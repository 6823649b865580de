"""What senders ask to be told, and are told: RFC 3461, RFC 3464, in German; and REQUIRETLS (RFC 8689).

Postfix is the peer that offers DSN and the one that does not, another gateway the one that offers
REQUIRETLS. Notifications are read with Python's email package.
"""

import email
import email.policy
import os
import ssl

from e2e_case import E2eCase, main, message
from gateway import Gateway
from next_hops import StallingHop, Wiretap
from postfix import PostfixServer, tls_with
from processes import run, wait_until


class DsnTest(E2eCase):
    NAME = "dsn"
    DOMAINS = ["asked.test", "unaware.test", "refusing.test", "sender.test"]

    @classmethod
    def set_up(cls):
        authority = cls.make_authority()
        own = authority.issue("gateway", ["gateway.test"])
        further_own = authority.issue("further", ["strict.test"])
        good = authority.issue("mx", ["asked.test"])
        cls.postfix = PostfixServer(
            cls.workspace, cls.DOMAINS,
            # What is kept on hold shows in its queue file how it came.
            smtpd_recipient_restrictions="check_recipient_access inline:{"
            "{ kept@asked.test = HOLD }, { nobody@refusing.test = 550 5.1.1 No such user here }}")
        aware = cls.postfix.add_smtpd("aware", smtpd_tls_security_level="may", **tls_with(good))
        unaware = cls.postfix.add_smtpd("unaware", smtpd_tls_security_level="none",
                                        smtpd_discard_ehlo_keywords="dsn")
        cls.postfix.start()
        refuses_tls = StallingHop(cls.workspace, "refuse")
        cls.tap = Wiretap(cls.workspace, refuses_tls.port)
        # Offers REQUIRETLS, and has nobody to hand it on to who does.
        cls.further = Gateway(cls.workspace, [further_own], name="further",
                              trust_store=authority.certificate,
                              route=[f"strict.test=127.0.0.1:{unaware}",
                                     f"sender.test=127.0.0.1:{unaware}"]).start()
        cls.gateway = Gateway(
            cls.workspace, [own], trust_store=authority.certificate, dsn_language="de",
            delay_notices="1s", retry_schedule="1s",
            route=[f"asked.test=127.0.0.1:{aware}", f"unaware.test=127.0.0.1:{unaware}",
                   f"refusing.test=127.0.0.1:{unaware}", f"sender.test=127.0.0.1:{unaware}",
                   f"late.test=127.0.0.1:{cls.tap.port}",
                   f"strict.test=127.0.0.1:{cls.further.port}"]).start()
        cls.gateway.ctl("domains", "add", "asked.test", "--no-ping")
        cls.gateway.ctl("domains", "add", "late.test", "--no-ping")

    def submit(self, sender, recipient, subject, mail_options=(), rcpt_options=(), tls=False,
               header=""):
        with self.gateway.client() as session:
            if tls:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
                session.starttls(context=context)
                session.ehlo()
            session.sendmail(f"{sender}@sender.test", [recipient],
                             header.encode() + message(subject, "a-secret-in-the-body\r\n"),
                             mail_options, rcpt_options)

    def notices_to(self, sender):
        return self.postfix.messages_with(f"Delivered-To: {sender}@sender.test\n")

    def notice_to(self, sender):
        """The one notification: its headers, its words, and the fields about message and recipient."""
        raw = wait_until(f"a notification to {sender}", lambda: self.notices_to(sender))[0]
        self.assertNotIn(b"a-secret-in-the-body", raw)
        notice = email.message_from_bytes(raw, policy=email.policy.default)
        words, status, headers = notice.get_payload()
        self.assertEqual(notice["Auto-Submitted"], "auto-replied")
        self.assertIn("Subject:", headers.get_payload())
        about_all, about_one = status.get_payload()
        return (notice, " ".join(words.get_payload(decode=True).decode("utf-8").split()),
                about_all, about_one)

    def wait_for_notices(self):
        """A notification is queued in one step with the end that it tells of: none is on its way."""
        wait_until("notifications to have left", lambda: not self.gateway.queue(domain="sender.test"))

    def assert_no_notice_to(self, sender):
        self.wait_for_notices()
        self.assertFalse(self.notices_to(sender))

    # ---- Asked by the client, passed on or answered ----

    def test_what_is_asked_is_passed_on_inside_tls(self):
        self.submit("a", "kept@asked.test", "kept", ["RET=HDRS", "ENVID=QQ+2B314159"],
                    ["NOTIFY=SUCCESS,DELAY", "ORCPT=rfc822;kept+2Bold@asked.test"])
        entry = self.gateway.wait_for_history(domain="asked.test", outcome="delivered")
        self.assertTrue(entry["tls_version"])
        queue_file, = (self.workspace.path / "postfix" / "spool" / "hold").glob("*")
        shown = run(["/usr/sbin/postcat", "-e", str(queue_file)],
                    env={**os.environ, "MAIL_CONFIG": str(self.workspace.path / "postfix" / "etc")})
        self.assertEqual(shown.returncode, 0, shown.stdout)
        self.assertRegex(shown.stdout, r"(?m)envelope_id=QQ\+314159$")  # decoded by Postfix
        self.assertRegex(shown.stdout, r"(?m)ret_flags=2$")  # HDRS
        self.assertRegex(shown.stdout, r"(?m)notify_flags=10$")  # SUCCESS (2) and DELAY (8)
        self.assertRegex(shown.stdout, r"(?m)dsn_orig_rcpt=rfc822;kept\+old@asked\.test$")
        self.assert_no_notice_to("a")

    def test_a_server_that_cannot_tell_is_told_of(self):
        self.submit("relayed", "b@unaware.test", "to-unaware", ["ENVID=QQ1"],
                    ["NOTIFY=SUCCESS", "ORCPT=rfc822;old@unaware.test"])
        notice, words, about_all, about_one = self.notice_to("relayed")
        self.assertEqual(notice["Subject"], "Nachricht weitergegeben")
        self.assertIn("an den nächsten Mailserver weitergegeben", words)
        self.assertEqual(about_all["Original-Envelope-Id"], "QQ1")
        self.assertEqual(about_one["Original-Recipient"], "rfc822; old@unaware.test")
        self.assertEqual(about_one["Final-Recipient"], "rfc822; b@unaware.test")
        self.assertEqual(about_one["Action"], "relayed")

    def test_a_failure_in_german_unless_nobody_wants_to_know(self):
        for sender, notify in (("never", "NEVER"), ("only-success", "SUCCESS"),
                               ("failed", "FAILURE")):
            self.submit(sender, "nobody@refusing.test", sender, (), [f"NOTIFY={notify}"])
        notice, words, _, about_one = self.notice_to("failed")
        self.assertEqual(notice["Subject"], "Nachricht nicht zugestellt: vom Zielserver abgelehnt")
        self.assertIn("Ihre Nachricht konnte nicht zugestellt werden.", words)
        self.assertIn("hat zuletzt geantwortet: 550 5.1.1", words)
        self.assertEqual((about_one["Action"], about_one["Status"]), ("failed", "5.1.1"))
        self.gateway.wait_for_history(domain="refusing.test", outcome="failed", count=3)
        self.assert_no_notice_to("never")
        self.assert_no_notice_to("only-success")

    # ---- What waits ----

    def test_a_delay_is_told_once_with_the_reason_and_never_sent_in_clear(self):
        """TLS-Required: No does not weaken the list."""
        self.submit("late", "b@late.test", "late", header="TLS-Required: No\r\n")
        notice, words, _, about_one = self.notice_to("late")
        self.assertEqual(notice["Subject"], "Nachricht noch nicht zugestellt")
        self.assertIn("Der Mailserver für late.test bietet Verschlüsselung an, hat es auf Anfrage "
                      "aber abgelehnt, sie einzuschalten.", words)
        self.assertEqual((about_one["Action"], about_one["Status"]), ("delayed", "4.7.4"))
        self.assertIn("Will-Retry-Until", about_one)
        told_after = len(self.gateway.history(domain="late.test"))
        self.gateway.wait_for_history(domain="late.test", count=told_after + 3)
        self.wait_for_notices()
        self.assertEqual(len(self.notices_to("late")), 1)
        self.tap.assert_nothing_in_clear(self, "MAIL FROM", "a-secret-in-the-body")

    # ---- REQUIRETLS ----

    def test_require_tls_goes_back_where_it_is_not_offered(self):
        self.submit("strict", "b@asked.test", "strict", ["REQUIRETLS"], tls=True)
        notice, words, _, about_one = self.notice_to("strict")
        self.assertEqual(notice["Subject"], "Nachricht nicht zugestellt: vom Zielserver abgelehnt")
        self.assertIn("verlangt Verschlüsselung auf dem gesamten Weg (REQUIRETLS)", words)
        self.assertEqual((about_one["Action"], about_one["Status"]), ("failed", "5.7.30"))
        self.assertFalse(self.postfix.messages_with("Subject: strict\n\na-secret"))

    def test_require_tls_is_passed_on_where_it_is_offered(self):
        """strict.test is on no entry; and the other gateway is told that it too must be strict."""
        self.submit("passed", "b@strict.test", "passed", ["REQUIRETLS"], tls=True)
        entry = self.gateway.wait_for_history(domain="strict.test", outcome="delivered")
        self.assertTrue(entry["tls_version"])
        entry = self.further.wait_for_history(domain="strict.test", outcome="check_tls")
        self.assertEqual(entry["reason"], "not_offered")

    def test_require_tls_is_not_taken_in_clear(self):
        with self.gateway.client() as session:
            self.assertFalse(session.has_extn("requiretls"))
            code, said = session.docmd("MAIL", "FROM:<a@sender.test> REQUIRETLS")
            self.assertEqual(code, 530)
            self.assertIn(b"5.7.10", said)


if __name__ == "__main__":
    main()
