"""A device of each protocol, its settings fixed where it can fix them, to vary; and devices at random."""

from __future__ import annotations

from dataclasses import fields, replace
from types import MappingProxyType
from typing import Final

import numpy as np
from hypothesis import strategies as st

from keytwin.quantum.analytic import AnalyticRate, Channels
from keytwin.quantum.channel import Reals, plob_bound, single_repeater_bound, transmittance
from keytwin.quantum.protocols import PROTOCOLS, analytic_rate
from keytwin.quantum.repeater import chain_bound
from keytwin.vocabulary.device import Device
from keytwin.vocabulary.device_repeater import RepeaterDevice
from keytwin.vocabulary.units import hours
from tests.quantum.shipped import NAMES, shipped

DEVICES: Final = MappingProxyType({shipped(name).protocol: shipped(name) for name in reversed(NAMES)})
"""Of each protocol the first that is shipped."""
WITH_FORMULA: Final = tuple(sorted(name for name, protocol in PROTOCOLS.items() if protocol.analytic is not None))
PER_PULSE: Final = tuple(name for name in WITH_FORMULA if name != "sarg04")
"""Those whose pulses are known."""
FIXED: Final = MappingProxyType(
    {
        "decoy-bb84": {
            "signal_intensity": 0.46,
            "decoy_intensity": 0.22,
            "signal_share": 0.3,
            "decoy_share": 0.5,
            "key_basis_share": 0.8,
        },
        "bb84-one-decoy": {
            "signal_intensity": 0.5,
            "decoy_intensity": 0.15,
            "signal_share": 0.7,
            "key_basis_share": 0.85,
        },
        "bb84-no-decoy": {"signal_intensity": 0.003, "key_basis_share": 0.8},
        "bb84-single-photon": {"key_basis_share": 0.9},
        "bbm92": {"pair_number": 0.05},
        "e91": {"pair_number": 0.05},
        "bbm92-cw": {"pair_rate": 2e7},
        "gg02-homodyne": {"modulation_variance": 4.0},
        "gg02-heterodyne": {"modulation_variance": 4.0},
        "dps": {"intensity": 0.15},
        "cow": {"intensity": 0.1},
    }
)
"""Settings that are good at a few decibels; protocols that are missing have none to fix."""
_LEFT_ALONE: Final = frozenset(
    {
        ("decoy-bb84", "decoy_share"),  # goes with other settings
        ("e91-device-independent", "detection_efficiency"),  # below nine tenths no Bell test is passed
    }
)
_VARIED: Final = MappingProxyType(
    {
        "detection_efficiency": st.floats(0.02, 1.0),
        "dark_count": st.floats(0.0, 1e-3),
        "dark_count_rate": st.floats(0.0, 1e4),
        "misalignment": st.floats(0.0, 0.2),
        "afterpulse": st.floats(0.0, 0.1),
        "dead_time": st.integers(0, 10_000),
        "reconciliation": st.floats(1.0, 1.5),
        "clock": st.floats(1e6, 1e10),
        "brightness": st.floats(0.01, 1.0),
        "bunching": st.floats(0.0, 0.2),
        "efficiency_of_reconciliation": st.floats(0.8, 0.99),
        "excess_noise": st.floats(0.0, 0.1),
        "electronic_noise": st.floats(0.0, 0.5),
        "estimation_share": st.floats(0.1, 0.9),
        "visibility": st.floats(0.9, 1.0),
        "decoy_share": st.floats(0.02, 0.5),
        "monitor_share": st.floats(0.02, 0.5),
        "herald_efficiency": st.floats(0.001, 1.0),
        "source_position": st.floats(0.0, 1.0),
        "relay_position": st.floats(0.0, 1.0),
        "phase_slices": st.sampled_from([4, 8, 16, 64]),
        "elementary_fidelity": st.floats(0.9, 1.0),
        "swap_probability": st.floats(0.1, 1.0),
        "pair_probability": st.floats(0.01, 1.0),
        "segments": st.sampled_from([1, 2, 4]),
        "purification_rounds": st.sampled_from([0, 1]),
        "jitter_ps": st.floats(0.0, 300.0),
    }
)


@st.composite
def devices(draw: st.DrawFn, protocol: str, *, fixed: bool = False) -> Device:
    """Draw a device of a protocol: any hardware, whether or not it gives key."""
    device = DEVICES[protocol]
    names = [field.name for field in fields(device) if field.name in _VARIED]
    chosen = [name for name in names if (protocol, name) not in _LEFT_ALONE]
    changes = {name: draw(_VARIED[name], label=name) for name in chosen}
    return varied(device, **{**changes, **(FIXED.get(protocol, {}) if fixed else {})})


def fixed(protocol: str, **changes: object) -> Device:
    """Return the device of a protocol with fixed settings."""
    return varied(DEVICES[protocol], **{**FIXED.get(protocol, {}), **changes})


def patient(device: Device, times: int = 1) -> Device:
    """Return the device with longer blocks: of an hour times `times`."""
    return varied(device, block_time=hours(times))


def varied(device: Device, **changes: object) -> Device:
    """Return a device with other values."""
    return replace(device, **changes)  # type: ignore[arg-type]  # any field may be changed


def endless(device: Device, losses: list[float] | Reals) -> AnalyticRate:
    """Return the analytic level over fibres of 0.2 dB/km."""
    decibels = np.asarray(losses, dtype=np.float64)
    return analytic_rate(device, Channels.of(decibels, 0.0, decibels * 5.0))


def bound(device: Device, losses: list[float] | Reals) -> Reals:
    """Return what no protocol of this kind passes: PLOB, or that of the stations which it has on its way."""
    eta = transmittance(losses)
    if isinstance(device, RepeaterDevice):
        return chain_bound(eta, int(device.segments))
    is_repeaterless = PROTOCOLS[device.protocol].traits.is_repeaterless
    return plob_bound(eta) if is_repeaterless else single_repeater_bound(eta)
