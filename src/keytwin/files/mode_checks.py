"""What a service level may not say of the mode of its keys: what contradicts itself, or could have no effect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from keytwin.algorithms.combiners import MOST_OCTETS
from keytwin.files.network_file import NetworkFile
from keytwin.files.nodes import Node, place_of
from keytwin.files.page import Page
from keytwin.vocabulary.blueprint import Sla
from keytwin.vocabulary.key import Fallback, KeyMode, is_secret_agreed
from keytwin.vocabulary.units import Bits, bits, show_bits

LARGEST: Final = bits(MOST_OCTETS)


class _Flaw(NamedTuple):
    member: str
    what: str
    remedy: str


def check_modes(file: NetworkFile, root: Node, page: Page) -> None:
    """Report service levels whose mode cannot be meant so."""
    for sla in file.slas:
        for flaw in _flaws(sla, file.control.key_management.key_size):
            page.report(place_of(root, "slas", sla.id, flaw.member), flaw.what, flaw.remedy)


def _flaws(sla: Sla, key_size: Bits) -> Iterator[_Flaw]:
    is_pqc_only = sla.mode is KeyMode.PQC_ONLY
    if is_pqc_only and sla.fallback is not Fallback.NONE:
        what = "keys of mode 'pqc-only' have nothing to fall back to: they are made without quantum key as it is"
        yield _Flaw("fallback", what, "leave it out")
    if is_pqc_only and sla.routes > 1:
        what = "keys of mode 'pqc-only' cross no Q-link, so shares of them would hide nothing from anybody"
        yield _Flaw("routes", what, "leave it out, or choose a hybrid mode")
    if is_pqc_only and sla.on_stock > 0:
        what = "a session of mode 'pqc-only' takes no quantum key, and lives on no stock of it"
        yield _Flaw("on_stock", what, "leave it out: it lives on in the dark as it is")
    if is_secret_agreed(sla.mode, sla.fallback) and key_size > LARGEST:
        what = f"keys of {show_bits(key_size)} are too large to be derived: {show_bits(LARGEST)} is the most"
        member = "mode" if sla.mode is not KeyMode.QKD_ONLY else "fallback"
        yield _Flaw(member, what, "lower control.key_management.key_size")
