"""Fuzz targets of `wire` and of the readers of what engines answer: bodies, schemas, patterns, events."""

import json
import re
from collections.abc import Iterator
from typing import Any

import orjson

from viewfinder.client.chat import _loads_in_steps, _object
from viewfinder.core.config import Limits
from viewfinder.core.errors import BadRequest, EngineRefused, ViewfinderError
from viewfinder.wire import outline as outlines
from viewfinder.wire import replies, sse, strict_json
from viewfinder.wire.chat import PASSED_ON, ParsedRequest, parse_request
from viewfinder.wire.pattern_cost import SchemaFault, bit_of
from viewfinder.wire.patterns import cost_of
from viewfinder.wire.schemas import check_schemas
from viewfinder.wire.stops import Stops

from .client_targets import cut
from .oracle import attempt, constants, require, require_harmless

LIMITS = Limits()
SAFE_IMAGE = "data:image/png;base64,AAAA"
ENGINE_FIELDS = {
    *PASSED_ON,
    *("messages", "stream_options", "max_tokens", "seed", "response_format"),
    *("logprobs", "top_logprobs", "thinking"),
}


def read_outline(data: bytes) -> None:
    """A body with its images cut out is what JSON makes of the whole, if both take it."""
    with constants(outlines, LONG_BYTES=16, WINDOW_BYTES=64, MOST_MARKS=8):
        whole = attempt(lambda: strict_json.loads(data), BadRequest)
        outlined = attempt(lambda: outlines.outline(data, 1 << 20), BadRequest)
        cut = outlined
        if outlined.error is None:
            cut = attempt(lambda: _texts(outlined.value.parse(outlines.image_urls)), BadRequest)
        has_cuts = outlined.error is None and bool(outlined.value.cut)
        if cut.error is not None:
            require_harmless(cut.error)  # type: ignore[arg-type]
        if whole.error is None and cut.error is None:
            require(whole.value == cut.value, f"{whole.value!r} became {cut.value!r}")
        elif whole.error is None:
            is_key = "a key that is too long" in str(cut.error)
            require(is_key or _has_odd_image(whole.value), f"only the outline refuses it: {cut.error}")
        elif cut.error is None:
            require(has_cuts, f"only the outline takes it: {whole.error}")


def _texts(value: Any) -> Any:
    """The value with the URLs of images as texts again."""
    if isinstance(value, dict):
        return {key: _texts(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_texts(item) for item in value]
    return value.tobytes().decode("utf-8", "replace") if isinstance(value, memoryview) else value


def _has_odd_image(value: Any) -> bool:
    """Whether a text is no base64 in any case, so that it does not matter which error refuses it."""
    return any(isinstance(text, str) and not text.isascii() for text in _leaves(value))


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _leaves(item)
    else:
        yield value


def read_json(data: bytes) -> None:
    """What the strict parser takes, another one takes as well, and reads the same in it."""
    strict = attempt(lambda: strict_json.loads(data), BadRequest)
    if strict.error is not None:
        require_harmless(strict.error)  # type: ignore[arg-type]
        return
    require(strict.value == orjson.loads(data), f"another parser reads something else than {strict.value!r}")
    require(orjson.loads(orjson.dumps(strict.value)) == strict.value, "it cannot be passed on")


def read_request(data: bytes) -> None:
    """A request is refused by its own fault, or becomes a body that an engine can get."""
    parsed = attempt(lambda: parse_request(data, LIMITS), BadRequest)
    if parsed.error is not None:
        require_harmless(parsed.error)  # type: ignore[arg-type]
        return
    found: ParsedRequest = parsed.value
    images = [SAFE_IMAGE] * len(found.request.image_parts())
    body = orjson.loads(orjson.dumps(found.request.for_engine(images)))
    require(body.keys() <= ENGINE_FIELDS, f"an engine gets {body.keys() - ENGINE_FIELDS}")
    require(0 < len(body["messages"]) <= LIMITS.messages, "a number of messages that is not allowed")
    orjson.dumps(found.request.without_messages().model_dump(mode="json"))


def read_schema(data: bytes) -> None:
    """A schema has a cost, or is refused; its own copy in an array costs no less."""
    try:
        schema = strict_json.loads(data)
    except BadRequest:
        return
    if not isinstance(schema, dict):
        return
    alone = attempt(lambda: check_schemas([(schema, "schema")], LIMITS), BadRequest)
    if alone.error is None:
        return
    require_harmless(alone.error)  # type: ignore[arg-type]
    require(alone.error.reason == "invalid_schema", f"another code: {alone.error}")  # type: ignore[attr-defined]
    if "reference" in str(alone.error):  # it may lead to another place there
        return
    within = {"type": "array", "items": schema}
    nested = attempt(lambda: check_schemas([(within, "schema")], LIMITS), BadRequest)
    require(nested.error is not None, f"refused alone ({alone.error}), and taken in an array")


UNLIKE_PYTHON = re.compile(r"\\[^dwsDWS\W]|\(\?|\$|(?<!\[)\^|\\$|\[\[")
"""Syntax that Python reads in another way than engines."""


def read_pattern(data: bytes) -> None:
    """What is said of a pattern holds for each text that it matches: its length, and how it begins."""
    text, _, subject = data.decode("utf-8", "replace").partition("\n")
    cost = attempt(lambda: cost_of(text), SchemaFault)
    if cost.error is not None:
        require(len(str(cost.error)) < 200, "a long message")
        return
    piece = cost.value
    require(piece.ways >= 1 and piece.states >= 0, f"impossible: {piece}")
    pattern, subject = text.removeprefix("^").removesuffix("$"), subject[:6]
    if len(pattern) > 40 or UNLIKE_PYTHON.search(pattern) or not subject.isascii():
        return
    try:
        is_match = re.fullmatch(pattern, subject, re.ASCII | re.DOTALL) is not None
    except (re.error, OverflowError, RecursionError):
        return
    if is_match:
        require(piece.length in (None, len(subject)), f"{pattern!r} matches {subject!r}: {piece}")
        begins = piece.first & bit_of(subject[0]) if subject else piece.is_optional
        require(bool(begins), f"{pattern!r} matches {subject!r}, and {piece} does not begin so")


def read_events(data: bytes) -> None:
    """Events are the same wherever the bytes are cut, and are those of the specification."""
    cuts, stream = data[:4], data[4:]
    at_once, in_pieces = sse.EventReader(), sse.EventReader()
    whole = attempt(lambda: at_once.feed(stream), EngineRefused)
    pieces = attempt(
        lambda: [one for part in cut(stream, cuts) for one in in_pieces.feed(part)], EngineRefused
    )
    require((whole.error is None) == (pieces.error is None), f"{whole.error} or {pieces.error}")
    if whole.error is None:
        require(whole.value == pieces.value, f"{whole.value} in one piece, {pieces.value} in several")
        require(whole.value == _events(stream), f"{whole.value}; by the specification {_events(stream)}")
        again = [sse.event(payload.encode()) for payload in whole.value]
        require(sse.EventReader().feed(b"".join(again)) == whole.value, "written and read again, it differs")


def _events(stream: bytes) -> list[str]:
    """The specification, sentence by sentence, for a stream that is UTF-8 where it matters."""
    lines = re.split(rb"\r\n|\n|\r", stream.removeprefix(b"\xef\xbb\xbf"))[:-1]
    events, payload = [], []
    for line in lines:
        if not line:
            events += [b"\n".join(payload).decode()] if payload else []
            payload = []
        elif re.match(rb"data(:|$)", line):
            payload.append(line[5:].removeprefix(b" "))
    return events


def read_reply(data: bytes) -> None:
    """An engine's reply or chunk is cleaned and can be sent, or it is the engine's fault."""
    for loads in (orjson.loads, _loads_in_steps):
        raw = attempt(lambda loads=loads: _object(data, 200, loads), EngineRefused)  # type: ignore[misc]
        if raw.error is not None:
            passed = replies.engine_refusal(raw.error.said, raw.error.status)  # type: ignore[attr-defined]
            require_harmless(passed)
            continue
        for clean in (replies.clean_reply, replies.clean_chunk):
            cleaned = attempt(lambda clean=clean, raw=raw: clean(raw.value, "m", "id", 0), ViewfinderError)  # type: ignore[misc]
            if cleaned.error is not None:
                require_harmless(cleaned.error)  # type: ignore[arg-type]
            elif cleaned.value is not None:
                sent = json.loads(orjson.dumps(cleaned.value))
                allowed = {"id", "object", "created", "model", "choices", "usage"}
                require(sent.keys() <= allowed, f"a client gets {sent.keys() - allowed}")


def cut_at_stops(data: bytes) -> None:
    """An answer ends before its first stop string, in whatever pieces it arrives."""
    head, _, rest = data.partition(b"\n")
    strings = [text for text in head.decode("utf-8", "replace").split("|") if text][:4]
    text = rest.decode("utf-8", "replace")
    pieces = [text[at : at + 3] for at in range(0, len(text), 3)] or [""]
    stops = Stops(strings)
    kept = "".join(stops.cut(piece, last=at == len(pieces) - 1) for at, piece in enumerate(pieces))
    occurs = any(string in text for string in strings)
    require((stops.met is not None) == occurs, "whether one has occurred")
    require(text.startswith(kept), f"{kept!r} is not the text's beginning")
    if not occurs:
        require(kept == text, f"{text!r} became {kept!r}")
        return
    require(not any(string in kept for string in strings), f"{kept!r} has a stop string")
    require(text.startswith(tuple(strings), len(kept)), f"no stop string begins behind {kept!r}")
