"""Calls the replicas and the board through handles of Ray Serve; the only place that knows Ray's errors."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from ray.exceptions import RayActorError, RayError, RayTaskError
from ray.serve.exceptions import DeploymentUnavailableError, RayServeException
from ray.serve.handle import DeploymentHandle

from viewfinder.cluster.client import ReplicaGone
from viewfinder.cluster.messages import (
    Failed,
    KnownFiles,
    NodeReport,
    Opened,
    ReplicaOrder,
    ReplicaRequest,
)

GONE = (RayActorError, DeploymentUnavailableError)
"""The replica died, or there is none yet."""


class RayReplicas:
    """The replicas of an application, through Serve's router."""

    def __init__(self, handle: DeploymentHandle) -> None:
        self._load = handle.load
        self._answer = handle.options(method_name="answer", stream=True)

    async def load(
        self, model: str, files: KnownFiles | None = None, avoid: Sequence[str] = ()
    ) -> Opened | Failed:
        """Have a model loaded where the router finds room for it. Raises ReplicaGone."""
        handle = self._load.options(multiplexed_model_id=model, session_id=_session("", avoid))
        try:
            opened: Opened | Failed = await handle.remote(model, files)
        except (RayError, RayServeException) as error:
            raise _gone(error) from error
        return opened

    async def answer(self, asked: ReplicaRequest) -> AsyncGenerator[bytes | Failed, None]:
        """What a replica answers; when the generator is closed, its engine stops. Raises ReplicaGone."""
        session = _session(asked.conversation, asked.avoid)
        handle = self._answer.options(multiplexed_model_id=asked.model, session_id=session)
        answer = handle.remote(asked)
        is_over = False
        try:
            async for piece in answer:
                is_over = not asked.stream  # the one reply is here: there is nothing to stop
                yield piece
            is_over = True
        except (RayError, RayServeException) as error:
            is_over = True
            raise _gone(error) from error
        finally:
            if not is_over:
                answer.cancel()


class RayBoard:
    """The board, through its handle."""

    def __init__(self, handle: DeploymentHandle) -> None:
        self._handle = handle

    async def report(self, report: NodeReport, since: int) -> list[ReplicaOrder]:
        return await self._call("report", report, since)  # type: ignore[no-any-return]

    async def leave(self, replica: str) -> None:
        await self._call("leave", replica)

    async def now(self) -> int:
        return await self._call("now")  # type: ignore[no-any-return]

    async def look(self, gateway: str) -> tuple[list[NodeReport], list[str]]:
        return await self._call("look", gateway)  # type: ignore[no-any-return]

    async def order(self, verb: str, model: str) -> int:
        return await self._call("order", verb, model)  # type: ignore[no-any-return]

    async def goodbye(self, gateway: str) -> list[str]:
        return await self._call("goodbye", gateway)  # type: ignore[no-any-return]

    async def _call(self, method: str, *args: Any) -> Any:
        response = self._handle.options(method_name=method).remote(*args)
        try:
            return await response
        except asyncio.CancelledError:
            with contextlib.suppress(Exception):
                response.cancel()
            raise


def _session(conversation: str, avoid: Sequence[str]) -> str:
    """What `router` is told with a request."""
    return " ".join((conversation, *avoid))


def _gone(error: Exception) -> Exception:
    """ReplicaGone for whatever a node or Ray is to blame for; where our own code is, an internal error."""
    first = str(error).partition("\n")[0]
    if isinstance(error, RayTaskError) and not isinstance(error, GONE):
        return RuntimeError(f"A replica had an internal error: {error}")
    return ReplicaGone(first)
