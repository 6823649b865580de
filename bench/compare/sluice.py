"""Sluice, as built in the build directory. Everything is at its default but what enforces TLS."""

import json
import subprocess
import time

from peer import Peer
from processes import wait_until


class Sluice(Peer):
    name = "sluice"
    title = "Sluice"

    @property
    def _socket(self):
        return self.root / "ctl.sock"

    def _ctl(self, *arguments):
        return subprocess.run(
            [self.ground.binaries / "sluicectl", *arguments, f"--control_socket={self._socket}"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", check=False,
            timeout=60)

    def version(self):
        git = ["git", "-C", self.ground.binaries, "describe", "--always", "--dirty"]
        done = subprocess.run(git, stdout=subprocess.PIPE, encoding="utf-8", check=False)
        return done.stdout.strip() or "as built"

    def prepare(self, credential, next_hop, cpus):
        # A port at which nobody listens is a next hop that is down: mail is taken and kept.
        flags = {
            "listen": f"127.0.0.1:{self.port}", "hostname": "sluice.test",
            "data_dir": self.root / "data", "control_socket": self._socket, "cores": len(cpus),
            "route": f"*=127.0.0.1:{next_hop or 1}", "default_tls_level": "encrypt",
            "tls_certificate": credential.certificate, "tls_private_key": credential.key}
        (self.root / "flags").write_text(
            "".join(f"--{name}={value}\n" for name, value in flags.items()), "utf-8")

    def command(self):
        return [self.ground.binaries / "sluiced", f"--flagfile={self.root / 'flags'}"]

    def ready(self):
        """No mail from anybody, nor to anybody, but over TLS."""
        wait_until(lambda: f"sluiced to be ready\n{self.log()}",
                   lambda: self._ctl("status").returncode == 0)
        added = self._ctl("domains", "add", "*", "--inbound_action=reject")
        if added.returncode != 0:
            raise AssertionError(f"sluicectl domains add: {added.stdout}")

    def queued(self):
        return json.loads(self._ctl("status", "--json").stdout)["queue"]["messages"]
