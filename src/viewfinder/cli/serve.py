"""`viewfinder serve [MODEL...]`: the gateway, until Ctrl-C."""

from pathlib import Path
from typing import Annotated

import typer

from viewfinder.cli.screen import errors, output, print_json
from viewfinder.cli.wishes import HELP, wanted_variants
from viewfinder.core.config import LocalModel, load_settings
from viewfinder.core.errors import BadRequest


def serve(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL...]", help="Models to load at once, or one .gguf file; others load when asked."
        ),
    ] = None,
    mmproj: Annotated[
        Path | None, typer.Option(help="The projector file that belongs to the .gguf file.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="What to call the .gguf file; its own name otherwise.")
    ] = None,
    variant: Annotated[list[str] | None, typer.Option(help=HELP)] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on [default: 127.0.0.1].")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes any [default: 8080].")] = None,
    strict_port: Annotated[
        bool, typer.Option("--strict-port", help="Refuse to take another port when this one is busy.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print where it listens as JSON.")] = False,
) -> None:
    """Serve every model behind one OpenAI-compatible API."""
    from viewfinder.api import serving

    preload = list(names or ())
    settings = load_settings(
        host=host,
        port=port,
        strict_port=strict_port or None,
        variants=wanted_variants(preload, variant or []) or None,
    )
    files = [entry for entry in preload if entry.endswith(".gguf")]
    if mmproj and not files:
        raise BadRequest(
            "--mmproj goes with a .gguf file.", hint="viewfinder serve model.gguf --mmproj mmproj.gguf"
        )
    if files:
        if len(preload) > 1:
            raise BadRequest(
                "Serve one .gguf file at a time.", hint="List several under [models] in viewfinder.toml."
            )
        file = Path(files[0])
        called = name or file.stem
        local = LocalModel(model=file, mmproj=mmproj)
        settings = settings.model_copy(update={"models": {**settings.models, called: local}})
        preload = [called]

    def on_ready(listening: serving.Serving) -> None:
        if as_json:
            print_json({"url": listening.url, "models": listening.models, "notice": listening.notice})
            return
        if listening.notice:
            errors.print(listening.notice, markup=False)
        output.print(f"Viewfinder listens at [bold]{listening.url}/v1[/] (Ctrl-C ends it)", highlight=False)
        output.print(f"Models: {', '.join(listening.models)}", highlight=False)

    serving.serve(preload, settings=settings, on_ready=on_ready)
