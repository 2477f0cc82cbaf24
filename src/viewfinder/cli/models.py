"""`viewfinder models [MODEL]`: all models, which variants this machine would run, and why.

The reason of each row is on its own line, because a usual screen is too narrow for another column.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from viewfinder.cli.console import columns, output, print_json, size

if TYPE_CHECKING:
    from viewfinder.api.models import ModelLine, VariantLine


def models(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[MODEL]", help="Show all variants of this model; its name or id."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> None:
    """List the models and the variant that this machine would run, or all variants of one model."""
    from viewfinder.api.models import age_note, limits_note, variants
    from viewfinder.api.models import models as list_models

    of_one = variants(name) if name is not None else []
    of_all = list_models() if name is None else []
    if as_json:
        print_json([asdict(line) for line in of_one] + [asdict(line) for line in of_all])
        return
    if of_one:
        _show_variants(of_one)
        if name is not None and (note := age_note(name)):
            output.print(note, markup=False, highlight=False)
    else:
        _show_models(of_all)
    for note in filter(
        None, map(limits_note, [name] if name else [line.name for line in of_all if line.here])
    ):
        output.print(note, style="dim", markup=False, highlight=False)


def _show_models(lines: "list[ModelLine]") -> None:
    _show(
        ("model", "variant", "engine", "size", "fits", "here"),
        ((line.name, line.variant, line.engine, *_files(line)) for line in lines),
        (_reason(line) for line in lines),
    )
    aliases = [f"{alias} ({line.name})" for line in lines for alias in line.aliases]
    if aliases:
        output.print(f"Aliases: {', '.join(aliases)}.", markup=False, highlight=False)
    output.print("Get a model: viewfinder pull MODEL. All variants of a model: viewfinder models MODEL.")


def _reason(line: "ModelLine") -> str:
    reason = line.note if line.note and line.here else line.why
    return f"{line.age}: {reason}" if line.age else reason


def _show_variants(lines: "list[VariantLine]") -> None:
    _show(
        ("", "variant", "engine", "can", "size", "fits", "here"),
        (
            (
                "*" if line.chosen else "",
                line.variant,
                f"{line.engine} {line.version}".strip(),
                _can(line.vision, line.text),
                *_files(line),
            )
            for line in lines
        ),
        (f"{line.model_id}: {line.why}" for line in lines),
    )
    output.print("* runs when this model is used; --variant chooses another.")


def _show(header: Sequence[str], rows: Iterable[Sequence[str]], reasons: Iterable[str]) -> None:
    output.print(columns(header, rows, reasons), highlight=False)


def _can(vision: bool, text: bool) -> str:
    return " ".join(word for word, able in (("images", vision), ("text", text)) if able)


def _files(line: "ModelLine | VariantLine") -> tuple[str, str, str]:
    return size(line.size_bytes), _known(line.fits), _known(line.here)


def _known(answer: bool | None) -> str:
    return "?" if answer is None else "yes" if answer else "no"
