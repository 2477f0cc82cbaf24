"""A results file of an older version gives a guide with every figure that it had."""

import lzma
import re
from pathlib import Path

import pytest

from viewfinder.api.measuring import guide
from viewfinder.measure import results
from viewfinder.measure.figures import Missing
from viewfinder.measure.store.store import Store

OLD = Path(__file__).parent / "old"
VERSION = "1704ae8"
"""The last commit before results were stored by measure; the guide beside the file is that commit's own. Most
of the file's samples were left out, to keep it small: those that no comparison reads."""
RENAMED = {
    "Context: told of the second image instead (%)": "Context: answered for the second image (%)",
    "Known images answered otherwise later on": "Canary answers that changed",
    "1: more at once only wait longer": "1: more clients only wait longer",
    "more at once get less than": "more clients get less than",
    "new image, one word asked for": "new image, one-word answer",
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "results.sqlite").write_bytes(
        lzma.decompress((OLD / f"results-{VERSION}.sqlite.xz").read_bytes())
    )
    monkeypatch.setenv("VIEWFINDER_HOME", str(tmp_path))
    return tmp_path


def rows(guide: str) -> list[str]:
    """Every row of every table, without its footnotes' numbers."""
    lines = [line for line in guide.splitlines() if line.startswith("|")]
    return [re.sub(r"\[\^\d+\]", "", line) for line in lines]


@pytest.mark.usefixtures("home")
def test_its_guide_has_every_row_of_every_table() -> None:
    then, now = ((OLD / f"guide-{VERSION}.md").read_text(), guide())
    for old, new in RENAMED.items():
        then = then.replace(old, new)
    assert len(rows(then)) > 200
    assert [row for row in rows(then) if row not in rows(now)] == []
    for sentence in re.findall(r"^- \*\*.*", then[then.index("## Recommendations") :], re.MULTILINE):
        plain = re.sub(r"\[\^\d+\]| \((the only measured|of \d+ that qualify).*", "", sentence)
        if plain.startswith("- **glimpse"):
            assert plain in now.replace(" (disturbed)", ""), "recommendations, issues and comparisons"


def test_its_results_are_typed_and_their_figures_found_once(home: Path) -> None:
    with Store(home / "results.sqlite") as store:
        ours, of_endpoint = results.readable(store.latest())
        assert set(ours.found) == {
            "gates",
            "load",
            "latency",
            "memory",
            "cold_load",
            "throughput",
            "resolution",
            "dialogues",
            "stability",
            "soak",
            "own_images",
        }
        assert not [name for name, one in ours.found.items() if isinstance(one, Missing)]
        assert not [name for name, one in ours.figures.items() if isinstance(one, Missing)]
        assert isinstance(of_endpoint.figures["memory difference"], Missing)
        assert ours.figures["average inference"] == ours.found["latency"].images.mean  # type: ignore[attr-defined]


def test_it_is_converted_once(home: Path) -> None:
    with Store(home / "results.sqlite") as store:
        first = store.latest()
    with Store(home / "results.sqlite") as store:
        assert store.latest() == first
        assert [one.model_dump_json() for one in results.readable(store.latest())] == [
            results.ModelResult.model_validate_json(one.text).model_dump_json() for one in first
        ]
