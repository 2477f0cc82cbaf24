"""What `pull` fetches of a repository without a card: chosen by the same headers as the files on disk."""

from collections.abc import Callable
from pathlib import Path

import pytest

from viewfinder.catalog.catalog import Catalog
from viewfinder.catalog.peek import PEEK_BYTES
from viewfinder.catalog.pull import fetch, plan, wanted_of_repository
from viewfinder.catalog.remote import Hub
from viewfinder.core.errors import ModelFilesError

from . import gguf_maker as make
from .hub_server import HubServer
from .pulling import Waits

REPO = "someone/shapes"


def publish(hub: HubServer, folder: Path) -> None:
    files = (file for file in folder.rglob("*") if file.is_file())
    hub.publish(REPO, {file.relative_to(folder).as_posix(): file.read_bytes() for file in files})


def chosen(file: str = "") -> list[str]:
    (source,) = plan(wanted_of_repository(REPO, "", file), Hub(wait=Waits())).sources
    return [blob.file.path for blob in source.blobs]


@pytest.mark.parametrize(
    ("fill", "files"),
    [
        (
            lambda folder: [
                make.imatrix(folder / "a.gguf"),
                make.model(folder / "m-Q8_0.gguf"),
                make.projector(folder / "b-vision.gguf"),
            ],
            ["m-Q8_0.gguf", "b-vision.gguf"],
        ),
        (
            lambda folder: [
                make.mtp(folder / "mtp-m.gguf"),
                make.draft(folder / "a.gguf"),
                make.model(folder / "M-F16.GGUF"),
                make.projector(folder / "MMPROJ.GGUF"),
            ],
            ["M-F16.GGUF", "MMPROJ.GGUF"],
        ),
        (
            lambda folder: [
                *make.split(folder / "Q8_0" / "m-Q8_0.gguf", 3),
                make.projector(folder / "mmproj-f16.gguf"),
                make.projector(folder / "mmproj-other.gguf", width=128),
            ],
            [*(f"Q8_0/m-Q8_0-0000{n}-of-00003.gguf" for n in (1, 2, 3)), "mmproj-f16.gguf"],
        ),
    ],
)
def test_what_is_pulled_is_what_is_served(
    hub: HubServer, home: Path, tmp_path: Path, fill: Callable[[Path], object], files: list[str]
) -> None:
    fill(tmp_path / "published")
    publish(hub, tmp_path / "published")
    assert chosen() == files
    fetch(
        plan(wanted_of_repository(REPO, ""), Hub(wait=Waits())),
        Hub(wait=Waits()),
        lock_file=home / "pulled.json",
    )
    catalog = Catalog(lock_file=home / "pulled.json")
    card = catalog.add(f"hf:{REPO}")
    found = catalog.resolve(card.variants[0])
    assert [file.name for file in found.all] == [Path(file).name for file in files]


def test_two_pairs_are_asked_about_and_one_can_be_named(hub: HubServer, home: Path, tmp_path: Path) -> None:
    for name, width in (("apple", 64), ("pear", 32)):
        make.model(tmp_path / "two" / f"{name}-Q8_0.gguf", width=width, name=name)
        make.projector(tmp_path / "two" / f"mmproj-{name}.gguf", width=width)
    publish(hub, tmp_path / "two")
    with pytest.raises(ModelFilesError, match=r"has 2 models: apple-Q8_0\.gguf, pear-Q8_0\.gguf") as asked:
        chosen()
    assert asked.value.reason == "several_models"
    wanted = plan(wanted_of_repository(REPO, "", "pear-Q8_0.gguf"), Hub(wait=Waits()))
    fetch(wanted, Hub(wait=Waits()), lock_file=home / "pulled.json")
    reference = f"hf:{REPO}/pear-Q8_0.gguf"
    catalog = Catalog(lock_file=home / "pulled.json")
    card = catalog.add(reference)
    assert card.name == "pear-Q8_0"
    assert [file.name for file in catalog.resolve(card.variants[0]).all] == [
        "pear-Q8_0.gguf",
        "mmproj-pear.gguf",
    ]
    with pytest.raises(ModelFilesError) as absent:
        catalog.add(f"hf:{REPO}/apple-Q8_0.gguf")
    assert absent.value.hint == f"Run: viewfinder pull hf:{REPO}/apple-Q8_0.gguf"
    with pytest.raises(ModelFilesError, match=r"has no file plum\.gguf"):
        chosen("plum.gguf")


@pytest.mark.parametrize(
    ("fill", "reason"),
    [
        (
            lambda folder: [make.model(folder / "m.gguf"), make.projector(folder / "p.gguf", width=9)],
            "wrong_projector",
        ),
        (lambda folder: [make.imatrix(folder / "m.gguf")], "not_a_model"),
        (lambda folder: [make.projector(folder / "m.gguf")], "model_missing"),
        (lambda folder: make.split(folder / "m.gguf", 3)[2].unlink(), "model_missing"),
        # the first part stands for all: when it was not listed, this ended in a traceback
        (lambda folder: make.split(folder / "m.gguf", 3)[0].unlink(), "model_missing"),
    ],
)
def test_what_cannot_be_served_is_told_before_the_download(
    hub: HubServer, tmp_path: Path, fill: Callable[[Path], object], reason: str
) -> None:
    fill(tmp_path / "published")
    publish(hub, tmp_path / "published")
    with pytest.raises(ModelFilesError) as refused:
        chosen()
    assert refused.value.reason == reason


def test_thirty_quantizations_cost_one_look(hub: HubServer, tmp_path: Path) -> None:
    for kind in ("Q2_K", "Q3_K_M", "Q4_0", "Q4_K_M", "Q5_K_S", "Q6_K", "Q8_0", "IQ3_XXS", "IQ4_XS", "BF16"):
        make.model(tmp_path / "m" / kind / f"m-{kind}.gguf")
        make.projector(tmp_path / "m" / f"mmproj-m-{kind}.gguf")
    publish(hub, tmp_path / "m")
    assert chosen() == ["Q8_0/m-Q8_0.gguf", "mmproj-m-Q8_0.gguf"]
    assert len(hub.looks) == 2


@pytest.mark.parametrize("ignores_ranges", [False, True])
def test_only_the_beginning_of_a_file_is_read(hub: HubServer, tmp_path: Path, ignores_ranges: bool) -> None:
    hub.faults.ignores_ranges = ignores_ranges
    small = make.model(tmp_path / "m.gguf").read_bytes()
    hub.publish(REPO, {"m.gguf": small + b"\0" * 8 * PEEK_BYTES})
    got = Hub(wait=Waits()).start_of(REPO, "main", "m.gguf", PEEK_BYTES)
    assert got == (small + b"\0" * 8 * PEEK_BYTES)[:PEEK_BYTES]


def test_a_hub_that_fails_for_a_moment_is_asked_again(hub: HubServer, tmp_path: Path) -> None:
    make.model(tmp_path / "m" / "m.gguf")
    publish(hub, tmp_path / "m")
    hub.faults.for_files_only = True
    hub.faults.answers = [(503, {})]
    assert chosen() == ["m.gguf"]


@pytest.mark.parametrize("content", [b"", b"GGUF", b"<html>"])
def test_a_damaged_file_of_the_hub_is_no_traceback(hub: HubServer, tmp_path: Path, content: bytes) -> None:
    hub.publish(REPO, {"m.gguf": content})
    assert chosen() == ["m.gguf"], "what it is, is told when it is here"
