"""What a person does on the playground, as methods; used by `test_playground`."""

import base64
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from viewfinder.catalog.catalog import Catalog

PATIENCE_MS = 20_000
PARROT = Path(__file__).parents[1] / "children" / "says_what_it_is_told.py"
PUT = """([name, kind, content, event]) => {
  const bytes = Uint8Array.from(atob(content), (one) => one.charCodeAt(0)), carried = new DataTransfer();
  carried.items.add(new File([bytes], name, {type: kind}));
  const at = event === 'drop' ? document.querySelector('.finder') : document.querySelector('#question');
  const fields = {bubbles: true, cancelable: true};
  at.dispatchEvent(event === 'drop' ? new DragEvent('drop', {...fields, dataTransfer: carried})
    : new ClipboardEvent('paste', {...fields, clipboardData: carried}));
}"""


class Playing:
    """The playground in a tab of its own; `said` is what its console complained of."""

    def __init__(
        self, browser: Any, url: str, *, width: int = 1280, scheme: str = "light", **more: Any
    ) -> None:
        viewport = {"width": width, "height": 850}
        self.context = browser.new_context(viewport=viewport, color_scheme=scheme, **more)
        self.context.set_default_timeout(PATIENCE_MS)
        self.page = self.context.new_page()
        self.said: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.said.append("dialog"), dialog.dismiss()))
        self.page.goto(url)

    def put(
        self, content: bytes, name: str = "scene.png", kind: str = "image/png", event: str = "drop"
    ) -> None:
        """Drop or paste a file."""
        self.page.evaluate(PUT, [name, kind, base64.b64encode(content).decode(), event])

    def see(self, content: bytes, **how: str) -> None:
        """Drop or paste a picture, and wait until it can be asked about."""
        before = self.page.locator("#thumbs img").count()
        self.put(content, **how)
        self.page.locator("#thumbs img").nth(before).wait_for()

    def choose(self, *models: str) -> None:
        """The models to ask, side by side."""
        for number, model in enumerate(models):
            self.page.locator("#ask select").nth(number).select_option(model)

    def begin(self, question: str) -> Any:
        """Ask by Enter; returns the round."""
        rounds = self.page.locator(".round").count()
        self.page.locator("#question").fill(question)
        self.page.keyboard.press("Enter")
        return self.page.locator(".round").nth(rounds)

    def ask(self, question: str) -> list[str]:
        """Ask, and wait for all answers: what they say."""
        round = self.begin(question)
        self.wait(round)
        return [one.strip() for one in round.locator(".said").all_inner_texts()]

    def wait(self, round: Any) -> None:
        """Until all models have answered, or failed."""
        round.locator(".answer:last-child .after:not([hidden])").wait_for()
        self.page.locator("#send").wait_for()

    def barriers(self, axe: str) -> list[str]:
        """What axe-core finds with everything unfolded, and whether the page scrolls sideways."""
        self.page.evaluate("() => document.querySelectorAll('details').forEach(one => one.open = true)")
        self.page.evaluate(axe)
        found = self.page.evaluate("async () => (await axe.run()).violations")
        wide = self.page.evaluate("() => document.scrollingElement.scrollWidth - innerWidth")
        return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found] + (
            ["too wide"] if wide > 0 else []
        )


@contextmanager
def parrot() -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A running server that says what it is told: its address and its process."""
    process = subprocess.Popen([sys.executable, str(PARROT)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip(), process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def settings(*, parrot: str, doomed: str) -> str:
    """Beside glimpse: its second name, running servers of two addresses, one of them without eyes."""
    files = Catalog().resolve(Catalog().get("glimpse").variant())
    return f"""
[limits]
pixels = 2_000_000
[models.second]
model = "{files.model}"
mmproj = "{files.mmproj}"
[endpoints.parrot]
base_url = "{parrot}"
model = "parrot"
[endpoints.seer]
base_url = "{parrot}"
model = "parrot"
coordinates = "molmo"
[endpoints.florence]
base_url = "{parrot}"
model = "parrot"
coordinates = "florence-2"
[endpoints.blind]
base_url = "{parrot}"
model = "parrot"
vision = false
[endpoints.doomed]
base_url = "{doomed}"
model = "parrot"
"""
