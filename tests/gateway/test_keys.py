"""Named API keys: stored as hashes, known to a running gateway at once, counted by name."""

import asyncio
import hashlib
import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from starlette.datastructures import Headers

from viewfinder.core.errors import BadRequest, ViewfinderError
from viewfinder.gateway.keys import OF_SETTINGS, KeyFile, KeyOwner, Keys
from viewfinder.gateway.listen import require_key_beyond_loopback


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def bearer(key: str) -> Headers:
    return Headers({"authorization": f"Bearer {key}"})


def name_of(keys: Keys, key: str) -> str:
    owner = keys.owner_of(bearer(key))
    return owner.name if owner else ""


def test_a_key_opens_and_is_nowhere_on_the_disk(file: Path) -> None:
    key = KeyFile(file).add("phone")
    keys = Keys("main", KeyFile(file))
    assert keys.owner_of(bearer(key)) == KeyOwner("phone", is_admin=False)
    assert keys.owner_of(bearer("main")) == KeyOwner(OF_SETTINGS, is_admin=True)
    assert keys.owner_of(bearer(f"{key}x")) is None
    written = b"".join(one.read_bytes() for one in file.parent.iterdir())
    assert key.encode() not in written
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_keys_are_needed_from_the_first_one_on_and_a_removed_one_opens_nothing(file: Path) -> None:
    keys, elsewhere = Keys(file=KeyFile(file)), KeyFile(file)
    assert not keys.are_needed
    phone, desk = elsewhere.add("phone"), elsewhere.add("desk")
    assert keys.are_needed
    assert [name_of(keys, key) for key in (phone, desk)] == ["phone", "desk"]
    elsewhere.remove("phone")
    assert [name_of(keys, key) for key in (phone, desk)] == ["", "desk"]


@pytest.mark.parametrize("name", ["", "two words", "../up", "A", "x" * 41, ".a", "é", "a\n", OF_SETTINGS])
def test_a_name_that_cannot_be_a_label_is_refused(file: Path, name: str) -> None:
    with pytest.raises(BadRequest):
        KeyFile(file).add(name)
    assert not file.exists()


def test_a_name_is_taken_once_and_an_unknown_one_cannot_be_removed(file: Path) -> None:
    KeyFile(file).add("phone")
    with pytest.raises(BadRequest, match="already"):
        KeyFile(file).add("phone")
    with pytest.raises(BadRequest, match="no key named 'desk'"):
        KeyFile(file).remove("desk")
    assert [one.name for one in KeyFile(file).all()] == ["phone"]


def test_keys_that_are_added_at_the_same_time_are_all_kept(file: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        added = list(threads.map(lambda number: KeyFile(file).add(f"n{number}"), range(16)))
    found = [KeyFile(file).find(key.encode()) for key in added]
    assert [one.name for one in found if one] == [f"n{number}" for number in range(16)]


ODD_HASH = '{"keys": [{"name": "a", "sha256": "\u00e9", "created_at": ""}]}'
"""It could be read, and every request ended as a 500: only ASCII can be compared."""


@pytest.mark.parametrize("content", ["", "{", "[]", '{"keys": 1}', '{"other": []}', ODD_HASH])
def test_a_broken_file_opens_nothing_and_is_told(file: Path, content: str) -> None:
    file.write_text(content)
    keys = Keys("main", KeyFile(file))
    assert keys.are_needed
    assert Keys(file=KeyFile(file)).are_needed
    assert (name_of(keys, "x"), name_of(keys, "main")) == ("", OF_SETTINGS)
    with pytest.raises(ViewfinderError, match="cannot be read"):
        KeyFile(file).all()
    with pytest.raises(ViewfinderError, match="cannot be read"):
        KeyFile(file).add("phone")
    assert file.read_text() == content, "nothing is overwritten"


def test_what_a_kill_left_behind_is_no_obstacle(file: Path) -> None:
    file.with_suffix(".part").write_text("half")
    KeyFile(file).add("phone")
    assert sorted(one.name for one in file.parent.iterdir()) == ["keys.json", "keys.lock"]


def test_a_stored_key_is_enough_beyond_loopback(file: Path) -> None:
    with pytest.raises(BadRequest, match="no API key"):
        require_key_beyond_loopback("0.0.0.0", None, KeyFile(file))
    KeyFile(file).add("phone")
    require_key_beyond_loopback("0.0.0.0", None, KeyFile(file))


def test_admin_keys_are_those_that_were_added_as_such(file: Path) -> None:
    desk, phone = KeyFile(file).add("desk", admin=True), KeyFile(file).add("phone")
    keys = Keys(file=KeyFile(file))
    assert keys.owner_of(bearer(desk)) == KeyOwner("desk", is_admin=True)
    assert keys.owner_of(bearer(phone)) == KeyOwner("phone", is_admin=False)
    assert file.read_text().count("admin") == 1, "other keys can be read by an older Viewfinder"


def test_keys_of_an_older_viewfinder_can_only_ask(file: Path) -> None:
    stored = {"name": "old", "sha256": hashlib.sha256(b"vf-old").hexdigest(), "created_at": "2026-01-01"}
    file.write_text(json.dumps({"keys": [stored]}))
    assert Keys(file=KeyFile(file)).owner_of(bearer("vf-old")) == KeyOwner("old", is_admin=False)
    KeyFile(file).add("new", admin=True)
    assert [(one.name, one.admin) for one in KeyFile(file).all()] == [("old", False), ("new", True)]


async def test_usage_is_counted_by_the_name_of_the_key(start: Any, file: Path) -> None:
    key = KeyFile(file).add("phone")
    gateway = await start(keys=KeyFile(file))
    body = {"model": "both", "messages": [{"role": "user", "content": "Hi"}]}
    async with gateway.http.post(f"{gateway.url}/v1/chat/completions", json=body) as reply:
        assert reply.status == 401
    for stream in (False, True):
        headers = {"x-api-key": key}
        sent = {**body, "stream": stream}
        async with gateway.http.post(
            f"{gateway.url}/v1/chat/completions", json=sent, headers=headers
        ) as reply:
            assert reply.status == 200
            await reply.read()
    async with gateway.http.get(f"{gateway.url}/metrics", headers={"api-key": key}) as reply:
        page = await reply.text()
    assert 'viewfinder_key_requests_total{key="phone"} 2.0' in page
    counts = [line for line in page.splitlines() if line.startswith("viewfinder_key_tokens_total{")]
    assert len(counts) == 2
    assert all(float(line.rpartition(" ")[2]) > 0 for line in counts)
    assert key not in page


async def test_what_a_disconnected_client_got_is_counted(start: Any, file: Path) -> None:
    """The engine reports at the end of a stream, so whoever left before it used nothing."""
    key = KeyFile(file).add("phone")
    gateway = await start(keys=KeyFile(file))
    body = {"model": "both", "stream": True, "messages": [{"role": "user", "content": "wait in the middle"}]}
    headers = {"x-api-key": key}
    async with gateway.http.post(f"{gateway.url}/v1/chat/completions", json=body, headers=headers) as reply:
        async for line in reply.content:
            if b'"content":"' in line and b'"content":""' not in line:
                break
        reply.close()
    async with asyncio.timeout(10):
        while gateway.fleet.leases:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    async with gateway.http.get(f"{gateway.url}/metrics", headers=headers) as reply:
        page = await reply.text()
    assert page.count("viewfinder_key_tokens_total{") == 1
    counted = page.partition('viewfinder_key_tokens_total{key="phone",kind="completion"} ')[2]
    assert float(counted.partition("\n")[0]) >= 1
