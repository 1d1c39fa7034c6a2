"""The shipped device files as devices, read without the strictness of `keytwin.files`; and a device to vary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from ruamel.yaml import YAML

import keytwin
from keytwin.quantum.channel import Fibre
from keytwin.quantum.protocols import PROTOCOLS
from keytwin.vocabulary.device import DecoyBb84Device, Device
from keytwin.vocabulary.units import QUANTITIES, Decibels, DecibelsPerKilometre, Kilometres

FOLDER: Final = Path(keytwin.__file__).parent / "library" / "devices"
NAMES: Final = sorted(path.stem for path in FOLDER.glob("*.yaml"))


def content(name: str) -> Mapping[str, Any]:
    loaded: Mapping[str, Any] = YAML(typ="base").load((FOLDER / f"{name}.yaml").read_text("utf-8"))
    return loaded


def shipped(name: str) -> Device:
    """Read a device file as the contract in `vocabulary/device.py` says."""
    file = content(name)
    kind = PROTOCOLS[file["protocol"]].device
    quantities = {field.name: field.metadata["quantity"] for field in fields(kind) if "quantity" in field.metadata}
    values: dict[str, Any] = {
        parameter: QUANTITIES[quantities[parameter]](entry["value"]) for parameter, entry in file["parameters"].items()
    }
    sources = {parameter: entry["source"] for parameter, entry in file["parameters"].items()}
    return kind(name=file["name"], about=file["about"], protocol=file["protocol"], sources=sources, **values)


def generic(**changes: object) -> DecoyBb84Device:
    """Return the shipped gigahertz device, changed."""
    device = shipped("generic-decoy-bb84")
    assert isinstance(device, DecoyBb84Device)
    return replace(device, **changes)  # type: ignore[arg-type]  # any field may be changed


def lossy(decibels: float) -> Fibre:
    """Return a fibre of which only the loss is known."""
    return Fibre(Kilometres(0.0), DecibelsPerKilometre(0.2), Decibels(decibels))


def chance(seed: int = 1) -> np.random.Generator:
    """Return a generator that gives the same draws each time."""
    return np.random.Generator(np.random.Philox(seed))
