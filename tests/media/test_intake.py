"""The intake: data URLs, the levels of detail, and errors."""

import asyncio
import base64
import errno
import io
import os
import random
import signal
import struct
from collections.abc import AsyncIterator
from urllib.parse import quote

import psutil
import pytest
import pytest_asyncio
from PIL import Image

from viewfinder.core.config import Limits
from viewfinder.core.errors import Busy, InvalidImage
from viewfinder.media.fairness import Client
from viewfinder.media.frames import Order
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
            pids.update(one.decoder.pids)
        one.limit(Limits(pixels=3000))  # no change
        await one.accept(url)
        pids.update(one.decoder.pids)
        assert len(pids) == 3
        children = {child.pid for child in psutil.Process().children()}
        assert children & pids == set(one.decoder.pids)
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
        "AAAA",
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
        (" data:image/png;base64,", "is empty"),
        ("data:", "no comma"),
        ("data:image/png", "no comma"),
        ("data:image/png," + base64_of(), "no ;base64 before its comma"),
        ("data:image/png;base64;x," + base64_of(), "no ;base64 before its comma"),
        ("data:image/png;base64" + base64_of(), "no comma"),
        (base64_of(), "base64 without the beginning of a data URL"),
        ("/9j/" + "A" * 200, "base64 without the beginning of a data URL"),
        ("data:image/png;base64,\u00e9", "base64 is invalid"),
        ("data:image/png;base64,%2A", "base64 is invalid"),
        ("data:image/png;base64,%20", "is empty"),
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
        while not intake.decoder.pids:  # noqa: ASYNC110
            await asyncio.sleep(0)
        os.kill(intake.decoder.pids[0], signal.SIGKILL)
        assert (await accepting).width == 2000


async def test_an_image_that_ends_two_decoders_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    async def lose(payload: str, order: Order, **more: object) -> None:
        tried.append(payload)
        raise DecoderLost

    intake = Intake(Limits())
    monkeypatch.setattr(intake.decoder, "decode", lose)
    assert (await refused(intake, "data:image/png;base64," + base64_of())).reason == "decode_failed"
    assert len(tried) == 2


async def test_an_image_that_a_close_has_cost_starts_no_process() -> None:
    intake = Intake(Limits())
    accepting = asyncio.create_task(intake.accept("data:image/png;base64," + base64_of((2000, 2000))))
    while not intake.decoder.pids:  # noqa: ASYNC110
        await asyncio.sleep(0)
    await intake.close()
    with pytest.raises(InvalidImage):
        await accepting
    assert intake.decoder.pids == ()


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


async def test_a_lack_of_descriptors_is_not_the_images_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """A good image was `decode_failed` when no process could be started for it."""

    async def none_left(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    async with Intake(Limits()) as intake:
        with monkeypatch.context() as patch:
            patch.setattr(asyncio, "create_subprocess_exec", none_left)
            with pytest.raises(Busy) as refused:
                await intake.accept(f"data:;base64,{base64_of()}")
        assert refused.value.reason == "overloaded"
        assert (await intake.accept(f"data:;base64,{base64_of()}")).width


def claiming(width: int, height: int) -> str:
    """A PNG that declares this size; it has none of those pixels."""
    data = bytearray(base64.b64decode(base64_of()))
    data[16:24] = struct.pack(">II", width, height)
    return "data:image/png;base64," + base64.b64encode(data).decode()


async def test_the_pixels_of_a_request_are_counted_before_anything_is_decoded() -> None:
    intake = Intake(Limits(request_pixels=100_000_000))
    async with intake.admitted([claiming(6000, 5000)] * 3):
        pass
    with pytest.raises(InvalidImage) as caught:
        async with intake.admitted([claiming(6000, 5000)] * 4):
            pass
    assert (caught.value.reason, caught.value.param) == ("too_many_pixels", "messages")
    assert "120,000,000 pixels together" in caught.value.message
    assert intake.decoder.pids == ()


async def test_the_pixels_of_all_requests_are_limited_and_every_client_has_its_share() -> None:
    ann, bob = Client("ann"), Client("bob")
    intake = Intake(Limits(pixels_together=200_000_000))
    large = [claiming(6000, 5000)]
    async with intake.admitted(large * 5, ann), intake.admitted(large, ann):
        with pytest.raises(Busy) as caught:
            async with intake.admitted(large, ann):
                pass
        assert (caught.value.reason, caught.value.retry_after_s) == ("overloaded", 5.0)
        async with intake.admitted(large, bob), intake.admitted([claiming(1000, 1000)], ann):
            pass
    async with intake.admitted(large * 6, bob):
        pass
    assert intake._pixels.total() == 0


async def test_other_work_is_done_between_the_images_of_a_request() -> None:
    """To look for the sizes of sixteen images took 22 ms in one go."""
    far = base64.b64decode(base64_of(format="JPEG"))
    far = far[:2] + b"".join([b"\xff\xe5\xff\xff" + bytes(65533)] * 11) + far[2:]
    url = "data:image/jpeg;base64," + base64.b64encode(far).decode()
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    async with Intake(Limits()).admitted([url] * 16):
        assert turns >= 15
    task.cancel()


@pytest.mark.parametrize(
    ("declared", "pixels"),
    [
        (claiming(6000, 5000), 30_000_000),
        (claiming(60_000, 50_000), 0),
        ("data:image/png;base64,AAAA", 0),
        ("data:image/png;base64,%%%%", 0),
        ("data:image/png;base64,", 0),
        ("", 0),
        ("http://127.0.0.1/x.png", 0),
        ("data:image/png;base64," + base64_of((33, 44), "JPEG"), 33 * 44),
        ("data:image/png;base64," + base64_of((33, 44), "WEBP"), 33 * 44),
        ("data:image/png;base64," + base64_of((33, 44), "GIF"), 33 * 44),
        ("data:image/png;base64," + claiming(6000, 5000).partition(",")[2].replace("A", "%41"), 30_000_000),
        ("data:," + quote(base64.b64decode(base64_of((33, 44)))), 33 * 44),
        (base64_of(), 0),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_the_pixels_that_an_image_declares(declared: str, pixels: int) -> None:
    intake = Intake(Limits())
    assert intake._pixels_of(declared) == pixels
    assert intake._pixels_of(memoryview(declared.encode())) == pixels


@pytest.mark.parametrize(("columns", "end"), [(76, "\n"), (76, "\r\n"), (3, "\n"), (4096, "\r\n")])
async def test_line_breaks_do_not_hide_the_pixels(columns: int, end: str) -> None:
    """Of base64 in lines, the searched beginning was often no base64 by itself: a large image counted as 0
    pixels and passed as a small one. The decoder takes line breaks."""
    large = base64.b64decode(claiming(6000, 5000).partition(",")[2]) + bytes(200_000)
    text = base64.b64encode(large).decode()
    lines = end.join(text[at : at + columns] for at in range(0, len(text), columns))
    intake = Intake(Limits())
    for url in (f"data:image/png;base64,{lines}", memoryview(f"data:image/png;base64,{lines}".encode())):
        assert intake._pixels_of(url) == 30_000_000


@pytest.mark.parametrize("blanks", [5_000, 70_000])
async def test_blanks_in_front_do_not_hide_the_pixels(blanks: int) -> None:
    start, _, text = claiming(6000, 5000).partition(",")
    assert Intake(Limits())._pixels_of(f"{start},{' ' * blanks}{text}") == 30_000_000


async def test_a_jpeg_that_hides_its_size_behind_metadata_counts_as_the_largest() -> None:
    file = io.BytesIO()
    Image.new("RGB", (60, 40)).save(file, "JPEG")
    data, segment = file.getvalue(), b"\xff\xe1\xff\xff" + bytes(0xFFFD)
    intake = Intake(Limits())
    for segments, pixels in ((3, 60 * 40), (30, 50_000_000)):
        hidden = data[:2] + segment * segments + data[2:]
        assert intake._pixels_of("data:;base64," + base64.b64encode(hidden).decode()) == pixels


async def test_a_view_of_a_data_url_is_taken_as_its_text_is(intake: Intake) -> None:
    url = "data:image/png;base64," + base64_of()
    assert await intake.accept(memoryview(url.encode())) == await intake.accept(url)
    for wrong in (b"data:image/png;base64,\xc3\xa9", b"data:image/png", b"x", b""):
        with pytest.raises(InvalidImage):
            await intake.accept(memoryview(wrong))


def noise(seed: int, edge: int = 64) -> str:
    """A data URL of a picture that no other seed has."""
    file = io.BytesIO()
    Image.frombytes("RGB", (edge, edge), random.Random(seed).randbytes(3 * edge * edge)).save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


async def test_the_same_image_is_decoded_once_for_each_client(intake: Intake) -> None:
    anna, ben = Client("anna", "1"), Client("ben", "2")
    url = noise(1)
    first = await intake.accept(url, client=anna)
    assert await intake.accept(url, client=Client("anna", "3")) is first
    assert await intake.accept(memoryview(url.encode()), client=anna) is first
    others = await intake.accept(url, client=ben)
    assert others == first
    assert others is not first
    assert (await intake.accept(url, client=anna, most_pixels=1024)).width == 32
    assert (await intake.accept(noise(1, 600), detail="low", client=anna)).width == 512
    assert (await intake.accept(noise(1, 600), client=anna)).width == 600


async def test_an_image_that_was_refused_is_looked_at_again(intake: Intake) -> None:
    broken = noise(2)[:-400]
    for _ in range(2):
        assert "ends too early" in (await refused(intake, broken)).message


async def test_other_limits_are_for_known_images_too() -> None:
    async with Intake(Limits()) as intake:
        await intake.accept(noise(3))
        intake.limit(Limits(pixels=1000))
        assert "too large" in (await refused(intake, noise(3))).message
