"""Controllers of several nodes: each owns its part, all come to know the whole, whatever was lost or restarted."""

from __future__ import annotations

from keytwin.control.controller import SHARE_PERIOD, Controller, ShareDue
from keytwin.vocabulary.identity import DeviceId, LinkId, NodeId, twin_of
from keytwin.vocabulary.machine import Effect, Message, Record, Save, Send, StartTimer
from keytwin.vocabulary.operator_messages import SetNodeTrust
from keytwin.vocabulary.placement import Seat
from keytwin.vocabulary.topology_messages import (
    LinkChanged,
    LinkStatus,
    NodeChanged,
    RegisterLink,
    ReportLinkStatus,
    RequestTopology,
    TopologyShared,
    TopologySnapshot,
)
from keytwin.vocabulary.units import START, BitsPerSecond

A, B = NodeId("a"), NodeId("b")
NODES = (A, B)
AB = LinkId("a--b")
REGISTER = RegisterLink(AB, twin_of(AB), BitsPerSecond(1_000), 0.02, DeviceId("box"))


def controller(node: NodeId, records: list[Record] | None = None) -> tuple[Controller, list[Effect]]:
    made = Controller(NODES, Seat(node, NODES))
    return made, made.restore(records or [], START)


def shared(effects: list[Effect]) -> list[TopologyShared]:
    return [e.message for e in effects if isinstance(e, Send) and isinstance(e.message, TopologyShared)]


def told(effects: list[Effect], kind: type[Message]) -> list[str]:
    return [e.to for e in effects if isinstance(e, Send) and isinstance(e.message, kind)]


def snapshot(of: Controller) -> TopologySnapshot:
    (answer,) = of.receive(RequestTopology(twin_of(AB)), START)
    assert isinstance(answer, Send)
    assert isinstance(answer.message, TopologySnapshot)
    return answer.message


def test_a_change_is_told_to_the_own_node_s_control_and_to_the_other_controllers() -> None:
    one, _ = controller(A)
    effects = one.receive(REGISTER, START)
    assert told(effects, LinkChanged) == ["routing/a", "monitoring/a", "admission/a"]
    assert told(effects, TopologyShared) == ["controller/b"]


def test_another_one_takes_it_over_and_tells_its_own() -> None:
    (one, _), (other, _) = controller(A), controller(B)
    (message,) = shared(one.receive(REGISTER, START))
    effects = other.receive(message, START)
    assert told(effects, LinkChanged) == ["routing/b", "monitoring/b", "admission/b"]
    assert snapshot(other).links == snapshot(one).links
    assert other.receive(message, START) == []


def test_an_older_picture_does_not_replace_a_newer_one() -> None:
    (one, _), (other, _) = controller(A), controller(B)
    (old,) = shared(one.receive(REGISTER, START))
    report = ReportLinkStatus(AB, twin_of(AB), 1, LinkStatus.ACTIVE, "first block")
    (new,) = shared(one.receive(report, START))
    other.receive(new, START)
    other.receive(old, START)
    assert snapshot(other).links[0].status is LinkStatus.ACTIVE


def test_what_was_lost_comes_again_by_itself() -> None:
    (one, started), (other, _) = controller(A), controller(B)
    assert StartTimer("share", SHARE_PERIOD, ShareDue()) in started
    one.receive(REGISTER, START)  # nobody hears it
    effects = one.receive(ShareDue(), START)
    assert StartTimer("share", SHARE_PERIOD, ShareDue()) in effects
    other.receive(shared(effects)[0], START)
    assert snapshot(other).links == snapshot(one).links


def test_one_that_has_just_started_is_told_at_once() -> None:
    one, _ = controller(A)
    one.receive(REGISTER, START)
    other, started = controller(B)
    (greeting,) = shared(started)
    assert greeting.is_new
    (answer,) = shared(one.receive(greeting, START))
    assert not answer.is_new
    other.receive(answer, START)
    assert snapshot(other).links == snapshot(one).links


def test_a_restart_keeps_what_others_had_told() -> None:
    (one, _), (other, _) = controller(A), controller(B)
    effects = other.receive(shared(one.receive(REGISTER, START))[0], START)
    records = [effect.record for effect in effects if isinstance(effect, Save)]
    again, _ = controller(B, records)
    assert snapshot(again).links == snapshot(one).links


def test_nobody_is_believed_about_a_link_that_begins_elsewhere() -> None:
    (one, _), (other, _) = controller(A), controller(B)
    (message,) = shared(one.receive(REGISTER, START))
    forged = TopologyShared(B, 5, snapshot(other).nodes[1], message.links)
    third, _ = controller(A)
    third.receive(forged, START)
    assert snapshot(third).links == ()


def test_trust_is_told_like_links() -> None:
    (one, _), (other, _) = controller(A), controller(B)
    (message,) = shared(one.receive(SetNodeTrust(A, trusted=False), START))
    effects = other.receive(message, START)
    assert told(effects, NodeChanged) == ["routing/b", "monitoring/b", "admission/b"]
    assert [node.trusted for node in snapshot(other).nodes] == [False, True]


def test_one_controller_for_all_shares_nothing() -> None:
    alone = Controller(NODES)
    assert not any(isinstance(effect, StartTimer) for effect in alone.restore([], START))
    assert shared(alone.receive(REGISTER, START)) == []
