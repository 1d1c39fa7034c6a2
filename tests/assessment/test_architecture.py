"""From a selection to an architecture by the public API; and a device is replaced unnoticed."""

from __future__ import annotations

from functools import cache
from itertools import combinations
from pathlib import Path

import pytest
from msgspec.structs import replace

import keytwin
from keytwin.assessment.architecture import parse_replacement, views_of
from keytwin.assessment.tables import TABLES, tables
from keytwin.files.device import library_device
from keytwin.report.run import Run
from keytwin.vocabulary.identity import DeviceId, LinkId
from keytwin.vocabulary.timeline import Scenario

DEVICES = ("generic-bbm92-cw", "generic-one-decoy-bb84", "generic-mdi")
PAPER_A = [
    "protocol.bb84",
    "q-link.repeater",
    "medium.terrestrial",
    "medium.satellite",
    "terrestrial.fibre",
    "free-space.single",
]


def test_a_selection_by_name_by_path_and_by_variants_is_the_same(tmp_path: Path) -> None:
    by_name = keytwin.architecture("long-range")
    file = tmp_path / "mine.yaml"
    file.write_text(
        "format: 1\nname: mine\novm: qkd\nchoose: {protocol: bb84, q-link: repeater,\n"
        "  medium: [terrestrial, satellite], terrestrial: fibre, free-space: single}\n"
    )
    assert keytwin.architecture(str(file)) == by_name == keytwin.architecture(PAPER_A)
    assert isinstance(by_name, keytwin.Architecture)


@pytest.mark.parametrize("ovm", ["qkd", "paper-a"])
def test_the_selection_of_the_case_study_is_valid_with_either_backbone(ovm: str) -> None:
    found = keytwin.architecture("long-range", ovm)
    assert found.configuration.chosen == tuple(sorted(PAPER_A))
    assert found.after.findings == ()


def test_what_is_forced_need_not_be_said() -> None:
    found = keytwin.architecture(["protocol.twin-field", "terrestrial.fibre", "medium.terrestrial"])
    assert "q-link.untrusted-centre" in found.configuration.chosen


@pytest.mark.parametrize(
    ("selection", "told"),
    [
        (["protocol.bb84"], "is not decided: add"),
        (["protocol.bb48"], r"qkd has no variant 'protocol.bb48'"),
        (["protocol.gg02", "q-link.repeater"], "the pairs that a repeater stores and swaps are qubits"),
        ("longrange", r"unknown selection 'longrange' \(did you mean 'long-range'"),
    ],
)
def test_what_cannot_be_is_refused_in_the_words_of_the_domain(selection: str | list[str], told: str) -> None:
    with pytest.raises(keytwin.Mistake, match=told):
        keytwin.architecture(selection)


def test_a_variant_is_replaced_by_name() -> None:
    found = keytwin.architecture("long-range", replace="protocol=bbm92")
    assert "protocol.bbm92" in found.configuration.chosen
    assert "protocol.bb84" not in found.configuration.chosen


@pytest.mark.parametrize("text", ["protocol", "protocol=", "=mdi", ""])
def test_a_replacement_is_written_with_an_equals_sign(text: str) -> None:
    with pytest.raises(keytwin.Mistake, match="write it as 'protocol=mdi'"):
        parse_replacement(text)


def test_either_way_to_name_the_new_variant_is_right() -> None:
    assert parse_replacement(" protocol = mdi ") == parse_replacement("protocol=protocol.mdi")


def test_the_backbone_of_the_paper_uses_the_views_of_its_extension() -> None:
    assert views_of("paper-a").fragments == views_of("qkd").fragments


def test_the_tables_are_those_of_the_running_machines_by_name() -> None:
    assert list(tables()) == [each.name for each in TABLES]
    assert all(tables()[each.name] == each.view() for each in TABLES)


# --- module replacement in the running half: paper A's promise, measured --------------------------------------------

LINK = LinkId("km0--km2")
OF_CONTROL = (
    "SessionRequested",
    "UserAuthenticated",
    "SessionAdmitted",
    "SessionConfigured",
    "KeyAsked",
    "KeysAnswered",
    "KeysGone",
    "SessionOver",
    "SessionReleased",
)
"""What happens to a session. How often key is supplied in between is the quantum layer's own affair."""
Event = tuple[str, str]


@cache
def ran(device: str) -> Run:
    """Run the paper's star with another device on one link, over which the relayed session goes."""
    scenario = keytwin.load("star6/fig4")
    assert isinstance(scenario, Scenario)
    if not device:
        return keytwin.run(scenario)
    blueprint = scenario.blueprint
    put = [replace(each, device=DeviceId(device)) if each.id == LINK else each for each in blueprint.topology.links]
    topology = replace(blueprint.topology, links=tuple(put))
    devices = {**blueprint.devices, DeviceId(device): library_device(device)}
    return keytwin.run(replace(scenario, blueprint=replace(blueprint, topology=topology, devices=devices)))


def by_session(run: Run) -> dict[str, list[Event]]:
    """Return what control did for each session, in its order: element and kind of event."""
    found: dict[str, list[Event]] = {}
    for each in run.events:
        kind = type(each.event).__name__
        if kind in OF_CONTROL:
            found.setdefault(str(getattr(each.event, "ksid", "")), []).append((str(each.element), kind))
    return found


def partial_order(events: list[Event]) -> set[tuple[Event, Event]]:
    """Return which event comes before which: those of one element, and those of admission and any element."""
    ordered = combinations(events, 2)
    return {(one, two) for one, two in ordered if one[0] == two[0] or "admission" in {one[0], two[0]}}


def test_the_devices_differ_in_what_they_do() -> None:
    rates = {device: len(ran(device).events) for device in ("", *DEVICES)}
    assert len(set(rates.values())) > 1, "another device gives key at another rate"
    link = {device: _of_link(ran(device)) for device in ("", *DEVICES)}
    assert all(link[device] != link[""] for device in DEVICES)


def _of_link(run: Run) -> list[tuple[int, object]]:
    return [(each.at, each.event) for each in run.events if str(each.element) == f"link/{LINK}"]


@pytest.mark.parametrize("device", DEVICES)
def test_control_does_the_same_whatever_device_is_on_a_link(device: str) -> None:
    before, after = by_session(ran("")), by_session(ran(device))
    assert before.keys() == after.keys()
    assert len(before) == 3 + 1, "three sessions, and what happens before there is one"
    for session, events in before.items():
        assert sorted(events) == sorted(after[session])
        if not session:
            continue
        assert partial_order(events) == partial_order(after[session])
        assert {"SessionAdmitted", "SessionConfigured", "KeysAnswered", "SessionReleased"} <= {k for _, k in events}


@pytest.mark.parametrize("device", DEVICES)
def test_and_the_keys_are_delivered_all_the_same(device: str) -> None:
    assert ran(device).is_as_expected
