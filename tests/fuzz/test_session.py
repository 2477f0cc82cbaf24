"""What a session says of its targets, and that both kinds of fuzzers find a defect and its input."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from . import __main__ as command
from . import session, unguided
from .session import Outcome, outcome_of
from .table import BY_NAME

FOUND = """INFO: Running with entropic power schedule (0xFF, 100).
#2\tINITED cov: 40 ft: 80 corp: 2/9b exec/s: 0 rss: 80Mb
#1024\tNEW    cov: 44 ft: 90 corp: 3/19b lim: 8192 exec/s: 512 rss: 80Mb L: 9/9 MS: 1 ChangeBit-
 === Uncaught Python exception: ===
artifact_prefix='/x/gguf-'; Test unit written to /x/gguf-crash-0a
stat::number_of_executed_units: 1999
"""


def test_what_libfuzzer_says_is_read() -> None:
    outcome = outcome_of("gguf", FOUND, 77, 1)
    assert outcome == Outcome("gguf", 1999, (40, 44), 1, (Path("/x/gguf-crash-0a"),))
    assert not outcome.is_good


@pytest.mark.parametrize(
    ("said", "code", "is_good"),
    [
        ("#2\tINITED cov: 40 ft\nDone 500 runs in 3 second(s)\n", 0, True),
        ("#2\tINITED cov: 40 ft\n==1== libFuzzer: run interrupted; exiting\n", 72, True),
        ("ModuleNotFoundError: No module named 'x'\n", 1, False),
        ("", -9, False),
    ],
)
def test_a_process_that_fails_is_no_good_result(said: str, code: int, is_good: bool) -> None:
    outcome = outcome_of("gguf", said, code, 0)
    assert outcome.is_good == is_good
    assert outcome.is_interrupted == (code == 72)


def test_hypothesis_finds_a_defect_and_its_input() -> None:
    """It is what fuzzes where atheris has no wheel."""

    def fails(data: bytes) -> None:
        assert len(data) < 3

    tried, failing = unguided.hunt(replace(BY_NAME["stop_strings"], function=fails), 60.0)
    assert tried > 0
    assert failing is not None
    assert len(failing) >= 3


def test_a_failing_input_can_be_run_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "input"
    file.write_bytes(b'{"a": 1}')
    assert command.main(["replay", "strict_json", str(file)]) == 0
    assert "good" in capsys.readouterr().out


def test_an_unknown_target_is_told() -> None:
    with pytest.raises(SystemExit, match="No target is named nothing; there are: outline"):
        command.main(["nothing"])


def test_the_exit_code_says_whether_something_was_found(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    finding = tmp_path / "crash-0a"
    finding.write_bytes(b"\0bad")
    found = {"gguf": Outcome("gguf", 9, (1, 2), 1, (finding,)), "outline": Outcome("outline", 5, (3, 3))}
    monkeypatch.setattr(session, "fuzz", lambda target, seconds: found[target.name])
    assert command.main(["outline"]) == 0
    assert command.main(["outline", "gguf"]) == 1
    shown = capsys.readouterr().out
    assert f"-m tests.fuzz replay gguf {finding}" in shown
    assert r"b'\x00bad'" in shown
    found["outline"] = replace(found["outline"], is_interrupted=True)
    assert command.main(["outline", "gguf"]) == 130


def test_ctrl_c_ends_it_with_what_was_found_so_far(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib; from tests.fuzz import __main__, session; "
        "session.WORK, session.is_guided = pathlib.Path(sys.argv[1]), lambda: False; "
        "sys.exit(__main__.main(['stop_strings', 'headers']))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        cwd=session.ROOT,
        env=os.environ | {"VIEWFINDER_FUZZ_S": "120"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    log = tmp_path / "stop_strings.log"
    while process.poll() is None and not (log.exists() and "\n#" in f"\n{log.read_text()}"):
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    shown, _ = process.communicate(timeout=60)
    assert process.returncode == 130, shown
    assert "interrupted" in shown
    assert "0 of 1 targets with a finding" in shown
    assert "Traceback" not in shown


def test_words_of_a_dictionary_are_escaped() -> None:
    assert session._escaped('"a\\\u00e9') == r"\x22a\x5c\xc3\xa9"
    assert BY_NAME["gguf"].words
