"""How long one session waits for the answer to a command while others keep the server busy.

    p50_ms, p99_ms = command_latencies(port, seconds=5)

One TLS session says NOOP every few milliseconds. The thread asks for real-time priority, so that
the harness beside it does not delay what is measured.
"""

import os
import socket
import ssl
import time

_PAUSE_SECONDS = 0.005


class _Session:
    def __init__(self, port):
        self._connection = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._read()
        self.command("EHLO probe.test")
        self.command("STARTTLS")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self._connection = context.wrap_socket(self._connection)
        self.command("EHLO probe.test")

    def command(self, text):
        self._connection.sendall(f"{text}\r\n".encode("ascii"))
        self._read()

    def _read(self):
        reply = b""
        while not reply.endswith(b"\n") or reply.splitlines()[-1][3:4] == b"-":
            data = self._connection.recv(65536)
            if not data:
                raise AssertionError(f"the probe's session was closed; last it read {reply!r}")
            reply += data
        if reply[:1] not in b"2":
            raise AssertionError(f"the probe was answered {reply!r}")

    def close(self):
        self._connection.close()


def command_latencies(port, seconds):
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
    except PermissionError:
        pass  # the figure is the worse for it, for all alike
    session = _Session(port)
    latencies = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        begin = time.perf_counter()
        session.command("NOOP")
        latencies.append(1000 * (time.perf_counter() - begin))
        time.sleep(_PAUSE_SECONDS)
    session.close()
    latencies.sort()
    return latencies[len(latencies) // 2], latencies[int(len(latencies) * 0.99)]
