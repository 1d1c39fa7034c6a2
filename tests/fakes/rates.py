"""Physics that anybody can do in the head: a rate that falls with the loss, and ends."""

from __future__ import annotations

from typing import Final

from keytwin.vocabulary.device import Device
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.medium import SATELLITE
from keytwin.vocabulary.topology import QLink

FULL: Final = 1e6  # bit/s without any loss
REACH: Final = 20.0  # dB
PASSES: Final = 100.0  # bit/s over a satellite, whatever its orbit


def rate_by_loss(link: QLink, device: Device) -> float:
    """A tenth for every 10 dB; nothing beyond 20 dB."""
    del device
    if link.medium == SATELLITE:
        return PASSES
    loss = link.total_loss if link.total_loss is not None else link.length * link.attenuation
    if loss > REACH:
        raise Mistake(f"no key at {loss:.1f} dB: it reaches {REACH:.0f} dB")
    return float(FULL * 10 ** (-loss / 10))
