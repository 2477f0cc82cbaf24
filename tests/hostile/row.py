"""One row of the table of hostile input, and the names of the tests; for `table` and `attacked`."""

from dataclasses import dataclass

HTTP = "tests/hostile/test_http.py::test_"
ACCESS = "tests/hostile/test_access.py::test_"
BODIES = "tests/hostile/test_bodies.py::test_"
BROWSERS = "tests/hostile/test_browsers.py::test_"
APIS = "tests/hostile/test_apis.py::test_"
IMAGES = "tests/hostile/test_images.py::test_"
FLOODS = "tests/hostile/test_image_floods.py::test_"
CLIPS = "tests/hostile/test_clips.py::test_"
URLS = "tests/hostile/test_urls.py::test_nothing_is_fetched_or_opened"
FETCHED = "tests/hostile/test_urls.py::test_where_images_are_fetched_no_private_address_is"
ADDRESSED = "tests/media/test_addresses.py::test_"
REMOTE = "tests/media/test_remote.py::test_"
ENGINES = "tests/hostile/test_engines_input.py::test_"
SCHEMAS = "tests/hostile/test_schemas.py::test_"
STUCK = "tests/hostile/test_stuck_engine.py::test_"
BESIDE = "tests/hostile/test_beside.py::test_a_polite_client_is_served_beside"
BROKE_IT = "tests/hostile/test_beside.py::test_what_broke_it"
CONNECTION = "tests/gateway/test_connection.py::test_"
STREAMED = "tests/gateway/test_fleet_stream.py::test_"
KEPT = "tests/gateway/test_kept.py::test_"
RESPONSES = "tests/gateway/test_responses.py::test_"
RELAY = "tests/gateway/test_relay.py::test_"
FAULTS = "tests/faults/test_faults.py::test_the_outcome_is_that_of_the_table"
FOLDERS = "tests/hostile/test_model_folders.py::test_"
OUTPUT = "tests/hostile/test_output.py::test_"
TERMINAL = "tests/hostile/test_terminal.py::test_"
CONFIG = "tests/core/test_config.py::test_"


@dataclass(frozen=True)
class Row:
    """One kind of input; `differs` says where we do something else than others would expect, and why."""

    name: str
    sent: str
    promise: str
    tests: tuple[str, ...]
    differs: str = ""
