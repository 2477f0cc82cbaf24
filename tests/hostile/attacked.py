"""The rows of what broke Viewfinder itself when it was attacked, and no longer does; see `table`."""

from tests.hostile.row import (
    APIS,
    BESIDE,
    BODIES,
    BROKE_IT,
    BROWSERS,
    CONFIG,
    CONNECTION,
    FLOODS,
    FOLDERS,
    HTTP,
    KEPT,
    OUTPUT,
    RESPONSES,
    SCHEMAS,
    STREAMED,
    STUCK,
    TERMINAL,
    Row,
)

ATTACKED = (
    Row(
        "B1",
        "Schemas of 50 characters that make an engine compute for ever.",
        "Refused by their size with repetitions written out; an engine that computes for nobody is replaced.",
        (
            f"{SCHEMAS}no_engine_gets_a_schema_that_could_stop_it",
            f"{SCHEMAS}what_applications_send_is_answered",
            f"{STUCK}an_engine_that_computes_for_nobody_is_replaced",
            f"{STUCK}one_that_computes_in_vain_is_replaced_while_its_client_waits",
        ),
    ),
    Row(
        "B2",
        "60 MB of text, 120,000 empty objects, and other bodies that are slow to read.",
        "Large bodies are parsed off the event loop, and in time that grows with their size alone.",
        (
            BROKE_IT,
            "tests/wire/test_outline.py::test_large_text_is_refused_before_it_is_parsed",
            "tests/gateway/test_parsing.py::test_the_smallest_goes_first",
        ),
    ),
    Row(
        "B3",
        "Trailers, chunks and requests without end.",
        "Every byte of a connection counts against a limit.",
        (
            BROKE_IT,
            f"{CONNECTION}nothing_is_read_without_end",
            f"{CONNECTION}endless_requests_before_the_first_answer",
        ),
    ),
    Row(
        "B4",
        "Images that take long to decode.",
        "Decoders are shared fairly, small images never wait behind large ones, frozen ones are replaced.",
        (
            f"{FLOODS}progressive_jpegs_of_thousands_of_scans",
            f"{FLOODS}photographs_of_24_megapixels_from_one_client",
            f"{FLOODS}frozen_decoders_cost_no_image",
            "tests/media/test_fairness.py::test_a_small_image_never_waits_behind_large_ones",
        ),
    ),
    Row(
        "B5",
        "Small files that become gigabytes; connections that hold 60 MB each.",
        "Limits on pixels and bytes, of one request and of all; images are scaled to what the model can use.",
        (
            f"{FLOODS}many_large_webps_in_a_small_body",
            f"{FLOODS}connections_that_hold_sixty_megabytes_each",
            "tests/gateway/test_holdings.py::test_requests_hold_as_much_as_fits",
        ),
    ),
    Row(
        "B6",
        "Clients that do not read their answers.",
        "The lease goes back once the engine is done; the connection is closed after `delivery_timeout_s`.",
        (
            f"{CONNECTION}a_client_that_does_not_read_loses_its_lease",
            f"{CONNECTION}all_answers_that_are_not_read_have_one_limit",
            "tests/hostile/test_beside.py::test_clients_that_do_not_read",
        ),
    ),
    Row(
        "B7",
        "1,200 connections where 1,024 files may be open.",
        "Others are served; one warning a minute; no image is refused for want of a descriptor.",
        (
            BESIDE,
            "tests/hostile/test_beside.py::test_hardly_any_descriptors",
            "tests/gateway/test_door.py::test_few_descriptors_are_few_connections",
            "tests/media/test_intake.py::test_a_lack_of_descriptors_is_not_the_images_fault",
        ),
    ),
    Row(
        "B8",
        "What is not HTTP.",
        "400 in OpenAI's form, and no line of log.",
        (
            f"{CONNECTION}what_is_not_http_gets_an_error_and_no_line_of_log",
            f"{HTTP}what_is_not_http_is_refused",
        ),
    ),
    Row(
        "B9",
        "Another user's link where our folder would be.",
        "Folders are opened without following it, owned and private, or refused.",
        (
            "tests/hostile/test_folders.py::test_another_users_link_is_refused_and_what_it_leads_to_is_not_touched",
            "tests/hostile/test_folders.py::test_a_folder_of_another_user_is_refused",
        ),
    ),
    Row(
        "B10",
        "Marked words in every field of requests.",
        "No file of the state folder holds a word of a request.",
        (
            "tests/hostile/test_words_of_requests.py::test_no_file_holds_a_word_of_a_request",
            "tests/hostile/test_words_of_requests.py::test_no_post_mortem_holds_a_word_of_a_request",
            "tests/hostile/test_words_of_bench.py::test_own_questions_are_in_the_results_alone_until_they_are_removed",
        ),
    ),
    Row(
        "B11",
        "Secrets in our environment.",
        "Engines, their wardens and decoders get a list of variables, without any key.",
        (
            "tests/engines/test_environment.py::test_no_engine_gets_a_key",
            "tests/engines/test_environment.py::test_a_running_engine_its_warden_and_the_decoder_have_no_key",
        ),
    ),
    Row(
        "B12",
        "A cloned folder whose `viewfinder.toml` names programs.",
        "Settings that start programs count only where the user put them; what was ignored is told.",
        (
            "tests/hostile/test_settings_files.py::test_a_plain_ask_in_a_cloned_folder_starts_nothing_of_it",
            "tests/hostile/test_settings_files.py::test_no_other_spelling_of_it_starts_one",
        ),
    ),
    Row(
        "B13",
        "`ask` about devices, pipes and folders; answers with terminal sequences.",
        "Refused unopened, by kind and size; no sequence reaches the terminal.",
        (
            f"{OUTPUT}what_is_no_file_or_too_large_is_refused_unopened",
            f"{TERMINAL}ask_shows_the_answer_of_a_server_without_its_sequences",
            f"{TERMINAL}logs_and_events_are_shown_without_them",
        ),
    ),
    Row(
        "B14",
        "Keys.",
        "Several, named, stored as hashes, under the three names that clients use; usage is counted by name.",
        (
            "tests/gateway/test_keys.py::test_a_key_opens_and_is_nowhere_on_the_disk",
            "tests/gateway/test_keys.py::test_usage_is_counted_by_the_name_of_the_key",
            "tests/gateway/test_guards.py::test_the_key_is_accepted_under_the_names_that_sdks_use",
        ),
    ),
    Row(
        "B15",
        "A container with less memory and fewer cores than its computer.",
        "Memory and threads go by its limits; an idle model that was killed for memory stays down.",
        (
            "tests/host/test_cgroups.py::test_a_real_group_is_read",
            "tests/host/test_cgroups.py::test_threads_follow_the_quota",
            "tests/fleet/process/test_server.py::test_an_engine_is_told_how_many_threads_the_container_allows",
            "tests/faults/test_faults.py::test_an_idle_model_that_was_killed_for_memory_stays_down",
        ),
    ),
    Row(
        "B16",
        "Frozen processes, when `serve` is killed.",
        "Nothing of it runs 2 s later (Linux).",
        (
            "tests/e2e/test_nothing_left.py::test_frozen_processes_end_with_a_killed_serve",
            "tests/host/test_warden.py::test_a_killed_owner_leaves_nothing_frozen",
        ),
    ),
    Row(
        "B17",
        "Model folders in every shape.",
        "Read by header and not by name, or refused in one sentence before any start.",
        (
            f"{FOLDERS}what_lies_beside_a_model_is_not_the_model",
            f"{FOLDERS}a_projector_that_does_not_fit_is_told_before_any_start",
            f"{FOLDERS}shapes_that_no_engine_reads_are_refused_in_one_sentence",
            "tests/catalog/test_peek.py::test_what_is_pulled_is_what_is_served",
            "tests/engines/test_llama_cpp_log.py::test_the_cause_is_shown_and_not_what_followed_from_it",
        ),
    ),
    Row(
        "B18",
        "Forks of a process with a model; environments of every kind.",
        "A clear error, or it works; one sentence, never a traceback.",
        (
            "tests/hostile/test_forks.py::test_a_question_in_a_fork_gets_an_error",
            "tests/hostile/test_forks.py::test_close_in_a_fork_returns_and_closes_nothing",
            "tests/hostile/test_environment.py::test_any_environment_gets_one_sentence",
            "tests/hostile/test_environment.py::test_a_disk_that_is_read_only_is_enough_to_read",
        ),
    ),
    Row(
        "B19",
        "Settings that are missing, misspelt or impossible; output that is closed or full.",
        "Told with the nearest name, at the start; a closed pipe is no error.",
        (
            f"{CONFIG}a_settings_file_that_is_named_must_exist",
            f"{CONFIG}a_variable_that_means_nothing_is_reported_once",
            f"{CONFIG}a_value_that_can_never_work_is_refused",
            f"{CONFIG}a_byte_order_mark_is_taken",
            "tests/api/test_setup.py::test_a_name_in_the_settings_that_means_nothing_is_reported",
            f"{OUTPUT}a_closed_pipe_is_no_error",
            "tests/api/test_exporting.py::test_a_dash_is_the_screen",
        ),
    ),
    Row(
        "B20",
        "Ids of other keys' conversations, guessed ids, paths and SQL as ids; endless conversations; a full "
        "disk, or a kill, in the middle of a write.",
        "404 or 400, the same for all that is not one's own. The oldest are deleted; an answer is never "
        "lost, nor a turn that was kept. A conversation stays within the limits of one request.",
        (
            f"{KEPT}ids_are_values_never_sql",
            f"{KEPT}only_the_owner_sees_it",
            f"{KEPT}the_oldest_go_first_when_there_is_no_room",
            f"{KEPT}a_kill_in_a_write_loses_no_turn_that_was_kept",
            f"{KEPT}a_full_disk_is_told_and_what_was_kept_stays",
            f"{RESPONSES}each_key_has_its_own",
            f"{RESPONSES}guessed_ids",
            f"{RESPONSES}a_conversation_stays_within_the_limits_of_a_request",
            f"{RESPONSES}a_full_disk_does_not_cost_the_answer",
            f"{RESPONSES}a_suspect_answer_is_no_base",
        ),
    ),
    Row(
        "B21",
        "`/v1/responses`: thousands of items and parts, items and tools of OpenAI's servers (code, files), "
        "ids that are paths or SQL, addresses as images.",
        "As for chats: 400 with the path of the client's own field. What only OpenAI's servers have is "
        "refused by its name; nothing is run, fetched or opened.",
        (
            f"{APIS}what_is_wrong_is_named_by_its_path",
            f"{APIS}what_is_no_request",
            f"{APIS}fields_of_engines_and_unknown_ones",
            f"{APIS}no_address_is_fetched_and_no_path_opened",
            f"{APIS}ids_of_responses_that_are_not_here",
            f"{APIS}guards_are_the_same",
            "tests/hostile/test_openapi.py::test_generated",
        ),
    ),
    Row(
        "B22",
        "`/v1/messages`: thousands of blocks, in results of tools too; documents behind addresses, tools and "
        "servers of Anthropic's, raw base64 that is no image.",
        "The same, in the form of Anthropic's errors.",
        (
            f"{APIS}what_is_wrong_is_named_by_its_path",
            f"{APIS}what_is_no_request",
            f"{APIS}models_that_are_not_here",
            f"{APIS}a_text_file_as_an_image",
            f"{APIS}guards_are_the_same",
            "tests/hostile/test_openapi.py::test_generated",
        ),
    ),
    Row(
        "B23",
        "A compressed body: 50 MB in 50 KB.",
        "415 `unsupported_encoding`, unread.",
        (
            f"{BODIES}a_compressed_body_is_not_unpacked",
            "tests/gateway/test_app.py::test_a_compressed_body_is_refused",
        ),
    ),
    Row(
        "B24",
        "What pages of others make a signed-in browser send: commands, forms, streams; with the session, a "
        "stale token, no token.",
        "403 `origin_not_allowed` or `token_missing`; nothing is loaded, pinned or asked. A session alone "
        "asks no model. Where no key is needed, our own pages need the token all the same.",
        (
            f"{BROWSERS}other_pages_cannot_change_anything",
            f"{BROWSERS}a_missing_or_stale_token",
            f"{BROWSERS}where_no_key_is_needed_a_page_needs_the_token",
            f"{BROWSERS}a_session_alone_asks_no_model",
            f"{BROWSERS}a_name_that_is_pointed_at_this_computer",
            "tests/gateway/test_fleet_guards.py::test_what_a_browser_changes_needs_the_token",
        ),
    ),
    Row(
        "B25",
        "Sessions that are forged, over, of another Viewfinder or of a key that was removed; thousands of "
        "cookies, and those of other programs on this computer.",
        "401, as without a key. Cookies that are not ours are ignored.",
        (
            f"{BROWSERS}values_that_are_no_session",
            f"{BROWSERS}cookies_of_others_are_no_error",
            f"{BROWSERS}a_session_ends_at_once_with_its_key",
            "tests/gateway/test_sessions.py::test_no_changed_value_is_a_session",
        ),
    ),
    Row(
        "B26",
        "A form to sign in from another page, of megabytes, in parts; one that leads to another server; "
        "paths out of the folder of the pages' files, and thousands of ranges of one.",
        "403, 413 beyond 16 KiB, 415; only a path of this server is ever where signing in leads; 404.",
        (
            f"{BROWSERS}only_our_own_form_signs_in",
            f"{BROWSERS}a_form_before_the_key_is_small",
            f"{BROWSERS}signing_in_leads_to_this_server_only",
            f"{BROWSERS}files_of_the_pages_are_all_that_is_shown",
            f"{BROWSERS}thousands_of_ranges_of_a_file",
        ),
    ),
    Row(
        "B27",
        "Thousands of streams of the fleet, and readers of them that read nothing.",
        "32 are served from one look at the fleet, the others get 503. What is held for one is bounded, and "
        "stopping does not wait for any.",
        (
            "tests/hostile/test_beside.py::test_thousands_of_streams",
            f"{STREAMED}a_reader_that_does_not_read_holds_up_nobody",
            f"{STREAMED}what_is_held_for_one_reader_is_bounded",
            f"{STREAMED}stopping_does_not_wait_for_streams",
        ),
    ),
    Row(
        "B28",
        "A key that may only ask, at the addresses of admins, also by other spellings of them.",
        "403 `admin_key_required`, whatever is under the address, or will be.",
        (
            f"{BROWSERS}a_key_that_may_only_ask_at_what_admins_do",
            "tests/gateway/test_fleet_guards.py::test_what_a_key_that_may_only_ask_opens",
        ),
    ),
)
"""What broke Viewfinder itself when it was attacked, and no longer does."""
