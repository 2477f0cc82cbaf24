"""Allocates and touches as many MiB as asked, in private memory, in shared memory, or in private memory
that a fork shares; waits to be ended. `allocates.py private|shared|forked MIB`"""

import mmap
import os
import signal
import sys

kind, size_bytes = sys.argv[1], int(sys.argv[2]) * 1024 * 1024
flags = mmap.MAP_ANONYMOUS | (mmap.MAP_SHARED if kind == "shared" else mmap.MAP_PRIVATE)
memory = mmap.mmap(-1, size_bytes, flags=flags)
for place in range(0, size_bytes, mmap.PAGESIZE):
    memory[place] = 1
if kind == "forked" and os.fork() == 0:
    while True:
        signal.pause()
print("ready", flush=True)
while True:
    signal.pause()
