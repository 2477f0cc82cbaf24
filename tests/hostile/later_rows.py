"""The last rows of `table`: dependencies and clips."""

from tests.hostile.row import CLIPS, Row

LATER_ROWS = (
    Row(
        "A40",
        "A dependency that somebody has poisoned.",
        "Every version that is installed is pinned in `constraints.txt`; LiteLLM is not among them.",
        (
            "tests/test_dependencies.py::test_everything_that_is_needed_is_pinned_to_what_is_installed",
            "tests/test_dependencies.py::test_what_was_poisoned_once_is_not_among_it",
        ),
        "By version and not by hash; see what is not promised.",
    ),
    Row(
        "A41",
        "Clips that are cut short, damaged, huge, endless, of ten minutes or without frames, or that lie.",
        "Some of their frames, or 400 (`clip_truncated`, `clip_too_large`, `clip_too_long`, `decode_failed`, "
        "`invalid_clip`, `unsupported_clip_format`); images beside them do not wait.",
        (
            f"{CLIPS}refused_or_shown",
            f"{CLIPS}damage_anywhere_gives_frames_or_a_fault",
            "tests/media/test_clips.py::test_a_clip_that_takes_too_long_is_refused",
            "tests/media/test_clips.py::test_an_image_beside_a_clip_does_not_wait",
            "tests/gateway/test_clips.py::test_an_image_beside_a_long_clip_is_answered_at_once",
        ),
        "How long a clip is and how many frames it has is counted in the file. Codecs are FFmpeg's, in a "
        "process that may crash.",
    ),
    Row(
        "A42",
        "Playlists (HLS, DASH, concat) under any name, clips that refer to other files, FFmpeg's protocols.",
        "400, or what the file itself shows: it is read as what its first bytes are, and nothing is opened.",
        (
            f"{CLIPS}a_list_of_files_opens_none",
            f"{CLIPS}a_reference_to_another_file_is_not_followed",
            f"{CLIPS}a_protocol_of_ffmpeg_is_no_clip",
        ),
    ),
)
