"""What an administrator does all day, from a terminal, with real next hops: saves entries and sees
their pings, looks at who changed what, exchanges lists with Postfix, holds and bounces mail, watches
before enforcing, and shows that the history has not been touched."""

import json
import os
import re

from e2e_case import E2eCase, main, message
from gateway import Gateway
from postfix import PostfixServer, SmtpSink, tls_with
from processes import binary, run, wait_until


class PingTest(E2eCase):
    """Entries and the servers behind them."""

    NAME = "pings"

    @classmethod
    def set_up(cls):
        authority = cls.make_authority()
        cls.own = authority.issue("own", ["gateway.test"])
        cls.first = authority.issue("first", ["mx.peer.test"])
        cls.second = authority.issue("second", ["mx.peer.test"])
        cls.postfix = PostfixServer(cls.workspace, ["secure.test", "plain.test", "below.test"])
        tls = cls.postfix.add_smtpd("tls", smtpd_tls_security_level="may", **tls_with(cls.first))
        plain = cls.postfix.add_smtpd("plain", smtpd_tls_security_level="none")
        cls.postfix.start()
        cls.gateway = Gateway(
            cls.workspace, [cls.own], trust_store=authority.certificate, certificate_warning="8760h",
            route=[f"secure.test=127.0.0.1:{tls}", f"plain.test=127.0.0.1:{plain}",
                   f"below.test=127.0.0.1:{tls}"]).start()
        cls.ctl = cls.gateway.ctl

    def test_what_is_saved_is_pinged_and_saved_though_it_fails(self):
        saved = self.gateway.text("domains", "add", "plain.test")
        self.assertIn("added: pattern: plain.test", saved)
        self.assertIn("plain.test: invalid", saved)
        self.assertIn("not_offered", saved)
        shown = self.ctl("domains", "show", "plain.test")
        self.assertRegex(shown["last_ping"]["summary"], "invalid: .*not_offered")
        answer = self.ctl("domains", "set", "plain.test", "level=verify")
        self.assertEqual(answer["ping"]["verdict"], "invalid")
        off = self.ctl("domains", "set", "plain.test", "mode=off")
        self.assertIn("off", off["ping"]["skipped"])
        self.assertNotIn("ping", self.ctl("domains", "set", "plain.test", "note=x", "--no-ping"))
        self.ctl("domains", "remove", "plain.test")

    def test_a_wildcard_is_pinged_at_its_own_domain_by_its_own_demands(self):
        answer = self.ctl("domains", "add", "*.below.test", "--level=verify",
                          "--match-names=mx.peer.test")
        self.assertEqual((answer["ping"]["verdict"], answer["ping"]["entry"],
                          answer["ping"]["level"]), ("valid", "*.below.test", "verify"))
        wrong = self.ctl("domains", "set", "*.below.test", "match_names=mx.other.test")
        self.assertEqual(wrong["ping"]["targets"][0]["reason"], "name_mismatch")
        pings = json.loads(run(
            ["curl", "-s", "--unix-socket", str(self.gateway.socket),
             "http://localhost/v1/domains/*.below.test/pings"]).stdout)["pings"]
        self.assertEqual([ping["summary"].split(":")[0] for ping in pings], ["invalid", "valid"])
        self.ctl("domains", "remove", "*.below.test")

    def test_every_entry_is_pinged_when_asked_for(self):
        self.ctl("domains", "add", "secure.test", "--no-ping")
        self.ctl("domains", "add", "plain.test", "--no-ping")
        self.assertEqual([entry["pattern"] for entry in
                          self.ctl("domains", "list", "--ping=never")["entries"]],
                         ["plain.test", "secure.test"])
        answer = self.gateway.ctl_raw("ping", "--all", "--json")
        self.assertEqual(answer.code, 1)
        self.assertEqual((answer.json["entries"], answer.json["done"], answer.json["valid"],
                          answer.json["invalid"]), (2, 2, 1, 1))
        for state, pattern in (("valid", "secure.test"), ("invalid", "plain.test")):
            listed = self.ctl("domains", "list", f"--ping={state}")["entries"]
            self.assertEqual([entry["pattern"] for entry in listed], [pattern])
        # The partner's certificate expires within --certificate_warning, which is a year here.
        warned, = self.ctl("domains", "list", "--ping=warned")["entries"]
        self.assertRegex(warned["last_ping"]["warnings"][0], "certificate expires in 1[0-9] days")
        self.ctl("domains", "remove", "secure.test", "plain.test")

    def test_itself(self):
        answer = self.ctl("ping", "--self")
        self.assertEqual(answer["verdict"], "valid")
        self.assertEqual(answer["targets"][0]["address"], f"127.0.0.1:{self.gateway.port}")
        self.assertNotIn("not for gateway.test", str(answer["warnings"]))
        self.assertIn("valid", self.gateway.text("ping", "--self"))
        # Each ping is shown the certificate anew.
        # Its own certificate expires within --certificate_warning, which is a year here.
        self.assertRegex(self.gateway.program.log(), "certificate_expires .*days_left=")
        cores = self.ctl("status")["cores"]
        self.assertEqual([sum(core[kind] for core in cores)
                          for kind in ("handshakes_resumed", "handshakes")], [0, 2])

    def test_explain_with_the_servers(self):
        self.ctl("domains", "add", "secure.test", "--no-ping", "--level=secure")
        text = self.gateway.text("domains", "explain", "user@secure.test", "--servers")
        self.assertIn("decides", text)
        self.assertIn("name_mismatch", text)
        self.ctl("domains", "remove", "secure.test")

    def test_names_in_unicode_and_wide_patterns(self):
        answer = self.ctl("domains", "add", "*.Bücher.test", "--no-ping")
        self.assertEqual((answer["entry"]["pattern"], answer["entry"]["pattern_unicode"]),
                         ("*.xn--bcher-kva.test", "*.bücher.test"))
        self.assertIn("*.bücher.test", self.gateway.text("domains", "list"))
        self.assertEqual(self.ctl("domains", "search", "bücher")["total"], 1)
        self.assertEqual(self.ctl("domains", "list", "--pattern=*bcher*")["total"], 1)
        self.ctl("domains", "remove", "*.bücher.test")
        wide = self.ctl("domains", "add", "*.co.uk", "--no-ping")
        self.assertIn("public suffix", wide["warnings"][0])
        self.ctl("domains", "remove", "*.co.uk")


class RecordsTest(E2eCase):
    """Lists as files, the audit trail, the queue, what monitored entries tell, the history's chain."""

    NAME = "records"

    @classmethod
    def set_up(cls):
        own = cls.make_authority().issue("own", ["gateway.test"])
        cls.sink = SmtpSink(cls.workspace)
        cls.gateway = Gateway(cls.workspace, [own],
                              route=[f"*=127.0.0.1:{cls.sink.port}"]).start()
        cls.ctl = cls.gateway.ctl
        for domain in ("held", "bounced", "gone", "watched", "chained"):
            mode = "monitor" if domain == "watched" else "enforce"
            cls.ctl("domains", "add", f"{domain}.test", "--no-ping", f"--mode={mode}")

    def queued(self, domain, count=1):
        """Messages that wait, for there is no TLS."""
        for number in range(count):
            self.gateway.send("a@sender.test", f"b{number}@{domain}.test", message(domain))
        self.gateway.wait_for_history(domain=f"{domain}.test", outcome="check_tls", count=count)
        return wait_until("all of them to wait", lambda: [
            found for found in [self.gateway.queue(domain=f"{domain}.test", state="parked")]
            if len(found) == count])[0]

    def test_the_audit_trail(self):
        before = self.ctl("domains", "add", "audited.test", "--no-ping")["generation"]
        self.ctl("domains", "set", "audited.test", "level=verify", "--no-ping")
        self.ctl("domains", "remove", "audited.test")
        changes = [json.loads(line) for line in self.gateway.text(
            "domains", "changes", "--pattern=audited.test", "--json").splitlines()]
        self.assertEqual([(change["change"], change["generation"] - before) for change in changes],
                         [("added", 0), ("changed", 1), ("removed", 2)])
        self.assertEqual({change["by"] for change in changes}, {"root"})
        self.assertEqual(changes[1]["difference"], "level: encrypt -> verify")
        self.assertEqual(changes[1]["before"]["level"], "encrypt")
        self.gateway.restart()
        text = self.gateway.text("domains", "changes", "--by=root", "--since=1h", "--limit=1000")
        self.assertIn("removed: pattern: audited.test", text)
        self.assertIn("no change", self.gateway.text("domains", "changes", "--by=nobody"))

    def test_postfix_maps_in_and_out(self):
        rows = ("mapped.test  encrypt\n"
                ".mapped.test secure match=nexthop:.mapped.test\n"
                "loose.test   may\n")
        dry = self.ctl("domains", "import", "-", "--format=postfix", "--dry-run", stdin=rows)
        self.assertEqual((dry["added"], dry["removed"]), (3, 0))
        self.ctl("domains", "import", "-", "--format=postfix", stdin=rows)
        self.assertEqual(self.ctl("domains", "show", "*.mapped.test")["level"], "secure")
        exported = self.gateway.text("domains", "export", "--format=postfix")
        self.assertIn("\n.mapped.test\tsecure match=nexthop:.mapped.test\n", exported)
        # What Postfix makes of it.
        directory = self.workspace.directory("map")
        (directory / "main.cf").write_text("compatibility_level = 3.6\n", "utf-8")
        (directory / "policy").write_text(exported, "utf-8")
        for name, policy in ((".mapped.test", "secure match=nexthop:.mapped.test"),
                             ("loose.test", "may")):
            found = run(["postmap", "-c", str(directory), "-q", name,
                         f"texthash:{directory}/policy"])
            self.assertEqual(found.stdout.strip(), policy)
        bad = self.gateway.ctl_raw("domains", "import", "-", "--format=postfix",
                                   stdin="ok.test encrypt\n[mx.test]:25 encrypt\n")
        self.assertEqual(bad.code, 1)
        self.assertIn("line 2", bad.err)
        self.ctl("domains", "remove", "mapped.test", "*.mapped.test", "loose.test")

    def test_mail_is_held_and_released(self):
        waiting, = self.queued("held")
        text = self.gateway.text("queue", "hold", "--domain=held.test", "--reason=they move")
        self.assertIn("1 message is on hold", text)
        held, = self.gateway.queue(state="held")
        self.assertEqual(held["held"], "by root: they move")
        refused = self.gateway.ctl_raw("queue", "retry", waiting["message_id"])
        self.assertEqual(refused.code, 1)
        self.assertIn("on hold", refused.err)
        self.gateway.restart()
        summary = self.ctl("queue", "summary", "--domain=held.test")["all"]
        self.assertEqual((summary["messages"], summary["held"], summary["tls_failed"],
                          summary["by_reason"]), (1, 1, 1, {"not_offered": 1}))
        self.assertIn("held.test", self.gateway.text("queue", "summary"))
        self.ctl("domains", "set", "held.test", "mode=off", "--no-ping")
        self.assertIn("tried again", self.gateway.text("queue", "release", waiting["message_id"]))
        self.sink.wait_for_message("Subject: held")

    def test_mail_is_bounced_now(self):
        waiting, = self.queued("bounced")
        answer = self.ctl("queue", "bounce", waiting["message_id"], "--reason=no such partner")
        self.assertEqual(answer["bounced"], 1)
        entry = self.gateway.wait_for_history(message=waiting["message_id"], outcome="returned")
        self.assertEqual(entry["detail"], "by root: no such partner")
        told = self.sink.wait_for_message("given back by the administrator")
        self.assertIn("Final-Recipient: rfc822; b0@bounced.test", str(told))
        self.assertEqual(self.gateway.queue(domain="bounced.test"), [])

    def test_a_domains_mail_is_deleted(self):
        self.queued("gone", count=3)
        self.assertEqual(self.ctl("queue", "delete", "--domain=gone.test")["deleted"], 3)
        self.assertEqual(self.gateway.queue(domain="gone.test"), [])
        self.assertEqual(self.gateway.ctl_raw("queue", "delete").code, 2)

    def test_what_enforcement_would_have_done(self):
        self.gateway.send("a@watched.test", "b@watched.test", message("watched"))
        self.sink.wait_for_message("Subject: watched")
        self.gateway.wait_for_history(domain="watched.test", outcome="delivered")
        report = wait_until("both directions", lambda: [
            found for found in [self.ctl("domains", "report", "--domain=watched.test")]
            if found["domains_total"] == 2])[0]
        ways = {line["direction"]: line for line in report["domains"]}
        self.assertEqual(ways["outbound"]["by_reason"], {"not_offered": 1})
        self.assertEqual(ways["inbound"]["messages"], 1)
        text = self.gateway.text("domains", "report", "--since=1h")
        self.assertIn("watched.test", text)
        self.assertIn("monitored", self.gateway.text("history", "--monitored", "--json"))

    def test_the_history_shows_that_it_was_not_touched(self):
        self.queued("chained")
        self.assertRegex(self.gateway.text("history", "verify"), "^intact: ")
        exported = self.gateway.text("history", "export")
        path = self.workspace.directory("export") / "history.jsonl"

        def verify(text, *options):
            path.write_text(text, "utf-8")
            return run([binary("sluicectl"), "history", "verify", str(path), *options])
        good = verify(exported)
        self.assertEqual(good.returncode, 0, good.stdout)
        chain = re.search("chain ([0-9a-f]{64})", good.stdout).group(1)
        self.assertEqual(verify(exported, f"--chain={chain}").returncode, 0)
        self.assertEqual(verify(exported, f"--chain={'0' * 64}").returncode, 1)
        lines = exported.splitlines(keepends=True)
        for what, tampered in (("changed", exported.replace("sender.test", "zender.test", 1)),
                               ("removed", "".join(lines[:1] + lines[2:])),
                               ("cut off", "".join(lines[:-1])),
                               ("moved", "".join([lines[0], lines[2], lines[1], *lines[3:]]))):
            with self.subTest(what):
                self.assertNotEqual(tampered, exported)
                bad = verify(tampered)
                self.assertEqual(bad.returncode, 1, bad.stdout)
                self.assertIn("NOT intact", bad.stdout)
        self.assertIn("history_head", self.gateway.program.log())
        german = [json.loads(line) for line in self.gateway.text(
            "history", "--domain=chained.test", "--lang=de", "--reason=not_offered",
            "--stage=starttls", "--json").splitlines()]
        self.assertEqual(german[0]["heading"], "Verarbeitung läuft: TLS prüfen")
        self.assertTrue(os.path.exists(path))


if __name__ == "__main__":
    main()
