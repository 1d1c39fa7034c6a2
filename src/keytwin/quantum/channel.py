"""What lies between two QKD modules, and the rates that no protocol without repeaters can pass there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from keytwin.quantum.background import Span, raman
from keytwin.quantum.free_space import FreeSpacePath
from keytwin.quantum.satellite import SatellitePass
from keytwin.quantum.schedule import Schedule
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.medium import FIBRE, FREE_SPACE, SATELLITE, Coexistence, FreeSpace, Satellite
from keytwin.vocabulary.topology import QLink
from keytwin.vocabulary.units import Decibels, DecibelsPerKilometre, Kilometres

Reals = npt.NDArray[np.float64]


class Channel(Protocol):
    """The medium of a Q-link, whatever it is made of."""

    @property
    def medium(self) -> str:
        """What it is made of, under the name that a network file has for it."""
        ...

    @property
    def loss(self) -> Decibels:
        """The loss between the two modules; that of the receiver itself belongs to the device.

        Where light passes by spells, it is that of the mean transmittance of a spell.
        """
        ...

    @property
    def background(self) -> float:
        """Photons a second that reach the receiver and are not the sender's; `background.clicks` makes counts of it."""
        ...

    @property
    def schedule(self) -> Schedule | None:
        """When light passes; None = always."""
        ...


@dataclass(frozen=True, slots=True)
class Fibre:
    """A fibre of some length, or one whose loss was measured: installed spans lose more than their length says."""

    length: Kilometres
    attenuation: DecibelsPerKilometre
    measured_loss: Decibels | None = None
    setting: Coexistence | None = None
    """The classical channels in the same fibre."""
    medium: str = FIBRE

    @property
    def loss(self) -> Decibels:
        """The measured loss where there is one."""
        return Decibels(self.length * self.attenuation) if self.measured_loss is None else self.measured_loss

    @property
    def background(self) -> float:
        """Photons a second that classical channels scatter; none in a dark fibre."""
        return 0.0 if self.setting is None else raman(self.setting, self._span())

    @property
    def schedule(self) -> None:
        """A fibre is always there."""
        return

    def _span(self) -> Span:
        """Return length and mean attenuation; of a span without a length, the one that its attenuation tells."""
        # The mean over what was measured: splices and connectors attenuate scattered light too.
        if self.length > 0:
            return Span(self.length, DecibelsPerKilometre(self.loss / self.length))
        return Span(Kilometres(self.loss / self.attenuation if self.attenuation else 0.0), self.attenuation)


def fibre(link: QLink) -> Fibre:
    """Return the fibre that a network file describes."""
    setting = link.setting if isinstance(link.setting, Coexistence) else None
    return Fibre(link.length, link.attenuation, link.total_loss, setting)


def free_space(link: QLink) -> FreeSpacePath:
    """Return the path through the air that a network file describes."""
    setting = link.setting if isinstance(link.setting, FreeSpace) else FreeSpace()
    return FreeSpacePath(link.length, setting, link.total_loss)


def satellite(link: QLink) -> SatellitePass:
    """Return the passes that a network file describes."""
    return SatellitePass(link.setting if isinstance(link.setting, Satellite) else Satellite())


MEDIA: Final[Mapping[str, Callable[[QLink], Channel]]] = MappingProxyType(
    {FIBRE: fibre, FREE_SPACE: free_space, SATELLITE: satellite}
)


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
        # log1p, because 1 - eta is 1 to the last digit on the long links where the bound matters.
        return np.asarray(-np.log1p(-eta) / np.log(2.0))


def tgw_bound(transmittance: npt.ArrayLike) -> Reals:
    """Return the older, looser bound log2((1 + eta) / (1 - eta)).

    In bit a pulse: Takeoka, Guha, Wilde, Nat. Commun. 5 5235.
    """
    eta = np.asarray(transmittance, dtype=np.float64)
    with np.errstate(divide="ignore"):
        return np.asarray((np.log1p(eta) - np.log1p(-eta)) / np.log(2.0))


def single_repeater_bound(transmittance: npt.ArrayLike) -> Reals:
    """Return the capacity -log2(1 - sqrt(eta)) of a channel with one repeater in its middle, in bit a pulse.

    `transmittance` is that of the whole channel: Pirandola, Commun. Phys. 2 51. Twin-field protocols stay below it.
    """
    return plob_bound(np.sqrt(np.asarray(transmittance, dtype=np.float64)))
