"""MTA-STS (RFC 8461): policies announced in real DNS and served over real HTTPS; Postfix's smtpd shows
one certificate to all, which names the hosts of some domains and not of others."""

import itertools

from e2e_case import E2eCase, main, message
from gateway import Gateway
from name_server import NameServer
from policy_host import PolicyHost, policy
from postfix import PostfixServer, tls_with
from processes import wait_until


class MtaStsTest(E2eCase):
    NAME = "mta-sts"
    # Each with one mail host, mx.DOMAIN. The certificate of Postfix is good for these,
    GOOD = ["enforced", "unlisted", "kept", "changing", "webpki", "plain", "sender"]
    # and not for these.
    BAD = ["badcert", "testing"]
    numbers = itertools.count(1)

    @classmethod
    def set_up(cls):
        mail_authority = cls.make_authority()
        web_authority = type(mail_authority)(cls.workspace.directory("web-ca"), "Web CA")
        domains = [f"{name}.example" for name in cls.GOOD + cls.BAD]
        own = mail_authority.issue("gateway", ["gateway.test"])
        shown = mail_authority.issue("mx", [f"mx.{name}.example" for name in cls.GOOD])
        cls.postfix = PostfixServer(cls.workspace, domains)
        port = cls.postfix.add_smtpd("shown", smtpd_tls_security_level="may", **tls_with(shown))
        cls.postfix.start()
        cls.host = PolicyHost(cls.workspace, web_authority.issue("web", [
            f"mta-sts.{domain}" for domain in domains if domain != "webpki.example"]))
        cls.host.files = {
            "enforced.example": policy("enforce", ["*.enforced.example"]),
            "unlisted.example": policy("enforce", ["other.unlisted.example"]),
            "badcert.example": policy("enforce", ["mx.badcert.example"]),
            "testing.example": policy("testing", ["mx.testing.example"]),
            "kept.example": policy("enforce", ["mx.kept.example"]),
            "changing.example": policy("none", []),
            "webpki.example": policy("enforce", ["other.webpki.example"]),
        }
        cls.ids = {domain: 1 for domain in cls.host.files}
        cls.name_server = NameServer(cls.workspace, cls.records())
        cls.gateway = Gateway(
            cls.workspace, [own], trust_store=mail_authority.certificate,
            mta_sts_trust_store=web_authority.certificate, mta_sts_check_interval="1s",
            dns_config=cls.name_server.config, smtp_port=port).start()

    @classmethod
    def records(cls):
        lines = []
        for name in cls.GOOD + cls.BAD:
            lines += [f"{name} IN MX 10 mx.{name}", f"mx.{name} IN A 127.0.0.1"]
            if (domain := f"{name}.example") in cls.ids:
                lines += [f'_mta-sts.{name} 1 IN TXT "v=STSv1; id={cls.ids[domain]};"',
                          f"mta-sts.{name} IN A {cls.host.address}"]
        return "\n".join(lines) + "\n"

    @classmethod
    def publish(cls, domain, file):
        """Another policy, under the next id; without a file, its host has none."""
        cls.host.files[domain] = file
        cls.ids[domain] += 1
        cls.name_server.publish(cls.records())

    def send(self, domain):
        subject = f"{domain}-{next(self.numbers)}."
        self.gateway.send("a@sender.example", f"b@{domain}", message(subject))
        return subject

    def delivered(self, domain):
        """What the history has of a message that went."""
        before = len(self.gateway.history(domain=domain, outcome="delivered"))
        subject = self.send(domain)
        self.postfix.wait_for_message(f"Subject: {subject}\n")
        return self.gateway.wait_for_history(domain=domain, outcome="delivered", count=before + 1)

    def assert_waits(self, domain, reason):
        subject = self.send(domain)
        entry = self.gateway.wait_for_history(domain=domain, outcome="check_tls")
        self.assertEqual((entry["reason"], entry["decided_by"]), (reason, "mta-sts"))
        self.assertFalse(self.postfix.messages_with(f"Subject: {subject}\n"))
        return subject

    def explained(self, domain):
        return self.gateway.ctl("domains", "explain", domain)["mta_sts"]

    def test_an_enforced_policy_is_kept_to(self):
        entry = self.delivered("enforced.example")
        self.assertEqual(entry["decided_by"], "mta-sts")
        self.assertTrue(entry["tls_version"])
        explained = self.explained("enforced.example")
        self.assertEqual((explained["mode"], explained["id"], explained["mx"], explained["fault"]),
                         ("enforce", "1", ["*.enforced.example"], ""))
        self.assertIn("mode enforce, id 1, until ",
                      self.gateway.text("domains", "explain", "enforced.example"))

    def test_a_domain_without_a_policy_goes_as_ever(self):
        self.assertEqual(self.delivered("plain.example")["decided_by"], "default")
        self.assertEqual(self.explained("plain.example"), {"mode": "", "fault": "", "detail": ""})

    def test_a_host_that_the_policy_does_not_name_gets_nothing(self):
        self.assert_waits("unlisted.example", "sts_mx_mismatch")

    def test_a_certificate_of_another_name_will_not_do(self):
        self.assert_waits("badcert.example", "name_mismatch")

    def test_testing_delivers_and_tells(self):
        entry = self.delivered("testing.example")
        self.assertTrue(entry["monitored"])
        self.assertEqual(entry["reason"], "name_mismatch")

    def test_a_policy_host_with_a_bad_certificate_has_no_policy(self):
        """RFC 8461 §3.3: then there is none, and mail goes as without."""
        self.assertEqual(self.delivered("webpki.example")["decided_by"], "default")
        explained = self.explained("webpki.example")
        self.assertEqual((explained["mode"], explained["fault"]), ("", "sts-webpki-invalid"))
        self.assertEqual(self.host.asked["webpki.example"], 0)

    def test_a_kept_policy_outlives_its_host_and_a_restart(self):
        self.assertEqual(self.delivered("kept.example")["decided_by"], "mta-sts")
        self.publish("kept.example", None)
        self.gateway.restart()
        wait_until("the host to be asked in vain", lambda: (
            self.explained("kept.example")["fault"] == "sts-policy-fetch-error"))
        explained = self.explained("kept.example")
        self.assertEqual((explained["mode"], explained["id"]), ("enforce", "1"))
        self.assertEqual(self.delivered("kept.example")["decided_by"], "mta-sts")

    def test_another_id_brings_another_policy(self):
        self.assertEqual(self.delivered("changing.example")["decided_by"], "default")
        self.publish("changing.example", policy("enforce", ["other.changing.example"]))
        wait_until("the new policy", lambda: self.explained("changing.example")["id"] == "2")
        subject = self.assert_waits("changing.example", "sts_mx_mismatch")
        self.publish("changing.example", policy("enforce", ["mx.changing.example"]))
        def retried():
            self.gateway.ctl_raw("queue", "retry", "--domain=changing.example")
            return self.postfix.messages_with(f"Subject: {subject}\n")
        wait_until("the message under the third policy", retried, interval=0.5)


if __name__ == "__main__":
    main()
