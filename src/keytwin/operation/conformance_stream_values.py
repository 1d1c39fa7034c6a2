"""What is asked of a foreign key manager by ETSI GS QKD 004 V2.1.1 and what it told, whatever the encoding: values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from keytwin.operation.conformance_reading import whole
from keytwin.vocabulary.stream_messages import LARGEST, StreamQos

ROOM: Final = 4_096  # octets for metadata, where it is not the question how many there are


class Function(StrEnum):
    """The three functions (Table 1)."""

    OPEN_CONNECT = "OPEN_CONNECT"
    GET_KEY = "GET_KEY"
    CLOSE = "CLOSE"


@dataclass(frozen=True, slots=True)
class Opening:
    """OPEN_CONNECT as it is asked; `ksid` None = NULL."""

    source: str
    destination: str
    ksid: str | None
    qos: StreamQos


@dataclass(frozen=True, slots=True)
class Told:
    """What came back. `status` None = none of the standard did, and `why` says what did; it may hold key.

    `faults`: what is wrong with its form. `seconds`: how long it took. `size`: of the metadata, as it was told.
    """

    status: int | None = None
    why: str = ""
    ksid: str | None = None
    qos: StreamQos | None = None
    index: int | None = None
    key: bytes | None = field(default=None, repr=False)
    metadata: bytes | None = None
    size: int | None = None
    needed: int | None = None
    faults: tuple[str, ...] = ()
    seconds: float = 0.0
    is_refused_in_tls: bool = False

    @property
    def is_done(self) -> bool:
        """Whether it says that what was asked is done, key and all."""
        return self.status == 0

    @property
    def is_registered(self) -> bool:
        """Whether an OPEN_CONNECT brought a stream: its peer is there, or not yet."""
        return self.status in (0, 1)

    @property
    def said(self) -> str:
        """What came back, in a word or two, and nothing of a key."""
        return f"no status ({self.why})" if self.status is None else f"status {self.status}"


def member_faults(told: Mapping[str, object]) -> Iterator[str]:
    """Say what is wrong with a QoS as it was told: each member is there and of its type (Table 2)."""
    for name in StreamQos.__struct_fields__:
        value = told.get(name)
        if name == "metadata_mimetype":
            if not isinstance(value, str):
                yield f"has a QoS whose {name} is no text"
        elif whole(value) is None or not 0 <= (whole(value) or 0) <= LARGEST:
            yield f"has a QoS whose {name} is no uint32"
