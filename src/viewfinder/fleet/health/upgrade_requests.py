"""The requests of a mini-bench: always the same ones, no two alike, so that no engine answers from a cache.

Called by `upgrade_checks`.
"""

import functools
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from viewfinder.scenes.messages import Message, image_message
from viewfinder.scenes.scene import make_scene

SHORT_TOKENS, LONG_TOKENS = 16, 48
_TEXTS = (
    "What is 3 plus 4?",
    "What is the capital of France?",
    "Count from one to ten in words.",
    "Name the colors of the rainbow.",
    "What is 12 plus 5?",
    "Name the days of the week.",
)
_COLOR, _DESCRIBE = "What color is the circle?", "Describe this image."
_PICTURES = (_COLOR, _DESCRIBE, _COLOR, _COLOR, _DESCRIBE, _COLOR)


@dataclass(frozen=True, slots=True)
class KnownRequest:
    """A request without the model's name; `name` changes when anything of it does."""

    name: str
    body: dict[str, Any]


@functools.cache
def known_requests(*, vision: bool) -> tuple[KnownRequest, ...]:
    """Those of a model that takes images, or text alone; the first is for warming up. Painting takes a
    moment: call it in a thread."""
    if not vision:
        return tuple(_request({"role": "user", "content": text}, LONG_TOKENS) for text in _TEXTS)
    pictures = [
        _request(
            image_message(make_scene(f"upgrade/{number}", things=2, longest=(224, 256)), text),
            SHORT_TOKENS if text == _COLOR else LONG_TOKENS,
        )
        for number, text in enumerate(_PICTURES)
    ]
    texts = [_request({"role": "user", "content": text}, SHORT_TOKENS) for text in _TEXTS[:2]]
    warm_up, *rest = pictures
    return (warm_up, rest[0], texts[0], *rest[1:], texts[1])


def _request(message: Message, tokens: int) -> KnownRequest:
    body = {"messages": [message], "max_tokens": tokens, "temperature": 0}
    return KnownRequest(hashlib.sha256(json.dumps(body).encode()).hexdigest()[:12], body)
