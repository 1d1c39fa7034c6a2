"""What a key manager tells monitoring of its links: stock reports, and active tests that cost key. Paper B, 3.2.

A test is a tag under 32 octets of the tester's direction; the neighbour checks it and answers with one of its own. So a
test that is answered proves that both ends hold the same key where they think they do, and measures the delay there and
back. The link's first node tests it each period; the second one stands by, and tests when nobody has for one and a half
periods. So each link costs one test a period, and either end notices soon that the other is silent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from msgspec.structs import replace

from keytwin.algorithms.one_time_tag import KEY_OCTETS
from keytwin.keymanagement.kmlink import KmLink
from keytwin.keymanagement.pads import FIRST_EPOCH, Use
from keytwin.keymanagement.relay import probe_is_right, probe_tag
from keytwin.vocabulary.blueprint import MonitoringSettings
from keytwin.vocabulary.errors import TagMismatch
from keytwin.vocabulary.events import LinkProbed
from keytwin.vocabulary.identity import MONITORING, ElementName, LinkId, NodeId, link_ends
from keytwin.vocabulary.link_messages import ProbeAnswered, ProbeLink, ProbeReported, StockReported
from keytwin.vocabulary.machine import Effect, Message, Publish, Send, StartTimer, StopTimer
from keytwin.vocabulary.units import Duration, Instant, bits, milliseconds, seconds

ANSWER_WITHIN: Final = seconds(2)  # far above a round trip; a later answer counts as none
AT_ONCE: Final = milliseconds(1)
NEVER_AGAIN: Final = 3  # tests lost in a row; after each before, the next follows at once: one lost message says little
TRUSTED: Final = 8  # tests answered in a row: then only every so many are reported, and the second node stands by
NOTABLE_SHARE: Final = 8  # a stock is reported when it has changed by an eighth since the last report


class ProbeDue(Message, frozen=True, gc=False):
    """To oneself: test the link."""

    link: LinkId


class ProbeLost(Message, frozen=True, gc=False):
    """To oneself: has the test been answered?"""

    link: LinkId
    sequence: int


class ReportDue(Message, frozen=True, gc=False):
    """To oneself: tell monitoring the stock."""

    link: LinkId


@dataclass(slots=True)
class Watch:
    """One key manager's watch over one of its links."""

    node: NodeId
    kmlink: KmLink
    settings: MonitoringSettings
    sequence: int = 0
    sent_at: dict[int, Instant] = field(default_factory=dict)
    answered: int = 0  # own tests in a row, as `lost`
    lost: int = 0
    told_delay: Duration = Duration(0)
    reported: int = 0  # octets
    is_report_due: bool = False
    monitoring: ElementName = MONITORING

    def begin(self) -> list[Effect]:
        """Start testing: both ends at first, as neither knows how the other fared."""
        return [self._probe_timer()]

    def on_probe_due(self, now: Instant) -> list[Effect]:
        """Test the link; without key there is nothing to test with, which the stock report tells."""
        if self.kmlink.ready < KEY_OCTETS:
            return [*self.kmlink.lease.renew(KEY_OCTETS), self._probe_timer()]
        self.sequence += 1
        link, sequence = self.kmlink.link, self.sequence
        self.sent_at[sequence] = now
        offset, key, effects = self.kmlink.take(KEY_OCTETS, Use.TAG)
        floor = self.kmlink.outbox.floor(offset)
        probe = ProbeLink(self.node, link, FIRST_EPOCH, offset, floor, sequence, b"")
        probe = replace(probe, tag=probe_tag(key, probe))
        lost = StartTimer(_lost_timer(link, sequence), ANSWER_WITHIN, ProbeLost(link, sequence))
        return [*effects, Send(self.kmlink.peer, probe), lost, self._probe_timer()]

    def on_probe_link(self, probe: ProbeLink) -> list[Effect]:
        """Check the neighbour's tag and answer with one of our own; a repeat is not answered again."""
        spent = self._check(probe)
        if spent is None:
            return []
        spent += self._stand_by()
        if self.kmlink.ready < KEY_OCTETS:
            return spent
        offset, key, effects = self.kmlink.take(KEY_OCTETS, Use.TAG)
        floor = self.kmlink.outbox.floor(offset)
        answer = ProbeAnswered(self.node, probe.link, FIRST_EPOCH, offset, floor, probe.sequence, b"")
        answer = replace(answer, tag=probe_tag(key, answer))
        return [*spent, *effects, Send(self.kmlink.peer, answer)]

    def on_probe_answered(self, answer: ProbeAnswered, now: Instant) -> list[Effect]:
        """Report the delay, when it is news."""
        spent = self._check(answer)
        if spent is None or answer.sequence not in self.sent_at:
            return spent or []
        sent_at, stop = self.sent_at.pop(answer.sequence), StopTimer(_lost_timer(answer.link, answer.sequence))
        self.lost = 0
        self.answered += 1
        return [*spent, stop, *self._outcome(answer.sequence, Duration(now - sent_at))]

    def on_probe_lost(self, lost: ProbeLost) -> list[Effect]:
        """Report a test that was not answered in time, and test again at once."""
        if self.sent_at.pop(lost.sequence, None) is None:
            return []
        self.answered = 0
        self.lost += 1
        again = [self._probe_timer(AT_ONCE)] if self.lost < NEVER_AGAIN else []
        return [*self._outcome(lost.sequence, None), *again]

    def note_stock(self) -> list[Effect]:
        """Report the stock soon, when it has changed notably."""
        stock = self.kmlink.out.stock
        if self.is_report_due or abs(stock - self.reported) * NOTABLE_SHARE <= self.reported:
            return []
        self.is_report_due = True
        link = self.kmlink.link
        return [StartTimer(f"{link}/report", self.settings.report_period, ReportDue(link))]

    def on_report_due(self) -> list[Effect]:
        """Tell monitoring the stock."""
        self.is_report_due = False
        self.reported = self.kmlink.out.stock
        report = StockReported(self.kmlink.link, self.node, bits(self.reported), bits(self.kmlink.capacity))
        return [Send(self.monitoring, report)]

    def _check(self, message: ProbeLink | ProbeAnswered) -> list[Effect] | None:
        """Spend the octets of a right tag; None for a repeat, and for what is not here; TagMismatch changes nothing."""
        incoming = self.kmlink.incoming
        key = None if incoming.has_spent(message.offset, KEY_OCTETS) else incoming.look(message.offset, KEY_OCTETS)
        if key is None:
            return None
        if not probe_is_right(key, message):
            raise TagMismatch(f"active test {message.sequence} of {message.link}")
        return self.kmlink.spend(message, KEY_OCTETS, Use.TAG)

    def _outcome(self, sequence: int, delay: Duration | None) -> list[Effect]:
        link = self.kmlink.link
        probed = Publish(LinkProbed(self.node, link, delay))
        if delay is not None and not self._is_news(delay):
            return [probed]
        self.told_delay = delay or self.told_delay
        report = ProbeReported(link, self.node, sequence, delay, bits(self.kmlink.out.stock))
        return [Send(self.monitoring, report), probed]

    def _is_news(self, delay: Duration) -> bool:
        """Whether monitoring is told of an answer: it takes a test of which it is told nothing for answered."""
        is_steady = self.answered > TRUSTED and abs(delay - self.told_delay) * 2 <= max(delay, self.told_delay)
        return not is_steady or self.answered % TRUSTED == 0

    def _stand_by(self) -> list[Effect]:
        """Put the own test off, being tested: the link's second node does, unless its own tests were lost lately."""
        if self.node == link_ends(self.kmlink.link)[0] or self.answered < TRUSTED:
            return []
        return [self._probe_timer(Duration(self.settings.probe_period * 3 // 2))]

    def _probe_timer(self, wait: Duration | None = None) -> Effect:
        link = self.kmlink.link
        return StartTimer(f"{link}/probe", wait or self.settings.probe_period, ProbeDue(link))


def _lost_timer(link: LinkId, sequence: int) -> str:
    return f"{link}/probe/{sequence}"
