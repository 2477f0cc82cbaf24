"""One running engine with one model; `fleet` and `bench` start and stop it.

verb     stopped          starting         ready            failed
start    starts it        -                -                starts it
stop     nothing          ends it          ends it          nothing
"""

import asyncio
import itertools
import logging
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from viewfinder.catalog.card import ModelCard, Variant
from viewfinder.catalog.catalog import ModelFiles
from viewfinder.catalog.known_issues import recognize, refusal, refused_by
from viewfinder.client.chat import ChatClient
from viewfinder.client.endpoint import Endpoint
from viewfinder.core.config import EngineSettings
from viewfinder.core.errors import EngineDied, EngineError, EngineMissing, EngineStalled
from viewfinder.engines.base import Engine
from viewfinder.engines.registry import require
from viewfinder.fleet.readiness import wait_until_ready
from viewfinder.fleet.restart import delay_s, is_worth_trying
from viewfinder.fleet.states import State
from viewfinder.host.child import Child, ChildSpec
from viewfinder.host.sockets import socket_path

Phase = Literal["spawned", "listening", "ready"]

LAST_WORDS = 40
"""Lines in which a known issue is looked for: a Python engine ends with its whole traceback."""

_log = logging.getLogger(__name__)
_numbers = itertools.count(1)


class ServerProcess:
    """A server process; its socket lives in `run_folder`, its log in `log_folder`.

    `stamps` holds the monotonic seconds of each phase of the last start.
    """

    is_ours = True

    def __init__(
        self,
        card: ModelCard,
        variant: Variant,
        files: ModelFiles,
        engine: Engine,
        settings: EngineSettings,
        *,
        run_folder: Path,
        log_folder: Path,
    ) -> None:
        self.card, self.variant, self.engine = card, variant, engine
        self.state: State = "stopped"
        self.stamps: dict[str, float] = {}
        self.engine_version = ""
        self._files, self._settings = files, settings
        self._run_folder = run_folder
        self._log_file = log_folder / f"{card.name}.log"
        self._child: Child | None = None
        self._client: ChatClient | None = None

    @property
    def child(self) -> Child:
        """The engine's process; RuntimeError before the first start."""
        if self._child is None:
            raise RuntimeError(f"{self.card.name} was never started")
        return self._child

    def pids(self) -> list[int]:
        """The engine's process tree."""
        return self.child.pids()

    @property
    def client(self) -> ChatClient:
        """The connection pool to the engine; RuntimeError while it is not up."""
        if self._client is None:
            raise RuntimeError(f"{self.card.name} is not up")
        return self._client

    @property
    def endpoint(self) -> Endpoint:
        """Where the engine listens."""
        return self.client.endpoint

    async def start(self, on_phase: Callable[[Phase], None] | None = None) -> None:
        """Start the engine and return when it is ready; `on_phase` is called at each phase as it comes.

        A start that fails is tried again with backoff (`engine.start_attempts`), unless its end says
        that it would be in vain. Raises EngineMissing, EngineDied or EngineStalled.
        """
        self.engine_version = require(self.engine).version
        self._refuse_known_issues()
        for failures in itertools.count(1):
            self.state = "starting"
            try:
                await self._start_once(on_phase or _ignore)
            except (EngineDied, EngineStalled) as error:
                signal = self._child.exit.signal if self._child and self._child.exit else None
                if not is_worth_trying(signal, failures, self._settings.start_attempts):
                    self.state = "failed"
                    raise
                self.state = "backoff"
                wait_s = delay_s(failures, random.Random())
                _log.warning("%s: %s Trying again in %.1f s.", self.card.name, error.message, wait_s)
                await asyncio.sleep(wait_s)
            except BaseException:
                self.state = "stopped"
                raise
            else:
                self.state = "ready"
                return

    async def stop(self) -> None:
        """End the engine and everything it started; does nothing when it is not up."""
        if self._child is not None and self._child.exit is None:
            self.state = "stopping"
        await self._end()
        if self.state != "failed":
            self.state = "stopped"

    async def _start_once(self, on_phase: Callable[[Phase], None]) -> None:
        socket = socket_path(self._run_folder, f"{next(_numbers)}")
        launch = await asyncio.to_thread(
            self.engine.launch, self.variant, self._files, self._settings, socket
        )
        self.engine_version = launch.version or self.engine_version
        self.stamps = {}

        def reach(phase: Phase) -> None:
            self.stamps[phase] = time.monotonic()
            on_phase(phase)

        self.stamps["started"] = time.monotonic()
        self._child = await Child.start(
            ChildSpec(argv=launch.argv, env=launch.environment, log_file=self._log_file)
        )
        try:
            reach("spawned")
            self._client = ChatClient(
                Endpoint(
                    "http://engine",
                    socket=socket,
                    model=launch.model,
                    slots=launch.slots,
                    lacks=launch.lacks,
                )
            )
            await self._client.__aenter__()
            await wait_until_ready(
                self._child,
                self._client,
                launch.health,
                self._settings.start_timeout_s,
                lambda: reach("listening"),
            )
            reach("ready")
        except BaseException as error:
            await self._end()
            if isinstance(error, EngineDied):
                raise self._obituary() from None
            raise

    async def _end(self) -> None:
        """Close the connections and end the tree; the socket goes with it."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()
            if client.endpoint.socket is not None:
                client.endpoint.socket.unlink(missing_ok=True)
        if self._child is not None:
            await self._child.stop()

    def _obituary(self) -> EngineError:
        exit_ = self.child.exit
        how = exit_.explanation if exit_ else "it ended"
        last = self.child.tail(1).strip()
        said = f' Its last words: "{last}".' if last else ""
        log = f"Its whole log is {self._log_file}."
        issue = recognize(self.engine.name, self.engine_version, f"{self.child.tail(LAST_WORDS)}\n{how}")
        known = f"{issue.what} {issue.hint} ({issue.references[0]}). " if issue else ""
        return EngineDied(
            f"The engine {self.engine.name} died while loading '{self.card.name}': {how}{said}",
            hint=f"{known}{log}",
        )

    def _refuse_known_issues(self) -> None:
        """EngineMissing when this version of the engine is known to get this model wrong."""
        name, version = self.engine.name, self.engine_version
        issue = refusal(name, version, self.card.name, self.variant.model_type)
        if issue is not None:
            raise EngineMissing(
                f"'{self.card.name}' is not started: {refused_by(issue, name, version)}.",
                hint=issue.hint,
                code="known_issue",
            )


def _ignore(phase: Phase) -> None:
    return None
