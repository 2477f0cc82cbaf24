"""`viewfinder demo`: serve, ask, measure and report glimpse; downloads no model."""

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from viewfinder.cli.console import file_of, output, write_data
from viewfinder.core.config import load_settings
from viewfinder.core.errors import BadRequest

DEMO_MODEL = "glimpse"


def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Write it here: .md, .html or .json.")] = Path(
        "guide.md"
    ),
) -> None:
    """Serve a small model, ask it, measure it, and write the reference guide."""
    from viewfinder.api.measuring import conclude, guide
    from viewfinder.api.model import load
    from viewfinder.api.models import limits_note
    from viewfinder.cli.bench import measure, show
    from viewfinder.cli.guide import chosen_format
    from viewfinder.scenes.drawing import encode_png
    from viewfinder.scenes.questions import all_questions
    from viewfinder.scenes.scene import make_scene

    form = chosen_format(None, out)
    if (file := file_of(out)) is not None and not file.parent.is_dir():  # not after a minute
        raise BadRequest(
            f"There is no folder {file.parent}.", hint="Create it, or name another.", param="out"
        )

    output.print("[bold]1. Serve and ask[/]")
    scene = make_scene("demo", things=3)
    with tempfile.TemporaryDirectory() as folder, load(DEMO_MODEL) as model:
        picture = Path(folder) / "scene.png"
        picture.write_bytes(encode_png(scene))
        where = f"{DEMO_MODEL} is up at {model.base_url}; its picture was drawn just now."
        output.print(where, markup=False, highlight=False)
        for question in all_questions(scene):
            answer = (model.ask(picture, question.text), "bold")
            output.print(Text.assemble(f"   {question.text} ", answer), highlight=False)

    output.print(limits_note(DEMO_MODEL), style="dim", markup=False, highlight=False)

    output.print("[bold]2. Measure[/] (on fresh server processes; about a minute)")
    show(measure([DEMO_MODEL], "quick"))

    output.print("[bold]3. Report[/]")
    text = guide(form)
    if file is None:
        write_data(text)
        return
    file.write_text(text, encoding="utf-8")
    output.print(conclude(), markup=False, highlight=False)
    output.print(f"The guide: {file.resolve()}", markup=False, highlight=False)
    if output.is_terminal:
        output.print(where_to_look(), markup=False, highlight=False)


def where_to_look() -> str:
    """The page's address, and the command that serves and opens it, as it can be typed here."""
    program = Path(sys.argv[0])
    typed = "viewfinder" if shutil.which("viewfinder") else os.path.relpath(program)
    return (
        f"Look, ask and compare in a browser: {typed} serve --open (http://127.0.0.1:{load_settings().port}/)"
    )
