"""Images that a request names by their web address, where the settings allow it."""

import base64
import io
from typing import Any

import pytest
from aiohttp import web
from PIL import Image

from viewfinder.core.config import Limits
from viewfinder.media.intake import Intake
from viewfinder.media.remote import RemoteImages


def file_of(color: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (40, 30), color).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
async def pictures(monkeypatch: pytest.MonkeyPatch):
    """A server of pictures, at an address that a rule of the test allows."""

    async def serve(request: web.Request) -> web.Response:
        return web.Response(body=file_of(request.match_info["color"]), content_type="image/png")

    app = web.Application()
    app.router.add_get("/{color}.png", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    allowed = RemoteImages(Limits(), is_allowed="127.0.0.1".__eq__, ports=(port,))
    monkeypatch.setattr(Intake, "remote", lambda intake: allowed)
    yield f"http://127.0.0.1:{port}"
    await runner.cleanup()


def asking(*urls: str) -> dict[str, Any]:
    images = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    return {
        "model": "both",
        "messages": [{"role": "user", "content": [*images, {"type": "text", "text": "What is it?"}]}],
    }


async def test_images_are_fetched_in_order_and_made_safe(start, pictures) -> None:
    gateway = await start(remote_images=True)
    sent = "data:image/png;base64," + base64.b64encode(file_of("lime")).decode()
    body = asking(f"{pictures}/red.png", sent, f"{pictures}/blue.png")
    async with gateway.http.post(f"{gateway.url}/v1/chat/completions", json=body) as reply:
        assert reply.status == 200
    parts = gateway.engine.asked[0]["messages"][0]["content"][:3]
    files = [base64.b64decode(part["image_url"]["url"].partition(",")[2]) for part in parts]
    colors = [Image.open(io.BytesIO(file)).getpixel((1, 1)) for file in files]
    assert colors == [(255, 0, 0), (0, 255, 0), (0, 0, 255)]


async def test_what_cannot_be_fetched_is_named(start, pictures) -> None:
    gateway = await start(remote_images=True)
    body = asking(f"{pictures}/red.png", f"{pictures}/x/y.png")
    async with gateway.http.post(f"{gateway.url}/v1/chat/completions", json=body) as reply:
        error = (await reply.json())["error"]
    assert (reply.status, error["code"]) == (400, "remote_status")
    assert error["param"] == "messages[0].content[1].image_url.url"
    assert gateway.engine.asked == []


async def test_nothing_is_fetched_unless_the_settings_say_so(start, pictures) -> None:
    gateway = await start()
    url = f"{gateway.url}/v1/chat/completions"
    async with gateway.http.post(url, json=asking(f"{pictures}/red.png")) as reply:
        error = (await reply.json())["error"]
    assert (reply.status, error["code"]) == (400, "media_url_forbidden")
    assert "remote_images = true" in error["message"]
