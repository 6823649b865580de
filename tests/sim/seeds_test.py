#!/usr/bin/env python3
"""The kept regressions, and then as many new seeds as fit into the time: others on each run. A few
are run twice: the same seed has to be the same run.

  seeds_test.py SIMULATE

SLUICE_SIM_MINUTES (default 1) says how long, SLUICE_SIM_START which seed comes first.
"""

import os
import pathlib
import subprocess
import sys
import time

_REGRESSIONS = pathlib.Path(__file__).resolve().parent / "regressions.txt"


_TWICE = 5


def run_of(simulate, seed):
    """What a run was, its digest included."""
    return subprocess.run([simulate, f"--seed={seed}"], capture_output=True, text=True,
                          errors="replace", timeout=240, check=False).stdout


def main():
    simulate = sys.argv[1]
    for line in _REGRESSIONS.read_text(encoding="utf-8").splitlines():
        seed = line.split("#")[0].strip()
        if seed:
            print(line, flush=True)
            if subprocess.run([simulate, f"--start={seed}", "--seeds=1"], check=False).returncode:
                sys.exit(1)
    minutes = os.environ.get("SLUICE_SIM_MINUTES", "1")
    start = os.environ.get("SLUICE_SIM_START", str(time.time_ns() // 1_000_000 % 10**9))
    for seed in range(int(start), int(start) + _TWICE):
        first, second = run_of(simulate, seed), run_of(simulate, seed)
        if first != second:
            sys.exit(f"seed {seed} is not one run, but two:\n{first}{second}")
    print(f"{_TWICE} seeds from {start} were run twice, each the same run", flush=True)
    # One at a time: the other processor is the other tests'.
    sys.exit(subprocess.run([simulate, f"--start={start}", "--seeds=1000000",
                             f"--minutes={minutes}", "--jobs=1"], check=False).returncode)


if __name__ == "__main__":
    main()
