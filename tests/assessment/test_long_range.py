"""Paper A's case study from need to verdict: the five selections, resilience, and what is proposed without them."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import pytest
from msgspec import structs

from keytwin.assessment.assess import Assessed, Options, assess, usual_costs
from keytwin.assessment.record import recorded
from keytwin.design.need import Case
from keytwin.design.verdict import Outcome
from keytwin.files.library import need_source
from keytwin.files.need import read_need
from keytwin.scenario.run import run_scenario
from keytwin.scenario.trial import trial_of
from keytwin.vocabulary.events import LinkStatusChanged, SessionConfigured, SessionOver
from keytwin.vocabulary.identity import ElementName, NodeId, VariantId, VariationPointId
from keytwin.vocabulary.machine import Event
from keytwin.vocabulary.timeline import Action, AttackLink, CutLink, HealLink, Step
from keytwin.vocabulary.topology_messages import LinkStatus
from keytwin.vocabulary.units import Duration, Instant, after, minutes

SELECTED = {"protocol.bb84", "q-link.repeater", "medium.terrestrial", "medium.satellite", "terrestrial.fibre"}
SELECTED |= {"free-space.single"}
POINTS = {"protocol", "q-link", "medium", "terrestrial", "free-space"}
RESILIENCE = {"N3", "N4", "N5"}


@pytest.fixture(scope="module")
def case() -> Case:
    return read_need("long-range")


@pytest.fixture(scope="module")
def met(case: Case) -> Assessed:
    return assess(case)


def shaping(variants: tuple[VariantId, ...]) -> set[str]:
    return {each for each in variants if each.partition(".")[0] in POINTS}


@pytest.mark.slow
def test_the_five_selections_of_the_paper_and_every_need_with_a_verdict(met: Assessed) -> None:
    assert met.taken is not None
    assert shaping(met.taken.configuration.chosen) == SELECTED
    assert met.is_met
    answer = recorded(met, need_source("long-range").octets, usual_costs())
    assert all(line.outcome in {"met", "not met"} for line in answer.verdicts)
    for line in answer.verdicts:
        # A value, and where it comes from: events of a run, or analysis and inspection of the plan.
        assert line.shown
        assert line.method
    by_need = {line.need.id: line for line in answer.verdicts}
    assert by_need["N8"].shown == "0"
    assert by_need["N4"].evidence is not None
    assert by_need["N4"].evidence.run == "attack-1-channel"


@pytest.mark.slow
def test_the_repeater_is_flagged_by_its_readiness(met: Assessed) -> None:
    verdict = next(each.verdict for each in met.judged if each.verdict.need.measure == "readiness")
    assert verdict.outcome is Outcome.MISSED
    assert verdict.found is not None
    assert verdict.found.culprits == ("q-link.repeater",)


@pytest.mark.parametrize(
    ("medium", "reason"),
    [("terrestrial", "the second has to be in the sky"), ("satellite", "the second is a line")],
)
def test_without_one_medium_the_need_for_resilience_fails_with_that_reason(
    case: Case, medium: str, reason: str
) -> None:
    kept = {VariationPointId(point): variants for point, variants in case.choose.items() if point != "medium"}
    kept.pop(VariationPointId("free-space" if medium == "terrestrial" else "terrestrial"))
    kept[VariationPointId("medium")] = (VariantId(f"medium.{medium}"),)
    # Entanglement is swapped along a line: without one the states go as they are.
    if medium == "satellite":
        kept[VariationPointId("q-link")] = (VariantId("q-link.direct"),)
    assessed = assess(replace(case, choose=MappingProxyType(kept)), Options(is_tried=False))
    missed = {str(each.verdict.need.id) for each in assessed.judged if each.verdict.outcome is Outcome.MISSED}
    assert missed & RESILIENCE >= {"N3", "N4"}
    assert not assessed.is_met
    answer = recorded(assessed, b"", usual_costs())
    assert any(reason in line for line in answer.summary)


@pytest.mark.slow
def test_left_open_it_proposes_trusted_relays_with_a_satellite(case: Case) -> None:
    assessed = assess(replace(case, choose=MappingProxyType({})), Options(is_tried=False))
    wanted = {"q-link.trusted-relay", "medium.satellite", "medium.terrestrial"}
    acceptable = [each for each in assessed.proposals if each.is_acceptable]
    assert any(wanted <= set(each.configuration.chosen) for each in acceptable)
    # A repeater is flagged by its readiness whether it could be laid out here or not.
    lines = recorded(assessed, b"", usual_costs()).proposals
    repeaters = [line for line in lines if "q-link.repeater" in line.variants]
    assert repeaters
    assert {line.readiness for line in repeaters} == {"With entanglement swapping (QR) at level 3 of 9"}
    assert not any(line.is_acceptable for line in repeaters)


# --- the network that comes of it -----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("what", ["attack", "cut"])
def test_the_session_outlives_its_fibre_over_the_satellite_and_comes_back(met: Assessed, what: str) -> None:
    plan = met.plan
    assert plan is not None
    (fibre,) = [link.id for link in plan.blueprint.topology.links if link.medium == "fibre"]
    failure: Action = AttackLink(fibre, 0.2) if what == "attack" else CutLink(fibre)
    trial = trial_of(plan.blueprint, [failure], what, 1)
    # A block of the repeater takes ten minutes, and only its end tells of an attack, or that it is over.
    healed = after(trial.failed, minutes(11))
    scenario = structs.replace(
        trial.scenario,
        steps=(*trial.scenario.steps, Step(healed, HealLink(fibre))),
        duration=Duration(trial.scenario.duration + minutes(30)),
    )
    configured: list[tuple[Instant, NodeId]] = []
    ended: list[Instant] = []
    statuses: list[str] = []

    def see(at: Instant, element: ElementName, event: Event) -> None:
        del element
        match event:
            case SessionConfigured():
                configured.append((at, event.node))
            case SessionOver():
                ended.append(at)
            case LinkStatusChanged(link=link, status=status) if link == fibre and at >= trial.failed:
                statuses.append(status)
            case _:
                pass

    evidence = run_scenario(scenario, 1, [see])
    assert min(ended) > trial.ended
    assert evidence.apps[0].refused == 0
    assert evidence.equal == evidence.pairs == evidence.apps[0].asked
    assert NodeId("leo") in {node for at, node in configured if trial.failed <= at < healed}
    assert statuses[-1] == LinkStatus.ACTIVE
