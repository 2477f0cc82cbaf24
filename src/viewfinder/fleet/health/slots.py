"""Which slot of llama.cpp's server the canary may use, so that users keep what is cached of their prompts.

Called by `fleet` around an examination. What the server does (measured, xllamacpp 2026.10.11549):

    without `id_slot`   the slot whose prompt is most alike, else the one unused for longest: two known
                        images asked one after the other take two users' slots; of a fresh server's the last
    with `id_slot` N    slot N, and no other loses anything; beyond the last it is N modulo their number;
                        a slot that is busy is waited for, even while others are free

GET on the engine's `slots_path` lists each slot's last task. Engines that have none choose for themselves.
"""

import json
from collections.abc import Mapping

from viewfinder.client.chat import ChatClient
from viewfinder.core.errors import ViewfinderError

PATIENCE_S = 5.0


class SpareSlot:
    """The slot that the canary took last, and takes again as long as nobody else came there."""

    def __init__(self, client: ChatClient, path: str) -> None:
        self._client, self._path = client, path
        self._mine: tuple[int, int] | None = None

    async def take(self) -> int | None:
        """The slot to ask in now; None: this server has none to choose, or all are busy."""
        return spare(await self._tasks(), self._mine)

    async def leave(self, slot: int | None) -> None:
        """Remember that the last task in this slot was the canary's."""
        tasks = await self._tasks()
        self._mine = (slot, tasks[slot]) if slot is not None and slot in tasks else None

    async def all(self) -> list[int | None]:
        """Every free slot, for an examination after an error; [None] where `take` would give None."""
        slots: list[int | None] = list(await self._tasks())
        return slots or [None]

    async def _tasks(self) -> dict[int, int]:
        """The last task of each slot that is free: the higher, the later."""
        if not self._path:
            return {}
        try:
            status, body = await self._client.get(self._path, timeout_s=PATIENCE_S)
            slots = json.loads(body) if status == 200 else []
            free = [slot for slot in slots if not slot.get("is_processing")]
            return {int(slot["id"]): int(slot.get("id_task", -1)) for slot in free}
        except (ViewfinderError, ValueError, KeyError, TypeError, AttributeError):
            return {}


def spare(tasks: Mapping[int, int], mine: tuple[int, int] | None) -> int | None:
    """The canary's own slot if nobody came there since, else the one unused for longest."""
    if mine is not None and tasks.get(mine[0]) == mine[1]:
        return mine[0]
    # Of a fresh server's the first, for it gives its users the last.
    return min(sorted(tasks), key=tasks.__getitem__, default=None)
