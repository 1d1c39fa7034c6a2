"""The page of protocols and media."""

from __future__ import annotations

import dataclasses

import pytest

from keytwin.files.device import library_device
from keytwin.files.library import device_names
from keytwin.files.media import SETTINGS
from keytwin.quantum.channel import MEDIA
from keytwin.quantum.protocols import PROTOCOLS
from keytwin.report.protocols import attribute_docs, devices_of, page
from keytwin.vocabulary.device import Device
from keytwin.vocabulary.device_pairs import Bbm92Device
from tests.architecture.source import ROOT

PAGE = ROOT / "docs/reference/protocols.md"


@pytest.fixture(scope="module")
def sections() -> dict[str, str]:
    """The parts of the page by their headings."""
    return {part.partition("\n")[0]: part for part in page().split("\n### ")}


def test_the_page_is_up_to_date() -> None:
    told = "write it anew: python -m keytwin.report.protocols > docs/reference/protocols.md"
    assert PAGE.read_text(encoding="utf-8") == page(), told


@pytest.mark.parametrize("name", PROTOCOLS)
def test_each_protocol_is_told_with_its_sources(name: str, sections: dict[str, str]) -> None:
    traits, text = PROTOCOLS[name].traits, sections[name]
    assert f"- **Proof**: {traits.proof}. {traits.sources['proof'].rstrip('.')}." in text
    assert f"- **Readiness**: {traits.trl} of 9. {traits.sources['trl'].rstrip('.')}." in text
    assert [threat for threat in traits.threats if threat not in text] == []
    assert [
        why for medium, why in PROTOCOLS[name].unfit.items() if f"- **Not over {medium}**: {why}." not in text
    ] == []


@pytest.mark.parametrize("name", PROTOCOLS)
def test_each_parameter_is_told_with_what_it_means(name: str, sections: dict[str, str]) -> None:
    fields = [each.name for each in dataclasses.fields(PROTOCOLS[name].device) if "quantity" in each.metadata]
    rows = [line.split(" | ") for line in sections[name].splitlines() if line.startswith("| `")]
    assert [row[0] for row in rows] == [f"| `{field}`" for field in fields]
    assert [row for row in rows if len(row[3].rstrip(" |")) < len("None.")] == []


def test_each_medium_is_told_with_each_of_its_keys(sections: dict[str, str]) -> None:
    for medium in MEDIA:
        text = sections[medium.capitalize()]
        assert [key.name for key in SETTINGS[medium].record.fields if f"| `{key.name}` |" not in text] == []


def test_the_overview_says_which_media_each_protocol_can_use() -> None:
    rows = [line.strip("| ").split(" | ") for line in page().splitlines() if line.startswith("| [`")]
    told = {row[0].partition("(#")[2].rstrip(")"): row[-len(MEDIA) :] for row in rows}
    assert told == {
        name: ["no" if medium in each.unfit else "yes" for medium in MEDIA] for name, each in PROTOCOLS.items()
    }
    assert told["twin-field-cal"] == ["yes", "no", "no"]


def test_each_device_of_the_library_is_told_once() -> None:
    assert sorted(device for name in PROTOCOLS for device in devices_of(name)) == list(device_names())
    assert library_device(devices_of("cow")[0]).protocol == "cow"


def test_what_stands_below_an_attribute_is_found_in_ancestors_too() -> None:
    docs = attribute_docs(Bbm92Device)
    assert docs["clock"] == "Pump pulses per second."
    assert docs["key_basis_share"].startswith("Probability with which each end")
    assert "sources" not in attribute_docs(Device)
