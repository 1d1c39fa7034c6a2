"""Names that a file may use without declaring them: what keytwin brings, and what plug-ins add."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from keytwin.vocabulary.device import DecoyBb84Device, Device, EmpiricalDevice

_PROTOCOLS: Final = MappingProxyType({"decoy-bb84": DecoyBb84Device, "empirical": EmpiricalDevice})


@dataclass(frozen=True, slots=True)
class Known:
    """The members of the extension points that a file may name; a caller with plug-ins hands in more."""

    media: tuple[str, ...] = ("fibre",)
    metrics: tuple[str, ...] = ("hops", "key-aware")
    algorithms: tuple[str, ...] = ("pool", "on-demand")
    protocols: Mapping[str, type[Device]] = field(default_factory=lambda: _PROTOCOLS)


BROUGHT: Final = Known()
"""What keytwin itself brings."""
