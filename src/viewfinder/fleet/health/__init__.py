"""Whether what is up is still any good: known images, silence, memory, and what was learned of each model."""
