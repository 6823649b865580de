"""The web page in a real browser: Chromium, driven by Playwright, against a running gateway.

Each test here is a script beside this file, which node runs; what it looks at is told to it in
SLUICE_PAGE_SCENE (JSON: the page's address, tokens, what the certificate should show). A script
that wants the world to change asks for it over HTTP ("POST /starttls"): see Scene.
"""

import http.server
import json
import os
import pathlib
import subprocess
import sys
import threading

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

from e2e_case import E2eCase, main, message  # noqa: E402
from gateway import Gateway  # noqa: E402
from next_hops import Wiretap  # noqa: E402
from postfix import PostfixServer, SmtpSink, tls_with  # noqa: E402
from processes import SOON_SECONDS, wait_until  # noqa: E402

CHROMIUM = "/usr/bin/chromium"


class Scene:
    """What scripts may ask the world for: functions by name, called by POST /NAME."""

    def __init__(self, workspace, **acts):
        scene = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                try:
                    acts[self.path.lstrip("/")]()
                    self.send_response(204)
                except Exception as error:  # it is the script's to fail, with this in its report
                    scene.errors.append(f"{self.path}: {error!r}")
                    self.send_response(500)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.errors = []
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        workspace.at_close(server.shutdown)


class PageTest(E2eCase):
    NAME = "page"

    @classmethod
    def set_up(cls):
        if not os.access(CHROMIUM, os.X_OK) or not (HERE / "node_modules").is_dir():
            raise SystemExit("Chromium or tests/page/node_modules is missing; "
                             "tools/install-dependencies --tests brings both.")
        authority = cls.make_authority()
        own = authority.issue("gateway", ["gateway.test", "mx.gateway.test"])
        good = authority.issue("good", ["mail.partner.test"])
        cls.postfix = PostfixServer(
            cls.workspace,
            ["good.test", "mail.partner.test", "late.test", "stuck.test", "watched.test"])
        cls.tls = cls.postfix.add_smtpd("tls", smtpd_tls_security_level="may", **tls_with(good))
        plain = cls.postfix.add_smtpd("plain", smtpd_tls_security_level="none")
        busy = SmtpSink(cls.workspace, "busy-sink", options=["-Q", "connect"])  # 421
        cls.postfix.start()
        # Offers no STARTTLS until a script asks for it.
        cls.partner = Wiretap(cls.workspace, plain)
        cls.admin_port = cls.workspace.reserve_port()
        cls.gateway = Gateway(
            cls.workspace, [own], trust_store=authority.certificate,
            admin_listen=f"127.0.0.1:{cls.admin_port}",
            admin_tokens=cls.workspace.directory("tokens") / "tokens",
            route=[f"mail.partner.test=127.0.0.1:{cls.partner.port}",
                   f"partner.test=127.0.0.1:{cls.partner.port}",
                   f"late.test=127.0.0.1:{plain}", f"stuck.test=127.0.0.1:{plain}",
                   f"watched.test=127.0.0.1:{plain}", f"busy.test=127.0.0.1:{busy.port}",
                   f"*=127.0.0.1:{cls.tls}"]).start()
        cls.scene = Scene(cls.workspace, starttls=cls.give_partner_tls,
                          delivery=cls.deliver_one_message, pause=cls.wait_in_a_pause)
        for domain in ("late.test", "stuck.test"):
            cls.gateway.ctl("domains", "add", domain, "--no-ping", "--note=offers no STARTTLS")
        cls.gateway.send("anna@client.test", "user@late.test", message("late"))
        cls.gateway.send("anna@client.test", "user@stuck.test", message("stuck"))
        for domain in ("late.test", "stuck.test"):
            cls.gateway.wait_for_history(domain=domain, outcome="check_tls")
        cls.gateway.ctl("domains", "add", "watched.test", "--no-ping", "--mode=monitor")
        cls.gateway.send("anna@client.test", "user@watched.test", message("watched"))
        cls.gateway.wait_for_history(domain="watched.test", outcome="delivered")
        cls.deliver_one_message()
        certificate = cls.gateway.ctl("certificate", "show")["certificates"][0]
        cls.known = {
            "url": f"http://127.0.0.1:{cls.admin_port}/", "scene": cls.scene.url,
            "token": cls.token("editor", "write"), "readToken": cls.token("viewer", "read"),
            "serialNumber": certificate["serial_number"],
            "patience": SOON_SECONDS * 1000,
            "screenshots": os.environ.get("SLUICE_PAGE_SCREENSHOTS", "")}

    @classmethod
    def token(cls, name, role):
        return cls.gateway.ctl("token", "add", name, f"--role={role}")["token"]

    @classmethod
    def give_partner_tls(cls):
        cls.partner.target = cls.tls

    @classmethod
    def deliver_one_message(cls):
        before = len(cls.gateway.history(outcome="delivered"))
        cls.gateway.send("bert@client.test", "user@good.test", message("good"))
        cls.gateway.wait_for_history(outcome="delivered", count=before + 1)

    @classmethod
    def wait_in_a_pause(cls):
        for number in range(2):
            cls.gateway.send("anna@client.test", "user@busy.test", message(f"busy-{number}"))
        wait_until("a pause", lambda: any(
            "paused_until" in share
            for share in cls.gateway.ctl("queue", "summary", "--domain=busy.test")["destinations"]))

    def run_script(self, name):
        # Not "node --test": that starts another node, which would outlive a test that is killed.
        done = subprocess.run(
            ["setpriv", "--pdeathsig", "KILL", "--", "node", HERE / f"{name}.js"], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8",
            timeout=8 * SOON_SECONDS, check=False,
            env={**os.environ, "SLUICE_PAGE_SCENE": json.dumps(self.known)})
        self.assertEqual((done.returncode, self.scene.errors), (0, []), done.stdout)
        self.assertNotIn("# tests 0", done.stdout, "a script without tests shows nothing")

    def test_texts(self):
        self.run_script("texts")

    def test_domains(self):
        self.run_script("domains")

    def test_records(self):
        self.run_script("records")

    def test_access(self):
        self.run_script("access")

    def test_reach(self):
        self.run_script("reach")


if __name__ == "__main__":
    main()
