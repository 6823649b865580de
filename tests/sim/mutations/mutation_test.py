#!/usr/bin/env python3
"""Each bug that is planted in the code is found by the simulation, within a bounded number of seeds.

  mutation_test.py SIMULATE          each bug from the seed that README.md's table has for it
  mutation_test.py SIMULATE --table  prints the table anew: the first seed, from 1 on, that finds
                                     it in a short run (of a release build; some worlds are large)

SIMULATE is of a build with SLUICE_PLANTED_BUGS, as the sanitized one is: the others have no bugs
planted.
"""

import pathlib
import re
import subprocess
import sys
import time

_TABLE = pathlib.Path(__file__).resolve().parent / "README.md"
_MOST_SEEDS = 100
_SHORT_S = (0.75, 1.5, 60)  # each where the one in front of it is too short for all seeds
_ROW = re.compile(r"^\| `(\w+)` \| (.*?) \| (\d+) \| ?(.*?) ?\|$")


def rows():
    """(name, mistake, seeds it took, promise) of each bug."""
    found = [_ROW.match(line) for line in _TABLE.read_text(encoding="utf-8").splitlines()]
    return [match.groups() for match in found if match]


def hunt(simulate, bug, start, seeds=_MOST_SEEDS, timeout=1500):
    """(the seed that found it, the promise that was broken); None where none did."""
    # One run at a time: the other processor is the other tests'.
    run = subprocess.run(
        [simulate, f"--bug={bug}", f"--start={start}", f"--seeds={seeds}", "--jobs=1"],
        capture_output=True, text=True, errors="replace", timeout=timeout, check=False)
    if run.returncode == 0:
        return None
    seed = re.search(r"--seed=(\d+)", run.stdout)
    promise = re.findall(r"BROKEN ([^:\n]*)|check failed: (.*)|ERROR: AddressSanitizer: (\S+)",
                         run.stdout)
    if seed is None:
        raise AssertionError(f"{bug}: {run.stdout[-2000:]}{run.stderr[-2000:]}")
    words = [next(filter(None, match)) for match in promise] or ["a run hangs"]
    return int(seed.group(1)), words[-1]


def hunt_short(simulate, bug):
    for limit in _SHORT_S:
        for seed in range(1, _MOST_SEEDS + 1):
            try:
                found = hunt(simulate, bug, seed, seeds=1, timeout=limit)
            except subprocess.TimeoutExpired:
                continue
            if found is not None:
                return found
    return None


def main():
    simulate = sys.argv[1]
    anew = "--table" in sys.argv
    missed = []
    for name, mistake, took, _ in rows():
        began = time.monotonic()
        start = 1 if anew else int(took)
        found = hunt_short(simulate, name) if anew else hunt(simulate, name, start)
        if found is None:
            missed.append(name)
            print(f"{name}: NOT found in {_MOST_SEEDS} seeds from {start}", flush=True)
        elif anew:
            print(f"| `{name}` | {mistake} | {found[0]} | {found[1]} |", flush=True)
        else:
            print(f"{name}: seed {found[0]}, {time.monotonic() - began:.0f} s: {found[1]}",
                  flush=True)
    print(f"{len(rows()) - len(missed)} passed, {len(missed)} failed")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
