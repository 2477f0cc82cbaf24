"""What Ctrl-C is taken for; `tests/e2e/test_interrupted.py` sends real ones."""

import signal
from collections.abc import Iterator

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


def test_work_gets_the_usual_one() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    interrupts.before_work()
    assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    interrupts.during_work()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_import_is_no_work_that_could_be_stopped() -> None:
    """KeyboardInterrupt in the middle of one left the import system locked: `chat` hung while it loaded."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with interrupts.Importing():
        ends_at_once = signal.getsignal(signal.SIGINT)
    assert ends_at_once is interrupts._end
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with interrupts.Importing():
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_last_words_are_not_cut_short_and_what_was_handled_is_again() -> None:
    """A run of `tune` that was stopped left its caller deaf, and every process that this one started."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    before = signal.getsignal(signal.SIGTERM)
    with interrupts.ignored():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) is before
