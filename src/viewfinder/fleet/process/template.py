"""What the chat template of a model that is up has a place for: the engine says it, or its files; called by
`life`.
"""

import asyncio
import json

from viewfinder.catalog.card import Variant
from viewfinder.catalog.catalog import ModelFiles
from viewfinder.catalog.chat_templates import can_switch_thinking, template_facts
from viewfinder.client.chat import ChatClient
from viewfinder.core.errors import ViewfinderError
from viewfinder.wire.tool_prompt import TemplateFacts

TIMEOUT_S = 10.0
LLAMA_CPP_PATH = "/props"
"""Where a running server answers if it is llama.cpp's."""


async def facts_of(
    client: ChatClient, path: str, variant: Variant, files: ModelFiles
) -> TemplateFacts | None:
    """By what the engine answers at `path`, as llama.cpp does; else by the files. None: not known."""
    facts = await said_at(client, path) if path else None
    if facts is not None:
        return facts
    try:
        return await asyncio.to_thread(template_facts, variant, files)
    except (ViewfinderError, OSError):
        return None


async def said_at(client: ChatClient, path: str) -> TemplateFacts | None:
    """What a server says of its template; None when it says nothing."""
    try:
        status, body = await client.get(path, timeout_s=TIMEOUT_S)
        props = json.loads(body) if status == 200 else {}
        can = props["chat_template_caps"]
        return TemplateFacts(
            tools=can["supports_tools"] is True,
            calls=can["supports_tool_calls"] is True,
            system=can["supports_system_role"] is True,
            is_of_llama_cpp=True,
            effort=can.get("supports_reasoning_effort") is True,
            thinking=can_switch_thinking(str(props.get("chat_template", ""))),
        )
    except (ViewfinderError, ValueError, KeyError, TypeError):
        return None
