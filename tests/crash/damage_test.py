"""A store whose files are damaged: the daemon refuses to start and says what to do; or, where
RocksDB can tell what is damaged from what is not, it starts, says so, and what can be read goes
out. Nothing is passed over in silence, and nothing is cleared away.
"""

import re
import shutil

from crash_case import CrashCase, RecordingHop, main, wait_until
from gateway import Gateway
from processes import binary, run
from traffic import message

_MESSAGES = 120
_TABLES = rb"default|envelope|body|due|expiry|history|policy"


def flip(path, where=0.5):
    """Changes 64 bytes of the file, `where` (0 to 1) of the way through it."""
    data = bytearray(path.read_bytes())
    begin = max(0, min(int(len(data) * where), len(data) - 64))
    for index in range(begin, min(begin + 64, len(data))):
        data[index] ^= 0x5a
    path.write_bytes(data)


def table_of(path):
    """The column family that an SST file belongs to: it stands in its properties."""
    found = re.search(rb"column\.family\.id.{0,8}name(" + _TABLES + rb")",
                      path.read_bytes(), re.S)
    return found.group(1).decode()


class DamageTest(CrashCase):
    NAME = "damage"

    def setUp(self):
        """A daemon with 120 messages that wait for a hop."""
        super().setUp()
        authority = self.make_authority()
        self.hop_port = self.workspace.reserve_port()  # nobody is there yet
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
        self.gateway.ctl("domains", "add", "listed.test", "--no-ping")
        wait_until("all to have been tried",
                   lambda: all(item["attempts"] for item in self.gateway.queue()))

    def keep(self):
        """The store as it is now, for restore()."""
        self.whole = self.workspace.path / "whole"
        shutil.copytree(self.data, self.whole)

    def make_tables(self):
        self.gateway.restart()  # what was in the log becomes tables
        self.gateway.stop()
        self.keep()

    def restore(self):
        shutil.rmtree(self.data)
        shutil.copytree(self.whole, self.data)

    def files(self, pattern):
        found = sorted(self.data.glob(pattern))
        self.assertTrue(found, f"the store has no {pattern}")
        return found

    def starts(self):
        """Starts the daemon; False: it refused, exit code 1."""
        self.gateway.program.log_path.write_text("")
        self.gateway.start(wait=False)
        wait_until("the daemon to start, or not", lambda: not self.gateway.program.running()
                   or self.gateway.ctl_raw("status").code == 0)
        if self.gateway.program.running():
            return True
        self.assertEqual(self.gateway.program.wait(), 1, self.gateway.program.log())
        return False

    def assert_refused(self):
        before = {path.name for path in self.data.iterdir()}
        self.assertFalse(self.starts(), self.gateway.program.log())
        log = self.gateway.program.log()
        for words in (f"the queue in {self.data} is damaged", "check the disk",
                      "make a copy of the directory", "sluicectl store check"):
            self.assertIn(words, log)
        gone = before - {path.name for path in self.data.iterdir()}
        self.assertEqual({name for name in gone if name.endswith((".sst", ".blob"))}, set())

    def check(self):
        return run([binary("sluicectl"), "store", "check", f"--data_dir={self.data}"])

    def test_what_the_store_cannot_do_without(self):
        self.make_tables()
        manifest = self.files("MANIFEST-*")[-1].name
        tables = {table_of(path): path for path in self.files("*.sst")}
        damages = {
            "the list of domains": lambda: flip(tables["policy"], 0),
            "the expiry times": lambda: flip(tables["expiry"], 0),
            "the format": lambda: flip(tables["default"], 0),
            "CURRENT is missing": lambda: (self.data / "CURRENT").unlink(),
            "CURRENT is garbage": lambda: (self.data / "CURRENT").write_bytes(b"\0" * 20),
            "MANIFEST is missing": lambda: (self.data / manifest).unlink(),
            "MANIFEST is damaged": lambda: flip(self.data / manifest),
            "a table is missing": lambda: self.files("*.sst")[0].unlink(),
            "a table is cut short": lambda: self.files("*.sst")[0].write_bytes(
                self.files("*.sst")[0].read_bytes()[:-100]),
            "a table's end is damaged": lambda: flip(self.files("*.sst")[-1], 1),
            "bodies are missing": lambda: self.files("*.blob")[0].unlink(),
        }
        for what, damage in damages.items():
            with self.subTest(what):
                self.restore()
                damage()
                self.assert_refused()
                checked = self.check()
                self.assertNotEqual(checked.returncode, 0, checked.stdout)
        self.restore()
        self.assertEqual(self.check().returncode, 0, self.check().stdout)
        self.gateway.start()
        hop = RecordingHop(self.workspace, "hop", port=self.hop_port)
        def sent():
            self.gateway.ctl_raw("queue", "retry", "--all")
            return set(hop.delivered()) == self.recipients
        wait_until("all mail to go out", sent, interval=0.5)

    def test_what_is_damaged_stays_and_the_rest_goes(self):
        """Where the damage is met only when the row is needed: the log says it, what can be read
        goes out, and what cannot is still there."""
        self.make_tables()
        tables = {table_of(path): path for path in self.files("*.sst")}
        # What is damaged -> the file, what the log says, whether any (all) of the mail can go out.
        damages = {
            "envelopes": (tables["envelope"], "envelope_damaged", True, False),
            "due times": (tables["due"], "queue_not_read", False, False),
            "chunks of bodies": (tables["body"], "body_not_read", True, False),
            "bodies": (self.files("*.blob")[0], "body_not_read", True, False),
            "history": (tables["history"], "", True, True),
        }
        for what, (path, said, any_goes, all_goes) in damages.items():
            with self.subTest(what):
                self.restore()
                flip(path, 0 if path.suffix == ".sst" else 0.5)
                checked = self.check()
                self.assertNotEqual(checked.returncode, 0, checked.stdout)
                self.assertTrue(self.starts(), self.gateway.program.log())
                try:
                    self.assert_damaged_stays(said, any_goes, all_goes)
                finally:
                    self.gateway.kill()
                    self.hop.kill()

    def assert_damaged_stays(self, said, any_goes, all_goes):
        self.hop = RecordingHop(self.workspace, "hop", port=self.hop_port)
        def settled():
            """The rest has gone, and what is left has been met with."""
            self.gateway.ctl_raw("queue", "retry", "--all")
            totals = self.gateway.ctl("status")["queue"]
            sent = len(self.hop.delivered())
            if sent + totals["messages"] != _MESSAGES or (any_goes and not sent):
                return False
            return sent == _MESSAGES if all_goes else said in self.gateway.program.log()
        wait_until(lambda: "the rest to go: " + self.gateway.text("status") +
                   self.gateway.program.log()[-3000:], settled, interval=0.3)
        delivered = self.hop.delivered()
        self.assertEqual(set(delivered.values()) - {1}, set(), "delivered twice")
        self.assertEqual(len(delivered) == _MESSAGES, all_goes)

    def test_a_damaged_log(self):
        """The daemon was killed, and only the log has the mail. Damaged in the middle it is
        refused: no power was lost, so all of it should be there."""
        self.gateway.kill()
        self.keep()
        log = max(self.files("*.log"), key=lambda path: path.stat().st_size)
        flip(log)
        self.assert_refused()
        self.assertIn("The log breaks off", self.check().stdout)
        # But the last record may be torn: the daemon died while it wrote it.
        self.restore()
        log.write_bytes(log.read_bytes()[:-5])
        self.assertTrue(self.starts(), self.gateway.program.log())
        self.assertEqual(self.gateway.ctl("status")["queue"]["messages"], _MESSAGES)
        self.gateway.kill()

    def test_a_log_after_a_loss_of_power(self):
        """The machine was booted since: where the log breaks off cannot be told from what had not
        been synced. The daemon starts, and says what that may mean."""
        self.gateway.kill()
        (self.data / "boot").write_text("another boot")
        flip(max(self.files("*.log"), key=lambda path: path.stat().st_size))
        self.assertTrue(self.starts(), self.gateway.program.log())
        self.assertIn("store_log_breaks_off", self.gateway.program.log())
        self.assertLess(self.gateway.ctl("status")["queue"]["messages"], _MESSAGES)
        # From here on this boot's rules hold.
        self.assertNotEqual((self.data / "boot").read_text(), "another boot")


if __name__ == "__main__":
    main()
