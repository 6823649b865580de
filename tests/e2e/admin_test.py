"""What an administrator does with a running gateway, through sluicectl and signals."""

import json
import os
import re
import signal
import smtplib
import socket
import subprocess

from e2e_case import E2eCase, main, message
from gateway import Gateway, sluiced
from openssl_client import OpensslClient
from postfix import PostfixServer, SmtpSink, tls_with
from processes import SOON_SECONDS, binary, run, wait_until


def refuses_connections(port):
    """Whether the listening socket is gone. A reset says that it went while it was being asked: ask again."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=SOON_SECONDS).close()
        return False
    except ConnectionResetError:
        return False
    except ConnectionRefusedError:
        return True


class ListTest(E2eCase):
    """The enforced-TLS list, and what it means for a domain."""

    NAME = "list"

    @classmethod
    def set_up(cls):
        cls.authority = cls.make_authority()
        cls.own = cls.authority.issue("gateway", ["gateway.test"])
        good = cls.authority.issue("good", ["mx.peer.test"])
        cls.postfix = PostfixServer(cls.workspace, ["valid.test", "invalid.test"])
        tls = cls.postfix.add_smtpd("tls", smtpd_tls_security_level="may", **tls_with(good))
        plain = cls.postfix.add_smtpd("plain", smtpd_tls_security_level="none")
        cls.postfix.start()
        cls.gateway = Gateway(
            cls.workspace, [cls.own], trust_store=cls.authority.certificate,
            route=[f"valid.test=127.0.0.1:{tls}", f"invalid.test=127.0.0.1:{plain}"]).start()
        cls.ctl = cls.gateway.ctl

    def test_life_of_an_entry(self):
        added = self.ctl("domains", "add", "*.Life.test", "--no-ping", "--level=verify",
                         "--match-names=mx.life.test,.life.test", "--note=asked for by J.")
        self.assertEqual(added["entry"]["pattern"], "*.life.test")
        shown = self.ctl("domains", "show", "*.life.test")
        self.assertEqual((shown["level"], shown["mode"], shown["direction"], shown["match_names"],
                          shown["minimum_version"], shown["inbound_action"], shown["note"]),
                         ("verify", "enforce", "both", ["mx.life.test", ".life.test"], "1.2",
                          "defer", "asked for by J."))
        self.assertEqual(shown["created"]["by"], "root")

        changed = self.ctl("domains", "set", "*.life.test", "--no-ping", "level=secure",
                           "mode=monitor")
        self.assertIn("level: verify -> secure", changed["difference"])
        self.assertGreater(changed["entry"]["generation"], shown["generation"])

        found = self.ctl("domains", "search", "asked for")["entries"]
        self.assertEqual([entry["pattern"] for entry in found], ["*.life.test"])
        listed = self.ctl("domains", "list", "--mode=monitor")["entries"]
        self.assertIn("*.life.test", [entry["pattern"] for entry in listed])
        for words in (["domains", "list"], ["domains", "show", "*.life.test"]):
            self.assertIn("secure", self.gateway.text(*words))

        self.ctl("domains", "remove", "*.life.test")
        self.assertEqual(self.gateway.ctl_raw("domains", "show", "*.life.test").code, 1)
        self.assertEqual(self.gateway.ctl_raw("domains", "search", "asked for").code, 1)

    def test_refusals_say_what_would_do(self):
        for words, code, text in [
                (["domains", "add", "a..b.test"], 1, "empty label"),
                (["domains", "add", "ok.test", "--level=strict"], 1, "verify"),
                (["domains", "add", "ok.test", "--level=fingerprint"], 1, "fingerprint"),
                (["domains", "remove", "not-there.test"], 1, "not-there.test"),
                (["domains", "set", "not-there.test", "level=verify"], 1, "not-there.test"),
                (["domains", "frobnicate"], 2, "add, list"),
                (["domains", "add"], 2, "usage"),
                (["queue", "show", "no-such-id"], 1, "19 digits and letters")]:
            with self.subTest(" ".join(words)):
                answer = self.gateway.ctl_raw(*words)
                self.assertEqual(answer.code, code, answer)
                self.assertIn(text, answer.err)
        self.ctl("domains", "add", "twice.test", "--no-ping")
        self.assertIn("twice.test", self.gateway.ctl_raw("domains", "add", "twice.test",
                                                         "--no-ping").err)

    def test_no_daemon(self):
        done = run([binary("sluicectl"), "status", "--control_socket=/tmp/no-such-sluice.sock"])
        self.assertEqual(done.returncode, 3)
        self.assertIn("start sluiced", done.stdout)

    def test_import_and_export(self):
        file = self.workspace.path / "list.csv"
        file.write_text("pattern,level,note\nfile-1.test,verify,\"one, two\"\n"
                        ".file-2.test,,\n", "utf-8")
        dry = self.ctl("domains", "import", file, "--dry-run")
        self.assertEqual((dry["dry_run"], dry["added"]), (True, 2))
        self.assertEqual(self.gateway.ctl_raw("domains", "show", "file-1.test").code, 1)
        self.assertEqual(self.ctl("domains", "import", file)["added"], 2)
        again = self.ctl("domains", "import", file)
        self.assertEqual((again["added"], again["changed"], again["removed"]), (0, 0, 0))

        exported = self.gateway.text("domains", "export")
        self.assertIn('file-1.test,both,enforce,verify,,,1.2,defer,,,"one, two"', exported)
        back = self.ctl("domains", "import", "-", "--replace", stdin=exported)
        self.assertEqual((back["added"], back["changed"], back["removed"]), (0, 0, 0),
                         "an export is the list")
        entries = json.loads(self.gateway.text("domains", "export", "--format=json"))
        self.assertIn(".file-2.test", [entry["pattern"] for entry in entries])
        self.ctl("domains", "remove", "file-1.test", ".file-2.test")

    def test_a_bad_file_changes_nothing_and_every_fault_is_told(self):
        rows = "pattern,level\ngood-row.test,verify\nbad..row.test,\nx.test,strict\n"
        answer = self.gateway.ctl_raw("domains", "import", "-", stdin=rows)
        self.assertEqual(answer.code, 1)
        self.assertIn("line 3", answer.err)
        self.assertIn("line 4", answer.err)
        self.assertEqual(self.gateway.ctl_raw("domains", "show", "good-row.test").code, 1)

    def test_explain(self):
        self.ctl("domains", "add", ".explain.test", "--no-ping", "--level=secure")
        self.ctl("domains", "add", "out.explain.test", "--no-ping", "--direction=outbound",
                 "--mode=off")
        answer = self.ctl("domains", "explain", "User@Out.Explain.test")
        self.assertEqual(answer["domain"], "out.explain.test")
        deciding = {way: [candidate["pattern"] for candidate in answer[way]["candidates"]
                          if candidate["decides"]] for way in ("inbound", "outbound")}
        self.assertEqual(deciding, {"inbound": [".explain.test"], "outbound": ["out.explain.test"]})
        self.assertIn(".explain.test", self.gateway.text("domains", "explain", "explain.test"))

    def test_ping_valid(self):
        self.ctl("domains", "add", "valid.test", "--no-ping", "--level=verify",
                 "--match-names=mx.peer.test")
        answer = self.ctl("ping", "valid.test")
        self.assertEqual((answer["verdict"], answer["level"]), ("valid", "verify"))
        target, = answer["targets"]
        self.assertEqual((target["valid"], target["tls_version"]), (True, "TLSv1.3"))
        self.assertIn("DNS:mx.peer.test", target["certificate"]["names"])
        self.assertIn(target["certificate"]["days_left"], (19, 20))
        self.assertIn("last_ping", self.ctl("domains", "show", "valid.test"))
        self.assertEqual(self.postfix.messages_with("valid.test"), [])

    def test_ping_invalid(self):
        self.ctl("domains", "add", "invalid.test", "--no-ping")
        answer = self.gateway.ctl_raw("ping", "invalid.test", "--json")
        self.assertEqual(answer.code, 1)
        target, = answer.json["targets"]
        self.assertEqual((target["valid"], target["stage"], target["reason"]),
                         (False, "starttls", "not_offered"))
        self.assertIn("STARTTLS", target["hint"])
        self.assertIn("INVALID", self.gateway.ctl_raw("ping", "invalid.test").out)


class QueueTest(E2eCase):
    """Queue, history, certificates, status; and what outlives a restart."""

    NAME = "queue"

    @classmethod
    def set_up(cls):
        authority = cls.make_authority()
        cls.own = [authority.issue("ecdsa", ["gateway.test", "smtp.gateway.test"]),
                   authority.issue("rsa", ["gateway.test"], "rsa")]
        cls.sink = SmtpSink(cls.workspace)
        cls.gateway = Gateway(cls.workspace, cls.own,
                              route=[f"*=127.0.0.1:{cls.sink.port}"]).start()
        cls.ctl = cls.gateway.ctl
        cls.ctl("domains", "add", "*", "--direction=outbound")
        cls.ctl("domains", "add", "open.test", "--mode=off")

    def queued(self, name):
        """A message that waits; its entry in the queue."""
        self.gateway.send(f"{name}@sender.test", f"{name}@{name}.test", message(name))
        self.gateway.wait_for_history(domain=f"{name}.test", outcome="check_tls")
        waiting, = self.gateway.queue(domain=f"{name}.test")
        return waiting

    def test_list_and_show(self):
        waiting = self.queued("shown")
        self.assertEqual((waiting["sender"], waiting["destination"], waiting["attempts"]),
                         ("shown@sender.test", "shown.test", 1))
        failure = waiting["last_failure"]
        self.assertEqual((failure["stage"], failure["reason"]), ("starttls", "not_offered"))
        self.assertEqual(self.gateway.queue(sender="shown@sender.test"), [waiting])
        self.assertEqual(self.gateway.queue(recipient="nobody@shown.test"), [])
        shown = self.ctl("queue", "show", waiting["message_id"])
        self.assertEqual(shown["parts"][0]["recipients"][0]["address"], "shown@shown.test")
        self.assertRegex(shown["header"], r"^Received: (.*\r\n)+$")
        self.assertIn("\nHeader:\n  Received: ",
                      self.gateway.text("queue", "show", waiting["message_id"]))
        for words in (["queue", "list"], ["queue", "show", waiting["message_id"]]):
            self.assertIn("not_offered", self.gateway.text(*words))

    def test_delete(self):
        waiting = self.queued("deleted")
        self.ctl("queue", "delete", waiting["message_id"], "--reason=asked for")
        self.assertEqual(self.gateway.queue(domain="deleted.test"), [])
        entry = self.gateway.wait_for_history(message=waiting["message_id"], outcome="deleted")
        self.assertIn("asked for", entry["detail"])
        self.assertIn("root", entry["detail"])
        self.assertEqual(self.gateway.ctl_raw("queue", "show", waiting["message_id"]).code, 1)

    def test_retry_names_exactly_one_thing(self):
        self.assertEqual(self.gateway.ctl_raw("queue", "retry").code, 2)
        self.assertEqual(self.gateway.ctl_raw("queue", "retry", "--domain=nothing.test").code, 1)

    def test_history_filters(self):
        waiting = self.queued("filtered")
        history = self.gateway.history
        for filters in ({"domain": "filtered.test"}, {"message": waiting["message_id"]},
                        {"sender": "filtered@sender.test"}, {"recipient": "filtered@filtered.test"}):
            with self.subTest(filters):
                found = history(**filters, outcome="check_tls", since="1h")
                self.assertEqual([entry["message_id"] for entry in found],
                                 [waiting["message_id"]])
        self.assertEqual(history(domain="filtered.test", until="1h"), [])
        self.assertEqual(history(domain="filtered.test", outcome="delivered"), [])
        self.assertEqual(self.gateway.ctl_raw("history", "--outcome=lost").code, 1)
        self.assertEqual(self.gateway.ctl_raw("history", "--since=yesterday").code, 2)

    def test_history_follow(self):
        follower = self.workspace.start(
            "follow", [binary("sluicectl"), "history", "--follow", "--json",
                       "--domain=followed.test", f"--control_socket={self.gateway.socket}"])
        waiting = self.queued("followed")
        line = wait_until("the follower's line", lambda: follower.log().splitlines())[0]
        self.assertEqual(json.loads(line)["message_id"], waiting["message_id"])
        self.ctl("queue", "retry", waiting["message_id"])
        wait_until("the second attempt's line", lambda: len(follower.log().splitlines()) == 2)
        follower.kill()

    def test_certificates(self):
        ecdsa, rsa = self.ctl("certificate", "show")["certificates"]
        self.assertEqual((ecdsa["common_name"], ecdsa["subject_alternative_names"]),
                         ("gateway.test", ["DNS:gateway.test", "DNS:smtp.gateway.test"]))
        self.assertEqual(ecdsa["organization"], "Sluice tests")
        self.assertIn("Berlin", ecdsa["location"])
        self.assertIn("Sluice test CA", ecdsa["issuer"])
        self.assertEqual(ecdsa["fingerprint_sha256"].replace(":", "").lower(),
                         self.own[0].fingerprint())
        self.assertRegex(ecdsa["key"], "P-256")
        self.assertRegex(rsa["key"], "2048")
        serial = run(["openssl", "x509", "-noout", "-serial", "-in",
                      str(self.own[0].certificate)]).stdout.strip().split("=")[1]
        self.assertEqual(ecdsa["serial_number"].replace(":", "").lower().lstrip("0"),
                         serial.lower().lstrip("0"))
        self.assertIn("gateway.test", self.gateway.text("certificate", "show"))

    def test_status(self):
        with self.gateway.client():
            status = self.ctl("status")
            self.assertEqual(status["hostname"], "gateway.test")
            self.assertEqual(status["listeners"], [f"127.0.0.1:{self.gateway.port}"])
            self.assertEqual(len(status["cores"]), Gateway.CORES)
            self.assertGreaterEqual(status["total"]["sessions"], 1)
        self.assertIn("gateway.test", self.gateway.text("status"))

    def test_a_restart_keeps_list_queue_and_history(self):
        waiting = self.queued("kept")
        self.gateway.restart()
        after, = self.gateway.queue(domain="kept.test")
        for member in ("message_id", "recipients", "attempts", "accepted_at", "deadline_at",
                       "size_bytes"):
            self.assertEqual(after[member], waiting[member], member)
        self.assertEqual(self.ctl("domains", "show", "open.test")["mode"], "off")
        entry, = self.gateway.history(message=waiting["message_id"])
        self.assertEqual(entry["outcome"], "check_tls")
        self.ctl("domains", "add", "kept.test", "--no-ping", "--mode=off")
        self.sink.wait_for_message("Subject: kept")


class LifeTest(E2eCase):
    """Starting, reloading, stopping."""

    NAME = "life"

    @classmethod
    def set_up(cls):
        cls.authority = cls.make_authority()
        cls.sink = SmtpSink(cls.workspace)

    def gateway(self, name, **flags):
        own = self.authority.issue(name, ["gateway.test"])
        gateway = Gateway(self.workspace, [own], name=name,
                          route=[f"*=127.0.0.1:{self.sink.port}"], **flags)
        self.addCleanup(lambda: gateway.program and gateway.kill())
        return gateway

    def test_reload_drops_no_session(self):
        gateway = self.gateway("reloaded").start()
        before = gateway.ctl("certificate", "show")["certificates"][0]["fingerprint_sha256"]
        with OpensslClient(gateway.port, self.authority) as session:
            self.assertRegex(session.command("EHLO client.test"), "^250")
            renewed = self.authority.issue("reloaded", ["gateway.test"])  # the same files
            gateway.ctl("reload")
            after = gateway.ctl("certificate", "show")["certificates"][0]["fingerprint_sha256"]
            self.assertNotEqual(before, after)
            self.assertRegex(session.send_message("a@x.test", "b@y.test", "over-old"), "^250")
        shown = run(["openssl", "s_client", "-starttls", "smtp", "-connect",
                     f"127.0.0.1:{gateway.port}"]).stdout
        served = subprocess.run(["openssl", "x509", "-noout", "-fingerprint", "-sha256"],
                                input=shown, stdout=subprocess.PIPE, encoding="latin-1",
                                timeout=SOON_SECONDS, check=True).stdout
        self.assertEqual(served.strip().split("=")[1].replace(":", "").lower(),
                         renewed.fingerprint())

        renewed.certificate.write_text("no certificate", "ascii")
        refused = gateway.ctl_raw("reload")
        self.assertEqual(refused.code, 1)
        self.assertIn(str(renewed.certificate), refused.err)
        self.assertEqual(gateway.ctl("certificate", "show")["certificates"][0]
                         ["fingerprint_sha256"], after, "what was served stays")

    def test_check_reports_every_fault(self):
        flags = self.workspace.path / "bad.flags"
        flags.write_text(
            "--listen=127.0.0.1:notaport\n--tls_certificate=/nonexistent/cert.pem\n"
            "--tls_private_key=/nonexistent/key.pem\n--relay_networks=10.0.0.0/99\n"
            "--route=example.test\n--retry_schedule=soon\n--default_tls_level=maybe\n"
            "--tls_expiry_action=shrug\n--tls_ciphers=RC4\n--max_message_size=-1\n"
            f"--data_dir={self.workspace.path}/check-data\n", "ascii")
        done = sluiced("--check", f"--flagfile={flags}")
        self.assertNotEqual(done.returncode, 0)
        for name in ("listen", "tls_certificate", "relay_networks", "route", "retry_schedule",
                     "default_tls_level", "tls_expiry_action", "tls_ciphers", "max_message_size"):
            with self.subTest(name):
                self.assertIn(f"--{name}", done.stdout)
        self.assertFalse(os.path.exists(f"{self.workspace.path}/check-data"))

    def test_check_accepts_a_good_file_beside_a_running_daemon(self):
        gateway = self.gateway("checked").start()
        done = sluiced("--check", f"--flagfile={gateway.flagfile}")
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_two_daemons_on_one_store(self):
        first = self.gateway("first").start()
        second = self.gateway("second", data_dir=first.flags["data_dir"])
        second.start(wait=False)
        self.assertNotEqual(second.program.wait(), 0)
        self.assertIn(str(first.flags["data_dir"]), second.program.log())
        self.assertRegex(second.program.log(), "(?i)another|already|in use")
        first.send("a@x.test", "b@y.test", message("first-goes-on"))
        self.sink.wait_for_message("first-goes-on")

    def test_port_taken(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            gateway = self.gateway("taken", listen=f"127.0.0.1:{port}")
            gateway.start(wait=False)
            self.assertNotEqual(gateway.program.wait(), 0)
        self.assertIn(f"127.0.0.1:{port}", gateway.program.log())

    def test_ipv6_and_several_listeners(self):
        gateway = self.gateway("dual")
        six = self.workspace.reserve_port("::1")
        gateway.flags["listen"] = f"127.0.0.1:{gateway.port},[::1]:{six}"
        gateway.start()
        with smtplib.SMTP("::1", six, timeout=SOON_SECONDS) as session:
            session.sendmail("a@x.test", "b@y.test", message("over-ipv6"))
        self.assertRegex(self.sink.wait_for_message("over-ipv6").decode(),
                         r"Received: from \S+ \(\[IPv6:::1\]\)")

    def test_drain_finishes_a_running_transaction(self):
        gateway = self.gateway("drained").start()
        with gateway.client() as session, gateway.client() as idle:
            session.mail("a@x.test")
            session.rcpt("b@y.test")
            self.assertEqual(session.docmd("DATA")[0], 354)
            session.send(b"Subject: drained\r\n\r\n")
            gateway.program.signal(signal.SIGTERM)
            code, text = idle.getreply()  # whoever does nothing is sent away
            self.assertEqual((code, text[:5]), (421, b"4.3.2"))
            wait_until("the listener to close", lambda: refuses_connections(gateway.port))
            session.send(b"the rest\r\n.\r\n")
            self.assertEqual(session.getreply()[0], 250)
            self.assertEqual(session.getreply()[0], 421)
        self.assertEqual(gateway.program.wait(), 0)
        gateway.start()  # what could not leave any more leaves now
        self.sink.wait_for_message("Subject: drained")

    def test_drain_has_an_end(self):
        gateway = self.gateway("impatient", drain_timeout="1s").start()
        with gateway.client() as session:
            session.mail("a@x.test")
            session.rcpt("b@y.test")
            session.docmd("DATA")
            gateway.stop()
            self.assertRaises(smtplib.SMTPServerDisconnected, session.getreply)

    def test_help(self):
        for words in ([], ["domains", "add"], ["history"], ["queue", "retry"]):
            with self.subTest(words):
                done = run([binary("sluicectl"), *words, "--help"])
                self.assertEqual(done.returncode, 0)
                self.assertRegex(done.stdout, r"usage: sluicectl")
        self.assertTrue(re.search("(?i)example", run(
            [binary("sluicectl"), "domains", "add", "--help"]).stdout))


if __name__ == "__main__":
    main()
