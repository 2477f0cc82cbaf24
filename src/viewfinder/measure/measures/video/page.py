"""What a model understands of clips, as it reads in the guide: rows and a table."""

from viewfinder.measure.figures import Figure, Measured, Missing
from viewfinder.measure.measures.base import CellContent, Row, Table
from viewfinder.measure.measures.video.result import VideoResult

METHOD = (
    "**Video**: drawn clips of four seconds in which a shape moves, shapes appear one after the other, or "
    "one appears some times. Each is sent as eight images with their times, at the card's smallest image "
    "budget, and again as its last frame alone, which does not show what happened. Guessing is among the "
    "colors, directions or numbers that are possible.",
)
ASKED_ABOUT = {
    "mover": "what moves",
    "direction": "where to",
    "order": "in which order",
    "times": "how many times",
}


def rows(found: VideoResult | Missing) -> list[Row]:
    if isinstance(found, Missing):
        return [("Video", found)]
    return [
        (f"Video: right answers (%; guessing gives {found.guessed:.0f})", found.right),
        ("Video: gain by the frames before the last (points)", found.gain),
        (f"Video: tokens of a prompt with {found.frames} frames", found.tokens),
    ]


def section(found: VideoResult) -> list[Table]:
    lines: list[dict[str, CellContent]] = [
        {
            "Question": ASKED_ABOUT[one.kind],
            f"Right with {found.frames} frames (%)": one.right,
            "Right with the last alone (%)": one.last_alone,
            "Guessing (%)": f"{one.guessed:.0f}",
            "Better than guessing": _beyond(one.right, one.guessed),
            "Clips": str(one.asked),
        }
        for one in found.kinds
    ]
    return [Table("Drawn clips, each with a question that only the order of its frames answers:", lines)]


def _beyond(right: Measured, guessed: float) -> str:
    if not isinstance(right, Figure):
        return ""
    if right.low > guessed:
        return "yes"
    return "no, worse" if right.high < guessed else "not shown"
