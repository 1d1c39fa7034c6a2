"""What the audit of a network keeps of a decision about keys: who, which, how large, never the material.

A record that matters to it says so by `Record.audited`; its entry becomes durable with the record, in one write.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from keytwin.vocabulary.identity import KeyId, Ksid, SaeId
from keytwin.vocabulary.units import Bits


class Decision(StrEnum):
    """What was decided about keys."""

    TO_MASTER = "handed out to the master"
    LEASED = "leased for the master"  # counts as handed out: so many of its next keys, of which each is told later
    TO_SLAVE = "handed out to the slave"
    VOIDED = "voided"
    EXPIRED = "expired"
    FELL_BACK = "made without quantum key from here on"
    RETURNED = "made with quantum key again"


class AuditEntry(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One decision; what a record of an earlier keytwin did not say is left empty."""

    decision: Decision
    ksid: Ksid
    sae: SaeId = SaeId("")
    keys: tuple[KeyId, ...] = ()
    size: Bits = Bits(0)  # of each key
    batch: str = ""  # where all that was left of one went at once
