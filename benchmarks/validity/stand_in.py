"""The stand-in server of the proofs: the tests' faulty engine without a fault, answering at known moments.

Called by `timing`, `cost` and `peer`.
"""

import asyncio
import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from viewfinder.client.chat import ChatClient
from viewfinder.client.endpoint import Endpoint
from viewfinder.core.errors import EngineDied
from viewfinder.host.listeners import free_port

SERVER = Path(__file__).parents[2] / "tests" / "faults" / "plugin" / "faulty_server.py"
WORDS = tuple(
    "A red circle and the blue square and the green star and the white triangle right".split()  # noqa: SIM905
)
"""Its answer, from the first word on: one token each for glimpse's tokenizer."""
QUESTION = "What do you see?"
START_S = 20.0


@dataclass(frozen=True, slots=True)
class Pace:
    """When the words come: the first one `ttft_s` after the request arrived, then one every `itl_s`."""

    ttft_s: float
    itl_s: float
    words: int

    @property
    def e2e_s(self) -> float:
        return self.ttft_s + (self.words - 1) * self.itl_s


@contextmanager
def standing_in(pace: Pace, *, tcp: bool = False) -> Iterator[Endpoint]:
    """A server with this pace in a process of its own, on a Unix socket or on TCP with a key."""
    with tempfile.TemporaryDirectory(prefix="vf-") as folder:
        memory = Path(folder)
        truths, socket = memory / "truths.json", memory / "engine.sock"
        truths.write_text(json.dumps({"none": {QUESTION: " ".join(WORDS[: pace.words])}}))
        options: dict[str, object] = {"fault": "", "when": "always", "truths": str(truths), "memory": folder}
        options |= {"ttft_s": pace.ttft_s, "itl_s": pace.itl_s, "socket": str(socket)}
        endpoint = Endpoint("http://engine", socket=socket)
        environment = dict(os.environ)
        if tcp:
            key, port = secrets.token_urlsafe(), free_port()
            options["port"], environment["ENGINE_KEY"] = port, key
            endpoint = Endpoint(f"http://127.0.0.1:{port}", api_key=SecretStr(key))
        process = subprocess.Popen((sys.executable, str(SERVER), json.dumps(options)), env=environment)
        try:
            asyncio.run(_until_it_answers(endpoint))
            yield endpoint
        finally:
            process.terminate()
            process.wait()


async def _until_it_answers(endpoint: Endpoint) -> None:
    async with asyncio.timeout(START_S), ChatClient(endpoint) as client:
        while True:
            with suppress(EngineDied):
                await client.get("/health", START_S)
                return
            await asyncio.sleep(0.02)
