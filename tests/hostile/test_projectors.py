"""Which projector is used for a user's own GGUF model: the one that was named, or the one beside it."""

from pathlib import Path

import pytest

from tests.catalog import gguf_maker as make
from tests.hostile.test_model_folders import HF, PAIR, added, pair, two_pairs
from viewfinder.catalog.catalog import Catalog
from viewfinder.core.config import LocalModel
from viewfinder.core.errors import BadRequest, ModelFilesError


def two_projectors(folder: Path) -> None:
    make.model(folder / "m-Q8_0.gguf")
    for name in ("mmproj-apple.gguf", "mmproj-pear.gguf"):
        make.projector(folder / name)


@pytest.mark.parametrize("named", ["", "m-Q8_0.gguf"])
def test_of_several_projectors_the_one_that_was_named_is_taken(tmp_path: Path, named: str) -> None:
    two_projectors(tmp_path)
    (variant,) = Catalog().add(str(tmp_path / named), tmp_path / "mmproj-pear.gguf").variants
    assert (variant.model, variant.mmproj) == (tmp_path / "m-Q8_0.gguf", tmp_path / "mmproj-pear.gguf")
    assert variant.vision


def test_a_projector_of_another_folder_is_taken_and_chooses_the_model(tmp_path: Path) -> None:
    two_pairs(tmp_path / "models")
    own = make.projector(tmp_path / "apple-projector.gguf", width=64)
    (variant,) = Catalog().add(str(tmp_path / "models"), own).variants
    assert (variant.model.name, variant.mmproj) == ("apple-7b-Q8_0.gguf", own)


def test_a_file_among_several_projectors_is_used_without_images_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It took no images, and nothing said why. It may be a model without images, so it is not refused."""
    two_projectors(tmp_path)
    assert added(tmp_path / "m-Q8_0.gguf") == ("m-Q8_0.gguf", None)
    assert "Several projectors fit m-Q8_0.gguf: mmproj-apple.gguf, mmproj-pear.gguf" in caplog.text
    assert "--mmproj" in caplog.text


def test_what_is_named_as_a_projector_must_be_one_that_fits(tmp_path: Path) -> None:
    pair(tmp_path)
    narrow = make.projector(tmp_path / "elsewhere" / "mmproj-other.gguf", width=32)
    for wrong, said in ((tmp_path / PAIR[0], "not an image projector"), (narrow, "mmproj-other.gguf")):
        with pytest.raises(ModelFilesError, match=said):
            Catalog().add(str(tmp_path), wrong)


def test_a_model_with_its_own_encoder_takes_no_projector(tmp_path: Path) -> None:
    projector = make.projector(tmp_path / "mmproj.gguf")
    with pytest.raises(BadRequest, match="--mmproj belongs to a GGUF model"):
        Catalog().add(str(HF), projector)
    with pytest.raises(BadRequest, match="--mmproj belongs to a GGUF model"):  # `serve` said nothing
        Catalog({"mine": LocalModel(model=HF, mmproj=projector)})
