"""A domain whose TLS fails: its mail waits for the domain, one probe after the other is made in the
place of attempts, and all of it leaves when TLS is as demanded again."""

from e2e_case import E2eCase, main, message
from gateway import Gateway
from next_hops import Wiretap
from postfix import PostfixServer, tls_with
from processes import wait_until

DOMAINS = ("probed", "changed", "pinged", "retried", "stripped")
SECRET = "the-secret-that-must-not-be-read"


class BreakerTest(E2eCase):
    NAME = "breaker"

    @classmethod
    def set_up(cls):
        authority = cls.make_authority()
        cls.own = authority.issue("gateway", ["gateway.test"])
        cls.postfix = PostfixServer(cls.workspace, [f"{name}.test" for name in DOMAINS])
        cls.plain = cls.postfix.add_smtpd("plain", smtpd_tls_security_level="none")
        cls.mended = cls.postfix.add_smtpd(
            "mended", smtpd_tls_security_level="may",
            **tls_with(authority.issue("mended", ["mx.peer.test"])))
        cls.postfix.start()
        cls.taps = {name: Wiretap(cls.workspace, cls.plain) for name in DOMAINS}
        # One that probes soon, and one that would not before the test is over.
        cls.hasty = cls.start("hasty", retry_schedule="2s")
        cls.patient = cls.start("patient", retry_schedule="2h")

    @classmethod
    def start(cls, name, **flags):
        gateway = Gateway(
            cls.workspace, [cls.own], name=name, tls_probe_interval="1h",
            route=[f"{domain}.test=127.0.0.1:{tap.port}" for domain, tap in cls.taps.items()],
            **flags).start()
        for domain in DOMAINS:
            gateway.ctl("domains", "add", f"{domain}.test", "--no-ping")
        return gateway

    def park(self, gateway, name, count):
        """Sends as many, and answers with what waits when all of them do."""
        for number in range(count):
            gateway.send("a@sender.test", f"b@{name}.test", message(f"{name}-{number}.", SECRET))

        def parked():
            found = gateway.queue(domain=f"{name}.test", state="parked")
            return found if len(found) == count else None
        return wait_until(lambda: f"{count} messages to be parked: {gateway.queue()}", parked)

    def assert_all_delivered(self, gateway, name, count):
        gateway.wait_for_history(domain=f"{name}.test", outcome="delivered", count=count)
        for number in range(count):
            self.assertIn(SECRET.encode(),
                          self.postfix.wait_for_message(f"Subject: {name}-{number}."))
        wait_until("the queue to be empty", lambda: not gateway.queue(domain=f"{name}.test"))
        self.taps[name].assert_nothing_in_clear(self, SECRET, f"b@{name}.test", "a@sender.test")

    def probes(self, gateway, name):
        """Those in vain: entries of the domain, of no message."""
        return [entry for entry in gateway.history(domain=f"{name}.test", outcome="check_tls")
                if "message_id" not in entry]

    def test_probed_until_it_is_mended(self):
        gateway, count = self.hasty, 6
        waiting = self.park(gateway, "probed", count)
        self.assertIn("next_probe_at", waiting[0])
        self.assertNotIn("next_try_at", waiting[0])
        summary, = gateway.ctl("queue", "summary", "--domain=probed.test")["destinations"]
        self.assertEqual((summary["parked"], summary["messages"]), (count, count))
        self.assertIn("next_probe_at", summary)
        wait_until("two probes", lambda: len(self.probes(gateway, "probed")) >= 2)
        # After a crash it is as before.
        gateway.kill()
        gateway.start()
        self.assertEqual(len(gateway.queue(domain="probed.test", state="parked")), count)
        before = len(self.probes(gateway, "probed"))
        wait_until("another probe", lambda: len(self.probes(gateway, "probed")) > before)

        connections = self.taps["probed"].connections
        probes = self.probes(gateway, "probed")
        # At most one connection for each message, one for each probe, one for a probe under way, and
        # one for a probe that the crash cut off.
        self.assertLessEqual(connections, count + len(probes) + 2)
        for entry in probes:
            self.assertEqual((entry["heading"], entry["reason"], entry["parked"]),
                             ("Processing: Check TLS", "not_offered", True))
            self.assertIn("next_try_at", entry)
        for part in waiting:
            entry, = gateway.history(message=part["message_id"], outcome="check_tls")
            self.assertTrue(entry["parked"])
        self.taps["probed"].target = self.mended
        self.assert_all_delivered(gateway, "probed", count)

    def test_an_entry_that_changes_lets_its_mail_go(self):
        self.park(self.patient, "changed", 3)
        self.taps["changed"].target = self.mended
        self.patient.ctl("domains", "set", "changed.test", "--no-ping", "note=they mended it")
        self.assert_all_delivered(self.patient, "changed", 3)

    def test_a_ping_that_succeeds_lets_its_mail_go(self):
        self.park(self.patient, "pinged", 3)
        self.assertEqual(self.patient.ctl_raw("ping", "pinged.test").code, 1)
        self.assertEqual(len(self.patient.queue(domain="pinged.test", state="parked")), 3)
        self.taps["pinged"].target = self.mended
        self.patient.ctl("ping", "pinged.test")
        self.assert_all_delivered(self.patient, "pinged", 3)

    def test_a_retry_is_tried_past_the_breaker_and_closes_it(self):
        waiting = self.park(self.patient, "retried", 3)
        chosen = waiting[0]["message_id"]
        self.assertEqual(self.patient.ctl("queue", "retry", chosen)["woken"], 1)
        self.patient.wait_for_history(message=chosen, outcome="check_tls", count=2)
        wait_until("it to wait again", lambda: len(
            self.patient.queue(domain="retried.test", state="parked")) == 3)
        self.taps["retried"].target = self.mended
        self.patient.ctl("queue", "retry", chosen)
        self.assert_all_delivered(self.patient, "retried", 3)

    def test_starttls_that_is_gone_is_suspicious(self):
        tap = self.taps["stripped"]
        tap.target = self.mended
        self.patient.send("a@sender.test", "b@stripped.test", message("stripped-before.", SECRET))
        self.patient.wait_for_history(domain="stripped.test", outcome="delivered")
        # The next one comes over a connection of its own.
        tap.target = self.plain
        tap.disconnect_all()
        self.park(self.patient, "stripped", 1)
        entry = self.patient.history(domain="stripped.test", outcome="check_tls")[-1]
        self.assertEqual(entry["reason"], "not_offered")
        self.assertIn("suspected stripping: STARTTLS was there on ", entry["detail"])
        self.assertIn(" starttls_stripped domain=stripped.test ", self.patient.program.log())
        tap.assert_nothing_in_clear(self, SECRET, "b@stripped.test", "a@sender.test")


if __name__ == "__main__":
    main()
