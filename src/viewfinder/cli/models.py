"""`viewfinder models [MODEL]`: which model to try first here, all of them in one table, or all about one.

A terminal too narrow for a row gets its last cells on a line below; a pipe always gets whole rows.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from viewfinder.cli.console import columns, output, print_json, rough

if TYPE_CHECKING:
    from viewfinder.api.offers import Offer
    from viewfinder.fleet.listing import FirstChoice, ModelDetails, ModelLine, VariantLine

COLUMNS = ("model", "memory", "fits", "to pull", "measured", "what for", "license")
_FEW = 8
"""Models of other programs that are shown without `--all`."""
BELOW = 2
"""The last cells of a row, which go below it where a terminal is too narrow."""
SHORT = {"production ready": "ready", "vision-only": "pictures", "text-only": "text"}
"""Statuses in the words that a narrow column has room for."""


def models(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[MODEL]", help="Show all about this model; its name or id."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Show all: replaced models, too.")] = False,
) -> None:
    """Say which model to try first here, and list all; or show all about one."""
    if name is not None:
        _one(name, as_json=as_json)
        return
    from viewfinder.api.models import overview
    from viewfinder.api.offers import offers

    first, lines = overview()
    others, is_all = offers()
    if as_json:
        print_json(
            {
                "first": [asdict(one) for one in first],
                "models": [asdict(line) for line in lines],
                "on_this_disk": [asdict(one) for one in others],
            }
        )
        return
    shown = [line for line in lines if everything or not line.replaced_by or line.here or line.measured]
    _say_first(first, lines)
    _print()
    output.print(_table(shown), highlight=False)
    _print()
    _say_rest(lines, shown)
    if others:
        _print()
        _say_others(others, is_all=is_all, everything=everything)


def _print(text: str = "", style: str = "") -> None:
    output.print(text, style=style or None, markup=False, highlight=False)


def _say_first(first: "list[FirstChoice]", lines: "list[ModelLine]") -> None:
    for one in first:
        _print(f"Try first, for {' and '.join(one.uses)}: {one.command}", "bold")
        _print(f"    {one.reason}")
    for line in lines:
        if line.name == "glimpse" and line.ready:
            _print("Without a download: glimpse, a toy to try things with; it knows drawn shapes.")


def _say_rest(lines: "list[ModelLine]", shown: "list[ModelLine]") -> None:
    _print("~ is an estimate; * a license with conditions. All about one: viewfinder models NAME", "dim")
    if older := [line.name for line in lines if line not in shown]:
        _print(f"{len(older)} older models have better ones above: viewfinder models --all", "dim")
    if aliases := [f"{alias} ({line.name})" for line in lines for alias in line.aliases]:
        _print(f"Aliases: {', '.join(aliases)}.")


def _table(lines: "list[ModelLine]") -> Text:
    """Whole rows where they fit or nobody looks at them; else the last cells of each below it."""
    rows = [_row(line) for line in lines]
    whole = columns(COLUMNS, rows, [""] * len(rows))
    if not output.is_terminal or max(map(len, whole.plain.splitlines())) <= output.width:
        return whole
    below = ["; ".join(filter(None, row[-BELOW:])) for row in rows]
    return columns(COLUMNS[:-BELOW], [row[:-BELOW] for row in rows], below)


def _say_others(others: "list[Offer]", *, is_all: bool, everything: bool) -> None:
    """What other programs have; the command below each row, because paths are long."""
    shown = others if everything else others[:_FEW]
    _print("Found on this disk, of other programs (used where they are, never changed):", "bold")
    rows = [(one.program, one.name, rough(one.size_bytes, measured=True), _can(one.vision)) for one in shown]
    header = ("program", "model", "size", "can")
    output.print(columns(header, rows, [one.command or one.trouble for one in shown]), highlight=False)
    if len(others) > len(shown):
        _print(f"{len(others) - len(shown)} more: viewfinder models --all", "dim")
    if not is_all:
        _print("There are more: not all could be looked at in a moment.", "dim")


def _row(line: "ModelLine") -> tuple[str, ...]:
    replaced = f"older: {line.replaced_by[0]}" if line.replaced_by else ""
    measured = SHORT.get(line.measured, line.measured) or "-"
    return (
        line.name,
        rough(line.needs_bytes, measured=line.needs_measured),
        _known(line.fits_now) if line.runs else "no",
        "here" if line.here else rough(line.size_bytes, measured=True),
        measured,
        replaced or line.purpose or "your own",
        line.short_license,
    )


def _one(name: str, *, as_json: bool) -> None:
    from viewfinder.api.models import details, limits_note, variants

    lines = variants(name)
    if as_json:
        print_json([asdict(line) for line in lines])
        return
    _say_details(details(name))
    _print()
    output.print(_variants(lines), highlight=False)
    _print("* runs when this model is used; --variant chooses another. ~ is an estimate.", "dim")
    chosen = next((line for line in lines if line.chosen), None)
    if chosen is not None:
        _print(_next(chosen))
    if note := limits_note(name):
        _print(note, "dim")


def _say_details(card: "ModelDetails") -> None:
    _print(f"{card.title}{f' ({card.age})' if card.age else ''}", "bold")
    _print(card.summary)
    for words in card.quirks:
        _print(f"- {words}")
    _print(f"License: {card.license}")
    if card.checked:
        _print(f"Checked: {card.checked}")


def _next(line: "VariantLine") -> str:
    if not line.here:
        return f"Get it: viewfinder pull {line.model}"
    photo = "PHOTO " if line.vision else ""
    bench = "" if line.measured else f"   Measure it: viewfinder bench {line.model}"
    return f"Use it: viewfinder ask {line.model} {photo}QUESTION{bench}"


def _variants(lines: "list[VariantLine]") -> Text:
    header = ("", "variant", "engine", "can", "memory", "fits", "to pull", "measured")
    rows = (
        (
            "*" if line.chosen else "",
            line.variant,
            f"{line.engine} {line.version}".strip(),
            _can(line.vision, line.text),
            rough(line.needs_bytes, measured=line.needs_measured),
            _known(line.fits_now),
            "here" if line.here else rough(line.size_bytes, measured=True),
            line.measured or "-",
        )
        for line in lines
    )
    return columns(header, rows, [f"{line.model_id}: {line.why}" for line in lines])


def _can(vision: bool, text: bool = True) -> str:
    words: Sequence[str] = [word for word, able in (("images", vision), ("text", text)) if able]
    return " ".join(words)


def _known(answer: bool | None) -> str:
    return "?" if answer is None else "yes" if answer else "no"
