"""Server-sent events, both ways: `client` reads an engine's, `gateway` writes ours.

https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
"""

from viewfinder.core.errors import EngineRefused

DONE = "[DONE]"
"""The payload of the last event of a chat stream."""

MAX_EVENT_BYTES = 8 * 1024 * 1024
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class EventReader:
    """Turns bytes, split anywhere, into the `data` payloads of complete events.

    Bytes are decoded line by line, so a character that is split in two arrives intact. Comments and other
    fields are dropped. An incomplete event is never returned.
    """

    def __init__(self) -> None:
        self._line = bytearray()
        self._data: list[bytes] = []
        self._data_bytes = 0
        self._after_cr = False
        self._is_first = True

    def feed(self, data: bytes) -> list[str]:
        """Payloads completed by `data`. Raises EngineRefused for an event over 8 MiB or not in UTF-8."""
        if not data:
            return []
        ends_with_cr = data.endswith(b"\r")
        if self._after_cr:  # the "\n" of a "\r\n" that was split in two
            data = data.removeprefix(b"\n")
        self._after_cr = ends_with_cr
        payloads: list[str] = []
        for piece in data.splitlines(keepends=True):
            line = piece.rstrip(b"\r\n")
            is_whole = len(line) < len(piece)
            if self._line or not is_whole:
                self._line += line
                line = bytes(self._line) if is_whole else line
            if max(len(line), len(self._line)) + self._data_bytes > MAX_EVENT_BYTES:
                raise EngineRefused(f"The engine sent an event of more than {MAX_EVENT_BYTES} bytes.")
            if is_whole:
                self._line.clear()
                if self._is_first:
                    line, self._is_first = line.removeprefix(BYTE_ORDER_MARK), False
                if line:
                    self._take(line)
                elif self._data:
                    payloads.append(self._whole_event())
        return payloads

    def _take(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if name == b"data":
            value = value.removeprefix(b" ")
            self._data.append(value)
            self._data_bytes += len(value) + 1

    def _whole_event(self) -> str:
        joined = b"\n".join(self._data)
        self._data.clear()
        self._data_bytes = 0
        try:
            return joined.decode("utf-8")
        except UnicodeDecodeError:
            raise EngineRefused("The engine sent an event that is not UTF-8.") from None


def event(payload: bytes, name: str = "") -> bytes:
    """One event that carries `payload`, with or without a name."""
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + payload.replace(b"\n", b"\ndata: ") + b"\n\n"


DONE_EVENT = event(DONE.encode())
