"""The twin of a Q-link, a machine at the level of block counts: it stands in for the two devices of a link.

Each block is one draw of the link's model; its key is fresh entropy, identical at both ends, as the post-processing of
real devices would leave it. The twin knows no time but that of its blocks, so emulation never sets the pace of keys.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import msgspec
import numpy as np

from keytwin.quantum.attack import attacked
from keytwin.quantum.counted_link import NO_INFORMATION
from keytwin.quantum.light import Light
from keytwin.quantum.link import LinkModel
from keytwin.quantum.schedule import Schedule
from keytwin.vocabulary.events import BlockDistilled
from keytwin.vocabulary.identity import (
    CONTROLLER,
    MONITORING,
    DeviceId,
    ElementName,
    LinkId,
    NodeId,
    km_of,
    link_ends,
    twin_of,
)
from keytwin.vocabulary.link_messages import BlockReceived, LinkKeyBlock, LinkMeasured
from keytwin.vocabulary.machine import (
    Effect,
    Message,
    Publish,
    Record,
    RecordsLost,
    Save,
    Send,
    StartTimer,
    StateTable,
    StopTimer,
    ignored,
    to,
)
from keytwin.vocabulary.operator_messages import AttackQuantumChannel, CutQuantumChannel, HealQuantumChannel
from keytwin.vocabulary.ports import Entropy, KeyBlock
from keytwin.vocabulary.topology_messages import (
    LinkRegistered,
    LinkStatus,
    LinkStatusNoted,
    RegisterLink,
    ReportLinkStatus,
)
from keytwin.vocabulary.units import (
    BITS_PER_BYTE,
    NANOSECONDS_PER_SECOND,
    Bits,
    BitsPerSecond,
    Duration,
    Instant,
    bits,
    milliseconds,
)

REPEAT_AFTER: Final = milliseconds(500)  # well above a round trip to a key manager or the controller
MOST_UNRECEIVED: Final = 4  # blocks repeated to a key manager that does not answer; older ones are lost
NUMBERS_AHEAD: Final = 64  # block numbers that one write covers
LONGEST_PAUSE: Final = 8  # blocks
SMALLEST_BLOCK: Final = Bits(1024)  # below it, agreeing on a block costs a notable share of it


class Phase(StrEnum):
    """Whether light arrives; WAITING: not before the next pass, or not before a cloud has gone."""

    DISTILLING = "distilling"
    WAITING = "waiting"
    DARK = "dark"


class BlockDue(Message, frozen=True, gc=False):
    """To oneself: the present block is complete."""

    link: LinkId


class LightDue(Message, frozen=True, gc=False):
    """To oneself: the light comes back, or has come to its end."""

    link: LinkId


class RepeatDue(Message, frozen=True, gc=False):
    """To oneself: something has not been acknowledged yet."""

    link: LinkId


class BlockNumbered(Record, frozen=True, gc=False):
    """Numbers up to this one may have been given to blocks: they are never given again. A cut outlives a restart.

    So does an attack: `error_rate` is that of a tampered channel.
    """

    number: int
    status_sequence: int
    is_dark: bool
    error_rate: float = 0.0


TWIN_TABLE: Final = StateTable(
    "link twin",
    Phase,
    {
        **{
            (phase, message): to(phase)
            for phase in Phase
            for message in (BlockReceived, RepeatDue, LinkRegistered, LinkStatusNoted, AttackQuantumChannel)
        },
        (Phase.DISTILLING, BlockDue): to(
            Phase.DISTILLING, Phase.WAITING, DISTILLING="there is still light", WAITING="it was the block of a pass"
        ),
        (Phase.DISTILLING, LightDue): to(Phase.WAITING),
        (Phase.WAITING, LightDue): to(Phase.DISTILLING),
        (Phase.DISTILLING, CutQuantumChannel): to(Phase.DARK),
        (Phase.WAITING, CutQuantumChannel): to(Phase.DARK),
        (Phase.DARK, HealQuantumChannel): to(
            Phase.DISTILLING, Phase.WAITING, DISTILLING="light passes now", WAITING="no light passes for now"
        ),
        (Phase.DISTILLING, HealQuantumChannel): to(Phase.DISTILLING),
        (Phase.WAITING, HealQuantumChannel): to(Phase.WAITING),
        **ignored(Phase.WAITING, (BlockDue,)),
        **ignored(Phase.DARK, (CutQuantumChannel, BlockDue, LightDue)),
    },
)


class TwinSetup(msgspec.Struct, frozen=True):
    """What a twin is told when it is made; at a `speed` of 10 its blocks come ten times as often as light would."""

    link: LinkId
    device: DeviceId
    speed: float = 1.0
    controller: ElementName = CONTROLLER
    monitoring: ElementName = MONITORING


@dataclass(slots=True)
class Twin:
    """The element `link/<id>`; without a `schedule` its light never ends."""

    setup: TwinSetup
    model: LinkModel
    entropy: Entropy
    generator: np.random.Generator
    schedule: Schedule | None = None
    light: Light | None = None
    state: StrEnum = Phase.DISTILLING
    number: int = 0
    reserved: int = 0  # numbers up to it are saved as given
    status: LinkStatus = LinkStatus.PENDING
    status_sequence: int = 0
    status_cause: str = ""
    is_registered: bool = False
    is_status_noted: bool = True
    is_repeating: bool = False
    handed: int = 0  # number of the last block that was handed over
    full_at: int = 0  # number of the last block after which a key manager had no room
    pause: int = 0  # blocks to throw away before the next one is handed over
    skipped: int = 0
    is_stocked: bool = False  # some key was handed over, so that there is a stock when the light goes
    error_rate: float = 0.0  # of an attack that goes on
    touched: float = 0.0  # the worst attack that the block under way has seen: it is a block of that attack
    unreceived: dict[tuple[NodeId, int], tuple[KeyBlock, float]] = field(default_factory=dict)

    def receive(self, message: Message, now: Instant) -> list[Effect]:
        """Answer one message."""
        return TWIN_TABLE.step(self, message, now)

    def restore(self, records: Iterable[Record], now: Instant) -> list[Effect]:
        """Register the link and begin a block; the last number given is taken up."""
        for record in records:
            if isinstance(record, RecordsLost):
                self.number = self.reserved = self.status_sequence = record.beyond
                continue
            assert isinstance(record, BlockNumbered)
            self.number = self.reserved = record.number
            self.status_sequence = record.status_sequence
            self.state = Phase.DARK if record.is_dark else Phase.DISTILLING
            self.error_rate = self.touched = record.error_rate
        # Some block may have been handed over before the restart: no twin can know whether its key is spent.
        self.is_stocked = self.number > 0
        if self.schedule is not None:
            self.light = Light(self.schedule, self.model.block_time, self.setup.speed, self.generator)
        # After a restart the controller may still hold what an earlier incarnation told it.
        if self.state is Phase.DARK:
            return [_register(self), *self.report(LinkStatus.OFF, "loss of signal"), *_repeat_timer(self)]
        if self.light is not None and not self.light.look(now):
            return [_register(self), *self._wait(now), *_repeat_timer(self)]
        told = self.report(LinkStatus.ACTIVE, "restarted") if self.number else []
        return [_register(self), _next_block(self, now), *told, *_repeat_timer(self)]

    def on_block_due(self, due: BlockDue, now: Instant) -> list[Effect]:
        """Distil the block that is complete, and begin the next."""
        del due
        # The attack is part of what nature does; that there is no key, the estimator finds from the counts alone.
        block = attacked(self.model, self.touched).draw_block(self.generator)
        self.touched = self.error_rate
        # Whole octets, rounded down: key stores count in octets, and rounding up would invent secrecy.
        octets = block.secret // BITS_PER_BYTE
        size = bits(octets) if bits(octets) >= SMALLEST_BLOCK else Bits(0)
        is_kept = bool(size) and _is_wanted(self)
        taken = _hastened(self, block.duration)
        # By the time that it took here: at another speed of emulation the network sees another rate.
        rate = BitsPerSecond(size * NANOSECONDS_PER_SECOND // taken)
        self.number += 1
        distilled = BlockDistilled(self.setup.link, self.number, size, block.qber, taken, is_kept or not size)
        measured = LinkMeasured(self.setup.link, self.number, rate, block.qber)
        effects: list[Effect] = [*_reserve_numbers(self), *self._go_on(now)]
        effects += [Publish(distilled), Send(self.setup.monitoring, measured)]
        if is_kept:
            effects += self._hand_over(self.entropy.block(octets), block.qber)
        if self.state is Phase.WAITING:
            effects += _report_dark(self)
        elif size and self.status is not LinkStatus.ACTIVE:
            effects += self.report(LinkStatus.ACTIVE, "first block")
        return [*effects, *_repeat_timer(self)]

    def on_light_due(self, due: LightDue, now: Instant) -> list[Effect]:
        """Begin a block with the light; at its end, lose what is not complete."""
        del due
        assert self.light is not None
        if self.state is Phase.DISTILLING:
            self.light.leave()
            return [*self._wait(now), *_repeat_timer(self)]
        self.state, self.touched = Phase.DISTILLING, self.error_rate
        self.light.begin()
        status = LinkStatus.ACTIVE if self.is_stocked else LinkStatus.PENDING
        return [_next_block(self, now), *self.report(status, "light is back"), *_repeat_timer(self)]

    def on_block_received(self, received: BlockReceived, now: Instant) -> list[Effect]:
        """Stop repeating a block, and wipe it."""
        del now
        if (received.node, received.number) not in self.unreceived:
            return []
        if not received.has_room and received.number == self.handed != self.full_at:
            self.full_at = received.number
            self.pause, self.skipped = min(max(1, 2 * self.pause), LONGEST_PAUSE), 0
        _drop(self, received.node, received.number)
        if _is_settled(self) and self.is_repeating:
            self.is_repeating = False
            return [StopTimer(f"{self.setup.link}/repeat")]
        return _oldest_for(self, received.node)

    def on_repeat_due(self, due: RepeatDue, now: Instant) -> list[Effect]:
        """Repeat what has not been acknowledged."""
        del due, now
        self.is_repeating = False
        effects: list[Effect] = [] if self.is_registered else [_register(self)]
        if not self.is_status_noted:
            effects.append(_status_report(self))
        for node in link_ends(self.setup.link):
            effects += _oldest_for(self, node)
        return [*effects, *_repeat_timer(self)]

    def on_link_registered(self, registered: LinkRegistered, now: Instant) -> list[Effect]:
        """Stop registering."""
        del registered, now
        self.is_registered = True
        return []

    def on_link_status_noted(self, noted: LinkStatusNoted, now: Instant) -> list[Effect]:
        """Stop reporting the status."""
        del now
        self.is_status_noted = self.is_status_noted or noted.sequence >= self.status_sequence
        return []

    def on_cut_quantum_channel(self, cut: CutQuantumChannel, now: Instant) -> list[Effect]:
        """Lose the block under way and report loss of signal, as a device does within a block."""
        del cut, now
        self.state = Phase.DARK
        # The block under way would else complete in the dark, of light that no longer arrives.
        stop = StopTimer(f"{self.setup.link}/block")
        return [stop, *self.report(LinkStatus.OFF, "loss of signal"), *_repeat_timer(self)]

    def on_attack_quantum_channel(self, attack: AttackQuantumChannel, now: Instant) -> list[Effect]:
        """Let the errors come: nothing is reported, as no device knows of an attack but by what it counts."""
        del now
        assert 0 < attack.error_rate <= NO_INFORMATION
        self.error_rate = attack.error_rate
        self.touched = max(self.touched, attack.error_rate)
        return [_saved(self)]

    def on_heal_quantum_channel(self, heal: HealQuantumChannel, now: Instant) -> list[Effect]:
        """End an attack; after a cut, begin a block and report the signal."""
        del heal
        was_attacked, self.error_rate = self.error_rate > 0, 0.0
        if self.state is not Phase.DARK:
            return [_saved(self)] if was_attacked else []
        self.touched = 0.0
        if self.light is not None and not self.light.look(now):
            return [*self._wait(now), *_repeat_timer(self)]
        self.state = Phase.DISTILLING
        return [_next_block(self, now), *self.report(LinkStatus.ACTIVE, "signal is back"), *_repeat_timer(self)]

    def _go_on(self, now: Instant) -> list[Effect]:
        """Begin the next block; after the one of a pass, wait for the next pass."""
        if self.light is not None:
            self.light.go_on()
            if self.light.is_over:
                self.light.leave()
                self.state = Phase.WAITING
                return [_light_timer(self, now)]
        return [_next_block(self, now)]

    def _wait(self, now: Instant) -> list[Effect]:
        """Wait for the light, and say why there is none."""
        self.state = Phase.WAITING
        return [_light_timer(self, now), *_report_dark(self)]

    def _hand_over(self, block: KeyBlock, qber: float) -> list[Effect]:
        effects: list[Effect] = []
        if self.full_at != self.handed:
            self.pause = 0
        self.handed, self.skipped, self.is_stocked = self.number, 0, True
        for node in link_ends(self.setup.link):
            is_first = not any(waiting == node for waiting, _ in self.unreceived)
            self.unreceived[node, self.number] = (block, qber)
            effects += _oldest_for(self, node) if is_first else []
        # The oldest go first: a key manager that does not answer must not cost more memory with every block.
        while len(self.unreceived) > 2 * MOST_UNRECEIVED:
            _drop(self, *next(iter(self.unreceived)))
        return effects

    def report(self, status: LinkStatus, cause: str) -> list[Effect]:
        """Tell the controller, again and again until it has noted it."""
        self.status, self.status_cause = status, cause
        self.status_sequence += 1
        self.is_status_noted = False
        return [_saved(self), _status_report(self)]


def _report_dark(twin: Twin) -> list[Effect]:
    assert twin.light is not None
    # PASSIVE in the words of ETSI GS QKD 015: no generation, stock left.
    return twin.report(LinkStatus.PASSIVE if twin.is_stocked else LinkStatus.OFF, twin.light.cause)


def _repeat_timer(twin: Twin) -> list[Effect]:
    if twin.is_repeating or _is_settled(twin):
        return []
    twin.is_repeating = True
    return [StartTimer(f"{twin.setup.link}/repeat", REPEAT_AFTER, RepeatDue(twin.setup.link))]


def _reserve_numbers(twin: Twin) -> list[Effect]:
    """Save ahead how far numbers may go, so that not every block costs a write; a restart skips what is left."""
    if twin.number <= twin.reserved:
        return []
    twin.reserved = twin.number + NUMBERS_AHEAD
    return [_saved(twin)]


def _is_wanted(twin: Twin) -> bool:
    """Whether to hand the next block over: while the stores stay full only one in up to `LONGEST_PAUSE` + 1 is.

    So a link that nobody uses costs next to nothing, and one whose stock is drawn on is filled again soon.
    """
    if twin.skipped < twin.pause:
        twin.skipped += 1
        return False
    return True


def _drop(twin: Twin, node: NodeId, number: int) -> None:
    """Forget that a key manager has not received a block; wipe it when the other has."""
    block, _ = twin.unreceived.pop((node, number))
    if all(waiting != number for _, waiting in twin.unreceived):
        block.wipe()


def _oldest_for(twin: Twin, node: NodeId) -> list[Effect]:
    """Send a key manager the oldest block it has not received: one at a time, as it takes them in their order."""
    for (waiting, number), (block, qber) in twin.unreceived.items():
        if waiting == node:
            return [Send(km_of(node), LinkKeyBlock(twin.setup.link, number, block.copy(), qber))]
    return []


def _register(twin: Twin) -> Effect:
    """Tell the controller of the link, with the rate to expect until a block is measured."""
    rate, setup = twin.model.rate(), twin.setup
    secret = BitsPerSecond(int(rate.secret * setup.speed))
    return Send(setup.controller, RegisterLink(setup.link, twin_of(setup.link), secret, rate.qber, setup.device))


def _status_report(twin: Twin) -> Effect:
    link = twin.setup.link
    report = ReportLinkStatus(link, twin_of(link), twin.status_sequence, twin.status, twin.status_cause)
    return Send(twin.setup.controller, report)


def _saved(twin: Twin) -> Effect:
    return Save(
        BlockNumbered(twin.reserved, twin.status_sequence, is_dark=twin.state is Phase.DARK, error_rate=twin.error_rate)
    )


def _next_block(twin: Twin, now: Instant) -> Effect:
    link, light = twin.setup.link, twin.light
    if light is None:
        return StartTimer(f"{link}/block", _hastened(twin, twin.model.block_time), BlockDue(link))
    return StartTimer(f"{link}/block", light.until_change(now), BlockDue(link) if light.has_room else LightDue(link))


def _light_timer(twin: Twin, now: Instant) -> Effect:
    """Wake up with the light; of the same name as that of a block, as there is never both."""
    assert twin.light is not None
    return StartTimer(f"{twin.setup.link}/block", twin.light.until_start(now), LightDue(twin.setup.link))


def _hastened(twin: Twin, time: Duration) -> Duration:
    """Return how long something that takes light `time` takes the twin."""
    return time if twin.setup.speed == 1 else Duration(max(1, round(time / twin.setup.speed)))


def _is_settled(twin: Twin) -> bool:
    """Whether everything has been acknowledged."""
    return not twin.unreceived and twin.is_registered and twin.is_status_noted
