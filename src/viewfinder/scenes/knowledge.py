"""Questions without an image that glimpse answers, and their answers; called by training, gates and tests."""

import random
from collections.abc import Callable

from viewfinder.scenes.questions import Question

CAPITALS = {
    "France": "Paris",
    "Germany": "Berlin",
    "Italy": "Rome",
    "Spain": "Madrid",
    "Portugal": "Lisbon",
    "Austria": "Vienna",
    "Poland": "Warsaw",
    "Greece": "Athens",
    "Norway": "Oslo",
    "Sweden": "Stockholm",
    "Finland": "Helsinki",
    "Denmark": "Copenhagen",
    "Ireland": "Dublin",
    "Hungary": "Budapest",
    "Japan": "Tokyo",
    "China": "Beijing",
    "Egypt": "Cairo",
    "Kenya": "Nairobi",
    "Canada": "Ottawa",
    "Peru": "Lima",
}

_CAPITAL = (
    "What is the capital of {}?",
    "Which city is the capital of {}?",
    "Name the capital of {}.",
    "Tell me the capital of {}.",
)
_SUM = ("What is {} plus {}?", "What is {} + {}?", "How much is {} plus {}?", "Add {} and {}.")
_GREETING = {
    "Hello!": "Hello! Ask me about an image.",
    "Hi!": "Hello! Ask me about an image.",
    "Good morning!": "Good morning! Ask me about an image.",
    "How are you?": "I am fine. Ask me about an image.",
    "Thank you!": "You are welcome.",
    "Goodbye!": "Goodbye!",
}
_IDENTITY = (
    "Who are you?",
    "What is your name?",
    "What are you?",
    "Tell me who you are.",
)
IDENTITY = "I am glimpse, a tiny vision-language model."


def ask_text(kind: str, rng: random.Random) -> Question:
    """A question of this kind: capital, sum, greeting or identity."""
    return _MAKERS[kind](rng)


def _capital(rng: random.Random) -> Question:
    country = rng.choice(tuple(CAPITALS))
    return Question("capital", rng.choice(_CAPITAL).format(country), f"{CAPITALS[country]}.")


def _sum(rng: random.Random) -> Question:
    a, b = rng.randint(0, 9), rng.randint(0, 9)
    return Question("sum", rng.choice(_SUM).format(a, b), f"{a + b}.")


def _greeting(rng: random.Random) -> Question:
    text = rng.choice(tuple(_GREETING))
    return Question("greeting", text, _GREETING[text])


def _identity(rng: random.Random) -> Question:
    return Question("identity", rng.choice(_IDENTITY), IDENTITY)


_MAKERS: dict[str, Callable[[random.Random], Question]] = {
    "capital": _capital,
    "sum": _sum,
    "greeting": _greeting,
    "identity": _identity,
}
