"""One model under measurement, and what it comes to."""
