"""Names that a file may use without declaring them: what keytwin brings, and what plug-ins add."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from keytwin.vocabulary.device import DecoyBb84Device, Device, EmpiricalDevice
from keytwin.vocabulary.device_bb84 import NoDecoyBb84Device, OneDecoyBb84Device, Sarg04Device, SinglePhotonBb84Device
from keytwin.vocabulary.device_continuous import Gg02Device
from keytwin.vocabulary.device_pairs import Bbm92CwDevice, Bbm92Device, DeviceIndependentDevice, E91Device
from keytwin.vocabulary.device_phase_reference import CowDevice, DpsDevice
from keytwin.vocabulary.device_relay import CoherentTwinDevice, MdiDevice, PhaseMatchingDevice
from keytwin.vocabulary.device_repeater import RepeaterDevice
from keytwin.vocabulary.medium import FIBRE, FREE_SPACE, SATELLITE
from keytwin.vocabulary.topology import QLink

_PROTOCOLS: Final = MappingProxyType(
    {
        "bb84-no-decoy": NoDecoyBb84Device,
        "bb84-one-decoy": OneDecoyBb84Device,
        "bb84-single-photon": SinglePhotonBb84Device,
        "bbm92": Bbm92Device,
        "bbm92-cw": Bbm92CwDevice,
        "cow": CowDevice,
        "decoy-bb84": DecoyBb84Device,
        "dps": DpsDevice,
        "e91": E91Device,
        "e91-device-independent": DeviceIndependentDevice,
        "empirical": EmpiricalDevice,
        "gg02-heterodyne": Gg02Device,
        "gg02-homodyne": Gg02Device,
        "mdi": MdiDevice,
        "repeater-chain": RepeaterDevice,
        "sarg04": Sarg04Device,
        "twin-field-cal": CoherentTwinDevice,
        "twin-field-pm": PhaseMatchingDevice,
    }
)


@dataclass(frozen=True, slots=True)
class Known:
    """The members of the extension points that a file may name; a caller with plug-ins hands in more."""

    media: tuple[str, ...] = (FIBRE, FREE_SPACE, SATELLITE)
    metrics: tuple[str, ...] = ("hops", "key-aware", "residual")
    algorithms: tuple[str, ...] = ("pool", "on-demand")
    protocols: Mapping[str, type[Device]] = field(default_factory=lambda: _PROTOCOLS)
    expected_rate: Callable[[QLink, Device], float] | None = None
    """Mean bit/s of secret key on a link, or Mistake with the physical reason why there is none.

    None = nobody knows: the physics lies elsewhere, and is handed in by whoever has it.
    """


BROUGHT: Final = Known()
"""What keytwin itself brings."""
