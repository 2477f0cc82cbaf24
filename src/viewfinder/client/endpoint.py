"""Where a server listens; made by fleet (or from a base URL) for a `ChatClient`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from viewfinder.core.gateway_id import VIA_HEADER
from viewfinder.wire.tool_prompt import TemplateFacts


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server's address.

    `base_url` has no trailing `/v1`; over a Unix socket its host is only a name ("http://engine"). `model`
    is the server's own name for its model, when clients use another one. `slots` limits the simultaneous
    requests, None for no limit; `lacks` are the request fields that the server does not support,
    `takes` those beyond OpenAI's that it has, with its names for them, and
    `template` what its model's chat template has a place for (None: not known).
    `count_path` is where it counts the tokens of a chat request, and `completion_path` where it continues a
    text; empty where it cannot. `decision_path` is where its model's decision head is asked; empty: the model
    has none.
    `peer` is the name of another gateway of Viewfinder, and `via` who we are to it; empty for other servers.
    `is_proven` checks that the process listening there is the right one: until then nothing is sent.
    """

    base_url: str
    socket: Path | None = None
    api_key: SecretStr | None = None
    model: str | None = None
    slots: int | None = None
    lacks: frozenset[str] = frozenset()
    takes: Mapping[str, str] = field(default_factory=dict, hash=False)
    template: TemplateFacts | None = None
    count_path: str = ""
    completion_path: str = ""
    decision_path: str = ""
    peer: str = ""
    via: str = ""
    is_proven: Callable[[], bool] | None = None

    def url(self, path: str) -> str:
        """The URL of a path that begins with a slash."""
        return self.base_url.rstrip("/") + path

    def headers(self) -> dict[str, str]:
        """The headers of every request."""
        from_us = {VIA_HEADER: self.via} if self.via else {}
        if self.api_key is None:
            return from_us
        # A header is written letter by letter as latin-1; the gateway and curl mean UTF-8.
        key = self.api_key.get_secret_value().encode().decode("latin-1")
        return {"Authorization": f"Bearer {key}", **from_us}

    def __str__(self) -> str:
        return f"unix:{self.socket}" if self.socket else self.base_url
