"""What the keys of a pair are made of, and what their secrecy rests on: relays, shares, a post-quantum secret."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from keytwin.design.need import Case, Need, Security
from keytwin.design.plan import Plan
from keytwin.design.shares import Way
from keytwin.design.variability import Configuration
from keytwin.vocabulary.blueprint import Sla
from keytwin.vocabulary.identity import NodeId, VariantId
from keytwin.vocabulary.key import KeyMode, may_lack_quantum_key

ML_KEM: Final = VariantId("hybrid.ml-kem")


def mode_of(case: Case, chosen: Configuration) -> KeyMode:
    """Return what keys are made of: the XOR where a need asks for what no computer breaks, else CatKDF."""
    if ML_KEM not in chosen:
        return KeyMode.QKD_ONLY
    return KeyMode.HYBRID_XOR if any(map(_is_beyond_computing, case.needs)) else KeyMode.HYBRID_CATKDF


def security_of(plan: Plan, pair: tuple[NodeId, NodeId], routes: Sequence[Way]) -> Security:
    """Return what the secrecy of a pair's keys rests on, where their quantum key goes these routes."""
    quantum = _of_quantum_key(routes, plan.routes)
    levels = [_combined(quantum, sla) for sla in plan.promised_to(pair)]
    return min(levels, key=lambda level: level.place, default=quantum)


def computed_by(slas: Iterable[Sla]) -> KeyMode | None:
    """Return the mode by which keys are computed, or may come to be; None = each is as random as a pad has to be."""
    for sla in slas:
        if may_lack_quantum_key(sla.mode, sla.fallback):
            return KeyMode.PQC_ONLY
        if sla.mode is KeyMode.HYBRID_CATKDF:
            return sla.mode
    return None


def takes_quantum_key(slas: Sequence[Sla]) -> bool:
    """Whether keys of these service levels load the links; where none is laid out yet, they will."""
    return not slas or any(sla.mode is not KeyMode.PQC_ONLY for sla in slas)


def _is_beyond_computing(need: Need) -> bool:
    if need.measure == "security":
        return Security.at(need.threshold) in (Security.DISJOINT_SHARES, Security.END_TO_END)
    return need.measure == "one-time-pad"


def _of_quantum_key(routes: Sequence[Way], shares: int) -> Security:
    # One share that no relay sees is enough: without it the others are worth nothing.
    if any(len(route.edges) == 1 for route in routes):
        return Security.END_TO_END
    return Security.DISJOINT_SHARES if len(routes) >= shares > 1 else Security.TRUSTED_RELAYS


def _combined(quantum: Security, sla: Sla) -> Security:
    # A fallback is told and recorded, and hands out such keys all the same.
    if may_lack_quantum_key(sla.mode, sla.fallback):
        return Security.POST_QUANTUM
    match sla.mode:
        case KeyMode.HYBRID_XOR:
            return quantum if quantum.reaches(Security.HYBRID) else Security.HYBRID
        case KeyMode.HYBRID_CATKDF:
            # Whatever the quantum key was worth: who inverts the derivation needs neither of its inputs.
            return Security.HYBRID
        case _:
            return quantum
