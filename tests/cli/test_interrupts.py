"""What Ctrl-C is taken for; `tests/e2e/test_interrupted.py` sends real ones."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from viewfinder.cli import interrupts


@pytest.fixture(autouse=True)
def handler() -> Iterator[None]:
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_class_that_was_being_built_hides_an_interrupt() -> None:
    class Broken:
        def __set_name__(self, owner: type, name: str) -> None:
            raise KeyboardInterrupt

    with pytest.raises((RuntimeError, KeyboardInterrupt)) as caught:  # 3.12 lets it through
        type("Built", (), {"field": Broken()})
    assert interrupts.is_behind(caught.value)
    assert not interrupts.is_behind(ValueError("x"))


def test_a_parent_that_had_it_ignored_is_obeyed() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    interrupts.before_work()
    interrupts.during_work()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_work_can_be_stopped() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    interrupts.before_work()
    interrupts.during_work()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    interrupts.after_work()
    assert signal.getsignal(signal.SIGINT) is interrupts._end


def test_what_another_library_handles_is_left_to_it() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    interrupts.during_work()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL


LOST = {
    "swallowed": """
try:
    signal.raise_signal(signal.SIGINT)
except BaseException:
    pass
""",
    "by pydantic": """
import pydantic
from pydantic_core import core_schema

class Broken:
    @classmethod
    def __get_pydantic_core_schema__(cls, kind, handler):
        signal.raise_signal(signal.SIGINT)
        return core_schema.any_schema()

class Built(pydantic.BaseModel):
    field: Broken
""",
    "while a class is built": """
class Broken:
    def __set_name__(self, owner, name):
        signal.raise_signal(signal.SIGINT)

class Built:
    field = Broken()
""",
    "deep below": "(lambda: [signal.raise_signal(signal.SIGINT) for _ in range(1)])()",
}


WORK = "from viewfinder.cli import interrupts; interrupts.during_work(); import imported"


@pytest.mark.parametrize("way", LOST)
def test_an_import_is_ended_at_once_however_it_would_lose_an_interrupt(way: str, tmp_path: Path) -> None:
    """One became `internal_error`, and one left the import system locked: `chat` hung while it loaded."""
    (tmp_path / "imported.py").write_text(f"import signal\n{LOST[way]}\n")
    ran = subprocess.run(
        [
            sys.executable,
            "-c",
            "from viewfinder.cli import interrupts; interrupts.during_work(); import imported",
        ],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stderr, ran.stdout) == (130, "Interrupted.\n", "")


def test_last_words_are_not_cut_short_and_what_was_handled_is_again() -> None:
    """A run of `tune` that was stopped left its caller deaf, and every process that this one started."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    before = signal.getsignal(signal.SIGTERM)
    with interrupts.ignored():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) is before
