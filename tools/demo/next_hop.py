"""A mail server for the walk-through of tools/run: aiosmtpd, which keeps what it takes as files.

usage: next_hop.py PORT_FILE MAIL_DIR [CERTIFICATE KEY]

With a certificate it offers STARTTLS, and takes mail over TLS alone; without one it does not offer
it. The kernel picks its port, which stands in PORT_FILE as soon as it listens.
"""

import asyncio
import os
import pathlib
import signal
import ssl
import sys
import time

from aiosmtpd.smtp import SMTP


class Mailbox:
    """One file for each message, numbered."""

    def __init__(self, directory):
        self._directory = pathlib.Path(directory)
        self._directory.mkdir(parents=True, exist_ok=True)
        self._count = 0

    async def handle_DATA(self, _server, session, envelope):
        self._count += 1
        name = time.strftime("%Y%m%d-%H%M%S") + f"-{self._count:04}.eml"
        how = f"over {session.ssl.version()}" if session.ssl else "in clear"
        head = (f"Return-Path: <{envelope.mail_from}>\r\n"
                f"Delivered-To: {', '.join(envelope.rcpt_tos)}\r\n"
                f"X-Arrived: {how}\r\n")
        (self._directory / name).write_bytes(head.encode() + envelope.content)
        return f"250 2.0.0 Ok: kept as {name}"


class NextHop(SMTP):
    """aiosmtpd keeps its TLS object to itself; the mailbox wants to say which version it was."""

    def connection_made(self, transport):
        super().connection_made(transport)
        self.session.ssl = transport.get_extra_info("ssl_object")


async def serve(port_file, mailbox, context):
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: NextHop(mailbox, hostname="mx.example", tls_context=context,
                        require_starttls=context is not None, loop=loop), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    fresh = port_file + ".new"  # nobody may read half a number
    pathlib.Path(fresh).write_text(f"{port}\n", "ascii")
    os.replace(fresh, port_file)
    stopped = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    async with server:
        await stopped.wait()


def main():
    if len(sys.argv) not in (3, 5):
        sys.exit(__doc__)
    context = None
    if len(sys.argv) == 5:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(sys.argv[3], sys.argv[4])
    asyncio.run(serve(sys.argv[1], Mailbox(sys.argv[2]), context))


if __name__ == "__main__":
    main()
