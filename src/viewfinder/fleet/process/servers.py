"""Makes the server of a variant: a process of our own, or a connection to a running server.

Called by `fleet` and `bench`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from viewfinder.catalog.card import ModelCard, Variant
from viewfinder.catalog.catalog import Catalog
from viewfinder.catalog.full_images import base_name
from viewfinder.client.chat import ChatClient
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.core.errors import ModelFilesError, ViewfinderError
from viewfinder.core.settings_files import trusted_place
from viewfinder.engines.base import Engine
from viewfinder.fleet.process.connected import ConnectedServer
from viewfinder.fleet.process.life import Launcher, StartPhase
from viewfinder.fleet.process.peer_server import PeerServer
from viewfinder.fleet.process.restart import Death, RestartPolicy
from viewfinder.fleet.process.server import ServerProcess, WritePostMortem
from viewfinder.fleet.process.slot_table import SlotTable
from viewfinder.fleet.process.states import State
from viewfinder.fleet.record.events import Events


class Server(Protocol):
    """What the fleet and `bench` need of a server: a process of ours, or a connection to a running server.

    `watched` is the process when it is ours, so that it can be inspected and killed; None for a running
    server. `pid` is that of the engine. `slots` is the number of parallel requests (None: any),
    `ahead` of those that may wait in its own queue, `slot_table` what its slots hold. `is_ending`:
    its state is still ready, but the process is dead or about to be killed. `phases_s` has the seconds
    from the last start to each of its phases.
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
    def ahead(self) -> int: ...
    @property
    def slot_table(self) -> SlotTable | None: ...
    @property
    def is_ending(self) -> bool: ...
    @property
    def phases_s(self) -> dict[str, float]: ...
    @property
    def client(self) -> ChatClient: ...
    def pids(self) -> list[int]: ...
    def want(self) -> None: ...
    async def settle(self) -> None: ...
    async def start(self, on_phase: Callable[[StartPhase], None] = ...) -> None: ...
    async def stop(self, grace_s: float | None = None) -> None: ...


class MakeServer(Protocol):
    """`make_server`, or what takes its place."""

    def __call__(
        self,
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
    ) -> Server: ...


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
    if variant.server is not None and variant.server.kind == "viewfinder":
        return PeerServer(card, variant, variant.server)
    if variant.server is not None:
        return ConnectedServer(card, variant, variant.server)
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
    """Python code from a model's repository runs only at a pinned commit and with the user's consent."""
    if variant.revision and base_name(card.name) in settings.remote_code:
        return
    agree = f"VIEWFINDER_ENGINE__REMOTE_CODE='[\"{card.name}\"]', or remote_code under [engine]"
    raise ModelFilesError(
        f"'{card.name}' ({variant.name}) runs Python from {variant.repo}, and you have not agreed to that.",
        hint=f"If you trust its commit {variant.revision}: {agree} in {trusted_place()}."
        if variant.revision
        else "Its card pins no commit, so nobody can agree to it.",
        code="remote_code",
    )
