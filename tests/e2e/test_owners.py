"""One owner for each state folder: of many that start at the same time, one serves."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from viewfinder.host.owner import Owner, running_owner
from viewfinder.host.ownership import control_path

from .conftest import PATIENCE_S, VIEWFINDER, first_document

STARTS_S = 200
"""Twenty of them take 20 seconds of processor time together, and wait for each other."""


@pytest.mark.parametrize("many", [6, pytest.param(20, marks=pytest.mark.soak)])
@pytest.mark.timeout(STARTS_S + 2 * PATIENCE_S)
def test_of_many_serves_started_at_once_one_owns_and_the_others_exit_with_3(
    tmp_path: Path, many: int
) -> None:
    home = tmp_path / "home"
    errors = [(tmp_path / f"{number}.err").open("w") for number in range(many)]
    serves = [
        subprocess.Popen(
            [*VIEWFINDER, "serve", "--json", "--port", "0"],
            env={**os.environ, "VIEWFINDER_HOME": str(home)},
            stdout=subprocess.PIPE,
            stderr=words,
            text=True,
        )
        for words in errors
    ]
    try:
        give_up_s = time.monotonic() + STARTS_S
        while sum(one.poll() is None for one in serves) > 1 and time.monotonic() < give_up_s:
            time.sleep(0.05)
        (owner,) = [one for one in serves if one.poll() is None]
        url = first_document(owner)["url"]
        assert running_owner(home) == Owner(owner.pid, url, str(control_path(home)))
        assert [one.returncode for one in serves if one is not owner] == [3] * (many - 1)
        for one, file in zip(serves, errors, strict=True):
            said = Path(file.name).read_text()
            assert said == "" if one is owner else "already_running" in said
        owner.send_signal(signal.SIGTERM)
        assert owner.wait(PATIENCE_S) == 0
        assert [run for run in home.glob("run/*") if run.is_dir()] == []
    finally:
        for one, words in zip(serves, errors, strict=True):
            one.kill()
            one.communicate()
            words.close()
