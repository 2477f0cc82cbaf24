"""Three processes beside itself in its group, whose pids it says; all wait to be ended.

With `--leave` it exits before them.
"""

import os
import signal
import sys

pids = []
for _ in range(3):
    pids.append(os.fork())
    if pids[-1] == 0:
        while True:
            signal.pause()
os.write(1, f"ready {pids[0]} {pids[1]} {pids[2]}\n".encode())  # at once: whoever reads it may be killed then
if "--leave" in sys.argv:
    os._exit(0)
while True:
    signal.pause()
