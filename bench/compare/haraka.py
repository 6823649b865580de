"""Haraka, from npm, on a Node.js of its own; all that it needs is in self.root.

haraka_relay.js makes it a relay that enforces TLS, and takes away what holds it up.
"""

import os
import pathlib
import shutil
import subprocess

from peer import Peer

_PLUGIN = pathlib.Path(__file__).with_name("haraka_relay.js")

# Files that stand in the place of those that Haraka comes with.
_CONFIGURATION = {
    "smtp.ini": """
listen=127.0.0.1:{port}
; 0: no cluster, one process does it all; else so many, and one that hands sessions out.
nodes={nodes}
""",
    "tls.ini": """
key=tls_key.pem
cert=tls_cert.pem
dhparam=dhparams.pem
minVersion=TLSv1.2
; Without TLS nothing goes out. Haraka cannot do this without checking the certificate as well.
force_tls_hosts[]=127.0.0.1
""",
    # By default 100 deliveries at once.
    "outbound.ini": """
disabled={disabled}
concurrency_max=200
local_mx_ok=true
""",
    # The default. A line for each session, each message taken and each message sent, as the others
    # have; the level INFO would log every step of each.
    "log.ini": """
[main]
level=NOTICE
format=default
timestamps=true
""",
    "plugins": "tls\nharaka_relay\n",
    "me": "haraka.test\n",
}


class Haraka(Peer):
    name = "haraka"
    title = "Haraka"
    # Until what is run often is compiled.
    warmup_seconds = 5
    notes = ("opens a session for each message it sends", "syncs the file, not its directory",
             "checks the next hop's certificate")

    @property
    def _modules(self):
        return self.ground.installed / "haraka/node_modules"

    def version(self):
        haraka, node = (self.ground.installed / "haraka/version").read_text("ascii").split()
        return f"{haraka} (Node.js {node})"

    def prepare(self, credential, next_hop, cpus):
        config = self.root / "config"
        shutil.copytree(self._modules / "Haraka/config", config)
        for name, text in _CONFIGURATION.items():
            (config / name).write_text(text.format(
                port=self.port, nodes=len(cpus) if len(cpus) > 1 else 0,
                disabled="false" if next_hop else "true"), "utf-8")
        shutil.copyfile(credential.certificate, config / "tls_cert.pem")
        shutil.copyfile(credential.key, config / "tls_key.pem")
        # Without them it makes some of its own, which takes half a minute.
        subprocess.run(["openssl", "genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt",
                        "group:ffdhe2048", "-out", config / "dhparams.pem"], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        (self.root / "plugins").mkdir()
        shutil.copyfile(_PLUGIN, self.root / "plugins" / _PLUGIN.name)
        self._next_hop = next_hop or 1

    def command(self):
        # By default 4 threads do all that touches the disk, so that no more than 4 files are synced
        # at once.
        return ["env", "UV_THREADPOOL_SIZE=64", f"HARAKA_NEXT_HOP={self._next_hop}",
                f"NODE_EXTRA_CA_CERTS={self.ground.authority}", "NODE_ENV=production",
                self._modules / "node/bin/node", self._modules / "Haraka/bin/haraka",
                "-c", self.root]

    def queued(self):
        queue = self.root / "queue"
        return len(os.listdir(queue)) if queue.exists() else 0
