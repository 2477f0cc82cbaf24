"""The HTML guide, read strictly: valid, closed, without scripts or references to a network."""

import re
from typing import Any
from xml.etree.ElementTree import Element

import html5lib
import pytest

from tests.report.sets import SETS
from tests.report.test_document import HOSTILE, hostile
from viewfinder.catalog.published import published
from viewfinder.report.document import make_guide
from viewfinder.report.formats import write


@pytest.fixture(params=[*SETS, "hostile", "nothing"])
def page(request: pytest.FixtureRequest, make: Any) -> str:
    if request.param in SETS:
        stored = SETS[request.param]()
        guide = make_guide(stored.results, published(), stored.previous, evidence=stored.evidence)
    else:
        guide = make_guide(hostile(make) if request.param == "hostile" else [], published())
    return write(guide, "html")


def parsed(page: str) -> Element:
    """The document's root; raises ParseError at the first fault."""
    root: Element = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(page)
    return root


def test_it_is_valid(page: str) -> None:
    root = parsed(page)
    assert root.get("lang") == "en"
    assert root.findtext("head/title") == "VLM Model Loading Reference Guide"


def test_every_link_has_its_target_and_every_id_is_unique(page: str) -> None:
    root = parsed(page)
    ids = [one.get("id") for one in root.iter() if one.get("id")]
    assert len(ids) == len(set(ids))
    links = [one.get("href", "") for one in root.iter("a")]
    assert all(link.startswith("#") and link[1:] in ids for link in links)


def test_every_table_has_its_columns(page: str) -> None:
    for table in parsed(page).iter("table"):
        width = len(table.findall("thead/tr/*"))
        assert width
        assert {len(list(row)) for row in table.findall("tbody/tr")} <= {width}


def test_nothing_runs_and_nothing_is_fetched(page: str) -> None:
    root = parsed(page)
    assert not list(root.iter("script"))
    assert not [one for one in root.iter() if any(name.startswith("on") for name in one.keys())]  # noqa: SIM118
    assert not [one for one in root.iter() if (one.get("src") or "data:").partition(":")[0] != "data"]
    assert not re.search(r"@import|url\(", page)


def test_words_from_outside_are_shown_as_they_are(make: Any) -> None:
    root = parsed(write(make_guide(hostile(make), published()), "html"))
    text = " ".join("".join(root.itertext()).split())
    assert " ".join(HOSTILE.split()) in text
    assert not [one for one in root.iter("img") if one.get("src") == "x"]
