"""From the answers to the user's own questions to their accuracy; pure."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from viewfinder.catalog.card import Variant
from viewfinder.measure.calibrating.files import calibration_files
from viewfinder.measure.calibrating.graded import QuestionInOrders, graded
from viewfinder.measure.calibrating.worth import KindOfDecision, worth_of
from viewfinder.measure.figures import Figure, Missing
from viewfinder.measure.measures.base import Facts, ResultHeader
from viewfinder.measure.measures.own_images.ask import ANSWER_TOKENS
from viewfinder.measure.measures.own_images.counts import OwnImagesCounts
from viewfinder.measure.measures.own_images.decided import OWN_DECISIONS
from viewfinder.measure.measures.own_images.result import OwnImages, WrongAnswer
from viewfinder.measure.measures.own_images.scenes import parts_of
from viewfinder.measure.measures.own_images.score import VQA, answers_in, exact_of, score_of
from viewfinder.measure.metrics import answered, percent
from viewfinder.measure.process_log import ProcessLog
from viewfinder.measure.statistics.clusters import share_by_scene
from viewfinder.measure.store.rows import Sample
from viewfinder.wire.decisions.wording import DecisionKind

OWN_QUESTIONS = "right answers to your own questions"
MOST_WRONG = 200
MOST_SAID = 300
"""Characters that are kept of an answer: a server may ignore how many tokens it was allowed."""


def facts(found: OwnImages | Missing) -> Facts:
    return Facts(figures={OWN_QUESTIONS: found if isinstance(found, Missing) else found.accuracy})


def own_images(logs: Sequence[ProcessLog], counts: OwnImagesCounts, variant: Variant) -> OwnImages | Missing:
    samples = [sample for log in logs for sample in log.of(VQA)]
    if not samples:
        return Missing(missing="no question was asked")
    images = {one.scene for one in samples}
    wrong = [one for one in samples if not (one.right and answered(one.exchange))]
    folder = Path(counts.folder).name
    of = (
        f"{len(samples)} of {counts.total} own questions about {len(images)} images in '{folder}', "
        f"each with the model card's words for a short answer, at most {ANSWER_TOKENS} tokens, temperature "
        "0; a failed or empty answer is wrong; interval clustered by image"
    )
    return OwnImages(
        folder=folder,
        questions=counts.total,
        asked=len(samples),
        images=len(images),
        answered=sum(answered(one.exchange) for one in samples),
        right=len(samples) - len(wrong),
        wrong=tuple(map(_wrong, wrong[:MOST_WRONG])),
        thumbnails={key: url for log in logs for key, url in log.outcome.pictures.items()},
        accuracy=_share(samples, score_of, f"VQA v2 accuracy over {of}"),
        exact=_share(samples, exact_of, f"strict exact match over {of}"),
        decisions=tuple(_decided(logs)),
    )


def files(found: OwnImages, header: ResultHeader) -> dict[str, bytes]:
    """The file from which the gateway calibrates decisions about own pictures."""
    return calibration_files(found.decisions, header, "own")


def _decided(logs: Sequence[ProcessLog]) -> Iterator[KindOfDecision | Missing]:
    """What the decisions are worth, for each kind of which any were asked."""
    kinds: tuple[DecisionKind, ...] = ("predicate", "choice")
    for kind in kinds:
        orders: defaultdict[tuple[str, str], list[Sample]] = defaultdict(list)
        for sample in (one for log in logs for one in log.samples):
            if sample.scenario.startswith(f"{OWN_DECISIONS}{kind}/"):
                orders[sample.scene, sample.question].append(sample)
        if orders:
            yield worth_of(kind, *graded(kind, map(_asked, orders.values())))


def _asked(orders: Sequence[Sample]) -> QuestionInOrders:
    right, *answers = answers_in(orders[0].expected)
    return QuestionInOrders(orders, answers, right)


def _wrong(sample: Sample) -> WrongAnswer:
    picture, digest = parts_of(sample.scene)
    return WrongAnswer(
        picture=picture,
        digest=digest,
        question=sample.question,
        expected=tuple(answers_in(sample.expected)),
        said=sample.exchange.text[:MOST_SAID],
        error=sample.exchange.error[:MOST_SAID],
        score=score_of(sample),
    )


def _share(samples: Sequence[Sample], score: Callable[[Sample], float], how: str) -> Figure:
    return percent(share_by_scene((one.scene, score(one)) for one in samples), len(samples), how)
