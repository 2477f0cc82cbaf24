"""The user's own pictures in the guide: each model's score, what was answered wrong, and whether the lead is
sure; pure, in plain strings and numbers for every format. Called by `document`.

Two models are compared by the questions that both were asked. Models that were asked questions of different
folders are not compared at all.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from viewfinder.measure.compare.evidence import Evidence
from viewfinder.measure.figures import Figure, Missing
from viewfinder.measure.measures.own_images import MEASURE as OWN
from viewfinder.measure.measures.own_images.result import OwnImages
from viewfinder.measure.measures.own_images.scenes import parts_of
from viewfinder.measure.measures.own_images.score import VQA
from viewfinder.measure.metrics import answered
from viewfinder.measure.results import ModelResult
from viewfinder.measure.statistics.contrasts import Contrast
from viewfinder.measure.statistics.pairs import GradedAnswers
from viewfinder.measure.statistics.ranking import MARGIN_SHARE, Ranking, rank_by_answers
from viewfinder.measure.store.rows import Sample
from viewfinder.report.facts import RunModel, clause, key, label

MOST_PICTURES = 24
"""Pictures that are shown in full; the thumbnails of a result are no more than that either."""

_MARGIN = f"{100 * MARGIN_SHARE:g} points"
_COMMAND = "viewfinder bench MODEL --vqa FOLDER --only"

_Item = tuple[str, str, str]
"""Scene, question and expected answers, as a sample has them."""


@dataclass(frozen=True, slots=True)
class OwnScore:
    """One model: `right` of `asked` questions were answered wholly right, `failed` got no answer.

    `figure` is VQA v2's accuracy in %, with its 95 % interval. `right` is None in results of older versions
    without samples. `run` is the one that asked.
    """

    model: str
    figure: Figure | Missing
    right: int | None
    asked: int
    failed: int
    run: str


@dataclass(frozen=True, slots=True)
class SaidOfPicture:
    """What one model said; `error` says why it gave no answer. A model that was not asked this question is
    left out of the picture's list."""

    model: str
    said: str
    error: str
    is_right: bool


@dataclass(frozen=True, slots=True)
class WrongPicture:
    """A question that at least one model did not answer right, with what each model said, in the order of the
    scores. `thumbnail` is a data URL, or empty if none was kept."""

    picture: str
    question: str
    expected: tuple[str, ...]
    thumbnail: str
    said: tuple[SaidOfPicture, ...]

    @property
    def right(self) -> tuple[str, ...]:
        """The models that are right where another is wrong."""
        return tuple(one.model for one in self.said if one.is_right)

    @property
    def wrong(self) -> tuple[str, ...]:
        return tuple(one.model for one in self.said if not one.is_right)


@dataclass(frozen=True, slots=True)
class Duel:
    """The best two, `first` before `second`, on the `shared` questions that both were asked: how often one is
    right where the other is wrong, and the difference in points with its 95 % interval.

    `more` further questions would likely decide; 0: it is decided.
    """

    first: str
    second: str
    shared: int
    only_first: int
    only_second: int
    points: float
    low: float
    high: float
    more: int


@dataclass(frozen=True, slots=True)
class OwnPictures:
    """Everything about one folder. `scores` have the best model first; equals share their place, in the order
    in which they were given.

    `decision` is one sentence on the best two, or on why there is nothing to decide. `pictures` are the first
    24: those on which models differ come first, then those that none answered right; `left_out` is the number
    of the others. `apart` says which models were asked something else; empty if none was.
    """

    folder: str
    scores: tuple[OwnScore, ...]
    decision: str
    duel: Duel | None = None
    pictures: tuple[WrongPicture, ...] = ()
    left_out: int = 0
    apart: str = ""


@dataclass(frozen=True, slots=True)
class _Answer:
    said: str
    error: str
    is_right: bool


@dataclass(frozen=True, slots=True)
class _Model:
    """One model's answers by question; without samples only the wrong ones are known, and nothing can be
    compared."""

    score: OwnScore
    found: OwnImages
    answers: Mapping[_Item, _Answer]
    has_samples: bool
    graded: GradedAnswers = field(default_factory=dict)

    def shares_questions(self, other: "_Model") -> bool:
        return not self.graded.keys().isdisjoint(other.graded.keys())


def own_pictures(
    results: Sequence[ModelResult], evidence: Mapping[RunModel, Evidence] | None = None
) -> list[OwnPictures]:
    """One entry for each folder that models were asked about, that with most models first; empty when no
    model was asked. `results` hold each variant once."""
    known = evidence or {}
    models = [
        _model(result, found, known.get(key(result)))
        for result in results
        if isinstance(found := result.found.get(OWN.name), OwnImages)
    ]
    groups: list[list[_Model]] = []
    for model in models:
        group = next((some for some in groups if all(map(model.shares_questions, some))), None)
        if group is None:
            groups.append([model])
        else:
            group.append(model)
    groups.sort(key=lambda group: -len(group))
    return [_of_folder(group, [one for one in groups if one is not group]) for group in groups]


def _model(result: ModelResult, found: OwnImages, evidence: Evidence | None) -> _Model:
    samples = [one for one in evidence.samples if one.scenario == VQA] if evidence else []
    if samples:
        answers = {(one.scene, one.question, one.expected): _answer(one) for one in samples}
        right: int | None = sum(one.is_right for one in answers.values())
    else:
        answers = {
            (
                f"{one.picture}#{one.digest}",
                one.question,
                json.dumps(list(one.expected), ensure_ascii=False),
            ): (_Answer(one.said, one.error, is_right=False))
            for one in found.wrong
        }
        right = found.right
    score = OwnScore(
        model=label(result),
        figure=found.accuracy,
        right=right,
        asked=found.asked,
        failed=found.asked - found.answered,
        run=result.own_run or result.run,
    )
    graded = {(scene, f"{asked} {due}"): one.is_right for (scene, asked, due), one in answers.items()}
    return _Model(score, found, answers, bool(samples), graded if samples else {})


def _answer(sample: Sample) -> _Answer:
    is_right = bool(sample.right) and answered(sample.exchange)
    error = sample.exchange.error or ("" if answered(sample.exchange) else "the answer was empty")
    return _Answer(sample.exchange.text.strip(), clause(error), is_right)


def _of_folder(group: Sequence[_Model], others: Sequence[Sequence[_Model]]) -> OwnPictures:
    ranking = _ranking(group)
    places = [place.model for place in ranking] or [one.score.model for one in group]
    ordered = sorted(group, key=lambda one: places.index(one.score.model))
    duel, decision = _decided(ordered, ranking)
    wrong = _wrong_pictures(ordered)
    return OwnPictures(
        folder=group[0].found.folder,
        scores=tuple(one.score for one in ordered),
        decision=" ".join((decision, *_failures(ordered))),
        duel=duel,
        pictures=tuple(wrong[:MOST_PICTURES]),
        left_out=len(wrong[MOST_PICTURES:]),
        apart=_apart(others),
    )


def _ranking(group: Sequence[_Model]) -> list[Ranking]:
    """The models' places by right answers, the best first; empty when there is nothing to compare."""
    answers = {one.score.model: one.graded for one in group}
    return rank_by_answers(answers) if len(answers) > 1 else []


def _failures(group: Sequence[_Model]) -> list[str]:
    """A sentence on each model that did not answer every question."""
    failed = (one.score for one in group if one.score.failed)
    return [
        f"{one.model} gave no answer to {one.failed} of {one.asked}; these count as wrong." for one in failed
    ]


def _apart(others: Sequence[Sequence[_Model]]) -> str:
    """A sentence on the models of other groups."""
    if not others:
        return ""
    each = [f"{one.score.model} ({_why_apart(one)})" for group in others for one in group]
    return f"Not comparable with these scores: {'; '.join(each)}."


def _why_apart(model: _Model) -> str:
    if not model.has_samples:
        return f"its answers about '{model.found.folder}' are not stored"
    return f"it was asked other questions, of '{model.found.folder}'"


def _decided(group: Sequence[_Model], ranking: Sequence[Ranking]) -> tuple[Duel | None, str]:
    """The best two, and one sentence on what is known of them."""
    if not ranking:
        only = group[0].score.model
        return None, f"Only {only} was asked these questions; to compare another model: {_COMMAND}"
    place = ranking[1]
    contrast = place.contrast
    if contrast is None:
        return None, ""
    first, second = group[0], group[1]
    if contrast.value < 0:  # the other way round on the questions that both were asked
        first, second = second, first
    duel = _duel(first, second, contrast, 0 if place.verdict in ("tied", "worse") else place.more)
    if not any(any(one.graded.values()) for one in group):
        return duel, f"No model answered any of the {duel.shared} questions right: nothing tells them apart."
    shared_right = sum(right for item, right in first.graded.items() if item in second.graded)
    return duel, _sentence(duel, place, _things(group), shared_right)


def _duel(first: _Model, second: _Model, contrast: Contrast, more: int) -> Duel:
    shared = first.graded.keys() & second.graded.keys()
    value, low, high = (100 * number for number in (contrast.value, contrast.low, contrast.high))
    if value < 0:
        value, low, high = -value, -high, -low
    return Duel(
        first=first.score.model,
        second=second.score.model,
        shared=len(shared),
        only_first=sum(first.graded[one] and not second.graded[one] for one in shared),
        only_second=sum(second.graded[one] and not first.graded[one] for one in shared),
        points=value,
        low=low,
        high=high,
        more=more,
    )


def _sentence(duel: Duel, place: Ranking, things: str, right: int) -> str:
    """`right` is the number of the shared questions that the first one answered right."""
    first, second = duel.first, duel.second
    seen = f"{duel.points:.0f} points ({duel.low:.0f} to {duel.high:.0f}) on {duel.shared} {things}"
    if place.verdict == "worse":
        return f"{first} is surely better than {second}: by {seen}."
    if place.verdict == "tied":
        return f"{first} and {second} are equally good: they surely differ by less than {_MARGIN}."
    more = f"about {_rounded(duel.more):,} more {things}"
    if not duel.points:
        said, alike = f"{first} and {second} each answered {right} of {duel.shared} {things} right", ""
        if right == duel.shared:
            alike = f"harder {things} would tell them apart; "
        return f"{said}: {alike}{more} would likely show that they differ by less than {_MARGIN}."
    return f"{first} leads {second} by {seen}, which may be chance: {more} would likely decide."


def _rounded(number: int) -> int:
    """To two digits: the calculation knows no more."""
    return int(float(f"{number:.1e}"))


def _things(group: Sequence[_Model]) -> str:
    """Pictures, if each has one question."""
    return "pictures" if all(one.found.images == one.found.asked for one in group) else "questions"


def _wrong_pictures(group: Sequence[_Model]) -> list[WrongPicture]:
    """Every question that a model did not answer right, in the order in which it was asked; those that
    another one did answer right come first."""
    wrong = dict.fromkeys(
        item for one in group for item, answer in one.answers.items() if not answer.is_right
    )
    pictures = [_wrong_picture(item, group) for item in wrong]
    return sorted(pictures, key=lambda one: not one.right)


def _wrong_picture(item: _Item, group: Sequence[_Model]) -> WrongPicture:
    scene, question, expected = item
    picture, digest = parts_of(scene)
    thumbnails = (one.found.thumbnails.get(digest, "") for one in group)
    return WrongPicture(
        picture=picture,
        question=question,
        expected=tuple(json.loads(expected)),
        thumbnail=next(filter(None, thumbnails), ""),
        said=tuple(
            SaidOfPicture(one.score.model, answer.said, answer.error, answer.is_right)
            for one in group
            if (answer := one.answers.get(item))
        ),
    )
