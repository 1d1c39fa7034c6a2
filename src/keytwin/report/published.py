"""Values that others published, and how keytwin arrives at the same: what `keytwin papers` shows.

Where a value comes from is said with it: recalled from a paper, given by a public package, or worked out anew from the
formulae of a paper by a separate program.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from math import inf
from typing import Final, TypeAlias

import numpy as np
from scipy.optimize import brentq

from keytwin.quantum.bb84_asymptotic import Bb84
from keytwin.quantum.bbm92 import PulsedPairs
from keytwin.quantum.bell import error_rates, swapped, werner
from keytwin.quantum.channel import plob_bound, tgw_bound, transmittance
from keytwin.quantum.decoy_asymptotic import Asymptotic, best_intensity, entropy
from keytwin.quantum.decoy_bb84 import Optics, sifted_share
from keytwin.quantum.decoy_optimum import best_settings_for_sifted
from keytwin.quantum.dps import secret_fraction
from keytwin.quantum.e91 import chsh_value, device_independent_fraction, visibility
from keytwin.quantum.finite_key import Counts, Distillation, Estimator
from keytwin.quantum.gg02 import GaussianLink
from keytwin.quantum.mdi import RelayOptics
from keytwin.quantum.satellite import SatellitePass
from keytwin.quantum.waiting import mean_of_slowest
from keytwin.vocabulary.medium import Satellite
from keytwin.vocabulary.units import Decibels, Kilometres, in_seconds


class Origin(StrEnum):
    """Where a published value comes from."""

    RECALLED = "recalled from the paper"
    PACKAGE = "given by a public package"
    WORKED_OUT = "worked out anew"


@dataclass(frozen=True, slots=True)
class Published:
    """One published value, and the function that gives ours."""

    name: str
    source: str
    what: str
    unit: str
    """Nothing for a plain number."""
    value: float
    tolerance: float
    """Relative."""
    origin: Origin
    ours: Callable[[], float]


_Row: TypeAlias = tuple[str, str, str, float, Callable[[], float]]
"""Name, what, unit, value, ours."""


def _of(source: str, origin: Origin, tolerance: float, *rows: _Row) -> Iterator[Published]:
    """Give values of one source that are known equally well."""
    for name, what, unit, value, ours in rows:
        yield Published(name, source, what, unit, value, tolerance, origin, ours)


LIM: Final = "Lim et al., PRA 89 022307, section III"
GYS: Final = "Ma et al., PRA 72 012326, GYS set"
LO_CURTY_QI: Final = "Lo, Curty, Qi, PRL 108 130503"
MA_FUNG_LO: Final = "Ma, Fung, Lo, PRA 76 012307; qkd 0.2.0"
TNO: Final = "Ma et al., PRA 72 012326; TNO qkd-key-rate 2.0.4"
LODEWYCK: Final = "Lodewyck et al., PRA 76 042305"
WAKS: Final = "Waks et al., PRA 73 012344"
SANGOURAD: Final = "Sangouard et al., RMP 83 33"
PIRANDOLA: Final = "Pirandola et al., Nat. Commun. 8 15043"
TAKEOKA: Final = "Takeoka et al., Nat. Commun. 5 5235"
SHOR_PRESKILL: Final = "Shor, Preskill, PRL 85 441"
ACIN: Final = "Acin et al., PRL 98 230501"
LIAO: Final = "Liao et al., Nature 549 43"


# --- decoy BB84, endless blocks -------------------------------------------------------------------------------------


def _gys(kilometres: float, reconciliation: float = 1.22) -> Asymptotic:
    return Asymptotic(0.045 * transmittance(0.21 * kilometres), 1.7e-6, 0.033, reconciliation)


def _gys_reach() -> float:
    kilometres = np.arange(100.0, 160.0, 0.01)
    link = Asymptotic(0.045 * transmittance(0.21 * kilometres), 1.7e-6, 0.033, 1.22)
    return float(kilometres[link.rate(0.48) > 0][-1])


def _gys_rate(kilometres: float) -> float:
    return float(_gys(kilometres).rate(0.48))


def _tno(loss: float) -> Bb84:
    return Bb84(0.2 * transmittance(loss), dark_count=1e-5, misalignment=0.015, sifting=1.0)


def _tno_gain(loss: float) -> float:
    return float(_tno(loss).gain(0.5))


def _tno_error(loss: float) -> float:
    return float(_tno(loss).error_rate(0.5))


def _tno_rate(loss: float) -> float:
    return float(_tno(loss).decoy_rate(0.5))


# --- decoy BB84, finite blocks --------------------------------------------------------------------------------------


def _lim(sifted: float, kilometres: float) -> float:
    """Return l / N for the best settings, where eps_sec is 1e-15 times the very length it is needed for."""
    optics = Optics(0.1 * 10 ** (-0.02 * kilometres), dark_count=6e-7, afterpulse=4e-2, misalignment=5e-3)
    found, pulses = 0.1 * sifted, inf
    for _ in range(4):  # the length depends on the logarithm of eps_sec only: this converges fast
        distillation = Distillation(1e-15 * found, 1e-15, 1.16)
        settings = best_settings_for_sifted(optics, distillation, 2e-4, sifted)
        cells = optics.cells(settings)
        pulses = sifted / sifted_share(cells)
        found = Estimator(settings, distillation).signed_length(Counts.of([pulses * cell for cell in cells]))[0]
    return found / pulses


# --- the others -----------------------------------------------------------------------------------------------------


def _mdi(kilometres: float) -> float:
    arm = 0.145 * float(transmittance(0.1 * kilometres))  # the relay is in the middle
    intensities = np.linspace(0.02, 1.0, 400)
    return float(RelayOptics(arm, arm, 6.02e-6, 0.015).rate(intensities, intensities, 1.16).max())


def _pairs(loss: float) -> PulsedPairs:
    arm = 0.145 * 10 ** (-loss / 20)
    return PulsedPairs(arm, arm, 6.02e-6, 6.02e-6, 0.015)


def _pairs_rate(loss: float) -> float:
    return float(_pairs(loss).rate(0.05, 1.22))


def _pairs_error(loss: float) -> float:
    return float(_pairs(loss).error_rate(0.05))


def _dps(error_rate: float) -> float:
    return float(secret_fraction(0.2, error_rate, 1.16))


_GAUSSIAN: Final = GaussianLink(0.302, 0.005, 18.5, 0.606, 0.041)
_SYMBOLS: Final = 350.0  # thousands a second


def _shared() -> float:
    return float(_GAUSSIAN.mutual_information()) * _SYMBOLS


def _known() -> float:
    return float(_GAUSSIAN.holevo()) * _SYMBOLS


def _gaussian_rate() -> float:
    return float(_GAUSSIAN.rate(0.898)) * _SYMBOLS


def _werner_limit() -> float:
    def excess(fidelity: float) -> float:
        return 1.0 - 2.0 * float(entropy(error_rates(werner(fidelity))[0]))

    return float(brentq(excess, 0.7, 0.95))


def _swapped_error() -> float:
    pair = werner(0.98)
    return float(error_rates(swapped(pair, pair))[0])


def _error_limit() -> float:
    return float(brentq(lambda error: 1.0 - 2.0 * float(entropy(error)), 0.05, 0.2))


def _device_independent_limit() -> float:
    errors = np.arange(0.05, 0.1, 1e-5)
    return float(errors[device_independent_fraction(chsh_value(visibility(errors)), errors) > 0][-1])


def _pass_of_micius() -> float:
    micius = Satellite(altitude=Kilometres(500.0), closest=Kilometres(645.0), farthest=Kilometres(1200.0))
    return in_seconds(SatellitePass(micius).length)


def _bound(bound: Callable[[float], object], kilometres: float) -> float:
    return float(np.asarray(bound(float(transmittance(Decibels(0.2 * kilometres))))))


PUBLISHED: Final[tuple[Published, ...]] = (
    *_of(
        GYS,
        Origin.RECALLED,
        1e-2,
        ("gys-intensity", "best intensity at f = 1.22", "", 0.48, partial(best_intensity, 0.033, 1.22)),
        ("gys-intensity-shannon", "best intensity at f = 1", "", 0.54, partial(best_intensity, 0.033, 1.0)),
    ),
    *_of(
        GYS,
        Origin.RECALLED,
        1e-3,
        ("gys-reach", "longest distance at mu = 0.48", "km", 142.05, _gys_reach),
    ),
    *_of(
        GYS,
        Origin.WORKED_OUT,
        1e-4,
        ("gys-rate-0", "rate at 0 km", "bit/pulse", 2.55459e-3, partial(_gys_rate, 0.0)),
        ("gys-rate-50", "rate at 50 km", "bit/pulse", 2.22596e-4, partial(_gys_rate, 50.0)),
    ),
    *_of(
        TNO,
        Origin.PACKAGE,
        1e-6,
        ("decoy-gain-0", "gain at 0 dB", "per pulse", 9.5180679e-2, partial(_tno_gain, 0.0)),
        ("decoy-error-0", "error rate at 0 dB", "", 1.5109001e-2, partial(_tno_error, 0.0)),
        ("decoy-rate-0", "rate at 0 dB", "bit/pulse", 4.30813576e-2, partial(_tno_rate, 0.0)),
        ("decoy-gain-20", "gain at 20 dB", "per pulse", 1.0194801e-3, partial(_tno_gain, 20.0)),
        ("decoy-error-20", "error rate at 20 dB", "", 2.4509853e-2, partial(_tno_error, 20.0)),
        ("decoy-rate-20", "rate at 20 dB", "bit/pulse", 3.69470386e-4, partial(_tno_rate, 20.0)),
    ),
    *_of(
        LIM,
        Origin.WORKED_OUT,
        2e-2,
        ("finite-key-1e5-0", "rate at 0 km, 1e5 sifted bits", "bit/pulse", 1.308e-3, partial(_lim, 1e5, 0.0)),
        ("finite-key-1e5-50", "rate at 50 km, 1e5 sifted bits", "bit/pulse", 1.236e-4, partial(_lim, 1e5, 50.0)),
        ("finite-key-1e5-100", "rate at 100 km, 1e5 sifted bits", "bit/pulse", 1.040e-5, partial(_lim, 1e5, 100.0)),
        ("finite-key-1e7-0", "rate at 0 km, 1e7 sifted bits", "bit/pulse", 5.355e-3, partial(_lim, 1e7, 0.0)),
        ("finite-key-1e7-50", "rate at 50 km, 1e7 sifted bits", "bit/pulse", 5.139e-4, partial(_lim, 1e7, 50.0)),
        ("finite-key-1e7-100", "rate at 100 km, 1e7 sifted bits", "bit/pulse", 4.766e-5, partial(_lim, 1e7, 100.0)),
    ),
    *_of(
        LO_CURTY_QI,
        Origin.WORKED_OUT,
        1e-2,
        ("mdi-rate-0", "rate at 0 km", "bit/pulse pair", 5.715e-4, partial(_mdi, 0.0)),
        ("mdi-rate-50", "rate at 50 km", "bit/pulse pair", 5.182e-5, partial(_mdi, 50.0)),
    ),
    *_of(
        MA_FUNG_LO,
        Origin.PACKAGE,
        1e-6,
        ("bbm92-rate-0", "rate at 0 dB, lambda = 0.05", "bit/pulse", 4.0357457e-4, partial(_pairs_rate, 0.0)),
        ("bbm92-error-0", "error rate at 0 dB, lambda = 0.05", "", 5.179156e-2, partial(_pairs_error, 0.0)),
        ("bbm92-rate-20", "rate at 20 dB, lambda = 0.05", "bit/pulse", 3.6188145e-6, partial(_pairs_rate, 20.0)),
        ("bbm92-error-20", "error rate at 20 dB, lambda = 0.05", "", 5.693353e-2, partial(_pairs_error, 20.0)),
    ),
    *_of(
        LODEWYCK,
        Origin.RECALLED,
        2e-3,
        ("gg02-shared", "information shared at 25 km", "kbit/s", 365, _shared),
        ("gg02-known", "information an eavesdropper may have", "kbit/s", 316, _known),
    ),
    *_of(
        LODEWYCK,
        Origin.WORKED_OUT,
        5e-3,
        ("gg02-rate", "secret rate, beta = 0.898", "kbit/s", 12.3, _gaussian_rate),
    ),
    *_of(
        WAKS,
        Origin.WORKED_OUT,
        1e-3,
        ("dps-fraction", "secret fraction at mu = 0.2, e = 2.3 %, f = 1.16", "", 0.2195, partial(_dps, 0.023)),
    ),
    *_of(
        SANGOURAD,
        Origin.WORKED_OUT,
        1e-6,
        (
            "two-segments",
            "mean attempts until two segments have a pair, p = 0.01",
            "",
            149.7487,
            partial(mean_of_slowest, 2, 0.01),
        ),
    ),
    *_of(
        SANGOURAD,
        Origin.WORKED_OUT,
        1e-5,
        ("werner-limit", "least fidelity of Werner pairs with key", "", 0.83496, _werner_limit),
    ),
    *_of(
        SANGOURAD,
        Origin.WORKED_OUT,
        2e-3,
        ("swapped-error", "error rate after one swap of pairs with F = 0.98", "", 0.0263, _swapped_error),
    ),
    *_of(
        SHOR_PRESKILL,
        Origin.RECALLED,
        5e-3,
        ("bb84-limit", "error rate at which one-way key ends", "", 0.11, _error_limit),
    ),
    *_of(
        ACIN,
        Origin.RECALLED,
        1e-2,
        ("e91-limit", "error rate at which device-independent key ends", "", 0.071, _device_independent_limit),
    ),
    *_of(
        PIRANDOLA,
        Origin.WORKED_OUT,
        1e-5,
        ("plob-100", "bound at 100 km, 0.2 dB/km", "bit/pulse", 0.0144996, partial(_bound, plob_bound, 100.0)),
    ),
    *_of(
        TAKEOKA,
        Origin.WORKED_OUT,
        1e-5,
        ("tgw-100", "bound at 100 km, 0.2 dB/km", "bit/pulse", 0.0288549, partial(_bound, tgw_bound, 100.0)),
    ),
    *_of(
        LIAO,
        Origin.RECALLED,
        2e-2,
        ("micius-pass", "length of a pass, 645 to 1200 km", "s", 273, _pass_of_micius),
    ),
)
"""By protocol, as the page shows them."""
