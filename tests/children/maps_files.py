"""Maps a file as an engine maps its weights, reads some of its parts, and waits to be ended.

`maps_files.py FILE WORD...`, in order: FROM:TO maps these bytes and reads them all, FROM:TO:MANY so many of
them; "write" changes the private copy of the last; "fork" makes a second process that goes on like the first.
"""

import mmap
import os
import signal
import sys
from pathlib import Path

name, *words = sys.argv[1:]
keep = []
with Path(name).open("rb") as file:
    for word in words:
        if word == "fork":
            os.fork()
        elif word == "write":
            for place in range(0, len(keep[-1]), mmap.PAGESIZE):
                keep[-1][place] = 1
        else:
            first, last, *many = map(int, word.split(":"))
            memory = mmap.mmap(
                *(file.fileno(), last - first),
                flags=mmap.MAP_PRIVATE,
                prot=mmap.PROT_READ | mmap.PROT_WRITE,
                offset=first,
            )
            for place in range(0, *(many or [last - first]), mmap.PAGESIZE):
                memory[place]
            keep.append(memory)
print("ready", flush=True)
while True:
    signal.pause()
