"""Pulling: what a model still lacks, and bringing it from the hub into the hub's own cache; called by api.

First everything is asked for and weighed, then the disk is checked, and only then does the first byte come.
"""

import errno
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from viewfinder.catalog import pulled
from viewfinder.catalog.blob import Blob
from viewfinder.catalog.card import Variant
from viewfinder.catalog.hub import COMMIT, MAIN, cache_folder, repository_folder
from viewfinder.catalog.pulled import PulledFile
from viewfinder.catalog.remote import Hub
from viewfinder.catalog.repository import repository_files, tokenizer_files, variant_files
from viewfinder.core.errors import ModelFilesError

RESERVE_BYTES = 1_000_000_000
"""What stays free on the disk: a full one stops more than Viewfinder."""
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A repository, and how the files that are needed of it are chosen by their names."""

    repo: str
    revision: str
    choose: Callable[[Iterable[str]], Sequence[str]]


LOOKED_FOR = ("config.json",)
"""What libraries look for in any repository; where there is none, that is written down."""


@dataclass(frozen=True, slots=True)
class Source:
    """The files that are needed of one repository, at the commit that its revision stands for now."""

    repo: str
    revision: str
    commit: str
    blobs: tuple[Blob, ...]
    absent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What a pull will do; `missing_bytes` is what the disk lacked when it was made."""

    sources: tuple[Source, ...]
    missing_bytes: int

    @property
    def blobs(self) -> list[Blob]:
        """Each content once, even where several files share it."""
        every = {blob.link: blob for source in self.sources for blob in source.blobs}
        return list(every.values())

    @property
    def total_bytes(self) -> int:
        return sum(blob.file.size_bytes for blob in self.blobs)


@dataclass(frozen=True, slots=True)
class Brought:
    """What is here now of one repository; `folder` is what engines open."""

    repo: str
    revision: str
    commit: str
    folder: Path
    files: Mapping[str, PulledFile]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a pull is: `doing` (loading, checking, waiting) `file`, and the bytes of the whole plan."""

    doing: str
    file: str
    done_bytes: int
    total_bytes: int


OnProgress = Callable[[Progress], None]


def wanted_of(variant: Variant) -> list[Wanted]:
    """What a variant of the hub needs: its repository's files, and other repositories' tokenizers.

    Raises ModelFilesError for Python of a repository at no commit: it could be anything tomorrow.
    """
    if variant.remote_code and not COMMIT.fullmatch(variant.revision):
        raise ModelFilesError(
            f"{variant.repo} runs Python of its own, and its card names no commit.",
            hint="Such a card must pin its revision to a commit.",
            code="remote_code_not_pinned",
        )
    return [
        Wanted(variant.repo, variant.revision or MAIN, lambda paths: variant_files(variant, paths)),
        *(Wanted(repo, MAIN, tokenizer_files) for repo in variant.also),
    ]


def wanted_of_repository(repo: str, revision: str) -> list[Wanted]:
    """What a repository without a card needs."""
    return [Wanted(repo, revision or MAIN, repository_files(repo))]


def plan(wanted: Iterable[Wanted], hub: Hub) -> Plan:
    """Ask the hub what there is and choose from it; nothing is loaded. Raises HubError, ModelFilesError."""
    sources = []
    for want in wanted:
        listing = hub.listing(want.repo, want.revision)
        files = {file.path: file for file in listing.files}
        chosen = want.choose(files)
        blobs = tuple(Blob(want.repo, listing.commit, files[path]) for path in chosen)
        absent = tuple(name for name in LOOKED_FOR if name not in files)
        sources.append(Source(want.repo, want.revision, listing.commit, blobs, absent))
    contents = {blob.whole: blob for source in sources for blob in source.blobs}.values()
    missing = sum(blob.file.size_bytes - blob.here_bytes for blob in contents)
    return Plan(tuple(sources), missing)


def fetch(
    plan: Plan, hub: Hub, *, lock_file: Path, on_progress: OnProgress = lambda progress: None
) -> list[Brought]:
    """Bring what the plan lacks, check every file of it, and record it in the lock file.

    Whatever interrupts it, what was loaded stays, and the next call goes on from there.
    Raises HubError, and ModelFilesError when the disk is full or cannot be written.
    """
    require_room(plan.missing_bytes)
    pulled.read(lock_file)  # one that cannot be gone on with is told now, not when all is loaded
    brought, total, done = [], plan.total_bytes, 0
    for source in plan.sources:
        files = {}
        for blob in source.blobs:

            def tell(doing: str, here: int, *, before: int = done, file: str = blob.file.path) -> None:
                on_progress(Progress(doing, file, before + here, total))

            try:
                files[blob.file.path] = PulledFile(
                    size_bytes=blob.file.size_bytes, sha256=blob.load(hub, tell)
                )
            except OSError as error:
                raise _disk_error(error, blob) from None
            done += blob.file.size_bytes
        try:
            _note_absent(source)
            _point(source)
            pulled.record(lock_file, source.repo, source.commit, source.revision, files)
        except OSError as error:
            raise _disk_error(error, source.blobs[0]) from None
        folder = repository_folder(source.repo) / "snapshots" / source.commit
        brought.append(Brought(source.repo, source.revision, source.commit, folder, files))
    return brought


def free_bytes() -> int:
    """What is free where the cache is, or will be."""
    folder = cache_folder()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def require_room(missing_bytes: int) -> None:
    free = free_bytes()
    if missing_bytes and missing_bytes + RESERVE_BYTES > free:
        raise ModelFilesError(
            f"The disk of {cache_folder()} has {free / 1e9:.1f} GB free; {missing_bytes / 1e9:.1f} GB are "
            f"needed, and {RESERVE_BYTES / 1e9:.0f} GB stay free.",
            hint="Make room, or set HF_HOME to a folder on another disk.",
            code="disk_full",
        )


def _note_absent(source: Source) -> None:
    """Write down, as the hub's own client does, what a repository does not have.

    Offline, libraries take a file that is neither here nor known to be absent for a failure: without this,
    mlx-vlm 0.7.10 loads Moondream2 with a stale tokenizer and drops every image.
    """
    for name in source.absent:
        mark = repository_folder(source.repo) / ".no_exist" / source.commit / name
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()


def _point(source: Source) -> None:
    """Let the revision's name stand for the commit: only now, when all of it is here, and in one step."""
    if source.revision == source.commit:
        return
    ref = repository_folder(source.repo) / "refs" / source.revision
    ref.parent.mkdir(parents=True, exist_ok=True)
    draft = ref.with_name(f".{ref.name}.new")
    draft.write_text(source.commit, encoding="ascii")
    draft.replace(ref)


def _disk_error(error: OSError, blob: Blob) -> ModelFilesError:
    place = repository_folder(blob.repo)
    if error.errno in _FULL:
        return ModelFilesError(
            f"The disk is full: {blob.file.path} does not fit below {place}.",
            hint="Make room, or set HF_HOME to a folder on another disk, and run the command again; "
            "what was loaded is kept.",
            code="disk_full",
        )
    return ModelFilesError(
        f"{place} cannot be written: {error.strerror or type(error).__name__}.",
        hint="Check who owns it, or set HF_HOME to a folder of your own on a disk that knows symbolic links.",
    )
