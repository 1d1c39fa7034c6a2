"""How a link weighs in the search for routes: paper B, 3.2, routing element. A metric is an extension point.

A metric is a function of one `LinkView`; a route weighs the sum of its links, and the lightest is tried first. A weight
is a number from 0 up; infinity shuts the link out.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Final

import msgspec

from keytwin.vocabulary.errors import KeytwinError, Mistake
from keytwin.vocabulary.identity import LinkId, NodeId
from keytwin.vocabulary.units import Bits, BitsPerSecond, Duration, milliseconds

HIGHEST_QBER: Final = 0.11  # BB84 yields no key above it: Shor and Preskill, Phys. Rev. Lett. 85 441 (2000)
HALF_RATE: Final = 10_000  # bit/s at which the term of the rate is a half: some forty 256-bit keys a second
HALF_STOCK: Final = 256_000  # bits: a thousand 256-bit keys
PER_KILOBIT: Final = 1_000


class MetricFailed(KeytwinError):
    """A metric from outside raised something: its type and text."""


class LinkView(msgspec.Struct, frozen=True, gc=False):
    """What a metric sees of a link that works; None = not measured yet.

    `rate` is that of both directions together, the registered one until a block is measured. `stocks` and `reserved`
    are those of the directions out of the first and out of the second node; `lost` is a share of recent active tests.
    """

    link: LinkId
    ends: tuple[NodeId, NodeId]
    rate: BitsPerSecond
    qber: float
    stocks: tuple[Bits | None, Bits | None] = (None, None)
    reserved: tuple[BitsPerSecond, BitsPerSecond] = (BitsPerSecond(0), BitsPerSecond(0))
    sessions: int = 0
    delay: Duration | None = None
    lost: float = 0.0
    hops: int = 1

    @property
    def load(self) -> float:
        """The share of the fuller direction that is reserved; 1 for a link that makes nothing."""
        return min(1.0, max(self.reserved) / (self.rate / 2)) if self.rate else 1.0

    @property
    def stock(self) -> Bits:
        """The smaller of the two stocks; one that is not known counts as none."""
        return Bits(min(stock or 0 for stock in self.stocks))


def hops(link: LinkView) -> float:
    """Weigh all links alike."""
    return float(link.hops)


def key_aware(link: LinkView) -> float:
    """Weigh by load, rate, error rate and stock: 1 + load / (1 - load) + three terms from 0 to 1 + lost tests.

    The first is how a queue grows with its load; a hop over a fresh, fast, well-stocked link weighs little above 1, one
    over a slow, noisy and empty link up to 5. A link without rate, or with an error rate that leaves none, is shut out.
    """
    if not link.rate or link.load >= 1 or link.qber >= HIGHEST_QBER:
        return inf
    return (
        1
        + link.load / (1 - link.load)
        + HALF_RATE / (HALF_RATE + link.rate)
        + link.qber / HIGHEST_QBER
        + HALF_STOCK / (HALF_STOCK + link.stock)
        + link.lost
    )


def residual(link: LinkView) -> float:
    """Weigh by the inverse of the rate that nobody has reserved, in s/kbit, as link-state routing weighs capacity."""
    spare = link.rate / 2 - max(link.reserved)
    return PER_KILOBIT / spare if spare > 0 else inf


def checked(metric: Callable[[LinkView], float]) -> Callable[[LinkView], float]:
    """Return the metric after a try on a few links; Mistake when it fails, or gives what is no weight."""
    for view in _SAMPLES:
        weight = weigh(metric, view)
        if isinstance(weight, str):
            name = getattr(metric, "__name__", repr(metric))
            raise Mistake(f"routing metric {name} {weight} for {view}: return a number from 0 up, or infinity")
    return metric


def weigh(metric: Callable[[LinkView], float], view: LinkView) -> float | str:
    """Return what a link weighs by a metric, or, in words, why that is no weight: a failure concerns this link only."""
    try:
        weight = metric(view)
    except MetricFailed as failure:
        return f"raises {failure}"
    except ArithmeticError as error:
        return f"raises {type(error).__name__}: {error}"
    return weight if is_weight(weight) else f"gives {weight!r}"


def is_weight(weight: object) -> bool:
    """Tell whether a metric's answer can be added up to the weight of a route."""
    return isinstance(weight, int | float) and weight >= 0  # which nan is not


_ENDS: Final = (NodeId("a"), NodeId("b"))
_RATE: Final = BitsPerSecond(20_000)
_SAMPLES: Final = (
    LinkView(LinkId("a--b"), _ENDS, _RATE, 0.02),
    LinkView(LinkId("a--b"), _ENDS, BitsPerSecond(0), 0.5),
    LinkView(
        link=LinkId("a--b"),
        ends=_ENDS,
        rate=_RATE,
        qber=0.03,
        stocks=(Bits(0), Bits(1_000_000)),
        reserved=(BitsPerSecond(10_000), BitsPerSecond(10_000)),
        sessions=3,
        delay=milliseconds(1),
        lost=1.0,
    ),
)
