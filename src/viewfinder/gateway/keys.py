"""The API keys that open the gateway: the one of the settings, and named ones, which are stored as hashes.

Called by `guards` and `listen`; `api/keys` adds and removes named ones. A key is 32 random bytes, so that one
round of SHA-256 hides it; a password would need more.
"""

import hashlib
import hmac
import logging
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import Headers

from viewfinder.core.errors import BadRequest, ViewfinderError

_log = logging.getLogger(__name__)
OF_SETTINGS = "settings"
"""The name under which the key of the settings is counted."""
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
_PREFIX = "vf-"
_LIST_HINT = "See: viewfinder keys"
KEY_HEADERS = ("x-api-key", "api-key")
"""Other names of the header that SDKs send a key in; a key in the URL is ignored."""


class StoredKey(BaseModel):
    """A named key; `sha256` is in hexadecimal digits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    created_at: str
    admin: bool = False
    """Whether it opens more than asking: loading models, pulling, measuring."""


@dataclass(frozen=True, slots=True)
class KeyOwner:
    """Whose key a request or a session has; `name` is that of the key."""

    name: str
    is_admin: bool


_OWNER_OF_SETTINGS = KeyOwner(OF_SETTINGS, is_admin=True)


class _Stored(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    keys: tuple[StoredKey, ...] = ()


class KeyFile:
    """The named keys of one state folder; a change by another process is seen at the next look."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seen: tuple[int, int, int] | None = None
        self._keys: tuple[StoredKey, ...] = ()

    def all(self) -> tuple[StoredKey, ...]:
        """In the order in which they were added. Raises ViewfinderError when the file cannot be read."""
        try:
            state = self._file.stat()
            seen = state.st_mtime_ns, state.st_size, state.st_ino
            if seen != self._seen:
                self._keys = _Stored.model_validate_json(self._file.read_bytes()).keys
                self._seen = seen
        except FileNotFoundError:
            self._seen, self._keys = None, ()
        except (OSError, ValidationError) as error:
            raise ViewfinderError(
                f"The API keys in {self._file} cannot be read: {str(error).splitlines()[0]}.",
                hint="Fix the file, or move it away and add the keys again: viewfinder keys add NAME",
                code="keys_unreadable",
            ) from None
        return self._keys

    def add(self, name: str, *, admin: bool = False) -> str:
        """Store a new key and return it; it cannot be read again. Raises BadRequest."""
        if not _NAME.fullmatch(name) or name == OF_SETTINGS:
            raise BadRequest(
                f"{name!r} cannot be the name of a key.",
                hint=f"Use up to 40 of a-z, 0-9, '.', '_' and '-', and not '{OF_SETTINGS}'.",
                param="name",
            )
        key = f"{_PREFIX}{secrets.token_urlsafe(32)}"
        with self._changing():
            if any(one.name == name for one in self.all()):
                raise BadRequest(
                    f"There is a key named {name!r} already.",
                    hint=f"Choose another name, or run: viewfinder keys rm {name}",
                    param="name",
                )
            now = datetime.now(UTC).isoformat(timespec="seconds")
            new = StoredKey(name=name, sha256=_hashed(key.encode()), created_at=now, admin=admin)
            self._write((*self.all(), new))
        return key

    def remove(self, name: str) -> None:
        """From now on the key opens nothing. Raises BadRequest when there is none of that name."""
        with self._changing():
            left = tuple(one for one in self.all() if one.name != name)
            if len(left) == len(self.all()):
                raise BadRequest(f"There is no key named {name!r}.", hint=_LIST_HINT, param="name")
            self._write(left)

    def find(self, key: bytes) -> StoredKey | None:
        """What is stored of this key; None: it is not one of these."""
        hashed = _hashed(key)
        return next((one for one in self.all() if hmac.compare_digest(one.sha256, hashed)), None)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        with FileLock(self._file.with_suffix(".lock")):
            yield

    def _write(self, keys: tuple[StoredKey, ...]) -> None:
        """Replace the file as a whole: a full disk or a kill leaves the old one."""
        new = self._file.with_suffix(".part")
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            # Without defaults: a Viewfinder from before there was `admin` reads it, too.
            file.write(_Stored(keys=keys).model_dump_json(indent=1, exclude_defaults=True))
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._file)


class Keys:
    """Which requests may pass. `is_closed`: without any key nobody may, for others can reach the address.
    As long as the stored keys cannot be read, none of them opens anything, and a key is needed."""

    def __init__(
        self, of_settings: str = "", file: KeyFile | None = None, *, is_closed: bool = False
    ) -> None:
        self._of_settings = of_settings.encode()
        self._file, self._is_closed = file, is_closed
        self._told = ""
        """The last error that was logged: each is logged once, not once a request."""

    @property
    def are_needed(self) -> bool:
        return self._is_closed or bool(self._of_settings) or self._has_stored()

    def owner_of(self, headers: Headers) -> KeyOwner | None:
        """Whose key these headers have; None: they have none that is right."""
        return next(filter(None, map(self.owner_with, _given(headers))), None)

    def owner_with(self, key: bytes) -> KeyOwner | None:
        """Whose key this is; None: it is not one of ours."""
        if self._of_settings and hmac.compare_digest(key, self._of_settings):
            return _OWNER_OF_SETTINGS
        try:
            stored = self._file.find(key) if self._file else None
        except ViewfinderError:
            return None
        return KeyOwner(stored.name, stored.admin) if stored else None

    def owner_named(self, name: str) -> KeyOwner | None:
        """Who has the key of this name; None when there is no such key (any more)."""
        if name == OF_SETTINGS:
            return _OWNER_OF_SETTINGS if self._of_settings else None
        stored = self._stored(name)
        return KeyOwner(name, stored.admin) if stored else None

    def hash_of(self, name: str) -> str:
        """Of the key that has this name now, or empty; another key of the same name has another."""
        if name == OF_SETTINGS:
            return _hashed(self._of_settings) if self._of_settings else ""
        stored = self._stored(name)
        return stored.sha256 if stored else ""

    def _stored(self, name: str) -> StoredKey | None:
        try:
            stored = self._file.all() if self._file else ()
        except ViewfinderError:
            return None
        return next((one for one in stored if one.name == name), None)

    def _has_stored(self) -> bool:
        try:
            return self._file is not None and bool(self._file.all())
        except ViewfinderError as error:
            if str(error) != self._told:
                self._told = str(error)
                _log.error("%s", error)
            return True


def _given(headers: Headers) -> Iterator[bytes]:
    """The keys of a request, as the bytes that were sent."""
    scheme, _, key = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        yield key.strip().encode("latin-1")
    for name in KEY_HEADERS:
        if key := headers.get(name, "").strip():
            yield key.encode("latin-1")


def _hashed(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()
