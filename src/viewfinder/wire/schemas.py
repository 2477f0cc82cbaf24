"""Limits on the JSON schemas that clients send; called by `chat` for `response_format` and `tools`.

An engine compiles a schema into a grammar, and follows it for every token of its vocabulary. Schemas of a few
hundred characters have stalled and crashed servers for good (CVE-2025-48942, CVE-2026-25048, CVE-2026-55574),
so what a schema costs is counted, by `schema_cost`, before an engine gets it.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from viewfinder.core.config import Limits
from viewfinder.core.errors import BadRequest
from viewfinder.wire.held_schemas import Held
from viewfinder.wire.pattern_cost import SchemaFault
from viewfinder.wire.schema_cost import Costs

MAX_SCHEMA_DEPTH = 48
"""Levels of JSON; one object in another takes two of them."""
MAX_BYTES = 64 * 1024
MAX_BYTES_TOGETHER = 512 * 1024
MAX_NAMED, MAX_PATH_CHARS = 8, 200
"""Of what is ignored, in the header of the answer."""


@dataclass(frozen=True, slots=True)
class EnforcedSchema:
    """A schema that an answer has to fit, and the path to it. `is_strict`: all of it has to be enforced."""

    schema: dict[str, Any]
    param: str
    is_strict: bool


def check_schemas(schemas: Iterable[tuple[dict[str, Any], str]], limits: Limits) -> None:
    """Raise BadRequest `invalid_schema` when the schemas of a request, each with the path to it, are too
    expensive for an engine."""
    size_bytes = states = 0
    for schema, param in schemas:
        size_bytes += _check_size(schema, param)
        try:
            costs = Costs(schema)
            ways = costs.of(schema).ways
        except SchemaFault as fault:
            raise _refusal(str(fault), param) from None
        if ways > limits.schema_ways:
            raise _refusal(
                f"is ambiguous: an engine would have to follow {_figure(ways)} ways through it at once, "
                f"and the most is {limits.schema_ways}",
                param,
                "Make patterns whose parts are separated by a character of their own and alternatives that "
                "begin differently, or raise limits.schema_ways.",
            )
        states += costs.states
        if states > limits.schema_states:
            raise _refusal(
                f"has {_figure(states)} states once its repetitions are written out, "
                f"and the most is {limits.schema_states}",
                param,
                "Use lower counts, fewer values, or no pattern, or raise limits.schema_states.",
            )
        if size_bytes > MAX_BYTES_TOGETHER:
            raise _refusal(f"and those before it are larger than {MAX_BYTES_TOGETHER // 1024} KiB", param)


def check_enforced(schemas: Iterable[EnforcedSchema], limits: Limits) -> list[str]:
    """The paths of what an engine would ignore in the schemas, which `check_schemas` has passed.

    Raises BadRequest `invalid_schema` for the first of them in a strict schema.
    """
    ignored: list[str] = []
    rewritten: list[tuple[dict[str, Any], str]] = []
    for one in schemas:
        try:
            held = Held(one.schema)
        except SchemaFault as fault:
            raise _refusal(str(fault), one.param) from None
        paths = [_shown(f"{one.param}{path}") for path in held.unheld]
        if paths and one.is_strict:
            raise BadRequest(
                f"'{paths[0]}' cannot be enforced, and the schema is strict.",
                hint="Leave it out, say it more simply, or set 'strict' to false: then it is ignored.",
                param=paths[0],
                code="invalid_schema",
            )
        ignored += paths[:MAX_NAMED]
        rewritten.append((held.schema, one.param))
    check_schemas(rewritten, limits)
    return ignored


def _shown(path: str) -> str:
    """A path for a header: the names in it are the client's."""
    return "".join(mark if " " < mark <= "~" else "?" for mark in path[:MAX_PATH_CHARS])


def _check_size(schema: dict[str, Any], param: str) -> int:
    """The size in bytes. Recursion over a schema that passes is safe."""
    stack: list[tuple[Any, int]] = [(schema, 1)]
    while stack:
        item, level = stack.pop()
        if not isinstance(item, dict | list):
            continue
        if level > MAX_SCHEMA_DEPTH:
            raise _refusal(f"is nested deeper than {MAX_SCHEMA_DEPTH} levels", param)
        stack.extend((child, level + 1) for child in (item.values() if isinstance(item, dict) else item))
    size_bytes = len(json.dumps(schema))
    if size_bytes > MAX_BYTES:
        raise _refusal(f"is larger than {MAX_BYTES // 1024} KiB", param)
    return size_bytes


def _figure(count: int) -> str:
    return f"{count:,}" if count < 10**9 else "more than a billion"


def _refusal(fault: str, param: str, hint: str = "Send a simpler schema.") -> BadRequest:
    return BadRequest(f"The schema in '{param}' {fault}.", hint=hint, param=param, code="invalid_schema")
