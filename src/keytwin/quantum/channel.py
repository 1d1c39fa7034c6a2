"""What lies between two QKD modules, and the rates that no protocol without repeaters can pass there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.topology import QLink
from keytwin.vocabulary.units import Decibels, DecibelsPerKilometre, Kilometres

Reals = npt.NDArray[np.float64]


class Channel(Protocol):
    """The medium of a Q-link, whatever it is made of."""

    @property
    def loss(self) -> Decibels:
        """The loss between the two modules; that of the receiver itself belongs to the device."""
        ...


@dataclass(frozen=True, slots=True)
class Fibre:
    """A fibre of some length, or one whose loss was measured: installed spans lose more than their length says."""

    length: Kilometres
    attenuation: DecibelsPerKilometre
    measured_loss: Decibels | None = None

    @property
    def loss(self) -> Decibels:
        """The measured loss where there is one."""
        return Decibels(self.length * self.attenuation) if self.measured_loss is None else self.measured_loss


def fibre(link: QLink) -> Fibre:
    """Return the fibre that a network file describes."""
    return Fibre(link.length, link.attenuation, link.total_loss)


MEDIA: Final[Mapping[str, Callable[[QLink], Channel]]] = MappingProxyType({"fibre": fibre})


def channel_of(link: QLink, media: Mapping[str, Callable[[QLink], Channel]] = MEDIA) -> Channel:
    """Return the channel of a link; Mistake when nobody knows its medium."""
    if link.medium not in media:
        raise Mistake(f"{link.id}: medium {link.medium!r} is not known; choose one of {', '.join(sorted(media))}")
    return media[link.medium](link)


def transmittance(loss: npt.ArrayLike) -> Reals:
    """Return the share of light that `loss` decibels let through."""
    return np.power(10.0, np.asarray(loss, dtype=np.float64) / -10.0)


def plob_bound(transmittance: npt.ArrayLike) -> Reals:
    """Return the secret-key capacity -log2(1 - eta) of a lossy channel, in bit a pulse.

    Pirandola, Laurenza, Ottaviani, Banchi, Nat. Commun. 8 15043.
    """
    eta = np.asarray(transmittance, dtype=np.float64)
    with np.errstate(divide="ignore"):  # a channel without loss has no bound
        return np.asarray(-np.log1p(-eta) / np.log(2.0))


def tgw_bound(transmittance: npt.ArrayLike) -> Reals:
    """Return the older, looser bound log2((1 + eta) / (1 - eta)).

    In bit a pulse: Takeoka, Guha, Wilde, Nat. Commun. 5 5235.
    """
    eta = np.asarray(transmittance, dtype=np.float64)
    with np.errstate(divide="ignore"):
        return np.asarray((np.log1p(eta) - np.log1p(-eta)) / np.log(2.0))
