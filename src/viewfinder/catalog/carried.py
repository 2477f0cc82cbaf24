"""Models carried here by hand, because the hub cannot be reached: which files, and into which folder.

Called by api's `pull`. The files lie in a folder `carried` within their repository's folder of the cache.
From there they take the way of all pulled files: checked, named by their hashes, linked, recorded.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

from viewfinder.catalog.blob import Blob
from viewfinder.catalog.card import Variant
from viewfinder.catalog.folder import check_safetensors
from viewfinder.catalog.gguf_names import is_gguf, parts_of
from viewfinder.catalog.headers import check_gguf, start_of
from viewfinder.catalog.hub import COMMIT, MAIN, endpoint, repository_folder, snapshot
from viewfinder.catalog.local_files import files_in
from viewfinder.catalog.pull import Plan
from viewfinder.catalog.pulled import Pulled
from viewfinder.catalog.remote import LISTING_BYTES, Hub, Listing, RemoteFile
from viewfinder.catalog.repository import SAFETENSORS
from viewfinder.core.errors import HubError, ModelFilesError

LISTING_FILE = "listing.json"
"""The hub's listing of a repository, which may be carried, too: it has the size and hash of each file."""
UNREACHABLE = ("hub_unreachable", "hub_offline")
"""Errors of the hub for which carrying helps."""


@dataclass(frozen=True, slots=True)
class ToCarry:
    """What a model needs of one repository; no `files`: all of them."""

    repo: str
    revision: str
    files: tuple[str, ...] = ()


def to_carry(variant: Variant) -> list[ToCarry]:
    """What a variant needs of the hub, as far as its card says."""
    files = parts_of(variant.model.as_posix()) if is_gguf(variant.model.name) else []
    mmproj = [variant.mmproj.as_posix()] if variant.mmproj else []
    revision = variant.revision or MAIN
    return [
        ToCarry(variant.repo, revision, (*files, *mmproj)),
        *(ToCarry(repo, MAIN) for repo in variant.also),
    ]


def carried_folder(repo: str) -> Path:
    """Where the files of a repository are put by hand."""
    return repository_folder(repo) / "carried"


def are_carried(needed: Sequence[ToCarry]) -> bool:
    """Whether there are files of the first repository; all that lacks is named later."""
    return any(path != LISTING_FILE for path in files_in(carried_folder(needed[0].repo)))


def by_hand(needed: Sequence[ToCarry], size_bytes: int | None, command: str) -> str:
    """What to carry, from where, into which folder, and the command to run then; some lines."""
    size = f" ({size_bytes / 1e9:.2f} GB)" if size_bytes else ""
    lines = [f"Bring it by hand: on a computer that reaches the hub, get{size}"]
    for one in needed:
        place = f"{endpoint()}/{one.repo}"
        revision = quote(one.revision, safe="")
        lines += [f"  {place}/resolve/{revision}/{quote(file)}" for file in one.files]
        if not one.files:
            lines.append(f"  the files of {place}/tree/{revision}")
        listing = f"{endpoint()}/api/models/{one.repo}/revision/{revision}?blobs=true"
        lines.append(f"  {listing} as {LISTING_FILE} (optional: to check the others by)")
        lines.append(f"into {carried_folder(one.repo)}")
    return "\n".join([*lines, f"Then run here: {command}"])


class CarriedHub(Hub):
    """A hub whose repositories are the carried files; `record` has the hashes of earlier pulls."""

    def __init__(self, needed: Sequence[ToCarry], record: Pulled) -> None:
        super().__init__()
        self._needed = {one.repo: one for one in needed}
        self._record = record

    def listing(self, repo: str, revision: str) -> Listing:
        """By the listing that was carried, or else by the files. Raises ModelFilesError."""
        if listed := _listing_of(repo):
            return listed
        here = snapshot(repo, revision)
        paths = self._paths(repo)
        lacking = [path for path in self._needed[repo].files if path not in paths]
        lacking = [path for path in lacking if here is None or not (here / path).is_file()]
        if lacking or not paths:
            raise _missing(repo, " and ".join(lacking) or "its files")
        kept = [path for path in self._needed[repo].files if path not in paths]
        carried = [_described(path, _lies(repo, path)) for path in paths]
        files = (*carried, *(_described(path, here / path) for path in kept if here))
        return Listing(sha=self._commit(repo, revision, files), siblings=files)

    def start_of(self, repo: str, commit: str, path: str, size_bytes: int) -> bytes:
        """The first bytes of a carried file; none of one that is not there."""
        file = _lies(repo, path)
        try:
            return start_of(file, size_bytes) if file else b""
        except OSError as error:
            raise _unreadable(file or Path(path), error) from None

    def bytes_of(self, repo: str, commit: str, path: str, start: int, end: int | None = None) -> "Iterator":  # type: ignore[type-arg,override]
        """Nothing comes over the network."""
        raise _missing(repo, path)

    def _paths(self, repo: str) -> list[str]:
        """Their paths in the repository; a file with a needed name is that one, wherever it lies."""
        folder = carried_folder(repo)
        there = [path for path in files_in(folder) if path != LISTING_FILE]
        needed = [path for path in self._needed[repo].files if _lies(repo, path)]
        names = {path.rpartition("/")[2] for path in needed}
        return sorted({*needed, *(path for path in there if path.rpartition("/")[2] not in names)})

    def _commit(self, repo: str, revision: str, files: Sequence[RemoteFile]) -> str:
        """The commit that is needed, or one of which these files were pulled; else made of hashes."""
        if COMMIT.fullmatch(revision):
            return revision
        hashes = {file.path: file.sha256 for file in files}
        for commit, known in self._record.repositories.get(repo, {}).items():
            common = known.files.keys() & hashes.keys()
            if common and all(known.files[path].sha256 == hashes[path] for path in common):
                return commit
        text = "".join(f"{path} {one}\n" for path, one in sorted(hashes.items()))
        return hashlib.sha256(text.encode()).hexdigest()[:40]


def hand_over(plan: Plan) -> Plan:
    """Check the carried files of a plan, and put them where a download would have left them; returns the plan
    of what is left to do, which is to link and record them.

    Raises ModelFilesError for a file that is missing, incomplete, or not the one that was listed.
    """
    missing = [blob for blob in plan.blobs if not _is_here(blob) and not _lies(blob.repo, blob.file.path)]
    if missing:
        raise _missing(missing[0].repo, ", ".join(blob.file.path for blob in missing[:4]))
    adopted = set()
    for blob in plan.blobs:
        file = _lies(blob.repo, blob.file.path)
        if file is None or _is_here(blob):
            continue
        _require_complete(file, blob.file)
        try:
            blob.adopt(file)
        except OSError as error:
            raise _unreadable(file, error) from None
        adopted.add(blob.link)
    for repo in {blob.repo for blob in plan.blobs}:
        _tidy(carried_folder(repo))
    return replace(plan, missing_bytes=0, adopted=frozenset(adopted))


def _is_here(blob: Blob) -> bool:
    return blob.whole.is_file()


def _lies(repo: str, path: str) -> Path | None:
    """A carried file: at its path, or right in the folder."""
    folder = carried_folder(repo)
    places = (folder / path, folder / path.rpartition("/")[2])
    return next((place for place in places if place.is_file()), None)


def _listing_of(repo: str) -> Listing | None:
    file = carried_folder(repo) / LISTING_FILE
    if not file.is_file():
        return None
    try:
        return Listing.model_validate_json(start_of(file, LISTING_BYTES))
    except (OSError, ValueError):
        raise ModelFilesError(
            f"{file} is not the hub's listing.",
            hint="Get it again, or remove it: then the files are taken as they are.",
            code="bad_listing",
        ) from None


def _described(path: str, file: Path | None) -> RemoteFile:
    """A file as the hub would list it."""
    file = file or Path(path)
    try:
        with file.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        size_bytes = file.stat().st_size
    except OSError as error:
        raise _unreadable(file, error) from None
    return RemoteFile.model_validate(
        {"rfilename": path, "size": size_bytes, "blobId": "0" * 40, "lfs": {"sha256": digest}}
    )


def _require_complete(file: Path, listed: RemoteFile) -> None:
    """By its header, which says how long a file must be, and by its size if that is listed."""
    if is_gguf(listed.path):
        check_gguf(file)
    elif listed.path.endswith(SAFETENSORS):
        check_safetensors(file)
    if (size := file.stat().st_size) != listed.size_bytes:
        raise ModelFilesError(
            f"{file} has {size:,} bytes, and {listed.size_bytes:,} are listed.",
            hint="Carry it again; it may have been cut.",
            code="model_truncated",
        )


def _missing(repo: str, path: str) -> HubError:
    return HubError(
        f"{carried_folder(repo)} lacks {path}.",
        hint="Put it there, and run the command again.",
        code="not_carried",
    )


def _unreadable(file: Path, error: OSError) -> ModelFilesError:
    return ModelFilesError(f"{file} cannot be read: {error.strerror}.", hint="Check its owner.")


def _tidy(folder: Path) -> None:
    """Remove the folder and the listing, once nothing else is in it."""
    rest = files_in(folder)
    if rest in ([], [LISTING_FILE]):
        (folder / LISTING_FILE).unlink(missing_ok=True)
        for inner in sorted(folder.rglob("*"), reverse=True):
            inner.rmdir()
        if folder.is_dir():
            folder.rmdir()
