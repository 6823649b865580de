"""What is compared: the figures, and how each is measured on one peer.

    measured = Measurer(bench, peer).measure(wanted)   # {"handshake_full": Value(…), …}

A throughput has two values. `seen` is what came out in a second of the run, on the CPUs that the
peer had. `per_cpu` is the same per second of CPU time that the peer used: it tells what the peer
could do where the load, and not the peer, is the limit, or where others shared its CPU.
Of repeated loads the best counts, for all alike.
"""

import concurrent.futures
import dataclasses

from probe import command_latencies


@dataclasses.dataclass(frozen=True)
class Figure:
    key: str
    title: str
    unit: str
    more_is_better: bool = True
    # Least ratio of Sluice's to the best peer's (its inverse where less is better), where one is
    # asked for.
    demanded: float | None = None


FIGURES = (
    Figure("handshake_full", "Full STARTTLS handshakes, ECDSA P-256", "/s", demanded=7),
    Figure("handshake_resumed_13", "Resumed handshakes, TLS 1.3", "/s", demanded=10),
    Figure("handshake_resumed_12", "Resumed handshakes, TLS 1.2", "/s", demanded=10),
    Figure("handshake_rsa", "Full handshakes, RSA-2048", "/s", demanded=3),
    Figure("rsa_bystander", "… p99 of another session's command meanwhile", "ms",
           more_is_better=False),
    Figure("accept", "Messages taken durably, 10 KiB over TLS, 10 to a session", "/s", demanded=15),
    Figure("relay", "Messages relayed, TLS on both sides, all on the same CPUs", "/s", demanded=15),
    Figure("relay_p50", "… p50 of the time in the relay at half of its own maximum", "ms",
           more_is_better=False),
    Figure("relay_p99", "… p99 likewise", "ms", more_is_better=False, demanded=10),
    Figure("relay_calm", "… p50 at 10 messages a second", "ms", more_is_better=False),
    Figure("relay_cpu", "… CPU time of a message, at half of its own maximum", "ms",
           more_is_better=False, demanded=15),
    Figure("idle_memory", "Memory of an idle TLS session", "KiB", more_is_better=False),
)


@dataclasses.dataclass(frozen=True)
class Value:
    seen: float
    per_cpu: float | None = None  # throughput only


@dataclasses.dataclass(frozen=True)
class Bench:
    """What the figures are measured with."""
    harness: object
    credentials: dict       # "ecdsa", "rsa" -> Credential
    next_hop_port: int
    peer_cpus: list         # of all figures but relay
    harness_cpus: list
    seconds: float


class Measurer:
    """Each group of figures (GROUPS) by a method of its own, which starts the peer anew, in the state
    that they need. Called again, it keeps the better ones."""

    # Sessions at a time.
    CONNECTIONS = 64
    # Steps of the search for the rate at which as much comes out as goes in.
    SEARCH_STEPS = 4

    def __init__(self, bench, peer, say):
        self._bench = bench
        self._peer = peer
        self._say = say
        self.values = {}
        self.remarks = []

    # ---- Handshakes and acceptance: nothing is sent on ----

    def full(self):
        with self._running("ecdsa"):
            load = self._load("handshake", "--certificate=ecdsa")
        self._keep("handshake_full", load)

    def resumed_13(self):
        self._resumed("1.3", "handshake_resumed_13")

    def resumed_12(self):
        self._resumed("1.2", "handshake_resumed_12")

    def _resumed(self, version, key):
        with self._running("ecdsa"):
            load = self._load("handshake", "--resume", f"--tls={version}")
            share = load.resumed / max(1, load.done)
            if share < 0.98:
                load = load.without_full(share, self._load("handshake", f"--tls={version}"))
                self._remark(f"{100 * share:.0f} % of the sessions were resumed (TLS {version}); "
                             "the full ones are taken out of the figure at what they cost")
        self._keep(key, load)

    def rsa(self):
        with self._running("rsa"), concurrent.futures.ThreadPoolExecutor(1) as beside:
            probe = beside.submit(command_latencies, self._peer.port, self._bench.seconds)
            load = self._load("handshake", "--certificate=rsa")
            wait = probe.result()[1]
        self._keep("handshake_rsa", load)
        before = self.values.get("rsa_bystander", Value(wait))
        self.values["rsa_bystander"] = Value(min(wait, before.seen))

    def accept(self):
        with self._running("ecdsa"):
            load = self._load("send", "--per_connection=10", "--sizes=10KiB")
        self._keep("accept", load)

    def idle(self):
        sessions = self._peer.most_idle_sessions
        with self._running("ecdsa"):
            # What it allocates once is there before it is counted.
            self._load("handshake", connections=8)
            load = self._bench.harness.run("idle", self._peer, f"--sessions={sessions}",
                                           "--timeout=120s")
        if load.failed:
            self._remark(f"{load.failed} of {sessions} idle sessions could not be opened")
        self.values["idle_memory"] = Value(load.bytes_per_session / 1024)
        self._say(f"idle session: {load.bytes_per_session / 1024:.1f} KiB ({load.done} of them)")

    # ---- Relay: load, peer and next hop share all CPUs ----

    def relay(self):
        best = self._relay_load()
        self._say(f"relay: in {best.accepted_per_s:.0f}/s, out {best.per_s:.0f}/s")
        seen = low = best.per_s
        high = best.accepted_per_s
        for _ in range(self.SEARCH_STEPS):
            if high < 1.07 * low:
                break
            rate = (low + high) / 2
            load = self._relay_load(f"--rate={rate:.1f}")
            kept_up = load.per_s >= 0.95 * rate and not load.failed
            self._say(f"relay at {rate:.0f}/s: {'keeps up' if kept_up else 'falls behind'}, "
                      f"out {load.per_s:.0f}/s")
            # What leaves faster than it comes has waited since before the time that is counted.
            if min(load.per_s, rate) > seen:
                best, seen = load, min(load.per_s, rate)
            if kept_up:
                low = rate
            else:
                high = rate
        self.values["relay"] = Value(seen, best.per_cpu_second)
        half = self._relay_load(f"--rate={seen / 2:.1f}")
        self._say(f"relay at half of it: p50 {half.p50_ms:.1f} ms, p99 {half.p99_ms:.1f} ms, "
                  f"CPU {half.cpu_ms_each:.2f} ms each")
        self.values["relay_p50"] = Value(half.p50_ms)
        self.values["relay_p99"] = Value(half.p99_ms)
        self.values["relay_cpu"] = Value(half.cpu_ms_each)

    def relay_calm(self):
        """At one rate for all, which each one can take: half of its maximum is another for each."""
        load = self._relay_load("--rate=10")
        self._say(f"relay at 10/s: p50 {load.p50_ms:.1f} ms")
        self.values["relay_calm"] = Value(load.p50_ms)

    def _relay_load(self, *flags):
        """With an empty queue: what one load has left would be the next one's."""
        bench = self._bench
        cpus = sorted({*bench.peer_cpus, *bench.harness_cpus})
        sink = bench.credentials["ecdsa"]
        with self._running("ecdsa", next_hop=bench.next_hop_port, cpus=cpus):
            return self._load("relay", f"--listen=127.0.0.1:{bench.next_hop_port}",
                              f"--tls_certificate={sink.certificate}",
                              f"--tls_private_key={sink.key}", "--per_connection=10",
                              "--sizes=10KiB", *flags)

    # ---- One load ----

    def _running(self, kind, next_hop=None, cpus=None):
        return _Running(self._peer, self._bench.credentials[kind], next_hop,
                        cpus or self._bench.peer_cpus)

    def _load(self, mode, *flags, connections=None):
        load = self._bench.harness.run(mode, self._peer, *flags,
                                       f"--connections={connections or self.CONNECTIONS}")
        if load.failed > 0.01 * load.done:
            self._remark(f"{mode}: {load.failed} failed beside {load.done}: "
                         + "; ".join(load.warnings[-2:]))
        return load

    def _keep(self, key, load):
        value = Value(load.per_s, load.per_cpu_second)
        before = self.values.get(key, value)
        self.values[key] = Value(max(value.seen, before.seen), max(value.per_cpu, before.per_cpu))
        self._say(f"{key}: {value.seen:.0f}/s, {value.per_cpu:.0f} per CPU second; p50 "
                  f"{load.p50_ms:.1f} ms, harness at {100 * load.harness_share:.0f} %")

    def _remark(self, text):
        self._say(text)
        if text not in self.remarks:
            self.remarks.append(text)


class _Running:
    """The peer, started with an empty queue, and stopped at the end."""

    def __init__(self, peer, *how):
        self._peer = peer
        self._how = how

    def __enter__(self):
        self._peer.start(*self._how)

    def __exit__(self, *_):
        self._peer.stop()


# In this order: the figures, what measures them, and whether it is repeated.
GROUPS = (
    ({"handshake_full"}, Measurer.full, True),
    ({"handshake_resumed_13"}, Measurer.resumed_13, True),
    ({"handshake_resumed_12"}, Measurer.resumed_12, True),
    ({"handshake_rsa", "rsa_bystander"}, Measurer.rsa, True),
    ({"accept"}, Measurer.accept, True),
    ({"relay", "relay_p50", "relay_p99", "relay_cpu"}, Measurer.relay, False),
    ({"relay_calm"}, Measurer.relay_calm, False),
    ({"idle_memory"}, Measurer.idle, False),
)
