"""The systemd units say what Viewfinder needs, systemd understands them, and Viewfinder works under them."""

import base64
import ctypes.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path

import pytest

from tests.e2e.conftest import PATIENCE_S, VIEWFINDER, first_document, run
from viewfinder.core.errors import AlreadyRunning, BadRequest
from viewfinder.scenes.drawing import encode_png
from viewfinder.scenes.scene import make_scene

DEPLOY = Path(__file__).parents[2] / "deploy"
COMPUTERS, USERS = DEPLOY / "viewfinder.service", DEPLOY / "user" / "viewfinder.service"
DRAIN_S = 10
"""The gateway's; engines end after that."""
MOST_EXPOSED = 4.0
FILTERED = Path(__file__).with_name("filtered.py")
needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None,
    reason="no systemd here; on Debian: apt-get install systemd",
)


class Unit(ConfigParser):
    """A unit, whose lists may be given in several lines; any other key that is given twice is a mistake."""

    def __init__(self, file: Path) -> None:
        super().__init__(interpolation=None, comment_prefixes="#")
        text = file.read_text()
        self.filters = re.findall(r"^SystemCallFilter=(.*)$", text, re.M)
        text = re.sub(r"^(SystemCallFilter|DeviceAllow)=.*\n", "", text, flags=re.M)
        self.read_string(text)

    def optionxform(self, optionstr: str) -> str:
        return optionstr


@pytest.fixture(params=[COMPUTERS, USERS], ids=["computer", "user"])
def unit(request: pytest.FixtureRequest) -> Unit:
    return Unit(request.param)


def test_it_serves_and_reloads_by_a_signal(unit: Unit) -> None:
    assert unit["Service"]["ExecStart"].endswith("/viewfinder serve")
    assert unit["Service"]["ExecReload"].endswith("kill -HUP $MAINPID")


def test_viewfinder_ends_its_engines_itself_and_has_the_time(unit: Unit) -> None:
    assert unit["Service"]["KillMode"] == "mixed"
    assert int(unit["Service"]["TimeoutStopSec"]) >= 2 * DRAIN_S


def test_it_is_restarted_only_when_that_may_help(unit: Unit) -> None:
    assert unit["Service"]["Restart"] == "on-failure"
    in_vain = {str(BadRequest.exit_code), str(AlreadyRunning.exit_code)}
    assert set(unit["Service"]["RestartPreventExitStatus"].split()) == in_vain


def test_an_engine_that_is_killed_for_memory_takes_nothing_with_it(unit: Unit) -> None:
    assert unit["Service"]["OOMPolicy"] == "continue"


def test_nothing_is_held_back_that_engines_need(unit: Unit) -> None:
    breaks = {"MemoryDenyWriteExecute", "PrivateDevices", "PrivateNetwork", "ProtectProc", "PrivateUsers"}
    assert not breaks & set(unit["Service"])
    assert unit["Service"].get("ProtectHome", "no") in ("no", "read-only")
    assert {"AF_UNIX", "AF_INET", "AF_INET6"} <= set(unit["Service"]["RestrictAddressFamilies"].split())


def test_that_of_a_computer_has_a_user_and_no_right_beyond_it() -> None:
    service = Unit(COMPUTERS)["Service"]
    assert service["User"] == "viewfinder"
    assert service["CapabilityBoundingSet"] == service["AmbientCapabilities"] == ""


@needs_systemd
@pytest.mark.parametrize("file", [COMPUTERS, USERS], ids=["computer", "user"])
def test_systemd_understands_it(tmp_path: Path, file: Path) -> None:
    text = re.sub(r"^ExecStart=\S+", f"ExecStart={sys.executable}", file.read_text(), flags=re.M)
    (tmp_path / file.name).write_text(text)
    said = analyzed("verify", "--man=no", str(tmp_path / file.name))
    assert [line for line in said.stderr.splitlines() if file.name in line] == []
    assert said.returncode == 0


@needs_systemd
def test_a_service_of_the_computer_is_exposed_little() -> None:
    said = analyzed("security", "--offline=true", "--no-pager", str(COMPUTERS)).stdout
    exposed = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)
    assert exposed is not None, said
    assert float(exposed[1]) <= MOST_EXPOSED


def analyzed(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *words], capture_output=True, text=True, timeout=60, check=False
    )


def system_calls(of: str) -> set[str]:
    """The system calls of a set of systemd's, or the one of that name."""
    if not of.startswith("@"):
        return {of}
    lines = analyzed("syscall-filter", "--no-pager", of).stdout.splitlines()[1:]
    names = {line.strip() for line in lines if line.strip() and not line.strip().startswith("#")}
    return set().union(*map(system_calls, names))


def allowed(filters: list[str]) -> set[str]:
    """The first line says what is allowed, others with ~ what is not."""
    names: set[str] = set()
    for line in filters:
        several = set().union(*map(system_calls, line.removeprefix("~").split()))
        names = names - several if line.startswith("~") else names | several
    return names


def can_restrict() -> bool:
    """Whether we may make here what systemd makes: as root, and not in a closed container."""
    if not (ctypes.util.find_library("seccomp") and shutil.which("setpriv") and shutil.which("unshare")):
        return False
    return subprocess.run([*RESTRICTED, "/tmp", "true"], capture_output=True, check=False).returncode == 0


RESTRICTED = (
    *("unshare", "--mount", "--propagation", "private", "sh", "-ec"),
    # ProtectSystem=strict but for one folder, PrivateTmp within it, and no capabilities
    'mount --bind "$0" "$0"; mount -o remount,bind,ro /; export TMPDIR="$0"; cd "$0"; '
    'exec setpriv --bounding-set=-all --inh-caps=-all --no-new-privs "$@"',
)


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder whose path leaves room for those of sockets."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@needs_systemd
def test_it_works_with_the_system_calls_and_the_files_that_are_left(short: Path) -> None:
    """What systemd would do is done here: a read-only system, no capabilities, the filter of the unit."""
    if not can_restrict():
        pytest.skip("needs root, mount namespaces, setpriv and libseccomp")
    calls = allowed(Unit(COMPUTERS).filters)
    assert calls <= allowed(Unit(USERS).filters)
    assert {"execve", "openat", "connect"} <= calls
    assert not {"mount", "ptrace", "init_module", "reboot"} & calls
    (short / "calls").write_text("\n".join(sorted(calls - {"unshare", "setns"})))
    state = short / "state"
    state.mkdir()
    within = [*RESTRICTED, str(short), sys.executable, str(FILTERED), str(short / "calls")]
    for attempt in (f"open({str(DEPLOY / 'x')!r}, 'w')", "__import__('os').chroot('.')"):
        failed = subprocess.run([*within, sys.executable, "-c", attempt], capture_output=True, check=False)
        assert b"Error: [Errno" in failed.stderr
    serving = subprocess.Popen(
        [*within, *VIEWFINDER, "serve", "--json", "--port", "0", "--access-log", "on", "glimpse"],
        env={**os.environ, "VIEWFINDER_HOME": str(state)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert ask_about_a_picture(first_document(serving)["url"]) == "stop"
        shown = run("ps", home=state)
        assert re.search(r"glimpse +ready", shown.stdout), shown.stderr
        serving.send_signal(signal.SIGTERM)
        assert serving.wait(PATIENCE_S) == 0
    finally:
        serving.kill()
        serving.wait()
        assert serving.stdout is not None
        serving.stdout.close()
    assert '"status":200' in (state / "logs" / "access.jsonl").read_text()


def ask_about_a_picture(url: str) -> str:
    """Why the answer ended."""
    picture = base64.b64encode(encode_png(make_scene("service", things=1))).decode()
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture}"}}
    content = [image, {"type": "text", "text": "What shape is it?"}]
    body = {"model": "glimpse", "messages": [{"role": "user", "content": content}]}
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/v1/chat/completions", json.dumps(body).encode(), headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as reply:  # noqa: S310
        return str(json.load(reply)["choices"][0]["finish_reason"])
