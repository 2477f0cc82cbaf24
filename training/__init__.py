"""How glimpse is made, from nothing: `python -m training` (see MODEL_CARD.md for the recipe)."""
