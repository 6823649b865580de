"""What the four programs under comparison have in common, and how each is started and watched.

    peer = Postfix(ground)
    peer.start(credential, next_hop=2526, cpus=[0])
    peer.cpu_seconds(); peer.memory_bytes(); peer.queued()
    peer.stop()                         # nothing of it is left: no process, no file

Every process of a peer, also those that it forks and loses, lives in a control group of its own, so
that CPU time counts whoever has already ended (Exim forks for each session and each delivery) and
that nothing survives stop(). What a peer keeps on disk is under `ground.directory/NAME`, on one
disk for all.
"""

import os
import pathlib
import shutil
import signal
import subprocess
import time

from processes import wait_for_port, wait_until

# Where control groups may be: version 1 has a tree for each controller, version 2 one for all.
_CGROUP_V1 = pathlib.Path("/sys/fs/cgroup/cpuacct")
_CGROUP_V2 = pathlib.Path("/sys/fs/cgroup")


class ControlGroup:
    """CPU time of all that ever ran in it, and the processes that do now."""

    def __init__(self, name):
        self._v2 = (_CGROUP_V2 / "cgroup.controllers").exists()
        self._path = (_CGROUP_V2 if self._v2 else _CGROUP_V1) / f"sluice-compare-{name}"
        self._path.mkdir(exist_ok=True)
        self.kill()  # what a run has left that was itself killed

    @property
    def procs(self):
        return self._path / "cgroup.procs"

    def pids(self):
        return [int(line) for line in self.procs.read_text("ascii").split()]

    def cpu_seconds(self):
        """User and system time."""
        if not self._v2:
            return int((self._path / "cpuacct.usage").read_text("ascii")) / 1e9
        for line in (self._path / "cpu.stat").read_text("ascii").splitlines():
            name, value = line.split()
            if name == "usage_usec":
                return int(value) / 1e6
        raise AssertionError(f"{self._path}/cpu.stat has no usage_usec")

    def memory_bytes(self):
        """Proportional set size: what processes share is counted once."""
        total_kib = 0
        for pid in self.pids():
            try:
                rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text("ascii")
            except (FileNotFoundError, ProcessLookupError):
                continue  # it ended meanwhile
            for line in rollup.splitlines():
                if line.startswith("Pss:"):
                    total_kib += int(line.split()[1])
        return total_kib * 1024

    def kill(self):
        """Until nobody is left: those that are killed may just have forked."""
        def empty():
            pids = self.pids()
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            return not pids
        wait_until(f"the processes in {self._path} to end", empty, timeout=30, interval=0.02)

    def remove(self):
        def removed():
            try:
                self._path.rmdir()
                return True
            except OSError:
                return False  # the kernel has not reaped the last one yet
        wait_until(f"{self._path} to be removed", removed, timeout=30, interval=0.02)


class Ground:
    """Where the peers stand: directories, and ports that nobody else gets."""

    def __init__(self, workspace, directory, binaries, installed, authority):
        self.directory = pathlib.Path(directory)
        self.binaries = pathlib.Path(binaries)    # build/bin
        self.installed = pathlib.Path(installed)  # what bench/compare/install made
        self.authority = pathlib.Path(authority)  # who issued the certificates of all
        self.reserve_port = workspace.reserve_port


class Peer:
    """A program under comparison. Subclasses say how it is configured and started."""

    name = ""
    title = ""
    # What a reader of the table has to know about this one's figures.
    notes = ()
    # How long it is under load before anything is measured.
    warmup_seconds = 2
    # Most sessions that the memory test may ask of it: where a session is a process.
    most_idle_sessions = 1000

    def __init__(self, ground):
        self.ground = ground
        self.port = ground.reserve_port()
        self.root = ground.directory / self.name
        self._group = None
        self._process = None

    # ---- What subclasses say ----

    def version(self):
        raise NotImplementedError

    def prepare(self, credential, next_hop, cpus):
        """Writes configuration and empty spool into self.root. `next_hop` is a port of 127.0.0.1
        that all mail goes to over TLS, or None: mail is taken and kept, nothing is sent. `cpus` are
        those that it may use."""
        raise NotImplementedError

    def command(self):
        raise NotImplementedError

    def ready(self):
        """Called once it listens; whatever else is to be done at its start."""
        time.sleep(0.5)

    def queued(self):
        """Messages that were taken and not yet sent."""
        raise NotImplementedError

    def end(self):
        """Asks it to end; who does not is killed."""
        self._process.send_signal(signal.SIGTERM)

    # ---- The process ----

    def start(self, credential, next_hop, cpus):
        self.clear()
        self.root.mkdir(parents=True)
        self.root.chmod(0o755)
        self.prepare(credential, next_hop, cpus)
        self._group = ControlGroup(self.name)
        into_group = f'echo $$ >"{self._group.procs}" && exec "$@"'
        with open(self.root / "output.log", "wb") as log:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "sh", "-c", into_group, "sh",
                 "taskset", "-c", ",".join(map(str, cpus)), *map(str, self.command())],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                start_new_session=True, cwd=self.root)
        try:
            wait_for_port(self.port)
        except AssertionError as error:
            raise AssertionError(f"{self.title} does not listen: {error}\n{self.log()}") from None
        self.ready()
        return self

    def stop(self):
        if self._process is None:
            return
        self.end()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            pass
        self._group.kill()
        self._process.wait()
        self._group.remove()
        self._process = None
        self.clear()

    def clear(self):
        if self.root.exists():
            shutil.rmtree(self.root)

    def cpu_seconds(self):
        return self._group.cpu_seconds()

    def memory_bytes(self):
        return self._group.memory_bytes()

    @property
    def pid(self):
        """All its other processes descend from this one."""
        return self._process.pid

    def log(self):
        """The end of what it printed and logged."""
        texts = [path.read_text("latin-1")[-3000:] for path in sorted(self.root.glob("*log"))
                 if path.is_file()]
        return "\n".join(texts)


def package_version(name):
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", name], stdout=subprocess.PIPE,
                          encoding="ascii", check=True)
    return done.stdout
