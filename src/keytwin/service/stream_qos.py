"""What a stream may be granted: the QoS of ETSI GS QKD 004 V2.1.1 Table 2 against a service level, both ways."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec

from keytwin.vocabulary.session_messages import Qos
from keytwin.vocabulary.stream_messages import LARGEST, StreamQos
from keytwin.vocabulary.units import (
    BITS_PER_BYTE,
    NANOSECONDS_PER_SECOND,
    Bits,
    BitsPerSecond,
    Duration,
    milliseconds,
    seconds,
)

METADATA: Final = "application/json"
LONGEST_WAIT: Final = seconds(20)  # for whatever Timeout says: the network's own limit, below that of a connection
LARGEST_CHUNK: Final = 4_096  # octets: what the other faces give as one key, too


@dataclass(frozen=True, slots=True)
class Level:
    """What an app's service level and the network's settings allow a stream."""

    rate: BitsPerSecond
    burst: Bits
    priority: int
    key_size: Bits
    lifetime: Duration

    @property
    def largest_chunk(self) -> int:
        """Octets."""
        return min(LARGEST_CHUNK, self.burst // BITS_PER_BYTE)


def granted(wanted: StreamQos, level: Level) -> StreamQos:
    """Return the closest to what is wanted that can be given; it can be met where `is_met` says so."""
    chunk = wanted.key_chunk_size or level.key_size // BITS_PER_BYTE
    rate = min(wanted.max_bps or level.rate, level.rate, LARGEST)
    return StreamQos(
        key_chunk_size=min(chunk, level.largest_chunk),
        max_bps=rate,
        min_bps=min(wanted.min_bps, rate),
        jitter=rate,  # a token bucket promises an average: within a second the rate may be anything
        priority=max(wanted.priority, level.priority),
        timeout=wanted.timeout,
        ttl=min(wanted.ttl or LARGEST, level.lifetime // NANOSECONDS_PER_SECOND),
        metadata_mimetype=wanted.metadata_mimetype and METADATA,
    )


def is_met(wanted: StreamQos, given: StreamQos) -> bool:
    """Whether a grant is what was needed: the chunk size, the least rate and the type of metadata."""
    return (
        wanted.key_chunk_size in (0, given.key_chunk_size)
        and wanted.min_bps <= given.min_bps
        and not (wanted.max_bps and wanted.min_bps > wanted.max_bps)
        and wanted.metadata_mimetype == given.metadata_mimetype
    )


def of_session(given: StreamQos, level: Level) -> Qos:
    """Return what the session is asked with."""
    size = Bits(given.key_chunk_size * BITS_PER_BYTE)
    rate = BitsPerSecond(min(given.max_bps, level.rate))
    return Qos(rate=rate, priority=given.priority, key_size=size, is_stream=True)


def as_opened(given: StreamQos, chunk: Bits, rate: BitsPerSecond) -> StreamQos:
    """Return the QoS of a session that is open."""
    told = min(rate, LARGEST)
    return msgspec.structs.replace(given, key_chunk_size=chunk // BITS_PER_BYTE, max_bps=told, jitter=told)


def patience(given: StreamQos) -> Duration:
    """Return how long a call may wait: Timeout, where 0 is no limit but the network's own."""
    return min(milliseconds(given.timeout), LONGEST_WAIT) if given.timeout else LONGEST_WAIT
