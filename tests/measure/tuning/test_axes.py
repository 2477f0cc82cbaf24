"""What is tried of a model here, and why the rest is not."""

from pathlib import Path

from viewfinder.catalog.catalog import Catalog
from viewfinder.core.engine_settings import OPTIONS, EngineSettings
from viewfinder.measure.tuning.axes import TuningSpace, space
from viewfinder.measure.tuning.candidate import Candidate

GLIMPSE = Catalog().get("glimpse").variants[0]


def axes(now: EngineSettings | None = None, cores: tuple[int, int] = (8, 16), **words: object) -> TuningSpace:
    given = {"prompt_tokens": 900} | words
    return space(GLIMPSE, now or EngineSettings(), OPTIONS, cores=cores, **given)


def values(found: TuningSpace) -> dict[str, tuple[tuple[object, ...], ...]]:
    return {axis.name: axis.branches for axis in found.axes}


def test_the_axes_in_the_order_of_their_expected_effect() -> None:
    assert values(axes()) == {
        "image_tokens": ((20,),),
        "threads": ((16,), (6, 4)),
        "flash_attention": (("off",),),
        "micro_batch": ((1024, 2048), (256, 128)),
        "cache_type": (("q8_0",),),
    }


def test_what_cannot_matter_is_left_out_with_the_reason() -> None:
    found = axes(cores=(2, 2), prompt_tokens=70, budget="you set image_tokens = 20")
    assert values(found) == {"threads": ((1,),), "flash_attention": (("off",),)}
    assert found.left_out["image budget"] == "you set image_tokens = 20"
    assert "70 tokens" in found.left_out["micro_batch"]
    assert axes(cores=(1, 1)).left_out["threads"] == "there is one core"


def test_the_settings_of_the_user_are_where_it_begins() -> None:
    now = EngineSettings(threads=4, cache_type="q8_0", micro_batch=1024)
    found = values(axes(now))
    assert found["threads"] == ((6, 8, 16), ())[:1]
    assert found["micro_batch"] == ((256, 128),)
    assert "flash_attention" not in found, "a quantized cache needs it"
    assert values(axes(EngineSettings(flash_attention="off")))["flash_attention"] == (("on",),)


def test_another_build_of_the_engine_is_tried_where_there_is_one() -> None:
    native = EngineSettings(llama_server=Path("/opt/llama-server"))
    assert axes().left_out["engine build"] == "there is one"
    found = axes(native, programs=["wheel"])
    assert [axis.name for axis in found.axes][:2] == ["image_tokens", "llama_server"]
    wheel = Candidate().changed("llama_server", "wheel")
    assert wheel.settings(native).llama_server is None
    assert Candidate().changed("llama_server", "/b").settings(EngineSettings()).llama_server == Path("/b")
    with_args = EngineSettings(llama_server=Path("/opt/llama-server"), args=("--mlock",))
    assert "args" in axes(with_args, programs=["wheel"]).left_out["engine build"]


def test_slots_are_tried_where_several_ask_at_once() -> None:
    assert values(axes(clients=4))["slots"] == ((4,), (1,))
