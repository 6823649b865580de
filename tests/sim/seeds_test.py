#!/usr/bin/env python3
"""The kept regressions, and then as many new seeds as fit into the time: others on each run.

  seeds_test.py SIMULATE

SLUICE_SIM_MINUTES (default 3) says how long, SLUICE_SIM_START which seed comes first.
"""

import os
import pathlib
import subprocess
import sys
import time

_REGRESSIONS = pathlib.Path(__file__).resolve().parent / "regressions.txt"


def main():
    simulate = sys.argv[1]
    for line in _REGRESSIONS.read_text(encoding="utf-8").splitlines():
        seed = line.split("#")[0].strip()
        if seed:
            print(line, flush=True)
            if subprocess.run([simulate, f"--start={seed}", "--seeds=1"], check=False).returncode:
                sys.exit(1)
    minutes = os.environ.get("SLUICE_SIM_MINUTES", "3")
    start = os.environ.get("SLUICE_SIM_START", str(time.time_ns() // 1_000_000 % 10**9))
    # One at a time: the other processor is the other tests'.
    sys.exit(subprocess.run([simulate, f"--start={start}", "--seeds=1000000",
                             f"--minutes={minutes}", "--jobs=1"], check=False).returncode)


if __name__ == "__main__":
    main()
