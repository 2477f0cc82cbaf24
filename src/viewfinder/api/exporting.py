"""`export`: what was measured, for other programs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from viewfinder.core import paths
from viewfinder.core.errors import BadRequest, ViewfinderError
from viewfinder.measure import export as forms
from viewfinder.measure import results
from viewfinder.measure.store.rows import Run, Sample
from viewfinder.measure.store.store import Store

FORMATS = ("jsonl", "csv", "lmms-eval")


@dataclass(frozen=True, slots=True)
class _Part:
    """What one run asked of one model."""

    run: Run
    model: str
    variant: str
    fingerprint: str
    samples: list[Sample]


def export(
    format: str = "jsonl",
    *,
    run: str | None = None,
    models: Sequence[str] = (),
) -> Iterator[str]:
    """Every stored sample that counts, as the lines of one file; of one run and some models if named.

    Raises BadRequest for another format than jsonl and csv, and ViewfinderError when nothing is stored.
    """
    if format not in FORMATS:
        raise BadRequest(
            f"There is no format {format!r}.", hint=f"Formats: {', '.join(FORMATS)}.", param="format"
        )
    if format == "lmms-eval":
        raise BadRequest("lmms-eval's files are a folder.", hint="Use export_lmms_eval.", param="format")
    rows = (
        forms.row(part.run, one, variant=part.variant, fingerprint=part.fingerprint)
        for part in _stored(run, models)
        for one in part.samples
    )
    return forms.jsonl(rows) if format == "jsonl" else forms.as_csv(rows)


def export_lmms_eval(folder: Path, *, run: str | None = None, models: Sequence[str] = ()) -> list[Path]:
    """Write lmms-eval's files, a folder a model, and give their paths; graded questions alone are in them.

    Raises ViewfinderError when nothing is stored.
    """
    written = []
    for part in _stored(run, models):
        for name, content in forms.lmms_eval(part.run, part.model, part.variant, part.samples).items():
            file = folder / f"{part.model}__{part.variant}" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content, encoding="utf-8")
            written.append(file)
    return written


def _stored(wanted: str | None, models: Sequence[str]) -> Iterator[_Part]:
    """Each model of each run, oldest first; read while it is written out."""
    with Store(paths.results_file(), for_reading=True) as store:
        runs = [run for run in store.runs() if wanted in (None, run.run)]
        if wanted and not runs:
            newest = ", ".join(run.run for run in store.runs()[-3:])
            raise BadRequest(
                f"There is no run {wanted!r}.", hint=f"The newest are: {newest or 'none'}.", param="run"
            )
        some = False
        for run in runs:
            prints = store.fingerprints(run.run)
            known = {result.model: result for result in results.readable(store.results_of(run.run))}
            for model in store.models_of(run.run):
                if models and model not in models:
                    continue
                some = True
                taken = prints.get(model)
                variant = taken.variant if taken else known[model].variant if model in known else ""
                digest = taken.digest if taken else ""
                yield _Part(run, model, variant, digest, store.samples(run.run, model))
    if not some:
        raise ViewfinderError(
            "Nothing was measured here yet.", hint="Run: viewfinder bench", code="no_results"
        )
