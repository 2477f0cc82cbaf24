"""The ids of responses and of their items; called by the rest of `responses` and by the gateway.

An item's id says which response it is part of, and its number there: so an item is found without an index.
"""

import re
from typing import Any

RESPONSE_PREFIX = "resp_"
_RESPONSE = re.compile(r"resp_[0-9a-f]{32}")
_ITEM = re.compile(r"(?:msg|fc|fco|rs)_([0-9a-f]{32})([0-9a-f]{4})")
_KINDS = {"message": "msg", "function_call": "fc", "function_call_output": "fco", "reasoning": "rs"}


def is_response_id(text: str) -> bool:
    """Whether it could be one of ours: nothing else is looked for on the disk."""
    return _RESPONSE.fullmatch(text) is not None


def item_id(item: dict[str, Any], response_id: str, number: int) -> str:
    return f"{_KINDS[item['type']]}_{response_id.removeprefix(RESPONSE_PREFIX)}{number:04x}"


def place_of(id: str) -> tuple[str, int] | None:
    """The response and the number of the item with this id; None when no item of ours can have it."""
    match = _ITEM.fullmatch(id)
    return (RESPONSE_PREFIX + match[1], int(match[2], 16)) if match else None
