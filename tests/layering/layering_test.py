#!/usr/bin/env python3
"""Holds the #include lines and the size of files to ARCHITECTURE.md's table of layers.

usage: layering_test.py TREE        exit 1 and a line for each breach
       layering_test.py --selftest  proves that breaches of each kind are found
"""

import pathlib
import re
import sys
import tempfile

# Folder -> the folders of ours that it may include, besides itself.
LAYERS = {
    "engine/base": [],
    "engine/io": ["engine/base"],
    # Nobody's but the tests'.
    "engine/io/simulation": ["engine/base", "engine/io"],
    "tls": ["engine/base", "engine/io"],
    # Outside of tls' own, so that what the signer process has of it is seen to be its protocol.
    "tls/signer": ["engine/base", "engine/io", "tls"],
    "queue": ["engine/base", "engine/io"],
    "engine/dns": ["engine/base", "engine/io"],
    "engine/https": ["engine/base", "engine/io", "tls", "engine/dns"],
    "engine/sts": ["engine/base", "engine/io", "tls", "engine/dns", "engine/https"],
    "engine/tlsrpt": ["engine/base", "engine/io", "tls", "engine/dns", "engine/https",
                      "engine/smtp"],
    "policy": ["engine/base"],
    "engine/smtp": ["engine/base", "engine/io", "tls"],
    "engine/relay": ["engine/base", "engine/io", "tls", "queue", "engine/dns", "engine/https",
                     "engine/sts", "engine/tlsrpt", "policy", "engine/smtp"],
    "engine/admin": ["engine/base", "engine/io", "tls", "queue", "engine/dns", "policy",
                     "engine/smtp", "engine/relay", "engine/admin/page"],
    "engine/admin/page": ["engine/admin"],
    "tools": ["engine/base", "engine/io", "tls", "queue", "engine/dns", "policy", "engine/smtp",
              "engine/relay", "engine/admin", "tls/signer"],
    # Links OpenSSL, and so nothing that includes BoringSSL.
    "tools/signer": ["tls/signer"],
}

# A library's headers appear only in the folder that owns it.
OWNERS = {
    r"<liburing": ["engine/io"],
    # BoringSSL's, and in the signer process OpenSSL's.
    r"<openssl/": ["tls", "engine/base/sha256.cc", "tools/signer"],
    r"<rocksdb/": ["queue"],
    r"<unbound\.h>": ["engine/dns"],
    r"<idn2\.h>": ["policy"],
    r"<libpsl\.h>": ["policy"],
    r"<microhttpd\.h>": ["engine/admin"],
    r"<gnutls/": ["engine/admin"],
    r"<curl/": ["tools"],
    r"<zlib\.h>": ["engine/tlsrpt"],
}

MOST_LINES = 600
INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|(<[^>]+>))')


def folder_of(path):
    """The layer that a path of the tree (or of an include) lies in; None if in none."""
    matches = [layer for layer in LAYERS if path.startswith(layer + "/")]
    return max(matches, key=len) if matches else None


def breaches(tree):
    found = []
    for layer in LAYERS:
        for file in sorted((tree / layer).glob("*")):
            if file.suffix not in (".h", ".cc"):
                continue
            name = str(file.relative_to(tree))
            lines = file.read_text(encoding="utf-8").splitlines()
            if len(lines) > MOST_LINES:
                found.append(f"{name}: {len(lines)} lines; split it along a concept (at most "
                             f"{MOST_LINES})")
            for number, line in enumerate(lines, 1):
                match = INCLUDE.match(line)
                if not match:
                    continue
                ours, library = match.groups()
                if ours:
                    target = folder_of(ours)
                    if target and target != layer and target not in LAYERS[layer]:
                        found.append(f"{name}:{number}: {layer} may not include {target}")
                for pattern, owners in OWNERS.items():
                    if library and re.match(pattern, library) and not {layer, name} & set(owners):
                        found.append(f"{name}:{number}: {library} belongs to {owners[0]}")
    return found


def selftest():
    with tempfile.TemporaryDirectory() as name:
        tree = pathlib.Path(name)
        (tree / "policy").mkdir()
        (tree / "policy/trie.cc").write_text(
            '#include "tls/stream.h"\n#include "engine/base/clock.h"\n#include <rocksdb/db.h>\n')
        (tree / "policy/long.h").write_text("\n" * 601)
        found = breaches(tree)
    expected = ["policy/long.h: 601 lines; split it along a concept (at most 600)",
                "policy/trie.cc:1: policy may not include tls",
                "policy/trie.cc:3: <rocksdb/db.h> belongs to queue"]
    assert found == expected, found


def main():
    if sys.argv[1:] == ["--selftest"]:
        selftest()
        return 0
    found = breaches(pathlib.Path(sys.argv[1]))
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
