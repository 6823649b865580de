"""One load of sluice-bench against a peer, with the peer's CPU time beside it.

    load = Harness(program, cpus=[1], raw_directory, seconds=5)
    result = load.run("handshake", peer, "--resume", "--tls=1.3")
    result.per_s, result.per_cpu_second, result.p99_ms

CPU time is user and system time of the peer's control group, so that of all its processes, also of
those that have ended meanwhile; /proc/PID/stat loses Exim's, whose children nobody waits for. It is
taken as a share of the time within the part that is measured, so that neither warming up nor
winding down is in it. What the kernel does for a peer in interrupts is charged to whoever is
running, for all peers alike.
"""

import dataclasses
import json
import subprocess
import threading
import time


@dataclasses.dataclass(frozen=True)
class Load:
    """What one load showed. A rate counts handshakes or messages."""
    per_s: float
    cpu_share: float        # CPU seconds of the peer in a second
    harness_share: float    # of the harness, as a share of the CPUs it had
    p50_ms: float
    p99_ms: float
    failed: int
    done: int
    resumed: int
    accepted_per_s: float   # mode relay: what went in; per_s is what came out
    bytes_per_session: float
    warnings: tuple

    @property
    def per_cpu_second(self):
        return self.per_s / self.cpu_share if self.cpu_share else 0.0

    @property
    def cpu_ms_each(self):
        return 1000 * self.cpu_share / self.per_s if self.per_s else float("inf")


    def without_full(self, resumed_share, full):
        """What it would have shown, had all sessions been resumed and not `resumed_share` of them.
        A server on OpenSSL gives no new ticket with a session that was resumed, and the harness
        uses each but once (RFC 8446, appendix C.4), so that every other session is a full one."""
        def rate(mixed, of_full):
            # Times add up: 1/mixed = share/resumed + (1 - share)/full.
            rest = 1 / mixed - (1 - resumed_share) / of_full
            return resumed_share / rest if rest > 0 and resumed_share else mixed
        per_s = rate(self.per_s, full.per_s)
        per_cpu_second = rate(self.per_cpu_second, full.per_cpu_second)
        return dataclasses.replace(self, per_s=per_s, cpu_share=per_s / per_cpu_second)


class _CpuSampler:
    """Reads a peer's CPU time all along, for share() of a part of that time."""

    def __init__(self, peer):
        self._peer = peer
        self._samples = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _sample(self):
        while True:
            self._samples.append((time.monotonic(), self._peer.cpu_seconds()))
            if self._over.wait(0.05):
                return

    def share(self, begin, end):
        """CPU seconds in a second, between two times of time.monotonic()."""
        within = [sample for sample in self._samples if begin <= sample[0] <= end]
        if len(within) < 2:
            raise AssertionError("a load ended before it was measured")
        return (within[-1][1] - within[0][1]) / (within[-1][0] - within[0][0])


class Harness:
    def __init__(self, program, cpus, raw_directory, seconds):
        self._program = program
        self._cpus = ",".join(map(str, cpus))
        self._raw = raw_directory
        self._seconds = seconds
        self._runs = 0

    def run(self, mode, peer, *flags, cpus=None):
        self._runs += 1
        path = self._raw / f"{self._runs:03}-{peer.name}-{mode}.json"
        command = ["taskset", "-c", cpus or self._cpus, str(self._program), mode,
                   f"--target=127.0.0.1:{peer.port}", f"--pid={peer.pid}", "--quiet",
                   f"--json={path}", f"--duration={self._seconds}s",
                   f"--warmup={peer.warmup_seconds}s", *map(str, flags)]
        with _CpuSampler(peer) as sampler:
            begin = time.monotonic()
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, encoding="utf-8", check=False,
                                  timeout=self._seconds + 240)
        if done.returncode != 0:
            raise AssertionError(f"{' '.join(command)}\n{done.stdout}\n{peer.title}:\n{peer.log()}")
        step = json.loads(path.read_text("utf-8"))["steps"][0]
        share = 0.0
        if "per_s" in step:
            measured = begin + peer.warmup_seconds
            share = sampler.share(measured + 0.2 * self._seconds, measured + 0.9 * self._seconds)
        result = _read(step, share)
        raw = json.loads(path.read_text("utf-8"))
        raw["command"] = command
        raw["peer_cpu_share"] = share
        path.write_text(json.dumps(raw, indent=1), "utf-8")
        return result


def _read(step, cpu_share):
    latency = step.get("latency_us", {})
    return Load(
        per_s=step.get("per_s", 0.0), cpu_share=cpu_share,
        harness_share=step.get("harness_cpu_share", 0.0), p50_ms=latency.get("p50", 0) / 1000,
        p99_ms=latency.get("p99", 0) / 1000, failed=step["failed"], done=step["done"],
        resumed=step.get("resumed", 0), accepted_per_s=step.get("accepted_per_s", 0.0),
        bytes_per_session=step.get("bytes_per_session", 0.0),
        warnings=tuple(step.get("warnings", ())) + tuple(
            f"{count} failed: {what}" for what, count in step.get("faults", {}).items()))
