"""Running servers as models to measure; called by `measuring`."""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from pydantic import SecretStr, ValidationError

from viewfinder.client.chat import ChatClient
from viewfinder.client.endpoint import Endpoint
from viewfinder.core.config import RunningServer
from viewfinder.core.errors import BadRequest
from viewfinder.fleet.process.connected import models_of


async def running_servers_at(
    url: str, key: SecretStr | None, names: Sequence[str]
) -> dict[str, RunningServer]:
    """The server's models, by the names of their results: "NAME-at-HOST:PORT".

    Without `names` it is the one model that the server lists. Raises BadRequest when the address is not
    valid, or the server lists no model or several; EngineDied, EngineRefused when it does not answer.
    """
    if not names:
        async with ChatClient(Endpoint(_server(url, key, "any").root, api_key=key)) as client:
            names = await models_of(client)
        if len(names) != 1:
            listed = ", ".join(names[:10]) or "none"
            raise BadRequest(
                f"The server at {url} lists {len(names)} models, and one must be named: {listed}.",
                hint=f"viewfinder bench --endpoint {url} MODEL",
            )
    address = urlsplit(url).netloc.rpartition("@")[2]
    servers = {name: _server(url, key, name) for name in names}
    return {_tidy(f"{name}-at-{address}"): server for name, server in servers.items()}


def _server(url: str, key: SecretStr | None, model: str) -> RunningServer:
    try:
        return RunningServer(base_url=url, model=model, api_key=key)
    except ValidationError:
        raise BadRequest(
            f"{url!r} is not the address of a server.", hint="For example: http://127.0.0.1:11434/v1"
        ) from None


def _tidy(name: str) -> str:
    """The name, with only the characters that a model's name may have."""
    return re.sub(r"[^A-Za-z0-9._:-]+", "-", name).strip("-._:")[-100:]
