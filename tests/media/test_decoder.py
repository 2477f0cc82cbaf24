"""The decoder program itself, over its pipes."""

import base64
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image

from tests.processes import left_of
from viewfinder.media.frames import SIZES, pack_head

SRC = Path(__file__).parents[2] / "src"


def picture(size: tuple[int, int] = (9, 7), format: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, "red").save(file, format)
    return base64.b64encode(file.getvalue())


ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="needs PDEATHSIG")
Decoder = subprocess.Popen[bytes]


@pytest.fixture
def decoder() -> Iterator[Decoder]:
    with started() as process:
        assert read(process) == ({"ready": True}, b"")
        yield process
        process.kill()


def started(max_pixels: int = 50_000_000) -> Decoder:
    return subprocess.Popen(
        [sys.executable, "-m", "viewfinder.media.decoder", str(max_pixels), "20", str(os.getpid())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(SRC)},
    )


def order(process: Decoder, payload: bytes, longest_edge: int | None = None) -> None:
    assert process.stdin is not None
    process.stdin.write(pack_head({"longest_edge": longest_edge}, len(payload)) + payload)
    process.stdin.flush()


def read(process: Decoder) -> tuple[dict[str, Any], bytes]:
    assert process.stdout is not None
    head_bytes, payload_bytes = SIZES.unpack(process.stdout.read(SIZES.size))
    return json.loads(process.stdout.read(head_bytes)), process.stdout.read(payload_bytes)


def test_an_order_and_its_answer(decoder: Decoder) -> None:
    order(decoder, picture(), longest_edge=3)
    head, payload = read(decoder)
    assert (head["width"], head["height"], len(head["digest"])) == (3, 2, 64)
    assert payload.startswith(b"data:image/png;base64,")


def test_base64_may_be_broken_into_lines(decoder: Decoder) -> None:
    order(decoder, base64.encodebytes(base64.b64decode(picture())).replace(b"\n", b"\r\n"))
    assert read(decoder)[0]["width"] == 9


@pytest.mark.parametrize("payload", [b"!!!!", b"iVBOR", b"iVBO=Rw0", b"iVBORw0KGgo-_w=="])
def test_broken_base64(decoder: Decoder, payload: bytes) -> None:
    order(decoder, payload)
    assert read(decoder) == ({"fault": "bad_base64", "details": {}}, b"")


def test_it_exits_at_the_end_of_stdin(decoder: Decoder) -> None:
    out, _ = decoder.communicate(timeout=10)
    assert (out, decoder.returncode) == (b"", 0)


def test_it_exits_at_the_end_of_stdin_in_the_middle_of_a_picture(decoder: Decoder) -> None:
    order(decoder, picture((7000, 7000), "JPEG"))
    out, _ = decoder.communicate(timeout=10)
    assert (out, decoder.returncode) == (b"", 0)


def test_an_order_that_is_cut_off_is_not_carried_out(decoder: Decoder) -> None:
    assert decoder.stdin is not None
    decoder.stdin.write(pack_head({"longest_edge": None}, 1000) + picture())
    out, _ = decoder.communicate(timeout=10)
    assert (out, decoder.returncode) == (b"", 0)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not keep these limits")
def test_its_limits(decoder: Decoder) -> None:
    order(decoder, picture())
    read(decoder)
    limits = psutil.Process(decoder.pid)
    assert limits.rlimit(psutil.RLIMIT_CORE)[0] == 0
    assert limits.rlimit(psutil.RLIMIT_FSIZE)[0] == 0
    assert 2**30 < limits.rlimit(psutil.RLIMIT_AS)[0] < 3 * 2**30
    assert 20 <= limits.rlimit(psutil.RLIMIT_CPU)[0] <= 25
    assert Path(f"/proc/{decoder.pid}/oom_score_adj").read_text().strip() == "800"


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_what_a_codec_prints_is_no_answer(decoder: Decoder) -> None:
    printed, complained = (Path(f"/proc/{decoder.pid}/fd/{number}").readlink() for number in (1, 2))
    assert printed == complained


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not keep this limit")
def test_memory_that_runs_out_is_a_fault_and_not_the_end(decoder: Decoder) -> None:
    psutil.Process(decoder.pid).rlimit(psutil.RLIMIT_AS, (120 * 2**20, psutil.RLIM_INFINITY))
    order(decoder, picture((7000, 7000), "JPEG"))
    assert read(decoder)[0]["fault"] == "damaged"
    order(decoder, picture())
    assert read(decoder)[0]["width"] == 9


@pytest.mark.parametrize("frozen", [False, pytest.param(True, marks=ON_LINUX)])
def test_the_decoder_of_a_killed_owner_dies_with_it(frozen: bool) -> None:
    """Under SIGSTOP it does not see the end of its stdin, and was left."""
    url = f"data:image/png;base64,{picture().decode()}"
    child = Path(__file__).parents[1] / "children" / "owns_an_intake.py"
    owner = subprocess.Popen(
        [sys.executable, str(child), url], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(SRC)}
    )
    with owner:
        assert owner.stdout is not None
        orphan = psutil.Process(int(owner.stdout.readline()))
        if frozen:
            orphan.suspend()
        owner.send_signal(signal.SIGKILL)
        owner.wait()
        assert left_of([orphan]) == []
