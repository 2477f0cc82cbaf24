"""Touches memory on a signal: `touches.py ANONYMOUS_MIB FILE MAPPED_MIB PROCESSES`; started by `memory`.

It prints "ready" when the process (tree) has done both with one page. At SIGUSR1 it touches ANONYMOUS_MIB
that no file backs, maps and reads MAPPED_MIB of FILE in each of PROCESSES processes, and prints "touched".
"""

import mmap
import os
import signal
import sys

MIB = 1024 * 1024
ANONYMOUS, MAPPED, PROCESSES = (int(sys.argv[place]) * MIB for place in (1, 3, 4))
FILE = os.open(sys.argv[2], os.O_RDONLY)
GO = {signal.SIGUSR1}
held: list[mmap.mmap] = []


def write(size_bytes: int) -> None:
    if size_bytes:
        memory = mmap.mmap(-1, size_bytes, flags=mmap.MAP_ANONYMOUS | mmap.MAP_PRIVATE)
        for place in range(0, size_bytes, mmap.PAGESIZE):
            memory[place] = 1
        held.append(memory)


def read(size_bytes: int) -> None:
    if size_bytes:
        memory = mmap.mmap(FILE, size_bytes, prot=mmap.PROT_READ)
        for place in range(0, size_bytes, mmap.PAGESIZE):
            memory[place]
        held.append(memory)


def be_child(done: int) -> None:
    """Map one page, and then MAPPED at the signal; report each."""
    for size_bytes in (mmap.PAGESIZE, MAPPED):
        read(size_bytes)
        os.write(done, b".")
        signal.sigwait(GO)


def main() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, GO)
    reader, writer = os.pipe()
    children = []
    for _ in range(PROCESSES // MIB - 1):
        child = os.fork()
        if child == 0:
            be_child(writer)
        children.append(child)
        os.read(reader, 1)
    write(mmap.PAGESIZE)
    read(mmap.PAGESIZE)
    print("ready", flush=True)
    signal.sigwait(GO)
    write(ANONYMOUS)
    read(MAPPED)
    for child in children:
        os.kill(child, signal.SIGUSR1)
        os.read(reader, 1)
    print("touched", flush=True)
    while True:
        signal.pause()


main()
