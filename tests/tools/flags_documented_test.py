#!/usr/bin/env python3
"""Holds tools/sluice.flags to the flags that sluiced has: each is there, with its default.

usage: flags_documented_test.py SLUICED FLAGS_FILE
"""

import re
import subprocess
import sys


def flags_of(binary):
    """Flag -> default, of the program's own flags, as --helpon prints them."""
    text = subprocess.run([binary, "--helpon=sluiced_flags"], capture_output=True, text=True,
                          check=False).stdout
    text = re.sub(r"\n\s{6,}", " ", text)  # wrapped lines
    found = re.findall(r"^\s+--(\w+) \(.*?default: (.*?);\s*$", text, re.M | re.S)
    return {name: default.strip().strip('"') for name, default in found}


def documented(path):
    with open(path, encoding="utf-8") as file:
        return dict(re.findall(r"^#--(\w+)=(.*)$", file.read(), re.M))


def seconds(text):
    """A duration in seconds; None for anything else."""
    if not re.fullmatch(r"(\d+(\.\d+)?(h|m|s|ms))+", text):
        return None
    unit = {"h": 3600, "m": 60, "s": 1, "ms": 0.001}
    return sum(float(n) * unit[u] for n, _, u in re.findall(r"(\d+(\.\d+)?)(ms|h|m|s)", text))


def same(a, b):
    return a == b or (seconds(a) is not None and seconds(a) == seconds(b))


def main():
    flags = flags_of(sys.argv[1])
    docs = documented(sys.argv[2])
    assert len(flags) > 40, f"only {len(flags)} flags were read from the program's help"
    faults = [f"--{name} is not documented" for name in flags if name not in docs]
    faults += [f"--{name} is documented and does not exist" for name in docs if name not in flags]
    faults += [f"--{name}: documented default {docs[name]!r}, actual {flags[name]!r}"
               for name in flags if name in docs and not same(docs[name], flags[name])]
    print("\n".join(faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
