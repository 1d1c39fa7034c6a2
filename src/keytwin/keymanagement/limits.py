"""What a master may ask of a session's pool, derived from its service level: ETSI GS QKD 014 V1.1.1, Table 9."""

from __future__ import annotations

from typing import Final

import msgspec

from keytwin.vocabulary.exchange_messages import DescribePool, KeyRefused, PoolStatus
from keytwin.vocabulary.identity import KmId, NodeId
from keytwin.vocabulary.machine import Effect, Send
from keytwin.vocabulary.session_messages import Reason
from keytwin.vocabulary.units import BITS_PER_BYTE, Bits, Duration, seconds

MOST_PER_REQUEST: Final = 128  # keys: what one request of a slave can name, too
LARGEST_KEY: Final = Bits(32_768)  # 4 KiB: clients keep room for no more
SMALLEST_KEY: Final = Bits(64)  # anything shorter is guessed
NOT_YET: Final = seconds(1)  # a session that is not there now may be on its way


class Holding(msgspec.Struct, frozen=True, gc=False):
    """What an end of a session has: `largest` is the largest key that can be made for it, `depth` that of its pool."""

    key_size: Bits
    burst: Bits
    largest: Bits
    ready: int
    depth: int


def pool_status(ask: DescribePool, node: NodeId, held: Holding) -> Effect:
    """Answer with the limits that the session holds to; more than the burst at once is never possible."""
    whole = min(held.burst, held.largest, LARGEST_KEY) // BITS_PER_BYTE * BITS_PER_BYTE
    status = PoolStatus(
        request_id=ask.request_id,
        ksid=ask.ksid,
        source=KmId(node),
        target=ask.target,
        key_size=held.key_size,
        min_key_size=min(SMALLEST_KEY, held.key_size),
        max_key_size=Bits(max(whole, held.key_size)),
        stored_key_count=held.ready,
        max_key_count=max(held.depth, held.ready),
        max_key_per_request=max(1, min(MOST_PER_REQUEST, held.burst // held.key_size)),
        max_sae_id_count=ask.others,
    )
    return Send(ask.reply_to, status)


def no_pool(ask: DescribePool, reason: Reason = Reason.UNAVAILABLE) -> Effect:
    """Refuse: there is no session now that could be asked of, or it is another's."""
    wait = NOT_YET if reason is Reason.UNAVAILABLE else Duration(0)
    return Send(ask.reply_to, KeyRefused(ask.request_id, reason, wait))
