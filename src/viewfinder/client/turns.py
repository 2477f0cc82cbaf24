"""A conversation that a running server keeps: each request sends only what is new (/v1/responses); called by
measure."""

import re
from typing import Any

from viewfinder.client.chat import ChatClient
from viewfinder.client.exchange import Exchange
from viewfinder.core.errors import EngineError, EngineRefused

RESPONSES_PATH = "/v1/responses"
NOBODYS_ID = "resp_" + 32 * "0"
_KNOWS_RESPONSES = re.compile(rb"[Rr]esponse with id")
"""How a server that keeps responses says that it has none of this id."""


class KeptConversation:
    """Stands in for `ChatClient.exchange`: it is given the whole conversation, and sends its last message
    after the response before it. Where there was none (the first turn, a resumed run), it sends all."""

    def __init__(self, client: ChatClient) -> None:
        self._client = client
        self._last = ""

    async def exchange(self, body: dict[str, Any], *, timeout_s: float | None = None) -> Exchange:
        new = body["messages"][-1:] if self._last else body["messages"]
        request = {name: value for name, value in body.items() if name not in ("messages", "max_tokens")}
        request |= {"input": [_item(message) for message in new], "max_output_tokens": body["max_tokens"]}
        if self._last:
            request["previous_response_id"] = self._last
        self._last = ""
        return await self._client.exchange(
            request, timeout_s=timeout_s, path=RESPONSES_PATH, read=self._as_chunk
        )

    def _as_chunk(self, event: dict[str, Any]) -> dict[str, Any]:
        """An event as a chunk of a chat's stream."""
        kind, response = event.get("type"), event.get("response")
        if kind in ("error", "response.failed"):
            raise EngineRefused(f"The server's answer failed: {str(event.get('message') or kind)[:200]}")
        if kind == "response.output_text.delta":
            return {"choices": [{"delta": {"content": event.get("delta")}}]}
        if kind not in ("response.completed", "response.incomplete") or not isinstance(response, dict):
            return {}
        self._last = str(response.get("id") or "")
        usage = response.get("usage")
        counts = usage if isinstance(usage, dict) else {}
        reason = "stop" if kind == "response.completed" else "length"
        return {
            "choices": [{"delta": {}, "finish_reason": reason}],
            "usage": {
                "prompt_tokens": counts.get("input_tokens"),
                "completion_tokens": counts.get("output_tokens"),
            },
        }


async def keeps_conversations(client: ChatClient, timeout_s: float) -> bool:
    """Whether the server has /v1/responses and keeps them; asks no model."""
    try:
        status, reply = await client.get(f"{RESPONSES_PATH}/{NOBODYS_ID}", timeout_s)
    except EngineError:
        return False
    return status == 404 and _KNOWS_RESPONSES.search(reply) is not None


def _item(message: dict[str, Any]) -> dict[str, Any]:
    """A message of a chat as an item."""
    content = message["content"]
    if isinstance(content, str):
        return {"role": message["role"], "content": content}
    parts = [
        {"type": "input_text", "text": part["text"]}
        if part["type"] == "text"
        else {"type": "input_image", "image_url": part["image_url"]["url"]}
        for part in content
    ]
    return {"role": message["role"], "content": parts}
