"""From the bytes of a clip to frames with their times."""

import io
from typing import Any

import pytest
from PIL import Image, ImageDraw

from viewfinder.media.animated import is_animated
from viewfinder.media.clip import MadeClip, make_clip
from viewfinder.media.frames import ClipOrder
from viewfinder.media.header import Refused

from .. import footage

ORDER = {
    "frames": 8,
    "choose": "time",
    "frame_pixels": 512 * 512,
    "most_bytes": 2**20,
    "most_pixels": 640 * 480,
    "most_s": 60.0,
}


def clip_of(data: bytes, **order: Any) -> MadeClip:
    return make_clip(data, ClipOrder(**{**ORDER, **order}))


def colours(clip: MadeClip) -> list[str]:
    """The nearest named colour in the middle of each frame."""
    known = {name: Image.new("RGB", (1, 1), name).getpixel((0, 0)) for name in footage.COLOURS}
    seen = []
    for picture in clip.pictures:
        image = Image.open(io.BytesIO(picture.data))
        pixel: Any = image.getpixel((image.width // 2, image.height // 2))
        seen.append(
            min(known, key=lambda name: sum(abs(a - b) for a, b in zip(known[name], pixel, strict=True)))  # type: ignore[call-overload, misc]
        )
    return seen


FORMS = [
    ("mp4", "libx264"),
    ("mp4", "libx265"),
    ("mov", "mpeg4"),
    ("webm", "libvpx"),
    ("webm", "libvpx-vp9"),
    ("matroska", "libx264"),
    ("matroska", "mjpeg"),
    ("ogg", "libvpx"),
]


@pytest.mark.parametrize(("form", "codec"), FORMS)
def test_the_frames_of_a_video_with_their_times(form: str, codec: str) -> None:
    more = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    data = footage.video(footage.scenes(1, 1, 1), form=form, codec=codec, **more)
    clip = clip_of(data, frames=4)
    assert (clip.total, round(clip.seconds, 1)) == (30, 3.0)
    assert [round(at_s, 1) for at_s in clip.times] == [0.0, 1.0, 1.9, 2.9]
    assert colours(clip) == ["red", "green", "green", "blue"]
    assert {(picture.width, picture.height) for picture in clip.pictures} == {(96, 64)}


@pytest.mark.parametrize("form", ["GIF", "WEBP"])
def test_the_frames_of_an_animation_with_their_times(form: str) -> None:
    """Pillow makes one frame of those that are alike, which is shown for longer."""
    data = footage.animation(footage.scenes(1, 0.5, 2), form=form)
    clip = clip_of(data)
    assert (clip.total, clip.seconds, list(clip.times)) == (3, 3.5, [0.0, 1.0, 1.5])
    assert colours(clip) == ["red", "green", "blue"]


@pytest.mark.parametrize("choose", ["time", "change"])
def test_the_frame_is_the_one_of_that_time_wherever_the_file_can_be_entered(choose: str) -> None:
    """Frames that need those before and behind them, and only few that need none."""
    frames = []
    for at in range(120):
        image = Image.new("RGB", (160, 48), "black")
        ImageDraw.Draw(image).rectangle((at, 8, at + 15, 40), fill="white")
        frames.append(image)
    data = footage.video(frames, rate=30, g="25", bf="3", crf="10")
    clip = clip_of(data, frames=6, choose=choose)
    for picture, at_s in zip(clip.pictures, clip.times, strict=True):
        row = Image.open(io.BytesIO(picture.data)).convert("L").crop((0, 24, 160, 25))
        bright = [x for x, level in enumerate(row.get_flattened_data()) if level > 128]
        assert abs(bright[0] - at_s * 30) <= 1.2, at_s


def test_by_change_no_scene_is_missed() -> None:
    data = footage.video(footage.scenes(4, 0.3, 5), crf="20")
    assert colours(clip_of(data, frames=4)) == ["red", "red", "blue", "blue"]
    clip = clip_of(data, frames=4, choose="change")
    assert sorted(set(colours(clip))) == ["blue", "green", "red"]
    assert {round(at_s, 1) for at_s in clip.times} >= {0.0, 4.0, 4.3}


def test_frames_are_scaled_down_and_never_up() -> None:
    data = footage.video(footage.scenes(0.5, size=(640, 480)))
    (picture, *_) = clip_of(data, frame_pixels=10_000).pictures
    assert 9_000 <= picture.width * picture.height <= 10_000
    assert round(picture.width / picture.height, 1) == 1.3


def test_a_video_is_shown_as_its_camera_was_held() -> None:
    """Phones write how they were held into the matrix of the track."""
    image = Image.new("RGB", (96, 64), "blue")
    image.paste("red", (0, 0, 48, 64))
    data = footage.video([image] * 4)
    upright = b"".join(value.to_bytes(4, "big") for value in (65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30))
    left = b"".join(
        value.to_bytes(4, "big", signed=True) for value in (0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)
    )
    at = data.index(upright, data.index(b"tkhd"))
    turned = data[:at] + left + data[at + len(left) :]
    seen = Image.open(io.BytesIO(clip_of(turned).pictures[0].data))
    assert seen.size == (64, 96)
    above, below = seen.getpixel((32, 10)), seen.getpixel((32, 86))
    assert (above[0] > 200, below[0] > 200) == (True, False), "what was at the left is above"


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", "empty"),
        (b"Not a clip at all, but text.", "not_a_clip"),
        (b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n", "unsupported"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "unsupported"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "an_image"),
        (b"RIFF\0\0\0\0AVI LIST", "unsupported"),
        (b"\0\0\0\x20ftypavif", "unsupported"),
        (footage.only_sound(), "no_pictures"),
        (footage.video(footage.scenes(1))[:900], "truncated"),
        (footage.video(footage.scenes(0.2, size=(642, 480))), "too_large"),
        (footage.video(footage.scenes(70, size=(16, 16), rate=2), rate=2), "too_long"),
        (footage.video(footage.scenes(0.2), form="matroska", codec="mpeg2video"), "codec"),
        (footage.animation(footage.scenes(1, 1))[:-20], "truncated"),
        (footage.animation(footage.scenes(1, 1), shown_ms=60_000), "too_long"),
    ],
)
def test_what_is_refused(data: bytes, fault: str) -> None:
    with pytest.raises(Refused) as caught:
        clip_of(data)
    assert caught.value.fault == fault


def test_which_images_are_animated() -> None:
    for form in ("GIF", "WEBP"):
        assert is_animated(footage.animation(footage.scenes(0.1, 0.1), form=form))
        assert not is_animated(footage.animation(footage.scenes(0.1), form=form))
    assert not is_animated(b"GIF89a")
    assert not is_animated(b"")
