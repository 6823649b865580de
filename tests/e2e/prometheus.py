"""A Prometheus of sorts: scrapes a gateway, has promtool look at it, and reads PromQL.

    scrape = Scrape(gateway)
    scrape.check()                                           # promtool has nothing to say
    scrape.total("sluice_failures_total", kind="tls")        # over all series with these labels
    missing_from(scrape, 'sum(rate(sluice_sessions[5m]))')   # selectors that find no series
"""

import http.client
import re
import socket
import subprocess
import tempfile

from processes import SOON_SECONDS

_SAMPLE = re.compile(r'^([a-z_]+)(?:\{(.*)\})? (\S+)$')
_LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')
_SELECTOR = re.compile(r'\b((?:sluice|process)_[a-z_]+)(?:\{([^}]*)\})?')
_MATCHER = re.compile(r'([a-z_]+)(!=|=~|!~|=)"([^"]*)"')
# What Prometheus adds to what it scrapes.
_ADDED = {"job", "instance"}


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=SOON_SECONDS)
        self._path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Scrape:
    def __init__(self, gateway):
        connection = _UnixConnection(gateway.socket)
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        self.text = answer.read().decode("utf-8")
        self.content_type = answer.getheader("Content-Type")
        connection.close()
        if answer.status != 200:
            raise AssertionError(f"/metrics answered {answer.status}: {self.text}")
        self.samples = []  # (name, labels, value)
        for line in self.text.splitlines():
            if line.startswith("#"):
                continue
            match = _SAMPLE.match(line)
            if not match:
                raise AssertionError(f"no sample: {line!r}")
            name, labels, value = match.groups()
            self.samples.append((name, dict(_LABEL.findall(labels or "")), float(value)))

    def series(self, name, **labels):
        return [(seen, value) for sample, seen, value in self.samples
                if sample == name and labels.items() <= seen.items()]

    def total(self, name, **labels):
        found = self.series(name, **labels)
        if not found:
            raise AssertionError(f"no series {name} with {labels}")
        return sum(value for _, value in found)

    def check(self):
        promtool("check", "metrics", stdin=self.text, silent=True)


def promtool(*arguments, stdin="", silent=False):
    done = subprocess.run(["promtool", *map(str, arguments)], input=stdin, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=2 * SOON_SECONDS, encoding="utf-8",
                          check=False)
    if done.returncode != 0 or (silent and done.stdout):
        raise AssertionError(f"promtool {' '.join(map(str, arguments))} ended with "
                             f"{done.returncode}:\n{done.stdout}")


def check_promql(expressions):
    """AssertionError where one of them is no PromQL."""
    rules = ["groups:", "  - name: expressions", "    rules:"]
    for number, expression in enumerate(expressions):
        rules += [f"      - record: expression:number{number}", "        expr: |",
                  f"          {expression}"]
    with tempfile.NamedTemporaryFile("w", suffix=".yml", encoding="utf-8") as file:
        file.write("\n".join(rules) + "\n")
        file.flush()
        promtool("check", "rules", file.name)


def missing_from(scrape, expression):
    """The selectors in `expression` that no series of the scrape fits."""
    missing = []
    for name, matchers in _SELECTOR.findall(expression):
        wanted = {label: value for label, operator, value in _MATCHER.findall(matchers)
                  if operator == "=" and label not in _ADDED}
        named = {label for label, _, _ in _MATCHER.findall(matchers)} - _ADDED
        if not any(named <= labels.keys() for labels, _ in scrape.series(name, **wanted)):
            missing.append(f"{name}{{{matchers}}}")
    return missing
