"""A daemon's double fork: a process in a session of its own, its parent gone, that ignores SIGTERM.

With `--polite` it obeys.
"""

import os
import signal
import sys

receive, send = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() > 0:
        os._exit(0)
    if "--polite" not in sys.argv:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.write(send, b"!")
    while True:
        signal.pause()
os.wait()
os.read(receive, 1)
print("ready", flush=True)
while True:
    signal.pause()
