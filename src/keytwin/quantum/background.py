"""Light that is not the sender's: Raman scattering of classical channels in a fibre, and the sky in a telescope.

All rates are photons a second at the entrance of the receiver, within its filter, while its detectors look.
"""

from __future__ import annotations

from math import exp, expm1, log, pi
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from keytwin.vocabulary.medium import Coexistence, FreeSpace, Satellite, Sky
from keytwin.vocabulary.units import Decibels, DecibelsPerKilometre, Kilometres, Nanometres, Radiance, Watts

PLANCK: Final = 6.62607015e-34  # J s, exact (SI)
LIGHT: Final = 299_792_458.0  # m/s, exact (SI)
NEPERS_PER_DECIBEL: Final = log(10.0) / 10.0  # of power
SKY: Final = {
    Sky.DAY: Radiance(0.025),  # 25 W m^-2 sr^-1 um^-1, a clear sky by day (recalled; Gruneisen et al., Opt. Eng. 55)
    Sky.NIGHT: Radiance(2.5e-7),  # some 1e5 times darker (recalled)
}


class Span(NamedTuple):
    """A fibre as Raman scattering sees it."""

    length: Kilometres
    attenuation: DecibelsPerKilometre
    """The mean over the span, splices and connectors with it."""


def raman(setting: Coexistence, span: Span) -> float:
    """Return the photons a second that classical channels scatter into the quantum channel.

    What goes along with it grows with P L exp(-aL), what goes against it with P (1 - exp(-2aL)) / 2a, `P` launched:
    Eraerds, Walenta, Legre, Gisin, Zbinden, NJP 12 063027 (recalled).
    """
    loss = span.attenuation * NEPERS_PER_DECIBEL * span.length  # a L
    along = span.length * exp(-loss)
    # What goes against the signal is scattered mostly near its own launch, at the receiver: it saturates with length
    # and does not fade.
    against = span.length * (-expm1(-2.0 * loss) / (2.0 * loss) if loss > 0 else 1.0)
    weight = setting.copropagating * along + setting.counterpropagating * against
    scattered = Watts(setting.power * setting.raman * setting.filter * weight)
    return setting.window * photons(scattered, setting.wavelength)


def sky(setting: FreeSpace | Satellite) -> float:
    """Return the photons a second of the sky that a telescope catches: H Omega A dlambda / (h nu)."""
    radiance = SKY[setting.sky] if setting.radiance is None else setting.radiance
    solid_angle = pi * (setting.field_of_view / 2.0) ** 2
    area = pi * (setting.receiver / 2.0) ** 2
    seen = Watts(radiance * solid_angle * area * setting.filter * _passed(setting.optics))
    return setting.window * photons(seen, setting.wavelength)


def photons(power: Watts, wavelength: Nanometres) -> float:
    """Return the photons a second in light of this power."""
    return power * wavelength * 1e-9 / (PLANCK * LIGHT)


def clicks(background: float, clock: float, efficiency: float) -> float:
    """Return the probability per gate and detector that background makes a click; it falls on two detectors alike.

    A gate is as long as a period of the `clock`; `efficiency` is that of receiver optics and detector together.
    """
    return float(clicks_over(background, clock, efficiency))


def clicks_over(background: npt.ArrayLike, clock: float, efficiency: float) -> npt.NDArray[np.float64]:
    """Return the same for whole arrays."""
    return np.asarray(-np.expm1(-np.asarray(background, dtype=np.float64) * efficiency / (2.0 * clock)))


def _passed(loss: Decibels) -> float:
    return exp(-loss * NEPERS_PER_DECIBEL)
