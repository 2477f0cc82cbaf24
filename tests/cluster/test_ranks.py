"""Where a request goes: where its model is up, where its conversation was, and not where all are busy."""

from collections import Counter

from viewfinder.cluster.ranks import ReplicaState, ranked


def state(name: str, *models: str, requests: int | None = 0) -> ReplicaState:
    return ReplicaState(name, frozenset(models), requests)


def test_the_model_is_loaded_nowhere_else_while_there_is_room() -> None:
    replicas = [state("a", "other"), state("b", "glimpse", requests=3), state("c")]
    assert ranked(replicas, "glimpse", "talk", 4) == [["b"], ["c"], ["a"]]


def test_a_busy_model_is_loaded_where_the_fewest_others_are() -> None:
    replicas = [state("a", "one", "two"), state("b", "glimpse", requests=4), state("c", "one")]
    assert ranked(replicas, "glimpse", "talk", 4) == [["c"], ["a"], ["b"]]


def test_when_all_are_busy_the_model_stays_where_it_is() -> None:
    replicas = [state("a", requests=9), state("b", "glimpse", requests=8), state("c", "glimpse", requests=7)]
    first, last = ranked(replicas, "glimpse", "talk", 4)
    assert (set(first), last) == ({"b", "c"}, ["a"])
    assert ranked([state("a", requests=9)], "glimpse", "talk", 4) == [["a"]]


def test_what_is_not_known_yet_counts_as_free() -> None:
    assert ranked([state("a", "glimpse", requests=None)], "glimpse", "", 4) == [["a"]]


def test_a_conversation_stays_and_only_those_of_a_lost_replica_move() -> None:
    three = [state(name, "glimpse") for name in "abc"]
    talks = [f"talk {number}" for number in range(300)]
    before = {talk: ranked(three, "glimpse", talk, 4)[0][0] for talk in talks}
    after = {talk: ranked(three[:2], "glimpse", talk, 4)[0][0] for talk in talks}
    assert all(after[talk] == home for talk, home in before.items() if home != "c")
    assert min(Counter(before.values()).values()) > 60


def test_every_replica_is_tried() -> None:
    replicas = [state("a", "glimpse"), state("b", requests=9), state("c", "glimpse", requests=9), state("d")]
    tried = [name for rank in ranked(replicas, "glimpse", "talk", 4) for name in rank]
    assert sorted(tried) == ["a", "b", "c", "d"]


def test_a_replica_with_other_files_is_asked_only_when_all_have_them() -> None:
    damaged = ReplicaState("a", frozenset({"glimpse"}), 0, frozenset({"glimpse"}))
    assert ranked([damaged, state("b")], "glimpse", "talk", 4) == [["b"]]
    assert ranked([damaged, state("b", "other")], "other", "talk", 4) == [["b"], ["a"]]
    assert ranked([damaged], "glimpse", "talk", 4) == [["a"]], "it says why"


def test_of_a_thousand_replicas_few_are_asked_at_first() -> None:
    """Serve asks each of a rank whose load it does not know: all others were one rank."""
    free = [state(f"free {number}", "glimpse", requests=None) for number in range(600)]
    busy = [state(f"busy {number}", "glimpse", requests=9) for number in range(400)]
    ranks = ranked([*free, *busy], "glimpse", "talk", 4)
    assert [len(rank) for rank in ranks[:4]] == [1, 3, 6, 12]
    names = [name for rank in ranks for name in rank]
    assert len(names) == len(set(names)) == 1000
    assert all(name.startswith("free") for name in names[:600])
