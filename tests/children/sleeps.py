"""The plainest child: says that it is ready and waits to be ended."""

import signal

print("ready", flush=True)
while True:
    signal.pause()
