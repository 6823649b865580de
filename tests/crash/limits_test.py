"""Clients that use up descriptors or memory: those that are too many are told to come again, and
whatever else the daemon does goes on.

Limits are the kernel's, set with prlimit for the daemon alone.
"""

import contextlib
import os
import re
import smtplib
import socket
import subprocess

from crash_case import CrashCase, main, wait_until

_MEGABYTE = 1 << 20


def connect(port):
    """A client that has read one line, or nothing where nobody answers: (socket, line)."""
    client = socket.create_connection(("127.0.0.1", port), timeout=5)
    try:
        return client, client.recv(512)
    except (TimeoutError, ConnectionError):
        return client, b""


def set_limit(pid, what):
    subprocess.run(["prlimit", f"--pid={pid}", f"--{what}"], check=True)


def open_descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


class DescriptorsTest(CrashCase):
    NAME = "descriptors"

    def crowd(self, number):
        """That many clients at once; (those that were greeted, what the others were told)."""
        greeted, told = [], []
        for _ in range(number):
            client, line = connect(self.gateway.port)
            self.crowd_stack.callback(client.close)
            if line.startswith(b"220 "):
                greeted.append(client)
            else:
                told.append(line)
        return greeted, told

    def setUp(self):
        super().setUp()
        self.crowd_stack = contextlib.ExitStack()
        self.addCleanup(self.crowd_stack.close)

    def test_more_clients_than_the_limit_allows(self):
        """With a limit that the daemon finds at its start: 421, and half of it for all the rest."""
        self.start_gateway(start=False)
        self.gateway.launcher = ["prlimit", "--nofile=240:240"]
        self.gateway.start()
        self.assertIn("fewer_sessions", self.gateway.program.log())
        pid = self.gateway.program.pid
        self.start_senders(2)
        self.wait_for_accepted()
        greeted, told = self.crowd(300)
        self.assertGreater(len(greeted), 60)
        self.assertGreater(len(told), 60)
        for line in told:
            self.assertTrue(line.startswith(b"421 4.3.2 "), line)
        self.assert_alive(pid)
        self.assertNotIn("accept_failed", self.gateway.program.log())
        # Who got in is served, and its mail leaves.
        greeted[0].sendall(b"EHLO client.test\r\nMAIL FROM:<a@client.test>\r\n"
                           b"RCPT TO:<crowded@plain.test>\r\nDATA\r\n")
        greeted[0].sendall(b"X-Digest: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852"
                           b"b855\r\n\r\n.\r\n")
        wait_until("the crowd's message to arrive",
                   lambda: "crowded@plain.test" in self.hop.delivered())
        self.crowd_stack.close()
        self.wait_for_accepted(what="mail to be taken after they have left")
        self.settle()

    def test_no_descriptor_is_left(self):
        """A limit that comes later, and below what the daemon reckons with: the store cannot open
        the next file. It goes on by itself once clients have left."""
        self.start_gateway()
        pid = self.gateway.program.pid
        self.start_senders(2)
        self.wait_for_accepted()
        held, _ = self.crowd(100)
        self.assertEqual(len(held), 100)
        set_limit(pid, f"nofile={open_descriptors(pid) - 80}")
        self.start_senders(2, pause=0, lines=4000)  # a new file every few seconds
        self.wait_for_refusals("451 4.3.0 ")
        self.assertTrue(self.gateway.program.running())
        self.crowd_stack.close()
        self.wait_for_accepted(what="mail to be taken after they have left")
        self.assert_alive(pid)
        self.settle(faults=1)


class MemoryTest(CrashCase):
    NAME = "memory"

    _MORE = 160 * _MEGABYTE

    def memory(self, which):
        """Bytes of the daemon: VmHWM (held at most so far), VmData (what RLIMIT_DATA counts)."""
        with open(f"/proc/{self.gateway.program.pid}/status", encoding="ascii") as file:
            return int(re.search(rf"{which}:\s+(\d+) kB", file.read()).group(1)) << 10

    def test_more_bodies_than_there_is_memory_for(self):
        """Many clients in the middle of large bodies: those beyond --max_body_memory get 452. A
        limit of the kernel's would end the daemon if they could make it take much more."""
        self.start_gateway(max_body_memory=8 * _MEGABYTE, max_message_size=2 * _MEGABYTE,
                           store_backlog=8 * _MEGABYTE)
        pid = self.gateway.program.pid
        self.start_senders(2)
        self.wait_for_accepted()
        before = self.memory("VmHWM")
        set_limit(pid, f"data={self.memory('VmData') + self._MORE}")
        clients = []
        for _ in range(80):  # two cores may hold 8 MB each
            session = smtplib.SMTP("127.0.0.1", self.gateway.port, timeout=30)
            self.addCleanup(session.close)
            session.ehlo("client.test")
            session.mail("a@client.test")
            session.rcpt("big@plain.test")
            self.assertEqual(session.docmd("DATA")[0], 354)
            clients.append(session)
        line = b"x" * 998 + b"\r\n"
        for session in clients:
            session.send(b"Subject: big\r\n\r\n" + line * (_MEGABYTE // len(line)))
        self.assert_alive(pid)
        replies = [session.docmd(".") for session in clients]
        codes = [code for code, _ in replies]
        peak = self.memory("VmHWM")
        print(f"80 bodies of 1 MB at once: {codes.count(250)} taken, {codes.count(452)} told to "
              f"come again; at most {peak >> 20} MB held, {before >> 20} MB before", flush=True)
        self.assertEqual(set(codes), {250, 452}, replies)
        for code, text in replies:
            if code == 452:
                self.assertTrue(text.startswith(b"4.3.1 "), text)
        self.assertLess(peak, before + self._MORE)
        self.assert_alive(pid)
        # The same session may try again at once.
        session = clients[codes.index(452)]
        self.assertEqual(session.docmd("MAIL FROM:<a@client.test>")[0], 250)
        self.wait_for_accepted(what="mail to be taken as before")


if __name__ == "__main__":
    main()
