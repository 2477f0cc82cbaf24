"""Where the API is, for a request whose path or method is not here; called by `problems`.

    /chat/completions, /v1/v1/models, /v1/models/    the path that is meant
    /api/chat                                        that this is not Ollama
    /v1/embeddings                                   that there is no such API, and which there are
    any other                                        which there are

Of what was sent, only a short path is repeated, percent-encoded.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.routing import Match, Route
from starlette.types import Scope

from viewfinder.gateway.page_routes import PageRoute

SHOWN_CHARS = 64
"""Of a path that is not here."""
MEANT_CHARS = 1024
PATH_PREFIXES = frozenset({"v1", "v1beta", "v0", "api", "openai", "anthropic"})
"""What clients put in front of a path, once or twice, and leave out."""
CHAT = "/v1/chat/completions"
OLLAMA = "api"
OTHER_APIS = {
    "assistants": "assistants",
    "audio": "speech",
    "batches": "batches",
    "chatkit": "ChatKit",
    "containers": "containers",
    "conversations": "conversations of their own ('previous_response_id' continues a response)",
    "edits": "edits",
    "embedding": "embeddings",
    "embeddings": "embeddings",
    "evals": "evaluations",
    "files": "files (images are sent in the request)",
    "fine-tunes": "training",
    "fine_tuning": "training",
    "images": "making images",
    "infill": "filling in code",
    "moderations": "moderation",
    "organization": "organizations",
    "realtime": "realtime sessions",
    "rerank": "ranking",
    "reranking": "ranking",
    "score": "ranking",
    "skills": "skills",
    "threads": "assistants",
    "tokenize": "tokens",
    "detokenize": "tokens",
    "uploads": "files (images are sent in the request)",
    "vector_stores": "searching files",
    "videos": "making videos",
}
"""The first part of a path of other servers > what that API is for."""


def is_anthropics(path: str) -> bool:
    """Whether the path is one of Anthropic's API, or meant to be one."""
    return _without_prefixes(_parts(path))[:1] in (["messages"], ["complete"])


def methods_at(scope: Scope) -> set[str]:
    """The methods that the request's path takes: those of the routes that have most of it themselves, not of
    one that takes any name in its place."""
    routes = [route for route in _routes(scope) if route.matches(scope)[0] is not Match.NONE]
    most = max(map(_own_characters, routes), default=0)
    return {method for route in routes if _own_characters(route) == most for method in _methods(route)}


def _own_characters(route: Route) -> int:
    return len(re.sub(r"\{\w+\}", "", route.path_format))


def sentence(scope: Scope) -> str:
    """What is not here, and what to send in its place."""
    return f"There is no {scope['method']} {shown(scope['path'])} here. {_way_out(scope)}".strip()


def shown(path: str) -> str:
    """A path for a message: short, and of printable characters."""
    written = quote(path[: SHOWN_CHARS + 1], safe="/-._~:@+,=")
    if len(written) <= SHOWN_CHARS:
        return written
    return re.sub("%.?$", "", written[:SHOWN_CHARS]) + "..."


def _way_out(scope: Scope) -> str:
    routes, parts, method = _routes(scope), _parts(scope["path"]), scope["method"]
    if CHAT not in (route.path for route in routes):  # another app: that of the control socket
        return ""
    takes = methods_at(scope)
    if meant := _meant(parts, method, [route for route in routes if not takes or method in _methods(route)]):
        return f"Use {_written(meant)}{_base(scope, meant)}."
    if takes:
        return f"It takes {_listed(sorted(takes - {'HEAD'}), 'or')}."
    root, rest = _root(scope), _without_prefixes(parts)
    if parts[:1] == [OLLAMA] and parts[1:2] not in (["v0"], ["v1"]):
        return (
            "This is an OpenAI-compatible server, not Ollama: "
            f"its base URL is {root}/v1, and a chat is POST {CHAT}."
        )
    have = f"{_listed(list(_main(routes)), 'and')}; GET /openapi.json describes all"
    if subject := next((OTHER_APIS[part] for part in rest if part in OTHER_APIS), None):
        return f"Viewfinder has no API for {subject}. It has {have}."
    return f"The API is at {root}/v1: {have}."


def _meant(parts: Sequence[str], method: str, routes: Collection[Route]) -> Route | None:
    """The route that the path ends with, if possible one with this method; else one with a name or an id in
    it that takes the path without its prefixes."""
    ends = [route for route in routes if _ends_with(parts, route)]
    if ends:
        return max(ends, key=lambda route: (method in _methods(route), route.path.count("/")))
    scope = {"type": "http", "method": method, "path": "/v1/" + "/".join(_without_prefixes(parts))}
    takers = (route for route in routes if route.matches(scope)[0] is Match.FULL)
    return next(takers, None)


def _ends_with(parts: Sequence[str], route: Route) -> bool:
    meant = _without_prefixes(_parts(route.path))
    is_elsewhere = any(part in OTHER_APIS for part in _without_prefixes(parts)[:1])
    return parts[-len(meant) :] == meant and not is_elsewhere


def _methods(route: Route) -> set[str]:
    return set(route.methods or ())


def _main(routes: Collection[Route]) -> Iterator[str]:
    """What a client begins with: no path below another."""
    posts = [route for route in routes if _methods(route) == {"POST"} and route.path.startswith("/v1/")]
    above = tuple(f"{route.path}/" for route in posts if "{" not in route.path)
    yield from (_written(route) for route in posts if not route.path.startswith(above))
    yield "GET /v1/models"


def _written(route: Route) -> str:
    """The method and the path of a route, with NAME for what is filled in."""
    methods = sorted(_methods(route) - {"HEAD"}, reverse=True)
    path = re.sub(r"\{(\w+)\}", lambda name: name[1].upper(), route.path_format)
    return f"{_listed(methods, 'or')} {path}"


def _base(scope: Scope, route: Route) -> str:
    """The base URL that leads to a route: official clients of Anthropic add /v1 themselves."""
    if not route.path.startswith("/v1/"):
        return ""
    return f" (base URL {_root(scope)}{'' if is_anthropics(route.path) else '/v1'})"


def _root(scope: Scope) -> str:
    """The address by which the client reached us; a guard has checked the host."""
    host = Headers(scope=scope).get("host")
    return f"{scope.get('scheme', 'http')}://{host}" if host else ""


def _routes(scope: Scope) -> list[Route]:
    """Those of the API: to a client that asks for a page, pages speak for themselves."""
    routes = scope["app"].routes
    return [route for route in routes if isinstance(route, Route) and not isinstance(route, PageRoute)]


def _parts(path: str) -> list[str]:
    """None of a path that is longer than any that is meant."""
    return [part for part in path.lower().split("/") if part] if len(path) <= MEANT_CHARS else []


def _without_prefixes(parts: Sequence[str]) -> list[str]:
    at = next((at for at, part in enumerate(parts) if part not in PATH_PREFIXES), len(parts))
    return list(parts[at:])


def _listed(words: Sequence[str], last: str) -> str:
    return f" {last} ".join(filter(None, (", ".join(words[:-1]), words[-1])))
