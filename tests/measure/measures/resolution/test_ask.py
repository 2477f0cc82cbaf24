"""The same questions at several image budgets: the prompts, and the processes that they go to."""

import base64
import io
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.measure.measures.measured_run import BARE, FIRST, Ran, glimpse, measured
from tests.measure.test_runner import Point, TableEngine, card
from viewfinder.catalog.card import Variant
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.engines import registry
from viewfinder.engines.base import Launch
from viewfinder.measure.figures import Figure, Missing
from viewfinder.measure.measures.resolution import MEASURE
from viewfinder.measure.measures.resolution import ask as resolution
from viewfinder.measure.measures.resolution.ask import QUESTIONS_WITHOUT_IMAGE, SIZES_PX, sizes_of
from viewfinder.measure.measures.resolution.counts import ResolutionCounts
from viewfinder.measure.measures.resolution.result import Resolution

COUNTS = ResolutionCounts(processes=2, questions=8, budget_s=60.0)
SUITE = BARE.with_counts("resolution", COUNTS)


class Noting(TableEngine):
    """Notes the image tokens that each of its processes is set to."""

    def __init__(self, answers: Path) -> None:
        super().__init__(answers)
        self.image_tokens: list[int] = []

    def launch(self, variant: Variant, files: object, settings: EngineSettings, socket: Path) -> Launch:
        self.image_tokens.append(settings.image_tokens)
        return super().launch(variant, files, settings, socket)


def resolution_of(ran: Ran) -> Resolution:
    found = ran.result.found["resolution"]
    assert isinstance(found, Resolution), found
    return found


def picture(message: dict[str, Any]) -> Image.Image:
    data = message["content"][0]["image_url"]["url"].partition(";base64,")[2]
    return Image.open(io.BytesIO(base64.b64decode(data)))


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Noting:
    answers = tmp_path / "answers.json"
    answers.write_text("{}")
    made = Noting(answers)
    monkeypatch.setattr(registry, "entry_points", lambda group: [Point(made)])
    return made


async def test_glimpse(tmp_path: Path) -> None:
    """One tile of its image, and the overview, or four of them: fewer tokens, less time."""
    ran = await measured(glimpse(), SUITE, tmp_path)
    found = resolution_of(ran)
    assert [budget.budget for budget in found.budgets] == ["20 tokens", "all tokens"]
    few, all_of_them = found.budgets
    for budget in found.budgets:
        assert (budget.asked, budget.failed) == (8, 0)
        assert isinstance(budget.accuracy, Figure)
        assert isinstance(budget.e2e, Figure)
    assert isinstance(few.image_tokens, Figure)
    assert isinstance(all_of_them.image_tokens, Figure)
    assert 10 < few.image_tokens.value < all_of_them.image_tokens.value / 2
    assert isinstance(found.cheapest, Missing), "eight questions prove nothing"
    assert "more questions" in found.cheapest.missing
    assert MEASURE.find(ran.logs(), COUNTS, glimpse().variant()) == found


async def test_every_size_is_put_to_every_process(tmp_path: Path, engine: Noting) -> None:
    ran = await measured(card("good", image_input_px=192), SUITE, tmp_path)
    found = resolution_of(ran)
    assert [budget.budget for budget in found.budgets] == ["32 px", "64 px", "128 px", "256 px"]
    assert [budget.asked for budget in found.budgets] == [8] * 4
    for process in (FIRST, FIRST + 1):
        at_64, at_256 = (ran.of(f"resolution/{size} px", process) for size in (64, 256))
        assert [one.scene for one in at_64] == [one.scene for one in at_256]
        assert [one.question for one in at_64] == [one.question for one in at_256]
        assert [one.scene for one in ran.of("resolution/text", process)] == [
            one.scene for one in at_64[:QUESTIONS_WITHOUT_IMAGE]
        ]
    assert len({one.scene for one in ran.samples if one.scenario == "resolution/64 px"}) == 8
    assert engine.image_tokens == [0] * 4, "the engine is set to none"


async def test_a_budget_of_tokens_has_processes_of_its_own(tmp_path: Path, engine: Noting) -> None:
    suite = BARE.with_counts("resolution", ResolutionCounts(processes=6, questions=2, budget_s=60.0))
    ran = await measured(card("good", image_lever="image_tokens"), suite, tmp_path)
    assert engine.image_tokens == [0, 0, 64, 256, 0, 64, 256, 0]
    scenarios = [f"resolution/{name}" for name in ("64 tokens", "256 tokens", "all tokens")]
    for number, scenario in enumerate(scenarios):
        assert [len(ran.of(scenario, FIRST + nth)) for nth in range(6)] == [
            int(nth % 3 == number) for nth in range(6)
        ]
    scenes = [{one.scene for one in ran.samples if one.scenario == scenario} for scenario in scenarios]
    assert scenes[0] == scenes[1] == scenes[2]
    assert len(scenes[0]) == 2
    assert [budget.budget for budget in resolution_of(ran).budgets] == [
        "64 tokens",
        "256 tokens",
        "all tokens",
    ]


def test_each_question_is_put_at_every_size_in_an_order_of_its_own() -> None:
    orders = set()
    for text, prompts in islice(resolution._at_budgets("test", [(f"{px} px", px) for px in SIZES_PX]), 4):
        assert isinstance(text.messages[0]["content"], str)
        orders.add(tuple(name for name, _ in prompts))
        assert {name: max(picture(prompt.messages[0]).size) for name, prompt in prompts} == {
            f"{size} px": size for size in SIZES_PX
        }
        assert {(prompt.scene, prompt.question, prompt.expected) for _, prompt in prompts} == {
            (text.scene, text.question, text.expected)
        }
    assert len(orders) > 1


@pytest.mark.parametrize(
    ("input_px", "sizes"),
    [
        (None, SIZES_PX),
        (192, (32, 64, 128, 256)),
        (256, (32, 64, 128, 256)),
        (378, (32, 64, 128, 256, 512)),
        (2048, SIZES_PX),
    ],
)
def test_sizes_beyond_the_models_own_input_are_left_out(input_px: int | None, sizes: tuple[int, ...]) -> None:
    assert sizes_of(card("good", image_input_px=input_px).variant()) == sizes


def test_a_variant_without_vision_is_not_asked() -> None:
    assert MEASURE.skip_reason(card("good", vision=False).variant()) == Missing(
        missing="this variant takes no images"
    )


def test_engines_with_other_levers_keep_their_settings() -> None:
    settings = EngineSettings(image_tokens=99)
    pixels, tokens = (card("good", image_lever=lever).variant() for lever in ("pixels", "image_tokens"))
    assert MEASURE.engine_settings(settings, pixels, 0) == settings
    assert [MEASURE.engine_settings(settings, tokens, nth).image_tokens for nth in range(3)] == [64, 256, 99]
