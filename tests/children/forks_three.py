"""Three processes beside itself in its group; they wait to be ended. With `--leave` it exits before them."""

import os
import signal
import sys

for _ in range(3):
    if os.fork() == 0:
        while True:
            signal.pause()
print("ready", flush=True)
if "--leave" in sys.argv:
    os._exit(0)
while True:
    signal.pause()
