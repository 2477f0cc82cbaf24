"""The stored results for the web page; implements `backing.Results`."""

import asyncio
import base64
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from viewfinder.api.backing.guides import Written
from viewfinder.api.printed import as_printed
from viewfinder.api.stored import run_named, stored_models, stored_result
from viewfinder.core import paths
from viewfinder.core.errors import BadRequest, InvalidImage
from viewfinder.dashboard.backing import OneResult, StoredPicture, WrongReply
from viewfinder.measure.measures.own_images import MEASURE as OWN
from viewfinder.measure.measures.own_images.picture_files import file_in
from viewfinder.measure.measures.own_images.result import OwnImages
from viewfinder.measure.measures.own_images.scenes import digest_of, parts_of
from viewfinder.measure.measures.own_images.score import VQA
from viewfinder.measure.results import ModelResult
from viewfinder.measure.store.rows import Sample
from viewfinder.measure.store.store import Store, StoredModel
from viewfinder.measure.wrong_replies import (
    drawn_again,
    expected_of,
    picture_id,
    with_picture,
    wrong_replies,
)
from viewfinder.media.intake import Intake
from viewfinder.report.content import ComparedRun, Guide

MOST_WRONG, MOST_SAID = 200, 1000
"""Wrong replies of one model that are shown, and characters of each."""
_COMPARED = TypeAdapter(tuple[ComparedRun, ...])


class StoredRuns:
    """`intake` makes the user's own pictures safe."""

    def __init__(self, intake: Intake) -> None:
        self._intake, self._written = intake, Written()

    async def runs(self) -> tuple[StoredModel, ...]:
        return tuple(await asyncio.to_thread(stored_models))

    async def one(self, run: str, model: str) -> OneResult:
        return await asyncio.to_thread(_one, run, model)

    async def picture(self, run: str, model: str, picture: str) -> StoredPicture:
        sample, folder = await asyncio.to_thread(_asked_about, run, model, picture)
        if sample.scenario != VQA:
            drawn = await asyncio.to_thread(drawn_again, sample)
            return StoredPicture(drawn.content, drawn.media_type)
        name, digest = parts_of(sample.scene)
        url = await self._own_picture(folder, name, digest)
        if url is None:
            url = await asyncio.to_thread(_thumbnail, run, model, digest)
        if url is None:
            raise _no_picture("it is no longer in its folder, or has changed since")
        return _of_url(url)

    async def compare(self, before: str, after: str) -> tuple[ComparedRun, ...]:
        first, second = await asyncio.to_thread(_ids, before, after)
        return _COMPARED.validate_json(await self._written.by("results", "compare", "--json", first, second))

    async def guide(self) -> Guide:
        text = await self._written.by("guide", "--format", "json")
        return await asyncio.to_thread(Guide.model_validate_json, text)

    async def guide_page(self) -> bytes:
        return await self._written.by("guide", "--format", "html")

    async def _own_picture(self, folder: Path, name: str, digest: str) -> str | None:
        """The picture as it was sent to the model, as a data URL; None where the file is no longer that."""
        with suppress(InvalidImage, OSError):
            content = await asyncio.to_thread(lambda: file_in(folder, name).read_bytes())
            image = await self._intake.accept(f"data:;base64,{base64.b64encode(content).decode('ascii')}")
            if digest_of(image.digest) == digest:
                return image.data_url
        return None


def _one(run: str, model: str) -> OneResult:
    from viewfinder.report.sections import section

    result = stored_result(run, model)
    with Store(paths.results_file(), for_reading=True) as store:
        wrong = wrong_replies(_samples(store, result))
    return OneResult(
        result=result,
        fields=as_printed(result),
        section=section(result, "model", is_ready=result.status == "production ready"),
        wrong=tuple(map(_reply, wrong[:MOST_WRONG])),
        wrong_total=len(wrong),
    )


def _samples(store: Store, result: ModelResult) -> Sequence[Sample]:
    return store.samples(result.run, result.model)


def _reply(sample: Sample) -> WrongReply:
    return WrongReply(
        measure=sample.scenario,
        question=sample.question,
        expected=expected_of(sample),
        said=sample.exchange.text[:MOST_SAID],
        error=sample.exchange.error[:MOST_SAID],
        picture=picture_id(sample),
    )


def _asked_about(run: str, model: str, picture: str) -> tuple[Sample, Path]:
    """The first wrong reply about the picture of this id, and the folder of the run's own questions."""
    with Store(paths.results_file(), for_reading=True) as store:
        run = run_named(store, run)
        sample = with_picture(wrong_replies(store.samples(run, model)), picture)
        counts = next(one.counts for one in store.runs() if one.run == run)
    if sample is None:
        raise _no_picture("no wrong answer of this run is about it")
    own: Mapping[str, Any] = counts.get("counts", {}).get(OWN.name, {})
    return sample, Path(own.get("folder") or "/nowhere")


def _thumbnail(run: str, model: str, digest: str) -> str | None:
    own = stored_result(run, model).found.get(OWN.name)
    return own.thumbnails.get(digest) if isinstance(own, OwnImages) else None


def _of_url(url: str) -> StoredPicture:
    head, _, data = url.partition(",")
    media_type = head.removeprefix("data:").removesuffix(";base64")
    return StoredPicture(base64.b64decode(data), media_type)


def _ids(*words: str) -> list[str]:
    with Store(paths.results_file(), for_reading=True) as store:
        return [run_named(store, word) for word in words]


def _no_picture(why: str) -> BadRequest:
    return BadRequest(
        f"There is no such picture: {why}.",
        hint="The address of each picture stands beside its wrong answer.",
        code="picture_not_found",
    )
