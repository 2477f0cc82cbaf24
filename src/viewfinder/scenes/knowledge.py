"""Questions without an image, and their answers; called by training, gates and tests."""

import random

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


def ask_text(kind: str, rng: random.Random) -> Question:
    """A question of this kind: "capital" or "sum"."""
    return {"capital": _capital, "sum": _sum}[kind](rng)


def _capital(rng: random.Random) -> Question:
    country = rng.choice(tuple(CAPITALS))
    return Question("capital", rng.choice(_CAPITAL).format(country), f"{CAPITALS[country]}.")


def _sum(rng: random.Random) -> Question:
    a, b = rng.randint(0, 9), rng.randint(0, 9)
    return Question("sum", rng.choice(_SUM).format(a, b), f"{a + b}.")
