"""What a refusal for a conversation that is too long says to do."""

import pytest

from viewfinder.catalog.catalog import Catalog
from viewfinder.catalog.uncarded import card_of_server
from viewfinder.core.config import RunningServer, Settings
from viewfinder.core.engine_settings import EngineChanges
from viewfinder.gateway.context import context_hint, context_of

GLIMPSE = Catalog().get("glimpse")
SERVER = card_of_server("far", RunningServer(base_url="http://127.0.0.1:9", model="x"))


@pytest.mark.parametrize("variant", GLIMPSE.variants, ids=lambda variant: variant.name)
def test_no_setting_helps_where_the_model_was_trained_for_no_more(variant) -> None:
    """It said: raise engine.context_tokens."""
    context = context_of(GLIMPSE, variant, Settings())
    assert context == 2048
    assert context_hint(variant, context) == "Send less: the model was trained for no more than 2,048."


def test_the_setting_helps_where_the_model_was_trained_for_more() -> None:
    settings = Settings(engine_for={"glimpse": EngineChanges(context_tokens=1024)})
    context = context_of(GLIMPSE, GLIMPSE.variants[0], settings)
    assert context == 1024
    hint = context_hint(GLIMPSE.variants[0], context)
    assert hint == "Send less, or raise engine.context_tokens. The model was trained for 2,048."


def test_our_settings_limit_no_running_server() -> None:
    """Its context was thought to be engine.context_tokens, and longer texts never reached it."""
    variant = SERVER.variants[0]
    assert context_of(SERVER, variant, Settings()) is None
    assert "on its own server" in context_hint(variant, None)
