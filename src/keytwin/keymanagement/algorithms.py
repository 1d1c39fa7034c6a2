"""When end-to-end keys are made: the extension point `keytwin.key_management_algorithms`, and its two members.

Paper A calls it a variation point realised by polymorphism: whatever the algorithm, a master end asks
it, after every change, how many keys to make now.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import msgspec


class PoolLevel(msgspec.Struct, frozen=True, gc=False):
    """What a master end tells the algorithm, in keys of the session's own size."""

    ready: int  # available at both ends
    coming: int  # being made
    waiting: int  # asked for by the application and not answered yet
    depth: int  # what the pool may keep ready: so many seconds of the granted rate
    batch: int  # most keys that travel in one message


KeyManagementAlgorithm = Callable[[PoolLevel], int]
"""Returns how many keys to make now."""


def pool(level: PoolLevel) -> int:
    """Make keys ahead of demand, in whole batches, so that the price of a tag is shared by a full message."""
    missing = level.depth + level.waiting - level.ready - level.coming
    urgent = level.waiting - level.ready - level.coming
    whole = missing // level.batch * level.batch
    return max(whole, -(-urgent // level.batch) * level.batch if urgent > 0 else 0)


def on_demand(level: PoolLevel) -> int:
    """Make only what is asked for: no key lies around, each request waits for the relay."""
    return max(0, level.waiting - level.ready - level.coming)


ALGORITHMS: Final[Mapping[str, KeyManagementAlgorithm]] = MappingProxyType({"pool": pool, "on-demand": on_demand})
