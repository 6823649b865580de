"""Faults of the disk and steps of the clock for one daemon, switched while it runs (faults.c).

    faults = Faults(workspace, gateway.flags["data_dir"])
    gateway.environment = faults.environment()
    gateway.start()
    with faults.changes_fail(errno.ENOSPC):
        …
    faults.set_wall_clock_ahead(datetime.timedelta(days=3))

A library in front of libc rather than a mounted file system: it needs no privilege and no device,
so it works in any container; and a file system that is read-only or broken cannot be had from the
kernel under a daemon that has files open, and then be taken away again (Linux refuses to remount,
and does not forgive a file system that has failed).
"""

import contextlib
import mmap
import os
import pathlib
import struct

_SWITCHES = struct.Struct("=4q")  # struct Switches of faults.c
_CHANGE_ERRNO, _READ_ERRNO, _HOLD_SYNCS, _WALL_AHEAD_NS = range(4)


class Faults:
    def __init__(self, workspace, directory):
        self._directory = pathlib.Path(directory)
        self._directory.mkdir(exist_ok=True)
        self._path = workspace.path / "faults"
        self._path.write_bytes(bytes(_SWITCHES.size))
        with open(self._path, "r+b") as file:
            self._mapped = mmap.mmap(file.fileno(), _SWITCHES.size)

    def environment(self):
        library = os.environ.get("SLUICE_FAULTS_LIBRARY", "")
        if not os.access(library, os.R_OK):
            raise SystemExit("SLUICE_FAULTS_LIBRARY must name libsluice_faults.so of the build; "
                             f"it is '{library}'.")
        return {**os.environ, "LD_PRELOAD": library, "SLUICE_FAULTS": str(self._path),
                "SLUICE_FAULTS_DIR": str(self._directory)}

    def _set(self, index, value):
        struct.pack_into("=q", self._mapped, index * 8, value)

    @contextlib.contextmanager
    def _switched(self, index, value):
        self._set(index, value)
        try:
            yield
        finally:
            self._set(index, 0)

    def changes_fail(self, error):
        """Every write, sync, creation, renaming and removal of a file fails with errno `error`."""
        return self._switched(_CHANGE_ERRNO, error)

    def reads_fail(self, error):
        return self._switched(_READ_ERRNO, error)

    def syncs_hang(self):
        """fsync and fdatasync do not come back."""
        return self._switched(_HOLD_SYNCS, 1)

    def set_wall_clock_ahead(self, by):
        """By a timedelta, of the machine's; negative: it is behind."""
        self._set(_WALL_AHEAD_NS, round(by.total_seconds()) * 1_000_000_000)
