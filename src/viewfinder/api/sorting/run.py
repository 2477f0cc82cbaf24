"""A sorting, picture by picture: the answer, how sure it is, and where the picture lies then.

Called by `viewfinder sort` and other programs. An answer is kept before its picture is copied or moved, and
what lies in its place already is left there: a run that was killed is resumed by doing the same again.
"""

import base64
import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viewfinder.api.decision import MISUNDERSTOOD, DecisionChoices
from viewfinder.api.each_picture import FAILURES_IN_A_ROW, NO_FAULT_OF_A_PICTURE
from viewfinder.api.question import IMAGE_FILE_BYTES, OTHER_IMAGE_SUFFIXES
from viewfinder.api.sorting.decided import SORTED_FILE, KeptDecision, KeptDecisions, task_key
from viewfinder.api.sorting.plan import SORT_QUESTION, UNSURE, SortPlan, sort_plan
from viewfinder.api.sorting.target import PictureLeft, SortTarget
from viewfinder.api.sorting.walk import PictureBelow, count_below, folder_id, pictures_below
from viewfinder.catalog.auto_names import AUTO_PREFIX
from viewfinder.core.errors import BadRequest, NoModelFits, ViewfinderError
from viewfinder.core.files import read_file

if TYPE_CHECKING:
    from viewfinder.api.model import Model

NOT_CALIBRATED = "not_calibrated"
LEAST_MASS = 0.01
"""With a smaller one no answer is sure: no calibration says anything of what a model would not say."""
_TAKEN = "PNG, JPEG, WebP and GIF are taken."


@dataclass(frozen=True, slots=True)
class SortedPicture:
    """What became of one picture. `error` is empty, or says why there is no answer, with its `code`.

    `status` is "sorted", with a wanted sureness "sure" or "unsure", or "failed". `raw` is the probability of
    the answer as the model gives it, `calibrated` what it is worth here, None where that is not known; `mass`
    is as in `Decision`. `path` is that of its copy, or where it was moved to; empty without one.
    `answered_before`: by an earlier run.
    """

    file: str
    status: str = "failed"
    answer: str = ""
    raw: float | None = None
    calibrated: float | None = None
    mass: float | None = None
    path: str = ""
    answered_before: bool = False
    error: str = ""
    code: str = ""


@dataclass(slots=True)
class SortCounts:
    """A sorting so far: who answers, and `why` where it was chosen.

    `sorted` counts pictures by answer, "unsure" among them; `likeliest` is the highest probability of those.
    """

    to: Path | None
    model: str = ""
    variant: str = ""
    why: str = ""
    sorted: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    answered_before: int = 0
    not_calibrated: int = 0
    misunderstood: int = 0
    likeliest: float = 0.0

    @property
    def total(self) -> int:
        return self.sorted.total() + self.failed

    def add(self, picture: SortedPicture) -> None:
        if picture.error:
            self.failed += 1
            return
        share = _share(picture.raw, picture.calibrated)
        self.answered_before += picture.answered_before
        self.not_calibrated += picture.calibrated is None
        self.misunderstood += (picture.mass or 0.0) < MISUNDERSTOOD
        if picture.status == UNSURE:
            self.likeliest = max(self.likeliest, share)
        self.sorted[UNSURE if picture.status == UNSURE else picture.answer] += 1


class Sorting:
    """One run over a folder; a context manager that is iterated over once.

    Entering it raises AlreadyRunning where another run has the target, BadRequest and OSError.
    """

    def __init__(self, plan: SortPlan) -> None:
        self.plan = plan
        self._target: SortTarget | None = None
        self._stack = ExitStack()
        self.counts = SortCounts(plan.to)

    def __enter__(self) -> "Sorting":
        if self.plan.to is not None:
            self._target = self._stack.enter_context(SortTarget.open(self.plan.to))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def count(self) -> int:
        """The number of pictures in the folder."""
        return count_below(self.plan.folder, self._left_out())

    def begin(self, model: "Model") -> SortCounts:
        """Who is to answer: for an `auto:` name, its model now, for the whole run. Raises as `decide`."""
        self._model, known = meant_now(model)
        self._task = task_key(
            self._model.name,
            *(known.get(name) for name in ("alias_of", "variant", "created")),
            self.plan.question,
            [*self.plan.choices.items()],
        )
        self.counts.model, self.counts.variant = self._model.name, known.get("variant") or ""
        self.counts.why = known.get("chosen_because") or ""
        return self.counts

    def pictures(self) -> Iterator[SortedPicture]:
        """Sort them, one by one, after `begin`. Raises what every picture would get, what the system says of
        a disk, and the last of `FAILURES_IN_A_ROW`."""
        failures = 0
        with KeptDecisions.open(self._task) as kept:
            for found in pictures_below(self.plan.folder, self._left_out()):
                try:
                    done = self._sorted(found, kept)
                except ViewfinderError as error:
                    if error.reason in (*NO_FAULT_OF_A_PICTURE, SORTED_FILE):
                        raise
                    is_its_own = isinstance(error, BadRequest | PictureLeft)
                    failures = 0 if is_its_own else failures + 1
                    done = SortedPicture(str(found.path), error=str(error), code=error.reason)
                    self.counts.add(done)
                    yield done
                    if failures >= FAILURES_IN_A_ROW:
                        raise
                else:
                    failures = 0
                    self.counts.add(done)
                    yield done

    def _sorted(self, found: PictureBelow, kept: KeptDecisions) -> SortedPicture:
        """One picture. Raises as `pictures`, and BadRequest and PictureLeft for what is its own fault."""
        if found.problem:
            raise BadRequest(found.problem, code="file_unreadable")
        if found.path.suffix.lower() in OTHER_IMAGE_SUFFIXES:
            raise BadRequest(f"A picture of the kind {found.path.suffix} is not taken.", hint=_TAKEN)
        if self.plan.move:
            _require_movable(found.path)
        seen = _seen(found.path)
        content = read_file(found.path, IMAGE_FILE_BYTES)
        picture = hashlib.sha256(content).digest()
        decision, before = kept.get(picture), True
        if decision is None or not self._is_usable(decision):
            decision, before = self._decided(content), False
            kept.add(picture, decision)
        self._require_usable(decision)
        share = _share(decision.raw, decision.calibrated)
        is_sure = self.plan.sure is None or (share >= self.plan.sure and decision.mass >= LEAST_MASS)
        status = UNSURE if not is_sure else "sorted" if self.plan.sure is None else "sure"
        return SortedPicture(
            str(found.path),
            status,
            decision.answer,
            decision.raw,
            decision.calibrated,
            decision.mass,
            str(self._placed(found, seen, content, UNSURE if status == UNSURE else decision.answer) or ""),
            before,
        )

    def _decided(self, content: bytes) -> KeptDecision:
        image = f"data:application/octet-stream;base64,{base64.b64encode(content).decode()}"  # never a clip
        told = self._model.decide(image, self.plan.question, choices=self.plan.choices)
        return KeptDecision(told.answer, told.raw, told.calibrated, told.not_calibrated, told.mass)

    def _is_usable(self, decision: KeptDecision) -> bool:
        return self.plan.sure is None or self.plan.uncalibrated or decision.calibrated is not None

    def _require_usable(self, decision: KeptDecision) -> None:
        if not self._is_usable(decision):
            raise BadRequest(
                f"How sure '{self.counts.model}' is cannot be said: {decision.not_calibrated}.",
                hint="Calibrate it so, or take its own probabilities, often too high: --uncalibrated",
                param="sure",
                code=NOT_CALIBRATED,
            )

    def _placed(self, found: PictureBelow, seen: os.stat_result, content: bytes, into: str) -> Path | None:
        if self._target is None:
            return None
        if self.plan.move:
            return self._target.move(found.path, seen, content, into, found.relative)
        others = (*self.plan.choices, UNSURE)
        return self._target.copy(found.path, content, into, found.relative, others)

    def _left_out(self) -> set[Any]:
        """The folder that is sorted into, or, where that is the folder itself, those in it."""
        to = self.plan.to
        if to is None:
            return set()
        if folder_id(to) != folder_id(self.plan.folder):
            return {folder_id(to)}
        return {folder_id(to / name) for name in (*self.plan.choices, UNSURE)}


def sort(
    model: "Model",
    folder: str | os.PathLike[str],
    into: DecisionChoices,
    *,
    sure: float | None = None,
    uncalibrated: bool = False,
    question: str = SORT_QUESTION,
    to: str | os.PathLike[str] | None = None,
    move: bool = False,
    on_picture: Callable[[SortedPicture], None] = lambda _: None,
) -> SortCounts:
    """Copy the pictures of a folder into one folder for each answer of `into`, in `to` (FOLDER-sorted).

    With `sure` (0.95), at most the rest (5 %) of those sorted is wrong by the model's calibration, and the
    others lie in `unsure`; `uncalibrated` allows a model's own probabilities. `move` moves the pictures. What
    becomes of each is given to `on_picture`. After a kill, the same call resumes. Raises as `Model.decide`
    does, AlreadyRunning where another run has the folder, and OSError.
    """
    plan = sort_plan(folder, into, question=question, sure=sure, uncalibrated=uncalibrated, to=to, move=move)
    with Sorting(plan) as sorting:
        counts = sorting.begin(model)
        for picture in sorting.pictures():
            on_picture(picture)
    return counts


def meant_now(model: "Model") -> "tuple[Model, dict[str, Any]]":
    """The model, or that for which an `auto:` name stands now; and what /v1/models says of it.

    Raises NoModelFits where there is none.
    """
    known = model.listed()
    if not model.name.startswith(AUTO_PREFIX):
        return model, known
    if not known.get("alias_of"):
        raise NoModelFits(
            f"There is no model for '{model.name}'.",
            hint=f"Name one (all: viewfinder models), or see: viewfinder why {model.name}",
        )
    return model.named(known["alias_of"]), known


def _share(raw: float | None, calibrated: float | None) -> float:
    """What the answer is worth, as far as it is known."""
    return (raw or 0.0) if calibrated is None else calibrated


def _seen(picture: Path) -> os.stat_result:
    try:
        return picture.lstat()
    except OSError as error:
        raise BadRequest(f"It cannot be read: {error.strerror}.", code="file_unreadable") from None


def _require_movable(picture: Path) -> None:
    """Raise PictureLeft, before the model is asked, for what cannot be moved."""
    if picture.is_symlink():
        raise PictureLeft("It is a link, which is not moved.", hint="Without --move its content is copied.")
    if not os.access(picture.parent, os.W_OK):
        raise PictureLeft("It cannot be moved away: its folder is read-only.")
