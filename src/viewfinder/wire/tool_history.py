"""Tool calls and their results in a conversation, carried where a template has no place for them.

Called by `chat` for every request, and by `tool_prompt` for models whose template has no tools.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

Body = dict[str, Any]
RESULT_IS_AN_IMAGE = "The result is the image in the next message."
NO_ARGUMENTS = ("", "null")
"""What clients send back for a call without arguments, when they put it together from a stream."""


def is_object(arguments: str) -> bool:
    """Whether the arguments of a call are a JSON object, or none at all."""
    if arguments.strip() in NO_ARGUMENTS:
        return True
    try:
        return isinstance(json.loads(arguments), dict)
    except (ValueError, RecursionError):
        return False


def for_engines(messages: list[Body]) -> list[Body]:
    """The messages as engines take them: calls have arguments, an answer that is to be continued is one text,
    and images of results are those of a user, because no template shows any other."""
    carried: list[Body] = []
    images: list[Body] = []
    for message in messages:
        _complete(message)
        if message["role"] == "tool":
            kept, found = _without_images(message)
            carried.append(kept)
            images += found
            continue
        if images and message["role"] == "user":
            carried.append({**message, "content": followed(images, message["content"])})
        elif images:
            carried += [{"role": "user", "content": images}, message]
        else:
            carried.append(message)
        images = []
    if images:
        carried.append({"role": "user", "content": images})
    last = carried[-1]
    if last["role"] == "assistant" and isinstance(last.get("content"), list):
        carried[-1] = {**last, "content": "".join(part["text"] for part in last["content"])}
    return carried


def in_words(messages: Sequence[Body]) -> list[Body]:
    """The messages, with calls as words of the assistant and results as words of the user.

    What the user says next joins them: templates want user and assistant to alternate.
    """
    names = {
        call["id"]: call["function"]["name"]
        for message in messages
        for call in message.get("tool_calls") or ()
    }
    said: list[Body] = []
    follows_a_result = False
    for message in messages:
        is_result = message["role"] == "tool"
        words = _result_in_words(message, names) if is_result else _calls_in_words(message)
        if follows_a_result and words["role"] == "user":
            said[-1] = {"role": "user", "content": followed(said[-1]["content"], words["content"])}
        else:
            said.append(words)
        follows_a_result = is_result
    return said


def followed(content: Any, more: Any, between: str = "\n\n") -> Any:
    """The content of a message with that of another behind it: a text, or a list of parts."""
    if isinstance(content, str) and isinstance(more, str):
        return f"{content}{between}{more}"
    return [*_parts(content), *_parts(more)]


def _result_in_words(message: Body, names: Mapping[str, str]) -> Body:
    name = names.get(message["tool_call_id"], "the function")
    return {"role": "user", "content": followed(f"Result of {name}:", message["content"], between="\n")}


def _calls_in_words(message: Body) -> Body:
    """A message whose calls are text, in the form in which a model is told to write them."""
    if not message.get("tool_calls"):
        return message
    content = message.get("content") or ""
    said = content if isinstance(content, str) else "\n".join(part["text"] for part in content)
    calls = [
        f'{{"name": {json.dumps(call["function"]["name"])}, "arguments": {call["function"]["arguments"]}}}'
        for call in message["tool_calls"]
    ]
    return {"role": "assistant", "content": "\n".join([*([said] if said else []), *calls])}


def _complete(message: Body) -> None:
    for call in message.get("tool_calls") or ():
        if call["function"]["arguments"].strip() in NO_ARGUMENTS:
            call["function"]["arguments"] = "{}"


def _without_images(message: Body) -> tuple[Body, list[Body]]:
    if isinstance(message["content"], str):
        return message, []
    images = [part for part in message["content"] if part["type"] == "image_url"]
    texts = [part for part in message["content"] if part["type"] != "image_url"]
    return {**message, "content": texts or RESULT_IS_AN_IMAGE} if images else message, images


def _parts(content: Any) -> list[Body]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)
