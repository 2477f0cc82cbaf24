"""How dialogues read in the guide: rows of a model's table."""

from viewfinder.measure.figures import Missing
from viewfinder.measure.measures.base import Row
from viewfinder.measure.measures.dialogues.result import Dialogues

METHOD = (
    "**Context** is measured in dialogues of ten turns about generated pictures: a fact counts as kept if it "
    "is right some turns after its image. Only facts that are right when asked alone are counted, which "
    "separates memory from eyesight. Every turn sends the whole history, with the image; where the image is "
    "taken out, only the model's own words remain. Requests that failed are in no share.",
)


def rows(context: Dialogues | Missing) -> list[Row]:
    if isinstance(context, Missing):
        return [("Context", context)]
    failed = f"; {context.failed} requests failed, the first: {context.failure}" if context.failed else ""
    return [
        ("Context: facts kept (%)", context.retention),
        *(
            (
                f"Context: kept, image {distance} {'turn' if distance == 1 else 'turns'} ago (%)",
                kept,
            )
            for distance, kept in sorted(context.by_distance.items())
        ),
        ("Context: kept, image taken out (%)", context.text_memory),
        ("Context: worth of re-sending the image (points)", context.text_gap),
        *_kept_by_server(context),
        ("Context: lost to a second image (points)", context.interference),
        ("Context: answered for the second image (%)", context.swaps),
        ("Context: kept of the second image (%)", context.second_image),
        ("Context: first fact lost in turn", context.first_loss),
        ("Context: false premises accepted (%)", context.false_premises_accepted),
        ("Context: true premises accepted (%)", context.true_premises_accepted),
        ("Context: right when asked alone (%)", context.eyesight),
        ("Context: right without any image (%)", context.blind),
        ("Context: gain by the image (points)", context.blind_corrected_gain),
        ("Context: dialogues", f"{context.dialogues}: {context.ended}{failed}"),
    ]


def _kept_by_server(context: Dialogues) -> list[Row]:
    """Only of servers that do it."""
    if isinstance(context.server_kept, Missing):
        return []
    return [
        ("Context: kept, the server keeps the history (%)", context.server_kept),
        ("Context: answers that are those to the whole history (%)", context.same_answers),
    ]
