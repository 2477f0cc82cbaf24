"""The gateway of `tests/gateway`, over an engine that does what it is told."""

from tests.gateway.conftest import start

__all__ = ["start"]
