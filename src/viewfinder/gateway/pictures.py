"""The images of a request, made safe and no larger than its engine can use; called by `chat`."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from starlette.types import Scope

from viewfinder.catalog.card import Variant
from viewfinder.core.config import Settings
from viewfinder.core.errors import InvalidImage
from viewfinder.gateway.holdings import holding_of
from viewfinder.gateway.image_budget import NO_BUDGET, AppliedBudget
from viewfinder.gateway.sender import sender
from viewfinder.media.addresses import is_remote
from viewfinder.media.intake import Intake
from viewfinder.media.safe_image import SafeImage
from viewfinder.wire.kept_image import KeptImage
from viewfinder.wire.media_refs import ImageRef

if TYPE_CHECKING:
    from viewfinder.media.remote import RemoteImages

USABLE_PIXELS = 4096 * 4096
"""For models whose card does not say: no model of the catalog makes use of more."""


class Pictures:
    """Turns the images of requests into safe ones."""

    def __init__(
        self,
        intake: Intake,
        settings: Settings,
        load: Callable[[KeptImage], Awaitable[SafeImage]] | None = None,
    ) -> None:
        self.intake = intake
        self.limits = settings.limits
        self.remote = intake.remote() if settings.remote_images else None
        """Fetches images, where the settings allow it."""
        self.load = load
        """Gets an image of an earlier request."""

    async def safe(
        self,
        images: Sequence[ImageRef],
        variant: Variant,
        scope: Scope,
        budget: AppliedBudget = NO_BUDGET,
        beside_bytes: int = 0,
    ) -> list[SafeImage]:
        """The images for the engine: decoded, checked and encoded again, never the caller's bytes. The
        request holds `beside_bytes` more.

        An image with more pixels than the model can use is scaled down, and so is one with a longer edge
        than its budget, or whose file would take more than its share of the request. Raises InvalidImage,
        with the path of the image, and Busy.
        """
        safe: list[SafeImage] = []
        if not images:
            holding_of(scope).become(beside_bytes)
            return safe
        kept_bytes = sum(len(image.url) for image in images if isinstance(image.url, KeptImage))
        if kept_bytes:  # they are not part of the body that was counted
            holding_of(scope).grow(min(kept_bytes, self.limits.encoded_bytes))
        if self.remote is not None:
            images = [await self._fetched(image, self.remote, scope) for image in images]
        sent = [image.url for image in images if not isinstance(image.url, KeptImage)]
        async with self.intake.admitted(sent, sender(scope)):
            for image in images:
                safe.append(await self._safe_image(image, variant, scope, len(images), budget))
        holding_of(scope).become(beside_bytes + sum(len(image.url) for image in safe))
        return safe

    async def _fetched(self, image: ImageRef, remote: "RemoteImages", scope: Scope) -> ImageRef:
        """One after the other: a request with many does not take the turns of others."""
        if not is_remote(image.url):
            return image
        try:
            grow = holding_of(scope).grow
            url = await remote.fetch(str(image.url), client=sender(scope), grow=grow)
        except InvalidImage as error:
            error.param = image.param
            raise
        return replace(image, url=url)

    async def _safe_image(
        self, image: ImageRef, variant: Variant, scope: Scope, images: int, budget: AppliedBudget
    ) -> SafeImage:
        url, edge = image.url, budget.edge_for(image.detail)
        if isinstance(url, KeptImage):
            if self.load is None:
                raise TypeError("only a request that keeps images has such ones")
            kept = await self.load(url)
            is_small = len(url) <= self.limits.encoded_bytes // images
            is_small = is_small and (edge is None or max(url.width, url.height) <= edge)
            if is_small and url.width * url.height <= (variant.image_pixels or USABLE_PIXELS):
                return kept  # with the same bytes as before, so that the engine knows them again
            url = kept.data_url
        try:
            return await self.intake.accept(
                url,
                detail=image.detail,
                longest_edge=edge,
                client=sender(scope),
                most_pixels=variant.image_pixels or USABLE_PIXELS,
                most_bytes=self.limits.encoded_bytes // images // 4 * 3,
            )
        except InvalidImage as error:
            error.param = image.param
            raise


def reduced(refs: Sequence[ImageRef], images: Sequence[SafeImage], where: Callable[[str], str] = str) -> str:
    """Which images were scaled down, for the header that says so; empty when none was."""
    return ", ".join(
        f"{where(ref.part_param)} from {image.reduced_from[0]}x{image.reduced_from[1]} "
        f"to {image.width}x{image.height}"
        for ref, image in zip(refs, images, strict=True)
        if image.reduced_from is not None
    )
