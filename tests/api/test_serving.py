"""What `serve` says once it listens."""

import signal
import socket
from pathlib import Path

import httpx2
import pytest
from pydantic import SecretStr

from viewfinder.api.serving import Serving, _Service, serve
from viewfinder.api.setup import open_catalog, open_fleet
from viewfinder.core import paths
from viewfinder.core.config import FleetSettings, Limits, Settings
from viewfinder.core.errors import BadRequest
from viewfinder.core.request_defaults import RequestDefaults
from viewfinder.gateway.kept import KeptTurns
from viewfinder.gateway.keys import KeyFile
from viewfinder.host.own_addresses import own_addresses
from viewfinder.media.intake import Intake


def test_the_notice_names_the_port_that_is_taken() -> None:
    """It named the port that it listens on twice, and the one that is taken nowhere."""
    heard: list[Serving] = []

    def on_ready(serving: Serving) -> None:
        heard.append(serving)
        signal.raise_signal(signal.SIGTERM)

    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        serve(settings=Settings(port=taken, aliases={"gpt-4o": "glimpse"}), on_ready=on_ready)
    (serving,) = heard
    assert serving.aliases == {"gpt-4o": "glimpse"}
    port = serving.url.rpartition(":")[2]
    assert port != str(taken)
    assert serving.notice.startswith(f"Port {taken} is taken by ")
    assert serving.notice.endswith(f"; listening on port {port} instead.")


async def test_a_reload_changes_the_limits_of_connections() -> None:
    """They applied at the next start only, unlike all other limits, and nothing said so."""
    settings = Settings()
    async with open_fleet(open_catalog(settings), settings) as fleet, Intake(settings.limits) as intake:
        service = _Service(fleet, intake, settings, KeyFile(paths.keys_file()), KeptTurns.nothing())
        limits = Limits(
            connections=7, connections_per_address=3, delivery_timeout_s=2.0, receive_timeout_s=1.0
        )
        new = Settings(limits=limits, fleet=FleetSettings(drain_s=3))
        await service.apply(open_catalog(new), new, set())
    terms = service.terms
    assert (terms.door.most, terms.door.most_per_address) == (7, 3)
    assert (terms.delivery_timeout_s, terms.head_timeout_s) == (2.0, 1.0)
    assert terms.drain_s == 3


async def test_a_reload_changes_the_access_log_and_keeps_it_when_the_new_one_cannot_be_written(
    tmp_path: Path,
) -> None:
    settings = Settings()
    first, second = (Settings(access_log=str(tmp_path / name)) for name in ("one.jsonl", "missing/two.jsonl"))
    async with open_fleet(open_catalog(settings), settings) as fleet, Intake(settings.limits) as intake:
        service = _Service(fleet, intake, settings, KeyFile(paths.keys_file()), KeptTurns.nothing())
        await service.apply(open_catalog(first), first, set())
        log = service.records.access_log
        assert log is not None
        with pytest.raises(BadRequest, match="cannot be written"):
            await service.apply(open_catalog(second), second, set())
        assert service.records.access_log is log
        await service.apply(open_catalog(settings), settings, set())
        assert service.records.access_log is None
    assert (tmp_path / "one.jsonl").exists()


def test_others_are_told_an_address_that_they_can_use_and_the_keys() -> None:
    """It was http://0.0.0.0:8080, which is an address on no network."""
    told: list[Serving] = []

    def on_ready(serving: Serving) -> None:
        told.append(serving)
        signal.raise_signal(signal.SIGTERM)

    KeyFile(paths.keys_file()).add("alice")
    serve(settings=Settings(host="0.0.0.0", port=0, api_key=SecretStr("key")), on_ready=on_ready)
    (serving,) = told
    assert serving.url.startswith("http://127.0.0.1:")
    port = serving.url.rpartition(":")[2]
    assert serving.addresses == tuple(f"http://{one}:{port}" for one in own_addresses("0.0.0.0"))
    assert serving.keys == ("settings", "alice")


def test_signals_are_handled_as_before_once_it_has_ended() -> None:
    """uvloop leaves its handlers, which do nothing any more: Ctrl-C would not end what called `serve`."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    serve(settings=Settings(port=0), on_ready=lambda _: signal.raise_signal(signal.SIGTERM))
    assert [signal.getsignal(number) for number in numbers] == before


async def test_a_reload_changes_aliases_and_defaults() -> None:
    settings = Settings()
    new = Settings(aliases={"gpt-4o": "glimpse"}, defaults_for={"glimpse": RequestDefaults(top_p=0.5)})
    async with open_fleet(open_catalog(settings), settings) as fleet, Intake(settings.limits) as intake:
        service = _Service(fleet, intake, settings, KeyFile(paths.keys_file()), KeptTurns.nothing())
        transport = httpx2.ASGITransport(service.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
            assert (await http.get("/v1/models/gpt-4o")).status_code == 404
            await service.apply(open_catalog(new), new, set())
            assert (await http.get("/v1/models/gpt-4o")).json()["defaults"] == {
                "temperature": 0,
                "top_p": 0.5,
            }
