"""The load harness against programs that are not ours: Postfix's smtpd takes what it sends and shakes
hands with it, Postfix's smtp-source fills its sink; and against the gateway, from end to end."""

import json
import pathlib

from e2e_case import E2eCase, main
from gateway import Gateway
from postfix import PostfixServer, smtp_source, tls_with
from processes import binary, run, wait_for_port


class BenchTest(E2eCase):
    NAME = "bench"

    @classmethod
    def set_up(cls):
        cls.authority = cls.make_authority()
        cls.postfix = PostfixServer(cls.workspace, ["recipient.example"])
        cls.smtpd = cls.postfix.add_smtpd(
            "bench", smtpd_tls_security_level="encrypt",
            **tls_with(cls.authority.issue("mx", ["mx.recipient.example"])))
        cls.postfix.start()

    @staticmethod
    def harness():
        return str(pathlib.Path(binary("sluiced")).parent.parent / "bench" / "sluice-bench")

    def bench(self, mode, *flags, code=0):
        result = self.workspace.directory("results") / f"{mode}.json"
        done = run([self.harness(), mode, "--quiet", "--pin=false", "--warmup=200ms", "--duration=1s",
                    "--connections=4", f"--json={result}", *map(str, flags)])
        self.assertEqual(done.returncode, code, done.stdout)
        return json.loads(result.read_text("utf-8")) if code == 0 else done.stdout

    def steps(self, *arguments):
        steps = self.bench(*arguments)["steps"]
        for step in steps:
            self.assertGreater(step["done"], 0, step)
            self.assertEqual(step["failed"], 0, step)
        return steps

    def test_postfix_shakes_hands(self):
        target = f"--target=127.0.0.1:{self.smtpd}"
        for flags in (["--tls=1.2"], ["--tls=1.3"], ["--group=P-384"]):
            step, = self.steps("handshake", target, *flags)
            self.assertEqual(step["resumed"], 0)
            self.assertLessEqual(step["latency_us"]["p50"], step["latency_us"]["max"])

    def test_postfix_takes_messages(self):
        target = f"--target=127.0.0.1:{self.smtpd}"
        for flags in (["--chunking"], ["--pipelining=false", "--recipients=3"],
                      ["--sizes=1KiB:9,100KiB:1"]):
            self.steps("send", target, *flags)
        text = self.postfix.wait_for_message("Subject: load")
        self.assertIn(b"Message-ID: <", text)

    def test_smtp_source_fills_the_sink(self):
        port = self.workspace.reserve_port()
        sink = self.workspace.start("sink", [self.harness(), "--server", "--pin=false",
                                             f"--listen=127.0.0.1:{port}"])
        wait_for_port(port)
        done = smtp_source(port, "a@client.test", "b@sink.test", messages=50, sessions=5)
        self.assertEqual(done.returncode, 0, done.stdout)
        sink.signal(15)
        self.assertEqual(sink.wait(30), 0)
        self.assertIn('"done": 50', sink.log())

    def test_end_to_end_through_the_gateway(self):
        own = [self.authority.issue("ecdsa", ["gateway.test"])]
        port = self.workspace.reserve_port()
        gateway = Gateway(self.workspace, own, trust_store=self.authority.certificate,
                          log_level="info", default_tls_level="encrypt",
                          route=[f"*=127.0.0.1:{port}"]).start()
        ends = [f"--target=127.0.0.1:{gateway.port}", f"--pid={gateway.program.pid}"]
        for step in self.steps("relay", *ends, f"--listen=127.0.0.1:{port}", "--rate=50,100"):
            self.assertGreater(step["sink"]["done"], 0)
            self.assertGreater(step["latency_us"]["p50"], 0)
            self.assertGreater(step["target_cpu_us_per_op"], 0)
        self.assertIn(" verdict=encrypted ", gateway.program.log())
        self.assertNotIn(" verdict=plain ", gateway.program.log())
        idle, = self.bench("idle", *ends, "--sessions=100")["steps"]
        self.assertEqual(idle["done"], 100)
        # Nobody listens; and then, as STARTTLS is not offered, all of it is parked.
        for domain, order, flags in (("away.test", "queue retry --all", []),
                                     ("clear.test", "ping clear.test", ["--no_starttls"])):
            release = f"{binary('sluicectl')} {order} --control_socket={gateway.socket}"
            steps = self.bench("deferred", *ends, f"--listen=127.0.0.1:{port}", "--messages=300",
                               f"--to=user@{domain}", f"--release_command={release}",
                               *flags)["steps"]
            self.assertEqual(steps[-1]["release"]["missing"], 0, domain)
            self.assertGreaterEqual(steps[-1]["release"]["done"], 300)
        gateway.stop()

    def test_what_cannot_be_measured_is_said(self):
        self.assertIn("--target", self.bench("handshake", code=2))
        self.assertIn("'1.1' is neither", self.bench("send", "--target=127.0.0.1:1", "--tls=1.1",
                                                     code=2))
        self.assertIn("not between", self.bench("send", "--target=127.0.0.1:1", "--cores=4096",
                                                code=2))


if __name__ == "__main__":
    main()
