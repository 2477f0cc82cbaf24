"""`viewfinder chat MODEL [IMAGE...]`: a conversation, whose answers stream."""

import json
import shlex
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from viewfinder.cli.ask import show_limits
from viewfinder.cli.console import errors, say, write_data
from viewfinder.cli.failures import failure_of
from viewfinder.cli.pull import AGREED, loaded_model
from viewfinder.cli.shared_options import ANY_MODEL, MMPROJ, ONE_VARIANT, TEMPERATURE
from viewfinder.cli.typed_lines import TypedLines
from viewfinder.core import paths
from viewfinder.core.errors import BadRequest, ViewfinderError

if TYPE_CHECKING:
    from viewfinder.api.chat import ModelChat
    from viewfinder.api.streamed import StreamedAnswer

CHAT_HELP = {
    "/image PATH": "attach an image, a clip or a folder of images to the next question; alone: show which",
    "/reset": "forget the conversation and the attached images",
    "/help": "show this",
    "/quit": "leave; so does Ctrl-D",
}
CHAT_COMMANDS = [words.partition(" ")[0] for words in CHAT_HELP]
NO_QUESTION = (
    "Images are files (PNG, JPEG, WebP or GIF). The question is typed afterwards; `ask` takes one here."
)
LEAVING = ("/quit", "/exit", "/bye")


def chat(
    model: Annotated[str, ANY_MODEL],
    images: Annotated[
        list[str] | None,
        typer.Argument(metavar="[IMAGE...]", help="Image files or clips that come with the first question."),
    ] = None,
    system: Annotated[str, typer.Option(help="What the model is told before the conversation.")] = "",
    max_tokens: Annotated[int, typer.Option(min=1, help="The most tokens in an answer.")] = 1024,
    temperature: Annotated[float, TEMPERATURE] = 0.0,
    variant: Annotated[str | None, ONE_VARIANT] = None,
    mmproj: Annotated[Path | None, MMPROJ] = None,
    yes: Annotated[bool, AGREED] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print each answer as one line of JSON, with its times.")
    ] = False,
) -> None:
    """Keep a conversation with a model, with or without images.

    Ctrl-C stops an answer, Ctrl-D leaves, /help lists the commands. From a pipe, each line is a question.
    """
    from viewfinder.api.chat import ModelChat
    from viewfinder.api.question import check_images

    check_images(images or [], hint=NO_QUESTION)  # before a model takes its time to load
    with loaded_model(model, variant=variant, mmproj=mmproj, agreed=yes) as loaded:
        talk = Talk(
            ModelChat(loaded, system=system, max_tokens=max_tokens, temperature=temperature),
            TypedLines(paths.chat_history_file(), CHAT_COMMANDS),
            as_json=as_json,
        )
        if talk.lines.is_interactive:
            show_limits(model)
            _tell(f"{model}: /help lists the commands, Ctrl-D leaves.")
        for image in images or []:
            talk.attach(image)
        failed = talk.run()
    if failed and not talk.lines.is_interactive:
        raise typer.Exit(1)


class Talk:
    """Reads lines, and shows what becomes of them."""

    def __init__(self, chat: "ModelChat", lines: TypedLines, *, as_json: bool) -> None:
        self.lines = lines
        self._chat, self._as_json = chat, as_json
        self._answered_by = ""

    def run(self) -> int:
        """Until the person leaves; how many lines failed. Ctrl-C at the prompt drops what was typed."""
        failed = 0
        while True:
            try:
                line = self.lines.next()
                if line is None or line.strip() in LEAVING:
                    return failed
                self._take(line.strip())
            except KeyboardInterrupt:
                if not self.lines.is_interactive:
                    raise
                _tell("\n(Ctrl-D or /quit leaves.)")
            except ViewfinderError as error:
                failed += 1
                _show_error(error)

    def attach(self, path: str) -> None:
        """Attach a file or folder to the next question. Raises BadRequest."""
        new = self._chat.attach(path)
        _tell(f"Attached: {', '.join(image.path for image in new)}")

    def _take(self, line: str) -> None:
        command, _, rest = line.partition(" ")
        if not line:
            return
        if not command.startswith("/") or not command[1:].isalpha():
            self._ask(line)
        elif command == "/image":
            self._images(rest.strip())
        elif command == "/reset":
            self._chat.reset()
            _tell("The conversation begins again.")
        elif command == "/help":
            _tell("\n".join(f"{words:12} {what}" for words, what in CHAT_HELP.items()))
        else:
            raise BadRequest(f"There is no command {command}.", hint=f"Commands: {', '.join(CHAT_COMMANDS)}.")

    def _images(self, words: str) -> None:
        if not words:
            attached = ", ".join(image.path for image in self._chat.images)
            _tell(
                f"Attached: {attached}" if attached else "No image is attached. For example: /image photo.jpg"
            )
        for path in _named_paths(words):
            self.attach(path)

    def _ask(self, question: str) -> None:
        images = [image.path for image in self._chat.images]
        shown: list[str] = []

        def show(piece: str) -> None:
            shown.append(piece)
            if not self._as_json:
                say(piece)

        try:
            # From a pipe, Ctrl-C ends it all: nobody reads the answers one by one.
            with _interrupts_to(self._chat.stop) if self.lines.is_interactive else nullcontext():
                answer = self._chat.ask(question, show)
        finally:
            if shown and not self._as_json:
                say("\n")
        if self._as_json:
            write_data(f"{_line(question, images, answer)}\n")
            sys.stdout.flush()
        _tell(_times(answer))
        if answer.model != self._answered_by and (why := self._chat.why(answer)):
            _tell(f"Answered by {answer.model}: {why}")
            self._answered_by = answer.model


@contextmanager
def _interrupts_to(stop: Callable[[], None]) -> Iterator[None]:
    """Ctrl-C calls `stop` while the block lasts, unless it is ignored."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        yield
        return
    signal.signal(signal.SIGINT, lambda *_: stop())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _named_paths(words: str) -> list[str]:
    """One path as it is, or several as a shell reads them."""
    if paths.expanded(words).exists():
        return [words]
    try:
        return shlex.split(words)
    except ValueError:  # a quote without its other one
        return [words]


def _times(answer: "StreamedAnswer") -> str:
    parts = [] if answer.ttft_s is None else [f"TTFT {answer.ttft_s:.2f} s"]
    if answer.tokens_per_s is not None:
        parts.append(f"{answer.tokens_per_s:.1f} tokens/s")
    elif answer.output_tokens:
        parts.append(f"{answer.output_tokens} tokens: too few for tokens/s")
    if answer.is_stopped:
        parts.append("stopped" if answer.text else "stopped before the first word: the question is forgotten")
    elif not answer.text:
        parts.append("no answer: the question is forgotten")
    elif answer.finish_reason == "length":
        parts.append("cut at --max-tokens, or at the end of the context")
    return ", ".join(parts)


def _line(question: str, images: Sequence[str], answer: "StreamedAnswer") -> str:
    return json.dumps(
        {
            "question": question,
            "images": list(images),
            "answer": answer.text,
            "model": answer.model,
            "ttft_s": answer.ttft_s,
            "seconds": answer.total_s,
            "tokens_per_s": answer.tokens_per_s,
            "prompt_tokens": answer.prompt_tokens,
            "cached_tokens": answer.cached_tokens,
            "output_tokens": answer.output_tokens,
            "finish_reason": answer.finish_reason,
        }
    )


def _show_error(error: ViewfinderError) -> None:
    shown = failure_of(error)
    is_full = error.reason == "context_length_exceeded"
    hint = "/reset begins a new conversation." if is_full else shown.hint
    errors.print(Text.assemble(("error", "bold red"), " ", (f"({shown.code})", "dim")), end=" ")
    errors.print(" ".join(filter(None, (shown.message, hint))), markup=False, highlight=False)


def _tell(words: str) -> None:
    """Beside the answers, so on stderr."""
    errors.print(words, style="dim", markup=False, highlight=False)
