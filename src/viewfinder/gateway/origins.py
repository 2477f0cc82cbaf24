"""Which origins web pages may have, from the settings; made by `app`, for its guards."""

import re
from collections.abc import Collection

ANY_OF_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://\*?/?")
"""Of desktop apps and editors, whose pages have an origin of their own scheme."""


class Origins:
    """Whole origins, and schemes of which every origin is allowed (`app://`, also written `app://*`)."""

    def __init__(self, given: Collection[str] = ()) -> None:
        lowered = [origin.lower() for origin in given]
        schemes = [match[1] for match in map(ANY_OF_SCHEME.fullmatch, lowered) if match]
        self.exact = frozenset(one.rstrip("/") for one in lowered if not ANY_OF_SCHEME.fullmatch(one))
        self.pattern = f"(?:{'|'.join(map(re.escape, schemes))})://[^\\s/?#]*" if schemes else None
        """A regular expression for the origins of the schemes."""

    def __contains__(self, origin: object) -> bool:
        if not isinstance(origin, str):
            return False
        return origin in self.exact or bool(self.pattern and re.fullmatch(self.pattern, origin))
