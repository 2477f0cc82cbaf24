"""One file's content in the hub's cache: loaded, gone on with after a cut, and checked; called by `pull`.

huggingface_hub's own downloader starts over after every interruption (docs/decisions/003). This one keeps
what came in `blobs/<hash>.incomplete`, where the hub's tools look for leftovers, and writes under the
library's own lock, so that two programs never write one file.
"""

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from viewfinder.catalog.hub import cache_folder, repository_folder
from viewfinder.catalog.refusals import Hiccup, Patience
from viewfinder.catalog.remote import Hub, RemoteFile
from viewfinder.core.errors import HubError

Tell = Callable[[str, int], None]
"""Called with what is being done (loading, checking, waiting) and how many bytes of the file are here."""

_PIECE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Blob:
    """A file of a repository at a commit, and its places in the cache."""

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
        """How much of it is on this disk, as far as sizes tell."""
        size_bytes = self.file.size_bytes
        return size_bytes if _size(self.whole) == size_bytes else min(_size(self.partial), size_bytes)

    def load(self, hub: Hub, tell: Tell) -> str:
        """Bring what is missing, check all of it, link it, and return its SHA-256.

        Raises HubError when the hub does not give it, or gives something else; what was bad is removed.
        """
        self.whole.parent.mkdir(parents=True, exist_ok=True)
        with self._alone(tell):
            sha256 = self._checked(self.whole, tell)
            if sha256 is None:
                self.whole.unlink(missing_ok=True)  # damaged on this disk: nothing may open it any more
                self._bring(hub, tell)
                sha256 = self._checked(self.partial, tell)
                if sha256 is None:
                    self.partial.unlink()
                    raise HubError(
                        f"{self.file.path} of {self.repo} arrived damaged: its hash is not the hub's.",
                        hint="It was removed; run the command again. If it stays so, something between the "
                        "hub and here changes the data.",
                        code="hash_mismatch",
                    )
                with self.partial.open("rb") as written:
                    os.fsync(written.fileno())
                self.partial.replace(self.whole)
            self._make_link()
        return sha256

    @contextlib.contextmanager
    def _alone(self, tell: Tell) -> Iterator[None]:
        """The library's lock of this content; another program that loads it is waited for."""
        place = cache_folder() / ".locks" / repository_folder(self.repo).name / f"{self.file.blob}.lock"
        place.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(place, mode=0o664)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            tell("waiting", self.here_bytes)
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def _bring(self, hub: Hub, tell: Tell) -> None:
        """Write the partial file up to its size, over as many connections as it takes."""
        patience, furthest = Patience(hub.wait), 0
        while (have := _size(self.partial)) != self.file.size_bytes or not self.partial.exists():
            if have > furthest:  # a hub that begins anew each time must not be asked for ever
                furthest = have
                patience.renew()
            try:
                self._go_on(hub, have, tell)
            except Hiccup as hiccup:
                patience.bear(hiccup)

    def _go_on(self, hub: Hub, have: int, tell: Tell) -> None:
        """Add to the partial file what one connection brings."""
        size_bytes = self.file.size_bytes
        if have > size_bytes:  # it is something else
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
                tell("loading", here)
        if here > size_bytes:
            self.partial.unlink()
            raise HubError(
                f"{self.file.path} of {self.repo} is longer than the hub's listing says.",
                hint="Run the command again; if it stays so, the hub or the mirror is at fault.",
                code="size_mismatch",
            )
        if here < size_bytes:
            raise Hiccup(f"The hub ends {self.file.path} after {here:,} of {size_bytes:,} bytes.")

    def _checked(self, place: Path, tell: Tell) -> str | None:
        """The SHA-256 of a file that has the size and the hash that the hub lists; None of any other."""
        size_bytes = self.file.size_bytes
        if not place.is_file() or _size(place) != size_bytes:
            return None
        tell("checking", size_bytes)
        sha256 = hashlib.sha256()
        git_sha1 = hashlib.sha1(b"blob %d\0" % size_bytes, usedforsecurity=False)
        with place.open("rb") as content:
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


def _size(place: Path) -> int:
    try:
        return place.stat().st_size
    except OSError:
        return 0
