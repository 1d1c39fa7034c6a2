"""The link budget of one pass of a satellite over a ground station: circular orbit, the Earth's turning neglected.

Spread and pointing of a Gaussian beam, and air mass 1 / sin(elevation): Liao et al., Nature 549 43. An uplink suffers
turbulence right before its telescope, which widens its beam by (1 + (D/r0)^(5/3))^(3/5) (recalled; Andrews and
Phillips, Laser Beam Propagation, 2nd ed., ch. 12). Point-ahead is taken as corrected.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import acos, cos, log10, pi, sqrt
from typing import Final

import numpy as np
import numpy.typing as npt

from keytwin.quantum.background import sky
from keytwin.quantum.schedule import Clouds, CloudyPasses, Passes, Schedule, refuse_endless_clouds
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.medium import SATELLITE, Direction, Satellite
from keytwin.vocabulary.units import (
    NANOSECONDS_PER_SECOND,
    Decibels,
    Duration,
    Instant,
    Kilometres,
    in_seconds,
    show_duration,
)

Reals = npt.NDArray[np.float64]

EARTH: Final = 6_371_000.0  # m, mean radius (IUGG)
GRAVITY: Final = 3.986004418e14  # m^3/s^2, of the Earth (WGS 84)
STEPS: Final = 256  # of a pass, for its mean: a tenth of a per cent


@dataclass(frozen=True, slots=True)
class SatellitePass:
    """The channel of a link between ground and satellite, during a pass and pooled over it.

    Counts are linear in the transmittance as long as that is small, so those of a whole pass are the counts at the mean
    transmittance; `loss` is of that mean.
    """

    setting: Satellite
    medium: str = SATELLITE
    loss: Decibels = field(init=False)

    def __post_init__(self) -> None:
        _check(self.setting)
        times = (np.arange(STEPS) + 0.5) / STEPS * in_seconds(self.length)
        mean = float(np.mean(10.0 ** (-self.loss_at(times) / 10.0)))
        object.__setattr__(self, "loss", Decibels(-10.0 * log10(mean)))

    @property
    def length(self) -> Duration:
        """Nanoseconds from the beginning of a pass to its end."""
        half = acos(min(1.0, cos(self._arc(self.setting.farthest * 1e3)) / cos(self._culmination))) / self._pace
        return Duration(round(2.0 * half * NANOSECONDS_PER_SECOND))

    @property
    def background(self) -> float:
        """Photons a second of the sky, or of the night side of the Earth."""
        return sky(self.setting)

    @property
    def schedule(self) -> Schedule:
        """When the satellite passes under a clear sky."""
        passes = Passes(Instant(self.setting.first), self.setting.period, self.length)
        clear, overcast = self.setting.clear, self.setting.overcast
        return CloudyPasses(passes, Clouds(clear, overcast)) if overcast else passes

    def range_at(self, time: npt.ArrayLike) -> Reals:
        """Return the slant range in metres, `time` seconds after the beginning of a pass."""
        since = np.asarray(time, dtype=np.float64) - in_seconds(self.length) / 2.0
        arc = np.cos(self._culmination) * np.cos(self._pace * since)
        return np.asarray(np.sqrt(EARTH**2 + self._radius**2 - 2.0 * EARTH * self._radius * arc))

    def elevation_at(self, time: npt.ArrayLike) -> Reals:
        """Return the elevation above the horizon in radians."""
        slant = self.range_at(time)
        return np.asarray(np.arcsin((self._radius**2 - EARTH**2 - slant**2) / (2.0 * EARTH * slant)))

    def loss_at(self, time: npt.ArrayLike) -> Reals:
        """Return the loss in decibels, `time` seconds after the beginning of a pass."""
        slant, setting = self.range_at(time), self.setting
        rise = np.sin(self.elevation_at(time))
        return -10.0 * np.log10(self._caught(slant, rise)) + setting.zenith_loss / rise + setting.optics

    def _caught(self, slant: Reals, rise: Reals) -> Reals:
        """Return the share of the beam that enters the receiver: 1 - exp(-2 a^2 / w^2)."""
        setting = self.setting
        spread = (setting.divergence / 2.0 * slant) ** 2
        if setting.direction is Direction.UPLINK:
            coherence = setting.coherence * rise**0.6
            spread = spread * (1.0 + (setting.transmitter / coherence) ** (5.0 / 3.0)) ** 1.2
        width = spread + 4.0 * (setting.pointing * slant) ** 2
        return np.asarray(-np.expm1(-2.0 * (setting.receiver / 2.0) ** 2 / width))

    @property
    def _radius(self) -> float:
        return EARTH + self.setting.altitude * 1e3

    @property
    def _pace(self) -> float:
        return sqrt(GRAVITY / self._radius**3)

    @property
    def _culmination(self) -> float:
        setting = self.setting
        return self._arc(1e3 * (setting.altitude if setting.closest is None else setting.closest))

    def _arc(self, slant: float) -> float:
        """Return the angle between station and satellite, seen from the centre of the Earth."""
        return acos(min(1.0, (EARTH**2 + self._radius**2 - slant**2) / (2.0 * EARTH * self._radius)))


def horizon(setting: Satellite) -> Kilometres:
    """Return the slant range at which a satellite touches the horizon."""
    return Kilometres(sqrt((EARTH + setting.altitude * 1e3) ** 2 - EARTH**2) / 1e3)


def revolution(setting: Satellite) -> Duration:
    """Return the time of one revolution of a satellite."""
    radius = EARTH + setting.altitude * 1e3
    return Duration(round(2.0 * pi * sqrt(radius**3 / GRAVITY) * NANOSECONDS_PER_SECOND))


def _check(setting: Satellite) -> None:
    """Refuse what no orbit gives; Mistake."""
    closest = setting.altitude if setting.closest is None else setting.closest
    if closest < setting.altitude:
        raise Mistake(f"closest {closest:.0f} km is less than the altitude {setting.altitude:.0f} km of the satellite")
    if not closest < setting.farthest < horizon(setting):
        raise Mistake(
            f"farthest {setting.farthest:.0f} km: write more than the {closest:.0f} km of culmination and less than "
            f"the {horizon(setting):.0f} km at which a satellite of {setting.altitude:.0f} km touches the horizon"
        )
    if setting.period < revolution(setting):
        raise Mistake(
            f"period {show_duration(setting.period)} is less than one revolution of the satellite, "
            f"{in_seconds(revolution(setting)) / 60:.0f} min"
        )
    refuse_endless_clouds(setting.clear, setting.overcast)
