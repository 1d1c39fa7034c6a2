"""The controller: paper B, 3.2; ETSI GS QKD 015 V2.1.1. It owns the topology; versions are durable, and grow by one."""

from __future__ import annotations

from typing import Final, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from keytwin.control.controller import Controller, LinkKept, NodeKept
from keytwin.control.topology_view import TopologyView
from keytwin.vocabulary.errors import UnexpectedMessage
from keytwin.vocabulary.events import LinkStatusChanged
from keytwin.vocabulary.identity import ADMISSION, MONITORING, ROUTING, DeviceId, LinkId, NodeId, twin_of
from keytwin.vocabulary.machine import Effect, Message, Publish, Record, Save, Send
from keytwin.vocabulary.operator_messages import CutQuantumChannel, SetNodeTrust
from keytwin.vocabulary.topology_messages import (
    AlarmNoted,
    LinkChanged,
    LinkRegistered,
    LinkState,
    LinkStatus,
    LinkStatusNoted,
    NodeChanged,
    NodeState,
    RaiseAlarm,
    RegisterLink,
    ReportLinkStatus,
    RequestTopology,
    TopologySnapshot,
)
from keytwin.vocabulary.units import START, BitsPerSecond
from tests.machines import assert_restorable
from tests.marks import invariant

NODES: Final = (NodeId("a"), NodeId("b"), NodeId("c"))
SUBSCRIBERS: Final = (ROUTING, MONITORING, ADMISSION)  # routing first: it has to know why it is asked
AB, BC = LinkId("a--b"), LinkId("b--c")
REGISTER: Final = RegisterLink(AB, twin_of(AB), BitsPerSecond(1000), 0.02, DeviceId("box"))
PENDING: Final = LinkState(AB, LinkStatus.PENDING, BitsPerSecond(1000), 0.02, DeviceId("box"))

M = TypeVar("M", bound=Message)


def report(sequence: int, status: LinkStatus = LinkStatus.ACTIVE, link: LinkId = AB) -> ReportLinkStatus:
    return ReportLinkStatus(link, twin_of(link), sequence, status, "why")


def alarm(sequence: int, cause: str = "qber", *, is_on: bool = True) -> RaiseAlarm:
    return RaiseAlarm(AB, sequence, cause, is_on)


class Ruled:
    """A controller with a registered link, and what it saved."""

    def __init__(self, *messages: Message) -> None:
        self.controller = Controller(NODES)
        self.controller.restore([], START)
        self.records: list[Record] = []
        for message in (REGISTER, *messages):
            self.give(message)

    def give(self, message: Message) -> list[Effect]:
        effects = self.controller.receive(message, START)
        self.records += [effect.record for effect in effects if isinstance(effect, Save)]
        return effects

    def snapshot(self) -> TopologySnapshot:
        ((_, snapshot),) = sent(self.give(RequestTopology(ROUTING)), TopologySnapshot)
        return snapshot

    def status(self) -> LinkStatus:
        return self.snapshot().links[0].status


def sent(effects: list[Effect], kind: type[M]) -> list[tuple[str, M]]:
    sends = [(effect.to, effect.message) for effect in effects if isinstance(effect, Send)]
    return [(to, message) for to, message in sends if isinstance(message, kind)]


def test_a_link_is_registered_as_pending_durably_and_told_to_everybody() -> None:
    controller = Controller(NODES)
    controller.restore([], START)
    effects = controller.receive(REGISTER, START)
    assert effects == [
        Save(LinkKept(1, PENDING, LinkStatus.PENDING, 0, {})),
        *(Send(subscriber, LinkChanged(1, PENDING)) for subscriber in SUBSCRIBERS),
        Send(twin_of(AB), LinkRegistered(AB)),
    ]


def test_a_repeated_registration_is_acknowledged_and_changes_nothing() -> None:
    ruled = Ruled(report(1))
    assert ruled.give(REGISTER) == [Send(twin_of(AB), LinkRegistered(AB))]
    assert ruled.snapshot().version == 2


def test_a_registration_with_other_figures_keeps_the_status() -> None:
    ruled = Ruled(report(1))
    ruled.give(replace(REGISTER, rate=BitsPerSecond(5)))
    (link,) = ruled.snapshot().links
    assert (link.rate, link.status) == (5, LinkStatus.ACTIVE)


def test_a_link_to_nowhere_is_refused() -> None:
    with pytest.raises(UnexpectedMessage, match="x--y ends at x and y, which the network does not have"):
        Ruled(replace(REGISTER, link=LinkId("x--y")))


def test_a_status_is_told_published_and_acknowledged() -> None:
    effects = Ruled().give(report(1, LinkStatus.OFF))
    off = replace(PENDING, status=LinkStatus.OFF, is_dark=True)
    assert [message for _, message in sent(effects, LinkChanged)] == [LinkChanged(2, off)] * 3
    assert Publish(LinkStatusChanged(AB, "OFF", "why")) in effects
    assert effects[-1] == Send(twin_of(AB), LinkStatusNoted(AB, 1))


@pytest.mark.parametrize("sequence", [1, 2])
def test_an_old_or_repeated_report_is_acknowledged_with_the_newest(sequence: int) -> None:
    ruled = Ruled(report(2, LinkStatus.OFF))
    assert ruled.give(report(sequence)) == [Send(twin_of(AB), LinkStatusNoted(AB, 2))]
    assert ruled.status() is LinkStatus.OFF


def test_a_report_before_the_registration_waits_for_its_repeat() -> None:
    assert Ruled().give(report(1, link=BC)) == []


def test_a_report_of_the_same_status_makes_no_version_but_its_number_is_durable() -> None:
    ruled = Ruled(report(1))
    effects = ruled.give(report(2))
    assert [type(effect) for effect in effects] == [Save, Send]
    assert ruled.snapshot().version == 2


def test_routing_hears_first() -> None:
    controller = Controller(NODES)
    told = [effect.to for effect in controller.receive(REGISTER, START) if isinstance(effect, Send)]
    assert told[: len(SUBSCRIBERS)] == [*SUBSCRIBERS]


# --- alarms ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cause", ["qber", "probe loss"])
def test_a_doubtful_link_is_passive_until_the_alarm_is_over(cause: str) -> None:
    ruled = Ruled(report(1))
    effects = ruled.give(alarm(10, cause))
    assert Publish(LinkStatusChanged(AB, "PASSIVE", f"{cause} alarm")) in effects
    assert effects[-1] == Send(MONITORING, AlarmNoted(AB, cause, 10))
    effects = ruled.give(alarm(11, cause, is_on=False))
    assert Publish(LinkStatusChanged(AB, "ACTIVE", f"{cause} alarm over")) in effects


def test_two_alarms_must_both_be_over() -> None:
    ruled = Ruled(report(1), alarm(10), alarm(11, "probe loss"), alarm(12, is_on=False))
    assert ruled.status() is LinkStatus.PASSIVE
    ruled.give(alarm(13, "probe loss", is_on=False))
    assert ruled.status() is LinkStatus.ACTIVE


def test_a_low_stock_takes_no_link_out_of_use() -> None:
    ruled = Ruled(report(1), alarm(10, "stock"))
    assert ruled.status() is LinkStatus.ACTIVE


def test_an_alarm_does_not_light_a_dark_link() -> None:
    ruled = Ruled(report(1), alarm(10), report(2, LinkStatus.OFF))
    assert ruled.status() is LinkStatus.OFF
    ruled.give(alarm(11, is_on=False))
    assert ruled.status() is LinkStatus.OFF


def test_a_link_that_reports_active_stays_passive_under_an_alarm() -> None:
    ruled = Ruled(report(1), alarm(10), report(2, LinkStatus.OFF), report(3))
    assert ruled.status() is LinkStatus.PASSIVE


def test_an_older_alarm_is_noted_but_not_believed() -> None:
    ruled = Ruled(report(1), alarm(10), alarm(11, is_on=False))
    assert ruled.give(alarm(10)) == [Send(MONITORING, AlarmNoted(AB, "qber", 11))]
    assert ruled.status() is LinkStatus.ACTIVE


def test_an_alarm_on_a_link_that_nobody_registered_waits_for_its_repeat() -> None:
    assert Ruled().give(replace(alarm(10), link=BC)) == []


# --- nodes ----------------------------------------------------------------------------------------------------------


def test_trust_is_told_and_durable() -> None:
    ruled = Ruled()
    state = NodeState(NodeId("b"), trusted=False)
    assert ruled.give(SetNodeTrust(NodeId("b"), trusted=False)) == [
        Save(NodeKept(2, state)),
        *(Send(subscriber, NodeChanged(2, state)) for subscriber in SUBSCRIBERS),
    ]
    assert ruled.give(SetNodeTrust(NodeId("b"), trusted=False)) == []


def test_a_node_that_is_not_there_cannot_be_trusted() -> None:
    with pytest.raises(UnexpectedMessage, match="there is no node x"):
        Ruled(SetNodeTrust(NodeId("x"), trusted=True))


def test_the_controller_takes_nothing_else() -> None:
    with pytest.raises(UnexpectedMessage):
        Ruled(CutQuantumChannel(AB))


# --- restart --------------------------------------------------------------------------------------------------------


def test_a_device_that_makes_no_key_for_now_leaves_a_link_with_stock() -> None:
    ruled = Ruled(report(1), report(2, LinkStatus.PASSIVE))
    assert ruled.status() is LinkStatus.PASSIVE
    assert ruled.snapshot().links[0].is_stocked
    ruled.give(REGISTER)
    assert ruled.snapshot().links[0].is_stocked


def test_an_alarm_makes_the_stock_doubtful_too() -> None:
    ruled = Ruled(report(1), report(2, LinkStatus.PASSIVE), alarm(1))
    assert not ruled.snapshot().links[0].is_stocked
    ruled.give(alarm(2, is_on=False))
    assert ruled.snapshot().links[0].is_stocked
    ruled.give(report(3))
    assert (ruled.status(), ruled.snapshot().links[0].is_stocked) == (LinkStatus.ACTIVE, False)


def test_a_restarted_controller_goes_on_with_the_version_and_tells_everybody() -> None:
    ruled = Ruled(report(1), alarm(10), SetNodeTrust(NodeId("b"), trusted=False))
    again = Controller(NODES)
    effects = again.restore(ruled.records, START)
    taken_up = Publish(LinkStatusChanged(AB, LinkStatus.PASSIVE.value, "taken up again"))
    assert effects == [taken_up, *(Send(subscriber, ruled.snapshot()) for subscriber in SUBSCRIBERS)]
    assert again.receive(alarm(11, is_on=False), START)[0] == Save(
        LinkKept(5, replace(PENDING, status=LinkStatus.ACTIVE), LinkStatus.ACTIVE, 1, {"qber": (11, False)})
    )


def test_any_prefix_of_the_records_gives_a_controller() -> None:
    ruled = Ruled(report(1), alarm(10), SetNodeTrust(NodeId("b"), trusted=False))
    assert len(ruled.records) == 4
    assert_restorable(lambda: Controller(NODES), ruled.records, lambda _: [])


MESSAGES: Final = st.lists(
    st.one_of(
        st.builds(report, st.integers(1, 6), st.sampled_from(LinkStatus)),
        st.builds(alarm, st.integers(1, 6), st.sampled_from(("qber", "stock")), is_on=st.booleans()),
        st.builds(SetNodeTrust, st.sampled_from(NODES), st.booleans()),
        st.just(REGISTER),
    ),
    max_size=15,
)


@invariant("C3")
@settings(max_examples=60)
@given(MESSAGES)
def test_versions_grow_by_one_and_a_follower_that_misses_nothing_needs_no_snapshot(messages: list[Message]) -> None:
    ruled = Ruled()
    view = TopologyView(ROUTING)
    view.take(ruled.snapshot(), START)
    for message in messages:
        for to, change in [*sent(ruled.give(message), LinkChanged)]:
            if to == ROUTING:
                assert change.version == view.version + 1
                view.take(change, START)
        snapshot = ruled.snapshot()
        if snapshot.version != view.version:  # a node changed
            view.take(snapshot, START)
        assert (snapshot.version, snapshot.links) == (view.version, tuple(view.links.values()))
    restored = Controller(NODES)
    assert Send(ROUTING, ruled.snapshot()) in restored.restore(ruled.records, START)
