"""The machine that the figures are from, and what bounds them on it: each a line for the table."""

import json
import mmap
import os
import pathlib
import platform
import re
import subprocess
import time


def _run(command, timeout=120):
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8",
                          check=False, timeout=timeout)
    return done.stdout


def describe(directory):
    """`directory` is on the disk that the spools are on."""
    information = pathlib.Path("/proc/cpuinfo").read_text("utf-8")
    cpu = re.search(r"model name\s*: (.*)", information)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    release = pathlib.Path("/etc/os-release").read_text("utf-8")
    release = re.search(r'PRETTY_NAME="(.*)"', release)
    disk = _run(["findmnt", "-no", "SOURCE,FSTYPE", "-T", directory]).split()
    return [
        f"{time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime())}; "
        f"{cpu[1] if cpu else 'CPU unknown'}, {os.cpu_count()} CPUs, {memory:.0f} GiB; "
        f"{release[1] if release else 'system unknown'}, "
        f"Linux {platform.release()}; load average at the start "
        f"{os.getloadavg()[0]:.1f}.",
        f"Disk of the spools: {' '.join(disk)}, {_syncs_per_second(directory):.0f} synced writes "
        "of 10 KiB a second, one after the other.",
        f"To start a process and wait for its end takes {_process_ms():.1f} ms here, a page fault "
        f"{_page_fault_us():.1f} us, which weighs on those that fork for each session or message.",
    ]


def _syncs_per_second(directory):
    path = pathlib.Path(directory) / "sync-test"
    block = b"x" * 10240
    with open(path, "wb", buffering=0) as file:
        begin = time.monotonic()
        count = 0
        while time.monotonic() < begin + 1:
            file.write(block)
            os.fdatasync(file.fileno())
            count += 1
    path.unlink()
    return count


def _process_ms():
    times = 100
    begin = time.monotonic()
    _run(["sh", "-c", f"i=0; while [ $i -lt {times} ]; do /bin/true; i=$((i+1)); done"])
    return 1000 * (time.monotonic() - begin) / times


def _page_fault_us():
    pages = 20000
    with mmap.mmap(-1, pages * mmap.PAGESIZE) as memory:
        begin = time.process_time()
        for offset in range(0, len(memory), mmap.PAGESIZE):
            memory[offset] = 1
        return 1e6 * (time.process_time() - begin) / pages


def bounds(build, cpu):
    """What the cryptography alone allows, on one CPU: BoringSSL for Sluice, OpenSSL for Postfix
    (and, in Node.js's copy, for Haraka)."""
    lines = []
    boring = _boringssl(build, cpu)
    if boring:
        lines.append(boring)
    speed = _run(["taskset", "-c", cpu, "openssl", "speed", "-seconds", "1", "-mr", "ecdsap256",
                  "ecdhp256", "rsa2048"])
    # +F4 is ECDSA (signatures, then verifications, a second), +F5 ECDH, +F2 RSA.
    found = {}
    for line in speed.splitlines():
        fields = line.split(":")
        if fields[0] in ("+F2", "+F4", "+F5") and len(fields) >= 4:
            found[fields[0]] = float(fields[3])
    if len(found) == 3:
        lines.append(
            f"{_run(['openssl', 'version']).split(' (')[0]}: {found['+F4']:.0f} P-256 signatures, "
            f"{found['+F5']:.0f} P-256 agreements, {found['+F2']:.0f} RSA-2048 signatures a "
            "second.")
    return lines


def _boringssl(build, cpu):
    program = pathlib.Path(build) / "bench/tls_bench"
    if not program.exists():
        return ""
    text = _run(["taskset", "-c", cpu, program, "--benchmark_format=json",
                 "--benchmark_filter=BM_Handshake(Ecdsa|Resumed)|BM_Signature/(P256|RSA2048)"])
    measured = {entry["name"]: entry for entry in json.loads(text)["benchmarks"]}

    def seconds(name):
        return measured[name]["cpu_time"] / 1e9

    # A resumed handshake's primitives are two key shares and two agreements, one of each a side; a
    # server's full one has a signature as well.
    resumed = measured["BM_HandshakeResumed"]
    share = seconds("BM_HandshakeResumed") / resumed["x_primitives"] / 2
    signature = seconds("BM_Signature/P256")
    rsa = seconds("BM_Signature/RSA2048")
    return (f"BoringSSL: {1 / signature:.0f} P-256 signatures, {1 / share:.0f} key shares with "
            f"their agreements, {1 / rsa:.0f} RSA-2048 signatures a second; so no server on it "
            f"makes more than {1 / (share + signature):.0f} full handshakes in a second of CPU "
            f"time ({1 / (share + rsa):.0f} with RSA), nor more than {1 / share:.0f} resumed ones with "
            "TLS 1.3 (1.2 agrees on no key anew).")
