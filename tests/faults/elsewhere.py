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
        "The engine's whole tree is ended.",
        test="tests/host/test_child.py::test_a_killed_warden_leaves_nothing",
    ),
    Fault(
        "both-killed",
        "Viewfinder and the warden are killed at once.",
        "The connection breaks.",
        "The engine ends too (Linux); what a forking engine leaves is ended at the next start.",
        test="tests/host/test_warden.py::test_an_engine_ends_when_owner_and_warden_are_killed_at_once",
    ),
    Fault(
        "warden-hangs",
        "The warden itself hangs.",
        "The answer of a fresh process.",
        "It is killed and its tree swept.",
        test="tests/host/test_child.py::test_a_warden_that_hangs_is_given_up",
    ),
    Fault(
        "pipe-held",
        "An engine exits and leaves children that hold its output open.",
        "The answer of a fresh process.",
        "The children are ended with it.",
        test="tests/host/test_warden.py::test_what_an_engine_leaves_behind_ends_with_it",
    ),
    Fault(
        "decoder-killed",
        "The process that decodes images is killed.",
        "The answer: the image is decoded once more.",
        "A fresh decoder; an image that ends two of them is refused with 400 `decode_failed`.",
        test="tests/media/test_intake.py::test_a_decoder_that_is_killed_from_outside_costs_no_image",
    ),
    Fault(
        "wrong-cpu",
        "The engine was built for another processor (SIGILL).",
        "502 `engine_died`, which says so and what to install.",
        "`failed` at once: trying again would be in vain.",
        test="tests/fleet/process/test_server.py::test_a_build_for_another_cpu_is_said_and_not_tried_again",
    ),
    Fault(
        "retry-storm",
        "An engine dies again and again.",
        "503 `model_failed` at once.",
        "Five deaths within a minute are the last; a request starts nothing.",
        test="tests/faults/test_faults.py::test_deaths_beyond_the_default_budget_are_the_last",
    ),
    Fault(
        "descriptors",
        "Engines are started again and again.",
        "Nothing.",
        "The number of open files stays the same.",
        test="tests/host/test_child.py::test_files_stay_flat_over_many_starts",
    ),
)

OWNERSHIP = (
    Fault(
        "port-occupied",
        "A foreign program holds the port.",
        "`serve` names the program and its pid, and takes the next port (with `--strict-port`: ends).",
        "The foreign program is not touched.",
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
        "Many are started at the same moment.",
        "One serves.",
        "One owner, whatever the timing.",
        test="tests/host/test_ownership.py::test_of_many_at_once_exactly_one_wins",
    ),
    Fault(
        "leftovers",
        "A killed Viewfinder has left engines and sockets.",
        "Nothing.",
        "The next start ends what is surely its own (pid, start time and mark agree, and the owner is dead).",
        test="tests/host/test_leftovers.py::test_an_engine_whose_owner_is_dead_is_ended_and_forgotten",
    ),
    Fault(
        "living-owner",
        "A record of an engine whose owner lives.",
        "Nothing.",
        "It is not touched.",
        test="tests/host/test_leftovers.py::test_the_engine_of_a_living_owner_is_not_touched",
    ),
    Fault(
        "reused-pid",
        "Another process has got the pid of an engine that is gone.",
        "Nothing.",
        "It is not touched; when in doubt it is told, and left alone.",
        test="tests/host/test_leftovers.py::test_a_process_that_got_the_engines_pid_is_not_touched",
    ),
    Fault(
        "corrupt-record",
        "The record of an engine cannot be read.",
        "Nothing.",
        "It is told and put aside.",
        test="tests/host/test_leftovers.py::test_a_record_that_cannot_be_read_is_told_and_put_aside",
    ),
    Fault(
        "clock",
        "The wall clock jumps.",
        "Nothing.",
        "Durations come from the monotonic clock, and a process's start does not move.",
        test="tests/host/test_records.py::test_a_start_does_not_move_with_the_wall_clock",
    ),
    Fault(
        "port-stolen",
        "A foreign program takes the port between the look and the engine's bind.",
        "The answer, a load later.",
        "The thief gets no byte, and the engine another port.",
        test="tests/fleet/process/test_tcp_only.py::test_a_stolen_port_gets_no_byte_and_the_engine_another_port",
    ),
    Fault(
        "stale-lock",
        "The lock's record names an owner that is not the holder.",
        "Nothing.",
        "It is not believed.",
        test="tests/host/test_ownership.py::test_a_record_that_is_not_the_holders_is_not_believed",
    ),
)

FILES = (
    Fault(
        "disk-full-results",
        "The disk is full while results are written.",
        "One sentence, exit code 1.",
        "What was measured before is kept.",
        test="tests/e2e/test_commands.py::test_a_full_disk_is_said_in_one_sentence",
    ),
    Fault(
        "disk-full-logs",
        "The disk takes no more of an engine's log.",
        "Every answer.",
        "A warning; the file is lost, the engine is not.",
        test="tests/e2e/test_commands.py::test_a_disk_that_takes_no_log_still_gives_an_answer",
    ),
    Fault(
        "truncated-model",
        "A model's file was cut.",
        "It is refused before anything is started, with what mends it.",
        "`stopped`.",
        test="tests/e2e/test_commands.py::test_a_truncated_model",
    ),
    Fault(
        "cut-anywhere",
        "A model's file was cut at any of its bytes, or bytes were flipped.",
        "One sentence.",
        "No engine is started on it.",
        test="tests/catalog/test_headers.py::test_cut_anywhere_it_is_truncated_and_nothing_else",
    ),
    Fault(
        "corrupt-download",
        "A download brings a wrong byte.",
        "The file is refused by its hash.",
        "Nothing of it is kept.",
        test="tests/catalog/test_blob.py::test_a_corrupted_byte_is_refused_and_nothing_of_it_is_kept",
    ),
)

CLIENTS = (
    Fault(
        "client-leaves",
        "A client leaves in the middle of its answer.",
        "Nothing: it is gone.",
        "The engine's connection is closed, so that it stops; the lease is given back.",
        test="tests/gateway/test_relay.py::test_a_client_that_leaves_stops_the_engine_and_gives_the_lease_back",
    ),
    Fault(
        "client-leaves-queue",
        "A client leaves while the model loads.",
        "Nothing: it is gone.",
        "Its request is not asked.",
        test="tests/gateway/test_relay.py::test_a_client_that_leaves_while_the_model_loads_is_not_asked_for",
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
        "`serve` is told to stop while it answers.",
        "The rest of the answer; past the patience 503 `stopping`, or an error event.",
        "Nothing new is taken.",
        test="tests/gateway/test_listen.py::test_a_stop_lets_what_is_in_progress_end_and_takes_nothing_new",
    ),
)

LONG = (
    Fault(
        "nth-call",
        "The system refuses one spawn, one connection or one file: the first, the second, every single one.",
        "At most one error; the next request is answered.",
        "`ready`: what the system refuses now is tried again by the restart rule.",
        test="tests/faults/test_nth_call.py::test_every_call_may_fail_once",
    ),
    Fault(
        "random-kills",
        "Engines, wardens and the decoder are killed at random under load.",
        "An answer, or an OpenAI error; never another request's words.",
        "No lease, no waiting request and no process is left.",
        test="tests/faults/test_chaos.py::test_random_kills_for_five_minutes",
    ),
    Fault(
        "one-of-two",
        "The memory budget holds one of two models, and both are asked for.",
        "Every answer, a load later.",
        "Never are both loaded.",
        test="tests/faults/test_budget.py::test_two_models_share_the_room_of_one_two_hundred_times",
    ),
    Fault(
        "ten-thousand",
        "Ten thousand requests, and a thousand clients that leave.",
        "Every answer.",
        "Memory, open files and tasks of the gateway are what they were.",
        test="tests/faults/test_soak.py::test_ten_thousand_requests_leave_nothing",
    ),
)
