"""DANE (RFC 7672): what hosts announce of their certificates in signed DNS, asked of a real name
server, with zones that a real signer signed; Postfix's smtpd shows one certificate to all, and its
posttls-finger is asked for a second opinion."""

import concurrent.futures
import hashlib
import re
import shutil
import smtplib
import ssl

from certificates import Credential
from dnssec import tlsa
from e2e_case import E2eCase, main, message
from gateway import Gateway
from name_server import NameServer, ValidatingResolver
from postfix import PostfixServer, posttls_finger_dane, tls_with
from processes import SOON_SECONDS, wait_until

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
            f"{name}.example" for name in (*cls.SIGNED, "alias", "half", "plain.unsigned",
                                           "sender")])
        cls.port = port = cls.postfix.add_smtpd("shown", smtpd_tls_security_level="may",
                                                **tls_with(shown))
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
        records += (f"half IN MX 10 mx.half\nmx.half IN CNAME mx.plain.unsigned\n"
                    f"_{port}._tcp.mx.half IN TLSA {end_entity}\n")
        cls.name_server = name_server = NameServer(
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

    def test_a_signed_alias_of_a_host_that_is_not_stands_for_itself(self):
        self.assert_passes("half.example", "dane")

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

    def verdict(self, domain):
        target = self.gateway.ctl_raw("ping", domain, "--json").json["targets"][0]
        if target["valid"]:
            # "1 of 2 TLSA records of … can be used"
            return "verified" if re.match("[1-9]", target["dane"]) else "nothing to verify"
        return {"dane_mismatch": "mismatch", "dnssec_invalid": "lookup failed"}[target["reason"]]

    def verdict_of_postfix(self, resolver, domain):
        said = posttls_finger_dane(resolver, domain, self.port).stdout
        for words, verdict in (("Verified TLS connection established", "verified"),
                               ("no matching DANE TLSA records", "mismatch"),
                               ("TLSA lookup error", "lookup failed"),
                               ("Untrusted TLS connection established", "nothing to verify")):
            if words in said:
                return verdict
        raise AssertionError(f"posttls-finger says of {domain}:\n{said}")

    def test_postfix_comes_to_the_same_verdicts(self):
        resolver = ValidatingResolver(self.workspace, self.name_server)
        if (why_not := resolver.why_not()) is not None:
            self.skipTest(f"posttls-finger can be given no resolver of its own: {why_not}")
        domains = [f"{name}.example" for name in (*self.SIGNED, "alias", "half", "plain.unsigned")]
        ours = {domain: self.verdict(domain) for domain in domains}
        with concurrent.futures.ThreadPoolExecutor(4) as executor:
            theirs = executor.map(lambda domain: self.verdict_of_postfix(resolver, domain), domains)
            self.assertEqual(ours, dict(zip(domains, theirs)))
        self.assertEqual(set(ours.values()),
                         {"verified", "mismatch", "lookup failed", "nothing to verify"})

    def test_explain_says_what_decides(self):
        text = self.gateway.text("domains", "explain", "anchor.example", "--servers")
        self.assertRegex(text, r"(?m)^ +Decided by +dane$")
        self.assertRegex(text, r"(?m)^ +DANE +1 of 1 TLSA records of mx\.anchor\.example can be used")
        answer = self.gateway.ctl_raw("domains", "explain", "mismatch.example", "--servers")
        self.assertIn("INVALID at verify, dane_mismatch", answer.out)


class RolloverTest(E2eCase):
    """A host changes its certificate as RFC 7671 §8.1 has it: the record of the new one comes first,
    that of the old one goes last."""

    NAME = "dane-rollover"

    @classmethod
    def set_up(cls):
        authority = cls.make_authority()
        own = authority.issue("gateway", ["gateway.test"])
        cls.old = authority.issue("old", ["mx.roll.example"])
        cls.new = authority.issue("new", ["mx.roll.example"])
        served = cls.workspace.directory("served")
        cls.served = Credential(served / "chain.pem", served / "key.pem")
        cls.show(cls.old)
        cls.postfix = PostfixServer(cls.workspace, ["roll.example"])
        cls.port = cls.postfix.add_smtpd("roll", smtpd_tls_security_level="may",
                                         **tls_with(cls.served))
        cls.postfix.start()
        cls.name_server = NameServer(cls.workspace, cls.records(cls.old), signed=True)
        # Each message finds the records as they are, and meets the certificate that is shown then.
        cls.gateway = Gateway(cls.workspace, [own], trust_store=authority.certificate,
                              dns_config=cls.name_server.config, smtp_port=cls.port,
                              dnssec_trust_anchor=cls.name_server.trust_anchor,
                              connection_messages=1).start()

    @classmethod
    def show(cls, credential):
        shutil.copy(credential.key, cls.served.key)
        shutil.copy(credential.certificate, cls.served.certificate)

    @classmethod
    def records(cls, *credentials):
        return ("roll IN MX 10 mx.roll\nmx.roll IN A 127.0.0.1\n" +
                "".join(f"_{cls.port}._tcp.mx.roll 0 IN TLSA {tlsa(one.certificate, 3, 1)}\n"
                        for one in credentials))

    def shown(self):
        """The fingerprint of what Postfix shows to who connects now."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with smtplib.SMTP("127.0.0.1", self.port, timeout=SOON_SECONDS) as session:
            session.starttls(context=context)
            return hashlib.sha256(session.sock.getpeercert(binary_form=True)).hexdigest()

    def deliver(self, subject):
        """The entry of one message, which goes out at its first attempt."""
        before = len(self.gateway.history(domain="roll.example"))
        self.gateway.send("a@roll.example", "b@roll.example", message(subject))
        entry = self.gateway.wait_for_history(domain="roll.example", count=before + 1)
        self.assertEqual((entry["outcome"], entry["decided_by"]), ("delivered", "dane"), entry)
        return entry

    def test_mail_goes_on_while_the_certificate_changes(self):
        self.assertIn(self.old.fingerprint(), self.deliver("before")["certificate"])
        self.name_server.publish(self.records(self.old, self.new))
        self.deliver("announced")
        self.show(self.new)
        self.deliver("not-yet-loaded")
        self.postfix.reload()
        self.deliver("loaded")
        wait_until("Postfix to show its new certificate",
                   lambda: self.shown() == self.new.fingerprint())
        self.deliver("shown")
        self.name_server.publish(self.records(self.new))
        self.assertIn(self.new.fingerprint(), self.deliver("withdrawn")["certificate"])
        # And the old one's record alone would not have let it pass.
        self.name_server.publish(self.records(self.old))
        self.gateway.send("a@roll.example", "b@roll.example", message("too-late"))
        entry = self.gateway.wait_for_history(domain="roll.example", outcome="check_tls")
        self.assertEqual(entry["reason"], "dane_mismatch")


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
