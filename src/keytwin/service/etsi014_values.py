"""What an SAE asks through the face of ETSI GS QKD 014 V1.1.1, and what the face must know to answer it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec

from keytwin.vocabulary.exchange_messages import GetKey, GetKeyById
from keytwin.vocabulary.identity import ElementName, KeyId, Ksid, SaeId
from keytwin.vocabulary.machine import RequestId
from keytwin.vocabulary.units import Bits, Duration


@dataclass(frozen=True, slots=True)
class Limits:
    """What the face takes at all, whoever asks: characters, octets, levels, entries, bits."""

    target: int = 4_096
    body: int = 65_536
    depth: int = 16
    keys: int = 128  # in one request of either method: what a master got at once, its slave can fetch at once
    key_size: Bits = Bits(32_768)
    slaves: int = 16

    def __post_init__(self) -> None:
        assert min(self.target, self.body, self.depth, self.keys, self.key_size) > 0
        assert self.slaves >= 0


LIMITS: Final = Limits()


class AskStatus(msgspec.Struct, frozen=True, gc=False):
    """Get status (Table 2, method 1): the master is the caller."""

    master: SaeId
    slave: SaeId


class AskKeys(msgspec.Struct, frozen=True):
    """Get key (Table 2, method 2): the master is the caller; `size` None = the size that status tells as key_size."""

    master: SaeId
    slave: SaeId
    number: int = 1
    size: Bits | None = None
    further_slaves: tuple[SaeId, ...] = ()

    def message(self, request_id: RequestId, reply_to: ElementName, ksid: Ksid, timeout: Duration) -> GetKey:
        """Return the question to the key manager, for the standing session of the two SAEs."""
        return GetKey(request_id, reply_to, ksid, self.master, self.number, self.size, timeout)


class AskKeysById(msgspec.Struct, frozen=True):
    """Get key with key IDs (Table 2, method 3): the slave is the caller, the master is the SAE that the path names."""

    slave: SaeId
    master: SaeId
    key_ids: tuple[KeyId, ...]

    def message(self, request_id: RequestId, reply_to: ElementName) -> GetKeyById:
        """Return the question to the key manager: keys of this master, and of no other."""
        return GetKeyById(request_id, reply_to, self.slave, self.key_ids, self.master)


Ask = AskStatus | AskKeys | AskKeysById
