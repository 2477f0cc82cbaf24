"""Which safe images are known again."""

from viewfinder.media.frames import Order
from viewfinder.media.safe_image import SafeImage
from viewfinder.media.seen import LOOKED_UP_BYTES, Seen, sight_of
from viewfinder.wire.long_text import LongText


def test_known_images_have_a_bound() -> None:
    made = [SafeImage(LongText((bytes([65 + at]) * 30,)), 1, 1, "") for at in range(5)]
    sights = [sight_of(f"data:,{at}", Order(), "anna") for at in range(5)]
    seen: Seen[SafeImage] = Seen(most_bytes=120)
    for sight, image in zip(sights[:4], made, strict=False):
        seen.put(sight, image)
    assert seen.size_bytes == 120
    assert seen.get(sights[0]) is made[0]  # used, so the next one is the oldest
    seen.put(sights[4], made[4])
    assert seen.size_bytes == 120
    assert [seen.get(sight) for sight in sights] == [made[0], None, made[2], made[3], made[4]]
    seen.put(sights[1], SafeImage(LongText((b"x" * 31,)), 1, 1, ""))
    assert seen.get(sights[1]) is None  # it would leave no room for others


def test_a_large_file_is_not_hashed() -> None:
    assert sight_of("x" * (LOOKED_UP_BYTES + 1), Order(), "anna") is None
