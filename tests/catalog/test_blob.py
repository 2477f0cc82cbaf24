"""One file from a hub that fails: the download resumes after every interruption, and no damage is kept."""

import hashlib
import random
from pathlib import Path

import huggingface_hub
import pytest

from viewfinder.catalog.hub_errors import ATTEMPTS
from viewfinder.core.errors import HubError

from .hub_server import HubServer
from .pulling import FILES, MODEL, REPO, SIZE, Waits, alone, partials, place, pull

BLOB = hashlib.sha256(FILES[MODEL]).hexdigest()


@pytest.fixture(autouse=True)
def published(hub: HubServer) -> str:
    return hub.publish(REPO, FILES)


def is_whole(cache: Path) -> bool:
    """The blob exists with the content of its name, and no other file does."""
    (blob,) = (place(cache) / "blobs").iterdir()
    return blob.name == BLOB == hashlib.sha256(blob.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("reset", "redirected"), [(False, False), (True, True)], ids=["ended", "reset, redirected"]
)
def test_a_connection_cut_at_20_random_points(
    hub: HubServer, hub_cache: Path, home: Path, reset: bool, redirected: bool
) -> None:
    """Done when 3 of issue 3: each connection resumes where the last one broke off, and the hash is right."""
    cuts = sorted(random.Random(f"cuts/{reset}").sample(range(1, SIZE), 20))
    waits = Waits()
    with HubServer(files_of=hub).running() as other:
        server = other if redirected else hub
        hub.elsewhere = other if redirected else None
        server.faults.cuts, server.faults.reset = list(cuts), reset
        pull(home, alone(), waits)
    assert is_whole(hub_cache)
    starts = [request.begins_at for request in server.file_requests]
    assert len(starts) == 21
    assert starts == sorted(starts), "it never goes back"
    # A reset loses the bytes in transit; after an ordinary close no byte is requested twice.
    assert all(start <= cut for start, cut in zip(starts[1:], cuts, strict=True))
    assert reset or starts[1:] == cuts
    assert len(waits) == 20
    assert max(waits) < 30


def test_the_next_pull_resumes_where_the_last_one_stopped(
    hub: HubServer, hub_cache: Path, home: Path
) -> None:
    hub.faults.cuts = [400_000, *[400_000] * ATTEMPTS]
    with pytest.raises(HubError, match=r"connection .* failed|ended .* after 400,000 of 600,000") as refused:
        pull(home, alone())
    assert "resumes where it stopped" in refused.value.hint
    (partial,) = partials(hub_cache)
    assert partial.read_bytes() == FILES[MODEL][:400_000]
    assert huggingface_hub.scan_cache_dir(hub_cache).incomplete_files, "the hub's own tools know it"
    hub.faults.cuts, hub.requests = [], []
    steps = pull(home, alone())
    assert is_whole(hub_cache)
    assert [request.begins_at for request in hub.file_requests] == [400_000]
    assert next(step.done_bytes for step in steps if step.doing == "downloading") > 400_000


def test_a_corrupted_byte_is_refused_and_nothing_of_it_is_kept(
    hub: HubServer, hub_cache: Path, home: Path
) -> None:
    hub.faults.corrupt = 123_456
    with pytest.raises(HubError, match=rf"{MODEL} of {REPO} arrived damaged") as refused:
        pull(home, alone())
    assert refused.value.reason == "hash_mismatch"
    assert refused.value.hint
    assert list((place(hub_cache) / "blobs").iterdir()) == []
    assert not (place(hub_cache) / "snapshots").exists()
    assert not (home / "pulled.json").exists()
    hub.faults.corrupt = None
    pull(home, alone())
    assert is_whole(hub_cache)


def test_a_small_file_is_checked_by_gits_hash(hub: HubServer, hub_cache: Path, home: Path) -> None:
    files = {"config.json": b"{}" * 50, "model.safetensors": b"weights"}
    hub.publish("someone/folder", files)
    folder = alone(repo="someone/folder", engine="mlx", model="")
    hub.faults.corrupt = 3
    with pytest.raises(HubError, match=r"config\.json of someone/folder arrived damaged"):
        pull(home, folder)
    hub.faults.corrupt = None
    pull(home, folder)
    blobs = {blob.name for blob in (place(hub_cache, "someone/folder") / "blobs").iterdir()}
    assert hashlib.sha1(b"blob 100\0" + b"{}" * 50).hexdigest() in blobs  # noqa: S324


def test_what_was_damaged_on_the_disk_is_loaded_again(hub: HubServer, hub_cache: Path, home: Path) -> None:
    pull(home, alone())
    blob = place(hub_cache) / "blobs" / BLOB
    for damaged in (FILES[MODEL][:-1] + b"\0", FILES[MODEL][:100]):
        blob.write_bytes(damaged)
        pull(home, alone())
        assert is_whole(hub_cache)


def test_a_partial_file_of_other_content_is_not_resumed(hub: HubServer, hub_cache: Path, home: Path) -> None:
    blobs = place(hub_cache) / "blobs"
    blobs.mkdir(parents=True)
    (blobs / f"{BLOB}.incomplete").write_bytes(b"x" * (SIZE + 1))
    pull(home, alone())
    assert is_whole(hub_cache)
    assert hub.file_requests[0].begins_at == 0


def test_with_a_hub_without_ranges_each_attempt_starts_over(
    hub: HubServer, hub_cache: Path, home: Path
) -> None:
    hub.faults.ignores_ranges = True
    hub.faults.cuts = [100_000, 300_000, 200_000]
    pull(home, alone())
    assert is_whole(hub_cache)
    assert [request.begins_at for request in hub.file_requests] == [0, 100_000, 300_000, 200_000]


def test_a_hub_that_never_gets_further_is_given_up(hub: HubServer, home: Path) -> None:
    hub.faults.ignores_ranges = True
    hub.faults.cuts = [100_000] * 100
    waits = Waits()
    with pytest.raises(HubError):
        pull(home, alone(), waits)
    assert len(hub.file_requests) <= ATTEMPTS + 1
    assert waits == [1.0, 1.0, 2.0, 4.0, 8.0, 16.0][: len(waits)]


def test_more_than_the_listing_says_is_refused(hub: HubServer, hub_cache: Path, home: Path) -> None:
    hub.faults.extra = b"and more"
    with pytest.raises(HubError, match="is longer than the hub's listing says") as refused:
        pull(home, alone())
    assert refused.value.reason == "size_mismatch"
    assert partials(hub_cache) == []


def test_less_than_the_listing_says_is_refused(hub: HubServer, home: Path) -> None:
    hub.faults.listed_bytes = SIZE + 5
    with pytest.raises(HubError, match="is shorter than the hub's listing says") as refused:
        pull(home, alone())
    assert refused.value.reason == "size_mismatch"


def test_an_empty_file_is_a_file(hub: HubServer, hub_cache: Path, home: Path) -> None:
    hub.publish("someone/folder", {"added.txt": b"", "model.safetensors": b"weights"})
    pull(home, alone(repo="someone/folder", engine="mlx", model=""))
    (added,) = place(hub_cache, "someone/folder").glob("snapshots/*/added.txt")
    assert added.read_bytes() == b""


def test_the_hubs_own_library_finds_what_was_pulled(
    hub: HubServer, hub_cache: Path, home: Path, published: str
) -> None:
    pull(home, alone())
    found = huggingface_hub.hf_hub_download(REPO, MODEL, cache_dir=hub_cache, local_files_only=True)
    assert found == str(place(hub_cache) / "snapshots" / published / MODEL)
    (known,) = huggingface_hub.scan_cache_dir(hub_cache).repos
    assert (known.repo_id, known.size_on_disk, known.nb_files) == (REPO, SIZE, 1)
