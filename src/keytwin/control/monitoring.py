"""Monitoring: statistics of the QKD modules, active tests, quick warning of failure or attack. Paper B, 3.2.

It keeps the latest figures of each link, tells routing and admission of noticeable changes only, and repeats an alarm
to the controller until that has noted it. It saves nothing: after a restart the next reports fill it again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from keytwin.control.agenda import Agenda
from keytwin.control.alarms import NO_RATE, Alarm, Watch, describe, is_noticeable, judge
from keytwin.control.silence import Silence
from keytwin.control.topology_view import TopologyMessage, TopologyView
from keytwin.vocabulary.blueprint import MonitoringSettings
from keytwin.vocabulary.errors import Oversize, UnexpectedMessage
from keytwin.vocabulary.events import AlarmRaised, StockSeen
from keytwin.vocabulary.identity import ADMISSION, ROUTING, LinkId, link_ends
from keytwin.vocabulary.link_messages import (
    LinkMeasured,
    LinkPerformance,
    ProbeReported,
    StockReported,
    SubscribePerformance,
)
from keytwin.vocabulary.machine import Effect, Message, Publish, Record, Send
from keytwin.vocabulary.placement import CENTRAL, Seat
from keytwin.vocabulary.topology_messages import (
    AlarmNoted,
    LinkChanged,
    LinkStatus,
    NodeChanged,
    RaiseAlarm,
    TopologySnapshot,
)
from keytwin.vocabulary.units import Instant, after, seconds

MOST_LINKS: Final = 65_536
ALARM_REPEAT: Final = seconds(1)

_TOPOLOGY: Final = "topology"
_ALARMS: Final = "alarms"

Report = LinkMeasured | StockReported | ProbeReported
_CONCERNED: Final[dict[type[Report], tuple[Alarm, ...]]] = {
    LinkMeasured: (Alarm.QBER, Alarm.STOCK),  # no stock is low before the first block
    StockReported: (Alarm.STOCK,),
    ProbeReported: (Alarm.LOSS,),
}


class MonitoringSweep(Message, frozen=True, gc=False):
    """To oneself: something is due."""


@dataclass(slots=True)
class _Told:
    picture: LinkPerformance
    at: Instant


class Monitoring:
    """Watches all links; where control is per node, those that begin at its node."""

    def __init__(self, settings: MonitoringSettings, seat: Seat = CENTRAL) -> None:
        self._settings: Final = settings
        self._seat: Final = seat
        self._audience: Final = (*seat.everywhere(ROUTING), *seat.everywhere(ADMISSION))
        self._view: Final = TopologyView(seat.monitoring, seat.controller)
        self._agenda: Final = Agenda("sweep", MonitoringSweep())
        self._watches: Final[dict[LinkId, Watch]] = {}
        self._silence: Final = Silence()
        self._told: Final[dict[LinkId, _Told]] = {}
        self._alarms: Final[dict[tuple[LinkId, Alarm], bool]] = {}  # what the controller was told since the start
        self._unnoted: Final[dict[tuple[LinkId, str], RaiseAlarm]] = {}
        self._sequence = 0

    def restore(self, records: Iterable[Record], now: Instant) -> list[Effect]:
        self._agenda.put(_TOPOLOGY, now)
        return [*self._sweep(now), *self._agenda.arm(now)]

    def receive(self, message: Message, now: Instant) -> list[Effect]:
        match message:
            case LinkMeasured() | StockReported() | ProbeReported():
                effects = self._note(message, now)
            case TopologySnapshot() | LinkChanged() | NodeChanged():
                effects = self._follow(message, now)
            case SubscribePerformance():
                effects = [Send(message.reply_to, watch.picture()) for watch in self._watches.values()]
            case AlarmNoted():
                effects = self._settle(message)
            case MonitoringSweep():
                effects = self._sweep(now)
            case _:
                raise UnexpectedMessage(f"monitoring does not take {type(message).__name__}")
        return [*effects, *self._agenda.arm(now)]

    def _note(self, report: Report, now: Instant) -> list[Effect]:
        watch = self._watches.get(report.link) or self._new_watch(report.link)
        watch.heard_at = now
        effects: list[Effect] = []
        match report:
            case LinkMeasured():
                state = self._view.links.get(report.link)
                watch.measure(report, NO_RATE if state is None else state.rate)
            case StockReported():
                watch.stock(report)
            case ProbeReported():
                watch.probe(report)
                effects = [effect for node in link_ends(report.link) for effect in self._silence.review(node)]
        return [*self._tell(watch, now), *self._warn(watch, _CONCERNED[type(report)], now), *effects]

    def _new_watch(self, link: LinkId) -> Watch:
        if len(self._watches) >= MOST_LINKS:
            raise Oversize(f"monitoring watches {MOST_LINKS} links and no more")
        self._watches[link] = watch = Watch(link)
        self._silence.add(watch)
        return watch

    def _follow(self, message: TopologyMessage, now: Instant) -> list[Effect]:
        changes = self._view.take(message, now)
        self._agenda.put(_TOPOLOGY, self._view.request_at)
        watches = [self._watches[state.link] for state in changes.links if state.link in self._watches]
        return [effect for watch in watches for effect in self._warn(watch, tuple(Alarm), now)]

    # --- performance ------------------------------------------------------------------------------------------------

    def _tell(self, watch: Watch, now: Instant) -> list[Effect]:
        """Tell a noticeable change, no more often than the report period."""
        # Compared with what was told, not with the last figures: slow drift is noticed too.
        picture, told = watch.picture(), self._told.get(watch.link)
        if not is_noticeable(picture, None if told is None else told.picture):
            return []
        due = now if told is None else after(told.at, self._settings.report_period)
        if due > now:
            self._agenda.put(watch.link, due)
            return []
        self._told[watch.link] = _Told(picture, now)
        seen = StockSeen(watch.link, picture.rate, picture.qber, picture.stocks)
        return [*(Send(each, picture) for each in self._audience), Publish(seen)]

    # --- alarms -----------------------------------------------------------------------------------------------------

    def _warn(self, watch: Watch, alarms: tuple[Alarm, ...], now: Instant) -> list[Effect]:
        state = self._view.links.get(watch.link)
        status = None if state is None else state.status
        effects: list[Effect] = []
        for alarm in alarms:
            was_on = self._alarms.get((watch.link, alarm))
            is_active = status is LinkStatus.ACTIVE
            is_on = judge(alarm, watch, self._settings, is_on=bool(was_on), is_active=is_active)
            if is_on is None or is_on is was_on:
                continue
            if not is_on and was_on is None and status is not LinkStatus.PASSIVE:
                continue  # nothing to take back, unless an earlier incarnation raised it and the controller waits
            self._alarms[watch.link, alarm] = is_on
            if is_on or was_on:
                effects.append(Publish(AlarmRaised(watch.link, describe(alarm, self._settings), is_on)))
            effects += self._raise(watch, alarm, now, is_on=is_on)
        return effects

    def _raise(self, watch: Watch, alarm: Alarm, now: Instant, *, is_on: bool) -> list[Effect]:
        self._sequence = max(self._sequence + 1, now)  # goes on growing after a restart
        stock = min(watch.stocks.values()) if alarm is Alarm.STOCK and watch.stocks else None
        raised = RaiseAlarm(watch.link, self._sequence, alarm.value, is_on, stock)
        self._unnoted[watch.link, alarm.value] = raised
        self._agenda.put(_ALARMS, after(now, ALARM_REPEAT))
        return [Send(self._seat.controller, raised)]

    def _settle(self, noted: AlarmNoted) -> list[Effect]:
        key = (noted.link, noted.cause)
        waiting = self._unnoted.get(key)
        if waiting is not None and waiting.sequence <= noted.sequence:
            del self._unnoted[key]
        return []

    # --- time -------------------------------------------------------------------------------------------------------

    def _sweep(self, now: Instant) -> list[Effect]:
        effects: list[Effect] = []
        for name in self._agenda.take_due(now):
            if name == _TOPOLOGY:
                effects += self._view.request(now)
                self._agenda.put(_TOPOLOGY, self._view.request_at)
            elif name == _ALARMS:
                effects += [Send(self._seat.controller, raised) for raised in self._unnoted.values()]
                if self._unnoted:
                    self._agenda.put(_ALARMS, after(now, ALARM_REPEAT))
            else:
                effects += self._tell(self._watches[LinkId(name)], now)
        return effects
