"""From the answers about clips to the shares that are right, and to what the frames add; pure."""

import statistics
from collections.abc import Sequence

from viewfinder.catalog.card import Variant
from viewfinder.measure.figures import Figure, Measured, Missing
from viewfinder.measure.measures.base import Facts
from viewfinder.measure.measures.video.ask import FRAMES_SHOWN, LAST_PREFIX, WHOLE_PREFIX
from viewfinder.measure.measures.video.counts import VideoCounts
from viewfinder.measure.measures.video.result import KindOfClip, VideoResult
from viewfinder.measure.metrics import MOST_FAILURES, failures, percent
from viewfinder.measure.process_log import ProcessLog
from viewfinder.measure.statistics import clusters, pairs
from viewfinder.measure.statistics.intervals import TooFew
from viewfinder.measure.statistics.pairs import GradedAnswers
from viewfinder.measure.store.rows import Sample
from viewfinder.scenes.clips import CLIP_KINDS, GUESSED

CLIP_ANSWERS = "right answers about clips"
ALL_GUESSED = 100 * statistics.fmean(GUESSED.values())
"""Percent right by guessing, over all kinds."""
_WHOLE = f"{FRAMES_SHOWN} frames with their times"
_LAST = "the last frame alone"


def video(logs: Sequence[ProcessLog], counts: VideoCounts, variant: Variant) -> VideoResult:
    samples = [one for log in logs for one in log.samples]
    whole, last = (_of(samples, prefix) for prefix in (WHOLE_PREFIX, LAST_PREFIX))
    return VideoResult(
        frames=FRAMES_SHOWN,
        asked=len(whole),
        failed=sum(bool(one.exchange.error) for one in whole),
        right=_share(whole, _WHOLE),
        last_alone=_share(last, _LAST),
        gain=_gain(whole, last),
        guessed=ALL_GUESSED,
        tokens=_tokens(whole),
        kinds=tuple(_kind(kind, samples) for kind in CLIP_KINDS),
    )


def facts(found: VideoResult | Missing) -> Facts:
    return Facts(figures={CLIP_ANSWERS: found if isinstance(found, Missing) else found.right})


def right_of_clips(logs: Sequence[ProcessLog]) -> GradedAnswers:
    """Whether each whole clip was answered right."""
    return _graded(_of([one for log in logs for one in log.samples], WHOLE_PREFIX))


def _of(samples: Sequence[Sample], prefix: str) -> list[Sample]:
    return [one for one in samples if one.scenario.startswith(prefix)]


def _kind(kind: str, samples: Sequence[Sample]) -> KindOfClip:
    whole, last = (_of(samples, f"{prefix}{kind}") for prefix in (WHOLE_PREFIX, LAST_PREFIX))
    return KindOfClip(
        kind=kind,
        asked=len(whole),
        right=_share(whole, _WHOLE),
        last_alone=_share(last, _LAST),
        guessed=100 * GUESSED[kind],
    )


def _graded(samples: Sequence[Sample]) -> GradedAnswers:
    return {(one.scene, one.question): bool(one.right) for one in samples if not one.exchange.error}


def _share(samples: Sequence[Sample], shown: str) -> Measured:
    exchanges = [one.exchange for one in samples]
    graded = _graded(samples)
    if not samples:
        return Missing(missing="no clip was asked")
    if len(samples) - len(graded) > MOST_FAILURES * len(samples):
        return Missing(missing=failures("clip", exchanges))
    interval = clusters.share_by_scene((scene, right) for (scene, _), right in graded.items())
    how = f"right answers about {len(graded)} clips of their own, {shown}; failed requests are left out"
    return percent(interval, len(graded), how)


def _gain(whole: Sequence[Sample], last: Sequence[Sample]) -> Measured:
    try:
        contrast = pairs.compare(_graded(whole), _graded(last))
    except TooFew:
        return Missing(missing="no clip was answered both with all frames and with the last one alone")
    how = f"right with {_WHOLE} minus right with {_LAST}; {contrast.n} clips, paired"
    return percent((contrast.value, contrast.low, contrast.high), contrast.n, how, "points")


def _tokens(whole: Sequence[Sample]) -> Measured:
    counted = [tokens for one in whole if not one.exchange.error and (tokens := one.exchange.prompt_tokens)]
    if not counted:
        return Missing(missing="the engine does not report how many tokens a prompt has")
    how = f"prompt tokens of {_WHOLE} and a question; mean of {len(counted)} clips"
    mean, low, high = statistics.fmean(counted), min(counted), max(counted)
    return Figure(value=mean, low=low, high=high, n=len(counted), unit="tokens", how=how, is_range=True)
