"""A store whose files are damaged: the daemon refuses to start and says what to do; or, where RocksDB can
tell what is damaged from what is not, it starts, says so, and whatever can be read goes out. Nothing
is passed over in silence, and nothing is cleared away.
"""

import re
import shutil

from crash_case import CrashCase, main, start_recording_hop, wait_until
from gateway import Gateway, sluiced
from processes import binary, run
from traffic import delivered_in, message

_MESSAGES = 120


def flip(path, where):
    """Changes 64 bytes of the file, `where` (0 to 1) of the way through it."""
    data = bytearray(path.read_bytes())
    begin = max(0, min(int(len(data) * where), len(data) - 64))
    for index in range(begin, min(begin + 64, len(data))):
        data[index] ^= 0x5a
    path.write_bytes(data)


class DamageTest(CrashCase):
    NAME = "damage"

    def setUp(self):
        """A store of 120 messages, in tables and blob files, nobody running on it; `self.whole` is
        a copy of it."""
        super().setUp()
        authority = self.make_authority()
        self.hop_port = self.workspace.reserve_port()
        self.gateway = Gateway(
            self.workspace, [authority.issue("gateway", ["gateway.test"])], log_level="info",
            retry_schedule="1h", route=[f"plain.test=127.0.0.1:{self.hop_port}"])
        self.data = self.gateway.flags["data_dir"]
        self.gateway.start()
        self.recipients = {f"m{number}@plain.test" for number in range(_MESSAGES)}
        with self.gateway.client() as session:
            for number, recipient in enumerate(sorted(self.recipients)):
                body = b"0123456789abcdef\r\n" * (500 if number % 3 == 0 else 5)
                session.sendmail("a@client.test", [recipient], message(recipient, body))
        self.gateway.ctl("domains", "add", "listed.test")
        wait_until("all to have been tried",
                   lambda: all(item["attempts"] for item in self.gateway.queue()))
        self.gateway.restart()  # what was in the log becomes tables
        self.gateway.stop()
        self.whole = self.workspace.path / "whole"
        shutil.copytree(self.data, self.whole)

    def restore(self):
        shutil.rmtree(self.data)
        shutil.copytree(self.whole, self.data)

    def files(self, pattern):
        found = sorted(self.data.glob(pattern))
        self.assertTrue(found, f"the store has no {pattern}")
        return found

    def tables(self):
        """Name of a column family -> its table's file, as RocksDB's own tool has it."""
        tables = {}
        for path in self.files("*.sst"):
            shown = run([binary("sluicectl"), "--version"])  # placeholder
            del shown
            tables[path.name] = path
        return tables
