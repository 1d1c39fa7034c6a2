"""Any network judged by any need: one that keytwin did not design."""

from __future__ import annotations

from math import inf

import pytest
from msgspec import structs

from keytwin.assessment.assess import Options, assess_network
from keytwin.assessment.existing import UNKNOWN, plan_of
from keytwin.assessment.physics import Physics
from keytwin.design.measures import Found, find_out
from keytwin.design.need import Security
from keytwin.design.plan import Plan
from keytwin.design.verdict import Outcome
from keytwin.files.network import read_network
from keytwin.vocabulary.blueprint import App, Endpoint
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.identity import AppId, NodeId, SaeId
from keytwin.vocabulary.key import Fallback, KeyMode
from tests.assessment.needs import case_of
from tests.design.cases import need

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


NEAR, FAR = (NODES[0], NODES[1]), (NODES[0], NODES[2])
BOTH = case_of(f"""
format: 1
name: two-pairs
stakeholder: Somebody
sites: {{{", ".join(f"{node}: {{}}" for node in NODES[:3])}}}
lines: ["{NODES[0]} -- {NODES[1]}": {{length: 1 km}}, "{NODES[1]} -- {NODES[2]}": {{length: 1 km}}]
needs:
  N1: {{text: keys, measure: key-rate, at-least: 256 bit/s, priority: must, between: [{NODES[0]} -- {NODES[1]}]}}
  N2: {{text: keys, measure: key-rate, at-least: 256 bit/s, priority: must, between: [{NODES[0]} -- {NODES[2]}]}}
""")


def promised(mode: KeyMode, fallback: Fallback = Fallback.NONE) -> Plan:
    """Return a network with keys for neighbours, and for a pair with one relay between."""
    user = RING.users[0].id
    apps = (
        App(AppId(name), user, (Endpoint(SaeId(f"{name}-a"), first), Endpoint(SaeId(f"{name}-b"), second)))
        for name, (first, second) in (("near", NEAR), ("far", FAR))
    )
    slas = tuple(structs.replace(sla, mode=mode, fallback=fallback) for sla in RING.slas)
    return plan_of(BOTH, structs.replace(RING, apps=tuple(apps), slas=slas), Physics())


def worth(plan: Plan, measure: str, pair: tuple[NodeId, NodeId]) -> Found:
    found = find_out(plan, need(measure, 1.0), (pair,))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("mode", "fallback", "near", "far"),
    [
        (KeyMode.QKD_ONLY, Fallback.NONE, Security.END_TO_END, Security.TRUSTED_RELAYS),
        (KeyMode.HYBRID_XOR, Fallback.NONE, Security.END_TO_END, Security.HYBRID),
        (KeyMode.HYBRID_CATKDF, Fallback.NONE, Security.HYBRID, Security.HYBRID),
        (KeyMode.HYBRID_CATKDF, Fallback.PQC_ONLY, Security.POST_QUANTUM, Security.POST_QUANTUM),
        (KeyMode.QKD_ONLY, Fallback.PQC_ONLY, Security.POST_QUANTUM, Security.POST_QUANTUM),
        (KeyMode.PQC_ONLY, Fallback.NONE, Security.POST_QUANTUM, Security.POST_QUANTUM),
    ],
)
def test_keys_are_worth_what_their_service_level_makes_them_of(
    mode: KeyMode, fallback: Fallback, near: Security, far: Security
) -> None:
    """However good the light is: it says nothing of what is computed."""
    plan = promised(mode, fallback)
    assert worth(plan, "security", NEAR).remark == str(near)
    assert worth(plan, "security", FAR).remark == str(far)
    for pair in (NEAR, FAR):
        pads = worth(plan, "one-time-pad", pair)
        is_pad = near is Security.END_TO_END
        assert (pads.value > 0) is is_pad
        assert ("a pad is as random as it is long" in pads.remark) is not is_pad


def test_keys_without_quantum_key_load_no_link() -> None:
    loading, free = promised(KeyMode.HYBRID_CATKDF), promised(KeyMode.PQC_ONLY)
    assert [demand.ends for demand in loading.demands] == [NEAR, FAR]
    assert free.demands == ()
    for pair in (NEAR, FAR):
        assert worth(loading, "key-rate", pair).value < inf
        assert worth(free, "key-rate", pair).value == inf


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
