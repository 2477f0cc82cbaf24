"""The schemas of a request that grammars are made of: its answer has to fit them; called by `chat`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from viewfinder.wire.schemas import EnforcedSchema

if TYPE_CHECKING:
    from viewfinder.wire.chat import ChatRequest


def enforced_by(request: "ChatRequest") -> Iterator[EnforcedSchema]:
    """The schema of the answer, and those of the calls that it must make one of."""
    form = request.response_format
    if form is not None and form.type == "json_schema":
        named = form.json_schema
        yield EnforcedSchema(named.json_schema, "response_format.json_schema.schema", bool(named.strict))
    choice = request.tool_choice
    if choice in (None, "auto", "none"):
        return
    for at, tool in enumerate(request.tools or ()):
        function = tool.function
        is_chosen = isinstance(choice, str) or choice is None or choice.function.name == function.name
        if is_chosen and function.parameters is not None:
            yield EnforcedSchema(
                function.parameters, f"tools[{at}].function.parameters", bool(function.strict)
            )
