"""Checks of what the links of a network give against what its SLAs promise; the physics is handed in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from keytwin.files.known import Known
from keytwin.files.network_file import NetworkFile
from keytwin.files.nodes import Node, Place, place_of
from keytwin.files.page import Page
from keytwin.vocabulary.device import Device
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.identity import DeviceId
from keytwin.vocabulary.key import KeyMode
from keytwin.vocabulary.topology import QLink
from keytwin.vocabulary.units import show_rate

_SIGNIFICANT: Final = 3  # digits of an expected rate: the model is no better


def best_rate(
    links: Iterable[tuple[Place, QLink]], devices: Mapping[DeviceId, Device], page: Page, known: Known
) -> float | None:
    """Report each link that gives no key, and return the rate of the best one; None when not all rates are known."""
    best = 0.0
    are_known = known.expected_rate is not None
    for place, link in links:
        if known.expected_rate is None or link.device not in devices:
            are_known = False
            continue
        try:
            best = max(best, known.expected_rate(link, devices[link.device]))
        except Mistake as mistake:
            page.report(place, str(mistake))
            are_known = False
    return best if are_known and best > 0 else None


def check_slas(file: NetworkFile, best: float | None, root: Node, page: Page) -> None:
    """Warn of SLAs whose rate no link has room for, `best` being the bit/s of the best one, or that exceed a quota."""
    split = file.control.key_management.split
    share = min(split, 1 - split) * (1 - file.control.admission.margin)
    rates = {sla.id: sla.rate for sla in file.slas}
    for sla in file.slas:
        if best is not None and sla.rate > best * share and sla.mode is not KeyMode.PQC_ONLY:
            most = show_rate(int(float(f"{best * share:.{_SIGNIFICANT}g}")))
            what = f"{show_rate(sla.rate)} is more than any link has for a session: {most} in each direction"
            page.warn(place_of(root, "slas", sla.id, "rate"), what, "every session that asks for it will be refused")
    for user in file.users:
        rate = rates.get(user.sla)
        if rate is not None and user.quota is not None and user.quota < rate:
            what = f"quota {show_rate(user.quota)} is less than the {show_rate(rate)} of a session of SLA {user.sla!r}"
            page.warn(place_of(root, "users", user.id, "quota"), what, "every session that asks for it will be refused")
