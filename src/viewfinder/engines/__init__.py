"""How each engine is found and started; this room starts nothing itself."""
