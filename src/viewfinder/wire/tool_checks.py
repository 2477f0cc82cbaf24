"""What a request's tools and the calls of its conversation must be, beyond their types; called by `chat`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from viewfinder.core.errors import BadRequest
from viewfinder.wire.messages import AssistantMessage, RequestMessage
from viewfinder.wire.refusals import quoted
from viewfinder.wire.tool_history import is_object

if TYPE_CHECKING:
    from viewfinder.wire.chat import ChatRequest


def check_tools(request: "ChatRequest") -> None:
    """Raises BadRequest, with the path of what is wrong."""
    _check_choice(request)
    _check_calls(request.messages)
    _check_end(request)


def _check_choice(request: "ChatRequest") -> None:
    """A tool that must be called has to be there."""
    choice = request.tool_choice
    if choice in (None, "auto", "none"):
        return
    names = [tool.function.name for tool in request.tools or ()]
    if not names:
        raise BadRequest(
            "'tool_choice' requires a call, and the request has no 'tools'.",
            hint="Send the tools, or leave out 'tool_choice'.",
            param="tool_choice",
        )
    if not isinstance(choice, str) and choice is not None and choice.function.name not in names:
        raise BadRequest(
            f"'tool_choice' names {quoted(choice.function.name)}, which is none of the 'tools'.",
            hint=f"The tools are: {', '.join(names[:10])}.",
            param="tool_choice",
        )


def _check_calls(messages: Sequence[RequestMessage]) -> None:
    """No template takes the arguments of a call that was cut off."""
    for at, message in enumerate(messages):
        if not isinstance(message, AssistantMessage):
            continue
        for number, call in enumerate(message.tool_calls or ()):
            if not is_object(call.function.arguments):
                path = f"messages[{at}].tool_calls[{number}].function.arguments"
                raise BadRequest(
                    f"'{path}' is not a JSON object; the call may have been cut off.",
                    hint="Send the arguments as they were received, or leave out the call and its result.",
                    param=path,
                )


def _check_end(request: "ChatRequest") -> None:
    """A last message of the assistant is continued by the answer; what cannot be continued is refused."""
    last, *before = reversed(request.messages)
    if not isinstance(last, AssistantMessage):
        return
    path = f"messages[{len(before)}]"
    if last.tool_calls:
        raise BadRequest(
            "The conversation ends with tool calls that have no result.",
            hint="Append a message with the role 'tool' for each of them.",
            param=f"{path}.tool_calls",
        )
    if before and isinstance(before[0], AssistantMessage):
        raise BadRequest(
            "The conversation ends with two messages of the assistant; the answer can only continue one.",
            hint="Join them into one message, or put a message of the user between them.",
            param=path,
        )
    if request.tool_choice not in (None, "auto", "none"):
        raise BadRequest(
            "An answer that continues the assistant's last message cannot be the call of a tool.",
            hint="Leave out 'tool_choice', or end the conversation with a message of the user.",
            param="tool_choice",
        )
