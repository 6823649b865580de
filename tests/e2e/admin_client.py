"""The daemon's HTTP API as an abuser and a program see it: requests of any shape, over TCP.

    api = AdminClient(port, token)
    status, document = api.ask("GET", "/v1/status")
    raw(port, b"GET / HTTP/1.1\r\n\r\n")
"""

import concurrent.futures
import errno
import http.client
import json
import re
import socket
import ssl

from processes import SOON_SECONDS, wait_until


def admin_ports(gateway):
    """The ports that the kernel picked for --admin_listen, in its order, at the last start."""
    def logged():
        found = re.findall(r" started .* admin_listen=(\S+)", gateway.program.log())
        return found and found[-1]
    listeners = wait_until("the log to name --admin_listen", logged).strip('"')
    return [int(listener.rsplit(":", 1)[1]) for listener in listeners.split(",")]


class AdminClient:
    """Requests with a token (None: without), each over a connection of its own."""

    def __init__(self, port, token=None, host="127.0.0.1", source=None, tls=None,
                 timeout=SOON_SECONDS):
        self.port = port
        self.token = token
        self._host = host
        self._source = source and (source, 0)
        self._tls = tls  # an ssl.SSLContext
        self._timeout = timeout

    def ask(self, method, path, body=None, **headers):
        """Status and document (None where the answer is no JSON). '_' in names of `headers` is '-'."""
        status, text = self.ask_for_text(method, path, body, **headers)
        try:
            return status, json.loads(text)
        except ValueError:
            return status, None

    def ask_for_text(self, method, path, body=None, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        with_tls = {"context": self._tls} if self._tls else {}
        kind = http.client.HTTPSConnection if self._tls else http.client.HTTPConnection
        connection = kind(self._host, self.port, timeout=self._timeout,
                          source_address=self._source, **with_tls)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode("utf-8")
        finally:
            connection.close()

    def code(self, *arguments, **headers):
        """Status and the error's code."""
        status, document = self.ask(*arguments, **headers)
        return status, document["error"]["code"]


def raw(port, *pieces, half_close=False):
    """Sends the pieces as they are; what is answered until the end. A peer that ends it with octets
    unread resets it, and what it had said may be lost with that: then there is no answer. The daemon
    may overlook that half of it is closed, until it has been idle for 30 s."""
    with socket.create_connection(("127.0.0.1", port), timeout=3 * SOON_SECONDS) as connection:
        answer = b""
        try:
            for piece in pieces:
                connection.sendall(piece)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(65536):
                answer += piece
        except (ConnectionError, OSError) as error:
            # ENOTCONN: it was reset before shutdown().
            if not isinstance(error, ConnectionError) and error.errno != errno.ENOTCONN:
                raise
        return answer


def half_closed_at_once(port, requests):
    """raw() with half_close for each of the requests (pieces), side by side: some of them wait for
    the daemon to give up."""
    with concurrent.futures.ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(lambda pieces: raw(port, *pieces, half_close=True), requests))


def status_of(answer):
    """Of what raw() got; None where it is no answer."""
    match = re.match(rb"HTTP/1\.1 (\d{3}) ", answer)
    return int(match[1]) if match else None


def trusting(authority):
    return ssl.create_default_context(cafile=str(authority.certificate))
