"""The paths and data formats of the JSON binding of ETSI GS QKD 004 V2.1.1, declared once.

The standard leaves the transport open. Names are those of its Table 2 in lower case; `etsi004` reads and writes by
these declarations and `etsi004_openapi` publishes them. Members that nothing here declares are ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from keytwin.service.etsi014_wire import Uuid
from keytwin.service.stream_qos import METADATA
from keytwin.vocabulary.stream_messages import LARGEST, StreamQos, StreamStatus

PREFIX: Final = "/qkd/004/v2/"
OPEN_CONNECT: Final = PREFIX + "open_connect"
GET_KEY: Final = PREFIX + "get_key"
CLOSE: Final = PREFIX + "close"
USUAL_ROOM: Final = 1_024  # octets for metadata, unless the caller says
LONGEST_URI: Final = 2_048
LONGEST_TYPE: Final = 255  # octets of Metadata_mimetype: its field is char[256] and ends with a 0

Uint32: TypeAlias = Annotated[int, Meta(ge=0, le=LARGEST)]
Uri: TypeAlias = Annotated[str, Meta(min_length=1, max_length=LONGEST_URI)]
Type: TypeAlias = Annotated[str, Meta(max_length=LONGEST_TYPE)]
Status: TypeAlias = Annotated[int, Meta(ge=0, le=int(max(StreamStatus)))]


class Qos(msgspec.Struct, frozen=True):
    """QoS as it is asked for and as it is granted; null, or not there, or 0 = the system chooses.

    An empty `metadata_mimetype` = no metadata.
    """

    key_chunk_size: Uint32 | None = None
    max_bps: Uint32 | None = None
    min_bps: Uint32 | None = None
    jitter: Uint32 | None = None
    priority: Uint32 | None = None
    timeout: Uint32 | None = None
    ttl: Uint32 | None = None
    metadata_mimetype: Type | None = METADATA

    def as_asked(self) -> StreamQos:
        """Return what is asked of the network."""
        given = {name: value for name, value in msgspec.structs.asdict(self).items() if value is not None}
        return StreamQos(**{"metadata_mimetype": METADATA, **given})


class OpenConnect(msgspec.Struct, frozen=True):
    """OPEN_CONNECT. Without `key_stream_id` one is made."""

    source: Uri
    destination: Uri
    key_stream_id: Uuid | None = None
    qos: Qos | None = None


class OpenConnectAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer to OPEN_CONNECT. `qos`: with status 0, 1 and, as a counter-proposal, 7."""

    status: Status
    key_stream_id: Uuid | UnsetType = UNSET
    qos: Qos | UnsetType = UNSET
    detail: str = ""


class GetKey(msgspec.Struct, frozen=True):
    """GET_KEY. Without `index` the next chunk; `metadata_size`: octets that the caller has for metadata."""

    key_stream_id: Uuid
    index: Uint32 | None = None
    metadata_size: Uint32 | None = USUAL_ROOM


class Metadata(msgspec.Struct, frozen=True):
    """Metadata of a chunk; with status 8 only how many octets it would be."""

    size: Uint32
    buffer: str


class GetKeyAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer to GET_KEY; `key_buffer` in base64."""

    status: Status
    index: Uint32 | UnsetType = UNSET
    key_buffer: str | UnsetType = UNSET
    metadata: Metadata | UnsetType = UNSET
    detail: str = ""


class Close(msgspec.Struct, frozen=True):
    """CLOSE."""

    key_stream_id: Uuid


class CloseAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer to CLOSE."""

    status: Status
    detail: str = ""


Kinds: TypeAlias = Mapping[str, type[msgspec.Struct]]
BODIES: Final[Kinds] = MappingProxyType({OPEN_CONNECT: OpenConnect, GET_KEY: GetKey, CLOSE: Close})
ANSWERS: Final[Kinds] = MappingProxyType({OPEN_CONNECT: OpenConnectAnswer, GET_KEY: GetKeyAnswer, CLOSE: CloseAnswer})
