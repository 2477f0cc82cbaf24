"""No word of a model, an engine or a server controls the terminal on which we show it (row 13)."""

import ast
import json
import logging
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table
from rich.text import Text
from typer.testing import CliRunner

import viewfinder.cli
from tests.api.test_control import VIEW
from tests.report.conftest import result
from viewfinder.cli import main
from viewfinder.cli.bench import show
from viewfinder.cli.console import PlainFormatter, Screen, columns, write_data
from viewfinder.cli.main import app
from viewfinder.core import paths
from viewfinder.core.errors import ViewfinderError
from viewfinder.core.terminal import harmless

EVIL = "a\x1b]0;owned\x07b\x1b[2J\x9b31mc\x08\u202ed\x7f\r[red]e[/]"
"""A window's name, a cleared screen, a colour by the one-byte sequence, reversed text; and rich's markup."""
MODELS = (("evil", "m"), ("gone", "other"))
EMOJI = "\U0001f469\u200d\U0001f52c"
"""Two that are joined into one by a character without a width; it stays."""
CONTROLS = {chr(code) for code in (*range(32), *range(0x7F, 0xA0))} - set("\t\n")
CLI = Path(viewfinder.cli.__file__).parent


def is_harmless(shown: str) -> bool:
    return not CONTROLS & set(shown) and "\u202e" not in shown


class Evil(BaseHTTPRequestHandler):
    """An OpenAI server with a model that says what is evil, and one whose name is."""

    def do_GET(self) -> None:
        self._reply("application/json", json.dumps({"data": [{"id": "m"}, {"id": EVIL}]}))

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        pieces = (EVIL, "\x1b", "[31m", EMOJI)  # a sequence over two pieces, too
        choices = [{"index": 0, "delta": {"content": piece}} for piece in pieces]
        choices.append({"index": 0, "delta": {}, "finish_reason": "stop"})
        events = [json.dumps({"id": "1", "choices": [choice]}) for choice in choices]
        self._reply("text/event-stream", "".join(f"data: {event}\n\n" for event in (*events, "[DONE]")))

    def _reply(self, kind: str, text: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def evil(home: Path) -> Iterator[None]:
    """The settings have it as the models "evil" and "gone", of which it has the first one."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Evil) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        both = (f'[endpoints.{name}]\nbase_url = "{url}"\nmodel = "{model}"\n' for name, model in MODELS)
        (home / "viewfinder.toml").write_text("".join(both))
        yield
        server.shutdown()
        thread.join()


@given(st.text())
def test_harmless_text_has_no_control_and_loses_nothing_else(text: str) -> None:
    shown = harmless(text)
    assert is_harmless(shown)
    assert harmless(shown) == shown
    shown.encode()  # a lone half of a pair could not even be written
    if text.isprintable():
        assert shown == text


def test_ask_shows_the_answer_of_a_server_without_its_sequences(evil: None) -> None:
    done = CliRunner().invoke(app, ["ask", "evil", "What is it?"])
    assert is_harmless(done.output)
    assert "owned" in done.output
    assert done.output.endswith(f"\\x1b[31m{EMOJI}\n")
    answer = CliRunner().invoke(app, ["ask", "evil", "What is it?", "--json"]).output
    assert is_harmless(answer)
    assert json.loads(answer)["answer"].startswith(EVIL)  # programs get every character
    talk = CliRunner().invoke(app, ["chat", "evil"], input="What is it?\n")
    assert is_harmless(talk.output)
    assert f"\\x1b[31m{EMOJI}\n" in talk.output


def test_the_words_of_a_refusal_are_shown_without_theirs(
    evil: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["viewfinder", "ask", "gone", "What is it?"])
    assert main._outcome() != 0
    said = capsys.readouterr()
    assert is_harmless(said.out + said.err)
    assert "owned" in said.err


def test_an_error_of_anything_is_shown_without_them(capsys: pytest.CaptureFixture[str]) -> None:
    errors = (ViewfinderError(EVIL, hint=EVIL, code=EVIL), OSError(28, EVIL, EVIL), ValueError(EVIL))
    for error in errors:
        assert main._show(error) == 1
    said = capsys.readouterr().err
    assert is_harmless(said)
    assert said.count("owned") == 6
    assert said.count("[red]e[/]") == 6


def test_logs_and_events_are_shown_without_them() -> None:
    (paths.log_folder() / "glimpse.log").write_text(f"{EVIL}\n")
    event = {"kind": EVIL, "model": EVIL, "at_s": 0.0, "details": {EVIL: EVIL}}
    paths.event_file().write_text(f"{json.dumps(event)}\n{EVIL}\n")
    for words in (["logs", "glimpse"], ["events"], ["events", "--json"]):
        done = CliRunner().invoke(app, words)
        assert (done.exit_code, is_harmless(done.output)) == (0, True)


def test_tables_are_shown_without_them() -> None:
    from viewfinder.cli.ps import table

    screen = Screen(width=80, soft_wrap=True, file=StringIO(), force_terminal=True)
    drawn = Table(EVIL)
    drawn.add_row(Text(EVIL))
    with screen.capture() as said:
        screen.print(drawn, columns((EVIL,), [(EVIL,)], [EVIL]), table(VIEW), Text(EVIL, style="bold red"))
    left = said.get()
    for ours in ("\x1b[1m", "\x1b[0m", "\x1b[1;31m", "\x1b[2m"):
        left = left.replace(ours, "")
    assert is_harmless(left)
    assert "\x1b[1;31m" in said.get()  # our own styles are there


def test_lines_of_the_log_have_none() -> None:
    record = logging.LogRecord("engine", logging.ERROR, "", 0, "%s\nnext", (EVIL,), None)
    assert is_harmless(PlainFormatter("%(message)s").format(record))


def test_exact_data_goes_to_programs_and_harmless_data_to_terminals(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_data(EVIL)
    assert capsys.readouterr().out == EVIL
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    write_data(EVIL)
    assert is_harmless(capsys.readouterr().out)


def _calls(file: Path) -> Iterator[ast.Call]:
    yield from (node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call))


@pytest.mark.parametrize("file", sorted(CLI.glob("*.py")), ids=lambda file: file.stem)
def test_no_command_writes_past_the_console(file: Path) -> None:
    """What is shown goes through `console`; and words of others never through rich's markup."""
    past = {"print", "typer.echo", "sys.stdout.write", "sys.stderr.write", "sys.stdout.writelines", "Console"}
    for call in _calls(file):
        if file.stem != "console":
            assert ast.unparse(call.func) not in past or "VERSION" in ast.unparse(call)
        name = ast.unparse(call.func).rpartition(".")[2]
        if name in ("print", "status") and isinstance(call.args[0], ast.JoinedStr):
            assert "markup=False" in ast.unparse(call)
        if name == "add_row":  # a cell that is a plain text is read as markup, too
            assert "Text" in ast.unparse(call) or ast.unparse(call) == "grid.add_row(*cells)"


def test_brackets_in_words_of_others_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    """A name like [/INST] was an error of ours, and [red] was left out."""
    show([result(model="[/INST]", failure="[red]no[/]", status="failed")])
    said = capsys.readouterr()
    assert "[/INST]" in said.out
    assert "[red]no[/]" in said.out


def test_a_width_of_0_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was printed, not even an error."""
    monkeypatch.setenv("COLUMNS", "0")
    page = StringIO()
    Screen(file=page, soft_wrap=True).print("words")
    assert page.getvalue() == "words\n"
