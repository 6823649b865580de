"""Next hops that cannot be reached as the list demands: whatever is wrong, nothing goes in clear,
the history says what it was, the retry has a time, and the message leaves as soon as the hop is
mended and it is tried again."""

import datetime

from e2e_case import E2eCase, main, message
from gateway import Gateway
from next_hops import StallingHop, Wiretap
from postfix import PostfixServer, SmtpSink, tls_1_1_only, tls_with
from processes import wait_until

SECRET = "the-secret-that-must-not-be-read"

# Fault -> level of the entry, and the stage and reasons that the history must give.
FAULTS = {
    "no-starttls": ("encrypt", "starttls", {"not_offered"}),
    "refuse": ("encrypt", "starttls", {"refused"}),
    "tls-1-1": ("encrypt", "handshake", {"version"}),
    "not-approved": ("encrypt", "handshake", {"alert", "cipher"}),
    "untrusted": ("verify", "verify", {"untrusted"}),
    "wrong-name": ("verify", "verify", {"name_mismatch"}),
    "not-its-domain": ("secure", "verify", {"name_mismatch"}),
    "expired": ("verify", "verify", {"expired_certificate"}),
    "other-fingerprint": ("fingerprint", "verify", {"fingerprint_mismatch"}),
    "too-old-for-entry": ("encrypt", "handshake", {"version"}),
    "starttls": ("encrypt", "starttls", {"handshake_timeout"}),
    "handshake": ("encrypt", "handshake", {"handshake_timeout"}),
    "mid-handshake": ("encrypt", "handshake", {"handshake_timeout"}),
    "inject": ("encrypt", "starttls", {"plaintext_injected"}),
    "garbage": ("encrypt", "handshake", {"protocol"}),
    "hang-up": ("encrypt", "handshake", {"closed"}),
}
# Faults that have nothing to do with TLS: the mail waits in the same way, under another heading.
OTHER_FAULTS = {"banner": "banner", "ehlo": "ehlo"}


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


class FaultsTest(E2eCase):
    NAME = "faults"

    @classmethod
    def set_up(cls):
        authority = cls.make_authority()
        own = authority.issue("gateway", ["gateway.test"])
        good = authority.issue("good", ["mx.peer.test"])
        domains = [f"{fault}.test" for fault in (*FAULTS, *OTHER_FAULTS)]
        cls.postfix = PostfixServer(cls.workspace, [*domains, "sender.test"])
        add = cls.postfix.add_smtpd
        # Where the good certificate will do for the level, the mended hop has it.
        cls.mended = add("mended", smtpd_tls_security_level="may",
                         **tls_with(authority.issue("mended", [
                             "mx.peer.test", "not-its-domain.test"])))
        plain = add("plain", smtpd_tls_security_level="none")
        # Fault of the certificate -> the one that is shown.
        cls.shown = {
            "untrusted": authority.self_signed("self-signed", ["mx.peer.test"]),
            "wrong-name": authority.issue("wrong-name", ["mx.other.test"]),
            "not-its-domain": good,
            "expired": authority.issue("expired", ["mx.peer.test"], expired=True),
            "other-fingerprint": good,
        }
        port_of = {
            "no-starttls": plain,
            "tls-1-1": add("tls-1-1", smtpd_tls_security_level="may",
                           **tls_with(good, **tls_1_1_only())),
            "not-approved": add("not-approved", smtpd_tls_security_level="may", **tls_with(
                good, smtpd_tls_protocols="TLSv1.2", smtpd_tls_ciphers="high",
                tls_high_cipherlist="CHACHA20")),
            **{fault: add(fault, smtpd_tls_security_level="may", **tls_with(credential))
               for fault, credential in cls.shown.items()},
            "too-old-for-entry": add("too-old", smtpd_tls_security_level="may",
                                     **tls_with(good, smtpd_tls_protocols="TLSv1.2")),
        }
        cls.postfix.start()
        for fault in (*FAULTS, *OTHER_FAULTS):
            if fault not in port_of:
                port_of[fault] = StallingHop(cls.workspace, fault).port
        cls.taps = {fault: Wiretap(cls.workspace, port) for fault, port in port_of.items()}
        cls.gateway = Gateway(
            cls.workspace, [own], trust_store=authority.certificate,
            route=[*(f"{fault}.test=127.0.0.1:{tap.port}" for fault, tap in cls.taps.items()),
                   f"sender.test=127.0.0.1:{plain}"],
            tls_handshake_timeout="2s", smtp_reply_timeout="3s").start()
        cls.gateway.ctl("domains", "import", "-", "--format=csv", stdin=cls.entries(
            mended_fingerprint=authority.issue("spare", ["mx.peer.test"]).fingerprint()))

    @classmethod
    def entries(cls, mended_fingerprint):
        rows = ["pattern,level,match_names,fingerprints,minimum_version"]
        for fault in (*FAULTS, *OTHER_FAULTS):
            level = FAULTS[fault][0] if fault in FAULTS else "encrypt"
            rows.append(",".join([
                f"{fault}.test", level, "mx.peer.test" if level == "verify" else "",
                mended_fingerprint if level == "fingerprint" else "",
                "1.3" if fault == "too-old-for-entry" else "1.2"]))
        return "\n".join(rows) + "\n"

    # ---- One fault, from acceptance to delivery ----

    def send_to(self, fault):
        self.gateway.send("a@sender.test", f"b@{fault}.test", message(f"to-{fault}.", SECRET))

    def assert_waits(self, fault, entry):
        """In the queue, with a time for the next try that is the timetable's, ±15 %."""
        waiting, = self.gateway.queue(domain=f"{fault}.test")
        self.assertEqual(waiting["message_id"], entry["message_id"])
        # Where TLS is what fails, it does not wait for a time but for a probe of its domain.
        self.assertEqual(waiting["state"], "parked" if fault in FAULTS else "waiting")
        self.assertEqual(waiting["attempts"], 1)
        wait = (moment(entry["next_try_at"]) - moment(entry["at"])).total_seconds()
        self.assertGreaterEqual(wait, 0.84 * 300)
        self.assertLessEqual(wait, 1.16 * 300)
        kept = moment(waiting["deadline_at"]) - moment(waiting["accepted_at"])
        self.assertEqual(kept, datetime.timedelta(days=7))
        self.taps[fault].assert_nothing_in_clear(self, SECRET, f"b@{fault}.test", "a@sender.test")

    def assert_leaves_when_mended(self, fault, entry):
        self.taps[fault].target = self.mended
        answer = self.gateway.ctl("queue", "retry", entry["message_id"])
        self.assertEqual(answer["woken"], 1)
        self.assert_delivered(fault, entry)

    def assert_delivered(self, fault, entry):
        delivered = self.gateway.wait_for_history(message=entry["message_id"], outcome="delivered")
        self.assertEqual(delivered["attempt"], entry["attempt"] + 1)
        self.assertIn(delivered["tls_version"], ("TLSv1.2", "TLSv1.3"))
        self.assertIn(SECRET.encode(), self.postfix.wait_for_message(f"Subject: to-{fault}."))
        self.assertEqual(self.gateway.queue(domain=f"{fault}.test"), [])
        self.taps[fault].assert_nothing_in_clear(self, SECRET, f"b@{fault}.test", "a@sender.test")

    def check_fault(self, fault):
        _, stage, reasons = FAULTS[fault]
        self.send_to(fault)
        entry = self.gateway.wait_for_history(domain=f"{fault}.test", outcome="check_tls")
        self.assertEqual(entry["heading"], "Processing: Check TLS")
        self.assertIn((entry["stage"], entry["reason"]), {(stage, reason) for reason in reasons},
                      entry)
        self.assertEqual(
            (entry["direction"], entry["sender"], entry["recipients"], entry["entry"],
             entry["attempt"]),
            ("outbound", "a@sender.test", [f"b@{fault}.test"], f"{fault}.test", 1))
        self.assertEqual(entry["address"], f"127.0.0.1:{self.taps[fault].port}")
        self.assert_says_what_was_seen(fault, entry)
        self.assert_waits(fault, entry)
        return entry

    def assert_says_what_was_seen(self, fault, entry):
        """Version, cipher and certificate, where the handshake came that far; else none of them."""
        if fault in self.shown:
            self.assertEqual(entry["tls_version"], "TLSv1.3")
            self.assertRegex(entry["cipher"], "^TLS_AES_(128|256)_GCM_SHA(256|384)$")
            self.assertRegex(entry["certificate"], r"^CN=mx\.(peer|other)\.test\b")
            self.assertTrue(entry["certificate"].endswith(
                f" SHA-256 {self.shown[fault].fingerprint()}"), entry)
        else:
            self.assertEqual(
                [name for name in ("tls_version", "cipher", "certificate") if name in entry], [])

    def test_not_offered(self):
        entry = self.check_fault("no-starttls")
        german, = self.gateway.history(message=entry["message_id"], lang="de")
        self.assertEqual(german["heading"], "Verarbeitung läuft: TLS prüfen")
        self.assertIn("Verarbeitung läuft: TLS prüfen",
                      self.gateway.text("history", "--domain=no-starttls.test", "--lang=de"))
        self.assert_leaves_when_mended("no-starttls", entry)

    def test_refused(self):
        entry = self.check_fault("refuse")
        self.assertIn("454 4.7.0 TLS not available", entry["detail"])
        self.assert_leaves_when_mended("refuse", entry)

    def test_tls_1_1_only(self):
        self.assert_leaves_when_mended("tls-1-1", self.check_fault("tls-1-1"))

    def test_below_the_version_of_the_entry(self):
        self.assert_leaves_when_mended("too-old-for-entry", self.check_fault("too-old-for-entry"))

    def test_no_approved_cipher(self):
        self.assert_leaves_when_mended("not-approved", self.check_fault("not-approved"))

    def test_untrusted_certificate(self):
        entry = self.check_fault("untrusted")
        self.assertRegex(entry["handshake"], r"^> ClientHello, (.*\n)+< Certificate, (.*\n)+"
                                             r"> alert fatal: unknown CA\n$")
        self.assertIn("> alert fatal: unknown CA", self.gateway.text(
            "history", f"--message={entry['message_id']}", "--outcome=check_tls"))
        self.assert_leaves_when_mended("untrusted", entry)

    def test_wrong_name(self):
        entry = self.check_fault("wrong-name")
        self.assertIn("mx.other.test", entry["detail"])
        self.assert_leaves_when_mended("wrong-name", entry)

    def test_wrong_name_under_secure(self):
        self.assert_leaves_when_mended("not-its-domain", self.check_fault("not-its-domain"))

    def test_expired_certificate(self):
        self.assert_leaves_when_mended("expired", self.check_fault("expired"))

    def test_other_fingerprint_until_the_entry_is_changed(self):
        """Not the hop is mended, but what the list demands of it."""
        fault = "other-fingerprint"
        entry = self.check_fault(fault)
        seen = entry["certificate"].rsplit(" ", 1)[1]  # as an administrator would take it over
        self.gateway.ctl("domains", "set", f"{fault}.test", "--no-ping", f"fingerprints={seen}")
        self.assert_delivered(fault, entry)

    def test_stall_at_starttls(self):
        self.assert_leaves_when_mended("starttls", self.check_fault("starttls"))

    def test_stall_in_the_handshake(self):
        self.assert_leaves_when_mended("handshake", self.check_fault("handshake"))

    def test_stall_within_a_record(self):
        self.assert_leaves_when_mended("mid-handshake", self.check_fault("mid-handshake"))

    def test_plaintext_behind_the_220(self):
        self.assert_leaves_when_mended("inject", self.check_fault("inject"))

    def test_answer_that_is_not_tls(self):
        self.assert_leaves_when_mended("garbage", self.check_fault("garbage"))

    def test_closed_in_the_handshake(self):
        self.assert_leaves_when_mended("hang-up", self.check_fault("hang-up"))

    def test_stalls_before_starttls(self):
        for fault, stage in OTHER_FAULTS.items():
            with self.subTest(fault):
                self.send_to(fault)
                entry = self.gateway.wait_for_history(domain=f"{fault}.test", outcome="deferred")
                self.assertEqual(entry["stage"], stage)
                if fault == "banner":  # nothing at all is said to one who says nothing
                    self.assertEqual(self.taps[fault].sent(), b"")
                    self.taps[fault].target = self.mended
                else:
                    self.assert_waits(fault, entry)
                self.assert_leaves_when_mended(fault, entry)


class ExpiryTest(E2eCase):
    """Seven days in seconds: what cannot be sent is deleted, and the history says so."""

    NAME = "expiry"

    @classmethod
    def set_up(cls):
        cls.own = cls.make_authority().issue("gateway", ["gateway.test"])
        cls.sink = SmtpSink(cls.workspace)

    def start(self, name, action):
        gateway = Gateway(
            self.workspace, [self.own], name=name, queue_lifetime="3s", retry_schedule="1s",
            tls_expiry_action=action,
            # Nobody listens on the port that is reserved and no more.
            route=[f"*=127.0.0.1:{self.sink.port}",
                   f"dead.test=127.0.0.1:{self.workspace.reserve_port()}"]).start()
        gateway.ctl("domains", "add", "enforced.test", "--no-ping")
        self.addCleanup(gateway.kill)
        return gateway

    def notices(self, recipient):
        wanted = f"X-Rcpt-Args: <{recipient}>".encode()
        return [text.decode("latin-1") for text in self.sink.messages() if wanted in text]

    def expire(self, gateway, sender, recipient, outcome):
        gateway.send(sender, recipient, message(f"from-{sender}", SECRET))
        domain = recipient.split("@")[1]
        entry = gateway.wait_for_history(domain=domain, outcome=outcome)
        self.assertEqual((entry["sender"], entry["recipients"]), (sender, [recipient]))
        self.assertEqual(gateway.queue(domain=domain), [])
        return entry

    def test_bounce(self):
        gateway = self.start("bouncing", "bounce")
        entry = self.expire(gateway, "told@sender.test", "b@enforced.test", "deleted_tls_policy")
        self.assertEqual(entry["heading"], "Deleted because of TLS policy")
        tried = gateway.history(domain="enforced.test", outcome="check_tls")
        self.assertGreaterEqual(len(tried), 2, "its domain was probed on the way")
        notice = wait_until("the notification", lambda: self.notices("told@sender.test"))[0]
        self.assertRegex(notice, r"(?m)^Final-Recipient: rfc822; ?b@enforced\.test$")
        self.assertRegex(notice, r"(?m)^Action: failed$")
        self.assertRegex(notice, r"(?m)^Status: [45]\.7\.\d+$")
        self.assertRegex(notice, r"(?m)^X-Mail-Args: <>")
        self.assertNotIn(SECRET, notice)

    def test_delete(self):
        gateway = self.start("deleting", "delete")
        self.expire(gateway, "untold@sender.test", "b@enforced.test", "deleted_tls_policy")
        # What has nothing to do with TLS policy is bounced all the same, and later: when that
        # notice is there, the other would be too.
        self.expire(gateway, "unlucky@sender.test", "b@dead.test", "expired")
        notice = wait_until("the notification", lambda: self.notices("unlucky@sender.test"))[0]
        self.assertRegex(notice, r"(?m)^Status: 4\.4\.\d+$")
        self.assertEqual(self.notices("untold@sender.test"), [])

    def test_never_to_the_null_sender(self):
        gateway = self.start("null", "bounce")
        gateway.send("", "b@enforced.test", message("from-nobody", SECRET))
        gateway.wait_for_history(domain="enforced.test", outcome="deleted_tls_policy")
        gateway.wait_for_empty_queue()
        self.assertEqual(self.notices(""), [])
        self.assertEqual(gateway.ctl("status")["queue"]["messages"], 0)


if __name__ == "__main__":
    main()
