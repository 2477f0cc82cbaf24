"""Makes the server of a variant: a process of our own, or our end of one that runs already.

Called by `fleet` and by the bench.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from viewfinder.catalog.card import ModelCard, Variant
from viewfinder.catalog.catalog import Catalog
from viewfinder.client.chat import ChatClient
from viewfinder.core.config import EngineSettings
from viewfinder.core.errors import ModelFilesError, ViewfinderError
from viewfinder.engines.base import Engine
from viewfinder.fleet.process.life import Launcher, Phase
from viewfinder.fleet.process.remote import RemoteServer
from viewfinder.fleet.process.restart import Death, RestartPolicy
from viewfinder.fleet.process.server import ServerProcess, WritePostMortem
from viewfinder.fleet.process.states import State
from viewfinder.fleet.record.events import Events


class Server(Protocol):
    """What the fleet and `bench` ask of a server: a process of ours, or an endpoint.

    `watched` is the process itself where it is ours to look into and to kill, None for an endpoint; `pid` is
    the engine's. `slots` is how many requests it may be asked at once, `is_ending` that it is ready by name
    only. `stamps` holds the monotonic seconds of each phase of the last start.
    """

    card: ModelCard
    variant: Variant
    state: State
    failure: ViewfinderError | None
    engine_version: str
    ready_at_s: float | None
    starts: int
    deaths: tuple[Death, ...]
    on_change: Callable[[], None]

    @property
    def is_ours(self) -> bool: ...
    @property
    def watched(self) -> ServerProcess | None: ...
    @property
    def pid(self) -> int | None: ...
    @property
    def slots(self) -> int | None: ...
    @property
    def is_ending(self) -> bool: ...
    @property
    def stamps(self) -> dict[str, float]: ...
    @property
    def client(self) -> ChatClient: ...
    def pids(self) -> list[int]: ...
    def want(self) -> None: ...
    async def settle(self) -> None: ...
    async def start(self, on_phase: Callable[[Phase], None] = ...) -> None: ...
    async def stop(self, grace_s: float | None = None) -> None: ...


def make_server(
    card: ModelCard,
    variant: Variant,
    engine: Engine,
    catalog: Catalog,
    settings: EngineSettings,
    *,
    run_folder: Path,
    log_folder: Path,
    policy: RestartPolicy | None = None,
    events: Events | None = None,
    write_post_mortem: WritePostMortem | None = None,
) -> Server:
    """The server of one variant, not started yet. Raises ModelFilesError."""
    if variant.server is not None:
        return RemoteServer(card, variant, variant.server)
    if variant.remote_code:
        _require_consent(card, variant, settings)
    launcher = Launcher(
        card,
        variant,
        catalog.resolve(variant),
        engine,
        settings,
        run_folder=run_folder,
        log_file=log_folder / f"{card.name}.log",
    )
    return ServerProcess(launcher, policy, events=events, write_post_mortem=write_post_mortem)


def _require_consent(card: ModelCard, variant: Variant, settings: EngineSettings) -> None:
    """Nobody's Python runs unless its commit is pinned and the user said yes."""
    if variant.revision and card.name in settings.remote_code:
        return
    agree = f"VIEWFINDER_ENGINE__REMOTE_CODE='[\"{card.name}\"]', or remote_code under [engine]"
    raise ModelFilesError(
        f"'{card.name}' ({variant.name}) runs Python from {variant.repo}, and you have not agreed to that.",
        hint=f"If you trust its commit {variant.revision}: {agree} in viewfinder.toml."
        if variant.revision
        else "Its card pins no commit, so nobody can agree to it.",
        code="remote_code",
    )
