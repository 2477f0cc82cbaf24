"""The other gateways of one `serve`: looked at again and again, so that their models, their state and their
news are known here; run by `api`.

    it answers          its models are shown, and its news arrive
    it goes away        its models stay, and requests for them get 503 until it answers again
    it is another one   refused, with the reason: no Viewfinder, a wrong key, this gateway itself
    it is hostile       every answer has a limit in bytes, seconds and models; its words are short texts
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import orjson

from viewfinder.catalog.peer_view import PeerState, PeerView
from viewfinder.catalog.peers import (
    PeerModel,
    SharedCatalog,
    models_in,
    no_viewfinder,
    version_in,
)
from viewfinder.client.chat import ChatClient
from viewfinder.core.config import RunningServer
from viewfinder.core.errors import BadRequest, EngineDied, EngineRefused, EngineStalled, ViewfinderError
from viewfinder.fleet.fleet import Fleet
from viewfinder.fleet.process.peer_server import PEER_BYTES, endpoint_of, wrong_key
from viewfinder.fleet.record.answers import Answers
from viewfinder.fleet.record.events import Event, Events

LOOK_AT_PEER_S = 5.0
FIRST_LOOK_S = 2.0
LOOK_FOR_PEER_S = 1.0
"""For one that does not answer."""
PEER_LOOK_S = 5.0
"""For one request of a look."""
NEWS_SILENCE_S = 60.0
NEWS_AGAIN_S = 30.0
"""Until the news of a gateway that did not want to tell them are asked for again."""
MOST_NEWS = 100
"""Events of one gateway between two looks."""
MOST_NEWS_BYTES = 512 * 1024
ANSWERS_AT_ONCE = 20
"""Answers of which a look asks whether they were confirmed."""
PASSED_ON_NEWS = ("canary", "quarantine", "suspect", "death", "failed", "stall", "restart")
PASSED_ON_DETAILS = ("fault", "reason", "explanation", "up_s", "deaths", "after_s", "phase", "silent_s")
_MOST_WORDS = 300

_log = logging.getLogger(__name__)


class Peers:
    """The gateways under [endpoints] with the kind "viewfinder"."""

    def __init__(self) -> None:
        self._fleet: Fleet | None = None
        self._watched: dict[str, PeerWatch] = {}

    async def begin(self, fleet: Fleet, endpoints: Mapping[str, RunningServer]) -> None:
        """Watch them for this fleet, and return when each was looked at, or after FIRST_LOOK_S."""
        self._fleet = fleet
        fleet.events.listen(self._heard)
        await self.apply(endpoints)
        self._changed()
        if self._watched:
            looks = [asyncio.create_task(watch.was_looked_at.wait()) for watch in self._watched.values()]
            _, late = await asyncio.wait(looks, timeout=FIRST_LOOK_S)
            for look in late:
                look.cancel()

    async def apply(self, endpoints: Mapping[str, RunningServer]) -> None:
        """Watch these from now on, and no others; connections to others are closed when their answers are
        finished."""
        wanted = {name: one for name, one in endpoints.items() if one.kind == "viewfinder"}
        for name, watch in list(self._watched.items()):
            if wanted.get(name) != watch.server:
                watch.end()
                del self._watched[name]
                await self._disconnect(watch)
        for name, server in wanted.items():
            if name not in self._watched and self._fleet is not None:
                watch = PeerWatch(name, server, self._fleet.events, self._fleet.answers, self._changed)
                self._watched[name] = watch
                watch.begin()

    def show_in(self, catalog: object, endpoints: Mapping[str, RunningServer] | None = None) -> None:
        """Put what is known of them into a catalog; only of those that are the same in `endpoints`."""
        if isinstance(catalog, SharedCatalog):
            shown = {
                name: watch
                for name, watch in self._watched.items()
                if endpoints is None or endpoints.get(name) == watch.server
            }
            for name, watch in shown.items():
                catalog.show(name, watch.server, watch.models)
            catalog.peers = {name: watch.view for name, watch in shown.items()}

    def close(self) -> None:
        for watch in self._watched.values():
            watch.end()
        self._watched.clear()

    async def _disconnect(self, watch: "PeerWatch") -> None:
        if self._fleet is not None:
            names = [f"{watch.view.name}/{model.name}" for model in watch.models]
            await asyncio.gather(*map(self._fleet.unload, names), return_exceptions=True)  # it may know none

    def _heard(self, event: Event) -> None:
        """A request failed here: perhaps another gateway has gone."""
        if event.kind == "replay":
            for watch in self._watched.values():
                watch.hurry.set()

    def _changed(self) -> None:
        if self._fleet is not None:
            self.show_in(self._fleet.catalog)


class PeerWatch:
    """One other gateway."""

    def __init__(
        self,
        name: str,
        server: RunningServer,
        events: Events,
        answers: Answers,
        on_change: Callable[[], None],
    ) -> None:
        self.server, self._events, self._answers, self._on_change = server, events, answers, on_change
        self.view = PeerView(name, server.root)
        self.models: Sequence[PeerModel] = ()
        self._tasks: list[asyncio.Task[None]] = []
        self._reachable, self.was_looked_at = asyncio.Event(), asyncio.Event()
        self._news = 0
        self.hurry = asyncio.Event()
        """Set when it is to be looked at at once."""

    def begin(self) -> None:
        name = self.view.name
        self._tasks = [
            asyncio.create_task(_forever(self._look), name=f"look at {name}"),
            asyncio.create_task(_forever(self._hear), name=f"news of {name}"),
        ]

    def end(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _look(self) -> None:
        self._news = 0
        self.hurry.clear()
        await self.look()
        if self.view.state != "reachable":
            await asyncio.sleep(LOOK_FOR_PEER_S)
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self.hurry.wait(), LOOK_AT_PEER_S)

    async def look(self) -> None:
        """Ask for its version and its models, and note what is found."""
        try:
            async with ChatClient(endpoint_of(self.view.name, self.server)) as client:
                version, models = await looked(client, self.view.name)
                self._note("reachable", version=version, models=models)
                await self._ask_about_answers(client)
        except (EngineDied, EngineStalled) as error:
            self._note("unreachable", reason=error.message)
        except (BadRequest, EngineRefused) as error:
            self._note("refused", reason=str(error))

    def _note(
        self,
        state: PeerState,
        *,
        reason: str = "",
        version: str = "",
        models: Sequence[PeerModel] | None = None,
    ) -> None:
        before, known = self.view, self.models
        self.models = known if models is None else models
        self.view = replace(
            before,
            state=state,
            reason=reason,
            version=version or before.version,
            models=tuple(one.name for one in self.models),
            news=before.news and state == "reachable",
        )
        if state == "reachable":
            self._reachable.set()
        else:
            self._reachable.clear()
        if (before.state, before.version) != (state, self.view.version):
            details = {"state": state, "version": self.view.version, "reason": reason}
            self._events.emit("peer", "", peer=before.name, models=len(self.models), **details)
            if state != "reachable":
                _log.warning("The gateway '%s' (%s) is %s: %s", before.name, before.url, state, reason)
        if self.view != before or self.models != known:
            self._on_change()
        self.was_looked_at.set()

    async def _ask_about_answers(self, client: ChatClient) -> None:
        for id in self._answers.open_at(self.view.name)[-ANSWERS_AT_ONCE:]:
            status, body = await client.get(
                f"/v1/answers/{quote(id, safe='')}", PEER_LOOK_S, most_bytes=64 * 1024
            )
            fields = _fields(body)
            if status == 404:  # it was restarted, or has forgotten
                self._answers.learn(self.view.name, [id], "unconfirmed", "")
            elif status == 200 and fields.get("status") == "confirmed":
                self._answers.learn(self.view.name, [id], "confirmed", "")
            elif status == 200 and fields.get("status") == "suspect":
                self._suspect(str(fields.get("model")).partition("/")[0], [id], _said(fields.get("reason")))

    async def _hear(self) -> None:
        """Its events, as long as it tells them; a key that may only ask gets none."""
        await self._reachable.wait()
        try:
            endpoint = endpoint_of(self.view.name, self.server)
            async with (
                ChatClient(endpoint, stall_timeout_s=NEWS_SILENCE_S) as client,
                aclosing(client.watch("/fleet/stream")) as events,
            ):
                async for payload in events:
                    if not self.view.news:
                        self.view = replace(self.view, news=True)
                        self._on_change()
                    self._take(payload)
        except EngineRefused:
            await asyncio.sleep(NEWS_AGAIN_S)
        except (EngineDied, EngineStalled):
            pass
        finally:
            if self.view.news:
                self.view = replace(self.view, news=False)
                self._on_change()
        await asyncio.sleep(LOOK_FOR_PEER_S)

    def _take(self, payload: str) -> None:
        """Pass on an event of a model that is shown here."""
        if not payload.startswith('{"kind":') or len(payload) > MOST_NEWS_BYTES or self._news >= MOST_NEWS:
            return
        event = _fields(payload)
        kind, model, details = event.get("kind"), event.get("model"), event.get("details")
        if kind not in PASSED_ON_NEWS or model not in self.view.models or not isinstance(details, dict):
            return
        if details.get("peer"):  # of a third gateway, which we know ourselves or not at all
            return
        self._news += 1
        if kind == "suspect":
            answers = details.get("answers")
            ids = [one for one in answers if isinstance(one, str)] if isinstance(answers, list) else []
            self._suspect(str(model), ids, _said(details.get("fault")))
            return
        told: dict[str, Any] = {name: _plain(details[name]) for name in PASSED_ON_DETAILS if name in details}
        if kind == "canary":
            told["good"] = details.get("good") is True
        name = self.view.name
        self._events.emit(kind, f"{name}/{model}", peer=name, **told)

    def _suspect(self, model: str, ids: Sequence[str], fault: str) -> None:
        name = self.view.name
        ours = self._answers.learn(name, ids, "suspect", fault or "wrong")
        called = f"{name}/{model}" if model in self.view.models else name
        if ours or model in self.view.models:
            self._events.emit("suspect", called, answers=ours, fault=fault or "wrong", peer=name)


async def looked(client: ChatClient, name: str) -> tuple[str, list[PeerModel]]:
    """The version and the models of a gateway. Raises EngineDied and EngineStalled when it does not answer,
    BadRequest when it is none of ours, EngineRefused when it does not want us."""
    status, body = await client.get("/health", PEER_LOOK_S, most_bytes=64 * 1024)
    if status != 200:
        raise no_viewfinder(f"its /health has status {status}")
    version = version_in(body)
    status, body = await client.get("/v1/models", PEER_LOOK_S, most_bytes=PEER_BYTES)
    if status in (401, 403):
        raise wrong_key(name, status)
    if status != 200:
        error = _fields(body).get("error")
        said = _said(error.get("message")) if isinstance(error, dict) else ""
        raise EngineRefused(said or f"Its /v1/models has status {status}.", status=status)
    return version, await asyncio.to_thread(models_in, body)


async def _forever(step: Callable[[], Awaitable[None]]) -> None:
    """Do it again and again; a bug of ours must not stop it, nor make it spin."""
    while True:
        try:
            await step()
        except ViewfinderError as error:
            _log.warning("%s", error)
            await asyncio.sleep(LOOK_FOR_PEER_S)
        except Exception:
            _log.exception("Another gateway could not be looked at")
            await asyncio.sleep(LOOK_AT_PEER_S)


def _fields(body: bytes | str) -> dict[str, Any]:
    with suppress(ValueError):
        fields = orjson.loads(body)
        if isinstance(fields, dict):
            return fields
    return {}


def _said(value: object) -> str:
    """A short printable text; empty for anything else."""
    return (
        "".join(mark for mark in value[:_MOST_WORDS] if mark.isprintable()) if isinstance(value, str) else ""
    )


def _plain(value: object) -> object:
    """A number or a short text; None for anything else."""
    return value if isinstance(value, int | float) else _said(value) or None
