"""A replica whose model fails its canary, and fails it again in a new process, is replaced by Serve."""

import asyncio
import json
from functools import partial
from pathlib import Path

import pytest

from tests.cluster.conftest import Nodes
from tests.cluster.faulty_node import MODEL, open_node, wrong
from tests.faults.gateway import picture, truths
from viewfinder.cluster.messages import Failed, NodeReport, ReplicaRequest
from viewfinder.core.config import Settings
from viewfinder.scenes.messages import data_url, with_images

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.filterwarnings("ignore"),  # Ray runs in this process, with warnings of its own
]


async def test_a_replica_that_fails_its_canary_is_replaced(nodes: Nodes, tmp_path: Path) -> None:
    from viewfinder.cluster.deployment import Cluster, connected, deployed

    truths_file = tmp_path / "truths.json"
    truths_file.write_text(json.dumps(truths()))
    settings = Settings.model_validate({"fleet": {"canary_requests": 1}, "cluster": {"most_replicas": 1}})
    question = with_images([data_url("png", picture("red"))], "What color is it?")
    body = json.dumps({"messages": [question], "temperature": 0}).encode()

    async def said(cluster: Cluster) -> list[bytes | Failed]:
        asked = ReplicaRequest(MODEL, "call_id", "", body, "/v1/chat/completions", stream=False)
        return [piece async for piece in cluster.replicas.answer(asked)]

    async def until_verified(cluster: Cluster, *, but: str = "") -> NodeReport:
        async with asyncio.timeout(60):
            while True:
                for report in (await cluster.board.look("test"))[0]:
                    servers = {one["model"]: one for one in report.view["servers"]}
                    if report.replica != but and MODEL in servers and servers[MODEL]["verified"]:
                        return report
                await asyncio.sleep(0.1)

    opening = partial(open_node, str(tmp_path))
    async with connected(nodes.address), deployed(settings, {MODEL: None}, opening, 0) as (cluster, _):
        before = await until_verified(cluster)
        (answer,) = await said(cluster)
        assert isinstance(answer, bytes)
        await until_verified(cluster)
        truths_file.write_text(wrong(truths()))  # for the process that comes next
        (tmp_path / "armed").touch()
        await said(cluster)
        async with asyncio.timeout(60):
            while before.replica in {one.replica for one in (await cluster.board.look("test"))[0]}:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        (tmp_path / "armed").unlink()
        truths_file.write_text(json.dumps(truths()))
        after = await until_verified(cluster, but=before.replica)
        assert after.replica != before.replica
