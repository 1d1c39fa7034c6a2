"""What post-quantum key agreement alone would do: the answer against which every QKD network has to justify itself.

No photon and no relay: both ends agree on keys over whatever network there is, by ML-KEM (NIST FIPS 203). Nothing here
is run: a network without a quantum layer is none of keytwin's.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from types import MappingProxyType
from typing import Final

from keytwin.design.cost import CostBook
from keytwin.design.measures import COMPUTED, Found, Pair
from keytwin.design.model import Method
from keytwin.design.need import Case, Need, Security
from keytwin.design.realisation import distances

ENDPOINT: Final = "pqc-endpoint"
"""The item of a cost book: software at one end, and its upkeep."""
READINESS: Final = 9.0  # in browsers and operating systems since 2024 (recalled)
COMPUTING: Final = 1e6  # ns for key generation, encapsulation and decapsulation of ML-KEM-768; below 0.1 ms (recalled)
ROUND_TRIPS: Final = 2.0  # connection, then key agreement: TLS 1.3 with its hello, RFC 8446
NANOSECONDS_A_KILOMETRE: Final = 5_000.0  # of fibre

_NO_PHOTONS: Final = "no light of single photons is needed; failures of the classical network are not looked at"
_LIMITLESS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "key-rate": COMPUTED,
        "headroom": COMPUTED,
        "autonomy": "nothing is kept in stock",
        "links-survived": _NO_PHOTONS,
        "nodes-survived": _NO_PHOTONS,
        "channels-survived": _NO_PHOTONS,
        "reach": "distance costs time only",
    }
)
_NOTHING: Final[Mapping[str, str]] = MappingProxyType(
    {
        "one-time-pad": "a pad is as long as what it hides, and random: a computed key is neither",
        "own-relays": "both ends agree by themselves",
        "third-party-relays": "both ends agree by themselves",
        "compromise": "no relay sees a key; that nobody solves the problem behind it is no probability",
        "consistency": "there are no views to disagree",
    }
)
_TIMES: Final = ("latency", "set-up-time", "restoration")


def without_qkd(case: Case, need: Need, book: CostBook | None = None) -> Found | None:
    """Return what a need would come to; None where nothing can be said without a run, or nobody has said a measure."""
    match need.measure:
        case measure if measure in _LIMITLESS:
            return Found(inf, Method.ANALYSIS, remark=_LIMITLESS[measure])
        case measure if measure in _NOTHING:
            return Found(0.0, Method.INSPECTION, remark=_NOTHING[measure])
        case measure if measure in _TIMES:
            return _time(case, need)
        case "security":
            return Found(
                Security.POST_QUANTUM.place, Method.INSPECTION, remark="on a problem that nobody is known to solve"
            )
        case "readiness":
            return Found(READINESS, Method.INSPECTION)
        case "cost" if book is not None:
            return _cost(case, book)
        case _:
            return None


def _time(case: Case, need: Need) -> Found:
    """Return the time of a key agreement of the pair that is farthest apart."""
    known: dict[Pair, float] = dict(distances(case, case.pairs(need)))
    farthest = max(known.values(), default=0.0)
    waited = COMPUTING + ROUND_TRIPS * 2.0 * farthest * NANOSECONDS_A_KILOMETRE
    remark = f"{ROUND_TRIPS:g} round trips over {farthest:.4g} km of fibre, and a millisecond of computing"
    return Found(waited, Method.ANALYSIS, remark=remark)


def _cost(case: Case, book: CostBook) -> Found:
    ends = sum(site.is_endpoint for site in case.sites)
    price = book.price(ENDPOINT)
    remark = f"assumed by cost book {book.name}"
    return Found(ends * price.most, Method.ANALYSIS, (f"{ends} x {ENDPOINT}",), remark, best=ends * price.least)
