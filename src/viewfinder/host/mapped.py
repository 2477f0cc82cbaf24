"""Which pages of model files a tree of processes has in memory, each page of each file once.

Called by `host/memory`; Linux only, from /proc/PID/maps and /proc/PID/pagemap.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePath

import psutil

WEIGHT_SUFFIXES = (".gguf", ".safetensors", ".npz")
NOT_WEIGHTS = ("locale-archive",)
MODEL_FILE_BYTES = 1024 * 1024
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
FILE_PAGE = bytes(entry & 0b1010_0000 == 0b1010_0000 for entry in range(256))
"""From a pagemap entry's top byte to 1 when the page is present (bit 63) and a file's (bit 61), else 0."""


@dataclass(frozen=True)
class Mapping:
    """A piece of a file that is mapped into a process's memory."""

    pid: int
    start: int
    end: int
    code: bool
    offset: int
    file: tuple[str, str]
    """Device and inode, so that two names of one file count as one file."""
    name: str

    def resident(self) -> int:
        """Which pages of the file are resident: byte n of the number is 1 when page n is."""
        with (
            suppress(FileNotFoundError, ProcessLookupError),
            Path(f"/proc/{self.pid}/pagemap").open("rb") as file,
        ):
            file.seek(self.start // PAGE_BYTES * 8)
            entries = file.read((self.end - self.start) // PAGE_BYTES * 8)
            pages = int.from_bytes(entries[7::8].translate(FILE_PAGE), "little")
            return pages << (self.offset // PAGE_BYTES * 8)
        return 0


def mapped_model_bytes(pids: list[int]) -> int:
    """Resident bytes of the model files that these processes have mapped (see `is_model_file`)."""
    pages = 0
    for of_one_file in _model_files(pids):
        resident = 0
        for mapping in of_one_file:
            resident |= mapping.resident()
        pages += resident.bit_count()
    return pages * PAGE_BYTES


def also_mapped_by(pids: list[int]) -> list[int]:
    """Other processes that map one of these processes' model files, among those that we may look into.

    They share its pages: such files were loaded from memory, and PSS counts only a part of each page.
    """
    files = {of_one_file[0].file for of_one_file in _model_files(pids)}
    found = []
    for pid in psutil.pids() if files else ():
        if pid not in pids:
            with suppress(PermissionError):
                if any(mapping.file in files for mapping in mappings(pid)):
                    found.append(pid)
    return found


def _model_files(pids: list[int]) -> list[list[Mapping]]:
    """The mappings of each model file of these processes."""
    in_memory = memory_devices()
    files: dict[tuple[str, str], list[Mapping]] = {}
    for pid in pids:
        for mapping in mappings(pid):
            if mapping.file[0] not in in_memory:
                files.setdefault(mapping.file, []).append(mapping)
    return [of_one_file for of_one_file in files.values() if is_model_file(of_one_file)]


def is_model_file(mappings: list[Mapping]) -> bool:
    """A model file is named like weights, or at least 1 MiB of it is mapped in one piece; it is never mapped
    as code nor named like a library. Names alone do not decide: hub caches and Ollama name files by hash.
    """
    name = mappings[0].name
    if any(mapping.code for mapping in mappings) or name in NOT_WEIGHTS or ".so" in PurePath(name).suffixes:
        return False
    return name.endswith(WEIGHT_SUFFIXES) or max(m.end - m.start for m in mappings) >= MODEL_FILE_BYTES


def mappings(pid: int) -> Iterator[Mapping]:
    """The pieces of files that a process has mapped; none when it has ended."""
    with suppress(FileNotFoundError, ProcessLookupError):
        for line in Path(f"/proc/{pid}/maps").read_text(errors="surrogateescape").splitlines():
            span, rights, offset, device, inode, *path = line.split(maxsplit=5)
            if inode != "0" and path:
                start, _, end = span.partition("-")
                name = PurePath(path[0].removesuffix(" (deleted)")).name
                yield Mapping(
                    pid, int(start, 16), int(end, 16), "x" in rights, int(offset, 16), (device, inode), name
                )


def memory_devices() -> set[str]:
    """The devices, as `maps` writes them, whose files are in memory and on no disk: every mounted tmpfs, and
    the kernel's own, which memfd, System V and anonymous shared memory come from."""
    probe = os.memfd_create("viewfinder-probe")
    device = os.fstat(probe).st_dev
    os.close(probe)
    devices = {f"{os.major(device):02x}:{os.minor(device):02x}"}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        mount, _, kind = line.partition(" - ")
        if kind.split()[0] == "tmpfs":
            major, _, minor = mount.split()[2].partition(":")
            devices.add(f"{int(major):02x}:{int(minor):02x}")
    return devices
