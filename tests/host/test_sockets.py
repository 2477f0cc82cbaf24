import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psutil
import pytest

from viewfinder.core.errors import AlreadyRunning, BadRequest, PortInUse, ViewfinderError
from viewfinder.host.listeners import Holder
from viewfinder.host.sockets import Bound, bind_port, socket_path, url

HEALTH = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{"service":"viewfinder","status":"ok"}'


@contextmanager
def listening(answer: Callable[[socket.socket], None], host: str = "127.0.0.1") -> Iterator[int]:
    """A foreign listener; `answer` is run on every connection, after its request was read."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(4096)
                    answer(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def free_ports(many: int) -> int:
    """The first of `many` free ports in a row."""
    for first in range(21000, 31000, many):
        taken = []
        try:
            for port in range(first, first + many):
                taken.append(socket.create_server(("127.0.0.1", port)))
        except OSError:
            continue
        finally:
            for listener in taken:
                listener.close()
        return first
    raise AssertionError("no free ports")


@pytest.fixture
def bind() -> Iterator[Callable[..., Bound]]:
    """bind_port, whose sockets are closed afterwards."""
    bound: list[Bound] = []

    def bind(host: str, port: int, *, strict: bool = False, **options: int) -> Bound:
        bound.append(bind_port(host, port, strict=strict, **options))
        return bound[-1]

    yield bind
    for one in bound:
        one.socket.close()


def test_a_free_port_is_taken_and_listens_at_once(bind):
    port = free_ports(1)
    bound = bind("127.0.0.1", port)
    assert (bound.host, bound.port, bound.moved_from) == ("127.0.0.1", port, None)
    socket.create_connection(("127.0.0.1", port), timeout=1).close()


def test_port_0_is_any_free_port(bind):
    first, second = bind("127.0.0.1", 0), bind("127.0.0.1", 0)
    assert 0 not in (first.port, second.port)
    assert first.port != second.port


@pytest.mark.parametrize("host", ["::1", "[::1]"])
def test_ipv6_works(bind, host):
    bound = bind(host, 0)
    assert bound.host == "::1"
    socket.create_connection(("::1", bound.port), timeout=1).close()


def test_a_name_with_both_addresses_is_ipv4(bind, monkeypatch):
    both = [
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 0, 0, 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)
    assert bind("localhost", 0).socket.family == socket.AF_INET


def test_no_other_program_can_listen_on_our_port(bind):
    bound = bind("127.0.0.1", 0)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        with pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", bound.port))


def test_a_foreign_program_is_named_and_the_next_port_taken(bind):
    with listening(lambda connection: connection.sendall(b"HTTP/1.1 404 Not Found\r\n\r\n")) as port:
        bound = bind("127.0.0.1", port)
        assert port < bound.port <= port + 20
        assert bound.moved_from == Holder(os.getpid(), psutil.Process().name())
        assert f"(process {os.getpid()})" in str(bound.moved_from)
        socket.create_connection(("127.0.0.1", port), timeout=1).close()  # it still listens


def test_strict_refuses_and_names_the_holder():
    with listening(lambda _: None) as port, pytest.raises(PortInUse) as caught:
        bind_port("127.0.0.1", port, strict=True)
    assert (
        f"Port {port} is used by {psutil.Process().name()} (process {os.getpid()})." in caught.value.message
    )
    assert "--strict-port" in caught.value.hint


def test_a_holder_that_cannot_be_known_is_another_users(monkeypatch):
    monkeypatch.setattr(psutil, "process_iter", lambda: [])
    with (
        listening(lambda _: None) as port,
        pytest.raises(PortInUse, match="used by a program of another user"),
    ):
        bind_port("127.0.0.1", port, strict=True)


def test_when_all_are_taken_it_says_so():
    first = free_ports(3)
    taken = [socket.create_server(("127.0.0.1", first + n)) for n in range(3)]
    try:
        with pytest.raises(PortInUse, match="the 2 ports after it are in use too"):
            bind_port("127.0.0.1", first, strict=False, tries=2)
    finally:
        for listener in taken:
            listener.close()


def test_the_last_port_has_no_next(bind):
    bound = bind("127.0.0.1", 65535)
    with pytest.raises(PortInUse):
        bind_port("127.0.0.1", bound.port, strict=False)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_another_viewfinder_is_recognised(host):
    with listening(lambda connection: connection.sendall(HEALTH), host) as port:
        with pytest.raises(AlreadyRunning) as caught:
            bind_port(host, port, strict=False)
        assert url(host, port) in caught.value.message
        assert caught.value.exit_code == 3


def test_another_viewfinder_is_recognised_when_we_ask_for_every_address():
    with listening(lambda connection: connection.sendall(HEALTH)) as port, pytest.raises(AlreadyRunning):
        bind_port("0.0.0.0", port, strict=False)


def test_a_viewfinder_that_keeps_the_connection_open_is_recognised():
    done = threading.Event()

    def keep_open(connection: socket.socket) -> None:
        connection.sendall(HEALTH)
        done.wait(10)

    with listening(keep_open) as port:
        with pytest.raises(AlreadyRunning):
            bind_port("127.0.0.1", port, strict=False)
        done.set()


@pytest.mark.parametrize("answer", [b"", b"\x00" * 200_000, b"HTTP/1.1 200 OK\r\n\r\n[1]", HEALTH[:-4]])
def test_a_listener_without_our_health_reply_is_foreign(bind, answer):
    def say(connection: socket.socket) -> None:
        with suppress(OSError):  # we close the connection when a reply is too long
            connection.sendall(answer)

    with listening(say) as port:
        assert bind("127.0.0.1", port).moved_from is not None


def test_a_listener_that_drips_costs_one_second(bind):
    hung_up = threading.Event()

    def drip(connection: socket.socket) -> None:
        try:
            while not hung_up.wait(0.05):
                connection.sendall(b" ")
        except OSError:
            hung_up.set()

    with listening(drip) as port:
        started_s = time.monotonic()
        assert bind("127.0.0.1", port).moved_from is not None
        assert time.monotonic() - started_s < 3
        assert hung_up.wait(5)


def test_of_a_listener_that_floods_little_is_read(bind):
    sent = []

    def flood(connection: socket.socket) -> None:
        with suppress(OSError):
            while True:
                sent.append(connection.send(b"x" * 65536))

    with listening(flood) as port:
        assert bind("127.0.0.1", port).moved_from is not None
    assert sum(sent) < 16 * 1024 * 1024  # what fits into the buffers on the way


def test_an_address_of_another_computer_is_an_error():
    with pytest.raises(BadRequest, match=r"Cannot listen on 192\.0\.2\.1"):
        bind_port("192.0.2.1", 0, strict=False)
    with pytest.raises(BadRequest, match="not an address"):
        bind_port("no such host", 0, strict=False)


def test_a_socket_path_is_short_and_private(tmp_path):
    path = socket_path(tmp_path / "run", "abc")
    assert path == tmp_path / "run" / "abc.sock"
    assert path.parent.stat().st_mode & 0o777 == 0o700
    with pytest.raises(ViewfinderError) as caught:
        socket_path(tmp_path / ("x" * 100), "abc")
    assert "VIEWFINDER_HOME" in caught.value.hint
