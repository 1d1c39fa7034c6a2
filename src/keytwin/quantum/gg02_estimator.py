"""What the two ends of GG02 make of a block: Leverrier, Grosshans, Grangier, PRA 81 062343 (recalled).

They disclose some symbols and fit y = t x + z to them; the key is cut to what the worst channel within the confidence
of the fit would leave. Collective attacks; this finite-size rate is not composable.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import log2, sqrt
from statistics import NormalDist
from typing import NamedTuple

from keytwin.quantum.gg02 import Detection, GaussianLink

NOTHING = 0.5  # what stands for an error rate when no signal arrives
INTERCEPTED = 8.0  # two units of excess noise are what intercepting all symbols adds: 25 % of errors in BB84


@dataclass(frozen=True, slots=True)
class Receiver:
    """What is calibrated before a key is made, and trusted."""

    efficiency: float
    electronic_noise: float
    detection: Detection

    @property
    def quadratures(self) -> int:
        """Values per symbol."""
        return 1 if self.detection is Detection.HOMODYNE else 2

    def amplitude(self, transmittance: float) -> float:
        """Return t = sqrt(eta T), or sqrt(eta T / 2) where both quadratures share the light."""
        return sqrt(self.efficiency * transmittance / self.quadratures)

    def noise(self, transmittance: float, excess_noise: float) -> float:
        """Return the variance of z at the output, in shot noise: 1 + v_el + eta T xi (its half with both)."""
        return 1.0 + self.electronic_noise + self.amplitude(transmittance) ** 2 * excess_noise

    def channel(self, amplitude: float, noise: float) -> tuple[float, float]:
        """Return T and xi of a fit; no transmittance where the amplitude is not above 0."""
        if amplitude <= 0:
            return 0.0, 0.0
        power = amplitude * amplitude
        share = self.quadratures * power / self.efficiency
        return share, (noise - 1.0 - self.electronic_noise) / power


class Fit(NamedTuple):
    """What the disclosed symbols tell."""

    amplitude: float
    """t."""
    noise: float
    """sigma^2."""


@dataclass(frozen=True, slots=True)
class Gg02Estimator:
    """Made once from public settings, then fed with fits only."""

    receiver: Receiver
    modulation: float
    """V_A."""
    reconciliation: float
    """beta."""
    key_symbols: float
    disclosed: float
    secrecy: float
    correctness: float
    _deviations: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Each of the two worst cases is missed with half of the secrecy's half.
        deviations = -NormalDist().inv_cdf(self.secrecy / 4.0)
        object.__setattr__(self, "_deviations", deviations)

    def spread(self, noise: float) -> Fit:
        """Return the standard deviations of a fit when the variance of z is `noise`."""
        values = self.disclosed * self.receiver.quadratures
        return Fit(sqrt(noise / (values * self.modulation)), noise * sqrt(2.0 / values))

    def signed_length(self, fit: Fit) -> float:
        """Return n (beta I - chi - Delta(n)) - overhead at T_min and xi_max; negative where no key is left."""
        overhead = log2(2.0 / self.correctness)
        spread = self.spread(fit.noise)
        least = fit.amplitude - self._deviations * spread.amplitude
        worst, excess = self.receiver.channel(least, fit.noise + self._deviations * spread.noise)
        if worst <= 0:
            return -self.key_symbols
        link = self._link(worst, excess)
        # All of K at the worst channel, not the eavesdropper's part alone: that part may grow with T, K never falls.
        secret = self.reconciliation * float(link.mutual_information()) - float(link.holevo())
        smoothing = 7.0 * sqrt(log2(4.0 / self.secrecy) / self.key_symbols)
        return self.key_symbols * (secret - smoothing) - overhead

    def error_rate(self, fit: Fit) -> float:
        """Return the error rate that BB84 would show under the same interception: xi / 8, one half without a signal.

        Continuous variables have no bit errors of their own to watch; intercepting a share p of the symbols adds 2 p to
        the excess noise here and p / 4 to the error rate there.
        """
        if fit.amplitude <= self._deviations * self.spread(fit.noise).amplitude:
            return NOTHING
        _, excess = self.receiver.channel(*fit)
        return min(NOTHING, max(0.0, excess / INTERCEPTED))

    def _link(self, transmittance: float, excess_noise: float) -> GaussianLink:
        # A fit may come out a little better than nature allows.
        return GaussianLink(
            min(1.0, transmittance),
            max(0.0, excess_noise),
            self.modulation,
            self.receiver.efficiency,
            self.receiver.electronic_noise,
            self.receiver.detection,
        )
