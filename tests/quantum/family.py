"""Devices of the BB84 family without two decoys, and links of them, to vary."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from keytwin.quantum.bb84_link import Bb84Link
from keytwin.quantum.protocols import link_model
from keytwin.vocabulary.device_bb84 import PulsedDevice
from tests.quantum.shipped import lossy, shipped

NAMES: Final = ("generic-no-decoy-bb84", "generic-one-decoy-bb84", "generic-single-photon-bb84")
SETTINGS: Final = {
    "generic-no-decoy-bb84": {"signal_intensity": 0.003, "key_basis_share": 0.8},
    "generic-one-decoy-bb84": {
        "signal_intensity": 0.5,
        "decoy_intensity": 0.15,
        "signal_share": 0.7,
        "key_basis_share": 0.85,
    },
    "generic-single-photon-bb84": {"key_basis_share": 0.9},
}


def device(name: str, **changes: object) -> PulsedDevice:
    made = shipped(name)
    assert isinstance(made, PulsedDevice)
    return replace(made, **changes)  # type: ignore[arg-type]  # any field may be changed


def link(name: str, loss: float = 4.0, **changes: object) -> Bb84Link:
    model = link_model(device(name, **changes), lossy(loss))
    assert isinstance(model, Bb84Link)
    return model
