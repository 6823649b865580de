"""The signer process: every kind of RSA handshake, a reload, its death, and who has the key."""

import os
import pathlib
import re
import signal
import smtplib
import ssl
import threading

from e2e_case import E2eCase, main
from gateway import Gateway, sluiced
from openssl_client import OpensslClient
from processes import SOON_SECONDS, run, wait_until

NEEDED = {
    "TLS 1.2, signed": (["-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"],
                        ("TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256")),
    "TLS 1.2, decrypted": (["-tls1_2", "-cipher", "AES128-GCM-SHA256"],
                           ("TLSv1.2", "AES128-GCM-SHA256")),
    "TLS 1.3, signed with PSS": (["-tls1_3", "-sigalgs", "RSA-PSS+SHA256"],
                                 ("TLSv1.3", "TLS_AES_256_GCM_SHA384")),
}


def status_of(pid):
    """The fields of /proc/PID/status; none where there is no such process, or only its remains."""
    try:
        text = pathlib.Path(f"/proc/{pid}/status").read_text("latin-1")
    except (FileNotFoundError, ProcessLookupError):
        return {}
    fields = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
    return {} if fields["State"].startswith(("Z", "X")) else fields


def signer_of(gateway):
    """Its process number; 0 while there is none."""
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        fields = status_of(entry)
        if (fields.get("PPid"), fields.get("Name")) == (str(gateway.program.pid), "sluice-signer"):
            return int(entry)
    return 0


def wait_for_signer(gateway, other_than=0):
    return wait_until(lambda: f"another signer than {other_than}:\n{gateway.program.log()[-2000:]}",
                      lambda: signer_of(gateway) not in (0, other_than) and signer_of(gateway))


def prime_of(key):
    """The first prime of an RSA key, most significant byte first."""
    text = run(["openssl", "rsa", "-in", str(key), "-noout", "-text"]).stdout
    digits = re.search(r"prime1:\n((?: +[0-9a-f:]+\n)+)", text).group(1)
    return bytes.fromhex(re.sub(r"[^0-9a-f]", "", digits)).lstrip(b"\0")


def memory_holds(pid, secrets):
    """Whether any of `secrets` stands in what the process can write to."""
    # No heap is larger; what the sanitizers keep beside it is, and takes hours to read.
    most = 4 << 30
    step = 1 << 20
    overlap = max(map(len, secrets))
    with open(f"/proc/{pid}/maps", encoding="latin-1") as maps, \
            open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps.read().splitlines():
            place, rights = line.split()[:2]
            begin, end = (int(number, 16) for number in place.split("-"))
            if not rights.startswith("rw") or end - begin > most:
                continue
            for at in range(begin, end, step):
                try:
                    memory.seek(at)
                    seen = memory.read(min(step + overlap, end - at))
                except (OSError, ValueError, OverflowError):
                    continue  # unmapped meanwhile, or no memory (a ring's)
                if any(secret in seen for secret in secrets):
                    return True
    return False


class Load:
    """Clients that shake hands one time after the other, on several threads."""

    def __init__(self, port, threads=4):
        self._port = port
        self._over = threading.Event()
        self._lock = threading.Lock()
        self.done = 0
        self._threads = [threading.Thread(target=self._run) for _ in range(threads)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _run(self):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        while not self._over.is_set():
            try:
                with smtplib.SMTP("127.0.0.1", self._port, timeout=SOON_SECONDS) as session:
                    session.starttls(context=context)
                    session.ehlo()
            except (smtplib.SMTPException, OSError):
                continue  # what the signer had under way when it was killed
            with self._lock:
                self.done += 1


class SignerTest(E2eCase):
    NAME = "signer"

    @classmethod
    def set_up(cls):
        cls.authority = cls.make_authority()

    def gateway(self, name, **flags):
        credential = self.authority.issue(name, ["gateway.test"], kind="rsa")
        return credential, Gateway(self.workspace, [credential], name=name, **flags).start()

    def shake_hands(self, gateway, *options):
        with OpensslClient(gateway.port, self.authority, *options) as client:
            self.assertRegex(client.command("EHLO client.test"), "^250")
            return client.version, client.cipher

    def served_by(self, gateway):
        return gateway.ctl("certificate", "show")["certificates"][0]["fingerprint_sha256"]

    def test_every_kind_of_handshake(self):
        for mode in ("sluice-signer", "inline"):
            _, gateway = self.gateway(f"kinds-{mode}", signer=mode)
            self.assertEqual(bool(signer_of(gateway)), mode != "inline")
            for kind, (options, expected) in NEEDED.items():
                with self.subTest(f"{mode}: {kind}"):
                    self.assertEqual(self.shake_hands(gateway, *options), expected)
            gateway.stop()

    def test_the_daemon_does_not_have_the_key(self):
        for mode in ("sluice-signer", "inline"):
            credential, gateway = self.gateway(f"memory-{mode}", signer=mode)
            for options, _ in NEEDED.values():
                self.shake_hands(gateway, *options)
            gateway.ctl("reload")
            prime = prime_of(credential.key)
            self.assertEqual(len(prime), 128)
            # As in a file, and as numbers lie in memory.
            found = memory_holds(gateway.program.pid, [prime, prime[::-1]])
            self.assertEqual(found, mode == "inline", mode)
            gateway.stop()

    def test_it_protects_itself(self):
        _, gateway = self.gateway("protected")
        pid = signer_of(gateway)
        self.assertEqual(status_of(pid)["NoNewPrivs"], "1")
        limits = pathlib.Path(f"/proc/{pid}/limits").read_text("latin-1")
        self.assertRegex(limits, r"(?m)^Max core file size +0 +0 ")
        # It lets the cores go first.
        own = os.getpriority(os.PRIO_PROCESS, 0)
        self.assertEqual(os.getpriority(os.PRIO_PROCESS, pid), min(own + 5, 19))
        # Standard streams and the socket to the daemon.
        self.assertEqual(sorted(os.listdir(f"/proc/{pid}/fd")), ["0", "1", "2", "3"])
        # Deaf to what ends or reloads the daemon, which Ctrl-C sends to both.
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
            os.kill(pid, number)
        self.shake_hands(gateway)
        self.assertEqual(signer_of(gateway), pid)

    def test_handshakes_go_on_when_it_is_killed(self):
        _, gateway = self.gateway("killed")
        with Load(gateway.port) as load:
            wait_until("handshakes", lambda: load.done >= 10)
            for _ in range(3):
                killed = wait_for_signer(gateway)
                os.kill(killed, signal.SIGKILL)
                wait_for_signer(gateway, other_than=killed)
                before = load.done
                # Whatever was counted since has been signed by another, but for 4 of before.
                wait_until(lambda: f"more handshakes than {load.done}:\n"
                                   f"{gateway.program.log()[-3000:]}",
                           lambda: load.done >= before + 20)
        for line in ("signer_ended .*killed by signal 9", "signer_restarted "):
            wait_until(lambda line=line: f"3 times '{line}':\n{gateway.program.log()[-3000:]}",
                       lambda line=line: len(re.findall(line, gateway.program.log())) == 3)
        gateway.stop()

    def test_it_ends_with_the_daemon(self):
        for number in (signal.SIGKILL, signal.SIGTERM):
            _, gateway = self.gateway(f"ended-{number}")
            pid = signer_of(gateway)
            gateway.program.signal(number)
            gateway.program.wait()
            wait_until(f"signer {pid} to end", lambda pid=pid: not status_of(pid))

    def test_reload(self):
        credential, gateway = self.gateway("reloaded")
        pid = signer_of(gateway)
        with OpensslClient(gateway.port, self.authority) as session:
            renewed = self.authority.issue("reloaded", ["gateway.test"], kind="rsa")
            gateway.program.signal(signal.SIGHUP)
            wait_until("the reload", lambda: self.served_by(gateway) == renewed.fingerprint())
            self.assertRegex(session.command("EHLO client.test"), "^250")
        for options, expected in NEEDED.values():
            self.assertEqual(self.shake_hands(gateway, *options), expected)

        # A key that does not fit, and one that is not there: all stays as it was.
        good = credential.key.read_bytes()
        other = self.authority.issue("other", ["gateway.test"], kind="rsa")
        credential.key.write_bytes(other.key.read_bytes())
        refused = gateway.ctl_raw("reload")
        self.assertEqual(refused.code, 1)
        self.assertIn(f"--tls_private_key: {credential.key}: is not the key of the first "
                      f"certificate in {credential.certificate}", refused.err)
        checked = sluiced("--check", f"--flagfile={gateway.flagfile}")
        self.assertEqual(checked.returncode, 2)
        self.assertIn(f"{credential.key}: is not the key of", checked.stdout)
        credential.key.unlink()
        self.assertIn(f"{credential.key}: cannot be read", gateway.ctl_raw("reload").err)
        self.assertEqual(self.served_by(gateway), renewed.fingerprint())
        for options, expected in NEEDED.values():
            self.assertEqual(self.shake_hands(gateway, *options), expected)

        # Without its file the key is lost with the process, which is told, and mended by a reload.
        os.kill(pid, signal.SIGKILL)
        wait_until(gateway.program.log, lambda: "signer_key_lost" in gateway.program.log())
        credential.key.write_bytes(good)
        gateway.ctl("reload")
        self.shake_hands(gateway)

    def test_a_signer_that_is_none(self):
        certificates = self.authority.issue("none", ["gateway.test"], kind="rsa")
        flags = [f"--tls_certificate={certificates.certificate}",
                 f"--tls_private_key={certificates.key}",
                 f"--data_dir={self.workspace.path}/none-data"]
        missing = sluiced("--check", *flags, "--signer=/nonexistent/signer")
        self.assertEqual(missing.returncode, 2)
        self.assertIn("--signer: /nonexistent/signer cannot be executed", missing.stdout)
        other = sluiced("--check", *flags, "--signer=/bin/false")
        self.assertEqual(other.returncode, 2)
        self.assertIn("--signer: /bin/false ended at its start: exit status 1", other.stdout)


if __name__ == "__main__":
    main()
