"""Sluice, as built in the build directory. Everything is at its default but what enforces TLS."""

import json
import socket
import subprocess
import time

from peer import Peer
from processes import wait_until


class SilentHop:
    """A next hop to which a connect is not answered: mail waits for it, untried. (Sluice has no state
    in which mail is held; a port that refused would have each message tried and deferred.)"""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=0)
        self.port = self._listener.getsockname()[1]
        # They fill its backlog, and nobody accepts them.
        self._waiting = [socket.socket() for _ in range(4)]
        for client in self._waiting:
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", self.port))


class Sluice(Peer):
    name = "sluice"
    title = "Sluice"
    # Until the store's buffers have been filled, written out and filled again.
    warmup_seconds = 8
    _silent = None

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
        if next_hop is None:
            self._silent = self._silent or SilentHop()
        flags = {
            "listen": f"127.0.0.1:{self.port}", "hostname": "sluice.test",
            "data_dir": self.root / "data", "control_socket": self._socket, "cores": len(cpus),
            "route": f"*=127.0.0.1:{next_hop or self._silent.port}", "default_tls_level": "encrypt",
            "tls_certificate": credential.certificate, "tls_private_key": credential.key}
        if next_hop is None:
            # All of it waits for the next hop: what finds no room is written once more. Bodies that
            # wait are on the disk alone, as they are with the others, once these bytes are full.
            flags |= {"lane_backlog": 1000000, "max_body_memory": 50 << 20}
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
