"""How dialogues read in the guide: rows of a model's table."""

from viewfinder.measure.figures import Missing
from viewfinder.measure.measures.base import Row, Writer
from viewfinder.measure.measures.dialogues.result import Dialogues

METHOD = (
    "**Context** is measured in dialogues of ten turns about generated pictures: a fact counts as kept if it "
    "is right some turns after its image. Only facts that are right when asked alone are counted, which "
    "separates memory from eyesight. Every turn sends the whole history, with the image; where the image is "
    "taken out, only the model's own words remain. Requests that failed are in no share.",
)


def rows(context: Dialogues | Missing, write: Writer) -> list[Row]:
    if isinstance(context, Missing):
        return [("Context", write.figure(context))]
    failed = f"; {context.failed} requests failed, the first: {context.failure}" if context.failed else ""
    return [
        ("Context: facts kept (%)", write.figure(context.retention)),
        *(
            (
                f"Context: kept, image {distance} {'turn' if distance == 1 else 'turns'} ago (%)",
                write.figure(kept),
            )
            for distance, kept in sorted(context.by_distance.items())
        ),
        ("Context: kept, image taken out (%)", write.figure(context.text_memory)),
        ("Context: worth of re-sending the image (points)", write.figure(context.text_gap)),
        ("Context: lost to a second image (points)", write.figure(context.interference)),
        ("Context: answered for the second image (%)", write.figure(context.swaps)),
        ("Context: kept of the second image (%)", write.figure(context.second_image)),
        ("Context: first fact lost in turn", write.figure(context.first_loss)),
        ("Context: false premises accepted (%)", write.figure(context.false_premises_accepted)),
        ("Context: true premises accepted (%)", write.figure(context.true_premises_accepted)),
        ("Context: right when asked alone (%)", write.figure(context.eyesight)),
        ("Context: right without any image (%)", write.figure(context.blind)),
        ("Context: gain by the image (points)", write.figure(context.blind_corrected_gain)),
        ("Context: dialogues", write.text(f"{context.dialogues}: {context.ended}{failed}")),
    ]
