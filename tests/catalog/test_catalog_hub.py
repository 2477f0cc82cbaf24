"""The catalog and the hub's cache: pulled files are found and compared with the record; no download."""

import shutil
from pathlib import Path

import pytest

from viewfinder.catalog.card import ModelCard, Variant
from viewfinder.catalog.catalog import WEIGHTS, Catalog
from viewfinder.catalog.hub import snapshot
from viewfinder.catalog.pull import fetch, plan, wanted_of_repository
from viewfinder.catalog.remote import Hub
from viewfinder.core.config import LocalModel
from viewfinder.core.errors import BadRequest, FilesMissing, ModelFilesError, UnknownModel

from .hub_server import HubServer
from .pulling import Waits

GLIMPSE = WEIGHTS / "glimpse"
PAIR, FOLDER = "someone/glimpse-GGUF", "someone/glimpse"


@pytest.fixture
def record(hub: HubServer, home: Path) -> Path:
    """Glimpse on the hub, as a GGUF pair and as a folder; returns the record of pulled files."""
    hub.publish(PAIR, {file.name: file.read_bytes() for file in GLIMPSE.glob("*.gguf")})
    hub.publish(FOLDER, {file.name: file.read_bytes() for file in (GLIMPSE / "hf").iterdir()})
    return home / "pulled.json"


def pull(record: Path, repo: str) -> Path:
    hub = Hub(wait=Waits())
    fetch(plan(wanted_of_repository(repo, ""), hub), hub, lock_file=record)
    here = snapshot(repo)
    assert here is not None
    return here


def carded(record: Path, *variants: Variant) -> Catalog:
    """A catalog with one more card, of variants of the hub."""
    catalog = Catalog(lock_file=record)
    card = ModelCard(name="thing", title="thing", license="x", summary="x", variants=variants)
    catalog._cards["thing"] = card
    return catalog


def of_the_hub(name: str = "q8", **more: object) -> Variant:
    fields: dict[str, object] = {
        "name": name,
        "engine": "llama.cpp",
        "repo": PAIR,
        "source": "hub",
        "model": "glimpse-f16.gguf",
        "mmproj": "mmproj-glimpse-f16.gguf",
        "vision": True,
        "text": True,
    }
    return Variant.model_validate(fields | more)


def test_the_error_for_a_missing_model_says_what_to_run(hub: HubServer, record: Path) -> None:
    one, two = of_the_hub(), of_the_hub("mlx", engine="mlx", repo=FOLDER, model="", mmproj=None)
    with pytest.raises(FilesMissing, match=f"{PAIR} is not on this disk") as missing:
        carded(record, one).resolve(one)
    assert missing.value.hint == "Run: viewfinder pull thing"
    with pytest.raises(FilesMissing) as missing:
        carded(record, one, two).resolve(two)
    assert missing.value.hint == "Run: viewfinder pull thing --variant mlx"
    assert (missing.value.model, missing.value.variant) == ("thing", "mlx")
    assert hub.requests == []


def test_what_was_pulled_is_resolved(record: Path) -> None:
    here = pull(record, PAIR)
    variant = of_the_hub()
    files = carded(record, variant).resolve(variant)
    assert (files.model, files.mmproj) == (here / "glimpse-f16.gguf", here / "mmproj-glimpse-f16.gguf")
    folder = of_the_hub("mlx", engine="mlx", repo=FOLDER, model="", mmproj=None)
    here = pull(record, FOLDER)
    assert carded(record, folder).resolve(folder).model == here


def test_a_file_that_shrank_since_it_was_pulled_is_noticed(record: Path) -> None:
    """The header alone would not show it: only a byte of padding at the end is missing."""
    here = pull(record, FOLDER)
    variant = of_the_hub("mlx", engine="mlx", repo=FOLDER, model="", mmproj=None)
    blob = (here / "tokenizer.json").resolve()
    whole = blob.stat().st_size
    blob.write_bytes(blob.read_bytes()[:-1])
    with pytest.raises(
        FilesMissing, match=rf"tokenizer\.json is truncated: {whole - 1:,} of {whole:,} bytes"
    ) as missing:
        carded(record, variant).resolve(variant)
    assert missing.value.reason == "model_truncated"
    assert missing.value.hint == "Run: viewfinder pull thing"
    pull(record, FOLDER)
    carded(record, variant).resolve(variant)


def test_another_variants_files_may_be_gone(record: Path) -> None:
    here = pull(record, PAIR)
    (here / "mmproj-glimpse-f16.gguf").unlink()
    alone, pair = of_the_hub("text", mmproj=None), of_the_hub("pair")
    carded(record, alone, pair).resolve(alone)
    with pytest.raises(FilesMissing):
        carded(record, alone, pair).resolve(pair)


def test_what_others_put_into_the_cache_needs_no_record(record: Path) -> None:
    pull(record, PAIR)
    record.unlink()
    variant = of_the_hub()
    assert carded(record, variant).resolve(variant).model.exists()


def test_a_tokenizers_repository_must_be_here_too(record: Path) -> None:
    pull(record, PAIR)
    variant = of_the_hub(also=(FOLDER,))
    with pytest.raises(FilesMissing, match=f"{FOLDER} is not on this disk"):
        carded(record, variant).resolve(variant)


@pytest.mark.parametrize("repo", [PAIR, FOLDER])
def test_a_link_that_leads_out_of_the_cache_is_refused(record: Path, tmp_path: Path, repo: str) -> None:
    here = pull(record, repo)
    link = next(file for file in here.iterdir() if file.name in ("glimpse-f16.gguf", "model.safetensors"))
    outside = Path(shutil.copy(link, tmp_path / link.name))
    link.unlink()
    link.symlink_to(outside)
    folder = {"engine": "mlx", "repo": FOLDER, "model": "", "mmproj": None}
    variant = of_the_hub(**(folder if repo == FOLDER else {}))
    with pytest.raises(ModelFilesError, match="leads out") as refused:
        carded(record, variant).resolve(variant)
    assert refused.value.reason == "link_leads_out"


def test_a_repository_without_a_card_is_added_from_its_files(record: Path, hub: HubServer) -> None:
    catalog = Catalog(lock_file=record)
    with pytest.raises(FilesMissing) as missing:
        catalog.add(f"hf:{PAIR}")
    assert missing.value.hint == f"Run: viewfinder pull hf:{PAIR}"
    assert hub.requests == []
    here = pull(record, PAIR)
    card = catalog.add(f"hf:{PAIR}")
    assert card is catalog.add(f"hf:{PAIR}"), "twice is once"
    assert card == catalog.get("glimpse-GGUF")
    assert catalog.resolve(card.variants[0]).model == here / "glimpse-f16.gguf"


def test_names_of_what_is_added_never_take_a_cards(record: Path) -> None:
    pull(record, FOLDER)
    catalog = Catalog(lock_file=record)
    assert catalog.add(f"hf:{FOLDER}").name == "glimpse-2"
    assert catalog.add(str(GLIMPSE)).name == "glimpse-3"
    assert catalog.get("glimpse").variants[0].source == "package"


def test_a_damaged_repository_is_not_added(record: Path) -> None:
    here = pull(record, PAIR)
    blob = (here / "glimpse-f16.gguf").resolve()
    blob.write_bytes(blob.read_bytes()[:-100])
    catalog = Catalog(lock_file=record)
    with pytest.raises(FilesMissing, match="is truncated") as missing:
        catalog.add(f"hf:{PAIR}")
    assert missing.value.model == f"hf:{PAIR}"
    assert catalog.names() == Catalog().names()


def test_a_folder_and_a_file_are_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(GLIMPSE)
    catalog = Catalog()
    assert catalog.add("./hf").variants[0].engine == "transformers"
    assert catalog.add("glimpse-f16.gguf").name == "glimpse-f16"
    with pytest.raises(ModelFilesError, match="is missing") as refused:
        catalog.add("someone/thing")
    assert "hf:owner/name" in refused.value.hint
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelFilesError, match="does not say what kind"):
        catalog.add(str(tmp_path))


def test_a_snapshot_of_the_cache_may_be_served_as_a_folder(record: Path) -> None:
    here = pull(record, FOLDER)
    card = Catalog(lock_file=record).add(str(here))
    assert (card.variants[0].source, card.name) == ("disk", here.name)


def test_a_folder_of_the_settings_is_a_model(tmp_path: Path) -> None:
    catalog = Catalog({"mine": LocalModel(model=GLIMPSE / "hf"), "broken": LocalModel(model=tmp_path)})
    assert catalog.resolve(catalog.get("mine").variants[0]).model == GLIMPSE / "hf"
    with pytest.raises(ModelFilesError, match=r"config\.json is missing"):
        catalog.resolve(catalog.get("broken").variants[0])


@pytest.mark.parametrize("words", ["hf:a", "hf:a/b/c", "hf:../x"])
def test_words_that_name_nothing_are_refused(words: str) -> None:
    with pytest.raises(BadRequest):
        Catalog().add(words)


def test_get_knows_neither_disks_nor_hubs(record: Path, hub: HubServer) -> None:
    """Names in requests are looked up here: paths and references are unknown models, even existing ones."""
    pull(record, PAIR)
    hub.requests.clear()
    catalog = Catalog(lock_file=record)
    for words in (f"hf:{PAIR}", str(GLIMPSE), "./hf", PAIR, str(GLIMPSE / "glimpse-f16.gguf")):
        with pytest.raises(UnknownModel):
            catalog.get(words)
    assert hub.requests == []
