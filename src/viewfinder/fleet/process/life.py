"""One process of an engine, from its start to its end: `server` starts it, waits for its end, or stops it.

It decides nothing: whether the engine is started again is decided by `server`.
"""

import asyncio
import functools
import itertools
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from viewfinder.catalog.card import ModelCard, Variant
from viewfinder.catalog.catalog import ModelFiles
from viewfinder.catalog.known_issues import recognize, refusal, refused_by, sign_of_an_issue
from viewfinder.client.chat import ChatClient
from viewfinder.client.endpoint import Endpoint
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.core.errors import EngineDied, EngineMissing, ModelFilesError
from viewfinder.engines.base import Engine, Launch
from viewfinder.engines.environment import passed_on
from viewfinder.engines.registry import require
from viewfinder.fleet.process.decision_head import head_at
from viewfinder.fleet.process.readiness import wait_until_ready
from viewfinder.fleet.process.slot_table import SlotTable
from viewfinder.fleet.process.template import facts_of
from viewfinder.host.child import Child, ChildSpec
from viewfinder.host.hardware import thread_limit
from viewfinder.host.listeners import is_held_by
from viewfinder.host.output import visible
from viewfinder.host.sockets import socket_path

StartPhase = Literal["spawned", "listening", "ready"]

ISSUE_LINES = 40
"""The number of log lines searched for a known issue: a Python engine ends with a whole traceback."""

REASON_LINES, REASON_CHARS = 400, 400
"""How much of its log is searched for the reason of its end, and how much of that is shown."""

_numbers = itertools.count(1)
_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False, repr=False)
class Life:
    """A running engine, whose start began at `started_s` of the monotonic clock.

    `phases_s` has the seconds from there to each phase that its start has reached.
    """

    child: Child
    client: ChatClient
    launch: Launch
    engine_version: str
    started_s: float
    phases_s: dict[str, float] = field(default_factory=dict)
    slots: SlotTable | None = None
    """What its slots hold; None: it has one, or chooses itself."""

    async def end(self, grace_s: float | None = None) -> None:
        """Close the connections, stop the process tree, and remove the socket."""
        await self.client.close()
        if self.client.endpoint.socket is not None:
            self.client.endpoint.socket.unlink(missing_ok=True)
        await self.child.stop(grace_s)


@dataclass(eq=False)
class Launcher:
    """Starts processes of one model on one engine, with sockets in `run_folder` and the log in `log_file`."""

    card: ModelCard
    variant: Variant
    files: ModelFiles
    engine: Engine
    settings: EngineSettings
    run_folder: Path
    log_file: Path

    def __post_init__(self) -> None:
        self.slots: int | None = self.settings.slots
        """The number of parallel requests to one process, set by the engine or by the settings; None: any."""

    def version(self) -> str:
        """The installed version of the engine.

        Raises EngineMissing when it is not installed, or when a known issue breaks this model on this
        version.
        """
        name, version = self.engine.name, require(self.engine).version
        issue = refusal(name, version, self.card.name, self.variant.model_type)
        if issue is not None:
            raise EngineMissing(
                f"'{self.card.name}' is not started: {refused_by(issue, name, version)}.",
                hint=issue.hint,
                code="known_issue",
            )
        return version

    async def begin(self, on_spawned: Callable[[Life], None], on_phase: Callable[[StartPhase], None]) -> Life:
        """Start the engine and return when it is ready; a start that fails or is cancelled is cleaned up.

        `on_spawned` is called as soon as there is a process, `on_phase` at each phase.
        Raises EngineMissing, EngineDied (with the line of its log that says why), EngineStalled, and
        ModelFilesError when the engine says that the files can never be loaded.
        """
        version = self.version()
        if ignored := self.engine.ignored(self.settings):
            _report_ignored(self.card.name, self.engine.title, ", ".join(ignored))
        socket = socket_path(self.run_folder, f"{next(_numbers)}")
        started_s = time.monotonic()
        settings = self.settings
        if not settings.threads:
            settings = settings.model_copy(update={"threads": thread_limit()})
        launch = await asyncio.to_thread(self.engine.launch, self.variant, self.files, settings, socket)
        self.slots = launch.slots or self.settings.slots
        spec = ChildSpec(
            argv=launch.argv,
            env=passed_on(launch.environment, self.engine.variables),
            log_file=self.log_file,
            record=socket.with_suffix(".json"),
            runs=self.card.name,
        )
        child = await Child.start(spec)
        client = ChatClient(_endpoint(launch, socket, child))
        life = Life(child, client, launch, launch.version or version, started_s)
        if launch.slots_path and (self.slots or 0) > 1:
            life.slots = SlotTable(self.slots or 0)

        def reach(phase: StartPhase) -> None:
            life.phases_s[phase] = time.monotonic() - started_s
            on_phase(phase)

        try:
            on_spawned(life)
            reach("spawned")
            await life.client.__aenter__()
            await wait_until_ready(
                child,
                life.client,
                launch.health,
                self.settings.start_timeout_s,
                lambda: reach("listening"),
            )
            template = await facts_of(client, launch.template_path, self.variant, self.files)
            client.endpoint = replace(client.endpoint, template=template)
            reach("ready")
            head = await head_at(client, launch.decision_path)
            client.endpoint = replace(client.endpoint, decision_path=head)
            child.keep_only(self._kept)
        except BaseException as error:
            await life.end()
            if isinstance(error, EngineDied):
                raise self._died_loading(life) from None
            raise
        return life

    def _kept(self, line: str) -> str:
        """What the log keeps of a line from now on: nothing of a request, but the sign of a known issue."""
        return self.engine.kept(line) or sign_of_an_issue(self.engine.name, line)

    def _died_loading(self, life: Life) -> EngineDied | ModelFilesError:
        how = life.child.exit.explanation if life.child.exit else "it ended"
        reason = visible(self.engine.reason(life.child.tail(REASON_LINES)))[:REASON_CHARS]
        if self.engine.blames_files(reason):
            return ModelFilesError(
                f"{self.engine.title} cannot load the files of '{self.card.name}': {reason}.",
                hint=f"Its whole log is {self.log_file}.",
                code="engine_refused_files",
            )
        said = f' It said: "{reason}".' if reason else ""
        words = f"{life.child.tail(ISSUE_LINES)}\n{how}"
        issue = recognize(self.engine.name, life.engine_version, words)
        known = f"{issue.what} {issue.hint} ({issue.references[0]}). " if issue else ""
        return EngineDied(
            f"The engine {self.engine.name} died while loading '{self.card.name}': {how}{said}",
            hint=f"{known}Its whole log is {self.log_file}.",
        )


@functools.cache
def _report_ignored(model: str, engine: str, settings: str) -> None:
    """Once: a process is started again and again."""
    _log.warning(
        "%s runs on %s, which has no setting for %s: what [engine] or [engine_for.%s] says of it is ignored.",
        model,
        engine,
        settings,
        model,
    )


def _endpoint(launch: Launch, socket: Path, child: Child) -> Endpoint:
    """The engine's socket or port. Other programs can listen on a port, so each connection is proven."""
    endpoint = Endpoint(
        "http://engine",
        socket=socket,
        model=launch.model,
        slots=launch.slots,
        lacks=launch.lacks,
        count_path=launch.count_path,
        takes=launch.takes,
        completion_path=launch.completion_path,
    )
    port = launch.port
    if port is None:
        return endpoint
    return replace(
        endpoint,
        base_url=f"http://127.0.0.1:{port}",
        socket=None,
        api_key=launch.api_key,
        is_proven=lambda: is_held_by(port, child.pids()),
    )
