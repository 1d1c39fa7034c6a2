"""From a device with entangled pairs and a channel to the model of a link, or to the reason for its absence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

from keytwin.quantum.background import clicks_over
from keytwin.quantum.bbm92 import PulsedPairs
from keytwin.quantum.bbm92_cw import DETECTORS, ContinuousPairs
from keytwin.quantum.channel import Channel, Reals, transmittance
from keytwin.quantum.counted_link import MOST_PULSES, CountedLink, CountEstimator, Promises, why_no_key
from keytwin.quantum.e91 import CLASSICAL, chsh_value, visibility, winning_share, with_fixed_outcomes
from keytwin.quantum.pair_estimators import BellTested, DeviceIndependent, TwoBases
from keytwin.quantum.reach import best_setting, link_within_reach, refuse_broken
from keytwin.quantum.traits import Proof, Threat, Traits
from keytwin.vocabulary.device import Device
from keytwin.vocabulary.device_pairs import (
    Bbm92CwDevice,
    Bbm92Device,
    DeviceIndependentDevice,
    E91Device,
    PairDevice,
    PulsedPairDevice,
)
from keytwin.vocabulary.medium import SATELLITE
from keytwin.vocabulary.units import Decibels, in_seconds

KEY_SETTINGS: Final = 2.0 / 9.0  # of the nine pairs of settings of E91, two are alike and make key
BELL_SETTINGS: Final = 4.0 / 9.0  # and four make the Bell test
PICOSECOND: Final = 1e-12
BRIGHTNESS: Final = (1e-5, 0.5)
"""Mean pairs per pulse: below, dark counts rule; above, hardly a pulse holds one pair."""
SLOWEST: Final = 1e3  # pairs a second of a continuous source

BBM92_TRAITS: Final = Traits(
    proof=Proof.FINITE,
    trl=7,
    threats=(Threat.PHOTON_SPLITTING, Threat.UNTRUSTED_SOURCE),
    sources=MappingProxyType(
        {
            "proof": "Tomamichel, Lim, Gisin, Renner, Nat. Commun. 3 634; Koashi, Preskill, PRL 90 057902",
            "trl": "Joshi et al., Sci. Adv. 6 eaba0959 (2020): a metropolitan network of eight users",
        }
    ),
)
E91_TRAITS: Final = Traits(
    proof=Proof.COLLECTIVE,
    trl=5,
    threats=(Threat.PHOTON_SPLITTING, Threat.UNTRUSTED_SOURCE),
    sources=MappingProxyType(
        {
            "proof": "Ekert, PRL 67 661 (1991); the Bell operator as a test of complementary errors of trusted qubits",
            "trl": "Ling et al., PRA 78 020301 (2008): key with a Bell test over 1.4 km of air",
        }
    ),
)
DEVICE_INDEPENDENT_TRAITS: Final = Traits(
    proof=Proof.COLLECTIVE,
    trl=3,
    threats=tuple(Threat),
    sources=MappingProxyType(
        {
            "proof": "Acin et al., PRL 98 230501 (2007)",
            "threats": "The same: nothing is assumed of the devices but that they send nothing out on their own",
            "trl": "Nadlinger et al., Nature 607 682 (2022); Zhang et al., Nature 607 687 (2022)",
        }
    ),
)
NO_HERALDS: Final = MappingProxyType(
    {
        "satellite": "the station between the ends would fly, and its heralds would come too late for any memory of "
        "today; use a protocol that trusts its detectors",
    }
)
"""Media over which no heralding station can stand."""


def bbm92_link(device: Device, channel: Channel) -> CountedLink:
    """Return the model of a link with pulsed BBM92."""
    assert isinstance(device, Bbm92Device)
    check_pulsed(device)
    check_bases(device, device.key_basis_share)
    estimator = TwoBases(_promises(device))

    def cells(pairs: PulsedPairs, brightness: float) -> tuple[float, ...]:
        return _two_bases(float(pairs.gain(brightness)), float(pairs.wrong(brightness)), device.key_basis_share)

    return _pulsed_link(device, channel, _Ends(estimator, cells, 4, alike(device.key_basis_share)))


def e91_link(device: Device, channel: Channel) -> CountedLink:
    """Return the model of a link with pulsed E91, measurements trusted."""
    assert isinstance(device, E91Device)
    check_pulsed(device)

    def cells(pairs: PulsedPairs, brightness: float) -> tuple[float, ...]:
        gain, wrong = float(pairs.gain(brightness)), float(pairs.wrong(brightness))
        won = float(winning_share(chsh_value(visibility(pairs.error_rate(brightness)))))
        key, test = KEY_SETTINGS, BELL_SETTINGS * gain
        return (key * (gain - wrong), key * wrong, test * won, test * (1.0 - won))

    return _pulsed_link(device, channel, _Ends(BellTested(_promises(device)), cells, 2, KEY_SETTINGS + BELL_SETTINGS))


def bbm92_cw_link(device: Device, channel: Channel) -> CountedLink:
    """Return the model of a link with a continuously pumped source; each window is a chance for one coincidence."""
    assert isinstance(device, Bbm92CwDevice)
    check_pairs(device)
    check_bases(device, device.key_basis_share)
    _check_path(device, device.source_position, channel)
    windows = windows_of(device)
    estimator = TwoBases(_promises(device))

    def cells(pairs: ContinuousPairs, pair_rate: float) -> tuple[float, ...]:
        found = sum(float(part) for part in pairs.coincidences(pair_rate)) * device.coincidence_window_ps * PICOSECOND
        return _two_bases(found, found * float(pairs.error_rate(pair_rate)), device.key_basis_share)

    def link_at(loss: Decibels) -> CountedLink:
        pairs = continuous_pairs(device, loss, channel.background)

        def link_with(pair_rate: float) -> CountedLink:
            found = cells(pairs, pair_rate)
            gain = sum(found) / alike(device.key_basis_share)
            return CountedLink(found, 4, estimator, windows, device.block_time, gain)

        return link_with(
            device.pair_rate or _best(link_with, SLOWEST, BRIGHTNESS[1] / (device.coincidence_window_ps * PICOSECOND))
        )

    return link_within_reach(device, channel, link_at, why_no_key)


def device_independent_link(device: Device, channel: Channel) -> CountedLink:
    """Return the model of a link with device-independent E91 on heralded pairs."""
    assert isinstance(device, DeviceIndependentDevice)
    check_heralded(device)
    estimator = DeviceIndependent(_promises(device))
    attempts = pulses_of(device, device.attempt_rate, "attempt_rate")
    chsh, error = (float(each) for each in with_fixed_outcomes(device.visibility, device.detection_efficiency))
    won = float(winning_share(chsh))

    def link_at(loss: Decibels) -> CountedLink:
        heralded = device.herald_efficiency * float(transmittance(loss))
        key, test = heralded * (1.0 - device.test_share), heralded * device.test_share
        cells = (key * (1.0 - error), key * error, test * won, test * (1.0 - won))
        return CountedLink(cells, 2, estimator, attempts, device.block_time, heralded)

    return link_within_reach(device, channel, link_at, why_no_key)


# --- from a device to cells -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Ends:
    """What the two ends of a pulsed source do: how they sort coincidences, and what they make of the counts."""

    estimator: CountEstimator
    cells: Callable[[PulsedPairs, float], tuple[float, ...]]
    key_cells: int
    counted: float
    """Share of the coincidences that fall into one of the cells."""


def _pulsed_link(device: PulsedPairDevice, channel: Channel, ends: _Ends) -> CountedLink:
    _check_path(device, device.source_position, channel)
    pulses = pulses_of(device, device.clock, "clock")

    def link_at(loss: Decibels) -> CountedLink:
        pairs = pulsed_pairs(device, loss, channel.background)

        def link_with(mean: float) -> CountedLink:
            cells = ends.cells(pairs, mean / 2.0)
            gain = sum(cells) / ends.counted
            return CountedLink(cells, ends.key_cells, ends.estimator, pulses, device.block_time, gain)

        return link_with(device.pair_number or _best(link_with, *BRIGHTNESS))

    return link_within_reach(device, channel, link_at, why_no_key)


def _best(link_with: Callable[[float], CountedLink], least: float, most: float) -> float:
    def length(setting: float) -> float:
        link = link_with(setting)
        return link.estimator.signed_length([link.pulses * cell for cell in link.cells])

    return best_setting(length, least, most)


def pulsed_pairs(device: PulsedPairDevice, loss: npt.ArrayLike, background: npt.ArrayLike) -> PulsedPairs:
    """Return source, channels and detectors as the paper has them; loss and background may be arrays."""
    first, second = _arms(device.detection_efficiency, device.source_position, loss)
    foreign = clicks_over(background, device.clock, device.detection_efficiency)
    near, far = (
        2.0 * np.minimum(0.5, device.dark_count + (foreign if part > 0 else 0.0))
        for part in _parts(device.source_position)
    )
    return PulsedPairs(first, second, near, far, device.misalignment)


def continuous_pairs(device: Bbm92CwDevice, loss: npt.ArrayLike, background: npt.ArrayLike) -> ContinuousPairs:
    """Return the same of a source that is pumped without pause."""
    first, second = _arms(device.detection_efficiency, device.source_position, loss)
    foreign = np.asarray(background) * device.detection_efficiency / DETECTORS
    near, far = (device.dark_count_rate + (foreign if part > 0 else 0.0) for part in _parts(device.source_position))
    window, jitter = device.coincidence_window_ps * PICOSECOND, device.jitter_ps * PICOSECOND
    dead = in_seconds(device.dead_time)
    return ContinuousPairs(first, second, near, far, dead, window, jitter, device.misalignment)


def _arms(efficiency: float, position: float, loss: npt.ArrayLike) -> tuple[Reals, Reals]:
    """Return the transmittances from the source to a click at either end."""
    near, far = (efficiency * transmittance(np.asarray(loss) * part) for part in _parts(position))
    return near, far


def _parts(position: float) -> tuple[float, float]:
    """Return the shares of the loss on either side of the source; an end without any gets no foreign light either."""
    return position, 1.0 - position


def alike(first_share: float) -> float:
    """Return the share of the pairs that both ends measure in the same basis."""
    return first_share**2 + (1.0 - first_share) ** 2


def _two_bases(gain: float, wrong: float, first_share: float) -> tuple[float, ...]:
    shares = (first_share**2, (1.0 - first_share) ** 2)
    return tuple(share * part for share in shares for part in (gain - wrong, wrong))


def _promises(device: PairDevice) -> Promises:
    return Promises(device.reconciliation, device.correctness, device.secrecy)


# --- what is wrong with a device ------------------------------------------------------------------------------------


def check_pairs(device: PairDevice) -> None:
    """Refuse what no hardware and no post-processing can be."""
    rules = (
        (device.block_time > 0, "block_time must be above 0"),
        (device.reconciliation >= 1, "reconciliation below 1 would beat Shannon's limit; 1.05 to 1.3 are usual"),
        (0 < device.secrecy < 1, "secrecy must be above 0 and below 1"),
        (0 < device.correctness < 1, "correctness must be above 0 and below 1"),
    )
    refuse_broken(device, rules)


def check_pulsed(device: PulsedPairDevice) -> None:
    """Refuse what no pulsed source and no pair of receivers can be."""
    check_pairs(device)
    bright = device.pair_number
    rules = (
        (device.detection_efficiency > 0, "detection_efficiency must be above 0"),
        (max(device.dark_count, device.misalignment) <= 0.5, "dark_count and misalignment must not exceed 0.5"),
        (bright is None or 0 < bright <= 2, "pair_number must be above 0 and at most 2"),
    )
    refuse_broken(device, rules)


def check_bases(device: PairDevice, share: float) -> None:
    """Refuse a choice of bases that leaves one out."""
    refuse_broken(device, ((0 < share < 1, "key_basis_share must be above 0 and below 1: each basis tests the other"),))


def _check_path(device: PairDevice, position: float, channel: Channel) -> None:
    """Refuse a source half-way to a satellite: its loss is that of one path through the air, not of two in a row."""
    rule = (
        f"source_position = {position:.0%}: between ground and satellite nothing can stand; "
        "0 % or 100 % puts the source at one of the two"
    )
    refuse_broken(device, ((channel.medium != SATELLITE or position in {0.0, 1.0}, rule),))


def check_heralded(device: DeviceIndependentDevice) -> None:
    """Refuse a device that passes no Bell test at any distance, with the value that it would reach."""
    check_pairs(device)
    chsh, _ = with_fixed_outcomes(device.visibility, device.detection_efficiency)
    rules = (
        (0 < device.herald_efficiency <= 1, "herald_efficiency must be above 0"),
        (0 < device.test_share < 1, "test_share must be above 0 and below 1: without a Bell test nothing is known"),
        (
            float(chsh) > CLASSICAL,
            f"visibility and detection_efficiency give CHSH = {float(chsh):.3f}: up to 2, outcomes may be fixed",
        ),
    )
    refuse_broken(device, rules)


def pulses_of(device: PairDevice, frequency: float, name: str) -> int:
    """Return the pulses of a block; Mistake when there are none, or more than can be counted."""
    pulses = frequency * in_seconds(device.block_time)
    rule = f"{name} x block_time = {pulses:.3g} pulses: give 1 to {MOST_PULSES:.0e}"
    refuse_broken(device, ((1 <= pulses <= MOST_PULSES, rule),))
    return round(pulses)


def windows_of(device: Bbm92CwDevice) -> int:
    """Return the coincidence windows of a block; refuse a device that clicks in each of them."""
    window = device.coincidence_window_ps * PICOSECOND
    refuse_broken(device, ((window > 0, "coincidence_window_ps must be above 0"),))
    clicks_within = window * max(device.pair_rate or 0.0, DETECTORS * device.dark_count_rate)
    rules = (
        (device.detection_efficiency > 0, "detection_efficiency must be above 0"),
        (device.misalignment <= 0.5, "misalignment must not exceed 0.5"),
        (
            clicks_within <= 0.5,
            f"a coincidence_window_ps holds {clicks_within:.2g} pairs or dark counts: at most 0.5",
        ),
    )
    refuse_broken(device, rules)
    return pulses_of(device, 1.0 / window, "1 / coincidence_window_ps")
