"""Which makers' cards are built in, as Linux lists them."""

import sys
from pathlib import Path

import pytest

from viewfinder.host.graphics_cards import card_makers


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists them there")
def test_the_makers_are_read_from_the_pci_numbers(tmp_path: Path) -> None:
    assert card_makers(tmp_path) == ()
    for number, maker in enumerate(("0x8086", "0x10de", "0x1af4", "0x10de", "no number")):
        folder = tmp_path / f"card{number}" / "device"
        folder.mkdir(parents=True)
        (folder / "vendor").write_text(f"{maker}\n")
    (tmp_path / "card9" / "device" / "vendor").mkdir(parents=True)
    assert card_makers(tmp_path) == ("NVIDIA", "Intel")
