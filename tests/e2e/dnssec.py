"""Zones signed with DNSSEC, by Debian's ldnsutils, and what is published about certificates in them.

    key = ZoneKey(root, "example")
    key.sign(root / "example.zone")                           # the signatures go into the file
    hash = tlsa(credential, usage=3, selector=1)              # "3 1 1 0b9fa5…"
"""

import hashlib
import pathlib
import subprocess

from processes import run


def _checked(command, directory):
    done = run(command, cwd=directory)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}\n{done.stdout}")
    return done.stdout


class ZoneKey:
    def __init__(self, directory, origin):
        self._origin = origin
        self._name = _checked(["ldns-keygen", "-r", "/dev/urandom", "-a", "ECDSAP256SHA256", "-k",
                               origin], directory).split()[-1]
        self.trust_anchor = pathlib.Path(directory) / f"{self._name}.key"

    def sign(self, zone_file):
        """Over itself."""
        zone_file = pathlib.Path(zone_file)
        _checked(["ldns-signzone", "-o", self._origin, "-f", f"{zone_file}.signed", str(zone_file),
                  str(self.trust_anchor.with_suffix(""))], zone_file.parent)
        pathlib.Path(f"{zone_file}.signed").replace(zone_file)

    def ds(self):
        """The four fields of its DS record."""
        text = self.trust_anchor.with_suffix(".ds").read_text("ascii")
        return text.split(";")[0].split()[-4:]


def tlsa(certificate, usage, selector):
    """The record of the first certificate in a PEM file, by its SHA-256."""
    converted = {0: ["openssl", "x509", "-in", certificate, "-outform", "DER"],
                 1: ["openssl", "x509", "-in", certificate, "-noout", "-pubkey"]}[selector]
    output = subprocess.run(list(map(str, converted)), stdout=subprocess.PIPE, timeout=60,
                            check=True).stdout
    if selector == 1:
        output = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=output,
                                stdout=subprocess.PIPE, timeout=60, check=True).stdout
    return f"{usage} {selector} 1 {hashlib.sha256(output).hexdigest()}"
