"""One file's content in the hub's cache: downloaded, resumed, checked; called by `pull`.

huggingface_hub's own downloader starts over after every interruption (docs/decisions/003). This one keeps
what has arrived in `blobs/<hash>.incomplete`, where the hub's tools look for leftovers, and writes under the
library's own lock, so that two programs never write the same file.
"""

import contextlib
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from viewfinder.catalog.hub import cache_folder, repository_folder
from viewfinder.catalog.hub_errors import Retries, TemporaryHubError
from viewfinder.catalog.remote import Hub, RemoteFile
from viewfinder.core.errors import HubError, ModelFilesError

OnBytes = Callable[[str, int], None]
"""Called with the activity (downloading, checking, waiting) and how many bytes of the file are here."""

_PIECE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Blob:
    """A file of a repository at a commit, and its paths in the cache."""

    repo: str
    commit: str
    file: RemoteFile

    @property
    def whole(self) -> Path:
        return repository_folder(self.repo) / "blobs" / self.file.blob

    @property
    def partial(self) -> Path:
        return self.whole.with_name(f"{self.file.blob}.incomplete")

    @property
    def link(self) -> Path:
        """Where engines look for it."""
        return repository_folder(self.repo) / "snapshots" / self.commit / self.file.path

    @property
    def here_bytes(self) -> int:
        """How much of it is on this disk, judging by sizes alone."""
        size_bytes = self.file.size_bytes
        return size_bytes if _size(self.whole) == size_bytes else min(_size(self.partial), size_bytes)

    def download(self, hub: Hub, on_bytes: OnBytes) -> str:
        """Download what is missing, check the whole file, link it, and return its SHA-256.

        Raises HubError when the hub refuses the file or sends another one; damaged data is removed.
        """
        self.whole.parent.mkdir(parents=True, exist_ok=True)
        with self._locked(on_bytes):
            sha256 = self._checked(self.whole, on_bytes)
            if sha256 is None:
                self.whole.unlink(missing_ok=True)  # damaged on this disk: no program may open it any more
                self._complete(hub, on_bytes)
                sha256 = self._checked(self.partial, on_bytes)
                if sha256 is None:
                    self.partial.unlink()
                    raise HubError(
                        f"{self.file.path} of {self.repo} arrived damaged: its hash is not the hub's.",
                        hint="It was removed; run the command again. If that does not help, a proxy between "
                        "the hub and this computer changes the data.",
                        code="hash_mismatch",
                    )
                with self.partial.open("rb") as written:
                    os.fsync(written.fileno())
                self.partial.replace(self.whole)
            self._make_link()
        return sha256

    def adopt(self, file: Path) -> None:
        """Move a file here that came otherwise; `download` then finds it complete, and links it.

        Raises ModelFilesError, and leaves the file where it is, when it is not the one that is listed.
        """
        if self._checked(file, lambda *_: None) is None:
            raise ModelFilesError(
                f"{file} is not {self.file.path} of {self.repo} as it is listed: its hash is another.",
                hint="Get it again at the commit of the listing.",
                code="hash_mismatch",
            )
        self.whole.parent.mkdir(parents=True, exist_ok=True)
        with self._locked(lambda *_: None):
            if file.is_symlink():  # what it leads to may be on a disk that is taken away
                shutil.copyfile(file, self.partial)
                file.unlink()
            else:
                shutil.move(file, self.partial)
            self.partial.replace(self.whole)

    @contextlib.contextmanager
    def _locked(self, on_bytes: OnBytes) -> Iterator[None]:
        """Hold the library's lock of this content; waits for another program that downloads it."""
        path = cache_folder() / ".locks" / repository_folder(self.repo).name / f"{self.file.blob}.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path, mode=0o664)
        try:
            held = lock.acquire(timeout=0)
        except Timeout:
            on_bytes("waiting", self.here_bytes)
            held = lock.acquire()
        with held:
            yield

    def _complete(self, hub: Hub, on_bytes: OnBytes) -> None:
        """Complete the partial file, over as many connections as it takes."""
        retries, furthest = Retries(hub.wait), 0
        while (have := _size(self.partial)) != self.file.size_bytes or not self.partial.exists():
            if have > furthest:  # a hub that always starts from 0 must not be retried for ever
                furthest = have
                retries.reset()
            try:
                self._resume(hub, have, on_bytes)
            except TemporaryHubError as error:
                retries.wait_or_raise(error)

    def _resume(self, hub: Hub, have: int, on_bytes: OnBytes) -> None:
        """Append to the partial file the bytes of one connection."""
        size_bytes = self.file.size_bytes
        if have > size_bytes:  # it is another file
            have = 0
        source = hub.bytes_of(self.repo, self.commit, self.file.path, have)
        with source as (begin, pieces), self.partial.open("ab") as out:
            out.truncate(begin)
            here = begin
            for piece in pieces:
                here += len(piece)
                if here > size_bytes:
                    break
                out.write(piece)
                on_bytes("downloading", here)
        if here > size_bytes:
            self.partial.unlink()
            raise HubError(
                f"{self.file.path} of {self.repo} is longer than the hub's listing says.",
                hint="Run the command again; if that does not help, the hub or its mirror is at fault.",
                code="size_mismatch",
            )
        if here < size_bytes:
            raise TemporaryHubError(f"The hub ended {self.file.path} after {here:,} of {size_bytes:,} bytes.")

    def _checked(self, path: Path, on_bytes: OnBytes) -> str | None:
        """The SHA-256 of a file that has the size and the hash in the hub's listing; None for any other."""
        size_bytes = self.file.size_bytes
        if not path.is_file() or _size(path) != size_bytes:
            return None
        on_bytes("checking", size_bytes)
        sha256 = hashlib.sha256()
        git_sha1 = hashlib.sha1(b"blob %d\0" % size_bytes, usedforsecurity=False)
        with path.open("rb") as content:
            while piece := content.read(_PIECE_BYTES):
                sha256.update(piece)
                if not self.file.sha256:
                    git_sha1.update(piece)
        is_right = self.file.blob == (sha256 if self.file.sha256 else git_sha1).hexdigest()
        return sha256.hexdigest() if is_right else None

    def _make_link(self) -> None:
        self.link.parent.mkdir(parents=True, exist_ok=True)
        target = Path(os.path.relpath(self.whole, self.link.parent))
        if self.link.is_symlink() and self.link.readlink() == target:
            return
        draft = self.link.with_name(f".{self.file.blob}.{os.getpid()}")
        draft.symlink_to(target)
        draft.replace(self.link)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
