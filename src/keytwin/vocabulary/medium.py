"""What a network file says of a medium, beside length and loss: pure data, turned into physics by `quantum`."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

import msgspec

from keytwin.vocabulary.units import (
    Decibels,
    Duration,
    Kilometres,
    Metres,
    Nanometres,
    Radiance,
    Radians,
    TurbulenceStrength,
    Watts,
    hours,
)

FIBRE = "fibre"
FREE_SPACE = "free-space"
SATELLITE = "satellite"


class Sky(StrEnum):
    """What the receiver's telescope sees behind the sender."""

    NIGHT = "night"
    DAY = "day"


class Direction(StrEnum):
    """Which way light goes between ground and satellite."""

    DOWNLINK = "downlink"
    UPLINK = "uplink"


class Coexistence(msgspec.Struct, frozen=True, tag=True):
    """Classical channels in the fibre of the quantum one; `power` is what each of them launches."""

    copropagating: int = 0
    counterpropagating: int = 0
    power: Watts = Watts(1e-3)
    wavelength: Nanometres = Nanometres(1550.0)  # of the quantum channel, and nearly that of the classical ones
    raman: float = 2e-9  # per km and nm, near 1550 nm in standard fibre (recalled; Eraerds et al., NJP 12 063027)
    filter: Nanometres = Nanometres(0.2)  # 25 GHz
    window: float = 1.0  # share of the time in which the detectors look


class FreeSpace(msgspec.Struct, frozen=True, tag=True):
    """Two telescopes on the ground and the air between them; clouds and fog that end a link come as `overcast`."""

    transmitter: Metres = Metres(0.1)
    receiver: Metres = Metres(0.2)
    divergence: Radians = Radians(50e-6)  # full angle
    wavelength: Nanometres = Nanometres(850.0)
    visibility: Kilometres = Kilometres(23.0)  # "clear" in the international visibility code
    turbulence: TurbulenceStrength = TurbulenceStrength(1e-15)  # weak to moderate, some metres above ground
    optics: Decibels = Decibels(3.0)  # both telescopes and the coupling
    sky: Sky = Sky.NIGHT
    radiance: Radiance | None = None  # measured; it wins over `sky`
    field_of_view: Radians = Radians(100e-6)  # full angle
    filter: Nanometres = Nanometres(1.0)
    window: float = 1.0  # share of the time in which the detectors look
    clear: Duration = Duration(0)  # mean time between the end of a cloud and the next; 0 = never a cloud
    overcast: Duration = Duration(0)  # mean time that a cloud stays


class Satellite(msgspec.Struct, frozen=True, tag=True):
    """A satellite in a circular orbit that passes a ground station once every `period`, night or day.

    The defaults of the budget are those of Micius: Liao et al., Nature 549 43.
    """

    direction: Direction = Direction.DOWNLINK
    altitude: Kilometres = Kilometres(500.0)
    closest: Kilometres | None = None  # slant range at culmination; None = it passes overhead
    farthest: Kilometres = Kilometres(1200.0)  # slant range at which a pass begins and ends
    first: Duration = Duration(0)  # from the start of the run (live: from midnight UTC) to the first pass
    period: Duration = hours(24)
    transmitter: Metres = Metres(0.3)
    receiver: Metres = Metres(1.0)
    divergence: Radians = Radians(10e-6)  # full angle
    pointing: Radians = Radians(
        2.6e-6
    )  # standard deviation; with it the beam loses the 22 dB at 1200 km that were told
    wavelength: Nanometres = Nanometres(850.0)
    zenith_loss: Decibels = Decibels(2.5)  # of the air, straight up: 3 to 8 dB in the elevations of a pass
    coherence: Metres = Metres(0.1)  # Fried's parameter at zenith: uplink only
    optics: Decibels = Decibels(8.0)  # both telescopes and the coupling
    sky: Sky = Sky.NIGHT
    radiance: Radiance | None = None  # measured; it wins over `sky`
    field_of_view: Radians = Radians(100e-6)  # full angle
    filter: Nanometres = Nanometres(1.0)
    window: float = 1.0  # share of the time in which the detectors look
    clear: Duration = Duration(0)  # mean time between the end of a cloud and the next; 0 = never a cloud
    overcast: Duration = Duration(0)  # mean time that a cloud stays


Setting: TypeAlias = Coexistence | FreeSpace | Satellite
"""What is said of the medium of one link."""
