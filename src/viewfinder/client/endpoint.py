"""Where a server listens; made by fleet (or from a base URL) for a `ChatClient`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server's address.

    `base_url` has no trailing `/v1`; over a Unix socket its host is only a name ("http://engine"). `model`
    is the server's own name for its model, when clients use another one. `slots` limits the simultaneous
    requests, None for no limit; `lacks` are the request fields that the server does not support.
    `is_proven` checks that the process listening there is the right one: until then nothing is sent.
    """

    base_url: str
    socket: Path | None = None
    api_key: SecretStr | None = None
    model: str | None = None
    slots: int | None = None
    lacks: frozenset[str] = frozenset()
    is_proven: Callable[[], bool] | None = None

    def url(self, path: str) -> str:
        """The URL of a path that begins with a slash."""
        return self.base_url.rstrip("/") + path

    def headers(self) -> dict[str, str]:
        """The headers of every request."""
        if self.api_key is None:
            return {}
        return {"Authorization": f"Bearer {self.api_key.get_secret_value()}"}

    def __str__(self) -> str:
        return f"unix:{self.socket}" if self.socket else self.base_url
