#!/usr/bin/env python3
"""The guard of instruction counts: what a handshake, a message, a lookup and a look at the queue
cost, held against the figures that are kept in instructions.txt.

  guard.py BUILD                       counts all, prints a table; exit 1 when one rose by over 5 %
  guard.py BUILD --update [FIGURE …]   counts, and keeps what it finds (of all, or of these)

Callgrind counts what `counted` executes inside of its sections (section.h). The same program gives
the same counts from run to run, to a few parts in a million; what libraries choose by processor,
by cache sizes, by addresses and by the environment is pinned here. What remains is the compiler's
and Debian's: a new release of theirs may ask for an update.

What was counted stays in BUILD/guard, for callgrind_annotate.
"""

import argparse
import concurrent.futures
import datetime
import os
import pathlib
import platform
import re
import subprocess
import sys

_KEPT = pathlib.Path(__file__).resolve().parent / "instructions.txt"
_MOST_CHANGE = 0.05
_SKIPPED = 77  # ctest: SKIP_RETURN_CODE

# Valgrind shows a program one of a few processors, the newest of which has AVX2, and passes on the
# bits of these that the real one has.
_PROCESSOR = {"avx2", "bmi1", "bmi2", "fma", "f16c", "movbe", "aes", "pclmulqdq", "rdrand"}

_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    # BoringSSL: the processor as Valgrind shows it (CPUID 1 EDX and ECX, 7 EBX and ECX; BoringSSL's
    # cpu_intel.c): AES, AVX2, BMI2; no ADX, no SHA extensions.
    "OPENSSL_ia32cap": "0x7ed832035f8bfbff:0x128",
    # glibc: copies in vectors, not by `rep movsb`, of which each octet would count; and none that
    # goes by the size of a cache.
    "GLIBC_TUNABLES": ":".join([
        "glibc.cpu.hwcaps=-ERMS,-FSRM,-AVX512F,-AVX512VL,-AVX512BW",
        "glibc.cpu.x86_data_cache_size=0x8000",
        "glibc.cpu.x86_shared_cache_size=0x100000",
        "glibc.cpu.x86_non_temporal_threshold=0x1000000",
        "glibc.malloc.arena_max=1",
    ]),
}


class Figure:
    def __init__(self, line):
        self.name, kept, self.date, self.what = line.split(None, 3)
        self.kept = None if kept == "?" else int(kept)
        self.now = None

    def line(self):
        kept = "?" if self.kept is None else self.kept
        return f"{self.name:<18}{kept:>10}  {self.date:<10}  {self.what}"

    def change(self):
        return None if self.kept is None else self.now / self.kept - 1


def read_kept():
    """The lines of the file; those of a figure as a Figure."""
    return [line if line.startswith("#") or not line.strip() else Figure(line)
            for line in _KEPT.read_text(encoding="utf-8").splitlines()]


def count(build, figure):
    """Instructions of one operation, and where the details are."""
    program = build / "bench/counted"
    details = build / "guard" / f"{figure.name}.callgrind"
    details.unlink(missing_ok=True)
    run = subprocess.run(
        # From its own directory: the length of its name moves the stack.
        ["setarch", platform.machine(), "-R", "valgrind", "--tool=callgrind", "--instr-atstart=no",
         "--collect-atstart=no", f"--callgrind-out-file={details}", "./counted", figure.name],
        cwd=program.parent, env=_ENVIRONMENT, capture_output=True, text=True, errors="replace",
        check=False)
    counted = re.search(r"Collected : (\d+)", run.stderr)
    if run.returncode != 0 or not counted or not run.stdout.strip().isdigit():
        sys.exit(f"counting {figure.name} failed ({run.returncode}):\n{run.stdout}{run.stderr}")
    figure.now = round(int(counted.group(1)) / int(run.stdout))


def missing(build):
    """What is not there of what counting needs; the second says that it cannot be."""
    if platform.machine() != "x86_64":
        return f"the figures are kept for x86_64, not {platform.machine()}", True
    flags = set(re.search(r"^flags\s*:(.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
                .group(1).split())
    if _PROCESSOR - flags:
        return f"this processor has no {' '.join(sorted(_PROCESSOR - flags))}", True
    if not (build / "bench/counted").exists():
        return (f"{build}/bench/counted is not there: 'tools/install-dependencies --tests' brings "
                "valgrind, then 'tools/build release' builds it"), False
    return None, False


def table(figures):
    lines = [f"{'instructions of one':<18}{'kept':>12}{'now':>12}{'change':>10}"]
    for figure in figures:
        change = figure.change()
        kept = "-" if figure.kept is None else f"{figure.kept:,}"
        percent = "new" if change is None else f"{100 * change:+.2f} %"
        mark = "  ROSE" if change is not None and change > _MOST_CHANGE else ""
        lines.append(f"{figure.name:<18}{kept:>13}{figure.now:>12,}{percent:>10}{mark}")
    return "\n".join(lines)


def advise(build, figures):
    """Says what is to be done; True where something is wrong."""
    rose = [f for f in figures if f.kept is not None and f.change() > _MOST_CHANGE]
    unknown = [f for f in figures if f.kept is None]
    fell = [f for f in figures if f.kept is not None and f.change() < -_MOST_CHANGE]
    for figure in rose:
        print(f"\n{figure.name} rose by {100 * figure.change():.1f} %, more than "
              f"{100 * _MOST_CHANGE:.0f} %. It is: {figure.what}.")
        print("  What costs most in it (the same, from a build of the commit before, shows what "
              "rose):\n"
              f"    callgrind_annotate {build}/guard/{figure.name}.callgrind | head -50\n"
              "    callgrind_annotate --inclusive=yes …            with all that a function calls\n"
              "  If it is worth its price:\n"
              f"    bench/guard/update {figure.name}                and say in the commit why")
    for figure in unknown:
        print(f"\n{figure.name} has no figure yet: bench/guard/update {figure.name}")
    for figure in fell:
        print(f"\n{figure.name} fell by {-100 * figure.change():.1f} %: keep it that way, with "
              f"bench/guard/update {figure.name}")
    return bool(rose or unknown)


def update(lines, figures):
    today = datetime.date.today().isoformat()
    for figure in figures:
        # A run is not exactly as another: no change for that alone.
        if figure.kept is None or abs(figure.change()) > 1e-4:
            figure.kept, figure.date = figure.now, today
    text = "".join(f"{line.line() if isinstance(line, Figure) else line}\n" for line in lines)
    _KEPT.write_text(text, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--update", action="store_true")
    parser.add_argument("figures", nargs="*")
    arguments = parser.parse_intermixed_args()
    build = arguments.build.resolve()

    why, for_good = missing(build)
    if why:
        print(f"Not counted: {why}.")
        sys.exit(_SKIPPED if for_good else 1)
    lines = read_kept()
    kept = [line for line in lines if isinstance(line, Figure)]
    known = subprocess.run([build / "bench/counted", "--list"], capture_output=True, text=True,
                           check=True).stdout.split()
    if sorted(known) != sorted(figure.name for figure in kept):
        sys.exit(f"{_KEPT} is to have a line for each of: {' '.join(known)}")
    figures = [f for f in kept if not arguments.figures or f.name in arguments.figures]
    if len(figures) < len(arguments.figures):
        sys.exit(f"The figures are: {' '.join(known)}")

    (build / "guard").mkdir(exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for _ in pool.map(lambda figure: count(build, figure), figures):
            pass
    print(table(figures), flush=True)
    if arguments.update:
        update(lines, figures)
    elif advise(build, figures):
        sys.exit(1)


if __name__ == "__main__":
    main()
