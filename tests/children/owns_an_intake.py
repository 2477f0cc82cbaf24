"""Takes one image, says which process decoded it, and waits to be killed."""

import asyncio
import sys

from viewfinder.core.config import Limits
from viewfinder.media.intake import Intake


async def main(url: str) -> None:
    async with Intake(Limits()) as intake:
        await intake.accept(url)
        print(*intake.decoder.pids, flush=True)
        await asyncio.Event().wait()


asyncio.run(main(sys.argv[1]))
