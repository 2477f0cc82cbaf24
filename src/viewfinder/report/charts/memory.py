"""The memory of each model when it is warm, as a bar in the frame of all memory of its computer."""

from collections.abc import Sequence
from typing import Any

from viewfinder.measure.figures import Memory, Phase
from viewfinder.measure.measures.base import NO_FIGURE
from viewfinder.measure.measures.memory.result import MemoryUse
from viewfinder.measure.results import ModelResult
from viewfinder.report.charts import lines, look
from viewfinder.report.charts.chart import Chart
from viewfinder.report.charts.labels import full_name, percent, three_digits

_GB = 1e9


def chart(results: Sequence[ModelResult]) -> Chart | None:
    """Of the models whose steady memory was read; the largest first."""
    phases = [(result, _phases(result)) for result in results]
    read = [(result, each) for result, each in phases if "steady" in each and result.machine.memory_bytes > 0]
    if not read:
        return None
    read.sort(key=lambda pair: -pair[1]["steady"].footprint_bytes)
    shown = [result for result, _ in read]
    steady = [each["steady"].footprint_bytes / _GB for _, each in read]
    return Chart(
        name="memory",
        title=_title(shown, steady),
        alt=_alt(shown, steady),
        spec=_spec(shown, steady),
        header=(
            "Model",
            "Steady memory (GB)",
            "Highest reading (GB)",
            "Graphics cards (GB)",
            "The computer's memory (GB)",
            "Share (%)",
        ),
        rows=tuple(
            (
                full_name(result),
                three_digits(size),
                three_digits(max(one.footprint_bytes for one in each.values()) / _GB),
                _on_cards(each["steady"]),
                three_digits(result.machine.memory_bytes / _GB),
                percent(100 * _share(result, size)),
            )
            for (result, each), size in zip(read, steady, strict=True)
        ),
    )


def _phases(result: ModelResult) -> dict[Phase, Memory]:
    found = result.found.get("memory")
    return dict(found.phases) if isinstance(found, MemoryUse) else {}


def _share(result: ModelResult, size_gb: float) -> float:
    return size_gb * _GB / result.machine.memory_bytes


def _on_cards(reading: Memory) -> str:
    return NO_FIGURE if reading.graphics_bytes is None else three_digits(reading.graphics_bytes / _GB)


def _of(result: ModelResult, size_gb: float) -> str:
    return f"{three_digits(size_gb)} of {three_digits(result.machine.memory_bytes / _GB)} GB"


def _title(shown: Sequence[ModelResult], steady: Sequence[float]) -> str:
    if len(shown) == 1:
        return f"Takes {_of(shown[0], steady[0])} of memory"
    share = max(_share(result, size) for result, size in zip(shown, steady, strict=True))
    least, most = three_digits(steady[-1]), three_digits(steady[0])
    sizes = most if least == most else f"{least} to {most}"
    return f"{sizes} GB of memory, at most {percent(100 * share)} % of what the computer has"


def _alt(shown: Sequence[ModelResult], steady: Sequence[float]) -> str:
    each = [
        f"{full_name(result)} {_of(result, size)} ({percent(100 * _share(result, size))} %)"
        for result, size in zip(shown, steady, strict=True)
    ]
    said = "; ".join(each) if len(each) <= 2 else f"{len(each)} models, from {each[0]} down to {each[-1]}"
    return f"Memory of the server when it is warm, against all memory of the computer: {said}."


def _spec(shown: Sequence[ModelResult], steady: Sequence[float]) -> dict[str, Any]:
    import altair as alt

    n = len(shown)
    totals = [result.machine.memory_bytes / _GB for result in shown]
    bars = [
        {"zero": 0, "gb": size, "total": total, **lines.top_bottom(line)}
        for line, (size, total) in enumerate(zip(steady, totals, strict=True))
    ]
    x = alt.X(
        "zero:Q",
        scale=alt.Scale(domain=[0, max(*totals, *steady)], range=[0, lines.BAR_WIDTH], nice=False),
        axis=lines.axis("GB; the frame is all memory of the computer"),
    )
    bar, ends = look.marks("bars"), {"y": lines.y("top", n), "y2": alt.Y2("bottom")}
    words, texts = lines.words(shown, [_of(result, size) for result, size in zip(shown, steady, strict=True)])
    layers = alt.layer(
        bar.mark_rect(fill=None, stroke=look.INK, strokeOpacity=0.6).encode(x=x, x2=alt.X2("total"), **ends),
        # The stroke is what is seen of a model that takes less than a pixel.
        bar.mark_rect(fill=look.HUE, stroke=look.HUE, opacity=1).encode(x=x, x2=alt.X2("gb"), **ends),
        *texts,
    )
    return look.spec(layers.properties(width=look.WIDTH, height=lines.height(n)), {"bars": bars, **words})
