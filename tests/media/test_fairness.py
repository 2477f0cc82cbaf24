"""Which image is decoded next: the decisions, without a process."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from viewfinder.media.fairness import Client, Job, Lanes, Usage, is_small, next_job

LANES = Lanes(large=2, pixels=100, budget_s=20.0)
ANN, BOB = Client("ann", "ann 1"), Client("bob", "bob 1")
arrivals = itertools.count()


def small(client: Client = ANN) -> Job:
    return Job(client, 1, True, next(arrivals))


def large(client: Client = ANN, pixels: int = 40) -> Job:
    return Job(client, pixels, False, next(arrivals))


def chosen(waiting: list[Job], running: list[Job], usage: Usage | None = None) -> Job | None:
    return next_job(waiting, running, LANES, usage or Usage(), 0.0)


def used(**seconds: float) -> Usage:
    usage = Usage()
    for name, spent_s in seconds.items():
        usage.add(Client(name, f"{name} 1"), spent_s, 0.0)
    return usage


def test_a_small_image_never_waits_behind_large_ones() -> None:
    first, second, third = large(), large(), large()
    one = small(BOB)
    assert chosen([third, one], [first, second]) is one
    assert chosen([third], [first, second]) is None, "the last decoder is for small images"


def test_small_images_take_no_decoder_from_large_ones_that_wait() -> None:
    first, second, big = small(), small(), large(BOB)
    assert chosen([second, big], [first]) is big
    assert chosen([second], [first]) is second, "nobody else needs it"
    assert chosen([second], [first, large(), large()]) is None


def test_the_client_that_used_less_comes_first() -> None:
    mine, theirs = large(ANN), large(BOB)
    assert chosen([mine, theirs], [], used(ann=5, bob=1)) is theirs
    assert chosen([mine, theirs], [], used(ann=1, bob=5)) is mine


def test_what_is_in_progress_counts_before_its_time_is_known() -> None:
    waiting = [large(ANN), large(BOB)]
    assert chosen(waiting, [large(ANN)]) is waiting[1]


def test_among_the_connections_of_one_address_the_idle_one_comes_first() -> None:
    busy, idle = Client("here", "here 1"), Client("here", "here 2")
    usage = Usage()
    usage.add(busy, 3.0, 0.0)
    waiting = [large(busy), large(idle)]
    assert chosen(waiting, [], usage) is waiting[1]


def test_equals_are_taken_by_size_and_then_as_they_came() -> None:
    first, second, lighter = large(), large(), large(pixels=30)
    assert chosen([first, second], []) is first
    assert chosen([first, second, lighter], []) is lighter


def test_a_client_beyond_its_budget_leaves_half_to_others_that_are_about() -> None:
    more = large(ANN)
    assert chosen([more], [large(ANN)], used(ann=25)) is more, "nobody else is about"
    assert chosen([more], [large(ANN)], used(ann=15, bob=1)) is more, "within its budget"
    assert chosen([more], [large(ANN)], used(ann=25, bob=1)) is None
    assert chosen([more], [], used(ann=25, bob=1)) is more


def test_large_images_start_only_while_their_memory_fits() -> None:
    assert chosen([large(pixels=70)], [large(BOB, pixels=40)]) is None
    huge = large(pixels=1000)
    assert chosen([huge], []) is huge, "alone it always does"


def test_old_use_is_forgotten() -> None:
    usage = used(ann=100)
    assert usage.names.of("ann", 30.0) == 50.0
    assert usage.names.of("ann", 600.0) < 0.001


def test_connections_without_end_do_not_fill_the_memory() -> None:
    usage = Usage()
    for number in range(20_000):
        usage.add(Client("ann", f"ann {number}"), 0.001, number / 1000)
    usage.add(BOB, 50.0, 20.0)
    for number in range(20_000, 30_000):
        usage.add(Client("ann", f"ann {number}"), 0.001, number / 1000)
    assert len(usage.connections._spent) <= 4096
    assert usage.connections.of("bob 1", 30.0) > 30, "the busiest are remembered"


def test_a_small_file_with_many_pixels_is_not_small() -> None:
    assert is_small(640 * 480, 100_000)
    assert not is_small(50_000_000, 1000)
    assert not is_small(640 * 480, 50_000_000)


jobs = st.builds(
    Job,
    client=st.sampled_from([ANN, BOB, Client("ann", "ann 2")]),
    pixels=st.integers(0, 120),
    is_small=st.booleans(),
    arrival=st.integers(0, 9),
)


@given(waiting=st.lists(jobs, min_size=1, max_size=8), spent=st.floats(0, 60))
def test_every_image_is_decoded_in_the_end_and_never_too_many_at_once(
    waiting: list[Job], spent: float
) -> None:
    usage, running, left = used(ann=spent, bob=1), [], list(waiting)
    while left or running:
        while (job := chosen(left, running, usage)) is not None:
            left.remove(job)
            running.append(job)
        assert running, "something that waits can start when nothing runs"
        assert len(running) <= 3
        assert sum(not job.is_small for job in running) <= 2
        running.pop(0)
