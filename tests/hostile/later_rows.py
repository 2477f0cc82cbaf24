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
    Row(
        "A43",
        "A gateway under [endpoints] that is none, or hostile: lists of any size, types and names, answers "
        "that drip, news without an end, errors with control characters; two that name each other.",
        "Refused with the reason, or its valid models alone, 500 at most; its words are short printable "
        "texts, and it can only mark its own answers as suspect. A request passes one gateway.",
        (
            "tests/gateway/test_peers.py::test_what_is_no_gateway_is_refused_with_the_reason",
            "tests/gateway/test_peers.py::test_of_a_hostile_list_only_models_are_left",
            "tests/gateway/test_peers.py::test_hostile_news_are_dropped",
            "tests/gateway/test_peers.py::test_an_error_is_passed_on_and_nothing_but_text_of_it",
            "tests/e2e/test_peers.py::test_a_request_passes_one_gateway",
        ),
        "What it answers is the user's own trust: it sees the pictures of the requests that go there.",
    ),
    Row(
        "A44",
        "A database of conversations (`store_url`) that hangs, is gone or refuses us; a password with signs "
        "of an address in it.",
        "503 with `retry-after` for what needs it, all else is answered; no message and no log has the "
        "password.",
        (
            "tests/gateway/test_kept_in_postgres.py::test_a_restart_in_mid_conversation",
            "tests/gateway/test_kept_in_postgres.py::test_a_database_that_hangs_is_not_waited_for",
            "tests/gateway/test_kept_in_postgres.py::test_what_cannot_be_right_stops_the_start_without_the_password",
            "tests/gateway/test_kept_in_postgres.py::test_an_address_that_is_none_is_not_repeated",
        ),
        "Whoever reads the database reads the conversations.",
    ),
)
