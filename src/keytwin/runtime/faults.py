"""What may befall messages between elements: lost, doubled, late (so overtaken), or kept apart by a partition.

Chances are drawn from a generator of their own.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from keytwin.vocabulary.identity import ElementName
from keytwin.vocabulary.timeline import MessageFaults


@dataclass(slots=True)
class FaultCounts:
    """What a run's faults really did: one that did nothing proves nothing."""

    dropped: int = 0
    duplicated: int = 0
    delayed: int = 0
    overtaking: int = 0
    tampered: int = 0
    parted: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Partition:
    """Nothing gets from one set of elements to the other, and nothing back unless it is `one_way`."""

    sources: frozenset[ElementName]
    targets: frozenset[ElementName]
    one_way: bool = False

    def parts(self, source: ElementName, to: ElementName) -> bool:
        """Tell whether a message between these two is lost."""
        if source in self.sources and to in self.targets:
            return True
        return not self.one_way and source in self.targets and to in self.sources


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
