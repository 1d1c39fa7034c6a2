"""A wiretap on the streams of a live network: which octets of which direction of which link were used, and for what."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

import msgspec

from keytwin.operation.office import Office
from keytwin.runtime.transport_codec import HEAD
from keytwin.vocabulary.identity import ElementName

TAG: Final = 32  # octets of one-time key in front of a relayed batch, and of every active test
Direction = tuple[str, int, str]  # link, epoch, sender


@dataclass(frozen=True, slots=True, order=True)
class Use:
    """Octets [start, end) of a direction, and all that was sent under them."""

    start: int
    end: int
    frame: bytes


@dataclass
class Wiretap:
    """Collects what key managers tell each other; one tap may listen to several runs."""

    uses: dict[Direction, set[Use]] = field(default_factory=dict)
    batches: dict[str, tuple[str, ...]] = field(default_factory=dict)
    kinds: set[str] = field(default_factory=set)

    def listen(self, office: Office) -> None:
        office.network.streams.taps.append(self._hear)

    def _hear(self, source: ElementName, target: ElementName, frame: bytes) -> None:
        del source, target
        octets = bytes(frame)[HEAD:]
        message = msgspec.msgpack.decode(octets)
        self.kinds.add(message["type"])
        length = _length(message)
        if length is None:
            return
        direction = (message["link"], message["link_epoch"], message["sender"])
        use = Use(message["offset"], message["offset"] + length, octets)
        self.uses.setdefault(direction, set()).add(use)
        if "batch_id" in message:
            self.batches[message["batch_id"]] = tuple(message["key_ids"])

    @property
    def key_ids(self) -> list[str]:
        """The identifiers of all keys that were made, once for each batch that has them."""
        return [key_id for key_ids in self.batches.values() for key_id in key_ids]

    def reused(self) -> list[str]:
        """Name every octet range that was used for two different things."""
        found = []
        for direction, uses in self.uses.items():
            for first, second in pairwise(sorted(uses)):
                if second.start < first.end:
                    found.append(f"{direction}: [{first.start}, {first.end}) and [{second.start}, {second.end})")
        return found


def _length(message: dict[str, Any]) -> int | None:
    match message["type"]:
        case "RelayKeys":
            return TAG + len(message["ciphertext"])
        case "AssignKeys":
            return len(message["key_ids"]) * int(message["key_size"]) // 8
        case "ProbeLink" | "ProbeAnswered":
            return TAG
        case _:
            return None
