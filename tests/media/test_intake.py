"""The intake: data URLs, the levels of detail, and errors."""

import asyncio
import base64
import io
import os
import signal
from collections.abc import AsyncIterator

import psutil
import pytest
import pytest_asyncio
from PIL import Image

from viewfinder.core.config import Limits
from viewfinder.core.errors import InvalidImage
from viewfinder.media.intake import Intake
from viewfinder.media.worker import DecoderLost

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def intake() -> AsyncIterator[Intake]:
    async with Intake(Limits()) as one:
        yield one


def base64_of(size: tuple[int, int] = (60, 40), format: str = "PNG") -> str:
    file = io.BytesIO()
    Image.new("RGB", size, "red").save(file, format)
    return base64.b64encode(file.getvalue()).decode()


async def refused(intake: Intake, url: str) -> InvalidImage:
    with pytest.raises(InvalidImage) as caught:
        await intake.accept(url)
    return caught.value


@pytest.mark.parametrize(
    "start",
    [
        "data:image/png;base64,",
        "data:;base64,",
        "data:image/gif;base64,",
        "data:text/html;charset=utf-8;base64,",
        "DATA:IMAGE/PNG;BASE64,",
    ],
)
async def test_the_content_counts_and_not_what_it_is_declared_to_be(intake: Intake, start: str) -> None:
    image = await intake.accept(start + base64_of())
    assert (image.width, image.height) == (60, 40)
    assert image.data_url.startswith("data:image/png;base64,")


async def test_what_comes_out_is_an_image_of_that_size(intake: Intake) -> None:
    image = await intake.accept("data:image/jpeg;base64," + base64_of((33, 44), "JPEG"))
    declared, _, data = image.data_url.partition(",")
    assert declared == "data:image/jpeg;base64"
    assert Image.open(io.BytesIO(base64.b64decode(data))).size == (33, 44)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
async def test_the_same_image_is_the_same_bytes_in_another_process(intake: Intake, format: str) -> None:
    url = "data:image/x;base64," + base64_of(format=format)
    async with Intake(Limits()) as another:
        assert await another.accept(url) == await intake.accept(url)


async def test_taking_our_own_image_again_changes_nothing(intake: Intake) -> None:
    image = await intake.accept("data:image/webp;base64," + base64_of(format="WEBP"))
    assert await intake.accept(image.data_url) == image


@pytest.mark.parametrize(("detail", "width"), [("auto", 1200), ("high", 1200), ("low", 512)])
async def test_an_image_is_shrunk_only_for_low_detail(intake: Intake, detail: str, width: int) -> None:
    url = "data:image/png;base64," + base64_of((1200, 600))
    image = await intake.accept(url, detail=detail)
    assert (image.width, image.height) == (width, width // 2)


async def test_new_limits_leave_no_decoder_process_behind() -> None:
    """Each reload that changed [limits] made a new intake, and the decoder of the old one ran until exit."""
    url = "data:image/png;base64," + base64_of((60, 40))
    async with Intake(Limits()) as one:
        pids = set()
        for pixels in (5000, 4000, 3000):
            one.limit(Limits(pixels=pixels))
            await one.accept(url)
            pids.add(one.decoder.pid)
        one.limit(Limits(pixels=3000))  # no change
        await one.accept(url)
        pids.add(one.decoder.pid)
        assert len(pids) == 3
        children = {child.pid for child in psutil.Process().children()}
        assert children & pids == {one.decoder.pid}
        one.limit(Limits(pixels=2000))
        assert (await refused(one, url)).reason == "image_too_large"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/x.png",
        "https://example.com/x.png",
        "HTTP://[::1]/",
        "http://good\\@evil/",
        "//169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "/etc/passwd",
        "../../x.png",
        "C:\\x.png",
        "ftp://example.com/x.png",
        "javascript:alert(1)",
        " data:image/png;base64,",
        base64_of(),
    ],
    ids=lambda url: url[:24],
)
async def test_nothing_is_fetched_or_opened(intake: Intake, url: str) -> None:
    error = await refused(intake, url)
    assert error.reason == "media_url_forbidden"
    assert "data:image/png;base64," in error.hint
    assert "passwd" not in str(error)


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("", "is empty"),
        ("data:image/png;base64,", "is empty"),
        ("data:", "not in base64"),
        ("data:image/png", "not in base64"),
        ("data:image/png," + base64_of(), "not in base64"),
        ("data:image/png;base64;x," + base64_of(), "not in base64"),
        ("data:image/png;base64" + base64_of(), "not in base64"),
        ("data:image/png;base64,\u00e9", "base64 is invalid"),
        ("data:image/png;base64,%20", "base64 is invalid"),
    ],
    ids=lambda value: value[:30],
)
async def test_no_data_url(intake: Intake, url: str, fault: str) -> None:
    error = await refused(intake, url)
    assert error.reason == "invalid_image"
    assert fault in error.message


async def test_the_error_for_a_large_image_names_its_size() -> None:
    async with Intake(Limits(pixels=2000)) as small:
        error = await refused(small, "data:image/png;base64," + base64_of())
    assert error.reason == "image_too_large"
    assert error.message == "The image of 60 x 40 pixels is too large: the most is 2,000 pixels."


async def test_an_intake_that_was_closed_opens_again() -> None:
    intake = Intake(Limits())
    url = "data:image/png;base64," + base64_of()
    first = await intake.accept(url)
    await intake.close()
    assert await intake.accept(url) == first
    await intake.close()


async def test_a_decoder_that_is_killed_from_outside_costs_no_image() -> None:
    """The kernel, or a person, may kill it: that is not the image's fault, but it was reported as a 400."""
    async with Intake(Limits()) as intake:
        accepting = asyncio.create_task(intake.accept("data:image/png;base64," + base64_of((2000, 2000))))
        while intake.decoder.pid is None:  # noqa: ASYNC110
            await asyncio.sleep(0)
        os.kill(intake.decoder.pid, signal.SIGKILL)
        assert (await accepting).width == 2000


async def test_an_image_that_ends_two_decoders_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    async def lose(payload: bytes, **order: object) -> None:
        tried.append(payload)
        raise DecoderLost

    intake = Intake(Limits())
    monkeypatch.setattr(intake.decoder, "decode", lose)
    assert (await refused(intake, "data:image/png;base64," + base64_of())).reason == "decode_failed"
    assert len(tried) == 2


async def test_an_image_that_a_close_has_cost_starts_no_process() -> None:
    intake = Intake(Limits())
    accepting = asyncio.create_task(intake.accept("data:image/png;base64," + base64_of((2000, 2000))))
    while intake.decoder.pid is None:  # noqa: ASYNC110
        await asyncio.sleep(0)
    await intake.close()
    with pytest.raises(InvalidImage):
        await accepting
    assert intake.decoder.pid is None


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
async def test_a_thumbnail_is_a_small_jpeg_even_of_noise(intake: Intake, format: str) -> None:
    file = io.BytesIO()
    Image.effect_noise((1000, 500), 200).convert("RGB").save(file, format)
    url = await intake.thumbnail(f"data:;base64,{base64.b64encode(file.getvalue()).decode()}")
    assert url.startswith("data:image/jpeg;base64,")
    assert len(url) < 20_000
    with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as small:
        assert small.size == (128, 64)
    after = await intake.accept(f"data:;base64,{base64_of()}")
    assert after.data_url.startswith("data:image/png"), "the next image is none"


async def test_a_thumbnail_of_what_is_no_image_is_refused(intake: Intake) -> None:
    with pytest.raises(InvalidImage):
        await intake.thumbnail("data:;base64,AAAA")
