"""Our connection to a model of another gateway; made by `servers`.

    method   stopped                                ready
    want     asks the gateway for the model         -
    stop     -                                      closes our connections

The other gateway has the queue, the canary, the restarts and the retries; here only its address is known.
"""

import contextlib
from collections.abc import Callable

from viewfinder.client.chat import ChatClient
from viewfinder.client.endpoint import Endpoint
from viewfinder.core.config import RunningServer
from viewfinder.core.errors import Busy, EngineDied, EngineRefused, EngineStalled, UnknownModel
from viewfinder.core.gateway_id import GATEWAY_ID
from viewfinder.engines import llama_server
from viewfinder.fleet.process.connected import ConnectedServer
from viewfinder.fleet.process.life import StartPhase
from viewfinder.wire.tool_prompt import TemplateFacts

PEER_ANSWER_S = 10.0
PEER_BYTES = 1024 * 1024
"""The largest accepted list of a gateway."""
PEER_RETRY_S = 5.0
SAME_THERE = (
    *("top_k", "min_p", "typical_p", "repeat_penalty", "ignore_eos"),
    *("reasoning_effort", "enable_thinking", "parallel_tool_calls"),
)
"""Fields beyond OpenAI's, which have the same names there."""


class PeerServer(ConnectedServer):
    """The connection to one model of another gateway."""

    async def start(self, on_phase: Callable[[StartPhase], None] | None = None) -> None:
        """Connect, and check that the gateway has the model.

        Raises Busy when nothing answers, EngineRefused when our key is rejected, and UnknownModel.
        """
        server = self.variant.server
        if server is None:
            raise TypeError("a variant without a server")
        endpoint = endpoint_of(self.variant.name, server)
        async with contextlib.AsyncExitStack() as stack:
            client = await stack.enter_async_context(ChatClient(endpoint))
            try:
                status, _ = await client.get(
                    f"/v1/models/{server.model}", timeout_s=PEER_ANSWER_S, most_bytes=PEER_BYTES
                )
            except (EngineDied, EngineStalled):
                raise away(self.variant.name) from None
            if status in (401, 403):
                raise wrong_key(self.variant.name, status)
            if status == 404:
                raise UnknownModel(
                    f"The gateway '{self.variant.name}' has no model '{server.model}' any more.",
                    hint="GET /v1/models lists the models.",
                    param="model",
                )
            stack.pop_all()
        self._client = client
        self._to("ready")


def endpoint_of(name: str, server: RunningServer) -> Endpoint:
    """Where the gateway of this name listens; it is told that the request comes from a gateway."""
    return Endpoint(
        server.root,
        api_key=server.api_key,
        model=server.model or None,
        takes={one: one for one in SAME_THERE},
        template=TemplateFacts(tools=True, calls=True, thinking=True, effort=True),
        count_path=llama_server.COUNT_PATH,
        completion_path=llama_server.COMPLETION_PATH,
        peer=name,
        via=GATEWAY_ID,
    )


def away(peer: str) -> Busy:
    """The gateway does not answer; it is looked for all the time."""
    return Busy(
        f"The gateway '{peer}' does not answer.",
        retry_after_s=PEER_RETRY_S,
        hint="Retry: it is used again as soon as it answers.",
        code="peer_unreachable",
    )


def wrong_key(peer: str, status: int) -> EngineRefused:
    return EngineRefused(
        f"The gateway '{peer}' rejects our key.",
        status=status,
        hint=f"Set api_key under [endpoints.{peer}] to one of its keys.",
    )
