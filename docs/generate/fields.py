"""Writes docs/fields.md from the table of fields: `make docs`, or python -m docs.generate.fields.

What values a field takes is said by the types of a request, as in /openapi.json.
"""

import json
import sys
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from viewfinder.report.formats import markdown
from viewfinder.wire.chat import ChatRequest
from viewfinder.wire.extras import MOST_IGNORED_SHOWN
from viewfinder.wire.fields import FIELDS, NOT_OF_A_MESSAGE, NOT_OF_A_PART, STREAM_OPTIONS, Field

SAID = {
    "stop": "a string, or a list of at most 4",
    "tool_choice": "`none`, `auto`, `required` or one tool",
    "reasoning_effort": "`none`, `minimal`, `low`, `medium`, `high`, `xhigh`, `max`",
    "logit_bias": "at most 1,024 tokens with -100 to 100",
    "seed": "an integer of 64 bits",
}
"""Values that a schema says at more length."""


def write_fields() -> str:
    """The page, as Markdown."""
    taken = ChatRequest.model_json_schema()["properties"]
    ignored = [
        *((_name(field), field.says) for field in _of("ignored")),
        *((markdown.code(f"stream_options.{field.name}"), field.says) for field in STREAM_OPTIONS),
    ]
    keys = [
        *((markdown.code(f"messages[].{name}"), instead) for name, instead in NOT_OF_A_MESSAGE.items()),
        *(
            (markdown.code(f"messages[].content[].{name}"), instead)
            for name, instead in NOT_OF_A_PART.items()
        ),
    ]
    environment = Environment(  # noqa: S701 Markdown, not HTML
        loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined, keep_trailing_newline=True
    )
    return environment.get_template("fields.md.j2").render(
        passed_on=markdown.table(
            ("Field", "Values", "What it does"),
            [
                (_name(field), SAID.get(field.name) or _values(taken[field.name]), field.says)
                for field in _of("passed on")
            ],
        ),
        ignored=markdown.table(("Field", "Why"), ignored),
        refused=markdown.table(
            ("Field", "Why", "Instead", "Asks for nothing"),
            [(_name(field), field.says, field.instead, _nothing(field)) for field in _of("refused")],
        ),
        keys=markdown.table(("Key", "Instead"), keys).rstrip(),
        most=MOST_IGNORED_SHOWN,
    )


def _of(effect: str) -> list[Field]:
    return [field for field in FIELDS if field.effect == effect]


def _name(field: Field) -> str:
    return markdown.code(field.name)


def _nothing(field: Field) -> str:
    return ", ".join(markdown.code(json.dumps(value)) for value in field.nothing)


def _values(schema: dict[str, Any]) -> str:
    """What a field takes, in a few words."""
    kinds = [kind for kind in schema.get("anyOf", [schema]) if kind.get("type") != "null"]
    kind = kinds[0]
    least, most = kind.get("minimum"), kind.get("maximum")
    if least is not None and most is not None:
        return f"{least:,} to {most:,}"
    if least is not None:
        return f"from {least:,}"
    words = {"boolean": "true, false", "string": "a string", "array": "a list"}
    return words.get(kind.get("type", ""), "an object")


if __name__ == "__main__":
    sys.stdout.write(write_fields())
