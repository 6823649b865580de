"""What the tests of crashes and exhaustion have in common: one gateway in front of hops that count.

    class DiskTest(CrashCase):
        NAME = "disk"

        def test_full(self):
            self.start_gateway(store_timeout="2s")
            self.start_senders(2)
            …
            self.settle()     # all mail answered with 250 has arrived, once
"""

import os
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))

from e2e_case import E2eCase, main  # noqa: E402, F401
from gateway import Gateway  # noqa: E402
from processes import Workspace, wait_for_port, wait_until  # noqa: E402
from traffic import Sender, count, delivered_in  # noqa: E402

_HERE = pathlib.Path(__file__).resolve().parent


class RecordingHop:
    """A recording_hop.py: `port`, `record`."""

    def __init__(self, workspace, name, credential=None, port=None):
        self.port = port or workspace.reserve_port()
        self.record = workspace.path / f"{name}.record"
        self.record.write_text("")
        tls = [str(credential.certificate), str(credential.key)] if credential else []
        self._program = workspace.start(
            name, ["/usr/bin/python3", "-B", str(_HERE / "recording_hop.py"), str(self.port),
                   str(self.record), *tls])
        wait_for_port(self.port)

    def delivered(self):
        """Recipient -> how many times."""
        return delivered_in(self.record)

    def kill(self):
        self._program.kill()


class CrashCase(E2eCase):
    """Each test has a workspace, a hop and a gateway of its own."""

    TO_DRAIN_SECONDS = 60

    def setUp(self):
        self.workspace.close()
        type(self).workspace = Workspace(self.NAME)
        self.seed = int(os.environ.get("SLUICE_SEED", random.randrange(1 << 32)))
        print(f"seed {self.seed} (SLUICE_SEED repeats it)", flush=True)
        self.senders = []
        self.addCleanup(self._stop_senders)

    def start_gateway(self, start=True, **flags):
        authority = self.make_authority()
        self.hop = RecordingHop(self.workspace, "hop")
        self.gateway = Gateway(
            self.workspace, [authority.issue("gateway", ["gateway.test"])],
            **{"retry_schedule": "1s", "log_level": "info", "store_memory": 16 << 20,
               "route": [f"plain.test=127.0.0.1:{self.hop.port}"], **flags})
        if start:
            self.gateway.start()
        return self.gateway

    def start_senders(self, number, pause=0.005, lines=None):
        for _ in range(number):
            index = len(self.senders)
            self.senders.append(Sender(index, self.gateway.port, ["plain.test"],
                                       self.seed + index, pause, lines))

    def _stop_senders(self):
        for sender in self.senders:
            sender.stop()

    def accepted(self):
        return sum(len(sender.accepted) for sender in self.senders)

    def refusals(self):
        """Replies to all mail that was refused so far, in no order."""
        return [reply for sender in self.senders for _, reply in list(sender.refused)]

    def wait_for_accepted(self, more=50, what="mail to be taken"):
        before = self.accepted()
        wait_until(lambda: f"{what}: {self.refusals()[-3:]}\n{self.gateway.program.log()[-3000:]}",
                   lambda: self.accepted() >= before + more)

    def wait_for_refusals(self, *replies, more=10):
        """Mail is refused, with one of `replies` (how they begin) and nothing else."""
        before = len(self.refusals())
        wait_until(lambda: f"mail to be refused; accepted: {self.accepted()}",
                   lambda: len(self.refusals()) >= before + more)
        for reply in self.refusals():
            self.assertTrue(reply.startswith(replies), f"{reply!r} is none of {replies}")

    def assert_alive(self, pid):
        """The daemon that was started first still runs, and answers."""
        self.assertTrue(self.gateway.program.running(), self.gateway.program.log()[-4000:])
        self.assertEqual(self.gateway.program.pid, pid)
        self.assertEqual(self.gateway.ctl("status")["hostname"], "gateway.test")

    def settle(self, may_be_twice=False, faults=0):
        """Stops the clients, waits until nothing is queued, and counts.

        `faults`: how often a write may have reached the disk whose sync failed. Its messages are
        refused and may be found again all the same, when the store is opened anew: no more than
        were under way."""
        self._stop_senders()
        self.drain()
        counts = count(self.senders, self.hop.delivered(), self.gateway)
        print(f"{self.id().rpartition('.')[2]}: {counts}", flush=True)
        self.assertEqual(counts.lost[:20], [], f"{len(counts.lost)} are lost")
        self.assertGreater(counts.accepted, 100, "too little was under way to prove anything")
        if not may_be_twice:
            self.assertEqual(counts.twice[:20], [])
        self.assertLessEqual(len(counts.unasked), faults * len(self.senders), counts.unasked[:20])
        return counts

    def drain(self):
        """Has everything tried again until nothing waits."""
        def empty():
            if not self.gateway.queue():
                return True
            self.gateway.ctl_raw("queue", "retry", "--all")
            return False
        wait_until(lambda: f"the queue to drain: {self.gateway.queue()[:3]}", empty,
                   self.TO_DRAIN_SECONDS, interval=0.5)
