"""What is said of a clip that is refused; called by `clips`. No text of a library is among it."""

from typing import Any

from viewfinder.core.errors import InvalidImage
from viewfinder.core.version import IN_THE_CHECKOUT, install_command

SEND_CLIP = "Send the file itself, as data:video/mp4;base64,<the file in base64>."
SEND_KIND = "Send an MP4, QuickTime, WebM, Matroska, Ogg, GIF or WebP file."
SAVE_AGAIN = "Check that it plays, or save it again as MP4 (H.264)."
SHORTEN = "Cut out the part that matters"

CLIP_FAULTS: dict[str, tuple[str, str, str]] = {
    "forbidden": ("media_url_forbidden", "Clips are not fetched from addresses or paths.", SEND_CLIP),
    "not_fetched": (
        "media_url_forbidden",
        "Clips are not fetched from addresses.",
        f"{SEND_CLIP} Whoever runs Viewfinder can allow it: remote_images = true.",
    ),
    "no_prefix": (
        "media_url_forbidden",
        "The clip is base64 without the beginning of a data URL.",
        "Put data:video/mp4;base64, in front of it.",
    ),
    "no_comma": ("invalid_clip", "The data URL of the clip has no comma.", SEND_CLIP),
    "bad_base64": ("invalid_clip", "The clip's base64 is invalid.", SEND_CLIP),
    "empty": ("invalid_clip", "The clip is empty.", SEND_CLIP),
    "not_a_clip": ("invalid_clip", "The file is not a video.", SEND_KIND),
    "an_image": (
        "invalid_clip",
        "The file is an image, not a clip.",
        "Send it in a part of the type 'image_url'.",
    ),
    "unsupported": ("unsupported_clip_format", "{name} files are not taken as clips.", SEND_KIND),
    "codec": (
        "unsupported_clip_format",
        "The clip's pictures are in a codec that is not taken: {name}.",
        "Save it again as MP4 (H.264); H.265, VP8, VP9, AV1, MPEG-4, Theora and MJPEG are taken, too.",
    ),
    "not_installed": (
        "clips_not_installed",
        "The package that reads video files is not installed; animated GIF and WebP need none.",
        f"Run: {install_command('video')}{IN_THE_CHECKOUT}",
    ),
    "no_pictures": ("invalid_clip", "The clip has no pictures, only sound.", "Send one with pictures."),
    "no_frames": ("invalid_clip", "The clip has no frame that can be shown.", SAVE_AGAIN),
    "no_pixels": ("invalid_clip", "The clip has no pixels.", SAVE_AGAIN),
    "too_thin": (
        "invalid_clip",
        "The clip of {width} x {height} pixels is too thin: one edge is more than {most} times the other.",
        "Crop it to the part that matters.",
    ),
    "too_large": (
        "clip_too_large",
        "The clip's frames of {width} x {height} pixels are too large: the most is {most:,} pixels.",
        "Save it smaller, or raise limits.clip_pixels.",
    ),
    "too_many_bytes": (
        "clip_too_large",
        "The clip's file has more than {most:,} bytes.",
        f"{SHORTEN}, save it smaller, or raise limits.clip_bytes.",
    ),
    "too_long": (
        "clip_too_long",
        "The clip lasts more than {most} s.",
        f"{SHORTEN}, or raise limits.clip_s.",
    ),
    "too_many_frames": (
        "clip_too_long",
        "The clip has more than {most:,} frames.",
        f"{SHORTEN}, or save it with fewer frames per second.",
    ),
    "truncated": ("clip_truncated", "The clip ends too early.", "Send the whole file."),
    "damaged": ("decode_failed", "The clip is damaged and cannot be decoded.", SAVE_AGAIN),
    "lost": ("decode_failed", "The decoder crashed on the clip.", SAVE_AGAIN),
    "timeout": (
        "decode_timeout",
        "The clip took too long to decode.",
        f"{SHORTEN}, save it smaller, or raise limits.clip_decode_s.",
    ),
}
"""Fault: code, message, hint."""


def clip_refusal(fault: str, details: dict[str, Any] | None = None) -> InvalidImage:
    """The error for a fault of `Refused`."""
    code, message, hint = CLIP_FAULTS[fault]
    return InvalidImage(message.format(**(details or {})), hint=hint, code=code)
