"""What is said of a run about many pictures that ends early."""

import contextlib
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from viewfinder.api.each_picture import FAILURES_IN_A_ROW
from viewfinder.cli.each_picture import ask_each
from viewfinder.core.errors import EngineDied

PICTURES = 9


class Breaking(contextlib.nullcontext[Any]):
    """Stands in for a model that answers twice, and then raises the same error again and again."""

    total_s = ttft_s = tokens_per_s = output_tokens = None
    finish_reason = "stop"
    boxes = ()

    def __init__(self, error: BaseException, *, good: int = 2) -> None:
        super().__init__(self)
        self.error, self.good = error, good

    def answer_to(self, *_: object, **__: object) -> "Breaking":
        return self

    def __iter__(self) -> Iterator[str]:
        if not self.good:
            raise self.error
        self.good -= 1
        yield "Yes."


@pytest.fixture(autouse=True)
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["viewfinder", "ask", "m", "photos", "Is it red?", "-o", "a.jsonl"])
    Path("photos").mkdir()
    for number in range(PICTURES):
        Path("photos", f"{number}.png").write_bytes(b"\x89PNG")
    before = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def ask(model: Breaking, out: str | None = "a.jsonl") -> None:
    limits = {"max_tokens": 1, "temperature": 0.0}
    path = None if out is None else Path(out)
    ask_each("m", ["photos", "Is it red?"], lambda: model, limits, out=path, as_json=False)  # type: ignore[arg-type]


def test_an_engine_that_fails_again_and_again(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(EngineDied):
        ask(Breaking(EngineDied("It died.")))
    said = capsys.readouterr().err
    assert f"Stopped: 2 answered, {FAILURES_IN_A_ROW} failed; the answers are in a.jsonl." in said
    lines = [json.loads(line) for line in Path("a.jsonl").read_text().splitlines()]
    assert [line.get("error", "") for line in lines] == ["", "", *["It died."] * FAILURES_IN_A_ROW]


@pytest.mark.parametrize(
    ("good", "out", "said"),
    [
        (
            2,
            "a.jsonl",
            "Interrupted. 2 answers are kept in a.jsonl. Resume: viewfinder ask m photos 'Is it red?'",
        ),
        (
            0,
            "a.jsonl",
            "Interrupted before the first answer. Start again: viewfinder ask m photos 'Is it red?'",
        ),
        (2, None, "Interrupted after 2 answers. With --out FILE.jsonl, they are kept."),
    ],
)
def test_ctrl_c_says_what_is_kept(
    good: int, out: str | None, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as ended:
        ask(Breaking(KeyboardInterrupt(), good=good), out)
    assert ended.value.exit_code == 130
    assert said in capsys.readouterr().err
    assert Path("a.jsonl").exists() == (good > 0 and out is not None)
