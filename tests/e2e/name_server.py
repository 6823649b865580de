"""A DNS server of its own for a test: nsd, authoritative for the zone example (resolvers
answer for test themselves, RFC 6761 §6.2).

    name_server = NameServer(workspace, '''
        good       IN MX 10 mx1.good
        mx1.good   IN A  127.0.0.1
        nomail     IN MX 0  .
    ''')
    Gateway(…, dns_config=name_server.config, smtp_port=port)
    name_server.publish(other_records)                   # and waits until they are served

Signed with DNSSEC, where that is asked for; `unsigned` is then a zone of its own below it, which is
not: unsigned.example.

    name_server = NameServer(workspace, records, signed=True, unsigned="a IN A 127.0.0.1",
                             forge={"0000": "1111"})     # in the zone file, once it is signed
    Gateway(…, dnssec_trust_anchor=name_server.trust_anchor)
"""

import os
import signal
import socket
import struct

from dnssec import sign_zone
from processes import wait_until


class NameServer:
    def __init__(self, workspace, records, signed=False, unsigned="", forge=None):
        root = workspace.directory("nsd")
        port = workspace.reserve_port()
        self._root = root
        self._serial = 0
        zones = ["example", "unsigned.example"] if signed else ["example"]
        if signed:
            records += "\nunsigned IN NS ns.example.\n"
            self._write_zone(root, "unsigned.example", unsigned)
        zone_file = self._write_zone(root, "example", "ns IN A 127.0.0.1\n" + records)
        if signed:
            self.trust_anchor = sign_zone(zone_file, "example")
        for genuine, forged in (forge or {}).items():
            text = zone_file.read_text("ascii")
            if genuine not in text:
                raise AssertionError(f"{genuine} is not in {zone_file}")
            zone_file.write_text(text.replace(genuine, forged), "ascii")
        (root / "nsd.conf").write_text(
            f'server:\n ip-address: 127.0.0.1@{port}\n username: ""\n database: ""\n'
            f' zonesdir: "{root}"\n pidfile: "{root}/nsd.pid"\n xfrdfile: "{root}/xfrd"\n'
            f' zonelistfile: "{root}/zones"\n xfrdir: "{root}"\n cookie-secret-file: ""\n'
            " server-count: 1\n"
            "remote-control:\n control-enable: no\n"
            + "".join(f'zone:\n name: "{name}"\n zonefile: "{name}.zone"\n' for name in zones),
            "ascii")
        self._port = port
        self._program = workspace.start(
            "nsd", ["/usr/sbin/nsd", "-d", "-c", str(root / "nsd.conf")])
        wait_until(lambda: f"nsd to answer\n{self._program.log()}", self._answers)
        self.config = f"127.0.0.1@{port}"

    def publish(self, records):
        """Other records instead, of a zone that is not signed; resolvers keep the former for their
        time to live."""
        zone_file = self._write_zone(self._root, "example", "ns IN A 127.0.0.1\n" + records)
        # nsd goes by the file's time: another one, however soon this is after the last.
        written = int(zone_file.stat().st_mtime) + self._serial
        os.utime(zone_file, (written, written))
        self._program.signal(signal.SIGHUP)
        serial = struct.pack("!5L", self._serial, 3600, 600, 86400, 60)
        wait_until(lambda: f"nsd to serve serial {self._serial}\n{self._program.log()}",
                   lambda: serial in (self._soa() or b""))

    def _write_zone(self, root, name, records):
        self._serial += 1
        path = root / f"{name}.zone"
        path.write_text(
            f"$ORIGIN {name}.\n$TTL 60\n"
            f"@ IN SOA ns.example. admin.example. {self._serial} 3600 600 86400 60\n"
            "@ IN NS ns.example.\n"
            + "".join(line.strip() + "\n" for line in records.splitlines()), "ascii")
        return path

    def _answers(self):
        """Whether a question for the zone's SOA is answered without an error (RFC 1035 §4.1)."""
        answer = self._soa()
        if answer is None:
            return False
        identity, flags, _, answers, _, _ = struct.unpack("!6H", answer[:12])
        return identity == 7 and flags & 0xF == 0 and answers > 0

    def _soa(self):
        """The answer to a question for it; None: there was none in time."""
        question = struct.pack("!6H", 7, 0, 1, 0, 0, 0) + b"\x07example\x00" + struct.pack("!2H", 6, 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(0.5)
            try:
                client.sendto(question, ("127.0.0.1", self._port))
                answer = client.recv(512)
            except OSError:
                return None
        return answer
