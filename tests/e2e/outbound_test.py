"""Mail goes out to servers that are not ours: Postfix's smtpd over TLS, and its smtp-sink."""

import datetime
import random
import re
import time

from e2e_case import E2eCase, main, message
from gateway import Gateway, sluiced
from name_server import NameServer
from next_hops import Wiretap
from postfix import PostfixServer, SmtpSink, tls_with
from processes import wait_until
from prometheus import Scrape


class OutboundTest(E2eCase):
    NAME = "outbound"
    DOMAINS = ["encrypt.test", "verify.test", "secure.test", "fingerprint.test", "v13.test",
               "opportunistic.test", "plain.test", "refusing.test", "busy.test", "sender.test"]

    @classmethod
    def set_up(cls):
        authority = cls.make_authority()
        own = authority.issue("gateway", ["gateway.test"])
        good = authority.issue("mx", ["mx.peer.test", "secure.test"])
        unknown = authority.self_signed("unknown", ["mx.peer.test"])
        cls.postfix = PostfixServer(
            cls.workspace, cls.DOMAINS,
            # What a test asks for by the name of the recipient.
            smtpd_recipient_restrictions="check_recipient_access inline:{"
            "{ nobody@refusing.test = 550 5.1.1 No such user here }, "
            "{ busy@busy.test = 450 4.2.1 Mailbox busy }}")
        # Of those that have TLS this one has bodies by DATA, the others by BDAT.
        trusted = cls.postfix.add_smtpd("trusted", smtpd_tls_security_level="encrypt",
                                        smtpd_discard_ehlo_keywords="chunking", **tls_with(good))
        pinned = cls.postfix.add_smtpd("pinned", smtpd_tls_security_level="encrypt",
                                       **tls_with(unknown))
        offering = cls.postfix.add_smtpd("offering", smtpd_tls_security_level="may",
                                         **tls_with(unknown))
        clear = cls.postfix.add_smtpd("clear", smtpd_tls_security_level="none")
        cls.postfix.start()
        cls.sink = SmtpSink(cls.workspace)
        cls.taps = {name: Wiretap(cls.workspace, port) for name, port in {
            "encrypt.test": pinned, "verify.test": trusted, "secure.test": trusted,
            "fingerprint.test": pinned, "v13.test": trusted, "opportunistic.test": offering,
            "plain.test": cls.sink.port, "refusing.test": clear, "busy.test": clear,
            "sender.test": clear}.items()}
        cls.gateway = Gateway(
            cls.workspace, [own], trust_store=authority.certificate,
            route=[f"{name}=127.0.0.1:{tap.port}" for name, tap in cls.taps.items()]).start()
        add = cls.gateway.ctl
        add("domains", "add", "encrypt.test", "--no-ping")
        add("domains", "add", "verify.test", "--no-ping", "--level=verify",
            "--match-names=mx.peer.test")
        add("domains", "add", "secure.test", "--no-ping", "--level=secure")
        add("domains", "add", "fingerprint.test", "--no-ping", "--level=fingerprint",
            f"--fingerprints={unknown.fingerprint()}")
        add("domains", "add", "v13.test", "--no-ping", "--minimum-version=1.3",
            "--note=the newest alone")

    def pass_through(self, domain, subject):
        """One message to a domain, over TLS: what Postfix got, and the history's entry."""
        self.taps[domain].forget()
        self.gateway.send("a@sender.test", f"b@{domain}",
                          message(subject, "a-secret-in-the-body\r\n"))
        taken = self.postfix.wait_for_message(f"Subject: {subject}\n").decode("latin-1")
        self.taps[domain].assert_nothing_in_clear(self, "a-secret-in-the-body", subject)
        self.assertRegex(taken, r"\tby gateway\.test \(Sluice\) with ESMTP id ")
        entry = self.gateway.wait_for_history(domain=domain, outcome="delivered")
        self.assertEqual(entry["recipients"], [f"b@{domain}"])
        return entry

    def test_every_level(self):
        for level in ("encrypt", "verify", "secure", "fingerprint"):
            with self.subTest(level):
                entry = self.pass_through(f"{level}.test", f"level-{level}")
                self.assertEqual(entry["tls_version"], "TLSv1.3")
                self.assertRegex(entry["cipher"], "^TLS_AES_(128|256)_GCM_SHA(256|384)$")
                self.assertEqual(entry["entry"], f"{level}.test")

    def test_minimum_version(self):
        self.assertEqual(self.pass_through("v13.test", "tls-1-3")["tls_version"], "TLSv1.3")

    def test_tls_where_it_is_offered_for_a_domain_on_no_entry(self):
        """Unknown certificate and all: it is better than none, and nothing more was asked for."""
        self.pass_through("opportunistic.test", "opportunistic")

    def test_in_clear_for_a_domain_on_no_entry(self):
        self.gateway.send("a@sender.test", "b@plain.test", message("clear-to-sink"))
        taken = self.sink.wait_for_message("clear-to-sink").decode("latin-1")
        self.assertRegex(taken, r"(?m)^X-Mail-Args: <a@sender\.test>")
        self.assertIn(b"MAIL FROM:<a@sender.test>", self.taps["plain.test"].sent())

    def test_several_messages_over_one_connection(self):
        domain = "verify.test"
        before = len(self.gateway.history(domain=domain, outcome="delivered"))
        self.taps[domain].forget()
        for number in range(1, 21):
            self.gateway.send("a@sender.test", f"b@{domain}", message(f"connection-{number}."))
            # One after the other: for what comes at once, several connections are right.
            self.gateway.wait_for_history(domain=domain, outcome="delivered", count=before + number)
        self.assertLessEqual(self.taps[domain].connections, Gateway.CORES)
        wait_until("all of them at Postfix",
                   lambda: len(self.postfix.messages_with("Subject: connection-")) == 20)

    def test_several_recipients_in_several_domains(self):
        self.gateway.send("a@sender.test",
                          ["b@encrypt.test", "c@encrypt.test", "d@plain.test"],
                          message("to-three"))
        self.assertIn("d@plain.test", self.sink.wait_for_message("to-three").decode())
        for recipient in ("b@encrypt.test", "c@encrypt.test"):
            wait_until(f"the copy of {recipient}", lambda wanted=f"Delivered-To: {recipient}\n": [
                text for text in self.postfix.messages_with("Subject: to-three")
                if wanted.encode() in text])

    # ---- Byte for byte ----

    def assert_arrives_unchanged(self, domain, subject, body):
        self.gateway.send("a@sender.test", f"b@{domain}",
                          f"From: a@sender.test\r\nSubject: {subject}\r\n\r\n".encode() + body)
        taken = self.postfix.wait_for_message(f"Subject: {subject}\n")
        head, _, arrived = taken.partition(b"\n\n")
        self.assertIn(b"From: a@sender.test\n", head)
        if arrived != body.replace(b"\r\n", b"\n"):  # assertEqual would print megabytes
            self.fail(f"{subject}: {len(body)} bytes went in, {len(arrived)} came out, not the same")

    def test_bodies_arrive_byte_for_byte(self):
        generator = random.Random(20260601)
        # All octets but NUL, CR and LF, which no line of a message may have (RFC 5321 §2.3.8).
        octets = bytes(byte for byte in range(1, 256) if byte not in b"\r\n")
        long_lines = b"\r\n".join(
            bytes(generator.choices(octets, k=length)) for length in (998, 999, 1500, 2047))
        for subject, body in {
                "octets": octets + b"\r\n",
                "dots": b".\r\n..\r\n...\r\n.a\r\n..b\r\n \r\n.\r\n\r\n\r\n",
                "long-lines": long_lines + b"\r\n",
                "five-mebibytes": b"".join(
                    bytes(generator.choices(octets, k=70)) + b"\r\n"
                    for _ in range((5 << 20) // 72))}.items():
            for way, domain in {"bdat": "encrypt.test", "data": "verify.test"}.items():
                with self.subTest(subject, way=way):
                    self.assert_arrives_unchanged(domain, f"{subject}-{way}", body)
                    wait_until(f"{way} in Postfix's log", lambda wanted=f" {way}=":
                               wanted in self.postfix.log())

    # ---- What the next hop refuses ----

    def test_5xx_is_told_to_the_sender(self):
        self.gateway.send("a@sender.test", ["nobody@refusing.test", "somebody@refusing.test"],
                          message("half-refused", "a-body-that-need-not-come-back\r\n"))
        self.postfix.wait_for_message("Subject: half-refused")
        notice = self.postfix.wait_for_message("Delivered-To: a@sender.test").decode("latin-1")
        self.assertRegex(notice, r"(?m)^Return-Path: <>$|^Return-Path: <MAILER-DAEMON>$")
        self.assertRegex(notice, r"(?is)Content-Type: multipart/report;\s*report-type=\"?delivery-"
                                 r"status")
        self.assertRegex(notice, r"(?m)^Final-Recipient: rfc822; ?nobody@refusing\.test$")
        self.assertRegex(notice, r"(?m)^Action: failed$")
        self.assertRegex(notice, r"(?m)^Status: 5\.1\.1$")
        self.assertRegex(notice, r"(?m)^Diagnostic-Code: smtp; ?550 5\.1\.1 .*No such user here")
        self.assertRegex(notice, r"(?m)^Subject: half-refused$")
        self.assertNotIn("somebody@refusing.test", notice.replace("To: b@peer.test", ""))
        self.assertNotIn("a-body-that-need-not-come-back", notice)
        entry = self.gateway.wait_for_history(domain="refusing.test", outcome="failed")
        self.assertEqual(entry["recipients"], ["nobody@refusing.test"])
        self.assertIn("550 5.1.1", entry["detail"])

    def test_4xx_defers(self):
        self.gateway.send("a@sender.test", "busy@busy.test", message("busy"))
        entry = self.gateway.wait_for_history(domain="busy.test", outcome="deferred")
        self.assertIn("450 4.2.1", entry["detail"])
        self.assertEqual(entry["attempt"], 1)
        waiting, = self.gateway.queue(domain="busy.test")
        self.assertEqual(waiting["state"], "waiting")
        self.assertIn("450 4.2.1", waiting["recipients"][0]["last_reply"])
        self.gateway.ctl("queue", "retry", waiting["message_id"])
        entry = self.gateway.wait_for_history(count=2, domain="busy.test", outcome="deferred")
        self.assertEqual(entry["attempt"], 2)


class IdentityTest(E2eCase):
    """What Postfix sees of the gateway: the address it comes from, and its client certificate."""

    NAME = "identity"
    DOMAINS = ["flag.test", "route.test", "entry.test", "elsewhere.test"]
    PARTNERS = ["partner.test", "other.test", "stranger.test"]  # of one server that knows its clients

    @classmethod
    def set_up(cls):
        authority = cls.make_authority()
        own = authority.issue("gateway", ["gateway.test"])
        cls.certificates = {  # an RSA key is the signer's, one on P-256 the daemon's own
            name: authority.issue(f"client-{name}", [f"{name}.gateway.test"], kind=kind,
                                  usage="clientAuth")
            for name, kind in {"partner": "rsa", "other": "ecdsa"}.items()}
        cls.postfix = PostfixServer(cls.workspace, [*cls.DOMAINS, *cls.PARTNERS, "sender.test"])
        port = cls.postfix.add_smtpd("peer", smtpd_tls_security_level="may",
                                     **tls_with(authority.issue("mx", ["mx.peer.test"])))
        known = cls.certificates["partner"].fingerprint().upper()
        known = ":".join(known[i:i + 2] for i in range(0, len(known), 2))
        asking = cls.postfix.add_smtpd(
            "asking", smtpd_tls_security_level="encrypt", smtpd_tls_req_ccert="yes",
            smtpd_tls_CAfile=authority.certificate, smtpd_tls_received_header="yes",
            smtpd_tls_fingerprint_digest="sha256",
            relay_clientcerts=f"inline:{{ {{ {known} = partner }} }}",
            smtpd_relay_restrictions="permit_tls_clientcerts, reject",
            **tls_with(authority.issue("mx2", ["mx2.peer.test"])))
        cls.postfix.start()
        routes = [f"{name}=127.0.0.1:{port}" for name in [*cls.DOMAINS, "sender.test"]]
        routes += [f"{name}=127.0.0.1:{asking}" for name in cls.PARTNERS]
        cls.gateway = Gateway(
            cls.workspace, [own], trust_store=authority.certificate, source_address="127.0.0.2",
            client_certificate=[f"{name}:{one.certificate}:{one.key}"
                                for name, one in cls.certificates.items()],
            route=[route + (" from 127.0.0.3" if route.startswith("route.") else "")
                   for route in routes]).start()

    def add(self, *arguments):
        return self.gateway.ctl("domains", "add", "--no-ping", *arguments)

    def client_of(self, subject):
        """Who brought a message, by Postfix's own Received: field."""
        taken = self.postfix.wait_for_message(f"Subject: {subject}\n").decode("latin-1")
        return re.search(r"Received: from gateway\.test \(unknown \[([0-9.]+)\]\)", taken).group(1)

    def test_the_most_specific_source_address(self):
        self.add("entry.test", "--source-addresses=127.0.0.4")
        for name, source in {"flag": "127.0.0.2", "route": "127.0.0.3",
                             "entry": "127.0.0.4"}.items():
            with self.subTest(name):
                self.gateway.send("a@sender.test", f"b@{name}.test", message(f"from-{name}"))
                self.assertEqual(self.client_of(f"from-{name}"), source)
                entry = self.gateway.wait_for_history(domain=f"{name}.test", outcome="delivered")
                self.assertEqual(entry["source_address"], source)
                explained = self.gateway.ctl("domains", "explain", f"{name}.test")
                self.assertEqual(explained["source_addresses"], source)
        self.assertRegex(self.gateway.text("domains", "explain", "entry.test"),
                         r"Sent from +127\.0\.0\.4 \(entry entry\.test\)")
        target, = self.gateway.ctl("ping", "entry.test")["targets"]
        self.assertEqual((target["source"], target["valid"]), ("127.0.0.4", True))

    def test_an_address_that_is_not_here(self):
        """The mail waits, and does not go out from another."""
        answer = self.add("elsewhere.test", "--source-addresses=192.0.2.9")
        self.assertRegex(answer["warnings"][0], r"192\.0\.2\.9 is no address of this machine")
        self.gateway.send("a@sender.test", "b@elsewhere.test", message("from-elsewhere"))
        entry = self.gateway.wait_for_history(domain="elsewhere.test", outcome="deferred")
        self.assertEqual(entry["stage"], "connect")
        self.assertRegex(entry["detail"], r"from 192\.0\.2\.9: Cannot assign requested address "
                                          r"\(the source address 192\.0\.2\.9 is that of entry "
                                          r"elsewhere\.test\)")
        self.assertFalse(self.postfix.messages_with("Subject: from-elsewhere"))

    def test_it_does_not_start_with_an_address_that_is_not_here(self):
        done = sluiced("--check", f"--flagfile={self.gateway.flagfile}",
                       "--source_address=192.0.2.9", "--route=a.test=b.test:25 from 192.0.2.8")
        self.assertEqual(done.returncode, 2)
        self.assertIn("--source_address: 192.0.2.9 is no address of this machine", done.stdout)
        self.assertIn("--route: a.test=b.test:25 from 192.0.2.8: 192.0.2.8 is no address",
                      done.stdout)

    def test_the_certificate_of_the_entry(self):
        """By its fingerprint Postfix knows whom to take mail from."""
        self.add("partner.test", "--client-certificate=partner")
        self.add("other.test", "--client-certificate=other")
        for name in ("partner", "other"):
            self.gateway.send("a@sender.test", f"b@{name}.test", message(f"as-{name}"))
        taken = self.postfix.wait_for_message("Subject: as-partner\n").decode("latin-1")
        self.assertRegex(taken, r'Client CN "partner\.gateway\.test", Issuer "[^"]*" \(verified OK\)')
        entry = self.gateway.wait_for_history(domain="other.test", outcome="failed")
        self.assertRegex(entry["detail"], r"^554 5\.7\.1 ")
        target, = self.gateway.ctl("ping", "partner.test")["targets"]
        self.assertEqual(target["client_certificate"], {"asked": True, "shown": "partner"})
        self.assertRegex(self.gateway.text("domains", "explain", "partner.test"),
                         r"Client certificate +partner \(entry partner\.test\)")

    def test_without_a_certificate_it_is_refused(self):
        """And a ping says what the server wants."""
        self.add("stranger.test")
        self.gateway.send("a@sender.test", "b@stranger.test", message("as-stranger"))
        entry = self.gateway.wait_for_history(domain="stranger.test", outcome="deferred")
        self.assertRegex(entry["detail"], r"No client certificate presented")
        target, = self.gateway.ctl_raw("ping", "stranger.test", "--json").json["targets"]
        self.assertEqual((target["valid"], target["client_certificate"]),
                         (False, {"asked": True, "shown": ""}))
        self.assertFalse(self.postfix.messages_with("Subject: as-stranger"))

    def test_a_name_that_nobody_has(self):
        for arguments in (["add", "nobody.test", "--no-ping", "--client-certificate=nobody"],
                          ["import", "-", "--format=csv"]):
            refused = self.gateway.ctl_raw(
                "domains", *arguments, stdin="pattern,client_certificate\nx.test,nobody\n")
            self.assertEqual(refused.code, 1)
            self.assertIn("client_certificate: nobody is none of those that --client_certificate "
                          "has: partner, other", refused.err)

    def test_a_certificate_that_is_gone(self):
        """After a restart without it mail waits, and does not go out without it."""
        self.add(".gone.test", "--client-certificate=other")
        flags = dict(self.gateway.flags)

        def restart(changed):
            self.gateway.flags = changed
            self.gateway.restart()
        self.addCleanup(restart, flags)
        restart({**flags, "client_certificate": flags["client_certificate"][:1],
                 "route": [*flags["route"], f"a.gone.test=127.0.0.1:{self.postfix.ports['peer']}"]})
        self.gateway.send("a@sender.test", "b@a.gone.test", message("as-gone"))
        entry = self.gateway.wait_for_history(domain="a.gone.test", outcome="deferred")
        self.assertRegex(entry["detail"], r"entry \.gone\.test names the client certificate other, "
                                          r"which --client_certificate does not have")
        changed = self.gateway.ctl("domains", "set", ".gone.test", "--no-ping", "--note=x")
        self.assertRegex(changed["warnings"][0], r"client_certificate: other is none of those")

    def test_certificates_are_shown_with_their_purpose(self):
        shown = self.gateway.ctl("certificate", "show")["certificates"]
        self.assertEqual([(one["purpose"], one["name"]) for one in shown],
                         [("server", ""), ("client", "other"), ("client", "partner")])
        self.assertEqual(shown[2]["fingerprint_sha256"],
                         self.certificates["partner"].fingerprint())
        self.assertIn("servers, as partner", self.gateway.text("reload"))


class PaceTest(E2eCase):
    """A server is pressed as hard as it bears, and no harder than the flags say."""

    NAME = "pace"

    @classmethod
    def set_up(cls):
        own = cls.make_authority().issue("gateway", ["gateway.test"])
        cls.sink = SmtpSink(cls.workspace)
        cls.busy = SmtpSink(cls.workspace, "busy-sink", options=["-Q", "connect"])  # 421
        cls.tap = Wiretap(cls.workspace, cls.busy.port)
        cls.gateway = Gateway(
            cls.workspace, [own], cores=1, retry_schedule="1h", destination_rate="2/1s",
            route=[f"busy.test=127.0.0.1:{cls.tap.port}",
                   f"unwanted.test=localhost:{cls.busy.port}",
                   f"rated.test=127.0.0.1:{cls.sink.port}"]).start()

    def test_a_server_that_says_421_is_not_asked_for_each_message(self):
        for number in range(10):
            self.gateway.send("a@sender.test", f"b{number}@busy.test", message(f"busy-{number}."))
        entry = self.gateway.wait_for_history(domain="busy.test", outcome="deferred")
        self.assertEqual(entry["stage"], "banner")
        self.assertIn("421", entry["detail"])
        self.assertLess(self.tap.connections, 10)
        self.assertGreaterEqual(Scrape(self.gateway).total("sluice_lane_pauses_total"), 1)
        line, = wait_until("the pause in the log", lambda: [
            line for line in self.gateway.program.log().splitlines()
            if " warning destination_paused " in line][:1])
        for words in (f"destination=127.0.0.1:{self.tap.port} ", "for=30s ", "failed_rounds=1 ",
                      "stage=banner ", "421"):
            self.assertIn(words, line)

        self.tap.target = self.sink.port
        self.gateway.ctl_raw("queue", "retry", "--domain=busy.test")  # ends the pause
        wait_until("all to leave once the server takes mail",
                   lambda: not self.gateway.queue(domain="busy.test"))
        self.assertEqual(len(self.gateway.history(domain="busy.test", outcome="delivered")), 10)

    def test_what_waits_for_the_end_of_a_pause_is_held_and_deleted(self):
        for number in range(6):
            self.gateway.send("a@sender.test", "b@unwanted.test", message(f"unwanted-{number}."))
        self.gateway.wait_for_history(domain="unwanted.test", outcome="deferred")

        def states():
            return sorted(item["state"] for item in self.gateway.queue(domain="unwanted.test"))
        wait_until("the others to wait in the pause",
                   lambda: states() == ["active"] * 5 + ["waiting"])
        one = next(item for item in self.gateway.queue(domain="unwanted.test")
                   if item["state"] == "active")
        self.assertEqual(self.gateway.ctl("queue", "delete", one["message_id"])["deleted"], 1)
        self.assertEqual(self.gateway.ctl("queue", "hold", "--domain=unwanted.test")["held"], 5)
        self.assertEqual(states(), ["held"] * 5)
        deleted = self.gateway.ctl("queue", "delete", "--domain=unwanted.test")
        self.assertEqual(deleted["deleted"], 5)
        self.assertEqual(states(), [])

    def test_messages_leave_at_their_rate(self):
        begun = time.time()
        for number in range(6):
            self.gateway.send("a@sender.test", "b@rated.test", message(f"rated-{number}."))
        last = self.gateway.wait_for_history(domain="rated.test", outcome="delivered", count=6)
        left = datetime.datetime.fromisoformat(last["at"].replace("Z", "+00:00")).timestamp()
        self.assertGreater(left - begun, 2.4)


class MxTest(E2eCase):
    """Mail finds its way by MX, asked of a real DNS server."""

    NAME = "mx"

    @classmethod
    def set_up(cls):
        authority = cls.make_authority()
        own = authority.issue("gateway", ["gateway.test"])
        good = authority.issue("mx", ["mx.good.example", "mx4.several.example"])
        cls.postfix = PostfixServer(cls.workspace,
                                    ["good.example", "several.example", "bare.example", "sender.example"])
        port = cls.postfix.add_smtpd("good", smtpd_tls_security_level="may", **tls_with(good))
        cls.postfix.add_smtpd("clear", address="127.0.0.3", port=port,
                              smtpd_tls_security_level="none")
        cls.postfix.start()
        name_server = NameServer(cls.workspace, """
            good        IN MX 10 mx.good
            mx.good     IN A  127.0.0.1
            sender      IN MX 10 mx.good
            nomail      IN MX 0  .
            bare        IN A  127.0.0.1
            several     IN MX 10 mx1.several
            several     IN MX 20 mx2.several
            several     IN MX 30 mx3.several
            several     IN MX 40 mx4.several
            mx1.several IN A  127.0.0.2
            mx3.several IN A  127.0.0.3
            mx4.several IN A  127.0.0.1
            nowhere     IN MX 10 mx1.several
        """)
        cls.gateway = Gateway(cls.workspace, [own], trust_store=authority.certificate,
                              dns_config=name_server.config, smtp_port=port,
                              connect_timeout="3s").start()

    def test_mx(self):
        self.gateway.ctl("domains", "add", "good.example", "--no-ping", "--level=verify")
        self.gateway.send("a@sender.example", "b@good.example", message("by-mx"))
        self.postfix.wait_for_message("Subject: by-mx")
        entry = self.gateway.wait_for_history(domain="good.example", outcome="delivered")
        self.assertEqual((entry["mx"], entry["entry"]), ("mx.good.example", "good.example"))

    def test_address_where_there_is_no_mx(self):
        """RFC 5321 §5.1: the implicit MX."""
        self.gateway.send("a@sender.example", "b@bare.example", message("by-address"))
        self.postfix.wait_for_message("Subject: by-address")

    def test_the_last_of_several_mx(self):
        """One refuses connections, one has no address, one has no TLS, the fourth is well."""
        self.gateway.ctl("domains", "add", "several.example", "--no-ping", "--level=verify")
        self.gateway.send("a@sender.example", "b@several.example", message("by-fourth"))
        self.postfix.wait_for_message("Subject: by-fourth")
        entry = self.gateway.wait_for_history(domain="several.example", outcome="delivered")
        self.assertEqual(entry["mx"], "mx4.several.example")

    def test_null_mx_bounces(self):
        """RFC 7505."""
        self.gateway.send("null-mx@sender.example", "b@nomail.example", message("to-null-mx"))
        notice = self.postfix.wait_for_message("Delivered-To: null-mx@sender.example").decode()
        self.assertRegex(notice, r"(?m)^Status: 5\.1\.10$")
        self.gateway.wait_for_history(domain="nomail.example", outcome="failed")

    def test_a_domain_that_does_not_exist_bounces(self):
        self.gateway.send("no-domain@sender.example", "b@nosuchdomain.example", message("to-nowhere"))
        notice = self.postfix.wait_for_message("Delivered-To: no-domain@sender.example").decode()
        self.assertRegex(notice, r"(?m)^Status: 5\.1\.2$")

    def test_no_host_that_answers_defers(self):
        self.gateway.send("a@sender.example", "b@nowhere.example", message("to-dead-host"))
        entry = self.gateway.wait_for_history(domain="nowhere.example", outcome="deferred")
        self.assertEqual((entry["stage"], entry["mx"]), ("connect", "mx1.several.example"))
        self.assertEqual(len(self.gateway.queue(domain="nowhere.example")), 1)


if __name__ == "__main__":
    main()
