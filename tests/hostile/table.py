"""The published table of hostile input: what is sent, what is promised, and the tests that show it.

`page` writes docs/security.md from it; `test_page` checks that each test exists. What was measured beside an
attack comes from `attacks`, by the name of the row.
"""

from tests.hostile.attacked import ATTACKED
from tests.hostile.later_rows import LATER_ROWS
from tests.hostile.row import (
    ACCESS,
    ADDRESSED,
    BESIDE,
    BODIES,
    CONNECTION,
    ENGINES,
    FAULTS,
    FETCHED,
    HTTP,
    IMAGES,
    RELAY,
    REMOTE,
    SCHEMAS,
    TERMINAL,
    URLS,
    Row,
)

REQUESTS = (
    Row(
        "A1",
        "A body above `limits.body_bytes`, declared or in chunks.",
        "413 `request_too_large`; what was not read yet is not read.",
        (
            f"{HTTP}a_body_that_is_declared_too_large_is_refused_before_it_is_sent",
            f"{HTTP}a_chunked_body_is_counted",
            f"{HTTP}an_endless_body_is_cut_off",
        ),
    ),
    Row(
        "A2",
        "A head or a body, a byte now and then.",
        "Of a body, 408 `request_timeout` after `receive_timeout_s`; of a head, the end of the connection.",
        (
            f"{HTTP}a_slow_body_is_not_waited_for",
            "tests/gateway/test_listen.py::test_headers_that_do_not_arrive_are_not_waited_for",
            "tests/gateway/test_listen.py::test_nor_are_those_of_a_second_request",
        ),
    ),
    Row(
        "A3",
        "A thousand connections that say nothing.",
        "Others are served: an idle connection is closed for a new one.",
        (BESIDE, f"{CONNECTION}idle_connections_make_room", f"{CONNECTION}beyond_the_limit_is_503"),
        "503 only when every connection has a request in progress: idle ones are worth less than a new one.",
    ),
    Row(
        "A4",
        "Giant headers, hundreds of headers, malformed chunks.",
        "431 `headers_too_large` or 400 `invalid_http`, and the end of the connection.",
        (
            f"{CONNECTION}nothing_is_read_without_end",
            f"{CONNECTION}a_large_head_in_one_write",
            f"{CONNECTION}what_is_not_http_gets_an_error_and_no_line_of_log",
        ),
    ),
    Row(
        "A5",
        "What is not JSON; deep nesting, the same key twice, NaN, half a surrogate, NUL.",
        "400 `invalid_json`.",
        (
            f"{BODIES}what_is_not_json",
            f"{BODIES}json_that_is_no_request",
            f"{BODIES}what_is_no_request_at_other_paths",
            "tests/wire/test_strict_json.py::test_refused",
        ),
    ),
    Row(
        "A6",
        "Values of a wrong type, unknown fields, 10,000 messages or parts.",
        "400 with the path of the first one in `param`.",
        (
            f"{BODIES}what_has_the_wrong_type_is_named_by_its_path",
            f"{BODIES}words_of_a_wrong_type_at_other_paths",
            f"{BODIES}ten_thousand_messages",
            "tests/wire/test_refusals.py::test_what_would_change_the_answer_is_refused_at_any_depth",
            "tests/wire/test_fields.py::test_names_that_belong_in_no_header_are_not_in_it",
        ),
        "A field of another engine is refused and not dropped: its sender would think that it has an effect. "
        "Unknown keys of messages and parts have none, and are named in `x-viewfinder-ignored`; no more than "
        "32, and only plain words.",
    ),
    Row(
        "A7",
        "Fields that only engines know (`n_discard`, `chat_template`, `media_io_kwargs`, `lora`, ...).",
        "400 `unsupported_parameter`: only fields of a list pass.",
        (
            f"{BODIES}fields_of_engines_and_unknown_ones",
            f"{BODIES}fields_of_engines_at_other_paths",
            "tests/wire/test_fields.py::test_engines_own_fields_never_pass",
        ),
    ),
    Row(
        "A8",
        "`n` of a billion, a thousand stop strings, ten thousand biases; `max_tokens` of a trillion.",
        "400 above our limits; `max_tokens` is lowered to them, and the header says so.",
        (
            f"{BODIES}values_beyond_reason",
            "tests/wire/test_chat.py::test_caps",
            "tests/wire/test_chat.py::test_a_longer_answer_than_there_is_is_lowered_and_named",
        ),
        "An object of more than 4,096 keys is `invalid_json`: it is refused before its fields are looked at.",
    ),
    Row(
        "A9",
        "`response_format` with nested or exponential schemas and patterns.",
        "400 `invalid_schema`, within half a second, and before an engine has it.",
        (
            f"{SCHEMAS}no_engine_gets_a_schema_that_could_stop_it",
            "tests/wire/test_patterns.py::test_no_engine_gets",
        ),
    ),
    Row(
        "A10",
        "Text that spells special tokens (`<image>`, `<__media__>`), with and without an image.",
        "200, or 400; the engine lives.",
        (f"{ENGINES}special_tokens_in_a_text_end_no_engine",),
    ),
    Row(
        "A11",
        "`image_url` with addresses of this computer and of private networks, in every spelling.",
        "400 `media_url_forbidden`: no address is fetched. With `remote_images = true`, 400 "
        "`remote_address`: only hosts all of whose addresses are public are connected to.",
        (URLS, FETCHED, f"{BODIES}images_are_not_fetched", f"{ADDRESSED}everything_else"),
    ),
    Row(
        "A12",
        "A public address that redirects to a private one; DNS that answers differently a second time.",
        "As above: there is no first request and no second. With `remote_images`, each redirect is checked "
        "like the first address (at most 3), and the connection goes to the address that was checked.",
        (
            URLS,
            f"{REMOTE}where_a_redirect_leads_is_checked_again",
            f"{REMOTE}one_private_address_among_others_is_enough",
        ),
    ),
    Row(
        "A13",
        "Addresses that two parsers read differently.",
        "400: `media_url_forbidden`, or `invalid_image` for what is no address. With `remote_images`, "
        "400 `remote_url`: a URL is taken apart once.",
        (URLS, FETCHED, f"{ADDRESSED}what_is_none"),
    ),
    Row(
        "A14",
        "Slow, endless or compressed images behind an address.",
        "As A11. With `remote_images`, 400 after `limits.remote_image_s` or `limits.remote_image_bytes`; "
        "nothing compressed is taken; at most 16 are fetched at once, and 4 for a client.",
        (
            URLS,
            f"{REMOTE}a_server_that_is_slow_or_endless",
            f"{REMOTE}answers_that_are_no_image",
            f"{REMOTE}so_many_at_once_and_no_more",
        ),
    ),
    Row(
        "A15",
        "`file:`, absolute and relative paths.",
        "400: no path is opened, and there is no folder in which it would be.",
        (URLS, "tests/media/test_intake.py::test_nothing_is_fetched_or_opened"),
    ),
    Row(
        "A16",
        "Broken base64, no comma, nothing at all.",
        "400 `invalid_image`.",
        (f"{IMAGES}refused", f"{IMAGES}made_safe"),
        "A wrong declared type is not refused: only the content counts, and nobody gets to see the type.",
    ),
    Row(
        "A17",
        "A picture of 2,500 megapixels in 5 KB.",
        "400 `image_too_large`, by its header, before a pixel is decoded.",
        (f"{BODIES}a_picture_of_2500_megapixels_in_5_kilobytes", f"{IMAGES}a_bomb_never_goes_off"),
    ),
    Row(
        "A18",
        "EPS, FITS, PSD, TIFF, ICO, SVG, PDF, HEIC, whatever they are called.",
        "400 `unsupported_image_format`: PNG, JPEG, WebP and GIF are opened, and nothing else.",
        (f"{IMAGES}refused", "tests/media/test_header.py::test_other_formats_are_named"),
    ),
    Row(
        "A19",
        "1x1, 1x65,000, no width, 16 bits, CMYK, palettes, alpha, EXIF that turns; broken colour profiles.",
        "Made plain sRGB and upright, or 400; the decoder lives.",
        (f"{IMAGES}made_safe", f"{IMAGES}refused"),
    ),
    Row(
        "A20",
        "Animations of 100,000 frames; 1,000 images in one request.",
        "The first frame; 400 `too_many_images`, and `too_many_pixels` for the sum of them.",
        (
            f"{IMAGES}of_a_hundred_thousand_frames_the_first_is_taken",
            f"{BODIES}a_thousand_images",
            "tests/media/test_intake.py::test_the_pixels_of_a_request_are_counted_before_anything_is_decoded",
        ),
    ),
    Row(
        "A21",
        "Images that are cut short, declare 4 GB, or have wrong checksums.",
        "400 `image_truncated` or `decode_failed`.",
        (
            f"{IMAGES}refused",
            "tests/media/test_picture.py::test_damage_anywhere_gives_a_picture_or_a_fault",
            "tests/media/test_metadata.py::test_of_a_png",
            "tests/media/test_metadata.py::test_of_a_jpeg",
        ),
        "What is wrong with metadata does not matter: it is not read.",
    ),
    Row(
        "A22",
        "A Host that is not this computer (DNS rebinding), two, or none; a page at this computer's own name.",
        "403 `host_not_allowed`, or `origin_not_allowed`: such a page is not our own.",
        (
            f"{ACCESS}a_foreign_host",
            f"{ACCESS}no_host_at_all",
            f"{ACCESS}two_hosts",
            "tests/gateway/test_app.py::test_this_computers_names_are_hosts_and_no_origins",
            "tests/host/test_own_names.py::test_names",
        ),
    ),
    Row(
        "A23",
        "The Origin of a foreign web page, its preflight, its plain form.",
        "403 `origin_not_allowed` without any `access-control` header; 415 for what is not declared as JSON.",
        (
            f"{ACCESS}a_foreign_origin",
            f"{ACCESS}a_foreign_preflight",
            f"{BODIES}a_body_that_is_not_declared_as_json",
        ),
        "415, as the wrong type is what can be corrected, in place of 403.",
    ),
    Row(
        "A24",
        "No key, a wrong key, a key in the URL.",
        "401 `invalid_api_key` with `WWW-Authenticate`; keys are compared in constant time.",
        (
            f"{ACCESS}a_wrong_key",
            f"{ACCESS}a_key_in_the_url_is_ignored",
            f"{ACCESS}a_key_is_compared_in_constant_time",
        ),
    ),
    Row(
        "A25",
        "0.0.0.0 as the address to listen on, and no key.",
        "It does not start: `api_key_required`.",
        (f"{ACCESS}an_open_bind_without_a_key_does_not_start",),
    ),
    Row(
        "A26",
        "Paths of engines (`/slots`, `/tokenize`, `/collective_rpc`), and paths with `..` and `//`.",
        "404 that says where the API is: there is a short list of routes, and nothing is passed through.",
        (
            f"{HTTP}engines_own_paths_are_not_here",
            "tests/gateway/test_wrong_paths.py::test_of_a_path_little_is_repeated_and_nothing_that_can_harm",
        ),
    ),
    Row(
        "A27",
        "Model names such as `../../x`, `-flag`, 10 KB, control characters.",
        "404 `model_not_found`: a name is looked up, and never becomes a path, an argument or a download.",
        (
            f"{BODIES}models_that_are_not_here",
            "tests/e2e/test_pull.py::test_an_http_client_can_make_the_gateway_download_nothing",
        ),
    ),
    Row(
        "A28",
        "A repository with Python of its own.",
        "Refused until the user agrees to the commit that its card pins (`engine.remote_code`).",
        (
            "tests/fleet/process/test_servers.py::test_a_publishers_python_runs_only_with_the_users_word",
            "tests/fleet/process/test_servers.py::test_what_is_pinned_to_no_commit_cannot_be_agreed_to",
            "tests/catalog/test_cards.py::test_code_from_a_repository_needs_its_revision",
        ),
    ),
    Row(
        "A29",
        "Weights as pickles (`.bin`, `.pt`).",
        "Refused: `pickle_weights`.",
        (
            "tests/catalog/test_repository.py::test_pickles_alone_are_refused",
            "tests/catalog/test_folder.py::test_pickles_alone_are_refused",
        ),
    ),
    Row(
        "A30",
        "A crafted or truncated header of GGUF or safetensors.",
        "One sentence, before any start; an engine that crashes at what passed is explained.",
        (
            "tests/catalog/test_headers.py::test_cut_anywhere_it_is_truncated_and_nothing_else",
            "tests/catalog/test_headers.py::test_flipped_bytes_never_end_in_a_traceback",
            "tests/catalog/test_folder.py::test_flipped_bytes_never_end_in_a_traceback",
            "tests/fleet/process/test_server.py::test_a_damaged_model_that_passed_the_check_is_explained",
        ),
    ),
    Row(
        "A31",
        "A hostile chat template in a model's file.",
        "Rendered by the engine, in the engine's process, and by nothing of ours.",
        (
            f"{ENGINES}a_template_is_rendered_by_the_engine_and_does_nothing_else",
            f"{ENGINES}only_the_guide_and_the_pages_are_made_from_templates_and_they_are_ours",
        ),
    ),
    Row(
        "A32",
        "Requests for a model whose load takes minutes; their clients leave.",
        "They wait in its queue; one whose client leaves is dropped, and other models are served.",
        (
            f"{RELAY}the_request_of_a_client_that_disconnects_while_the_model_loads_is_dropped",
            "tests/fleet/test_fleet.py::test_who_leaves_while_it_loads_takes_nothing_from_the_others",
        ),
        "No 503 `model_loading`: clients want to wait. A load that has begun for one that left is finished.",
    ),
    Row(
        "A33",
        "More requests than the queue takes.",
        "429 `queue_full` with Retry-After; 503 `overloaded` for what all requests hold together.",
        (
            "tests/fleet/test_refusals.py::test_the_queue_has_an_end_for_each_model_and_for_all",
            "tests/gateway/test_problems.py::test_busy_says_in_whole_seconds_when_to_retry",
        ),
    ),
    Row(
        "A34",
        "Clients that leave in the middle.",
        "The engine's connection is closed and the lease goes back at once.",
        (f"{RELAY}a_client_that_disconnects_stops_the_engine_and_releases_the_lease",),
    ),
    Row(
        "A35",
        "An engine that dies in an answer.",
        "One retry unless a word was sent; then 502 `engine_died`, in a stream as its last event.",
        (
            FAULTS,
            f"{RELAY}a_death_in_the_middle_ends_the_stream_with_an_error",
            f"{RELAY}a_second_death_is_an_error",
        ),
    ),
    Row(
        "A36",
        "An engine that answers nonsense, 8 MB without the end of a line, the end before the words.",
        "502 `engine_refused` or `empty_answer`; at most 8 MB are held.",
        (
            FAULTS,
            f"{RELAY}an_engine_that_answers_nonsense",
            "tests/wire/test_sse.py::test_an_endless_event_is_refused_before_it_fills_memory",
        ),
        "There is one code for an engine that gives no usable answer.",
    ),
    Row(
        "A37",
        "A prompt that is longer than the model's context.",
        "400 `context_length_exceeded`; of one that cannot fit, before the model is loaded.",
        (
            "tests/gateway/test_chat.py::test_a_model_is_not_loaded_for_a_text_that_cannot_fit",
            "tests/wire/test_replies.py::test_a_prompt_that_is_too_long_is_the_clients_error",
            "tests/engines/test_answers.py::test_a_conversation_that_is_too_long_is_an_error",
        ),
    ),
    Row(
        "A38",
        "Answers and names with terminal sequences, HTML, Markdown.",
        "Spelled out in a terminal, escaped in the guide.",
        (
            f"{TERMINAL}ask_shows_the_answer_of_a_server_without_its_sequences",
            "tests/report/formats/test_html.py::test_words_from_outside_are_shown_as_they_are",
            "tests/report/formats/test_markdown.py::test_text_is_shown_as_it_is",
        ),
        "On the page all of it is text (`make test-browser`).",
    ),
    Row(
        "A39",
        "Thousands of ranges in a `Range` header; a form in thousands of parts.",
        "Ranges have no effect; 415 for the form, unread.",
        (f"{HTTP}ranges_are_ignored", f"{HTTP}a_form_in_thousands_of_parts_is_not_read"),
        "A range is no error in HTTP: what does not serve ranges answers in whole. B26 is about files.",
    ),
    *LATER_ROWS,
)
"""Of 42 kinds of hostile and faulty input, collected from advisories about other servers."""

ROWS = (*REQUESTS, *ATTACKED)
