"""A disk that is full, read-only, broken, or does not answer: the daemon says 45x, stays alive, and
goes on by itself when the cause is gone; and all mail that it answered with 250 arrives, once.

The full disk is a real one, a small tmpfs mounted by the test (where mounting is not allowed, as in
an unprivileged container, ENOSPC comes from faults.c, and the test says so). The others are faults
of faults.c: see faults.py for why. SLUICE_DISK_FAULTS is how often the disk fails at any moment
(default 10).
"""

import contextlib
import errno
import os
import random
import re
import subprocess
import time

from crash_case import CrashCase, RecordingHop, main, wait_until
from faults import Faults
from traffic import message

_FULL = "452 4.3.1 "
_NOT_WRITTEN = "451 4.3.0 "


class SmallDisk:
    """A file system of its own for a directory."""

    def __init__(self, directory, size):
        directory.mkdir(parents=True)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "sluice-test",
                               str(directory)], stderr=subprocess.PIPE, check=False)
        self.mounted = done.returncode == 0
        self.why_not = done.stderr.decode(errors="replace").strip()
        self._directory = directory

    @contextlib.contextmanager
    def full(self):
        """Somebody else's file takes all the room there is, and then goes."""
        filler = self._directory / "somebody-elses-file"
        with open(filler, "wb", buffering=0) as file:
            with contextlib.suppress(OSError):  # ENOSPC
                while True:
                    file.write(bytes(1 << 16))
        try:
            yield filler
        finally:
            filler.unlink()

    def unmount(self):
        if self.mounted:
            subprocess.run(["umount", "--lazy", str(self._directory)], check=True)


class DiskTest(CrashCase):
    NAME = "disk"

    def start_with_faults(self, **flags):
        self.start_gateway(start=False, **flags)
        self.faults = Faults(self.workspace, self.gateway.flags["data_dir"])
        self.gateway.environment = self.faults.environment()
        self.gateway.start()

    def ride_out(self, fault, *replies):
        """Traffic before, during and after the fault."""
        pid = self.gateway.program.pid
        self.start_senders(3)
        self.wait_for_accepted()
        with fault:
            self.wait_for_refusals(*replies)
            self.assert_alive(pid)
        self.wait_for_accepted(what="mail to be taken again")
        self.assert_alive(pid)
        self.assertIn("store_failed", self.gateway.program.log())
        self.assertIn("store_recovered", self.gateway.program.log())

    def small_disk(self):
        self.start_gateway(start=False)
        disk = SmallDisk(self.gateway.flags["data_dir"], 160 << 20)
        self.workspace.at_close(disk.unmount)
        if disk.mounted:
            self.gateway.start()
            return disk.full
        print(f"no file system can be mounted here ({disk.why_not}): ENOSPC comes from faults.c")
        self.faults = Faults(self.workspace, self.gateway.flags["data_dir"])
        self.gateway.environment = self.faults.environment()
        self.gateway.start()
        return lambda: self.faults.changes_fail(errno.ENOSPC)

    def test_full(self):
        full = self.small_disk()
        self.ride_out(full(), _FULL)
        self.settle(faults=1)

    def test_full_at_the_start(self):
        full = self.small_disk()
        self.start_senders(3)
        self.wait_for_accepted(150)
        with full():
            self.wait_for_refusals(_FULL)
            self.gateway.kill()
            self.gateway.start(wait=False)
            self.assertEqual(self.gateway.program.wait(), 1)
            log = self.gateway.program.log()
            self.assertIn("the disk is full; free some space", log)
        self.gateway.start()
        self.wait_for_accepted()
        self.settle(may_be_twice=True)  # it was killed

    def test_read_only(self):
        self.start_with_faults()
        self.ride_out(self.faults.changes_fail(errno.EROFS), _NOT_WRITTEN)
        self.settle(faults=1)

    def test_broken(self):
        self.start_with_faults()
        self.ride_out(self.faults.changes_fail(errno.EIO), _NOT_WRITTEN)
        self.settle(faults=1)

    def test_any_fault_at_any_moment(self):
        """Under full load, now for a moment and now for a second, whatever the store does then."""
        self.start_with_faults()
        pid = self.gateway.program.pid
        moments = random.Random(self.seed)
        self.start_senders(2, pause=0)
        self.start_senders(1, pause=0, lines=3000)  # so that tables are written all the time
        faults = int(os.environ.get("SLUICE_DISK_FAULTS", "10"))
        for _ in range(faults):
            self.wait_for_accepted(moments.randrange(1, 400))
            error = moments.choice([errno.EIO, errno.ENOSPC, errno.EROFS])
            with self.faults.changes_fail(error):
                time.sleep(moments.choice([0.01, 0.1, 1]) * moments.random())
        self.wait_for_accepted()
        self.assert_alive(pid)
        self.settle(faults=faults)

    def test_unreadable(self):
        """Mail is on the disk alone, and the disk cannot be read: it waits until it can."""
        self.start_with_faults()
        self.hop.kill()
        recipients = {f"m{number}@plain.test" for number in range(60)}
        with self.gateway.client() as session:
            for recipient in recipients:
                session.sendmail("a@client.test", [recipient],
                                 message(recipient, b"0123456789abcdef\r\n" * 300))
        wait_until("all to have been tried",
                   lambda: all(item["attempts"] for item in self.gateway.queue()))
        self.gateway.restart()  # what was in memory is in tables now
        pid = self.gateway.program.pid
        with self.faults.reads_fail(errno.EIO):
            self.hop = RecordingHop(self.workspace, "hop", port=self.hop.port)
            wait_until("the fault to be met with",
                       lambda: re.search("queue_not_read|body_not_read",
                                         self.gateway.program.log()))
            self.assert_alive(pid)
        def arrived():
            self.gateway.ctl_raw("queue", "retry", "--all")
            return self.hop.delivered().keys() == recipients
        wait_until(lambda: f"all mail to arrive: {self.gateway.program.log()[-3000:]}", arrived,
                   interval=0.5, timeout=60)
        self.assertEqual(set(self.hop.delivered().values()), {1})
        self.gateway.wait_for_empty_queue()
        self.assert_alive(pid)

    def test_stalled(self):
        """The store's thread hangs in a sync: who waits for longer than --store_timeout is told to
        come again, and what was refused so is not in the queue."""
        self.start_with_faults(store_timeout="1s")
        pid = self.gateway.program.pid
        self.start_senders(3)
        self.wait_for_accepted()
        with self.faults.syncs_hang():
            self.wait_for_refusals(_NOT_WRITTEN)
            self.assert_alive(pid)
        self.wait_for_accepted(what="mail to be taken again")
        self.assert_alive(pid)
        self.settle()


if __name__ == "__main__":
    main()
