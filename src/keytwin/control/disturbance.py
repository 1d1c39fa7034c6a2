"""Which sessions a change in the network disturbs, and what each of them is told."""

from __future__ import annotations

from keytwin.control.admission_session import AdmissionSession
from keytwin.control.admission_table import RouteBroken, SessionEvicted
from keytwin.control.capacity import Ledger
from keytwin.control.registry import Registry
from keytwin.vocabulary.identity import LinkId, NodeId
from keytwin.vocabulary.session_messages import Reason
from keytwin.vocabulary.units import Instant, show_rate

Disturbance = tuple[AdmissionSession, RouteBroken | SessionEvicted]


def over_link(link: LinkId, registry: Registry, ledger: Ledger) -> list[Disturbance]:
    """Return the sessions whose route crosses a link that is dark."""
    return [(session, RouteBroken(session.ksid, f"{link} is down")) for session in _users(link, registry, ledger)]


def by_distrust(node: NodeId, registry: Registry) -> list[Disturbance]:
    """Return the sessions that end at a node that is not trusted any more, and those that are relayed there.

    Looks at every session: it happens when an operator says so, not with every message.
    """
    cause = f"{node} is not trusted"
    ending = [session for session in registry.live() if node in session.end_nodes]
    passing = [session for session in registry.live() if node not in session.end_nodes and session.passes(node)]
    return [
        *((session, SessionEvicted(session.ksid, Reason.NOT_ALLOWED, cause)) for session in ending),
        *((session, RouteBroken(session.ksid, cause)) for session in passing),
    ]


def by_shortage(link: LinkId, registry: Registry, ledger: Ledger, now: Instant) -> list[Disturbance]:
    """Return the sessions that must leave a link that makes less than is reserved on it.

    Lowest priority first, then the youngest, and no more than needed: never silently over-committed (invariant A1).
    """
    excess = ledger.overdraft(link, now)
    if not excess:
        return []
    costs = ledger.costs(link)
    staying = _users(link, registry, ledger)
    excess -= sum(costs.values()) - sum(costs[session.ksid] for session in staying)  # the others are on their way out
    cause = f"{link} makes only {show_rate(ledger.rates.rate(link, now))}"
    leaving: list[Disturbance] = []
    for session in sorted(staying, key=lambda session: (-session.grant.priority, -session.serial)):
        if excess <= 0:
            break
        excess -= costs[session.ksid]
        leaving.append((session, RouteBroken(session.ksid, cause, (link,))))
    return leaving


def _users(link: LinkId, registry: Registry, ledger: Ledger) -> list[AdmissionSession]:
    if not registry.is_central:
        return [session for session in registry.live() if session.uses(link)]
    sessions = (registry.session(ksid) for ksid in ledger.costs(link))
    return [session for session in sessions if session is not None and session.uses(link)]
