"""Touches memory when told to: `touches.py ANONYMOUS_MIB FILE MAPPED_MIB PROCESSES`; started by `memory`.

It says "ready" as a bare process (tree). At SIGUSR1 it touches so many MiB that no file backs, and maps
and reads so much of the file in each of its processes, and says "touched".
"""

import mmap
import os
import signal
import sys
from pathlib import Path

MIB = 1024 * 1024
ANONYMOUS, MAPPED, PROCESSES = (int(sys.argv[place]) for place in (1, 3, 4))
held: list[mmap.mmap] = []


def touch(memory: mmap.mmap, write: bool) -> None:
    for place in range(0, len(memory), mmap.PAGESIZE):
        if write:
            memory[place] = 1
        else:
            memory[place]
    held.append(memory)


def map_the_file() -> None:
    if MAPPED:
        with Path(sys.argv[2]).open("rb") as file:
            touch(mmap.mmap(file.fileno(), MAPPED * MIB, prot=mmap.PROT_READ), write=False)


def main() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    reader, writer = os.pipe()
    children = []
    for _ in range(PROCESSES - 1):
        child = os.fork()
        if child == 0:
            signal.sigwait({signal.SIGUSR1})
            map_the_file()
            os.write(writer, b".")
            while True:
                signal.pause()
        children.append(child)
    print("ready", flush=True)
    signal.sigwait({signal.SIGUSR1})
    if ANONYMOUS:
        touch(mmap.mmap(-1, ANONYMOUS * MIB, flags=mmap.MAP_ANONYMOUS | mmap.MAP_PRIVATE), write=True)
    map_the_file()
    for child in children:
        os.kill(child, signal.SIGUSR1)
        os.read(reader, 1)
    print("touched", flush=True)
    while True:
        signal.pause()


main()
