#!/usr/bin/env python3
"""The daemon never meets OpenSSL, whose symbols have the names of BoringSSL's (third_party/README.md).

usage: linkage_test.py SLUICED SLUICE_SIGNER
"""

import re
import subprocess
import sys


def libraries(program):
    """Of OpenSSL, among all that it draws in."""
    shown = subprocess.run(["ldd", program], stdout=subprocess.PIPE, encoding="utf-8", timeout=60,
                           check=True).stdout
    return sorted(set(re.findall(r"lib(ssl|crypto)\b", shown)))


def main():
    daemon, signer = sys.argv[1:]
    expected = {daemon: [], signer: ["crypto"]}
    found = {program: libraries(program) for program in expected}
    if found != expected:
        print(f"of OpenSSL's libraries there are {found}, not {expected}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
