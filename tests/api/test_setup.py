"""The names by which a user may call a model, and its name in the fleet."""

import shutil
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest

from viewfinder.api import setup
from viewfinder.api.setup import card_of, check_settings, known_as, open_catalog, own_folders
from viewfinder.catalog.catalog import WEIGHTS
from viewfinder.core.config import LocalModel, Settings, load_settings
from viewfinder.core.errors import BadRequest, FilesMissing, ModelFilesError, UnknownModel
from viewfinder.host.ownership import is_abandoned

LLAVA = "mlx-community/llava-v1.6-mistral-7b-4bit"


def test_a_models_name_and_a_repositorys_id_stay_as_they_are() -> None:
    """An id means only the variants of its repository; the card's name would mean all of them."""
    catalog = open_catalog(load_settings())
    for words in ("glimpse", LLAVA):
        assert known_as(catalog, card_of(catalog, words), words) == words
    assert {variant.repo for variant in card_of(catalog, LLAVA).variants} == {LLAVA}


def test_files_get_a_name_of_their_own() -> None:
    catalog = open_catalog(load_settings())
    words = str(WEIGHTS / "glimpse")
    card = card_of(catalog, words)
    assert known_as(catalog, card, words) == card.name == "glimpse-2"
    assert catalog.get("glimpse-2").variants[0].source == "disk"


@pytest.mark.parametrize("loads_folder", [True, False])
def test_an_engine_says_whether_the_folders_of_its_models_are_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loads_folder: bool
) -> None:
    """The catalog knew this of three engines by their names."""
    monkeypatch.setattr(setup, "engines", lambda: {"odd": SimpleNamespace(loads_folder=loads_folder)})
    catalog = open_catalog(Settings(models={"mine": LocalModel(model=tmp_path, engine="odd")}))
    with pytest.raises(ModelFilesError, match=r"config\.json") if loads_folder else nullcontext():
        catalog.resolve(catalog.get("mine").variant())


def test_names_that_mean_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    catalog = open_catalog(load_settings())
    with pytest.raises(UnknownModel):
        card_of(catalog, "nonesuch")
    with pytest.raises(ModelFilesError, match="is missing"):
        card_of(catalog, "someone/thing")
    with pytest.raises(FilesMissing):
        card_of(catalog, "hf:someone/thing")


def test_our_run_folder_is_marked_as_ours_and_removed_at_the_end(home: Path) -> None:
    with own_folders() as folders:
        assert not is_abandoned(folders.run)
        assert (folders.run / "owner.json").exists()
        with own_folders() as of_another_fleet:
            (folders.run / "1.sock").touch()
            assert of_another_fleet.run == folders.run
        assert (folders.run / "1.sock").exists()
        (folders.run / "1.sock").unlink()
    assert not folders.run.exists()


def test_leftovers_of_a_dead_process_are_swept_before_anything_starts(home: Path) -> None:
    (home / "run" / "4194305").mkdir(parents=True)
    with own_folders() as folders:
        assert list((home / "run").iterdir()) == [folders.run]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            '[fleet]\npinned = ["glimse"]\n',
            "'fleet.pinned' names 'glimse', and there is no such model. Did you",
        ),
        ("[engine_for.glimse]\nslots = 1\n", "'engine_for' names 'glimse', and there is no such model. Did"),
        ("[defaults_for.glimse]\nseed = 1\n", "'defaults_for' names 'glimse', and there is no such model."),
        ('[engine]\nremote_code = ["glimse"]\n', "'engine.remote_code' names 'glimse', and there is no"),
        ('[models.x]\nmodel = "/x"\nengine = "llama.ccp"\n', "no such engine. Did you mean llama.cpp?"),
        ('[fleet]\npinned = ["glimpse"]\n[engine_for.glimpse]\nslots = 1\n', ""),
    ],
)
def test_a_name_in_the_settings_that_means_nothing_is_reported(
    home: Path, caplog: pytest.LogCaptureFixture, text: str, said: str
) -> None:
    setup._report.cache_clear()
    (home / "viewfinder.toml").write_text(text)
    settings = load_settings()
    for _ in range(2):  # as a reload does
        check_settings(open_catalog(settings), settings)
    assert caplog.text.count(said) == 1 if said else caplog.text == ""


def test_settings_with_which_no_model_can_start_are_refused(home: Path) -> None:
    for text, said in (
        ('[engine]\nllama_server = "/no/such/program"\n', "names no program: /no/such/program"),
        (f'[engine]\nllama_server = "{home}"\n', "names no program"),
        (
            '[engine_for.glimpse]\nllama_server = "/no/such"\n',
            "'engine_for.glimpse.llama_server' names no program: /no/such",
        ),
        ("[engine]\nslots = 200\ncontext_tokens = 16000000\n", "more than any engine has"),
        (
            "[defaults_for.glimpse]\nmax_tokens = 99999\n",
            "default max_tokens of 'glimpse' is 99,999; the most",
        ),
        ('[aliases]\n"gpt-4o" = "glimse"\n', "there is no such model. Did you mean glimpse"),
        ("[engine_for.glimpse]\nslots = 200\ncontext_tokens = 16000000\n", "more than any engine has"),
        (
            '[engine]\ncache_type = "q8_0"\n[engine_for.glimpse]\nflash_attention = false\n',
            r"'engine.cache_type' is not valid for glimpse: q8_0 needs flash attention, and",
        ),
        (
            "[engine]\nslots = 64\nbatch = 32\n",
            "'engine.batch' is not valid: 64 slots need a batch of at least",
        ),
        (
            "[engine_for.glimpse]\nmicro_batch = 4096\n",
            "'engine_for.glimpse.micro_batch' .* batch, which is 2048",
        ),
        (
            '[engine]\nargs = ["--no-mmap"]\n',
            "'engine.args' is not valid: they are for a native llama-server",
        ),
        (
            '[engine]\nllama_server = "sh"\n[engine_for.glimpse]\nargs = ["--host", "0.0.0.0"]\n',
            "'engine_for.glimpse.args' is not valid for glimpse: --host is not allowed: Viewfinder",
        ),
    ):
        (home / "viewfinder.toml").write_text(text)
        settings = load_settings()
        with pytest.raises(BadRequest, match=said):
            check_settings(open_catalog(settings), settings)
    found_by_path = '[engine]\nllama_server = "sh"\n[engine_for.glimpse]\nllama_server = "wheel"\n'
    (home / "viewfinder.toml").write_text(found_by_path)
    check_settings(open_catalog(load_settings()), load_settings())
    assert load_settings().engine_of("glimpse").llama_server is None
    assert load_settings().engine_of("another").llama_server == Path("sh")


def test_a_folder_needs_no_slash_where_no_model_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("mine", "glimpse"):
        shutil.copytree(WEIGHTS / "glimpse", tmp_path / name, ignore=shutil.ignore_patterns("hf"))
    monkeypatch.chdir(tmp_path)
    catalog = open_catalog(load_settings())
    assert card_of(catalog, "mine").variants[0].model == tmp_path / "mine" / "glimpse-f16.gguf"
    assert card_of(catalog, "glimpse").variants[0].source == "package"
    for name in ("nofolder", "a\0b", "x" * 300):
        with pytest.raises(UnknownModel):
            card_of(catalog, name)


def test_a_model_of_the_catalog_takes_no_projector() -> None:
    with pytest.raises(BadRequest, match="'glimpse' is a model of the catalog") as refused:
        card_of(open_catalog(load_settings()), "glimpse", Path("mmproj.gguf"))
    assert "./glimpse" in refused.value.hint
