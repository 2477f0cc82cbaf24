"""The hub over HTTP: a real server that refuses, redirects, is busy or sends wrong data."""

import json
import socket
from typing import Any

import pytest
from huggingface_hub import constants

from viewfinder.catalog.remote import LISTING_ATTEMPTS, Hub
from viewfinder.core.errors import HubError

from .hub_server import HubServer
from .pulling import FILES, MODEL, REPO, Waits

SHA1, SHA256 = "a" * 40, "b" * 64


@pytest.fixture
def commit(hub: HubServer) -> str:
    return hub.publish(REPO, FILES)


def read(commit: str, start: int = 0, waits: Waits | None = None) -> tuple[int, bytes]:
    with Hub(wait=waits or Waits()).bytes_of(REPO, commit, MODEL, start) as (begin, pieces):
        return begin, b"".join(pieces)


def test_a_listing_has_the_commit_and_each_files_size_and_hash(hub: HubServer, commit: str) -> None:
    listing = Hub().listing(REPO, "main")
    assert listing.commit == commit
    assert {file.path: file.size_bytes for file in listing.files} == {
        path: len(content) for path, content in FILES.items()
    }
    by_path = {file.path: file for file in listing.files}
    assert len(by_path[MODEL].blob) == 64
    assert (by_path["README.md"].sha256, len(by_path["README.md"].blob)) == (None, 40)


def test_bytes_start_where_they_are_requested(hub: HubServer, commit: str) -> None:
    assert read(commit) == (0, FILES[MODEL])
    assert read(commit, 1000) == (1000, FILES[MODEL][1000:])
    hub.faults.ignores_ranges = True
    assert read(commit, 1000) == (0, FILES[MODEL])


@pytest.mark.parametrize("token", ["hf_secret", ""])
def test_the_token_goes_to_the_hub_and_never_to_another_host(
    hub: HubServer, commit: str, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    with HubServer(files_of=hub).running() as other:
        hub.elsewhere = other
        assert read(commit, 5) == (5, FILES[MODEL][5:])
        Hub().listing(REPO, "main")
    sent = [request.headers.get("authorization") for request in hub.requests]
    assert sent == [f"Bearer {token}" if token else None] * 2
    (request,) = other.requests
    assert request.begins_at == 5
    assert token == "" or token not in str(request.headers)


def test_a_busy_hub_is_retried_when_it_says(hub: HubServer, commit: str) -> None:
    hub.faults.answers = [(429, {"Retry-After": "7"}), (503, {})]
    waits = Waits()
    assert Hub(wait=waits).listing(REPO, "main").commit == commit
    assert waits == [7.0, 2.0]


def test_a_hub_that_asks_for_an_hour_is_not_waited_for(hub: HubServer, commit: str) -> None:
    hub.faults.answers = [(429, {"Retry-After": "3600"})]
    waits = Waits()
    with pytest.raises(HubError, match="accepts no more requests") as refused:
        Hub(wait=waits).listing(REPO, "main")
    assert (refused.value.reason, waits) == ("rate_limited", [])
    assert "in 3600 s" in refused.value.hint


def test_a_hub_that_stays_busy_is_given_up(hub: HubServer, commit: str) -> None:
    hub.faults.answers = [(503, {})] * 9
    with pytest.raises(HubError, match=r"has a problem \(status 503\)"):
        Hub(wait=Waits()).listing(REPO, "main")
    assert len(hub.requests) == LISTING_ATTEMPTS


def test_a_gated_repository_lists_its_files_and_keeps_them(hub: HubServer, commit: str) -> None:
    hub.faults.answers, hub.faults.for_files_only = [(403, {"X-Error-Code": "GatedRepo"})], True
    Hub().listing(REPO, "main")
    with pytest.raises(HubError, match=f"{REPO} is gated") as refused:
        read(commit)
    assert f"{hub.address}/{REPO}" in refused.value.hint


def test_a_repository_and_a_revision_that_are_not_there(hub: HubServer, commit: str) -> None:
    with pytest.raises(HubError, match="There is no someone/else"):
        Hub().listing("someone/else", "main")
    with pytest.raises(HubError, match="has no revision v2"):
        Hub().listing(REPO, "v2")


def test_a_hub_that_is_not_there(hub_cache: object) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(HubError, match=rf"hub at {address} failed \(ConnectError\)") as refused:
            Hub(address, wait=Waits()).listing(REPO, "main")
    assert refused.value.reason == "hub_unreachable"
    assert "HTTPS_PROXY" in refused.value.hint


@pytest.mark.parametrize("address", ["ftp://hub.example", "no address", "http://[", "http://\x00"])
def test_an_address_that_is_none(address: str) -> None:
    with pytest.raises(HubError) as refused:
        Hub(address, wait=Waits()).listing(REPO, "main")
    assert "HF_ENDPOINT" in refused.value.hint


def test_the_offline_switch_is_obeyed(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(HubError, match="HF_HUB_OFFLINE is set"):
        Hub().listing(REPO, "main")
    assert hub.requests == []


def listing(**file: Any) -> bytes:
    """A valid listing of one file, apart from the given fields."""
    one = {"rfilename": "a.gguf", "size": 1, "blobId": SHA1, "lfs": {"sha256": SHA256}} | file
    return json.dumps({"sha": SHA1, "siblings": [one]}).encode()


@pytest.mark.parametrize(
    "told",
    [
        *(
            listing(rfilename=name)
            for name in (
                *("../a.gguf", "/etc/passwd", "a/../../b", "a//b", "./a", "a/", "", "a\\..\\b"),
                *("a\x00b", "a\nb", "x" * 501),
            )
        ),
        *(listing(size=size) for size in (-1, None, "many")),
        *(listing(lfs={"sha256": sha}) for sha in ("../../x", "B" * 64, "")),
        listing(blobId="../x"),
        listing(blobId=None, lfs=None),
        json.dumps({"sha": "../../x", "siblings": []}).encode(),
        json.dumps({"sha": SHA1}).encode(),
        b"[]",
        b"<!DOCTYPE html>",
        b"[" * 100_000,
        b" " * (33 * 1024 * 1024),
    ],
    ids=lambda told: repr(told[:90]),
)
def test_an_invalid_listing_is_refused(hub: HubServer, told: bytes) -> None:
    hub.faults.listing = told
    with pytest.raises(HubError, match="sent an invalid listing of") as refused:
        Hub(wait=Waits()).listing(REPO, "main")
    assert refused.value.reason == "hub_bad_reply"


def test_a_plain_listing_in_folders_is_taken(hub: HubServer) -> None:
    hub.faults.listing = listing(rfilename="sub/d\u00e9j\u00e0 vu.gguf")
    assert Hub().listing(REPO, "main").files[0].path == "sub/d\u00e9j\u00e0 vu.gguf"
