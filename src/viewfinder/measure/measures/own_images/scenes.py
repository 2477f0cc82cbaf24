"""The scene of a sample of an own question: the picture's name, and a digest of its pixels, because another
picture may get that name later; written by `ask`, read by `find` and the report."""

_DIGITS = 12


def scene_of(picture: str, digest: str) -> str:
    """`digest` may be longer than what is kept of it."""
    return f"{picture}#{digest_of(digest)}"


def digest_of(digest: str) -> str:
    """The part of a digest that is kept."""
    return digest[:_DIGITS]


def parts_of(scene: str) -> tuple[str, str]:
    """The picture's name and the digest."""
    picture, mark, digest = scene.rpartition("#")
    return (picture, digest) if mark else (scene, "")
