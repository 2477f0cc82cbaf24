"""Pictures with exact answers, for training, the canary, measures and tests."""
