import pytest

from viewfinder.catalog.hub import PUBLIC, cache_folder, endpoint, snapshot

COMMIT = "a" * 40


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    place = tmp_path / "hub" / "models--someone--thing"
    (place / "snapshots" / COMMIT).mkdir(parents=True)
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text(COMMIT)
    return place


def test_the_cache_is_where_the_hubs_own_tools_keep_it(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "a"))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    assert cache_folder() == tmp_path / "a" / "hub"
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "b"))
    assert cache_folder() == tmp_path / "b"


def test_the_cache_follows_the_users_cache_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.delenv("HF_HOME", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "huggingface" / "hub"


def test_the_hub_is_the_public_one_unless_another_is_named(monkeypatch):
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    assert endpoint() == PUBLIC
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1/")
    assert endpoint() == "http://127.0.0.1:1"


def test_a_named_revision_is_looked_up(cache):
    (cache / "refs" / "v1").write_text(COMMIT)
    assert snapshot("someone/thing", "v1") == cache / "snapshots" / COMMIT
    assert snapshot("someone/thing", "v2") is None


def test_the_snapshot_is_that_of_main_or_of_the_requested_revision(cache):
    assert snapshot("someone/thing") == cache / "snapshots" / COMMIT
    assert snapshot("someone/thing", COMMIT) == cache / "snapshots" / COMMIT
    assert snapshot("someone/thing", "b" * 40) is None


@pytest.mark.parametrize("ref", ["", "../../../etc", "b" * 40, "\N{SNOWMAN}"])
def test_a_reference_that_leads_nowhere_is_no_snapshot(cache, ref):
    (cache / "refs" / "main").write_text(ref, encoding="utf-8")
    assert snapshot("someone/thing") is None


def test_a_repository_that_was_never_pulled_is_no_snapshot(cache):
    assert snapshot("someone/else") is None
