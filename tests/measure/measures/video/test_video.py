"""What is asked about clips, and what is found in the answers of models whose knowledge is planted."""

from pathlib import Path

import pytest

from tests.measure.measures.one_measure import NOTHING, folders_in, run_glimpse
from tests.measure.measures.shown import shown, shown_rows
from tests.measure.planted import Answer, Planted, knows
from tests.measure.test_runner import card
from viewfinder.catalog.card import Variant
from viewfinder.catalog.catalog import Catalog
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.measure.figures import Figure, Missing
from viewfinder.measure.measures.base import Facts
from viewfinder.measure.measures.video import MEASURE
from viewfinder.measure.measures.video.ask import FAILURES_BEFORE_END
from viewfinder.measure.measures.video.counts import VideoCounts
from viewfinder.measure.measures.video.find import ALL_GUESSED, CLIP_ANSWERS
from viewfinder.measure.measures.video.result import VideoResult
from viewfinder.measure.process_log import ProcessLog
from viewfinder.measure.prompts import Prompt
from viewfinder.measure.subject import kind_of

CLIPS = 40
COUNTS = VideoCounts(clips=CLIPS, least=CLIPS, budget_s=600.0)
VARIANT = Variant(name="v", engine="e", repo="r", vision=True, text=True)


async def asked(answer: Answer, counts: VideoCounts = COUNTS) -> Planted:
    subject = Planted(answer)
    subject.topic = lambda scenario: scenario  # type: ignore[attr-defined]
    await MEASURE.ask(subject, counts, 0)  # type: ignore[arg-type]
    return subject


def found(subject: Planted, counts: VideoCounts = COUNTS) -> VideoResult:
    result = MEASURE.find([ProcessLog(2, subject.asked)], counts, VARIANT)
    assert isinstance(result, VideoResult)
    assert result.model_validate_json(result.model_dump_json()) == result
    return result


def seer(right: int) -> Answer:
    """Right about the first `right` whole clips of each kind, and about none of which it sees one frame."""
    seen = dict.fromkeys(("mover", "direction", "order", "times"), 0)

    def answer(scenario: str, prompt: Prompt) -> str:
        _, arm, kind = [*scenario.split("/"), "", ""][:3]
        if arm != "frames":
            return "I cannot tell."
        seen[kind] += 1
        return prompt.expected if seen[kind] <= right else "I cannot tell."

    return answer


async def test_each_clip_is_asked_as_frames_with_times_and_as_its_last_frame() -> None:
    counts = VideoCounts(clips=4, least=4, budget_s=60.0)
    subject = await asked(knows, counts)
    prompts = [(scenario, one) for scenario, one in subject.prompts if scenario.startswith("video/")]
    assert [scenario for scenario, _ in prompts] == [
        f"video/{arm}/{kind}"
        for kind in ("mover", "direction", "order", "times")
        for arm in ("frames", "last")
    ]
    for (_, whole), (_, last) in zip(prompts[::2], prompts[1::2], strict=True):
        parts = whole.messages[0]["content"]
        texts = [part["text"] for part in parts if part["type"] == "text"]
        pictures = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
        assert len(pictures) == 8
        assert [text.endswith(" s:") for text in texts] == [True] * 8 + [False]
        assert texts[-1] == last.question == whole.question
        seconds = [float(text.removesuffix(" s:")) for text in texts[:-1]]
        assert [int(at / 0.5) for at in seconds] == list(range(8)), "one of each half second"
        assert [part["type"] for part in last.messages[0]["content"]] == ["image_url", "text"]
        assert (kind_of(whole), kind_of(last)) == ("clip", "image")
    assert len({one.scene for _, one in prompts}) == 4


@pytest.mark.parametrize("right", [3, 10])
async def test_planted_truth_is_found(right: int) -> None:
    """Of ten clips of each kind this number is known with all frames, and none by the last one."""
    result = found(await asked(seer(right)))
    assert (result.asked, result.failed) == (CLIPS, 0)
    for kind in result.kinds:
        assert isinstance(kind.right, Figure)
        assert kind.right.value == pytest.approx(10 * right)
        assert kind.right.low <= 10 * right <= kind.right.high
        assert isinstance(kind.last_alone, Figure)
        assert kind.last_alone.value == 0
    assert isinstance(result.right, Figure)
    assert isinstance(result.gain, Figure)
    assert (result.right.value, result.gain.value) == (pytest.approx(10 * right), pytest.approx(10 * right))
    assert (result.gain.low > 0) == (right > 0)
    (table,) = MEASURE.section(result)
    verdicts = {line["Better than guessing"] for line in table.lines}
    assert verdicts == {"yes" if right == 10 else "not shown"}
    assert {shown(line["Guessing (%)"]) for line in table.lines} == {"33", "25"}


async def test_one_who_knows_the_last_frame_too_gains_nothing() -> None:
    all_known = await asked(knows)
    result = found(all_known)
    assert isinstance(result.gain, Figure)
    assert (result.gain.value, result.gain.low < 0 < result.gain.high) == (0, True)
    names = [name for name, _ in shown_rows(MEASURE.rows(result))]
    assert names[0] == f"Video: right answers (%; guessing gives {ALL_GUESSED:.0f})"
    assert MEASURE.facts(result).figures == {CLIP_ANSWERS: result.right}
    (reader,) = MEASURE.samples.values()
    graded = reader.read([ProcessLog(2, all_known.asked)])
    assert len(graded) == CLIPS
    assert set(graded.values()) == {True}


async def test_an_engine_that_takes_no_clip_is_asked_no_more() -> None:
    refusal = "error:engine_refused: exceed_context_size"

    def refuses(scenario: str, prompt: Prompt) -> str:
        return refusal if scenario.startswith("video/frames") else prompt.expected or "Shapes."

    subject = await asked(refuses)
    whole = [scenario for scenario, _ in subject.prompts if scenario.startswith("video/frames/")]
    assert len(whole) == FAILURES_BEFORE_END
    result = found(subject)
    assert isinstance(result.right, Missing)
    assert "4 of 4 clip requests failed" in result.right.missing
    assert "exceed_context_size" in result.right.missing
    assert isinstance(result.gain, Missing)


def test_a_variant_that_takes_one_image_is_not_asked() -> None:
    assert MEASURE.skip_reason(card("good", images=1).variant()) == Missing(
        missing="this variant takes one image in one request"
    )
    assert MEASURE.skip_reason(card("good", images=4).variant()) == Missing(
        missing="this variant takes 4 images in one request"
    )
    assert MEASURE.skip_reason(card("good", images=8).variant()) is None
    assert MEASURE.skip_reason(card("good").variant()) is None
    moondream = Catalog().get("moondream2")
    why = MEASURE.skip_reason(moondream.variant())
    assert why is not None
    assert MEASURE.rows(why) == [("Video", why)]
    assert MEASURE.facts(why) == Facts(figures={CLIP_ANSWERS: why})


def test_frames_have_the_smallest_budget_of_the_card() -> None:
    tokens, pixels = (card("good", image_lever=lever).variant() for lever in ("image_tokens", "pixels"))
    settings = EngineSettings()
    assert MEASURE.engine_settings(settings, tokens, 0).image_tokens == 64
    assert MEASURE.engine_settings(settings, pixels, 0) == settings
    own = EngineSettings(image_tokens=100)
    assert MEASURE.engine_settings(own, tokens, 0) == own


async def test_glimpse_takes_eight_frames_and_knows_nothing_of_clips(tmp_path: Path) -> None:
    suite = NOTHING.with_counts("video", VideoCounts(clips=4, least=4, budget_s=60.0))
    result = (await run_glimpse(suite, folders_in(tmp_path))).found["video"]
    assert isinstance(result, VideoResult)
    assert (result.asked, result.failed) == (4, 0)
    assert isinstance(result.tokens, Figure)
    assert 200 < result.tokens.value < 400, "eight small images, not one"
    assert isinstance(result.right, Figure)
