"""`viewfinder tune MODEL`: find faster engine settings on this computer, and write them into the settings."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from viewfinder.cli import interrupts
from viewfinder.cli.console import columns, duration, errors, output, print_json
from viewfinder.cli.json_progress import PROGRESS, JsonLines, ProgressForm, errors_told, stopped
from viewfinder.core.errors import BadRequest

if TYPE_CHECKING:
    from viewfinder.api.tuning.run import Tuned, TuneProgress
    from viewfinder.measure.tuning.judging import Gain

DOING = {"speed": "pair", "answers": "answer", "confirming": "confirming, pair"}


def tune(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model's name or id, or hf:owner/name.")],
    budget: Annotated[
        str,
        typer.Option("--budget", "--time", metavar="TIME", help="The most time for it (90s, 10m, 1h)."),
    ] = "20m",
    clients: Annotated[
        int, typer.Option(min=1, max=64, help="How many requests there usually are at the same time.")
    ] = 1,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Measure, and write no settings.")] = False,
    undo: Annotated[
        bool, typer.Option("--undo", help="Take back what the last tuning of the model wrote.")
    ] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Measure everything again, also what an earlier tuning measured.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
    progress: Annotated[ProgressForm, PROGRESS] = ProgressForm.text,
) -> None:
    """Find the engine settings with which a model answers faster here, at no price in right answers.

    What is found is written into your settings file, and --undo takes it back.
    """
    from viewfinder.api.tuning import run

    if undo:
        if dry_run or again or progress is not ProgressForm.text:
            raise BadRequest(
                "--undo takes no other option than --json.",
                hint=f"Run: viewfinder tune {model} --undo",
                param="undo",
            )
        _show_undone(model, as_json=as_json)
        return
    try:
        with errors_told(progress), _shown(progress) as told:
            tuned = run.tune(
                model, budget=budget, clients=clients, dry_run=dry_run, again=again, on_progress=told
            )
    except KeyboardInterrupt:
        said = "Stopped. No setting was changed, and what was measured is kept."
        with interrupts.ignored():
            more = f" --clients {clients}" if clients > 1 else ""
            stopped(progress, said, f"viewfinder tune {model}{more}")
        raise typer.Exit(130) from None
    if as_json:
        print_json(tuned.as_json())
    else:
        _show(tuned)


def _show_undone(model: str, *, as_json: bool) -> None:
    from viewfinder.api.tuning.run import undo

    done = undo(model)
    if as_json:
        names = {"file": str(done.file), "restored": [*done.changes], "left": [*done.left], "more": done.more}
        print_json(names)
        return
    what = f" ({', '.join(done.changes)})" if done.changes else ""
    output.print(f"Taken back in {done.file}{what}.", markup=False, highlight=False)
    for name in done.left:
        errors.print(f"{name} was changed since, and stays.", markup=False, highlight=False)
    if done.more:
        errors.print(f"Earlier tunings that can be undone, too: {done.more}", markup=False, highlight=False)


def _show(tuned: "Tuned") -> None:
    """What was tried, what it brought, and what was written."""
    rows = [
        (
            trial.candidate.title,
            trial.outcome,
            "-" if trial.gain is None else times(trial.gain),
            trial.says,
        )
        for trial in tuned.found.trials
    ]
    if rows:
        table = columns(("tried", "", "times as fast"), (row[:3] for row in rows), (row[3] for row in rows))
        output.print(table, highlight=False)
    for line in sentences(tuned):
        output.print(line, markup=False, highlight=False)


def sentences(tuned: "Tuned") -> Iterator[str]:
    """What came of it, and what to do next."""
    found = tuned.found
    for name, reason in tuned.space.left_out.items():
        yield f"Not tried: {name} ({reason})."
    if found.not_tried:
        names = "; ".join(one.title for one in found.not_tried)
        yield f"The time was up before: {names}."
        yield f"Continue with more: viewfinder tune {tuned.model} --budget 1h"
    if found.unconfirmed is not None:
        yield f"Not confirmed, so not taken: {found.unconfirmed.title}."
    if tuned.earlier_pairs:
        yield f"Pairs from an earlier tuning: {tuned.earlier_pairs} (--again measures everything again)."
    if found.gain is None:
        yield f"Nothing is surely faster for {tuned.model} here: the settings stay as they are."
        return
    yield f"{tuned.model} answers {times(found.gain)} times as fast with {found.best.title}."
    if tuned.file is None:
        yield "Nothing was written (--dry-run)."
    else:
        yield f"Written to {tuned.file}; take it back: viewfinder tune {tuned.model} --undo"
    yield from tuned.notes


def times(gain: "Gain") -> str:
    """`1.24 (1.18 to 1.31)`"""
    return f"{gain.value:.2f}" + ("" if gain.n < 2 else f" ({gain.low:.2f} to {gain.high:.2f})")


@contextmanager
def _shown(form: ProgressForm) -> "Iterator[Callable[[TuneProgress], None]]":
    """A bar on a terminal; elsewhere a line whenever something else is tried. Or lines of JSON."""
    if form is ProgressForm.json:
        lines = JsonLines()
        yield lambda now: lines.tell((now.step.candidate, now.step.doing), lambda: _fields(now))
        return
    if not errors.is_terminal or errors.is_dumb_terminal:
        seen: set[str] = set()

        def line(now: "TuneProgress") -> None:
            what = now.step.candidate.title + (", confirming" if now.step.doing == "confirming" else "")
            if what not in seen:
                seen.add(what)
                errors.print(f"{what} ({duration(now.spent_s)})", markup=False, highlight=False)

        yield line
        return
    from rich.progress import BarColumn, Progress, TextColumn

    bar = Progress(
        TextColumn("{task.description}", markup=False), BarColumn(), console=errors, transient=True
    )
    task = bar.add_task("starting", total=None)

    def draw(now: "TuneProgress") -> None:
        step = now.step
        what = f"{step.candidate.title}: {DOING[step.doing]} {step.number} of at most {step.most}"
        spent = f"{duration(now.spent_s)} of at most {duration(now.limit_s)}"
        bar.update(
            task, description=Text(f"{what}, {spent}").plain, completed=step.tried, total=max(1, step.values)
        )

    with bar:
        yield draw


def _fields(now: "TuneProgress") -> dict[str, Any]:
    step = now.step
    return {
        "doing": step.doing,
        "settings": dict(step.candidate.changes),
        "best": dict(step.best.changes),
        "number": step.number,
        "most": step.most,
        "tried": step.tried,
        "values": step.values,
        "spent_s": round(now.spent_s, 3),
        "limit_s": round(now.limit_s, 3),
    }
