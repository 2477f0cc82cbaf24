"""At one SIGUSR1 allocates and touches as many MiB as asked, and at the next gives them back."""

import mmap
import signal
import sys

signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
print("ready", flush=True)
while True:
    signal.sigwait({signal.SIGUSR1})
    with mmap.mmap(-1, int(sys.argv[1]) * 1024 * 1024, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        for place in range(0, len(memory), mmap.PAGESIZE):
            memory[place] = 1
        print("grown", flush=True)
        signal.sigwait({signal.SIGUSR1})
    print("shrunk", flush=True)
