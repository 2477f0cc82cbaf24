"""Pictures with exact answers; training, the canary, benchmarks and tests all draw from here."""
