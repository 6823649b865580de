"""Certificates for tests, made by the openssl program.

    authority = CertificateAuthority(workspace.directory("ca"))
    good = authority.issue("good", ["mx.secure.test"])
    late = authority.issue("late", ["mx.secure.test"], expired=True)
    good.certificate, good.key, authority.certificate     # paths of PEM files
"""

import dataclasses
import pathlib
import subprocess


@dataclasses.dataclass(frozen=True)
class Credential:
    certificate: pathlib.Path  # leaf first
    key: pathlib.Path

    def fingerprint(self):
        """SHA-256 of the certificate, lower-case hex without colons."""
        shown = _openssl("x509", "-in", self.certificate, "-noout", "-fingerprint", "-sha256")
        return shown.strip().split("=", 1)[1].replace(":", "").lower()


def _openssl(*arguments):
    done = subprocess.run(["openssl", *map(str, arguments)], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60,
                          encoding="utf-8", check=False)
    if done.returncode != 0:
        raise AssertionError(f"openssl {' '.join(map(str, arguments))}\n{done.stderr}")
    return done.stdout


class CertificateAuthority:
    KINDS = {
        "ecdsa": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
        "rsa": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    }

    def __init__(self, directory, name="Sluice test CA"):
        self._directory = pathlib.Path(directory)
        self.certificate = self._directory / "ca.pem"
        self._key = self._directory / "ca.key"
        self._generate_key("ecdsa", self._key)
        _openssl("req", "-x509", "-new", "-key", self._key, "-sha256", "-days", "30",
                 "-subj", f"/O=Sluice tests/CN={name}", "-out", self.certificate,
                 "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def issue(self, name, hosts, kind="ecdsa", expired=False, usage="serverAuth"):
        """A certificate for `hosts`, the first of which is the common name; a client's with `usage`
        clientAuth."""
        paths = Credential(self._directory / f"{name}.pem", self._directory / f"{name}.key")
        self._generate_key(kind, paths.key)
        request = self._directory / f"{name}.csr"
        _openssl("req", "-new", "-key", paths.key, "-out", request,
                 "-subj", f"/C=DE/L=Berlin/O=Sluice tests/CN={hosts[0]}")
        extensions = self._directory / f"{name}.ext"
        extensions.write_text(
            "subjectAltName=" + ",".join(f"DNS:{host}" for host in hosts) + "\n"
            f"basicConstraints=critical,CA:FALSE\nextendedKeyUsage={usage}\n"
            "keyUsage=critical,digitalSignature,keyEncipherment\n", encoding="ascii")
        if expired:
            self._issue_expired(request, extensions, paths.certificate)
        else:
            _openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self._key,
                     "-sha256", "-days", "20", "-CAcreateserial", "-extfile", extensions,
                     "-out", paths.certificate)
        return paths

    def self_signed(self, name, hosts, kind="ecdsa"):
        paths = Credential(self._directory / f"{name}.pem", self._directory / f"{name}.key")
        self._generate_key(kind, paths.key)
        _openssl("req", "-x509", "-new", "-key", paths.key, "-sha256", "-days", "20",
                 "-subj", f"/CN={hosts[0]}", "-out", paths.certificate,
                 "-addext", "subjectAltName=" + ",".join(f"DNS:{host}" for host in hosts))
        return paths

    def _generate_key(self, kind, path):
        _openssl("genpkey", *self.KINDS[kind], "-out", path)

    def _issue_expired(self, request, extensions, certificate):
        # Only `openssl ca` takes dates; it wants a small database.
        index = self._directory / "index.txt"
        index.touch()
        config = self._directory / "ca.cnf"
        config.write_text(
            f"[ca]\ndefault_ca=late\n[late]\ndatabase={index}\nnew_certs_dir={self._directory}\n"
            "default_md=sha256\npolicy=any\nrand_serial=yes\nunique_subject=no\n"
            "[any]\ncountryName=optional\nlocalityName=optional\norganizationName=optional\n"
            "commonName=supplied\n", encoding="ascii")
        _openssl("ca", "-batch", "-notext", "-config", config, "-in", request,
                 "-cert", self.certificate, "-keyfile", self._key, "-extfile", extensions,
                 "-startdate", "20200101000000Z", "-enddate", "20210101000000Z",
                 "-out", certificate)
