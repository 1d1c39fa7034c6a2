"""The QKD protocols that keytwin brings, and the way from a device and a channel to the model of a link."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from keytwin.quantum.channel import Channel
from keytwin.quantum.decoy_device import decoy_link
from keytwin.quantum.empirical import empirical_link
from keytwin.quantum.link import LinkModel, QkdProtocol
from keytwin.vocabulary.device import DecoyBb84Device, Device, EmpiricalDevice
from keytwin.vocabulary.errors import Mistake

_BROUGHT: Final = (
    QkdProtocol("decoy-bb84", DecoyBb84Device, decoy_link),
    QkdProtocol("empirical", EmpiricalDevice, empirical_link),
)
PROTOCOLS: Final[Mapping[str, QkdProtocol]] = MappingProxyType({protocol.name: protocol for protocol in _BROUGHT})
"""By name; those of the extension point `keytwin.protocols` are added by the caller."""


def link_model(device: Device, channel: Channel, protocols: Mapping[str, QkdProtocol] = PROTOCOLS) -> LinkModel:
    """Return the model of a link; Mistake when the protocol is unknown or physics leaves no key."""
    if device.protocol not in protocols:
        known = ", ".join(sorted(protocols))
        raise Mistake(f"device {device.name}: protocol {device.protocol!r} is not known; choose one of {known}")
    protocol = protocols[device.protocol]
    if not isinstance(device, protocol.device):
        raise Mistake(f"device {device.name}: its parameters are not those of protocol {protocol.name!r}")
    return protocol.link(device, channel)
