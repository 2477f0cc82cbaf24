"""One hash for all files of a variant, under which `fleet` keeps what it learned about exactly these weights.

Hashes of pulled files are in the record; others are computed once and kept until the file's size or
modification time changes.
"""

import hashlib
from pathlib import Path

from viewfinder.catalog import pulled
from viewfinder.catalog.card import Variant
from viewfinder.catalog.catalog import ModelFiles
from viewfinder.catalog.gguf_names import part_files
from viewfinder.core.errors import ModelFilesError
from viewfinder.core.notebook import Notebook


class Hashes:
    """`file` keeps the computed hashes, `lock_file` is the record of pulled files."""

    def __init__(self, file: Path, lock_file: Path | None = None) -> None:
        self._notes = Notebook(file)
        self._lock_file = lock_file

    def of(self, variant: Variant, files: ModelFiles, *, from_disk: bool = False) -> str:
        """The SHA-256, in hexadecimal, over all files that the engine opens; `from_disk`: as they are now,
        whatever they were when they were pulled.

        Reads every file whose hash is not known yet: call it in a thread. Raises ModelFilesError.
        """
        recorded = {} if from_disk else pulled.files_of(variant, self._lock_file)
        whole = hashlib.sha256()
        try:
            for name, file in _named(files):
                known = recorded.get(file)
                digest = known.sha256 if known else self._computed(file)
                whole.update(f"{digest} {name}\n".encode())
        except OSError as error:
            path = error.filename or files.model
            raise ModelFilesError(f"{path} cannot be read: {error.strerror}.") from None
        return whole.hexdigest()

    def _computed(self, file: Path) -> str:
        stat = file.stat()
        state = [stat.st_size, stat.st_mtime_ns]
        match self._notes.get(str(file.absolute())):
            case [size_bytes, time_ns, str(digest)] if [size_bytes, time_ns] == state:
                return digest
        with file.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        self._notes.put(str(file.absolute()), [*state, digest])
        return digest


def _named(files: ModelFiles) -> list[tuple[str, Path]]:
    """Every file with its name for the engine: its path within the folder, or `model` and `mmproj`."""
    folder = files.model
    if folder.is_dir():
        inside = sorted(file for file in folder.rglob("*") if file.is_file())
        return [(file.relative_to(folder).as_posix(), file) for file in inside]
    parts = [("model" if file == files.model else file.name, file) for file in part_files(files.model)]
    return [*parts, *([("mmproj", files.mmproj)] if files.mmproj else [])]
