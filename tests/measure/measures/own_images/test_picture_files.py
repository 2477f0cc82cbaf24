"""Names of images as other systems write them, and what is outside the folder."""

import unicodedata
from pathlib import Path

import pytest

from viewfinder.core.errors import InvalidImage
from viewfinder.measure.measures.own_images.picture_files import elsewhere, file_in


@pytest.mark.parametrize(
    "name",
    ["Sub/Ä b.JPG", r"Sub\Ä b.JPG", "./Sub/Ä b.JPG", "sub/ä b.jpg", r"SUB\Ä B.jpg", "sub/../Sub/Ä b.jpg"],
)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_name_from_another_system(tmp_path: Path, name: str, form: str) -> None:
    (tmp_path / "Sub").mkdir()
    file = tmp_path / "Sub" / unicodedata.normalize("NFD", "Ä b.JPG")
    file.touch()
    assert file_in(tmp_path, unicodedata.normalize(form, name)) == file


def test_the_exact_name_counts_first_and_two_that_are_alike_are_no_guess(tmp_path: Path) -> None:
    for name in ("a.png", "A.png"):
        (tmp_path / name).touch()
    assert file_in(tmp_path, "A.png").name == "A.png"
    with pytest.raises(InvalidImage, match="no such image"):
        file_in(tmp_path, "a.PNG")


def test_nothing_outside_the_folder(tmp_path: Path) -> None:
    folder, secret = tmp_path / "mine", tmp_path / "secret.png"
    folder.mkdir()
    secret.touch()
    (folder / "link.png").symlink_to(secret)
    for name in ("../secret.png", str(secret), r"..\secret.png", "../SECRET.png", "link.png", "LINK.PNG"):
        with pytest.raises(InvalidImage):
            file_in(folder, name)


def test_a_hint_where_the_image_is(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "Cat.png").touch()
    assert elsewhere(tmp_path, "cat.png") == "Names are relative to the folder: write 'images/Cat.png'."
    assert elsewhere(tmp_path, "images/Cat.png") == ""
    assert elsewhere(tmp_path, "dog.png") == ""
