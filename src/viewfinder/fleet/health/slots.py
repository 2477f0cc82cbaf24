"""Which slot of llama.cpp's server the canary uses, so that the users' prompts stay cached in the others.

Called by `canary_checks` around a check. How the server chooses (measured, xllamacpp 2026.10.11549):

    without `id_slot`   the slot with the most similar prompt, otherwise the one unused for longest (the last
                        one of a fresh server); two known images in a row overwrite two users' slots
    with `id_slot` N    slot N modulo the number of slots, and the others keep their prompts; a busy slot is
                        waited for, even while others are free

GET on the engine's `slots_path` lists the last task of each slot. An engine without that path chooses itself.
"""

import json
from collections.abc import Mapping

from viewfinder.client.chat import ChatClient
from viewfinder.core.errors import ViewfinderError

SLOTS_TIMEOUT_S = 5.0


class SpareSlot:
    """Remembers the slot that the canary used last, and uses it again until another request has used it."""

    def __init__(self, client: ChatClient, path: str) -> None:
        self.client, self._path = client, path
        self._mine: tuple[int, int] | None = None

    async def take(self) -> int | None:
        """The slot to use now; None: this server does not list its slots, or all are busy."""
        return spare(await self._tasks(), self._mine)

    async def leave(self, slot: int | None) -> None:
        """Note that the last task in this slot was the canary's."""
        tasks = await self._tasks()
        self._mine = (slot, tasks[slot]) if slot is not None and slot in tasks else None

    async def all(self) -> list[int | None]:
        """Every free slot, for a check after an error; [None] when `take` would return None."""
        slots: list[int | None] = list(await self._tasks())
        return slots or [None]

    async def _tasks(self) -> dict[int, int]:
        """The last task of each free slot; a higher number is a later task."""
        if not self._path:
            return {}
        try:
            status, body = await self.client.get(self._path, timeout_s=SLOTS_TIMEOUT_S)
            slots = json.loads(body) if status == 200 else []
            free = [slot for slot in slots if not slot.get("is_processing")]
            return {int(slot["id"]): int(slot.get("id_task", -1)) for slot in free}
        except (ViewfinderError, ValueError, KeyError, TypeError, AttributeError):
            return {}


def spare(tasks: Mapping[int, int], mine: tuple[int, int] | None) -> int | None:
    """The canary's own slot if no other request used it since, otherwise the one unused for longest."""
    if mine is not None and tasks.get(mine[0]) == mine[1]:
        return mine[0]
    # On a fresh server the first one: llama.cpp gives the first user the last one.
    return min(sorted(tasks), key=tasks.__getitem__, default=None)
