"""Running servers as models to measure; called by `measuring`."""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from pydantic import SecretStr, ValidationError

from viewfinder.catalog.uncarded import short_name
from viewfinder.client.chat import ChatClient
from viewfinder.client.endpoint import Endpoint
from viewfinder.core.config import RunningServer
from viewfinder.core.errors import BadRequest, EngineError
from viewfinder.core.settings_files import trusted_place
from viewfinder.fleet.process.connected import models_of
from viewfinder.measure.prompts import about_images, body, without_images

_PROBE_S, _PROBE_TOKENS = 600.0, 16
"""The most time for a probe, which may load the model first; and the most tokens of its answer."""


async def running_servers_at(
    url: str, key: SecretStr | None, names: Sequence[str]
) -> dict[str, RunningServer]:
    """The server's models, by the names of their results: "NAME-at-HOST:PORT".

    Without `names` it is the one model that the server lists. Each is asked one question without an image and
    one about an image, so that nothing is measured of a server that answers neither. Raises BadRequest, with
    the server's own words, when it does not answer, when the address is not valid, or when the server lists
    no model or several.
    """
    if not names:
        async with ChatClient(Endpoint(_server(url, key, "any").root, api_key=key)) as client:
            try:
                names = await models_of(client)
            except EngineError as error:
                raise BadRequest(error.message, hint=error.hint, code=error.reason) from None
        if len(names) != 1:
            listed = ", ".join(names[:10]) or "none"
            raise BadRequest(
                f"The server at {url} lists {len(names)} models, and one must be named: {listed}.",
                hint=f"viewfinder bench --endpoint {url} MODEL",
            )
    servers = {name: _server(url, key, name) for name in names}
    for server in servers.values():
        await _probe(server)
    address = urlsplit(url).netloc.rpartition("@")[2]
    short = [short_name(name) for name in servers]
    shown = short if len(set(short)) == len(short) else names
    return {
        _tidy(f"{name}-at-{address}"): server for name, server in zip(shown, servers.values(), strict=True)
    }


async def _probe(server: RunningServer) -> None:
    """Raise BadRequest when the server does not answer a question without an image, or one about an image."""
    async with ChatClient(Endpoint(server.root, api_key=server.api_key)) as client:
        for what, prompts, switch in (
            ("a question without an image", without_images("probe"), "text"),
            ("a question about an image", about_images("probe"), "vision"),
        ):
            request = body(server.model, next(prompts).messages, _PROBE_TOKENS)
            error = (await client.exchange(request, timeout_s=_PROBE_S)).error
            if error:
                raise BadRequest(
                    f"'{server.model}' at {server.root} did not answer {what}: {error.partition(': ')[2]}",
                    hint="Fix the server or the name of its model. If the model cannot do that, name it in "
                    f"{trusted_place()}, under [endpoints.NAME] with {switch} = false, and run: viewfinder "
                    "bench NAME",
                    code=error.partition(":")[0],
                )


def _server(url: str, key: SecretStr | None, model: str) -> RunningServer:
    try:
        return RunningServer(base_url=url, model=model, api_key=key)
    except ValidationError as error:
        if error.errors()[0]["loc"][:1] == ("api_key",):
            raise BadRequest(
                "The key in VIEWFINDER_ENDPOINT_KEY is not valid: it has a blank or a line end at an end.",
                param="api_key",
            ) from None
        raise BadRequest(
            f"{url!r} is not the address of a server.", hint="For example: http://127.0.0.1:11434/v1"
        ) from None


def _tidy(name: str) -> str:
    """The name, with only the characters that a model's name may have."""
    return re.sub(r"[^A-Za-z0-9._:-]+", "-", name).strip("-._:")[-100:]
