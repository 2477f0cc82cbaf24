"""What a model understands of a clip: what moves, where to, in which order things appear, how many times."""

from viewfinder.measure.measures.base import Measure, RightAnswers
from viewfinder.measure.measures.video import ask, find, page
from viewfinder.measure.measures.video.counts import COUNTS
from viewfinder.measure.measures.video.result import VideoResult

MEASURE = Measure(
    name="video",
    counts=COUNTS,
    result=VideoResult,
    needs=frozenset({"own_process", "vision", "sight"}),
    images=ask.FRAMES_SHOWN,
    ask=ask.all_clips,
    find=find.video,
    steps=ask.steps,
    batches=ask.batches,
    engine_settings=ask.engine_settings,
    resumable=True,
    rows=page.rows,
    section=page.section,
    method=page.METHOD,
    facts=find.facts,
    absent="the suite has no clips",
    samples={find.CLIP_ANSWERS: RightAnswers(find.right_of_clips)},
)
