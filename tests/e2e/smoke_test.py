"""The main job, once: in over STARTTLS, out over enforced TLS, and what cannot go securely waits."""

import smtplib
import ssl

from e2e_case import E2eCase, main, message
from gateway import Gateway
from postfix import PostfixServer, tls_with


class SmokeTest(E2eCase):
    NAME = "smoke"

    @classmethod
    def set_up(cls):
        cls.authority = cls.make_authority()
        own = [cls.authority.issue("ecdsa", ["gateway.test"]),
               cls.authority.issue("rsa", ["gateway.test"], "rsa")]
        cls.postfix = PostfixServer(cls.workspace, ["secure.test", "plain.test"])
        secure = cls.postfix.add_smtpd("secure", smtpd_tls_security_level="encrypt",
                                       **tls_with(cls.authority.issue("mx", ["mx.secure.test"])))
        plain = cls.postfix.add_smtpd("plain", smtpd_tls_security_level="none")
        cls.postfix.start()
        cls.gateway = Gateway(
            cls.workspace, own, trust_store=cls.authority.certificate,
            route=[f"secure.test=127.0.0.1:{secure}", f"plain.test=127.0.0.1:{plain}"]).start()

    def send_over_tls(self, recipients, subject, size=10):
        context = ssl.create_default_context(cafile=str(self.authority.certificate))
        context.check_hostname = False  # the client connects to an address
        with smtplib.SMTP("127.0.0.1", self.gateway.port, timeout=30) as session:
            session.starttls(context=context)
            session.sendmail("a@secure.test", recipients,
                             message(subject, ("x" * 70 + "\r\n") * size))

    def test_main_job(self):
        ctl = self.gateway.ctl
        ctl("domains", "add", "secure.test", "--no-ping", "--level=verify",
            "--match-names=mx.secure.test")
        ctl("domains", "add", "plain.test", "--no-ping")
        for number in range(20):
            self.send_over_tls(["b@secure.test"], f"secure-{number}.", size=number * 100)
        self.send_over_tls(["b@secure.test", "b@plain.test"], "mixed", size=20000)
        for number in range(20):
            self.postfix.wait_for_message(f"Subject: secure-{number}.")
        self.postfix.wait_for_message("Subject: mixed")

        entry = self.gateway.wait_for_history(domain="plain.test", outcome="check_tls")
        self.assertEqual((entry["stage"], entry["reason"]), ("starttls", "not_offered"))
        waiting, = self.gateway.queue(domain="plain.test")
        self.assertEqual(ctl("queue", "retry", "--all")["woken"], 1)
        self.gateway.wait_for_history(domain="plain.test", outcome="check_tls", count=2)
        self.assertEqual(self.gateway.ctl_raw("ping", "secure.test").code, 0)
        self.assertEqual(self.gateway.ctl_raw("ping", "plain.test").code, 1)

        self.gateway.restart()
        after, = self.gateway.queue(domain="plain.test")
        self.assertEqual(after["message_id"], waiting["message_id"])
        ctl("domains", "remove", "plain.test")
        self.gateway.wait_for_history(domain="plain.test", outcome="delivered")
        ctl("reload")
        self.gateway.stop()


if __name__ == "__main__":
    main()
