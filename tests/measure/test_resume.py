"""An interrupted run is resumed: nothing is lost, nothing counts twice, nothing is mixed."""

import os
import random
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.measure.store.test_store import RUN
from viewfinder.core.errors import ViewfinderError
from viewfinder.measure import results
from viewfinder.measure.figures import Figure
from viewfinder.measure.results import ModelResult
from viewfinder.measure.runner import interrupted
from viewfinder.measure.store.store import Store

ROOT = Path(__file__).parents[2]
CHILD = ROOT / "tests" / "children" / "benches.py"
KILLS = int(os.environ.get("VIEWFINDER_SOAK_BENCH_KILLS", "50"))
Counts = list[tuple[str, int, int, int]]


def start(home: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(CHILD), *words],
        env={**os.environ, "VIEWFINDER_HOME": str(home), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def to_the_end(home: Path, *words: str) -> str:
    with start(home, *words) as child:
        out, err = child.communicate(timeout=100)
    assert child.returncode == 0, err
    return out


def kill_at(home: Path, step: int, *words: str) -> bool:
    """SIGKILL when `step` steps were done; False when the run was over before."""
    with start(home, *words) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if line.split()[0].isdigit() and int(line.split()[0]) >= step:
                child.kill()
                break
        child.communicate(timeout=100)
    return child.returncode != 0


def counts(home: Path) -> Counts:
    """Scenario, process, how many, and of how many different places. A cold start fails to be one while
    another process has the same weights open, as other tests do."""
    with closing(sqlite3.connect(home / "results.sqlite")) as database:
        return database.execute(
            "SELECT scenario, process, count(*), count(DISTINCT place) FROM exchanges "
            "WHERE set_aside = 0 AND scenario <> 'cold_load' "
            "GROUP BY scenario, process ORDER BY scenario, process"
        ).fetchall()


def result_of(home: Path) -> ModelResult:
    with Store(home / "results.sqlite") as store:
        (run,) = store.runs()
        assert run.finished_at
        (result,) = results.readable(store.results_of(run.run))
    return result


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a run that was not interrupted."""
    home = tmp_path_factory.mktemp("whole")
    assert to_the_end(home).endswith("verified\n")
    return home


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.soak)])
def test_killed_at_random_moments_and_resumed_it_counts_what_an_uninterrupted_run_does(
    whole: Path, tmp_path: Path, seed: int
) -> None:
    """Each run is killed twice: in the gates or in a timed process, and again after it was resumed."""
    rng = random.Random(seed)
    total = 8 + 8 + 6 + 2 * 15 + 5
    moments = sorted(rng.randrange(1, total) for _ in range(2))
    assert kill_at(tmp_path, moments[0])
    with Store(tmp_path / "results.sqlite") as store:
        assert store.runs()[0].finished_at == ""
    kill_at(tmp_path, moments[1], "resume")
    if state_of(tmp_path) != "ended":
        to_the_end(tmp_path, "resume")
    assert counts(tmp_path) == counts(whole)
    assert all(many == places for _, _, many, places in counts(tmp_path))
    ours, theirs = result_of(tmp_path), result_of(whole)
    assert ours.found["gates"] == theirs.found["gates"]
    average, of_whole = ours.figures["average inference"], theirs.figures["average inference"]
    assert isinstance(average, Figure)
    assert isinstance(of_whole, Figure)
    assert average.n == of_whole.n
    assert ours.fingerprint == theirs.fingerprint


def test_a_run_that_another_process_carries_out_is_left_to_it(tmp_path: Path) -> None:
    with start(tmp_path) as child:
        assert child.stdout is not None
        child.stdout.readline()
        with Store(tmp_path / "results.sqlite") as store:
            (run,) = store.runs()
            with pytest.raises(ViewfinderError, match="no interrupted run"):
                interrupted(store, tmp_path)
            child.kill()
            child.communicate(timeout=100)
            assert interrupted(store, tmp_path) == run


def test_a_run_under_other_conditions_is_not_resumed(tmp_path: Path) -> None:
    """An engine that was upgraded meanwhile: what was measured is kept, and nothing is added to it."""
    assert kill_at(tmp_path, 20)
    with closing(sqlite3.connect(tmp_path / "results.sqlite")) as database, database:
        database.execute(
            "UPDATE fingerprints SET fingerprint = json_set(fingerprint, '$.engine_version', '2020.1')"
        )
        before = database.execute("SELECT count(*) FROM exchanges").fetchone()
    with start(tmp_path, "resume") as child:
        _, err = child.communicate(timeout=100)
    assert child.returncode != 0
    assert "engine_version: 2020.1 > " in err
    assert "what was measured is kept" in err
    with closing(sqlite3.connect(tmp_path / "results.sqlite")) as database:
        assert database.execute("SELECT count(*) FROM exchanges").fetchone() == before


def test_nothing_to_resume(tmp_path: Path) -> None:
    with Store(tmp_path / "results.sqlite") as store:
        with pytest.raises(ViewfinderError, match="no interrupted run"):
            interrupted(store, tmp_path)
        store.begin(RUN)  # of a version that could not be resumed
        with pytest.raises(ViewfinderError, match="no interrupted run"):
            interrupted(store, tmp_path)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_kills_at_random_moments(whole: Path, tmp_path: Path) -> None:
    """At any moment, starts and writes among them: every run that ends has counted what `whole` did."""
    rng = random.Random(50)
    kills = ended = 0
    home = tmp_path / "0"
    while kills < KILLS:
        home.mkdir(exist_ok=True)
        state = state_of(home)
        if state != "ended":
            with start(home, *(["resume"] if state == "interrupted" else [])) as child:
                try:
                    _, err = child.communicate(timeout=rng.uniform(0.5, 6.0))
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.communicate()
                    kills += 1
                    continue
            assert child.returncode == 0, err
        assert counts(home) == counts(whole)
        ended += 1
        home = tmp_path / str(ended)
    assert ended > 0


def state_of(home: Path) -> str:
    """A kill can come before the run was noted, and after it was noted as finished."""
    if not (home / "results.sqlite").exists():
        return "not begun"
    with Store(home / "results.sqlite") as store:
        runs = store.runs()
    if not runs:
        return "not begun"
    return "ended" if runs[0].finished_at else "interrupted"
