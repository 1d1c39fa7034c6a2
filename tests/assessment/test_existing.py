"""Any network judged by any need: one that keytwin did not design."""

from __future__ import annotations

import pytest

from keytwin.assessment.assess import Options, assess_network
from keytwin.assessment.existing import UNKNOWN, plan_of
from keytwin.assessment.physics import Physics
from keytwin.design.verdict import Outcome
from keytwin.files.network import read_network
from keytwin.vocabulary.errors import Mistake
from tests.assessment.needs import case_of

RING = read_network("ring5")
NODES = [node.id for node in RING.topology.nodes]
NEED = f"""
format: 1
name: on-a-ring
stakeholder: Somebody
sites: {{{NODES[0]}: {{}}, {NODES[2]}: {{}}, {NODES[1]}: {{owner: Telco, endpoint: no}}}}
lines: ["{NODES[0]} -- {NODES[2]}": {{length: 1 km}}]
needs:
  N1: {{text: keys, measure: key-rate, at-least: 256 bit/s, priority: must}}
  N2: {{text: in spite of a cut, measure: links-survived, at-least: 1, priority: must}}
  N3: {{text: only ours, measure: third-party-relays, at-most: 0, priority: must}}
  N4: {{text: agreeing views, measure: consistency, at-most: 0, priority: should}}
"""


def test_a_network_is_a_plan_with_the_physics_of_its_links() -> None:
    plan = plan_of(case_of(NEED), RING, Physics())
    assert set(plan.rates) == {link.id for link in RING.topology.links}
    assert all(rate > 0 for rate in plan.rates.values())
    assert plan.owners[NODES[1]] == "Telco"
    # A node that the need does not name may belong to anybody.
    assert plan.owners[NODES[3]] == UNKNOWN
    assert NODES[0] not in plan.owners


def test_a_pair_without_an_app_gets_one_and_the_others_stay() -> None:
    plan = plan_of(case_of(NEED), RING, Physics())
    served = [{end.node for end in app.ends} for app in plan.blueprint.apps]
    assert {NODES[0], NODES[2]} in served
    assert plan.blueprint.apps[: len(RING.apps)] == RING.apps
    assert plan.blueprint.topology == RING.topology


@pytest.mark.slow
def test_it_is_judged_as_a_design_is() -> None:
    found = assess_network(case_of(NEED), RING)
    outcomes = {each.verdict.need.id: each.verdict.outcome for each in found.judged}
    assert outcomes == {
        "N1": Outcome.MET,
        "N2": Outcome.MET,
        "N3": Outcome.MISSED,
        "N4": Outcome.UNVERIFIABLE,
    }
    assert not found.is_met
    assert found.tries[0].outcome.evidence.failures == ()


def test_a_site_that_the_network_lacks_is_named_with_the_nearest_one() -> None:
    text = NEED.replace(f"{NODES[0]}", f"{NODES[0]}x")
    with pytest.raises(Mistake, match=rf"has no node '{NODES[0]}x'.*did you mean '{NODES[0]}'"):
        assess_network(case_of(text), RING, Options(is_tried=False))
