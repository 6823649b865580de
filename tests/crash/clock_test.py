"""The machine's clock is set by days while mail waits: nothing expires, nothing floods, and nothing
lies longer than it should.

The daemon alone sees the step (faults.c stands between it and libc's clock). Waits are counted in
events, not in seconds of ours: a message that is tried again every second shows that time goes on.
"""

import datetime
import smtplib

from crash_case import CrashCase, main, wait_until
from e2e_case import message
from faults import Faults

_DAYS_3 = datetime.timedelta(days=3)
_DAYS_8 = datetime.timedelta(days=8)
_NONE = datetime.timedelta()


class ClockTest(CrashCase):
    NAME = "clock"

    def setUp(self):
        super().setUp()
        self.start_gateway(start=False, retry_schedule="1s,1s,1h")
        # Nobody listens there: all mail is deferred.
        self.gateway.flags["route"] = f"down.test=127.0.0.1:{self.workspace.reserve_port()}"
        self.faults = Faults(self.workspace, self.gateway.flags["data_dir"])
        self.gateway.environment = self.faults.environment()

    def step_to(self, ahead):
        """Sets the clock, and waits until the daemon has said so."""
        before = self.gateway.program.log().count("clock_stepped")
        self.faults.set_wall_clock_ahead(ahead)
        wait_until("the daemon to notice the step",
                   lambda: self.gateway.program.log().count("clock_stepped") > before)

    def attempts(self):
        """Recipient -> how often it was tried."""
        return {item["recipients"][0]["address"]: item["attempts"]
                for item in self.gateway.queue()}

    def send_and_see_it_tried(self, name, times=3):
        """A new message; back once it has been tried `times` times, over its waits of a second."""
        recipient = f"{name}@down.test"
        self.gateway.send("a@client.test", recipient, message(name))
        wait_until(lambda: f"{recipient} to be tried {times} times: {self.attempts()}",
                   lambda: self.attempts().get(recipient) == times)

    def outcomes(self):
        return {entry["outcome"] for entry in self.gateway.history()}

    def assert_undisturbed(self, waiting):
        """All of `waiting` (tried three times, due in an hour) is there and was not tried again."""
        attempts = self.attempts()
        self.assertEqual({name: attempts.get(name) for name in waiting},
                         {name: 3 for name in waiting})
        self.assertEqual(self.outcomes(), {"deferred"})

    def test_steps_forward_and_back(self):
        self.gateway.start()
        pid = self.gateway.program.pid
        for number in range(5):
            self.send_and_see_it_tried(f"before-{number}", times=1)
        waiting = [f"before-{number}@down.test" for number in range(5)]
        wait_until("all to have been tried three times",
                   lambda: all(self.attempts().get(name) == 3 for name in waiting))
        with smtplib.SMTP("127.0.0.1", self.gateway.port) as session:
            session.ehlo()
            steps = (_DAYS_3, _DAYS_8, -_DAYS_3, _NONE)
            for number, ahead in enumerate(steps):
                self.step_to(ahead)
                self.send_and_see_it_tried(f"during-{number}")
                self.assert_undisturbed(waiting)
                waiting.append(f"during-{number}@down.test")
                self.assertEqual(session.noop()[0], 250)  # a session outlives the steps
                shown = self.gateway.ctl("status")["wall_clock_ahead_seconds"]
                self.assertAlmostEqual(shown, ahead.total_seconds(), delta=2)
        self.assert_alive(pid)
        self.assertEqual(self.gateway.program.log().count("clock_stepped"), len(steps))
        self.gateway.stop()

    def test_people_see_the_machines_time(self):
        self.gateway.start()
        self.send_and_see_it_tried("shown")
        before = self.gateway.queue()[0]
        self.step_to(_DAYS_3)
        after = self.gateway.queue()[0]
        for member in ("accepted_at", "next_try_at", "deadline_at"):
            moved = (datetime.datetime.fromisoformat(after[member].replace("Z", "+00:00"))
                     - datetime.datetime.fromisoformat(before[member].replace("Z", "+00:00")))
            # What the notice of a step leaves open is less than a second.
            self.assertAlmostEqual(moved / _DAYS_3, 1, places=4, msg=member)
        self.assertIn("set forward", self.gateway.text("status"))

    def test_a_step_and_a_crash(self):
        """A machine that booted with a wrong time, was put right, and crashed."""
        self.faults.set_wall_clock_ahead(-60 * _DAYS_3)
        self.gateway.start()
        self.send_and_see_it_tried("early")
        self.step_to(_NONE)
        self.gateway.ctl("domains", "add", "synced.test", "--no-ping")  # is synced, with all before it
        self.gateway.kill()
        self.gateway.start()
        self.send_and_see_it_tried("after")
        attempts = self.attempts()
        self.assertEqual(attempts["early@down.test"], 3)
        self.assertEqual(self.outcomes(), {"deferred"})

    def test_a_lifetime_is_a_lifetime(self):
        """Mail expires when its time is up, however the clock was set meanwhile."""
        self.gateway.flags["queue_lifetime"] = "6s"
        self.gateway.start()
        self.gateway.send("", "short@down.test", message("short"))  # nobody is told of its end
        self.step_to(_DAYS_3)
        self.send_and_see_it_tried("barrier", times=2)
        self.assertIn("short@down.test", self.attempts())
        self.step_to(-_DAYS_3)
        expired = self.gateway.wait_for_history(recipient="short@down.test", outcome="expired")
        self.assertRegex(expired["detail"], r"^expired after [67]s")


if __name__ == "__main__":
    main()
