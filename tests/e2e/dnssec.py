"""Zones signed with DNSSEC, by Debian's ldnsutils, and what is published about certificates in them.

    anchor = sign_zone(root / "example.zone", "example")      # the signatures go into the file
    hash = tlsa(credential, usage=3, selector=1)              # "3 1 1 0b9fa5…"

`anchor` is a file for --dnssec_trust_anchor.
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


def sign_zone(zone_file, origin):
    """With a new key, over itself; gives back the trust anchor's file."""
    zone_file = pathlib.Path(zone_file)
    directory = zone_file.parent
    name = _checked(["ldns-keygen", "-r", "/dev/urandom", "-a", "ECDSAP256SHA256", "-k", origin],
                    directory).split()[-1]
    _checked(["ldns-signzone", "-o", origin, "-f", f"{zone_file}.signed", str(zone_file), name],
             directory)
    pathlib.Path(f"{zone_file}.signed").replace(zone_file)
    return directory / f"{name}.key"


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
