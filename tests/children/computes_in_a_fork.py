"""Computes without end in a process beside itself, and itself waits."""

import os
import signal

if os.fork() == 0:
    while True:
        pass
print("ready", flush=True)
while True:
    signal.pause()
