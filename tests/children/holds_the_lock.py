"""Becomes the owner of the folder it is given, announces the URL it is given, and waits to be ended.

Without a URL it tries once, says whether it won, and ends when its stdin does.
"""

import signal
import sys
from pathlib import Path

from viewfinder.core.errors import AlreadyRunning
from viewfinder.host.ownership import OwnerLock

folder, *url = sys.argv[1:]
try:
    lock = OwnerLock.acquire(Path(folder))
except AlreadyRunning:
    print("lost", flush=True)
    sys.exit()
for one in url:
    lock.announce(one)
print("won", flush=True)
if url:
    signal.pause()
sys.stdin.read()
