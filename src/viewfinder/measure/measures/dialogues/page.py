"""What a result says of dialogues, as rows of its recipe; called by `tables`."""

from collections.abc import Callable

from viewfinder.measure.figures import Measured, Missing
from viewfinder.measure.measures.dialogues.result import ContextResult
from viewfinder.measure.results import ModelResult
from viewfinder.report.markdown import text


def rows(result: ModelResult, cell: Callable[[Measured], str]) -> list[tuple[str, str]]:
    """Item and `cell` of each figure; nothing where the suite has no dialogues."""
    context = result.context
    if context is None:
        return []
    if isinstance(context, Missing):
        return [("Context", cell(context))]
    return [
        ("Context: facts kept (%)", cell(context.retention)),
        *(
            (f"Context: kept, image {distance} {'turn' if distance == 1 else 'turns'} ago (%)", cell(kept))
            for distance, kept in sorted(context.by_distance.items())
        ),
        ("Context: kept, image taken out (%)", cell(context.text_memory)),
        ("Context: worth of re-sending the image (points)", cell(context.text_gap)),
        ("Context: lost to a second image (points)", cell(context.interference)),
        ("Context: told of the second image instead (%)", cell(context.swaps)),
        ("Context: kept of the second image (%)", cell(context.second_image)),
        ("Context: first fact lost in turn", cell(context.first_loss)),
        ("Context: false premises accepted (%)", cell(context.false_premises_accepted)),
        ("Context: true premises accepted (%)", cell(context.true_premises_accepted)),
        ("Context: right when asked alone (%)", cell(context.eyesight)),
        ("Context: right without any image (%)", cell(context.blind)),
        ("Context: gain by the image (points)", cell(context.blind_corrected_gain)),
        ("Context: dialogues", _held(context)),
    ]


def kept(result: ModelResult) -> Measured:
    """The headline: facts kept, in percent."""
    context = result.context
    if context is None:
        return Missing(missing="the suite holds no dialogues")
    return context if isinstance(context, Missing) else context.retention


def _held(context: ContextResult) -> str:
    failed = f"; {context.failed} requests failed, the first: {context.failure}" if context.failed else ""
    return text(f"{context.dialogues}: {context.ended}{failed}")
