"""Limits on the JSON schemas that clients send; called by `chat` for `response_format` and `tools`.

An engine compiles a schema into a grammar. Deep, wide or endlessly repeating schemas have stalled or crashed
servers (CVE-2025-48942, CVE-2026-25048, CVE-2026-55574), so they are checked before an engine gets them.
"""

import json
from typing import Any

from viewfinder.core.errors import BadRequest

MAX_SCHEMA_DEPTH = 16
MAX_BYTES = 16 * 1024
MAX_REPEATS = 2000
MAX_PATTERN_CHARS = 256
_REPEATS = ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties")


def check_schema(schema: dict[str, Any], param: str) -> None:
    """Raise BadRequest `invalid_schema` when `schema` is too expensive for an engine to compile."""
    if len(json.dumps(schema)) > MAX_BYTES:
        raise _refusal(f"is larger than {MAX_BYTES // 1024} KiB", param)
    stack: list[tuple[Any, int]] = [(schema, 1)]
    while stack:
        item, level = stack.pop()
        if not isinstance(item, dict | list):
            continue
        if level > MAX_SCHEMA_DEPTH:
            raise _refusal(f"is nested deeper than {MAX_SCHEMA_DEPTH} levels", param)
        if isinstance(item, dict):
            _check_keywords(item, param)
        stack.extend((child, level + 1) for child in (item.values() if isinstance(item, dict) else item))


def _check_keywords(item: dict[str, Any], param: str) -> None:
    """A property may have the name of a keyword; its value is then an object, and passes."""
    reference, pattern = item.get("$ref"), item.get("pattern")
    if isinstance(reference, str) and not reference.startswith("#"):
        raise _refusal("has a reference to another document; only '#...' references are followed", param)
    if isinstance(pattern, str) and len(pattern) > MAX_PATTERN_CHARS:
        raise _refusal(f"has a pattern of more than {MAX_PATTERN_CHARS} characters", param)
    for keyword in _REPEATS:
        count = item.get(keyword)
        if isinstance(count, int | float) and count > MAX_REPEATS:
            raise _refusal(f"has a {keyword} above {MAX_REPEATS}", param)


def _refusal(fault: str, param: str) -> BadRequest:
    return BadRequest(
        f"The schema in '{param}' {fault}.", hint="Send a simpler schema.", param=param, code="invalid_schema"
    )
