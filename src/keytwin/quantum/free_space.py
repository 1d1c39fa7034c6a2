"""A terrestrial free-space channel: how much light two telescopes pass through the air between them.

Geometry, fog by Kim, McArthur, Korevaar (Proc. SPIE 4214 26), and the spread of the beam by turbulence in the regime
of the Rytov variance (Andrews and Phillips, Laser Beam Propagation, 2nd ed.). The turbulence line is recalled. Fading
leaves a block's counts as they are, because they are linear in the transmittance: only its mean matters.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import log10, pi
from typing import Final

import numpy as np
import numpy.typing as npt

from keytwin.quantum.background import sky
from keytwin.quantum.schedule import Clouds, Schedule, refuse_endless_clouds
from keytwin.vocabulary.medium import FREE_SPACE, FreeSpace
from keytwin.vocabulary.units import Decibels, DecibelsPerKilometre, Kilometres, Nanometres

Reals = npt.NDArray[np.float64]

WEAK: Final = 0.3  # Rytov variance up to which first-order theory holds (recalled)
STRONG: Final = 5.0  # above it scintillation is saturated (recalled)
REFERENCE: Final = Nanometres(550.0)  # where visibility is defined
CONTRAST: Final = 3.91  # -ln 0.02: visibility is where 2 % of the contrast is left
DECIBELS_PER_NEPER: Final = 10.0 / np.log(10.0)


class Regime(StrEnum):
    """How strong turbulence is on a path."""

    WEAK = "weak"
    MODERATE = "moderate"
    STRONG = "strong"


@dataclass(frozen=True, slots=True)
class FreeSpacePath:
    """The channel of a free-space link; a measured loss wins over what is reckoned."""

    length: Kilometres
    setting: FreeSpace
    measured_loss: Decibels | None = None
    medium: str = FREE_SPACE

    def __post_init__(self) -> None:
        refuse_endless_clouds(self.setting.clear, self.setting.overcast)

    @property
    def loss(self) -> Decibels:
        """The mean loss from telescope to telescope, in a clear spell."""
        if self.measured_loss is not None:
            return self.measured_loss
        return Decibels(self.setting.optics + self.geometric_loss + self.air_loss)

    @property
    def geometric_loss(self) -> Decibels:
        """What of the beam, widened by turbulence, misses the receiver."""
        path, width = self.length * 1e3, self.setting.transmitter + self.setting.divergence * self.length * 1e3
        share = beam_spread(self.rytov_variance, path, width / 2.0, self.setting.wavelength)
        return Decibels(-10.0 * log10(min(1.0, (self.setting.receiver / width) ** 2 / share)))

    @property
    def air_loss(self) -> Decibels:
        """What haze or fog takes."""
        return Decibels(fog_attenuation(self.setting.visibility, self.setting.wavelength) * self.length)

    @property
    def rytov_variance(self) -> float:
        """How strong turbulence is on this path."""
        return float(rytov_variance(self.setting.turbulence, self.length, self.setting.wavelength))

    @property
    def regime(self) -> Regime:
        """In which regime the path lies; beyond the weak one the spread of the beam is an extrapolation."""
        variance = self.rytov_variance
        return Regime.WEAK if variance < WEAK else Regime.MODERATE if variance < STRONG else Regime.STRONG

    @property
    def background(self) -> float:
        """Photons a second of the sky."""
        return sky(self.setting)

    @property
    def schedule(self) -> Schedule | None:
        """When the sky is clear."""
        return Clouds(self.setting.clear, self.setting.overcast) if self.setting.overcast else None


def fog_attenuation(visibility: Kilometres, wavelength: Nanometres) -> DecibelsPerKilometre:
    """Return what haze and fog take, by Kim's size distribution of the particles."""
    ratio = wavelength / REFERENCE
    return DecibelsPerKilometre(float(DECIBELS_PER_NEPER * CONTRAST / visibility * ratio ** -_size(visibility)))


def rytov_variance(turbulence: npt.ArrayLike, length: npt.ArrayLike, wavelength: Nanometres) -> Reals:
    """Return 1.23 Cn2 k^(7/6) L^(11/6), `length` in kilometres: the variance of log-intensity of a plane wave."""
    number = 2.0 * pi / (wavelength * 1e-9)
    path = np.asarray(length, dtype=np.float64) * 1e3
    return np.asarray(1.23 * np.asarray(turbulence) * number ** (7.0 / 6.0) * path ** (11.0 / 6.0))


def beam_spread(variance: float, path: float, radius: float, wavelength: Nanometres) -> float:
    """Return by which factor turbulence widens the area of a beam: 1 + 1.33 sigma^2 Lambda^(5/6); lengths in metres."""
    number = 2.0 * pi / (wavelength * 1e-9)
    fresnel: float = 2.0 * path / (number * radius**2)
    return 1.0 + 1.33 * variance * float(fresnel ** (5.0 / 6.0))


def _size(visibility: Kilometres) -> float:
    """Return Kim's exponent of the wavelength: none in dense fog, where all colours suffer alike."""
    if visibility > 50.0:
        return 1.6
    if visibility > 6.0:
        return 1.3
    if visibility > 1.0:
        return 0.16 * visibility + 0.34
    return max(0.0, visibility - 0.5)
