"""TLS reports (RFC 8460): asked for in real DNS, about sessions with Postfix's smtpd; taken by a real
HTTPS server and by mail, where another's DKIM verifier looks at them."""

import base64
import email
import gzip
import json
import subprocess

import dkim

from e2e_case import E2eCase, main, message
from gateway import Gateway
from name_server import NameServer
from policy_host import PolicyHost, policy
from postfix import PostfixServer, tls_with


class TlsReportsTest(E2eCase):
    NAME = "tls-reports"
    # Each with one mail host, mx.DOMAIN.
    DOMAINS = ["good", "broken", "kept", "silent", "rua"]

    @classmethod
    def set_up(cls):
        mail_authority = cls.make_authority()
        web_authority = type(mail_authority)(cls.workspace.directory("web-ca"), "Web CA")
        own = mail_authority.issue("gateway", ["gateway.test"])
        shown = mail_authority.issue("mx", ["mx.good.example", "mx.kept.example"])
        cls.dkim_key = mail_authority.issue("dkim", ["dkim.test"], kind="rsa").key
        cls.postfix = PostfixServer(cls.workspace, [f"{name}.example" for name in cls.DOMAINS])
        port = cls.postfix.add_smtpd("shown", smtpd_tls_security_level="may", **tls_with(shown))
        cls.postfix.start()
        cls.host = PolicyHost(cls.workspace, web_authority.issue("web", [
            "mta-sts.good.example", "mta-sts.broken.example", "reports.good.example"]))
        cls.host.files = {name: policy("enforce", [f"mx.{name}"])
                          for name in ("good.example", "broken.example")}
        records = "".join(f"{name} IN MX 10 mx.{name}\nmx.{name} IN A 127.0.0.1\n"
                          for name in cls.DOMAINS)
        for name in ("good", "broken"):
            records += (f'_mta-sts.{name} IN TXT "v=STSv1; id=1;"\n'
                        f"mta-sts.{name} IN A {cls.host.address}\n")
        records += (f"reports.good IN A {cls.host.address}\n"
                    # The server's certificate does not have this name.
                    f"reports.broken IN A {cls.host.address}\n"
                    '_smtp._tls.good IN TXT "v=TLSRPTv1; rua=https://reports.good.example/v1?a=b"\n'
                    '_smtp._tls.broken IN TXT "v=TLSRPTv1; rua=https://reports.broken.example/,"'
                    ' "mailto:rua@rua.example"\n')
        name_server = NameServer(cls.workspace, records)
        cls.gateway = Gateway(
            cls.workspace, [own], trust_store=mail_authority.certificate,
            mta_sts_trust_store=web_authority.certificate, dns_config=name_server.config,
            smtp_port=port, tlsrpt_organization="Example Sender",
            tlsrpt_contact="questions@sender.example", tlsrpt_from="noreply@sender.example",
            tlsrpt_dkim_key=cls.dkim_key, tlsrpt_dkim_selector="s1").start()

    def send(self, domain):
        self.gateway.send("a@sender.example", f"b@{domain}", message(f"to-{domain}"))

    def deliver(self, domain):
        self.send(domain)
        self.gateway.wait_for_history(domain=domain, outcome="delivered")

    def assert_counts(self, report, successes, failures):
        self.assertEqual([policy["summary"] for policy in report["policies"]], [
            {"total-successful-session-count": successes, "total-failure-session-count": failures}])

    def dkim_record(self, name, timeout=None):
        self.assertEqual(name, b"s1._domainkey.sender.example.")
        der = subprocess.run(["openssl", "pkey", "-in", self.dkim_key, "-pubout", "-outform", "DER"],
                             stdout=subprocess.PIPE, timeout=60, check=True).stdout
        return b"v=DKIM1; k=rsa; s=tlsrpt; p=" + base64.b64encode(der)

    def test_a_collector_takes_what_was_counted(self):
        self.deliver("good.example")
        sent = self.gateway.ctl("tlsrpt", "send", "good.example")
        self.assertEqual((sent["to"], sent["message_id"]),
                         ("https://reports.good.example/v1?a=b", ""))
        host, path, content_type, body = self.host.posted[0]
        self.assertEqual((host, path, content_type),
                         ("reports.good.example", "/v1?a=b", "application/tlsrpt+gzip"))
        report = json.loads(gzip.decompress(body))
        self.assertEqual((report["organization-name"], report["contact-info"], report["report-id"]),
                         ("Example Sender", "questions@sender.example", sent["report_id"]))
        self.assert_counts(report, successes=1, failures=0)
        self.assertEqual(report["policies"][0]["policy"], {
            "policy-type": "sts", "policy-domain": "good.example", "mx-host": ["mx.good.example"],
            "policy-string": ["version: STSv1", "mode: enforce", "mx: mx.good.example",
                              "max_age: 86400"]})
        again = self.gateway.ctl_raw("tlsrpt", "send", "good.example")
        self.assertEqual(again.code, 1)
        self.assertIn("no TLS session with good.example is counted", again.err)

    def test_what_failed_goes_by_mail_where_the_collector_cannot_show_who_it_is(self):
        self.send("broken.example")
        self.gateway.wait_for_history(domain="broken.example", outcome="check_tls")
        shown = self.gateway.ctl("tlsrpt", "show", "broken.example")
        self.assert_counts(shown, successes=0, failures=1)
        self.assertIn("to mailto:rua@rua.example as report ",
                      self.gateway.text("tlsrpt", "send", "broken.example"))
        raw = self.postfix.wait_for_message("Subject: Report Domain: broken.example")
        mail = email.message_from_bytes(raw)
        self.assertEqual((mail["From"], mail["To"], mail["Return-Path"]),
                         ("<noreply@sender.example>", "<rua@rua.example>",
                          "<noreply@sender.example>"))
        self.assertEqual((mail["TLS-Report-Domain"], mail["TLS-Report-Submitter"],
                          mail["TLS-Required"]), ("broken.example", "sender.example", "No"))
        self.assertEqual((mail.get_content_type(), mail.get_param("report-type")),
                         ("multipart/report", "tlsrpt"))
        self.assertTrue(dkim.verify(raw, dnsfunc=self.dkim_record, minkey=2048, tlsrpt="strict"))
        self.assertFalse(dkim.verify(raw.replace(b"questions", b"answers"), tlsrpt="strict",
                                     dnsfunc=self.dkim_record))
        _, part = mail.get_payload()
        self.assertEqual(part.get_content_type(), "application/tlsrpt+gzip")
        self.assertTrue(part.get_filename().startswith("sender.example!broken.example!"))
        report = json.loads(gzip.decompress(part.get_payload(decode=True)))
        self.assert_counts(report, successes=0, failures=1)
        detail = report["policies"][0]["failure-details"][0]
        self.assertIn("name_mismatch", detail.pop("failure-reason-code"))
        self.assertEqual(detail, {
            "result-type": "certificate-host-mismatch", "sending-mta-ip": "127.0.0.1",
            "receiving-mx-hostname": "mx.broken.example", "receiving-mx-helo": "peer.test",
            "receiving-ip": "127.0.0.1", "failed-session-count": 1})
        # The session that the report went by is in none (§3).
        self.gateway.wait_for_history(domain="rua.example", outcome="delivered")
        listed = self.gateway.ctl("tlsrpt", "list")["reports"]
        self.assertNotIn("rua.example", [report["domain"] for report in listed])
        self.assertFalse([host for host, *_ in self.host.posted if "broken" in host])

    def test_a_domain_that_asks_for_none_gets_none(self):
        self.deliver("silent.example")
        refused = self.gateway.ctl_raw("tlsrpt", "send", "silent.example")
        self.assertEqual(refused.code, 1)
        self.assertIn("_smtp._tls.silent.example", refused.err)

    def test_what_is_counted_outlives_a_restart(self):
        self.deliver("kept.example")
        self.gateway.restart()
        self.assert_counts(self.gateway.ctl("tlsrpt", "show", "kept.example"), successes=1,
                           failures=0)
        self.assertIn("kept.example  ", self.gateway.text("tlsrpt", "list"))


if __name__ == "__main__":
    main()
