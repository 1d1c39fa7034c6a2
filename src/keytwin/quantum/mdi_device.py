"""From a device with a measuring relay and a channel to the model of a link of measurement-device-independent QKD."""

from __future__ import annotations

from functools import lru_cache, partial
from itertools import product
from math import exp, log, sqrt
from types import MappingProxyType
from typing import Final

import numpy as np

from keytwin.quantum.channel import Channel
from keytwin.quantum.counted_link import CountedLink, Promises, why_no_key
from keytwin.quantum.mdi import RelayOptics
from keytwin.quantum.mdi_estimator import MdiEstimator, MdiSettings
from keytwin.quantum.reach import link_within_reach
from keytwin.quantum.relay_link import RELAY_THREATS, arms, check_relay, dark_count, promised, pulse_pairs
from keytwin.quantum.search import Point, Space, four_digits, logistic
from keytwin.quantum.traits import Proof, Traits
from keytwin.vocabulary.device import Device
from keytwin.vocabulary.device_relay import MdiDevice
from keytwin.vocabulary.units import Decibels

MDI_TRAITS: Final = Traits(
    Proof.COLLECTIVE,
    trl=6,
    threats=RELAY_THREATS,
    sources=MappingProxyType(
        {
            "proof": "Lo, Curty, Qi, PRL 108 130503; counts by Chernoff bounds",
            "threats": "Lo, Curty, Qi, PRL 108 130503: no assumption about the detectors; sources must be trusted",
            "trl": "Chosen: field networks were shown (Tang et al., PRX 6 011024), products are rare",
        }
    ),
)
"""The relay is untrusted, yet the rate falls as fast as that of a direct link, so it stays below the same bound."""
_STEEPEST: Final = 10.0  # tilt: the brighter decoy stays far below what the series of the model are good for
_FAINTEST: Final = 1e-100  # transmittance; no arm is so long, and its ratio to another one stays a number
_CACHED: Final = 4096  # distinct links of one network


def mdi_link(device: Device, channel: Channel) -> CountedLink:
    """Return the model of a link; Mistake when the device is impossible or the loss too large."""
    assert isinstance(device, MdiDevice)
    check_relay(device)
    return link_within_reach(device, channel, partial(_link_at, device, dark_count(device, channel)), why_no_key)


def _link_at(device: MdiDevice, dark: float, loss: Decibels) -> CountedLink:
    near, far = arms(device, loss)
    optics = RelayOptics(near, far, dark, device.misalignment)
    promises, pulses = promised(device), pulse_pairs(device)
    settings = best_mdi_settings(optics, promises, pulses)
    estimator = MdiEstimator(settings, promises, pulses)
    cells = settings.cells(optics)
    return CountedLink(cells, 2, estimator, pulses, device.block_time, sum(cells[:2]) / settings.shares[0] ** 2)


@lru_cache(maxsize=_CACHED)
def best_mdi_settings(optics: RelayOptics, promises: Promises, pulses: int) -> MdiSettings:
    """Return the settings with most key from a block of `pulses` pulse pairs.

    The decoys of the two ends are tilted so that they arrive equally bright (Wang, Xu, Lo, PRX 9 041012).
    """
    near, far = (max(float(np.asarray(arm)), _FAINTEST) for arm in (optics.near, optics.far))
    tilt = min(max(sqrt(near / far), 1.0 / _STEEPEST), _STEEPEST)

    def length(settings: MdiSettings) -> float:
        expected = [pulses * cell for cell in settings.cells(optics)]
        return MdiEstimator(settings, promises, pulses).signed_length(expected)

    space = Space(partial(_settings, tilt), _rounded, _STARTS, _BOUNDS)
    return space.best(length)


# A point: ln of the signal, ln of the strong decoy, logit of weak / strong, ln of the odds of signal, strong and weak
# against darkness.
_BOUNDS: Final = ((-2.5, 0.0), (-3.5, 0.0), (-4.0, 1.0), (-1.0, 7.0), (-4.0, 3.0), (-3.0, 4.0))
_STARTS: Final = tuple(product((log(0.5),), (log(0.25),), (-1.6,), (0.5, 2.0, 3.5), (-1.0,), (0.5, 1.5)))


def _settings(tilt: float, point: Point) -> MdiSettings:
    signal, strong, weaker, *odds = point
    brightest = exp(strong)
    weights = [exp(each) for each in odds]
    whole = 1.0 + sum(weights)
    shares = (weights[0] / whole, weights[1] / whole, weights[2] / whole)
    return MdiSettings(exp(signal), brightest, brightest * logistic(weaker), shares, tilt)


def _rounded(settings: MdiSettings) -> MdiSettings:
    signal, strong, weak = (four_digits(share) for share in settings.shares)
    return MdiSettings(
        four_digits(settings.signal),
        four_digits(settings.strong),
        four_digits(settings.weak),
        (signal, strong, weak),
        settings.tilt,
    )
