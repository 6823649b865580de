"""Next hops that misbehave, and a wiretap in front of those that do not.

    stalling = StallingHop(workspace, "handshake")       # says 220 to STARTTLS, and no more
    tap = Wiretap(workspace, stalling.port)
    …route to tap.port…
    tap.assert_nothing_in_clear(self, "secret text")
    tap.target = postfix.ports["good"]                    # the hop is mended
"""

import contextlib
import select
import socket
import threading


class _Server:
    """A listener on a port of the kernel's choice; one thread for each connection, all bounded by
    socket timeouts."""

    TIMEOUT_SECONDS = 60

    def __init__(self, workspace):
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        self._open = set()
        self._lock = threading.Lock()
        workspace.at_close(self.close)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        # shutdown() wakes the accept(), which close() alone would not.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.disconnect_all()

    def disconnect_all(self):
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._run, args=(connection,), daemon=True).start()

    def _run(self, connection):
        connection.settimeout(self.TIMEOUT_SECONDS)
        with self._lock:
            self._open.add(connection)
        try:
            self.serve(connection)
        except OSError:
            pass  # the peer went away, or we are closed: the test looks at what was seen
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()

    def serve(self, connection):
        raise NotImplementedError


class StallingHop(_Server):
    """A server of SMTP that stops, or does worse, at one stage:

    banner       says nothing at all
    ehlo         greets, and does not answer EHLO
    starttls     offers STARTTLS and does not answer it
    handshake    answers STARTTLS with 220, and no more
    mid-handshake answers the ClientHello with half a TLS record, and no more
    refuse       answers STARTTLS with 454
    inject       sends a reply in clear right behind the 220
    garbage      answers the ClientHello with text
    hang-up      closes the connection at the ClientHello
    hostile      takes no recipient, in words of the test's own (`words`), and offers no STARTTLS
    """

    STAGES = ("banner", "ehlo", "starttls", "handshake", "mid-handshake", "refuse", "inject",
              "garbage", "hang-up", "hostile")
    words = b""

    def __init__(self, workspace, stage):
        if stage not in self.STAGES:
            raise ValueError(stage)
        self._stage = stage
        super().__init__(workspace)

    def serve(self, connection):
        reader = connection.makefile("rb")
        if self._stage == "banner":
            self._stall(connection)
            return
        connection.sendall(b"220 stalling.test ESMTP\r\n")
        for line in reader:
            verb = line.strip().upper()
            if verb.startswith(b"EHLO"):
                if self._stage == "ehlo":
                    self._stall(connection)
                    return
                connection.sendall(b"250 stalling.test\r\n" if self._stage == "hostile" else
                                   b"250-stalling.test\r\n250-PIPELINING\r\n250 STARTTLS\r\n")
            elif self._stage == "hostile" and verb.startswith(b"RCPT"):
                connection.sendall(b"550 5.1.1 " + self.words + b"\r\n")
            elif verb == b"STARTTLS":
                if self._starttls(connection):
                    return
            elif verb == b"QUIT":
                connection.sendall(b"221 2.0.0 bye\r\n")
                return
            else:
                # Whatever comes in clear is taken gladly: the test must see it, were it to come.
                connection.sendall(b"354 go on\r\n" if verb == b"DATA" else b"250 2.0.0 Ok\r\n")

    def _starttls(self, connection):
        """True when that was the end of the session."""
        if self._stage == "refuse":
            connection.sendall(b"454 4.7.0 TLS not available due to temporary reason\r\n")
            return False
        if self._stage == "starttls":
            self._stall(connection)
            return True
        if self._stage == "inject":
            connection.sendall(b"220 2.0.0 Ready\r\n250-stalling.test\r\n250 8BITMIME\r\n")
            self._stall(connection)
            return True
        connection.sendall(b"220 2.0.0 Ready\r\n")
        if self._stage in ("mid-handshake", "garbage", "hang-up"):
            connection.recv(65536)
        if self._stage == "mid-handshake":
            connection.sendall(b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03")
        if self._stage == "garbage":
            connection.sendall(b"500 5.5.1 Error: command not recognized\r\n" * 20)
        if self._stage != "hang-up":
            self._stall(connection)
        return True

    def _stall(self, connection):
        """Reads and says nothing, until the peer has had enough."""
        while connection.recv(65536):
            pass


class Wiretap(_Server):
    """Hands everything through to `target` (a port of this host), and keeps what it saw."""

    def __init__(self, workspace, target):
        self.target = target
        self.connections = 0
        self._sent = bytearray()      # by those who connect
        self._received = bytearray()  # by `target`
        super().__init__(workspace)

    def serve(self, connection):
        with self._lock:
            self.connections += 1
        with socket.create_connection(("127.0.0.1", self.target), timeout=10) as behind:
            while True:
                readable, _, _ = select.select([connection, behind], [], [], self.TIMEOUT_SECONDS)
                if not readable:
                    return
                for source in readable:
                    data = source.recv(65536)
                    if not data:
                        return
                    with self._lock:
                        (self._sent if source is connection else self._received).extend(data)
                    (behind if source is connection else connection).sendall(data)

    def sent(self):
        with self._lock:
            return bytes(self._sent)

    def received(self):
        with self._lock:
            return bytes(self._received)

    def forget(self):
        with self._lock:
            self._sent.clear()
            self._received.clear()
            self.connections = 0

    def assert_nothing_in_clear(self, test, *texts):
        """No command of a transaction and none of `texts` ever passed in a form to be read. What
        did pass is not empty: a wire that was never used proves nothing."""
        sent = self.sent()
        test.assertTrue(sent, "nobody used the wire at all")
        for text in ("MAIL FROM", "RCPT TO", "DATA\r\n", *texts):
            test.assertNotIn(text.lower().encode(), sent.lower(), f"{text!r} went in clear")
