"""What a step means to the elements, and the timeline of a network that has none."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.scenario.timeline import ASKING_TIME, MOST_PER_REQUEST, at_granted_rate, bare, both_at_once, orders
from keytwin.vocabulary.blueprint import App, Blueprint, Endpoint, Sla, User
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.identity import AppId, DeviceId, ElementName, LinkId, NodeId, SaeId, SlaId, UserId
from keytwin.vocabulary.operator_messages import (
    AskForKeys,
    AttackQuantumChannel,
    CutQuantumChannel,
    HealQuantumChannel,
    SetNodeTrust,
    StartSession,
    StopSession,
)
from keytwin.vocabulary.timeline import (
    Action,
    AskKeys,
    AttackLink,
    CloseApp,
    CutLink,
    DistrustNode,
    HealLink,
    MessageFaults,
    OpenApp,
    RestartElement,
    StopElement,
)
from keytwin.vocabulary.topology import Node, QLink, Topology
from keytwin.vocabulary.units import NANOSECONDS_PER_SECOND, Bits, BitsPerSecond, seconds

APP: Final = AppId("app01")
LINK: Final = LinkId("km0--km1")
TWIN: Final = ElementName("link/km0--km1")


def network(rate: int = 1_000, burst: int = 16_000, apps: int = 1) -> Blueprint:
    nodes = (NodeId("km0"), NodeId("km1"))
    return Blueprint(
        name="pair",
        topology=Topology(tuple(Node(node) for node in nodes), (QLink(LINK, DeviceId("any")),)),
        slas=(Sla(SlaId("bronze"), 3, BitsPerSecond(rate), Bits(burst)),),
        users=(User(UserId("bob"), SlaId("bronze")),),
        apps=tuple(
            App(
                AppId(f"app{index:02}"),
                UserId("bob"),
                (Endpoint(SaeId(f"a{index}"), nodes[0]), Endpoint(SaeId(f"b{index}"), nodes[1])),
            )
            for index in range(1, apps + 1)
        ),
    )


def told(action: Action) -> list[tuple[str, object]]:
    return [(str(to), message) for to, message in orders(action, network())]


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (OpenApp(APP), [("sae/a1", StartSession(APP)), ("sae/b1", StartSession(APP))]),
        (CloseApp(APP), [("sae/a1", StopSession(APP))]),
        (CutLink(LINK), [("link/km0--km1", CutQuantumChannel(LINK))]),
        (AttackLink(LINK, 0.2), [("link/km0--km1", AttackQuantumChannel(LINK, 0.2))]),
        (HealLink(LINK), [("link/km0--km1", HealQuantumChannel(LINK))]),
        (DistrustNode(NodeId("km0")), [("controller", SetNodeTrust(NodeId("km0"), trusted=False))]),
        (StopElement(TWIN), []),
        (RestartElement(TWIN), []),
        (MessageFaults(drop=0.1), []),
    ],
)
def test_tells_the_elements_concerned(action: Action, expected: list[tuple[str, object]]) -> None:
    assert told(action) == expected


@pytest.mark.parametrize(
    ("masters", "asked"), [("first", ["sae/a1"]), ("second", ["sae/b1"]), ("both", ["sae/a1", "sae/b1"])]
)
def test_lets_the_named_ends_ask_as_master(masters: str, asked: list[str]) -> None:
    asking = AskKeys(APP, 2, Bits(512), 3, seconds(1), masters)
    assert told(asking) == [(name, AskForKeys(APP, 2, Bits(512), 3, seconds(1))) for name in asked]


def test_other_masters_are_a_mistake() -> None:
    with pytest.raises(Mistake, match="'all' is none of first, second, both"):
        told(AskKeys(APP, masters="all"))


def test_an_unknown_app_is_a_mistake() -> None:
    with pytest.raises(Mistake, match="has no app 'app99'"):
        told(OpenApp(AppId("app99")))


def test_every_app_of_a_bare_network_opens_asks_and_closes() -> None:
    scenario = bare(network(apps=2))
    opens, asks, closes = scenario.steps[:2], scenario.steps[2:4], scenario.steps[4:]
    assert [step.action for step in opens] == [OpenApp(APP), OpenApp(AppId("app02"))]
    assert [type(step.action) for step in asks] == [AskKeys, AskKeys]
    assert [step.action for step in closes] == [CloseApp(APP), CloseApp(AppId("app02"))]
    assert scenario.duration > closes[0].at > ASKING_TIME
    assert scenario.expect.sessions_end


def test_a_network_without_apps_has_nothing_to_run() -> None:
    with pytest.raises(Mistake, match="has no apps"):
        bare(network(apps=0))


@given(rate=st.integers(100, 10_000_000), keys_in_burst=st.integers(1, 4_000))
def test_asks_at_the_granted_rate_and_never_above_it(rate: int, keys_in_burst: int) -> None:
    blueprint = network(rate, keys_in_burst * 256)
    asking = at_granted_rate(blueprint.apps[0], blueprint)
    assert 1 <= asking.number <= min(MOST_PER_REQUEST, keys_in_burst)
    bits_per_request = asking.number * 256
    assert bits_per_request * NANOSECONDS_PER_SECOND <= rate * asking.every
    assert asking.every - 1 < bits_per_request * NANOSECONDS_PER_SECOND / rate + 1
    assert asking.times * asking.every <= ASKING_TIME or asking.times == 1


def test_low_rates_ask_for_single_keys_and_high_ones_for_many() -> None:
    low, high = network(), network(1_000_000, 2_560_000)
    assert at_granted_rate(low.apps[0], low).number == 1
    assert at_granted_rate(high.apps[0], high).number == MOST_PER_REQUEST


def test_a_burst_below_one_key_is_a_mistake() -> None:
    blueprint = network(burst=128)
    with pytest.raises(Mistake, match="less than one key"):
        at_granted_rate(blueprint.apps[0], blueprint)


@pytest.mark.parametrize("pairs", [2, 10, 1_000])
def test_both_ends_share_the_pairs_between_them(pairs: int) -> None:
    scenario = both_at_once(network(apps=2), pairs)
    asked = [step.action for step in scenario.steps if isinstance(step.action, AskKeys)]
    assert {action.masters for action in asked} == {"both"}
    assert sum(2 * action.number * action.times for action in asked) == 2 * pairs
    assert scenario.expect.keys == 2 * pairs
    assert scenario.duration > seconds(pairs * 0.256)  # keys of 256 bit at 1 kbit/s


@pytest.mark.parametrize("pairs", [-2, 0, 1, 999])
def test_what_both_ends_cannot_share_is_a_mistake(pairs: int) -> None:
    with pytest.raises(Mistake, match="choose an even number"):
        both_at_once(network(), pairs)
