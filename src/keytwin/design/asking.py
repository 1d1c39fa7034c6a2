"""What a case asks a network for: pairs, rates, and the service levels, users and apps that stand for them."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil
from typing import Final, NamedTuple

from keytwin.design.need import Case, Need
from keytwin.design.throughput import Demand
from keytwin.vocabulary.blueprint import App, Endpoint, Sla, User
from keytwin.vocabulary.identity import AppId, NodeId, SaeId, SlaId, UserId
from keytwin.vocabulary.key import KeyMode
from keytwin.vocabulary.units import Bits, BitsPerSecond, kilobits

USUAL_RATE: Final = BitsPerSecond(256)  # of a pair that asks for keys but for no rate: one AES-256 key a second
LEAST_BURST: Final = kilobits(16)  # 62 keys of 256 bit at once
STAKEHOLDER: Final = UserId("stakeholder")


class Asking(NamedTuple):
    """What one pair asks for."""

    pair: tuple[NodeId, NodeId]
    rate: BitsPerSecond
    """Of each of its apps."""
    apps: int = 1


def pairs_of(case: Case) -> tuple[tuple[NodeId, NodeId], ...]:
    """Return all pairs of sites that any need speaks of, each as it is named first."""
    named: dict[frozenset[NodeId], tuple[NodeId, NodeId]] = {}
    for need in case.needs:
        for pair in case.pairs(need):
            named.setdefault(frozenset(pair), pair)
    return tuple(named.values())


def demands_of(case: Case) -> tuple[Demand, ...]:
    """Return what each pair asks for, all its apps together; pairs that ask for no rate are left out."""
    return tuple(Demand(pair, need.demand) for pair, need in _largest(case).values())


def asked_of(case: Case) -> tuple[Asking, ...]:
    """Return what every pair of a case asks for, in whole bits a second."""
    largest = _largest(case)
    asked = []
    for pair in pairs_of(case):
        need = largest[frozenset(pair)][1] if frozenset(pair) in largest else None
        rate = USUAL_RATE if need is None else BitsPerSecond(max(1, ceil(need.threshold)))
        asked.append(Asking(pair, rate, need.apps if need else 1))
    return tuple(asked)


def promises(
    rates: Iterable[BitsPerSecond], routes: int = 1, mode: KeyMode = KeyMode.QKD_ONLY
) -> tuple[tuple[Sla, ...], tuple[User, ...]]:
    """Return a service level and a user for each rate: an SLA belongs to a user, and two rates are two promises."""
    known = tuple(dict.fromkeys(rates))
    slas = tuple(Sla(SlaId(f"at-{rate}"), 0, rate, Bits(max(LEAST_BURST, rate)), routes, mode=mode) for rate in known)
    return slas, tuple(User(_user(rate), sla.id) for rate, sla in zip(known, slas, strict=True))


def apps_of(asking: Asking) -> tuple[App, ...]:
    """Return the apps of a pair, each with an SAE of its own at both ends."""
    # A number only where there are several: the usual app is called like its pair.
    numbers = [f".{number}" for number in range(1, asking.apps + 1)] if asking.apps > 1 else [""]
    return tuple(_app(asking, number) for number in numbers)


def _app(asking: Asking, number: str) -> App:
    first, second = asking.pair
    near, far = SaeId(f"{first}.to.{second}{number}"), SaeId(f"{second}.to.{first}{number}")
    ends = (Endpoint(near, first), Endpoint(far, second))
    return App(AppId(f"{first}-{second}{number}"), _user(asking.rate), ends)


def _user(rate: BitsPerSecond) -> UserId:
    return UserId(f"{STAKEHOLDER}-{rate}")


def _largest(case: Case) -> dict[frozenset[NodeId], tuple[tuple[NodeId, NodeId], Need]]:
    """Return the pairs that ask for a rate, each with the need that asks for most."""
    asked: dict[frozenset[NodeId], tuple[tuple[NodeId, NodeId], Need]] = {}
    for need in case.needs:
        if need.demand > 0:
            for pair in case.pairs(need):
                before = asked.get(frozenset(pair))
                # Two needs of a pair are one demand: a network that meets the larger meets both.
                if before is None or before[1].demand < need.demand:
                    asked[frozenset(pair)] = pair, need
    return asked
