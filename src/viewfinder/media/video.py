"""The frames of a video file, decoded by FFmpeg (PyAV); called by `clip`, in the decoder's process only.

FFmpeg reads much more than video: playlists, lists of files, addresses. None of it is reached here:

    the form      what `clip_kind` saw is the only one that is read, whatever FFmpeg would take the file for
    other files   none: FFmpeg reads from memory, may use no protocol, and is answered with an error whenever
                  it wants to open something
    codecs        those that cameras, phones and browsers write; no others are started
    what it says  is not believed: how many frames there are, and when, is counted in the file itself
"""

import io
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

from PIL import Image

from viewfinder.media.clip_kind import ClipKind
from viewfinder.media.frames import ClipOrder, Order
from viewfinder.media.header import Refused
from viewfinder.media.moments import LOOK_EDGE
from viewfinder.media.picture import MAX_ASPECT, Picture, plain_picture, size_within

if TYPE_CHECKING:
    from av import Packet, VideoFrame

FORMS = {"mov": "mov,mp4,m4a,3gp,3g2,mj2", "matroska": "matroska,webm", "ogg": "ogg"}
"""FFmpeg's names of the forms, by ours."""
CODECS = ("h264", "hevc", "vp8", "vp9", "libdav1d", "av1", "mpeg4", "theora", "mjpeg")
"""Of FFmpeg's decoders."""
MOST_COUNTED = 100_000
MOST_TIMES_READ = 2
"""A file whose frames have more than this many times its own bytes says something untrue."""
ALL_LOOKED_AT = 1_000_000_000
"""Pixels of all frames together; of a clip with more, only those are looked at that need no others."""
WHOLE = 0.9
"""The part of the frames that a file declares, below which it is not whole."""
NAMED = 4
"""A clip whose frames are larger than allowed by up to this is refused by its size; a larger one as damaged,
because FFmpeg never makes a frame of it."""
MOST_STRETCHED = 4
"""A pixel may be this many times as wide as it is high, or the other way round."""
UPRIGHT_TURNS = {
    90: Image.Transpose.ROTATE_90,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_270,
}


class Video:
    """The footage of one file. Raises Refused, from its methods too."""

    def __init__(self, data: bytes, kind: ClipKind, order: ClipOrder) -> None:
        try:
            import av
        except ImportError:
            raise Refused("not_installed") from None
        self._errors = (av.error.FFmpegError, ValueError)
        av.logging.set_level(None)
        try:
            container = av.open(
                io.BytesIO(data),
                format=kind,
                io_open=_refuse_to_open,
                container_options={
                    "format_whitelist": FORMS[kind],
                    "protocol_whitelist": "none",
                    "codec_whitelist": ",".join(CODECS),
                },
                options={"threads": "1", "max_pixels": str(NAMED * order.most_pixels)},
            )
        except self._errors:
            raise Refused("truncated" if kind == "mov" and b"moov" not in data else "damaged") from None
        self._stream = _pictures_of(container)
        self._codec = self._stream.codec_context
        _check_size(self._codec.width, self._codec.height, order.most_pixels)
        self._codec.thread_type = "NONE"
        self._codec.options = {"threads": "1", "max_pixels": str(order.most_pixels)}
        self._packets = self._read(container, order.most_s, MOST_TIMES_READ * len(data))
        if len(self._packets) < WHOLE * self._stream.frames:
            raise Refused("truncated")
        self._shown = sorted({packet.pts for packet in self._packets if packet.pts is not None})
        """When each frame is shown, in the file's own units of time."""
        base = float(self._stream.time_base or 1)
        self.total = len(self._shown)
        self.times = [(at - self._shown[0]) * base for at in self._shown]
        last_s = max((packet.duration or 0 for packet in self._packets[-2:]), default=0) * base
        self.seconds = (self.times[-1] if self.times else 0.0) + last_s
        if self.seconds > _most(order.most_s):
            raise Refused("too_long", most=f"{order.most_s:g}")
        self._keys = [at for at, packet in enumerate(self._packets) if packet.is_keyframe]

    def _read(self, container: Any, most_s: float, most_bytes: int) -> "list[Packet]":
        """The packets of the pictures, in the order in which they are decoded."""
        packets: list[Packet] = []
        size, first = 0, None
        try:
            for packet in container.demux(self._stream):
                if not packet.size:
                    continue
                size += packet.size
                if size > most_bytes:
                    raise Refused("damaged")
                if len(packets) >= MOST_COUNTED:
                    raise Refused("too_many_frames", most=MOST_COUNTED)
                packets.append(packet)
                if packet.pts is not None:
                    first = packet.pts if first is None else min(first, packet.pts)
                    if (packet.pts - first) * float(packet.time_base) > _most(most_s):
                        raise Refused("too_long", most=f"{most_s:g}")
        except self._errors:
            raise Refused("truncated") from None
        return packets

    def looks(self) -> Iterator[tuple[int, Image.Image]]:
        """Frames as small pictures, with their numbers."""
        numbers = {at: number for number, at in enumerate(self._shown)}
        pixels = self._codec.width * self._codec.height * len(self._packets)
        packets = self._packets if pixels <= ALL_LOOKED_AT else [self._packets[at] for at in self._keys]
        if len(packets) < len(self._packets):
            self._codec.skip_frame = "NONKEY"
        seen: dict[int, Image.Image] = {}
        for frame in self._decoded([*packets, None]):
            number = numbers.get(frame.pts)
            if number is not None:
                seen[number] = _look(frame)
        self._codec.flush_buffers()
        self._codec.skip_frame = "DEFAULT"
        yield from sorted(seen.items(), key=lambda one: one[0])

    def pictures(self, wanted: Iterable[int], order: Order) -> Iterator[tuple[int, Picture]]:
        """The wanted frames; where one cannot be decoded, the nearest of those decoded with it."""
        made = set[int]()
        for at, frame in self._frames([self._shown[number] for number in wanted]):
            number = min(max(0, bisect_right(self._shown, at) - 1), self.total - 1)
            if number not in made:
                made.add(number)
                yield number, plain_picture(self._upright(frame, order), "jpeg", order)

    def _frames(self, wanted: list[int]) -> "Iterator[tuple[int, VideoFrame]]":
        """A frame for each of the times, with its own time. Decodes only from the nearest frame before each
        that needs no others."""
        place = {packet.pts: at for at, packet in enumerate(self._packets) if packet.pts is not None}
        position = 0
        frames: deque[VideoFrame] = deque()
        last: VideoFrame | None = None
        for shown in wanted:
            start = self._keys[max(0, bisect_right(self._keys, place[shown]) - 1)] if self._keys else 0
            if start > position:
                self._codec.flush_buffers()
                frames.clear()
                position, last = start, None
            while last is None or last.pts < shown:
                while not frames and position <= len(self._packets):
                    ended = position == len(self._packets)
                    frames.extend(self._decoded([None if ended else self._packets[position]]))
                    position += 1
                if not frames:
                    break
                last = frames.popleft()
            if last is not None:
                yield last.pts, last

    def _decoded(self, packets: "Iterable[Packet | None]") -> "Iterator[VideoFrame]":
        """The frames of the packets, None for the end; those of a damaged packet are left out."""
        for packet in packets:
            with suppress(*self._errors):
                yield from (
                    frame
                    for frame in self._codec.decode(packet)
                    if frame.pts is not None and not frame.is_corrupt
                )

    def _upright(self, frame: "VideoFrame", order: Order) -> Image.Image:
        """Its pixels as they are meant to be seen, scaled down."""
        stretched = float(self._stream.sample_aspect_ratio or 1)
        if not 1 / MOST_STRETCHED <= stretched <= MOST_STRETCHED:
            stretched = 1.0
        width, height = size_within((max(1, round(frame.width * stretched)), frame.height), order)
        image: Image.Image = frame.reformat(width, height, "rgb24", interpolation="AREA").to_image()
        turn = UPRIGHT_TURNS.get(frame.rotation % 360)
        return image if turn is None else image.transpose(turn)


def _most(most_s: float) -> float:
    """A clip of exactly the longest time is not refused for the length of its last frame."""
    return most_s + 0.5


def _refuse_to_open(url: str, flags: int, options: object) -> NoReturn:
    raise PermissionError("a clip opens no other file")


def _pictures_of(container: Any) -> Any:
    """The stream with the moving pictures; a cover of music is none."""
    import av

    attached = av.stream.Disposition.attached_pic
    streams = [one for one in container.streams.video if not one.disposition & attached]
    if not streams:
        raise Refused("no_pictures" if len(container.streams) else "damaged")
    stream = streams[0]
    if stream.codec_context is None or stream.codec_context.name not in CODECS:
        name = "unknown" if stream.codec_context is None else str(stream.codec_context.name)
        raise Refused("codec", name=name if name.isalnum() else "unknown")
    return stream


def _check_size(width: int, height: int, most: int) -> None:
    if width * height > most:
        raise Refused("too_large", width=width, height=height, most=most)
    if width < 1 or height < 1:
        raise Refused("damaged")
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise Refused("too_thin", width=width, height=height, most=MAX_ASPECT)


def _look(frame: "VideoFrame") -> Image.Image:
    image: Image.Image = frame.reformat(LOOK_EDGE, LOOK_EDGE, "rgb24", interpolation="AREA").to_image()
    return image
