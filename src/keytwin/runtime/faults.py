"""What may befall messages between elements: lost, doubled, late (so overtaken). Drawn from a generator of its own."""

from __future__ import annotations

import random
from dataclasses import dataclass

from keytwin.vocabulary.timeline import MessageFaults


@dataclass(slots=True)
class FaultCounts:
    """What a run's faults really did: one that did nothing proves nothing."""

    dropped: int = 0
    duplicated: int = 0
    delayed: int = 0
    tampered: int = 0


class Disturbance:
    """The message faults that are in force. Faults never move a draw of any element."""

    def __init__(self, dice: random.Random) -> None:
        self._draw = dice.random
        self.faults: MessageFaults | None = None
        self.counts = FaultCounts()

    def begin(self, faults: MessageFaults) -> None:
        """Put faults in force, in the place of earlier ones; all-zero ones end them."""
        is_harmless = not (faults.drop or faults.duplicate or faults.delay)
        self.faults = None if is_harmless else faults

    def end(self, faults: MessageFaults) -> None:
        """Take faults out of force, unless others have replaced them."""
        if self.faults is faults:
            self.faults = None

    def copies(self) -> list[int]:
        """Draw how much later than usual each copy of one message arrives; [] = it is lost."""
        faults, draw, counts = self.faults, self._draw, self.counts
        if faults is None:
            return [0]
        late: list[int] = []
        is_doubled = draw() < faults.duplicate
        counts.duplicated += is_doubled
        for _ in range(1 + is_doubled):
            if draw() < faults.drop:  # each copy by itself
                counts.dropped += 1
                continue
            late.append(int(draw() * (faults.delay + 1)))
            counts.delayed += late[-1] > 0
        return late
