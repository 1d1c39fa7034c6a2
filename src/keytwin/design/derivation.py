"""From needs to variants: rules that say which variants a need asks for or rules out, and why. Paper A, step 4.

Each rule has a name that stands in the trace. A rule speaks only where the case itself decides; what is left open is
tried out, and measured. What the stakeholder has chosen is a wish like the others, so that conflicts name it too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from keytwin.design.model import RuleId
from keytwin.design.need import ASKING, Case, Failure, Need, NeedId, Priority, Security
from keytwin.design.realisation import CENTRE, CONSTELLATION, RELAY, REPEATER, SKY, TERRESTRIAL, is_apart
from keytwin.design.secrecy import ML_KEM
from keytwin.design.variability import Ovm
from keytwin.design.verdict import SLACK
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.identity import VariantId


class Stance(StrEnum):
    """What a wish does with its variants."""

    TAKE = "take"
    """At least one of them."""
    LEAVE = "leave"
    """None of them."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a rule makes of a need."""

    stance: Stance
    variants: tuple[VariantId, ...]
    rule: RuleId
    reason: str
    """As a full clause, with the figures that it rests on."""
    needs: tuple[NeedId, ...] = ()
    """None where the case as a whole decides, or the stakeholder has chosen."""


@dataclass(frozen=True, slots=True)
class Derived:
    """What all rules together say."""

    wishes: tuple[Wish, ...]
    routes: int
    """Shares that each key is made of, over routes without a common relay."""


REACH, CHANNEL, TRUST, SHARES, READY, SECRECY, HYBRID, MEDIA, CHOSEN, MOVING, DOMAINS = (
    RuleId(f"derive-{name}")
    for name in (
        *("reach", "channel", "trust", "shares", "readiness", "secrecy", "hybrid", "media", "choice"),
        *("moving", "domains"),
    )
)
RULES: Final = {
    REACH: "a line beyond what one link reaches needs relays, repeaters, an untrusted centre or a satellite",
    CHANNEL: "what must outlive an attacked channel needs a second one that shares nothing with it",
    TRUST: "where no relay of others is let in, relays stand on own ground only",
    SHARES: "a key that few relays may give away goes in shares over routes without a common relay",
    READY: "a variant less ready than what is asked for is left out",
    SECRECY: "secrecy from end to end lets no relay see a key",
    HYBRID: "where relays and mathematics must both fall, a post-quantum secret goes into each key",
    MEDIA: "a medium for which the case has nothing is left out",
    CHOSEN: "what the stakeholder has chosen is taken",
    MOVING: "what moves is reached through the air only",
    DOMAINS: "where two operators' networks meet a node of each passes keys on",
}
"""By name: what each says in general."""

DUAL_PATH, DUAL_MEDIUM = VariantId("redundancy.dual-path"), VariantId("redundancy.dual-medium")
GEO = VariantId("free-space.geo")
NO_LINES = tuple(VariantId(f"terrestrial.{name}") for name in ("free-space-optical", "hollow-core"))
GEOSTATIONARY: Final = 35_000.0  # km; a geostationary orbit is 35,786 km high
MOST_SHARES: Final = 4  # beyond it no network of a stakeholder has so many disjoint routes

Reaches = Callable[[float], bool]
"""Whether a direct link of any protocol at hand gives key over so many decibels of fibre."""


def derive(case: Case, ovm: Ovm, reaches: Reaches) -> Derived:
    """Return what the needs of a case ask of the variants of an OVM; Mistake when it chooses what the OVM has not."""
    # The stakeholder's own choices first: in a conflict they are the first thing to be read.
    found = [*_chosen(case, ovm), *_media(case), *_reach(case, reaches), *_channel(case), *_trust(case)]
    # What an OVM does not have is dropped below: the rules are written for the largest one.
    found += [*_ready(case, ovm), *_secrecy(case), *_moving(case), *_domains(case)]
    wishes = (replace(wish, variants=tuple(each for each in wish.variants if each in ovm.variants)) for wish in found)
    return Derived(tuple(wish for wish in wishes if wish.variants), routes_of(case))


def routes_of(case: Case) -> int:
    """Return the fewest shares with which needs on compromise can be met where each route has one relay."""
    wanted = [need.threshold for need in _musts(case, "compromise")]
    if not wanted:
        return 1
    shares = 1
    # With one relay a route all shares are lost with the product of the risks; more relays only make it worse, and the
    # measure says by how much.
    while case.assume.risk**shares > min(wanted) * (1 + SLACK) and shares < MOST_SHARES:
        shares += 1
    return shares


# --- the rules ------------------------------------------------------------------------------------------------------


def _chosen(case: Case, ovm: Ovm) -> Iterator[Wish]:
    for point, variants in case.choose.items():
        if point not in ovm.points:
            raise Mistake(f"{case.name} chooses {point!r}: {ovm.name} has no such variation point")
        for variant in variants:
            if variant not in ovm.variants:
                known = ", ".join(each.id.partition(".")[2] for each in ovm.variants_of(point))
                raise Mistake(f"{case.name} chooses {variant!r}: {ovm.points[point].name} is one of {known}")
            yield Wish(Stance.TAKE, (variant,), CHOSEN, f"{case.stakeholder} has chosen {ovm.variants[variant].name}")
        # A choice is a whole one: what is not named at a decided variation point is not wanted.
        others = tuple(each.id for each in ovm.variants_of(point) if each.id not in variants)
        # A wish without variants would be met by anything, and only lengthen the conflicts.
        if others:
            taken = " and ".join(ovm.variants[variant].name for variant in variants) or "nothing"
            reason = f"{case.stakeholder} has chosen {taken} as {ovm.points[point].name}, and nothing else"
            yield Wish(Stance.LEAVE, others, CHOSEN, reason)


def _media(case: Case) -> Iterator[Wish]:
    # Left out and not forbidden by force: whoever chose it all the same sees this reason in the conflict.
    if not case.lines:
        yield Wish(Stance.LEAVE, (TERRESTRIAL,), MEDIA, "the case has no line on the ground")
    if not case.satellites:
        yield Wish(Stance.LEAVE, (SKY,), MEDIA, "the case has no satellite")
    if len(case.satellites) < 2:
        yield Wish(Stance.LEAVE, (CONSTELLATION,), MEDIA, "one satellite makes no constellation")
    if not any(satellite.passes.altitude > GEOSTATIONARY for satellite in case.satellites):
        yield Wish(Stance.LEAVE, (GEO,), MEDIA, "no satellite of the case stands still in the sky")
    yield Wish(Stance.LEAVE, NO_LINES, MEDIA, "the lines of a case are standard fibres")


def _reach(case: Case, reaches: Reaches) -> Iterator[Wish]:
    """Speak for each line between two sites with keys that has no other way and no direct link could bridge."""
    asking = tuple(need.id for need in case.needs if need.measure in ASKING | {"reach"})
    for line in case.lines:
        # The whole line as it is: how far a device reaches in spans is the layout's question.
        if not reaches(line.loss):
            ends = " -- ".join(line.ends)
            reason = f"no direct link gives key over {ends}: {line.length:g} km lose {line.loss:.3g} dB"
            yield Wish(Stance.TAKE, (RELAY, REPEATER, CENTRE, SKY), REACH, reason, asking)


def _channel(case: Case) -> Iterator[Wish]:
    attacked = tuple(
        need
        for need in case.needs
        if (need.under is not None and need.under.failure is Failure.ATTACK)
        or (need.measure == "channels-survived" and need.threshold > 0)
    )
    if not attacked:
        return
    names = tuple(need.id for need in attacked)
    # With two lines the choice between ground and sky stays open.
    if len(case.lines) < 2 and case.satellites:
        reason = "one line on the ground is one channel: the second has to be in the sky"
        yield Wish(Stance.TAKE, (SKY,), CHANNEL, reason, names)
        yield Wish(Stance.TAKE, (TERRESTRIAL,), CHANNEL, "one satellite is one channel: the second is a line", names)
        yield Wish(Stance.TAKE, (DUAL_MEDIUM,), CHANNEL, "a line and a satellite are two media", names)
    else:
        reason = "what outlives an attacked channel needs a second one"
        yield Wish(Stance.TAKE, (DUAL_PATH, DUAL_MEDIUM), CHANNEL, reason, names)


def _trust(case: Case) -> Iterator[Wish]:
    strict = [need for need in _musts(case, "third-party-relays") if need.threshold < 1]
    # An own site relays without being a variant; only relays along lines need the choice.
    if strict and not any(line.relay_owner == "" for line in case.lines) and all(site.is_own for site in case.sites):
        reason = "no relay of others is let in, and there is no own ground for one along any line"
        yield Wish(Stance.LEAVE, (RELAY,), TRUST, reason, _names(strict))
    if strict and all(satellite.owner for satellite in case.satellites):
        reason = "every satellite belongs to others, and would hold the keys that it passes on"
        yield Wish(Stance.LEAVE, (SKY,), TRUST, reason, _names(strict))


def _ready(case: Case, ovm: Ovm) -> Iterator[Wish]:
    for need in _musts(case, "readiness"):
        for variant in ovm.variants.values():
            # What nobody has judged is not held against a variant: the measure tells it as not judged.
            if variant.readiness is not None and variant.readiness < need.threshold:
                reason = f"{variant.name} is at level {variant.readiness:g} of 9, and {need.threshold:g} is asked for"
                yield Wish(Stance.LEAVE, (variant.id,), READY, reason, (need.id,))


def _secrecy(case: Case) -> Iterator[Wish]:
    strict = _secret(case, Security.END_TO_END)
    if strict:
        yield Wish(Stance.LEAVE, (RELAY,), SECRECY, "a trusted relay sees the keys that it passes on", _names(strict))
        yield Wish(Stance.LEAVE, (SKY,), SECRECY, "a satellite that joins two passes sees their keys", _names(strict))
    both = _secret(case, Security.HYBRID)
    if both:
        reason = "a relay that falls must not give a key away by itself"
        yield Wish(Stance.TAKE, (ML_KEM,), HYBRID, reason, _names(both))


def _secret(case: Case, level: Security) -> list[Need]:
    """Return the needs that ask for just this level, and have to be met."""
    return [need for need in _musts(case, "security") if Security.at(need.threshold) is level]


def _moving(case: Case) -> Iterator[Wish]:
    for site in case.sites:
        if site.is_moving:
            asking = tuple(need.id for need in case.needs if any(site.id in pair for pair in case.pairs(need)))
            yield Wish(Stance.TAKE, (SKY,), MOVING, f"{site.id} moves, and no fibre follows it", asking)


def _domains(case: Case) -> Iterator[Wish]:
    names = sorted({site.domain for site in case.sites if site.domain})
    apart = [need.id for need in case.needs if any(is_apart(case, pair) for pair in case.pairs(need))]
    if apart:
        reason = f"the networks of {' and '.join(names)} meet at a node of each, which sees the keys that cross"
        yield Wish(Stance.TAKE, (RELAY,), DOMAINS, reason, tuple(apart))


def _musts(case: Case, measure: str) -> list[Need]:
    """Return the needs of a measure that have to be met."""
    return [need for need in case.needs if need.measure == measure and need.priority is Priority.MUST]


def _names(needs: list[Need]) -> tuple[NeedId, ...]:
    return tuple(need.id for need in needs)
