"""What a `pattern` costs an engine: how many states it has once every repetition is written out, and in how
many ways one text may lead through them; called by `patterns`.

An engine follows all of these ways, for each token of its vocabulary: `(a?){1900}` has 1900 after a single
letter, and stopped llama.cpp for good, while `[a-z]{1900}` has one. Only their order of size counts. Within
one token llama.cpp does not notice that two ways have met: `(.+)+` has few of them, and 2^64 walks through a
token of 64 blanks and a line end. So the borders that such a token can cross anywhere are counted, too.

Measured with llama.cpp's own grammar code, at the worst place of a text, over a vocabulary of 152,000 tokens,
where one way takes 12 ms: 150 ways of `a*a{1,150}` about 220 ms, 136 of `([a-z]?){16}` 85, `.*.*.*x` 137,
`([a-z]+ ?){1,20}` 220, but `(\\w+\\s?){1,50}` 4,700, `.*.*.*.*x` 1,950, and `(.+)+` was given up after 55 s.
Characters are sets of bits, one for each of the first 256 and one for all others; where a set is not known,
it is ANY, which costs more.
"""

import functools
import math
import operator
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

OTHER_CHARACTERS = 1 << 256
ANY = (OTHER_CHARACTERS << 1) - 1
REPEATED_CHOICES = 3
"""A choice between alternatives that match the same text, if it is repeated, counts as this many of them in a
row: an engine tries all combinations."""
_MANY = 10**6
_WIDE_CHARACTERS, _WIDE_SHARE = 240, 32
"""A state that takes nearly every character leaves no token for the others to try: this many of them cost as
much as one that does not."""

_RUNS = sum(1 << ord(mark) for mark in " \t\n\r\f\v\xa0-=.*/#\\~+<>|!?") | OTHER_CHARACTERS
"""Characters that vocabularies have in long runs, so in tokens of 64 of them and more."""
_OF_RUN, _OF_ONE_RUN, _OF_UNDERSCORE, _OF_LETTER, _OF_ONE_LETTER = 24, 17, 8, 3, 1
MOST_WALKS = 52
"""How many uncertain borders may follow each other, each counted by the tokens that it is crossed in."""


class SchemaFault(ValueError):
    """What is wrong with a schema or its pattern: the rest of a sentence that begins with "The schema"."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a pattern: `states` written out; `ways`, how many an engine follows at a time; `first`, what
    it begins with; `more`, what can still follow where it could have ended already.

    `length` is that of every text that it matches, None when they differ; `lengths`, how many there are.
    `starts` and `ends` count the states that it may begin and end with, `alike` the ways to match one text.
    `word`: the only one that it matches. `wide` of the states take nearly every character.

    `walks` counts the uncertain borders in its worst stretch, `head` and `tail` those of the stretches at its
    beginning and end, which are one unless it `is_cut`: a run of one character cannot pass through all of it.
    `head_runs` and `tail_runs` are the characters of which a run can pass through these. `choices` counts
    the `choices_at` some characters between alternatives that match the same text, in one copy of the piece.
    `characters`: all that belong to it.
    """

    states: int
    ways: int
    first: int
    more: int = 0
    is_optional: bool = False
    length: int | None = 1
    starts: int = 1
    ends: int = 1
    alike: int = 1
    word: str | None = None
    lengths: int = 1
    wide: int = 0
    walks: float = 0
    head: float = 0
    tail: float = 0
    is_cut: bool = False
    choices: float = 0
    choices_at: int = 0
    characters: int = 0
    head_runs: int = 0
    tail_runs: int = 0

    def meets(self, following: "Piece") -> int:
        """The characters that may belong to this piece as well as to the one behind it."""
        return (self.more | (self.first if self.is_optional else 0)) & following.first

    @property
    def weight(self) -> int:
        """The states, by what it costs when all of them are followed at the same time."""
        return self.states - self.wide + -(-self.wide // _WIDE_SHARE)


EMPTY = Piece(0, 1, 0, is_optional=True, length=0, starts=0, ends=0, word="")


def character(characters: int) -> Piece:
    """One character out of a set."""
    is_wide = characters.bit_count() >= _WIDE_CHARACTERS
    return Piece(
        1, 1, characters, wide=int(is_wide), characters=characters, head_runs=characters, tail_runs=characters
    )


def literal(word: str) -> Piece:
    """These characters, in this order."""
    every = functools.reduce(operator.or_, map(bit_of, word))
    first, last = bit_of(word[0]), bit_of(word[-1])
    is_cut = every != first
    return Piece(
        len(word),
        1,
        first,
        length=len(word),
        word=word,
        is_cut=is_cut,
        characters=every,
        head_runs=first,
        tail_runs=last,
    )


def bit_of(mark: str) -> int:
    """The set of one character."""
    return 1 << min(ord(mark), 256)


def joined(before: Piece, after: Piece) -> Piece:
    """One piece behind another. Where the border is not certain, the second may begin at every character."""
    ways = max(before.ways, after.ways)
    if shared := before.meets(after):
        begun = min(after.weight, before.lengths * after.ways)
        ways = before.ways + max(begun, min(before.ends, before.ways) * after.starts)
    whole = Piece(
        before.states + after.states,
        ways,
        before.first | (after.first if before.is_optional else 0),
        after.more | (before.more | after.first if after.is_optional else 0),
        before.is_optional and after.is_optional,
        None if before.length is None or after.length is None else before.length + after.length,
        before.starts + (after.starts if before.is_optional else 0),
        after.ends + (before.ends if after.is_optional else 0),
        min(before.alike * after.alike, _MANY),
        None if before.word is None or after.word is None else before.word + after.word,
        min(before.lengths * after.lengths, _MANY),
        before.wide + after.wide,
        choices=before.choices + after.choices,
        choices_at=before.choices_at | after.choices_at,
        characters=before.characters | after.characters,
    )
    return _with_stretches(whole, before, after, shared)


def _with_stretches(whole: Piece, before: Piece, after: Piece, shared: int) -> Piece:
    """Two pieces as one, with the uncertain borders that follow each other in them."""
    if not before.states or not after.states:
        only = after if after.states else before
        return replace(
            whole,
            walks=only.walks,
            head=only.head,
            tail=only.tail,
            is_cut=only.is_cut,
            head_runs=only.head_runs,
            tail_runs=only.tail_runs,
        )
    is_cut = not (shared or before.tail_runs & after.head_runs)
    between = 0 if is_cut else before.tail + after.head + (_walks_of(shared) if shared else 0)
    through_before = 0 if before.is_cut or is_cut else before.head_runs & after.head_runs
    through_after = 0 if after.is_cut or is_cut else before.tail_runs & after.tail_runs
    return replace(
        whole,
        walks=max(before.walks, after.walks, between),
        head=before.head if before.is_cut or is_cut else between,
        tail=after.tail if after.is_cut or is_cut else between,
        is_cut=before.is_cut or after.is_cut or is_cut,
        head_runs=through_before or before.head_runs | (after.head_runs if before.is_optional else 0),
        tail_runs=through_after or after.tail_runs | (before.tail_runs if after.is_optional else 0),
    )


def _walks_of(shared: int) -> int:
    """What an uncertain border counts at these characters."""
    if runs := shared & _RUNS:
        return _OF_RUN if runs.bit_count() > 1 else _OF_ONE_RUN
    if shared.bit_count() == 1 and shared != bit_of("_"):
        return _OF_ONE_LETTER
    return _OF_UNDERSCORE if shared & bit_of("_") else _OF_LETTER


def either(pieces: Sequence[Piece]) -> Piece:
    """One of several: those that begin alike are followed together."""
    if len(pieces) == 1:
        return pieces[0]
    ways, first, more, are_alike, characters = 0, 0, 0, False, 0
    for piece in pieces:
        is_alike = bool(piece.first & first)
        ways = ways + piece.ways if is_alike else max(ways, piece.ways)
        are_alike, first, more = are_alike or is_alike, first | piece.first, more | piece.more
        characters |= piece.characters
    choices, choices_at = _choices(pieces)
    lengths = {piece.length for piece in pieces}
    is_fixed = len(lengths) == 1 and None not in lengths
    return Piece(
        sum(piece.states for piece in pieces),
        ways,
        first,
        characters if are_alike and not is_fixed else more,  # one may end where another continues
        any(piece.is_optional for piece in pieces),
        lengths.pop() if is_fixed else None,
        sum(piece.starts for piece in pieces),
        sum(piece.ends for piece in pieces),
        _matches_of_one_text(pieces),
        lengths=min(len(lengths) if None not in lengths else sum(piece.lengths for piece in pieces), _MANY),
        wide=sum(piece.wide for piece in pieces),
        walks=max(piece.walks for piece in pieces),
        head=max(piece.head for piece in pieces),
        tail=max(piece.tail for piece in pieces),
        is_cut=all(piece.is_cut for piece in pieces),
        choices=max(piece.choices for piece in pieces) + choices,
        choices_at=functools.reduce(operator.or_, (piece.choices_at for piece in pieces)) | choices_at,
        characters=characters,
        head_runs=functools.reduce(operator.or_, (piece.head_runs for piece in pieces)),
        tail_runs=functools.reduce(operator.or_, (piece.tail_runs for piece in pieces)),
    )


def repeated(piece: Piece, least: int, most: int | None) -> Piece:
    """A repetition; `most` None: without end, which costs one copy more than `least` at most.

    Where the border between two copies is not certain, a text may be in any of them; from a copy that may be
    empty, it may continue in any later one.
    """
    copies = max(least, 1) if most is None else most
    states, varies = piece.states * copies, most is None or most > least
    is_certain = most == 1 or not (piece.is_optional or piece.meets(piece))
    ways, starts, ends, alike = piece.ways, piece.starts, piece.ends, piece.alike
    if most != 1:
        ways = max(ways, math.ceil(alike ** (REPEATED_CHOICES / max(piece.length or 1, 1))))
        alike = min(alike ** min(copies, 20), _MANY)
    if not is_certain:
        ways, ends = max(ways, states), ends * copies
    if piece.is_optional and most != 1:
        ways, starts = max(ways, states * (states + 1) // 2), starts * copies
    of_one_copy = piece.lengths + (least == 0)
    within = replace(
        piece,
        states=states,
        ways=ways,
        more=piece.more | (piece.first if varies or piece.is_optional else 0),
        is_optional=least == 0 or piece.is_optional,
        length=None if varies or piece.length is None else piece.length * least,
        starts=starts,
        ends=ends,
        alike=alike,
        word=None,
        lengths=_MANY if most is None else min(of_one_copy * (copies - max(least, 1) + 1), _MANY),
        wide=piece.wide * copies,
    )
    if most == 1:
        return within
    is_star = most is None and piece.is_optional and piece.states == 1 and not piece.walks
    if is_star and least == 0:  # (a*)* and (a?)* are a*
        return within
    return _with_walks(within, piece, copies + 1 if is_star else None if most is None else most)


def _with_walks(within: Piece, piece: Piece, copies: int | None) -> Piece:
    """A repetition with the uncertain borders in and between its copies; None: without end."""
    shared, passing = piece.meets(piece), piece.tail_runs & piece.head_runs
    if not (shared or piece.choices or passing):
        return within
    if piece.is_cut and not (shared or piece.choices):
        return replace(within, walks=max(piece.walks, piece.tail + piece.head))
    walks = _walks_across(piece, shared, copies)
    return replace(within, walks=walks, head=walks, tail=walks, is_cut=False)


def _walks_across(piece: Piece, shared: int, copies: int | None) -> float:
    """The walks of a repetition whose copies are not told apart at the `shared` characters, or in which each
    copy has choices. Words are short, so in letters alone their number has an end."""
    of_border = _walks_of(shared) if shared else 0
    if not (of_border or piece.walks or piece.choices):
        return 0
    is_words = not (shared | piece.choices_at) & (_RUNS | bit_of("_"))
    is_bounded = is_words and piece.walks == 0 and max(of_border, piece.choices) <= _OF_LETTER
    if copies is None:
        return MOST_WALKS if is_bounded else math.inf
    walks = copies * (piece.walks + piece.choices) + (copies - 1) * of_border
    return min(walks, MOST_WALKS) if is_bounded else walks


def _choices(pieces: Sequence[Piece]) -> tuple[float, int]:
    """What the choice between alternatives counts that match the same text, and at which characters."""
    words = Counter(piece.word for piece in pieces if piece.word is not None)
    once = twice = thrice = 0
    for piece in pieces:
        if piece.word is None or words[piece.word] > 1 or len(piece.word) == 1:
            thrice |= twice & piece.first
            twice |= once & piece.first
            once |= piece.first
    return sum(_walks_of(mask) for mask in (twice, thrice) if mask.bit_count() > 1 or mask & _RUNS), twice


def _matches_of_one_text(alternatives: Sequence[Piece]) -> int:
    """In how many ways the alternatives match one text. Of words, only equal ones match the same."""
    words = Counter(piece.word for piece in alternatives if piece.word is not None)
    masks = [piece.first for piece in alternatives if piece.word is None for _ in range(min(piece.alike, 99))]
    begun_by_words = 0
    for piece in alternatives:
        begun_by_words |= piece.first if piece.word is not None else 0
    return max(1, _most_common([*masks, *[begun_by_words] * max(words.values(), default=0)]))


def _most_common(masks: Iterable[int]) -> int:
    """In how many of the masks the bit is set that is set in most. Plane n has bit n of each bit's count."""
    planes: list[int] = []
    for mask in masks:
        carry, at = mask, 0
        while carry:
            if at == len(planes):
                planes.append(0)
            planes[at], carry, at = planes[at] ^ carry, planes[at] & carry, at + 1
    count, left = 0, ANY
    for power in range(len(planes) - 1, -1, -1):
        if left & planes[power]:
            count, left = count + (1 << power), left & planes[power]
    return count
