"""The entry point: `viewfinder`, and `python -m viewfinder`.

It handles Ctrl-C before it imports what takes time.
"""

import gc

gc.set_threshold(10_000)
"""A start makes a quarter of a million objects that stay; Python would look through them every 700."""

try:
    from viewfinder.cli import interrupts

    interrupts.before_work()
except KeyboardInterrupt:
    raise SystemExit(130) from None


def main() -> None:
    """Run the command that was typed; see `cli/main`."""
    from viewfinder.cli.main import main as run

    run()


if __name__ == "__main__":
    main()
