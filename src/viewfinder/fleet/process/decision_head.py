"""Whether the model that is up has a decision head, which answers typed questions by probabilities; called by
`life` and `connected`.

llama.cpp says so in /v1/models, and answers 501 at /v1/systemone where there is none (its
`tools/server/README.md`).
"""

import json

from viewfinder.client.chat import ChatClient
from viewfinder.core.errors import ViewfinderError
from viewfinder.fleet.process.template import TIMEOUT_S

MODELS_PATH = "/v1/models"
OUTPUT = "decisions"


async def head_at(client: ChatClient, path: str) -> str:
    """The path where the head is asked; empty where the model has none, or the engine does not say."""
    if not path:
        return ""
    try:
        status, body = await client.get(MODELS_PATH, timeout_s=TIMEOUT_S)
        (model,) = json.loads(body)["data"] if status == 200 else [{}]
        return path if OUTPUT in model["architecture"]["output_modalities"] else ""
    except (ViewfinderError, ValueError, KeyError, TypeError):
        return ""
