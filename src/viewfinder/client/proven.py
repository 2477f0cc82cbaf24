"""Connections to a port that others could have taken; opened by `chat` for endpoints that must be proven.

Who listens is looked at before a connection is opened, and once more before the first byte is sent: a
stranger that had the port in between did not have it both times.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp


class ProvenConnector(aiohttp.TCPConnector):
    """One connection a request, each proven: `is_proven` says who has the port now, and may take its time."""

    def __init__(self, is_proven: Callable[[], bool]) -> None:
        super().__init__(limit=0, force_close=True)
        self._is_proven = is_proven

    async def connect(self, *arguments: Any, **options: Any) -> aiohttp.connector.Connection:
        await self._prove()
        connection = await super().connect(*arguments, **options)
        try:
            await self._prove()
        except BaseException:
            connection.close()
            raise
        return connection

    async def _prove(self) -> None:
        if not await asyncio.to_thread(self._is_proven):
            raise aiohttp.ClientConnectionError("somebody else listens there, or nobody does")
