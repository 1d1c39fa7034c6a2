"""When monitoring warns of a link, and when it takes the warning back: thresholds with hysteresis. Paper B, 3.2."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from keytwin.control.capacity import TAG_KEY
from keytwin.vocabulary.blueprint import MonitoringSettings
from keytwin.vocabulary.identity import LinkId, NodeId, link_ends
from keytwin.vocabulary.link_messages import LinkMeasured, LinkPerformance, ProbeReported, StockReported
from keytwin.vocabulary.units import START, Bits, BitsPerSecond, Duration, Instant, show_bits

PROBES: Final = 8  # outcomes kept of each end of a link: two settings of a threshold in steps of an eighth
FEWEST_PROBES: Final = 4  # one lost probe of one is no alarm
IN_A_ROW: Final = 3  # lost probes that are an alarm whatever was before
CALMER_QBER: Final = 0.9  # share of the threshold below which the alarm is over
CALMER_STOCK: Final = 2  # times the threshold
CALMER_LOSS: Final = 0.5
NO_RATE: Final = BitsPerSecond(0)
SMOOTHING: Final = 4  # a block changes the rate by a quarter of the difference: finite blocks scatter


class Alarm(StrEnum):
    """What monitoring warns of; the controller takes a link with one of the first two out of use for new routes."""

    QBER = "qber"
    LOSS = "probe loss"
    STOCK = "stock"


DISABLING: Final = frozenset({Alarm.QBER, Alarm.LOSS})


@dataclass(slots=True)
class Tests:
    """The recent active tests that one end of a link has made of the other."""

    sequence: int = 0
    losses: deque[bool] = field(default_factory=lambda: deque(maxlen=PROBES))
    in_vain: int = 0  # the latest lost ones in a row, without those that the other end had no key to answer

    def take(self, seen: ProbeReported, *, is_dry: bool) -> None:
        """Take an outcome; the same one reported twice counts once, and answered tests need not be reported."""
        if seen.sequence == self.sequence:
            return
        untold = seen.sequence - self.sequence - 1 if self.sequence else 0  # below 0: the key manager has restarted
        self.losses.extend([False] * min(untold, PROBES))
        self.losses.append(seen.delay is None)
        before = 0 if untold > 0 else self.in_vain
        self.in_vain = 0 if seen.delay is not None else before + (not is_dry)
        self.sequence = seen.sequence

    @property
    def share(self) -> float:
        """The share that stayed unanswered."""
        return sum(self.losses) / len(self.losses) if self.losses else 0.0

    @property
    def is_in_vain(self) -> bool:
        """Whether the latest tests all stayed unanswered, so that the other end seems to be gone."""
        return self.in_vain >= IN_A_ROW


@dataclass(slots=True)
class Watch:
    """The latest figures of one link."""

    link: LinkId
    rate: BitsPerSecond | None = None  # smoothed
    qber: float | None = None  # smoothed; an alarm looks at the latest block
    latest_qber: float | None = None
    stocks: dict[NodeId, Bits] = field(default_factory=dict)
    delay: Duration | None = None
    tests: dict[NodeId, Tests] = field(default_factory=dict)  # by the end that made them
    heard_at: Instant = START
    _number: int = 0

    def measure(self, seen: LinkMeasured, registered: BitsPerSecond = NO_RATE) -> None:
        """Take a block's statistics; one that was overtaken or repeated is ignored.

        A first block without key says little of the mean: it is smoothed against the registered rate.
        """
        if seen.number <= self._number:
            return
        self._number = seen.number
        self.latest_qber = seen.qber
        self.qber = seen.qber if self.qber is None else self.qber + (seen.qber - self.qber) / SMOOTHING
        before = (seen.rate or registered) if self.rate is None else self.rate
        self.rate = BitsPerSecond(before + (seen.rate - before) // SMOOTHING)

    def stock(self, seen: StockReported) -> None:
        """Take what one end holds ready to send."""
        if seen.node in link_ends(self.link):
            self.stocks[seen.node] = seen.stock

    def probe(self, seen: ProbeReported) -> None:
        """Take the outcome of an active test; an end without a tag key in stock can't answer, however alive it is."""
        ends = link_ends(self.link)
        if seen.node not in ends:
            return
        tested = ends[1] if seen.node == ends[0] else ends[0]
        is_dry = self.stocks.get(tested, TAG_KEY) < TAG_KEY
        self.tests.setdefault(seen.node, Tests()).take(seen, is_dry=is_dry)
        self.delay = self.delay if seen.delay is None else seen.delay

    @property
    def lost(self) -> float:
        """The share of the recent probes that stayed unanswered, at the end where it is higher."""
        return max((tests.share for tests in self.tests.values()), default=0.0)

    def picture(self) -> LinkPerformance:
        """Return the figures as routing and admission get them."""
        first, second = (self.stocks.get(node) for node in link_ends(self.link))
        return LinkPerformance(
            link=self.link,
            at=self.heard_at,
            rate=self.rate,
            qber=self.qber,
            stocks=(first, second),
            delay=self.delay,
            lost=self.lost,
        )


def judge(alarm: Alarm, watch: Watch, settings: MonitoringSettings, *, is_on: bool, is_active: bool) -> bool | None:
    """Tell whether the alarm should be on; None = the figures don't say."""
    match alarm:
        case Alarm.QBER:
            limit = settings.qber_alarm * (CALMER_QBER if is_on else 1)
            return None if watch.latest_qber is None else watch.latest_qber > limit
        case Alarm.LOSS:
            return _is_lossy(watch.tests.values(), settings.loss_alarm, is_on=is_on)
        case Alarm.STOCK:
            if not is_active:
                return False  # a link that is dark or has not begun has its own status
            if watch.rate is None or len(watch.stocks) < 2:
                return None
            return min(watch.stocks.values()) < settings.stock_alarm * (CALMER_STOCK if is_on else 1)


def _is_lossy(ends: Collection[Tests], threshold: float, *, is_on: bool) -> bool | None:
    if any(tests.is_in_vain for tests in ends):
        return True
    limit = threshold * (CALMER_LOSS if is_on else 1)
    known = [tests for tests in ends if is_on or len(tests.losses) >= FEWEST_PROBES]
    return any(tests.share > limit for tests in known) if known else None


def describe(alarm: Alarm, settings: MonitoringSettings) -> str:
    """Say for an operator what the alarm is about; equal when it comes and when it goes."""
    match alarm:
        case Alarm.QBER:
            return f"QBER above {settings.qber_alarm:.1%}"
        case Alarm.LOSS:
            return f"active tests unanswered, {IN_A_ROW} in a row or more than {settings.loss_alarm:.0%}"
        case Alarm.STOCK:
            return f"stock below {show_bits(settings.stock_alarm)}"


def is_noticeable(now: LinkPerformance, before: LinkPerformance | None) -> bool:
    """Tell whether a picture differs enough from the one last told: small changes would flood the control plane."""
    if before is None:
        return True
    return (
        _differs(now.rate, before.rate, 0.05)
        or _differs(now.qber, before.qber, 0.05)
        or any(_differs(new, old, 0.5) for new, old in zip(now.stocks, before.stocks, strict=True))
        or _differs(now.delay, before.delay, 0.5)
        or abs(now.lost - before.lost) >= 2 / PROBES
    )


def _differs(new: float | None, old: float | None, share: float) -> bool:
    if new is None or old is None:
        return new is not old
    return abs(new - old) > share * max(new, old)
