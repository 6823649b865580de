"""What the end-to-end tests have in common: one workspace a class, and its logs when a test fails.

    class InboundTest(E2eCase):
        NAME = "inbound"

        @classmethod
        def set_up(cls):
            cls.gateway = Gateway(cls.workspace, …).start()

    if __name__ == "__main__":
        main()
"""

import sys
import unittest

from certificates import CertificateAuthority
from processes import Workspace, require_root


class E2eCase(unittest.TestCase):
    NAME = "e2e"
    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        cls.workspace = Workspace(cls.NAME)
        cls._failures_shown = False
        try:
            cls.set_up()
        except BaseException:
            print(cls.workspace.logs(), file=sys.stderr)
            cls.workspace.close()
            raise

    @classmethod
    def set_up(cls):
        """What all tests of the class use; may be replaced."""

    @classmethod
    def tearDownClass(cls):
        cls.workspace.close()

    @classmethod
    def make_authority(cls):
        return CertificateAuthority(cls.workspace.directory("ca"))

    def run(self, result=None):
        before = len(result.failures) + len(result.errors) if result else 0
        super().run(result)
        failed = result is not None and len(result.failures) + len(result.errors) > before
        if failed and not type(self)._failures_shown:
            type(self)._failures_shown = True  # once: what follows is seldom news
            print(f"\nLogs at the failure of {self.id()}:\n{self.workspace.logs()}",
                  file=sys.stderr)


def main():
    require_root()
    unittest.main(verbosity=2)


def message(subject, body="Hello.\r\n", sender="a@client.test", recipient="b@peer.test"):
    """A small message as bytes, CRLF line ends."""
    return (f"From: {sender}\r\nTo: {recipient}\r\nSubject: {subject}\r\n"
            f"Date: Mon, 01 Jun 2026 12:00:00 +0000\r\nMessage-ID: <{subject}@client.test>\r\n"
            f"\r\n{body}").encode("latin-1")
