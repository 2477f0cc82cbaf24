"""Asking one model from Python: `load` and `Model`; called by `viewfinder ask` and by other programs."""

import asyncio
import contextlib
import json
import os
import secrets
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, NoReturn, TypeVar
from urllib.parse import quote

from pydantic import SecretStr

from viewfinder.api.control import Control
from viewfinder.api.decision import DECISIONS_PATH, Decision, DecisionChoices, decision_in, decision_request
from viewfinder.api.marked import BoxedAnswer
from viewfinder.api.measured import measured_here
from viewfinder.api.orders import OrdersHere
from viewfinder.api.question import AskPart, question_of
from viewfinder.api.setup import card_of, check_settings, known_as, open_catalog, open_fleet
from viewfinder.api.streamed import StreamedAnswer, close_words, elsewhere, gateway_error, next_word
from viewfinder.catalog.auto_names import AUTO_PREFIX, OWN_PREFIXES
from viewfinder.catalog.card import ModelCard
from viewfinder.catalog.catalog import Catalog
from viewfinder.client.chat import ChatClient
from viewfinder.client.endpoint import Endpoint
from viewfinder.core import paths
from viewfinder.core.config import Settings, load_settings
from viewfinder.core.errors import BadRequest, EngineRefused, FilesMissing, NotRunning, ViewfinderError
from viewfinder.core.version import VERSION
from viewfinder.fleet.choice import choose_variant
from viewfinder.gateway.app import make_app
from viewfinder.gateway.auto import AutoModels, require_use
from viewfinder.gateway.listen import serve as listen
from viewfinder.host.owner import running_owner
from viewfinder.host.sockets import bind_port
from viewfinder.host.sockets import url as url_of
from viewfinder.media.intake import Intake
from viewfinder.scenes.messages import Message

T = TypeVar("T")
ESTIMATE_PATH = "/v1/estimate"
NO_KEY = "none"  # OpenAI's clients insist on a key


class Model(contextlib.AbstractContextManager["Model"]):
    """One model behind an OpenAI-compatible API; made by `load`, used as a context manager.

    Any OpenAI client can use it with `base_url` (which ends with `/v1`) and `api_key` (a word that means
    nothing where no key is needed).
    """

    def __init__(self, name: str, base_url: str, api_key: SecretStr | None, host: "_Background") -> None:
        self.name = name
        self.base_url = base_url
        self.api_key = api_key.get_secret_value() if api_key else NO_KEY
        self._host = host

    def __repr__(self) -> str:
        return f"<viewfinder.Model {self.name} at {self.base_url}>"

    def ask(self, *parts: AskPart, max_tokens: int = 256, temperature: float = 0.0) -> BoxedAnswer:
        """The answer to a question; `parts` are any number of images, then the question.

        An image is a path, a folder's path, bytes, a PIL image, or a list of those; a clip is a path or
        bytes, or a `Clip` that says how many frames are shown. The answer is a string whose `boxes` are the
        coordinates that it gives, in pixels. Raises BadRequest, with the gateway's code, when the gateway
        refuses the question, an image or a clip.
        """
        body = self._body(parts, max_tokens, temperature)
        try:
            return self._host.run(self._host.text(body))
        except EngineRefused as refusal:
            raise gateway_error(refusal) from None

    async def aask(self, *parts: AskPart, max_tokens: int = 256, temperature: float = 0.0) -> BoxedAnswer:
        """`ask` for programs with an event loop: it blocks nothing, and many may be awaited at once."""
        body = await asyncio.to_thread(self._body, parts, max_tokens, temperature)
        try:
            return await self._host.arun(self._host.text(body))
        except EngineRefused as refusal:
            raise gateway_error(refusal) from None

    async def astream(
        self, *parts: AskPart, max_tokens: int = 256, temperature: float = 0.0
    ) -> AsyncIterator[str]:
        """`stream` for programs with an event loop."""
        body = await asyncio.to_thread(self._body, parts, max_tokens, temperature)
        words = self._host.words(body)
        try:
            while (word := await self._host.arun(next_word(words))) is not None:
                yield word
        except EngineRefused as refusal:
            raise gateway_error(refusal) from None
        finally:
            await self._host.arun(close_words(words))

    def _body(self, parts: Sequence[AskPart], max_tokens: int, temperature: float) -> dict[str, Any]:
        self._host.require_open()
        return self._request([question_of(parts)], max_tokens, temperature)

    def _request(self, messages: list[Message], max_tokens: int, temperature: float) -> dict[str, Any]:
        return {
            "model": self.name,
            "messages": messages,
            "max_tokens": max_tokens,
            "temperature": temperature,
        }

    def stream(self, *parts: AskPart, max_tokens: int = 256, temperature: float = 0.0) -> Iterator[str]:
        """The same answer, piece by piece as it arrives."""
        self._host.require_open()
        yield from self.answer_to([question_of(parts)], max_tokens=max_tokens, temperature=temperature)

    def answer_to(
        self, messages: list[Message], *, max_tokens: int = 256, temperature: float = 0.0
    ) -> StreamedAnswer:
        """The answer to a whole conversation, whose last message is the question, in OpenAI's form."""
        self._host.require_open()
        return self._host.answer(self._request(messages, max_tokens, temperature))

    def decide(
        self, *parts: AskPart, choices: DecisionChoices = (), threshold: float | None = None
    ) -> Decision:
        """The answer to a question with its probability; `parts` as for `ask`.

        Without `choices` the question is answered by yes or no, and may be a statement. An answer that is
        less sure than the `threshold` is given, too: `is_sure` tells. Raises as `ask` does.
        """
        self._host.require_open()
        body = decision_request(self.name, parts, choices)
        try:
            reply = self._host.run(self._host.complete(body, DECISIONS_PATH))
        except EngineRefused as refusal:
            raise gateway_error(refusal) from None
        return decision_in(reply, threshold)

    def listed(self) -> dict[str, Any]:
        """What /v1/models says of the model, without loading it; nothing where it does not list it."""
        self._host.require_open()
        return self._host.run(self._host.listed(self.name))

    def named(self, name: str) -> "Model":
        """Another model of the same server, which is stopped with this one."""
        return Model(name, self.base_url, SecretStr(self.api_key), self._host)

    def why(self, answer: StreamedAnswer) -> str:
        """Why this model gave an answer to a request to an `auto:` name; empty for other names, and where
        that is not known."""
        return self._host.run(self._host.why(answer.id)) if self.name.startswith(AUTO_PREFIX) else ""

    def close(self) -> None:
        """Stop everything that `load` started; it is gone when this returns. In a forked process it does
        nothing: what `load` started belongs to the process that called it."""
        self._host.close()

    def __reduce__(self) -> NoReturn:
        raise elsewhere("cannot be sent to another process")

    def __exit__(self, *error: object) -> None:
        self.close()


def load(
    name: str,
    *,
    variant: str | None = None,
    mmproj: str | os.PathLike[str] | None = None,
    settings: Settings | None = None,
) -> Model:
    """Load a model by its name, the id of one of its repositories, `hf:owner/name`, or a path. An `auto:` or
    `cascade:` name stands for the models that each question is given, which its first question loads.

    The running `viewfinder serve` is used when it knows the model and accepts our key; otherwise, and always
    with a `variant`, the model gets its own fleet, which stops with the context. `mmproj` is the projector of
    a GGUF file or folder, in place of the one beside it. Raises UnknownModel,
    BadRequest (no such variant), ModelFilesError (FilesMissing when `pull` can get the files), EngineError.
    """
    settings = settings or load_settings()
    if variant is not None:
        settings = settings.model_copy(update={"variants": {**settings.variants, name: variant}})
    catalog = open_catalog(settings)
    if (meant := catalog.meant(name)).startswith(OWN_PREFIXES):
        return _load_auto(meant, catalog, settings, only=variant is not None or mmproj is not None)
    card = card_of(catalog, name, None if mmproj is None else Path(mmproj))
    check_settings(catalog, settings)
    host = _Background()
    try:
        owner = running_owner(paths.home())
        if variant is not None or catalog.was_added(card):
            owner = None  # these files have a name here that may mean another model on the running server
        if owner is not None and owner.url and host.run(host.connect(owner.url, settings.api_key, card.name)):
            _load_there(catalog, card, settings)
            return Model(name, f"{owner.url}/v1", settings.api_key, host)
        key = SecretStr(secrets.token_urlsafe(24))
        called = known_as(catalog, card, name)
        url = host.run(host.embed(called, catalog, settings, key))
        return Model(called, f"{url}/v1", key, host)
    except BaseException:
        host.close()
        raise


def estimate(name: str, *parts: AskPart, max_tokens: int | None = None) -> dict[str, Any]:
    """What a question to a model would take here, as POST /v1/estimate says it; `parts` as for `Model.ask`.

    It loads no model, and asks the running `viewfinder serve` where that knows the model. Raises as `load`
    and `ask` do.
    """
    message = question_of(parts)
    settings = load_settings()
    catalog = open_catalog(settings)
    is_auto = catalog.meant(name).startswith(AUTO_PREFIX)
    card = None if is_auto else card_of(catalog, name)
    check_settings(catalog, settings)
    called = name if card is None else known_as(catalog, card, name)
    host = _Background()
    try:
        owner = running_owner(paths.home())
        is_there = owner is not None and owner.url and (card is None or not catalog.was_added(card))
        if not (is_there and owner and host.run(host.connect(owner.url, settings.api_key, called))):
            host.run(host.embed("", catalog, settings, SecretStr(secrets.token_urlsafe(24))))
        body: dict[str, Any] = {"model": called, "messages": [message]}
        if max_tokens is not None:
            body["max_tokens"] = max_tokens
        return host.run(host.complete(body, ESTIMATE_PATH))
    except EngineRefused as refusal:
        raise gateway_error(refusal) from None
    finally:
        host.close()


def _load_auto(name: str, catalog: Catalog, settings: Settings, *, only: bool) -> Model:
    """Raises UnknownModel, and BadRequest where `only` one variant was to be used."""
    require_use(name)
    if only:
        raise BadRequest(f"'{name}' has no variant or projector of its own.", hint="Name a model for that.")
    check_settings(catalog, settings)
    host = _Background()
    try:
        owner = running_owner(paths.home())
        if owner is not None and owner.url and host.run(host.connect(owner.url, settings.api_key, name)):
            return Model(name, f"{owner.url}/v1", settings.api_key, host)
        key = SecretStr(secrets.token_urlsafe(24))
        return Model(name, f"{host.run(host.embed('', catalog, settings, key))}/v1", key, host)
    except BaseException:
        host.close()
        raise


def _load_there(catalog: Catalog, card: ModelCard, settings: Settings) -> None:
    """Have the running `serve` load the model, as it would be loaded alone: with the same errors.

    Where files are missing, the error is our own, FilesMissing: it says what to pull.
    """
    try:
        Control().load(card.name)
    except NotRunning:  # it is stopping, or another version: the question itself will show it
        return
    except ViewfinderError as error:
        if error.reason == FilesMissing.code:
            catalog.resolve(choose_variant(catalog.get(card.name), measured_here(), settings.fleet)[0])
        raise


class _Background:
    """An event loop in its own thread, for callers that are not asynchronous."""

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="viewfinder", daemon=True)
        self._thread.start()
        self._stack = contextlib.AsyncExitStack()
        self._client: ChatClient | None = None

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do the work in the loop and wait for it; an interrupt cancels it first.

        A fork has no threads but the one that forked, so no loop either: it would wait for ever.
        """
        future = self._begun(work)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    async def arun(self, work: Coroutine[Any, Any, T]) -> T:
        """The same for a caller that has an event loop of its own."""
        return await asyncio.wrap_future(self._begun(work))

    def _begun(self, work: Coroutine[Any, Any, T]) -> "Future[T]":
        if os.getpid() != self._pid:
            work.close()
            raise elsewhere(f"was loaded by process {self._pid}, and this is a fork of it")
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def require_open(self) -> None:
        if self._loop.is_closed():
            raise ViewfinderError(
                "The model is closed.", hint="Load it again: viewfinder.load(NAME).", code="closed"
            )

    async def connect(self, url: str, key: SecretStr | None, name: str) -> bool:
        """Use the server at `url`; False when it does not know the model or does not accept the key."""
        client = await self._stack.enter_async_context(ChatClient(Endpoint(url, api_key=key)))
        try:
            status, _ = await client.get(f"/v1/models/{name}", timeout_s=5.0)
        except ViewfinderError:
            return False
        self._client = client
        return status == 200

    async def embed(self, name: str, catalog: Catalog, settings: Settings, key: SecretStr) -> str:
        """Start a fleet and a gateway of our own, load the model, if one is named, and return the gateway's
        URL."""
        bound = bind_port("127.0.0.1", 0, strict=True)
        own = settings.model_copy(update={"host": bound.host, "port": bound.port, "api_key": key})
        fleet = await self._stack.enter_async_context(open_fleet(catalog, own))
        intake = await self._stack.enter_async_context(Intake(own.limits))
        stop = asyncio.Event()
        app = make_app(fleet, intake, own, VERSION, auto=AutoModels(OrdersHere()))
        gateway = asyncio.create_task(listen(app, bound, own, stop=stop))

        async def leave() -> None:
            stop.set()
            await gateway

        self._stack.push_async_callback(leave)
        if name:
            await fleet.load(name)
        url = url_of(bound.host, bound.port)
        self._client = await self._stack.enter_async_context(ChatClient(Endpoint(url, api_key=key)))
        return url

    def answer(self, body: dict[str, Any]) -> StreamedAnswer:
        """The streamed reply, with its usage."""
        return StreamedAnswer(self._begun, self._chunks({**body, "stream_options": {"include_usage": True}}))

    def _chunks(self, body: dict[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        if self._client is None:
            raise RuntimeError("no client before `connect` or `embed`")
        return self._client.stream(body)

    async def complete(self, body: dict[str, Any], path: str) -> dict[str, Any]:
        """The whole reply at another path than that of a chat."""
        if self._client is None:
            raise RuntimeError("no client before `connect` or `embed`")
        return await self._client.complete(body, path)

    async def listed(self, name: str) -> dict[str, Any]:
        """What the gateway says of a model without loading it; nothing of one that it does not list."""
        if self._client is None:
            raise RuntimeError("no client before `connect` or `embed`")
        status, body = await self._client.get(f"/v1/models/{quote(name)}", timeout_s=60.0)
        return dict(json.loads(body)) if status == 200 else {}

    async def why(self, answer_id: str) -> str:
        """What the gateway says of how the model of an answer was chosen."""
        if self._client is None:
            return ""
        try:
            status, body = await self._client.get(f"/v1/answers/{answer_id}", timeout_s=5.0)
            chosen = json.loads(body)["chosen"] if status == 200 else None
        except (ViewfinderError, ValueError, KeyError):
            return ""
        return str(chosen["why"]) if chosen else ""

    async def text(self, body: dict[str, Any]) -> BoxedAnswer:
        """The whole of a streamed reply, with its coordinates."""
        words: list[str] = []
        last: dict[str, Any] = {}
        async with contextlib.aclosing(self._chunks(body)) as chunks:
            async for chunk in chunks:
                for choice in chunk.get("choices") or ():
                    last = choice["delta"] if choice.get("finish_reason") else last
                    words.append(choice["delta"].get("content") or "")
        return BoxedAnswer.of("".join(words), last)

    async def words(self, body: dict[str, Any]) -> AsyncGenerator[str, None]:
        """The words of a streamed reply."""
        async with contextlib.aclosing(self._chunks(body)) as chunks:
            async for chunk in chunks:
                for choice in chunk.get("choices") or ():
                    if word := choice["delta"].get("content"):
                        yield word

    def close(self) -> None:
        """Stop everything, then the loop; safe to call twice."""
        if self._loop.is_closed() or os.getpid() != self._pid:
            return
        self._client = None
        self.run(self._stack.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
