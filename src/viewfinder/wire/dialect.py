"""The API in which a request is written and its reply is read.

Chat completions are the gateway's own words: any other API is translated into them, so that all requests
take the same way through limits, images, capability, canary and replay, and its replies are translated back.
Called by `chat` and by the gateway; each API but chat completions is a file of its own.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from viewfinder.wire.outline import Place, image_urls
from viewfinder.wire.refusals import CHAT, require_own_fields
from viewfinder.wire.sse import DONE_EVENT, event


class Answer:
    """Translates the reply to one request; it may keep what it has seen of it. This one changes nothing."""

    id_prefix = "chatcmpl-"
    """What the id of the reply begins with."""
    names_its_stop = False
    """Whether the reply says which stop string ended it."""
    stopped_by: str | None = None
    """That string, set by the relay."""
    request_id: str | None = None
    """The id of the request, set by the gateway; some APIs name it in the errors of a stream."""

    def whole(self, reply: dict[str, Any]) -> dict[str, Any]:
        """A reply that is not streamed."""
        return reply

    def counted(self, tokens: int) -> dict[str, Any]:
        """The reply to a request that was only counted, as OpenAI and llama.cpp write it."""
        return {"object": "response.input_tokens", "input_tokens": tokens}

    def events(self, chunk: dict[str, Any]) -> Iterator[bytes]:
        """The events for one chunk of a stream, which may be none."""
        yield event(orjson.dumps(chunk))

    def failed(self, error: Mapping[str, Any]) -> Iterator[bytes]:
        """The last events of a stream that ends with this error, as `replies.error_body` makes it."""
        yield event(orjson.dumps(error))

    def ended(self) -> Iterator[bytes]:
        """The last events of a stream that is complete."""
        yield DONE_EVENT


@dataclass(frozen=True, slots=True)
class Translated:
    """A request in the words of chat completions.

    `where` turns the path of a field in `fields` into the client's own; `ignored` names fields of the
    client's that have no effect.
    """

    fields: dict[str, Any]
    answer: Answer = field(default_factory=Answer)
    ignored: tuple[str, ...] = ()
    where: Callable[[str], str] = str


class Dialect:
    """One API. This one is chat completions."""

    in_thread = False
    """Whether to translate takes so long that the event loop must never do it (a disk)."""
    has_raw_base64 = False
    """Whether images may be raw base64, in a string of the key `data`."""

    def images(self, value: Any) -> list[Place]:
        """The places in a body where URLs of images may be: there a long one stays a view of the body."""
        return image_urls(value)

    def translate(self, raw: dict[str, Any]) -> Translated:
        """Raises BadRequest, with a path of the client's own."""
        require_own_fields([name for name in raw if raw[name]], CHAT)
        return Translated(raw)


COMPLETIONS = Dialect()
