"""What the faulty engine of these tests says, and how it continues a text; called by `conftest`."""

import json
import math
from collections.abc import Mapping
from typing import Any

from aiohttp import web

WORDS = ("A ", "réd ", "circle.")
REFUSALS: dict[str, tuple[int, dict[str, Any] | str]] = {
    "too long in a 200": (200, "exceed_context_size_error: 609 tokens, where 512 fit"),
    "refuse": (400, {"code": 400, "message": "not so"}),
    "fail": (500, {"code": 500, "message": "boom"}),
    "error in a 200": (200, {"code": 500, "message": "boom"}),
}
USAGE = {"prompt_tokens": 7, "completion_tokens": 3}


def broken(request: web.Request) -> web.Response:
    """The death of the process, as its client sees it."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def continue_text(engine: Any, request: web.Request) -> web.StreamResponse:
    """As llama.cpp continues a text; the prompt is the order."""
    body = await request.json()
    engine.continued.append(body)
    order = body["prompt"]
    if order == "die" or (order == "die once" and len(engine.continued) == 1):
        return broken(request)
    if order in REFUSALS:
        status, error = REFUSALS[order]
        return web.json_response({"error": error}, status=status)
    if order == "have no such path":
        raise web.HTTPNotFound
    odd = {"choose garbage": ["x"], "say a number": [{"text": 7, "finish_reason": "stop"}]}
    if order in odd:
        return web.json_response({"choices": odd[order]})
    words = () if order == "say nothing" else WORDS
    if not body.get("stream"):
        choice = {"index": 0, "text": "".join(words), "logprobs": None, "finish_reason": "stop"}
        if body.get("logprobs"):
            choice["logprobs"] = {"content": [token(word, body["logprobs"]) for word in words]}
        return web.json_response({"object": "text_completion", "choices": [choice], "usage": USAGE})
    reply = web.StreamResponse(headers={"content-type": "text/event-stream"})
    await reply.prepare(request)
    for word in words:
        logprobs = {"content": [token(word, body["logprobs"])]} if body.get("logprobs") else None
        await reply.write(text_chunk(word, logprobs))
        if order == "die in the middle":
            return broken(request)
    await reply.write(text_chunk("", None, "stop", usage=USAGE))
    await reply.write(b"data: [DONE]\n\n")
    return reply


def token(word: str, others: int) -> dict[str, Any]:
    top = [{"id": at, "token": f"{word}{at}", "bytes": [1], "logprob": -1.0 - at} for at in range(others)]
    return {"id": 1, "token": word, "bytes": list(word.encode()), "logprob": -0.5, "top_logprobs": top}


def text_chunk(
    text: str, logprobs: dict[str, Any] | None, finish_reason: str | None = None, **more: Any
) -> bytes:
    choice = {"index": 0, "text": text, "logprobs": logprobs, "finish_reason": finish_reason}
    return f"data: {json.dumps({'choices': [choice], **more})}\n\n".encode()


async def decide_itself(engine: Any, request: web.Request) -> web.StreamResponse:
    """As llama.cpp's /v1/systemone answers (its README)."""
    body = await request.json()
    engine.headed.append(body)
    answers: dict[str, Any] = {}
    for name, question in body["questions"].items():
        if question["type"] == "noul":
            answers[name] = {"type": "noul", "noul": 0.9}
            continue
        criteria = question["criteria"]
        keys = [*criteria] if question["type"] == "choice" else [str(at) for at in range(len(criteria))]
        likely = {key: 0.5 ** (at + 1) for at, key in enumerate(keys)}
        likely[keys[0]] += 0.5 ** len(keys)
        answers[name] = {"type": question["type"], "probabilities": likely, "confidence": 0.4}
        answers[name] |= {"choice": keys[0]} if question["type"] == "choice" else {"score": 0.5, "legend": {}}
    odd = {"odd": {"answers": {"question": {"type": "noul", "noul": "often"}}}, "die": {}}
    if isinstance(body["state"], str) and body["state"] in odd:
        return web.json_response(odd[body["state"]])
    return web.json_response(
        {"model": "x", "answers": answers, "usage": {"input_tokens": 11, "output_tokens": 0}}
    )


def first_token(likely: Mapping[str, float]) -> dict[str, Any]:
    """A reply of one token, and how likely each was."""
    tops = [{"token": token, "logprob": math.log(one), "bytes": None} for token, one in likely.items()]
    logprobs = {"content": [{**tops[0], "top_logprobs": tops}]}
    message = {"role": "assistant", "content": tops[0]["token"]}
    choice = {"index": 0, "message": message, "logprobs": logprobs, "finish_reason": "length"}
    return {"choices": [choice], "usage": USAGE}
