"""A gateway of its own for a measurement: started in an empty directory, and ended again."""

import json
import socket
import subprocess
import sys
import time


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Gateway:
    """Mail for each domain of `next_hops` goes to that port of this machine, over TLS."""

    def __init__(self, build, directory, next_hops):
        self.port = free_port()
        self.socket = directory / "control.sock"
        self.data = directory / "data"
        self._build = build
        self._directory = directory
        key, certificate = directory / "key.pem", directory / "certificate.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-keyout", key, "-out", certificate, "-days", "30", "-subj",
             "/CN=gateway.test"], check=True, stderr=subprocess.DEVNULL)
        self._log = (directory / "log").open("wb")
        self.process = subprocess.Popen(
            [build / "bin/sluiced", f"--listen=127.0.0.1:{self.port}", "--hostname=gateway.test",
             f"--data_dir={self.data}", f"--control_socket={self.socket}", "--cores=1",
             "--pin_cores=true", "--ping_interval=0", f"--tls_certificate={certificate}",
             f"--tls_private_key={key}", "--default_tls_level=encrypt",
             f"--admin_tokens={directory}/tokens", "--route=" + ",".join(
                 f"{domain}=127.0.0.1:{port}" for domain, port in next_hops.items())],
            stdout=self._log, stderr=self._log)
        while self.ctl("status").returncode != 0:
            if self.process.poll() is not None:
                sys.exit((directory / "log").read_text("utf-8", "replace")[-2000:])
            time.sleep(0.1)

    def command(self, *words):
        return [str(self._build / "bin/sluicectl"), *words, f"--control_socket={self.socket}"]

    def ctl(self, *words):
        return subprocess.run(self.command(*words), stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, check=False, encoding="utf-8")

    def ask(self, path):
        """Milliseconds that the answer took."""
        begun = time.monotonic()
        subprocess.run(["curl", "-sf", "-o", "/dev/null", "--unix-socket", str(self.socket),
                        f"http://localhost{path}"], check=True)
        return 1000 * (time.monotonic() - begun)

    def bench(self, mode, *flags):
        """The steps of a run of sluice-bench against it."""
        path = self._directory / f"{mode}.json"
        subprocess.run(
            [self._build / "bench/sluice-bench", mode, f"--target=127.0.0.1:{self.port}",
             f"--pid={self.process.pid}", f"--json={path}", "--quiet", *flags], check=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return json.loads(path.read_text("utf-8"))["steps"]

    def memory_mib(self, field):
        """VmRSS: now; VmHWM: the most since the start."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            for line in file:
                if line.startswith(field + ":"):
                    return int(line.split()[1]) / 1024
        raise KeyError(field)

    def stop(self):
        self.process.terminate()
        self.process.wait(60)
