"""The web server of MTA-STS policies (RFC 8461 §3.3), for as many domains as a test wants, at port 443 of
a loopback address of its own; and one that takes TLS reports (RFC 8460 §5.4).

    host = PolicyHost(workspace, credential)     # for mta-sts.a.example, mta-sts.b.example, …
    host.files["a.example"] = policy("enforce", ["mx.a.example"])
    host.asked["a.example"]                      # how often
    host.posted                                  # [("host", "/path", "content/type", b"body"), …]
"""

import collections
import http.server
import random
import ssl
import threading

_TRIES = 100


def policy(mode, hosts, max_age=86400):
    return (f"version: STSv1\r\nmode: {mode}\r\n" + "".join(f"mx: {host}\r\n" for host in hosts) +
            f"max_age: {max_age}\r\n")


class _Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """A client that does not like our certificate says so: the test looks at what it does."""


class PolicyHost:
    def __init__(self, workspace, credential):
        self.files = {}  # by domain; what has none is a 404
        self.asked = collections.Counter()
        self.posted = []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(credential.certificate, credential.key)
        self._server = self._bind()
        self.address = self._server.server_address[0]
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True,
                                                  do_handshake_on_connect=False)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        workspace.at_close(self._close)

    def _bind(self):
        """The port is fixed, so it is the address that is looked for: 127.0.0.0/8 is large."""
        host = self

        class Handler(http.server.BaseHTTPRequestHandler):
            timeout = 30

            def do_GET(self):
                host.answer(self)

            def do_POST(self):
                host.take(self)

            def log_message(self, *_):
                pass

        error = None
        for _ in range(_TRIES):
            address = "127." + ".".join(str(random.randint(1, 254)) for _ in range(3))
            try:
                return _Server((address, 443), Handler)
            except OSError as refused:
                error = refused
        raise AssertionError(f"no loopback address has its port 443 free: {error}")

    def answer(self, request):
        domain = request.headers.get("Host", "").removeprefix("mta-sts.")
        self.asked[domain] += 1
        file = self.files.get(domain)
        if file is None or request.path != "/.well-known/mta-sts.txt":
            request.send_error(404)
            return
        request.send_response(200)
        request.send_header("Content-Type", "text/plain")
        request.send_header("Content-Length", str(len(file)))
        request.end_headers()
        request.wfile.write(file.encode("ascii"))

    def take(self, request):
        body = request.rfile.read(int(request.headers["Content-Length"]))
        self.posted.append((request.headers["Host"], request.path,
                            request.headers["Content-Type"], body))
        request.send_response(201)
        request.send_header("Content-Length", "0")
        request.end_headers()

    def _close(self):
        self._server.shutdown()
        self._server.server_close()
