"""What is made for a variant, and what is not made without the user's word."""

from pathlib import Path

import pytest

from viewfinder.catalog.card import ModelCard
from viewfinder.catalog.catalog import Catalog
from viewfinder.core.config import RunningServer
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.core.errors import ModelFilesError
from viewfinder.engines.registry import engine_named
from viewfinder.fleet.process.connected import ConnectedServer
from viewfinder.fleet.process.server import ServerProcess
from viewfinder.fleet.process.servers import Server, make_server

COMMIT = "a" * 40


def made(card: ModelCard, catalog: Catalog, **settings: object) -> Server:
    variant = card.variants[0]
    return make_server(
        card,
        variant,
        engine_named(variant.engine),
        catalog,
        EngineSettings.model_validate(settings),
        run_folder=Path(),
        log_folder=Path(),
    )


def coded(revision: str) -> ModelCard:
    """glimpse's card, as if its repository brought code of its own."""
    card = Catalog().get("glimpse")
    return card.narrowed([card.variants[0].model_copy(update={"remote_code": True, "revision": revision})])


def test_a_process_for_files_and_a_connection_for_a_server() -> None:
    far = RunningServer(base_url="http://127.0.0.1:1", model="m")
    catalog = Catalog(endpoints={"far": far})
    assert isinstance(made(catalog.get("glimpse"), catalog), ServerProcess)
    assert isinstance(made(catalog.get("far"), catalog), ConnectedServer)


def test_a_publishers_python_runs_only_with_the_users_word() -> None:
    with pytest.raises(ModelFilesError, match="you have not agreed") as refused:
        made(coded(COMMIT), Catalog())
    assert COMMIT in refused.value.hint
    assert isinstance(made(coded(COMMIT), Catalog(), remote_code=["glimpse"]), ServerProcess)


def test_what_is_pinned_to_no_commit_cannot_be_agreed_to() -> None:
    with pytest.raises(ModelFilesError, match="you have not agreed") as refused:
        made(coded(""), Catalog(), remote_code=["glimpse"])
    assert "pins no commit" in refused.value.hint
