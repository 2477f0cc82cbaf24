"""Takes the pictures of the HTML guide in `docs/images/`: `make screenshots`.

They show a real measurement of this computer: glimpse, by the suite standard.
"""

import io
import os
import shutil
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

IMAGES = Path(__file__).parents[1] / "images"
SIZES = {"guide-desktop": (1280, 1250), "guide-phone": (360, 900)}
COLORS = 128


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="vf-") as folder:
        os.environ["VIEWFINDER_HOME"] = folder
        from viewfinder.api.measuring import bench, guide

        bench(["glimpse"], suite="standard")
        page = Path(folder) / "guide.html"
        page.write_text(guide("html"), encoding="utf-8")
        take(page)


def take(page: Path) -> None:
    """The pictures of one HTML file, with few colors: they are text."""
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, (width, height) in SIZES.items():
            tab = browser.new_page(viewport={"width": width, "height": height}, color_scheme="light")
            tab.goto(page.as_uri())
            image = Image.open(io.BytesIO(tab.screenshot())).convert("RGB")
            image.quantize(COLORS).save(IMAGES / f"{name}.png", optimize=True)
        browser.close()


if __name__ == "__main__":
    main()
