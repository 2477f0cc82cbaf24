"""Pulling whole variants: which files are requested and left out, free disk space, and the record."""

import hashlib
import json
import os
import resource
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest
from huggingface_hub import _CACHED_NO_EXIST, try_to_load_from_cache

from viewfinder.catalog import pull as pull_module
from viewfinder.catalog.hub import cache_folder, snapshot
from viewfinder.catalog.pull import RESERVE_BYTES, fetch, plan, wanted_of_repository
from viewfinder.catalog.remote import Hub
from viewfinder.core.errors import HubError, ModelFilesError

from .hub_server import HubServer
from .pulling import FILES, MMPROJ, MODEL, REPO, SIZE, Waits, alone, partials, place, planned, pull, variant

CHILD = Path(__file__).parent.parent / "children" / "pulls.py"
FOLDER = "someone/folder"
Usage = namedtuple("Usage", "total used free")


@pytest.fixture(autouse=True)
def published(hub: HubServer) -> str:
    return hub.publish(REPO, FILES)


def folder(**more: object):
    return alone(repo=FOLDER, engine="transformers", model="", **more)


def test_exactly_the_variants_files_come(hub: HubServer, hub_cache: Path, home: Path, published: str) -> None:
    steps = pull(home, variant())
    here = place(hub_cache)
    assert {file.name: file.read_bytes() for file in (here / "snapshots" / published).iterdir()} == {
        name: FILES[name] for name in (MODEL, MMPROJ)
    }
    assert (here / "refs" / "main").read_text() == published
    assert [request.path.rsplit("/", 1)[1] for request in hub.file_requests] == [MODEL, MMPROJ]
    total = len(FILES[MODEL]) + len(FILES[MMPROJ])
    assert {step.total_bytes for step in steps} == {total}
    assert steps[-1].done_bytes == total
    loading = [step.done_bytes for step in steps if step.doing == "downloading"]
    assert loading == sorted(loading)
    assert {step.doing for step in steps} == {"downloading", "checking"}


def test_the_lock_file_holds_commit_sizes_and_hashes(home: Path, published: str) -> None:
    pull(home, alone())
    pull(home, variant())
    assert json.loads((home / "pulled.json").read_text()) == {
        "version": 1,
        "repositories": {
            REPO: {
                published: {
                    "revision": "main",
                    "files": {
                        name: {
                            "size_bytes": len(FILES[name]),
                            "sha256": hashlib.sha256(FILES[name]).hexdigest(),
                        }
                        for name in (MODEL, MMPROJ)
                    },
                    "downloaded": sorted([MODEL, MMPROJ]),
                }
            }
        },
    }


def test_files_on_disk_are_checked_and_not_downloaded_again(hub: HubServer, home: Path) -> None:
    pull(home, variant())
    hub.requests.clear()
    assert planned(variant()).missing_bytes == 0
    steps = pull(home, variant())
    assert hub.file_requests == []
    assert {step.doing for step in steps} == {"checking"}


def test_a_pinned_revision_is_requested_and_main_is_left_alone(
    hub: HubServer, hub_cache: Path, home: Path, published: str
) -> None:
    pull(home, alone(revision=published))
    assert snapshot(REPO, published)
    assert not (place(hub_cache) / "refs").exists()
    assert hub.requests[0].path.endswith(f"/revision/{published}")


def test_main_moves_only_when_all_of_the_new_commit_is_here(
    hub: HubServer, hub_cache: Path, home: Path, published: str
) -> None:
    """A newer commit whose pull fails must leave the model that worked."""
    pull(home, variant())
    hub.publish(REPO, FILES | {MMPROJ: b"newer"})
    hub.faults.corrupt = 1
    with pytest.raises(HubError):
        pull(home, variant())
    assert snapshot(REPO) == place(hub_cache) / "snapshots" / published
    hub.faults.corrupt = None
    pull(home, variant())
    newer = snapshot(REPO)
    assert newer is not None
    assert (newer / MMPROJ).read_bytes() == b"newer"


def test_a_model_folder_comes_without_pickles_and_python(hub: HubServer, hub_cache: Path, home: Path) -> None:
    safe = {"config.json": b"{}", "model.safetensors": b"weights", "merges.txt": b"a b", "x.jinja": b"{{ }}"}
    hub.publish(
        FOLDER, safe | {"pytorch_model.bin": b"pickle", "modeling.py": b"import os", "README.md": b""}
    )
    pull(home, folder())
    here = snapshot(FOLDER)
    assert here is not None
    assert {file.name: file.read_bytes() for file in here.iterdir()} == safe


def test_python_comes_only_at_a_pinned_commit(hub: HubServer, home: Path) -> None:
    commit = hub.publish(
        FOLDER, {"config.json": b"{}", "model.safetensors": b"w", "modeling.py": b"import os"}
    )
    with pytest.raises(ModelFilesError, match="names no commit") as refused:
        pull(home, folder(remote_code=True))
    assert refused.value.reason == "remote_code_not_pinned"
    assert hub.requests == []
    pull(home, folder(remote_code=True, revision=commit))
    here = snapshot(FOLDER, commit)
    assert here is not None
    assert (here / "modeling.py").is_file()


def test_pickles_alone_are_refused_before_any_download(hub: HubServer, home: Path) -> None:
    hub.publish(FOLDER, {"config.json": b"{}", "pytorch_model.bin": b"pickle"})
    with pytest.raises(
        ModelFilesError, match=r"only weights .* are pickles \(pytorch_model.bin\)"
    ) as refused:
        pull(home, folder())
    assert refused.value.reason == "pickle_weights"
    assert hub.file_requests == []


def test_a_tokenizers_repository_comes_with_it(hub: HubServer, home: Path) -> None:
    hub.publish("someone/words", {"tokenizer.json": b"{}", "model.safetensors": b"w", "a.bin": b"p"})
    pull(home, alone(also=("someone/words",)))
    words = snapshot("someone/words")
    assert words is not None
    assert [file.name for file in words.iterdir()] == ["tokenizer.json"]


def test_what_a_repository_lacks_is_known_to_the_hubs_own_client(hub: HubServer, home: Path) -> None:
    """Offline, mlx-vlm fails on a configuration that is not recorded as absent, and drops every image."""
    hub.publish("someone/words", {"tokenizer.json": b"{}"})
    pull(home, alone(also=("someone/words",)))
    found = try_to_load_from_cache("someone/words", "config.json", cache_dir=cache_folder())
    assert found is _CACHED_NO_EXIST


def test_a_file_that_the_publisher_took_away_is_named(hub: HubServer, home: Path) -> None:
    with pytest.raises(ModelFilesError, match=r"has no file gone\.gguf any more") as refused:
        pull(home, variant(model="gone.gguf"))
    assert refused.value.reason == "file_not_found"


def test_a_repository_without_a_card_gives_its_pair(hub: HubServer, hub_cache: Path, home: Path) -> None:
    hub_at = Hub(wait=Waits())
    fetch(plan(wanted_of_repository(REPO, ""), hub_at), hub_at, lock_file=home / "pulled.json")
    here = snapshot(REPO)
    assert here is not None
    assert sorted(file.name for file in here.iterdir()) == sorted([MODEL, MMPROJ])


def test_the_same_content_twice_is_downloaded_and_counted_once(hub: HubServer, home: Path) -> None:
    hub.publish(FOLDER, {"a.safetensors": b"same", "b.safetensors": b"same"})
    assert planned(folder()).missing_bytes == 4
    pull(home, folder())
    assert len(hub.file_requests) == 1


def test_what_is_here_already_needs_no_space(
    hub: HubServer, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.faults.cuts = [SIZE - 10] * 20
    with pytest.raises(HubError):
        pull(home, alone())
    hub.faults.cuts = []
    assert planned(alone()).missing_bytes == 10
    monkeypatch.setattr(pull_module.shutil, "disk_usage", lambda _: Usage(10**12, 0, RESERVE_BYTES + 10))
    pull(home, alone())


def test_a_disk_without_space_is_an_error_before_the_first_byte(
    hub: HubServer, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        pull_module.shutil, "disk_usage", lambda _: Usage(10**12, 0, RESERVE_BYTES + SIZE - 1)
    )
    with pytest.raises(ModelFilesError, match=r"1\.0 GB free; 0\.0 GB are needed") as refused:
        pull(home, alone())
    assert refused.value.reason == "disk_full"
    assert "HF_HOME" in refused.value.hint
    assert hub.file_requests == []


def test_a_disk_that_fills_up_keeps_the_downloaded_part(hub: HubServer, hub_cache: Path, home: Path) -> None:
    """A real child that may write no file beyond 200 kB: to it the disk is full there."""
    limited = subprocess.run(
        [sys.executable, CHILD, REPO, home / "pulled.json"],
        env=os.environ,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert limited.returncode == 1
    assert limited.stderr.startswith("disk_full The disk is full: ")
    (partial,) = partials(hub_cache)
    assert 0 < partial.stat().st_size <= 200_000
    hub.requests.clear()
    pull(home, alone())
    assert hub.file_requests[0].begins_at > 0


def test_a_cache_that_cannot_be_written_is_named(
    hub: HubServer, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "file" / "hub"))
    with pytest.raises(ModelFilesError, match="cannot be written: Not a directory"):
        pull(home, alone())


def test_two_pulls_at_once_share_the_work(
    hub: HubServer, hub_cache: Path, home: Path, published: str
) -> None:
    """Both end well, each file came once, and the record holds both."""
    hub.faults.hold_at = 300_000
    both = [
        subprocess.Popen(
            [sys.executable, CHILD, REPO, home / "pulled.json"], stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    assert hub.holding.wait(100)
    doing = [child.stdout.readline() for child in both if child.stdout]
    hub.let_go.set()
    said = [
        [line, *(child.communicate(timeout=100)[0].splitlines())]
        for line, child in zip(doing, both, strict=True)
    ]
    assert [child.returncode for child in both] == [0, 0]
    assert sorted(lines[0].split()[0] for lines in said) == ["downloading", "waiting"]
    names = [request.path.rsplit("/", 1)[1] for request in hub.file_requests]
    assert sorted(names) == sorted([MODEL, MMPROJ])
    assert [f.read_bytes() for f in (place(hub_cache) / "snapshots" / published).glob("thing*")] == [
        FILES[MODEL]
    ]
    assert partials(hub_cache) == []
    assert set(json.loads((home / "pulled.json").read_text())["repositories"]) == {REPO}
