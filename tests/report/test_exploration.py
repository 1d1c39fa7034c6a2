"""What is written down of an explored case: record, table, lines and figure."""

from __future__ import annotations

import csv
from io import StringIO
from xml.etree import ElementTree as ET

import msgspec
import numpy as np
import pytest

from keytwin.assessment.assess import usual_costs
from keytwin.assessment.exploring import Explored
from keytwin.design.exploration import Candidate, explore
from keytwin.design.relaxation import needs_in_conflict, relaxations
from keytwin.report.exploration import exploration_record, front_as_csv, lines_of, told
from keytwin.report.exploration_svg import draw_exploration, exploration_as_svg
from tests.design.alternatives import SUBJECT, candidate, impossible, objectives
from tests.design.ovms import small_ovm

FAST = candidate(90.0, 9e5, 2.0, variants=("q-link.direct", "protocol.bb84"))
CHEAP = candidate(12.0, 1e5, 2.0, variants=("q-link.direct", "protocol.decoy-bb84"))
BEATEN = candidate(45.0, 9e5, 2.0, variants=("q-link.direct", "protocol.mdi"))
SLOW = candidate(5.0, 1e5, 5.0, variants=("q-link.direct", "protocol.cow"))
NOWHERE = impossible("no light", "q-link.untrusted-centre", "protocol.bb84")
ALL = (FAST, CHEAP, BEATEN, SLOW, NOWHERE)


def explored(*candidates: Candidate) -> Explored:
    proposals = [each.proposal for each in candidates]
    return Explored(
        SUBJECT,
        small_ovm(),
        explore(objectives(), candidates),
        ("latency",),
        usual_costs(),
        needs_in_conflict(SUBJECT, proposals),
        relaxations(SUBJECT, proposals),
    )


def test_the_record_holds_front_neighbours_and_reasons() -> None:
    record = exploration_record(explored(*ALL))
    assert (record.name, record.costs, record.configurations, record.is_met) == ("test", "assumed", 5, True)
    assert [(each.name, each.unit, each.better) for each in record.objectives] == [
        ("key-rate", "bit/s", "at-least"),
        ("cost", "EUR", "at-most"),
        ("security", "place in the order", "at-least"),
    ]
    first, second = record.front
    assert (first.number, first.variants) == (1, (("protocol.bb84", "q-link.direct"),))
    assert [each.shown for each in first.values] == ["90 bit/s", "900 kEUR", "trusted-relays"]
    assert list(second.regrets) == pytest.approx([0.0, 0.0, 0.2])
    assert [(each.point, each.instead, each.why) for each in first.neighbours] == [
        ("protocol", ("protocol.decoy-bb84",), "not beaten: it is 2"),
        ("protocol", ("protocol.mdi",), "beaten by 1: key-rate: 45 bit/s instead of 90 bit/s, by 50 %"),
        ("protocol", ("protocol.cow",), f"misses {SUBJECT.needs[0].id} (key-rate 5 bit/s, 10 bit/s asked for)"),
        ("q-link", ("q-link.untrusted-centre",), "no light"),
    ]
    assert [(each.why, each.count) for each in record.others] == [
        ("beaten by 1", 1),
        (f"misses {SUBJECT.needs[0].id}", 1),
        ("no light", 1),
    ]
    assert (record.conflicts, record.relaxations, record.not_compared) == ((), (), ("latency",))


def test_equal_explorations_are_equal_bytes_that_can_be_read_again() -> None:
    octets = msgspec.json.encode(exploration_record(explored(*ALL)))
    assert octets == msgspec.json.encode(exploration_record(explored(*ALL)))
    assert msgspec.json.decode(octets, type=type(exploration_record(explored(*ALL)))) == exploration_record(
        explored(*ALL)
    )


def test_what_has_no_number_is_null_and_says_why() -> None:
    endless = candidate(float("inf"), 9e5, 2.0)
    (point,) = exploration_record(explored(endless)).front
    assert (point.values[0].value, point.values[0].shown) == (None, "without limit")
    assert front_as_csv(exploration_record(explored(endless))).splitlines()[1].split(",")[2] == ""


def test_the_table_has_a_row_an_alternative_in_base_units() -> None:
    rows = list(csv.DictReader(StringIO(front_as_csv(exploration_record(explored(*ALL))))))
    assert [row["point"] for row in rows] == ["1", "2"]
    assert rows[0]["variants"] == "protocol.bb84 q-link.direct"
    assert (rows[0]["key-rate [bit/s]"], rows[0]["cost [EUR]"], rows[1]["regret at demand x 1.5"]) == (
        "90",
        "900000",
        "0.2",
    )


def test_lines_say_what_keeps_the_others_out() -> None:
    assert list(lines_of(exploration_record(explored(*ALL)))) == [
        "1 x beaten by 1",
        f"1 x misses {SUBJECT.needs[0].id}",
        "1 x cannot be built here: no light",
    ]


def test_lines_say_what_to_do_where_nothing_fits() -> None:
    record = exploration_record(explored(SLOW, candidate(20.0, 3e6, 2.0, variants=("protocol.mdi",))))
    assert not record.is_met
    rate, cost = (need.id for need in SUBJECT.needs[:2])
    assert list(lines_of(record)) == [
        f"no alternative meets {rate} and {cost} together",
        f"it would do to relax {rate} to 5 bit/s: protocol.cow q-link.direct",
        f"it would do to relax {cost} to 3 MEUR: protocol.mdi",
    ]
    assert record.relaxations[0].changes[0].share == 0.5


def test_a_rejected_alternative_is_told_with_its_figures() -> None:
    found = explored(*ALL).found
    assert "5 bit/s, 10 bit/s asked for" in told(found.judgement(SLOW))


def test_the_figure_has_equal_bytes_and_the_numbers_of_the_front() -> None:
    found = explored(*ALL).found
    octets = exploration_as_svg(found, "alternatives")
    assert octets == exploration_as_svg(found, "alternatives")
    assert ET.fromstring(octets).tag.endswith("svg")  # noqa: S314  # our own
    (axes,) = draw_exploration(found).axes
    assert [each.get_text() for each in axes.texts] == ["1", "2"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("key-rate", "cost")
    assert [np.shape(each.get_offsets())[0] for each in axes.collections] == [1, 1, 2]


def test_what_has_no_place_is_not_drawn() -> None:
    for candidates in ((), (NOWHERE,), (candidate(float("inf"), 9e5, 2.0),)):
        found = explored(*candidates).found
        assert exploration_as_svg(found)
        assert not draw_exploration(found).axes[0].texts


def test_axes_with_wide_values_count_in_powers_of_ten() -> None:
    wide = explored(FAST, candidate(1e6, 2e5, 2.0)).found
    (axes,) = draw_exploration(wide).axes
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "linear")
