"""Following the topology by versions: whatever is lost, doubled or overtaken, a view is never wrong, only late."""

from __future__ import annotations

import random
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from keytwin.control.topology_view import (
    TOPOLOGY_LIFETIME,
    TOPOLOGY_PERIOD,
    TOPOLOGY_RETRY,
    Changes,
    TopologyMessage,
    TopologyView,
)
from keytwin.vocabulary.identity import CONTROLLER, ROUTING, DeviceId, LinkId, NodeId
from keytwin.vocabulary.machine import Send
from keytwin.vocabulary.topology_messages import (
    LinkChanged,
    LinkState,
    LinkStatus,
    NodeChanged,
    NodeState,
    RequestTopology,
    TopologySnapshot,
)
from keytwin.vocabulary.units import START, BitsPerSecond, Instant, after, seconds
from tests.marks import invariant

AB, BC = LinkId("a--b"), LinkId("b--c")
A, B = NodeState(NodeId("a")), NodeState(NodeId("b"))
ASK: Final = [Send(CONTROLLER, RequestTopology(ROUTING))]
NOTHING: Final = Changes()


def link(name: LinkId, status: LinkStatus = LinkStatus.ACTIVE) -> LinkState:
    return LinkState(name, status, BitsPerSecond(1000), 0.02, DeviceId("box"))


def known(version: int = 3) -> TopologyView:
    view = TopologyView(ROUTING)
    view.take(TopologySnapshot(version, (A, B), (link(AB),)), START)
    return view


def test_at_first_nothing_is_known_and_it_asks_until_it_is() -> None:
    view = TopologyView(ROUTING)
    assert not view.is_known
    assert not view.is_stale(Instant(10**15))
    assert view.request(START) == ASK
    assert view.request(START) == []
    assert view.request(after(START, TOPOLOGY_RETRY)) == ASK


def test_a_snapshot_answers_and_is_asked_for_again_after_a_while() -> None:
    view = known()
    assert view.is_known
    assert view.request(Instant(TOPOLOGY_PERIOD - 1)) == []
    assert view.request(Instant(TOPOLOGY_PERIOD)) == ASK


def test_the_next_version_is_taken() -> None:
    view = known()
    dark = link(AB, LinkStatus.OFF)
    assert view.take(LinkChanged(4, dark), START) == Changes(links=(dark,))
    assert view.take(NodeChanged(5, NodeState(NodeId("a"), trusted=False)), START).nodes[0].node == "a"
    assert not view.is_working(AB)
    assert not view.is_trusted(NodeId("a"))
    assert view.version == 5


@pytest.mark.parametrize("version", [1, 3])
def test_a_duplicate_or_late_change_is_ignored(version: int) -> None:
    view = known()
    assert view.take(LinkChanged(version, link(AB, LinkStatus.OFF)), START) == NOTHING
    assert view.is_working(AB)


def test_after_a_gap_it_asks_at_once_but_not_once_a_message() -> None:
    view = known()
    assert view.take(LinkChanged(5, link(AB, LinkStatus.OFF)), Instant(seconds(1))) == NOTHING
    assert view.request(Instant(seconds(1))) == ASK
    view.take(LinkChanged(6, link(AB)), Instant(seconds(1) + 5))
    assert view.request(Instant(seconds(1) + 5)) == []


def test_a_snapshot_of_an_older_version_is_ignored() -> None:
    view = known(3)
    assert view.take(TopologySnapshot(2, (), ()), START) == NOTHING
    assert view.is_working(AB)


def test_a_snapshot_tells_only_what_is_different() -> None:
    view = known()
    changes = view.take(TopologySnapshot(9, (A, B), (link(AB), link(BC))), START)
    assert changes == Changes(links=(link(BC),))


def test_a_link_that_a_snapshot_lacks_counts_as_off() -> None:
    view = known()
    assert view.take(TopologySnapshot(9, (A, B), ()), START) == Changes(links=(link(AB, LinkStatus.OFF),))
    assert not view.is_working(AB)


@pytest.mark.parametrize(
    ("status", "works"),
    [
        (LinkStatus.ACTIVE, True),
        (LinkStatus.PENDING, True),
        (LinkStatus.PASSIVE, False),
        (LinkStatus.OFF, False),
    ],
)
def test_a_link_works_when_it_makes_key_or_is_about_to(status: LinkStatus, *, works: bool) -> None:
    view = known()
    view.take(LinkChanged(4, link(AB, status)), START)
    assert view.is_working(AB) is works


def test_a_link_works_on_its_stock_until_there_is_light_again() -> None:
    view = known()
    view.take(LinkChanged(4, replace(link(AB, LinkStatus.PASSIVE), is_stocked=True)), START)
    assert view.is_working(AB)
    assert view.take(TopologySnapshot(9, (A, B), ()), START) == Changes(links=(link(AB, LinkStatus.OFF),))


@invariant("C3")
def test_a_topology_that_nobody_has_confirmed_for_long_is_stale() -> None:
    view = known()
    assert not view.is_stale(Instant(TOPOLOGY_LIFETIME))
    assert view.is_stale(Instant(TOPOLOGY_LIFETIME + 1))
    view.take(TopologySnapshot(3, (A, B), (link(AB),)), Instant(TOPOLOGY_LIFETIME))
    assert not view.is_stale(Instant(TOPOLOGY_LIFETIME + 1))
    assert view.age(Instant(2 * TOPOLOGY_LIFETIME)) == "the topology is 60 s old: the controller does not answer"


STATES: Final = st.lists(st.tuples(st.sampled_from((AB, BC)), st.sampled_from(LinkStatus)), min_size=1, max_size=12)


@settings(max_examples=60)
@given(STATES, st.randoms(use_true_random=False))
def test_any_loss_and_order_leaves_a_true_picture_of_some_version(
    states: list[tuple[LinkId, LinkStatus]], dice: random.Random
) -> None:
    history: list[dict[LinkId, LinkState]] = [{}]
    messages: list[TopologyMessage] = [TopologySnapshot(0, (A, B), ())]
    for version, (name, status) in enumerate(states, start=1):
        history.append(history[-1] | {name: link(name, status)})
        messages.append(LinkChanged(version, link(name, status)))
        messages.append(TopologySnapshot(version, (A, B), tuple(history[-1].values())))
    view = TopologyView(ROUTING)
    arriving = [dice.choice(messages) for _ in range(dice.randrange(30))]
    for message in arriving:
        before, older = view.version, dict(view.links)
        changes = view.take(message, START)
        assert view.version >= before
        assert view.links == (history[view.version] if view.is_known else {})
        assert {state.link for state in changes.links} >= {
            name for name in {*older, *view.links} if older.get(name) != view.links.get(name)
        }
    view.take(messages[-1], START)
    assert view.links == history[-1]
