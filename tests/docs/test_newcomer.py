"""The README from top to bottom, as somebody does it who has just got it: `make newcomer`.

A clone of this checkout, an empty home, no variables of ours, and nothing of the network but the index of
packages. Each way to install is tried, and then each command as printed. VIEWFINDER_NEWCOMER=short leaves
out what takes minutes and is run elsewhere.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = [pytest.mark.newcomer, pytest.mark.timeout(1500)]

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PORT = 8080
"""Where the README's clients look for the server."""
WAYS = dict(re.findall(r"^\| (\w+) \| `(.+)` \|$", README, re.MULTILINE))
"""How it is installed: the tool > its command."""
IS_SHORT = os.environ.get("VIEWFINDER_NEWCOMER") == "short"
PASSED = ("LANG", "TERM", "TMPDIR")
INDEX = ("PIP_", "UV_", "SSL_", "REQUESTS_CA", "http", "https", "no_proxy", "HTTP", "HTTPS", "NO_PROXY")
"""What says where packages come from."""


@dataclass
class Newcomer:
    """Somebody in a clone, with a home of their own."""

    clone: Path
    home: Path
    path: str

    def environment(self) -> dict[str, str]:
        given = {
            name: value for name, value in os.environ.items() if name in PASSED or name.startswith(INDEX)
        }
        folders = [self.home / ".local/bin", self.home / "viewfinder/bin", self.path]
        return given | {"HOME": str(self.home), "PATH": os.pathsep.join(map(str, folders))}

    def does(self, command: str | Sequence[str]) -> str:
        """What a command prints; it must exit with 0."""
        done = subprocess.run(
            command,
            shell=isinstance(command, str),
            cwd=self.clone,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=1200,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        return done.stdout


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Newcomer:
    folder = tmp_path_factory.mktemp("newcomer")
    clone, home, tools = folder / "viewfinder-clone", folder / "home", folder / "tools"
    home.mkdir()
    subprocess.run(["git", "clone", "--quiet", "--no-local", ROOT, clone], check=True)
    subprocess.run([sys.executable, "-m", "venv", tools], check=True)
    subprocess.run([tools / "bin/pip", "install", "--quiet", "pipx", "uv"], check=True)
    (folder / "bin").mkdir()
    for tool in ("pipx", "uv"):
        (folder / "bin" / tool).symlink_to(tools / "bin" / tool)
    python = Path(sys.executable).resolve().parent
    return Newcomer(
        clone, home, f"{folder / 'bin'}{os.pathsep}{python}{os.pathsep}/usr/bin:/bin:/usr/sbin:/sbin"
    )


def block(*, holding: str) -> list[str]:
    """The indented commands of the README in the block that has this one."""
    blocks = re.findall(r"(?:^    .*\n)+", re.sub(r"```.*?```", "", README, flags=re.DOTALL), re.MULTILINE)
    (found,) = [one for one in blocks if holding in one]
    return [line.strip() for line in found.splitlines()]


ASK = next(line for line in block(holding="viewfinder ask"))
FIRST, SECOND = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("way", WAYS)
def test_it_is_installed_and_removed(newcomer: Newcomer, way: str) -> None:
    """The last way stays, for the tests below."""
    newcomer.does(WAYS[way])
    assert Path(newcomer.does("command -v viewfinder").strip()).is_relative_to(newcomer.home)
    assert newcomer.does(ASK) == "Blue.\n"
    if way != list(WAYS)[-1]:
        newcomer.does({"pipx": "pipx uninstall viewfinder", "uv": "uv tool uninstall viewfinder"}[way])
        assert shutil.which("viewfinder", path=newcomer.environment()["PATH"]) is None


@pytest.fixture
def served(newcomer: Newcomer) -> Iterator[None]:
    """As printed for the page; the client's section has the same without `--open`."""
    (command,) = block(holding="viewfinder serve --open")
    assert block(holding="viewfinder serve\n") == ["viewfinder serve"]
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", PORT)) == 0:
            pytest.skip(f"another program has port {PORT}")
    process = subprocess.Popen(
        command.split(),
        cwd=newcomer.clone,
        env=newcomer.environment() | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        executable=shutil.which("viewfinder", path=newcomer.environment()["PATH"]),
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if str(PORT) in line:
                break
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


def test_a_client_is_answered(newcomer: Newcomer, served: None) -> None:
    """With the port as printed."""
    newcomer.does(f"{newcomer.home}/viewfinder/bin/pip install --quiet openai")
    assert newcomer.does([f"{newcomer.home}/viewfinder/bin/python", "-c", FIRST]) == "Blue.\n"


def test_the_page_is_there(newcomer: Newcomer, served: None) -> None:
    request = f"Request('http://127.0.0.1:{PORT}/', headers={{'accept': 'text/html'}})"
    fetch = f"from urllib.request import Request, urlopen; print(urlopen({request}).read().decode())"
    said = newcomer.does(["python3", "-c", fetch])
    assert "<h1>Playground</h1>" in said


def test_python_needs_no_server(newcomer: Newcomer) -> None:
    said = newcomer.does([f"{newcomer.home}/viewfinder/bin/python", "-c", SECOND])
    assert said.startswith("Blue.\nhttp://127.0.0.1:")


@pytest.mark.skipif(IS_SHORT, reason="VIEWFINDER_NEWCOMER=short: `make demo` and `bench` are run elsewhere")
def test_which_model_for_what(newcomer: Newcomer) -> None:
    for command in block(holding="viewfinder bench"):
        said = newcomer.does(command)
        assert "glimpse" in said or command.startswith("viewfinder guide")
    guide = (newcomer.clone / "guide.html").read_text()
    assert "glimpse" in guide
    assert "right" in guide


@pytest.mark.skipif(IS_SHORT, reason="VIEWFINDER_NEWCOMER=short: `make demo` and `bench` are run elsewhere")
def test_the_demo(newcomer: Newcomer) -> None:
    said = newcomer.does("make demo")
    assert "guide.md" in said
    assert (newcomer.clone / "guide.md").is_file()


def test_the_models(newcomer: Newcomer) -> None:
    assert "glimpse" in newcomer.does("viewfinder models")
    assert newcomer.does("git status --porcelain") == ""
