"""The processor time of a command before it does anything (`--help`, and `ps` of a running server), and how
long a browser waits for the first page of a fresh `serve`.

    python -m benchmarks.start [--rounds 15]

Commands and a bare interpreter run in turns. The time, user and system, is that of the whole process; what is
shown is the median beyond the bare interpreter's. Targets: 0.15 s for `--help` and 0.2 s for `ps`. The page,
with all of its files, is asked for when `serve` says that it listens. Target: 0.5 s.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import time
import urllib.request

from rich.progress import track

from benchmarks.served import serving

BARE = ("-c", "pass")
PAGE_TARGET_S = 0.5
PAGE_STARTS = 5
TARGETS_S = {("-m", "viewfinder", "--help"): 0.15, ("-m", "viewfinder", "ps"): 0.2}


def processor_s(words: tuple[str, ...]) -> float:
    """The processor time of one run of Python."""
    process = subprocess.Popen([sys.executable, *words], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, words
    return used.ru_utime + used.ru_stime


def first_page_s() -> float:
    """From the moment in which a fresh server listens until a browser has the page and what it names."""
    with serving() as url:
        begun_s = time.perf_counter()
        page = fetched(f"{url}/")
        for name in re.findall(rb'(?:src|href)="(/static/[^"]+)"', page):
            fetched(f"{url}{name.decode()}")
        return time.perf_counter() - begun_s


def fetched(address: str) -> bytes:
    """What a browser gets."""
    request = urllib.request.Request(address, headers={"accept": "text/html"})  # noqa: S310 - our own server
    with urllib.request.urlopen(request) as reply:  # noqa: S310
        return bytes(reply.read())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    taken_s: dict[tuple[str, ...], list[float]] = {words: [] for words in (BARE, *TARGETS_S)}
    with serving():
        for _ in track(range(rounds), "Starts"):
            for words, times_s in taken_s.items():
                times_s.append(processor_s(words))
    bare_s = statistics.median(taken_s[BARE])
    print(f"a bare interpreter   {bare_s:.3f} s of processor time (median of {rounds})")
    missed = []
    for words, target_s in TARGETS_S.items():
        beyond_s = statistics.median(taken_s[words]) - bare_s
        command = " ".join(words[1:])
        print(f"{command:20} {beyond_s:.3f} s beyond it; the target is at most {target_s} s")
        missed += [command] if beyond_s > target_s else []
    page_s = statistics.median(first_page_s() for _ in range(PAGE_STARTS))
    print(f"the first page       {page_s:.3f} s (median of {PAGE_STARTS}); the target is {PAGE_TARGET_S} s")
    missed += ["the first page"] if page_s > PAGE_TARGET_S else []
    if missed:
        sys.exit(f"Missed: {', '.join(missed)}")


if __name__ == "__main__":
    main()
