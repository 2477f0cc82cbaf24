"""Ray Serve's router of our requests: asks `ranks`; run by Serve in the process of each gateway."""

import time
from dataclasses import replace
from typing import Any

from ray.serve.request_router import PendingRequest, ReplicaID, RequestRouter, RunningReplica

from viewfinder.cluster.ranks import ReplicaState, ranked

SENT_S = 30.0
"""For how long a model counts as up on a replica because a request was sent there: it loads meanwhile."""


class ModelRouter(RequestRouter):  # type: ignore[misc]
    """Sends a request to where its model is up, and a conversation to where its images are known."""

    def initialize_state(self, target_requests: int = 4, **_: Any) -> None:
        """Called by Serve with the `request_router_kwargs` of the deployment."""
        self._target_requests = target_requests
        self._sent: dict[str, dict[str, float]] = {}
        """When a model's last request was sent to a replica, by its name and the model's."""

    async def choose_replicas(
        self, candidate_replicas: list[RunningReplica], pending_request: PendingRequest | None = None
    ) -> list[list[RunningReplica]]:
        if pending_request is None:
            return [candidate_replicas]
        pending_request.routing_context.should_backoff = True
        asked = pending_request.metadata
        replicas = {one.replica_id.unique_id: one for one in candidate_replicas}
        model, (conversation, *avoid) = asked.multiplexed_model_id, asked.session_id.split(" ")
        states = [self._state_of(one) for one in candidate_replicas]
        states = [replace(one, refused=one.refused | {model}) if one.name in avoid else one for one in states]
        if len(self._sent) > len(replicas):
            self._sent = {name: self._sent[name] for name in self._sent if name in replicas}
        names = ranked(states, model, conversation, self._target_requests)
        return [[replicas[name] for name in rank] for rank in names]

    def on_request_routed(self, pending_request: PendingRequest, replica_id: ReplicaID, result: Any) -> None:
        if model := pending_request.metadata.multiplexed_model_id:
            self._sent.setdefault(replica_id.unique_id, {})[model] = time.monotonic()

    def _state_of(self, replica: RunningReplica) -> ReplicaState:
        name, known = replica.replica_id.unique_id, replica.routing_stats or {}
        old_s = time.monotonic() - SENT_S
        sent = [model for model, at_s in self._sent.get(name, {}).items() if at_s > old_s]
        return ReplicaState(
            name,
            frozenset((*known.get("models", ()), *sent)),
            self.replica_queue_len_cache.get(replica.replica_id),
            frozenset(known.get("refused", ())),
        )
