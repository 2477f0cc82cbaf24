"""From log-probabilities of an answer's tokens to the probabilities of the named answers; called by the
gateway and by measure.

The first token decides, as long as it tells the answers apart. It does not where answers begin with the same
one, or where one is not among those that an engine reports: then the likelihood of each whole answer is
taken, with the output held to that answer by a grammar. llama.cpp's log-probabilities are those before the
grammar (`tests/e2e/test_openai_client.py`).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

TOP_TOKENS = 20
"""As many as OpenAI's API, and the engines, report."""
NEGLIGIBLE = 0.005
"""The share of the named answers that may be in doubt: less changes no decision, and would cost a request for
each answer."""
LEAST = 1e-9
"""No answer counts for a smaller part of the likeliest one: its logarithm would outweigh the other order."""
MORE_TOKENS = 4
"""How many tokens an answer may take beyond one for each of its bytes."""


@dataclass(frozen=True, slots=True)
class Mass:
    """The probability of each named answer as a model gives it: together at most 1, for it may say anything
    else."""

    answers: tuple[float, ...]

    @property
    def together(self) -> float:
        return min(1.0, sum(self.answers))

    @property
    def shares(self) -> tuple[float, ...]:
        """Each among the named answers alone; all alike where a model gives none of them."""
        largest = max(self.answers)
        known = [max(one / largest, LEAST) if largest else 1.0 for one in self.answers]
        return tuple(one / sum(known) for one in known)


def of_first_token(tokens: Any, answers: Sequence[str]) -> Mass | None:
    """The mass of each answer by the first token of a reply; None where that does not tell them apart.

    `tokens`: the log-probabilities of a reply, as `replies` cleans them. Raises ValueError where they are not
    those of OpenAI's API.
    """
    likely = _likely(tokens)
    plain = [answer.strip().casefold() for answer in answers]
    masses, shared = [0.0] * len(answers), 0.0
    for token, probability in likely:
        begun = [at for at, answer in enumerate(plain) if _begins(token, answer)]
        if len(begun) == 1:
            masses[begun[0]] += probability
        elif begun:
            shared += probability
    least = min((probability for _, probability in likely), default=1.0)
    doubtful = NEGLIGIBLE * sum(masses)
    if shared > doubtful or (0.0 in masses and least > doubtful):
        return None
    return Mass(tuple(mass or least for mass in masses))


def _begins(token: str, answer: str) -> bool:
    """Whether a reply that begins with the token may be this answer."""
    token = token.strip().casefold()
    if answer.startswith(token):  # also nothing but a space
        return True
    return token.startswith(answer) and not token[len(answer)].isalnum()


def _likely(tokens: Any) -> list[tuple[str, float]]:
    """The likeliest first tokens, each with its probability."""
    if not isinstance(tokens, list) or not tokens:
        raise ValueError("the reply has no log-probabilities")
    tops = [*tokens[0].get("top_logprobs", ())] or [tokens[0]]
    return [(str(top.get("token") or ""), _probability(top.get("logprob"))) for top in tops]


def _probability(logprob: Any) -> float:
    if isinstance(logprob, bool) or not isinstance(logprob, int | float) or math.isnan(logprob):
        raise ValueError("a log-probability is not a number")
    return math.exp(min(0.0, logprob))


def grammar_of(answer: str) -> str:
    """The grammar that holds an output to one answer, in letters of either case, maybe behind a space.

    Every character is written by its number: nothing of an answer is read as a part of the grammar.
    """
    return f'root ::= " "? {" ".join(map(_either_case, answer.strip()))}'


def _either_case(character: str) -> str:
    cases = sorted({character, character.lower(), character.upper()})
    same = [one for one in cases if len(one) == 1 and one.casefold() == character.casefold()]
    return "[" + "".join(f"\\U{ord(one):08X}" for one in same) + "]"


def tokens_for(answer: str) -> int:
    """More tokens than the answer can take."""
    return len(answer.encode()) + MORE_TOKENS


def of_whole_answer(tokens: Any, answer: str) -> float:
    """The likelihood of an answer, from the reply of an engine that was held to it.

    Raises ValueError where the reply is not the answer.
    """
    said, logprob, wanted = b"", 0.0, answer.strip().casefold()
    for token in tokens if isinstance(tokens, list) else ():
        said += _bytes_of(token)
        logprob += math.log(max(_probability(token.get("logprob")), 1e-300))
        if said.decode("utf-8", "replace").strip().casefold() == wanted:
            return min(1.0, math.exp(logprob))
    raise ValueError("the reply is not the answer that it was held to")


def _bytes_of(token: Mapping[str, Any]) -> bytes:
    raw = token.get("bytes")
    return bytes(raw) if isinstance(raw, list) else str(token.get("token") or "").encode()


def together(masses: Sequence[Mass]) -> tuple[float, ...]:
    """The probabilities of the answers over all orders, together 1.

    The mean is that of the logarithms: a preference for the answer named first adds to a logit, so that it
    cancels in the mean of both orders.
    """
    shares = [mass.shares for mass in masses]
    means = [math.exp(sum(map(math.log, each)) / len(each)) for each in zip(*shares, strict=True)]
    return tuple(mean / sum(means) for mean in means)


def order_difference(masses: Sequence[Mass]) -> float:
    """By how much the probability of an answer differs between the orders, at most."""
    shares = [mass.shares for mass in masses]
    return max((max(each) - min(each) for each in zip(*shares, strict=True)), default=0.0)
