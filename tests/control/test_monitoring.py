"""The monitoring element: paper B, 3.2. Figures to those who plan, quick and repeated warning to the controller."""

from __future__ import annotations

from typing import Final, TypeVar

import pytest

from keytwin.control import monitoring
from keytwin.control.alarms import IN_A_ROW
from keytwin.control.monitoring import ALARM_REPEAT, Monitoring, MonitoringSweep
from keytwin.vocabulary.blueprint import MonitoringSettings
from keytwin.vocabulary.errors import Oversize, UnexpectedMessage
from keytwin.vocabulary.events import AlarmRaised, StockSeen
from keytwin.vocabulary.identity import ADMISSION, CONTROLLER, MONITORING, ROUTING, DeviceId, LinkId, NodeId
from keytwin.vocabulary.link_messages import (
    LinkMeasured,
    LinkPerformance,
    ProbeReported,
    StockReported,
    SubscribePerformance,
)
from keytwin.vocabulary.machine import Effect, Event, Message, Publish, Send
from keytwin.vocabulary.operator_messages import CutQuantumChannel
from keytwin.vocabulary.topology_messages import (
    AlarmNoted,
    LinkState,
    LinkStatus,
    NodeState,
    RaiseAlarm,
    RequestTopology,
    TopologySnapshot,
)
from keytwin.vocabulary.units import START, Bits, BitsPerSecond, Instant, after, milliseconds, seconds

LINK: Final = LinkId("a--b")
A, B = NodeId("a"), NodeId("b")
SETTINGS: Final = MonitoringSettings()

M = TypeVar("M", bound=Message)
E = TypeVar("E", bound=Event)


class Watched:
    """A monitoring element and one link."""

    def __init__(self, status: LinkStatus | None = LinkStatus.ACTIVE) -> None:
        self.now = Instant(seconds(100))
        self.machine = Monitoring(SETTINGS)
        self.started = self.machine.restore([], self.now)
        self.number = 0
        self.version = 0
        if status is not None:
            self.status(status)

    def give(self, message: Message, wait: int = milliseconds(10)) -> list[Effect]:
        self.now = after(self.now, wait)
        return self.machine.receive(message, self.now)

    def status(self, status: LinkStatus) -> list[Effect]:
        self.version += 1
        state = LinkState(LINK, status, BitsPerSecond(1000), 0.02, DeviceId("box"))
        return self.give(TopologySnapshot(self.version, (NodeState(A), NodeState(B)), (state,)))

    def block(self, rate: int = 1000, qber: float = 0.02, wait: int = milliseconds(10)) -> list[Effect]:
        self.number += 1
        return self.give(LinkMeasured(LINK, self.number, BitsPerSecond(rate), qber), wait)

    def stock(self, node: NodeId, stock: int) -> list[Effect]:
        return self.give(StockReported(LINK, node, Bits(stock), Bits(10**6)))

    def probe(self, *, is_lost: bool) -> list[Effect]:
        self.number += 1
        return self.give(ProbeReported(LINK, A, self.number, None if is_lost else milliseconds(1), Bits(0)))

    def sweep(self, wait: int) -> list[Effect]:
        return self.give(MonitoringSweep(), wait)


def sent(effects: list[Effect], kind: type[M]) -> list[M]:
    messages = [effect.message for effect in effects if isinstance(effect, Send)]
    return [message for message in messages if isinstance(message, kind)]


def published(effects: list[Effect], kind: type[E]) -> list[E]:
    events = [effect.event for effect in effects if isinstance(effect, Publish)]
    return [event for event in events if isinstance(event, kind)]


# --- performance ----------------------------------------------------------------------------------------------------


def test_the_first_block_is_told_to_routing_and_admission_and_published() -> None:
    watched = Watched()
    effects = watched.block()
    seen = LinkPerformance(LINK, watched.now, BitsPerSecond(1000), 0.02, (None, None), None, 0.0)
    assert effects[:2] == [Send(ROUTING, seen), Send(ADMISSION, seen)]
    assert published(effects, StockSeen) == [StockSeen(LINK, BitsPerSecond(1000), 0.02, (None, None))]


def test_a_first_block_without_key_does_not_count_as_a_link_without_rate() -> None:
    seen = sent(Watched().block(rate=0), LinkPerformance)
    assert {picture.rate for picture in seen} == {750}


def test_blocks_that_are_much_the_same_are_not_told() -> None:
    watched = Watched()
    watched.block()
    told = [effect for number in range(20) for effect in watched.block(1000 + number % 7, wait=seconds(5))]
    assert sent(told, LinkPerformance) == []


def test_changes_are_told_no_more_often_than_the_report_period_but_the_last_one_surely() -> None:
    watched = Watched()
    watched.block()
    quick = [effect for rate in (2000, 4000, 8000) for effect in watched.block(rate)]
    assert sent(quick, LinkPerformance) == []
    late = watched.sweep(SETTINGS.report_period)
    assert [seen.rate for seen in sent(late, LinkPerformance)] == [3452, 3452]
    assert sent(watched.sweep(SETTINGS.report_period), LinkPerformance) == []


def test_who_subscribes_gets_all_links() -> None:
    watched = Watched()
    watched.block()
    watched.stock(A, 5000)
    seen_at = watched.now
    (effect,) = watched.give(SubscribePerformance(ROUTING))
    seen = LinkPerformance(LINK, seen_at, BitsPerSecond(1000), 0.02, (Bits(5000), None), None, 0.0)
    assert effect == Send(ROUTING, seen)


def test_links_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitoring, "MOST_LINKS", 2)
    watched = Watched()
    for name in "pq":
        watched.give(StockReported(LinkId(f"a--{name}"), A, Bits(1), Bits(1)))
    with pytest.raises(Oversize):
        watched.give(StockReported(LinkId("a--r"), A, Bits(1), Bits(1)))


# --- alarms ---------------------------------------------------------------------------------------------------------


def test_a_noisy_link_is_told_to_the_controller_at_once_and_taken_back_when_it_is_calm() -> None:
    watched = Watched()
    (raised,) = sent(watched.block(qber=0.1), RaiseAlarm)
    assert (raised.link, raised.cause, raised.is_on) == (LINK, "qber", True)
    assert sent(watched.block(qber=0.075), RaiseAlarm) == []
    effects = watched.block(qber=0.02)
    (over,) = sent(effects, RaiseAlarm)
    assert (over.cause, over.is_on) == ("qber", False)
    assert over.sequence > raised.sequence
    assert published(effects, AlarmRaised) == [AlarmRaised(LINK, "QBER above 8.0%", is_on=False)]


def test_an_alarm_is_published_once_and_repeated_until_it_is_noted() -> None:
    watched = Watched()
    effects = watched.block(qber=0.1)
    (raised,) = sent(effects, RaiseAlarm)
    assert len(published(effects, AlarmRaised)) == 1
    for _ in range(3):
        effects = watched.sweep(ALARM_REPEAT)
        assert sent(effects, RaiseAlarm) == [raised]
        assert published(effects, AlarmRaised) == []
    watched.give(AlarmNoted(LINK, "qber", raised.sequence))
    assert sent(watched.sweep(ALARM_REPEAT), RaiseAlarm) == []


def test_a_late_note_of_an_older_alarm_does_not_stop_the_newer_one() -> None:
    watched = Watched()
    (raised,) = sent(watched.block(qber=0.1), RaiseAlarm)
    (over,) = sent(watched.block(qber=0.02), RaiseAlarm)
    watched.give(AlarmNoted(LINK, "qber", raised.sequence))
    assert sent(watched.sweep(ALARM_REPEAT), RaiseAlarm) == [over]


def test_lost_probes_are_an_alarm_until_they_are_answered_again() -> None:
    watched = Watched()
    effects = [effect for _ in range(4) for effect in watched.probe(is_lost=True)]
    assert [raised.cause for raised in sent(effects, RaiseAlarm)] == ["probe loss"]
    effects = [effect for _ in range(8) for effect in watched.probe(is_lost=False)]
    assert [raised.is_on for raised in sent(effects, RaiseAlarm)] == [False]


def test_a_key_manager_that_answers_nobody_is_told_in_words_beside_the_alarm_of_each_link() -> None:
    watched = Watched()
    effects = [effect for _ in range(IN_A_ROW) for effect in watched.probe(is_lost=True)]
    alarm = AlarmRaised(LINK, "active tests unanswered, 3 in a row or more than 50%", is_on=True)
    assert published(effects, AlarmRaised) == [alarm, AlarmRaised(LINK, "b does not answer", is_on=True)]
    effects = watched.probe(is_lost=False)
    assert published(effects, AlarmRaised) == [AlarmRaised(LINK, "b does not answer", is_on=False)]


def test_a_low_stock_is_an_alarm_with_the_stock_in_it_on_an_active_link_only() -> None:
    watched = Watched(LinkStatus.PENDING)
    for effects in (watched.block(), watched.stock(A, 100), watched.stock(B, 10**6)):
        assert sent(effects, RaiseAlarm) == []
    (raised,) = sent(watched.status(LinkStatus.ACTIVE), RaiseAlarm)
    assert (raised.cause, raised.is_on, raised.stock) == ("stock", True, 100)


def test_a_restarted_element_takes_back_what_an_earlier_one_raised() -> None:
    """The controller holds the link out of use until somebody tells that it is in order."""
    watched = Watched(status=None)
    assert sent(watched.block(qber=0.02), RaiseAlarm) == []  # the status of the link is not known yet
    told = {over.cause: over.is_on for over in sent(watched.status(LinkStatus.PASSIVE), RaiseAlarm)}
    assert told == {"qber": False, "stock": False}


def test_a_fine_link_is_not_talked_about() -> None:
    watched = Watched()
    effects = [*watched.block(), *watched.stock(A, 10**6), *watched.stock(B, 10**6)]
    effects += [effect for _ in range(8) for effect in watched.probe(is_lost=False)]
    assert sent(effects, RaiseAlarm) == []


def test_it_begins_by_asking_for_the_topology() -> None:
    assert Watched(status=None).started[0] == Send(CONTROLLER, RequestTopology(MONITORING))


def test_monitoring_takes_nothing_else() -> None:
    with pytest.raises(UnexpectedMessage):
        Monitoring(SETTINGS).receive(CutQuantumChannel(LINK), START)
