"""From a chain of repeaters and a fibre to the model of a link, or to the physical reason why there is none."""

from __future__ import annotations

from math import inf
from types import MappingProxyType
from typing import Final

import numpy as np

from keytwin.quantum.analytic import AnalyticRate, Channels
from keytwin.quantum.channel import Channel, Fibre, transmittance
from keytwin.quantum.counted_link import MOST_PULSES, CountedLink, Promises, why_no_key
from keytwin.quantum.pair_estimators import TwoBases
from keytwin.quantum.reach import link_within_reach, refuse_broken
from keytwin.quantum.repeater import MOST_PAIRS, Chain
from keytwin.quantum.traits import Proof, Threat, Traits
from keytwin.vocabulary.device import Device
from keytwin.vocabulary.device_repeater import RepeaterDevice
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.medium import FREE_SPACE, SATELLITE
from keytwin.vocabulary.units import Decibels, Kilometres, in_seconds

REPEATER_TRAITS: Final = Traits(
    Proof.FINITE,
    trl=3,
    threats=(Threat.PHOTON_SPLITTING, Threat.UNTRUSTED_SOURCE, Threat.UNTRUSTED_RELAY),
    is_repeaterless=False,
    sources=MappingProxyType(
        {
            "proof": "BBM92 on what the chain delivers: Tomamichel, Lim, Gisin, Renner, Nat. Commun. 3 634",
            "threats": "Briegel et al., PRL 81 5932: no key ever exists in a repeater; the ends' detectors are trusted",
            "trl": "Chosen: memories were entangled over a city (Liu et al., Nature 629 579), no chain runs",
        }
    ),
)
FIBRE_ONLY: Final = MappingProxyType(
    {
        FREE_SPACE: "a chain needs stations along its way, joined by fibre",
        SATELLITE: "a chain needs stations along its way, joined by fibre",
    }
)
"""Media that no chain runs over."""
SPEED: Final = 2e5  # km/s of light in fibre (Sangouard et al., RMP 83 33)
_FARTHEST: Final = Decibels(400.0)  # 2000 km
_USUAL: Final = 5.0  # km a decibel, of a fibre whose own says nothing
_RAREST: Final = 1e-100  # success of an attempt; nobody waits so long, and sums of it stay numbers


def repeater_link(device: Device, channel: Channel) -> CountedLink:
    """Return the model of a link; Mistake when the device is impossible, the loss too large or the medium no fibre."""
    assert isinstance(device, RepeaterDevice)
    _check(device)
    reach = _kilometres_per_decibel(device, channel)

    def link_at(loss: Decibels) -> CountedLink:
        length = Kilometres(_length(channel) if loss == channel.loss else loss * reach)
        return _link(device, loss, length)

    return link_within_reach(device, channel, link_at, why_no_key, _FARTHEST)


def repeater_rates(device: Device, channels: Channels) -> AnalyticRate:
    """Return what endless blocks would give per attempt; Mistake when the device is impossible.

    Chains are worked out one by one. Where no length is known, it is that of the usual fibre with such a loss.
    """
    assert isinstance(device, RepeaterDevice)
    _check(device)
    sifting = device.key_basis_share**2 + (1.0 - device.key_basis_share) ** 2
    told = []
    for loss, length in zip(channels.loss.tolist(), channels.length.tolist(), strict=True):
        way = Kilometres(length or loss * _USUAL)
        delivery = chain_of(device, Decibels(loss), way).delivery
        bit, phase = delivery.error_rates
        share = device.key_basis_share**2 / sifting
        error = share * bit + (1.0 - share) * phase
        secret = sifting * delivery.rate(device.reconciliation)
        told.append((delivery.success / delivery.slots, error, secret, secret / slot_time(device, way)))
    gain, errors, rate, per_second = np.array(told).reshape(-1, 4).T
    return AnalyticRate(gain, errors, rate, per_second)


def slot_time(device: RepeaterDevice, length: Kilometres) -> float:
    """Return the seconds of one attempt: a period of the clock, and the way of the signal along a segment."""
    return 1.0 / device.clock + length / device.segments / SPEED


def chain_of(device: RepeaterDevice, loss: Decibels, length: Kilometres) -> Chain:
    """Return the chain that a device makes of a fibre."""
    slot = slot_time(device, length)
    return Chain(
        segments=int(device.segments),
        success=max(device.pair_probability * float(transmittance(loss / device.segments)), _RAREST),
        fidelity=device.elementary_fidelity,
        swap_success=device.swap_probability,
        decay=slot / in_seconds(device.memory_time),
        patience=inf if device.cut_off is None else float(in_seconds(device.cut_off) // slot),
        purifications=int(device.purification_rounds),
    )


def _link(device: RepeaterDevice, loss: Decibels, length: Kilometres) -> CountedLink:
    """Return the model of a chain. A block has the mean number of rounds; how it scatters is left to their success."""
    delivery = chain_of(device, loss, length).delivery
    slots = in_seconds(device.block_time) / slot_time(device, length)
    rounds = min(int(slots / delivery.slots), MOST_PULSES)
    cells = tuple(
        delivery.success * share * share * part
        for share, error in zip(
            (device.key_basis_share, 1.0 - device.key_basis_share), delivery.error_rates, strict=True
        )
        for part in (1.0 - error, error)
    )
    promises = Promises(device.reconciliation, device.correctness, device.secrecy)
    return CountedLink(cells, 4, TwoBases(promises), rounds, device.block_time, uses=slots)


def _length(channel: Channel) -> Kilometres:
    """Return the length of the fibre; of one whose loss alone is known, the one that its attenuation tells."""
    assert isinstance(channel, Fibre)
    if channel.length > 0 or not channel.attenuation:
        return channel.length
    return Kilometres(channel.loss / channel.attenuation)


def _kilometres_per_decibel(device: RepeaterDevice, channel: Channel) -> float:
    if not isinstance(channel, Fibre):
        raise Mistake(f"device {device.name}: a chain of repeaters needs fibre, not {channel.medium!r}")
    return _length(channel) / channel.loss if channel.loss > 0 else _USUAL


def _check(device: RepeaterDevice) -> None:
    """Refuse what no chain can be."""
    segments, purifications = device.segments, device.purification_rounds
    is_whole = segments >= 1 and segments % 1 == 0 and purifications % 1 == 0
    chances = (device.pair_probability, device.swap_probability)
    rules = (
        (is_whole, "segments must be a whole number from 1 on, purification_rounds one from 0 on"),
        (
            segments * 2.0 ** min(purifications, 64.0) <= MOST_PAIRS,
            f"segments x 2^purification_rounds must not exceed {MOST_PAIRS}: so many memories each station would need",
        ),
        (device.clock > 0, "clock must be above 0"),
        (device.block_time > 0, "block_time must be above 0"),
        (min(chances) > 0, "pair_probability and swap_probability must be above 0"),
        (device.elementary_fidelity > 0.5, "elementary_fidelity must be above 0.5: what is below is not entangled"),
        (device.memory_time > 0, "memory_time must be above 0"),
        (0 < device.key_basis_share < 1, "key_basis_share must be above 0 and below 1: each basis tests the other"),
        (device.reconciliation >= 1, "reconciliation below 1 would beat Shannon's limit; 1.05 to 1.3 are usual"),
        (0 < device.secrecy < 1, "secrecy must be above 0 and below 1"),
        (0 < device.correctness < 1, "correctness must be above 0 and below 1"),
    )
    refuse_broken(device, rules)
