"""Clean OpenAI replies and chunks from those of engines, and error bodies; called by the gateway.

The kept fields are an allow-list: an engine's own additions (timings, slot numbers, paths) are dropped.
"""

import re
from typing import Any, TypeGuard

from viewfinder.core.errors import ContextExceeded, EngineRefused, RequestTooLarge, ViewfinderError

TOO_LONG = re.compile(r"exceed_context_size_error: (\d+) tokens, where (\d+) fit")
"""The error of our child program for mlx-vlm, whose server passes on only a text."""
LARGEST_COUNT = 2**53
"""The largest count that every reader of JSON keeps exactly."""
DETAILS = {
    "prompt_tokens_details": ("cached_tokens", "image_tokens"),
    "completion_tokens_details": ("reasoning_tokens",),
}
"""Parts of the token counts, which are kept where an engine tells them."""
FINISH_REASONS = frozenset({"stop", "length", "tool_calls", "content_filter"})


def clean_reply(
    raw: dict[str, Any], model: str, id: str, created: int, others: int | None = None
) -> dict[str, Any]:
    """A complete reply. `others`: how many other tokens stand beside each of `logprobs`; None: no logprobs.

    Raises EngineRefused when `raw` is an error or is not a completion.
    """
    _raise_error(raw)
    choices = [_choice(choice, "message", others) for choice in _objects(raw.get("choices"))]
    if not choices:
        raise _not("a chat completion")
    for choice in choices:
        choice["message"] = {"role": "assistant", "content": None, "refusal": None, **choice["message"]}
    reply = _envelope("chat.completion", model, id, created) | {"choices": choices}
    usage = clean_usage(raw)
    return reply | {"usage": usage} if usage else reply


def clean_chunk(
    raw: dict[str, Any], model: str, id: str, created: int, others: int | None = None
) -> dict[str, Any] | None:
    """One chunk of a stream, with logprobs as in `clean_reply`; None when nothing is left of it, as for
    reports of progress.

    Raises EngineRefused when `raw` is an error or is not a chunk.
    """
    _raise_error(raw)
    choices = [_choice(choice, "delta", others) for choice in _objects(raw.get("choices"))]
    choices = [choice for choice in choices if choice["delta"] or choice["finish_reason"] is not None]
    usage = clean_usage(raw)
    if not choices and usage is None:
        return None
    chunk = _envelope("chat.completion.chunk", model, id, created) | {"choices": choices}
    return chunk | {"usage": usage} if usage else chunk


def usage_chunk(usage: dict[str, Any], model: str, id: str, created: int) -> dict[str, Any]:
    """The last chunk of a stream whose request wants usage: no choices, only `usage`."""
    return _envelope("chat.completion.chunk", model, id, created) | {"choices": [], "usage": usage}


def clean_count(raw: dict[str, Any]) -> int:
    """The tokens of a request that was only counted. Raises EngineRefused when `raw` does not say them."""
    _raise_error(raw)
    tokens = raw.get("input_tokens")
    if not is_count(tokens):
        raise _not("a count of tokens")
    return tokens


def clean_usage(raw: dict[str, Any]) -> dict[str, Any] | None:
    """The token counts of a reply or chunk; None when it has none."""
    usage = raw.get("usage")
    if not isinstance(usage, dict):
        return None
    prompt, completion = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if not is_count(prompt) or not is_count(completion):
        raise _not("a count of tokens")
    counts: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
    for part, names in DETAILS.items():
        details = usage.get(part)
        if isinstance(details, dict):
            kept = {name: details[name] for name in names if is_count(details.get(name))}
            counts |= {part: kept} if kept else {}
    return counts


def error_body(message: str, type: str, code: str, param: str | None) -> dict[str, Any]:
    """The body of every error, as OpenAI's clients read it."""
    return {"error": {"message": message, "type": type, "param": param, "code": code}}


def engine_refusal(error: object, status: int = 0) -> ViewfinderError:
    """The error to raise for an engine's `error` value, in a reply with status 200 or with `status`.

    Its text stays in the engine's log: such texts have contained addresses and paths (CVE-2026-22778).
    A prompt that is too long is an error of the client, and so is a body that is too large.
    """
    if isinstance(error, str) and (long := TOO_LONG.match(error)):
        names = ("n_prompt_tokens", "n_ctx")
        error = {
            "type": "exceed_context_size_error",
            **dict(zip(names, map(int, long.groups()), strict=True)),
        }
    details = error if isinstance(error, dict) else {}
    if details.get("type") == "exceed_context_size_error":  # llama.cpp, and our child of transformers
        sent, most = details.get("n_prompt_tokens"), details.get("n_ctx")
        return ContextExceeded(f"{sent} tokens" if is_count(sent) else "", most if is_count(most) else None)
    code = details.get("code")
    if not status and is_count(code) and 400 <= code < 600:
        status = code
    if status == 413:
        return RequestTooLarge(
            "The request is larger than the model's engine takes.", hint="Send fewer or smaller images."
        )
    shown = f" (status {status})" if status else ""
    return EngineRefused(
        f"The engine answered with an error{shown}.", status=status, hint="See its log for details."
    )


def _raise_error(raw: dict[str, Any]) -> None:
    if raw.get("error") is not None:
        raise engine_refusal(raw["error"])


def _envelope(object: str, model: str, id: str, created: int) -> dict[str, Any]:
    return {"id": id, "object": object, "created": created, "model": model}


def _choice(raw: dict[str, Any], part: str, others: int | None) -> dict[str, Any]:
    """One choice; `part` is "message" in a reply and "delta" in a chunk."""
    reason = raw.get("finish_reason")
    is_known = isinstance(reason, str) and reason in FINISH_REASONS
    if not is_known and not (reason is None and part == "delta"):
        raise _not("a reason to finish")
    told, logprobs = None, raw.get("logprobs")
    if others is not None and isinstance(logprobs, dict):
        tokens = _objects(logprobs.get("content"))
        told = {"content": [_token(token, others) for token in tokens], "refusal": None}
    return {"index": 0, part: _message(raw.get(part)), "logprobs": told, "finish_reason": reason}


def _message(raw: Any) -> dict[str, Any]:
    """Role, content, reasoning and tool calls of a message, each only where there is one."""
    if not isinstance(raw, dict):
        raise _not("a message")
    message: dict[str, Any] = {}
    for name in ("role", "content", "reasoning_content"):
        if raw.get(name) is not None:
            if not isinstance(raw[name], str):
                raise _not("a message of text")
            message[name] = raw[name]
    if "role" in message:
        message["role"] = "assistant"
    calls = [_tool_call(call) for call in _objects(raw.get("tool_calls"))]
    return message | {"tool_calls": calls} if calls else message


def _tool_call(raw: dict[str, Any]) -> dict[str, Any]:
    call = {name: raw[name] for name in ("index", "id", "type") if raw.get(name) is not None}
    function = raw.get("function")
    if isinstance(function, dict):
        call["function"] = {name: function[name] for name in ("name", "arguments") if name in function}
    return call


def _token(raw: dict[str, Any], others: int) -> dict[str, Any]:
    token = {name: raw.get(name) for name in ("token", "logprob", "bytes")}
    return token | {
        "top_logprobs": [
            {name: top.get(name) for name in ("token", "logprob", "bytes")}
            for top in _objects(raw.get("top_logprobs"))[:others]
        ]
    }


def _objects(value: Any) -> list[dict[str, Any]]:
    """A list of objects; None counts as an empty list."""
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise _not("a list of objects")
    return value


def is_count(value: object) -> TypeGuard[int]:
    """Whether the value is a number of tokens; `true` is not, although Python counts it as 1."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST_COUNT


def _not(wanted: str) -> EngineRefused:
    return EngineRefused(f"The engine's reply is not {wanted}.", hint="See its log for details.")
