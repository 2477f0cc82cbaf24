"""Typical mistakes: each gives at most three lines with the way out, no traceback, and the right exit code.

Ctrl-C in each command is in `tests/e2e/test_interrupted.py`, with real signals.
"""

import logging
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from viewfinder.cli.main import main

USAGE, FAILED = 2, 1

MISTAKES: list[tuple[str, int, str, str]] = [
    # What was typed; the exit code; what is wrong; the way out.
    ("asck glimpse Hi", USAGE, "no command 'asck'", "Did you mean ask?"),
    ("delete glimpse", USAGE, "no command 'delete'", ""),
    ("mcp --http --port 70000", USAGE, "less than or equal to 65535", "viewfinder mcp --help"),
    ("uninstall", USAGE, "nobody can be asked", "--dry-run"),
    ("rm glimpse", USAGE, "not of the hub, and stay", "what `viewfinder pull` downloaded"),
    ("rm glimse", USAGE, "no model named 'glimse'", "Did you mean glimpse?"),
    ("lod glimpse", USAGE, "no command 'lod'", "Did you mean load?"),
    ("--verison", USAGE, "No such option: --verison", "--version"),
    ("--config", USAGE, "requires an argument", "viewfinder --help"),
    ("--config nofile.toml models", USAGE, "nofile.toml cannot be read", "--config names it"),
    ("--config broken.toml models", USAGE, "broken.toml is not valid TOML", "Write [table]"),
    (
        "--config typo.toml models",
        USAGE,
        "no setting 'fleet.memory_budget'",
        "Did you mean memory_budget_gb?",
    ),
    ("ask", USAGE, "Missing argument 'MODEL'", "Usage: viewfinder ask [OPTIONS] MODEL [IMAGE...] QUESTION"),
    ("ask glimpse", USAGE, "The question is missing", "For a conversation: viewfinder chat glimpse"),
    ("run glimpse", USAGE, "The question is missing", "For a conversation: viewfinder chat glimpse"),
    ("completion", USAGE, "no command 'completion'", "viewfinder --install-completion"),
    ("config", USAGE, "no command 'config'", "viewfinder.toml; docs/settings.md has every setting"),
    ("ask glimpse ''", USAGE, "The question is missing", 'viewfinder ask MODEL photo.jpg "What is this?"'),
    ("ask glimpse scene.png", USAGE, "The question is missing", 'viewfinder ask MODEL scene.png "What'),
    ("ask glimpse away.jpg", USAGE, "The question is missing", 'viewfinder ask MODEL away.jpg "What'),
    ("ask glimpse away.jpg What?", USAGE, "away.jpg cannot be read", "come before the question"),
    ("ask glimpse pictures What?", USAGE, "The folder pictures has no images", "come before the question"),
    ("ask glimpse pictures", USAGE, "The question is missing", 'viewfinder ask MODEL pictures "What'),
    ("ask glimpse photo.heic", USAGE, "The question is missing", "viewfinder ask MODEL photo.heic"),
    ("ask glimpse https://example.org/a.png", USAGE, "an address on the web", "Download it"),
    ("ask glimpse What? --out a.jsonl", USAGE, "--out is for the answers about images", "MODEL FOLDER"),
    ("ask glimpse scene.png What? --out scene.png", USAGE, "other things than answers", "another file"),
    ("ask glimpse scene.png What? --out old.jsonl", USAGE, "another question: Where?", "another file"),
    ("ask glimpse scene.png What? --out no/a.jsonl", FAILED, "No such file", "There is no folder no"),
    ("ask glimpse scene.png What? --out pictures", FAILED, "Is a directory", "Name a file in it"),
    ("decide", USAGE, "Missing argument 'MODEL'", "Usage: viewfinder decide [OPTIONS] MODEL [IMAGE...]"),
    (
        "decide glimpse",
        USAGE,
        "The question is missing",
        'viewfinder decide glimpse photo.jpg "Is it a cat?"',
    ),
    ("decide glimse Hi?", USAGE, "no model named 'glimse'", "Did you mean glimpse?"),
    ("decide glimpse away.jpg What?", USAGE, "away.jpg cannot be read", "come before the question"),
    ("decide glimpse pictures What?", USAGE, "The folder pictures has no images", "come before the question"),
    ("decide glimpse What? --choices cat", USAGE, "needs two answers or more", '--choices "cats,dogs,other"'),
    ("decide glimpse What? --choices cat,cats", USAGE, "'cat' is the beginning of 'cats'", "differ from the"),
    ("decide glimpse What? --threshold 90", USAGE, "less than or equal to 1", "viewfinder decide --help"),
    ("decide moondream2 Hi?", FAILED, "is not on this disk", "Run: viewfinder pull moondream2"),
    ("sort", USAGE, "The folder is missing", 'viewfinder sort FOLDER --into "cats,dogs,other"'),
    ("sort pictures", USAGE, "sorted into is missing", 'viewfinder sort pictures --into "cats,dogs,other"'),
    ("sort a b c", USAGE, "One folder is sorted at a time", "viewfinder sort MODEL FOLDER"),
    ("sort away --into a,b", USAGE, "There is no folder away", "Check the path"),
    ("sort scene.png --into a,b", USAGE, "a file, not a folder", "viewfinder decide MODEL PICTURE"),
    ("sort pictures --into cats", USAGE, "two different answers or more", '--into "cats,dogs,other"'),
    ("sort pictures --into cat,cats", USAGE, "'cat' is the beginning of 'cats'", "differ from the start"),
    ("sort pictures --into a,b,a", USAGE, "names an answer twice", "Name each once"),
    ("sort pictures --into a/b,c", USAGE, "'a/b' cannot be the name of a folder", "--describe"),
    ("sort pictures --into a,unsure", USAGE, "that the model is not sure of", "another word"),
    ("sort pictures --into a,b --describe c=d", USAGE, "'c' is no answer of --into", "--describe"),
    ("sort pictures --into a,b --sure much", USAGE, "'much' is no share", "--sure 95%"),
    ("sort pictures --into a,b --sure 100%", USAGE, "No answer can be sure to 100 %", "below 100%"),
    ("sort pictures --into a,b --sure 0.05", USAGE, "No answer can be sure to 5 %", "--sure 95%"),
    ("sort pictures --into a,b --csv a.csv --move", USAGE, "copies and moves nothing", "Leave out --move"),
    ("sort pictures --into a,b --csv old.jsonl", USAGE, "other things than a table", "another file"),
    ("sort pictures --into a,b --csv pictures", USAGE, "pictures is a folder", "Name a file in it"),
    ("sort pictures --into a,b --to scene.png", USAGE, "scene.png is no folder", "--to DIR"),
    ("chat", USAGE, "Missing argument 'MODEL'", "Usage: viewfinder chat [OPTIONS] MODEL [IMAGE...]"),
    ("chat glimse", USAGE, "no model named 'glimse'", "Did you mean glimpse?"),
    ("chat glimpse away.jpg", USAGE, "away.jpg cannot be read", "typed afterwards"),
    ("chat glimpse scene.png What?", USAGE, "What? cannot be read", "`ask` takes one here"),
    ("chat glimpse https://example.org/a.png", USAGE, "an address on the web", "Download it"),
    ("chat glimpse --max-tokens 0", USAGE, "greater than or equal to 1", "viewfinder chat --help"),
    ("chat moondream2", FAILED, "is not on this disk", "Run: viewfinder pull moondream2"),
    ("chats glimpse", USAGE, "no command 'chats'", "Did you mean chat?"),
    ("ask glimpse https://example.org/a.png What?", USAGE, "an address on the web", "Download it"),
    (
        "ask https://huggingface.co/o/n Hi",
        USAGE,
        "an address, not a model",
        "Write a repository of the hub as hf:o/n.",
    ),
    ("ask http://127.0.0.1:11434/v1 Hi", USAGE, "an address, not a model", "[endpoints.NAME]"),
    ("ask glimse Hi", USAGE, "no model named 'glimse'", "Did you mean glimpse?"),
    ("ask owner/name Hi", FAILED, "is missing", "hf:owner/name"),
    ("ask nofile.gguf Hi", FAILED, "nofile.gguf is missing", "Check the path"),
    ("ask moondream2 Hi", FAILED, "is not on this disk", "Run: viewfinder pull moondream2"),
    ("ask glimpse Hi --variant q4", USAGE, "has no variant 'q4'", "Its variants: llama.cpp-f16"),
    ("ask glimpse Hi --mmproj m.gguf", USAGE, "'glimpse' is a model of the catalog", "Leave it out"),
    ("ask pictures Hi", FAILED, "config.json is missing", "or a .gguf file"),
    ("ask glimpse Hi --max-tokens 0", USAGE, "greater than or equal to 1", "viewfinder ask --help"),
    ("ask glimpse Hi --temperature hot", USAGE, "valid number", "viewfinder ask --help"),
    ("ask glimpse Hi --temp 1", USAGE, "No such option: --temp", "--temperature"),
    ("serve --port 99999", USAGE, "less than or equal to 65535", "Fix --port."),
    ("serve --port http", USAGE, "valid integer", "viewfinder serve --help"),
    ("serve --host 0.0.0.0", USAGE, "no API key is set", "viewfinder keys add NAME"),
    ("serve --mmproj x.gguf", USAGE, "--mmproj needs one .gguf file", "viewfinder serve model.gguf"),
    ("serve --variant llama.cpp-f16", USAGE, "Which model is the variant", "--variant MODEL="),
    ("serve glimse", USAGE, "no model named 'glimse'", "Did you mean glimpse?"),
    ("ps", FAILED, "No `viewfinder serve` runs", "Start it: viewfinder serve"),
    ("load glimpse", FAILED, "No `viewfinder serve` runs", "Start it: viewfinder serve"),
    ("unload glimpse", FAILED, "No `viewfinder serve` runs", "Start it: viewfinder serve"),
    ("ps --follow", USAGE, "No such option: --follow", "viewfinder ps --help"),
    ("logs glimpse", USAGE, "no log of 'glimpse'", ""),
    ("models glimse", USAGE, "no model named 'glimse'", "Did you mean glimpse?"),
    ("models a b", USAGE, "unexpected extra argument", "viewfinder models --help"),
    ("pull", USAGE, "Missing argument 'MODEL...'", "Usage: viewfinder pull"),
    ("pull owner/name", USAGE, "no model named 'owner/name'", "hf:owner/name"),
    ("pull https://huggingface.co/o/n", USAGE, "no model named 'https:", "hf:owner/name"),
    ("pull hf:nothing", USAGE, "names no repository", "hf:owner/name"),
    ("bench glimpse --suite fast", USAGE, "no suite named 'fast'", "Suites: quick, standard, thorough."),
    ("bench --budget 5", USAGE, "not a valid budget", "90s, 10m or 1h"),
    ("bench --mmproj m.gguf", USAGE, "--mmproj belongs to one file", "viewfinder bench model.gguf"),
    ("bench --resume", FAILED, "no interrupted run", "Run: viewfinder bench"),
    ("bench --vqa nofolder", USAGE, "no such folder", "Name the folder"),
    ("bench --endpoint localhost:1234", USAGE, "not the address of a server", "http://127.0.0.1:11434/v1"),
    ("guide", FAILED, "Nothing was measured here yet", "Run: viewfinder bench"),
    ("tune", USAGE, "Missing argument 'MODEL'", "Usage: viewfinder tune [OPTIONS] MODEL"),
    ("tune glimse", USAGE, "no model named 'glimse'", "Did you mean glimpse?"),
    ("tune glimpse --time 5", USAGE, "not a valid budget", "90s, 10m or 1h"),
    ("tune glimpse --clients 0", USAGE, "greater than or equal to 1", "viewfinder tune --help"),
    ("tune glimpse --undo", USAGE, "Nothing that `tune` wrote for 'glimpse'", "yours to change"),
    ("tune glimpse --undo --again", USAGE, "--undo takes no other option", "viewfinder tune"),
    ("tune moondream2", FAILED, "is not on this disk", "Run: viewfinder pull moondream2"),
    ("guide --out guide.pdf", USAGE, "no format named '.pdf'", "Formats: md, html, json."),
    ("demo --out nofolder/guide.md", USAGE, "no folder nofolder", "Create it"),
    ("results show", USAGE, "Missing argument 'RUN'", "Usage: viewfinder results show [OPTIONS] RUN"),
    ("results rm 2020", USAGE, "There is no run '2020'", "`viewfinder results` lists them."),
    ("export --format xml", USAGE, "There is no format 'xml'", "jsonl, csv, lmms-eval"),
    ("keys add a/b", USAGE, "cannot be the name of a key", "Use up to 40"),
    ("keys rm nobody", USAGE, "no key named 'nobody'", "See: viewfinder keys"),
    ("help bensh", USAGE, "no command 'bensh'", "Did you mean bench?"),
]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working folder, with files; handlers of signals and of the log are as before afterwards."""
    (tmp_path / "pictures").mkdir()
    (tmp_path / "scene.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "old.jsonl").write_text('{"file": "a.png", "question": "Where?", "answer": "There."}\n')
    (tmp_path / "broken.toml").write_text("[fleet")
    (tmp_path / "typo.toml").write_text("[fleet]\nmemory_budget = 8\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    interrupt, handlers = signal.getsignal(signal.SIGINT), [*logging.root.handlers]
    yield tmp_path
    signal.signal(signal.SIGINT, interrupt)
    logging.root.handlers[:] = handlers


def typed(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> tuple[int, str]:
    """The exit code, and what stderr shows."""
    monkeypatch.setattr(sys, "argv", ["viewfinder", *words])
    monkeypatch.setenv("VIEWFINDER_CONFIG", os.environ["VIEWFINDER_CONFIG"])  # --config sets it
    with pytest.raises(SystemExit) as ended:
        main()
    assert isinstance(ended.value.code, int)
    return ended.value.code, capsys.readouterr().err


@pytest.mark.parametrize(("words", "code", "wrong", "way_out"), MISTAKES, ids=[row[0] for row in MISTAKES])
def test_a_mistake_is_told_with_the_way_out(
    words: str,
    code: int,
    wrong: str,
    way_out: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exit_code, said = typed([word.strip("'") for word in words.split()], capsys, monkeypatch)
    assert exit_code == code, said
    assert wrong in said
    assert way_out in said
    assert len(said.splitlines()) in (2, 3), said
    assert "Traceback" not in said
    assert "internal_error" not in said


OLD: list[tuple[str, str, str, int, str, str]] = [
    # A file of the state folder, and what it holds; then as above.
    ("results.sqlite", "not a database", "guide", FAILED, "cannot be used", "Move it away"),
    ("results.sqlite", "not a database", "bench glimpse", FAILED, "cannot be used", "Move it away"),
    ("keys.json", "{", "keys", FAILED, "cannot be read", "viewfinder keys add NAME"),
    (
        "owner.json",
        '{"pid": 1, "url": "http://127.0.0.1:8080"}',
        "ps",
        FAILED,
        "No `viewfinder serve` runs",
        "Start",
    ),
]


@pytest.mark.parametrize(
    ("file", "content", "words", "code", "wrong", "way_out"), OLD, ids=[f"{row[0]} {row[2]}" for row in OLD]
)
def test_an_old_state_folder_is_told_with_the_way_out(
    home: Path,
    file: str,
    content: str,
    words: str,
    code: int,
    wrong: str,
    way_out: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (home / file).write_text(content)
    exit_code, said = typed(words.split(), capsys, monkeypatch)
    assert (exit_code, len(said.splitlines())) == (code, 2), said
    assert wrong in said
    assert way_out in said


def test_there_are_40_of_them() -> None:
    assert len(MISTAKES) >= 40
