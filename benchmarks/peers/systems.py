"""The systems that are compared, each in front of the same engine and model; used by `rows`.

A peer that is not installed is left out, and the table says so. LiteLLM is installed by `make bench-peers`; a
native llama-server and llama-swap are taken from the PATH, or from VIEWFINDER_LLAMA_SERVER.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import psutil

from benchmarks.peers.asking import Way, ask, over_socket, over_tcp, text
from benchmarks.served import serving
from viewfinder.api.control import Control

ROOT = Path(__file__).parents[2]
WEIGHTS = ROOT / "src" / "viewfinder" / "catalog" / "weights" / "glimpse"
LITELLM = ROOT / ".venv-clients" / "litellm" / "bin" / "litellm"
LITELLM_ENVIRONMENT = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # it would fetch that
    "LITELLM_LOG": "ERROR",
    "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
}
OTHER = "other"
"""The second model: the same files under another name."""
RELAY = "a relay of bytes"
READY_S = 120
TCP_ENGINE = """
import sys, signal, xllamacpp
params = xllamacpp.CommonParams()
params.model.path, params.mmproj.path = sys.argv[1:3]
params.hostnames, params.port, params.n_parallel, params.n_ctx = ["127.0.0.1"], int(sys.argv[3]), 2, 8192
params.use_jinja, params.cache_ram_mib, params.ui, params.offline = True, 0, False, True
server = xllamacpp.Server(params)
signal.pause()
"""


@dataclass(frozen=True, slots=True)
class Pair:
    """A system, and the engine that it asks, which is reached without it, too."""

    name: str
    through: Way
    direct: Way


class Gateway:
    """A running `serve` with an engine that is up, and what can be seen of its processes."""

    def __init__(self, port: int) -> None:
        self.way = Way(over_tcp(port))
        self.port = port
        ask(self.way, text(0))
        self.engine = engine_process()
        self.pair = Pair("Viewfinder", self.way, Way(over_socket(Path(options_of(self.engine)["socket"]))))

    def own_cpu_s(self) -> float:
        """The processor time of all that is ours: without the engines."""
        owner = self.engine
        while (parent := owner.parent()) is not None and parent.pid != os.getpid():
            owner = parent
        others = [one for one in owner.children(recursive=True) if one.pid != self.engine.pid]
        return sum(sum(one.cpu_times()[:2]) for one in (owner, *others))


@contextmanager
def gateway() -> Iterator[Gateway]:
    """A real `serve` of glimpse, and of the same files under another name."""
    files = {"model": str(WEIGHTS / "glimpse-f16.gguf"), "mmproj": str(WEIGHTS / "mmproj-glimpse-f16.gguf")}
    with serving(VIEWFINDER_MODELS=json.dumps({OTHER: files})) as url:
        yield Gateway(int(url.rpartition(":")[2]))


def engine_process(model: str = "glimpse") -> psutil.Process:
    """The engine of a model that is up: the last in its warden's tree whose words are its options."""
    (server,) = [one for one in Control().fleet().servers if one.model == model and one.pid is not None]
    warden = psutil.Process(server.pid)
    return next(one for one in (*reversed(warden.children(recursive=True)), warden) if options_of(one))


def options_of(process: psutil.Process) -> dict[str, str]:
    """What an engine was started with."""
    last = process.cmdline()[-1:]
    return json.loads(last[0]) if last and last[0].startswith('{"model"') else {}


@contextmanager
def bare_engine(command: Sequence[str], environment: dict[str, str], path: Path) -> Iterator[Way]:
    """The same program without us, at another socket; it is asked for its health as often as it can be."""
    options = {**json.loads(command[-1]), "socket": str(path)}
    process = subprocess.Popen(
        [*command[:-1], json.dumps(options)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        way = Way(over_socket(path))
        wait_for(way, process)
        yield way
    finally:
        process.kill()
        process.wait()


def wait_for(way: Way, process: subprocess.Popen[bytes], every_s: float = 0.001) -> None:
    """Until it answers its health with 200."""
    until_s = time.monotonic() + READY_S
    while time.monotonic() < until_s and process.poll() is None:
        try:
            with way.connect() as connection:
                connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                if connection.recv(64).startswith(b"HTTP/1.1 200"):
                    return
        except OSError:
            pass
        time.sleep(every_s)
    raise RuntimeError(f"{process.args!r} did not become ready")


def free_port() -> int:
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        return int(chosen.getsockname()[1])


@contextmanager
def started(command: Sequence[str], port: int, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program that listens at the port."""
    silent = subprocess.DEVNULL
    process = subprocess.Popen(command, env=os.environ | environment, stdout=silent, stderr=silent)
    try:
        until_s = time.monotonic() + READY_S
        while time.monotonic() < until_s and process.poll() is None:
            try:
                over_tcp(port)().close()
                break
            except OSError:
                time.sleep(0.2)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def tcp_engine() -> Iterator[int]:
    """The wheel's llama.cpp on a port, as its peers want it."""
    port = free_port()
    files = [str(WEIGHTS / "glimpse-f16.gguf"), str(WEIGHTS / "mmproj-glimpse-f16.gguf")]
    with started([sys.executable, "-c", TCP_ENGINE, *files, str(port)], port) as process:
        wait_for(Way(over_tcp(port)), process, 0.05)
        yield port


@contextmanager
def relay(ours: Gateway) -> Iterator[Pair]:
    """A relay of bytes in front of our engine: the least that any process in between costs."""
    port = free_port()
    path = options_of(ours.engine)["socket"]
    with started([sys.executable, "-m", "benchmarks.peers.relay", str(port), path], port):
        yield Pair(RELAY, Way(over_tcp(port)), ours.pair.direct)


@contextmanager
def litellm() -> Iterator[Pair]:
    """LiteLLM's proxy in front of an engine of its own."""
    with ExitStack() as stack:
        behind, port = stack.enter_context(tcp_engine()), free_port()
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vf-")))
        params = {"model": "openai/glimpse", "api_base": f"http://127.0.0.1:{behind}/v1", "api_key": "none"}
        config = {"model_list": [{"model_name": "glimpse", "litellm_params": params}]}
        (folder / "config.yaml").write_text(json.dumps(config))
        command = [str(LITELLM), "--config", str(folder / "config.yaml"), "--port", str(port)]
        command += ["--host", "127.0.0.1", "--telemetry", "False"]
        process = stack.enter_context(started(command, port, **LITELLM_ENVIRONMENT))
        way = Way(over_tcp(port))
        _until_it_answers(way, process)
        yield Pair(f"LiteLLM {_version_at(LITELLM, 'litellm')}", way, Way(over_tcp(behind)))


@contextmanager
def llama_router() -> Iterator[Pair]:
    """llama-server's own router in front of the server that it starts."""
    program = llama_server()
    with tempfile.TemporaryDirectory(prefix="vf-") as folder:
        models = Path(folder) / "glimpse"
        models.mkdir()
        for file in WEIGHTS.glob("*.gguf"):
            (models / file.name).symlink_to(file)
        port = free_port()
        command = [str(program), "--models-dir", folder, "--port", str(port), "--parallel", "2"]
        command += ["--offline", "--cache-ram", "0", "--jinja", "--no-webui", "--ctx-size", "8192"]
        with started(command, port) as process:
            way = Way(over_tcp(port))
            _until_it_answers(way, process)
            (child,) = psutil.Process(process.pid).children()
            behind = int(child.cmdline()[child.cmdline().index("--port") + 1])
            yield Pair(f"llama-server's router {_build_of(program)}", way, Way(over_tcp(behind)))


def llama_server() -> Path | None:
    """A native llama-server, where there is one."""
    found = os.environ.get("VIEWFINDER_LLAMA_SERVER") or shutil.which("llama-server")
    return Path(found) if found else None


def peers() -> dict[str, str]:
    """Why a peer is left out; empty for one that is here."""
    here = {
        "LiteLLM": "" if LITELLM.exists() else "not installed (make .venv-clients/litellm/ready)",
        "llama-server's router": "" if llama_server() else "no llama-server on the PATH",
        "llama-swap": "" if shutil.which("llama-swap") else "no llama-swap on the PATH",
    }
    return here | {"llama.cpp": f"xllamacpp {version('xllamacpp')}"}


def _until_it_answers(way: Way, process: subprocess.Popen[bytes]) -> None:
    until_s = time.monotonic() + READY_S
    while True:
        try:
            ask(way, text(1))
        except (OSError, RuntimeError):
            if time.monotonic() > until_s or process.poll() is not None:
                raise
            time.sleep(0.5)
        else:
            return


def _version_at(program: Path, package: str) -> str:
    found = subprocess.run(
        [program.parent / "python", "-c", f"import importlib.metadata as m; print(m.version('{package}'))"],
        capture_output=True,
        text=True,
        check=True,
    )
    return found.stdout.strip()


def _build_of(program: Path) -> str:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    return next((line.split()[1] for line in said.stderr.splitlines() if line.startswith("version:")), "")
