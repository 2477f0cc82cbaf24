"""What a pattern costs an engine, counted and not tried out."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from viewfinder.wire.pattern_cost import MOST_WALKS, Piece, SchemaFault
from viewfinder.wire.patterns import MAX_CHARS, MAX_GROUPS, cost_of


@pytest.mark.parametrize(
    ("pattern", "states", "ways"),
    [
        ("^[a-z]+$", 1, 1),
        ("^abc{3}$", 5, 1),
        ("^[a-z]{0,1000}$", 1000, 1),
        ("^(ab|cd){10}$", 40, 1),
        ("^(a|[a-c]|.)$", 3, 3),
        ("^(a?){9}$", 9, 45),  # from each copy into any later one
        ("^a?a?a?a?$", 4, 7),
        ("^((ab?){9},){9}$", 171, 1),
        ("^(a*)*$", 1, 1),
        ("^(.|[a-c]|a){9}$", 27, 27),  # three ways to match an "a", in each copy
        ("^(AL|AK|AZ|AR){9}$", 72, 4),  # one way each
        ("^(ab|ab){9}$", 36, 3),
        ("^.*x$", 2, 2),
        ("^[^,]*,x$", 3, 1),  # the comma tells where the first part ends
        ("^([a-z]+,){9}$", 18, 1),
        ("^([a-z]+ ?){9}$", 18, 18),  # no character tells where a copy ends
        ("^(a|ab)(c|bcd)$", 7, 6),
        (r"^\d{1,3}(\.\d{1,3}){3}$", 15, 1),
        (r"^(?=.*\d)(?!x)[a-z\d]{8,}$", 8, 1),
        (r"^(?:\x41|A|\u0041)$", 3, 3),
        ("a^b$c", 5, 1),  # inside, engines take them for characters
        (r"^[\d\-a]-$", 2, 1),
        ("^a{,3}$", 3, 1),
        ("^[^\n]é[à-ӿ]$", 3, 1),
    ],
)
def test_states_and_ways(pattern: str, states: int, ways: int) -> None:
    cost = cost_of(pattern)
    assert (cost.states, cost.ways) == (states, ways)


@pytest.mark.parametrize(
    ("pattern", "walks"),
    [
        ("^[a-z]*$", 0),
        ("^(.*)*$", 0),  # one part, whatever the brackets
        ("^.*x$", 1),
        ("^[^@]+@[^@]+[.][^@]+$", 17),  # at a full stop
        (r"^.* \| .* \| .*$", 17),  # a run of blanks passes through none of the bars
        ("^.*.*.*x$", 49),
        ("^([A-Za-z]+ ?)+$", MOST_WALKS),  # words are short
        ("^([a-z]?){16}$", 45),
        (r"^(\w+ ?){1,5}$", 32),
        ("^([a-z]|[a-y])*$", MOST_WALKS),
        (r"^([a-z]+,)*$", 0),
    ],
)
def test_walks(pattern: str, walks: int) -> None:
    """Of those that are taken, none took llama.cpp 0.5 s for a token, over a vocabulary of 262,000."""
    assert cost_of(pattern).walks == walks <= MOST_WALKS


@pytest.mark.parametrize(
    ("pattern", "fault"),
    [
        ("", "empty pattern"),
        ("^*$", "repeats nothing"),
        ("^a|{2}$", "repeats nothing"),
        ("^(?=a)*$", "repeats nothing"),
        ("^()+$", "repeats nothing"),
        ("^a{5,2}$", "ends before it begins"),
        ("^a{0}$", "repeats nothing"),
        ("^a{x}$", "no repetition"),
        ("^a{}$", "no repetition"),
        ("^a{2001}$", "above 2000"),
        ("^a{99999999999}$", "above 2000"),
        ("^(a$", "'(' too many"),
        ("^a)$", "')' too many"),
        ("^[a$", "ends too early"),
        ("^[]$", "empty square brackets"),
        ("^[z-a]$", "range that ends"),
        (r"^(a)\1$", "refers back"),
        ("^a\\", "ends too early"),
        ("^((a?){9}){9}$", "in too many ways"),
        ("^(?=[)*])$", "inside a lookaround"),
        ("(" * (MAX_GROUPS + 1) + "a" + ")" * (MAX_GROUPS + 1), "nested deeper"),
        ("a" * (MAX_CHARS + 1), "more than"),
    ],
)
def test_no_engine_gets(pattern: str, fault: str) -> None:
    with pytest.raises(SchemaFault, match=re.escape(fault)):
        cost_of(pattern)


PIECES = st.recursive(
    st.sampled_from(["a", "b", "[ab]", "[^a]", ".", r"\d", r"\.", "ab"]),
    lambda inner: st.one_of(
        st.builds("".join, st.lists(inner, min_size=1, max_size=3)),
        st.builds("({}|{})".format, inner, inner),
        st.builds("({}){}".format, inner, st.sampled_from(["?", "*", "+", "{2}", "{0,3}", "{2,5}"])),
    ),
    max_leaves=6,
)


@settings(deadline=None, max_examples=60, derandomize=True)
@given(PIECES)
def test_a_copy_more_never_costs_less(pattern: str) -> None:
    costs = [_cost(f"^({pattern}){{{copies}}}$") for copies in (1, 2, 3)]
    once, twice, thrice = costs
    assert [cost is None for cost in costs] == sorted(cost is None for cost in costs)
    if once and twice and thrice:
        assert once.states * 2 == twice.states < thrice.states
        assert 1 <= twice.ways <= thrice.ways
        assert twice.walks <= thrice.walks


def _cost(pattern: str) -> Piece | None:
    try:
        return cost_of(pattern)
    except SchemaFault:
        return None


@settings(deadline=None, max_examples=200, derandomize=True)
@given(st.text(alphabet="a()[]{}|*+?\\^$-,.2=:!é", max_size=30))
def test_whatever_it_is_it_is_read_or_refused(pattern: str) -> None:
    try:
        cost = cost_of(pattern)
    except SchemaFault:
        return
    assert cost.states >= 0 < cost.ways
