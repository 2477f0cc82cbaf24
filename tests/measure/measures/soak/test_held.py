"""What a process's tree holds."""

import subprocess
import sys

from viewfinder.measure.measures.soak.ask import held

HOLDS = """
import sys, threading
files = [open("/dev/null") for _ in range(int(sys.argv[1]))]
memory = b"x" * int(sys.argv[2])
threading.Thread(target=sys.stdin.read, daemon=True).start()
print("ready", flush=True)
sys.stdin.read()
"""


def holding(files: int, size_bytes: int) -> dict[str, float]:
    argv = [sys.executable, "-c", HOLDS, str(files), str(size_bytes)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        return held([child.pid])


def test_each_is_counted() -> None:
    few, many = holding(0, 1), holding(7, 30_000_000)
    assert many["descriptors"] - few["descriptors"] == 7
    assert few["threads"] == many["threads"] == 2
    assert 29e6 < many["footprint_bytes"] - few["footprint_bytes"] < 33e6


def test_a_process_that_has_ended_holds_nothing() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
    assert held([child.pid]) == {"footprint_bytes": 0.0, "descriptors": 0.0, "threads": 0.0}
