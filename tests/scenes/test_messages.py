"""A scene in a message: the drawn picture, in the format of OpenAI's API."""

import base64
import io

from PIL import Image

from viewfinder.scenes.messages import data_url, image_message, with_images
from viewfinder.scenes.scene import make_scene


def test_the_picture_comes_before_the_question_in_a_type_that_it_has() -> None:
    for seed in range(8):
        scene = make_scene(seed, longest=(224, 224))
        message = image_message(scene, "What color is the circle?")
        image, text = message["content"]
        assert (message["role"], text["text"]) == ("user", "What color is the circle?")
        head, data = image["image_url"]["url"].split(";base64,")
        with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
            assert picture.size == scene.size
            assert head == f"data:image/{str(picture.format).lower()}"


def test_images_come_in_order_before_the_text() -> None:
    urls = [data_url("png", bytes([number])) for number in range(2)]
    content = with_images(urls, "Which?")["content"]
    assert [part.get("image_url", {}).get("url") or part["text"] for part in content] == [*urls, "Which?"]
