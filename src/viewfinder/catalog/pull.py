"""Pulling: downloading the missing files of a model into the hub's own cache; called by api.

First the hub is asked for all names and sizes, then the disk is checked, and only then the download starts.
"""

import errno
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from viewfinder.catalog import pulled
from viewfinder.catalog.blob import Blob
from viewfinder.catalog.card import Variant
from viewfinder.catalog.gguf_files import Look
from viewfinder.catalog.hub import COMMIT, MAIN, cache_folder, repository_folder
from viewfinder.catalog.peek import Peek
from viewfinder.catalog.pulled import PulledFile
from viewfinder.catalog.remote import Hub
from viewfinder.catalog.repository import repository_files, tokenizer_files, variant_files
from viewfinder.core.errors import ModelFilesError

RESERVE_BYTES = 1_000_000_000
"""How much stays free on the disk: a full one breaks other programs, too."""
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A repository, and the function that chooses the needed ones among its files."""

    repo: str
    revision: str
    choose: Callable[[Iterable[str], Look], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Source:
    """The needed files of one repository, at the present commit of its revision."""

    repo: str
    revision: str
    commit: str
    blobs: tuple[Blob, ...]
    has_config: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """The files of a pull; `missing_bytes` were not on the disk when the plan was made, and `adopted` are the
    links to those that a person brought."""

    sources: tuple[Source, ...]
    missing_bytes: int
    adopted: frozenset[Path] = frozenset()

    @property
    def blobs(self) -> list[Blob]:
        """Every file, each path once."""
        every = {blob.link: blob for source in self.sources for blob in source.blobs}
        return list(every.values())

    @property
    def total_bytes(self) -> int:
        return sum(blob.file.size_bytes for blob in self.blobs)


@dataclass(frozen=True, slots=True)
class PulledRepository:
    """The files of one repository on this disk; engines open `folder`."""

    repo: str
    revision: str
    commit: str
    folder: Path
    files: Mapping[str, PulledFile]


@dataclass(frozen=True, slots=True)
class PullProgress:
    """How far a pull is: `doing` (downloading, checking, waiting) `file`, and bytes of the whole plan."""

    doing: str
    file: str
    done_bytes: int
    total_bytes: int


OnPullProgress = Callable[[PullProgress], None]


def wanted_of(variant: Variant) -> list[Wanted]:
    """What a variant needs of the hub: files of its repository, and tokenizers of other repositories.

    Raises ModelFilesError for a repository with Python code and no pinned commit: the code could change.
    """
    if variant.source != "hub":
        return []
    if variant.remote_code and not COMMIT.fullmatch(variant.revision):
        raise ModelFilesError(
            f"{variant.repo} runs its own Python code, and its card names no commit.",
            hint="Pin the card's revision to a commit.",
            code="remote_code_not_pinned",
        )
    return [
        Wanted(variant.repo, variant.revision or MAIN, lambda paths, _: variant_files(variant, paths)),
        *(Wanted(repo, MAIN, lambda paths, _: tokenizer_files(paths)) for repo in variant.also),
    ]


def wanted_of_repository(repo: str, revision: str, file: str = "") -> list[Wanted]:
    """What a repository without a card needs; `file` is the GGUF file that the user named."""
    return [Wanted(repo, revision or MAIN, partial(repository_files, repo, named=file))]


def plan(wanted: Iterable[Wanted], hub: Hub) -> Plan:
    """List the repositories and choose the files; downloads nothing. Raises HubError, ModelFilesError."""
    sources = []
    for want in wanted:
        listing = hub.listing(want.repo, want.revision)
        files = {file.path: file for file in listing.files}
        chosen = want.choose(files, Peek(hub, want.repo, listing.commit, files))
        blobs = tuple(Blob(want.repo, listing.commit, files[path]) for path in chosen)
        sources.append(Source(want.repo, want.revision, listing.commit, blobs, "config.json" in files))
    contents = {blob.whole: blob for source in sources for blob in source.blobs}.values()
    missing = sum(blob.file.size_bytes - blob.here_bytes for blob in contents)
    return Plan(tuple(sources), missing)


def fetch(
    plan: Plan, hub: Hub, *, lock_file: Path, on_progress: OnPullProgress = lambda progress: None
) -> list[PulledRepository]:
    """Download the missing files of the plan, check every file, and record it in the lock file.

    After an interruption, the downloaded bytes stay, and the next call resumes from there.
    Raises HubError, and ModelFilesError when the disk is full or cannot be written.
    """
    require_room(plan.missing_bytes)
    if plan.sources:
        pulled.read(lock_file)  # an unreadable record is an error now, not after the download
    repositories, total, done = [], plan.total_bytes, 0
    for source in plan.sources:
        files, downloaded = {}, []
        for blob in source.blobs:
            if blob.here_bytes < blob.file.size_bytes or blob.link in plan.adopted:
                downloaded.append(blob.file.path)

            def report(doing: str, here: int, *, before: int = done, file: str = blob.file.path) -> None:
                on_progress(PullProgress(doing, file, before + here, total))

            try:
                files[blob.file.path] = PulledFile(
                    size_bytes=blob.file.size_bytes, sha256=blob.download(hub, report)
                )
            except OSError as error:
                raise _disk_error(error, blob) from None
            done += blob.file.size_bytes
        try:
            if not source.has_config:
                _record_no_config(source)
            _update_ref(source)
            pulled.record(lock_file, source.repo, source.commit, source.revision, files, downloaded)
        except OSError as error:
            raise _disk_error(error, source.blobs[0]) from None
        folder = repository_folder(source.repo) / "snapshots" / source.commit
        repositories.append(PulledRepository(source.repo, source.revision, source.commit, folder, files))
    return repositories


def require_room(missing_bytes: int) -> None:
    """Check that these bytes fit on the disk where the cache is, or will be. Raises ModelFilesError."""
    folder = cache_folder()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if missing_bytes and missing_bytes + RESERVE_BYTES > free:
        raise ModelFilesError(
            f"The disk of {cache_folder()} has {free / 1e9:.1f} GB free; {missing_bytes / 1e9:.1f} GB are "
            f"needed, and {RESERVE_BYTES / 1e9:.0f} GB must stay free.",
            hint="Free some space, or set HF_HOME to a folder on another disk.",
            code="disk_full",
        )


def _record_no_config(source: Source) -> None:
    """Record, as the hub's own client does, that a repository has no `config.json`.

    Offline, libraries fail on a file that is neither on the disk nor recorded as absent: without this,
    mlx-vlm 0.7.10 loads Moondream2 with a stale tokenizer and drops every image.
    """
    mark = repository_folder(source.repo) / ".no_exist" / source.commit / "config.json"
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.touch()


def _update_ref(source: Source) -> None:
    """Set the revision to the commit, atomically, once all of its files are on the disk."""
    if source.revision == source.commit:
        return
    ref = repository_folder(source.repo) / "refs" / source.revision
    ref.parent.mkdir(parents=True, exist_ok=True)
    draft = ref.with_name(f".{ref.name}.new")
    draft.write_text(source.commit, encoding="ascii")
    draft.replace(ref)


def _disk_error(error: OSError, blob: Blob) -> ModelFilesError:
    folder = repository_folder(blob.repo)
    if error.errno in _FULL:
        return ModelFilesError(
            f"The disk is full: {blob.file.path} does not fit below {folder}.",
            hint="Free some space, or set HF_HOME to a folder on another disk, and run the command again; "
            "the downloaded part is kept.",
            code="disk_full",
        )
    return ModelFilesError(
        f"{folder} cannot be written: {error.strerror or type(error).__name__}.",
        hint="Check its owner, or set HF_HOME to a folder of your own on a disk with symbolic links.",
    )
