"""What was measured of a variant is there again after a restart."""

from pathlib import Path

from viewfinder.catalog.catalog import Catalog
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.core.notebook import Notebook
from viewfinder.core.paths import home
from viewfinder.fleet.health.profile import Profile, Profiles, estimated_bytes, need_bytes
from viewfinder.fleet.health.rates import Rates
from viewfinder.fleet.record.request_shape import RequestShape

KEY = ("glimpse", "llama.cpp-f16", "native 10434 (abc)")


def measured() -> Profile:
    rates = Rates.unknown()
    rates.observe(RequestShape(pixels=512 * 512, characters=40), 0.25, 0.01)
    return Profile(ready_bytes=50_000_000, peak_bytes=80_000_000, load_s=0.4, rates=rates)


def test_a_profile_is_there_again_for_the_same_version_only() -> None:
    Profiles(home() / "profiles.json").put(*KEY, measured())
    profiles = Profiles(home() / "profiles.json")
    assert profiles.get(*KEY) == measured()
    assert profiles.get("glimpse", "llama.cpp-f16", "native 10435 (abc)") is None
    assert profiles.get("glimpse", "mlx", "native 10434 (abc)") is None


def test_what_is_learned_later_is_written_only_when_it_is_put() -> None:
    profiles = Profiles(home() / "profiles.json")
    profiles.put(*KEY, measured())
    mine = profiles.get(*KEY)
    assert mine is not None
    mine.rates.observe(RequestShape(characters=10), 3.0)
    assert profiles.get(*KEY) == measured()
    profiles.put(*KEY, mine)
    assert profiles.get(*KEY) == mine


def test_a_note_that_is_no_profile_is_measured_again(tmp_path: Path, caplog) -> None:
    file = tmp_path / "profiles.json"
    for wrong in ({}, [], "", {"ready_bytes": "x", "peak_bytes": 1, "load_s": 1, "rates": {}}):
        Notebook(file).put(" ".join(KEY), wrong)
        assert Profiles(file).get(*KEY) is None
        assert "measured again" in caplog.text
        caplog.clear()


def test_a_measured_need_takes_the_entry_of_the_rule_of_thumb() -> None:
    variant = Catalog().get("glimpse").variants[0]
    assert need_bytes(None, variant) == estimated_bytes(variant)
    assert need_bytes(measured(), variant) == 80_000_000
    assert need_bytes(Profile(ready_bytes=90, peak_bytes=80, load_s=1), variant) == 90


def test_the_context_counts_where_its_memory_is_known() -> None:
    """Qwen3-VL-2B keeps 0.94 GB for two slots of 4096 tokens: more than half of its files."""
    qwen = Catalog().get("qwen3-vl-2b").variants[0].model_copy(update={"size_bytes": None})
    assert qwen.download_bytes is not None
    files, slots = qwen.download_bytes, 2 * 4096 * 114_688
    assert estimated_bytes(qwen) == files + slots + 300_000_000
    longer = EngineSettings(context_tokens=16_384, slots=1)
    assert need_bytes(None, qwen, longer) == files + 2 * slots + 300_000_000
    short = qwen.model_copy(update={"context_tokens": 1024})
    assert estimated_bytes(short, longer) == files + slots // 8 + 300_000_000
    unknown = qwen.model_copy(update={"cache_bytes": None})
    assert estimated_bytes(unknown, longer) == int(1.2 * files) + 300_000_000
