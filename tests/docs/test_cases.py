"""The page of the cases says what the library gives, and paper and pencil agree with it within a factor of two."""

from __future__ import annotations

from itertools import pairwise

import pytest

from keytwin.design.need import Priority
from keytwin.design.verdict import Outcome
from keytwin.files.library import needs
from keytwin.files.need import read_need
from tests.docs.cases import (
    PAGE,
    SPANS,
    Compared,
    answer,
    by_hand,
    figures,
    links,
    plan_of,
    rewritten,
    shown,
    spans,
    tables,
    tables_in,
)

TEXT = PAGE.read_text(encoding="utf-8")
CASES = ("backbone-923", "bank-ring", "dci", "embassy", "hospital", "hospital-200", "long-range")


def test_the_calibration_is_a_straight_line_in_decibels() -> None:
    assert by_hand(0.0) == pytest.approx(17.094e6)
    assert by_hand(10.0) == pytest.approx(1.7094e6)
    assert shown(by_hand(2.75)) == "9.07 Mbit/s"


def test_every_case_of_the_library_has_its_section() -> None:
    assert needs() == CASES
    assert [name for name in needs() if f"\n## {name}\n" not in TEXT] == []


def test_every_table_is_what_the_library_gives() -> None:
    written = dict(tables_in(TEXT))
    made = tables()
    assert set(written) == set(made)
    told = "write them anew: python -m tests.docs.cases"
    assert {name: table for name, table in written.items() if table != made[name]()} == {}, told


def test_a_table_that_is_out_of_date_is_made_anew_and_the_rest_left_alone() -> None:
    stale = TEXT.replace("| `wards--archive` | 2.75 dB |", "| `wards--archive` | 9.99 dB |")
    assert stale != TEXT
    assert rewritten(stale) == rewritten(TEXT) == TEXT


@pytest.mark.parametrize("name", CASES)
def test_each_value_agrees_with_paper_and_pencil_within_a_factor_of_two(name: str) -> None:
    compared: list[Compared] = [
        *figures(name),
        *(links(name) if read_need(name).lines and name != "long-range" else ()),
    ]
    assert compared
    assert [each for each in compared if not 0.5 <= each.ratio <= 2.0] == []


def test_longer_spans_take_fewer_relays_and_give_less_key() -> None:
    told = spans()
    assert [longest for longest, _, _ in told] == list(SPANS)
    for (_, more, near), (_, fewer, far) in pairwise(told):
        assert more > fewer
        assert near.by_twin > far.by_twin
    assert all(0.5 <= each.ratio <= 2.0 for _, _, each in told)
    assert all(each.by_twin > 6_000 for _, _, each in told), "each carries six tenants"


@pytest.mark.parametrize("name", [name for name in CASES if name != "hospital-200"])
def test_each_case_can_be_met_as_far_as_analysis_can_tell(name: str) -> None:
    missed = [each.need for each in answer(name).verdicts if each.outcome is Outcome.MISSED]
    assert all(need.priority is not Priority.MUST for need in missed)
    assert [need.id for need in missed] == (["N7"] if name == "long-range" else [])


def test_two_hundred_gigabytes_a_day_are_refused_with_the_most_that_can_go() -> None:
    refused = answer("hospital-200")
    assert not refused.is_acceptable
    (missed,) = [each for each in refused.verdicts if each.rejects]
    assert missed.need.measure == "one-time-pad"
    assert missed.found is not None
    assert missed.found.remark == (
        "at most 104 GB a day (9.64 Mbit/s) can go under a pad here, of 200 GB; with AES-256 and a fresh key every "
        "minute the same traffic takes 4.27 bit/s of key"
    )


def test_the_case_study_is_answered_by_the_five_selections_of_the_paper() -> None:
    chosen = {each for each in answer("long-range").configuration.chosen if not each.startswith("redundancy.")}
    assert chosen == {
        "protocol.bb84",
        "q-link.repeater",
        "medium.terrestrial",
        "medium.satellite",
        "terrestrial.fibre",
        "free-space.single",
    }
    plan = plan_of(answer("long-range"))
    assert {str(link.device) for link in plan.blueprint.topology.links} == {
        "wide-area-repeater",
        "satellite-decoy-bb84",
    }
    assert len(plan.channels) == 2


def test_a_pair_with_several_apps_has_an_app_and_two_names_for_each() -> None:
    plan = plan_of(answer("backbone-923"))
    apps = plan.blueprint.apps
    assert [str(app.id) for app in apps] == [f"north-city-south-city.{number}" for number in range(1, 7)]
    assert len({end.sae for app in apps for end in app.ends}) == 12
    assert [demand.rate for demand in plan.demands] == [6_000.0]
    assert [int(sla.rate) for sla in plan.blueprint.slas] == [1_000]
