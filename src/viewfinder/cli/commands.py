"""The table of commands: what each one is for, and where it is; `main` runs the one that was typed.

Only that one is imported: `--help` and `ps` need neither the settings nor an HTTP client.
"""

from collections.abc import Callable, Iterable
from functools import partial
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from viewfinder.cli import interrupts

HOME = "viewfinder.cli"
COMMANDS: dict[str, dict[str, tuple[str, str]]] = {
    "Try": {
        "demo": ("demo:demo", "Serve a small model, ask it, measure it, and write the reference guide."),
        "ask": ("ask:ask", "Ask a model a question, with or without images."),
        "decide": (
            "decide:decide",
            "Answer yes or no, or one of several choices, with its probability.",
        ),
        "estimate": (
            "estimate:estimate",
            "Say what a question will take here, before it is asked: tokens, seconds, memory.",
        ),
        "sort": (
            "sort:sort",
            "Sort the pictures of a folder into folders, by what a model sees; nothing is moved without "
            "--move.",
        ),
        "chat": ("chat:chat", "Keep a conversation with a model, with or without images."),
    },
    "Serve": {
        "serve": ("serve:serve", "Serve all models behind one OpenAI-compatible API."),
        "ps": ("ps:ps", "Show each model of the running server: its state, memory, requests and restarts."),
        "load": ("control:load", "Load a model now, also one that was given up, and wait until it is up."),
        "stop": (
            "control:stop",
            "Unload a model once its requests in progress are done; the next request loads it again.",
        ),
        "pin": ("control:pin", "Keep a model loaded: it is never unloaded to make room."),
        "unpin": ("control:unpin", "Allow a model to be unloaded to make room."),
        "logs": ("logs:logs", "Show the output of a model's engine; control characters are spelled out."),
        "events": (
            "logs:events",
            "Show the events of `serve`: loads, deaths, refusals, reloads and others.",
        ),
        "mcp": ("mcp:mcp", "Give agents eyes, over MCP: one tool, `look`, and the guide's first screen."),
        "suspects": (
            "suspects:suspects",
            "List the answers given shortly before a model failed its canary: they may be wrong.",
        ),
        "why": (
            "why:why",
            "Explain why an auto: name got its model: the candidates, their figures, what each one lacked.",
        ),
        "cluster": ("cluster:app", "Show the nodes of `serve --ray`: models, requests and memory of each."),
        "keys": ("keys:app", "List, add or remove API keys of the gateway."),
    },
    "Models": {
        "models": (
            "models:models",
            "Say which model to try first here, and list all; or show all about one.",
        ),
        "pull": ("pull:pull", "Download models' files from the hub, and check the size and hash of each."),
        "rm": (
            "rm:rm",
            "Remove the files that `viewfinder pull` downloaded for models; those of other programs stay.",
        ),
    },
    "Measure": {
        "bench": (
            "bench:bench",
            "Measure models on fresh server processes of their own; every sample is kept.",
        ),
        "tune": (
            "tune:tune",
            "Find the engine settings with which a model answers faster here, at no price in right answers.",
        ),
        "guide": (
            "guide:guide",
            "Write the reference guide from the stored results: Markdown, one HTML file, or JSON.",
        ),
        "results": ("results:app", "List, show, compare or remove stored results."),
        "export": (
            "export:export",
            "Write every stored exchange, one a line; or the graded ones as lmms-eval's files.",
        ),
    },
    "This computer": {
        "doctor": (
            "doctor:doctor",
            "Check engines, processor, graphics, memory, disks, hub and port; exit 1 when something is "
            "broken.",
        ),
        "engine": ("native:app", "Build, list, use or remove native builds of llama.cpp."),
        "uninstall": (
            "uninstall:uninstall",
            "Remove results, settings, logs and pulled models; what others keep in the same folders stays.",
        ),
        "version": ("about:version", "Show the version."),
        "help": ("about:help_page", "Show this page, or that of a command."),
    },
}
"""By the sections of the help page: where each command is, and the first sentence of its docstring."""
ALIASES = {
    "run": "ask",
    "list": "models",
    "ls": "models",
    "show": "models",
    "status": "ps",
    "unload": "stop",
    "remove": "rm",
}
"""What other programs call them."""
MEANT_ELSEWHERE = {
    "completion": "Install it: viewfinder --install-completion",
    "download": "To get a model: viewfinder pull MODEL",
    "install": "To get a model: viewfinder pull MODEL",
    "start": "To serve all models: viewfinder serve",
    "config": "Edit {file}; docs/settings.md has every setting.",
    "settings": "Edit {file}; docs/settings.md has every setting.",
}
"""What other programs have as a command, and where it is here."""
WHERE = {name: place for section in COMMANDS.values() for name, (place, _) in section.items()}


class Command(TyperCommand):
    """One command."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        options = self.get_params(ctx)
        _check_what_is_given(options)
        return super().parse_args(ctx, with_values(args, options))

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        names = (one.metavar for one in self.get_params(ctx) if one.param_type_name == "argument")
        return ["[OPTIONS]", *filter(None, names)]


class CommandGroup(TyperGroup):
    """The group of all commands."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*WHERE]

    def get_command(self, ctx: Any, name: str) -> Any:
        place = WHERE.get(ALIASES.get(name, name))
        return None if place is None else _imported(name, place)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args and not ctx.resilient_parsing:
            from viewfinder.cli.console import say

            say(f"{ctx.get_help()}\n")
            raise typer.Exit(2)
        _check_what_is_given(self.get_params(ctx))
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args[0] not in WHERE and args[0] not in ALIASES and not ctx.resilient_parsing:
            from viewfinder.core.errors import BadRequest
            from viewfinder.core.paths import user_config_file
            from viewfinder.core.variables import nearest

            elsewhere = MEANT_ELSEWHERE.get(args[0], "").format(file=user_config_file())
            meant = elsewhere or nearest(args[0], [*WHERE, *ALIASES]) or "All commands: viewfinder --help"
            raise BadRequest(f"There is no command '{args[0]}'.", hint=meant)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        for title, commands in COMMANDS.items():
            with formatter.section(title):
                formatter.write_dl([(name, sentence) for name, (_, sentence) in commands.items()])

    def invoke(self, ctx: Any) -> Any:
        interrupts.during_work()
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise interrupts.Interrupted from None


ADDRESS = "[ADDRESS]"
"""The metavar of an option whose address may be left out."""


def with_values(args: list[str], options: Iterable[Any]) -> list[str]:
    """The words, with "auto" after each such option that no address follows: the next word is its own."""
    bare = {name for option in options if option.metavar == ADDRESS for name in option.opts}
    words: list[str] = []
    for at, word in enumerate(args):
        words.append(word)
        if word == "--":
            return [*words, *args[at + 1 :]]
        following = args[at + 1] if at + 1 < len(args) else ""
        if word in bare and not (following in ("auto", "local") or ":" in following.removeprefix("hf:")):
            words.append("auto")
    return words


def _check_what_is_given(options: Iterable[Any]) -> None:
    """Otherwise typer imports pydantic to check that `--help` was not given."""
    for option in options:
        if option.default is None and not option.required:
            option.process_value = partial(_given, option.process_value)


def _given(process: Callable[..., Any], ctx: Any, value: Any) -> Any:
    return None if value is None else process(ctx, value)


def _imported(name: str, place: str) -> Any:
    module, _, attribute = place.partition(":")
    found = getattr(import_module(f"{HOME}.{module}"), attribute)
    if isinstance(found, typer.Typer):
        found.info.name = name
        return typer.main.get_command(found)
    alone = typer.Typer(add_completion=False, rich_markup_mode=None)
    alone.command(name, cls=Command)(found)
    return typer.main.get_command(alone)
