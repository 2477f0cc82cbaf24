"""Config, errors, clock and paths: what every room may use, importing nothing of ours."""
