"""What a running gateway tells Prometheus, and its log: after mail that went, mail that did not, and
peers that say what they should not."""

import contextlib
import json
import pathlib
import re
import smtplib
import socket
import ssl

from e2e_case import E2eCase, main, message
from gateway import Gateway
from next_hops import StallingHop
from postfix import PostfixServer, tls_with
from processes import SOON_SECONDS, wait_until
from prometheus import Scrape, check_promql, missing_from, promtool

TOOLS = pathlib.Path(__file__).resolve().parents[2] / "tools"
# Clears the screen, paints it red, rings, and forges a line of the log.
HOSTILE = b"\x1b[2J\x1b[41m\x07 \xff 2026-01-01T00:00:00.000Z info delivery forged=yes"


class MetricsTest(E2eCase):
    NAME = "metrics"

    @classmethod
    def set_up(cls):
        cls.authority = cls.make_authority()
        cls.own = [cls.authority.issue("ecdsa", ["gateway.test"]),
                   cls.authority.issue("rsa", ["gateway.test"], "rsa")]
        cls.postfix = PostfixServer(cls.workspace, ["secure.test", "sender.test"])
        secure = cls.postfix.add_smtpd("secure", smtpd_tls_security_level="encrypt",
                                       **tls_with(cls.authority.issue("mx", ["mx.secure.test"])))
        cls.postfix.start()
        refusing = StallingHop(cls.workspace, "refuse")
        hostile = StallingHop(cls.workspace, "hostile")
        hostile.words = HOSTILE
        cls.routes = [f"{domain}=127.0.0.1:{port}" for domain, port in [
            ("secure.test", secure), ("sender.test", secure), ("refusing.test", refusing.port),
            ("hostile.test", hostile.port)]]

    def start(self, name, **flags):
        gateway = Gateway(self.workspace, self.own, name=name,
                          trust_store=self.authority.certificate, route=self.routes,
                          **flags).start()
        # A ping would leave a TLS session behind, which the delivery may resume.
        gateway.ctl("domains", "add", "secure.test", "--no-ping", "--level=verify",
                    "--match-names=mx.secure.test")
        gateway.ctl("domains", "add", "refusing.test", "--no-ping")
        return gateway

    def send_over_tls(self, gateway, recipient, subject):
        context = ssl.create_default_context(cafile=str(self.authority.certificate))
        context.check_hostname = False  # the client connects to an address
        with smtplib.SMTP("127.0.0.1", gateway.port, timeout=SOON_SECONDS) as session:
            session.starttls(context=context)
            session.sendmail("a@sender.test", [recipient], message(subject))

    def send_garbage_for_tls(self, gateway):
        """Returns when the gateway has hung up."""
        with socket.create_connection(("127.0.0.1", gateway.port), SOON_SECONDS) as client, \
                client.makefile("rb") as reader:
            client.sendall(b"EHLO x\r\n")
            for line in reader:
                if line.startswith(b"250 "):
                    break
            client.sendall(b"STARTTLS\r\n")
            self.assertEqual(reader.readline()[:4], b"220 ")
            client.sendall(b"this is not TLS\r\n" * 10)
            with contextlib.suppress(ConnectionResetError):  # it need not have read all of it
                reader.read()

    def wait_for_line(self, gateway, pattern):
        """A line of the log that matches; the log is written by a thread of its own."""
        return wait_until(lambda: f"a line {pattern!r} in\n{gateway.program.log()[-6000:]}",
                          lambda: re.search(f"(?m)^.*{pattern}.*$", gateway.program.log()))[0]

    # ---- Figures ----

    def test_figures(self):
        gateway = self.start("figures")
        before = Scrape(gateway)
        before.check()
        self.assertEqual(before.content_type, "text/plain; version=0.0.4; charset=utf-8")
        self.send_over_tls(gateway, "b@secure.test", "metrics-1.")
        gateway.wait_for_history(domain="secure.test", outcome="delivered")
        gateway.send("a@sender.test", "b@refusing.test", message("metrics-2."))
        gateway.wait_for_history(domain="refusing.test", outcome="check_tls")
        self.send_garbage_for_tls(gateway)
        # What the history has is released a moment later.
        wait_until("the message to wait",
                   lambda: Scrape(gateway).total("sluice_queue_messages", state="parked") == 1)
        after = Scrape(gateway)
        after.check()

        def moved(name, **labels):
            return after.total(name, **labels) - before.total(name, **labels)

        for name, labels, by in [
                ("sluice_connections_total", {}, 3),
                ("sluice_messages_accepted_total", {}, 2),
                ("sluice_recipients_delivered_total", {}, 1),
                ("sluice_attempts_tls_deferred_total", {}, 1),
                ("sluice_queue_messages", {"state": "parked"}, 1),
                ("sluice_failures_total", {"direction": "outbound", "kind": "tls"}, 1),
                ("sluice_failures_total", {"direction": "outbound", "reason": "refused"}, 1),
                ("sluice_failures_total", {"direction": "inbound", "kind": "tls"}, 1),
                ("sluice_queue_latency_seconds_count", {}, 1)]:
            with self.subTest(name, **labels):
                self.assertEqual(moved(name, **labels), by)
        for direction, result, by in [("inbound", "full", 1), ("inbound", "resumed", 0),
                                      ("inbound", "failed", 1), ("outbound", "full", 1),
                                      ("outbound", "failed", 0)]:
            with self.subTest(direction, result=result):
                self.assertEqual(moved("sluice_tls_handshake_seconds_count", direction=direction,
                                       result=result), by)
        for stage, by in [("connect", 2), ("banner", 2), ("starttls", 2), ("handshake", 1),
                          ("post_ehlo", 1), ("mail", 1), ("rcpt", 1), ("final", 1)]:
            with self.subTest(stage):
                self.assertEqual(moved("sluice_delivery_stage_seconds_count", stage=stage), by)
        self.assertEqual(after.total("sluice_policy_entries"), 2)
        kinds = {labels["kind"]: value for labels, value
                 in after.series("sluice_certificate_expiry_timestamp_seconds")}
        self.assertEqual(kinds.keys(), {"ecdsa", "rsa"})
        self.assertGreater(min(kinds.values()), after.total("process_start_time_seconds"))
        self.assertGreater(after.total("process_resident_memory_bytes"), 1 << 20)
        self.assert_histograms_hold(after)
        self.assert_tools_ask_for_what_there_is(after)
        gateway.stop()

    def assert_histograms_hold(self, scrape):
        """Each bucket holds those below it, and the last all there are."""
        buckets = {}
        for name, labels, value in scrape.samples:
            if name.endswith("_bucket"):
                rest = tuple(sorted(item for item in labels.items() if item[0] != "le"))
                buckets.setdefault((name, rest), []).append((float(labels["le"]), value))
        self.assertGreater(len(buckets), 10)
        for (name, rest), series in buckets.items():
            self.assertEqual(series, sorted(series), name)
            values = [value for _, value in series]
            self.assertEqual(values, sorted(values), name)
            self.assertEqual(series[-1][0], float("inf"))
            count = scrape.series(name.replace("_bucket", "_count"), **dict(rest))
            self.assertEqual([value for labels, value in count if labels == dict(rest)],
                             values[-1:])

    def assert_tools_ask_for_what_there_is(self, scrape):
        """The dashboard's and the alerts' PromQL is PromQL, and about series that there are."""
        dashboard = json.loads((TOOLS / "grafana/sluice.json").read_text("utf-8"))
        shown = [target["expr"].replace("$__rate_interval", "5m").replace("$instance", ".*")
                 for panel in dashboard["panels"] for target in panel["targets"]]
        self.assertGreater(len(shown), 30)
        check_promql(shown)
        alerts = TOOLS / "prometheus/alerts.yml"
        promtool("check", "rules", alerts)
        self.assertEqual(missing_from(scrape, "sluice_no_such_figure"), ["sluice_no_such_figure{}"])
        for expression in [*shown, alerts.read_text("utf-8")]:
            self.assertEqual(missing_from(scrape, expression), [], expression)

    # ---- The log ----

    def test_one_line_for_each_attempt(self):
        gateway = self.start("text-log")
        self.send_over_tls(gateway, "b@secure.test", "log-1.")
        line = self.wait_for_line(gateway, " info delivery .* domain=secure.test ")
        for words in ("from=a@sender.test to=b@secure.test", "mx=127.0.0.1 ", "tls=TLSv1.3 ",
                      "cipher=TLS_AES_", "verdict=verified entry=secure.test decided_by=entry "
                      "stage=final outcome=delivered delivered=1 deferred=0 failed=0 delay_ms=", 'reply="250 '):
            self.assertIn(words, line)
        gateway.send("a@sender.test", "b@refusing.test", message("log-2."))
        line = self.wait_for_line(gateway, " info delivery .* domain=refusing.test ")
        self.assertIn(" tls=- cipher=- verdict=failed:refused entry=refusing.test decided_by=entry "
                      "stage=starttls outcome=deferred ", line)
        self.assertIn("454 4.7.0 TLS not available", line)
        # Another attempt, another line; and one connection that failed for each.
        wait_until("the message to be woken",
                   lambda: gateway.ctl_raw("queue", "retry", "--all", "--json").json["woken"] == 1)
        gateway.wait_for_history(domain="refusing.test", outcome="check_tls", count=2)
        gateway.stop()
        attempts = re.findall(r"(?m)^.* delivery .* domain=refusing\.test ", gateway.program.log())
        self.assertEqual(len(attempts), len(gateway_lines(gateway, "connection_failed")))
        self.assertEqual(len(attempts), 2)

    def provoke(self, gateway):
        gateway.send("a@sender.test", "b@hostile.test", message("log-3."))
        gateway.wait_for_history(domain="hostile.test")
        with socket.create_connection(("127.0.0.1", gateway.port), SOON_SECONDS) as client:
            for line in (b"EHLO " + HOSTILE, b"EHLO x", b"MAIL FROM:<" + HOSTILE + b"@x.test>",
                         b"MAIL FROM:<a@sender.test>", b'RCPT TO:<"' + HOSTILE + b'"@secure.test>',
                         HOSTILE, b"QUIT"):
                client.sendall(line + b"\r\n")
            while client.recv(65536):
                pass

    def test_nothing_of_the_network_is_printed_raw(self):
        gateway = self.start("hostile-text")
        self.provoke(gateway)
        self.wait_for_line(gateway, " delivery .* domain=hostile.test .*outcome=")
        gateway.stop()
        log = gateway.program.log_path.read_bytes()
        self.assertEqual(re.findall(rb"[^\n\x20-\x7e]", log), [])
        self.assertNotRegex(log, rb"(?m)^[^\"\n]*forged=yes")  # only ever within quotes
        for line in log.splitlines():
            self.assertRegex(line, rb"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z "
                                   rb"(debug|info|warning|error) [a-z_ ]+")

    def test_json(self):
        gateway = self.start("hostile-json", log_format="json")
        self.provoke(gateway)
        self.wait_for_line(gateway, '"event":"delivery".*"domain":"hostile.test"')
        gateway.stop()
        log = gateway.program.log_path.read_bytes()
        self.assertEqual(re.findall(rb"[^\n\x20-\x7e]", log), [])
        lines = [json.loads(line) for line in log.splitlines()]
        for line in lines:
            self.assertEqual(list(line)[:3], ["time", "level", "event"])
        delivery, = [line for line in lines if line["event"] == "delivery"
                     and line["domain"] == "hostile.test"]
        self.assertEqual((delivery["from"], delivery["to"], delivery["outcome"]),
                         ("a@sender.test", "b@hostile.test", "failed"))

    def test_what_a_client_repeats_is_counted(self):
        gateway = self.start("repetition", log_level="info", relay_networks="192.0.2.0/24")
        with gateway.client() as session:
            session.mail("a@sender.test")
            for _ in range(19):  # the 20th error ends a session
                self.assertEqual(session.rcpt("b@elsewhere.test")[0], 554)
        gateway.stop()
        written = len(gateway_lines(gateway, "relay_denied client="))
        held_back = sum(int(count) for count in re.findall(
            r"(?m) relay_denied key=127\.0\.0\.1 repeated=(\d+)$", gateway.program.log()))
        self.assertEqual(written + held_back, 19)
        self.assertGreater(written, 0)
        self.assertGreater(held_back, 0)


def gateway_lines(gateway, event):
    return re.findall(rf"(?m)^\S+ [a-z]+ {event}", gateway.program.log())


if __name__ == "__main__":
    main()
