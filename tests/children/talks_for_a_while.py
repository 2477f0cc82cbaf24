"""Writes a line every 50 ms for so many seconds, then falls silent: `talks_for_a_while.py SECONDS`."""

import signal
import sys
import time

until_s = time.monotonic() + float(sys.argv[1])
while time.monotonic() < until_s:
    print("loading", flush=True)
    time.sleep(0.05)
while True:
    signal.pause()
