"""The models of other gateways: what a gateway lists, as variants of our cards; made by `gateway/peers`.

A model has the name that it has there. Where it is here too, its name means the one that is here, and
`NAME/model`, with the name of the gateway under [endpoints], the one that is there.
"""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from viewfinder.catalog.auto_names import OWN_PREFIXES
from viewfinder.catalog.card import NAME, PUBLISHERS, ModelCard, Variant
from viewfinder.catalog.catalog import Catalog, is_here
from viewfinder.catalog.peer_view import PeerView
from viewfinder.catalog.uncarded import ENDPOINT
from viewfinder.core.config import RunningServer
from viewfinder.core.errors import BadRequest

MOST_PEER_MODELS = 500
_MOST_TITLE = 200
_MOST_TOKENS = 100_000_000


@dataclass(frozen=True, slots=True)
class PeerModel:
    """A model as the other gateway lists it; what it does not say is not known."""

    name: str
    title: str
    vision: bool
    text: bool
    context_tokens: int | None


class SharedCatalog(Catalog):
    """A catalog whose models may also be at other gateways."""

    peers: Mapping[str, PeerView] = {}
    peer_names: Collection[str] = ()
    """Of all gateways that the settings name."""

    def show(self, name: str, server: RunningServer, models: Sequence[PeerModel]) -> None:
        """From now on the gateway of this name has these models, and no others."""
        for card in self.cards():
            kept = tuple(one for one in card.variants if not (one.name == name and is_elsewhere(one)))
            if not kept:
                del self._cards[card.name]
            elif len(kept) < len(card.variants):
                self._cards[card.name] = card.narrowed(kept)
        for model in models:
            variant = _variant(name, server, model)
            if known := self._cards.get(model.name):
                card = known.narrowed((*known.variants, variant))
            else:
                own = f"{name}:{model.name}"[:100] if model.name in self.aliases else model.name
                card = _card(own, model.title, variant)
            self._cards[card.name] = card
        self._narrowed.clear()

    def get(self, name: str) -> ModelCard:
        """As `Catalog.get`; a model's own name means the variants that are here, where one is."""
        is_known = name in self._narrowed
        card = super().get(name)
        if is_known or not any(map(is_elsewhere, card.variants)):
            return card
        ours = [variant for variant in card.variants if not is_elsewhere(variant)]
        if any(map(is_here, ours)):
            card = self._narrowed[name] = card.narrowed(ours)
        return card

    def check_aliases(self) -> None:
        """As `Catalog.check_aliases`; which models another gateway has is not known when it is called."""
        self.aliases.check(
            self._cards,
            lambda name: self._find(name) is not None or name.partition("/")[0] in self.peer_names,
        )

    def other_names(self) -> dict[str, str]:
        """As `Catalog.other_names`, with the names of models that are elsewhere, too."""
        return {**super().other_names(), **self._elsewhere_too()}

    def _elsewhere_too(self) -> dict[str, str]:
        both = (card for card in self._cards.values() if any(map(is_elsewhere, card.variants)))
        return {
            variant.repo: card.name
            for card in both
            if len(card.variants) > 1 and any(is_here(one) for one in card.variants if not is_elsewhere(one))
            for variant in card.variants
            if is_elsewhere(variant)
        }


def is_elsewhere(variant: Variant) -> bool:
    """Whether another gateway answers for the variant."""
    return variant.server is not None and variant.server.kind == "viewfinder"


def version_in(body: bytes) -> str:
    """That of the gateway, from its /health. Raises BadRequest where it is no gateway of ours."""
    fields = _object(body)
    version = fields.get("version")
    if fields.get("service") != "viewfinder" or not isinstance(version, str):
        raise no_viewfinder("its /health does not say so")
    return "".join(mark for mark in version[:40] if mark.isprintable())


def models_in(body: bytes) -> list[PeerModel]:
    """The models of a gateway's /v1/models, without its aliases and those whose name could not be used here;
    at most MOST_PEER_MODELS. Raises BadRequest for anything else."""
    listed = _object(body).get("data")
    if not isinstance(listed, list):
        raise no_viewfinder("its /v1/models is no list of models")
    found: dict[str, PeerModel] = {}
    for one in listed:
        model = _model(one) if isinstance(one, dict) else None
        if model is not None and len(found) < MOST_PEER_MODELS:
            found.setdefault(model.name, model)
    return list(found.values())


def no_viewfinder(why: str) -> BadRequest:
    return BadRequest(
        f"It is no gateway of Viewfinder: {why}.",
        hint="Leave out kind, and name its model: kind is for another `viewfinder serve`.",
        code="no_viewfinder",
    )


def _object(body: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise no_viewfinder("it does not answer with JSON")
    return fields


def _model(fields: dict[str, Any]) -> PeerModel | None:
    """None for another name of a model, for one that cannot be loaded there, and for what is no model."""
    name, title, can = fields.get("id"), fields.get("title"), fields.get("capabilities")
    if not isinstance(name, str) or not re.fullmatch(NAME, name) or name.startswith(OWN_PREFIXES):
        return None
    if fields.get("alias_of") is not None or fields.get("variant") is None or not isinstance(can, list):
        return None
    context = fields.get("context_length")
    is_count = isinstance(context, int) and not isinstance(context, bool) and 0 < context < _MOST_TOKENS
    shown = "".join(mark for mark in str(title)[:_MOST_TITLE] if mark.isprintable())
    return PeerModel(name, shown or name, "vision" in can, "text" in can, context if is_count else None)


def _variant(peer: str, server: RunningServer, model: PeerModel) -> Variant:
    return Variant(
        name=peer,
        engine=ENDPOINT,
        repo=f"{peer}/{model.name}",
        source="server",
        server=server.model_copy(update={"model": model.name}),
        vision=model.vision,
        text=model.text,
        context_tokens=model.context_tokens,
    )


def _card(name: str, title: str, variant: Variant) -> ModelCard:
    return ModelCard(
        name=name,
        title=title,
        license=PUBLISHERS,
        summary=f"A model of the gateway {variant.name}.",
        variants=(variant,),
    )


def peers_of(catalog: Catalog) -> tuple[PeerView, ...]:
    """The other gateways that a catalog knows."""
    return tuple(catalog.peers.values()) if isinstance(catalog, SharedCatalog) else ()
