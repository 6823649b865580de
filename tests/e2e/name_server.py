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

A signed one has a resolver in front of it as well, for programs that validate nothing themselves:

    resolver = ValidatingResolver(workspace, name_server)
    resolver.run(["posttls-finger", "-l", "dane", …])        # asks that one, and no other
"""

import os
import random
import signal
import socket
import struct

from dnssec import ZoneKey
from processes import run, wait_until

_TRIES = 100


class NameServer:
    def __init__(self, workspace, records, signed=False, unsigned="", forge=None):
        root = workspace.directory("nsd")
        port = workspace.reserve_port()
        self._root = root
        self._serial = 0
        zones = ["example", "unsigned.example"] if signed else ["example"]
        self.key = ZoneKey(root, "example") if signed else None
        if signed:
            self.trust_anchor = self.key.trust_anchor
            self._write_zone(root, "unsigned.example", unsigned)
        zone_file = self._write_main_zone(records)
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
        """Other records instead; resolvers keep the former for their time to live."""
        zone_file = self._write_main_zone(records)
        # nsd goes by the file's time: another one, however soon this is after the last.
        written = int(zone_file.stat().st_mtime) + self._serial
        os.utime(zone_file, (written, written))
        self._program.signal(signal.SIGHUP)
        serial = struct.pack("!5L", self._serial, 3600, 600, 86400, 60)
        wait_until(lambda: f"nsd to serve serial {self._serial}\n{self._program.log()}",
                   lambda: serial in (self._soa() or b""))

    def _write_main_zone(self, records):
        records = "ns IN A 127.0.0.1\n" + records
        if self.key is None:
            return self._write_zone(self._root, "example", records)
        records += "\nunsigned IN NS ns.example.\n"
        zone_file = self._write_zone(self._root, "example", records)
        self.key.sign(zone_file)
        return zone_file

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
        return _ask_soa("127.0.0.1", self._port)


def _ask_soa(address, port):
    """The answer to a question for the zone's SOA; None: there was none in time."""
    question = struct.pack("!6H", 7, 0, 1, 0, 0, 0) + b"\x07example\x00" + struct.pack("!2H", 6, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.5)
        try:
            client.sendto(question, (address, port))
            return client.recv(512)
        except OSError:
            return None


class ValidatingResolver:
    """dnsmasq, which vouches with the AD bit for what it has validated. It listens at port 53, the
    only one that the C library asks, of a loopback address of its own."""

    def __init__(self, workspace, name_server):
        root = workspace.directory("resolver")
        self._address = _free_address(53)
        self._resolv_conf = root / "resolv.conf"
        self._resolv_conf.write_text(f"nameserver {self._address}\noptions trust-ad\n", "ascii")
        # It wants an anchor of the root as well: any.
        tag, algorithm, kind, digest = name_server.key.ds()
        anchors = [f"--trust-anchor={zone},{tag},{algorithm},{kind},{digest}"
                   for zone in ("example", ".")]
        self._program = workspace.start("dnsmasq", [
            "/usr/sbin/dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv",
            "--no-hosts", "--user=root", f"--pid-file={root / 'pid'}", "--log-facility=-",
            "--bind-interfaces", f"--listen-address={self._address}", "--port=53", "--dnssec",
            *anchors, f"--server={name_server.config.replace('@', '#')}"])
        wait_until(lambda: f"dnsmasq to answer\n{self._program.log()}",
                   lambda: _ask_soa(self._address, 53) is not None)

    def why_not(self):
        """Why no program can have it as its resolver: in some containers nothing may be mounted."""
        tried = self.run(["true"])
        return tried.stdout.strip() if tried.returncode != 0 else None

    def run(self, command, **options):
        """With this as the machine's resolver, for the program alone."""
        return run(["unshare", "--mount", "sh", "-ec",
                    'mount --bind "$0" /etc/resolv.conf; exec "$@"', str(self._resolv_conf),
                    *map(str, command)], **options)


def _free_address(port):
    """A loopback address that has this port free, for UDP and TCP: 127.0.0.0/8 is large."""
    error = None
    for _ in range(_TRIES):
        address = "127." + ".".join(str(random.randint(1, 254)) for _ in range(3))
        try:
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                with socket.socket(socket.AF_INET, kind) as probe:
                    probe.bind((address, port))
            return address
        except OSError as refused:
            error = refused
    raise AssertionError(f"no loopback address has its port {port} free: {error}")
