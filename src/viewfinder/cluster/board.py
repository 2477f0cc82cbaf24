"""What the replicas report, kept for the gateways, and what the gateways order, kept for the replicas.

One small Serve deployment: replicas and gateways come and go, and neither knows the others' addresses. It
keeps nothing on disk: when its node dies, Serve starts it elsewhere, and half a second later it knows all.
"""

import time
from collections.abc import Callable

from viewfinder.cluster.messages import NodeReport, ReplicaOrder

GONE_S = 5.0
"""A replica that has not reported for this long is no longer shown, and a gateway no longer counted."""
KEPT_ORDERS = 100


class ClusterBoard:
    """Reports by replica, orders in their order."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._reports: dict[str, tuple[float, NodeReport]] = {}
        self._gateways: dict[str, float] = {}
        self._orders: list[ReplicaOrder] = []
        self._began = time.time_ns()

    async def report(self, report: NodeReport, since: int) -> list[ReplicaOrder]:
        """Keep what a replica says of itself; returns the orders after number `since`."""
        self._reports[report.replica] = (self._now_s(), report)
        return [order for order in self._orders if order.number > since]

    async def leave(self, replica: str) -> None:
        """A replica stops."""
        self._reports.pop(replica, None)

    async def look(self, gateway: str) -> tuple[list[NodeReport], list[str]]:
        """The newest report of every replica, and the other gateways that look, too."""
        now_s = self._now_s()
        if gateway:
            self._gateways[gateway] = now_s
        fresh = {name: kept for name, kept in self._reports.items() if now_s - kept[0] < GONE_S}
        self._reports = fresh
        others = [name for name, at_s in self._gateways.items() if name != gateway and now_s - at_s < GONE_S]
        return [report for _, report in fresh.values()], others

    async def goodbye(self, gateway: str) -> list[str]:
        """A gateway stops; returns the others."""
        _, others = await self.look(gateway)
        self._gateways.pop(gateway, None)
        return others

    async def order(self, verb: str, model: str) -> int:
        """Give an order to all replicas; returns its number. They grow, also over a restart of the board."""
        number = max(time.time_ns(), self._orders[-1].number + 1 if self._orders else 0)
        self._orders = [*self._orders, ReplicaOrder(number, verb, model)][-KEPT_ORDERS:]
        return number

    async def now(self) -> int:
        """The number of the newest order: a new replica obeys only later ones."""
        return self._orders[-1].number if self._orders else self._began
