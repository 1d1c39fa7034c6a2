"""What design asks of physics: the key that a link gives, and how far any direct link reaches, each worked out once.

Hundreds of configurations share a handful of links, and looking for the reach of a device takes a quarter of a second.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from msgspec import structs

from keytwin.design.realisation import Shelf
from keytwin.files.device import library_device
from keytwin.files.library import device_names
from keytwin.quantum.analytic import Channels
from keytwin.quantum.channel import channel_of
from keytwin.quantum.protocols import PROTOCOLS, analytic_rate, link_model
from keytwin.vocabulary.device import Device
from keytwin.vocabulary.errors import Mistake, OutOfReach
from keytwin.vocabulary.identity import DeviceId, LinkId
from keytwin.vocabulary.medium import FIBRE
from keytwin.vocabulary.topology import QLink
from keytwin.vocabulary.units import Decibels, in_seconds

_ANY: Final = LinkId("one--other")
_WITH_HELP: Final = ("mdi", "twin-field-pm", "twin-field-cal", "repeater-chain", "empirical")
"""Protocols of which no direct link is made: something stands between the ends, or only the output is known."""


@dataclass(slots=True)
class Physics:
    """Answers of the link models, kept for as long as this is."""

    _given: dict[tuple[DeviceId, QLink], float | Mistake] = field(default_factory=dict)
    _blocks: dict[tuple[DeviceId, QLink], float] = field(default_factory=dict)
    """Seconds of a block, of the same links."""
    _reaches: dict[DeviceId, Decibels] = field(default_factory=dict)
    """Over fibre, of devices that have been asked for more than they reach."""

    def rate(self, link: QLink, device: Device) -> float:
        """Return the mean bit/s of secret key of a link; Mistake, with the physical reason, when it gives none."""
        asked = _question(link, device)
        if asked not in self._given:
            self._given[asked] = self._asked(link, device)
        found = self._given[asked]
        if isinstance(found, Mistake):
            # Without the places where it has been raised before: they would pile up.
            raise found.with_traceback(None)
        return found

    def block(self, link: QLink, device: Device) -> float:
        """Return the mean bits of a block of a link; Mistake, with the physical reason, when it gives none."""
        rate = self.rate(link, device)
        return rate * self._blocks[_question(link, device)]

    def reaches(self, loss: float) -> bool:
        """Return whether a direct link of any device of the library gives key over so many decibels of fibre."""
        return any(self._bridges(device, Decibels(loss)) for device in devices() if device.protocol not in _WITH_HELP)

    def _bridges(self, device: Device, loss: Decibels) -> bool:
        # Endless blocks first: what even they do not bridge, blocks of a device's own size never will.
        if not float(analytic_rate(device, Channels.of(float(loss))).rate_per_second) > 0:
            return False
        try:
            self.rate(QLink(_ANY, device.name, total_loss=loss), device)
        except Mistake:
            return False
        return True

    def _asked(self, link: QLink, device: Device) -> float | Mistake:
        channel = channel_of(link)
        reach = self._reaches.get(device.name) if link.medium == FIBRE else None
        if reach is not None and channel.loss > reach:
            told = f"device {device.name} gives no key at {channel.loss:.1f} dB: it reaches {reach:.1f} dB"
            return OutOfReach(told, reach)
        try:
            model = link_model(device, channel, PROTOCOLS)
        except OutOfReach as mistake:
            if link.medium == FIBRE and mistake.reach is not None:
                self._reaches[device.name] = Decibels(mistake.reach)
            return mistake
        except Mistake as mistake:
            return mistake
        self._blocks[_question(link, device)] = in_seconds(model.block_time)
        return model.rate().secret


def _question(link: QLink, device: Device) -> tuple[DeviceId, QLink]:
    # Where a link lies does not matter to its physics: equal spans are one question.
    return device.name, structs.replace(link, id=_ANY, device=device.name)


def devices() -> tuple[Device, ...]:
    """Return the devices of the library, by name."""
    return tuple(map(library_device, device_names()))


def shelf(physics: Physics) -> Shelf:
    """Return what networks can be built of: the library's devices and the twin's physics."""
    return Shelf(devices(), physics.rate, physics.block)
