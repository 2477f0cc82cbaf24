"""The systemd unit says what Viewfinder needs, and systemd understands it."""

import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

from viewfinder.core.errors import AlreadyRunning, BadRequest

UNIT = Path(__file__).parents[2] / "deploy" / "viewfinder.service"
DRAIN_S = 10
"""The gateway's; engines end after that."""


@pytest.fixture
def service() -> ConfigParser:
    """The unit; a key that is given twice would be an error, as it should be."""
    unit = ConfigParser(interpolation=None, comment_prefixes="#")
    unit.optionxform = str  # type: ignore[assignment]
    unit.read(UNIT)
    return unit


def test_it_serves_and_reloads_by_a_signal(service: ConfigParser) -> None:
    assert service["Service"]["ExecStart"].endswith("/viewfinder serve")
    assert service["Service"]["ExecReload"].endswith("kill -HUP $MAINPID")


def test_viewfinder_ends_its_engines_itself_and_has_the_time(service: ConfigParser) -> None:
    assert service["Service"]["KillMode"] == "mixed"
    assert int(service["Service"]["TimeoutStopSec"]) >= 2 * DRAIN_S


def test_it_is_restarted_only_when_that_may_help(service: ConfigParser) -> None:
    assert service["Service"]["Restart"] == "on-failure"
    in_vain = {str(BadRequest.exit_code), str(AlreadyRunning.exit_code)}
    assert set(service["Service"]["RestartPreventExitStatus"].split()) == in_vain


def test_an_engine_that_is_killed_for_memory_takes_nothing_with_it(service: ConfigParser) -> None:
    assert service["Service"]["OOMPolicy"] == "continue"


def test_nothing_is_held_back_that_engines_need(service: ConfigParser) -> None:
    breaks = {"MemoryDenyWriteExecute", "PrivateDevices", "ProtectHome", "PrivateNetwork", "ProtectProc"}
    assert not breaks & set(service["Service"])
    assert {"AF_UNIX", "AF_INET", "AF_INET6"} <= set(service["Service"]["RestrictAddressFamilies"].split())


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
@pytest.mark.parametrize("for_all", [False, True], ids=["one user", "all users"])
def test_systemd_understands_it(tmp_path: Path, for_all: bool) -> None:
    text = UNIT.read_text().replace("%h/.local/bin/viewfinder", sys.executable)
    if for_all:
        for key in ("DynamicUser", "StateDirectory", "Environment"):
            text = text.replace(f"#{key}=", f"{key}=")
    (tmp_path / UNIT.name).write_text(text)
    said = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / UNIT.name)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert [line for line in said.stderr.splitlines() if UNIT.name in line] == []
    assert said.returncode == 0
