"""Keys of a live network asked for one after the other, with an eye on the clock: what an app of a pair would see."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from math import inf
from typing import Final

from keytwin.operation.key_pickup import NotYet, fetch
from keytwin.service.operator_values import SaeStatus

REQUESTS: Final = 20  # of each pair, one after the other
PATIENCE: Final = 30.0  # seconds for the first key of a pair
LATER: Final = 5.0  # and for each other one: one that takes longer counts as missing


@dataclass(slots=True)
class Heard:
    """What one pair got."""

    set_up: float = inf
    """Seconds until the first key."""
    waits: list[float] = field(default_factory=list)
    """Seconds of each later request that was answered."""
    asked: int = 0
    equal: int = 0


def watch(first: SaeStatus, second: SaeStatus) -> Heard:
    """Let one SAE get keys and the other fetch them, in turn; what is not there in time counts as missing."""
    heard = Heard()
    for number in range(REQUESTS + 1):
        begun = time.monotonic()
        try:
            (got,) = fetch(first, second, 1, None, LATER if number else PATIENCE)
        except NotYet:
            heard.asked += 1
            continue
        took = time.monotonic() - begun
        heard.asked += 1
        heard.equal += got.is_equal
        if number:
            heard.waits.append(took)
        else:
            heard.set_up = took
    return heard
