"""Dropping files from the system's page cache, and proving that they are gone; called by `measure`.

Linux only: elsewhere only an administrator can empty the page cache, and nothing proves that it is empty.
"""

import ctypes
import mmap
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import numpy as np

CAN_DROP = sys.platform == "linux"
_IN_MEMORY = 1
"""The bit that counts in the byte that mincore returns for each page; the others are undefined."""


def drop(files: Iterable[Path]) -> int:
    """Drop the files from the page cache, and return how many bytes of them stayed in it.

    Pages that another process maps stay, and so do files of a file system in memory. 0 proves that a reader
    must read from the disk; caches of the disk itself, or of a virtual machine's host, are out of reach.
    """
    kept = 0
    for file in files:
        with file.open("rb") as content:
            with suppress(OSError):  # a read-only file system has nothing to write back
                os.fsync(content.fileno())  # pages that still have to be written would stay
            os.posix_fadvise(content.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        kept += resident_bytes(file)
    return kept


def resident_bytes(file: Path) -> int:
    """Bytes of the file in the page cache, in whole pages.

    For a file that we neither own nor may write, the kernel reports all of it (since Linux 5.2).
    """
    with file.open("rb") as content:
        size_bytes = os.fstat(content.fileno()).st_size
        if not size_bytes:
            return 0
        memory = np.frombuffer(mmap.mmap(content.fileno(), 0, prot=mmap.PROT_READ), np.uint8)
    pages = np.zeros(-(-size_bytes // mmap.PAGESIZE), np.uint8)
    libc = ctypes.CDLL(None, use_errno=True)
    span = (ctypes.c_void_p(memory.ctypes.data), ctypes.c_size_t(size_bytes))
    if libc.mincore(*span, ctypes.c_void_p(pages.ctypes.data)):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(file))
    return int((pages & _IN_MEMORY).sum()) * mmap.PAGESIZE
