"""The hub over HTTP: the files of a repository at a commit, and their bytes; called by `pull`.

Uses huggingface_hub's session, with its proxies, its login and its offline switch. The hub's replies are not
trusted: names, hashes and sizes are checked before they are used.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from viewfinder.catalog.hub import endpoint
from viewfinder.catalog.hub_errors import RUN_AGAIN, Retries, TemporaryHubError, refusal
from viewfinder.core.errors import HubError
from viewfinder.core.version import VERSION

if TYPE_CHECKING:
    import httpx2

LISTING_BYTES = 32 * 1024 * 1024
LISTING_ATTEMPTS = 3
"""Fewer than for a file, because a person waits for it."""
CONNECT_S, STALL_S = 10.0, 30.0
"""How long the hub may take to accept a connection, and to send its next bytes."""
NO_CONNECTION = (OSError, ValueError, ImportError)
"""What a client raises before it sends anything, when a variable names a proxy, a certificate or a number
that cannot be (HTTPS_PROXY, SSL_CERT_FILE, HF_HUB_ETAG_TIMEOUT)."""


def _plain(path: str) -> str:
    """A path that cannot lead out of its folder."""
    parts = path.split("/")
    if not path.isprintable() or "\\" in path or len(path) > 500 or {"", ".", ".."} & set(parts):
        raise ValueError("a file's name is not a plain path")
    return str(PurePosixPath(path))


class _LargeFile(BaseModel):
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class RemoteFile(BaseModel):
    """One file as the hub lists it; large files have a SHA-256, the others only git's SHA-1."""

    model_config = ConfigDict(frozen=True)

    path: Annotated[str, AfterValidator(_plain)] = Field(alias="rfilename")
    size_bytes: int = Field(alias="size", ge=0)
    git_sha1: str = Field(alias="blobId", pattern=r"^[0-9a-f]{40}$")
    lfs: _LargeFile | None = None

    @property
    def sha256(self) -> str | None:
        return self.lfs.sha256 if self.lfs else None

    @property
    def blob(self) -> str:
        """The name of its content in the hub's cache."""
        return self.sha256 or self.git_sha1


class Listing(BaseModel):
    """The files of a repository at the commit of a revision."""

    model_config = ConfigDict(frozen=True)

    commit: str = Field(alias="sha", pattern=r"^[0-9a-f]{40}$")
    files: tuple[RemoteFile, ...] = Field(alias="siblings", max_length=20_000)


class Hub:
    """A hub at an address, by default that of `HF_ENDPOINT`; `wait` sleeps between attempts."""

    def __init__(self, address: str | None = None, *, wait: Callable[[float], None] = time.sleep) -> None:
        self.address = (address or endpoint()).rstrip("/")
        self.wait = wait

    def listing(self, repo: str, revision: str) -> Listing:
        """The files of a repository at a revision. Raises HubError."""
        url = f"{self.address}/api/models/{repo}/revision/{quote(revision, safe='')}?blobs=true"
        retries = Retries(self.wait, LISTING_ATTEMPTS)
        while True:
            try:
                with self._get(url, repo, revision) as response:
                    return Listing.model_validate(orjson.loads(_bounded(response.iter_bytes())))
            except TemporaryHubError as error:
                retries.wait_or_raise(error)
            except ValueError as error:  # no JSON, or no listing
                why = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
                raise self._invalid(f"sent an invalid listing of {repo} ({why})") from None

    @contextlib.contextmanager
    def bytes_of(
        self, repo: str, commit: str, path: str, start: int, end: int | None = None
    ) -> Iterator[tuple[int, Iterator[bytes]]]:
        """Where the hub's bytes begin, at `start` or again at 0, and the bytes, to `end` or further.

        Raises HubError; TemporaryHubError also while the bytes arrive.
        """
        url = f"{self.address}/{repo}/resolve/{commit}/{quote(path)}"
        # An encoded reply has other lengths than the file and cannot be resumed.
        headers = {"accept-encoding": "identity"}
        if start or end:
            headers["range"] = f"bytes={start}-{end - 1 if end else ''}"
        with self._get(url, f"{repo}/{path}", commit, headers) as response:
            is_part = response.status_code == 206
            if is_part and not response.headers.get("content-range", "").startswith(f"bytes {start}-"):
                raise self._invalid(f"sent another part of {path} than the requested one")
            yield start if is_part else 0, response.iter_bytes()

    def start_of(self, repo: str, commit: str, path: str, size_bytes: int) -> bytes:
        """The first bytes of a file; fewer when it is shorter. Raises HubError."""
        retries = Retries(self.wait, LISTING_ATTEMPTS)
        while True:
            read = bytearray()
            try:
                with self.bytes_of(repo, commit, path, 0, size_bytes) as (_, pieces):
                    for piece in pieces:
                        read += piece
                        if len(read) >= size_bytes:
                            break
                return bytes(read[:size_bytes])
            except TemporaryHubError as error:
                retries.wait_or_raise(error)

    @contextlib.contextmanager
    def _get(
        self, url: str, what: str, revision: str, headers: Mapping[str, str] | None = None
    ) -> "Iterator[httpx2.Response]":
        import httpx2

        try:
            with contextlib.ExitStack() as stack:
                response, has_token = self._opened(stack, url, headers or {})
                if response.status_code not in (200, 206):
                    status, given = response.status_code, response.headers
                    raise refusal(status, given, what, revision, self.address, has_token=has_token)
                yield response
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol):
            raise self._invalid("is not the address of a hub") from None
        except httpx2.HTTPError as error:
            raise TemporaryHubError(
                f"The connection to the hub at {self.address} failed ({type(error).__name__}).",
                hint=f"Check the network, HTTPS_PROXY and HF_ENDPOINT. {RUN_AGAIN}",
            ) from None

    @staticmethod
    def _opened(
        stack: contextlib.ExitStack, url: str, headers: Mapping[str, str]
    ) -> "tuple[httpx2.Response, bool]":
        """The reply's head, and whether a token was sent for it; the stack closes the connection."""
        import httpx2

        try:
            from huggingface_hub import get_session, get_token
            from huggingface_hub.errors import OfflineModeIsEnabled
        except ValueError as error:
            raise _no_connection(error) from None
        try:
            token = get_token()
            # httpx drops the token when a redirect leaves this origin
            login = {"authorization": f"Bearer {token}"} if token else {}
            sent = {"user-agent": f"viewfinder/{VERSION}", **headers, **login}
            timeout = httpx2.Timeout(STALL_S, connect=CONNECT_S)
            stream = get_session().stream("GET", url, headers=sent, timeout=timeout)
            return stack.enter_context(stream), token is not None
        except OfflineModeIsEnabled:
            raise HubError(
                "HF_HUB_OFFLINE is set, so nothing can be downloaded.", hint="Unset it.", code="hub_offline"
            ) from None
        except NO_CONNECTION as error:
            if isinstance(error, httpx2.InvalidURL):
                raise
            raise _no_connection(error) from None

    def _invalid(self, what: str) -> HubError:
        return HubError(
            f"{self.address} {what}.", hint="Check HF_ENDPOINT and HTTPS_PROXY.", code="hub_bad_reply"
        )


def _no_connection(error: Exception) -> HubError:
    return HubError(
        f"No connection to the hub can be made: {error}.",
        hint="Check HTTPS_PROXY, ALL_PROXY, SSL_CERT_FILE and the variables that begin with HF_.",
        code="hub_unreachable",
    )


def _bounded(chunks: Iterator[bytes]) -> bytes:
    read = bytearray()
    for chunk in chunks:
        read += chunk
        if len(read) > LISTING_BYTES:
            raise ValueError("it is too long")
    return bytes(read)
