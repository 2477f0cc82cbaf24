"""Which of a file's pages the system keeps in memory, and how to have it forget them; called by `bench`.

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
"""Of the byte that mincore gives for each page, the bit that counts; the others are undefined."""


def drop(files: Iterable[Path]) -> int:
    """Put the files out of the page cache, and give the bytes of them that stayed in it.

    Pages that another process maps stay, and so does what lies on a file system in memory. 0 is proof that a
    reader must go to the disk; what the disk, or a virtual machine's host, keeps for itself is out of reach.
    """
    kept = 0
    for file in files:
        with file.open("rb") as content:
            with suppress(OSError):  # a file system that is only read has nothing to write back
                os.fsync(content.fileno())  # pages that still have to be written would stay
            os.posix_fadvise(content.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        kept += resident_bytes(file)
    return kept


def resident_bytes(file: Path) -> int:
    """Bytes of the file in the page cache, in whole pages.

    Of a file that is neither ours nor ours to write, the kernel says that all of it is (since Linux 5.2).
    """
    with file.open("rb") as content:
        size_bytes = os.fstat(content.fileno()).st_size
        if not size_bytes:
            return 0
        memory = np.frombuffer(mmap.mmap(content.fileno(), 0, prot=mmap.PROT_READ), np.uint8)
    pages = np.zeros(-(-size_bytes // mmap.PAGESIZE), np.uint8)
    libc = ctypes.CDLL(None, use_errno=True)
    asked = (ctypes.c_void_p(memory.ctypes.data), ctypes.c_size_t(size_bytes))
    if libc.mincore(*asked, ctypes.c_void_p(pages.ctypes.data)):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(file))
    return int((pages & _IN_MEMORY).sum()) * mmap.PAGESIZE
