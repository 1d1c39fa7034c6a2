"""A satellite as trusted node: key only after passes, of both together, and from the stock between them."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import pytest

from keytwin.files.network import read_network
from keytwin.files.scenario import read_scenario
from keytwin.network import simulate
from keytwin.scenario.run import play, run_scenario
from keytwin.scenario.timeline import bare
from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.events import BlockDistilled, LinkStatusChanged
from keytwin.vocabulary.evidence import Evidence
from keytwin.vocabulary.identity import AppId, ElementName, LinkId
from keytwin.vocabulary.machine import Event
from keytwin.vocabulary.medium import Satellite
from keytwin.vocabulary.timeline import Action, AskKeys, CloseApp, CutLink, HealLink, OpenApp, Scenario, Step
from keytwin.vocabulary.topology import Topology
from keytwin.vocabulary.units import START, Duration, Instant, hours, minutes

VIDEO = AppId("video")
EAST, WEST = LinkId("xinglong--micius"), LinkId("nanshan--micius")
ASK = (OpenApp(VIDEO), AskKeys(VIDEO))


@pytest.fixture(scope="module")
def micius() -> Blueprint:
    return read_network("micius")


def ran(
    blueprint: Blueprint, steps: Iterable[tuple[Duration, Action]], lasting: Duration
) -> tuple[Evidence, list[tuple[Instant, Event]]]:
    seen: list[tuple[Instant, Event]] = []
    closing = Step(Instant(lasting - minutes(2)), CloseApp(VIDEO))
    made = tuple(Step(Instant(at), action) for at, action in steps)
    scenario = Scenario("passes", blueprint, lasting, steps=(*made, closing))

    def listen(at: Instant, element: ElementName, event: Event) -> None:
        del element
        seen.append((at, event))

    return play(scenario, simulate(blueprint, 7), [listen]), seen


def passing(blueprint: Blueprint, **changes: object) -> Blueprint:
    """Return the network with other passes."""
    links = []
    for link in blueprint.topology.links:
        assert isinstance(link.setting, Satellite)
        links.append(msgspec.structs.replace(link, setting=msgspec.structs.replace(link.setting, **changes)))
    return msgspec.structs.replace(blueprint, topology=Topology(blueprint.topology.nodes, tuple(links)))


@pytest.mark.parametrize(("asked_at", "keys"), [(minutes(1), 0), (minutes(30), 0), (minutes(102), 1)])
def test_there_is_a_key_only_after_both_stations_had_a_pass(micius: Blueprint, asked_at: Duration, keys: int) -> None:
    evidence, _ = ran(micius, [(asked_at, action) for action in ASK], Duration(asked_at + minutes(10)))
    assert evidence.equal == evidence.pairs == keys


def test_a_pass_is_one_block_and_the_status_follows_the_light(micius: Blueprint) -> None:
    _, seen = ran(micius, (), hours(2))
    blocks = [(at, event.link) for at, event in seen if isinstance(event, BlockDistilled)]
    assert [link for _, link in blocks] == [EAST, WEST]
    told = [
        (event.status, event.cause) for _, event in seen if isinstance(event, LinkStatusChanged) and event.link == EAST
    ]
    assert told == [("OFF", "no pass"), ("PENDING", "light is back"), ("PASSIVE", "no pass")]


def test_the_stock_of_a_night_lasts_until_the_next(micius: Blueprint) -> None:
    steps = [(minutes(102), OpenApp(VIDEO)), *((hours(at), AskKeys(VIDEO)) for at in (3, 9, 15, 21))]
    evidence, _ = ran(micius, steps, hours(24))
    assert evidence.equal == evidence.pairs == 4


def test_a_cut_outlasts_a_pass_and_costs_its_key(micius: Blueprint) -> None:
    steps = [(minutes(97), CutLink(WEST)), (minutes(99), HealLink(WEST)), *((minutes(110), action) for action in ASK)]
    evidence, seen = ran(micius, steps, hours(2))
    assert evidence.pairs == 0
    assert [event.link for _, event in seen if isinstance(event, BlockDistilled)] == [EAST]


def test_equal_seeds_give_equal_runs_under_clouds(micius: Blueprint) -> None:
    cloudy = passing(micius, clear=hours(5), overcast=hours(5), period=hours(2))
    first, second = (ran(cloudy, (), hours(60)) for _ in range(2))
    assert first == second
    blocks = [event.link for _, event in first[1] if isinstance(event, BlockDistilled)]
    assert 0 < blocks.count(EAST) < 30
    assert 0 < blocks.count(WEST) < 30


def test_a_bare_network_waits_for_its_passes(micius: Blueprint) -> None:
    scenario = bare(micius)
    assert min(step.at for step in scenario.steps) > minutes(100)
    assert min(step.at for step in bare(read_network("ring5")).steps) == START
    assert run_scenario(scenario, 1).failures == ()


def test_the_shipped_scenario_is_as_expected() -> None:
    evidence = run_scenario(read_scenario("micius/two-passes"), 1)
    assert (evidence.failures, evidence.equal) == ((), 12)
