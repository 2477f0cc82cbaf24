"""The rows of the fault table that are tested in other folders: processes, files, clients and the machine.

Read by `page`, which is checked: each test must exist.
"""

from tests.faults.table import Fault

PROCESSES = (
    Fault(
        "parent-killed",
        "Viewfinder is killed with -9, at any moment.",
        "The connection breaks.",
        "Nothing of it runs 2 s later, whether engines fork, ignore SIGTERM or leave their session (Linux).",
        test="tests/host/test_warden.py::test_a_killed_owner_leaves_nothing",
    ),
    Fault(
        "serve-killed",
        "`viewfinder serve`, its wardens, or both are killed while they load, answer or idle.",
        "The connection breaks.",
        "Nothing of it runs 2 s later.",
        test="tests/e2e/test_nothing_left.py::test_a_kill_at_a_random_moment_leaves_nothing",
    ),
    Fault(
        "warden-killed",
        "The engine's warden is killed.",
        "The answer of a fresh process.",
        "The engine's whole process tree is killed.",
        test="tests/host/test_child.py::test_a_killed_warden_leaves_nothing",
    ),
    Fault(
        "both-killed",
        "Viewfinder and the warden are killed at the same time.",
        "The connection breaks.",
        "The engine ends too (Linux); the next start kills what a forking engine leaves.",
        test="tests/host/test_warden.py::test_an_engine_ends_when_owner_and_warden_are_killed_at_once",
    ),
    Fault(
        "warden-hangs",
        "The warden itself hangs.",
        "The answer of a fresh process.",
        "The warden is killed with its process tree.",
        test="tests/host/test_child.py::test_a_warden_that_hangs_is_given_up",
    ),
    Fault(
        "frozen-killed",
        "`viewfinder serve` is killed while its wardens, engines and decoders are frozen (SIGSTOP).",
        "The connection breaks.",
        "Nothing of it runs 2 s later (Linux); macOS leaves a frozen process to the next start.",
        test="tests/e2e/test_nothing_left.py::test_frozen_processes_end_with_a_killed_serve",
    ),
    Fault(
        "pipe-held",
        "An engine exits and leaves children that hold its output open.",
        "The answer of a fresh process.",
        "The children are killed with it.",
        test="tests/host/test_warden.py::test_what_an_engine_leaves_behind_ends_with_it",
    ),
    Fault(
        "decoder-killed",
        "The process that decodes images is killed.",
        "The answer: the image is decoded once more.",
        "A fresh decoder; an image that crashes two of them is refused with 400 `decode_failed`.",
        test="tests/media/test_intake.py::test_a_decoder_that_is_killed_from_outside_costs_no_image",
    ),
    Fault(
        "decoder-frozen",
        "A process that decodes images is frozen (SIGSTOP).",
        "The answer: the image is decoded once more, within a second.",
        "A fresh decoder.",
        test="tests/hostile/test_image_floods.py::test_frozen_decoders_cost_no_image",
    ),
    Fault(
        "slow-images",
        "Clients send images that take long to decode, or many large ones.",
        "Small images are answered as fast as ever; large ones take turns between clients.",
        "An image may use processor time for its pixels; progressive JPEGs of hundreds of scans are refused.",
        test="tests/hostile/test_image_floods.py::test_progressive_jpegs_of_thousands_of_scans",
    ),
    Fault(
        "held-memory",
        "Clients send large bodies slowly, and hold them.",
        "503 `overloaded` with Retry-After for the largest body that is still arriving.",
        "The memory of all requests together is bounded.",
        test="tests/hostile/test_image_floods.py::test_connections_that_hold_sixty_megabytes_each",
    ),
    Fault(
        "wrong-cpu",
        "The engine was built for another processor (SIGILL).",
        "502 `engine_died`, which says so and names the command that installs the right one.",
        "`failed` at once: a retry cannot help.",
        test="tests/fleet/process/test_server.py::test_a_build_for_another_cpu_is_said_and_not_tried_again",
    ),
    Fault(
        "retry-storm",
        "An engine dies again and again.",
        "503 `model_failed` at once.",
        "After five deaths within a minute it is given up; a request starts nothing.",
        test="tests/faults/test_faults.py::test_after_too_many_deaths_the_model_is_given_up",
    ),
    Fault(
        "descriptors",
        "Engines are started many times.",
        "Nothing.",
        "The number of open files stays the same.",
        test="tests/host/test_child.py::test_files_stay_flat_over_many_starts",
    ),
)

OWNERSHIP = (
    Fault(
        "port-occupied",
        "A foreign program holds the port.",
        "`serve` names the program and its pid, and takes the next port (with `--strict-port`: exits).",
        "The foreign program is left alone.",
        test="tests/e2e/test_commands.py::test_a_port_that_a_foreign_program_holds",
    ),
    Fault(
        "two-instances",
        "`serve` is started twice.",
        "The second says where the first listens and exits with code 3.",
        "One owner.",
        test="tests/e2e/test_nothing_left.py::test_a_second_serve_says_where_the_first_listens",
    ),
    Fault(
        "many-instances",
        "Many are started at the same time.",
        "One serves.",
        "One owner, whatever the timing.",
        test="tests/host/test_ownership.py::test_of_many_at_once_exactly_one_wins",
    ),
    Fault(
        "leftovers",
        "A killed Viewfinder has left engines and sockets.",
        "Nothing.",
        "The next start kills what is provably its own (pid, start time and mark match, the owner is dead).",
        test="tests/host/test_leftovers.py::test_an_engine_whose_owner_is_dead_is_killed_and_its_record_removed",
    ),
    Fault(
        "living-owner",
        "There is a record of an engine whose owner is running.",
        "Nothing.",
        "It is left alone.",
        test="tests/host/test_leftovers.py::test_the_engine_of_a_living_owner_is_not_touched",
    ),
    Fault(
        "reused-pid",
        "Another process has the pid of an engine that is gone.",
        "Nothing.",
        "It is left alone; in doubt it is also reported.",
        test="tests/host/test_leftovers.py::test_a_process_that_got_the_engines_pid_is_not_touched",
    ),
    Fault(
        "corrupt-record",
        "The record of an engine cannot be read.",
        "Nothing.",
        "It is reported and moved aside.",
        test="tests/host/test_leftovers.py::test_a_record_that_cannot_be_read_is_reported_and_moved_aside",
    ),
    Fault(
        "clock",
        "The wall clock jumps.",
        "Nothing.",
        "Durations come from the monotonic clock, and the start time of a process does not change.",
        test="tests/host/test_records.py::test_a_start_does_not_move_with_the_wall_clock",
    ),
    Fault(
        "port-stolen",
        "A foreign program takes the port between our check and the engine's bind.",
        "The answer, later by one load.",
        "Nothing is sent to the foreign program, and the engine gets another port.",
        test="tests/fleet/process/test_tcp_only.py::test_a_stolen_port_gets_no_byte_and_the_engine_another_port",
    ),
    Fault(
        "stale-lock",
        "The record of the lock names an owner that does not hold it.",
        "Nothing.",
        "The record is ignored.",
        test="tests/host/test_ownership.py::test_a_record_that_is_not_the_holders_is_not_believed",
    ),
)

FILES = (
    Fault(
        "disk-full-results",
        "The disk is full while results are written.",
        "One sentence, exit code 1.",
        "The results from before are kept.",
        test="tests/e2e/test_commands.py::test_a_full_disk_is_reported_in_one_sentence",
    ),
    Fault(
        "disk-full-logs",
        "The disk is full for an engine's log.",
        "Every answer.",
        "A warning; the log is lost, the engine keeps running.",
        test="tests/e2e/test_commands.py::test_a_disk_without_room_for_the_log_still_gives_an_answer",
    ),
    Fault(
        "truncated-model",
        "A model's file is truncated.",
        "An error before anything is started, with the command that fixes it.",
        "`stopped`.",
        test="tests/e2e/test_commands.py::test_a_truncated_model",
    ),
    Fault(
        "cut-anywhere",
        "A model's file is cut at any byte, or bytes of it are changed.",
        "One sentence.",
        "No engine is started on it.",
        test="tests/catalog/test_headers.py::test_cut_anywhere_it_is_truncated_and_nothing_else",
    ),
    Fault(
        "corrupt-download",
        "A downloaded byte is wrong.",
        "An error: the file does not match its hash.",
        "Nothing of it is kept.",
        test="tests/catalog/test_blob.py::test_a_corrupted_byte_is_refused_and_nothing_of_it_is_kept",
    ),
)

CLIENTS = (
    Fault(
        "client-leaves",
        "A client disconnects in the middle of its answer.",
        "Nothing: it is gone.",
        "The engine's connection is closed, so that it stops; the lease is released.",
        test="tests/gateway/test_relay.py::test_a_client_that_disconnects_stops_the_engine_and_releases_the_lease",
    ),
    Fault(
        "client-leaves-queue",
        "A client disconnects while the model loads.",
        "Nothing: it is gone.",
        "Its request is not sent to the engine.",
        test="tests/gateway/test_relay.py::test_the_request_of_a_client_that_disconnects_while_the_model_loads_is_dropped",
    ),
    Fault(
        "slow-client",
        "A client sends its request a byte at a time.",
        "408 `request_timeout`.",
        "The connection is closed.",
        test="tests/hostile/test_http.py::test_a_slow_body_is_not_waited_for",
    ),
    Fault(
        "stop-while-answering",
        "`serve` is stopped while it answers.",
        "The rest of the answer; after `drain_s` 503 `stopping`, or an error event.",
        "No new request is taken.",
        test="tests/gateway/test_listen.py::test_a_stop_lets_requests_in_progress_finish_and_takes_no_new_ones",
    ),
)

LONG = (
    Fault(
        "nth-call",
        "The system refuses one new process, connection or file: the first, the second, each one in turn.",
        "At most one error; the next request is answered.",
        "`ready`: the restart rule retries what the system refused.",
        test="tests/faults/test_nth_call.py::test_every_call_may_fail_once",
    ),
    Fault(
        "random-kills",
        "Engines, wardens and the decoder are killed at random under load.",
        "An answer, or an OpenAI error; never another request's words.",
        "No lease, waiting request or process is left.",
        test="tests/faults/test_chaos.py::test_random_kills_for_five_minutes",
    ),
    Fault(
        "one-of-two",
        "The memory budget fits one of two models, and both are used.",
        "Every answer, later by one load.",
        "Both are never loaded at the same time.",
        test="tests/faults/test_budget.py::test_two_models_share_the_room_of_one_two_hundred_times",
    ),
    Fault(
        "ten-thousand",
        "Ten thousand requests, and a thousand clients that disconnect.",
        "Every answer.",
        "Memory, open files and tasks of the gateway are the same as before.",
        test="tests/faults/test_soak.py::test_ten_thousand_requests_leave_nothing",
    ),
)
