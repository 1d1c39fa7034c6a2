"""Sessions that live on stock: their only way is dark, and both ends of each dark link still hold key of it.

Continuous supply while the quantum layer is down (paper B, 1), for as long as the service level says. A session that
has another way takes that; one that has none stays on its old route and asks for a better one all the while. No new
session is let onto a dark link: what is left belongs to those who had it.

A session that may do without quantum key stays for as long as its way is no worse than dark: its ends fall back by
themselves when they have no key left, and go on along the same way (`keymanagement/fallback.py`). Where what is left is
in doubt they are told at once to take none of it.
"""

from __future__ import annotations

from keytwin.control.admission_case import ROUTING_PATIENCE, AdmissionCase, configure_hops, finish, save
from keytwin.control.admission_table import AdmissionState
from keytwin.control.capacity import TAG_KEY
from keytwin.control.profiles import LATER
from keytwin.vocabulary.events import SessionOnStock
from keytwin.vocabulary.identity import LinkId
from keytwin.vocabulary.key import Fallback
from keytwin.vocabulary.machine import Effect, Publish
from keytwin.vocabulary.session_messages import Reason
from keytwin.vocabulary.units import Bits, Instant, after, in_seconds


def stay_or_finish(session: AdmissionCase, reason: Reason, explanation: str, now: Instant) -> list[Effect]:
    """Let a session that finds no way live on the stock of its old one, or end it and say why."""
    may_stay = session.state is AdmissionState.REROUTING and (
        session.grant.on_stock > 0 or session.grant.outlives_darkness
    )
    if may_stay and not session.office.view.is_known:
        return _ask_again(session, now)  # just restarted: it is not known yet what is dark
    if not may_stay or not _is_old_way_whole(session):
        return finish(session, reason, now, explanation, LATER)
    dark = _dark_links(session)
    # In the first light a link makes less than it will: who has fallen back waits until there is room again.
    if not dark and not session.is_barred:
        return finish(session, reason, now, explanation, LATER)
    flaw = _flaw(session, dark, now)
    if flaw:
        return finish(session, reason, now, f"{explanation}; {flaw}", LATER)
    return _stay(session, dark, now)


def _stay(session: AdmissionCase, dark: tuple[LinkId, ...], now: Instant) -> list[Effect]:
    """Stay on the old route, and tell of it once."""
    if _doubtful(session, dark) and not session.is_barred and session.grant.fallback is not Fallback.NONE:
        _bar(session, now)
        return [save(session), *_ask_again(session, now)]
    again = _ask_again(session, now)
    if session.dark_until is not None or session.is_barred:
        return again
    session.dark_until = after(now, session.grant.on_stock)
    told = SessionOnStock(session.ksid, session.app, dark, session.grant.on_stock, session.grant.fallback.value)
    return [save(session), Publish(told), *again]


def _bar(session: AdmissionCase, now: Instant) -> None:
    """Have the ends take no key of their old route, in a new epoch of it, which reserves nothing."""
    route = session.epochs.route
    assert route
    session.is_barred, session.renewed_at = True, now
    session.epochs.adopt(route, session.office.surely_gone(now))


def _doubtful(session: AdmissionCase, dark: tuple[LinkId, ...]) -> list[LinkId]:
    """Return the links of which what is in stock can't be relied on."""
    return [link for link in dark if not session.office.view.is_dark(link)]


def _ask_again(session: AdmissionCase, now: Instant) -> list[Effect]:
    """Look for another route again soon; whoever may have lost the old one is told it again."""
    session.question = None
    session.asked_before += session.questions
    session.questions = 0
    session.excluded.clear()
    session.timeout_at = after(now, ROUTING_PATIENCE)  # for routing to be silent; on stock the rest is counted
    return configure_hops(session, session.epochs.unconfirmed())


def _dark_links(session: AdmissionCase) -> tuple[LinkId, ...]:
    """Return the links of the old route that make no key."""
    route, view = session.epochs.route, session.office.view
    return tuple(link for link in route.all_links if not view.is_working(link)) if route else ()


def _is_old_way_whole(session: AdmissionCase) -> bool:
    """Whether all key managers of the old route still have it, and are trusted."""
    route, view = session.epochs.route, session.office.view
    if route is None or not set(route.all_nodes) <= set(session.epochs.holding()):
        return False
    return all(view.is_trusted(node) for node in route.all_nodes)


def _flaw(session: AdmissionCase, dark: tuple[LinkId, ...], now: Instant) -> str:
    """Say why the session can't live on the stock of these links, or no longer."""
    office, grant = session.office, session.grant
    if grant.outlives_darkness:
        return ""
    doubtful = _doubtful(session, dark)
    if doubtful:
        return f"what is in stock of {', '.join(doubtful)} can't be relied on"
    if session.dark_until is not None and now >= session.dark_until:
        return f"it has lived on stock for {in_seconds(grant.on_stock):g} s, as long as its service level says"
    # A stock is told anew when it has fallen by half: what is told may be twice what is there. One of which nothing
    # was told yet, as after a restart, counts as there: how long the session lives on it is bounded all the same.
    least = Bits(2 * (grant.tags * TAG_KEY + grant.batch * grant.key_size))
    empty = [link for link in dark if office.stocks.get(link, least) < least]
    if not empty:
        session.dry_until = None
        return ""
    # No more keys can be made; those that lie ready at its ends are still its own.
    session.dry_until = session.dry_until or after(now, office.pool_depth)
    return f"the stock of {', '.join(empty)} is used up" if now >= session.dry_until else ""
