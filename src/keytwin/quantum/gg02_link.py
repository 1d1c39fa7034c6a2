"""A Q-link of GG02: one draw of the fit that the disclosed symbols give stands for all the symbols of a block."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from keytwin.quantum.gg02_estimator import Fit, Gg02Estimator
from keytwin.quantum.link import DistilledBlock, ExpectedRate, PerPulse, rectified
from keytwin.quantum.outlook import outlook
from keytwin.vocabulary.units import Bits, Duration, in_seconds


@dataclass(frozen=True, slots=True)
class Gg02Link:
    """One link: transmittance and excess noise are what nature does, `estimator` what the two ends make of it."""

    transmittance: float
    """Of the channel alone."""
    excess_noise: float
    """Referred to the input of the channel."""
    estimator: Gg02Estimator
    block_time: Duration

    def draw_block(self, generator: np.random.Generator) -> DistilledBlock:
        """Return the next block; no bits are sifted here, as symbols become bits only in reconciliation.

        Amplitude and noise are sufficient statistics of the fit: normal, and chi-squared by its normal limit.
        """
        truth = self._fit()
        spread = self.estimator.spread(truth.noise)
        seen = Fit(generator.normal(truth.amplitude, spread.amplitude), generator.normal(truth.noise, spread.noise))
        length = self.estimator.signed_length(seen)
        return DistilledBlock(self.block_time, Bits(max(0, int(length))), self.estimator.error_rate(seen), Bits(0))

    def rate(self) -> ExpectedRate:
        """Return the mean rate of blocks of this size."""
        mean, deviation = self.outlook()
        secret = rectified(mean, deviation) / in_seconds(self.block_time)
        return ExpectedRate(secret, self.estimator.error_rate(self._fit()))

    def per_pulse(self) -> PerPulse:
        """Return the symbols of a block; they become bits only in reconciliation, and none is lost."""
        return PerPulse(self.estimator.key_symbols + self.estimator.disclosed)

    def outlook(self) -> tuple[float, float]:
        """Return mean and standard deviation of a block's secret bits before negative ones are discarded."""
        truth = self._fit()
        return outlook(lambda fit: self.estimator.signed_length(Fit(*fit)), truth, self.estimator.spread(truth.noise))

    def _fit(self) -> Fit:
        receiver = self.estimator.receiver
        return Fit(receiver.amplitude(self.transmittance), receiver.noise(self.transmittance, self.excess_noise))
