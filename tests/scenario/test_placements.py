"""The paper's experiment, cuts and attacks with one control plane and with one at each node; control that dies."""

from __future__ import annotations

import msgspec
import pytest

from keytwin.files.network import read_network
from keytwin.files.scenario import read_scenario
from keytwin.network import simulate
from keytwin.scenario.run import play
from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.events import SessionAdmitted, SessionReleased
from keytwin.vocabulary.evidence import Evidence
from keytwin.vocabulary.identity import ElementName, LinkId
from keytwin.vocabulary.machine import Event, Machine
from keytwin.vocabulary.placement import EVERYWHERE, Placement
from keytwin.vocabulary.timeline import (
    Action,
    AskKeys,
    AttackLink,
    CloseApp,
    CutLink,
    DistrustNode,
    OpenApp,
    RestartElement,
    Scenario,
    Step,
    StopElement,
)
from keytwin.vocabulary.units import Instant, milliseconds, seconds
from tests.files.reading import mistakes, network, scenario
from tests.machines import Recorder, assert_replayable, assert_restorable
from tests.marks import invariant

RING = """
format: 1
name: ring
defaults: {link: {device: generic-decoy-bb84, length: 20 km, loss: 0.2 dB/km}}
nodes: {a: , b: , c: , d: }
links: [a -- b, b -- c, c -- d, d -- a]
slas: {usual: {priority: 0, rate: 2 kbit/s, burst: 64 kbit}}
users: {eve: {sla: usual}, ann: {sla: usual}}
apps: {across: {user: eve, saes: {one: a, two: c}}, aside: {user: ann, saes: {three: d, four: c}}}
control: {placement: per-node}
"""
KEYS = 120


@pytest.fixture(scope="module")
def ring() -> Blueprint:
    return network(RING).value


def spread(blueprint: Blueprint) -> Blueprint:
    control = msgspec.structs.replace(blueprint.control, placement=Placement.PER_NODE)
    users = tuple(msgspec.structs.replace(user, quota=None) for user in blueprint.users)
    return msgspec.structs.replace(blueprint, control=control, users=users)


def central(blueprint: Blueprint) -> Blueprint:
    control = msgspec.structs.replace(blueprint.control, placement=Placement.CENTRAL)
    return msgspec.structs.replace(blueprint, control=control)


def ran(blueprint: Blueprint, *extra: tuple[float, Action], seed: int = 5) -> tuple[Evidence, list[Event]]:
    """Let every app ask for 60 s with what else happens, and close it."""
    steps = [Step(Instant(seconds(at)), action) for at, action in extra]
    for app in blueprint.apps:
        steps += [Step(Instant(0), OpenApp(app.id)), Step(Instant(seconds(80)), CloseApp(app.id))]
        steps.append(Step(Instant(0), AskKeys(app.id, times=KEYS, every=milliseconds(500))))
    seen: list[Event] = []
    simulation = simulate(blueprint, seed, keep_records=True)
    found = play(
        Scenario("placed", blueprint, seconds(100), steps=tuple(steps)),
        simulation,
        [lambda _, __, event: seen.append(event)],
    )
    return found, seen


def test_the_experiment_of_the_paper_runs_with_both_placements() -> None:
    example = read_scenario("star6/fig4")
    found: list[Evidence] = []
    for blueprint in (example.blueprint, spread(example.blueprint)):
        changed = msgspec.structs.replace(example, blueprint=blueprint)
        found.append(play(changed, simulate(blueprint, 1), []))
    assert [evidence.failures for evidence in found] == [(), ()]
    one, other = ([(app.app, app.pairs, app.equal, app.hops) for app in evidence.apps] for evidence in found)
    assert one == other


def test_each_node_has_its_elements_and_there_is_no_other_control(ring: Blueprint) -> None:
    simulation = simulate(ring, 1)
    for node in "abcd":
        for element in EVERYWHERE:
            assert ElementName(f"{element}/{node}") in simulation.hosts
    assert not {*EVERYWHERE} & simulation.hosts.keys()


@invariant("S6")
@pytest.mark.parametrize("kind", ["cut", "attack", "distrust"])
def test_sessions_move_as_they_do_under_one_control_plane(ring: Blueprint, kind: str) -> None:
    before, seen = ran(ring)
    assert not before.failures
    route = next(event.route for event in seen if isinstance(event, SessionAdmitted) and event.app == "across")
    inner, link = route.nodes[1], route.links[0]
    actions: dict[str, Action] = {
        "cut": CutLink(link),
        "attack": AttackLink(link, 0.2),
        "distrust": DistrustNode(inner),
    }
    for blueprint in (ring, central(ring)):
        evidence, seen = ran(blueprint, (20, actions[kind]))
        assert not evidence.failures
        moved = [event.route for event in seen if isinstance(event, SessionAdmitted) and event.app == "across"]
        assert len(moved) == 2
        assert inner not in moved[1].nodes
        expected = KEYS if kind != "distrust" or inner != "d" else None  # d is an end of the other app
        assert [app.pairs for app in evidence.apps if app.app == "across"] == [KEYS]
        assert all(app.pairs == app.equal for app in evidence.apps)
        assert expected is None or {app.pairs for app in evidence.apps} == {KEYS}
        assert {event.app for event in seen if isinstance(event, SessionReleased)} == {"across", "aside"}


@invariant("C2")
@pytest.mark.parametrize("node", ["a", "b", "d"])
def test_the_control_of_one_node_dies_and_the_sessions_of_others_go_on(ring: Blueprint, node: str) -> None:
    names = [ElementName(f"{element}/{node}") for element in EVERYWHERE]
    evidence, _ = ran(ring, *((15, StopElement(name)) for name in names))
    # All keys are there: key managers need no control to make them, and leases outlast the minute.
    assert [(app.pairs, app.equal) for app in evidence.apps] == [(KEYS, KEYS)] * 2


def test_control_that_comes_back_takes_up_what_it_had(ring: Blueprint) -> None:
    names = [ElementName(f"{element}/{node}") for element in EVERYWHERE for node in "ab"]
    stops, starts = [(15, StopElement(name)) for name in names], [(25, RestartElement(name)) for name in names]
    evidence, seen = ran(ring, *stops, *starts, (40, CutLink(LinkId("a--b"))), (41, CutLink(LinkId("b--c"))))
    assert not evidence.failures
    assert [(app.pairs, app.equal) for app in evidence.apps] == [(KEYS, KEYS)] * 2
    assert {event.app for event in seen if isinstance(event, SessionReleased)} == {"across", "aside"}


@pytest.mark.parametrize("name", ["admission/a", "admission/b", "controller/a", "monitoring/a", "routing/a"])
def test_the_elements_of_a_node_pass_the_generic_tests(ring: Blueprint, name: str) -> None:
    def make() -> Machine:
        made = simulate(ring, 5).hosts[ElementName(name)].make  # with chance of its own, equal each time
        assert made
        return made()

    simulation, recorder = simulate(ring, 5, keep_records=True), Recorder(make())
    simulation.hosts[ElementName(name)].make = lambda: recorder
    steps = [Step(Instant(0), OpenApp(app.id)) for app in ring.apps]
    steps += [Step(Instant(seconds(8)), CutLink(LinkId("a--b"))), Step(Instant(seconds(20)), CloseApp(ring.apps[0].id))]
    play(Scenario("recorded", ring, seconds(30), steps=tuple(steps)), simulation, [])
    assert_replayable(make, recorder.inputs, recorder.effects)
    records = simulation.hosts[ElementName(name)].disk.records()
    assert_restorable(make, records, lambda _: ["share" if name.startswith("controller") else "sweep"])


# --- files ------------------------------------------------------------------------------------------------------------


def test_the_placement_is_read_and_is_central_unless_said() -> None:
    assert network(RING).value.control.placement is Placement.PER_NODE
    assert read_network("star6").control.placement is Placement.CENTRAL
    (told,) = mistakes(RING.replace("per-node", "per-nod"))
    assert "unknown placement of control 'per-nod' (did you mean 'per-node'?)" in told


def test_a_quota_over_several_admissions_is_a_mistake() -> None:
    quota = RING.replace("eve: {sla: usual}, ann: {sla: usual}", "eve: {sla: usual, quota: 9 kbit/s}")
    quota = quota.replace("user: ann", "user: eve")
    (told,) = mistakes(quota)
    assert "nobody sees all sessions of 'eve': those of 'a' and 'c' have each their own admission" in told
    assert mistakes(quota.replace("per-node", "central")) == []


def test_a_scenario_names_the_elements_of_its_placement() -> None:
    text = """
format: 1
name: stops
network: ring5
duration: 10 s
timeline: [{at: 1 s, stop: admission/%s}]
"""
    some = read_network("ring5").topology.nodes[0].id
    central = text % some
    overridden = central.replace("duration", "overrides: {control: {placement: per-node}}\nduration")
    assert scenario(overridden).value.steps[0].action == StopElement(ElementName(f"admission/{some}"))
