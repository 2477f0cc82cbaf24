"""The host of the libraries' servers."""

from types import SimpleNamespace

import pytest

from viewfinder.engines.asgi_child import as_words

PROCESSOR = SimpleNamespace(image_token="<image>", image_token_id=7, video_token=None, odd_token="x")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("What is it?", "What is it?"),
        ("<image> What is it?", "<\u200bimage> What is it?"),
        ("<image><image>", "<\u200bimage><\u200bimage>"),
        ("x <ima<image>ge>", "x <ima<\u200bimage>ge>"),
    ],
)
def test_no_text_spells_a_token_of_the_processor(text: str, words: str) -> None:
    assert as_words(PROCESSOR, text) == words
