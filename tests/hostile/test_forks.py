"""A loaded model in a forked or spawned process says at once what is wrong (row 18)."""

import copy
import multiprocessing
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

import pytest

import viewfinder
from viewfinder.api.model import Model
from viewfinder.core.errors import ViewfinderError

QUESTION, ANSWER = "What is 3 plus 4?", "7."
EXITS = f"""
import os, sys, viewfinder
with viewfinder.load("glimpse") as model:
    if not os.fork():
        sys.exit()
    os.wait()
    print(model.ask({QUESTION!r}))
"""
AT_ONCE_S = 5.0
"""Loading takes about 1 s; it hung for ever."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VIEWFINDER_HOME", str(tmp_path_factory.mktemp("forks")))
        with viewfinder.load("glimpse") as loaded:
            yield loaded


def in_fork(work: Callable[[], str]) -> str:
    """What the work returns in a fork of this process, or the code of its error."""
    receive, send = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            said = work()
        except ViewfinderError as error:
            said = error.reason
        except BaseException as error:
            said = repr(error)
        os.write(send, said.encode())
        os._exit(0)
    os.close(send)
    began = monotonic()
    with os.fdopen(receive) as answer:
        said = answer.read()
    os.waitpid(pid, 0)
    assert monotonic() - began < AT_ONCE_S
    return said


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
class TestFork:
    def test_a_question_in_a_fork_gets_an_error(self, model: Model) -> None:
        assert in_fork(lambda: model.ask(QUESTION)) == "other_process"
        assert in_fork(lambda: "".join(model.stream(QUESTION))) == "other_process"
        assert model.ask(QUESTION) == ANSWER

    def test_close_in_a_fork_returns_and_closes_nothing(self, model: Model) -> None:
        assert in_fork(lambda: str(model.close())) == "None"
        assert in_fork(lambda: str(model.__exit__())) == "None"
        assert model.ask(QUESTION) == ANSWER

    def test_a_fork_that_exits_as_usual_leaves_its_parents_model(self, tmp_path: Path) -> None:
        """With all that the interpreter does when it ends, so in a process that is no test's."""
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", EXITS],
            env={**os.environ, "VIEWFINDER_HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stdout) == (0, f"{ANSWER}\n"), done.stderr
        assert done.stderr == ""

    def test_a_fork_can_load_one_of_its_own(self, model: Model) -> None:
        def work() -> str:
            with viewfinder.load("glimpse") as own:
                return own.ask(QUESTION)

        assert in_fork(work) == ANSWER
        assert model.ask(QUESTION) == ANSWER


def test_it_cannot_be_sent_to_a_spawned_process(model: Model) -> None:
    """The error said: cannot pickle a lock."""
    spawned = multiprocessing.get_context("spawn").Process(target=print, args=(model,))
    for send in (spawned.start, lambda: pickle.dumps(model), lambda: copy.copy(model)):
        with pytest.raises(ViewfinderError, match="cannot be sent to another process") as refused:
            send()
        assert "base_url" in refused.value.hint
