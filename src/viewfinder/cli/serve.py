"""`viewfinder serve [MODEL...]`: the gateway, until Ctrl-C."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from viewfinder.cli.browsing import show_in_browser
from viewfinder.cli.console import errors, output, print_json
from viewfinder.cli.pull import AGREED, with_files
from viewfinder.cli.shared_options import HELP, MMPROJ, wanted_variants
from viewfinder.core.config import LocalModel, Settings, load_settings
from viewfinder.core.errors import BadRequest

if TYPE_CHECKING:
    from viewfinder.api.serving import Serving

KEYS_SHOWN = 6
ACCESS_LOG = (
    "One JSON line for each request, without its words. on: access.jsonl in the log folder; -: stdout."
)

RAY = (
    "Run the models on the nodes of a Ray cluster (extra `cluster`): at HOST:PORT; without one, that "
    "of this computer, or a new one."
)


def serve(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL...]",
            help="Models to load now (names, hf:owner/name, files, folders); others load on demand.",
        ),
    ] = None,
    mmproj: Annotated[Path | None, MMPROJ] = None,
    name: Annotated[
        str | None, typer.Option(help="The model's name. Default: that of the file or folder.")
    ] = None,
    variant: Annotated[list[str] | None, typer.Option(help=HELP)] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")] = None,
    port: Annotated[
        int | None, typer.Option(help="Port to listen on; 0 takes any.", show_default="8080")
    ] = None,
    strict_port: Annotated[
        bool, typer.Option("--strict-port", help="Exit when the port is taken, instead of using another one.")
    ] = False,
    access_log: Annotated[
        str | None,
        typer.Option(metavar="FILE", help=ACCESS_LOG, show_default="none"),
    ] = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    ray: Annotated[str | None, typer.Option(metavar="[ADDRESS]", help=RAY, show_default="none")] = None,
    yes: Annotated[bool, AGREED] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the address and the models as JSON.")
    ] = False,
) -> None:
    """Serve all models behind one OpenAI-compatible API."""
    from viewfinder.api import serving

    entries = list(names or ())
    wanted = wanted_variants(entries, variant or []) or None

    def read() -> tuple[Settings, list[str]]:
        """The settings as they are written now, and the models to load now."""
        given = {"host": host, "port": port, "strict_port": strict_port or None}
        settings = load_settings(**given, variants=wanted, access_log=access_log)
        return _own_files(settings, entries, mmproj, name) if mmproj or name else (settings, entries)

    settings, preload = read()

    def on_ready(listening: serving.Serving) -> None:
        if open_page:
            show_in_browser(f"{listening.url}/")
        if as_json:
            print_json(asdict(listening))
            return
        if listening.notice:
            errors.print(listening.notice, markup=False)
        _print(listening, errors if settings.access_log == "-" else output)

    def run() -> None:
        serving.serve(preload, settings=settings, reread=lambda: read()[0], on_ready=on_ready, ray=ray)

    with_files(run, agreed=yes)


def _print(listening: "Serving", console: Console) -> None:
    """What a person needs to point a client here, and to tell others."""
    from viewfinder.api.models import limits_note

    first, *others = listening.addresses or (listening.url,)
    address = (f"{first}/v1", "bold")
    console.print(Text.assemble("Viewfinder listens at ", address, " (Ctrl-C stops it)"), highlight=False)
    lines = [f"In a browser: {first}/"]
    if listening.addresses:
        lines += [f"Also at: {', '.join(f'{one}/v1' for one in others)}"] if others else []
        lines += [] if listening.url == first else [f"On this computer: {listening.url}/v1"]
    if listening.keys:
        lines.append(f"Requests need a key: {_named(listening.keys)} (add one: viewfinder keys add NAME)")
    lines.append(f"Models: {', '.join(listening.models)}")
    if listening.aliases:
        aliases = ", ".join(f"{alias} ({model})" for alias, model in listening.aliases.items())
        lines.append(f"Aliases: {aliases}")
    for line in lines:
        console.print(line, markup=False, highlight=False)
    for note in filter(None, map(limits_note, listening.models)):
        console.print(note, style="dim", markup=False, highlight=False)


def _named(keys: tuple[str, ...]) -> str:
    names = ["that of the settings" if name == "settings" else name for name in keys[:KEYS_SHOWN]]
    more = len(keys) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")


def _own_files(
    settings: Settings, entries: list[str], mmproj: Path | None, name: str | None
) -> tuple[Settings, list[str]]:
    """Settings with the file or folder as a model, and its name."""
    if len(entries) != 1 or entries[0] in settings.models or entries[0].startswith("hf:"):
        raise BadRequest(
            "--mmproj needs one .gguf file, and --name one file or folder.",
            hint="For example: viewfinder serve model.gguf --mmproj mmproj.gguf. List several models under "
            "[models] in viewfinder.toml.",
        )
    place = Path(entries[0])
    called = name or (place.name if place.is_dir() else place.stem)
    local = LocalModel(model=place, mmproj=mmproj)
    return settings.model_copy(update={"models": {**settings.models, called: local}}), [called]
