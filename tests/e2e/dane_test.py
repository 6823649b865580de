"""DANE (RFC 7672): what hosts announce of their certificates in signed DNS, asked of a real name
server, with zones that a real signer signed; Postfix's smtpd shows one certificate to all."""

from dnssec import tlsa
from e2e_case import E2eCase, main, message
from gateway import Gateway
from name_server import NameServer
from postfix import PostfixServer, tls_with

FORGED = "f0" * 32


class DaneTest(E2eCase):
    NAME = "dane"
    # Each with one mail host, mx.DOMAIN.
    SIGNED = ["endentity", "anchor", "rollover", "mismatch", "bogus", "silent", "unusable"]

    @classmethod
    def set_up(cls):
        public = cls.make_authority()
        own = public.issue("gateway", ["gateway.test"])
        # An authority that the gateway does not trust, and that its server sends along.
        private = type(public)(cls.workspace.directory("private-ca"), "Own CA")
        shown = private.issue("mx", ["mx.anchor.example"])
        shown.certificate.write_text(shown.certificate.read_text("ascii") +
                                     private.certificate.read_text("ascii"), "ascii")
        end_entity = tlsa(shown.certificate, usage=3, selector=1)
        cls.postfix = PostfixServer(cls.workspace, [
            f"{name}.example" for name in (*cls.SIGNED, "alias", "plain.unsigned", "sender")])
        port = cls.postfix.add_smtpd("shown", smtpd_tls_security_level="may", **tls_with(shown))
        cls.postfix.start()
        announced = {
            "endentity": [end_entity],
            "anchor": [tlsa(private.certificate, usage=2, selector=0)],
            "rollover": ["3 1 1 " + "aa" * 32, end_entity],
            "mismatch": ["3 1 1 " + "bb" * 32],
            "bogus": ["3 1 1 " + "cc" * 32],
            "silent": [],
            "unusable": ["0 1 1 " + "dd" * 32],
        }
        records = "sender IN MX 10 mx.silent\n"
        for name, tlsas in announced.items():
            records += f"{name} IN MX 10 mx.{name}\nmx.{name} IN A 127.0.0.1\n"
            records += "".join(f"_{port}._tcp.mx.{name} IN TLSA {one}\n" for one in tlsas)
        records += "alias IN MX 10 mx.alias\nmx.alias IN CNAME mx.endentity\n"
        name_server = NameServer(
            cls.workspace, records, signed=True,
            unsigned=f"plain IN MX 10 mx.plain\nmx.plain IN A 127.0.0.1\n"
                     f"_{port}._tcp.mx.plain IN TLSA 3 1 1 {'ee' * 32}\n",
            # Without a signature that would be right: the name server does not look.
            forge={"cc" * 32: FORGED})
        cls.gateway = Gateway(cls.workspace, [own], trust_store=public.certificate,
                              dns_config=name_server.config, smtp_port=port,
                              dnssec_trust_anchor=name_server.trust_anchor).start()

    def send(self, domain):
        subject = f"to-{domain}-{self.id()}"
        self.gateway.send("a@sender.example", f"b@{domain}", message(subject))
        return subject

    def assert_passes(self, domain, decided_by):
        before = len(self.gateway.history(domain=domain, outcome="delivered"))
        subject = self.send(domain)
        self.postfix.wait_for_message(f"Subject: {subject}\n")
        entry = self.gateway.wait_for_history(domain=domain, outcome="delivered", count=before + 1)
        self.assertEqual(entry["decided_by"], decided_by)
        self.assertTrue(entry["tls_version"])
        return entry

    def assert_waits(self, domain, stage, reason, decided_by):
        before = len(self.gateway.history(domain=domain, outcome="check_tls"))
        subject = self.send(domain)
        entry = self.gateway.wait_for_history(domain=domain, outcome="check_tls", count=before + 1)
        self.assertEqual((entry["stage"], entry["reason"], entry["decided_by"]),
                         (stage, reason, decided_by))
        self.assertEqual(self.postfix.messages_with(f"Subject: {subject}\n"), [])
        return entry

    def test_what_is_announced_passes_for_domains_on_no_entry(self):
        for domain in ("endentity.example", "anchor.example", "rollover.example"):
            with self.subTest(domain):
                self.assert_passes(domain, "dane")

    def test_an_alias_in_signed_zones_is_followed(self):
        self.assert_passes("alias.example", "dane")

    def test_another_certificate_waits(self):
        entry = self.assert_waits("mismatch.example", "verify", "dane_mismatch", "dane")
        self.assertIn("TLSA: 3 1 1 bbbbbbbbbbbbbbbb...", entry["detail"])

    def test_forged_records_keep_mail_back(self):
        entry = self.assert_waits("bogus.example", "dns", "dnssec_invalid", "dane")
        self.assertIn("DNSSEC validation", entry["detail"])

    def test_records_in_a_zone_that_is_not_signed_say_nothing(self):
        self.assert_passes("plain.unsigned.example", "default")

    def test_a_signed_host_without_records_is_as_any_other(self):
        self.assert_passes("silent.example", "default")

    def test_records_that_cannot_be_used_still_demand_tls(self):
        self.assert_passes("unusable.example", "dane")

    def test_an_entry_that_asks_for_more_is_not_content_with_dane(self):
        self.gateway.ctl("domains", "add", "rollover.example", "--no-ping", "--level=verify")
        try:
            self.assert_waits("rollover.example", "verify", "untrusted", "entry+dane")
        finally:
            self.gateway.ctl("domains", "remove", "rollover.example")

    def test_dane_only(self):
        for name in ("endentity", "silent", "unusable", "plain.unsigned"):
            self.gateway.ctl("domains", "add", f"{name}.example", "--no-ping",
                             "--level=dane-only")
        try:
            self.assert_passes("endentity.example", "entry+dane")
            self.assert_waits("silent.example", "dns", "dane_required", "entry")
            self.assert_waits("unusable.example", "dns", "tlsa_invalid", "entry")
            self.assert_waits("plain.unsigned.example", "dns", "dane_required", "entry")
        finally:
            for name in ("endentity", "silent", "unusable", "plain.unsigned"):
                self.gateway.ctl("domains", "remove", f"{name}.example")

    def test_explain_says_what_decides(self):
        text = self.gateway.text("domains", "explain", "anchor.example", "--servers")
        self.assertRegex(text, r"(?m)^ +Decided by +dane$")
        self.assertRegex(text, r"(?m)^ +DANE +1 of 1 TLSA records of mx\.anchor\.example can be used")
        answer = self.gateway.ctl_raw("domains", "explain", "mismatch.example", "--servers")
        self.assertIn("INVALID at verify, dane_mismatch", answer.out)


class WithoutTrustAnchorTest(E2eCase):
    """The same announcements, and nobody to vouch for them."""

    NAME = "dane-without"

    @classmethod
    def set_up(cls):
        authority = cls.make_authority()
        own = authority.issue("gateway", ["gateway.test"])
        cls.postfix = PostfixServer(cls.workspace, ["mismatch.example", "sender.example"])
        port = cls.postfix.add_smtpd("shown", smtpd_tls_security_level="may", **tls_with(own))
        cls.postfix.start()
        name_server = NameServer(cls.workspace, f"""
            mismatch                 IN MX 10 mx.mismatch
            mx.mismatch              IN A  127.0.0.1
            _{port}._tcp.mx.mismatch IN TLSA 3 1 1 {'bb' * 32}
        """, signed=True)
        cls.gateway = Gateway(cls.workspace, [own], trust_store=authority.certificate,
                              dns_config=name_server.config, smtp_port=port).start()

    def test_nothing_is_held_to_them(self):
        self.gateway.send("a@sender.example", "b@mismatch.example", message("unvouched"))
        self.postfix.wait_for_message("Subject: unvouched\n")
        entry = self.gateway.wait_for_history(domain="mismatch.example", outcome="delivered")
        self.assertEqual(entry["decided_by"], "default")


if __name__ == "__main__":
    main()
