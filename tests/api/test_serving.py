"""What `serve` says once it listens."""

import signal
import socket

from viewfinder.api.serving import Serving, serve
from viewfinder.core.config import Settings


def test_the_notice_names_the_port_that_is_taken() -> None:
    """It named the port that it listens on twice, and the one that is taken nowhere."""
    heard: list[Serving] = []

    def on_ready(serving: Serving) -> None:
        heard.append(serving)
        signal.raise_signal(signal.SIGTERM)

    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        serve(settings=Settings(port=taken), on_ready=on_ready)
    (serving,) = heard
    port = serving.url.rpartition(":")[2]
    assert port != str(taken)
    assert serving.notice.startswith(f"Port {taken} is taken by ")
    assert serving.notice.endswith(f"; listening on port {port} instead.")
