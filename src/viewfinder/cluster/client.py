"""Sends one request to the replicas, in the place of an engine's client; made by `server` for each lease.

what goes wrong                       what the caller gets
the replica or its node dies, or      another replica is asked, a few times
  stops, before its first byte
the same, in the middle of an answer  EngineDied
a replica's files are not the model's another replica is asked, as long as there are others
an error on the replica               the same error
"""

import hashlib
import secrets
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Protocol

import orjson

from viewfinder.client.chat import CHAT_PATH, ChatClient
from viewfinder.client.endpoint import Endpoint
from viewfinder.cluster.messages import Failed, KnownFiles, Opened, ReplicaRequest
from viewfinder.core.errors import EngineDied
from viewfinder.fleet.record.request_shape import RequestShape
from viewfinder.wire.long_text import dumps

REPLICA_ATTEMPTS = 4
"""Several nodes may be lost at once, and Serve may not have noticed yet."""


class ReplicaGone(Exception):
    """The replica that was asked no longer answers; raised by `Replicas`."""


class ReplicaUnfit(Exception):
    """The files of the replica that was asked are not those of the model; `avoid` it from now on."""

    def __init__(self, avoid: tuple[str, ...]) -> None:
        super().__init__(*avoid)
        self.avoid = avoid


class Replicas(Protocol):
    """The replicas, behind Serve's router. Both raise ReplicaGone."""

    async def load(
        self, model: str, files: KnownFiles | None = None, avoid: Sequence[str] = ()
    ) -> Opened | Failed: ...
    def answer(self, asked: ReplicaRequest) -> AsyncGenerator[bytes | Failed, None]: ...


class ReplicaClient(ChatClient):
    """The client of one lease: it has the methods that the gateway uses of an engine's client.

    `noted` is called with its call_id and the id of the answer that a client got; `retried` with the reason
    before another replica is asked.
    """

    def __init__(
        self,
        model: str,
        endpoint: Endpoint,
        replicas: Replicas,
        noted: Callable[[str, str], None],
        retried: Callable[[str], None],
        shape: RequestShape | None = None,
        files: KnownFiles | None = None,
    ) -> None:
        super().__init__(endpoint)
        self._files = files
        self._model, self._replicas, self._noted, self._retried = model, replicas, noted, retried
        self._shape = shape or RequestShape()
        self._call_id = ""

    def for_lease(self, shape: Any) -> "ReplicaClient":
        """A client of its own for each lease, which knows its request."""
        return ReplicaClient(
            self._model, self.endpoint, self._replicas, self._noted, self._retried, shape, self._files
        )

    async def complete(self, body: dict[str, Any], path: str = CHAT_PATH) -> dict[str, Any]:
        """The whole reply, as the engine sent it. Raises what the client of the engine raised."""
        async with aclosing(self._chunks(body, path, stream=False)) as chunks:
            async for whole in chunks:
                return whole
        raise EngineDied(f"The replica that was asked for '{self._model}' gave no answer.")

    async def stream(
        self, body: dict[str, Any], path: str = CHAT_PATH
    ) -> AsyncGenerator[dict[str, Any], None]:
        """The chunks of a streamed reply as they arrive; closing the generator stops the engine."""
        async with aclosing(self._chunks(body, path, stream=True)) as chunks:
            async for chunk in chunks:
                yield chunk

    def answered(self, answer_id: str) -> None:
        self._noted(self._call_id, answer_id)

    async def _chunks(
        self, body: dict[str, Any], path: str, *, stream: bool
    ) -> AsyncGenerator[dict[str, Any], None]:
        self._call_id = secrets.token_hex(12)
        asked = ReplicaRequest(
            model=self._model,
            call_id=self._call_id,
            conversation=conversation_of(body),
            body=b"".join(dumps(body)),
            path=path,
            stream=stream,
            shape=self._shape,
            files=self._files,
        )
        left = REPLICA_ATTEMPTS
        while left:
            has_begun = False
            try:
                async with aclosing(self._replicas.answer(asked)) as pieces:
                    async for piece in pieces:
                        if isinstance(piece, Failed):
                            raise _error_of(piece, asked.avoid, has_begun)
                        has_begun = True
                        yield orjson.loads(piece)
                    return
            except ReplicaUnfit as unfit:
                asked = replace(asked, avoid=unfit.avoid)
                self._retried("files_differ")
            except ReplicaGone as gone:
                left -= 1
                if has_begun or not left:
                    raise EngineDied(
                        f"The node that answered for '{self._model}' is gone.", hint="Retry."
                    ) from gone
                self._retried("node_gone")


def others_than(failed: Failed, avoid: Sequence[str]) -> tuple[str, ...]:
    """The replicas to avoid from now on, when the files of one are to blame; empty: all were asked."""
    return (*avoid, failed.unfit) if failed.unfit and failed.unfit not in avoid else ()


def _error_of(failed: Failed, avoid: Sequence[str], has_begun: bool) -> Exception:
    """That of the replica; one that is just stopping is as good as gone."""
    error = failed.error()
    if (others := others_than(failed, avoid)) and not has_begun:
        return ReplicaUnfit(others)
    return ReplicaGone(error.message) if error.reason == "stopping" and not has_begun else error


def conversation_of(body: dict[str, Any]) -> str:
    """The same for all requests of a conversation, which repeat what it began with."""
    first = next((one for one in body.get("messages", ()) if one.get("role") == "user"), None)
    beginning = [first] if first is not None else [body.get("prompt")]
    digest = hashlib.blake2b(digest_size=12)
    for piece in dumps(beginning):
        digest.update(piece)
    return digest.hexdigest()
