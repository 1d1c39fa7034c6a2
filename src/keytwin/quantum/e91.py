"""E91: the Bell test of Clauser, Horne, Shimony, Holt, and the key that it vouches for.

Ekert, PRL 67 661; the device-independent rate is that of Acin et al., PRL 98 230501, eq. (3) (recalled, as is that it
ends at an error rate of 7.1 %). All arguments broadcast.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from keytwin.quantum.channel import Reals
from keytwin.quantum.decoy_asymptotic import entropy

CLASSICAL: Final = 2.0  # what no local model passes
QUANTUM: Final = 2.0 * float(np.sqrt(2.0))  # what no quantum state passes (Tsirelson)


def chsh_value(visibility: npt.ArrayLike) -> Reals:
    """Return S = 2 sqrt(2) V of a pair with white noise."""
    return QUANTUM * np.asarray(visibility, dtype=np.float64)


def visibility(error_rate: npt.ArrayLike) -> Reals:
    """Return V = 1 - 2 E."""
    return 1.0 - 2.0 * np.asarray(error_rate, dtype=np.float64)


def winning_share(chsh: npt.ArrayLike) -> Reals:
    """Return the share of the rounds of the Bell test that are won, 1/2 + S/8: the same test as a game."""
    return 0.5 + np.asarray(chsh, dtype=np.float64) / 8.0


def chsh_of_winning(share: npt.ArrayLike) -> Reals:
    """Return S = 8 (share - 1/2)."""
    return 8.0 * (np.asarray(share, dtype=np.float64) - 0.5)


def phase_error(chsh: npt.ArrayLike, error_rate: npt.ArrayLike) -> Reals:
    """Return the error rate in the basis that complements the key's, 1 - S / (2 sqrt 2) - E, from 0 to one half.

    For trusted measurements of qubits at Ekert's angles the Bell operator is sqrt(2) (ZZ + XX) in whichever pair of
    complementary bases; what the key's own basis does not explain of S is left for the other.
    """
    unexplained = 1.0 - np.asarray(chsh, dtype=np.float64) / QUANTUM - np.asarray(error_rate, dtype=np.float64)
    return np.asarray(np.clip(unexplained, 0.0, 0.5))


def knowledge(chsh: npt.ArrayLike) -> Reals:
    """Return h((1 + sqrt((S/2)^2 - 1)) / 2): what an eavesdropper who made the devices may know of a bit; 1 below 2."""
    known = np.clip(np.asarray(chsh, dtype=np.float64), CLASSICAL, QUANTUM)
    # sqrt of a tiny negative number: at S = 2 sqrt 2 rounding may pass 1.
    certainty = np.clip(np.sqrt(np.maximum(0.0, (known / 2.0) ** 2 - 1.0)), 0.0, 1.0)
    return entropy((1.0 - certainty) / 2.0)


def device_independent_fraction(chsh: npt.ArrayLike, error_rate: npt.ArrayLike, reconciliation: float = 1.0) -> Reals:
    """Return r = 1 - f h(Q) - h((1 + sqrt((S/2)^2 - 1)) / 2) in bit a key round; 0 where it is negative."""
    revealed = reconciliation * entropy(error_rate)
    return np.asarray(np.maximum(0.0, 1.0 - revealed - knowledge(chsh)))


def with_fixed_outcomes(clean: npt.ArrayLike, efficiency: npt.ArrayLike) -> tuple[Reals, Reals]:
    """Return S and Q of pairs with visibility `clean` when an end that detects nothing takes a fixed outcome.

    Counting such rounds is what closes the detection loophole; the fixed outcomes of the two ends agree.
    """
    share = np.asarray(efficiency, dtype=np.float64)
    both, one, none = share**2, 2.0 * share * (1.0 - share), (1.0 - share) ** 2
    chsh = both * chsh_value(clean) + CLASSICAL * none
    error = both * (1.0 - np.asarray(clean, dtype=np.float64)) / 2.0 + one / 2.0
    return np.asarray(chsh), np.asarray(error)
