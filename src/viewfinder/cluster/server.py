"""A model on the replicas, as one server of the gateway's fleet; made by `fleet`.

    method   stopped                              ready
    want     has it loaded on a replica           -
    stop     -                                    has it unloaded on all of them

It is ready as soon as one replica has the model. Others load it when Serve's router sends them its requests.
"""

import asyncio
from collections.abc import Callable

from viewfinder.catalog.card import ModelCard, Variant
from viewfinder.client.chat import ChatClient
from viewfinder.client.endpoint import Endpoint
from viewfinder.cluster.client import REPLICA_ATTEMPTS, ReplicaClient, ReplicaGone, Replicas, others_than
from viewfinder.cluster.messages import KnownFiles, Opened
from viewfinder.core.errors import EngineDied, ViewfinderError
from viewfinder.fleet.process.life import StartPhase
from viewfinder.fleet.process.restart import Death
from viewfinder.fleet.process.states import State

NOWHERE = "http://replicas"


class ReplicatedServer:
    """It has the methods of `ServerProcess`, but no process that could be inspected: each node looks after
    its own. `slots` are those of all replicas that there may be."""

    is_ours = False
    watched = None
    pid: int | None = None
    is_ending = False
    ahead = 0
    slot_table = None
    starts = 0
    deaths: tuple[Death, ...] = ()

    def __init__(
        self,
        card: ModelCard,
        variant: Variant,
        replicas: Replicas,
        *,
        slots: int,
        unload: Callable[[str], None],
        noted: Callable[[str, str], None],
        retried: Callable[[str, str], None],
        known_files: Callable[[], KnownFiles | None] = lambda: None,
    ) -> None:
        self._known_files = known_files
        self._files: KnownFiles | None = None
        self.card, self.variant, self.slots = card, variant, slots
        self.state: State = "stopped"
        self.failure: ViewfinderError | None = None
        self.engine_version = ""
        self.ready_at_s: float | None = None
        self.phases_s: dict[str, float] = {}
        self.on_change: Callable[[], None] = lambda: None
        self._replicas, self._unload, self._noted, self._retried = replicas, unload, noted, retried
        self._connecting: asyncio.Task[None] | None = None
        self._endpoint = Endpoint(NOWHERE)

    @property
    def client(self) -> ChatClient:
        """For one request: each lease has a client of its own."""
        return ReplicaClient(
            self.card.name,
            self._endpoint,
            self._replicas,
            self._noted,
            lambda reason: self._retried(self.card.name, reason),
            files=self._files,
        )

    def pids(self) -> list[int]:
        """Empty: its processes are on other nodes."""
        return []

    def want(self) -> None:
        """Begin to load; `settle` waits for the result."""
        if self._connecting is None or self._connecting.done():
            self._connecting = asyncio.create_task(self._connect())

    async def settle(self) -> None:
        """Return when it is ready, or stopped with a `failure`."""
        if self._connecting is not None:
            await asyncio.wait([self._connecting])

    async def start(self, on_phase: Callable[[StartPhase], None] | None = None) -> None:
        """Have it loaded on a replica. Raises what its fleet raised, and EngineDied when replicas die."""
        self._files = await asyncio.to_thread(self._known_files)
        left = REPLICA_ATTEMPTS
        avoid: tuple[str, ...] = ()
        while True:
            try:
                opened = await self._replicas.load(self.card.name, self._files, avoid)
            except ReplicaGone as gone:
                left -= 1
                if not left:
                    raise EngineDied(
                        f"The nodes that were to load '{self.card.name}' are gone.", hint="Retry."
                    ) from gone
                continue
            if isinstance(opened, Opened):
                return self.opened(opened)
            if not (others := others_than(opened, avoid)):
                raise opened.error()
            avoid = others

    def opened(self, known: Opened) -> None:
        """It is up on a replica."""
        self._endpoint = Endpoint(
            NOWHERE,
            lacks=known.lacks,
            takes=known.takes,
            template=known.template,
            count_path=known.count_path,
            completion_path=known.completion_path,
            decision_path=known.decision_path,
        )
        self.engine_version, self.phases_s = known.engine_version, dict(known.phases_s)
        self._to("ready")

    async def stop(self, grace_s: float | None = None) -> None:
        """Have it unloaded on every replica."""
        if self._connecting is not None and not self._connecting.done():
            self._connecting.cancel()
            await asyncio.wait([self._connecting])
        self._unload(self.card.name)
        self._to("stopped")

    async def _connect(self) -> None:
        self._to("starting")
        self.failure = None
        try:
            await self.start()
        except ViewfinderError as error:
            self.failure = error
            self._to("stopped")

    def _to(self, state: State) -> None:
        self.state = state
        self.on_change()
