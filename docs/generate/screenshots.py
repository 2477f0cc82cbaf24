"""Takes the pictures of the HTML guide and of the pages in `docs/images/`: `make screenshots`.

They show a real measurement of this computer, glimpse by the suite standard, and a real answer. `--pages`
takes those of the pages alone, after the suite quick.
"""

import argparse
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

IMAGES = Path(__file__).parents[1] / "images"
PICTURE = Path(__file__).parents[2] / "examples" / "shapes.png"
GUIDE = {"guide-desktop": (1280, 1250), "guide-phone": (360, 900)}
PAGES = {"playground": "/", "models": "/models", "fleet": "/fleet", "results": "/results"}
SIZE = (1280, 900)
COLORS = 128
QUESTIONS = ("What color is the circle?", "Is there a red circle?")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pages", action="store_true", help="only those of the pages, in a few minutes")
    only_pages = parser.parse_args().pages
    with tempfile.TemporaryDirectory(prefix="vf-") as folder:
        os.environ["VIEWFINDER_HOME"] = folder
        from viewfinder.api.measuring import bench, guide

        bench(["glimpse"], suite="quick" if only_pages else "standard")
        page = Path(folder) / "guide.html"
        page.write_text(guide("html"), encoding="utf-8")
        with sync_playwright() as playwright, serving() as url:
            chromium = shutil.which("chromium") or shutil.which("google-chrome")
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            if not only_pages:
                take_guide(browser, page.as_uri())
            take_pages(browser, url)
            browser.close()


@contextmanager
def serving() -> Iterator[str]:
    """A `viewfinder serve` with glimpse; gives its address."""
    command = [sys.executable, "-m", "viewfinder", "serve", "--json", "--port", "0", "glimpse"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        document = ""
        while process.stdout is not None and not document.endswith("\n}\n"):
            document += process.stdout.readline()
        yield json.loads(document)["url"]
    finally:
        process.terminate()
        process.communicate(timeout=60)


def take_guide(browser: Any, guide: str) -> None:
    """The pictures of the guide at this address."""
    for name, (width, height) in GUIDE.items():
        tab = browser.new_page(viewport={"width": width, "height": height}, color_scheme="light")
        tab.goto(guide)
        save(tab, name)


def take_pages(browser: Any, url: str) -> None:
    """The pictures of each page of the server at this address."""
    for name, address in PAGES.items():
        tab = browser.new_page(viewport={"width": SIZE[0], "height": SIZE[1]}, color_scheme="light")
        tab.goto(f"{url}{address}")
        if name == "playground":
            ask(tab)
        if name == "results":
            tab.get_by_role("table", name="Overview of the models").wait_for()  # once the guide is written
        save(tab, name)


def ask(tab: Any) -> None:
    """A conversation about the example's picture."""
    tab.set_input_files("#files", PICTURE)
    tab.locator("#thumbs img").wait_for()
    for question in QUESTIONS:
        tab.get_by_label("Question").fill(question)
        tab.keyboard.press("Enter")
        tab.locator('#ask[data-busy="no"]').wait_for()
    tab.evaluate("scrollTo(0, 0)")


def save(tab: Any, name: str) -> None:
    """As PNG, with few colors: nearly all of it is text."""
    image = Image.open(io.BytesIO(tab.screenshot())).convert("RGB")
    image.quantize(COLORS).save(IMAGES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
