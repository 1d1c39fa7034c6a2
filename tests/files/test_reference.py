"""The reference page of the files says what the readers take."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from keytwin.design.need import MEASURES
from keytwin.files.known import BROUGHT
from keytwin.files.reference import page
from keytwin.files.schema import KINDS, schema
from keytwin.vocabulary.units import UNITS
from tests.architecture.source import ROOT

PAGE = ROOT / "docs/reference/files.md"


def keys(described: object) -> Iterator[str]:
    """Give every key that a schema names, however deep."""
    if isinstance(described, dict):
        properties = described.get("properties")
        named = properties if isinstance(properties, dict) else {}
        yield from named
        # Each by itself: what is called "properties" may be a key of a file too.
        for value in (*named.values(), *(value for value in described.values() if value is not properties)):
            yield from keys(value)
    for item in described if isinstance(described, list) else ():
        yield from keys(item)


def test_the_page_is_what_the_declarations_say() -> None:
    told = "write it anew: python -m keytwin.files.reference > docs/reference/files.md"
    assert PAGE.read_text(encoding="utf-8") == page(), told


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_of_a_schema_has_a_row(kind: str) -> None:
    written = page()
    assert [key for key in keys(schema(kind)) if f"`{key}`" not in written] == []


def test_every_unit_and_protocol_is_there() -> None:
    written = page()
    assert [unit for units in UNITS.values() for unit in units if unit and f"`{unit}`" not in written] == []
    assert all(f"### Parameters of protocol `{protocol}`" in written for protocol in BROUGHT.protocols)


def test_a_row_holds_value_default_and_meaning() -> None:
    rows = page().splitlines()
    assert (
        "| `k_paths` | a whole number, 1 to 16 | `3` | how many node-disjoint routes are offered to admission |" in rows
    )
    assert "| `sla` | the SLA's name | **required** | what the user may ask, under `slas` |" in rows
    assert "| `keys_equal` | `true`, `false`, `yes`, `no` | `true` | both ends of every pair got the same key |" in rows


def test_every_link_within_the_page_leads_to_a_heading() -> None:
    written = page()
    anchors = {f"(#{line.strip('# ').lower().replace(' ', '-')})" for line in written.splitlines() if line[:1] == "#"}
    wanted = {f"({part.partition(')')[0]})" for part in written.split("](")[1:] if part.startswith("#")}
    assert wanted - anchors == set()


def test_every_measure_has_a_row_with_its_threshold() -> None:
    rows = page().splitlines()
    for name, measure in MEASURES.items():
        between = "yes" if measure.is_of_pairs else "no"
        assert f"| `{name}` | {measure.quantity} | `{measure.sense}` | {between} | {measure.about} |" in rows


def test_what_stands_in_the_files_of_the_design_half_is_told() -> None:
    rows = page().splitlines()
    expected = (
        "| `apps` | a whole number, 1 to 1000 | `1` | how many apps at each pair want as much, each for itself |",
        "| `relays` | own, none or a name | | who would run trusted relays along it; no place for any if left out |",
        "| `least` | an amount of money | **required** | of one, when it comes cheap |",
        "| `ovm` | the OVM's name | **required** | the variability model, by name |",
        "| `gives` | `ITEM to STEP`, or a list of such | | what it hands on, as 'qubit to measure' |",
    )
    assert [row for row in expected if row not in rows] == []


@pytest.mark.parametrize("title", ["Need", "Measures", "Selection", "Cost book", "View", "A step of an activity"])
def test_no_heading_comes_twice(title: str) -> None:
    headings = [line.strip("# ") for line in page().splitlines() if line.startswith("#")]
    assert headings.count(title) == 1
    assert len(headings) == len(set(headings))
