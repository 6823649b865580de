"""The HTTP API on TCP, well used and abused, while mail goes on flowing."""

import contextlib
import copy
import json
import resource
import shutil
import signal
import socket
import ssl
import threading

import jsonschema

from admin_client import (AdminClient, admin_ports, half_closed_at_once, raw, status_of,
                          trusting)
from e2e_case import E2eCase, main, message
from gateway import Gateway, sluiced
from postfix import SmtpSink
from processes import SOON_SECONDS, binary, run, wait_until

IDLE_CONNECTIONS = 10_000


@contextlib.contextmanager
def mail_flowing(gateway, sink, name):
    """Messages are sent one after the other meanwhile; all of them must be taken and delivered."""
    stop = threading.Event()
    sent = []
    faults = []

    def send():
        while not stop.is_set():
            subject = f"{name}-{len(sent)}-end"
            try:
                gateway.send("a@flow.test", "b@flow.test", message(subject))
            except (AssertionError, OSError) as fault:
                faults.append(f"{subject}: {fault}")
                return
            sent.append(subject)
            stop.wait(0.05)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        wait_until("the first message", lambda: sent or faults)
        yield
        before = len(sent)
        wait_until("one more message after all of it", lambda: len(sent) > before or faults)
    finally:
        stop.set()
        sender.join()
    if faults:
        raise AssertionError(faults[0])

    def missing():
        delivered = b"".join(sink.messages())
        return [subject for subject in sent if f"Subject: {subject}".encode() not in delivered]
    wait_until(lambda: f"the delivery of {missing()}", lambda: not missing())


class HttpCase(E2eCase):
    """A gateway with --admin_listen on loopback addresses, and a token of each role."""

    @classmethod
    def set_up(cls):
        cls.authority = cls.make_authority()
        cls.own = cls.authority.issue("gateway", ["localhost"])
        cls.sink = SmtpSink(cls.workspace)
        cls.gateway = Gateway(
            cls.workspace, [cls.own], route=[f"*=127.0.0.1:{cls.sink.port}"],
            admin_listen="127.0.0.1:0,[::1]:0",
            admin_tokens=cls.workspace.path / "tokens").start()
        cls.port, cls.port6 = admin_ports(cls.gateway)
        cls.reader = cls.new_client("reader", "read")
        cls.writer = cls.new_client("writer", "write")
        cls.anybody = AdminClient(cls.port)

    @classmethod
    def new_token(cls, name, *options):
        return cls.gateway.text("token", "add", name, *options).strip()

    @classmethod
    def new_client(cls, name, role):
        return AdminClient(cls.port, cls.new_token(name, f"--role={role}"))

    def assert_all_is_well(self):
        """The control socket and TCP answer; from another address, whose share nobody has."""
        self.gateway.ctl("status")
        elsewhere = AdminClient(self.port, self.reader.token, source="127.0.0.77")
        self.assertEqual(elsewhere.ask("GET", "/v1/status")[0], 200)


class AccessTest(HttpCase):
    """Who may do what."""

    NAME = "access"

    def test_roles(self):
        self.assertEqual(self.anybody.code("GET", "/v1/status"), (401, "unauthorized"))
        self.assertEqual(self.anybody.code("GET", "/v1/nothing"), (401, "unauthorized"))
        self.assertEqual(self.anybody.ask("GET", "/v1/openapi.json")[0], 200)
        self.assertEqual(self.reader.ask("GET", "/v1/status")[0], 200)
        for method, path, body in [("POST", "/v1/domains", {"pattern": "role.test"}),
                                   ("POST", "/v1/domains:ping", {"domain": "role.test"}),
                                   ("DELETE", "/v1/domains/role.test", None),
                                   ("POST", "/v1/queue:retry", {"all": True}),
                                   ("POST", "/v1/certificates:reload", None)]:
            with self.subTest(path):
                self.assertEqual(self.reader.code(method, path, body), (403, "forbidden"))
        self.assertEqual(self.writer.ask("POST", "/v1/domains", {"pattern": "role.test"})[0], 201)
        self.assertEqual(self.gateway.ctl("domains", "show", "role.test")["created"]["by"],
                         "token writer")
        for client in (self.reader, self.writer, self.anybody):
            status = client.ask("POST", "/v1/tokens", {"name": "mine", "role": "write"})[0]
            self.assertIn(status, (401, 403))
        self.assertNotIn("mine", self.gateway.text("token", "list"))

    def test_tokens_end(self):
        removed = self.new_client("removed", "read")
        self.assertEqual(removed.ask("GET", "/v1/status")[0], 200)
        self.gateway.ctl("token", "remove", "removed")
        self.assertEqual(removed.code("GET", "/v1/status"), (401, "unauthorized"))

        brief = AdminClient(self.port, self.new_token("brief", "--role=read", "--expires=3s"))
        wait_until("the token to expire", lambda: brief.ask("GET", "/v1/status")[0] == 401)
        _, document = brief.ask("GET", "/v1/status")
        self.assertIn("brief expired", document["error"]["message"])

    def test_wrong_tokens_are_logged_and_harm_nobody(self):
        wrong = AdminClient(self.port, "sluice_" + "A" * 43)
        for _ in range(14):  # the last ones are answered late
            self.assertEqual(wrong.code("GET", "/v1/status"), (401, "unauthorized"))
        self.assertEqual(self.reader.ask("GET", "/v1/status")[0], 200)
        self.assertIn("token_refused client=127.0.0.1", self.gateway.program.log())
        self.assertNotIn("A" * 43, self.gateway.program.log())

    def test_tokens_outlive_a_restart_and_stand_nowhere(self):
        secret = self.new_token("kept", "--role=read")
        tokens = self.workspace.path / "tokens"
        self.assertEqual(tokens.stat().st_mode & 0o777, 0o600)
        self.assertNotIn(secret, tokens.read_text("ascii"))
        self.gateway.restart()
        type(self).port, type(self).port6 = admin_ports(self.gateway)
        for client in (self.reader, self.writer, self.anybody):
            client.port = self.port
        self.assertEqual(AdminClient(self.port, secret).ask("GET", "/v1/status")[0], 200)

    def test_ipv6(self):
        client = AdminClient(self.port6, self.reader.token, host="::1")
        self.assertEqual(client.ask("GET", "/v1/status", Host=f"[::1]:{self.port6}")[0], 200)

    def test_hosts_and_origins(self):
        ask = self.reader.code
        self.assertEqual(ask("GET", "/v1/status", Host="evil.example"), (421, "misdirected"))
        self.assertEqual(ask("GET", "/v1/status", Origin="http://evil.example"),
                         (403, "forbidden"))
        for host in ("localhost", f"localhost:{self.port}", "gateway.test:1"):
            status, _ = self.reader.ask("GET", "/v1/status", Host=host, Origin=f"http://{host}")
            self.assertEqual(status, 200, host)

    def test_nothing_of_another_address_is_served_in_clear(self):
        for address in ("0.0.0.0:0", "[::]:0"):
            self.gateway.write_flagfile()
            done = sluiced(f"--flagfile={self.gateway.flagfile}", f"--admin_listen={address}")
            self.assertEqual(done.returncode, 2)
            self.assertIn("--admin_tls_certificate", done.stdout)


class DescriptionTest(HttpCase):
    """What is answered is what GET /v1/openapi.json says."""

    NAME = "description"

    @classmethod
    def set_up(cls):
        super().set_up()
        cls.description = cls.anybody.ask("GET", "/v1/openapi.json")[1]

    def closed(self, schema):
        """The schema, so that members it does not name are faults."""
        schema = copy.deepcopy(schema)
        def close(part):
            if isinstance(part, dict):
                if "properties" in part and part.get("type") == "object":
                    part.setdefault("additionalProperties", False)
                for inner in part.values():
                    close(inner)
            elif isinstance(part, list):
                for inner in part:
                    close(inner)
        close(schema)
        return schema

    def check(self, document, schema):
        whole = {**self.closed(schema), "components": self.closed(self.description["components"])}
        jsonschema.Draft202012Validator(whole).validate(document)

    def check_answer(self, method, template, body=None, query="", **variables):
        client = self.writer
        status, document = client.ask(method, template.format(**variables) + query, body)
        responses = self.description["paths"][template][method.lower()]["responses"]
        self.assertIn(str(status), responses, document)
        self.check(document, responses[str(status)]["content"]["application/json"]["schema"])
        return document

    def test_schemas_are_schemas(self):
        for name, schema in self.description["components"]["schemas"].items():
            with self.subTest(name):
                jsonschema.Draft202012Validator.check_schema(schema)

    def test_the_check_finds_what_is_not_described(self):
        error = {"$ref": "#/components/schemas/Error"}
        self.check({"error": {"code": "busy", "message": "m"}}, error)
        for bad in ({"error": {"code": "odd", "message": "m"}}, {"error": {"code": "busy"}},
                    {"error": {"code": "busy", "message": "m", "more": 1}}):
            with self.assertRaises(jsonschema.ValidationError):
                self.check(bad, error)

    def test_answers(self):
        self.check_answer("POST", "/v1/domains", {"pattern": "told.test", "note": "n"})
        self.check_answer("PATCH", "/v1/domains/{pattern}", {"note": "m"}, pattern="told.test")
        self.gateway.send("a@sender.test", "b@told.test", message("told"))
        self.gateway.wait_for_history(domain="told.test", outcome="check_tls")
        self.check_answer("POST", "/v1/domains:ping", {"domain": "told.test"})
        listed = self.check_answer("GET", "/v1/domains")
        self.assertIn("last_ping", listed["entries"][0])
        self.check_answer("GET", "/v1/domains/{pattern}", pattern="told.test")
        self.check_answer("GET", "/v1/domains:explain", query="?domain=told.test")
        queued = self.check_answer("GET", "/v1/queue", query="?domain=told.test")["messages"][0]
        self.assertIn("last_failure", queued)
        self.check_answer("GET", "/v1/queue/{id}", id=queued["message_id"])
        self.assertTrue(self.check_answer("GET", "/v1/history", query="?lang=de")["entries"])
        self.check_answer("POST", "/v1/queue:retry", {"domain": "nothing.test"})
        self.gateway.wait_for_history(domain="told.test", outcome="check_tls")
        wait_until("the message to wait", lambda: self.writer.ask(
            "DELETE", f"/v1/queue/{queued['message_id']}")[0] == 200)
        self.check_answer("GET", "/v1/certificates")
        self.check_answer("POST", "/v1/certificates:reload")
        self.check_answer("GET", "/v1/status")
        self.check_answer("POST", "/v1/domains:import", [{"pattern": "file.test"}])
        self.check_answer("GET", "/v1/domains:export", query="?format=json")
        self.check_answer("POST", "/v1/domains:remove", {"patterns": ["file.test"]})
        self.check_answer("DELETE", "/v1/domains/{pattern}", pattern="told.test")
        schema = {"$ref": "#/components/schemas/MadeToken"}
        self.check(self.gateway.ctl("token", "add", "t", "--role=read", "--expires=1h"), schema)
        self.check(self.gateway.ctl("token", "list"), {"$ref": "#/components/schemas/Tokens"})

    def test_refusals(self):
        for method, path, body in [("GET", "/v1/nothing", None), ("PUT", "/v1/status", None),
                                   ("POST", "/v1/domains", "{"), ("GET", "/v1/queue/x", None),
                                   ("POST", "/v1/domains", {"pattern": "a..b", "level": "x"}),
                                   ("GET", "/v1/status?x=1", None)]:
            status, document = self.writer.ask(method, path, body)
            self.assertGreaterEqual(status, 400)
            self.check(document, {"$ref": "#/components/schemas/Error"})


class AbuseTest(HttpCase):
    """Whatever a client does, mail flows and the others are answered."""

    NAME = "abuse"

    def setUp(self):
        self.enterContext(mail_flowing(self.gateway, self.sink, self._testMethodName))

    def tearDown(self):
        self.assert_all_is_well()

    def head(self, *fields, method="POST", path="/v1/domains"):
        return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost",
                            f"Authorization: Bearer {self.writer.token}", *fields, "", ""]).encode()

    def entries(self):
        return self.reader.ask("GET", "/v1/domains")[1]["total"]

    def test_bodies(self):
        before = self.entries()
        for body in (b"{", b"[]", b"null", b"\xff\xfe", b"\0" * 1000, b"[" * 100_000,
                     b'{"pattern":' * 10_000, b'{"pattern": 1e999999}', b'{"pattern": "\xc3("}',
                     b'{"pattern": "a.test", "pattern": {}}'):
            status, document = self.writer.ask("POST", "/v1/domains", body)
            self.assertIn(status, (400, 422), body[:30])
            self.assertTrue(document["error"]["message"])
        # The announcement alone is answered; whoever sends the body too may be cut off in it.
        announced = self.head(f"Content-Length: {(1 << 20) + 1}")
        self.assertEqual(status_of(raw(self.port, announced)), 413)
        self.assertIn(status_of(raw(self.port, announced, b" " * (1 << 20))), (413, None))
        self.assertEqual(self.entries(), before)

    def test_lengths(self):
        before = self.entries()
        cases = [(["Content-Length: 67108865"], 413), (["Content-Length: -1"], 400),
                 (["Content-Length: ten"], 400),
                 (["Content-Length: 99999999999999999999999"], 400),
                 (["Content-Length: 2", "Content-Length: 3"], 400),
                 (["Transfer-Encoding: chunked"], 411),
                 (["Transfer-Encoding: chunked", "Content-Length: 2"], 411)]
        # Less than was announced is no request.
        short = [self.head("Content-Length: 1000"), b'{"pattern": "short.test"}']
        *answers, answer = half_closed_at_once(self.port, [
            *([self.head(*fields, "Connection: close"), b"{}"] for fields, _ in cases), short])
        self.assertNotEqual(status_of(answer), 201)
        for (fields, status), answer in zip(cases, answers):
            with self.subTest(fields):
                # The library answers some of it itself, or just ends the connection.
                self.assertIn(status_of(answer), (status, 400, 413, None))
        # Chunks without an end are not waited for.
        answer = raw(self.port, self.head("Transfer-Encoding: chunked"),
                     b"400\r\n" + b"x" * 0x400 + b"\r\n")
        self.assertIn(status_of(answer), (411, None))
        self.assertEqual(self.entries(), before)

    def test_headers(self):
        for fields in (["X: " + "y" * 100_000], [f"X{i}: y" for i in range(10_000)],
                       ["X" * 100_000 + ": y"]):
            answer = raw(self.port, self.head(*fields, method="GET", path="/v1/status"))
            self.assertIn(status_of(answer), (400, 413, 431, 500, None))
        answer = raw(self.port, self.head(method="GET", path="/" + "a" * 100_000))
        self.assertIn(status_of(answer), (400, 413, 414, 431, 500, None))
        garbage = (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"\r\n" * 1000,
                   b"GET\r\n\r\n", b"GET /v1/status\r\n\r\n", b"\0" * 5000 + b"\r\n\r\n",
                   b"EHLO x\r\n\r\n")
        for sent, answer in zip(garbage, half_closed_at_once(self.port, [[g] for g in garbage])):
            self.assertNotEqual(status_of(answer), 200, sent)

    def test_path_tricks(self):
        for path in ("/v1/%2e%2e/v1/status", "/v1/../status", "/v1//status", "//v1/status",
                     "/v1/./status", "/v1/status/", "/v1/domains/%00", "/v1/domains/a%0d%0ab",
                     "/v1/domains/%zz", "/v1/domains/..%2f..%2fetc%2fpasswd", "/../../etc/passwd",
                     "/%2e%2e/%2e%2e/etc/passwd", "/v1/status%00.json"):
            answer = raw(self.port, self.head("Connection: close", method="GET", path=path))
            self.assertIn(status_of(answer), (400, 404), path)
            self.assertNotIn(b"root:", answer)
        # An encoded slash parts nothing.
        answer = raw(self.port, self.head("Connection: close", method="GET", path="/v1%2fstatus"))
        self.assertEqual(status_of(answer), 404)

    def test_dripping_connections(self):
        with contextlib.ExitStack() as open_sockets:
            dripping = []
            for _ in range(100):  # of which the daemon keeps 32
                connection = open_sockets.enter_context(
                    socket.create_connection(("127.0.0.1", self.port), timeout=SOON_SECONDS))
                dripping.append(connection)
            for piece in self.head("Content-Length: 10").decode()[:20]:
                for connection in dripping:
                    with contextlib.suppress(OSError):
                        connection.send(piece.encode())
            self.assert_all_is_well()

    def test_idle_connections_of_one_address(self):
        with idle_connections(self.port, lambda _: "127.0.0.1", blocking=True) as count:
            print(f"{count} connections of one address", flush=True)
            self.assert_all_is_well()

    def test_idle_connections_of_many_addresses(self):
        # 30 of each: no address has more than its share, so all that the listener takes are taken.
        with idle_connections(self.port, lambda i: f"127.1.{i // 30 // 250}.{i // 30 % 250 + 1}",
                              blocking=False) as count:
            print(f"{count} connections of many addresses", flush=True)
            self.gateway.ctl("status")
            self.gateway.ctl("domains", "list")
        # With them gone the listener is open again. Each try is a connection of its own: one that the
        # kernel dropped while the queue was full is tried again after longer and longer waits.
        patient = AdminClient(self.port, self.reader.token, timeout=5)

        def answers():
            with contextlib.suppress(OSError):
                return patient.ask("GET", "/v1/status")[0] == 200
            return False
        wait_until("TCP to answer", answers, timeout=3 * SOON_SECONDS)


@contextlib.contextmanager
def idle_connections(port, address_of, blocking):
    """Opens ten thousand, or as many as may be open, and says how many."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with contextlib.ExitStack() as open_sockets:
        count = min(IDLE_CONNECTIONS, most - 500)
        for i in range(count):
            connection = open_sockets.enter_context(socket.socket())
            # The port is chosen with the destination: the same ports serve all the addresses.
            connection.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
            connection.bind((address_of(i), 0))
            connection.settimeout(SOON_SECONDS)
            connection.setblocking(blocking)
            with contextlib.suppress(BlockingIOError):
                connection.connect(("127.0.0.1", port))
        yield count


class TlsTest(E2eCase):
    """--admin_listen for other machines."""

    NAME = "admintls"

    @classmethod
    def set_up(cls):
        cls.authority = cls.make_authority()
        own = cls.authority.issue("gateway", ["gateway.test"])
        cls.certificate = cls.workspace.path / "admin.pem"
        cls.key = cls.workspace.path / "admin.key"
        cls.install(cls.authority.issue("first", ["localhost"]))
        cls.gateway = Gateway(
            cls.workspace, [own], admin_listen="0.0.0.0:0", admin_tls_certificate=cls.certificate,
            admin_tls_key=cls.key, admin_tokens=cls.workspace.path / "tokens").start()
        cls.port, = admin_ports(cls.gateway)
        cls.token_file = cls.workspace.path / "token"
        cls.token_file.write_text(cls.gateway.text("token", "add", "t", "--role=write"), "ascii")

    @classmethod
    def install(cls, credential):
        shutil.copy(credential.certificate, cls.certificate)
        shutil.copy(credential.key, cls.key)

    def client(self, **options):
        return AdminClient(self.port, self.token_file.read_text("ascii").strip(), host="localhost",
                           tls=trusting(self.authority), **options)

    def s_client(self, *options):
        return run(["openssl", "s_client", "-connect", f"127.0.0.1:{self.port}", *options])

    def sluicectl(self, *arguments, ca_file=None):
        return run([binary("sluicectl"), *arguments,
                    f"--url=https://localhost:{self.port}", f"--token_file={self.token_file}",
                    f"--ca_file={ca_file or self.authority.certificate}"])

    def test_sluicectl(self):
        done = self.sluicectl("domains", "add", "over-tls.test", "--json")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(json.loads(done.stdout)["entry"]["created"]["by"], "token t")
        other = self.workspace.directory("other")
        stranger = type(self.authority)(other)
        done = self.sluicectl("status", ca_file=stranger.certificate)
        self.assertEqual(done.returncode, 3, done.stdout)
        self.assertIn("--ca_file", done.stdout)

    def test_only_approved_tls(self):
        for options in (["-tls1_3"], ["-tls1_2"], ["-tls1_2", "-cipher", "ECDHE+AESGCM"]):
            self.assertIn("Cipher is", self.s_client(*options).stdout, options)
            self.assertNotIn("Cipher is (NONE)", self.s_client(*options).stdout, options)
        for options in (["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"],
                        ["-tls1_2", "-cipher", "CHACHA20"], ["-tls1_2", "-cipher", "AES128-SHA"],
                        ["-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"],
                        ["-tls1_3", "-groups", "X25519"]):
            self.assertIn("Cipher is (NONE)", self.s_client(*options).stdout, options)

    def test_clear_text_is_not_answered(self):
        answer = raw(self.port, b"GET /v1/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n",
                     half_close=True)
        self.assertNotIn(b"HTTP/1.1 200", answer)
        self.assertEqual(self.client().ask("GET", "/v1/status")[0], 200)

    def test_idle_handshakes_leave_room(self):
        with contextlib.ExitStack() as open_sockets:
            for _ in range(100):
                open_sockets.enter_context(
                    socket.create_connection(("127.0.0.1", self.port), timeout=SOON_SECONDS))
            self.assertEqual(self.client(source="127.0.0.77").ask("GET", "/v1/status")[0], 200)

    def test_reload(self):
        second = self.authority.issue("second", ["localhost"])

        def served():
            with socket.create_connection(("127.0.0.1", self.port), SOON_SECONDS) as connection:
                with trusting(self.authority).wrap_socket(
                        connection, server_hostname="localhost") as session:
                    return session.getpeercert(binary_form=True)
        self.install(second)
        self.gateway.program.signal(signal.SIGHUP)
        expected = ssl.PEM_cert_to_DER_cert(second.certificate.read_text("ascii"))
        wait_until("the new certificate", lambda: served() == expected)

        self.key.write_text("no key\n", "ascii")
        self.gateway.program.signal(signal.SIGHUP)
        wait_until("the failed reload to be logged",
                   lambda: "--admin_tls_key" in self.gateway.program.log())
        self.assertEqual(served(), expected)
        self.assertEqual(self.gateway.ctl_raw("reload").code, 1)
        self.install(second)
        self.gateway.ctl("reload")


if __name__ == "__main__":
    main()
