"""The instrument against truths that are known: `make validate`; what was found is in docs/validity.md."""
