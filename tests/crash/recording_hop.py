"""A next hop that writes down what it took: aiosmtpd, with STARTTLS when it is given a certificate.

usage: recording_hop.py PORT RECORD [CERTIFICATE KEY]

One line in RECORD for each recipient of a message that is answered with 250, written before the
answer; "damaged" stands behind the address where the body is not the one whose SHA-256 the header
names. Every twentieth message is answered with 451, as busy servers do.
"""

import asyncio
import itertools
import ssl
import sys

from aiosmtpd.smtp import SMTP

from traffic import is_whole


class Recorder:
    def __init__(self, path):
        self._record = open(path, "ab", buffering=0)
        self._count = itertools.count(1)

    async def handle_DATA(self, _server, _session, envelope):
        if next(self._count) % 20 == 0:
            return "451 4.3.0 Busy, come again"
        damage = "" if is_whole(envelope.content) else " damaged"
        lines = "".join(f"{recipient}{damage}\n" for recipient in envelope.rcpt_tos)
        self._record.write(lines.encode())
        return "250 2.0.0 Ok"


async def serve(port, recorder, context):
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(recorder, hostname="recording.test", tls_context=context,
                     require_starttls=context is not None, loop=loop),
        "127.0.0.1", port)
    await server.serve_forever()


def main():
    port, record = int(sys.argv[1]), sys.argv[2]
    context = None
    if len(sys.argv) > 3:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(sys.argv[3], sys.argv[4])
    asyncio.run(serve(port, Recorder(record), context))


if __name__ == "__main__":
    main()
